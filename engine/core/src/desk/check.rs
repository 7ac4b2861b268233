//! What the desk may decide, as everything stands: [`Directory::check_desk`].

use super::{CaseState, Cause, PAYMENTS_MAX};
use crate::calendar::{BusinessDate, Instant};
use crate::directory::Directory;
use crate::ids::{MerchantId, Name, PersonId};
use crate::policy::MerchantRegistration;
use crate::record::{Debtor, DeskRecord, NameNumber, Status};

/// Why the desk does not decide so. In order of precedence, where several are possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeskRefusal {
    /// The letter has a date to come.
    LetterInFuture,
    /// No rules of the programme count today.
    ProgramUnknown,
    /// The programme is paused.
    ProgramSuspended,
    /// The merchant was never registered.
    MerchantUnknown,
    /// The merchant withdrew its consent.
    ConsentWithdrawn,
    /// The merchant is suspended.
    MerchantSuspended,
    /// No benefit of the programme takes the merchant's category.
    CategoryNotAllowed,
    /// A case of the merchant or citizen is open.
    ClawbackOpen,
    /// The programme takes no merchant, or not on this date.
    RegistrationClosed,
    /// The merchant is bound to another platform.
    PlatformBound,
    /// The merchant is not bound to the platform.
    PlatformNotBound,
    /// The citizen was erased.
    PersonErased,
    /// No case has the id.
    CaseUnknown,
    /// Another case has the id.
    CaseIdConflict,
    /// Another payment towards the case has the id.
    PaymentIdConflict,
    /// Nothing more is claimed.
    CaseClosed,
    /// How much is owed is being counted.
    CaseCounting,
    /// The case has as many payments as one may have.
    TooManyPayments,
    /// It is more than what is left.
    ExceedsOwed,
}

impl DeskRefusal {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            DeskRefusal::ProgramUnknown => "program_unknown",
            DeskRefusal::ProgramSuspended => "program_suspended",
            DeskRefusal::MerchantUnknown => "merchant_unknown",
            DeskRefusal::ConsentWithdrawn => "consent_withdrawn",
            DeskRefusal::MerchantSuspended => "merchant_suspended",
            DeskRefusal::CategoryNotAllowed => "category_not_allowed",
            DeskRefusal::ClawbackOpen => "clawback_open",
            DeskRefusal::RegistrationClosed => "registration_closed",
            DeskRefusal::PlatformBound => "platform_bound",
            DeskRefusal::PlatformNotBound => "platform_not_bound",
            DeskRefusal::PersonErased => "person_erased",
            DeskRefusal::CaseUnknown => "case_unknown",
            DeskRefusal::CaseIdConflict => "case_id_conflict",
            DeskRefusal::PaymentIdConflict => "payment_id_conflict",
            DeskRefusal::CaseClosed => "case_closed",
            DeskRefusal::CaseCounting => "case_counting",
            DeskRefusal::TooManyPayments => "too_many_payments",
            DeskRefusal::ExceedsOwed => "exceeds_owed",
            DeskRefusal::LetterInFuture => "letter_in_future",
        }
    }
}

/// Whether a decision of the desk changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Novelty {
    /// It is to be recorded.
    New,
    /// It was decided before: nothing is recorded.
    Known,
}

impl MerchantRegistration {
    /// Whether a merchant may join on the date, who took part in the earlier programme or not.
    pub fn is_open_on(&self, date: BusinessDate, returning: bool) -> bool {
        let later = self.returning_closes.filter(|_| returning);
        let closes = later.or(self.closes);
        self.opens.is_none_or(|opens| opens <= date) && closes.is_none_or(|closes| date <= closes)
    }
}

