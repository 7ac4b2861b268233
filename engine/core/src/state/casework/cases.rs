//! What casework decides about money that is claimed back.

use super::check::refuse;
use super::{
    Case, CaseState, Casework, CaseworkDecision, CaseworkRefusal, Cause, Mark, Novelty, PAYMENTS_MAX, Payment,
};
use crate::calendar::Instant;
use crate::ids::CaseId;
use crate::record::{AuditStamp, CaseClosed, CaseCounted, CaseOpened, CasePaid, Debtor};
use crate::state::directory::{Directory, DirectoryError};

impl CaseworkDecision for CaseOpened {
    fn check(&self, directory: &Directory, at: Instant) -> Result<Novelty, CaseworkRefusal> {
        refuse(self.letter > at.business_date(), CaseworkRefusal::LetterInFuture)?;
        match self.debtor {
            Debtor::Person(person) => directory.is_not_erased(person)?,
            Debtor::Merchant(merchant) => directory.is_known(merchant)?,
        }
        let Some(known) = directory.casework().case(self.case) else {
            return Ok(Novelty::New);
        };
        let same = known.cause == Cause::Ordered
            && known.debtor == self.debtor
            && known.owed == Some(self.owed)
            && known.letter == self.letter
            && known.opened.reason == self.reason;
        refuse(!same, CaseworkRefusal::CaseIdConflict)?;
        Ok(Novelty::Known)
    }

    fn apply(&self, casework: &mut Casework, made: &AuditStamp) {
        casework.open(Case {
            id: self.case,
            debtor: self.debtor,
            cause: Cause::Ordered,
            owed: Some(self.owed),
            letter: self.letter,
            opened: Mark::new(made, &self.reason),
            sequence: made.sequence,
            payments: Vec::new(),
            closed: None,
        });
    }
}

impl CaseworkDecision for CasePaid {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, CaseworkRefusal> {
        let case = directory
            .casework()
            .case(self.case)
            .ok_or(CaseworkRefusal::CaseUnknown)?;
        if let Some(known) = case.payments.iter().find(|known| known.id == self.payment) {
            let same = known.amount == self.amount && known.mark.reason == self.reason;
            refuse(!same, CaseworkRefusal::PaymentIdConflict)?;
            return Ok(Novelty::Known);
        }
        match case.state() {
            CaseState::Counting => return Err(CaseworkRefusal::CaseCounting),
            CaseState::Paid | CaseState::Closed => return Err(CaseworkRefusal::CaseClosed),
            CaseState::Open => {}
        }
        let full = case.payments.len() >= PAYMENTS_MAX;
        refuse(full, CaseworkRefusal::TooManyPayments)?;
        let exceeds = case.left().is_some_and(|left| self.amount > left);
        refuse(exceeds, CaseworkRefusal::ExceedsOwed)?;
        Ok(Novelty::New)
    }

    fn fits(&self, directory: &Directory) -> Result<(), DirectoryError> {
        was_opened(directory, self.case)
    }

    fn apply(&self, casework: &mut Casework, made: &AuditStamp) {
        let payment = Payment {
            id: self.payment,
            amount: self.amount,
            mark: Mark::new(made, &self.reason),
        };
        casework.change(self.case, |case| case.payments.push(payment));
    }
}

impl CaseworkDecision for CaseClosed {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, CaseworkRefusal> {
        let case = directory
            .casework()
            .case(self.case)
            .ok_or(CaseworkRefusal::CaseUnknown)?;
        match case.state() {
            CaseState::Counting => Err(CaseworkRefusal::CaseCounting),
            CaseState::Open => Ok(Novelty::New),
            CaseState::Paid | CaseState::Closed => Ok(Novelty::Known),
        }
    }

    fn fits(&self, directory: &Directory) -> Result<(), DirectoryError> {
        was_opened(directory, self.case)
    }

    fn apply(&self, casework: &mut Casework, made: &AuditStamp) {
        let closed = Mark::new(made, &self.reason);
        casework.change(self.case, |case| case.closed = Some(closed));
    }
}

impl CaseworkDecision for CaseCounted {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, CaseworkRefusal> {
        let case = directory
            .casework()
            .case(self.case)
            .ok_or(CaseworkRefusal::CaseUnknown)?;
        match case.state() {
            CaseState::Counting => Ok(Novelty::New),
            CaseState::Open | CaseState::Paid | CaseState::Closed => Ok(Novelty::Known),
        }
    }

    fn fits(&self, directory: &Directory) -> Result<(), DirectoryError> {
        was_opened(directory, self.case)
    }

    fn apply(&self, casework: &mut Casework, _: &AuditStamp) {
        casework.change(self.case, |case| case.owed = Some(self.owed));
    }
}

fn was_opened(directory: &Directory, case: CaseId) -> Result<(), DirectoryError> {
    let known = directory.casework().case(case).map(drop);
    known.ok_or(DirectoryError::NoCase(case))
}
