//! The person store on disk: pages that are written once (`docs/FORMAT.md`).

use super::erase::finish_erasing;
use super::page::{ENTRIES_PER_PAGE, PERSONS_FILE, read_page, write_page};
use super::room::Room;
use super::{CitizenKey, PersonEntry, PersonTable, Persons, TABLES, empty_tables, insert, table_of};
use parking_lot::Mutex;
use satang_core::state::table::Table;
use satang_log::commit::FlushedBefore;
use satang_log::storage::{PAGE_BYTES, Page, ReadFile, Storage, StorageFile, is_full};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zerocopy::IntoBytes as _;

/// The most pages of one write: 256 KiB, as the journal's groups are written.
const WRITE_PAGES: usize = 64;

/// The store of a data folder. One thread owns it: the one that writes the journal.
pub struct PersonStore<S: Storage> {
    persons: Arc<Persons>,
    storage: Arc<S>,
    /// `None` until the store is prepared, if there was none.
    file: Option<S::File>,
    /// Behind the last page.
    pages: u64,
    /// Pages that could not be read: a write that never finished, or damage. The journal tells which.
    unreadable: Unreadable,
    /// What is being written; kept for its memory.
    taken: Vec<PersonEntry>,
    buffer: Vec<Page>,
}

/// Which pages of the store could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// How many.
    pub pages: u64,
    /// Where the first of them begins in the file, in bytes; 0 when there is none.
    pub first_offset: u64,
}

impl<S: Storage> PersonStore<S> {
    /// Reads the store; one that is absent is empty, and made by [`PersonStore::prepare`].
    ///
    /// # Errors
    /// Of the operating system.
    pub fn open(storage: &Arc<S>, key: CitizenKey) -> io::Result<PersonStore<S>> {
        finish_erasing(&**storage)?;
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
        let bytes = file.as_ref().map_or(Ok(0), ReadFile::len_bytes)?;
        let pages = bytes.div_ceil(PAGE_BYTES as u64);
        let (tables, unreadable) = match &file {
            Some(file) => read_all(file, pages)?,
            None => (empty_tables(0), Unreadable::default()),
        };
        Ok(PersonStore {
            persons: Arc::new(Persons::new(key, tables, pages, Room::behind(pages))),
            storage: storage.clone(),
            file,
            pages,
            unreadable,
            taken: Vec::new(),
            buffer: Vec::new(),
        })
    }

    /// Makes the store when there is none and reserves room for new persons; to be called when the folder is known to be the right
    /// one. On a full disk nobody new gets a person id until [`Persons::reserve_room`] finds room.
    ///
    /// # Errors
    /// Of the operating system, but for a full disk.
    pub fn prepare(&mut self) -> io::Result<()> {
        match self.make_and_reserve() {
            Err(error) if is_full(error.kind()) => Ok(()),
            prepared => prepared,
        }
    }

    fn make_and_reserve(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(self.storage.create(PERSONS_FILE)?);
            self.storage.sync_folder("")?;
        }
        self.persons.room.reserve(self.file.as_ref().expect("made above"))
    }

    /// The persons, to be shared.
    pub fn persons(&self) -> &Arc<Persons> {
        &self.persons
    }

    /// Which pages could not be read.
    pub fn unreadable(&self) -> Unreadable {
        self.unreadable
    }
}

/// Pages that one thread reads at once.
const READ_PAGES: u64 = 256;
/// Pages that tell how full the others are.
const ESTIMATED_BY_PAGES: u64 = 256;
/// How many entries ahead a table's memory is fetched.
const PREFETCH_AHEAD: usize = 12;

/// Every entry of the pages, and which pages could not be read; by several threads.
fn read_all<F: StorageFile>(file: &F, pages: u64) -> io::Result<(Vec<Mutex<PersonTable>>, Unreadable)> {
    let room = estimated_entries(file, pages)? / TABLES;
    let tables = empty_tables(room + room / 32);
    let (next, unreadable) = (AtomicU64::new(0), AtomicU64::new(0));
    let first_unreadable = AtomicU64::new(u64::MAX);
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
            for (page, number) in wanted.iter().zip(first..) {
                match read_page(page) {
                    Some(entries) => entries
                        .iter()
                        .for_each(|entry| sorted[table_of(entry.hash)].push(*entry)),
                    None => {
                        unreadable.fetch_add(1, Ordering::Relaxed);
                        first_unreadable.fetch_min(number, Ordering::Relaxed);
                    }
                }
            }
            for (table, entries) in tables.iter().zip(&mut sorted) {
                // Enough for a lock and for the table's memory to be worth fetching.
                if entries.len() >= 64 {
                    insert_all(&mut table.lock().entries, entries);
                }
            }
        }
        for (table, entries) in tables.iter().zip(&mut sorted) {
            insert_all(&mut table.lock().entries, entries);
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
    let unreadable = match unreadable.into_inner() {
        0 => Unreadable::default(),
        pages => Unreadable {
            pages,
            first_offset: first_unreadable.into_inner() * PAGE_BYTES as u64,
        },
    };
    Ok((tables, unreadable))
}

