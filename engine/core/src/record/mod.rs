//! Journal records: every change of state, as bytes. `docs/FORMAT.md` shows the diagrams.
//!
//! A record is a 24-byte [`RecordHeader`], a fixed body and, for a few, a tail; padded with zeros to a multiple of 16 bytes,
//! little-endian. Its check is a CRC-32C of everything but the sequence, xor-ed with the sequence folded to 32 bits: a record
//! can be finished before its sequence is known.

mod admin;
mod authorization;
mod coding;
mod desk;
mod earlier;
mod extra;
mod fixed;
mod registration;
mod replacement;
mod reversal;

pub use admin::{AdminRecord, Merchant, Moved, Status};
pub use authorization::{Authorization, AuthorizationFacts, AuthorizationRecord, RecordBuf, extra_of};
pub use desk::{Debtor, DeskRecord, Payout};
pub use earlier::Earlier;
pub use extra::{Extra, Funding};
pub use fixed::{CutOverRecord, EnrollmentFacts, EnrollmentRecord};
pub use registration::{ListedRecord, RegistrationFacts, RegistrationRecord};
pub use replacement::{CarriedRight, Replacement};
pub use reversal::{Act, Closing, OriginalFacts, ReversalFacts, ReversalRecord};

use crate::calendar::Instant;
use crate::ids::Name;
use authorization::decode_behind;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const _: () = assert!(
    cfg!(target_endian = "little"),
    "records are written as they lie in memory"
);
const _: () = assert!(size_of::<RecordHeader>() == 24);
const _: () = assert!(size_of::<AuthorizationRecord>() == 96);
const _: () = assert!(size_of::<Extra>() == 48);
const _: () = assert!(size_of::<ReversalRecord>() == 160);
const _: () = assert!(size_of::<EnrollmentRecord>() == 80);
const _: () = assert!(size_of::<RegistrationRecord>() == 112);
const _: () = assert!(size_of::<ListedRecord>() == 48);
const _: () = assert!(size_of::<CutOverRecord>() == 32);

/// Records are padded to a multiple of this many bytes.
pub const RECORD_UNIT: usize = 16;
/// The longest record: what the 16-bit length counts in units.
pub const RECORD_BYTES_MAX: usize = RECORD_UNIT * u16::MAX as usize;
/// The longest authorization record: fixed part, extra, and two names of 64 bytes.
pub const AUTHORIZATION_BYTES_MAX: usize = 288;
/// An authorization record with an extra and no names.
pub const AUTHORIZATION_BYTES_WITH_EXTRA: usize = size_of::<AuthorizationRecord>() + size_of::<Extra>();

/// The first sequence that does not fit the 48 bits that tables of ids keep of it.
pub const SEQUENCE_END: u64 = 1 << 48;

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
    /// The largest number: a slot's key holds eight bits.
    pub const MAX: u16 = 255;

    /// Whether a benefit can have this number.
    pub const fn is_possible(self) -> bool {
        self.0 != 0 && self.0 <= BenefitNumber::MAX
    }
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
    /// A citizen registered, accepted or rejected.
    Registration = 11,
    /// A citizen is on an imported list.
    Listed = 12,
    /// A citizen moved from one programme to another.
    Moved = 13,
    /// A hold was captured, or was to be.
    Capture = 14,
    /// A hold was voided, or was to be.
    Void = 15,
    /// The desk decided something about a merchant, a person or money that is to come back.
    Desk = 16,
    /// A citizen got a new wallet in place of an old one.
    Replacement = 17,
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
            11 => RecordKind::Registration,
            12 => RecordKind::Listed,
            13 => RecordKind::Moved,
            14 => RecordKind::Capture,
            15 => RecordKind::Void,
            16 => RecordKind::Desk,
            17 => RecordKind::Replacement,
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

/// The first number that has more than fifteen digits.
const ID_END: u64 = 1_000_000_000_000_000;

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
        /// The record.
        record: Authorization,
        /// The programme, when it had no number.
        program: Option<Name>,
        /// The channel, when it had no number.
        channel: Option<Name>,
    },
    /// See [`RecordKind::Reversal`].
    Reversal(ReversalRecord),
    /// See [`RecordKind::Capture`] and [`RecordKind::Void`].
    Closing(ReversalRecord),
    /// See [`RecordKind::CutOver`].
    CutOver(CutOverRecord),
    /// See [`RecordKind::Enrollment`].
    Enrollment(EnrollmentRecord),
    /// See [`RecordKind::Registration`].
    Registration(RegistrationRecord),
    /// See [`RecordKind::Listed`].
    Listed(ListedRecord),
    /// An administrative record.
    Admin {
        /// The name of the key it was made with; `None` without keys, and for what the process did by itself.
        by: Option<Name>,
        /// The change.
        record: AdminRecord,
    },
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
                let (record, behind) =
                    AuthorizationRecord::read_from_prefix(bytes).map_err(|_| impossible("length"))?;
                record.check_fields()?;
                let behind = decode_behind(&record, behind).ok_or(impossible("tail"))?;
                behind.extra.check_fields(header.sequence, record.state())?;
                Ok(Record::Authorization {
                    record: Authorization {
                        record,
                        extra: behind.extra,
                    },
                    program: behind.program,
                    channel: behind.channel,
                })
            }
            RecordKind::Reversal | RecordKind::Capture | RecordKind::Void => {
                let (record, _) =
                    ReversalRecord::read_from_prefix(bytes).map_err(|_| impossible("length"))?;
                record.check_fields()?;
                Ok(match record.act() {
                    Act::Reversal => Record::Reversal(record),
                    Act::Capture | Act::Void => Record::Closing(record),
                })
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
            RecordKind::Registration => {
                let (record, _) =
                    RegistrationRecord::read_from_prefix(bytes).map_err(|_| impossible("length"))?;
                record.check_fields()?;
                Ok(Record::Registration(record))
            }
            RecordKind::Listed => {
                let (record, _) = ListedRecord::read_from_prefix(bytes).map_err(|_| impossible("length"))?;
                record.check_fields()?;
                Ok(Record::Listed(record))
            }
            RecordKind::Name
            | RecordKind::RuleVersion
            | RecordKind::RulesInForce
            | RecordKind::Merchant
            | RecordKind::WalletStatus
            | RecordKind::ProgramStatus
            | RecordKind::Moved
            | RecordKind::Replacement
            | RecordKind::Desk => AdminRecord::decode(kind, &bytes[size_of::<RecordHeader>()..])
                .map(|(by, record)| Record::Admin { by, record })
                .ok_or(impossible("body")),
        }
    }
}
