//! Persons: which random person id stands for which citizen.
//!
//! A national id is never stored: memory and the store hold a keyed hash of it, the journal only the person id. Requests find and
//! make persons in memory ([`Persons`]), where new ones are staged. The journal's thread makes what is staged durable before
//! the records that may name it ([`PersonStore`]).

mod page;
mod erase;
mod room;
mod store;

pub use erase::{ERASING_FILE, erase_entries, pending_page};
pub use page::{PERSONS_FILE, is_whole_page};
pub use store::{PersonStore, Unreadable};

use parking_lot::Mutex;
use room::Room;
use satang_core::ids::{NationalId, PersonId};
use satang_core::state::hash::HashSeed;
use satang_core::state::table::{Entry, Table};
use satang_log::storage::Storage;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
use zeroize::Zeroize as _;

/// The secret under which citizens' ids are hashed. Whoever has it and the store could test guesses of ids. Dropped, it is gone
/// from memory too.
#[derive(Clone)]
pub struct CitizenKey([u8; 32]);

impl Drop for CitizenKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl CitizenKey {
    /// The key with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> CitizenKey {
        CitizenKey(bytes)
    }

    /// What the journal's headers keep of the key: enough to know it again, nothing to derive it from.
    pub fn check_value(&self) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, b"Satang 2026 citizen key check").as_bytes()
    }

    fn hash(&self, citizen: NationalId) -> [u64; 2] {
        let hash = blake3::keyed_hash(&self.0, &citizen.to_hash_input());
        [
            first_word(&hash.as_bytes()[..8]),
            first_word(&hash.as_bytes()[8..16]),
        ]
    }

    /// The key of [`Persons::content_hash`]: under another key no content can be hashed as a citizen is.
    fn content_key(&self) -> [u8; 32] {
        blake3::derive_key("Satang 2026 registration content", &self.0)
    }
}

fn first_word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"))
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

impl PersonEntry {
    fn person(&self) -> PersonId {
        PersonId::from_number(self.person).expect("an entry in use has a person")
    }
}

impl Entry for PersonEntry {
    type Key = [u64; 2];

    fn is_empty(&self) -> bool {
        self.person == 0
    }

    fn key(&self) -> [u64; 2] {
        self.hash
    }

    fn hash(key: [u64; 2], _: &HashSeed) -> u64 {
        // A hash under a secret key is spread evenly already.
        key[0]
    }
}

/// How many tables the entries are spread over, so that threads rarely meet at one and each grows by itself.
const TABLES: usize = 256;

fn table_of(hash: [u64; 2]) -> usize {
    hash[1] as usize % TABLES
}

/// Citizens and their person ids, in memory. Shared by all threads; nothing here waits for the disk.
///
/// Each table has a lock of its own, which is held alone: no other lock is taken while it is held.
pub struct Persons {
    key: CitizenKey,
    content_key: [u8; 32],
    tables: Vec<Mutex<PersonTable>>,
    /// One bit for each table that something is staged in. A bit is set under its table's lock; whoever clears it takes the lock
    /// afterwards. So the locks order what the bits tell of, and relaxed accesses do.
    staged: [AtomicU64; TABLES / 64],
    /// How many pages of the store are durable.
    pages: AtomicU64,
    room: Room,
}

/// One table, and which of its entries nobody has begun to make durable.
struct PersonTable {
    entries: Table<PersonEntry>,
    staged: Vec<PersonEntry>,
}

/// Tables that each have room for `expected` persons before they grow.
fn empty_tables(expected: usize) -> Vec<Mutex<PersonTable>> {
    let table = || PersonTable {
        entries: Table::with_room_for(HashSeed::UNUSED, expected),
        staged: Vec::new(),
    };
    (0..TABLES).map(|_| Mutex::new(table())).collect()
}

