//! Casework: merchants who join, are bound, suspended or withdraw; citizens who are suspended or erased; money that is held back or
//! claimed back. Each decision is answered once it is durable, with what it was decided for.

mod clawbacks;
mod counts;
mod merchants;
mod payouts;
mod persons;
mod show;

pub(super) use counts::{CaseworkCounts, CaseworkKind};
pub(super) use show::{mark, name, payout};

use super::{Failure, Ready, in_order};
use crate::wire::problem::Problem;
use satang_api::{Text, Verdict};
use satang_core::calendar::BusinessDate;
use satang_core::state::casework::CaseworkRefusal;
use satang_core::state::directory::Directory;
use satang_engine::session::casework::CaseworkOutcome;
use satang_log::storage::Storage;

impl<S: Storage> Ready<S> {
    /// Waits until what was decided is durable, or that for which it was not, and counts it.
    async fn settle(&self, kind: CaseworkKind, outcome: CaseworkOutcome) -> Result<(), Failure> {
        self.session.decided((), outcome.sequence()).durable().await?;
        self.metrics.casework().count(kind, outcome);
        Ok(())
    }

    /// The same where a refusal is a problem.
    async fn settle_or_refuse(&self, kind: CaseworkKind, outcome: CaseworkOutcome) -> Result<(), Failure> {
        self.settle(kind, outcome).await?;
        match outcome {
            CaseworkOutcome::Recorded { .. } | CaseworkOutcome::Unchanged => Ok(()),
            CaseworkOutcome::Refused(refusal) => Err(refused(refusal)),
            CaseworkOutcome::NobodyKnown => {
                let detail = "nothing named a wallet of that id, or no citizen is known of it";
                Err(Problem::not_found(detail).into())
            }
        }
    }

    /// Something of the directory and of today, once all that it shows is durable.
    async fn look<T: 'static>(&self, what: impl FnOnce(&Directory, BusinessDate) -> T) -> Result<T, Failure> {
        let seen = self.session.view(|view| what(view.directory(), view.today()))?;
        Ok(seen.durable().await?)
    }
}

/// How an answer tells what was decided: `decision`, `reason`, whether anything was written, and its sequence.
fn verdict(outcome: CaseworkOutcome, nobody: &'static str) -> (Verdict, Text, bool, Option<u64>) {
    let (verdict, reason) = match outcome {
        CaseworkOutcome::Recorded { .. } | CaseworkOutcome::Unchanged => (Verdict::Accepted, "accepted"),
        CaseworkOutcome::Refused(refusal) => (Verdict::Rejected, refusal.name()),
        CaseworkOutcome::NobodyKnown => (Verdict::Rejected, nobody),
    };
    let sequence = outcome.sequence();
    (verdict, reason.into(), sequence.is_some(), sequence)
}

const MERCHANT_UNKNOWN: &str = "no merchant of that id is registered";
const CASE_UNKNOWN: &str = "no clawback case has that id";

/// What is answered when casework does not decide so.
pub(super) fn refused(refusal: CaseworkRefusal) -> Failure {
    let (title, detail) = match refusal {
        CaseworkRefusal::MerchantUnknown => return Problem::not_found(MERCHANT_UNKNOWN).into(),
        CaseworkRefusal::CaseUnknown => return Problem::not_found(CASE_UNKNOWN).into(),
        CaseworkRefusal::LetterInFuture => {
            return Problem::malformed_field("letter_date", "must not be later than today").into();
        }
        CaseworkRefusal::ProgramUnknown => (
            "The programme is unknown.",
            "no rules of the programme count today; look at /v1/programs",
        ),
        CaseworkRefusal::ProgramSuspended => (
            "The programme is paused.",
            "the programme is paused; send the request again when it is resumed",
        ),
        CaseworkRefusal::ConsentWithdrawn => (
            "The merchant withdrew its consent.",
            "the merchant withdrew its consent, for good; nothing was changed",
        ),
        CaseworkRefusal::MerchantSuspended => (
            "The merchant is suspended.",
            "the merchant is suspended; make it active first",
        ),
        CaseworkRefusal::CategoryNotAllowed => (
            "The category is not allowed.",
            "no benefit of the programme takes the merchant's category",
        ),
        CaseworkRefusal::ClawbackOpen => (
            "A clawback case is open.",
            "a clawback case is open, so no programme may be added; record its payments, or close it, first",
        ),
        CaseworkRefusal::RegistrationClosed => (
            "The programme takes no merchants today.",
            "the programme takes no merchants today; look at its merchant_registration",
        ),
        CaseworkRefusal::PlatformBound => (
            "The merchant is bound to another platform.",
            "the merchant is bound to another platform; release it from that one first",
        ),
        CaseworkRefusal::PlatformNotBound => (
            "The merchant is not bound to the platform.",
            "the merchant is not bound to this platform; look at it",
        ),
        CaseworkRefusal::PersonErased => (
            "The citizen was erased.",
            "the citizen was erased, for good; nothing was changed",
        ),
        CaseworkRefusal::CaseIdConflict => (
            "The case_id has other content.",
            "this case_id was used before with other content; nothing was changed: look the case up, or use a new id",
        ),
        CaseworkRefusal::PaymentIdConflict => (
            "The payment_id has other content.",
            "this payment_id was used before in this case with other content; nothing was changed: look the case up, or use a new id",
        ),
        CaseworkRefusal::CaseClosed => (
            "Nothing more is claimed.",
            "the case is paid or closed; nothing was changed: look the case up",
        ),
        CaseworkRefusal::CaseCounting => (
            "What is owed is being counted.",
            "how much is owed is being counted; send the request again when the case is open",
        ),
        CaseworkRefusal::TooManyPayments => (
            "The case has too many payments.",
            "a case has at most 100 payments; nothing was changed: close it, and open one of what is left",
        ),
        CaseworkRefusal::ExceedsOwed => (
            "The amount exceeds what is left.",
            "the amount is more than what is left of the case; nothing was changed: look the case up",
        ),
    };
    Problem::new(409, refusal.name(), title, detail).into()
}
