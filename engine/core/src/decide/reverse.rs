//! The decision on a reversal, and on a hold's capture or void: the checks of the contract in their order, and what each side
//! gets back.

use crate::calendar::Instant;
use crate::ids::{ReversalId, TxnId};
use crate::money::Satang;
use crate::outcome::{ReversalCause, ReversalReason};
use crate::record::{Closing, OriginalFacts, ReturnKind, ReversalFacts, ReversalRecord};
use crate::request::{ClosingRequest, ReversalRequest};
use crate::state::dedup::Reversed;

/// What is known of the authorization to be reversed, captured or voided.
#[derive(Clone, Copy, Debug)]
pub enum Reversible {
    /// Never seen, or reversed before it arrived and declined when it did (`late` once it did).
    NotFound {
        /// Whether the late original has arrived.
        late: bool,
    },
    /// Declined: there is nothing to give back.
    Declined,
    Approved {
        original: OriginalFacts,
        /// What earlier reversals left of it, when there are any.
        reversed: Option<Reversed>,
        /// How it was closed, if it is a hold that was.
        closing: Option<Closing>,
    },
}

/// An approved authorization or hold, as a decision meets it.
struct Known<'k> {
    original: &'k OriginalFacts,
    /// What is still not given back of the bill.
    left: Satang,
    closing: Option<Closing>,
    at: Instant,
}

impl Known<'_> {
    /// Whether it is a hold that was neither captured nor voided and has not ended.
    fn is_open_hold(&self) -> bool {
        let ends_later = |expires: Instant| self.at < expires;
        self.closing.is_none() && self.original.expires.is_some_and(ends_later)
    }

    /// Whether it is a hold that ended before it was captured or voided.
    fn has_expired(&self) -> bool {
        self.closing.is_none() && self.original.expires.is_some() && !self.is_open_hold()
    }
}

/// Decides a reversal.
///
/// Checks in the contract's order: `original_not_found`, `original_declined`, `already_reversed`, `exceeds_original`; of an open
/// hold, all of it is voided and a part declined `hold_open`. After giving back `r` of a bill `G` whose state share was `S`, the
/// state has got back `floor(S × r / G)`: cumulative, so the last refund clears both parts exactly.
pub fn decide(request: &ReversalRequest, known: &Reversible, at: Instant) -> ReversalRecord {
    let facts = ReversalFacts {
        cause: request.cause,
        requested: request.amount,
        ..nothing(ReturnKind::Reversal, request.reversal_id, request.txn_id, known)
    };
    let full = request.amount.is_none();
    let facts = match known {
        Reversible::NotFound { .. } if full => tombstone(facts),
        Reversible::NotFound { late: false } => declined(facts, ReversalReason::OriginalNotFound),
        Reversible::NotFound { late: true } | Reversible::Declined => {
            declined(facts, ReversalReason::OriginalDeclined)
        }
        Reversible::Approved { .. } => {
            let (facts, known) = approved(facts, known, at);
            reverse(facts, &known)
        }
    };
    ReversalRecord::new(at, &facts)
}

/// Decides a hold's capture or void.
///
/// Checks in this order: `original_not_found`, `original_declined`, `hold_closed`, `hold_expired`, `exceeds_original`. Whether it
/// repeats the one that closed the hold is for the caller to see.
pub fn decide_closing(request: &ClosingRequest, known: &Reversible, at: Instant) -> ReversalRecord {
    let no_id = ReversalId::from_bits(0);
    let facts = ReversalFacts {
        requested: request.amount,
        ..nothing(request.act, no_id, request.txn_id, known)
    };
    let facts = match known {
        Reversible::NotFound { .. } if request.act == ReturnKind::Void => tombstone(facts),
        Reversible::NotFound { late: false } => declined(facts, ReversalReason::OriginalNotFound),
        Reversible::NotFound { late: true } | Reversible::Declined => {
            declined(facts, ReversalReason::OriginalDeclined)
        }
        Reversible::Approved { .. } => {
            let (facts, known) = approved(facts, known, at);
            close(facts, &known)
        }
    };
    ReversalRecord::new(at, &facts)
}

