//! The log in files: an append-only chain of frames in segments (`docs/FORMAT.md`). Modules in reading order.

mod format;
mod places;
mod window;
mod cursor;
mod end;
mod chain;
mod spare;
mod store;
mod scrub;

pub use cursor::{FileCursor, FileFrame, JournalEnd, Progress};
pub use format::{
    FIRST_FRAME_OFFSET, FORMAT_VERSION, FRAME_HEADER_BYTES, FRAME_OVERHEAD_BYTES, FrameKind, HeaderProblem,
    INDEX_EVERY, Layout, Place, SegmentHeader, segment_name,
};
pub use places::FileReader;
pub use spare::Spares;
pub use store::FileLogStore;

use crate::group::Group;
use crate::log::{AppendError, ChainHash, Completed, Log, LogIdentity, SpaceGauge, Upkeep};
use crate::storage::{PAGE_BYTES, Page, Storage, StorageFile};
use format::{FrameFacts, FrameHeader, JournalKey, SegmentStart, frame_bytes};
use places::Places;
use spare::SparesUpkeep;
use std::io;
use std::sync::Arc;

/// The journal of one data folder, open for appending. One thread owns it, and one group is in flight at a time.
pub struct FileLog<S: Storage> {
    storage: Arc<S>,
    spares: Arc<Spares<S::File>>,
    places: Arc<Places>,
    key: JournalKey,
    identity: LogIdentity,
    layout: Layout,
    file: S::File,
    end: Place,
    chain: ChainHash,
    next_sequence: u64,
    last_at_ms: i64,
    uncovered: bool,
    in_flight: Option<Group>,
    scratch: Vec<Page>,
}

impl<S: Storage> FileLog<S> {
    /// Appends a frame without records at the end and flushes it.
    fn write_frame(&mut self, kind: FrameKind, payload: &[u8]) -> io::Result<()> {
        let facts = FrameFacts {
            place: self.end,
            kind,
            first_sequence: self.next_sequence,
            durable_sequence: self.next_sequence - 1,
            at_ms: self.last_at_ms,
            payload_bytes: payload.len(),
            record_count: 0,
            previous_hash: self.chain,
        };
        let pages = frame_bytes(payload.len()) / PAGE_BYTES;
        if self.scratch.len() < pages {
            self.scratch.resize(pages, Page::ZERO);
        }
        let pages = &mut self.scratch[..pages];
        let bytes = zerocopy::IntoBytes::as_mut_bytes(pages);
        bytes[FRAME_HEADER_BYTES..FRAME_HEADER_BYTES + payload.len()].copy_from_slice(payload);
        self.chain = FrameHeader::put(pages, &self.key, &facts);
        self.file.write_pages_at(pages, u64::from(self.end.offset))?;
        self.file.sync()?;
        self.uncovered = false;
        Ok(())
    }

    /// Seals the current segment and begins the next one.
    ///
    /// The next segment's file has its name before the seal is written, so that a sealed segment that nothing follows tells of
    /// a lost file. The index is durable before the seal is written: nothing is in flight with a seal.
    fn roll(&mut self) -> io::Result<()> {
        let spare = self.spares.take(&*self.storage)?;
        self.write_index()?;
        self.write_seal()?;
        self.begin_segment(spare)
    }

    fn write_index(&mut self) -> io::Result<()> {
        let index = self.places.open_index();
        self.end.offset = self.layout.index_offset(index.records);
        self.write_frame(FrameKind::Index, &index.payload())
    }

    fn write_seal(&mut self) -> io::Result<()> {
        self.end.offset = self.layout.seal_offset();
        self.write_frame(FrameKind::Seal, &[])?;
        self.end = Place::start_of(self.end.segment + 1);
        Ok(())
    }

    /// Takes the spare of segment `self.end.segment` into use.
    fn begin_segment(&mut self, (segment, file): (u32, S::File)) -> io::Result<()> {
        assert_eq!(segment, self.end.segment, "spares are taken in order");
        let begun = SegmentStart {
            segment,
            first_sequence: self.next_sequence,
            at_ms: self.last_at_ms,
            previous_hash: self.chain,
        };
        let header = SegmentHeader::new(&self.identity, self.layout, &begun);
        self.file = file;
        self.file.write_pages_at(&[header.page(), header.page()], 0)?;
        self.file.sync()?;
        self.places.begin_segment(segment, self.next_sequence);
        Ok(())
    }

    /// Whether a frame of so many bytes and records fits the current segment.
    fn fits(&self, bytes: usize, records: u64) -> bool {
        let records = self.places.open_records() + records;
        self.layout.fits(self.end.offset, bytes, records)
    }
}

impl<S: Storage> Log for FileLog<S> {
    type Reader = FileReader<S>;

    fn in_flight_max(&self) -> usize {
        1
    }

    fn submit(&mut self, mut group: Group) -> Result<(), AppendError> {
        assert!(self.in_flight.is_none(), "one group is in flight at a time");
        if group.first_sequence() != self.next_sequence {
            return Err(AppendError::Fenced {
                expected: group.first_sequence(),
                next: self.next_sequence,
            });
        }
        let bytes = frame_bytes(group.payload_bytes());
        if !self.fits(bytes, u64::from(group.record_count())) {
            self.roll()?;
        }
        let facts = FrameFacts {
            place: self.end,
            kind: FrameKind::Group,
            first_sequence: group.first_sequence(),
            durable_sequence: group.first_sequence() - 1,
            at_ms: group.last_at().unix_ms(),
            payload_bytes: group.payload_bytes(),
            record_count: group.record_count(),
            previous_hash: self.chain,
        };
        let pages = group.pages_mut(bytes / PAGE_BYTES);
        self.chain = FrameHeader::put(pages, &self.key, &facts);
        self.file.write_pages_at(pages, u64::from(self.end.offset))?;
        self.in_flight = Some(group);
        Ok(())
    }

    fn complete(&mut self) -> Result<Option<Completed>, AppendError> {
        let Some(group) = self.in_flight.take() else {
            return Ok(None);
        };
        self.file.sync()?;
        let place = self.end;
        let bytes = frame_bytes(group.payload_bytes());
        self.end.offset += bytes as u32;
        self.next_sequence = group.next_sequence();
        self.last_at_ms = group.last_at().unix_ms();
        self.uncovered = true;
        self.places.push_frame(place, group.payload(), self.end.offset);
        Ok(Some(Completed { group, bytes }))
    }

    fn cover(&mut self) -> Result<(), AppendError> {
        if !self.uncovered {
            return Ok(());
        }
        if !self.fits(PAGE_BYTES, 0) {
            // No room for another frame: the index and the seal vouch for the last group.
            return Ok(self.roll()?);
        }
        self.write_frame(FrameKind::Watermark, &[])?;
        self.end.offset += PAGE_BYTES as u32;
        Ok(())
    }

    fn needs_cover(&self) -> bool {
        self.uncovered
    }

    fn group_bytes_max(&self) -> usize {
        self.layout.payload_bytes_max()
    }

    fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    fn reader(&self) -> FileReader<S> {
        FileReader::new(self.storage.clone(), self.layout, self.places.clone())
    }

    fn space(&self) -> Arc<SpaceGauge> {
        self.spares.gauge()
    }

    fn upkeep(&self) -> Arc<dyn Upkeep> {
        Arc::new(SparesUpkeep {
            spares: self.spares.clone(),
            storage: self.storage.clone(),
        })
    }
}