impl Persons {
    /// Persons that are durable in so many pages of the store.
    fn new(key: CitizenKey, tables: Vec<Mutex<PersonTable>>, pages: u64, room: Room) -> Persons {
        assert_eq!(tables.len(), TABLES);
        Persons {
            content_key: key.content_key(),
            key,
            tables,
            staged: Default::default(),
            pages: AtomicU64::new(pages),
            room,
        }
    }

    /// The person id of a citizen, a new random one when there is none. A new one is staged: it is durable before any record
    /// that is appended from here on.
    ///
    /// # Errors
    /// `StorageFull` when the disk has no room for a new person; others when the operating system has no randomness.
    pub fn resolve(&self, citizen: NationalId) -> io::Result<PersonId> {
        let hash = self.key.hash(citizen);
        // Before the lock, though mostly one that is known needs none.
        let person = draw_person()?.number();
        let at = table_of(hash);
        let mut table = self.tables[at].lock();
        if let Some(entry) = table.entries.find(hash) {
            return Ok(entry.person());
        }
        if !self.room.stage_one() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let entry = *insert(&mut table.entries, PersonEntry { hash, person }).0;
        // Under the lock that showed it: whoever finds the entry may append a record that names it at once.
        table.staged.push(entry);
        self.mark(at);
        Ok(entry.person())
    }

    /// Reserves room for persons to come, unless there is enough; to be called from time to time, for a disk that was full may
    /// have some again.
    ///
    /// # Errors
    /// Of the operating system, `StorageFull` among them.
    pub(crate) fn reserve_room<S: Storage>(&self, storage: &S) -> io::Result<()> {
        self.room.reserve_in(storage)
    }

    /// The person id of a citizen; `None` when there is none.
    pub fn find(&self, citizen: NationalId) -> Option<PersonId> {
        let hash = self.key.hash(citizen);
        let table = self.tables[table_of(hash)].lock();
        let found = table.entries.find(hash);
        found.map(PersonEntry::person)
    }

    /// A hash of what somebody sent, under a secret key: equal contents can be told without keeping them. Parts are told apart
    /// by their lengths, and no content is hashed as a citizen is.
    pub fn content_hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = blake3::Hasher::new_keyed(&self.content_key);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        first_word(hasher.finalize().as_bytes())
    }

    /// Whether any of these persons is there.
    pub fn knows_any(&self, persons: &BTreeSet<PersonId>) -> bool {
        self.tables.iter().any(|table| {
            let table = table.lock();
            let mut entries = table.entries.iter();
            entries.any(|entry| persons.contains(&entry.person()))
        })
    }

    /// The hashes of these persons lead to [`PersonId::ERASED`] from now on, in memory.
    pub fn forget(&self, erased: &BTreeSet<PersonId>) {
        for table in &self.tables {
            let mut table = table.lock();
            let entries = table.entries.iter_mut();
            for entry in entries.filter(|entry| erased.contains(&entry.person())) {
                entry.person = PersonId::ERASED.number();
            }
        }
    }

    /// How many citizens' hashes lead to [`PersonId::ERASED`].
    pub fn erased_len(&self) -> usize {
        let erased = |table: &Mutex<PersonTable>| {
            let table = table.lock();
            let entries = table.entries.iter();
            entries.filter(|entry| entry.person() == PersonId::ERASED).count()
        };
        self.tables.iter().map(erased).sum()
    }

    /// How many persons there are.
    pub fn len(&self) -> usize {
        self.tables.iter().map(|table| table.lock().entries.len()).sum()
    }

    /// Whether there is no person.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many pages of the store are durable.
    pub fn pages(&self) -> u64 {
        self.pages.load(Ordering::Acquire)
    }

    /// How many of the persons that records name are not there.
    pub fn missing(&self, named: impl Iterator<Item = PersonId>) -> usize {
        let mut named: Vec<u64> = named.map(PersonId::number).collect();
        named.sort_unstable();
        named.dedup();
        if named.len() < self.len() / 64 {
            let mut found = vec![false; named.len()];
            self.for_each(|person| {
                if let Ok(at) = named.binary_search(&person) {
                    found[at] = true;
                }
            });
            return found.iter().filter(|found| !**found).count();
        }
        let mut known = Vec::with_capacity(self.len());
        self.for_each(|person| known.push(person));
        known.sort_unstable();
        let mut known = known.into_iter().peekable();
        let is_missing = |person: &&u64| {
            while known.next_if(|known| known < *person).is_some() {}
            known.peek() != Some(*person)
        };
        named.iter().filter(is_missing).count()
    }

    fn for_each(&self, mut what: impl FnMut(u64)) {
        for table in &self.tables {
            table.lock().entries.iter().for_each(|entry| what(entry.person));
        }
    }

    /// Says that something is staged in a table, whose lock the caller holds.
    fn mark(&self, table: usize) {
        let (marks, mark) = (&self.staged[table / 64], 1 << (table % 64));
        // Whoever clears a mark that is seen here waits for the lock and takes what was just staged.
        if marks.load(Ordering::Relaxed) & mark == 0 {
            marks.fetch_or(mark, Ordering::Relaxed);
        }
    }

    /// Takes what is staged; four words are looked at when that is nothing. Called by one thread at a time, which makes it
    /// durable before anything that was appended before the call.
    fn take_staged(&self, into: &mut Vec<PersonEntry>) {
        let mut taken = Vec::new();
        for (word, marks) in self.staged.iter().enumerate() {
            if marks.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut marks = marks.swap(0, Ordering::Relaxed);
            while marks != 0 {
                let at = word * 64 + marks.trailing_zeros() as usize;
                marks &= marks - 1;
                // The table goes on with the memory of the one before, so it rarely allocates.
                std::mem::swap(&mut self.tables[at].lock().staged, &mut taken);
                into.append(&mut taken);
            }
        }
    }

    /// So many pages of the store are durable now.
    fn set_pages(&self, pages: u64) {
        self.pages.store(pages, Ordering::Release);
    }
}

