//! Reading a journal frame by frame: all of it, or as far as it is durable while somebody writes it.
//!
//! Every frame is checked before it is handed out: its hash, its place in the chain, the check and the sequence of each record. A
//! cursor only reads (house rule 10); what the end of a journal means is decided in `end.rs`.

use super::format::{
    FIRST_FRAME_OFFSET, FRAME_HEADER_BYTES, FrameHeader, FrameKind, HeaderProblem, JournalKey, Layout, Place,
    SegmentHeader, is_zero, segment_name,
};
use super::places::{FileReader, OpenIndex, Places};
use super::window::{Window, unread};
use crate::log::{Bound, ChainHash, Cursor, Frame, LogError, ReadLog as _};
use crate::storage::{PAGE_BYTES, ReadStorage};
use satang_core::calendar::Instant;
use satang_core::record::split_record;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use zerocopy::IntoBytes as _;

/// Reads a journal's frames in order.
pub struct FileCursor<S: ReadStorage> {
    pub(super) storage: Arc<S>,
    pub(super) first_header: SegmentHeader,
    pub(super) key: JournalKey,
    pub(super) layout: Layout,
    pub(super) places: Arc<Places>,
    bound: Bound,
    /// How many segment files there were when they were last listed.
    pub(super) segments: u32,
    pub(super) window: Window<S>,
    pub(super) read: Progress,
    /// Of the segment at hand.
    pub(super) index: OpenIndex,
    first_segment: u32,
    /// What lies behind, once that was looked at.
    pub(super) end: Option<JournalEnd>,
}

/// How far a cursor has read.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Where the next frame belongs.
    pub place: Place,
    /// The last segment that was begun and looked into; 0 for none.
    pub segment: u32,
    /// Whether that segment ends with its seal.
    pub sealed: bool,
    /// Whether that segment has its index, which only the seal may follow.
    pub indexed: bool,
    /// The hash that the next frame (or segment header) continues.
    pub chain: ChainHash,
    /// The sequence the next record gets.
    pub next_sequence: u64,
    /// The time of the last frame, in milliseconds since the Unix epoch.
    pub last_at_ms: i64,
    /// Whether the last frame carries records that no later frame vouches for yet.
    pub uncovered: bool,
    /// Segments whose other header copy is damaged, and where.
    pub header_repairs: Vec<(SegmentHeader, u64)>,
}

impl Progress {
    /// In front of the first segment.
    pub const NOTHING: Progress = Progress {
        place: Place::start_of(1),
        segment: 0,
        sealed: true,
        indexed: false,
        chain: [0; 32],
        next_sequence: 1,
        last_at_ms: 0,
        uncovered: false,
        header_repairs: Vec::new(),
    };

    /// Whether a frame with this header is the next one of the chain.
    pub(super) fn is_continued_by(&self, header: &FrameHeader) -> bool {
        header.previous_hash == self.chain && header.first_sequence == self.next_sequence
    }
}

/// The end of a journal that was read to it.
#[derive(Debug)]
pub struct JournalEnd {
    /// How far it was read.
    pub read: Progress,
    /// Bytes of a torn tail behind the end, to be zeroed; 0 for a clean end.
    pub torn_bytes: u32,
    /// Segments that hold nothing: spares that were never begun.
    pub unused: Vec<String>,
}

/// An intact frame of any kind.
#[derive(Clone)]
pub struct FileFrame {
    /// What it is for.
    pub kind: FrameKind,
    pub frame: Frame,
}

/// An intact frame that was not taken yet.
struct Ahead {
    place: Place,
    header: FrameHeader,
    kind: FrameKind,
}

/// How long a cursor sleeps before it looks again whether another process has written more.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);

