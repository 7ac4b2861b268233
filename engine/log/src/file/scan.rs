//! Reading a journal, from its beginning or from one of its segments: what is there, where it ends, and whether the end is
//! torn or damaged.
//!
//! The scan only reads (house rule 10). It visits every record of every intact frame in order and classifies the first frame
//! that is not intact:
//!
//! | case | what lies at the first frame that is not intact | what lies behind | verdict |
//! |---|---|---|---|
//! | A | zeros | zeros | clean end |
//! | B | a frame (or nothing) with a sector of zeros in it | no header of a frame of this journal | torn tail: the last write never finished, nobody was answered |
//! | C | anything | a header of a frame of this journal, or a later segment that was begun | damage: refuse to start |
//! | D | a frame whose every sector was written | | damage: refuse to start |
//! | E | a file shorter or longer than a segment, or a sealed segment that no file follows | | damage: refuse to start |
//!
//! C holds because only one write is in flight at a time: a later frame proves that the earlier one was durable. B and D hold
//! because frames are written over zeros and a disk writes a sector wholly or not at all.

use super::format::{
    ChainHash, FIRST_FRAME_OFFSET, FrameHeader, FrameKind, HeaderProblem, JournalKey, Layout, Place,
    SegmentHeader, segment_name,
};
use super::visit::{ScanError, VisitedFrame, Visitor};
use crate::storage::{PAGE_BYTES, Page, Storage, StorageFile};
use satang_core::record::split_record;
use std::io;
use std::sync::Arc;
use zerocopy::{FromZeros, IntoBytes};

/// What a disk writes wholly or not at all.
const SECTOR_BYTES: usize = 512;

/// A journal that was read to its end.
#[derive(Debug)]
pub struct Scanned {
    /// The header of the first segment: id, layout, key check.
    pub first_header: SegmentHeader,
    /// The last segment that was begun.
    pub last_segment: u32,
    /// Where the next frame belongs.
    pub end: Place,
    /// Whether the last begun segment ends with its seal.
    pub sealed: bool,
    /// The hash the next frame (or segment header) continues.
    pub chain: ChainHash,
    /// The sequence the next record gets.
    pub next_sequence: u64,
    /// The time of the last frame, in milliseconds since the Unix epoch.
    pub last_at_ms: i64,
    /// Whether the last frame carries records that no later frame vouches for yet.
    pub uncovered: bool,
    /// Bytes of a torn tail behind `end`, to be zeroed; 0 for a clean end.
    pub torn_bytes: u32,
    /// Segments whose other header copy is damaged, to be repaired.
    pub header_repairs: Vec<(SegmentHeader, u64)>,
    /// Files in the folder that hold nothing: spares that were never begun, unfinished ones.
    pub leftovers: Vec<String>,
}

/// Reads the journal in `storage` from its beginning and hands every record to `visitor`; `None` when there is none.
///
/// # Errors
/// [`ScanError`]; nothing was changed on disk.
pub fn scan<S: Storage>(storage: &S, visitor: &mut impl Visitor) -> Result<Option<Scanned>, ScanError> {
    scan_from(storage, 1, visitor)
}

/// Reads the journal from the beginning of a segment: what lies in front of it is taken from the segment's header, not
/// checked again.
///
/// # Errors
/// [`ScanError`]; nothing was changed on disk.
pub fn scan_from<S: Storage>(
    storage: &S,
    segment: u32,
    visitor: &mut impl Visitor,
) -> Result<Option<Scanned>, ScanError> {
    match begin(storage)? {
        Some(scan) => scan.run(segment, visitor).map(Some),
        None => Ok(None),
    }
}

/// Reads the journal from its beginning up to a record that is durable: what lies behind may be being written.
///
/// # Errors
/// [`ScanError`]; nothing was changed on disk.
pub fn scan_through<S: Storage>(
    storage: &S,
    through: u64,
    visitor: &mut impl Visitor,
) -> Result<(), ScanError> {
    match begin(storage)? {
        Some(scan) => Scan { through, ..scan }.run(1, visitor).map(drop),
        None => Ok(()),
    }
}

