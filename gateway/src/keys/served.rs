//! How many requests of each key are being served, and the bound on it: one caller's flood leaves room for the others.

use dashmap::DashMap;
use satang_core::ids::Name;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The most requests of one key that are served at a time (I12): more than a switch has waiting at 200,000 requests a second when
/// a flush takes 100 ms. It bounds a flood, not a busy day.
pub const REQUESTS_PER_KEY_MAX: usize = 32_768;

/// The requests being served, by the key's name: replacing the keys file loses no count.
#[derive(Default)]
pub(super) struct Served(DashMap<Name, Arc<AtomicUsize>>);

/// A request of a key, counted until this is dropped.
pub struct Serving {
    /// How many requests of its key are being served.
    count: Arc<AtomicUsize>,
    /// The key's name.
    pub key: Name,
}

impl Served {
    /// Counts a request. `None` when as many of the key are served already as may be.
    pub(super) fn start(&self, key: Name) -> Option<Serving> {
        let known = self.0.get(&key).map(|count| count.clone());
        let count = known.unwrap_or_else(|| self.0.entry(key).or_default().clone());
        let before = count.fetch_add(1, Relaxed);
        // Dropped when it is one too many, and then no longer counted.
        let serving = Serving { count, key };
        (before < REQUESTS_PER_KEY_MAX).then_some(serving)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Relaxed);
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
