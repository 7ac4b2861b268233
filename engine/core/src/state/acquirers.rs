//! Whose keys were whose, and from which record on.

use crate::record::{KeyAcquirer, NameNumber};
use crate::state::hash::hash_pair;
use std::collections::BTreeMap;

/// The acquirers of keys. A key may change hands: what it caused before stays whose it was.
#[derive(Default)]
pub struct Acquirers {
    /// By the number of the key's name: the sequence from which on it is whose, rising.
    of_keys: BTreeMap<NameNumber, Vec<(u64, NameNumber)>>,
}

impl Acquirers {
    /// Whether no key ever was an acquirer's.
    pub fn is_empty(&self) -> bool {
        self.of_keys.is_empty()
    }

    /// Whose the key was when it caused the record of `sequence`; unknown for nobody's.
    pub fn at(&self, key: NameNumber, sequence: u64) -> NameNumber {
        let since = self.of_keys.get(&key).map_or(&[][..], Vec::as_slice);
        let later = since.partition_point(|(from, _)| *from <= sequence);
        let last = later.checked_sub(1).map(|last| since[last].1);
        last.unwrap_or(NameNumber::UNKNOWN)
    }

    /// Whose the key is now; unknown for nobody's.
    pub fn now(&self, key: NameNumber) -> NameNumber {
        self.at(key, u64::MAX)
    }

    pub(crate) fn apply(&mut self, record: &KeyAcquirer, sequence: u64) {
        let of_key = self.of_keys.entry(record.key).or_default();
        of_key.push((sequence, record.acquirer));
    }

    /// The records that would make them, each with its sequence.
    pub(crate) fn records(&self) -> impl Iterator<Item = (u64, KeyAcquirer)> {
        let of_keys = self.of_keys.iter();
        of_keys.flat_map(|(key, since)| {
            let record = |(from, acquirer): &(u64, NameNumber)| {
                let (key, acquirer) = (*key, *acquirer);
                (*from, KeyAcquirer { key, acquirer })
            };
            since.iter().map(record)
        })
    }

    pub(crate) fn digest(&self) -> u64 {
        let of_one = |(from, record): (u64, KeyAcquirer)| {
            hash_pair(from, u64::from(record.key.0) << 16 | u64::from(record.acquirer.0))
        };
        self.records().map(of_one).fold(0, hash_pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_caused_stays_whose_it_was() {
        let (key, first, second) = (NameNumber(1), NameNumber(2), NameNumber(3));
        let mut acquirers = Acquirers::default();
        assert!(acquirers.is_empty());
        for (sequence, acquirer) in [(10, first), (20, NameNumber::UNKNOWN), (30, second)] {
            acquirers.apply(&KeyAcquirer { key, acquirer }, sequence);
        }
        let at = |sequence| acquirers.at(key, sequence);
        assert_eq!([at(0), at(9)], [NameNumber::UNKNOWN; 2]);
        assert_eq!([at(10), at(19)], [first; 2]);
        assert_eq!([at(20), at(29)], [NameNumber::UNKNOWN; 2]);
        assert_eq!([at(30), at(u64::MAX), acquirers.now(key)], [second; 3]);
        assert_eq!(acquirers.now(first), NameNumber::UNKNOWN, "no key");
    }
}
