//! The record of a merchant that withdrew its consent.

use super::coding::fields;
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

fields!(ConsentWithdrawn: merchant, case, letter, reason);