/// How many entries there are, about. Pages are as full as the groups of records were large that they were written for: a few
/// that lie evenly over the file tell.
fn estimated_entries<F: StorageFile>(file: &F, pages: u64) -> io::Result<usize> {
    let looked_at = pages.min(ESTIMATED_BY_PAGES);
    let (mut page, mut entries) = (Page::ZERO, 0);
    for number in 0..looked_at {
        match file.read_exact_at(&mut page.0, pages * number / looked_at * PAGE_BYTES as u64) {
            Ok(()) => entries += read_page(&page).map_or(0, <[PersonEntry]>::len) as u64,
            // The last page was never written to its end.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error),
        }
    }
    Ok((entries * pages).div_ceil(looked_at.max(1)) as usize)
}

fn insert_all(table: &mut Table<PersonEntry>, entries: &mut Vec<PersonEntry>) {
    for (index, entry) in entries.iter().enumerate() {
        if let Some(later) = entries.get(index + PREFETCH_AHEAD) {
            table.prefetch(later.hash);
        }
        *insert(table, *entry).0 = *entry;
    }
    entries.clear();
}

impl<S: Storage> FlushedBefore for PersonStore<S> {
    fn name(&self) -> &str {
        PERSONS_FILE
    }

    /// Makes every person durable that was staged before the call.
    ///
    /// # Errors
    /// Of the operating system; never retried (I8).
    fn flush(&mut self) -> io::Result<()> {
        self.persons.take_staged(&mut self.taken);
        if self.taken.is_empty() {
            return Ok(());
        }
        self.persons.room.begin_to_write(self.taken.len() as u64);
        let file = self
            .file
            .as_ref()
            .expect("without a file there was no room for anybody");
        for entries in self.taken.chunks(ENTRIES_PER_PAGE * WRITE_PAGES) {
            self.buffer.clear();
            self.buffer
                .extend(entries.chunks(ENTRIES_PER_PAGE).map(write_page));
            file.write_pages_at(&self.buffer, self.pages * PAGE_BYTES as u64)?;
            self.pages += self.buffer.len() as u64;
        }
        file.sync()?;
        self.taken.clear();
        self.persons.set_pages(self.pages);
        if self.persons.room.is_low() {
            // A full disk is not this flush's matter: what is reserved was for it, and more is asked for again later.
            let _ = self.persons.room.reserve(file);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::citizen;
    use super::*;
    use satang_core::ids::PersonId;
    use satang_log::storage::MemoryStorage;

    fn open(storage: &Arc<MemoryStorage>) -> PersonStore<MemoryStorage> {
        let mut store = PersonStore::open(storage, CitizenKey::from_bytes([7; 32])).unwrap();
        store.prepare().unwrap();
        store
    }

    #[test]
    fn a_citizen_keeps_the_person_id_over_a_restart() {
        let storage = Arc::new(MemoryStorage::default());
        let mut store = open(&storage);
        let persons = store.persons().clone();
        let ids: Vec<PersonId> = (0..1000).map(|n| persons.resolve(citizen(n)).unwrap()).collect();
        store.flush().unwrap();
        persons.resolve(citizen(5000)).unwrap();
        let store = open(&storage);
        assert_eq!(store.persons().len(), 1000);
        for (n, person) in ids.iter().enumerate() {
            assert_eq!(store.persons().resolve(citizen(n as u64)).unwrap(), *person);
        }
        assert_eq!(store.persons().missing(ids.into_iter()), 0);
    }

    #[test]
    fn a_flush_writes_what_is_staged_once_in_few_writes_and_nothing_when_that_is_nothing() {
        let storage = Arc::new(MemoryStorage::default());
        let mut store = open(&storage);
        let prepared = storage.operations();
        store.flush().unwrap();
        assert_eq!((storage.operations(), store.persons().pages()), (prepared, 0));
        let resolve = |store: &PersonStore<MemoryStorage>, number: u64| {
            store.persons().resolve(citizen(number)).unwrap();
        };
        let in_two_writes = (ENTRIES_PER_PAGE * WRITE_PAGES + 1) as u64;
        (0..in_two_writes).for_each(|number| resolve(&store, number));
        assert_eq!(
            storage.operations(),
            prepared,
            "resolving does not touch the disk"
        );
        store.flush().unwrap();
        let operations = storage.operations();
        assert_eq!(operations - prepared, 3, "two writes, one flush");
        (0..in_two_writes).for_each(|number| resolve(&store, number));
        store.flush().unwrap();
        assert_eq!(storage.operations(), operations, "all of them are known");
        let pages = WRITE_PAGES as u64 + 1;
        assert_eq!(store.persons().pages(), pages);
        assert_eq!(
            storage.bytes(PERSONS_FILE).len() as u64,
            pages * PAGE_BYTES as u64
        );
        resolve(&store, in_two_writes);
        assert_eq!(store.persons().pages(), pages, "not durable yet");
        store.flush().unwrap();
        assert_eq!(store.persons().pages(), pages + 1);
        let store = open(&storage);
        assert_eq!(store.persons().len() as u64, in_two_writes + 1);
        assert_eq!(
            (store.persons().pages(), store.unreadable().pages),
            (pages + 1, 0)
        );
    }

    #[test]
    fn memory_is_reserved_for_as_many_persons_as_there_are_however_full_pages_are() {
        for per_page in [1, 40, ENTRIES_PER_PAGE] {
            let storage = Arc::new(MemoryStorage::default());
            let pages: Vec<Page> = (0..1_000u64)
                .map(|page| {
                    let entry = |n| PersonEntry {
                        hash: [page, n],
                        person: page * 200 + n + 1,
                    };
                    write_page(&(0..per_page as u64).map(entry).collect::<Vec<_>>())
                })
                .collect();
            let file = storage.create(PERSONS_FILE).unwrap();
            file.write_pages_at(&pages, 0).unwrap();
            assert_eq!(estimated_entries(&file, 1_000).unwrap(), per_page * 1_000);
            assert_eq!(open(&storage).persons().len(), per_page * 1_000);
        }
    }

    #[test]
    fn a_damaged_page_is_noticed_when_a_record_names_a_person_in_it() {
        let storage = Arc::new(MemoryStorage::default());
        let mut store = open(&storage);
        let person = store.persons().resolve(citizen(1)).unwrap();
        store.flush().unwrap();
        let mut bytes = storage.bytes(PERSONS_FILE);
        bytes[50] ^= 1;
        storage.set_bytes(PERSONS_FILE, bytes);
        let store = open(&storage);
        let missing = store.persons().missing([person].into_iter());
        assert_eq!((missing, store.unreadable().pages), (1, 1));
    }

    #[test]
    fn the_national_id_is_not_in_the_file() {
        let storage = Arc::new(MemoryStorage::default());
        let mut store = open(&storage);
        let canary = citizen(110_170_020_345);
        store.persons().resolve(canary).unwrap();
        store.flush().unwrap();
        let bytes = storage.bytes(PERSONS_FILE);
        assert!(!bytes.windows(8).any(|window| window == canary.to_hash_input()));
        assert!(!bytes.windows(12).any(|window| window == b"110170020345"));
    }

    #[test]
    fn on_a_full_disk_as_many_persons_are_taken_as_there_is_room_for_and_all_of_them_are_written() {
        let storage = Arc::new(MemoryStorage::default());
        let room = 4096 * ENTRIES_PER_PAGE as u64;
        let mut store = open(&storage);
        storage.fill_after(0);
        let persons = store.persons().clone();
        // With a flush after each of the first ones, which takes a page of its own.
        for number in 0..10 {
            persons.resolve(citizen(number)).unwrap();
            store.flush().unwrap();
        }
        let taken = (10..2 * room).take_while(|number| persons.resolve(citizen(*number)).is_ok());
        let taken = taken.count() as u64;
        assert_eq!(taken, room - 10 * ENTRIES_PER_PAGE as u64);
        store.flush().unwrap();
        let refused = persons.resolve(citizen(2 * room)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
        persons.resolve(citizen(1)).unwrap();
        assert!(persons.reserve_room(&*storage).is_err());
        storage.make_room();
        persons.reserve_room(&*storage).unwrap();
        persons.resolve(citizen(2 * room)).unwrap();
        store.flush().unwrap();
        assert_eq!(open(&storage).persons().len() as u64, taken + 11);
    }
}
