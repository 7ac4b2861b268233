//! The bytes of a day's index. `docs/FORMAT.md` has the diagrams.

use super::filter::BLOCKS_PER_PAGE;
use satang_core::calendar::BusinessDate;
use satang_core::state::dedup::IdEntry;
use satang_log::log::LogIdentity;
use satang_log::storage::{PAGE_BYTES, Page};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const _: () = assert!(size_of::<EntryPage>() == PAGE_BYTES);
const _: () = assert!(size_of::<Header>() == 192);
const _: () = assert!(size_of::<DayFacts>() == 48);

/// How many entries a full page has.
pub const ENTRIES_PER_PAGE: usize = 170;
/// Where what the header's check covers begins: behind the magic and the check.
const CHECKED_FROM: usize = 16;
/// Where the first page of entries lies: behind the header.
pub const ENTRIES_OFFSET: u64 = PAGE_BYTES as u64;

const MAGIC: [u8; 8] = *b"SATANGDI";
/// The version this program writes and reads.
const VERSION: u32 = 3;

/// What is wrong in a day's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdIndexDamage {
    #[error("shorter than its header")]
    Short,
    #[error("{bytes} bytes long instead of {wanted}")]
    Length { bytes: u64, wanted: u64 },
    #[error("damaged header")]
    Header,
    #[error("written in version {0}; this program reads {VERSION}")]
    Version(u32),
    #[error("the index of another journal")]
    OtherJournal,
    #[error("ordered by the hashes of another seed")]
    OtherSeed,
    #[error("the index of another day, {0}")]
    OtherDay(BusinessDate),
    /// The header's own numbers do not fit together.
    #[error("impossible header")]
    Shape,
    #[error("damaged directory")]
    Directory,
    #[error("damaged filter")]
    Filter,
    #[error("damaged page of entries")]
    Page,
    #[error("entries out of order")]
    Order,
    #[error("not the entries of the header")]
    OtherEntries,
    #[error("not the filter of the entries")]
    OtherFilter,
    #[error("other entries than were written")]
    OtherEntriesThanWritten,
    #[error("another header than was written")]
    OtherHeaderThanWritten,
}

/// A BLAKE3 hash.
pub type Hash = [u8; 32];

/// What identifies a written file; kept in snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct DayFacts {
    /// The business date, in days since 1970-01-01.
    pub date_days: i32,
    reserved: u32,
    /// How many facts of ids the file has.
    pub entries: u64,
    /// BLAKE3 over the header behind its check; the header has the hashes of everything else.
    pub hash: Hash,
}

/// The key of the pages' checks: a page of another journal or of another day is no page of this file.
#[derive(Clone, Copy)]
pub struct PageKey([u8; 32]);

impl PageKey {
    /// The key of the pages of a date.
    pub fn of(journal_id: &[u8; 16], date: BusinessDate) -> PageKey {
        let mut material = [0; 20];
        material[..16].copy_from_slice(journal_id);
        material[16..].copy_from_slice(&date.days().to_le_bytes());
        PageKey(blake3::derive_key("Satang 2026 day ids page", &material))
    }
}

/// A page of entries.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct EntryPage {
    /// First 8 bytes of keyed BLAKE3 over the rest.
    check: [u8; 8],
    /// The page's number, from 0.
    number: u32,
    /// How many of the entries are in use; the others are zeros.
    count: u32,
    entries: [IdEntry; ENTRIES_PER_PAGE],
}

impl EntryPage {
    /// The page with this number.
    pub fn write(entries: &[IdEntry], number: u32, key: &PageKey) -> Page {
        assert!(!entries.is_empty(), "a page has entries");
        let mut page = Page::ZERO;
        let written = EntryPage::mut_from_bytes(&mut page.0).expect("a page is aligned");
        written.number = number;
        written.count = entries.len() as u32;
        written.entries[..entries.len()].copy_from_slice(entries);
        written.check = written.expected_check(key);
        page
    }

    /// The entries of the page with this number, which must be `count`; `None` when the page is damaged or another one.
    pub fn read<'p>(page: &'p Page, number: u32, count: usize, key: &PageKey) -> Option<&'p [IdEntry]> {
        let read = EntryPage::ref_from_bytes(&page.0).expect("a page is aligned");
        let fits = read.number == number && read.count as usize == count;
        (fits && read.check == read.expected_check(key)).then(|| &read.entries[..count])
    }

    fn expected_check(&self, key: &PageKey) -> [u8; 8] {
        let hash = blake3::keyed_hash(&key.0, &self.as_bytes()[8..]);
        hash.as_bytes()[..8].try_into().expect("eight bytes")
    }
}

/// What lies where in a file of so many entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many facts of ids.
    pub entries: u64,
    /// How many pages they lie in.
    pub pages: u32,
    /// How many blocks the filter has.
    pub filter_blocks: u32,
    /// Where the hash of each page's first entry stands.
    pub directory_offset: u64,
    /// Where the filter's blocks lie.
    pub filter_offset: u64,
    /// The file's length.
    pub file_bytes: u64,
}

