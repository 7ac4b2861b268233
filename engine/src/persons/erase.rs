//! Deleting persons' entries from the store: the citizen's hash leads to [`PersonId::ERASED`] from then on, as that of every other
//! citizen who was erased.
//!
//! A page that has such an entry is written anew in its place. What it is to be lies in a file of its own until that is durable, so
//! that a crash in between loses nobody else's entry.

use super::page::{PERSONS_FILE, read_page, write_page};
use satang_core::ids::PersonId;
use satang_log::storage::{PAGE_BYTES, Page, ReadFile as _, Storage, StorageFile};
use std::collections::BTreeSet;
use std::io;
use zerocopy::IntoBytes as _;

/// The file of a page that is to be replaced: a page that says which, and the page.
pub const ERASING_FILE: &str = "persons.erase";
const MAGIC: [u8; 8] = *b"SATANGPX";
/// Pages that are read at once.
const READ_PAGES: u64 = 256;

/// Deletes the entries of these persons from the store, and says how many there were. They are durable there, and so are the
/// records that say that they are erased. Nobody else does the same meanwhile.
///
/// # Errors
/// Of the operating system. After one, some entries may be there still.
pub fn erase_entries<S: Storage>(storage: &S, persons: &BTreeSet<PersonId>) -> io::Result<usize> {
    // What failed before is written once more, not only flushed: nobody knows what the disk has of it.
    finish_erasing(storage)?;
    let file = match storage.open(PERSONS_FILE) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let pages = file.len_bytes()? / PAGE_BYTES as u64;
    let mut buffer = vec![Page::ZERO; READ_PAGES as usize];
    let mut erased = 0;
    for first in (0..pages).step_by(READ_PAGES as usize) {
        let wanted = &mut buffer[..READ_PAGES.min(pages - first) as usize];
        file.read_exact_at(wanted.as_mut_bytes(), first * PAGE_BYTES as u64)?;
        for (page, number) in wanted.iter().zip(first..) {
            let Some((page, count)) = without(page, persons) else {
                continue;
            };
            replace(storage, &file, number, &page)?;
            erased += count;
        }
    }
    Ok(erased)
}

/// Finishes what a crash interrupted. A file that was not finished itself was never begun to be used.
///
/// # Errors
/// Of the operating system.
pub fn finish_erasing<S: Storage>(storage: &S) -> io::Result<()> {
    let erasing = match storage.open(ERASING_FILE) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut pages = [Page::ZERO; 2];
    let whole = erasing.len_bytes()? == 2 * PAGE_BYTES as u64;
    if whole {
        erasing.read_exact_at(pages.as_mut_bytes(), 0)?;
    }
    if let Some((number, page)) = pending_page(&pages).filter(|_| whole) {
        let file = storage.open(PERSONS_FILE)?;
        file.write_pages_at(core::slice::from_ref(page), number * PAGE_BYTES as u64)?;
        file.sync()?;
    }
    storage.remove(ERASING_FILE)?;
    storage.sync_folder("")
}

/// The page without the entries of these persons, and how many of them it had; `None` when it had none.
fn without(page: &Page, persons: &BTreeSet<PersonId>) -> Option<(Page, usize)> {
    let mut entries = read_page(page)?.to_vec();
    let mut count = 0;
    for entry in entries
        .iter_mut()
        .filter(|entry| persons.contains(&entry.person()))
    {
        entry.person = PersonId::ERASED.number();
        count += 1;
    }
    (count > 0).then(|| (write_page(&entries), count))
}

fn replace<S: Storage>(storage: &S, file: &S::File, number: u64, page: &Page) -> io::Result<()> {
    let erasing = storage.create(ERASING_FILE)?;
    erasing.write_pages_at(&[header(number, page), *page], 0)?;
    erasing.sync()?;
    storage.sync_folder("")?;
    file.write_pages_at(core::slice::from_ref(page), number * PAGE_BYTES as u64)?;
    file.sync()?;
    storage.remove(ERASING_FILE)?;
    storage.sync_folder("")
}