impl<S: ReadStorage> FileCursor<S> {
    /// A cursor at the first frame of a journal.
    pub(super) fn new(
        storage: Arc<S>,
        first_header: SegmentHeader,
        places: Arc<Places>,
        segments: u32,
        bound: Bound,
    ) -> FileCursor<S> {
        FileCursor {
            first_header,
            key: JournalKey::of(&first_header.journal_id),
            layout: first_header.layout(),
            places,
            segments,
            window: Window::new(
                storage.clone(),
                first_header.layout(),
                matches!(bound, Bound::All),
            ),
            read: Progress::NOTHING,
            index: OpenIndex::default(),
            first_segment: 1,
            end: None,
            bound,
            storage,
        }
    }

    /// How far it has read.
    pub fn read(&self) -> &Progress {
        &self.read
    }

    /// Goes to the first frame of a segment: what lies in front of it is taken from the segment's header, not checked again.
    pub fn seek_segment(&mut self, segment: u32) -> Result<(), LogError> {
        self.read.place = Place::start_of(segment);
        self.read.segment = segment - 1;
        self.read.sealed = true;
        self.read.indexed = false;
        self.first_segment = segment;
        if segment == 1 {
            self.read.chain = [0; 32];
            self.read.next_sequence = 1;
            return Ok(());
        }
        if !self.load_header(segment)? {
            return Err(self.damaged(segment, 0, "no file: the reading should go on from it".into()));
        }
        match self.header_copies() {
            [Ok(header), _] | [_, Ok(header)] => {
                self.read.next_sequence = header.first_sequence;
                self.read.chain = header.previous_hash;
                self.read.last_at_ms = header.created_ms;
                Ok(())
            }
            // `begin_segment` says more of a version it does not know.
            [Err(HeaderProblem::Version(_)), _] => Ok(()),
            _ => Err(self.damaged(segment, 0, "no header: the reading should go on from it".into())),
        }
    }

    /// The next intact frame of any kind; `None` when there is none that counts.
    pub fn next_file_frame(&mut self) -> Result<Option<FileFrame>, LogError> {
        match self.ahead()? {
            Some(ahead) => self.take(ahead).map(Some),
            None => Ok(None),
        }
    }

    /// The next intact frame, which is not taken yet; `None` when there is none that counts.
    fn ahead(&mut self) -> Result<Option<Ahead>, LogError> {
        let is_durable = match &self.bound {
            Bound::Durable(durable) if self.read.next_sequence > durable.sequence() => return Ok(None),
            Bound::Durable(_) => true,
            Bound::All | Bound::Proven => false,
        };
        if self.read.sealed && !self.begin_segment()? {
            let segment = self.read.place.segment;
            return match is_durable {
                true => Err(self.damaged(segment, 0, "a segment with durable records is not there".into())),
                false => Ok(None),
            };
        }
        let place = self.read.place;
        if place.offset > self.layout.seal_offset() {
            return Ok(None);
        }
        let mut found = self.frame_here(place)?;
        if found.is_none() && !self.is_alone() {
            // What was read ahead may be older than what is durable by now.
            self.window.forget();
            found = self.frame_here(place)?;
        }
        match found {
            Some(ahead) if matches!(self.bound, Bound::Proven) && !self.is_proven(&ahead)? => Ok(None),
            None if is_durable => {
                let what = "a durable frame is damaged";
                Err(self.damaged(place.segment, u64::from(place.offset), what.into()))
            }
            found => Ok(found),
        }
    }

    /// Whether nobody writes the log meanwhile: what was read is as it was, and no writer says where records lie.
    fn is_alone(&self) -> bool {
        matches!(self.bound, Bound::All)
    }

    /// The frame at `place`, or the index or seal of a segment that ends there.
    fn frame_here(&mut self, place: Place) -> Result<Option<Ahead>, LogError> {
        if let Some(found) = self.intact_frame(place)? {
            return Ok(Some(found));
        }
        let end = match self.read.indexed {
            true => Place {
                offset: self.layout.seal_offset(),
                ..place
            },
            false => self.index_place(),
        };
        if end <= place {
            return Ok(None);
        }
        match self.intact_frame(end)? {
            Some(found) if self.is_zero_between(place, end)? => Ok(Some(found)),
            _ => Ok(None),
        }
    }

