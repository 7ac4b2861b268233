//! The decision on a reversal: the checks of the contract in their order, and what each side gets back.

use crate::calendar::Instant;
use crate::dedup::Reversed;
use crate::money::Satang;
use crate::outcome::ReversalReason;
use crate::record::{OriginalFacts, ReversalFacts, ReversalRecord};
use crate::request::ReversalRequest;

/// What is known of the authorization to be reversed.
#[derive(Clone, Copy, Debug)]
pub enum Reversible {
    /// Never seen, or reversed before it arrived and declined when it did (`late` once it did).
    NotFound {
        /// Whether the late original has arrived.
        late: bool,
    },
    /// Declined: there is nothing to give back.
    Declined,
    /// Approved.
    Approved {
        /// The authorization.
        original: OriginalFacts,
        /// What earlier reversals left of it, when there are any.
        reversed: Option<Reversed>,
    },
}

/// Decides a reversal.
///
/// Checks in the contract's order: `original_not_found`, `original_declined`, `already_reversed`, `exceeds_original`. After
/// giving back `r` of a bill `G` whose state share was `S`, the state has got back `floor(S × r / G)`: cumulative, so
/// the last refund clears both parts exactly.
pub fn decide(request: &ReversalRequest, known: &Reversible, at: Instant) -> ReversalRecord {
    let facts = ReversalFacts {
        reversal_id: request.reversal_id,
        txn_id: request.txn_id,
        cause: request.cause,
        requested: request.amount,
        approved: false,
        reason: ReversalReason::Approved,
        state: Satang::ZERO,
        citizen: Satang::ZERO,
        left: Satang::ZERO,
        original: None,
        previous: None,
        late: matches!(known, Reversible::NotFound { late: true }),
    };
    let full = request.amount.is_none();
    let facts = match known {
        Reversible::NotFound { .. } if full => ReversalFacts {
            approved: true,
            reason: ReversalReason::OriginalNotFound,
            ..facts
        },
        Reversible::NotFound { late: false } => ReversalFacts {
            reason: ReversalReason::OriginalNotFound,
            ..facts
        },
        Reversible::NotFound { late: true } | Reversible::Declined => ReversalFacts {
            reason: ReversalReason::OriginalDeclined,
            ..facts
        },
        Reversible::Approved { original, reversed } => {
            let left = reversed.map_or(original.amount, |reversed| reversed.left);
            ReversalFacts {
                previous: reversed.map(|reversed| reversed.last),
                ..give_back(facts, original, left)
            }
        }
    };
    ReversalRecord::new(at, &facts)
}

fn give_back(facts: ReversalFacts, original: &OriginalFacts, left: Satang) -> ReversalFacts {
    if left == Satang::ZERO {
        return ReversalFacts {
            reason: ReversalReason::AlreadyReversed,
            ..facts
        };
    }
    let part = facts.requested.unwrap_or(left);
    let Some(left_after) = left.checked_sub(part) else {
        return ReversalFacts {
            reason: ReversalReason::ExceedsOriginal,
            left,
            ..facts
        };
    };
    let given_back = |left| {
        original
            .amount
            .checked_sub(left)
            .expect("what is left is within the bill")
    };
    let (before, after) = (given_back(left), given_back(left_after));
    let state_after = original.state.proportion_floor(after, original.amount);
    let state_before = original.state.proportion_floor(before, original.amount);
    let state = state_after
        .checked_sub(state_before)
        .expect("a larger part has a larger share");
    ReversalFacts {
        approved: true,
        reason: ReversalReason::Approved,
        state,
        citizen: part
            .checked_sub(state)
            .expect("the state gets back at most what is given back"),
        left: left_after,
        original: Some(*original),
        ..facts
    }
}
