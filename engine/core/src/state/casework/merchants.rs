//! What casework decides about merchants: their status, the programmes they join, their platform, the end of their consent.

use super::check::refuse;
use super::{Case, Casework, CaseworkDecision, CaseworkRefusal, Cause, Joining, Mark, Novelty};
use crate::calendar::Instant;
use crate::record::{
    AuditStamp, ConsentWithdrawn, Debtor, MerchantJoined, MerchantStatus, PlatformBinding, Status,
};
use crate::state::directory::{Directory, DirectoryError};
use crate::state::merchants::{Merchants, Stop};

impl CaseworkDecision for MerchantStatus {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, CaseworkRefusal> {
        directory.is_known(self.merchant)?;
        let lifts = self.status == Status::Active;
        let withdrawn = directory.casework().has_withdrawn(self.merchant);
        refuse(lifts && withdrawn, CaseworkRefusal::ConsentWithdrawn)?;
        Ok(Novelty::New)
    }

    fn apply_to_merchants(&self, merchants: &mut Merchants) {
        let stopped = self.status == Status::Suspended;
        merchants.stop(self.merchant, Stop::Suspended, stopped);
    }

    fn apply(&self, casework: &mut Casework, made: &AuditStamp) {
        let suspended = self.status == Status::Suspended;
        casework.file(self.merchant).suspended = suspended.then(|| Mark::new(made, &self.reason));
    }
}

impl CaseworkDecision for MerchantJoined {
    fn check(&self, directory: &Directory, at: Instant) -> Result<Novelty, CaseworkRefusal> {
        let (merchant, program) = (self.merchant, self.program);
        let rule = directory.rule_on(program, at.business_date());
        let rule = rule.ok_or(CaseworkRefusal::ProgramUnknown)?;
        refuse(
            directory.paused(program).is_some(),
            CaseworkRefusal::ProgramSuspended,
        )?;
        directory.is_active(merchant)?;
        let view = directory
            .merchant(merchant)
            .ok_or(CaseworkRefusal::MerchantUnknown)?;
        let is_paid_from = rule.policy.benefit_for(view.category).is_some();
        refuse(!is_paid_from, CaseworkRefusal::CategoryNotAllowed)?;
        if view.takes_part_in(program) {
            return Ok(Novelty::Known);
        }
        refuse(
            directory.casework().has_open_case(merchant),
            CaseworkRefusal::ClawbackOpen,
        )?;
        let returning = directory.is_returning_merchant(merchant, program, at);
        let window = rule.policy.merchant_registration.as_ref();
        let open = window.is_some_and(|window| window.is_open_on(at.business_date(), returning));
        refuse(!open, CaseworkRefusal::RegistrationClosed)?;
        Ok(Novelty::New)
    }

    fn fits(&self, directory: &Directory) -> Result<(), DirectoryError> {
        directory.introduced("programme", self.program)
    }

    fn apply_to_merchants(&self, merchants: &mut Merchants) {
        merchants.join(self.merchant, self.program);
    }

    fn apply(&self, casework: &mut Casework, made: &AuditStamp) {
        casework.file(self.merchant).joined.push(Joining {
            program: self.program,
            at: made.at,
            returning: self.returning,
        });
    }
}

impl CaseworkDecision for PlatformBinding {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, CaseworkRefusal> {
        let file = directory.casework().merchant(self.merchant);
        let bound = file.and_then(|file| file.platform);
        if !self.bound {
            directory.is_known(self.merchant)?;
            refuse(bound != Some(self.platform), CaseworkRefusal::PlatformNotBound)?;
            return Ok(Novelty::New);
        }
        directory.is_active(self.merchant)?;
        match bound {
            None => Ok(Novelty::New),
            Some(bound) if bound == self.platform => Ok(Novelty::Known),
            Some(_) => Err(CaseworkRefusal::PlatformBound),
        }
    }

    fn fits(&self, directory: &Directory) -> Result<(), DirectoryError> {
        directory.introduced("platform", self.platform)
    }

    fn apply(&self, casework: &mut Casework, _: &AuditStamp) {
        casework.file(self.merchant).platform = self.bound.then_some(self.platform);
    }
}

impl CaseworkDecision for ConsentWithdrawn {
    fn check(&self, directory: &Directory, at: Instant) -> Result<Novelty, CaseworkRefusal> {
        refuse(self.letter > at.business_date(), CaseworkRefusal::LetterInFuture)?;
        directory.is_known(self.merchant)?;
        let casework = directory.casework();
        let file = casework.merchant(self.merchant);
        if let Some((mark, known)) = file.and_then(|file| file.withdrawn.as_ref()) {
            let opened = &casework.cases[known];
            let same = *known == self.case && opened.letter == self.letter && mark.reason == self.reason;
            refuse(!same, CaseworkRefusal::ConsentWithdrawn)?;
            return Ok(Novelty::Known);
        }
        refuse(
            casework.case(self.case).is_some(),
            CaseworkRefusal::CaseIdConflict,
        )?;
        Ok(Novelty::New)
    }

    fn apply_to_merchants(&self, merchants: &mut Merchants) {
        merchants.stop(self.merchant, Stop::Withdrawn, true);
    }

    fn apply(&self, casework: &mut Casework, made: &AuditStamp) {
        let mark = Mark::new(made, &self.reason);
        casework.file(self.merchant).withdrawn = Some((mark.clone(), self.case));
        casework.open(Case {
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
