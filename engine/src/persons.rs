//! The person store: which random person id stands for which citizen.
//!
//! A national id is never stored: the store holds a keyed hash of it, the journal only the person id. A new entry is durable
//! before any record names it. Entries lie in pages that are written once (`docs/FORMAT.md`).

use crate::storage::{PAGE_BYTES, Page, Storage, StorageFile};
use parking_lot::Mutex;
use satang_core::ids::{CitizenId, PersonId};
use satang_core::table::{Entry, Table};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The store's file in the data folder.
pub const PERSONS_FILE: &str = "persons.db";

const MAGIC: [u8; 8] = *b"SATANGPE";
const HEADER_BYTES: usize = 32;
const ENTRY_BYTES: usize = 24;
const ENTRIES_PER_PAGE: usize = (PAGE_BYTES - HEADER_BYTES) / ENTRY_BYTES;

/// The secret under which citizens' ids are hashed. Whoever has it and the store could test guesses of ids.
#[derive(Clone)]
pub struct CitizenKey([u8; 32]);

impl CitizenKey {
    /// The key with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> CitizenKey {
        CitizenKey(bytes)
    }

    /// What the journal's headers keep of the key: enough to know it again, nothing to derive it from.
    pub fn check_value(&self) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, b"Satang 2026 citizen key check").as_bytes()
    }

    fn hash(&self, citizen: CitizenId) -> [u64; 2] {
        let hash = blake3::keyed_hash(&self.0, &citizen.to_hash_input());
        let half = |at| u64::from_le_bytes(hash.as_bytes()[at..at + 8].try_into().expect("eight bytes"));
        [half(0), half(8)]
    }
}

/// A citizen and the person id, as pages and memory keep them: 24 bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct PersonEntry {
    /// The first 128 bits of the keyed hash of the national id.
    hash: [u64; 2],
    /// Never 0 in use.
    person: u64,
}

impl Entry for PersonEntry {
    fn is_empty(&self) -> bool {
        self.person == 0
    }

    fn hash(&self) -> u64 {
        // A keyed hash is spread evenly already.
        self.hash[0]
    }
}

/// How many tables the entries are spread over, so that each grows by itself and several threads can fill them.
const TABLES: usize = 256;

fn table_of(hash: [u64; 2]) -> usize {
    hash[1] as usize % TABLES
}

/// Citizens and their person ids.
pub struct PersonStore<S: Storage> {
    key: CitizenKey,
    storage: Arc<S>,
    /// `None` until the first person is written.
    file: Option<S::File>,
    pages: u64,
    persons: Vec<Table<PersonEntry>>,
    /// Entries that are not on disk yet.
    staged: Vec<PersonEntry>,
    /// Pages that could not be read: a write that never finished, or damage. The journal tells which.
    unreadable_pages: u64,
}

/// A person store, whatever it lies on. Not on the hot path: enrollments and registrations only.
pub trait PersonRegistry: Send {
    /// The person id of a citizen, a new random one when there is none. Durable after [`PersonRegistry::flush`].
    ///
    /// # Errors
    /// When the operating system has no randomness.
    fn resolve(&mut self, citizen: CitizenId) -> io::Result<PersonId>;

    /// Makes every person id handed out so far durable.
    ///
    /// # Errors
    /// Of the operating system; never retried (I8).
    fn flush(&mut self) -> io::Result<()>;

    /// How many pages of the store are durable.
    fn pages(&self) -> u64;
}