/// A declined one, but for its reason.
fn nothing(act: ReturnKind, reversal_id: ReversalId, txn_id: TxnId, known: &Reversible) -> ReversalFacts {
    ReversalFacts {
        act,
        reversal_id,
        txn_id,
        cause: ReversalCause::CustomerRefund,
        requested: None,
        approved: false,
        reason: ReversalReason::Approved,
        state: Satang::ZERO,
        citizen: Satang::ZERO,
        left: Satang::ZERO,
        original: None,
        funding: None,
        voids: false,
        previous: None,
        late: matches!(known, Reversible::NotFound { late: true }),
    }
}

fn declined(facts: ReversalFacts, reason: ReversalReason) -> ReversalFacts {
    ReversalFacts { reason, ..facts }
}

fn tombstone(facts: ReversalFacts) -> ReversalFacts {
    ReversalFacts {
        approved: true,
        reason: ReversalReason::OriginalNotFound,
        ..facts
    }
}

/// The facts with the reversal before this one, and the original.
fn approved<'k>(facts: ReversalFacts, known: &'k Reversible, at: Instant) -> (ReversalFacts, Known<'k>) {
    let Reversible::Approved {
        original,
        reversed,
        closing,
    } = known
    else {
        unreachable!("asked of approved originals only");
    };
    let facts = ReversalFacts {
        previous: reversed.map(|reversed| reversed.last),
        ..facts
    };
    let known = Known {
        original,
        left: reversed.map_or(original.amount, |reversed| reversed.left),
        closing: *closing,
        at,
    };
    (facts, known)
}

fn reverse(facts: ReversalFacts, known: &Known<'_>) -> ReversalFacts {
    let left = known.left;
    if known.is_open_hold() {
        return match facts.requested {
            None => ReversalFacts {
                voids: true,
                ..give_back(facts, known, Satang::ZERO)
            },
            Some(_) => ReversalFacts {
                left,
                ..declined(facts, ReversalReason::HoldOpen)
            },
        };
    }
    if left == Satang::ZERO || known.has_expired() {
        return declined(facts, ReversalReason::AlreadyReversed);
    }
    match left.checked_sub(facts.requested.unwrap_or(left)) {
        Some(left_after) => give_back(facts, known, left_after),
        None => ReversalFacts {
            left,
            ..declined(facts, ReversalReason::ExceedsOriginal)
        },
    }
}

fn close(facts: ReversalFacts, known: &Known<'_>) -> ReversalFacts {
    if known.has_expired() {
        return declined(facts, ReversalReason::HoldExpired);
    }
    if !known.is_open_hold() {
        return ReversalFacts {
            left: known.left,
            ..declined(facts, ReversalReason::HoldClosed)
        };
    }
    let captured = match facts.act {
        ReturnKind::Capture => facts.requested.unwrap_or(known.left),
        ReturnKind::Void | ReturnKind::Reversal => Satang::ZERO,
    };
    match captured <= known.left {
        true => give_back(facts, known, captured),
        false => ReversalFacts {
            left: known.left,
            ..declined(facts, ReversalReason::ExceedsOriginal)
        },
    }
}

/// Gives back what is left but for `left_after`.
fn give_back(facts: ReversalFacts, known: &Known<'_>, left_after: Satang) -> ReversalFacts {
    let Known { original, left, .. } = known;
    let given_back = |left| {
        original
            .amount
            .checked_sub(left)
            .expect("what is left is within the bill")
    };
    let state_back = |left| original.state.proportion_floor(given_back(left), original.amount);
    let (before, after) = (state_back(*left), state_back(left_after));
    let state = after
        .checked_sub(before)
        .expect("a larger part has a larger share");
    let part = left
        .checked_sub(left_after)
        .expect("it was held against what is left");
    ReversalFacts {
        approved: true,
        reason: ReversalReason::Approved,
        state,
        citizen: part
            .checked_sub(state)
            .expect("the state gets back at most what is given back"),
        left: left_after,
        original: Some(**original),
        funding: original
            .funding
            .map(|funding| funding.back_between(before, after)),
        ..facts
    }
}
