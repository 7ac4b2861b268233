//! The bytes of the journal. `docs/FORMAT.md` has the diagrams and says what is assumed of the disk.

use crate::group::GROUP_FRONT_BYTES;
use crate::log::{ChainHash, LogIdentity};
use crate::storage::{PAGE_BYTES, Page};
use satang_core::calendar::Instant;
use satang_core::record::RECORD_UNIT;
use std::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const _: () = assert!(size_of::<SegmentHeader>() == 144);
const _: () = assert!(size_of::<FrameHeader>() == FRAME_HEADER_BYTES);

/// The version this program writes and reads.
pub const FORMAT_VERSION: u32 = 4;
/// Bytes of a frame's header; records follow.
pub const FRAME_HEADER_BYTES: usize = GROUP_FRONT_BYTES;
/// The byte behind the last record: a frame never ends in zeros, so a sector of zeros within it was never written.
const END_MARK: u8 = 0xE5;
/// Bytes of a frame that are no records: its header and its end mark.
pub const FRAME_OVERHEAD_BYTES: usize = FRAME_HEADER_BYTES + 1;
/// Where the first frame of a segment begins: behind two copies of the segment's header.
pub const FIRST_FRAME_OFFSET: u32 = 2 * PAGE_BYTES as u32;

const SEGMENT_MAGIC: [u8; 8] = *b"SATANGSG";
const FRAME_MAGIC: [u8; 8] = *b"SATANGFR";

/// The key that makes frames of this journal unlike anything a request could smuggle into a record.
#[derive(Clone, Copy)]
pub struct JournalKey([u8; 32]);

impl JournalKey {
    /// The key of the journal with this id.
    pub fn of(journal_id: &[u8; 16]) -> JournalKey {
        JournalKey(blake3::derive_key("Satang 2026 journal frame", journal_id))
    }

    fn hash(&self, parts: &[&[u8]]) -> ChainHash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in parts {
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }
}

/// A segment's number and an offset in it: where a frame begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Segments are numbered from 1.
    pub segment: u32,
    /// In bytes, a multiple of the page.
    pub offset: u32,
}

impl Place {
    /// Where the first frame of a segment begins.
    pub const fn start_of(segment: u32) -> Place {
        Place {
            segment,
            offset: FIRST_FRAME_OFFSET,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: offset {}", segment_name(self.segment), self.offset)
    }
}

/// How long segments and groups are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of a segment file, a multiple of the page, at most 256 MiB. Larger: fewer seals, more disk written at start.
    pub segment_bytes: u32,
    /// The most bytes of one group commit. Larger: a longer batch fits one durable write, more memory.
    pub group_bytes_max: u32,
}

impl Layout {
    /// 64 MiB segments, groups of at most 4 MiB: a batch of 10,000 fits one.
    pub const DEFAULT: Layout = Layout {
        segment_bytes: 64 << 20,
        group_bytes_max: 4 << 20,
    };

    /// The most bytes of records in a group.
    pub fn payload_bytes_max(&self) -> usize {
        self.group_bytes_max as usize - FRAME_OVERHEAD_BYTES
    }

    /// Where a segment's seal stands: in its last page.
    pub fn seal_offset(&self) -> u32 {
        self.segment_bytes - PAGE_BYTES as u32
    }

    /// Where the index of a segment with so many records stands: right in front of the seal.
    pub fn index_offset(&self, records: u64) -> u32 {
        // A number that no segment can have leaves no place.
        self.seal_offset()
            .saturating_sub(u32::try_from(frame_bytes(index_bytes(records))).unwrap_or(u32::MAX))
    }

    /// Whether a frame of so many bytes that leaves `records` in the segment fits at `offset`, with the index and the seal behind.
    pub fn fits(&self, offset: u32, frame_bytes: usize, records: u64) -> bool {
        let index = self::frame_bytes(index_bytes(records));
        offset as usize + frame_bytes + index <= self.seal_offset() as usize
    }

    /// Why the layout cannot be used, or `None`.
    pub fn problem(&self) -> Option<&'static str> {
        let page = PAGE_BYTES as u32;
        if !self.segment_bytes.is_multiple_of(page) || self.segment_bytes > 256 << 20 {
            return Some("segment_bytes must be a multiple of 4096, at most 256 MiB");
        }
        if !self.group_bytes_max.is_multiple_of(page) || self.group_bytes_max < page {
            return Some("group_bytes_max must be a multiple of 4096, at least one page");
        }
        // As many records as a group can have.
        let records = u64::from(self.group_bytes_max) / RECORD_UNIT as u64;
        let index = frame_bytes(index_bytes(records));
        let whole = FIRST_FRAME_OFFSET as usize + self.group_bytes_max as usize + index + PAGE_BYTES;
        (whole > self.segment_bytes as usize).then_some("a group must fit a segment")
    }
}

