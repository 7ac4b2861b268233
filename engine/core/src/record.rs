//! Journal records: every change of state, as bytes. `docs/FORMAT.md` shows the diagrams.
//!
//! A record is a 24-byte [`RecordHeader`], a fixed body and, for a few, a tail; padded with zeros to a multiple of 16 bytes,
//! little-endian. Its check is a CRC-32C of everything but the sequence, xor-ed with the sequence folded to 32 bits: a record
//! can be finished before its sequence is known.

use crate::calendar::{BusinessDate, Instant};
use crate::ids::{MerchantId, Name, PersonId, ReversalId, TxnId, WalletId};
use crate::money::Satang;
use crate::outcome::{Reason, ReversalCause, ReversalReason};
use crate::policy::CapPeriod;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const _: () = assert!(
    cfg!(target_endian = "little"),
    "records are written as they lie in memory"
);
const _: () = assert!(size_of::<RecordHeader>() == 24);
const _: () = assert!(size_of::<AuthorizationRecord>() == 96);
const _: () = assert!(size_of::<ReversalRecord>() == 112);
const _: () = assert!(size_of::<EnrollmentRecord>() == 48);
const _: () = assert!(size_of::<CutOverRecord>() == 32);

/// Records are padded to a multiple of this many bytes.
pub const RECORD_UNIT: usize = 16;
/// The longest record: what the 16-bit length counts in units.
pub const RECORD_BYTES_MAX: usize = RECORD_UNIT * u16::MAX as usize;
/// The longest authorization record: fixed part and two tail names of 64 bytes.
pub const AUTHORIZATION_BYTES_MAX: usize = 240;

/// Where a record lies in the journal. Opaque here: positions grow with sequences, and one fits 48 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Position(u64);

impl Position {
    /// The position with this number.
    ///
    /// # Panics
    /// When it does not fit 48 bits.
    pub const fn from_number(number: u64) -> Position {
        assert!(number < 1 << 48, "a position fits 48 bits");
        Position(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A number that stands for a [`Name`] in records; given out by name records in journal order, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NameNumber(pub u16);

impl NameNumber {
    /// No number: the name was unknown when the record was written and stands in the tail.
    pub const UNKNOWN: NameNumber = NameNumber(0);
}

/// A number that stands for one benefit of one programme over all its rule versions, from 1; 0 is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BenefitNumber(pub u16);

impl BenefitNumber {
    /// No benefit was found.
    pub const NONE: BenefitNumber = BenefitNumber(0);
    /// The largest number: a slot's key holds ten bits.
    pub const MAX: u16 = 1023;
}

/// What a record is. The numbers are permanent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum RecordKind {
    /// An authorization, approved or declined.
    Authorization = 1,
    /// A reversal, approved or declined; a tombstone when the original was never seen.
    Reversal = 2,
    /// A business date is over: no later record belongs to it.
    CutOver = 3,
    /// A name got its number.
    Name = 4,
    /// The full text of a rule version, when its hash was first seen.
    RuleVersion = 5,
    /// Which rule versions are in force.
    RulesInForce = 6,
    /// A merchant was registered or changed.
    Merchant = 7,
    /// A wallet holds an entitlement.
    Enrollment = 8,
    /// A wallet was suspended or made active.
    WalletStatus = 9,
    /// A programme was paused or resumed.
    ProgramStatus = 10,
}

impl RecordKind {
    /// The kind with this number, or `None`.
    pub const fn from_number(number: u8) -> Option<RecordKind> {
        Some(match number {
            1 => RecordKind::Authorization,
            2 => RecordKind::Reversal,
            3 => RecordKind::CutOver,
            4 => RecordKind::Name,
            5 => RecordKind::RuleVersion,
            6 => RecordKind::RulesInForce,
            7 => RecordKind::Merchant,
            8 => RecordKind::Enrollment,
            9 => RecordKind::WalletStatus,
            10 => RecordKind::ProgramStatus,
            _ => return None,
        })
    }
}

/// Why bytes are no record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordError {
    /// Fewer bytes than the record says it has.
    #[error("record is cut short: {have} bytes, {wanted} wanted")]
    Short {
        /// Bytes there are.
        have: usize,
        /// Bytes there should be.
        wanted: usize,
    },
    /// The checksum does not match.
    #[error("record checksum is wrong (sequence {sequence})")]
    Check {
        /// What the record says its sequence is.
        sequence: u64,
    },
    /// An unknown kind, or a field outside its range.
    #[error("record of sequence {sequence} has an impossible {field}")]
    Field {
        /// The record's sequence.
        sequence: u64,
        /// The field.
        field: &'static str,
    },
}

/// What every record begins with.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RecordHeader {
    /// Position in the order of all records, dense from 1 (I9).
    pub sequence: u64,
    /// When it was decided: milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// See the module documentation.
    pub check: u32,
    /// Length of the whole record in units of 16 bytes.
    pub units: u16,
    /// [`RecordKind`].
    pub kind: u8,
    /// Bit 0: approved. Bits 1–3: the cap that limited the share, 0 for none, else 1 + [`CapPeriod`].
    pub flags: u8,
}