impl<S: Storage> PersonStore<S> {
    /// Reads the store; one that is absent is empty and made with its first person.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn open(storage: &Arc<S>, key: CitizenKey) -> io::Result<PersonStore<S>> {
        let file = match storage.open(PERSONS_FILE) {
            Ok(file) => {
                // After a kill, entries may live in the page cache alone; a record that names one relies on it.
                file.sync()?;
                storage.sync_folder("")?;
                Some(file)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let bytes = file.as_ref().map_or(Ok(0), StorageFile::len_bytes)?;
        let pages = bytes.div_ceil(PAGE_BYTES as u64);
        let (persons, unreadable_pages) = match &file {
            Some(file) => read_all(file, pages)?,
            None => (std::iter::repeat_with(Table::default).take(TABLES).collect(), 0),
        };
        Ok(PersonStore {
            key,
            storage: storage.clone(),
            file,
            pages,
            persons,
            staged: Vec::new(),
            unreadable_pages,
        })
    }

    /// How many persons there are.
    pub fn len(&self) -> usize {
        self.persons.iter().map(Table::len).sum()
    }

    /// Whether there is no person.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many pages could not be read.
    pub fn unreadable_pages(&self) -> u64 {
        self.unreadable_pages
    }

    /// How many of the persons that records name are not in the store.
    pub fn missing(&self, named: impl Iterator<Item = PersonId>) -> usize {
        let mut named: Vec<u64> = named.map(PersonId::number).collect();
        named.sort_unstable();
        named.dedup();
        let known = self
            .persons
            .iter()
            .flat_map(Table::iter)
            .map(|entry| entry.person);
        if named.len() < self.len() / 64 {
            let mut found = vec![false; named.len()];
            known
                .filter_map(|person| named.binary_search(&person).ok())
                .for_each(|at| found[at] = true);
            return found.iter().filter(|found| !**found).count();
        }
        let mut known: Vec<u64> = known.collect();
        known.sort_unstable();
        let mut known = known.into_iter().peekable();
        let is_missing = |person: &&u64| {
            while known.next_if(|known| known < *person).is_some() {}
            known.peek() != Some(*person)
        };
        named.iter().filter(is_missing).count()
    }
}

/// Pages that one thread reads at once.
const READ_PAGES: u64 = 256;
/// How many entries ahead a table's memory is fetched.
const PREFETCH_AHEAD: usize = 12;

/// Every entry of the pages, and how many pages could not be read; by several threads.
fn read_all<F: StorageFile>(file: &F, pages: u64) -> io::Result<(Vec<Table<PersonEntry>>, u64)> {
    let room = pages as usize * ENTRIES_PER_PAGE / TABLES;
    let tables = || Mutex::new(Table::with_room_for(room + room / 32));
    let tables: Vec<Mutex<Table<PersonEntry>>> = std::iter::repeat_with(tables).take(TABLES).collect();
    let (next, unreadable) = (AtomicU64::new(0), AtomicU64::new(0));
    let read_some = || -> io::Result<()> {
        let mut sorted: Vec<Vec<PersonEntry>> = vec![Vec::new(); TABLES];
        let mut buffer = vec![Page::ZERO; READ_PAGES as usize];
        loop {
            let first = next.fetch_add(READ_PAGES, Ordering::Relaxed);
            if first >= pages {
                break;
            }
            let wanted = &mut buffer[..READ_PAGES.min(pages - first) as usize];
            match file.read_exact_at(wanted.as_mut_bytes(), first * PAGE_BYTES as u64) {
                Ok(()) => {}
                // The last page was never written to its end.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    let whole = (wanted.len() - 1) * PAGE_BYTES;
                    wanted.as_mut_bytes()[whole..].fill(0);
                    file.read_exact_at(&mut wanted.as_mut_bytes()[..whole], first * PAGE_BYTES as u64)?;
                }
                Err(error) => return Err(error),
            }
            for page in wanted.iter() {
                match read_page(page) {
                    Some(entries) => entries
                        .iter()
                        .for_each(|entry| sorted[table_of(entry.hash)].push(*entry)),
                    None => _ = unreadable.fetch_add(1, Ordering::Relaxed),
                }
            }
            for (table, entries) in tables.iter().zip(&mut sorted) {
                // Enough for a lock and for the table's memory to be worth fetching.
                if entries.len() >= 64 {
                    insert_all(&mut table.lock(), entries);
                }
            }
        }
        for (table, entries) in tables.iter().zip(&mut sorted) {
            insert_all(&mut table.lock(), entries);
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let threads = threads.min(pages.div_ceil(READ_PAGES) as usize).max(1);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..threads).map(|_| scope.spawn(read_some)).collect();
        let mut readers = readers.into_iter();
        readers.try_for_each(|reader| reader.join().expect("a reader does not panic"))
    })?;
    let tables = tables.into_iter().map(Mutex::into_inner).collect();
    Ok((tables, unreadable.into_inner()))
}

fn insert_all(table: &mut Table<PersonEntry>, entries: &mut Vec<PersonEntry>) {
    for (index, entry) in entries.iter().enumerate() {
        if let Some(later) = entries.get(index + PREFETCH_AHEAD) {
            table.prefetch(later.hash());
        }
        *insert(table, *entry) = *entry;
    }
    entries.clear();
}

fn insert(table: &mut Table<PersonEntry>, entry: PersonEntry) -> &mut PersonEntry {
    table
        .find_or_insert(entry.hash(), |other| other.hash == entry.hash, || entry)
        .0
}

