//! Holds: purchases that take their room now and are captured, voided or forgotten later.

use serde_json::{Value, json};

use super::administration::with_path_id;
use super::calendar::Instant;
use super::forms::{self, BILL_MAX, BadFields, Form};
use super::purchase::{Original, number};
use super::refund::Outcome;
use super::{Model, malformed};

/// An approved hold. What it took is in none of the sums before it is captured: whoever asks looks at it.
pub struct Hold {
    pub original: Original,
    /// From this instant on it takes nothing, unless it was captured.
    pub expires_at: Instant,
    pub state: HoldState,
}

/// What was done with a hold. Its expiry is nothing that was done.
#[derive(Clone, Debug)]
pub enum HoldState {
    Open,
    /// How much of it was captured, and what was answered.
    Captured(u128, Value),
    /// What was answered.
    Voided(Value),
    /// In full, while it was open.
    Reversed,
}

impl Hold {
    pub fn is_open(&self, now: Instant) -> bool {
        matches!(self.state, HoldState::Open) && now < self.expires_at
    }

    fn is_captured(&self) -> bool {
        matches!(self.state, HoldState::Captured(..))
    }
}

impl Model {
    /// What takes room without being counted.
    pub fn open_holds(&self) -> impl Iterator<Item = &Original> {
        let open = self.holds.values().filter(|hold| hold.is_open(self.now));
        open.map(|hold| &hold.original)
    }

    pub fn capture(&mut self, path_txn_id: &str, body: &str) -> Value {
        let (txn_id, amount) = match with_path_id("txn_id", path_txn_id, read_capture(body)) {
            Ok(read) => read,
            Err(fields) => return malformed(fields),
        };
        if let Some(Hold { original, state, .. }) = self.holds.get(&txn_id)
            && let HoldState::Captured(captured, answer) = state
            && *captured == amount.unwrap_or(original.amount)
        {
            return replay(answer);
        }
        let outcome = match self.why_not_open(txn_id) {
            Some(declined) => declined,
            None => self.capture_open(txn_id, amount),
        };
        let answer = self.show_closing("capture", txn_id, &outcome);
        if outcome.is_approved()
            && let Some(hold) = self.holds.get_mut(&txn_id)
        {
            hold.state = HoldState::Captured(outcome.left, answer.clone());
        }
        answer
    }

    pub fn void(&mut self, path_txn_id: &str, body: &str) -> Value {
        let txn_id = match with_path_id("txn_id", path_txn_id, read_void(body)) {
            Ok((txn_id, ())) => txn_id,
            Err(fields) => return malformed(fields),
        };
        if let Some(hold) = self.holds.get(&txn_id)
            && let HoldState::Voided(answer) = &hold.state
        {
            return replay(answer);
        }
        if let Some(answer) = self.tombstone_voids.get(&txn_id) {
            return replay(answer);
        }
        if self.tombstones.contains(&txn_id) || !self.first_answers.contains_key(&txn_id) {
            self.tombstones.insert(txn_id);
            let answer = self.show_closing("void", txn_id, &Outcome::approved_without_original());
            self.tombstone_voids.insert(txn_id, answer.clone());
            return answer;
        }
        if let Some(declined) = self.why_not_open(txn_id) {
            return self.show_closing("void", txn_id, &declined);
        }
        let answer = self.show_closing("void", txn_id, &Outcome::approved(0, 0, 0));
        if let Some(hold) = self.holds.get_mut(&txn_id) {
            hold.state = HoldState::Voided(answer.clone());
        }
        answer
    }

    /// The checks that a capture and a void have in common; nothing when there is an open hold.
    fn why_not_open(&self, txn_id: u128) -> Option<Outcome> {
        if !self.first_answers.contains_key(&txn_id) {
            return Some(Outcome::declined("original_not_found", "25", 0));
        }
        let Some(hold) = self.holds.get(&txn_id) else {
            let was_approved = self.originals.contains_key(&txn_id);
            let reason = if was_approved {
                "hold_closed"
            } else {
                "original_declined"
            };
            return Some(Outcome::declined(reason, "12", self.left_of(txn_id)));
        };
        if !matches!(hold.state, HoldState::Open) {
            return Some(Outcome::declined("hold_closed", "12", self.left_of(txn_id)));
        }
        (self.now >= hold.expires_at).then(|| Outcome::declined("hold_expired", "12", 0))
    }

    /// From now on it is a purchase of which a part was given back at once.
    fn capture_open(&mut self, txn_id: u128, amount: Option<u128>) -> Outcome {
        let mut original = self.holds[&txn_id].original.clone();
        let held = original.amount;
        let captured = amount.unwrap_or(held);
        if captured > held {
            return Outcome::declined("exceeds_original", "13", held);
        }
        self.count_taken(&original);
        original.given_back = held - captured;
        let freed = original.state_given_back();
        self.return_state(&original, 0, freed);
        let state_amount = original.state_amount - freed;
        self.originals.insert(txn_id, original);
        Outcome::approved(state_amount, captured - state_amount, captured)
    }

    /// Reverses a hold that was not captured; nothing when there is none.
    pub fn reverse_hold(&mut self, txn_id: u128, amount: Option<u128>) -> Option<Outcome> {
        let now = self.now;
        let hold = self.holds.get_mut(&txn_id).filter(|hold| !hold.is_captured())?;
        if !hold.is_open(now) {
            return Some(Outcome::declined("already_reversed", "12", 0));
        }
        let original = &hold.original;
        if amount.is_some() {
            return Some(Outcome::declined("hold_open", "12", original.amount));
        }
        hold.state = HoldState::Reversed;
        Some(Outcome::approved(0, 0, 0))
    }

    fn show_closing(&self, act: &str, txn_id: u128, outcome: &Outcome) -> Value {
        json!({
            "$act": act,
            "txn_id": forms::uuid_text(txn_id),
            "decision": outcome.decision,
            "reason": outcome.reason,
            "response_code": outcome.response_code,
            "state_amount": number(outcome.state_amount),
            "citizen_amount": number(outcome.citizen_amount),
            "left": number(outcome.left),
            "business_date": self.today().to_string(),
            "decided_at": self.now.to_milliseconds_text(),
            "replayed": false,
        })
    }
}

fn replay(first: &Value) -> Value {
    let mut answer = first.clone();
    answer["replayed"] = json!(true);
    answer
}

/// How much is captured; absent, or nothing at all: all that is held.
fn read_capture(body: &str) -> Result<Option<u128>, BadFields> {
    if body.is_empty() {
        return Ok(None);
    }
    let value = forms::body(body)?;
    let mut form = Form::open(&value)?;
    let amount = form.optional("amount", forms::integer(1, BILL_MAX));
    form.finish(amount)
}

/// Nothing at all, or an object without fields.
fn read_void(body: &str) -> Result<(), BadFields> {
    if body.is_empty() {
        return Ok(());
    }
    let value = forms::body(body)?;
    Form::open(&value)?.finish(())
}
