//! What casework knows, as answers show it.

use satang_api as api;
use satang_core::calendar::BusinessDate;
use satang_core::ids::{CaseId, MerchantId, WalletId};
use satang_core::record::{Debtor, NameNumber, Payout};
use satang_core::state::casework::{Case, CaseState, Joining, Mark, MerchantFile, Payment};
use satang_core::state::directory::Directory;

/// The most cases, or joinings of a merchant, that are shown at once (I12): a case may have as many payments.
pub(super) const SHOWN_MAX: usize = 100;

/// The mark as it is shown.
pub(in crate::app) fn mark(directory: &Directory, mark: &Mark) -> api::Mark {
    api::Mark {
        reason: reason(mark),
        since: api::InstantAnswered::of(&mark.at),
        by: by(directory, mark),
    }
}

/// Why it was decided so.
pub(super) fn reason(mark: &Mark) -> api::OperatorReason {
    mark.reason.clone().into()
}

/// The name of the key that decided it.
pub(super) fn by(directory: &Directory, mark: &Mark) -> Option<api::Name> {
    name(directory, mark.caller)
}

/// A merchant on this day; `None` when it was never registered.
pub(super) fn merchant(
    directory: &Directory,
    merchant: MerchantId,
    today: BusinessDate,
) -> Option<api::MerchantFound> {
    let view = directory.merchant(merchant)?;
    let (casework, file) = (directory.casework(), directory.casework().merchant(merchant));
    let frozen = file.and_then(|file| file.frozen.as_ref());
    let cases = file.map_or(&[][..], |file| last(&file.cases));
    let cases = cases.iter().filter_map(|case| casework.case(*case));
    let shown = |of: &Mark| mark(directory, of);
    Some(api::MerchantFound {
        merchant_id: api::FifteenDigits::of(&merchant),
        category: view.category.name().into(),
        status: view.status.name().into(),
        programs: names(directory, view.programs()),
        channels: names(directory, view.channels()),
        platform: file.and_then(|file| name(directory, file.platform?)),
        suspended: file.and_then(|file| file.suspended.as_ref()).map(shown),
        consent_withdrawn: file.and_then(|file| withdrawal(directory, file)),
        payout: payout(frozen.is_some()),
        frozen: frozen.map(shown),
        joined: file.map_or(Vec::new(), |file| joined(directory, last(&file.joined))),
        clawbacks: cases.map(|one| case(directory, one, None, today)).collect(),
    })
}

/// The last of them, as many as are shown.
fn last<T>(all: &[T]) -> &[T] {
    &all[all.len().saturating_sub(SHOWN_MAX)..]
}

fn withdrawal(directory: &Directory, file: &MerchantFile) -> Option<api::ConsentWithdrawn> {
    let (mark, case): &(Mark, CaseId) = file.withdrawn.as_ref()?;
    Some(api::ConsentWithdrawn {
        reason: reason(mark),
        since: api::InstantAnswered::of(&mark.at),
        by: by(directory, mark),
        letter_date: api::Day::of(&directory.casework().case(*case)?.letter),
        case_id: api::UuidAnswered::of(case),
    })
}

fn joined(directory: &Directory, joined: &[Joining]) -> Vec<api::Joined> {
    let shown = |joining: &Joining| {
        Some(api::Joined {
            program: name(directory, joining.program)?,
            at: api::InstantAnswered::of(&joining.at),
            returning: joining.returning,
        })
    };
    joined.iter().filter_map(shown).collect()
}

fn names(directory: &Directory, numbers: &[NameNumber]) -> Vec<api::Name> {
    let names = numbers.iter().filter_map(|number| name(directory, *number));
    let mut names: Vec<api::Name> = names.collect();
    names.sort_unstable();
    names
}

/// The name with a number.
pub(in crate::app) fn name(directory: &Directory, number: NameNumber) -> Option<api::Name> {
    directory.name(number).map(api::Name::of)
}

/// Whether settlement pays.
pub(in crate::app) fn payout(frozen: bool) -> api::Payout {
    let payout = match frozen {
        true => Payout::Frozen,
        false => Payout::Active,
    };
    payout.name().into()
}

/// A clawback case on this day. `wallets` are the citizen's, when it is a citizen's.
pub(super) fn case(
    directory: &Directory,
    case: &Case,
    wallets: Option<Vec<WalletId>>,
    today: BusinessDate,
) -> api::Clawback {
    let state = case.state();
    let closed = |mark: &Mark| api::Closed {
        at: api::InstantAnswered::of(&mark.at),
        reason: reason(mark),
        by: by(directory, mark),
    };
    api::Clawback {
        case_id: api::UuidAnswered::of(&case.id),
        merchant_id: match case.debtor {
            Debtor::Merchant(merchant) => Some(api::FifteenDigits::of(&merchant)),
            Debtor::Person(_) => None,
        },
        wallets: wallets.map(|wallets| wallets.iter().map(api::FifteenDigits::of).collect()),
        cause: case.cause.name().into(),
        state: state.name().into(),
        owed: case.owed.map(|owed| owed.get()),
        paid: case.paid().get(),
        left: case.left().map(|left| left.get()),
        letter_date: api::Day::of(&case.letter),
        due_date: api::Day::of(&case.due()),
        overdue: state == CaseState::Open && today > case.due(),
        reason: reason(&case.opened),
        opened_at: api::InstantAnswered::of(&case.opened.at),
        opened_by: by(directory, &case.opened),
        payments: case.payments.iter().map(|of| payment(directory, of)).collect(),
        closed: case.closed.as_ref().map(closed),
    }
}

fn payment(directory: &Directory, payment: &Payment) -> api::Payment {
    api::Payment {
        payment_id: api::UuidAnswered::of(&payment.id),
        amount: payment.amount.get(),
        reason: reason(&payment.mark),
        at: api::InstantAnswered::of(&payment.mark.at),
        by: by(directory, &payment.mark),
    }
}
