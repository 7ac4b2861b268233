//! The records of a wallet, programme, merchant or citizen that is stopped, or takes part again.

use super::NameNumber;
use super::coding::fields;
use crate::ids::{MerchantId, PersonId, WalletId};

crate::words! {
    /// Whether a merchant, wallet, programme or citizen takes part.
    pub enum Status {
        Active = 0, "active";
        /// An operator stopped it.
        Suspended = 1, "suspended";
    }
}

/// A wallet was suspended or made active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletStatus {
    pub wallet: WalletId,
    pub status: Status,
    /// Why, in the operator's words.
    pub reason: String,
}

fields!(WalletStatus: wallet, status, reason);

/// A programme was paused or resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramStatus {
    /// The number of the programme's name.
    pub program: NameNumber,
    pub status: Status,
    /// Why, in the operator's words.
    pub reason: String,
}

fields!(ProgramStatus: program, status, reason);

/// A merchant was suspended or made active by casework, whatever the register says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantStatus {
    pub merchant: MerchantId,
    pub status: Status,
    /// Why, in the operator's words.
    pub reason: String,
}

fields!(MerchantStatus: merchant, status, reason);

/// A citizen was suspended or made active, over all programmes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonStatus {
    pub person: PersonId,
    /// The wallets it reaches: those through which the citizen holds, or held, rights. No new one comes while it lasts.
    pub wallets: Vec<WalletId>,
    /// The citizen's new status.
    pub status: Status,
    /// Why, in the operator's words.
    pub reason: String,
}

fields!(PersonStatus: person, wallets, status, reason);
