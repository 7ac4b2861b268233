//! How long a replay will be, told from the headers of the segments.

use super::format::{SegmentHeader, segment_name};
use crate::storage::{Page, Storage, StorageFile};

/// About how many records lie in the segments from `segment` on: all but those of the segment in use, which as many again
/// stand for. For sizing memory; 0 when it cannot be told.
pub fn about_records_from<S: Storage>(storage: &S, segment: u32) -> u64 {
    let first_sequence = |segment: u32| {
        let mut page = Page::ZERO;
        let file = storage.open(&segment_name(segment)).ok()?;
        file.read_exact_at(&mut page.0, 0).ok()?;
        SegmentHeader::read(&page.0)
            .ok()
            .map(|header| header.first_sequence)
    };
    let sequences: Vec<u64> = (segment..).map_while(first_sequence).collect();
    match sequences.as_slice() {
        [first, .., before, last] => last.saturating_sub(*first) + last.saturating_sub(*before),
        [first, last] => 2 * last.saturating_sub(*first),
        _ => 0,
    }
}
