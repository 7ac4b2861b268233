//! What casework decides about citizens: their status, and that they are erased.

use super::check::refuse;
use super::{Casework, CaseworkDecision, CaseworkRefusal, Mark, Novelty};
use crate::calendar::Instant;
use crate::ids::{PersonId, WalletId};
use crate::record::{AuditStamp, Erased, PersonStatus, Status};
use crate::state::directory::Directory;

impl CaseworkDecision for PersonStatus {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, CaseworkRefusal> {
        directory.is_not_erased(self.person)?;
        Ok(Novelty::New)
    }

    fn apply(&self, casework: &mut Casework, made: &AuditStamp) {
        let suspended = self.status == Status::Suspended;
        let mark = suspended.then(|| Mark::new(made, &self.reason));
        casework.persons.entry(self.person).or_default().suspended = mark;
    }

    fn stops(&self) -> Option<(&[WalletId], Status)> {
        Some((&self.wallets, self.status))
    }
}

impl CaseworkDecision for Erased {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, CaseworkRefusal> {
        let casework = directory.casework();
        let file = casework.person(self.person);
        if self.person == PersonId::ERASED || file.is_some_and(|file| file.erased.is_some()) {
            return Ok(Novelty::Known);
        }
        let owes = file.is_some_and(|file| casework.any_blocks(&file.cases));
        refuse(owes, CaseworkRefusal::ClawbackOpen)?;
        Ok(Novelty::New)
    }

    fn apply(&self, casework: &mut Casework, _: &AuditStamp) {
        casework.persons.entry(self.person).or_default().erased = Some(self.wallets.clone());
    }

    fn stops(&self) -> Option<(&[WalletId], Status)> {
        Some((&self.wallets, Status::Suspended))
    }
}