const FLAG_APPROVED: u8 = 1;

impl RecordHeader {
    fn new(kind: RecordKind, at: Instant, flags: u8, len: usize) -> RecordHeader {
        assert!(
            len.is_multiple_of(RECORD_UNIT) && len <= RECORD_BYTES_MAX,
            "a record is whole units"
        );
        let units = (len / RECORD_UNIT) as u16;
        RecordHeader {
            sequence: 0,
            at_ms: at.unix_ms(),
            check: 0,
            units,
            kind: kind as u8,
            flags,
        }
    }

    /// When it was decided.
    pub fn at(&self) -> Instant {
        Instant::from_unix_ms(self.at_ms)
    }

    /// Length of the whole record in bytes.
    pub fn len_bytes(&self) -> usize {
        usize::from(self.units) * RECORD_UNIT
    }
}

/// An authorization and its outcome: 96 bytes, and a tail when the programme or channel had no number.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct AuthorizationRecord {
    /// Common header.
    pub header: RecordHeader,
    txn_id: [u8; 16],
    wallet: u64,
    merchant: u64,
    amount: u32,
    eligible: u32,
    state: u32,
    room_before: [u32; 4],
    /// The rule version's number; 0 when the programme was unknown.
    pub rule: u32,
    /// The programme; [`NameNumber::UNKNOWN`]'s number when it stands in the tail.
    program: u16,
    channel: u16,
    benefit: u16,
    reason: u8,
    /// Bit n: the benefit has a cap of period n.
    caps: u8,
}

/// The facts of an authorization record, as decided.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationFacts {
    /// Who asked.
    pub txn_id: TxnId,
    /// Whose entitlement.
    pub wallet: WalletId,
    /// Where.
    pub merchant: MerchantId,
    /// The bill.
    pub amount: Satang,
    /// The part the state may share.
    pub eligible: Satang,
    /// The state's part; zero on a decline.
    pub state: Satang,
    /// Room under each cap before the decision; meaningful where `caps` has the bit.
    pub room_before: [u32; 4],
    /// Bit n: the benefit has a cap of period n.
    pub caps: u8,
    /// The rule version's number, 0 for none.
    pub rule: u32,
    /// The programme's number.
    pub program: NameNumber,
    /// The channel's number.
    pub channel: NameNumber,
    /// The benefit drawn on.
    pub benefit: BenefitNumber,
    /// The outcome.
    pub reason: Reason,
    /// The cap that cut the share.
    pub limited_by: Option<CapPeriod>,
}

impl AuthorizationRecord {
    /// The record of `facts`, unchecked and without a sequence yet.
    pub fn new(at: Instant, facts: &AuthorizationFacts) -> AuthorizationRecord {
        let limited = facts.limited_by.map_or(0, |period| 1 + period as u8);
        let flags = u8::from(facts.reason == Reason::Approved) | limited << 1;
        AuthorizationRecord {
            header: RecordHeader::new(
                RecordKind::Authorization,
                at,
                flags,
                size_of::<AuthorizationRecord>(),
            ),
            txn_id: facts.txn_id.bits().to_le_bytes(),
            wallet: facts.wallet.number(),
            merchant: facts.merchant.number(),
            amount: facts.amount.get_u32(),
            eligible: facts.eligible.get_u32(),
            state: facts.state.get_u32(),
            room_before: facts.room_before,
            rule: facts.rule,
            program: facts.program.0,
            channel: facts.channel.0,
            benefit: facts.benefit.0,
            reason: facts.reason as u8,
            caps: facts.caps,
        }
    }

    /// Who asked.
    pub fn txn_id(&self) -> TxnId {
        TxnId::from_bits(u128::from_le_bytes(self.txn_id))
    }

    /// Whose entitlement.
    pub fn wallet(&self) -> WalletId {
        WalletId::from_number(self.wallet)
    }

    /// Where.
    pub fn merchant(&self) -> MerchantId {
        MerchantId::from_number(self.merchant)
    }

    /// The bill.
    pub fn amount(&self) -> Satang {
        Satang::new(u64::from(self.amount))
    }

