//! The records of a wallet, programme, merchant or citizen that is stopped, or takes part again.

use super::NameNumber;
use super::bytes::Body;
use super::coding::{Decoder, Encoder};
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

impl Body for WalletStatus {
    fn write(&self, to: &mut Encoder) {
        to.u64(self.wallet.number());
        to.status(self.status);
        to.text(&self.reason);
    }

    fn read(from: &mut Decoder<'_>) -> Option<WalletStatus> {
        Some(WalletStatus {
            wallet: from.wallet()?,
            status: from.status()?,
            reason: from.text()?.to_owned(),
        })
    }
}

/// A programme was paused or resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramStatus {
    /// The number of the programme's name.
    pub program: NameNumber,
    pub status: Status,
    /// Why, in the operator's words.
    pub reason: String,
}

impl Body for ProgramStatus {
    fn write(&self, to: &mut Encoder) {
        to.u16(self.program.0);
        to.status(self.status);
        to.text(&self.reason);
    }

    fn read(from: &mut Decoder<'_>) -> Option<ProgramStatus> {
        Some(ProgramStatus {
            program: from.name_number()?,
            status: from.status()?,
            reason: from.text()?.to_owned(),
        })
    }
}

/// A merchant was suspended or made active by casework, whatever the register says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantStatus {
    pub merchant: MerchantId,
    pub status: Status,
    /// Why, in the operator's words.
    pub reason: String,
}

impl Body for MerchantStatus {
    fn write(&self, to: &mut Encoder) {
        to.u64(self.merchant.number());
        to.status(self.status);
        to.text(&self.reason);
    }

    fn read(from: &mut Decoder<'_>) -> Option<MerchantStatus> {
        Some(MerchantStatus {
            merchant: from.merchant()?,
            status: from.status()?,
            reason: from.text()?.to_owned(),
        })
    }
}

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

impl Body for PersonStatus {
    fn write(&self, to: &mut Encoder) {
        to.u64(self.person.number());
        to.wallets(&self.wallets);
        to.status(self.status);
        to.text(&self.reason);
    }

    fn read(from: &mut Decoder<'_>) -> Option<PersonStatus> {
        Some(PersonStatus {
            person: from.person()?,
            wallets: from.wallets()?,
            status: from.status()?,
            reason: from.text()?.to_owned(),
        })
    }
}
