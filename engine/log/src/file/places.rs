//! Where the record of a sequence lies.
//!
//! Memory keeps the first sequence of each segment, and of the segment in use where every fourth record lies. A sealed segment has
//! that in its index. So reading a record back takes two reads: of the index, and of the bytes from one indexed record to the
//! next, which hold it.

use super::format::{
    FIRST_FRAME_OFFSET, FRAME_HEADER_BYTES, FrameHeader, INDEX_EVERY, Layout, Place, segment_name,
};
use super::window::unread;
use crate::log::{LogError, ReadError, ReadLog};
use crate::storage::{PAGE_BYTES, ReadFile, ReadStorage};
use parking_lot::RwLock;
use satang_core::record::{RECORD_UNIT, Record, RecordHeader, split_record};
use std::collections::BTreeMap;
use std::sync::Arc;
use zerocopy::FromBytes as _;

/// Where records lie, as whoever reads or writes the log last learned it.
#[derive(Default)]
pub struct Places {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    /// The first sequence of each segment that was begun.
    first_sequences: Vec<u64>,
    /// The segment in use.
    open: OpenIndex,
    /// The first byte behind the last frame of the segment in use.
    open_end: u32,
}

/// Where every fourth record of one segment lies, as it is being read or written: offsets in units of records' lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenIndex {
    pub segment: u32,
    /// How many records it has so far.
    pub records: u64,
    /// Of the first record and every fourth behind it.
    pub offsets: Vec<u32>,
}

impl OpenIndex {
    /// A segment without records.
    pub fn of(segment: u32) -> OpenIndex {
        OpenIndex {
            segment,
            records: 0,
            offsets: Vec::new(),
        }
    }

    /// Adds the next record, whose first byte is at `offset`.
    pub fn push(&mut self, offset: usize) {
        if self.records.is_multiple_of(INDEX_EVERY) {
            self.offsets.push((offset / RECORD_UNIT) as u32);
        }
        self.records += 1;
    }

    /// Adds the records of a frame at `offset`, which are whole.
    pub fn push_all(&mut self, offset: u32, payload: &[u8]) {
        let mut at = 0;
        while at < payload.len() {
            let (header, _) = RecordHeader::read_from_prefix(&payload[at..]).expect("a record is whole");
            self.push(offset as usize + FRAME_HEADER_BYTES + at);
            at += header.len_bytes();
        }
    }

    /// What the index frame of the segment holds.
    pub fn payload(&self) -> Vec<u8> {
        self.offsets
            .iter()
            .flat_map(|offset| offset.to_le_bytes())
            .collect()
    }
}

/// The bytes that hold a record: from one that is indexed to the next.
struct Run {
    segment: u32,
    from: u32,
    to: u32,
    /// How many records lie in front of the one that is wanted.
    skip: u64,
}

impl Places {
    /// What the headers of the segments say.
    pub fn of(first_sequences: Vec<u64>) -> Places {
        Places {
            known: RwLock::new(Known {
                first_sequences,
                ..Known::default()
            }),
        }
    }

    /// The segment that has, or will have, the record of this sequence, and its first sequence; the first one when there is none.
    pub fn segment_of(&self, sequence: u64) -> (u32, u64) {
        let known = self.known.read();
        let behind = known.first_sequences.partition_point(|first| *first <= sequence);
        let index = behind.saturating_sub(1);
        (
            index as u32 + 1,
            known.first_sequences.get(index).copied().unwrap_or(1),
        )
    }

    /// The first sequence of each segment from this one on.
    pub fn first_sequences_from(&self, segment: u32) -> Vec<u64> {
        let known = self.known.read();
        known
            .first_sequences
            .get(segment as usize - 1..)
            .unwrap_or_default()
            .to_vec()
    }

    /// How many segments were begun.
    pub fn segments_len(&self) -> u32 {
        self.known.read().first_sequences.len() as u32
    }