    /// The part the state may share.
    pub fn eligible(&self) -> Satang {
        Satang::new(u64::from(self.eligible))
    }

    /// The state's part; zero on a decline.
    pub fn state(&self) -> Satang {
        Satang::new(u64::from(self.state))
    }

    /// The citizen's part: the rest of an approved bill, zero on a decline (nothing is paid).
    pub fn citizen(&self) -> Satang {
        match self.approved() {
            true => self
                .amount()
                .checked_sub(self.state())
                .expect("the state's part is within the bill (I4)"),
            false => Satang::ZERO,
        }
    }

    /// The outcome.
    pub fn reason(&self) -> Reason {
        Reason::from_number(self.reason).expect("checked when the record was read")
    }

    /// Whether it was approved.
    pub fn approved(&self) -> bool {
        self.header.flags & FLAG_APPROVED != 0
    }

    /// The cap that cut the share.
    pub fn limited_by(&self) -> Option<CapPeriod> {
        CapPeriod::ALL
            .get(usize::from(self.header.flags >> 1 & 7).wrapping_sub(1))
            .copied()
    }

    /// Room under each cap the benefit defines, before the decision, shortest period first.
    pub fn rooms_before(&self) -> impl Iterator<Item = (CapPeriod, Satang)> + use<> {
        let (caps, rooms) = (self.caps, self.room_before);
        CapPeriod::ALL
            .into_iter()
            .filter(move |period| caps & 1 << *period as u8 != 0)
            .map(move |period| (period, Satang::new(u64::from(rooms[period as usize]))))
    }

    /// Room under each cap the benefit defines, after the decision, shortest period first.
    pub fn rooms_after(&self) -> impl Iterator<Item = (CapPeriod, Satang)> + use<> {
        let state = self.state();
        self.rooms_before()
            .map(move |(period, room)| (period, room.checked_sub(state).expect("a share fits every room")))
    }

    /// The benefit drawn on.
    pub fn benefit(&self) -> BenefitNumber {
        BenefitNumber(self.benefit)
    }

    /// The programme's number.
    pub fn program(&self) -> NameNumber {
        NameNumber(self.program)
    }

    /// The channel's number.
    pub fn channel(&self) -> NameNumber {
        NameNumber(self.channel)
    }

    fn check_fields(&self) -> Result<(), RecordError> {
        let fail = |field| {
            Err(RecordError::Field {
                sequence: self.header.sequence,
                field,
            })
        };
        let Some(reason) = Reason::from_number(self.reason) else {
            return fail("reason");
        };
        if self.approved() != (reason == Reason::Approved) {
            return fail("reason");
        }
        if self.state > self.eligible || self.eligible > self.amount || self.amount == 0 {
            return fail("amount");
        }
        if self.wallet >= ID_END || self.merchant >= ID_END {
            return fail("wallet or merchant");
        }
        let fits = |p: CapPeriod| self.caps & 1 << p as u8 == 0 || self.room_before[p as usize] >= self.state;
        if !CapPeriod::ALL.into_iter().all(fits) {
            fail("room")
        } else {
            Ok(())
        }
    }
}

/// The first number that has more than fifteen digits.
const ID_END: u64 = 1_000_000_000_000_000;

/// A reversal and its outcome: 112 bytes. Fields of the original are zero when there was none.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ReversalRecord {
    /// Common header.
    pub header: RecordHeader,
    reversal_id: [u8; 16],
    txn_id: [u8; 16],
    wallet: u64,
    merchant: u64,
    original: u64,
    requested: u32,
    state: u32,
    citizen: u32,
    left: u32,
    original_date: i32,
    /// The original's rule version.
    pub rule: u32,
    program: u16,
    channel: u16,
    benefit: u16,
    cause: u8,
    reason: u8,
}

/// The facts of a reversal record, as decided.
#[derive(Clone, Copy, Debug)]
pub struct ReversalFacts {
    /// Who asked.
    pub reversal_id: ReversalId,
    /// What is reversed.
    pub txn_id: TxnId,
    /// Why.
    pub cause: ReversalCause,
    /// What is asked back; `None` for all that is left.
    pub requested: Option<Satang>,
    /// Whether money (or a tombstone) was granted.
    pub approved: bool,
    /// The outcome.
    pub reason: ReversalReason,
    /// What the state gets back.
    pub state: Satang,
    /// What the citizen gets back.
    pub citizen: Satang,
    /// What is still not given back.
    pub left: Satang,
    /// The original, when there is an approved one.
    pub original: Option<OriginalFacts>,
}

