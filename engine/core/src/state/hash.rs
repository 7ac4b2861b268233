//! Hashes: those of tables and shards, which a secret seed keeps from whoever chooses ids, and those of digests, which are the same
//! everywhere.
//!
//! A table finds an id by its hash. Whoever could compute that hash could send ids that all lie in one place, where each is found
//! behind all the others. So every table and every choice of a shard hashes with the seed of its journal: random, drawn once, and
//! kept in the journal's own header, so that a replay builds the same tables (I7). `docs/adr/0023-seeded-hashes.md` has the reasons.

use core::fmt;
use core::hash::{BuildHasher, Hasher};

/// The seed of the hashes of one journal's tables.
///
/// A hash is a chain of folded multiplications: a product of 128 bits, its halves xor-ed. One factor is the input, hidden by a secret
/// word; the other is a secret odd word and never the input's. So no input can make a factor 0 whatever the rest of it is, and how
/// two inputs differ is multiplied by what nobody outside knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashSeed {
    masks: [u64; 2],
    /// Odd.
    multipliers: [u64; 2],
}

impl HashSeed {
    /// For tables whose keys are keyed hashes already.
    pub const UNUSED: HashSeed = HashSeed::from_bytes([0; 16]);

    /// The seed of a journal, from the random bytes in its header: each word depends on all of them.
    pub const fn from_bytes(bytes: [u8; 16]) -> HashSeed {
        let bits = u128::from_le_bytes(bytes);
        let (low, high) = (bits as u64, (bits >> 64) as u64);
        HashSeed {
            masks: [derived(low, high, 1), derived(high, low, 2)],
            multipliers: [derived(low, high, 3) | 1, derived(high, low, 4) | 1],
        }
    }

    /// The hash of one word.
    #[inline]
    pub const fn word(&self, word: u64) -> u64 {
        let mixed = fold(word ^ self.masks[0], self.multipliers[0]);
        // A second round: the home of an entry comes from the highest bits, so those must depend on every bit of the input.
        fold(mixed ^ self.masks[1], self.multipliers[1])
    }

    /// The hash of two words. One after the other: were they multiplied with each other, one word could be chosen so that the other
    /// no longer counts.
    #[inline]
    pub const fn pair(&self, high: u64, low: u64) -> u64 {
        self.word(self.mixed(high) ^ low)
    }

    /// What the high word of a pair comes to before the low one is added: whoever knew it for two pairs could make them collide.
    #[inline]
    pub const fn mixed(&self, high: u64) -> u64 {
        fold(high ^ self.masks[1], self.multipliers[1])
    }
}

impl fmt::Debug for HashSeed {
    /// Hidden: it is as secret as the journal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashSeed(hidden)")
    }
}

const fn derived(one: u64, other: u64, number: u64) -> u64 {
    hash_pair(hash_pair(one, other), number)
}

/// The two halves of a product, xor-ed.
#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    (product >> 64) as u64 ^ product as u64
}

/// Of maps: their iteration order never reaches an answer (I7).
impl BuildHasher for HashSeed {
    type Hasher = SeededHasher;

    #[inline]
    fn build_hasher(&self) -> SeededHasher {
        SeededHasher {
            seed: *self,
            state: 0,
        }
    }
}

/// The state of a hash that [`HashSeed`] builds.
pub struct SeededHasher {
    seed: HashSeed,
    state: u64,
}

impl Hasher for SeededHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.state = self.seed.mixed(self.state ^ word);
    }

    #[inline]
    fn write_u128(&mut self, word: u128) {
        self.write_u64(word as u64);
        self.write_u64((word >> 64) as u64);
    }

    /// One more round, the second of the last word: as many as [`HashSeed::word`] has.
    #[inline]
    fn finish(&self) -> u64 {
        fold(self.state ^ self.seed.masks[0], self.seed.multipliers[0])
    }
}

/// A hash of one word for digests and filters, the same for every journal: never for a table of ids that come from outside.
#[inline]
pub const fn hash_word(word: u64) -> u64 {
    fold_twice(word ^ 0x243F_6A88_85A3_08D3, 0x9E37_79B9_7F4A_7C15)
}

/// The same of two words.
#[inline]
pub const fn hash_pair(high: u64, low: u64) -> u64 {
    let mixed = fold(high ^ 0x1319_8A2E_0370_7344, 0xE703_7ED1_A0B4_28DB);
    fold_twice(mixed ^ low ^ 0xA409_3822_299F_31D0, 0x9E37_79B9_7F4A_7C15)
}

#[inline]
const fn fold_twice(a: u64, b: u64) -> u64 {
    let mixed = fold(a, b);
    fold(mixed ^ (mixed >> 32), 0xD6E8_FEB8_6659_FD93)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Name;
    use std::collections::BTreeSet;

    fn seeds() -> impl Iterator<Item = HashSeed> {
        (0..4u8).map(|n| HashSeed::from_bytes([n; 16]))
    }

    #[test]
    fn no_word_of_a_pair_can_make_the_other_one_not_count() {
        for seed in seeds() {
            let [one, other] = seed.masks;
            for word in [one, other, 0, 1, 1 << 63, u64::MAX] {
                let hashes: BTreeSet<u64> = (0..1_000)
                    .flat_map(|other| [seed.pair(word, other), seed.pair(other, word)])
                    .collect();
                assert!(hashes.len() >= 1_999, "{word:x}: {} hashes", hashes.len());
            }
        }
    }

    #[test]
    fn neighbouring_keys_spread_evenly_whichever_bits_they_differ_in() {
        for seed in seeds() {
            for shift in [0, 6, 14, 24, 46] {
                let mut buckets = [0u32; 256];
                for key in 0..256_000u64 {
                    buckets[(seed.word(key << shift) >> 56) as usize] += 1;
                }
                assert!(
                    buckets.iter().all(|n| (800..1_200).contains(n)),
                    "{shift}: {buckets:?}"
                );
            }
        }
    }

    #[test]
    fn a_bit_of_the_input_changes_half_of_the_hash_and_half_of_its_highest_bits() {
        for seed in seeds() {
            for bit in 0..64 {
                let (mut all, mut highest) = (0, 0);
                for word in (0..1_000u64).map(hash_word) {
                    let changed = seed.word(word) ^ seed.word(word ^ 1 << bit);
                    all += changed.count_ones();
                    highest += (changed >> 48).count_ones();
                }
                assert!((31_000..33_000).contains(&all), "bit {bit}: {all}");
                assert!((7_600..8_400).contains(&highest), "bit {bit}: {highest}");
            }
        }
    }

    #[test]
    fn names_that_differ_anywhere_have_different_hashes() {
        for seed in seeds() {
            let names = (0..1_000).flat_map(|n| {
                let (front, behind) = ("programme", "of-the-list");
                [
                    format!("{n}-{front}-{behind}"),
                    format!("{front}-{n}-{behind}"),
                    format!("{front}-{behind}-{n}"),
                ]
            });
            let hashes: BTreeSet<u64> = names
                .map(|name| seed.hash_one(Name::parse(&name).unwrap()))
                .collect();
            assert_eq!(hashes.len(), 3_000);
        }
    }

    #[test]
    fn another_seed_is_another_hash_and_is_not_shown() {
        let [one, other] = [1, 2].map(|n| HashSeed::from_bytes([n; 16]));
        let same = (0..1_000).filter(|word| one.word(*word) == other.word(*word));
        assert_eq!(same.count(), 0);
        assert_eq!(format!("{one:?}"), "HashSeed(hidden)");
    }
}