    /// A segment was begun.
    pub fn begin_segment(&self, segment: u32, first_sequence: u64) {
        let mut known = self.known.write();
        known.first_sequences.truncate(segment as usize - 1);
        known.first_sequences.push(first_sequence);
        known.open = OpenIndex::of(segment);
        known.open_end = FIRST_FRAME_OFFSET;
    }

    /// A frame with these records lies at `place` and ends at `end`: remembered when it is one of the segment in use, and new.
    pub fn push_frame(&self, place: Place, payload: &[u8], end: u32) {
        let mut known = self.known.write();
        if place.segment as usize != known.first_sequences.len() {
            return;
        }
        if known.open.segment != place.segment {
            known.open = OpenIndex::of(place.segment);
            known.open_end = FIRST_FRAME_OFFSET;
        }
        if place.offset >= known.open_end {
            known.open.push_all(place.offset, payload);
            known.open_end = end;
        }
    }

    /// The index of the segment in use.
    pub fn open_index(&self) -> OpenIndex {
        self.known.read().open.clone()
    }

    /// How many records the segment in use has.
    pub fn open_records(&self) -> u64 {
        self.known.read().open.records
    }
}

/// Reads durable records; cheap to clone and to share.
pub struct FileReader<S: ReadStorage> {
    storage: Arc<S>,
    layout: Layout,
    places: Arc<Places>,
    files: Arc<RwLock<BTreeMap<u32, Arc<S::File>>>>,
}

impl<S: ReadStorage> Clone for FileReader<S> {
    fn clone(&self) -> FileReader<S> {
        FileReader {
            storage: self.storage.clone(),
            layout: self.layout,
            places: self.places.clone(),
            files: self.files.clone(),
        }
    }
}

/// Segment files kept open for reading (I12); past it all are closed and opened again as needed.
const OPEN_FILES_MAX: usize = 128;

impl<S: ReadStorage> FileReader<S> {
    /// A reader of the journal in `storage`.
    pub fn new(storage: Arc<S>, layout: Layout, places: Arc<Places>) -> FileReader<S> {
        FileReader {
            storage,
            layout,
            places,
            files: Arc::default(),
        }
    }

    fn file(&self, segment: u32) -> Result<Arc<S::File>, LogError> {
        if let Some(file) = self.files.read().get(&segment) {
            return Ok(file.clone());
        }
        let opened = self.storage.open(&segment_name(segment));
        let file = Arc::new(opened.map_err(|source| unread(segment, source))?);
        let mut files = self.files.write();
        if files.len() >= OPEN_FILES_MAX {
            files.clear();
        }
        Ok(files.entry(segment).or_insert(file).clone())
    }

    /// The bytes that hold a record.
    fn run(&self, sequence: u64) -> Result<Run, ReadError> {
        let missing = |place: String| ReadError::Missing { place, sequence };
        let no_segment = || missing("journal: offset 0".into());
        let known = self.places.known.read();
        let index = known.first_sequences.partition_point(|first| *first <= sequence);
        let first = index.checked_sub(1).map(|at| known.first_sequences[at]);
        let first = first.ok_or_else(no_segment)?;
        let (segment, nth) = (index as u32, sequence - first);
        let (entry, skip) = ((nth / INDEX_EVERY) as usize, nth % INDEX_EVERY);
        let run = |from: u32, to: u32| Run {
            segment,
            from,
            to,
            skip,
        };
        if known.open.segment == segment {
            let at = |entry: usize| {
                known
                    .open
                    .offsets
                    .get(entry)
                    .map(|units| units * RECORD_UNIT as u32)
            };
            let from = at(entry).filter(|_| nth < known.open.records);
            let from = from.ok_or_else(no_segment)?;
            return Ok(run(from, at(entry + 1).unwrap_or(known.open_end)));
        }
        let records = known.first_sequences.get(index).map(|next| next - first);
        let records = records.ok_or_else(no_segment)?;
        drop(known);
        let index_offset = self.layout.index_offset(records);
        let mut entries = [0u8; 8];
        let last = entry + 1 == records.div_ceil(INDEX_EVERY) as usize;
        let wanted = if last { &mut entries[..4] } else { &mut entries[..] };
        let at = u64::from(index_offset) + (FRAME_HEADER_BYTES + entry * 4) as u64;
        let read = self.file(segment)?.read_exact_at(wanted, at);
        read.map_err(|source| unread(segment, source))?;
        let offset = |at: usize| {
            let units = u32::from_le_bytes(entries[at..at + 4].try_into().expect("four bytes"));
            units.checked_mul(RECORD_UNIT as u32)
        };
        let from = offset(0);
        let to = if last { Some(index_offset) } else { offset(4) };
        let within = |from: u32, to: u32| FIRST_FRAME_OFFSET <= from && from < to && to <= index_offset;
        match from.zip(to) {
            Some((from, to)) if within(from, to) => Ok(run(from, to)),
            // What stands there is no index.
            _ => Err(missing(format!("{}: offset {at}", segment_name(segment)))),
        }
    }

