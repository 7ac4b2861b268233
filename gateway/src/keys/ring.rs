//! The keys in force, replaced as a whole when the file is read again.

use super::served::Served;
use super::{Key, KeyHash, Keys, Serving, file};
use crate::output::causes;
use parking_lot::RwLock;
use satang_core::ids::Name;
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The keys that count now.
pub struct KeyRing {
    /// How often they were replaced.
    generation: AtomicU64,
    keys: RwLock<Arc<Keys>>,
    served: Served,
}

impl KeyRing {
    /// These keys, until others replace them.
    pub fn new(keys: Keys) -> Arc<KeyRing> {
        Arc::new(KeyRing {
            generation: AtomicU64::new(0),
            keys: RwLock::new(Arc::new(keys)),
            served: Served::default(),
        })
    }

    /// From the next request on these keys count, and no others.
    pub fn replace(&self, keys: Keys) {
        *self.keys.write() = Arc::new(keys);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// How many requests of each key that was used are being served, by its name.
    pub fn requests_in_flight(&self) -> Vec<(Name, usize)> {
        self.served.counts()
    }

    /// One thread's hold of them.
    pub fn hold(self: &Arc<KeyRing>) -> HeldKeys {
        HeldKeys {
            ring: self.clone(),
            held: RefCell::new((self.generation.load(Ordering::Acquire), self.keys.read().clone())),
        }
    }
}

/// The keys as one thread holds them: it looks at a counter that nobody writes between two reloads, and takes no lock.
pub struct HeldKeys {
    ring: Arc<KeyRing>,
    held: RefCell<(u64, Arc<Keys>)>,
}

impl HeldKeys {
    /// What is made of the key with the hash of a token, as the file has it now.
    pub(crate) fn find<T>(&self, presented: KeyHash, look: impl FnOnce(&Key) -> T) -> Option<T> {
        let generation = self.ring.generation.load(Ordering::Acquire);
        if self.held.borrow().0 != generation {
            *self.held.borrow_mut() = (generation, self.ring.keys.read().clone());
        }
        self.held.borrow().1.find(presented).map(look)
    }

    /// How often the keys were replaced.
    pub(crate) fn generation(&self) -> u64 {
        self.ring.generation.load(Ordering::Acquire)
    }

    /// Counts a request of the key with this name; `None` when as many are served as may be.
    pub fn serve(&self, key: Name) -> Option<Serving> {
        self.ring.served.start(key)
    }
}

/// Reads the keys file again. A wrong one changes nothing; either way one line is logged.
pub fn reload_keys(path: &Path, ring: &KeyRing) {
    match file::read(path) {
        Ok(keys) => {
            let count = keys.keys().len();
            ring.replace(keys);
            tracing::info!("keys were read again: {count} from {}", path.display());
        }
        Err(error) => tracing::error!("keys stay as they were: {}", causes(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_sees_new_keys_at_its_next_request_and_old_ones_no_more() {
        // SHA-256 of "abc", and of the empty text.
        let load = |hash: &str| {
            let text = format!("[[key]]\nname = \"n\"\nrole = \"admin\"\nsha256 = \"{hash}\"\n");
            Keys::load("k", &text).unwrap()
        };
        let ring = KeyRing::new(load(
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ));
        let held = ring.hold();
        let knows = |token: &[u8]| held.find(KeyHash::of(token), |_| ()).is_some();
        assert!(knows(b"abc") && !knows(b""));
        ring.replace(load(
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ));
        assert!(!knows(b"abc") && knows(b""));
    }
}
