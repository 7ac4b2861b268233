//! Reversals and partial refunds, tombstones for originals that have not come.

use serde_json::{Value, json};

use super::forms::{self, BILL_MAX, BadFields, Form};
use super::purchase::number;
use super::{Model, conflict, malformed};

/// The content a reversal id is compared by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reversal {
    pub txn_id: u128,
    /// Absent: all that is left.
    pub amount: Option<u128>,
    pub reason: String,
}

/// The content a reversal id came with first, and what it was told.
pub(crate) struct FirstReversal {
    pub reversal: Reversal,
    pub answer: Value,
}

/// What became of a reversal.
struct Outcome {
    decision: &'static str,
    reason: &'static str,
    response_code: &'static str,
    state_amount: u128,
    citizen_amount: u128,
    left: u128,
}

impl Outcome {
    fn declined(reason: &'static str, response_code: &'static str, left: u128) -> Outcome {
        Outcome {
            decision: "declined",
            reason,
            response_code,
            state_amount: 0,
            citizen_amount: 0,
            left,
        }
    }
}

impl Model {
    pub(crate) fn reverse(&mut self, path_txn_id: &str, body: &str) -> Value {
        let (reversal_id, reversal) = match read_reversal(path_txn_id, body) {
            Ok(read) => read,
            Err(fields) => return malformed(fields),
        };
        if let Some(first) = self.first_reversals.get(&reversal_id) {
            if first.reversal != reversal {
                return conflict("reversal_id_conflict");
            }
            let mut replay = first.answer.clone();
            replay["replayed"] = json!(true);
            return replay;
        }
        let outcome = self.give_back(&reversal);
        let answer = json!({
            "reversal_id": forms::uuid_text(reversal_id),
            "txn_id": forms::uuid_text(reversal.txn_id),
            "decision": outcome.decision,
            "reason": outcome.reason,
            "response_code": outcome.response_code,
            "state_amount": number(outcome.state_amount),
            "citizen_amount": number(outcome.citizen_amount),
            "left": number(outcome.left),
            "business_date": self.today().to_string(),
            "decided_at": self.now.to_milliseconds_text(),
            "replayed": false,
        });
        self.first_reversals.insert(
            reversal_id,
            FirstReversal {
                reversal,
                answer: answer.clone(),
            },
        );
        answer
    }

    fn give_back(&mut self, reversal: &Reversal) -> Outcome {
        let is_full = reversal.amount.is_none();
        if is_full && self.tombstones.contains(&reversal.txn_id) {
            return approved_without_original();
        }
        if !self.first_answers.contains_key(&reversal.txn_id) {
            if is_full {
                self.tombstones.insert(reversal.txn_id);
                return approved_without_original();
            }
            return Outcome::declined("original_not_found", "25", 0);
        }
        let Some(original) = self.originals.get_mut(&reversal.txn_id) else {
            return Outcome::declined("original_declined", "12", 0);
        };
        let left = original.amount - original.given_back;
        if left == 0 {
            return Outcome::declined("already_reversed", "12", 0);
        }
        let amount = reversal.amount.unwrap_or(left);
        if amount > left {
            return Outcome::declined("exceeds_original", "13", left);
        }
        let state_before = original.state_amount * original.given_back / original.amount;
        original.given_back += amount;
        let state_after = original.state_amount * original.given_back / original.amount;
        let state_amount = state_after - state_before;
        for bucket in &original.buckets {
            let used = self
                .used
                .get_mut(bucket)
                .expect("an approved original used its buckets");
            *used -= state_amount;
        }
        Outcome {
            decision: "approved",
            reason: "approved",
            response_code: "00",
            state_amount,
            citizen_amount: amount - state_amount,
            left: left - amount,
        }
    }
}

fn approved_without_original() -> Outcome {
    Outcome {
        decision: "approved",
        reason: "original_not_found",
        response_code: "00",
        state_amount: 0,
        citizen_amount: 0,
        left: 0,
    }
}

fn read_reversal(path_txn_id: &str, body: &str) -> Result<(u128, Reversal), BadFields> {
    let txn_id = forms::parse_uuid(path_txn_id);
    let read = forms::body(body).and_then(|value| {
        let mut form = Form::open(&value)?;
        let reversal_id = form.required("reversal_id", forms::uuid);
        let amount = form.optional("amount", forms::integer(1, BILL_MAX));
        let reason = form.required(
            "reason",
            forms::one_of(&["timeout", "customer_refund", "merchant_error"]),
        );
        if reason == "timeout" && amount.is_some() {
            form.fault("amount");
        }
        form.finish((
            reversal_id,
            Reversal {
                txn_id: txn_id.unwrap_or_default(),
                amount,
                reason,
            },
        ))
    });
    match (txn_id, read) {
        (Some(_), read) => read,
        (None, read) => {
            let mut fields = read.err().unwrap_or_default();
            fields.insert("txn_id".to_owned());
            Err(fields)
        }
    }
}