/// The header of the journal's first segment; `None` when there is no journal.
///
/// # Errors
/// [`ScanError`].
pub fn first_header<S: Storage>(storage: &S) -> Result<Option<SegmentHeader>, ScanError> {
    Ok(begin(storage)?.map(|scan| scan.out.first_header))
}

fn begin<S: Storage>(storage: &S) -> Result<Option<Scan<'_, S>>, ScanError> {
    let listed = storage.list("journal").map_err(|source| ScanError::Io {
        file: "journal".into(),
        source,
    })?;
    let (segments, leftovers) = classify_names(listed)?;
    match segments {
        0 => Ok(None),
        _ => Scan::begin(storage, segments, leftovers).map(Some),
    }
}

/// Counts the segment files, which must be numbered from 1 without a gap, and sets the others aside.
fn classify_names(listed: Vec<String>) -> Result<(u32, Vec<String>), ScanError> {
    let (mut count, mut leftovers) = (0, Vec::new());
    for name in listed {
        let path = format!("journal/{name}");
        if path == segment_name(count + 1) {
            count += 1;
        } else if name.ends_with(".tmp") {
            leftovers.push(path);
        } else {
            let what = format!(
                "unexpected file; the next segment should be {}",
                segment_name(count + 1)
            );
            return Err(ScanError::Damaged {
                file: path,
                offset: 0,
                sequence: 0,
                what,
            });
        }
    }
    Ok((count, leftovers))
}

struct Scan<'s, S: Storage> {
    storage: &'s S,
    segments: u32,
    key: JournalKey,
    layout: Layout,
    /// The file of the segment that is being read.
    buffer: Arc<Vec<Page>>,
    /// Files of earlier segments, for whoever still reads in them; used again when nobody does.
    buffers: Vec<Arc<Vec<Page>>>,
    /// A segment that was never begun was met: the ones behind it must be unused too.
    behind_end: bool,
    /// The scan ends behind the frame that has this record.
    through: u64,
    out: Scanned,
}