/// What a reversal must know of the authorization it reverses.
#[derive(Clone, Copy, Debug)]
pub struct OriginalFacts {
    /// Where its record lies.
    pub position: Position,
    /// Whose entitlement.
    pub wallet: WalletId,
    /// Where the purchase was made.
    pub merchant: MerchantId,
    /// Its programme.
    pub program: NameNumber,
    /// Its channel.
    pub channel: NameNumber,
    /// The benefit it drew on.
    pub benefit: BenefitNumber,
    /// Its rule version.
    pub rule: u32,
    /// The date whose buckets it took room in.
    pub date: BusinessDate,
    /// The bill, `G`.
    pub amount: Satang,
    /// The state's share, `S`.
    pub state: Satang,
}

impl OriginalFacts {
    /// What a reversal must know of `record`, which lies at `position`; `None` when it was declined.
    pub fn of(record: &AuthorizationRecord, position: Position) -> Option<OriginalFacts> {
        record.approved().then(|| OriginalFacts {
            position,
            wallet: record.wallet(),
            merchant: record.merchant(),
            program: record.program(),
            channel: record.channel(),
            benefit: record.benefit(),
            rule: record.rule,
            date: record.header.at().business_date(),
            amount: record.amount(),
            state: record.state(),
        })
    }
}

impl ReversalRecord {
    /// The record of `facts`, unchecked and without a sequence yet.
    pub fn new(at: Instant, facts: &ReversalFacts) -> ReversalRecord {
        let original = facts.original.as_ref();
        ReversalRecord {
            header: RecordHeader::new(
                RecordKind::Reversal,
                at,
                u8::from(facts.approved),
                size_of::<ReversalRecord>(),
            ),
            reversal_id: facts.reversal_id.bits().to_le_bytes(),
            txn_id: facts.txn_id.bits().to_le_bytes(),
            wallet: original.map_or(0, |o| o.wallet.number()),
            merchant: original.map_or(0, |o| o.merchant.number()),
            original: original.map_or(0, |o| o.position.number()),
            requested: facts.requested.map_or(0, Satang::get_u32),
            state: facts.state.get_u32(),
            citizen: facts.citizen.get_u32(),
            left: facts.left.get_u32(),
            original_date: original.map_or(0, |o| o.date.days()),
            rule: original.map_or(0, |o| o.rule),
            program: original.map_or(0, |o| o.program.0),
            channel: original.map_or(0, |o| o.channel.0),
            benefit: original.map_or(0, |o| o.benefit.0),
            cause: facts.cause as u8,
            reason: facts.reason as u8,
        }
    }

    /// Who asked.
    pub fn reversal_id(&self) -> ReversalId {
        ReversalId::from_bits(u128::from_le_bytes(self.reversal_id))
    }

    /// What is reversed.
    pub fn txn_id(&self) -> TxnId {
        TxnId::from_bits(u128::from_le_bytes(self.txn_id))
    }

    /// Whose entitlement the original drew on.
    pub fn wallet(&self) -> WalletId {
        WalletId::from_number(self.wallet)
    }

    /// The benefit the original drew on; none when nothing is given back.
    pub fn benefit(&self) -> BenefitNumber {
        BenefitNumber(self.benefit)
    }

    /// The programme the original drew on.
    pub fn program(&self) -> NameNumber {
        NameNumber(self.program)
    }

    /// The date of the original.
    pub fn original_date(&self) -> BusinessDate {
        BusinessDate::from_days(self.original_date)
    }

    /// What was asked back; `None` for all that is left.
    pub fn requested(&self) -> Option<Satang> {
        (self.requested != 0).then(|| Satang::new(u64::from(self.requested)))
    }

    /// What the state gets back.
    pub fn state(&self) -> Satang {
        Satang::new(u64::from(self.state))
    }

    /// What the citizen gets back.
    pub fn citizen(&self) -> Satang {
        Satang::new(u64::from(self.citizen))
    }

    /// What is still not given back of an approved original.
    pub fn left(&self) -> Satang {
        Satang::new(u64::from(self.left))
    }

    /// Why the switch reversed.
    pub fn cause(&self) -> ReversalCause {
        ReversalCause::from_number(self.cause).expect("checked when the record was read")
    }

    /// The outcome.
    pub fn reason(&self) -> ReversalReason {
        ReversalReason::from_number(self.reason).expect("checked when the record was read")
    }

    /// Whether money (or a tombstone) was granted.
    pub fn approved(&self) -> bool {
        self.header.flags & FLAG_APPROVED != 0
    }

    /// Whether the record plants (or repeats) a tombstone.
    pub fn is_tombstone(&self) -> bool {
        self.approved() && self.reason() == ReversalReason::OriginalNotFound
    }

