//! Why casework does not decide so, and what several of its decisions look at.

use crate::calendar::{BusinessDate, Instant};
use crate::ids::{MerchantId, Name, PersonId};
use crate::programme::MerchantRegistration;
use crate::record::{NameNumber, Status};
use crate::state::directory::Directory;

crate::words! {
    /// Why casework does not decide so. In order of precedence, where several are possible.
    pub enum CaseworkRefusal {
        /// The letter has a date to come.
        LetterInFuture = 0, "letter_in_future";
        /// No rules of the programme count today.
        ProgramUnknown = 1, "program_unknown";
        /// The programme is paused.
        ProgramSuspended = 2, "program_suspended";
        /// The merchant was never registered.
        MerchantUnknown = 3, "merchant_unknown";
        /// The merchant withdrew its consent.
        ConsentWithdrawn = 4, "consent_withdrawn";
        /// The merchant is suspended.
        MerchantSuspended = 5, "merchant_suspended";
        /// No benefit of the programme takes the merchant's category.
        CategoryNotAllowed = 6, "category_not_allowed";
        /// A case of the merchant or citizen is open.
        ClawbackOpen = 7, "clawback_open";
        /// The programme takes no merchant, or not on this date.
        RegistrationClosed = 8, "registration_closed";
        /// The merchant is bound to another platform.
        PlatformBound = 9, "platform_bound";
        /// The merchant is not bound to the platform.
        PlatformNotBound = 10, "platform_not_bound";
        /// The citizen was erased.
        PersonErased = 11, "person_erased";
        /// No case has the id.
        CaseUnknown = 12, "case_unknown";
        /// Another case has the id.
        CaseIdConflict = 13, "case_id_conflict";
        /// Another payment towards the case has the id.
        PaymentIdConflict = 14, "payment_id_conflict";
        /// Nothing more is claimed.
        CaseClosed = 15, "case_closed";
        /// How much is owed is being counted.
        CaseCounting = 16, "case_counting";
        /// The case has as many payments as one may have.
        TooManyPayments = 17, "too_many_payments";
        /// It is more than what is left.
        ExceedsOwed = 18, "exceeds_owed";
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
