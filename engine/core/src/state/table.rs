//! Open addressing for small fixed-size entries that are found by a hash and never removed one by one.
//!
//! The home of an entry is `hash × capacity / 2^64`, which keeps entries in hash order: growing streams the old table into
//! the new one from front to back instead of touching memory at random. Nothing ever iterates in hash order to produce
//! an answer (I7).

use crate::state::hash::HashSeed;
use zerocopy::FromZeros;

/// A fixed-size entry whose all-zero form means "empty".
pub trait Entry: Copy + FromZeros {
    /// What an entry is found by; no two entries of a table have the same.
    type Key: Copy + Eq;
    /// Whether this is the empty entry.
    fn is_empty(&self) -> bool;
    /// What it is found by.
    fn key(&self) -> Self::Key;
    /// The 64-bit hash of a key.
    fn hash(key: Self::Key, seed: &HashSeed) -> u64;
}

/// Entries in hash order, with room behind the last home so that probing never wraps around.
pub struct Table<E> {
    entries: Vec<E>,
    homes: usize,
    len: usize,
    seed: HashSeed,
    long_probes: u64,
}

/// How many entries of others an insertion passes that counts as a long probe. With a random seed a table at its fullest has one in
/// some 10^10 insertions, and one that is shorter takes less time than a flush by far: many long ones are somebody's doing.
pub const LONG_PROBE: usize = 1_024;

const CACHE_LINE_BYTES: usize = 64;

/// The smallest number of homes.
const HOMES_MIN: usize = 16;

impl<E: Entry> Table<E> {
    /// An empty table.
    pub fn new(seed: HashSeed) -> Table<E> {
        Table::with_homes(seed, HOMES_MIN)
    }

    /// A table with room for `expected` entries before it grows.
    pub fn with_room_for(seed: HashSeed, expected: usize) -> Table<E> {
        let mut table = Table::with_homes(seed, (expected + expected / 4).max(HOMES_MIN));
        // Touched now, so that no request waits while the operating system finds a page of zeros.
        core::hint::black_box(&mut table.entries).fill(E::new_zeroed());
        table
    }

    fn with_homes(seed: HashSeed, homes: usize) -> Table<E> {
        Table {
            // Zeroed by the operating system page by page as it is touched, not once more here.
            entries: E::new_vec_zeroed(homes + Self::overflow(homes)).expect("memory for the table"),
            homes,
            len: 0,
            seed,
            long_probes: 0,
        }
    }

    /// Entries behind the last home. A run that reaches the end makes the table grow.
    const fn overflow(homes: usize) -> usize {
        16 + homes / 32
    }

