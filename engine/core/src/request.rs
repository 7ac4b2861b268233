//! What the payment switch asks, parsed and bounded.

use crate::ids::{MerchantId, Name, ReversalId, TxnId, WalletId};
use crate::money::Satang;
use crate::outcome::ReversalCause;

/// A purchase to be shared with the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// The programme to draw on.
    pub program: Name,
    /// Who pays.
    pub wallet: WalletId,
    /// Who sells.
    pub merchant: MerchantId,
    /// How.
    pub channel: Name,
    /// The whole bill: 1 to [`Satang::BILL_MAX`].
    pub amount: Satang,
    /// The part the state may share: 1 to `amount`. The whole bill when the request does not say.
    pub eligible: Satang,
}

/// A purchase to be authorized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// The switch's id; one id has one outcome (I5).
    pub txn_id: TxnId,
    /// The purchase.
    pub purchase: Purchase,
}

/// Money to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReversalRequest {
    /// The switch's id; one id has one outcome (I5).
    pub reversal_id: ReversalId,
    /// The authorization to reverse.
    pub txn_id: TxnId,
    /// How much; `None` for all that is left.
    pub amount: Option<Satang>,
    /// Why. A timeout has no amount.
    pub cause: ReversalCause,
}