impl Directory {
    /// Whether the desk may decide so at `at`. That citizens and authorizations are the right ones is for the caller to see: the
    /// directory does not know them.
    ///
    /// # Errors
    /// Why not.
    pub fn check_desk(&self, record: &DeskRecord, at: Instant) -> Result<Novelty, DeskRefusal> {
        let desk = self.desk();
        match record {
            DeskRecord::MerchantStatus { merchant, status, .. } => {
                self.known(*merchant)?;
                let lifts = *status == Status::Active;
                refuse(
                    lifts && desk.has_withdrawn(*merchant),
                    DeskRefusal::ConsentWithdrawn,
                )?;
            }
            DeskRecord::Joined {
                merchant, program, ..
            } => return self.check_joining(*merchant, *program, at),
            DeskRecord::Platform {
                merchant,
                platform,
                bound: true,
                ..
            } => {
                self.is_active(*merchant)?;
                match desk.merchant(*merchant).and_then(|file| file.platform) {
                    None => {}
                    Some(bound) if bound == *platform => return Ok(Novelty::Known),
                    Some(_) => return Err(DeskRefusal::PlatformBound),
                }
            }
            DeskRecord::Platform {
                merchant,
                platform,
                bound: false,
                ..
            } => {
                self.known(*merchant)?;
                let bound = desk.merchant(*merchant).and_then(|file| file.platform);
                refuse(bound != Some(*platform), DeskRefusal::PlatformNotBound)?;
            }
            DeskRecord::MerchantPayout { merchant, .. } => self.known(*merchant)?,
            DeskRecord::AuthorizationPayout { .. } => {}
            DeskRecord::PersonStatus { person, .. } => self.is_not_erased(*person)?,
            DeskRecord::CaseOpened { debtor, letter, .. } => {
                refuse(*letter > at.business_date(), DeskRefusal::LetterInFuture)?;
                match debtor {
                    Debtor::Person(person) => self.is_not_erased(*person)?,
                    Debtor::Merchant(merchant) => self.known(*merchant)?,
                }
                return self.check_case(record);
            }
            DeskRecord::CasePaid { .. } => return self.check_payment(record),
            DeskRecord::CaseClosed { case, .. } => {
                let case = desk.case(*case).ok_or(DeskRefusal::CaseUnknown)?;
                match case.state() {
                    CaseState::Counting => return Err(DeskRefusal::CaseCounting),
                    CaseState::Open => {}
                    CaseState::Paid | CaseState::Closed => return Ok(Novelty::Known),
                }
            }
            DeskRecord::ConsentWithdrawn { merchant, letter, .. } => {
                refuse(*letter > at.business_date(), DeskRefusal::LetterInFuture)?;
                self.known(*merchant)?;
                return self.check_withdrawal(record);
            }
            DeskRecord::CaseCounted { case, .. } => {
                let case = desk.case(*case).ok_or(DeskRefusal::CaseUnknown)?;
                if case.state() != CaseState::Counting {
                    return Ok(Novelty::Known);
                }
            }
            DeskRecord::Erased { person, .. } => {
                let file = desk.person(*person);
                if *person == PersonId::ERASED || file.is_some_and(|file| file.erased.is_some()) {
                    return Ok(Novelty::Known);
                }
                let owes = file.is_some_and(|file| desk.any_blocks(&file.cases));
                refuse(owes, DeskRefusal::ClawbackOpen)?;
            }
        }
        Ok(Novelty::New)
    }

    /// Why the register of merchants does not take a line; `programs` are those it names.
    pub fn refuses_merchant(&self, merchant: MerchantId, programs: &[Name]) -> Option<DeskRefusal> {
        let desk = self.desk();
        if desk.has_withdrawn(merchant) {
            return Some(DeskRefusal::ConsentWithdrawn);
        }
        let view = self.merchant(merchant);
        let takes_part = |program: &Name| {
            let number = self.number_of(program);
            view.is_some_and(|view| view.takes_part_in(number))
        };
        let joins = || !programs.iter().all(takes_part);
        (desk.has_open_case(merchant) && joins()).then_some(DeskRefusal::ClawbackOpen)
    }

    /// Whether a merchant who joins the programme now took part in the earlier one.
    pub fn is_returning_merchant(&self, merchant: MerchantId, program: NameNumber, at: Instant) -> bool {
        let Some(view) = self.merchant(merchant) else {
            return false;
        };
        let rule = self.rule_on(program, at.business_date());
        let window = rule.and_then(|rule| rule.policy.merchant_registration.as_ref());
        match window.and_then(|window| window.returning_from) {
            Some(from) => view.takes_part_in(self.number_of(&from)),
            None => view.programs().iter().any(|other| *other != program),
        }
    }