    fn check_fields(&self) -> Result<(), RecordError> {
        let fail = |field| {
            Err(RecordError::Field {
                sequence: self.header.sequence,
                field,
            })
        };
        if ReversalReason::from_number(self.reason).is_none() {
            return fail("reason");
        }
        if ReversalCause::from_number(self.cause).is_none() {
            return fail("cause");
        }
        if self.wallet >= ID_END || self.merchant >= ID_END {
            return fail("wallet or merchant");
        }
        if !self.approved() && (self.state != 0 || self.citizen != 0) {
            fail("amount")
        } else {
            Ok(())
        }
    }
}

/// A wallet holds an entitlement in a programme: 48 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct EnrollmentRecord {
    /// Common header.
    pub header: RecordHeader,
    wallet: u64,
    person: u64,
    usable_from: i32,
    program: u16,
    benefit: u16,
}

impl EnrollmentRecord {
    /// The record, unchecked and without a sequence yet. `benefit` is the one whose slot keeps the entitlement.
    pub fn new(
        at: Instant,
        wallet: WalletId,
        person: PersonId,
        program: NameNumber,
        benefit: BenefitNumber,
        usable_from: Option<BusinessDate>,
    ) -> EnrollmentRecord {
        EnrollmentRecord {
            header: RecordHeader::new(RecordKind::Enrollment, at, 0, size_of::<EnrollmentRecord>()),
            wallet: wallet.number(),
            person: person.number(),
            usable_from: usable_from.map_or(i32::MIN, BusinessDate::days),
            program: program.0,
            benefit: benefit.0,
        }
    }

    /// The wallet.
    pub fn wallet(&self) -> WalletId {
        WalletId::from_number(self.wallet)
    }

    /// Whose wallet it is.
    pub fn person(&self) -> PersonId {
        PersonId::from_number(self.person).expect("checked when the record was read")
    }

    /// The programme.
    pub fn program(&self) -> NameNumber {
        NameNumber(self.program)
    }

    /// The benefit whose slot keeps the entitlement.
    pub fn benefit(&self) -> BenefitNumber {
        BenefitNumber(self.benefit)
    }

    /// The first date it may be used, when the line gave one.
    pub fn usable_from(&self) -> Option<BusinessDate> {
        (self.usable_from != i32::MIN).then(|| BusinessDate::from_days(self.usable_from))
    }

    fn check_fields(&self) -> Result<(), RecordError> {
        let fail = |field| {
            Err(RecordError::Field {
                sequence: self.header.sequence,
                field,
            })
        };
        if self.wallet >= ID_END {
            return fail("wallet");
        }
        if self.person == 0 { fail("person") } else { Ok(()) }
    }
}

/// A business date is over: 32 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CutOverRecord {
    /// Common header.
    pub header: RecordHeader,
    date: i32,
    reserved: u32,
}

impl CutOverRecord {
    /// The record, unchecked and without a sequence yet.
    pub fn new(at: Instant, date: BusinessDate) -> CutOverRecord {
        let header = RecordHeader::new(RecordKind::CutOver, at, 0, size_of::<CutOverRecord>());
        CutOverRecord {
            header,
            date: date.days(),
            reserved: 0,
        }
    }

    /// The date that is over.
    pub fn date(&self) -> BusinessDate {
        BusinessDate::from_days(self.date)
    }
}

/// A finished record that fits on the stack: everything the hot path writes.
#[derive(Clone, Copy)]
pub struct RecordBuf {
    bytes: [u8; AUTHORIZATION_BYTES_MAX],
    len: usize,
}

impl RecordBuf {
    /// A record without tail.
    pub fn of(record: &(impl IntoBytes + Immutable)) -> RecordBuf {
        let mut buf = RecordBuf {
            bytes: [0; AUTHORIZATION_BYTES_MAX],
            len: 0,
        };
        buf.bytes[..size_of_val(record)].copy_from_slice(record.as_bytes());
        buf.len = size_of_val(record);
        finish(&mut buf.bytes[..buf.len]);
        buf
    }

