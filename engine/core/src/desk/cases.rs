//! What casework decides about money that is claimed back.

use super::check::refuse;
use super::{Case, CaseState, Casework, Cause, Desk, DeskRefusal, Mark, Novelty, PAYMENTS_MAX, Payment};
use crate::calendar::Instant;
use crate::directory::{Directory, DirectoryError};
use crate::ids::CaseId;
use crate::record::{CaseClosed, CaseCounted, CaseOpened, CasePaid, Debtor, Made};

impl Casework for CaseOpened {
    fn check(&self, directory: &Directory, at: Instant) -> Result<Novelty, DeskRefusal> {
        refuse(self.letter > at.business_date(), DeskRefusal::LetterInFuture)?;
        match self.debtor {
            Debtor::Person(person) => directory.is_not_erased(person)?,
            Debtor::Merchant(merchant) => directory.is_known(merchant)?,
        }
        let Some(known) = directory.desk().case(self.case) else {
            return Ok(Novelty::New);
        };
        let same = known.cause == Cause::Ordered
            && known.debtor == self.debtor
            && known.owed == Some(self.owed)
            && known.letter == self.letter
            && known.opened.reason == self.reason;
        refuse(!same, DeskRefusal::CaseIdConflict)?;
        Ok(Novelty::Known)
    }

    fn apply(&self, desk: &mut Desk, made: &Made) {
        desk.open(Case {
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

impl Casework for CasePaid {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, DeskRefusal> {
        let case = directory.desk().case(self.case).ok_or(DeskRefusal::CaseUnknown)?;
        if let Some(known) = case.payments.iter().find(|known| known.id == self.payment) {
            let same = known.amount == self.amount && known.mark.reason == self.reason;
            refuse(!same, DeskRefusal::PaymentIdConflict)?;
            return Ok(Novelty::Known);
        }
        match case.state() {
            CaseState::Counting => return Err(DeskRefusal::CaseCounting),
            CaseState::Paid | CaseState::Closed => return Err(DeskRefusal::CaseClosed),
            CaseState::Open => {}
        }
        let full = case.payments.len() >= PAYMENTS_MAX;
        refuse(full, DeskRefusal::TooManyPayments)?;
        let exceeds = case.left().is_some_and(|left| self.amount > left);
        refuse(exceeds, DeskRefusal::ExceedsOwed)?;
        Ok(Novelty::New)
    }

    fn fits(&self, directory: &Directory) -> Result<(), DirectoryError> {
        was_opened(directory, self.case)
    }

    fn apply(&self, desk: &mut Desk, made: &Made) {
        let payment = Payment {
            id: self.payment,
            amount: self.amount,
            mark: Mark::new(made, &self.reason),
        };
        desk.change(self.case, |case| case.payments.push(payment));
    }
}

impl Casework for CaseClosed {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, DeskRefusal> {
        let case = directory.desk().case(self.case).ok_or(DeskRefusal::CaseUnknown)?;
        match case.state() {
            CaseState::Counting => Err(DeskRefusal::CaseCounting),
            CaseState::Open => Ok(Novelty::New),
            CaseState::Paid | CaseState::Closed => Ok(Novelty::Known),
        }
    }

    fn fits(&self, directory: &Directory) -> Result<(), DirectoryError> {
        was_opened(directory, self.case)
    }

    fn apply(&self, desk: &mut Desk, made: &Made) {
        let closed = Mark::new(made, &self.reason);
        desk.change(self.case, |case| case.closed = Some(closed));
    }
}

impl Casework for CaseCounted {
    fn check(&self, directory: &Directory, _: Instant) -> Result<Novelty, DeskRefusal> {
        let case = directory.desk().case(self.case).ok_or(DeskRefusal::CaseUnknown)?;
        match case.state() {
            CaseState::Counting => Ok(Novelty::New),
            CaseState::Open | CaseState::Paid | CaseState::Closed => Ok(Novelty::Known),
        }
    }

    fn fits(&self, directory: &Directory) -> Result<(), DirectoryError> {
        was_opened(directory, self.case)
    }

    fn apply(&self, desk: &mut Desk, _: &Made) {
        desk.change(self.case, |case| case.owed = Some(self.owed));
    }
}

fn was_opened(directory: &Directory, case: CaseId) -> Result<(), DirectoryError> {
    let known = directory.desk().case(case).map(drop);
    known.ok_or(DirectoryError::NoCase(case))
}
