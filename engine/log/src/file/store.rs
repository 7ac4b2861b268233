//! A journal's files as they are found: listed, read, and opened for appending.

use super::FileLog;
use super::chain::{Begun, check_chain, in_parallel, read_ends, read_header};
use super::cursor::{FileCursor, JournalEnd, NOT_CONTINUED, Progress, unknown_version};
use super::format::{
    FIRST_FRAME_OFFSET, HeaderProblem, JournalKey, Layout, SegmentHeader, SegmentStart, segment_name,
};
use super::places::{FileReader, Places};
use super::scrub::scrub_segments;
use super::spare::{Spares, write_zeros};
use super::window::{open_whole, unread};
use crate::durable::Durable;
use crate::log::{Bound, LogError, LogIdentity, LogStore, ReadToEnd};
use crate::scrub::ScrubMonitor;
use crate::storage::{PAGE_BYTES, Page, ReadFile, ReadStorage, Storage, StorageFile as _};
use satang_core::calendar::Instant;
use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

/// The journal in a data folder, as it was when it was opened.
pub struct FileLogStore<S: ReadStorage> {
    storage: Arc<S>,
    /// Of a new journal; one that is there has its own.
    layout: Layout,
    /// The header of the first segment, once there is a journal.
    first_header: OnceLock<SegmentHeader>,
    /// The segments that were begun when it was opened.
    begun: Vec<Begun>,
    places: Arc<Places>,
}

impl<S: ReadStorage> FileLogStore<S> {
    /// Looks at the journal in `storage`: its files' names and lengths, and the headers of its segments. A new one will get `layout`.
    ///
    /// # Errors
    /// [`LogError`]; nothing was changed.
    pub fn open(storage: &Arc<S>, layout: Layout) -> Result<FileLogStore<S>, LogError> {
        let segments = count_segments(&list_journal(&**storage)?)?;
        let mut store = FileLogStore {
            storage: storage.clone(),
            layout,
            first_header: OnceLock::new(),
            begun: Vec::new(),
            places: Arc::default(),
        };
        if segments > 0 {
            let first = first_header(&**storage)?;
            store.layout = first.layout();
            store.first_header = first.into();
            store.begun = store.read_begun(segments)?;
            let first_sequences = store.begun.iter().map(|begun| begun.header.first_sequence);
            store.places = Arc::new(Places::of(first_sequences.collect()));
        }
        Ok(store)
    }

    /// Checks that each segment that was begun continues the seal of the one before it, with what lies between left unread. Whoever
    /// reads every frame checks that as well; this finds a segment of another copy of the journal in front of where a reading begins.
    ///
    /// # Errors
    /// [`LogError`]; nothing was changed.
    pub fn check_chain(&self) -> Result<(), LogError> {
        check_chain(&self.begun, self.layout)
    }

    /// The header of the first segment; `None` when there is no journal.
    pub fn first_header(&self) -> Option<&SegmentHeader> {
        self.first_header.get()
    }

    /// How long segments and groups are.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// A reader of the records that a cursor of this store has read.
    pub fn reader(&self) -> FileReader<S> {
        FileReader::new(self.storage.clone(), self.layout, self.places.clone())
    }

    /// Header and seal of each segment that was begun: all files must have their whole length.
    fn read_begun(&self, segments: u32) -> Result<Vec<Begun>, LogError> {
        let key = JournalKey::of(&self.header_or_none().journal_id);
        let found = in_parallel(1..segments + 1, |segment| {
            let file = open_whole(&*self.storage, segment, self.layout)?;
            read_ends(&file, segment, self.layout, &key)
        });
        let mut begun: Vec<Begun> = Vec::with_capacity(segments as usize);
        let mut ended = false;
        for (segment, found) in (1..).zip(found) {
            // Whoever reads up to one without a header looks what it is.
            let found = match found? {
                Ok(found) if !ended => found,
                Ok(_) | Err(_) => {
                    ended = true;
                    continue;
                }
            };
            let header = &found.header;
            let last = begun.last().map_or(0, |before| before.header.first_sequence);
            let is_ours = header.segment == segment && header.is_of(self.header_or_none());
            if !is_ours || header.first_sequence <= last {
                return Err(LogError::Damaged {
                    file: segment_name(segment),
                    offset: 0,
                    sequence: 0,
                    what: NOT_CONTINUED.into(),
                });
            }
            begun.push(found);
        }
        Ok(begun)
    }

