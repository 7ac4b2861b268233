//! The records of money that settlement holds back, or not any more: a merchant's, or that of one authorization.

use super::coding::fields;
use crate::ids::{MerchantId, TxnId};

crate::words! {
    /// Whether settlement pays.
    pub enum Payout {
        Active = 0, "active";
        /// It holds the money back. Decisions go on.
        Frozen = 1, "frozen";
    }
}

/// What settlement would pay a merchant is held back, or not any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantPayout {
    pub merchant: MerchantId,
    /// Whether it is held back.
    pub payout: Payout,
    /// Why, in the operator's words.
    pub reason: String,
}

fields!(MerchantPayout: merchant, payout, reason);

/// What settlement would pay for one authorization is held back, or not any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationPayout {
    pub txn_id: TxnId,
    /// Whether it is held back.
    pub payout: Payout,
    /// Why, in the operator's words.
    pub reason: String,
}

fields!(AuthorizationPayout: txn_id, payout, reason);
