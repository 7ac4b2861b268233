//! What casework decides about money that settlement would pay.

use super::{Casework, Desk, DeskRefusal, Mark, Novelty};
use crate::calendar::Instant;
use crate::directory::Directory;
use crate::record::{AuthorizationPayout, Made, MerchantPayout, Payout};

impl Casework for MerchantPayout {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, DeskRefusal> {
        directory.is_known(self.merchant)?;
        Ok(Novelty::New)
    }

    fn apply(&self, desk: &mut Desk, made: &Made) {
        let is_frozen = self.payout == Payout::Frozen;
        let frozen = is_frozen.then(|| Mark::new(made, &self.reason));
        let before = std::mem::replace(&mut desk.file(self.merchant).frozen, frozen);
        desk.merchants_frozen =
            desk.merchants_frozen + usize::from(is_frozen) - usize::from(before.is_some());
    }
}

impl Casework for AuthorizationPayout {
    fn check(&self, _: &Directory, _: Instant) -> Result<Novelty, DeskRefusal> {
        Ok(Novelty::New)
    }

    fn apply(&self, desk: &mut Desk, made: &Made) {
        match self.payout {
            Payout::Active => desk.frozen.remove(&self.txn_id),
            Payout::Frozen => desk.frozen.insert(self.txn_id, Mark::new(made, &self.reason)),
        };
    }
}
