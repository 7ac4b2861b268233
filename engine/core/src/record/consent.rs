//! The record of a merchant that withdrew its consent.

use super::bytes::Body;
use super::coding::{Decoder, Encoder};
use crate::calendar::BusinessDate;
use crate::ids::{CaseId, MerchantId};

/// A merchant withdrew its consent: it is suspended for good, and everything it received is claimed back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentWithdrawn {
    pub merchant: MerchantId,
    /// The case that this opens.
    pub case: CaseId,
    /// The date of the letter that claims it.
    pub letter: BusinessDate,
    /// Why, in the operator's words.
    pub reason: String,
}

impl Body for ConsentWithdrawn {
    fn write(&self, to: &mut Encoder) {
        to.u64(self.merchant.number());
        to.u128(self.case.bits());
        to.date(self.letter);
        to.text(&self.reason);
    }

    fn read(from: &mut Decoder<'_>) -> Option<ConsentWithdrawn> {
        Some(ConsentWithdrawn {
            merchant: from.merchant()?,
            case: from.case()?,
            letter: from.date()?,
            reason: from.text()?.to_owned(),
        })
    }
}