    fn check_joining(
        &self,
        merchant: MerchantId,
        program: NameNumber,
        at: Instant,
    ) -> Result<Novelty, DeskRefusal> {
        let rule = self.rule_on(program, at.business_date());
        let rule = rule.ok_or(DeskRefusal::ProgramUnknown)?;
        refuse(self.paused(program).is_some(), DeskRefusal::ProgramSuspended)?;
        self.is_active(merchant)?;
        let view = self.merchant(merchant).ok_or(DeskRefusal::MerchantUnknown)?;
        let is_paid_from = rule.policy.benefit_for(view.category).is_some();
        refuse(!is_paid_from, DeskRefusal::CategoryNotAllowed)?;
        if view.takes_part_in(program) {
            return Ok(Novelty::Known);
        }
        refuse(self.desk().has_open_case(merchant), DeskRefusal::ClawbackOpen)?;
        let returning = self.is_returning_merchant(merchant, program, at);
        let window = rule.policy.merchant_registration.as_ref();
        let open = window.is_some_and(|window| window.is_open_on(at.business_date(), returning));
        refuse(!open, DeskRefusal::RegistrationClosed)?;
        Ok(Novelty::New)
    }

    fn check_case(&self, record: &DeskRecord) -> Result<Novelty, DeskRefusal> {
        let DeskRecord::CaseOpened {
            case,
            debtor,
            owed,
            letter,
            reason,
        } = record
        else {
            unreachable!("asked about opened cases only")
        };
        let Some(known) = self.desk().case(*case) else {
            return Ok(Novelty::New);
        };
        let same = known.cause == Cause::Ordered
            && known.debtor == *debtor
            && known.owed == Some(*owed)
            && known.letter == *letter
            && known.opened.reason == *reason;
        refuse(!same, DeskRefusal::CaseIdConflict)?;
        Ok(Novelty::Known)
    }

    fn check_payment(&self, record: &DeskRecord) -> Result<Novelty, DeskRefusal> {
        let DeskRecord::CasePaid {
            case,
            payment,
            amount,
            reason,
        } = record
        else {
            unreachable!("asked about payments only")
        };
        let case = self.desk().case(*case).ok_or(DeskRefusal::CaseUnknown)?;
        if let Some(known) = case.payments.iter().find(|known| known.id == *payment) {
            let same = known.amount == *amount && known.mark.reason == *reason;
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
        refuse(
            case.left().is_some_and(|left| *amount > left),
            DeskRefusal::ExceedsOwed,
        )?;
        Ok(Novelty::New)
    }

    fn check_withdrawal(&self, record: &DeskRecord) -> Result<Novelty, DeskRefusal> {
        let DeskRecord::ConsentWithdrawn {
            merchant,
            case,
            letter,
            reason,
        } = record
        else {
            unreachable!("asked about withdrawals only")
        };
        let desk = self.desk();
        if let Some((mark, known)) = desk.merchant(*merchant).and_then(|file| file.withdrawn.as_ref()) {
            let opened = &desk.cases[known];
            let same = known == case && opened.letter == *letter && mark.reason == *reason;
            refuse(!same, DeskRefusal::ConsentWithdrawn)?;
            return Ok(Novelty::Known);
        }
        refuse(desk.case(*case).is_some(), DeskRefusal::CaseIdConflict)?;
        Ok(Novelty::New)
    }

    fn known(&self, merchant: MerchantId) -> Result<(), DeskRefusal> {
        refuse(self.merchant(merchant).is_none(), DeskRefusal::MerchantUnknown)
    }

    fn is_active(&self, merchant: MerchantId) -> Result<(), DeskRefusal> {
        let view = self.merchant(merchant).ok_or(DeskRefusal::MerchantUnknown)?;
        refuse(self.desk().has_withdrawn(merchant), DeskRefusal::ConsentWithdrawn)?;
        refuse(view.status == Status::Suspended, DeskRefusal::MerchantSuspended)
    }

    fn is_not_erased(&self, person: PersonId) -> Result<(), DeskRefusal> {
        let file = self.desk().person(person);
        let erased = person == PersonId::ERASED || file.is_some_and(|file| file.erased.is_some());
        refuse(erased, DeskRefusal::PersonErased)
    }
}

fn refuse(when: bool, why: DeskRefusal) -> Result<(), DeskRefusal> {
    match when {
        true => Err(why),
        false => Ok(()),
    }
}