    /// Where the index of the segment at hand belongs, if no record follows.
    pub(super) fn index_place(&self) -> Place {
        Place {
            segment: self.read.segment,
            offset: self.layout.index_offset(self.index.records),
        }
    }

    /// The frame at `place`, when all of it is intact and continues the chain.
    fn intact_frame(&mut self, place: Place) -> Result<Option<Ahead>, LogError> {
        let Place { segment, offset } = place;
        self.window.ensure(segment, offset, PAGE_BYTES)?;
        let Some(header) = FrameHeader::read(self.window.bytes_at(offset), &self.key, place) else {
            return Ok(None);
        };
        if header.frame_bytes() > (self.layout.segment_bytes - offset) as usize {
            return Ok(None);
        }
        self.window.ensure(segment, offset, header.frame_bytes())?;
        if !self.read.is_continued_by(&header)
            || header.payload(self.window.bytes_at(offset), &self.key).is_none()
        {
            return Ok(None);
        }
        let fits = |kind: &FrameKind| match kind {
            FrameKind::Group | FrameKind::Watermark => {
                !self.read.indexed && offset < self.layout.seal_offset()
            }
            FrameKind::Index => !self.read.indexed && place == self.index_place(),
            FrameKind::Seal => self.read.indexed && offset == self.layout.seal_offset(),
        };
        Ok(header
            .kind()
            .filter(fits)
            .map(|kind| Ahead { place, header, kind }))
    }

    pub(super) fn is_zero_between(&mut self, from: Place, to: Place) -> Result<bool, LogError> {
        let len = (to.offset - from.offset) as usize;
        self.window.ensure(from.segment, from.offset, len)?;
        Ok(is_zero(&self.window.bytes_at(from.offset)[..len]))
    }

    /// Whether the journal proves that a frame is durable: a frame behind it says so, or it has no records.
    fn is_proven(&mut self, ahead: &Ahead) -> Result<bool, LogError> {
        let Ahead { place, header, kind } = ahead;
        if *kind != FrameKind::Group {
            return Ok(true);
        }
        let last = header.last_sequence();
        let behind = place.offset + header.frame_bytes() as u32;
        let with_next =
            (header.frame_bytes() + PAGE_BYTES).min((self.layout.segment_bytes - place.offset) as usize);
        self.window.ensure(place.segment, place.offset, with_next)?;
        let proves = |cursor: &mut Self, offset: u32| -> Result<bool, LogError> {
            if offset > cursor.layout.seal_offset() {
                return Ok(false);
            }
            let at = Place {
                segment: place.segment,
                offset,
            };
            cursor.window.ensure(place.segment, offset, PAGE_BYTES)?;
            let later = FrameHeader::read(cursor.window.bytes_at(offset), &cursor.key, at);
            Ok(later.is_some_and(|later| later.durable_sequence >= last))
        };
        let records = self.index.records + u64::from(header.record_count);
        let index = self.layout.index_offset(records);
        if proves(self, behind)? || proves(self, index)? {
            return Ok(true);
        }
        self.window.forget();
        Ok(proves(self, behind)? || proves(self, index)?)
    }

    /// Checks the records of an intact frame and goes behind it.
    fn take(&mut self, ahead: Ahead) -> Result<FileFrame, LogError> {
        let Ahead { place, header, kind } = ahead;
        let frame = self.records(place, &header)?;
        if kind == FrameKind::Index {
            self.check_index(&frame, &header, place)?;
        }
        self.read.chain = header.hash;
        self.read.last_at_ms = header.at_ms;
        self.read.uncovered = kind == FrameKind::Group;
        self.read.indexed = kind == FrameKind::Index;
        self.read.place = Place {
            offset: place.offset + header.frame_bytes() as u32,
            ..place
        };
        self.tell_places(place, &frame);
        if kind == FrameKind::Seal {
            self.read.sealed = true;
            self.read.place = Place::start_of(place.segment + 1);
        }
        Ok(FileFrame { kind, frame })
    }