/// Whether nothing was ever written there.
pub fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// The name of a segment's file.
pub fn segment_name(segment: u32) -> String {
    format!("journal/{segment:010}.seg")
}

/// The front of a segment, written twice, in pages 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SegmentHeader {
    magic: [u8; 8],
    /// First 8 bytes of BLAKE3 over the rest.
    check: [u8; 8],
    version: u32,
    pub segment: u32,
    /// The length of every segment file of this journal.
    pub segment_bytes: u32,
    /// The most bytes of a group commit.
    pub group_bytes_max: u32,
    /// The sequence of the first record in the segment.
    pub first_sequence: u64,
    /// When it was begun, in milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// Random, the same in every segment.
    pub journal_id: [u8; 16],
    /// The hash of the previous segment's seal; zeros in the first.
    pub previous_hash: ChainHash,
    /// Proves that the key of citizens' ids is the one this journal was begun with.
    pub citizen_key_check: [u8; 32],
    /// See [`LogIdentity::hash_seed`]; the same in every segment.
    pub hash_seed: [u8; 16],
}

/// How a segment begins.
#[derive(Clone, Copy, Debug)]
pub struct SegmentStart {
    /// See [`SegmentHeader::segment`].
    pub segment: u32,
    /// See [`SegmentHeader::first_sequence`].
    pub first_sequence: u64,
    /// See [`SegmentHeader::created_ms`].
    pub at_ms: i64,
    /// See [`SegmentHeader::previous_hash`].
    pub previous_hash: ChainHash,
}

/// Why a page is no header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderProblem {
    /// All zeros: a spare that was never begun.
    Blank,
    /// Not the magic, or the check is wrong.
    Damaged,
    /// Written by another version of this program.
    Version(u32),
}

impl SegmentHeader {
    /// The header of a segment of this log, with its check.
    pub fn new(identity: &LogIdentity, layout: Layout, begun: &SegmentStart) -> SegmentHeader {
        let mut header = SegmentHeader {
            magic: SEGMENT_MAGIC,
            check: [0; 8],
            version: FORMAT_VERSION,
            segment: begun.segment,
            segment_bytes: layout.segment_bytes,
            group_bytes_max: layout.group_bytes_max,
            first_sequence: begun.first_sequence,
            created_ms: begun.at_ms,
            journal_id: identity.journal_id,
            previous_hash: begun.previous_hash,
            citizen_key_check: identity.citizen_key_check,
            hash_seed: identity.hash_seed,
        };
        header.check = header.expected_check();
        header
    }

    /// Whether both are headers of one journal.
    pub fn is_of(&self, other: &SegmentHeader) -> bool {
        self.journal_id == other.journal_id
            && self.layout() == other.layout()
            && self.citizen_key_check == other.citizen_key_check
            && self.hash_seed == other.hash_seed
    }

    /// Whose segment it is, as the first segment tells it.
    pub fn identity(&self) -> LogIdentity {
        LogIdentity {
            journal_id: self.journal_id,
            hash_seed: self.hash_seed,
            citizen_key_check: self.citizen_key_check,
            created: Instant::from_unix_ms(self.created_ms),
        }
    }

    /// The header as one of its two pages.
    pub fn page(&self) -> Page {
        let mut page = Page::ZERO;
        page.0[..size_of::<SegmentHeader>()].copy_from_slice(self.as_bytes());
        page
    }

    /// Reads the header in a page.
    pub fn read(page: &[u8]) -> Result<SegmentHeader, HeaderProblem> {
        if is_zero(page) {
            return Err(HeaderProblem::Blank);
        }
        let (header, rest) = SegmentHeader::read_from_prefix(page).map_err(|_| HeaderProblem::Damaged)?;
        if header.magic != SEGMENT_MAGIC || header.check != header.expected_check() {
            return Err(HeaderProblem::Damaged);
        }
        if header.version != FORMAT_VERSION {
            return Err(HeaderProblem::Version(header.version));
        }
        is_zero(rest).then_some(header).ok_or(HeaderProblem::Damaged)
    }

    /// The header of a segment whose first two pages these are: of either copy that is whole.
    ///
    /// # Errors
    /// What is wrong with the first.
    pub fn read_either(pages: &[u8]) -> Result<SegmentHeader, HeaderProblem> {
        let [first, second] = SegmentHeader::read_copies(pages);
        first.or_else(|problem| second.map_err(|_| problem))
    }

