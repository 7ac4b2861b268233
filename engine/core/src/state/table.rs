//! Open addressing for small fixed-size entries that are found by a hash and never removed one by one.
//!
//! The home of an entry is `hash × capacity / 2^64`, which keeps entries in hash order: growing streams the old table into
//! the new one from front to back instead of touching memory at random. Nothing ever iterates in hash order to produce
//! an answer (I7).

use zerocopy::FromZeros;

/// A fixed-size entry whose all-zero form means "empty".
pub trait Entry: Copy + FromZeros {
    /// Whether this is the empty entry.
    fn is_empty(&self) -> bool;
    /// The 64-bit hash of the entry's key.
    fn hash(&self) -> u64;
}

/// Entries in hash order, with room behind the last home so that probing never wraps around.
pub struct Table<E> {
    entries: Vec<E>,
    homes: usize,
    len: usize,
}

const CACHE_LINE_BYTES: usize = 64;

/// The smallest number of homes.
const HOMES_MIN: usize = 16;

impl<E: Entry> Table<E> {
    /// A table with room for `expected` entries before it grows.
    pub fn with_room_for(expected: usize) -> Table<E> {
        let mut table = Table::with_homes((expected + expected / 4).max(HOMES_MIN));
        // Touched now, so that no request waits while the operating system finds a page of zeros.
        core::hint::black_box(&mut table.entries).fill(E::new_zeroed());
        table
    }

    fn with_homes(homes: usize) -> Table<E> {
        Table {
            // Zeroed by the operating system page by page as it is touched, not once more here.
            entries: E::new_vec_zeroed(homes + Self::overflow(homes)).expect("memory for the table"),
            homes,
            len: 0,
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

    /// The entry of this hash for which `wanted` holds.
    pub fn find(&self, hash: u64, wanted: impl Fn(&E) -> bool) -> Option<&E> {
        let run = &self.entries[self.home(hash)..];
        run.iter()
            .take_while(|entry| !entry.is_empty())
            .find(|entry| wanted(entry))
    }

    /// The entry of this hash for which `wanted` holds, to change in place. Its hash must stay the same.
    pub fn find_mut(&mut self, hash: u64, wanted: impl Fn(&E) -> bool) -> Option<&mut E> {
        let home = self.home(hash);
        self.entries[home..]
            .iter_mut()
            .take_while(|entry| !entry.is_empty())
            .find(|entry| wanted(entry))
    }

    /// The entry of this hash for which `wanted` holds, to change in place, and `false`; when there is none, the entry that
    /// `new` makes, and `true`. One look at memory either way.
    pub fn find_or_insert(
        &mut self,
        hash: u64,
        wanted: impl Fn(&E) -> bool,
        new: impl FnOnce() -> E,
    ) -> (&mut E, bool) {
        let home = self.home(hash);
        let run = &self.entries[home..];
        let at = run.iter().position(|entry| entry.is_empty() || wanted(entry));
        if let Some(found) = at.map(|distance| home + distance)
            && !self.entries[found].is_empty()
        {
            return (&mut self.entries[found], false);
        }
        let entry = new();
        assert!(!entry.is_empty(), "the empty entry marks a free place");
        let at = if (self.len + 1) * 5 > self.homes * 4 {
            None
        } else {
            at.map(|distance| home + distance)
        };
        let at = at.unwrap_or_else(|| self.grow_until_free(hash));
        self.len += 1;
        self.entries[at] = entry;
        (&mut self.entries[at], true)
    }

    /// Asks the processor to fetch the home of `hash` and the cache line behind it, where most runs end, so that a later look-up
    /// finds them in cache. They are fetched side by side: a look-up alone would meet them one after another.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        let home = self.home(hash);
        let ends = [home, home + CACHE_LINE_BYTES.div_ceil(size_of::<E>())].map(|at| &self.entries[at]);
        for entry in ends {
            prefetch_line(entry);
        }
    }

    /// A table of `entries`, which differ in their keys, with room for `expected` before it grows. Entries in hash order are
    /// placed from front to back.
    pub fn from_entries(entries: &[E], expected: usize) -> Table<E> {
        let mut table = Table::with_room_for(entries.len().max(expected));
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
        let mut kept = Table::with_homes((staying + staying / 4).max(HOMES_MIN));
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

    /// The same, to change in place. Their hashes must stay the same.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut E> {
        self.entries.iter_mut().filter(|entry| !entry.is_empty())
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.homes as u128) >> 64) as usize
    }

    fn free_place(&self, hash: u64) -> Option<usize> {
        let home = self.home(hash);
        self.entries[home..]
            .iter()
            .position(Entry::is_empty)
            .map(|distance| home + distance)
    }

    /// Grows; returns a free place for an entry of this hash.
    fn grow_until_free(&mut self, hash: u64) -> usize {
        loop {
            self.grow();
            if let Some(at) = self.free_place(hash) {
                return at;
            }
        }
    }

    /// Three eighths more homes: over its life an entry moves fewer than three times, and at most two fifths of the memory is idle.
    fn grow(&mut self) {
        let mut homes = self.homes + self.homes / 8 * 3;
        loop {
            let mut grown = Table::with_homes(homes);
            if self.iter().all(|entry| grown.place(*entry)) {
                *self = grown;
                return;
            }
            homes += homes / 4;
        }
    }

    fn place(&mut self, entry: E) -> bool {
        let Some(at) = self.free_place(entry.hash()) else {
            return false;
        };
        self.entries[at] = entry;
        self.len += 1;
        true
    }
}