    /// An authorization with the names that have no number in its tail.
    pub fn of_authorization(
        record: &AuthorizationRecord,
        program: Option<&Name>,
        channel: Option<&Name>,
    ) -> RecordBuf {
        if program.is_none() && channel.is_none() {
            return RecordBuf::of(record);
        }
        let mut tail = Encoder::default();
        tail.text(program.map_or("", Name::as_str));
        tail.text(channel.map_or("", Name::as_str));
        let mut buf = RecordBuf {
            bytes: [0; AUTHORIZATION_BYTES_MAX],
            len: 0,
        };
        let fixed = size_of::<AuthorizationRecord>();
        buf.len = (fixed + tail.bytes.len()).next_multiple_of(RECORD_UNIT);
        let mut record = *record;
        record.header.units = (buf.len / RECORD_UNIT) as u16;
        buf.bytes[..fixed].copy_from_slice(record.as_bytes());
        buf.bytes[fixed..fixed + tail.bytes.len()].copy_from_slice(&tail.bytes);
        finish(&mut buf.bytes[..buf.len]);
        buf
    }

    /// The record's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Fills in the check of a record whose sequence is still 0.
fn finish(bytes: &mut [u8]) {
    let check = check_of(bytes);
    bytes[16..20].copy_from_slice(&check.to_le_bytes());
}

fn check_of(bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[8..16]), &bytes[20..])
}

const fn fold(sequence: u64) -> u32 {
    (sequence ^ sequence >> 32) as u32
}

/// Gives a finished record its sequence.
pub fn set_sequence(bytes: &mut [u8], sequence: u64) {
    let check = u32::from_le_bytes(bytes[16..20].try_into().expect("four bytes"));
    bytes[..8].copy_from_slice(&sequence.to_le_bytes());
    bytes[16..20].copy_from_slice(&(check ^ fold(sequence)).to_le_bytes());
}

/// The header of the record at the front of `bytes`, with its check verified, and the bytes of that record.
///
/// # Errors
/// [`RecordError`] when the bytes are short or the check is wrong.
pub fn split_record(bytes: &[u8]) -> Result<(RecordHeader, &[u8]), RecordError> {
    let short = |wanted| RecordError::Short {
        have: bytes.len(),
        wanted,
    };
    let (header, _) = RecordHeader::read_from_prefix(bytes).map_err(|_| short(size_of::<RecordHeader>()))?;
    let len = header.len_bytes();
    if len < size_of::<RecordHeader>() || bytes.len() < len {
        return Err(short(len.max(size_of::<RecordHeader>())));
    }
    let bytes = &bytes[..len];
    if check_of(bytes) ^ fold(header.sequence) == header.check {
        Ok((header, bytes))
    } else {
        Err(RecordError::Check {
            sequence: header.sequence,
        })
    }
}

/// A checked record, by kind.
#[derive(Debug)]
pub enum Record {
    /// See [`RecordKind::Authorization`]; the names are those that had no number.
    Authorization {
        /// The fixed part.
        record: AuthorizationRecord,
        /// The programme, when it had no number.
        program: Option<Name>,
        /// The channel, when it had no number.
        channel: Option<Name>,
    },
    /// See [`RecordKind::Reversal`].
    Reversal(ReversalRecord),
    /// See [`RecordKind::CutOver`].
    CutOver(CutOverRecord),
    /// See [`RecordKind::Enrollment`].
    Enrollment(EnrollmentRecord),
    /// An administrative record.
    Admin(AdminRecord),
}

/// A change made by an operator or at start: rare, of any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminRecord {
    /// A name got its number.
    Name {
        /// The number.
        number: NameNumber,
        /// The name.
        name: Name,
    },
    /// The full text of a rule version.
    RuleVersion {
        /// The version's number, dense from 1.
        number: u32,
        /// The number of the programme's name.
        program: NameNumber,
        /// The numbers of its benefits, in the order of the file.
        benefits: Vec<BenefitNumber>,
        /// The file's name.
        file: String,
        /// The file's text; its BLAKE3 hash is the version's hash.
        text: String,
    },
    /// Which rule versions are in force, per programme from the oldest to the newest; the last one that is effective counts.
    RulesInForce(Vec<(NameNumber, Vec<u32>)>),
    /// A merchant was registered or changed.
    Merchant(Merchant),
    /// A wallet was suspended or made active.
    WalletStatus {
        /// The wallet.
        wallet: WalletId,
        /// Its new status.
        status: Status,
        /// Why, in the operator's words.
        reason: String,
    },
    /// A programme was paused or resumed.
    ProgramStatus {
        /// The number of the programme's name.
        program: NameNumber,
        /// Its new status.
        status: Status,
        /// Why, in the operator's words.
        reason: String,
    },
}

/// Whether a merchant, wallet or programme takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// It takes part.
    Active = 0,
    /// An operator stopped it.
    Suspended = 1,
}

impl Status {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Suspended => "suspended",
        }
    }

    /// The status of this name in JSON, or `None`.
    pub fn parse(text: &str) -> Option<Status> {
        [Status::Active, Status::Suspended]
            .into_iter()
            .find(|status| status.name() == text)
    }
}

