//! Where a journal ends, for whoever keeps it.

use satang_log::log::{ChainHash, Frame};
use std::fmt;

/// A place in the chain of hashes: whoever keeps one can tell later whether what lies in front of it is still the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The sequence of the last record in front of it.
    pub sequence: u64,
    /// The hash of a frame.
    pub hash: ChainHash,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, blake3::Hash::from_bytes(self.hash))
    }
}

impl Head {
    /// The head of the chain behind this frame.
    pub fn of(frame: &Frame) -> Head {
        Head {
            sequence: frame.last_sequence(),
            hash: frame.hash,
        }
    }

    /// Reads what `Display` writes: `SEQUENCE:HASH`.
    pub fn parse(text: &str) -> Result<Head, NotAHead> {
        let parts = text.split_once(':').and_then(|(sequence, hash)| {
            let hash = blake3::Hash::from_hex(hash).ok()?;
            Some(Head {
                sequence: sequence.parse().ok()?,
                hash: *hash.as_bytes(),
            })
        });
        parts.ok_or(NotAHead)
    }
}

/// A text that is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be like the head that verify prints: SEQUENCE:64 hexadecimal digits")]
pub struct NotAHead;