impl<E: Entry> Default for Table<E> {
    fn default() -> Table<E> {
        Table::with_homes(HOMES_MIN)
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

/// A 64-bit hash of one word with a fixed seed: the high half of a multiplication folded onto the low half.
#[inline]
pub const fn hash_word(word: u64) -> u64 {
    fold(word ^ 0x243F_6A88_85A3_08D3, 0x9E37_79B9_7F4A_7C15)
}

/// A 64-bit hash of two words with a fixed seed. One after the other: were they multiplied with each other, one word could be
/// chosen so that the other no longer counts.
#[inline]
pub const fn hash_pair(high: u64, low: u64) -> u64 {
    let high = high ^ 0x1319_8A2E_0370_7344;
    let product = high as u128 * 0xE703_7ED1_A0B4_28DB;
    let mixed = (product >> 64) as u64 ^ product as u64;
    fold(mixed ^ low ^ 0xA409_3822_299F_31D0, 0x9E37_79B9_7F4A_7C15)
}

#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    let mixed = (product >> 64) as u64 ^ product as u64;
    // A second round: the home of an entry comes from the highest bits, so those must depend on every input bit.
    let again = (mixed ^ (mixed >> 32)) as u128 * 0xD6E8_FEB8_6659_FD93u128;
    (again >> 64) as u64 ^ again as u64
}

/// A hasher with a fixed seed (I7); iteration order never reaches an answer.
#[derive(Clone, Copy, Default)]
pub struct FixedSeed;

/// The state of [`FixedSeed`].
pub struct FixedSeedHasher(u64);

impl core::hash::BuildHasher for FixedSeed {
    type Hasher = FixedSeedHasher;
    fn build_hasher(&self) -> FixedSeedHasher {
        FixedSeedHasher(0)
    }
}

impl core::hash::Hasher for FixedSeedHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = hash_pair(self.0, word);
    }

    fn write_u128(&mut self, word: u128) {
        self.write_u64(word as u64);
        self.write_u64((word >> 64) as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Copy, FromZeros)]
    struct Pair(u64, u64);

    impl Entry for Pair {
        fn is_empty(&self) -> bool {
            self.0 == 0
        }
        fn hash(&self) -> u64 {
            hash_word(self.0)
        }
    }

    #[test]
    fn every_entry_is_found_again_through_all_growth() {
        let mut table = Table::default();
        let mut model = BTreeMap::new();
        for i in 1..50_000u64 {
            let key = hash_pair(i, 7) | 1;
            let known = model.contains_key(&key);
            let value = *model.entry(key).or_insert(i);
            let (entry, new) = table.find_or_insert(hash_word(key), |e: &Pair| e.0 == key, || Pair(key, i));
            assert_eq!((entry.0, entry.1, new), (key, value, !known));
            assert_eq!(table.len(), model.len());
        }
        for (key, value) in &model {
            assert_eq!(
                table.find(hash_word(*key), |e| e.0 == *key).map(|e| e.1),
                Some(*value)
            );
        }
        assert!(table.find(hash_word(2), |e| e.0 == 2).is_none());
        assert_eq!(table.iter().count(), model.len());
    }

    #[test]
    fn a_table_of_given_entries_and_one_that_forgot_some_have_the_rest() {
        let entries: Vec<Pair> = (1..10_000).map(|i| Pair(hash_pair(i, 7) | 1, i)).collect();
        for expected in [0, 50_000] {
            let mut table = Table::from_entries(&entries, expected);
            table.retain(|entry| entry.1 % 3 == 0);
            assert_eq!(table.len(), entries.len() / 3);
            for entry in &entries {
                let found = table.find(hash_word(entry.0), |e| e.0 == entry.0).map(|e| e.1);
                assert_eq!(found, (entry.1 % 3 == 0).then_some(entry.1));
            }
            let (_, new) = table.find_or_insert(hash_word(2), |e| e.0 == 2, || Pair(2, 2));
            assert!(new);
        }
    }

    #[test]
    fn entries_that_share_one_home_are_kept_apart() {
        #[derive(Clone, Copy, FromZeros)]
        struct Same(u64);
        impl Entry for Same {
            fn is_empty(&self) -> bool {
                self.0 == 0
            }
            fn hash(&self) -> u64 {
                u64::MAX
            }
        }
        let mut table = Table::default();
        for key in 1..=500 {
            assert!(
                table
                    .find_or_insert(u64::MAX, |e: &Same| e.0 == key, || Same(key))
                    .1
            );
        }
        for key in 1..=500 {
            assert!(table.find(u64::MAX, |e: &Same| e.0 == key).is_some());
        }
    }

    #[test]
    fn no_word_of_a_pair_can_make_the_other_one_not_count() {
        for word in [0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D0, 0, u64::MAX] {
            let hashes: std::collections::BTreeSet<u64> = (0..1_000)
                .flat_map(|other| [hash_pair(word, other), hash_pair(other, word)])
                .collect();
            assert!(hashes.len() >= 1_999, "{word:x}: {} hashes", hashes.len());
        }
    }

    #[test]
    fn neighbouring_keys_spread_evenly() {
        let mut buckets = [0u32; 256];
        for wallet in 0..256_000u64 {
            buckets[(hash_word(wallet) >> 56) as usize] += 1;
        }
        assert!(buckets.iter().all(|&n| (800..1_200).contains(&n)), "{buckets:?}");
    }
}
