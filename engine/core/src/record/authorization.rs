//! The record of an authorization, and the buffer the hot path writes records from.

use super::bytes::Bytes;
use super::coding::{read_text, write_text};
use super::extension::Extension;
use super::header::finish;
use super::{
    AUTHORIZATION_BYTES_MAX, BenefitNumber, FLAG_APPROVED, ID_END, NameNumber, RECORD_UNIT, RecordError,
    RecordHeader, RecordKind,
};
use crate::calendar::Instant;
use crate::ids::{MerchantId, Name, TxnId, WalletId};
use crate::money::Satang;
use crate::outcome::Reason;
use crate::programme::CapPeriod;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// An authorization and its outcome: 96 bytes, and a tail when the programme or channel had no number.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct AuthorizationRecord {
    pub header: RecordHeader,
    txn_id: [u8; 16],
    wallet: u64,
    merchant: u64,
    amount: u32,
    eligible: u32,
    state: u32,
    headroom_before: [u32; 4],
    /// The rule version's number; 0 when the programme was unknown.
    pub rule: u32,
    /// The programme; [`NameNumber::UNKNOWN`]'s number when it stands in the tail.
    program: u16,
    channel: u16,
    benefit: u16,
    reason: u8,
    /// Bit n: the benefit has a cap of period n. Above them, in four bits, the tier whose caps counted: 1 + its index, 0 for none.
    caps: u8,
}

const _: () = assert!(size_of::<AuthorizationRecord>() == 96);

/// The bits of `caps` that are caps.
const CAPS: u8 = 0x0F;

/// An authorization and what few of them have; it behaves as its record.
#[derive(Clone, Copy, Debug)]
pub struct Authorization {
    pub record: AuthorizationRecord,
    /// What stands behind it.
    pub extension: Extension,
}

impl core::ops::Deref for Authorization {
    type Target = AuthorizationRecord;

    fn deref(&self) -> &AuthorizationRecord {
        &self.record
    }
}

/// In the header's flags: an [`Extension`] stands behind the fixed part.
const FLAG_EXTENSION: u8 = 16;
/// In the header's flags: more than the wallet's shard was looked at.
const FLAG_LOOKED_BEYOND: u8 = 32;

/// The facts of an authorization record, as decided.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationFacts {
    pub txn_id: TxnId,
    pub wallet: WalletId,
    pub merchant: MerchantId,
    pub amount: Satang,
    /// The part the state may share.
    pub eligible: Satang,
    /// The state's part; zero on a decline.
    pub state: Satang,
    /// Room under each cap before the decision; meaningful where `caps` has the bit.
    pub headroom_before: [u32; 4],
    /// Bit n: the benefit has a cap of period n.
    pub caps: u8,
    /// The tier whose caps counted: 1 + its index in the rule version, at most 15; 0 for none.
    pub tier: u8,
    /// The rule version's number, 0 for none.
    pub rule: u32,
    pub program: NameNumber,
    pub channel: NameNumber,
    /// The benefit drawn on.
    pub benefit: BenefitNumber,
    pub reason: Reason,
    /// The cap that cut the share.
    pub limited_by: Option<CapPeriod>,
    /// Whether more than the wallet's shard was looked at.
    pub looked_beyond: bool,
}

impl AuthorizationRecord {
    /// The record of `facts`, unchecked and without a sequence yet.
    pub fn new(at: Instant, facts: &AuthorizationFacts) -> AuthorizationRecord {
        let limited = facts.limited_by.map_or(0, |period| 1 + period as u8);
        let elsewhere = if facts.looked_beyond {
            FLAG_LOOKED_BEYOND
        } else {
            0
        };
        let flags = u8::from(facts.reason == Reason::Approved) | limited << 1 | elsewhere;
        AuthorizationRecord {
            header: RecordHeader::new(
                RecordKind::Authorization,
                at,
                NameNumber::UNKNOWN,
                flags,
                size_of::<AuthorizationRecord>(),
            ),
            txn_id: facts.txn_id.bits().to_le_bytes(),
            wallet: facts.wallet.number(),
            merchant: facts.merchant.number(),
            amount: facts.amount.get_u32(),
            eligible: facts.eligible.get_u32(),
            state: facts.state.get_u32(),
            headroom_before: facts.headroom_before,
            rule: facts.rule,
            program: facts.program.0,
            channel: facts.channel.0,
            benefit: facts.benefit.0,
            reason: facts.reason as u8,
            caps: facts.caps | facts.tier << 4,
        }
    }