impl<'s, S: Storage> Scan<'s, S> {
    fn begin(storage: &'s S, segments: u32, leftovers: Vec<String>) -> Result<Scan<'s, S>, ScanError> {
        let name = segment_name(1);
        let io = |source| ScanError::Io {
            file: name.clone(),
            source,
        };
        let file = storage.open(&name).map_err(io)?;
        let len = file.len_bytes().map_err(io)?;
        let damaged = |offset, what: String| ScanError::Damaged {
            file: name.clone(),
            offset,
            sequence: 1,
            what,
        };
        if len < u64::from(FIRST_FRAME_OFFSET) {
            return Err(damaged(
                len,
                format!("the file ends after {len} bytes, within its header"),
            ));
        }
        let mut pages = [0u8; FIRST_FRAME_OFFSET as usize];
        file.read_exact_at(&mut pages, 0).map_err(io)?;
        let copies = [
            SegmentHeader::read(&pages[..PAGE_BYTES]),
            SegmentHeader::read(&pages[PAGE_BYTES..]),
        ];
        let first_header = match copies {
            [Ok(header), _] | [_, Ok(header)] => header,
            [Err(HeaderProblem::Version(version)), _] => {
                return Err(damaged(
                    0,
                    format!("format version {version} is not known to this program"),
                ));
            }
            [Err(_), Err(_)] => return Err(damaged(0, "both copies of the header are damaged".into())),
        };
        let out = Scanned {
            first_header,
            last_segment: 0,
            end: Place::start_of(1),
            sealed: true,
            chain: [0; 32],
            next_sequence: 1,
            last_at_ms: 0,
            uncovered: false,
            torn_bytes: 0,
            header_repairs: Vec::new(),
            leftovers,
        };
        let key = JournalKey::of(&first_header.journal_id);
        let layout = first_header.layout();
        Ok(Scan {
            storage,
            segments,
            key,
            layout,
            buffer: Arc::default(),
            buffers: Vec::new(),
            behind_end: false,
            through: u64::MAX,
            out,
        })
    }

    fn run(mut self, from: u32, visitor: &mut impl Visitor) -> Result<Scanned, ScanError> {
        // Before minutes of replay, as it needs none.
        (1..=self.segments).try_for_each(|segment| self.open_whole(segment).map(drop))?;
        if from > 1 {
            // Not known before its header was read.
            self.out.next_sequence = 0;
        }
        if from > self.segments {
            return Err(self.damaged(from, 0, "no file: a snapshot goes on from it".into()));
        }
        let segment_bytes = u64::from(self.layout.segment_bytes);
        let total = u64::from(self.segments - from + 1) * segment_bytes;
        for segment in from..=self.segments {
            self.load(segment)?;
            if segment == from && from > 1 {
                self.go_on_from(segment)?;
            }
            if self.out.sealed && !self.behind_end && self.header(segment)? {
                self.out.last_segment = segment;
                self.frames(segment, visitor)?;
                if self.is_done() {
                    return Ok(self.out);
                }
            } else {
                self.unused(segment)?;
            }
            visitor.progress(u64::from(segment - from + 1) * segment_bytes, total);
        }
        if self.out.sealed && self.out.last_segment == self.segments {
            let what = "the file is missing: it was there before the segment in front of it was sealed";
            return Err(self.damaged(self.segments + 1, 0, what.into()));
        }
        Ok(self.out)
    }

    /// Takes what came before the loaded segment from its header.
    fn go_on_from(&mut self, segment: u32) -> Result<(), ScanError> {
        self.out.end = Place::start_of(segment);
        self.out.last_segment = segment - 1;
        let copies = [0, PAGE_BYTES].map(|at| SegmentHeader::read(&self.bytes()[at..at + PAGE_BYTES]));
        match copies {
            [Ok(header), _] | [_, Ok(header)] => {
                self.out.next_sequence = header.first_sequence;
                self.out.chain = header.previous_hash;
                self.out.last_at_ms = header.created_ms;
                Ok(())
            }
            // Of a version it does not know `header` says more.
            [Err(HeaderProblem::Version(_)), _] => Ok(()),
            _ => Err(self.damaged(segment, 0, "no header: a snapshot goes on from it".into())),
        }
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.as_bytes()
    }

    /// Opens the file of a segment, which must have its whole length.
    fn open_whole(&self, segment: u32) -> Result<S::File, ScanError> {
        let file = segment_name(segment);
        let io = |source| ScanError::Io {
            file: segment_name(segment),
            source,
        };
        let opened = self.storage.open(&file).map_err(io)?;
        let (len, wanted) = (
            opened.len_bytes().map_err(io)?,
            u64::from(self.layout.segment_bytes),
        );
        if len == wanted {
            return Ok(opened);
        }
        Err(ScanError::Damaged {
            file,
            offset: len.min(wanted),
            sequence: 0,
            what: format!("the file has {len} bytes, a segment has {wanted}"),
        })
    }

    /// Reads the whole file of a segment.
    fn load(&mut self, segment: u32) -> Result<(), ScanError> {
        let file = self.open_whole(segment)?;
        self.buffers.push(std::mem::take(&mut self.buffer));
        let free = self
            .buffers
            .iter_mut()
            .position(|held| Arc::get_mut(held).is_some());
        let mut buffer = free.map_or_else(Arc::default, |at| self.buffers.swap_remove(at));
        let pages = Arc::get_mut(&mut buffer).expect("nobody else reads in it");
        let wanted = self.layout.segment_bytes as usize / PAGE_BYTES;
        if pages.len() != wanted {
            *pages = Page::new_vec_zeroed(wanted).map_err(|_| ScanError::Io {
                file: segment_name(segment),
                source: io::ErrorKind::OutOfMemory.into(),
            })?;
        }
        let read = file.read_exact_at(pages.as_mut_bytes(), 0);
        self.buffer = buffer;
        read.map_err(|source| ScanError::Io {
            file: segment_name(segment),
            source,
        })
    }

    /// Checks the header of the loaded segment; `false` for one that was never begun.
    fn header(&mut self, segment: u32) -> Result<bool, ScanError> {
        let copies = [0, PAGE_BYTES].map(|at| SegmentHeader::read(&self.bytes()[at..at + PAGE_BYTES]));
        let header = match copies {
            [Ok(header), Ok(other)] if header == other => header,
            [Ok(_), Ok(_)] => return Err(self.damaged(segment, 0, "the two headers differ".into())),
            [Ok(header), Err(_)] => {
                self.out.header_repairs.push((header, PAGE_BYTES as u64));
                header
            }
            [Err(_), Ok(header)] => {
                self.out.header_repairs.push((header, 0));
                header
            }
            [Err(HeaderProblem::Version(version)), _] => {
                let what = format!("format version {version} is not known to this program");
                return Err(self.damaged(segment, 0, what));
            }
            // A crash while the segment was begun: case A or B, or damage when a frame lies in it.
            [Err(_), Err(_)] => return Ok(false),
        };
        let first = &self.out.first_header;
        let fits = header.segment == segment
            && header.journal_id == first.journal_id
            && header.layout() == first.layout()
            && header.citizen_key_check == first.citizen_key_check
            && header.first_sequence == self.out.next_sequence
            && header.previous_hash == self.out.chain;
        if !fits {
            let what = "the header does not continue the segment before it";
            return Err(self.damaged(segment, 0, what.into()));
        }
        Ok(true)
    }

    /// Visits the frames of the loaded segment up to its seal or to the first that is not intact.
    fn frames(&mut self, segment: u32, visitor: &mut impl Visitor) -> Result<(), ScanError> {
        self.out.sealed = false;
        visitor.begin_segment(segment, &self.buffer.clone());
        self.visit_frames(segment, visitor)?;
        Ok(visitor.end_segment()?)
    }

    fn visit_frames(&mut self, segment: u32, visitor: &mut impl Visitor) -> Result<(), ScanError> {
        let mut offset = FIRST_FRAME_OFFSET;
        while offset < self.layout.segment_bytes {
            let place = Place { segment, offset };
            let Some((header, kind)) = self.intact_frame(place) else {
                return self.classify_end(place);
            };
            self.visit_frame(place, &header, visitor)?;
            self.out.chain = header.hash;
            self.out.last_at_ms = header.at_ms;
            self.out.uncovered = kind == FrameKind::Group;
            visitor.frame(&VisitedFrame {
                place,
                bytes: header.frame_bytes() as u32,
                kind,
                hash: header.hash,
                last_sequence: self.out.next_sequence - 1,
            });
            offset += header.frame_bytes() as u32;
            self.out.end = Place { segment, offset };
            if self.is_done() {
                return Ok(());
            }
            if kind == FrameKind::Seal {
                self.out.sealed = true;
                self.out.end = Place::start_of(segment + 1);
                return self.nothing_behind(segment, offset, "behind the seal");
            }
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.out.next_sequence > self.through
    }

    /// The header of the frame at `place`, when all of the frame is intact and continues the chain.
    fn intact_frame(&self, place: Place) -> Option<(FrameHeader, FrameKind)> {
        let bytes = &self.bytes()[place.offset as usize..];
        let header = FrameHeader::read(bytes, &self.key, place)?;
        header.payload(bytes, &self.key)?;
        let continues =
            header.previous_hash == self.out.chain && header.first_sequence == self.out.next_sequence;
        header.kind().filter(|_| continues).map(|kind| (header, kind))
    }

    fn visit_frame(
        &mut self,
        place: Place,
        frame: &FrameHeader,
        visitor: &mut impl Visitor,
    ) -> Result<(), ScanError> {
        let payload_start = super::format::FRAME_HEADER_BYTES;
        let start = place.offset as usize + payload_start;
        let buffer = self.buffer.clone();
        let payload = &buffer.as_bytes()[start..start + frame.payload_bytes as usize];
        let mut at = 0;
        for _ in 0..frame.record_count {
            let offset = (start + at) as u64;
            let (header, bytes) = split_record(&payload[at..])
                .map_err(|error| self.damaged(place.segment, offset, error.to_string()))?;
            if header.sequence != self.out.next_sequence {
                let what = format!("record has sequence {}", header.sequence);
                return Err(self.damaged(place.segment, offset, what));
            }
            visitor
                .record(&header, bytes, place.position(payload_start + at))
                .map_err(|why| {
                    let file = segment_name(place.segment);
                    ScanError::Replay {
                        file,
                        offset,
                        sequence: header.sequence,
                        why,
                    }
                })?;
            at += bytes.len();
            self.out.next_sequence += 1;
        }
        if at != payload.len() {
            let what = "the frame has bytes behind its last record";
            return Err(self.damaged(place.segment, (start + at) as u64, what.into()));
        }
        Ok(())
    }

    /// Decides between a clean end, a torn tail and damage (cases A to D) for the loaded segment.
    fn classify_end(&mut self, place: Place) -> Result<(), ScanError> {
        if let Some(later) = self.later_frame(place.segment, place.offset + PAGE_BYTES as u32) {
            let what = format!("a frame is damaged: a later one stands at offset {later}");
            return Err(self.damaged(place.segment, u64::from(place.offset), what));
        }
        let buffer = self.buffer.clone();
        let behind = &buffer.as_bytes()[place.offset as usize..];
        if let Some(what) = self.last_write_damaged(behind, place) {
            return Err(self.damaged(place.segment, u64::from(place.offset), what.into()));
        }
        let torn = behind
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        self.out.torn_bytes = torn.next_multiple_of(PAGE_BYTES) as u32;
        Ok(())
    }

    /// Why what lies at `place`, which is no intact frame, cannot be a write that never finished.
    fn last_write_damaged(&self, behind: &[u8], place: Place) -> Option<&'static str> {
        let is_zero = |sector: &[u8]| sector.iter().all(|byte| *byte == 0);
        if is_zero(&behind[..SECTOR_BYTES]) {
            return None;
        }
        let Some(header) = FrameHeader::read(behind, &self.key, place) else {
            return Some("the last frame's header is damaged");
        };
        let torn = behind
            .get(..header.written_bytes())
            .is_some_and(|frame| frame.chunks(SECTOR_BYTES).any(is_zero));
        (!torn).then_some("the last frame is damaged: all of it was written")
    }

    /// The offset of the first frame header of this journal in the loaded segment at or behind `from`.
    fn later_frame(&self, segment: u32, from: u32) -> Option<u32> {
        (from..self.layout.segment_bytes)
            .step_by(PAGE_BYTES)
            .find(|offset| {
                let place = Place {
                    segment,
                    offset: *offset,
                };
                FrameHeader::read(&self.bytes()[*offset as usize..], &self.key, place).is_some()
            })
    }

    /// Checks that a segment behind the end was never used, and sets it aside.
    fn unused(&mut self, segment: u32) -> Result<(), ScanError> {
        let begun = [0, PAGE_BYTES].iter().any(|at| {
            let header = SegmentHeader::read(&self.bytes()[*at..*at + PAGE_BYTES]);
            !matches!(header, Err(HeaderProblem::Blank | HeaderProblem::Damaged))
        });
        if begun || self.later_frame(segment, FIRST_FRAME_OFFSET).is_some() {
            let Place {
                segment: file,
                offset,
            } = self.out.end;
            let (offset, missing) = match self.out.sealed {
                true => (0, "both copies of the header are damaged"),
                false => (u64::from(offset), "a frame or seal is missing"),
            };
            let what = format!("{missing}: {} was used", segment_name(segment));
            return Err(self.damaged(file, offset, what));
        }
        self.behind_end = true;
        self.out.leftovers.push(segment_name(segment));
        Ok(())
    }

    fn nothing_behind(&self, segment: u32, offset: u32, behind: &str) -> Result<(), ScanError> {
        match self.bytes()[offset as usize..].iter().position(|byte| *byte != 0) {
            None => Ok(()),
            Some(at) => {
                let what = format!("there are bytes {behind}");
                Err(self.damaged(segment, u64::from(offset) + at as u64, what))
            }
        }
    }

    fn damaged(&self, segment: u32, offset: u64, what: String) -> ScanError {
        ScanError::Damaged {
            file: segment_name(segment),
            offset,
            sequence: self.out.next_sequence,
            what,
        }
    }
}
