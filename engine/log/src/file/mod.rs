//! The file journal: an append-only chain of frames in segment files (`docs/FORMAT.md`).

mod format;
mod estimate;
mod group;
mod reader;
mod scan;
mod spare;
mod visit;

pub use estimate::about_records_from;
pub use format::{
    ChainHash, FIRST_FRAME_OFFSET, FORMAT_VERSION, FRAME_HEADER_BYTES, FRAME_OVERHEAD_BYTES, FrameKind,
    HeaderProblem, Layout, Place, SegmentHeader, segment_name,
};
pub use group::Group;
pub use reader::{JournalReader, ReadError};
pub use scan::{Scanned, first_header, scan, scan_from, scan_through};
pub use spare::{Space, Spares};
pub use visit::{Misfit, ScanError, VisitedFrame, Visitor};

use crate::log::{AppendError, Log};
use crate::storage::{PAGE_BYTES, Page, Storage, StorageFile};
use format::{FrameFacts, FrameHeader, JournalKey};
use satang_core::calendar::Instant;
use std::io;
use std::sync::Arc;

/// The journal of one data folder, open for appending. One thread owns it.
pub struct FileJournal<S: Storage> {
    storage: Arc<S>,
    spares: Arc<Spares>,
    key: JournalKey,
    first_header: SegmentHeader,
    layout: Layout,
    file: S::File,
    end: Place,
    chain: ChainHash,
    next_sequence: u64,
    last_at_ms: i64,
    uncovered: bool,
    scratch: Vec<Page>,
}

/// How a new journal begins.
pub struct NewJournal {
    /// How long segments and groups are.
    pub layout: Layout,
    /// Random.
    pub journal_id: [u8; 16],
    /// See [`SegmentHeader::citizen_key_check`].
    pub citizen_key_check: [u8; 32],
    /// The time, for the header.
    pub created: Instant,
}

