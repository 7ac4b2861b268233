//! Reversals and partial refunds, tombstones for originals that have not come.

use serde_json::{Value, json};

use super::forms::{self, BILL_MAX, BadFields, Form};
use super::funding::{self, Part};
use super::purchase::number;
use super::{Model, conflict, malformed};

/// The content a reversal id is compared by.
#[derive(Clone, Debug, PartialEq)]
pub struct Reversal {
    pub txn_id: u128,
    /// Absent: all that is left.
    pub amount: Option<u128>,
    pub reason: String,
}

/// The content a reversal id came with first, and what it was told.
pub struct FirstReversal {
    pub reversal: Reversal,
    pub answer: Value,
}

/// What became of a reversal, a capture or a void.
pub struct Outcome {
    pub decision: &'static str,
    pub reason: &'static str,
    pub response_code: &'static str,
    pub state_amount: u128,
    pub citizen_amount: u128,
    pub left: u128,
    /// What each source of the original gets back.
    pub funding: Vec<Part>,
}

impl Outcome {
    pub fn approved(state_amount: u128, citizen_amount: u128, left: u128) -> Outcome {
        Outcome {
            decision: "approved",
            reason: "approved",
            response_code: "00",
            state_amount,
            citizen_amount,
            left,
            funding: Vec::new(),
        }
    }

    /// A tombstone stands for the original from now on.
    pub fn approved_without_original() -> Outcome {
        Outcome {
            reason: "original_not_found",
            ..Outcome::approved(0, 0, 0)
        }
    }

    pub fn is_approved(&self) -> bool {
        self.decision == "approved"
    }

    pub fn declined(reason: &'static str, response_code: &'static str, left: u128) -> Outcome {
        Outcome {
            decision: "declined",
            reason,
            response_code,
            state_amount: 0,
            citizen_amount: 0,
            left,
            funding: Vec::new(),
        }
    }
}

impl Model {
    pub fn reverse(&mut self, path_txn_id: &str, body: &str) -> Value {
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
        let mut answer = json!({
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
        if !outcome.funding.is_empty() {
            answer["funding"] = funding::show(&outcome.funding);
        }
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
            return Outcome::approved_without_original();
        }
        if !self.first_answers.contains_key(&reversal.txn_id) {
            if is_full {
                self.tombstones.insert(reversal.txn_id);
                return Outcome::approved_without_original();
            }
            return Outcome::declined("original_not_found", "25", 0);
        }
        if let Some(outcome) = self.reverse_hold(reversal.txn_id, reversal.amount) {
            return outcome;
        }
        let Some(original) = self.originals.get_mut(&reversal.txn_id) else {
            return Outcome::declined("original_declined", "12", 0);
        };
        let left = original.left();
        if left == 0 {
            return Outcome::declined("already_reversed", "12", 0);
        }
        let amount = reversal.amount.unwrap_or(left);
        if amount > left {
            return Outcome::declined("exceeds_original", "13", left);
        }
        let before = original.state_given_back();
        original.given_back += amount;
        let after = original.state_given_back();
        let state_amount = after - before;
        let original = original.clone();
        let mut outcome = Outcome::approved(state_amount, amount - state_amount, left - amount);
        outcome.funding = self.return_state(&original, before, after);
        outcome
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
