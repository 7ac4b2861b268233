//! What every record begins with, and its check.

use super::{NameNumber, RECORD_BYTES_MAX, RECORD_UNIT, RecordKind};
use crate::calendar::Instant;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const _: () = assert!(size_of::<RecordHeader>() == 24);

/// The first 24 bytes of a record.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RecordHeader {
    /// Position in the order of all records, dense from 1 (I9).
    pub sequence: u64,
    /// Below, 48 bits: when it was decided, in milliseconds since the Unix epoch. Above, 16 bits: the caller's number.
    at_and_caller: u64,
    /// The checksum of the record, by [`check_of`].
    check: u32,
    /// Length of the whole record in units of 16 bytes.
    pub(super) units: u16,
    /// The number of a [`RecordKind`].
    pub kind: u8,
    /// Bit 0: approved or accepted. The others are each kind's own.
    pub flags: u8,
}

/// In the header's flags: approved or accepted.
pub(super) const FLAG_APPROVED: u8 = 1;

/// How many bits of a header are its time.
const AT_BITS: u32 = 48;

impl RecordHeader {
    pub(super) fn new(
        kind: RecordKind,
        at: Instant,
        caller: NameNumber,
        flags: u8,
        len: usize,
    ) -> RecordHeader {
        assert!(
            len.is_multiple_of(RECORD_UNIT) && len <= RECORD_BYTES_MAX,
            "a record is whole units"
        );
        let at_ms = u64::try_from(at.unix_ms()).expect("no record is older than the Unix epoch");
        assert!(at_ms < 1 << AT_BITS, "a record's time fits 48 bits");
        RecordHeader {
            sequence: 0,
            at_and_caller: at_ms | u64::from(caller.0) << AT_BITS,
            check: 0,
            units: (len / RECORD_UNIT) as u16,
            kind: kind as u8,
            flags,
        }
    }

    /// When it was decided.
    #[inline]
    pub fn at(&self) -> Instant {
        Instant::from_unix_ms((self.at_and_caller & ((1 << AT_BITS) - 1)) as i64)
    }

    /// The number of the name of the key that the request came with; [`NameNumber::UNKNOWN`] without keys, for what the process
    /// does by itself, and in the decisions of earlier versions.
    #[inline]
    pub fn caller(&self) -> NameNumber {
        NameNumber((self.at_and_caller >> AT_BITS) as u16)
    }

    /// Names the caller, before the record is finished: the check covers it.
    #[inline]
    pub fn set_caller(&mut self, caller: NameNumber) {
        self.at_and_caller = self.at_and_caller & ((1 << AT_BITS) - 1) | u64::from(caller.0) << AT_BITS;
    }

    /// Length of the whole record in bytes.
    #[inline]
    pub fn len_bytes(&self) -> usize {
        usize::from(self.units) * RECORD_UNIT
    }

    /// The error of a record with an impossible field.
    pub(super) fn impossible(&self, field: &'static str) -> RecordError {
        RecordError::Field {
            sequence: self.sequence,
            field,
        }
    }
}

/// When, for whom and as which record something was decided.
#[derive(Clone, Copy, Debug)]
pub struct AuditStamp {
    pub sequence: u64,
    pub at: Instant,
    /// The number of the name of the key; unknown without keys, and for what the process does by itself.
    pub caller: NameNumber,
}

impl AuditStamp {
    /// As the header of a record says.
    pub fn of(header: &RecordHeader) -> AuditStamp {
        AuditStamp {
            sequence: header.sequence,
            at: header.at(),
            caller: header.caller(),
        }
    }
}

/// Why bytes are no record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordError {
    /// Fewer bytes than the record says it has.
    #[error("record is cut short: {have} bytes, {wanted} wanted")]
    Short {
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
    Field { sequence: u64, field: &'static str },
}

/// Fills in the check of a record whose sequence is still 0.
pub(super) fn finish(bytes: &mut [u8]) {
    let check = check_of(bytes);
    bytes[16..20].copy_from_slice(&check.to_le_bytes());
}

/// The check of a record whose sequence is 0. With its sequence, the check is xor-ed with the sequence folded to 32 bits.
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

/// Whether two records say the same: all but the sequence, the check, which covers it, and the caller, whom nothing is decided by.
pub fn same_but_for_caller(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one[8..14] == other[8..14] && one[20..] == other[20..]
}