    /// How many entries are in use.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no entry is in use.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of memory the table takes.
    pub fn memory_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<E>()
    }

    /// The seed of its hashes.
    pub fn seed(&self) -> HashSeed {
        self.seed
    }

    /// How many insertions had a long probe ([`LONG_PROBE`]).
    pub fn long_probes(&self) -> u64 {
        self.long_probes
    }

    /// The entry of this key.
    #[inline]
    pub fn find(&self, key: E::Key) -> Option<&E> {
        self.find_hashed(E::hash(key, &self.seed), key)
    }

    /// The same for whoever knows the key's hash.
    #[inline]
    pub fn find_hashed(&self, hash: u64, key: E::Key) -> Option<&E> {
        let run = &self.entries[self.home_of(hash)..];
        run.iter()
            .take_while(|entry| !entry.is_empty())
            .find(|entry| entry.key() == key)
    }

    /// The entry of this key, to change in place. Its key must stay the same.
    #[inline]
    pub fn find_mut(&mut self, key: E::Key) -> Option<&mut E> {
        let home = self.home(key);
        self.entries[home..]
            .iter_mut()
            .take_while(|entry| !entry.is_empty())
            .find(|entry| entry.key() == key)
    }

    /// The entry of this key, to change in place, and `false`; when there is none, the entry that `new` makes, and `true`. One look
    /// at memory either way.
    #[inline]
    pub fn find_or_insert(&mut self, key: E::Key, new: impl FnOnce() -> E) -> (&mut E, bool) {
        let home = self.home(key);
        let run = &self.entries[home..];
        let at = run
            .iter()
            .position(|entry| entry.is_empty() || entry.key() == key);
        if let Some(found) = at.map(|distance| home + distance)
            && !self.entries[found].is_empty()
        {
            return (&mut self.entries[found], false);
        }
        let entry = new();
        assert!(!entry.is_empty(), "the empty entry marks a free place");
        self.long_probes += u64::from(at.unwrap_or(run.len()) >= LONG_PROBE);
        let at = if (self.len + 1) * 5 > self.homes * 4 {
            None
        } else {
            at.map(|distance| home + distance)
        };
        let at = at.unwrap_or_else(|| self.grow_until_free(key));
        self.len += 1;
        self.entries[at] = entry;
        (&mut self.entries[at], true)
    }

    /// Asks the processor to fetch the home of a key and the cache line behind it, where most runs end, so that a later look-up
    /// finds them in cache. They are fetched side by side: a look-up alone would meet them one after another.
    #[inline]
    pub fn prefetch(&self, key: E::Key) {
        self.prefetch_hashed(E::hash(key, &self.seed));
    }

    /// The same for whoever knows the key's hash.
    #[inline]
    pub fn prefetch_hashed(&self, hash: u64) {
        let home = self.home_of(hash);
        let ends = [home, home + CACHE_LINE_BYTES.div_ceil(size_of::<E>())].map(|at| &self.entries[at]);
        for entry in ends {
            prefetch_line(entry);
        }
    }

    /// A table of `entries`, which differ in their keys, with room for `expected` before it grows. Entries in hash order are
    /// placed from front to back.
    pub fn from_entries(seed: HashSeed, entries: &[E], expected: usize) -> Table<E> {
        let mut table = Table::with_room_for(seed, entries.len().max(expected));
        for entry in entries {
            while !table.place(*entry) {
                table.grow();
            }
        }
        table
    }

    /// Keeps the entries for which `stays` holds, in a table of the size they need.
    pub fn retain(&mut self, stays: impl Fn(&E) -> bool) {
        let staying = self.iter().filter(|entry| stays(entry)).count();
        if staying == self.len {
            return;
        }
        let mut kept = self.empty((staying + staying / 4).max(HOMES_MIN));
        for entry in self.iter().filter(|entry| stays(entry)) {
            while !kept.place(*entry) {
                kept.grow();
            }
        }
        *self = kept;
    }

    /// The entries in use, in hash order: for sums and digests that do not depend on the order.
    pub fn iter(&self) -> impl Iterator<Item = &E> {
        self.entries.iter().filter(|entry| !entry.is_empty())
    }

    /// The same, to change in place. Their keys must stay the same.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut E> {
        self.entries.iter_mut().filter(|entry| !entry.is_empty())
    }

    #[inline]
    fn home(&self, key: E::Key) -> usize {
        self.home_of(E::hash(key, &self.seed))
    }

    #[inline]
    fn home_of(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.homes as u128) >> 64) as usize
    }

    /// An empty table of another size in place of this one.
    fn empty(&self, homes: usize) -> Table<E> {
        Table {
            long_probes: self.long_probes,
            ..Table::with_homes(self.seed, homes)
        }
    }

    fn free_place(&self, key: E::Key) -> Option<usize> {
        let home = self.home(key);
        self.entries[home..]
            .iter()
            .position(Entry::is_empty)
            .map(|distance| home + distance)
    }

    /// Grows; returns a free place for an entry of this key.
    fn grow_until_free(&mut self, key: E::Key) -> usize {
        loop {
            self.grow();
            if let Some(at) = self.free_place(key) {
                return at;
            }
        }
    }

    /// Three eighths more homes: over its life an entry moves fewer than three times, and at most two fifths of the memory is idle.
    fn grow(&mut self) {
        let mut homes = self.homes + self.homes / 8 * 3;
        loop {
            let mut grown = self.empty(homes);
            if self.iter().all(|entry| grown.place(*entry)) {
                *self = grown;
                return;
            }
            homes += homes / 4;
        }
    }

    fn place(&mut self, entry: E) -> bool {
        let Some(at) = self.free_place(entry.key()) else {
            return false;
        };
        self.entries[at] = entry;
        self.len += 1;
        true
    }
}

