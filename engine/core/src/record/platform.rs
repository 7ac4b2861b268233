//! The records of what a merchant takes part in by its own choice: a programme it joined, its delivery platform.

use super::NameNumber;
use super::bytes::Body;
use super::coding::{Decoder, Encoder};
use crate::ids::MerchantId;

/// A merchant joined a programme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantJoined {
    pub merchant: MerchantId,
    pub program: NameNumber,
    /// Whether it took part in the earlier programme.
    pub returning: bool,
}

impl Body for MerchantJoined {
    fn write(&self, to: &mut Encoder) {
        to.u64(self.merchant.number());
        to.u16(self.program.0);
        to.flag(self.returning);
    }

    fn read(from: &mut Decoder<'_>) -> Option<MerchantJoined> {
        Some(MerchantJoined {
            merchant: from.merchant()?,
            program: from.name_number()?,
            returning: from.flag()?,
        })
    }
}

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

impl Body for PlatformBinding {
    fn write(&self, to: &mut Encoder) {
        to.u64(self.merchant.number());
        to.u16(self.platform.0);
        to.flag(self.bound);
        to.text(&self.reason);
    }

    fn read(from: &mut Decoder<'_>) -> Option<PlatformBinding> {
        Some(PlatformBinding {
            merchant: from.merchant()?,
            platform: from.name_number()?,
            bound: from.flag()?,
            reason: from.text()?.to_owned(),
        })
    }
}
