//! How many requests of each key are being served, and the bound on it: one caller's flood leaves room for the others.

use dashmap::DashMap;
use satang_core::ids::Name;
use satang_core::record::NameNumber;
use satang_engine::session::acquirers::Caller;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// The most requests of one key that are served at a time (I12): more than a switch has waiting at 200,000 requests a second when
/// a flush takes 100 ms. It bounds a flood, not a busy day.
pub const REQUESTS_PER_KEY_MAX: usize = 32_768;

/// The requests being served, by the key's name: replacing the keys file loses no count.
#[derive(Default)]
pub(super) struct Served(DashMap<Name, Arc<OfKey>>);

/// What is known of a key beside its file.
#[derive(Default)]
struct OfKey {
    /// How many of its requests are being served.
    count: AtomicUsize,
    /// The numbers by which records name it and its acquirer, behind how often the keys had been replaced when they were found out:
    /// 32 bits, 16 and 16. 0 until it has caused a record.
    numbers: AtomicU64,
}

/// A request of a key, counted until this is dropped.
pub struct Serving {
    of_key: Arc<OfKey>,
    /// The key's name.
    pub key: Name,
}

impl Served {
    /// Counts a request. `None` when as many of the key are served already as may be.
    pub(super) fn start(&self, key: Name) -> Option<Serving> {
        let known = self.0.get(&key).map(|of_key| of_key.clone());
        let of_key = known.unwrap_or_else(|| self.0.entry(key).or_default().clone());
        let before = of_key.count.fetch_add(1, Relaxed);
        // Dropped when it is one too many, and then no longer counted.
        let serving = Serving { of_key, key };
        (before < REQUESTS_PER_KEY_MAX).then_some(serving)
    }

    /// How many requests of each key that was used are being served, by its name.
    pub(super) fn counts(&self) -> Vec<(Name, usize)> {
        let mut counts: Vec<_> = { self.0.iter() }
            .map(|of_key| (*of_key.key(), of_key.count.load(Relaxed)))
            .collect();
        counts.sort_by_key(|(key, _)| *key);
        counts
    }
}

impl Serving {
    /// The numbers by which records name the key and its acquirer: found out with its first request after the keys were replaced,
    /// and remembered beside the count that each request writes anyway.
    ///
    /// # Errors
    /// Of `find_out`.
    pub fn numbers<E>(
        &self,
        generation: u64,
        find_out: impl FnOnce() -> Result<Caller, E>,
    ) -> Result<Caller, E> {
        let generation = generation & u64::from(u32::MAX);
        let known = self.of_key.numbers.load(Relaxed);
        let key = NameNumber((known >> 16) as u16);
        if key != NameNumber::UNKNOWN && known >> 32 == generation {
            let acquirer = NameNumber(known as u16);
            return Ok(Caller { key, acquirer });
        }
        let caller = find_out()?;
        let numbers = u64::from(caller.key.0) << 16 | u64::from(caller.acquirer.0);
        self.of_key.numbers.store(generation << 32 | numbers, Relaxed);
        Ok(caller)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.of_key.count.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_own_bound_and_what_is_done_makes_room() {
        let served = Served::default();
        let (flooding, other) = (Name::parse("flooding").unwrap(), Name::parse("other").unwrap());
        let mut all: Vec<_> = (0..REQUESTS_PER_KEY_MAX)
            .map_while(|_| served.start(flooding))
            .collect();
        assert_eq!(all.len(), REQUESTS_PER_KEY_MAX);
        for _ in 0..2 {
            assert!(served.start(flooding).is_none());
            assert!(served.start(other).is_some());
        }
        all.pop();
        let one_more = served.start(flooding);
        assert!(one_more.is_some() && served.start(flooding).is_none());
    }
}