/// A merchant as the record keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    /// Its id in the merchant app.
    pub id: MerchantId,
    /// What it sells.
    pub category: crate::policy::Category,
    /// Whether it takes part.
    pub status: Status,
    /// The programmes it takes part in.
    pub programs: Vec<NameNumber>,
    /// The channels it sells through.
    pub channels: Vec<NameNumber>,
    /// Its name.
    pub name: String,
    /// Its province.
    pub province: Option<String>,
    /// Its bank account, 10 digits.
    pub bank_account: Option<String>,
    /// The account holder.
    pub account_name: Option<String>,
}

impl AdminRecord {
    /// The finished record.
    pub fn encode(&self, at: Instant) -> Vec<u8> {
        let mut encoder = Encoder {
            bytes: vec![0; size_of::<RecordHeader>()],
        };
        let kind = self.encode_body(&mut encoder);
        let mut bytes = encoder.bytes;
        bytes.resize(bytes.len().next_multiple_of(RECORD_UNIT), 0);
        let header = RecordHeader::new(kind, at, 0, bytes.len());
        bytes[..size_of::<RecordHeader>()].copy_from_slice(header.as_bytes());
        finish(&mut bytes);
        bytes
    }

    fn encode_body(&self, to: &mut Encoder) -> RecordKind {
        match self {
            AdminRecord::Name { number, name } => {
                to.u16(number.0);
                to.text(name.as_str());
                RecordKind::Name
            }
            AdminRecord::RuleVersion {
                number,
                program,
                benefits,
                file,
                text,
            } => {
                to.u32(*number);
                to.u16(program.0);
                to.numbers(benefits.iter().map(|benefit| benefit.0));
                to.text(file);
                to.text(text);
                RecordKind::RuleVersion
            }
            AdminRecord::RulesInForce(programs) => {
                to.u16(programs.len() as u16);
                for (program, versions) in programs {
                    to.u16(program.0);
                    to.u16(versions.len() as u16);
                    versions.iter().for_each(|version| to.u32(*version));
                }
                RecordKind::RulesInForce
            }
            AdminRecord::Merchant(merchant) => {
                to.u64(merchant.id.number());
                to.u16(u16::from(merchant.category as u8) | u16::from(merchant.status as u8) << 8);
                to.numbers(merchant.programs.iter().map(|name| name.0));
                to.numbers(merchant.channels.iter().map(|name| name.0));
                to.text(&merchant.name);
                for optional in [&merchant.province, &merchant.bank_account, &merchant.account_name] {
                    to.u16(u16::from(optional.is_some()));
                    to.text(optional.as_deref().unwrap_or(""));
                }
                RecordKind::Merchant
            }
            AdminRecord::WalletStatus {
                wallet,
                status,
                reason,
            } => {
                to.u64(wallet.number());
                to.u16(u16::from(*status as u8));
                to.text(reason);
                RecordKind::WalletStatus
            }
            AdminRecord::ProgramStatus {
                program,
                status,
                reason,
            } => {
                to.u16(program.0);
                to.u16(u16::from(*status as u8));
                to.text(reason);
                RecordKind::ProgramStatus
            }
        }
    }

    fn decode(kind: RecordKind, body: &[u8]) -> Option<AdminRecord> {
        let mut from = Decoder { rest: body };
        let record = match kind {
            RecordKind::Name => AdminRecord::Name {
                number: NameNumber(from.u16()?),
                name: Name::parse(from.text()?).ok()?,
            },
            RecordKind::RuleVersion => AdminRecord::RuleVersion {
                number: from.u32()?,
                program: NameNumber(from.u16()?),
                benefits: from.numbers()?.map(BenefitNumber).collect(),
                file: from.text()?.to_owned(),
                text: from.text()?.to_owned(),
            },
            RecordKind::RulesInForce => {
                let count = from.u16()?;
                let program = |from: &mut Decoder<'_>| {
                    let (name, versions) = (NameNumber(from.u16()?), from.u16()?);
                    Some((
                        name,
                        (0..versions).map(|_| from.u32()).collect::<Option<Vec<u32>>>()?,
                    ))
                };
                AdminRecord::RulesInForce((0..count).map(|_| program(&mut from)).collect::<Option<_>>()?)
            }
            RecordKind::Merchant => AdminRecord::Merchant(decode_merchant(&mut from)?),
            RecordKind::WalletStatus => AdminRecord::WalletStatus {
                wallet: from.fifteen_digits().map(WalletId::from_number)?,
                status: from.status()?,
                reason: from.text()?.to_owned(),
            },
            RecordKind::ProgramStatus => AdminRecord::ProgramStatus {
                program: NameNumber(from.u16()?),
                status: from.status()?,
                reason: from.text()?.to_owned(),
            },
            RecordKind::Authorization
            | RecordKind::Reversal
            | RecordKind::CutOver
            | RecordKind::Enrollment => return None,
        };
        Some(record)
    }
}