fn header(number: u64, page: &Page) -> Page {
    let mut header = Page::ZERO;
    header.0[..8].copy_from_slice(&MAGIC);
    header.0[8..16].copy_from_slice(&number.to_le_bytes());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&header.0[..16]);
    hasher.update(&page.0);
    header.0[16..48].copy_from_slice(hasher.finalize().as_bytes());
    header
}

/// Which page of the store is to be replaced, and by what, as the two pages of [`ERASING_FILE`] say; `None` when they are not
/// whole.
pub fn pending_page(pages: &[Page; 2]) -> Option<(u64, &Page)> {
    let number = u64::from_le_bytes(pages[0].0[8..16].try_into().ok()?);
    (pages[0].0 == header(number, &pages[1]).0).then_some((number, &pages[1]))
}

#[cfg(test)]
mod tests {
    use super::super::{CitizenKey, PersonStore, citizen};
    use super::*;
    use satang_log::commit::FlushedBefore as _;
    use satang_log::storage::MemoryStorage;
    use std::sync::Arc;

    fn open(storage: &Arc<MemoryStorage>) -> PersonStore<MemoryStorage> {
        let mut store = PersonStore::open(storage, CitizenKey::from_bytes([7; 32])).unwrap();
        store.prepare().unwrap();
        store
    }

    /// A store of so many citizens.
    fn store_of(citizens: u64) -> (Arc<MemoryStorage>, Vec<PersonId>) {
        let storage = Arc::new(MemoryStorage::default());
        let mut store = open(&storage);
        let persons = store.persons().clone();
        let persons = (0..citizens)
            .map(|n| persons.resolve(citizen(n)).unwrap())
            .collect();
        store.flush().unwrap();
        (storage, persons)
    }

    #[test]
    fn an_erased_citizen_leads_to_nobody_and_everybody_else_to_whom_they_did() {
        let (storage, persons) = store_of(1_000);
        let erased = BTreeSet::from([persons[3], persons[500]]);
        assert_eq!(erase_entries(&*storage, &erased).unwrap(), 2);
        assert_eq!(erase_entries(&*storage, &erased).unwrap(), 0, "they are gone");
        let bytes = storage.bytes(PERSONS_FILE);
        for person in erased {
            let number = person.number().to_le_bytes();
            assert!(!bytes.windows(8).any(|window| window == number));
        }
        let store = open(&storage);
        assert_eq!(store.unreadable().pages, 0);
        for (n, person) in persons.iter().enumerate() {
            let wanted = match n {
                3 | 500 => PersonId::ERASED,
                _ => *person,
            };
            assert_eq!(store.persons().find(citizen(n as u64)), Some(wanted), "{n}");
        }
    }

    #[test]
    fn wherever_a_crash_interrupts_it_everybody_else_stays_and_it_can_be_done_again() {
        let (storage, persons) = store_of(100);
        // In several sectors of the store's only page.
        let erased: BTreeSet<PersonId> = persons.iter().step_by(20).copied().collect();
        let whole = storage.copy();
        let before = whole.operations();
        erase_entries(&whole, &erased).unwrap();
        let operations = whole.operations() - before;
        assert_eq!(operations, 8, "a file comes, two writes, it goes");
        for (done, kept) in (0..=operations).flat_map(|done| (0..8u64).map(move |kept| (done, kept))) {
            let disk = storage.copy();
            disk.break_after(done);
            let _ = erase_entries(&disk, &erased);
            // Which of the sectors survive that were not flushed: none, all, and in between.
            let mut asked = 0;
            let disk = Arc::new(disk.lose_power(|| {
                asked += 1;
                kept == 7 || asked % 8 < kept
            }));
            let store = open(&disk);
            assert_eq!(store.persons().len(), 100, "after {done} operations, kept {kept}");
            erase_entries(&*disk, &erased).unwrap();
            let store = open(&disk);
            for (n, person) in persons.iter().enumerate() {
                let wanted = if n % 20 == 0 { PersonId::ERASED } else { *person };
                assert_eq!(store.persons().find(citizen(n as u64)), Some(wanted));
            }
        }
    }
}
