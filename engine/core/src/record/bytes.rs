//! How a record of one kind lies in the journal: of a fixed size, as it lies in memory; or of any length, field by field.

use super::coding::Field;
use super::header::finish;
use super::{NameNumber, RECORD_UNIT, RecordError, RecordHeader, RecordKind};
use crate::calendar::Instant;
use zerocopy::IntoBytes;

/// A record that is read from and written as bytes.
pub(super) trait Bytes: Sized {
    /// The finished bytes of the record as decided at `at` for `caller`, still without a sequence.
    fn encode(&self, kind: RecordKind, at: Instant, caller: NameNumber) -> Vec<u8>;

    /// Reads the record in `bytes`, which begin with `header`.
    fn decode(header: &RecordHeader, bytes: &[u8]) -> Result<Self, RecordError>;
}

/// What stands behind the header of a record of any length.
impl<B: Field> Bytes for B {
    fn encode(&self, kind: RecordKind, at: Instant, caller: NameNumber) -> Vec<u8> {
        let mut bytes = vec![0; size_of::<RecordHeader>()];
        self.write(&mut bytes);
        bytes.resize(bytes.len().next_multiple_of(RECORD_UNIT), 0);
        let header = RecordHeader::new(kind, at, caller, 0, bytes.len());
        bytes[..size_of::<RecordHeader>()].copy_from_slice(header.as_bytes());
        finish(&mut bytes);
        bytes
    }

    fn decode(header: &RecordHeader, bytes: &[u8]) -> Result<B, RecordError> {
        B::read(&mut &bytes[size_of::<RecordHeader>()..]).ok_or(header.impossible("body"))
    }
}

/// Makes a record of fixed size, with a header and `check_fields`, one that is read from and written as bytes.
macro_rules! fixed_size {
    ($record:ty, $len:literal) => {
        const _: () = assert!(size_of::<$record>() == $len);

        impl $crate::record::bytes::Bytes for $record {
            fn encode(
                &self,
                kind: $crate::record::RecordKind,
                at: $crate::calendar::Instant,
                caller: $crate::record::NameNumber,
            ) -> Vec<u8> {
                let flags = self.header.flags;
                let header = $crate::record::RecordHeader::new(kind, at, caller, flags, $len);
                let record = <$record>::clone(self);
                let mut bytes = zerocopy::IntoBytes::as_bytes(&Self { header, ..record }).to_vec();
                $crate::record::header::finish(&mut bytes);
                bytes
            }

            fn decode(
                _: &$crate::record::RecordHeader,
                bytes: &[u8],
            ) -> Result<$record, $crate::record::RecordError> {
                let short = $crate::record::RecordError::Short {
                    have: bytes.len(),
                    wanted: $len,
                };
                let read = <$record as zerocopy::FromBytes>::read_from_prefix(bytes);
                let (record, _) = read.map_err(|_| short)?;
                record.check_fields()?;
                Ok(record)
            }
        }
    };
}

pub(super) use fixed_size;
