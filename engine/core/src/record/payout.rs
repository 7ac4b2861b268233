//! The records of money that settlement holds back, or not any more: a merchant's, or that of one authorization.

use super::bytes::Body;
use super::coding::{Decoder, Encoder};
use crate::ids::{MerchantId, TxnId};

crate::words! {
    /// Whether settlement pays.
    pub enum Payout {
        Active = 0, "active";
        /// It holds the money back. Decisions go on.
        Frozen = 1, "frozen";
    }
}

impl Payout {
    fn write(self, to: &mut Encoder) {
        to.flag(self == Payout::Frozen);
    }

    fn read(from: &mut Decoder<'_>) -> Option<Payout> {
        from.flag().map(|frozen| match frozen {
            false => Payout::Active,
            true => Payout::Frozen,
        })
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

impl Body for MerchantPayout {
    fn write(&self, to: &mut Encoder) {
        to.u64(self.merchant.number());
        self.payout.write(to);
        to.text(&self.reason);
    }

    fn read(from: &mut Decoder<'_>) -> Option<MerchantPayout> {
        Some(MerchantPayout {
            merchant: from.merchant()?,
            payout: Payout::read(from)?,
            reason: from.text()?.to_owned(),
        })
    }
}

/// What settlement would pay for one authorization is held back, or not any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationPayout {
    pub txn_id: TxnId,
    /// Whether it is held back.
    pub payout: Payout,
    /// Why, in the operator's words.
    pub reason: String,
}

impl Body for AuthorizationPayout {
    fn write(&self, to: &mut Encoder) {
        to.u128(self.txn_id.bits());
        self.payout.write(to);
        to.text(&self.reason);
    }

    fn read(from: &mut Decoder<'_>) -> Option<AuthorizationPayout> {
        Some(AuthorizationPayout {
            txn_id: TxnId::from_bits(from.u128()?),
            payout: Payout::read(from)?,
            reason: from.text()?.to_owned(),
        })
    }
}
