//! The chain of the segments, checked without reading what is in them: every header, and the seal in front of it.

use super::cursor::NOT_CONTINUED;
use super::format::{
    FIRST_FRAME_OFFSET, FrameHeader, FrameKind, HeaderProblem, JournalKey, Layout, Place, SegmentHeader,
    segment_name,
};
use super::window::unread;
use crate::log::{ChainHash, LogError};
use crate::storage::{PAGE_BYTES, Page, ReadFile};
use std::ops::Range;
use std::thread;

/// More threads than this only wait for the disk.
const READERS_MAX: usize = 8;
/// Fewer segments than this for each thread are looked at sooner than it is started.
const SEGMENTS_PER_READER: usize = 64;

/// What `look` finds in each segment, in order; several threads look.
pub(super) fn in_parallel<T: Send>(segments: Range<u32>, look: impl Fn(u32) -> T + Sync) -> Vec<T> {
    let count = segments.len();
    let threads = count.div_ceil(SEGMENTS_PER_READER).clamp(1, READERS_MAX);
    let each = count.div_ceil(threads).max(1);
    let look = &look;
    let mut parts = segments.clone().step_by(each).map(|first| {
        let part = first..segments.end.min(first + each as u32);
        move || part.map(look).collect::<Vec<T>>()
    });
    let own = parts.next();
    thread::scope(|scope| {
        let others: Vec<_> = parts.map(|part| scope.spawn(part)).collect();
        let mut found = own.map_or_else(Vec::new, |part| part());
        for other in others {
            found.extend(other.join().expect("a reader does not panic"));
        }
        found
    })
}

/// A segment that was begun, as its two ends say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub header: SegmentHeader,
    /// Where the copy of the header lies that is damaged, in bytes.
    pub damaged_copy: Option<u64>,
    /// `None` while it has none that is whole.
    seal: Option<Seal>,
}

/// What the segment behind a seal must say in its header.
#[derive(Clone, Copy, Debug)]
struct Seal {
    hash: ChainHash,
    next_sequence: u64,
}

/// Reads either copy of a segment's header that is whole, and the seal.
pub(super) fn read_ends(
    file: &impl ReadFile,
    segment: u32,
    layout: Layout,
    key: &JournalKey,
) -> Result<Result<Begun, HeaderProblem>, LogError> {
    let pages = read_header_pages(file, segment)?;
    let header = SegmentHeader::read_either(&pages);
    let damaged_copy = SegmentHeader::read_copies(&pages).iter().position(Result::is_err);
    let offset = layout.seal_offset();
    let mut page = Page::ZERO;
    file.read_exact_at(&mut page.0, u64::from(offset))
        .map_err(|source| unread(segment, source))?;
    let seal = FrameHeader::read(&page.0, key, Place { segment, offset });
    let seal =
        seal.filter(|seal| seal.kind() == Some(FrameKind::Seal) && seal.payload(&page.0, key).is_some());
    Ok(header.map(|header| Begun {
        header,
        damaged_copy: damaged_copy.map(|copy| (copy * PAGE_BYTES) as u64),
        seal: seal.map(|seal| Seal {
            hash: seal.hash,
            next_sequence: seal.first_sequence,
        }),
    }))
}

/// Reads either copy of a segment's header that is whole.
pub(super) fn read_header(
    file: &impl ReadFile,
    segment: u32,
) -> Result<Result<SegmentHeader, HeaderProblem>, LogError> {
    Ok(SegmentHeader::read_either(&read_header_pages(file, segment)?))
}

fn read_header_pages(
    file: &impl ReadFile,
    segment: u32,
) -> Result<[u8; FIRST_FRAME_OFFSET as usize], LogError> {
    let mut pages = [0u8; FIRST_FRAME_OFFSET as usize];
    let read = file.read_exact_at(&mut pages, 0);
    read.map_err(|source| unread(segment, source))?;
    Ok(pages)
}

/// Checks that each segment goes on where the seal of the one before it says: with its hash, and with the next sequence. A header
/// is written once the seal in front of it is durable.
///
/// # Errors
/// [`LogError`], of the first segment that does not fit.
pub(super) fn check_chain(begun: &[Begun], layout: Layout) -> Result<(), LogError> {
    for (before, next) in begun.iter().zip(&begun[1.min(begun.len())..]) {
        let Begun { header, .. } = next;
        let damaged = |file, offset, what| LogError::Damaged {
            file,
            offset,
            sequence: header.first_sequence,
            what,
        };
        let Some(seal) = &before.seal else {
            let what = format!(
                "no whole seal is there: {} was used",
                segment_name(header.segment)
            );
            let file = segment_name(before.header.segment);
            return Err(damaged(file, u64::from(layout.seal_offset()), what));
        };
        if header.previous_hash != seal.hash || header.first_sequence != seal.next_sequence {
            return Err(damaged(segment_name(header.segment), 0, NOT_CONTINUED.into()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_segment_is_looked_at_once_in_order_however_many_there_are() {
        for count in [0, 1, 2, 63, 64, 65, 127, 128, 511, 512, 513, 1_000, 10_000] {
            let found = in_parallel(1..count + 1, |segment| segment);
            assert!(found.into_iter().eq(1..=count), "{count}");
        }
    }
}