impl<S: Storage> PersonRegistry for PersonStore<S> {
    fn resolve(&mut self, citizen: CitizenId) -> io::Result<PersonId> {
        let hash = self.key.hash(citizen);
        let table = &mut self.persons[table_of(hash)];
        if let Some(known) = table.find(hash[0], |entry| entry.hash == hash) {
            return Ok(PersonId::from_number(known.person).expect("an entry in use has a person"));
        }
        let person = loop {
            let number = getrandom::u64().map_err(io::Error::other)?;
            if let Some(person) = PersonId::from_number(number) {
                break person;
            }
        };
        let entry = PersonEntry {
            hash,
            person: person.number(),
        };
        insert(table, entry);
        self.staged.push(entry);
        Ok(person)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.staged.is_empty() {
            return Ok(());
        }
        let pages: Vec<Page> = self.staged.chunks(ENTRIES_PER_PAGE).map(write_page).collect();
        if self.file.is_none() {
            self.file = Some(self.storage.create(PERSONS_FILE)?);
            self.storage.sync_folder("")?;
        }
        let file = self.file.as_ref().expect("made above");
        file.write_pages_at(&pages, self.pages * PAGE_BYTES as u64)?;
        file.sync()?;
        self.pages += pages.len() as u64;
        self.staged.clear();
        Ok(())
    }

    fn pages(&self) -> u64 {
        self.pages
    }
}

fn write_page(entries: &[PersonEntry]) -> Page {
    let mut page = Page::ZERO;
    page.0[..8].copy_from_slice(&MAGIC);
    page.0[16..20].copy_from_slice(&(entries.len() as u32).to_le_bytes());
    page.0[HEADER_BYTES..HEADER_BYTES + entries.len() * ENTRY_BYTES].copy_from_slice(entries.as_bytes());
    let check = page_check(&page.0);
    page.0[8..16].copy_from_slice(&check);
    page
}

fn read_page(page: &Page) -> Option<&[PersonEntry]> {
    let bytes = &page.0;
    if bytes[..8] != MAGIC || bytes[8..16] != page_check(bytes) {
        return None;
    }
    let count = u32::from_le_bytes(bytes[16..20].try_into().ok()?) as usize;
    let entries = bytes.get(HEADER_BYTES..HEADER_BYTES + count * ENTRY_BYTES)?;
    let entries = <[PersonEntry]>::ref_from_bytes(entries).ok()?;
    entries.iter().all(|entry| entry.person != 0).then_some(entries)
}

/// Whether a page of the store is whole: one that is not is a write that never finished, or damage.
pub fn is_whole_page(bytes: &[u8; PAGE_BYTES]) -> bool {
    read_page(&Page(*bytes)).is_some()
}

fn page_check(page: &[u8; PAGE_BYTES]) -> [u8; 8] {
    blake3::hash(&page[16..]).as_bytes()[..8]
        .try_into()
        .expect("eight bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::MemoryStorage;

    fn citizen(number: u64) -> CitizenId {
        let twelve = format!("{number:012}");
        (0..10)
            .find_map(|check| CitizenId::parse(&format!("{twelve}{check}")).ok())
            .expect("one digit fits")
    }

    #[test]
    fn a_citizen_keeps_the_person_id_over_a_restart() {
        let storage = Arc::new(MemoryStorage::default());
        let key = CitizenKey::from_bytes([7; 32]);
        let mut store = PersonStore::open(&storage, key.clone()).unwrap();
        let persons: Vec<PersonId> = (0..1000).map(|n| store.resolve(citizen(n)).unwrap()).collect();
        store.flush().unwrap();
        store.resolve(citizen(5000)).unwrap();
        let mut store = PersonStore::open(&storage, key).unwrap();
        assert_eq!(store.len(), 1000);
        for (n, person) in persons.iter().enumerate() {
            assert_eq!(store.resolve(citizen(n as u64)).unwrap(), *person);
        }
        assert_eq!(store.missing(persons.into_iter()), 0);
    }

    #[test]
    fn a_damaged_page_is_noticed_when_a_record_names_a_person_in_it() {
        let storage = Arc::new(MemoryStorage::default());
        let key = CitizenKey::from_bytes([7; 32]);
        let mut store = PersonStore::open(&storage, key.clone()).unwrap();
        let person = store.resolve(citizen(1)).unwrap();
        store.flush().unwrap();
        let mut bytes = storage.bytes(PERSONS_FILE);
        bytes[50] ^= 1;
        storage.set_bytes(PERSONS_FILE, bytes);
        let store = PersonStore::open(&storage, key).unwrap();
        assert_eq!(
            (store.missing([person].into_iter()), store.unreadable_pages()),
            (1, 1)
        );
    }

    #[test]
    fn the_national_id_is_not_in_the_file() {
        let storage = Arc::new(MemoryStorage::default());
        let mut store = PersonStore::open(&storage, CitizenKey::from_bytes([7; 32])).unwrap();
        let canary = citizen(110_170_020_345);
        store.resolve(canary).unwrap();
        store.flush().unwrap();
        let bytes = storage.bytes(PERSONS_FILE);
        assert!(!bytes.windows(8).any(|window| window == canary.to_hash_input()));
        assert!(!bytes.windows(12).any(|window| window == b"110170020345"));
    }
}
