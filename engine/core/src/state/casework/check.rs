//! Why casework does not decide so, and what several of its decisions look at.

use crate::calendar::{BusinessDate, Instant};
use crate::ids::{MerchantId, Name, PersonId};
use crate::programme::MerchantRegistration;
use crate::record::{NameNumber, Status};
use crate::state::directory::Directory;

/// Why casework does not decide so. In order of precedence, where several are possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseworkRefusal {
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

impl CaseworkRefusal {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            CaseworkRefusal::ProgramUnknown => "program_unknown",
            CaseworkRefusal::ProgramSuspended => "program_suspended",
            CaseworkRefusal::MerchantUnknown => "merchant_unknown",
            CaseworkRefusal::ConsentWithdrawn => "consent_withdrawn",
            CaseworkRefusal::MerchantSuspended => "merchant_suspended",
            CaseworkRefusal::CategoryNotAllowed => "category_not_allowed",
            CaseworkRefusal::ClawbackOpen => "clawback_open",
            CaseworkRefusal::RegistrationClosed => "registration_closed",
            CaseworkRefusal::PlatformBound => "platform_bound",
            CaseworkRefusal::PlatformNotBound => "platform_not_bound",
            CaseworkRefusal::PersonErased => "person_erased",
            CaseworkRefusal::CaseUnknown => "case_unknown",
            CaseworkRefusal::CaseIdConflict => "case_id_conflict",
            CaseworkRefusal::PaymentIdConflict => "payment_id_conflict",
            CaseworkRefusal::CaseClosed => "case_closed",
            CaseworkRefusal::CaseCounting => "case_counting",
            CaseworkRefusal::TooManyPayments => "too_many_payments",
            CaseworkRefusal::ExceedsOwed => "exceeds_owed",
            CaseworkRefusal::LetterInFuture => "letter_in_future",
        }
    }
}

/// Whether a decision of casework changes anything.
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
    /// Why the register of merchants does not take a line; `programs` are those it names.
    pub fn refuses_merchant(&self, merchant: MerchantId, programs: &[Name]) -> Option<CaseworkRefusal> {
        let casework = self.casework();
        if casework.has_withdrawn(merchant) {
            return Some(CaseworkRefusal::ConsentWithdrawn);
        }
        let view = self.merchant(merchant);
        let takes_part = |program: &Name| {
            let number = self.number_of(program);
            view.is_some_and(|view| view.takes_part_in(number))
        };
        let joins = || !programs.iter().all(takes_part);
        (casework.has_open_case(merchant) && joins()).then_some(CaseworkRefusal::ClawbackOpen)
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

    pub(super) fn is_known(&self, merchant: MerchantId) -> Result<(), CaseworkRefusal> {
        refuse(
            self.merchant(merchant).is_none(),
            CaseworkRefusal::MerchantUnknown,
        )
    }

    pub(super) fn is_active(&self, merchant: MerchantId) -> Result<(), CaseworkRefusal> {
        let view = self.merchant(merchant).ok_or(CaseworkRefusal::MerchantUnknown)?;
        refuse(
            self.casework().has_withdrawn(merchant),
            CaseworkRefusal::ConsentWithdrawn,
        )?;
        refuse(
            view.status == Status::Suspended,
            CaseworkRefusal::MerchantSuspended,
        )
    }

    pub(super) fn is_not_erased(&self, person: PersonId) -> Result<(), CaseworkRefusal> {
        let file = self.casework().person(person);
        let erased = person == PersonId::ERASED || file.is_some_and(|file| file.erased.is_some());
        refuse(erased, CaseworkRefusal::PersonErased)
    }
}

pub(super) fn refuse(when: bool, why: CaseworkRefusal) -> Result<(), CaseworkRefusal> {
    match when {
        true => Err(why),
        false => Ok(()),
    }
}
