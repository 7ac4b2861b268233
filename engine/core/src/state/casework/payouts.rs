//! What casework decides about money that settlement would pay.

use super::{Casework, CaseworkDecision, CaseworkRefusal, Mark, Novelty};
use crate::calendar::Instant;
use crate::record::{AuditStamp, AuthorizationPayout, MerchantPayout, Payout};
use crate::state::directory::Directory;

impl CaseworkDecision for MerchantPayout {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, CaseworkRefusal> {
        directory.is_known(self.merchant)?;
        Ok(Novelty::New)
    }

    fn apply(&self, casework: &mut Casework, made: &AuditStamp) {
        let is_frozen = self.payout == Payout::Frozen;
        let frozen = is_frozen.then(|| Mark::new(made, &self.reason));
        let before = std::mem::replace(&mut casework.file(self.merchant).frozen, frozen);
        casework.merchants_frozen =
            casework.merchants_frozen + usize::from(is_frozen) - usize::from(before.is_some());
    }
}

impl CaseworkDecision for AuthorizationPayout {
    fn check(&self, _: &Directory, _: Instant) -> Result<Novelty, CaseworkRefusal> {
        Ok(Novelty::New)
    }

    fn apply(&self, casework: &mut Casework, made: &AuditStamp) {
        match self.payout {
            Payout::Active => casework.frozen.remove(&self.txn_id),
            Payout::Frozen => casework.frozen.insert(self.txn_id, Mark::new(made, &self.reason)),
        };
    }
}