fn decode_merchant(from: &mut Decoder<'_>) -> Option<Merchant> {
    let id = from.fifteen_digits().map(MerchantId::from_number)?;
    let packed = from.u16()?;
    let category = *crate::policy::Category::ALL.get(usize::from(packed & 0xFF))?;
    let status = if packed >> 8 == 0 {
        Status::Active
    } else {
        Status::Suspended
    };
    let programs = from.numbers()?.map(NameNumber).collect();
    let channels = from.numbers()?.map(NameNumber).collect();
    let name = from.text()?.to_owned();
    let mut optional = || {
        let present = from.u16()? != 0;
        let text = from.text()?.to_owned();
        Some(present.then_some(text))
    };
    Some(Merchant {
        id,
        category,
        status,
        programs,
        channels,
        name,
        province: optional()?,
        bank_account: optional()?,
        account_name: optional()?,
    })
}

impl Record {
    /// Reads the record in `bytes`, as [`split_record`] returned it.
    ///
    /// # Errors
    /// [`RecordError::Field`] for an unknown kind or an impossible field.
    pub fn decode(header: &RecordHeader, bytes: &[u8]) -> Result<Record, RecordError> {
        let impossible = |field| RecordError::Field {
            sequence: header.sequence,
            field,
        };
        let kind = RecordKind::from_number(header.kind).ok_or(impossible("kind"))?;
        match kind {
            RecordKind::Authorization => {
                let (record, tail) =
                    AuthorizationRecord::read_from_prefix(bytes).map_err(|_| impossible("length"))?;
                record.check_fields()?;
                let (program, channel) = decode_tail(tail).ok_or(impossible("tail"))?;
                Ok(Record::Authorization {
                    record,
                    program,
                    channel,
                })
            }
            RecordKind::Reversal => {
                let (record, _) =
                    ReversalRecord::read_from_prefix(bytes).map_err(|_| impossible("length"))?;
                record.check_fields()?;
                Ok(Record::Reversal(record))
            }
            RecordKind::CutOver => {
                let (record, _) = CutOverRecord::read_from_prefix(bytes).map_err(|_| impossible("length"))?;
                Ok(Record::CutOver(record))
            }
            RecordKind::Enrollment => {
                let (record, _) =
                    EnrollmentRecord::read_from_prefix(bytes).map_err(|_| impossible("length"))?;
                record.check_fields()?;
                Ok(Record::Enrollment(record))
            }
            RecordKind::Name
            | RecordKind::RuleVersion
            | RecordKind::RulesInForce
            | RecordKind::Merchant
            | RecordKind::WalletStatus
            | RecordKind::ProgramStatus => AdminRecord::decode(kind, &bytes[size_of::<RecordHeader>()..])
                .map(Record::Admin)
                .ok_or(impossible("body")),
        }
    }
}

fn decode_tail(tail: &[u8]) -> Option<(Option<Name>, Option<Name>)> {
    if tail.is_empty() {
        return Some((None, None));
    }
    let mut from = Decoder { rest: tail };
    let mut name = || match from.text()? {
        "" => Some(None),
        text => Name::parse(text).ok().map(Some),
    };
    Some((name()?, name()?))
}

/// Writes little-endian numbers and length-prefixed texts.
#[derive(Default)]
struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    fn u16(&mut self, number: u16) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn u32(&mut self, number: u32) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.u32(text.len() as u32);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn numbers(&mut self, numbers: impl ExactSizeIterator<Item = u16>) {
        self.u16(numbers.len() as u16);
        numbers.for_each(|number| self.u16(number));
    }
}

/// Reads what [`Encoder`] wrote.
struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn fifteen_digits(&mut self) -> Option<u64> {
        self.u64().filter(|number| *number < ID_END)
    }

    fn status(&mut self) -> Option<Status> {
        match self.u16()? {
            0 => Some(Status::Active),
            1 => Some(Status::Suspended),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        let len = self.u32()? as usize;
        core::str::from_utf8(self.take(len)?).ok()
    }

    fn numbers(&mut self) -> Option<impl Iterator<Item = u16> + use<'a>> {
        let count = usize::from(self.u16()?);
        Some(
            self.take(count * 2)?
                .chunks_exact(2)
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]])),
        )
    }
}
