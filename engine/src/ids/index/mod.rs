//! The ids of a day that has left memory: one sorted file per business date, written once.
//!
//! Memory keeps a filter and the hash of each page's first entry. So an absent id costs one cache line, all but one time in 800,
//! and one that is there costs one page.

mod filter;
mod format;
mod write;
mod scrub;

pub use format::{DayFacts, IdIndexDamage};
pub use write::write_id_index;

use filter::Filter;
use format::{ENTRIES_OFFSET, EntryPage, Hash, Header, PageKey, PartHashes, Shape, page_offset};
use satang_core::calendar::BusinessDate;
use satang_core::state::dedup::{IdEntry, IdFact};
use satang_core::state::hash::HashSeed;
use satang_log::log::LogIdentity;
use satang_log::storage::{PAGE_BYTES, Page, ReadFile, ReadStorage};
use std::io;
use std::sync::Arc;
use zerocopy::{FromBytes, IntoBytes};

/// The folder of index files in the data folder.
pub const ID_INDEX_FOLDER: &str = "ids";

/// Pages that are written and read at once: 1 MiB.
const PAGES_AT_ONCE: usize = 256;

/// The name of a date's file in the data folder, e.g. `ids/2026-06-15.ids`.
pub fn id_index_name(date: BusinessDate) -> String {
    format!("{ID_INDEX_FOLDER}/{date}.ids")
}

/// Why a day's index is not used.
#[derive(Debug, thiserror::Error)]
pub enum IdIndexError {
    /// The disk does not answer, or there is no such file.
    #[error("{file}: offset {offset}: {source}")]
    Io {
        file: String,
        /// Where in it, in bytes.
        offset: u64,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file is damaged, or not the one that belongs here.
    #[error("{file}: offset {offset}: {what}")]
    Damaged {
        file: String,
        /// Where in it, in bytes.
        offset: u64,
        what: IdIndexDamage,
    },
}

/// The index of one day, open for look-ups.
pub struct IdIndex {
    date: BusinessDate,
    facts: DayFacts,
    hashes: PartHashes,
    filter: Filter,
    entries: Entries,
}

impl IdIndex {
    /// Opens the index of `date` and checks its header, directory and filter; pages of entries are checked when they are read.
    ///
    /// # Errors
    /// [`IdIndexError`]; `NotFound` within it when there is no such file.
    pub fn open<S: ReadStorage>(
        storage: &S,
        journal: &LogIdentity,
        date: BusinessDate,
    ) -> Result<IdIndex, IdIndexError> {
        let name = id_index_name(date);
        match storage.open_sparingly(&name) {
            Ok(file) => IdIndex::read(Named::new(name, file), journal, date),
            Err(source) => Err(IdIndexError::Io {
                file: name,
                offset: 0,
                source,
            }),
        }
    }

    fn read(file: Named, journal: &LogIdentity, date: BusinessDate) -> Result<IdIndex, IdIndexError> {
        let len = file.len_bytes()?;
        if len < PAGE_BYTES as u64 {
            return Err(file.damaged(len, IdIndexDamage::Short));
        }
        let mut page = Page::ZERO;
        file.read(&mut page.0, 0)?;
        let (header, shape) = Header::read(&page, journal, date).map_err(|what| file.damaged(0, what))?;
        let wanted = shape.file_bytes;
        if len != wanted {
            let what = IdIndexDamage::Length { bytes: len, wanted };
            return Err(file.damaged(len.min(wanted), what));
        }
        let hashes = header.hashes();
        let directory = read_directory(&file, &shape, &hashes.directory)?;
        let mut filter = Filter::with_blocks(shape.filter_blocks);
        file.read(filter.as_mut_bytes(), shape.filter_offset)?;
        if *blake3::hash(filter.as_bytes()).as_bytes() != hashes.filter {
            return Err(file.damaged(shape.filter_offset, IdIndexDamage::Filter));
        }
        Ok(IdIndex {
            date,
            facts: header.facts(),
            hashes,
            filter,
            entries: Entries {
                key: PageKey::of(&journal.journal_id, date),
                seed: journal.seed(),
                file,
                shape,
                directory,
            },
        })
    }

    /// What identifies the file.
    pub fn facts(&self) -> DayFacts {
        self.facts
    }

    /// The business date.
    pub fn date(&self) -> BusinessDate {
        self.date
    }

    /// Whether the file may have a fact of an id with this hash; never false for one it has.
    #[inline]
    pub fn may_hold(&self, hash: u64) -> bool {
        self.filter.may_hold(hash)
    }

    /// Asks the processor to fetch what [`IdIndex::may_hold`] will read.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        self.filter.prefetch(hash);
    }

    /// The entry of this id and kind of fact. Reads one page, or none when the filter does not know the id.
    ///
    /// # Errors
    /// [`IdIndexError`] when the page cannot be read or is damaged.
    pub fn find(&self, bits: u128, fact: IdFact) -> Result<Option<IdEntry>, IdIndexError> {
        let hash = self.entries.seed.id(bits);
        if !self.filter.may_hold(hash) {
            return Ok(None);
        }
        self.entries.find(hash, bits, fact)
    }

