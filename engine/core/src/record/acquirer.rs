//! The record of whose key a key is.

use super::NameNumber;
use super::coding::fields;

/// From this record on, what a key causes is an acquirer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyAcquirer {
    /// The number of the key's name.
    pub key: NameNumber,
    /// [`NameNumber::UNKNOWN`]: from here on no acquirer's.
    pub acquirer: NameNumber,
}

fields!(KeyAcquirer: key, acquirer);