    /// Both copies.
    pub fn read_copies(pages: &[u8]) -> [Result<SegmentHeader, HeaderProblem>; 2] {
        [0, PAGE_BYTES].map(|at| SegmentHeader::read(&pages[at..at + PAGE_BYTES]))
    }

    /// The journal's layout.
    pub fn layout(&self) -> Layout {
        Layout {
            segment_bytes: self.segment_bytes,
            group_bytes_max: self.group_bytes_max,
        }
    }

    fn expected_check(&self) -> [u8; 8] {
        let hash = blake3::hash(&self.as_bytes()[16..]);
        hash.as_bytes()[..8].try_into().expect("eight bytes")
    }
}

/// What a frame is for. The numbers are permanent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum FrameKind {
    Group = 1,
    /// No records: says what is durable after some quiet, so that the last answered record is covered.
    Watermark = 2,
    /// The last frame of a full segment, in its last page.
    Seal = 3,
    /// No records: where the records of a full segment lie, in front of the seal.
    Index = 4,
}

/// The front of a frame.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct FrameHeader {
    magic: [u8; 8],
    /// First 8 bytes of the keyed BLAKE3 over the rest of the header: validates the length before it is used, and proves that
    /// a frame was here even when its payload is damaged.
    check: [u8; 8],
    segment: u32,
    offset: u32,
    /// The sequence of the first record in it; of the next record to come when there is none.
    pub first_sequence: u64,
    /// The highest sequence that was durable when the frame was built (the watermark).
    pub durable_sequence: u64,
    /// Engine time when it was built, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Bytes of records; the end mark follows, and zeros to the end of the last page.
    pub payload_bytes: u32,
    pub record_count: u32,
    kind: u32,
    reserved: u32,
    /// The hash of the frame before it; of the previous segment's seal in a segment's first frame.
    pub previous_hash: ChainHash,
    /// Keyed BLAKE3 over the padded payload and the header's other fields, in this order: so each whole 64 KiB of the payload is
    /// a subtree of it, which can be hashed by itself.
    pub hash: ChainHash,
}

/// What a frame says, before it is written.
pub struct FrameFacts {
    /// Where it will lie.
    pub place: Place,
    /// What it is for.
    pub kind: FrameKind,
    /// See [`FrameHeader::first_sequence`].
    pub first_sequence: u64,
    /// See [`FrameHeader::durable_sequence`].
    pub durable_sequence: u64,
    /// See [`FrameHeader::at_ms`].
    pub at_ms: i64,
    /// See [`FrameHeader::payload_bytes`].
    pub payload_bytes: usize,
    /// See [`FrameHeader::record_count`].
    pub record_count: u32,
    /// See [`FrameHeader::previous_hash`].
    pub previous_hash: ChainHash,
}

/// One of so many records is named in a segment's index. More: a smaller index, and more bytes read with each record.
pub const INDEX_EVERY: u64 = 4;

/// Bytes of the index of a segment with so many records: four for each it names.
pub const fn index_bytes(records: u64) -> usize {
    records.div_ceil(INDEX_EVERY) as usize * 4
}

/// Whole pages a frame with `payload_bytes` of records takes, in bytes.
pub const fn frame_bytes(payload_bytes: usize) -> usize {
    (FRAME_OVERHEAD_BYTES + payload_bytes).next_multiple_of(PAGE_BYTES)
}

impl FrameHeader {
    /// Writes the header in front of the payload that lies in `pages` already, and returns the frame's hash.
    pub fn put(pages: &mut [Page], key: &JournalKey, facts: &FrameFacts) -> ChainHash {
        let bytes = pages.as_mut_bytes();
        assert_eq!(
            bytes.len(),
            frame_bytes(facts.payload_bytes),
            "a frame is whole pages"
        );
        let behind = &mut bytes[FRAME_HEADER_BYTES + facts.payload_bytes..];
        behind.fill(0);
        behind[0] = END_MARK;
        let mut header = FrameHeader {
            magic: FRAME_MAGIC,
            check: [0; 8],
            segment: facts.place.segment,
            offset: facts.place.offset,
            first_sequence: facts.first_sequence,
            durable_sequence: facts.durable_sequence,
            at_ms: facts.at_ms,
            payload_bytes: facts.payload_bytes as u32,
            record_count: facts.record_count,
            kind: facts.kind as u32,
            reserved: 0,
            previous_hash: facts.previous_hash,
            hash: [0; 32],
        };
        header.hash = header.expected_hash(key, &bytes[FRAME_HEADER_BYTES..]);
        header.check = header.expected_check(key);
        bytes[..FRAME_HEADER_BYTES].copy_from_slice(header.as_bytes());
        header.hash
    }