    /// The record's bytes and where they begin.
    fn find(&self, sequence: u64) -> Result<(Vec<u8>, usize, Place), ReadError> {
        let missing = |place: String| ReadError::Missing { place, sequence };
        let Run {
            segment,
            from,
            to,
            skip,
        } = self.run(sequence)?;
        let place = Place {
            segment,
            offset: from,
        };
        let mut bytes = vec![0; (to - from) as usize];
        let read = self.file(segment)?.read_exact_at(&mut bytes, u64::from(from));
        read.map_err(|source| unread(segment, source))?;
        let at = nth_record(&bytes, from, sequence - skip, skip);
        let at = at.ok_or_else(|| missing(place.to_string()))?;
        let place = Place {
            segment,
            offset: from + at as u32,
        };
        Ok((bytes, at, place))
    }
}

/// Where the record lies that has `skip` others in front of it, in bytes that begin with the record of `first` and lie at `offset` in
/// their file. Frames' headers and padding lie between.
fn nth_record(bytes: &[u8], offset: u32, first: u64, skip: u64) -> Option<usize> {
    let mut at = 0;
    let mut sequence = first;
    loop {
        let header = RecordHeader::read_from_prefix(bytes.get(at..)?)
            .ok()
            .map(|(header, _)| header);
        match header {
            // An end mark and its padding look like sequence 229 at time 0.
            Some(header) if header.sequence == sequence && header.at().unix_ms() != 0 => {
                if sequence == first + skip {
                    return Some(at);
                }
                at += header.len_bytes();
                sequence += 1;
            }
            // Behind the last record of its frame: the next one lies in a frame that begins with a page.
            _ => at = next_frame_records(bytes, offset, at)?,
        }
    }
}

/// Where the records of the first frame begin that has any, behind `at`.
fn next_frame_records(bytes: &[u8], offset: u32, at: usize) -> Option<usize> {
    // Byte `at` is at least the end mark of its frame.
    let mut page = (offset as usize + at + 1).next_multiple_of(PAGE_BYTES) - offset as usize;
    loop {
        let (frame, _) = FrameHeader::read_from_prefix(bytes.get(page..)?).ok()?;
        if !frame.is_marked() {
            return None;
        }
        match frame.payload_bytes {
            0 => page += PAGE_BYTES,
            _ => return Some(page + FRAME_HEADER_BYTES),
        }
    }
}

impl<S: ReadStorage> ReadLog for FileReader<S> {
    fn read(&self, sequence: u64) -> Result<Record, ReadError> {
        let (bytes, at, place) = self.find(sequence)?;
        let record = |source| ReadError::Record {
            place: place.to_string(),
            source,
        };
        let (header, bytes) = split_record(&bytes[at..]).map_err(record)?;
        Record::decode(&header, bytes).map_err(record)
    }

    fn describe(&self, sequence: u64) -> String {
        match self.find(sequence) {
            Ok((_, _, place)) => place.to_string(),
            Err(_) => format!("sequence {sequence}"),
        }
    }
}
