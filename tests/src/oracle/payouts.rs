//! Payouts held back, of a merchant or of one authorization. No decision looks at them.

use serde_json::{Value, json};

use super::administration::with_path_id;
use super::forms::{self, BadFields};
use super::holds::Hold;
use super::merchants::{Note, read_change, with_merchant_id};
use super::purchase::{FirstAnswer, number};
use super::{Model, conflict, malformed, problem};

/// The most merchants, and authorizations, that are listed.
const LISTED_MAX: usize = 1_000;

const WORDS: &[&str] = &["frozen", "active"];

pub fn payout_word(frozen: bool) -> &'static str {
    if frozen { "frozen" } else { "active" }
}

impl Model {
    pub fn put_merchant_payout(&mut self, merchant_id: &str, body: &str) -> Value {
        let read = read_change(body, "status", WORDS);
        let (status, reason) = match with_merchant_id(merchant_id, read) {
            Ok(read) => read,
            Err(fields) => return malformed(fields),
        };
        let note = self.note(&reason);
        let Some(merchant) = self.merchants.get_mut(merchant_id) else {
            return problem(404);
        };
        merchant.desk.frozen = (status == "frozen").then_some(note);
        json!({ "merchant_id": merchant_id, "payout": status, "reason": reason })
    }

    pub fn put_authorization_payout(&mut self, txn_id: &str, body: &str) -> Value {
        let read = read_change(body, "status", WORDS);
        let (txn_id, (status, reason)) = match with_path_id("txn_id", txn_id, read) {
            Ok(read) => read,
            Err(fields) => return malformed(fields),
        };
        let Some(first) = self.first_answers.get(&txn_id) else {
            return problem(404);
        };
        if !is_approved(first) {
            return conflict("nothing_to_pay");
        }
        if status == "frozen" {
            let note = self.note(&reason);
            self.frozen.insert(txn_id, note);
        } else {
            self.frozen.remove(&txn_id);
        }
        json!({ "txn_id": forms::uuid_text(txn_id), "payout": status, "reason": reason })
    }

    pub fn show_payouts(&self) -> Value {
        let frozen = |merchant_id: &String| self.merchants[merchant_id].desk.frozen.as_ref();
        let merchants: Vec<Value> = self
            .merchants
            .keys()
            .filter_map(|merchant_id| Some(named("merchant_id", merchant_id, frozen(merchant_id)?)))
            .collect();
        let authorizations: Vec<Value> = self
            .frozen
            .iter()
            .map(|(txn_id, note)| named("txn_id", &forms::uuid_text(*txn_id), note))
            .collect();
        json!({
            "merchants": &merchants[..merchants.len().min(LISTED_MAX)],
            "merchants_frozen": merchants.len(),
            "authorizations": &authorizations[..authorizations.len().min(LISTED_MAX)],
            "authorizations_frozen": authorizations.len(),
        })
    }

    /// The first answer, what is left of it, and whether it is paid out. What else is shown is not asked here.
    pub fn show_authorization(&self, txn_id: &str) -> Value {
        let Some(txn_id) = forms::parse_uuid(txn_id) else {
            return malformed(BadFields::from(["txn_id".to_owned()]));
        };
        let Some(first) = self.first_answers.get(&txn_id) else {
            return problem(404);
        };
        let mut shown = first.answer.clone();
        shown["left"] = number(self.left_of(txn_id));
        if let Some(explanation) = &first.explanation {
            shown["explanation"] = explanation.clone();
        }
        let mut missing = Vec::new();
        if is_approved(first) {
            let frozen = self.frozen.get(&txn_id);
            let merchant = self.merchants.get(&first.purchase.merchant_id);
            let is_merchant_frozen = merchant.is_some_and(|merchant| merchant.desk.frozen.is_some());
            shown["payout"] = json!(payout_word(frozen.is_some() || is_merchant_frozen));
            match frozen {
                Some(note) => shown["frozen"] = note.show(),
                None => missing.push("frozen"),
            }
        } else {
            missing.extend(["payout", "frozen"]);
        }
        json!({ "$subset": shown, "$without": missing })
    }

    /// How much of the bill is not given back. Nothing is left of a hold that was not captured in time.
    pub fn left_of(&self, txn_id: u128) -> u128 {
        let open = |hold: &&Hold| hold.is_open(self.now);
        let held = self.holds.get(&txn_id).filter(open).map(|hold| &hold.original);
        let original = self.originals.get(&txn_id).or(held);
        original.map_or(0, |original| original.left())
    }
}

fn is_approved(first: &FirstAnswer) -> bool {
    first.answer["decision"] == "approved"
}

/// A note with the id of what it is about.
fn named(key: &str, id: &str, note: &Note) -> Value {
    let mut shown = note.show();
    shown[key] = json!(id);
    shown
}
