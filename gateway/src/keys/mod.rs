//! Who may call: keys by their SHA-256, each with a name and one role. The key itself is known to its owner only.

mod command;
mod file;
mod limits;
mod ring;
mod served;

pub use command::{list, new};
pub use file::read;
pub(crate) use file::refuse_what_others_may_change;
pub use limits::{AddressRange, Fingerprint, Limits, OutOfLimits};
pub use ring::{HeldKeys, KeyRing, reload_keys};
pub use served::{REQUESTS_PER_KEY_MAX, Serving};

use aws_lc_rs::digest::{SHA256, digest};
use satang_core::ids::Name;
use std::fmt;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

/// The most keys in a file (I12): every request is compared with all of them.
pub const KEYS_MAX: usize = 64;

satang_core::words! {
    /// What a key may be used for. One key has one role.
    pub enum Role {
        /// The payment switch: authorizations, batches, reversals, quotes.
        Switch = 0, "switch";
        /// Brings in citizens: enrollments.
        Registrar = 1, "registrar";
        /// Reads what is to be settled.
        Settlement = 2, "settlement";
        /// Administration and every look-up; no payments.
        Admin = 3, "admin";
        /// Every look-up and the metrics.
        Viewer = 4, "viewer";
    }
}

/// Whose key it is and what it may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Stands in every record of a change made with it.
    pub name: Name,
    pub role: Role,
    /// Whose it is: it reaches what that acquirer authorized.
    pub acquirer: Option<Name>,
    pub limits: Limits,
}

/// The SHA-256 of a key. A key has 256 random bits, so no salt and no slow hash are needed: there is nothing to guess.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyHash([u64; 4]);

impl KeyHash {
    /// The hash of a key as it is presented.
    pub(crate) fn of(key: &[u8]) -> KeyHash {
        let bytes = digest(&SHA256, key);
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(bytes.as_ref().chunks_exact(8)) {
            *word = u64::from_be_bytes(bytes.try_into().expect("eight bytes"));
        }
        KeyHash(words)
    }

    /// From 64 hex digits of either case.
    pub(crate) fn parse(text: &str) -> Option<KeyHash> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut words = [0; 4];
        for (at, word) in words.iter_mut().enumerate() {
            *word = u64::from_str_radix(&text[at * 16..][..16], 16).ok()?;
        }
        Some(KeyHash(words))
    }

    /// Whether they are the same, in a time that does not depend on where they differ.
    fn ct_eq(&self, other: &KeyHash) -> Choice {
        let differing = self.0.iter().zip(&other.0).fold(0, |all, (a, b)| all | (a ^ b));
        differing.ct_eq(&0)
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, "{word:016x}"))
    }
}

/// The keys of one file.
pub struct Keys {
    keys: Vec<Key>,
    /// Of each key, in the same order: what is compared lies together.
    hashes: Vec<KeyHash>,
}

impl Keys {
    /// The key with the hash of a token.
    pub(crate) fn find(&self, presented: KeyHash) -> Option<&Key> {
        let at = position(&self.hashes, |stored| stored.ct_eq(&presented))?;
        Some(&self.keys[at])
    }

    /// Every key, in the order of the file.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}

/// The hash that `is_it`. Asks about every one, so that the time tells neither whether one was found nor which.
fn position(hashes: &[KeyHash], mut is_it: impl FnMut(&KeyHash) -> Choice) -> Option<usize> {
    let mut found = u32::MAX;
    for (at, hash) in hashes.iter().enumerate() {
        found.conditional_assign(&(at as u32), is_it(hash));
    }
    (found != u32::MAX).then_some(found as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc", from FIPS 180-2.
    const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_key_is_found_by_its_sha_256() {
        let hash = KeyHash::parse(OF_ABC).unwrap();
        assert_eq!(hash.to_string(), OF_ABC);
        assert!(KeyHash::parse(&OF_ABC.to_ascii_uppercase()).unwrap() == hash);
        let key = Key {
            name: Name::parse("a").unwrap(),
            role: Role::Viewer,
            acquirer: None,
            limits: Limits::default(),
        };
        let keys = Keys {
            keys: vec![key.clone()],
            hashes: vec![hash],
        };
        assert_eq!(keys.find(KeyHash::of(b"abc")), Some(&key));
        for other in ["", "ab", "abcd", "Abc", OF_ABC] {
            assert_eq!(keys.find(KeyHash::of(other.as_bytes())), None, "{other}");
        }
        assert!(KeyHash::parse(&OF_ABC[1..]).is_none());
        assert!(KeyHash::parse(&OF_ABC.replace('b', "+")).is_none());
    }

    #[test]
    fn every_hash_is_compared_whichever_matches() {
        let hashes: Vec<KeyHash> = (0..5u64).map(|last| KeyHash([0, 0, 0, last])).collect();
        for wanted in 0..6u64 {
            let mut compared = 0;
            let found = position(&hashes, |stored| {
                compared += 1;
                stored.ct_eq(&KeyHash([0, 0, 0, wanted]))
            });
            assert_eq!(found, (wanted < 5).then_some(wanted as usize));
            assert_eq!(compared, 5, "the first match does not end the search");
        }
    }

    #[test]
    fn every_bit_of_a_hash_counts() {
        let hash = KeyHash::of(b"abc");
        assert!(bool::from(hash.ct_eq(&hash)));
        for bit in 0..256 {
            let mut other = hash;
            other.0[bit / 64] ^= 1 << (bit % 64);
            assert!(!bool::from(hash.ct_eq(&other)), "bit {bit}");
        }
    }
}