impl Shape {
    /// The shape of a file of so many entries; `None` when no file can have them.
    pub fn of(entries: u64) -> Option<Shape> {
        let page_bytes = PAGE_BYTES as u64;
        let pages = u32::try_from(entries.div_ceil(ENTRIES_PER_PAGE as u64)).ok()?;
        let filter_blocks = super::filter::blocks_for(entries)?;
        let directory_offset = ENTRIES_OFFSET + u64::from(pages) * page_bytes;
        let filter_offset = directory_offset + (u64::from(pages) * 8).next_multiple_of(page_bytes);
        let filter_pages = u64::from(filter_blocks).div_ceil(BLOCKS_PER_PAGE as u64);
        Some(Shape {
            entries,
            pages,
            filter_blocks,
            directory_offset,
            filter_offset,
            file_bytes: filter_offset + filter_pages * page_bytes,
        })
    }

    /// How many entries the page with this number has: every page but the last is full.
    pub fn entries_in(&self, page: u32) -> usize {
        let before = u64::from(page) * ENTRIES_PER_PAGE as u64;
        (self.entries - before).min(ENTRIES_PER_PAGE as u64) as usize
    }
}

/// Where a page of entries lies.
pub fn page_offset(number: u32) -> u64 {
    ENTRIES_OFFSET + u64::from(number) * PAGE_BYTES as u64
}

/// Where the entry with this number lies, from 0 over all pages.
pub fn entry_offset(index: u64) -> u64 {
    let (page, at) = (index / ENTRIES_PER_PAGE as u64, index % ENTRIES_PER_PAGE as u64);
    ENTRIES_OFFSET + page * PAGE_BYTES as u64 + 16 + at * size_of::<IdEntry>() as u64
}

/// The hashes of a file's three parts, padding included.
#[derive(Clone, Copy)]
pub struct PartHashes {
    /// Of the pages of entries.
    pub entries: Hash,
    pub directory: Hash,
    pub filter: Hash,
}

/// The front of a day's index.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Header {
    magic: [u8; 8],
    /// First 8 bytes of BLAKE3 over the rest.
    check: [u8; 8],
    version: u32,
    date_days: i32,
    journal_id: [u8; 16],
    entries: u64,
    pages: u32,
    filter_blocks: u32,
    directory_offset: u64,
    filter_offset: u64,
    reserved: u64,
    entries_hash: Hash,
    directory_hash: Hash,
    filter_hash: Hash,
    /// Of the hashes that its entries are ordered by: the journal's.
    hash_seed: [u8; 16],
}

impl Header {
    /// The header of a file, with its check.
    pub fn new(journal: &LogIdentity, date: BusinessDate, shape: &Shape, hashes: &PartHashes) -> Header {
        let mut header = Header {
            magic: MAGIC,
            check: [0; 8],
            version: VERSION,
            date_days: date.days(),
            journal_id: journal.journal_id,
            entries: shape.entries,
            pages: shape.pages,
            filter_blocks: shape.filter_blocks,
            directory_offset: shape.directory_offset,
            filter_offset: shape.filter_offset,
            reserved: 0,
            entries_hash: hashes.entries,
            directory_hash: hashes.directory,
            filter_hash: hashes.filter,
            hash_seed: journal.hash_seed,
        };
        header.check = header.expected_check();
        header
    }

    /// The header as the first page of the file.
    pub fn page(&self) -> Page {
        let mut page = Page::ZERO;
        page.0[..size_of::<Header>()].copy_from_slice(self.as_bytes());
        page
    }

    /// The header in the first page of the index of `date`, and the shape it says.
    pub fn read(
        page: &Page,
        journal: &LogIdentity,
        date: BusinessDate,
    ) -> Result<(Header, Shape), IdIndexDamage> {
        let (header, rest) = Header::read_from_prefix(&page.0).expect("a page has room for it");
        if header.magic != MAGIC || header.check != header.expected_check() {
            return Err(IdIndexDamage::Header);
        }
        if header.version != VERSION {
            return Err(IdIndexDamage::Version(header.version));
        }
        if header.journal_id != journal.journal_id {
            return Err(IdIndexDamage::OtherJournal);
        }
        if header.hash_seed != journal.hash_seed {
            return Err(IdIndexDamage::OtherSeed);
        }
        if header.date_days != date.days() {
            let other = BusinessDate::from_days(header.date_days);
            return Err(IdIndexDamage::OtherDay(other));
        }
        let shape = Shape::of(header.entries).filter(|shape| header.says(shape));
        match shape {
            Some(shape) if rest.iter().all(|byte| *byte == 0) => Ok((header, shape)),
            _ => Err(IdIndexDamage::Shape),
        }
    }

    /// The hashes of the file's parts.
    pub fn hashes(&self) -> PartHashes {
        PartHashes {
            entries: self.entries_hash,
            directory: self.directory_hash,
            filter: self.filter_hash,
        }
    }

    /// What identifies the file.
    pub fn facts(&self) -> DayFacts {
        DayFacts {
            date_days: self.date_days,
            reserved: 0,
            entries: self.entries,
            hash: self.expected_hash(),
        }
    }

    fn says(&self, shape: &Shape) -> bool {
        self.pages == shape.pages
            && self.filter_blocks == shape.filter_blocks
            && self.directory_offset == shape.directory_offset
            && self.filter_offset == shape.filter_offset
            && self.reserved == 0
    }

    fn expected_hash(&self) -> Hash {
        *blake3::hash(&self.as_bytes()[CHECKED_FROM..]).as_bytes()
    }

    fn expected_check(&self) -> [u8; 8] {
        self.expected_hash()[..8].try_into().expect("eight bytes")
    }
}