/// Asks the processor to fetch the cache line that `place` begins in; reads nothing.
#[inline]
pub fn prefetch_line<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing; the reference is to something live, and SSE is part of x86_64.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(place).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::hash::hash_pair;
    use std::collections::BTreeMap;

    const SEED: HashSeed = HashSeed::from_bytes([7; 16]);

    #[derive(Clone, Copy, FromZeros)]
    struct Pair(u64, u64);

    impl Entry for Pair {
        type Key = u64;
        fn is_empty(&self) -> bool {
            self.0 == 0
        }
        fn key(&self) -> u64 {
            self.0
        }
        fn hash(key: u64, seed: &HashSeed) -> u64 {
            seed.word(key)
        }
    }

    #[test]
    fn every_entry_is_found_again_through_all_growth() {
        let mut table = Table::new(SEED);
        let mut model = BTreeMap::new();
        for i in 1..50_000u64 {
            let key = hash_pair(i, 7) | 1;
            let known = model.contains_key(&key);
            let value = *model.entry(key).or_insert(i);
            let (entry, new) = table.find_or_insert(key, || Pair(key, i));
            assert_eq!((entry.0, entry.1, new), (key, value, !known));
            assert_eq!(table.len(), model.len());
        }
        for (key, value) in &model {
            assert_eq!(table.find(*key).map(|e| e.1), Some(*value));
        }
        assert!(table.find(2).is_none());
        assert_eq!(table.iter().count(), model.len());
    }

    #[test]
    fn a_table_of_given_entries_and_one_that_forgot_some_have_the_rest() {
        let entries: Vec<Pair> = (1..10_000).map(|i| Pair(hash_pair(i, 7) | 1, i)).collect();
        for expected in [0, 50_000] {
            let mut table = Table::from_entries(SEED, &entries, expected);
            table.retain(|entry| entry.1 % 3 == 0);
            assert_eq!(table.len(), entries.len() / 3);
            for entry in &entries {
                let found = table.find(entry.0).map(|e| e.1);
                assert_eq!(found, (entry.1 % 3 == 0).then_some(entry.1));
            }
            let (_, new) = table.find_or_insert(2, || Pair(2, 2));
            assert!(new);
        }
    }

    #[derive(Clone, Copy, FromZeros)]
    struct Same<const HASH: u64>(u64);

    impl<const HASH: u64> Entry for Same<HASH> {
        type Key = u64;
        fn is_empty(&self) -> bool {
            self.0 == 0
        }
        fn key(&self) -> u64 {
            self.0
        }
        fn hash(_: u64, _: &HashSeed) -> u64 {
            HASH
        }
    }

    #[test]
    fn entries_that_share_one_home_are_kept_apart() {
        let mut table = Table::new(SEED);
        for key in 1..=500 {
            assert!(table.find_or_insert(key, || Same::<{ u64::MAX }>(key)).1);
        }
        for key in 1..=500 {
            assert!(table.find(key).is_some());
        }
        assert_eq!(table.long_probes(), 0);
    }

    #[test]
    fn every_insertion_behind_many_others_is_counted_and_stays_counted() {
        let mut table = Table::with_room_for(SEED, 10 * LONG_PROBE);
        for key in 1..=LONG_PROBE as u64 {
            table.find_or_insert(key, || Same::<7>(key));
        }
        assert_eq!(table.long_probes(), 0);
        for key in 1..=LONG_PROBE as u64 + 3 {
            table.find_or_insert(key, || Same(key));
        }
        assert_eq!(table.long_probes(), 3, "only what is new");
        table.grow();
        table.retain(|entry| entry.0 > 7);
        assert_eq!(table.long_probes(), 3);
    }

    #[test]
    fn ids_that_nobody_chose_have_no_long_probe_however_full_the_table_is() {
        let mut table = Table::new(SEED);
        for key in 1..=200_000u64 {
            table.find_or_insert(key, || Pair(key, 0));
        }
        assert_eq!(table.long_probes(), 0);
    }
}
