//! One group commit in memory: records gather behind room for the log's own header, in aligned pages.

use crate::storage::{PAGE_BYTES, Page};
use satang_core::calendar::Instant;
use satang_core::record::set_sequence;
use zerocopy::IntoBytes;

/// Room in front of the records, for the header of whichever log takes the group.
pub const GROUP_FRONT_BYTES: usize = 128;

/// Records that are appended together.
pub struct Group {
    pages: Vec<Page>,
    bytes_max: usize,
    payload_bytes: usize,
    first_sequence: u64,
    record_count: u32,
    last_at: Instant,
}

impl Group {
    /// An empty group with memory for `bytes_max` bytes of records, the header in front of them and one byte behind.
    pub fn allocate(bytes_max: usize) -> Group {
        let pages = (GROUP_FRONT_BYTES + bytes_max + 1).div_ceil(PAGE_BYTES);
        Group {
            pages: vec![Page::ZERO; pages],
            bytes_max,
            payload_bytes: 0,
            first_sequence: 0,
            record_count: 0,
            last_at: Instant::from_unix_ms(0),
        }
    }

    /// Empties the group; the next record gets this sequence.
    pub fn open(&mut self, first_sequence: u64) {
        self.payload_bytes = 0;
        self.first_sequence = first_sequence;
        self.record_count = 0;
    }

    /// Whether `bytes` more of records fit.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        self.payload_bytes + bytes <= self.bytes_max
    }

    /// Adds a finished record and gives it its sequence.
    pub fn push(&mut self, record: &[u8], at: Instant) -> u64 {
        let start = GROUP_FRONT_BYTES + self.payload_bytes;
        let sequence = self.next_sequence();
        let into = &mut self.pages.as_mut_bytes()[start..start + record.len()];
        into.copy_from_slice(record);
        set_sequence(into, sequence);
        self.payload_bytes += record.len();
        self.record_count += 1;
        self.last_at = at;
        sequence
    }

    /// Whether no record gathered.
    pub fn is_empty(&self) -> bool {
        self.record_count == 0
    }

    /// How many records gathered.
    pub fn record_count(&self) -> u32 {
        self.record_count
    }

    /// Bytes of records.
    pub fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// The records, one behind the other.
    pub fn payload(&self) -> &[u8] {
        &self.pages.as_bytes()[GROUP_FRONT_BYTES..GROUP_FRONT_BYTES + self.payload_bytes]
    }

    /// The sequence of the first record.
    pub fn first_sequence(&self) -> u64 {
        self.first_sequence
    }

    /// The sequence the next record gets.
    pub fn next_sequence(&self) -> u64 {
        self.first_sequence + u64::from(self.record_count)
    }

    /// The time of the last record.
    pub fn last_at(&self) -> Instant {
        self.last_at
    }

    /// The first pages of the group, the header's room included.
    pub fn pages_mut(&mut self, pages: usize) -> &mut [Page] {
        &mut self.pages[..pages]
    }
}
