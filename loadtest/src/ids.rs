//! Transaction and reversal ids: UUID version 7 (recommended by the contract) or 4.

use crate::random::Random;
use uuid::{Builder, Uuid, fmt::Hyphenated};

/// Which version of UUID the requests carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdVersion {
    /// Random ids: the server cannot tell their age and must look further for a duplicate.
    V4,
    /// Ids that begin with a time in ms.
    V7,
}

/// Makes ids. The caller passes the time, so a stream is reproducible.
#[derive(Clone, Debug)]
pub struct IdSource {
    version: IdVersion,
    random: Random,
}

impl IdSource {
    /// Ids of `version` from the stream `stream` of `seed`. Two runs against one server must not share a seed:
    /// their requests would be repetitions of each other.
    pub fn new(version: IdVersion, seed: u64, stream: u64) -> Self {
        IdSource {
            version,
            random: Random::new(seed, stream),
        }
    }

    /// The next id; `unix_ms` is the time a version 7 id carries.
    pub fn next(&mut self, unix_ms: u64) -> Uuid {
        let (high, low) = (self.random.next_u64(), self.random.next_u64());
        let mut bytes = [0u8; 16];
        bytes[..8].copy_from_slice(&high.to_be_bytes());
        bytes[8..].copy_from_slice(&low.to_be_bytes());
        match self.version {
            IdVersion::V4 => Builder::from_random_bytes(bytes).into_uuid(),
            IdVersion::V7 => {
                let random: &[u8; 10] = bytes[..10].try_into().expect("ten of sixteen bytes");
                Builder::from_unix_timestamp_millis(unix_ms, random).into_uuid()
            }
        }
    }
}

/// Appends the hyphenated lower-case form, as the contract answers it.
pub fn push_id(out: &mut Vec<u8>, id: Uuid) {
    let mut text = [0u8; Hyphenated::LENGTH];
    id.as_hyphenated().encode_lower(&mut text);
    out.extend_from_slice(&text);
}

#[cfg(test)]
mod tests {
    use super::{IdSource, IdVersion, push_id};

    #[test]
    fn a_version_7_id_begins_with_its_time_and_version_4_does_not() {
        let mut ids = IdSource::new(IdVersion::V7, 1, 0);
        let mut text = Vec::new();
        push_id(&mut text, ids.next(0x0197_a1d2_0f6e));
        assert!(
            text.starts_with(b"0197a1d2-0f6e-7"),
            "{}",
            String::from_utf8_lossy(&text)
        );
        assert_eq!(IdSource::new(IdVersion::V4, 1, 0).next(0).get_version_num(), 4);
    }

    #[test]
    fn ids_of_one_millisecond_differ() {
        let mut ids = IdSource::new(IdVersion::V7, 1, 0);
        let mut seen = std::collections::HashSet::new();
        assert!((0..100_000).all(|_| seen.insert(ids.next(1))));
    }
}
