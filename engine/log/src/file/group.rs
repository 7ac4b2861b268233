//! One group commit in memory: records gather behind the room for the frame's header, in aligned pages.

use super::format::{FRAME_HEADER_BYTES, FRAME_OVERHEAD_BYTES, Layout, Place, frame_bytes};
use crate::storage::{PAGE_BYTES, Page};
use satang_core::calendar::Instant;
use satang_core::record::Position;
use zerocopy::IntoBytes;

/// Records that will become one frame at a known place.
pub struct Group {
    pages: Vec<Page>,
    place: Place,
    capacity: usize,
    payload_bytes: usize,
    first_sequence: u64,
    record_count: u32,
    last_at: Instant,
}

impl Group {
    /// An empty group with memory for the largest frame.
    pub fn allocate(layout: &Layout) -> Group {
        let pages = vec![Page::ZERO; layout.group_bytes_max as usize / PAGE_BYTES];
        let place = Place::start_of(1);
        let last_at = Instant::from_unix_ms(0);
        Group {
            pages,
            place,
            capacity: 0,
            payload_bytes: 0,
            first_sequence: 0,
            record_count: 0,
            last_at,
        }
    }

    /// Empties the group and gives it its place and first sequence.
    pub fn open(&mut self, layout: &Layout, place: Place, first_sequence: u64) {
        self.place = place;
        self.capacity = layout.capacity_at(place);
        self.payload_bytes = 0;
        self.first_sequence = first_sequence;
        self.record_count = 0;
    }

    /// Whether `bytes` more of records fit.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        FRAME_OVERHEAD_BYTES + self.payload_bytes + bytes <= self.capacity
    }

    /// Adds a finished record, gives it its sequence and says where it will lie.
    pub fn push(&mut self, record: &[u8], at: Instant) -> (u64, Position) {
        let start = FRAME_HEADER_BYTES + self.payload_bytes;
        let sequence = self.first_sequence + u64::from(self.record_count);
        let into = &mut self.pages.as_mut_bytes()[start..start + record.len()];
        into.copy_from_slice(record);
        satang_core::record::set_sequence(into, sequence);
        self.payload_bytes += record.len();
        self.record_count += 1;
        self.last_at = at;
        (sequence, self.place.position(start))
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

    /// Where the frame will lie.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Bytes of the frame: whole pages.
    pub fn frame_bytes(&self) -> usize {
        frame_bytes(self.payload_bytes)
    }

    /// The pages of the frame, header room included.
    pub fn frame_pages(&mut self) -> &mut [Page] {
        let pages = frame_bytes(self.payload_bytes) / PAGE_BYTES;
        &mut self.pages[..pages]
    }

    /// The place right behind the last record: everything below it is durable once the frame is.
    pub fn end_position(&self) -> Position {
        self.place.position(FRAME_HEADER_BYTES + self.payload_bytes)
    }
}