    /// Every entry, in the order of the file, once its page was checked; at the end, whether the file as a whole is right. For
    /// verification.
    ///
    /// # Errors
    /// [`IdIndexError`]; entries of damaged pages were not handed out.
    pub fn for_each(&self, each: &mut dyn FnMut(&IdEntry)) -> Result<(), IdIndexError> {
        let mut unknown = 0;
        let hash = self.entries.for_each(&mut |hash, entry| {
            unknown += u64::from(!self.filter.may_hold(hash));
            each(entry);
        })?;
        let file = &self.entries.file;
        if hash != self.hashes.entries {
            return Err(file.damaged(ENTRIES_OFFSET, IdIndexDamage::OtherEntries));
        }
        match unknown {
            0 => Ok(()),
            _ => Err(file.damaged(self.entries.shape.filter_offset, IdIndexDamage::OtherFilter)),
        }
    }

    /// Where in the file the entry with this number lies, in the order of [`IdIndex::for_each`], from 0.
    pub fn entry_offset(index: u64) -> u64 {
        format::entry_offset(index)
    }

    /// Bytes of memory it takes.
    pub fn memory_bytes(&self) -> usize {
        self.filter.memory_bytes() + self.entries.directory.capacity() * size_of::<u64>()
    }
}

fn read_directory(file: &Named, shape: &Shape, hash: &Hash) -> Result<Vec<u64>, IdIndexError> {
    let offset = shape.directory_offset;
    let mut pages = vec![Page::ZERO; ((shape.filter_offset - offset) / PAGE_BYTES as u64) as usize];
    file.read(pages.as_mut_bytes(), offset)?;
    if blake3::hash(pages.as_bytes()).as_bytes() != hash {
        return Err(file.damaged(offset, IdIndexDamage::Directory));
    }
    let padded = <[u64]>::ref_from_bytes(pages.as_bytes()).expect("whole aligned pages");
    Ok(padded[..shape.pages as usize].to_vec())
}

/// The pages of entries, sorted by [`IdEntry::file_order`].
struct Entries {
    file: Named,
    key: PageKey,
    seed: HashSeed,
    shape: Shape,
    /// The hash of the first entry of every page.
    directory: Vec<u64>,
}

impl Entries {
    fn find(&self, hash: u64, bits: u128, fact: IdFact) -> Result<Option<IdEntry>, IdIndexError> {
        // The page in front of the first that begins with this hash may end with it.
        let behind = self.directory.partition_point(|first| *first < hash);
        let mut page = Page::ZERO;
        for number in behind.saturating_sub(1)..self.directory.len() {
            if self.directory[number] > hash {
                break;
            }
            self.file.read(&mut page.0, page_offset(number as u32))?;
            let entries = self.check(&page, number as u32)?;
            let from = entries.partition_point(|entry| {
                let (other_hash, other_bits, _) = entry.file_order(&self.seed);
                (other_hash, other_bits) < (hash, bits)
            });
            let mut of_id = entries[from..].iter().take_while(|entry| entry.bits() == bits);
            if let Some(entry) = of_id.find(|entry| entry.fact() == Some(fact)) {
                return Ok(Some(*entry));
            }
        }
        Ok(None)
    }

    /// Hands out every entry with the hash of its id; returns the hash of all pages.
    fn for_each(&self, each: &mut dyn FnMut(u64, &IdEntry)) -> Result<Hash, IdIndexError> {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![Page::ZERO; PAGES_AT_ONCE.min(self.shape.pages as usize)];
        let mut last = None;
        for first in (0..self.shape.pages).step_by(PAGES_AT_ONCE) {
            let pages = &mut buffer[..PAGES_AT_ONCE.min((self.shape.pages - first) as usize)];
            self.file.read(pages.as_mut_bytes(), page_offset(first))?;
            hasher.update(pages.as_bytes());
            for (page, number) in pages.iter().zip(first..) {
                for entry in self.check(page, number)? {
                    let order = entry.file_order(&self.seed);
                    if last.is_some_and(|last| order <= last) {
                        return Err(self.file.damaged(page_offset(number), IdIndexDamage::Order));
                    }
                    last = Some(order);
                    each(order.0, entry);
                }
            }
        }
        Ok(*hasher.finalize().as_bytes())
    }

    /// The entries of the page with this number, which was read.
    fn check<'p>(&self, page: &'p Page, number: u32) -> Result<&'p [IdEntry], IdIndexError> {
        let entries = EntryPage::read(page, number, self.shape.entries_in(number), &self.key);
        let begins_as_listed = |entries: &&[IdEntry]| {
            let first = entries.first().map(|first| self.seed.id(first.bits()));
            first == Some(self.directory[number as usize])
        };
        let damaged = || self.file.damaged(page_offset(number), IdIndexDamage::Page);
        entries.filter(begins_as_listed).ok_or_else(damaged)
    }
}

/// An open file that says in every error which it is.
struct Named {
    name: String,
    file: Arc<dyn ReadFile>,
}

impl Named {
    fn new(name: String, file: Arc<dyn ReadFile>) -> Named {
        Named { name, file }
    }

    fn len_bytes(&self) -> Result<u64, IdIndexError> {
        self.file.len_bytes().map_err(|source| self.unread(0, source))
    }

    fn read(&self, into: &mut [u8], offset: u64) -> Result<(), IdIndexError> {
        let read = self.file.read_exact_at(into, offset);
        read.map_err(|source| self.unread(offset, source))
    }

    fn unread(&self, offset: u64, source: io::Error) -> IdIndexError {
        IdIndexError::Io {
            file: self.name.clone(),
            offset,
            source,
        }
    }

    fn damaged(&self, offset: u64, what: IdIndexDamage) -> IdIndexError {
        IdIndexError::Damaged {
            file: self.name.clone(),
            offset,
            what,
        }
    }
}
