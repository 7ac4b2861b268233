//! The records of what a merchant takes part in by its own choice: a programme it joined, its delivery platform.

use super::NameNumber;
use super::coding::fields;
use crate::ids::MerchantId;

/// A merchant joined a programme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantJoined {
    pub merchant: MerchantId,
    pub program: NameNumber,
    /// Whether it took part in the earlier programme.
    pub returning: bool,
}

fields!(MerchantJoined: merchant, program, returning);

/// A merchant was bound to its delivery platform, or released from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformBinding {
    pub merchant: MerchantId,
    pub platform: NameNumber,
    /// Whether it is bound from now on.
    pub bound: bool,
    /// Why, in the operator's words.
    pub reason: String,
}

fields!(PlatformBinding: merchant, platform, bound, reason);
