//! The person store: which random person id stands for which citizen.
//!
//! A national id is never stored: the store holds a keyed hash of it, the journal only the person id. A new entry is durable
//! before any record names it. Entries lie in pages that are written once (`docs/FORMAT.md`).

use crate::storage::{PAGE_BYTES, Page, Storage, StorageFile};
use satang_core::ids::{CitizenId, PersonId};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

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

    fn hash(&self, citizen: CitizenId) -> CitizenHash {
        let hash = blake3::keyed_hash(&self.0, &citizen.to_hash_input());
        CitizenHash(hash.as_bytes()[..16].try_into().expect("sixteen bytes"))
    }
}

/// The first 128 bits of the keyed hash of a national id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct CitizenHash([u8; 16]);

/// Citizens and their person ids.
pub struct PersonStore<S: Storage> {
    key: CitizenKey,
    storage: Arc<S>,
    /// `None` until the first person is written.
    file: Option<S::File>,
    pages: u64,
    persons: HashMap<CitizenHash, PersonId>,
    /// Entries that are not on disk yet.
    staged: Vec<(CitizenHash, PersonId)>,
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
        let mut store = PersonStore::<S> {
            key,
            storage: storage.clone(),
            file,
            pages,
            persons: HashMap::new(),
            staged: Vec::new(),
            unreadable_pages: 0,
        };
        let mut page = [0u8; PAGE_BYTES];
        for number in 0..pages {
            let file = store.file.as_ref().expect("a file that has pages");
            let read = file.read_exact_at(&mut page, number * PAGE_BYTES as u64);
            match read.map(|()| read_page(&page)) {
                Ok(Some(entries)) => store.persons.extend(entries),
                Ok(None) => store.unreadable_pages += 1,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => store.unreadable_pages += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(store)
    }

    /// How many persons there are.
    pub fn len(&self) -> usize {
        self.persons.len()
    }

    /// Whether there is no person.
    pub fn is_empty(&self) -> bool {
        self.persons.is_empty()
    }

    /// Whether every person that a record names is in the store, and how many pages could not be read.
    ///
    /// # Errors
    /// How many named persons are missing, of how many unreadable pages.
    pub fn check_names(&self, named: impl Iterator<Item = PersonId>) -> Result<u64, (usize, u64)> {
        let known: std::collections::HashSet<PersonId> = self.persons.values().copied().collect();
        match named.filter(|person| !known.contains(person)).count() {
            0 => Ok(self.unreadable_pages),
            missing => Err((missing, self.unreadable_pages)),
        }
    }
}

impl<S: Storage> PersonRegistry for PersonStore<S> {
    fn resolve(&mut self, citizen: CitizenId) -> io::Result<PersonId> {
        let hash = self.key.hash(citizen);
        if let Some(person) = self.persons.get(&hash) {
            return Ok(*person);
        }
        let person = loop {
            let number = getrandom::u64().map_err(io::Error::other)?;
            if let Some(person) = PersonId::from_number(number) {
                break person;
            }
        };
        self.persons.insert(hash, person);
        self.staged.push((hash, person));
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
}

fn write_page(entries: &[(CitizenHash, PersonId)]) -> Page {
    let mut page = Page::ZERO;
    page.0[..8].copy_from_slice(&MAGIC);
    page.0[16..20].copy_from_slice(&(entries.len() as u32).to_le_bytes());
    for (entry, (hash, person)) in page.0[HEADER_BYTES..].chunks_exact_mut(ENTRY_BYTES).zip(entries) {
        entry[..16].copy_from_slice(&hash.0);
        entry[16..].copy_from_slice(&person.number().to_le_bytes());
    }
    let check = page_check(&page.0);
    page.0[8..16].copy_from_slice(&check);
    page
}

fn read_page(page: &[u8; PAGE_BYTES]) -> Option<Vec<(CitizenHash, PersonId)>> {
    if page[..8] != MAGIC || page[8..16] != page_check(page) {
        return None;
    }
    let count = u32::from_le_bytes(page[16..20].try_into().ok()?) as usize;
    let entries = page[HEADER_BYTES..].chunks_exact(ENTRY_BYTES).take(count);
    entries
        .map(|entry| {
            let number = u64::from_le_bytes(entry[16..].try_into().ok()?);
            Some((
                CitizenHash(entry[..16].try_into().ok()?),
                PersonId::from_number(number)?,
            ))
        })
        .collect()
}

/// Whether a page of the store is whole: one that is not is a write that never finished, or damage.
pub fn is_whole_page(page: &[u8; PAGE_BYTES]) -> bool {
    read_page(page).is_some()
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
        assert_eq!(store.check_names(persons.into_iter()), Ok(0));
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
        assert_eq!(store.check_names([person].into_iter()), Err((1, 1)));
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