    /// The id that the payment switch gave the request.
    pub fn txn_id(&self) -> TxnId {
        TxnId::from_bits(u128::from_le_bytes(self.txn_id))
    }

    /// The wallet whose entitlement pays.
    pub fn wallet(&self) -> WalletId {
        WalletId::from_number(self.wallet)
    }

    /// The merchant that is paid.
    pub fn merchant(&self) -> MerchantId {
        MerchantId::from_number(self.merchant)
    }

    /// The whole bill.
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

    /// Why it was decided as it was.
    pub fn reason(&self) -> Reason {
        Reason::from_number(self.reason).expect("checked when the record was read")
    }

    /// Whether its id was reversed before it arrived.
    #[inline]
    pub fn is_tombstoned(&self) -> bool {
        self.reason == Reason::ReversedBeforeArrival as u8
    }

    /// Whether it was approved.
    pub fn approved(&self) -> bool {
        self.header.flags & FLAG_APPROVED != 0
    }

    /// Whether an [`Extension`] stands behind the fixed part.
    pub fn has_extra(&self) -> bool {
        self.header.flags & FLAG_EXTENSION != 0
    }

    /// Whether more than the wallet's shard was looked at.
    pub fn looked_beyond(&self) -> bool {
        self.header.flags & FLAG_LOOKED_BEYOND != 0
    }

    /// The cap that cut the share.
    pub fn limited_by(&self) -> Option<CapPeriod> {
        CapPeriod::ALL
            .get(usize::from(self.header.flags >> 1 & 7).wrapping_sub(1))
            .copied()
    }

    /// Room under each cap the benefit defines, before the decision, shortest period first.
    pub fn rooms_before(&self) -> impl Iterator<Item = (CapPeriod, Satang)> + use<> {
        let (caps, rooms) = (self.caps & CAPS, self.headroom_before);
        CapPeriod::ALL
            .into_iter()
            .filter(move |period| caps & 1 << *period as u8 != 0)
            .map(move |period| (period, Satang::new(u64::from(rooms[period as usize]))))
    }

    /// The tier of the rule version whose caps counted, by its index; `None` for the benefit's own.
    pub fn tier_index(&self) -> Option<usize> {
        usize::from(self.caps >> 4).checked_sub(1)
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

    /// The record in `bytes`, as [`super::split_record`] returned them, without copying it.
    ///
    /// # Errors
    /// [`RecordError::Field`] for an impossible field.
    pub fn view(bytes: &[u8]) -> Result<&AuthorizationRecord, RecordError> {
        let short = RecordError::Short {
            have: bytes.len(),
            wanted: size_of::<AuthorizationRecord>(),
        };
        let (record, _) = AuthorizationRecord::ref_from_prefix(bytes).map_err(|_| short)?;
        record.check_fields()?;
        Ok(record)
    }

    fn check_fields(&self) -> Result<(), RecordError> {
        let fail = |field| Err(self.header.impossible(field));
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
        let fits =
            |p: CapPeriod| self.caps & 1 << p as u8 == 0 || self.headroom_before[p as usize] >= self.state;
        if !CapPeriod::ALL.into_iter().all(fits) {
            fail("room")
        } else {
            Ok(())
        }
    }
}

/// A finished record that fits on the stack: everything the hot path writes.
#[derive(Clone, Copy)]
pub struct RecordBuf {
    bytes: [u8; AUTHORIZATION_BYTES_MAX],
    len: usize,
}

impl Default for RecordBuf {
    fn default() -> RecordBuf {
        RecordBuf::EMPTY
    }
}

impl AsRef<[u8]> for RecordBuf {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl RecordBuf {
    /// Room for a record, to be used for one after another.
    pub const EMPTY: RecordBuf = RecordBuf {
        bytes: [0; AUTHORIZATION_BYTES_MAX],
        len: 0,
    };

    /// A record without tail.
    pub fn of(record: &(impl IntoBytes + Immutable)) -> RecordBuf {
        let mut buf = RecordBuf::EMPTY;
        buf.put(record);
        buf
    }

