//! What casework decides about merchants: their status, the programmes they join, their platform, the end of their consent.

use super::check::refuse;
use super::{Case, Casework, Cause, Desk, DeskRefusal, Joining, Mark, Novelty};
use crate::calendar::Instant;
use crate::directory::{Directory, DirectoryError};
use crate::merchants::{Merchants, Stop};
use crate::record::{
    ConsentWithdrawn, Debtor, Made, MerchantJoined, MerchantStatus, PlatformBinding, Status,
};

impl Casework for MerchantStatus {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, DeskRefusal> {
        directory.is_known(self.merchant)?;
        let lifts = self.status == Status::Active;
        let withdrawn = directory.desk().has_withdrawn(self.merchant);
        refuse(lifts && withdrawn, DeskRefusal::ConsentWithdrawn)?;
        Ok(Novelty::New)
    }

    fn apply_to_merchants(&self, merchants: &mut Merchants) {
        let stopped = self.status == Status::Suspended;
        merchants.stop(self.merchant, Stop::Suspended, stopped);
    }

    fn apply(&self, desk: &mut Desk, made: &Made) {
        let suspended = self.status == Status::Suspended;
        desk.file(self.merchant).suspended = suspended.then(|| Mark::new(made, &self.reason));
    }
}

impl Casework for MerchantJoined {
    fn check(&self, directory: &Directory, at: Instant) -> Result<Novelty, DeskRefusal> {
        let (merchant, program) = (self.merchant, self.program);
        let rule = directory.rule_on(program, at.business_date());
        let rule = rule.ok_or(DeskRefusal::ProgramUnknown)?;
        refuse(directory.paused(program).is_some(), DeskRefusal::ProgramSuspended)?;
        directory.is_active(merchant)?;
        let view = directory.merchant(merchant).ok_or(DeskRefusal::MerchantUnknown)?;
        let is_paid_from = rule.policy.benefit_for(view.category).is_some();
        refuse(!is_paid_from, DeskRefusal::CategoryNotAllowed)?;
        if view.takes_part_in(program) {
            return Ok(Novelty::Known);
        }
        refuse(
            directory.desk().has_open_case(merchant),
            DeskRefusal::ClawbackOpen,
        )?;
        let returning = directory.is_returning_merchant(merchant, program, at);
        let window = rule.policy.merchant_registration.as_ref();
        let open = window.is_some_and(|window| window.is_open_on(at.business_date(), returning));
        refuse(!open, DeskRefusal::RegistrationClosed)?;
        Ok(Novelty::New)
    }

    fn fits(&self, directory: &Directory) -> Result<(), DirectoryError> {
        directory.introduced("programme", self.program)
    }

    fn apply_to_merchants(&self, merchants: &mut Merchants) {
        merchants.join(self.merchant, self.program);
    }

    fn apply(&self, desk: &mut Desk, made: &Made) {
        desk.file(self.merchant).joined.push(Joining {
            program: self.program,
            at: made.at,
            returning: self.returning,
        });
    }
}

impl Casework for PlatformBinding {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, DeskRefusal> {
        let file = directory.desk().merchant(self.merchant);
        let bound = file.and_then(|file| file.platform);
        if !self.bound {
            directory.is_known(self.merchant)?;
            refuse(bound != Some(self.platform), DeskRefusal::PlatformNotBound)?;
            return Ok(Novelty::New);
        }
        directory.is_active(self.merchant)?;
        match bound {
            None => Ok(Novelty::New),
            Some(bound) if bound == self.platform => Ok(Novelty::Known),
            Some(_) => Err(DeskRefusal::PlatformBound),
        }
    }

    fn fits(&self, directory: &Directory) -> Result<(), DirectoryError> {
        directory.introduced("platform", self.platform)
    }

    fn apply(&self, desk: &mut Desk, _: &Made) {
        desk.file(self.merchant).platform = self.bound.then_some(self.platform);
    }
}

impl Casework for ConsentWithdrawn {
    fn check(&self, directory: &Directory, at: Instant) -> Result<Novelty, DeskRefusal> {
        refuse(self.letter > at.business_date(), DeskRefusal::LetterInFuture)?;
        directory.is_known(self.merchant)?;
        let desk = directory.desk();
        let file = desk.merchant(self.merchant);
        if let Some((mark, known)) = file.and_then(|file| file.withdrawn.as_ref()) {
            let opened = &desk.cases[known];
            let same = *known == self.case && opened.letter == self.letter && mark.reason == self.reason;
            refuse(!same, DeskRefusal::ConsentWithdrawn)?;
            return Ok(Novelty::Known);
        }
        refuse(desk.case(self.case).is_some(), DeskRefusal::CaseIdConflict)?;
        Ok(Novelty::New)
    }

    fn apply_to_merchants(&self, merchants: &mut Merchants) {
        merchants.stop(self.merchant, Stop::Withdrawn, true);
    }

    fn apply(&self, desk: &mut Desk, made: &Made) {
        let mark = Mark::new(made, &self.reason);
        desk.file(self.merchant).withdrawn = Some((mark.clone(), self.case));
        desk.open(Case {
            id: self.case,
            debtor: Debtor::Merchant(self.merchant),
            cause: Cause::ConsentWithdrawn,
            owed: None,
            letter: self.letter,
            opened: mark,
            sequence: made.sequence,
            payments: Vec::new(),
            closed: None,
        });
    }
}