    fn header_or_none(&self) -> &SegmentHeader {
        self.first_header
            .get()
            .expect("only asked of a journal that is there")
    }
}

fn list_journal<S: ReadStorage>(storage: &S) -> Result<Vec<String>, LogError> {
    storage.list("journal").map_err(|source| LogError::Io {
        file: "journal".into(),
        source,
    })
}

/// Counts the segment files, which must be numbered from 1 without a gap.
fn count_segments(listed: &[String]) -> Result<u32, LogError> {
    let mut count = 0;
    for name in listed {
        let path = format!("journal/{name}");
        if path == segment_name(count + 1) {
            count += 1;
        } else if !name.ends_with(UNFINISHED) {
            let next = segment_name(count + 1);
            return Err(LogError::Damaged {
                file: path,
                offset: 0,
                sequence: 0,
                what: format!("unexpected file; the next segment should be {next}"),
            });
        }
    }
    Ok(count)
}

/// How the names of files end that were never finished.
const UNFINISHED: &str = ".tmp";

/// The header of the journal's first segment, which tells its layout.
fn first_header<S: ReadStorage>(storage: &S) -> Result<SegmentHeader, LogError> {
    let name = segment_name(1);
    let file = storage.open(&name).map_err(|source| unread(1, source))?;
    let len = file.len_bytes().map_err(|source| unread(1, source))?;
    let damaged = |offset, what: String| LogError::Damaged {
        file: name.clone(),
        offset,
        sequence: 1,
        what,
    };
    if len < u64::from(FIRST_FRAME_OFFSET) {
        let what = format!("the file ends after {len} bytes, within its header");
        return Err(damaged(len, what));
    }
    read_header(&file, 1)?.map_err(|problem| match problem {
        HeaderProblem::Version(version) => damaged(0, unknown_version(version)),
        HeaderProblem::Blank | HeaderProblem::Damaged => {
            damaged(0, "both copies of the header are damaged".into())
        }
    })
}

impl<S: ReadStorage> FileLogStore<S> {
    /// A cursor at the first frame of a journal that is there.
    pub fn file_cursor(&self, bound: Bound) -> Result<FileCursor<S>, LogError> {
        let (storage, places) = (self.storage.clone(), self.places.clone());
        let segments = count_segments(&list_journal(&*self.storage)?)?;
        let header = *self.header_or_none();
        Ok(FileCursor::new(storage, header, places, segments, bound))
    }
}

impl<S: Storage> LogStore for FileLogStore<S> {
    type Log = FileLog<S>;
    type Cursor = FileCursor<S>;

    fn identity(&self) -> Option<LogIdentity> {
        self.first_header.get().map(SegmentHeader::identity)
    }

    fn cursor(&self, bound: Bound) -> Result<FileCursor<S>, LogError> {
        self.file_cursor(bound)
    }

    fn about_records_from(&self, sequence: u64) -> u64 {
        let (segment, _) = self.places.segment_of(sequence);
        match self.places.first_sequences_from(segment).as_slice() {
            // As many again as in the segment before stand for those of the segment in use.
            [first, .., before, last] => last.saturating_sub(*first) + last.saturating_sub(*before),
            [first, last] => 2 * last.saturating_sub(*first),
            _ => 0,
        }
    }

    fn create(&self, identity: LogIdentity) -> io::Result<FileLog<S>> {
        let (layout, storage) = (self.layout, &self.storage);
        let begun = SegmentStart {
            segment: 1,
            first_sequence: 1,
            at_ms: identity.created.unix_ms(),
            previous_hash: [0; 32],
        };
        let header = SegmentHeader::new(&identity, layout, &begun);
        let name = segment_name(1);
        let unfinished = format!("{name}{UNFINISHED}");
        write_zeros(&**storage, &unfinished, layout.segment_bytes)?;
        let file = storage.open(&unfinished)?;
        file.write_pages_at(&[header.page(), header.page()], 0)?;
        file.sync()?;
        // A segment 1 with its name has its header: whoever opens the journal relies on it.
        storage.rename(&unfinished, &name)?;
        storage.sync_folder("journal")?;
        let file = storage.open(&name)?;
        self.places.begin_segment(1, 1);
        let began = self.first_header.set(header);
        began.expect("a log is created where there is none");
        let begun = Progress {
            segment: 1,
            sealed: false,
            last_at_ms: identity.created.unix_ms(),
            ..Progress::NOTHING
        };
        Ok(self.log_behind(&begun, file))
    }