    fn records(&mut self, place: Place, header: &FrameHeader) -> Result<Frame, LogError> {
        self.window
            .ensure(place.segment, place.offset, header.frame_bytes())?;
        let pages = self.window.pages().clone();
        let start = self.window.index_of(place.offset) + FRAME_HEADER_BYTES;
        let payload = &pages.as_bytes()[start..start + header.payload_bytes as usize];
        let file_start = place.offset as usize + FRAME_HEADER_BYTES;
        let mut at = 0;
        for _ in 0..header.record_count {
            let offset = (file_start + at) as u64;
            let (record, bytes) = split_record(&payload[at..])
                .map_err(|error| self.damaged(place.segment, offset, error.to_string()))?;
            if record.sequence != self.read.next_sequence {
                let what = format!("record has sequence {}", record.sequence);
                return Err(self.damaged(place.segment, offset, what));
            }
            self.index.push(file_start + at);
            at += bytes.len();
            self.read.next_sequence += 1;
        }
        let len_bytes = at;
        if header.kind() != Some(FrameKind::Index) && at != payload.len() {
            let what = "the frame has bytes behind its last record";
            return Err(self.damaged(place.segment, (file_start + at) as u64, what.into()));
        }
        Ok(Frame {
            first_sequence: header.first_sequence,
            record_count: header.record_count,
            at: Instant::from_unix_ms(header.at_ms),
            hash: header.hash,
            pages: pages.clone(),
            start,
            len_bytes,
            stored_bytes: header.frame_bytes(),
        })
    }

    fn check_index(&self, frame: &Frame, header: &FrameHeader, place: Place) -> Result<(), LogError> {
        let found = &frame.pages.as_bytes()[frame.start..][..header.payload_bytes as usize];
        match found == self.index.payload() {
            true => Ok(()),
            false => {
                let what = "the index says that records lie elsewhere";
                Err(self.damaged(place.segment, u64::from(place.offset), what.into()))
            }
        }
    }

    /// Goes into the segment at hand, when it was begun.
    fn begin_segment(&mut self) -> Result<bool, LogError> {
        let segment = self.read.place.segment;
        if !self.load_header(segment)? {
            return Ok(false);
        }
        let Some(header) = self.header()? else {
            return Ok(false);
        };
        self.places_learn(segment, header.first_sequence);
        self.index = OpenIndex::of(segment);
        self.read.segment = segment;
        self.read.sealed = false;
        self.read.indexed = false;
        self.read.place = Place::start_of(segment);
        Ok(true)
    }

    /// Has the header of a segment in memory as it is now; `false` when there is no such file.
    fn load_header(&mut self, segment: u32) -> Result<bool, LogError> {
        if segment > self.segments && !self.is_there_now(segment)? {
            return Ok(false);
        }
        if !self.is_alone() && self.window.is_in(segment) {
            self.window.forget();
        }
        self.window.ensure(segment, 0, FIRST_FRAME_OFFSET as usize)?;
        Ok(true)
    }

    /// A segment that was begun after the headers were read.
    fn places_learn(&self, segment: u32, first_sequence: u64) {
        let (known, _) = self.places.segment_of(first_sequence);
        if self.is_alone() && known < segment {
            self.places.begin_segment(segment, first_sequence);
        }
    }

    /// Says where the records of the segment in use lie, unless its writer does.
    fn tell_places(&self, place: Place, frame: &Frame) {
        if self.is_alone() {
            let payload = &frame.pages.as_bytes()[frame.start..frame.start + frame.len_bytes];
            self.places.push_frame(place, payload, self.read.place.offset);
        }
    }

