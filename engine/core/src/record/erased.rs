//! The record of a citizen who was erased.

use super::coding::fields;
use crate::ids::{PersonId, WalletId};

/// A citizen's entry in the person store is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    pub person: PersonId,
    /// The citizen's wallets, which are suspended for good.
    pub wallets: Vec<WalletId>,
    /// Why, in the operator's words.
    pub reason: String,
}

fields!(Erased: person, wallets, reason);