    fn end(&self, mut cursor: FileCursor<S>) -> Result<ReadToEnd<FileCursor<S>>, LogError> {
        let end = cursor.classify_end()?;
        let (torn_bytes, place) = (end.torn_bytes, end.read.place.to_string());
        cursor.end = Some(end);
        let read = cursor.read();
        Ok(ReadToEnd {
            end: place,
            torn_bytes,
            last_at: Instant::from_unix_ms(read.last_at_ms),
            next_sequence: read.next_sequence,
            cursor,
        })
    }

    fn scrub(&self, durable: &Arc<Durable>, monitor: &mut dyn ScrubMonitor) -> ControlFlow<()> {
        scrub_segments(self, durable, monitor)
    }

    /// Repairs header copies, also of segments in front of where the reading began, cuts a torn tail, removes what was never used, and flushes, so that everything that was read is
    /// durable before anybody is answered by it.
    fn resume(&self, read: ReadToEnd<FileCursor<S>>) -> io::Result<FileLog<S>> {
        let end = read.cursor.end.expect("only `end` makes one");
        let storage = &self.storage;
        for Begun {
            header, damaged_copy, ..
        } in &self.begun
        {
            if let Some(offset) = *damaged_copy {
                let file = storage.open(&segment_name(header.segment))?;
                file.write_pages_at(&[header.page()], offset)?;
                file.sync()?;
            }
        }
        self.remove_unused(&end)?;
        let file = storage.open(&segment_name(end.read.segment))?;
        if end.torn_bytes > 0 {
            let zeros = vec![Page::ZERO; end.torn_bytes as usize / PAGE_BYTES];
            file.write_pages_at(&zeros, u64::from(end.read.place.offset))?;
        }
        file.sync()?;
        let mut log = self.log_behind(&end.read, file);
        log.finish_segment(end.read.sealed, end.read.indexed)?;
        Ok(log)
    }
}

impl<S: ReadStorage> FileLogStore<S> {
    /// The data folder.
    pub(super) fn storage(&self) -> &S {
        &self.storage
    }

    /// How many segments were begun by now.
    pub(super) fn segments_begun(&self) -> u32 {
        self.places.segments_len()
    }
}

impl<S: Storage> FileLogStore<S> {
    /// The log that goes on in `file`, the last segment that was begun, where it was read to.
    fn log_behind(&self, read: &Progress, file: S::File) -> FileLog<S> {
        let header = self.header_or_none();
        FileLog {
            spares: Spares::new(read.segment + 1, self.layout.segment_bytes),
            places: self.places.clone(),
            key: JournalKey::of(&header.journal_id),
            identity: header.identity(),
            layout: self.layout,
            storage: self.storage.clone(),
            file,
            end: read.place,
            chain: read.chain,
            next_sequence: read.next_sequence,
            last_at_ms: read.last_at_ms,
            uncovered: read.uncovered,
            in_flight: None,
            scratch: vec![Page::ZERO; 1],
        }
    }

    /// A segment without its seal must not be followed by a gap, nor a sealed one by nothing: from the last to the first, one by
    /// one, and the one that comes next is replaced when it is begun.
    fn remove_unused(&self, end: &JournalEnd) -> io::Result<()> {
        let storage = &self.storage;
        for name in storage.list("journal")? {
            if name.ends_with(UNFINISHED) {
                storage.remove(&format!("journal/{name}"))?;
            }
        }
        let next = segment_name(end.read.segment + 1);
        for name in end.unused.iter().rev() {
            if !(end.read.sealed && *name == next) {
                storage.remove(name)?;
                storage.sync_folder("journal")?;
            }
        }
        storage.sync_folder("journal")
    }
}

impl<S: Storage> FileLog<S> {
    /// Does what a stop interrupted: seals a segment that has its index, begins the one behind a sealed segment.
    fn finish_segment(&mut self, sealed: bool, indexed: bool) -> io::Result<()> {
        if !(sealed || indexed) {
            return Ok(());
        }
        let spare = self.spares.take(&*self.storage)?;
        if !sealed {
            self.write_seal()?;
        }
        self.begin_segment(spare)
    }
}