    /// Replaced by a record without tail.
    #[inline]
    pub fn put(&mut self, record: &(impl IntoBytes + Immutable)) {
        self.len = size_of_val(record);
        self.bytes[..self.len].copy_from_slice(record.as_bytes());
        finish(&mut self.bytes[..self.len]);
    }

    /// Replaced by an authorization with what stands behind its fixed part: the extra, and the names that have no number.
    pub fn put_authorization(
        &mut self,
        record: &AuthorizationRecord,
        extension: &Extension,
        program: Option<&Name>,
        channel: Option<&Name>,
    ) {
        let has_extra = *extension != Extension::NONE;
        if !has_extra && program.is_none() && channel.is_none() {
            return self.put(record);
        }
        let mut behind = Vec::new();
        let mut record = *record;
        if has_extra {
            record.header.flags |= FLAG_EXTENSION;
            behind.extend_from_slice(extension.as_bytes());
        }
        if program.is_some() || channel.is_some() {
            write_text(program.map_or("", Name::as_str), &mut behind);
            write_text(channel.map_or("", Name::as_str), &mut behind);
        }
        let fixed = size_of::<AuthorizationRecord>();
        let end = fixed + behind.len();
        self.len = end.next_multiple_of(RECORD_UNIT);
        record.header.units = (self.len / RECORD_UNIT) as u16;
        self.bytes[..fixed].copy_from_slice(record.as_bytes());
        self.bytes[fixed..end].copy_from_slice(&behind);
        self.bytes[end..self.len].fill(0);
        finish(&mut self.bytes[..self.len]);
    }

    /// The record's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// An authorization as it lies in the journal.
#[derive(Clone, Copy, Debug)]
pub struct NamedAuthorization {
    pub record: Authorization,
    /// The programme's name, when it had no number.
    pub program: Option<Name>,
    /// The channel's name, when it had no number.
    pub channel: Option<Name>,
}

impl Bytes for NamedAuthorization {
    fn encode(&self, kind: RecordKind, at: Instant, caller: NameNumber) -> Vec<u8> {
        let Authorization {
            mut record,
            extension,
        } = self.record;
        let flags = record.header.flags & !FLAG_EXTENSION;
        record.header = RecordHeader::new(kind, at, caller, flags, size_of::<AuthorizationRecord>());
        let mut buf = RecordBuf::EMPTY;
        buf.put_authorization(&record, &extension, self.program.as_ref(), self.channel.as_ref());
        buf.as_bytes().to_vec()
    }

    fn decode(header: &RecordHeader, bytes: &[u8]) -> Result<NamedAuthorization, RecordError> {
        let record = *AuthorizationRecord::view(bytes)?;
        let behind = &bytes[size_of::<AuthorizationRecord>()..];
        let (extension, program, channel) =
            decode_behind(&record, behind).ok_or(header.impossible("tail"))?;
        extension.check_fields(header.sequence, record.state())?;
        Ok(NamedAuthorization {
            record: Authorization { record, extension },
            program,
            channel,
        })
    }
}

/// The extra, and the names of the programme and the channel that have no number.
fn decode_behind(
    record: &AuthorizationRecord,
    bytes: &[u8],
) -> Option<(Extension, Option<Name>, Option<Name>)> {
    let (extension, tail) = match record.has_extra() {
        true => Extension::read_from_prefix(bytes).ok()?,
        false => (Extension::NONE, bytes),
    };
    if tail.is_empty() {
        return Some((extension, None, None));
    }
    let mut from = tail;
    let mut name = || match read_text(&mut from)? {
        "" => Some(None),
        text => Name::recorded(text).ok().map(Some),
    };
    Some((extension, name()?, name()?))
}

/// The extra of an authorization whose record lies at the front of `bytes`; none when it has none or is cut short.
pub fn extra_of(record: &AuthorizationRecord, bytes: &[u8]) -> Extension {
    let behind = bytes.get(size_of::<AuthorizationRecord>()..);
    match record.has_extra() {
        true => behind
            .and_then(|behind| Extension::read_from_prefix(behind).ok())
            .map_or(Extension::NONE, |(extension, _)| extension),
        false => Extension::NONE,
    }
}
