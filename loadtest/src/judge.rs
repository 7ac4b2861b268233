//! Counts what an answer decided, and checks the promises of the contract that one answer alone can break.

use crate::answer::{Outcome, Scanner, batch_outcomes, is_replayed};
use crate::binary::Tally;
use crate::connection::What;
use crate::drive::{Plan, WireForm};
use crate::registration::Registration;
use crate::stats::Stats;
use crate::workload::{Generator, Kind, Request};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

impl What {
    pub fn kind(&self) -> Kind {
        match self {
            What::One(Request::Authorization(_)) => Kind::Authorization,
            What::One(Request::Registration(_)) => Kind::Registration,
            What::Batch { kind, .. } => *kind,
            What::One(Request::Quote(_)) => Kind::Quote,
            What::One(Request::Reversal { .. }) => Kind::Reversal,
            What::One(Request::Retry(_)) => Kind::Retry,
        }
    }

    pub fn elements(&self) -> u64 {
        match self {
            What::One(_) => 1,
            What::Batch { len, .. } => *len,
        }
    }
}

/// Counts the decision, and checks the promises that one answer alone can break.
pub(crate) fn read_outcome(
    stats: &mut Stats,
    scanner: &mut Scanner,
    generator: &mut Generator,
    plan: &Plan,
    what: What,
    body: &[u8],
    counted: bool,
) {
    let kind = what.kind();
    let purchase = match what {
        What::Batch { len, .. } if plan.wire == WireForm::Binary => {
            match Tally::read(body) {
                Ok(tally) => {
                    let counts = tally.outcomes().filter(|_| counted);
                    counts.for_each(|(decision, reason, count)| {
                        stats.outcomes_alike(kind, decision.as_bytes(), reason.as_bytes(), count);
                    });
                    if plan.check_answers && tally.decided != len {
                        stats.breach("a batch answer has one decision per element", body);
                    }
                }
                Err(promise) if plan.check_answers => stats.breach(promise, body),
                Err(_) => {}
            }
            return;
        }
        What::Batch { len, .. } => {
            let mut decided = 0;
            for outcome in batch_outcomes(body) {
                decided += 1;
                stats.ticket(outcome.ticket);
                if counted {
                    stats.outcome(kind, outcome.decision, outcome.reason);
                }
            }
            if plan.check_answers && decided != len {
                stats.breach("a batch answer has one decision per element", body);
            }
            return;
        }
        What::One(Request::Authorization(purchase) | Request::Retry(purchase)) => Some(purchase),
        What::One(Request::Registration(_) | Request::Quote(_) | Request::Reversal { .. }) => None,
    };
    let Some(outcome) = scanner.outcome(body) else {
        stats.breach("a 200 answer has a decision and a reason", body);
        return;
    };
    if counted {
        stats.outcome(kind, outcome.decision, outcome.reason);
    }
    if let What::One(Request::Registration(registration)) = what {
        stats.ticket(outcome.ticket);
        if plan.check_answers {
            check_registration(stats, scanner, registration, outcome, body);
        }
    }
    let Some(purchase) = purchase else { return };
    if plan.check_answers {
        if scanner.txn_id(body) != Some(&id_text(purchase.txn_id)[..]) {
            stats.breach("an answer carries the request's txn_id", body);
        }
        if kind == Kind::Retry && !is_replayed(body) {
            stats.breach("a repeated txn_id is answered with replayed: true", body);
        }
    }
    if kind == Kind::Authorization && outcome.decision == b"approved" {
        generator.remember(purchase);
    }
}

/// The id comes back, and who is accepted gets a ticket.
fn check_registration(
    stats: &mut Stats,
    scanner: &mut Scanner,
    registration: Registration,
    outcome: Outcome<'_>,
    body: &[u8],
) {
    if scanner.registration_id(body) != Some(&id_text(registration.registration_id)[..]) {
        stats.breach("an answer carries the request's registration_id", body);
    }
    if (outcome.decision == b"accepted") != outcome.ticket.is_some() {
        stats.breach("who is accepted gets a ticket, and nobody else", body);
    }
}

/// An id as the contract answers it.
fn id_text(id: Uuid) -> [u8; Hyphenated::LENGTH] {
    let mut text = [0u8; Hyphenated::LENGTH];
    id.as_hyphenated().encode_lower(&mut text);
    text
}