    /// Whether a file for the segment has come since the files were listed.
    fn is_there_now(&mut self, segment: u32) -> Result<bool, LogError> {
        if self.is_alone() {
            return Ok(false);
        }
        match self.storage.open(&segment_name(segment)) {
            Ok(_) => {
                self.segments = segment;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(unread(segment, source)),
        }
    }

    pub(super) fn header_copies(&self) -> [Result<SegmentHeader, HeaderProblem>; 2] {
        SegmentHeader::read_copies(self.window.bytes_at(0))
    }

    /// Checks the header of the segment at hand; `None` for one that was never begun.
    fn header(&mut self) -> Result<Option<SegmentHeader>, LogError> {
        let segment = self.read.place.segment;
        let header = match self.header_copies() {
            [Ok(header), Ok(other)] if header == other => header,
            [Ok(_), Ok(_)] => return Err(self.damaged(segment, 0, "the two headers differ".into())),
            [Ok(header), Err(_)] => {
                self.read.header_repairs.push((header, PAGE_BYTES as u64));
                header
            }
            [Err(_), Ok(header)] => {
                self.read.header_repairs.push((header, 0));
                header
            }
            [Err(HeaderProblem::Version(version)), _] => {
                return Err(self.damaged(segment, 0, unknown_version(version)));
            }
            // A crash while the segment was begun, or damage when a frame lies in it: `end.rs` looks.
            [Err(_), Err(_)] => return Ok(None),
        };
        let same_log = header.is_of(&self.first_header);
        let continues = header.segment == segment
            && header.first_sequence == self.read.next_sequence
            && header.previous_hash == self.read.chain;
        if !(same_log && continues) {
            return Err(self.damaged(segment, 0, NOT_CONTINUED.into()));
        }
        Ok(Some(header))
    }

    pub(super) fn damaged(&self, segment: u32, offset: u64, what: String) -> LogError {
        LogError::Damaged {
            file: segment_name(segment),
            offset,
            sequence: self.read.next_sequence,
            what,
        }
    }
}

/// What is wrong with a segment whose header is another's.
pub(super) const NOT_CONTINUED: &str = "the header does not continue the segment before it";

pub(super) fn unknown_version(version: u32) -> String {
    format!("format version {version} is not known to this program")
}

impl<S: ReadStorage> Cursor for FileCursor<S> {
    fn seek(&mut self, sequence: u64) -> Result<(), LogError> {
        let (segment, _) = self.places.segment_of(sequence);
        self.seek_segment(segment)?;
        while let Some(ahead) = self.ahead()? {
            if ahead.header.last_sequence() >= sequence {
                break;
            }
            self.take(ahead)?;
        }
        Ok(())
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, LogError> {
        while let Some(found) = self.next_file_frame()? {
            if found.kind == FrameKind::Group {
                return Ok(Some(found.frame));
            }
        }
        Ok(None)
    }

    fn wait(&mut self, at_most: Duration) -> bool {
        match &self.bound {
            Bound::All => false,
            Bound::Durable(durable) => durable.block_at_most(self.read.next_sequence, at_most),
            Bound::Proven => {
                std::thread::sleep(LOOK_AGAIN_AFTER.min(at_most));
                true
            }
        }
    }

    fn next_sequence(&self) -> u64 {
        self.read.next_sequence
    }

    fn progress(&self) -> (u64, u64) {
        let segment_bytes = u64::from(self.layout.segment_bytes);
        let done = (self.read.segment + 1).saturating_sub(self.first_segment);
        let total = (self.segments + 1).saturating_sub(self.first_segment);
        (u64::from(done) * segment_bytes, u64::from(total) * segment_bytes)
    }

    fn describe(&self, sequence: u64) -> String {
        let reader = FileReader::new(self.storage.clone(), self.layout, self.places.clone());
        reader.describe(sequence)
    }
}
