//! Writing a day's index: under another name, flushed, read back, and only then under its own.

use super::filter::Filter;
use super::format::{ENTRIES_OFFSET, ENTRIES_PER_PAGE, EntryPage, Hash, Header, PageKey, PartHashes, Shape};
use super::{
    DayFacts, Entries, ID_INDEX_FOLDER, IdIndex, IdIndexDamage, IdIndexError, Named, PAGES_AT_ONCE,
    id_index_name,
};
use satang_core::calendar::BusinessDate;
use satang_core::state::dedup::{ID_SHARDS, IdEntry, id_shard};
use satang_core::state::hash::HashSeed;
use satang_log::log::LogIdentity;
use satang_log::storage::{PAGE_BYTES, Page, Storage, StorageFile};
use std::io;
use std::sync::Arc;
use zerocopy::IntoBytes;

/// Writes the index of `date`, replacing an older one: `shard(n)` gives the entries of id shard `n` in any order, and is asked
/// once for each, in order. Memory: the filter (two bytes per entry), a shard, and a few MiB.
///
/// # Errors
/// Of the operating system; `InvalidData` when what was written is not what is read back. The name then still stands for what it
/// stood for before, unless only the flush of the folder failed.
///
/// # Panics
/// When a shard gives an entry of another one, or the same fact of an id twice (I5).
pub fn write_id_index<S: Storage>(
    storage: &S,
    journal: &LogIdentity,
    date: BusinessDate,
    shard: impl FnMut(usize) -> Vec<IdEntry>,
) -> io::Result<DayFacts> {
    let name = id_index_name(date);
    let unfinished = format!("{name}.tmp");
    let written = write_file(storage, &unfinished, journal, date, shard)
        .and_then(|facts| storage.rename(&unfinished, &name).map(|()| facts));
    match written {
        Ok(facts) => storage.sync_folder(ID_INDEX_FOLDER).map(|()| facts),
        Err(error) => {
            // The first failure is what is reported; a leftover does no harm.
            let _ = storage.remove(&unfinished);
            Err(error)
        }
    }
}

fn write_file<S: Storage>(
    storage: &S,
    name: &str,
    journal: &LogIdentity,
    date: BusinessDate,
    shard: impl FnMut(usize) -> Vec<IdEntry>,
) -> io::Result<DayFacts> {
    let written = Arc::new(storage.create(name)?);
    let file = Named::new(name.to_owned(), written.clone());
    let (entries, entries_hash) = write_entries(&*written, file, journal, date, shard)?;
    let shape = entries.shape;
    let mut filter = Filter::with_blocks(shape.filter_blocks);
    let read_back = entries.for_each(&mut |hash, _| filter.insert(hash));
    if read_back.map_err(into_io)? != entries_hash {
        return Err(not_as_written(
            entries
                .file
                .damaged(ENTRIES_OFFSET, IdIndexDamage::OtherEntriesThanWritten),
        ));
    }
    let Entries { file, directory, .. } = entries;
    let hashes = PartHashes {
        entries: entries_hash,
        directory: write_bytes(&*written, shape.directory_offset, directory.as_bytes())?,
        filter: write_bytes(&*written, shape.filter_offset, filter.as_bytes())?,
    };
    drop((directory, filter));
    let header = Header::new(journal, date, &shape, &hashes);
    written.write_pages_at(&[header.page()], 0)?;
    written.sync()?;
    let opened = IdIndex::read(file, journal, date).map_err(into_io)?;
    if opened.facts() != header.facts() {
        return Err(not_as_written(
            opened
                .entries
                .file
                .damaged(0, IdIndexDamage::OtherHeaderThanWritten),
        ));
    }
    Ok(header.facts())
}

