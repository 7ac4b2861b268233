//! Counts what an answer decided, and checks the promises of the contract that one answer alone can break.

use crate::answer::{Scanner, batch_outcomes, is_replayed};
use crate::binary::Tally;
use crate::connection::What;
use crate::drive::{Plan, WireForm};
use crate::stats::Stats;
use crate::workload::{Generator, Kind, Request};

impl What {
    pub fn kind(&self) -> Kind {
        match self {
            What::One(Request::Authorization(_)) | What::Batch { .. } => Kind::Authorization,
            What::One(Request::Quote(_)) => Kind::Quote,
            What::One(Request::Reversal { .. }) => Kind::Reversal,
            What::One(Request::Retry(_)) => Kind::Retry,
        }
    }

    pub fn elements(&self) -> u64 {
        match self {
            What::One(_) => 1,
            What::Batch { len } => *len,
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
        What::Batch { len } if plan.wire == WireForm::Binary => {
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
        What::Batch { len } => {
            let mut decided = 0;
            for outcome in batch_outcomes(body) {
                decided += 1;
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
        What::One(Request::Quote(_) | Request::Reversal { .. }) => None,
    };
    let Some(outcome) = scanner.outcome(body) else {
        stats.breach("a 200 answer has a decision and a reason", body);
        return;
    };
    if counted {
        stats.outcome(kind, outcome.decision, outcome.reason);
    }
    let Some(purchase) = purchase else { return };
    if plan.check_answers {
        let mut id = [0u8; uuid::fmt::Hyphenated::LENGTH];
        purchase.txn_id.as_hyphenated().encode_lower(&mut id);
        if scanner.txn_id(body) != Some(&id[..]) {
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
