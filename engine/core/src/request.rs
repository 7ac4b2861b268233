//! What the payment switch asks, parsed and bounded.

use crate::birth::BirthDate;
use crate::ids::{MerchantId, Name, NationalId, Nationality, RegistrationId, ReversalId, TxnId, WalletId};
use crate::money::Satang;
use crate::outcome::ReversalCause;
use crate::record::ReturnKind;

/// A purchase to be shared with the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// The programme to draw on.
    pub program: Name,
    pub wallet: WalletId,
    pub merchant: MerchantId,
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

/// A purchase whose room is to be held until it is captured, as for a delivery order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldRequest {
    /// The switch's id, in the same space as authorizations' (I5).
    pub txn_id: TxnId,
    pub purchase: Purchase,
    /// For how long, in seconds: 1 to [`HOLD_SECONDS_MAX`](crate::record::HOLD_SECONDS_MAX).
    pub expires_in_s: u32,
}

/// A hold to be captured or voided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosingRequest {
    pub txn_id: TxnId,
    /// [`ReturnKind::Capture`] or [`ReturnKind::Void`].
    pub act: ReturnKind,
    /// What is captured; `None` for all of it, and for a void.
    pub amount: Option<Satang>,
}

/// A citizen who wants an entitlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistrationRequest {
    /// The registrar's id; one id has one answer (I5).
    pub registration_id: RegistrationId,
    pub program: Name,
    pub wallet: WalletId,
    pub citizen: NationalId,
    pub birth: BirthDate,
    pub nationality: Nationality,
}
