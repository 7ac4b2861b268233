//! The record of a citizen who was erased.

use super::bytes::Body;
use super::coding::{Decoder, Encoder};
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

impl Body for Erased {
    fn write(&self, to: &mut Encoder) {
        to.u64(self.person.number());
        to.wallets(&self.wallets);
        to.text(&self.reason);
    }

    fn read(from: &mut Decoder<'_>) -> Option<Erased> {
        Some(Erased {
            person: from.person()?,
            wallets: from.wallets()?,
            reason: from.text()?.to_owned(),
        })
    }
}