impl<S: Storage> FileJournal<S> {
    /// Begins a journal where there is none.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn create(storage: Arc<S>, new: &NewJournal) -> io::Result<FileJournal<S>> {
        let NewJournal {
            layout,
            journal_id,
            citizen_key_check,
            created,
        } = new;
        let header = SegmentHeader::new(
            1,
            *layout,
            1,
            created.unix_ms(),
            *journal_id,
            [0; 32],
            *citizen_key_check,
        );
        let name = segment_name(1);
        let unfinished = format!("{name}.tmp");
        spare::write_zeros(&*storage, &unfinished, layout.segment_bytes)?;
        let file = storage.open(&unfinished)?;
        file.write_pages_at(&[header.page(), header.page()], 0)?;
        file.sync()?;
        // A segment 1 with its name has its header: the scan relies on it.
        storage.rename(&unfinished, &name)?;
        storage.sync_folder("journal")?;
        let file = storage.open(&name)?;
        Ok(FileJournal {
            spares: Spares::new(2, layout.segment_bytes),
            key: JournalKey::of(journal_id),
            first_header: header,
            layout: *layout,
            storage,
            file,
            end: Place::start_of(1),
            chain: [0; 32],
            next_sequence: 1,
            last_at_ms: created.unix_ms(),
            uncovered: false,
            scratch: vec![Page::ZERO; 1],
        })
    }

    /// Opens a scanned journal for appending: repairs header copies, cuts a torn tail, removes what was never used, and
    /// flushes, so that everything the scan saw is durable before anybody is answered by it.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn resume(storage: Arc<S>, scanned: &Scanned) -> io::Result<FileJournal<S>> {
        let layout = scanned.first_header.layout();
        for (header, offset) in &scanned.header_repairs {
            let file = storage.open(&segment_name(header.segment))?;
            file.write_pages_at(&[header.page()], *offset)?;
            file.sync()?;
        }
        // A segment without its seal must not be followed by a gap, nor a sealed one by nothing: from the last to the first,
        // one by one, and the one that comes next is replaced when it is begun.
        let next = segment_name(scanned.last_segment + 1);
        for name in scanned.leftovers.iter().rev() {
            if !(scanned.sealed && *name == next) {
                storage.remove(name)?;
                storage.sync_folder("journal")?;
            }
        }
        storage.sync_folder("journal")?;
        let file = storage.open(&segment_name(scanned.last_segment))?;
        if scanned.torn_bytes > 0 {
            let zeros = vec![Page::ZERO; scanned.torn_bytes as usize / PAGE_BYTES];
            file.write_pages_at(&zeros, u64::from(scanned.end.offset))?;
        }
        file.sync()?;
        let mut journal = FileJournal {
            spares: Spares::new(scanned.last_segment + 1, layout.segment_bytes),
            key: JournalKey::of(&scanned.first_header.journal_id),
            first_header: scanned.first_header,
            layout,
            storage,
            file,
            end: scanned.end,
            chain: scanned.chain,
            next_sequence: scanned.next_sequence,
            last_at_ms: scanned.last_at_ms,
            uncovered: scanned.uncovered,
            scratch: vec![Page::ZERO; 1],
        };
        if scanned.sealed {
            let spare = journal.spares.take(&*journal.storage)?;
            journal.begin_segment(spare)?;
        }
        Ok(journal)
    }

    /// The spare segments, to be prepared by a thread of the caller's.
    pub fn spares(&self) -> &Arc<Spares> {
        &self.spares
    }

    /// The journal's id.
    pub fn id(&self) -> [u8; 16] {
        self.first_header.journal_id
    }

    /// The time of the last frame.
    pub fn last_at(&self) -> Instant {
        Instant::from_unix_ms(self.last_at_ms)
    }

    fn write_frame(&mut self, kind: FrameKind) -> io::Result<()> {
        let facts = FrameFacts {
            place: self.end,
            kind,
            first_sequence: self.next_sequence,
            durable_sequence: self.next_sequence - 1,
            at_ms: self.last_at_ms,
            payload_bytes: 0,
            record_count: 0,
            previous_hash: self.chain,
        };
        self.chain = FrameHeader::put(&mut self.scratch, &self.key, &facts);
        self.file
            .write_pages_at(&self.scratch, u64::from(self.end.offset))?;
        self.file.sync()?;
        self.uncovered = false;
        Ok(())
    }

    /// Seals the current segment; the next one is begun.
    ///
    /// The next segment's file has its name before the seal is written, so that a sealed segment that nothing follows tells of
    /// a lost file.
    fn roll(&mut self) -> io::Result<()> {
        let spare = self.spares.take(&*self.storage)?;
        self.write_frame(FrameKind::Seal)?;
        self.end = Place::start_of(self.end.segment + 1);
        self.begin_segment(spare)
    }

    /// Takes the spare of segment `self.end.segment` into use.
    fn begin_segment(&mut self, segment: u32) -> io::Result<()> {
        assert_eq!(segment, self.end.segment, "spares are taken in order");
        let header = SegmentHeader::new(
            segment,
            self.layout,
            self.next_sequence,
            self.last_at_ms,
            self.first_header.journal_id,
            self.chain,
            self.first_header.citizen_key_check,
        );
        self.file = self.storage.open(&segment_name(segment))?;
        self.file.write_pages_at(&[header.page(), header.page()], 0)?;
        self.file.sync()
    }
}

impl<S: Storage> Log for FileJournal<S> {
    type Reader = JournalReader<S>;

    fn append(&mut self, expected_sequence: u64, group: &mut Group) -> Result<(), AppendError> {
        if expected_sequence != self.next_sequence || group.first_sequence() != expected_sequence {
            return Err(AppendError::Fenced {
                expected: expected_sequence,
                next: self.next_sequence,
            });
        }
        if group.place().segment != self.end.segment {
            self.roll()?;
        }
        assert_eq!(
            group.place(),
            self.end,
            "a group is written where its records were told they lie"
        );
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
        let next_sequence = group.next_sequence();
        let last_at_ms = group.last_at().unix_ms();
        let pages = group.frame_pages();
        self.chain = FrameHeader::put(pages, &self.key, &facts);
        self.file.write_pages_at(pages, u64::from(self.end.offset))?;
        self.file.sync()?;
        self.end.offset += (pages.len() * PAGE_BYTES) as u32;
        self.next_sequence = next_sequence;
        self.last_at_ms = last_at_ms;
        self.uncovered = true;
        Ok(())
    }

    fn cover(&mut self) -> Result<(), AppendError> {
        if !self.uncovered {
            return Ok(());
        }
        if self.layout.capacity_at(self.end) < PAGE_BYTES {
            // No room for another frame: the seal vouches for the last group.
            return Ok(self.roll()?);
        }
        self.write_frame(FrameKind::Watermark)?;
        self.end.offset += PAGE_BYTES as u32;
        Ok(())
    }

    fn needs_cover(&self) -> bool {
        self.uncovered
    }

    fn end(&self) -> Place {
        self.end
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    fn reader(&self) -> JournalReader<S> {
        JournalReader::new(self.storage.clone(), self.layout)
    }
}
