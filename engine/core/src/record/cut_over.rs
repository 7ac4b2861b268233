//! The record of a business date that is over.

use super::bytes::fixed_size;
use super::{NameNumber, RecordError, RecordHeader, RecordKind};
use crate::calendar::{BusinessDate, Instant};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A business date is over: 32 bytes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CutOverRecord {
    pub header: RecordHeader,
    date: i32,
    reserved: u32,
}

fixed_size!(CutOverRecord, 32);

impl CutOverRecord {
    /// The record, unchecked and without a sequence yet.
    pub fn new(at: Instant, date: BusinessDate) -> CutOverRecord {
        let len = size_of::<CutOverRecord>();
        CutOverRecord {
            header: RecordHeader::new(RecordKind::CutOver, at, NameNumber::UNKNOWN, 0, len),
            date: date.days(),
            reserved: 0,
        }
    }

    /// The date that is over.
    pub fn date(&self) -> BusinessDate {
        BusinessDate::from_days(self.date)
    }

    fn check_fields(&self) -> Result<(), RecordError> {
        Ok(())
    }
}
