//! What the desk knows, as answers show it.

use satang_core::calendar::BusinessDate;
use satang_core::desk::{Case, CaseState, Joining, Mark, MerchantFile, Payment};
use satang_core::directory::Directory;
use satang_core::ids::{CaseId, MerchantId, Name, WalletId};
use satang_core::record::{Debtor, NameNumber, Payout};
use serde::Serialize;

/// The most cases, or joinings of a merchant, that are shown at once (I12): a case may have as many payments.
pub(super) const SHOWN_MAX: usize = 100;

/// Since when, why and by whom something is so.
#[derive(Serialize)]
pub(in crate::app) struct MarkShown<'d> {
    reason: &'d str,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'d str>,
}

impl<'d> MarkShown<'d> {
    /// The mark as it is shown.
    pub(in crate::app) fn of(directory: &'d Directory, mark: &'d Mark) -> MarkShown<'d> {
        MarkShown {
            reason: &mark.reason,
            since: mark.at.to_string(),
            by: name(directory, mark.caller),
        }
    }
}

/// A merchant as the register and the desk have it.
#[derive(Serialize)]
pub(super) struct MerchantShown<'d> {
    merchant_id: String,
    category: &'static str,
    status: &'static str,
    programs: Vec<&'d str>,
    channels: Vec<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended: Option<MarkShown<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent_withdrawn: Option<WithdrawalShown<'d>>,
    payout: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    frozen: Option<MarkShown<'d>>,
    joined: Vec<JoiningShown<'d>>,
    clawbacks: Vec<CaseShown<'d>>,
}

#[derive(Serialize)]
struct WithdrawalShown<'d> {
    #[serde(flatten)]
    mark: MarkShown<'d>,
    letter_date: String,
    case_id: String,
}

#[derive(Serialize)]
struct JoiningShown<'d> {
    program: &'d str,
    at: String,
    returning: bool,
}

impl<'d> MerchantShown<'d> {
    /// The merchant on this day; `None` when it was never registered.
    pub(super) fn of(
        directory: &'d Directory,
        merchant: MerchantId,
        today: BusinessDate,
    ) -> Option<MerchantShown<'d>> {
        let view = directory.merchant(merchant)?;
        let (desk, file) = (directory.desk(), directory.desk().merchant(merchant));
        let frozen = file.and_then(|file| file.frozen.as_ref());
        let shown = |mark| MarkShown::of(directory, mark);
        let cases = file.map_or(&[][..], |file| last(&file.cases));
        let cases = cases.iter().filter_map(|case| desk.case(*case));
        Some(MerchantShown {
            merchant_id: merchant.to_string(),
            category: view.category.name(),
            status: view.status.name(),
            programs: names(directory, view.programs()),
            channels: names(directory, view.channels()),
            platform: file.and_then(|file| name(directory, file.platform?)),
            suspended: file.and_then(|file| file.suspended.as_ref()).map(shown),
            consent_withdrawn: file.and_then(|file| withdrawal(directory, file)),
            payout: payout(frozen.is_some()),
            frozen: frozen.map(shown),
            joined: file.map_or(Vec::new(), |file| joined(directory, last(&file.joined))),
            clawbacks: cases
                .map(|case| CaseShown::of(directory, case, None, today))
                .collect(),
        })
    }
}

/// The last of them, as many as are shown.
fn last<T>(all: &[T]) -> &[T] {
    &all[all.len().saturating_sub(SHOWN_MAX)..]
}

fn withdrawal<'d>(directory: &'d Directory, file: &'d MerchantFile) -> Option<WithdrawalShown<'d>> {
    let (mark, case): &(Mark, CaseId) = file.withdrawn.as_ref()?;
    Some(WithdrawalShown {
        mark: MarkShown::of(directory, mark),
        letter_date: directory.desk().case(*case)?.letter.to_string(),
        case_id: case.to_string(),
    })
}

fn joined<'d>(directory: &'d Directory, joined: &[Joining]) -> Vec<JoiningShown<'d>> {
    let shown = |joining: &Joining| {
        Some(JoiningShown {
            program: name(directory, joining.program)?,
            at: joining.at.to_string(),
            returning: joining.returning,
        })
    };
    joined.iter().filter_map(shown).collect()
}

fn names<'d>(directory: &'d Directory, numbers: &[NameNumber]) -> Vec<&'d str> {
    let mut names: Vec<&str> = numbers
        .iter()
        .filter_map(|number| name(directory, *number))
        .collect();
    names.sort_unstable();
    names
}

fn name(directory: &Directory, number: NameNumber) -> Option<&str> {
    directory.name(number).map(Name::as_str)
}

/// Whether settlement pays.
pub(in crate::app) fn payout(frozen: bool) -> &'static str {
    match frozen {
        true => Payout::Frozen.name(),
        false => Payout::Active.name(),
    }
}

/// A clawback case.
#[derive(Serialize)]
pub(super) struct CaseShown<'d> {
    case_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wallets: Option<Vec<String>>,
    cause: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    owed: Option<u64>,
    paid: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<u64>,
    letter_date: String,
    due_date: String,
    overdue: bool,
    reason: &'d str,
    opened_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    opened_by: Option<&'d str>,
    payments: Vec<PaymentShown<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<ActShown<'d>>,
}

#[derive(Serialize)]
struct PaymentShown<'d> {
    payment_id: String,
    amount: u64,
    reason: &'d str,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'d str>,
}

#[derive(Serialize)]
struct ActShown<'d> {
    at: String,
    reason: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'d str>,
}

impl<'d> CaseShown<'d> {
    /// The case on this day. `wallets` are the citizen's, when it is a citizen's.
    pub(super) fn of(
        directory: &'d Directory,
        case: &'d Case,
        wallets: Option<Vec<WalletId>>,
        today: BusinessDate,
    ) -> CaseShown<'d> {
        let state = case.state();
        let text = |wallets: Vec<WalletId>| wallets.iter().map(WalletId::to_string).collect();
        CaseShown {
            case_id: case.id.to_string(),
            merchant_id: match case.debtor {
                Debtor::Merchant(merchant) => Some(merchant.to_string()),
                Debtor::Person(_) => None,
            },
            wallets: wallets.map(text),
            cause: case.cause.name(),
            state: state.name(),
            owed: case.owed.map(|owed| owed.get()),
            paid: case.paid().get(),
            left: case.left().map(|left| left.get()),
            letter_date: case.letter.to_string(),
            due_date: case.due().to_string(),
            overdue: state == CaseState::Open && today > case.due(),
            reason: &case.opened.reason,
            opened_at: case.opened.at.to_string(),
            opened_by: name(directory, case.opened.caller),
            payments: case
                .payments
                .iter()
                .map(|paid| payment(directory, paid))
                .collect(),
            closed: case.closed.as_ref().map(|mark| ActShown {
                at: mark.at.to_string(),
                reason: &mark.reason,
                by: name(directory, mark.caller),
            }),
        }
    }
}

fn payment<'d>(directory: &'d Directory, payment: &'d Payment) -> PaymentShown<'d> {
    PaymentShown {
        payment_id: payment.id.to_string(),
        amount: payment.amount.get(),
        reason: &payment.mark.reason,
        at: payment.mark.at.to_string(),
        by: name(directory, payment.mark.caller),
    }
}