    /// The header at the front of `bytes`, when it is one of this journal that belongs at `place`.
    pub fn read(bytes: &[u8], key: &JournalKey, place: Place) -> Option<FrameHeader> {
        let (header, _) = FrameHeader::read_from_prefix(bytes).ok()?;
        let right_place = header.segment == place.segment && header.offset == place.offset;
        (header.magic == FRAME_MAGIC && right_place && header.check == header.expected_check(key))
            .then_some(header)
    }

    /// The sequence of the last record in it, or before it when it has none.
    pub fn last_sequence(&self) -> u64 {
        self.first_sequence + u64::from(self.record_count) - 1
    }

    /// Whether a frame that stands behind a broken one proves that the broken one was durable, where the record of `sequence` is
    /// missing: its writer knew that record to be durable; or the broken frame has no records, and such a frame is written
    /// with nothing else in flight.
    pub fn proves_durable(&self, sequence: u64) -> bool {
        self.durable_sequence >= sequence || self.first_sequence <= sequence
    }

    /// Whether it begins like the header of a frame; nothing else of it was checked.
    pub fn is_marked(&self) -> bool {
        self.magic == FRAME_MAGIC
    }

    /// Bytes from the front of the frame to its end mark, both included.
    pub fn written_bytes(&self) -> usize {
        FRAME_OVERHEAD_BYTES + self.payload_bytes as usize
    }

    /// The frame's length in bytes.
    pub fn frame_bytes(&self) -> usize {
        frame_bytes(self.payload_bytes as usize)
    }

    /// What the frame is for; `None` for a kind this version does not know.
    pub fn kind(&self) -> Option<FrameKind> {
        [
            FrameKind::Group,
            FrameKind::Watermark,
            FrameKind::Seal,
            FrameKind::Index,
        ]
        .into_iter()
        .find(|k| *k as u32 == self.kind)
    }

    /// The records of the frame at the front of `bytes`, when its hash, its end mark and its padding of zeros are right.
    pub fn payload<'b>(&self, bytes: &'b [u8], key: &JournalKey) -> Option<&'b [u8]> {
        let padded = bytes.get(FRAME_HEADER_BYTES..self.frame_bytes())?;
        let (payload, padding) = padded.split_at(self.payload_bytes as usize);
        let intact =
            padding[0] == END_MARK && is_zero(&padding[1..]) && self.hash == self.expected_hash(key, padded);
        intact.then_some(payload)
    }

    fn expected_hash(&self, key: &JournalKey, padded_payload: &[u8]) -> ChainHash {
        // The payload first: whole chunks of it are hashed side by side.
        key.hash(&[padded_payload, &self.as_bytes()[16..96]])
    }

    fn expected_check(&self, key: &JournalKey) -> [u8; 8] {
        key.hash(&[&self.as_bytes()[16..]])[..8]
            .try_into()
            .expect("eight bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blake3::hazmat::{
        ChainingValue, HasherExt as _, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
    };

    /// Hashed by themselves, each with nothing but its place.
    const PIECE_BYTES: usize = 64 << 10;

    fn piece(key: &[u8; 32], input: &[u8], offset: u64) -> ChainingValue {
        let mut hasher = blake3::Hasher::new_keyed(key);
        hasher.set_input_offset(offset).update(input).finalize_non_root()
    }

    fn subtree(key: &[u8; 32], input: &[u8], offset: u64) -> ChainingValue {
        if input.len() <= PIECE_BYTES {
            return piece(key, input, offset);
        }
        let left = left_subtree_len(input.len() as u64);
        let (one, other) = input.split_at(left as usize);
        let (one, other) = (subtree(key, one, offset), subtree(key, other, offset + left));
        merge_subtrees_non_root(&one, &other, Mode::KeyedHash(key))
    }

    #[test]
    fn pieces_of_a_payload_are_hashed_by_themselves_and_merged_to_the_frames_hash() {
        let key = JournalKey::of(&[7; 16]);
        for pages in [20, 33, 64, 100] {
            let payload: Vec<u8> = (0..pages * PAGE_BYTES - FRAME_HEADER_BYTES)
                .map(|index| (index % 251) as u8)
                .collect();
            let header = [9; 80];
            let input = [&payload[..], &header[..]].concat();
            let left = left_subtree_len(input.len() as u64);
            let (one, other) = input.split_at(left as usize);
            let (one, other) = (subtree(&key.0, one, 0), subtree(&key.0, other, left));
            let merged = merge_subtrees_root(&one, &other, Mode::KeyedHash(&key.0));
            assert_eq!(
                key.hash(&[&payload, &header]),
                *merged.as_bytes(),
                "{pages} pages"
            );
        }
    }
}