/// Writes the pages of entries and flushes them.
fn write_entries(
    written: &impl StorageFile,
    file: Named,
    journal: &LogIdentity,
    date: BusinessDate,
    mut shard: impl FnMut(usize) -> Vec<IdEntry>,
) -> io::Result<(Entries, Hash)> {
    let (key, seed) = (PageKey::of(&journal.journal_id, date), journal.seed());
    let mut pages = PageRun::new(written, ENTRIES_OFFSET);
    let mut directory = Vec::new();
    let mut write_page = |entries: &[IdEntry]| {
        let number = u32::try_from(directory.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        directory.push(seed.id(entries[0].bits()));
        pages.push(EntryPage::write(entries, number, &key))
    };
    let (mut total, mut waiting) = (0, Vec::new());
    for number in 0..ID_SHARDS {
        let mut entries = shard(number);
        sort(&mut entries, number, &seed);
        total += entries.len() as u64;
        waiting.append(&mut entries);
        let full = waiting.len() / ENTRIES_PER_PAGE * ENTRIES_PER_PAGE;
        for page in waiting[..full].chunks(ENTRIES_PER_PAGE) {
            write_page(page)?;
        }
        waiting.drain(..full);
    }
    if !waiting.is_empty() {
        write_page(&waiting)?;
    }
    let hash = pages.finish()?;
    written.sync()?;
    let shape = Shape::of(total).ok_or(io::ErrorKind::FileTooLarge)?;
    let entries = Entries {
        file,
        key,
        seed,
        shape,
        directory,
    };
    Ok((entries, hash))
}

/// Puts the entries of a shard in the order of the file.
fn sort(entries: &mut [IdEntry], shard: usize, seed: &HashSeed) {
    entries.sort_unstable_by_key(|entry| entry.file_order(seed));
    for of_id in entries.chunk_by(|a, b| a.bits() == b.bits()) {
        let hash = seed.id(of_id[0].bits());
        assert!(id_shard(hash) == shard, "an id of another shard in shard {shard}");
        for (at, entry) in of_id.iter().enumerate() {
            let fact = entry.fact().expect("an entry that this program made");
            let twice = of_id[..at].iter().any(|other| other.fact() == Some(fact));
            assert!(!twice, "I5: two entries of one id and kind of fact ({fact:?})");
        }
    }
}

/// Writes bytes in whole pages from `offset`, and returns the hash of those pages.
fn write_bytes(file: &dyn StorageFile, offset: u64, bytes: &[u8]) -> io::Result<Hash> {
    let mut pages = PageRun::new(file, offset);
    for chunk in bytes.chunks(PAGE_BYTES) {
        let mut page = Page::ZERO;
        page.0[..chunk.len()].copy_from_slice(chunk);
        pages.push(page)?;
    }
    pages.finish()
}

/// Pages that are written one behind the other, many at once, and hashed.
struct PageRun<'f> {
    file: &'f dyn StorageFile,
    offset: u64,
    /// Not written yet.
    buffer: Vec<Page>,
    hasher: blake3::Hasher,
}

impl<'f> PageRun<'f> {
    fn new(file: &'f dyn StorageFile, offset: u64) -> PageRun<'f> {
        PageRun {
            file,
            offset,
            buffer: Vec::with_capacity(PAGES_AT_ONCE),
            hasher: blake3::Hasher::new(),
        }
    }

    fn push(&mut self, page: Page) -> io::Result<()> {
        self.buffer.push(page);
        match self.buffer.len() {
            PAGES_AT_ONCE => self.write(),
            _ => Ok(()),
        }
    }

    fn write(&mut self) -> io::Result<()> {
        self.file.write_pages_at(&self.buffer, self.offset)?;
        self.hasher.update(self.buffer.as_bytes());
        self.offset += (self.buffer.len() * PAGE_BYTES) as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<Hash> {
        if !self.buffer.is_empty() {
            self.write()?;
        }
        Ok(*self.hasher.finalize().as_bytes())
    }
}

fn into_io(error: IdIndexError) -> io::Error {
    match error {
        IdIndexError::Io { source, .. } => source,
        damaged @ IdIndexError::Damaged { .. } => not_as_written(damaged),
    }
}

fn not_as_written(error: IdIndexError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
