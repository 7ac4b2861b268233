//! What casework decides about citizens: their status, and that they are erased.

use super::check::refuse;
use super::{Casework, Desk, DeskRefusal, Mark, Novelty};
use crate::calendar::Instant;
use crate::directory::Directory;
use crate::ids::{PersonId, WalletId};
use crate::record::{Erased, Made, PersonStatus, Status};

impl Casework for PersonStatus {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, DeskRefusal> {
        directory.is_not_erased(self.person)?;
        Ok(Novelty::New)
    }

    fn apply(&self, desk: &mut Desk, made: &Made) {
        let suspended = self.status == Status::Suspended;
        let mark = suspended.then(|| Mark::new(made, &self.reason));
        desk.persons.entry(self.person).or_default().suspended = mark;
    }

    fn stops(&self) -> Option<(&[WalletId], Status)> {
        Some((&self.wallets, self.status))
    }
}

impl Casework for Erased {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, DeskRefusal> {
        let desk = directory.desk();
        let file = desk.person(self.person);
        if self.person == PersonId::ERASED || file.is_some_and(|file| file.erased.is_some()) {
            return Ok(Novelty::Known);
        }
        let owes = file.is_some_and(|file| desk.any_blocks(&file.cases));
        refuse(owes, DeskRefusal::ClawbackOpen)?;
        Ok(Novelty::New)
    }

    fn apply(&self, desk: &mut Desk, _: &Made) {
        desk.persons.entry(self.person).or_default().erased = Some(self.wallets.clone());
    }

    fn stops(&self) -> Option<(&[WalletId], Status)> {
        Some((&self.wallets, Status::Suspended))
    }
}