/// The entry of the citizen in the table, and whether it is `entry`, put there now.
fn insert(table: &mut Table<PersonEntry>, entry: PersonEntry) -> (&mut PersonEntry, bool) {
    table.find_or_insert(entry.hash, || entry)
}

/// Random numbers of one thread, so that not each costs a call of the operating system.
struct Drawn {
    numbers: [u64; 32],
    left: usize,
}

thread_local! {
    static DRAWN: RefCell<Drawn> = const { RefCell::new(Drawn { numbers: [0; 32], left: 0 }) };
}

/// A random person id.
fn draw_person() -> io::Result<PersonId> {
    DRAWN.with_borrow_mut(|drawn| {
        loop {
            if drawn.left == 0 {
                getrandom::fill(drawn.numbers.as_mut_bytes()).map_err(io::Error::other)?;
                drawn.left = drawn.numbers.len();
            }
            drawn.left -= 1;
            let person = PersonId::from_number(drawn.numbers[drawn.left]);
            if let Some(person) = person.filter(|person| *person != PersonId::ERASED) {
                return Ok(person);
            }
        }
    })
}

#[cfg(test)]
fn citizen(number: u64) -> NationalId {
    let twelve = format!("{number:012}");
    (0..10)
        .find_map(|check| NationalId::parse(&format!("{twelve}{check}")).ok())
        .expect("one digit fits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;

    fn nobody() -> Persons {
        Persons::new(
            CitizenKey::from_bytes([7; 32]),
            empty_tables(0),
            0,
            Room::endless(),
        )
    }

    #[test]
    fn finding_a_citizen_creates_nobody() {
        let persons = nobody();
        assert_eq!(persons.find(citizen(1)), None);
        assert_eq!(persons.len(), 0);
        let person = persons.resolve(citizen(1)).unwrap();
        assert_eq!(persons.find(citizen(1)), Some(person));
        assert_eq!(persons.find(citizen(2)), None);
        assert_eq!(persons.len(), 1);
        let mut staged = Vec::new();
        persons.take_staged(&mut staged);
        assert_eq!(staged.len(), 1, "what was only looked for is not staged");
    }

    #[test]
    fn threads_that_meet_at_a_new_citizen_get_one_person_which_is_staged_once() {
        const CITIZENS: u64 = 20_000;
        let (persons, done) = (nobody(), AtomicBool::new(false));
        let (resolved, staged) = std::thread::scope(|scope| {
            let resolve_all = || (0..CITIZENS).map(|n| persons.resolve(citizen(n)).unwrap());
            let threads = [(); 4].map(|()| scope.spawn(move || resolve_all().collect::<Vec<_>>()));
            let taker = scope.spawn(|| {
                let mut staged = Vec::new();
                while !done.load(Ordering::Acquire) {
                    persons.take_staged(&mut staged);
                }
                // Nothing is staged any more by now.
                persons.take_staged(&mut staged);
                staged
            });
            let resolved = threads.map(|thread| thread.join().unwrap());
            done.store(true, Ordering::Release);
            (resolved, taker.join().unwrap())
        });
        assert!(resolved.iter().all(|persons| *persons == resolved[0]));
        let mut numbers: Vec<u64> = staged.iter().map(|entry| entry.person).collect();
        let mut expected: Vec<u64> = resolved[0].iter().map(|person| person.number()).collect();
        numbers.sort_unstable();
        expected.sort_unstable();
        assert!(numbers == expected);
        numbers.dedup();
        assert_eq!(numbers.len() as u64, CITIZENS);
    }

    #[test]
    fn whoever_finds_a_person_that_another_thread_just_made_finds_it_staged() {
        const CITIZENS: u64 = 20_000;
        let (persons, round) = (nobody(), AtomicU64::new(0));
        let wait_for = |wanted| {
            while round.load(Ordering::Acquire) < wanted {
                std::thread::yield_now();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 1..=CITIZENS {
                    wait_for(2 * n - 1);
                    persons.resolve(citizen(n)).unwrap();
                    round.store(2 * n, Ordering::Release);
                }
            });
            let (mut staged, mut missed) = (Vec::new(), 0);
            for n in 1..=CITIZENS {
                let citizen = citizen(n);
                round.store(2 * n - 1, Ordering::Release);
                let found = loop {
                    if let Some(person) = persons.find(citizen) {
                        break person.number();
                    }
                };
                persons.take_staged(&mut staged);
                missed += u64::from(staged.last().map(|entry| entry.person) != Some(found));
                wait_for(2 * n);
            }
            assert_eq!((staged.len() as u64, missed), (CITIZENS, 0));
        });
    }

    #[test]
    fn contents_are_told_apart_also_by_where_their_parts_end() {
        let persons = nobody();
        let hash = |parts: &[&[u8]]| persons.content_hash(parts);
        assert_eq!(hash(&[b"Somchai", b"10110"]), hash(&[b"Somchai", b"10110"]));
        let different = [
            hash(&[b"Somchai", b"10110"]),
            hash(&[b"Somchai1", b"0110"]),
            hash(&[b"Somchai10110"]),
            hash(&[b"Somchai", b"10110", b""]),
            hash(&[]),
            hash(&[b""]),
        ];
        let hashes: BTreeMap<u64, ()> = different.map(|hash| (hash, ())).into();
        assert_eq!(hashes.len(), different.len());
        let other = CitizenKey::from_bytes([8; 32]).content_key();
        assert_ne!(other, persons.content_key);
    }

    #[test]
    fn no_content_is_hashed_as_a_citizen_is() {
        let (persons, citizen) = (nobody(), citizen(110_170_020_345));
        let input = citizen.to_hash_input();
        let of_the_citizen = persons.key.hash(citizen);
        for parts in [&[&input[..]][..], &[&input[..4], &input[4..]]] {
            assert!(!of_the_citizen.contains(&persons.content_hash(parts)));
        }
        assert_ne!(persons.content_key, persons.key.0);
    }
}
