//! A new phone, a new wallet: every right that a wallet carries goes on to another wallet of the same citizen.

use serde_json::{Value, json};

use super::administration::with_path;
use super::forms::{self, BadFields, Form};
use super::{Model, malformed};

/// The last replacement of a wallet that was accepted: by which wallet, and what was answered.
pub struct Replacement {
    pub new_wallet_id: String,
    pub answer: Value,
}

impl Model {
    pub fn replace_wallet(&mut self, wallet_id: &str, body: &str) -> Value {
        let read = read_new_wallet(body, wallet_id);
        let new_wallet_id = match with_path("wallet_id", forms::is_digits(wallet_id, 15), read) {
            Ok(new_wallet_id) => new_wallet_id,
            Err(fields) => return malformed(fields),
        };
        if let Some(earlier) = self.replacements.get(wallet_id)
            && earlier.new_wallet_id == new_wallet_id
            && !self.carries_a_right(wallet_id)
        {
            let mut replay = earlier.answer.clone();
            replay["replayed"] = json!(true);
            return replay;
        }
        let judged = self.may_replace(wallet_id, &new_wallet_id);
        let mut answer = json!({
            "wallet_id": wallet_id,
            "new_wallet_id": new_wallet_id,
            "decision": if judged.is_ok() { "accepted" } else { "rejected" },
            "reason": judged.as_ref().err().unwrap_or(&"accepted"),
            "replayed": false,
        });
        match judged {
            Ok(citizen_id) => {
                self.hand_over(&citizen_id, wallet_id, &new_wallet_id);
                let replacement = Replacement {
                    new_wallet_id,
                    answer: answer.clone(),
                };
                self.replacements.insert(wallet_id.to_owned(), replacement);
            }
            // Nothing is recorded.
            Err(_) => answer["sequence"] = Value::Null,
        }
        answer
    }

    /// The checks one after another: whose wallet it is, or why it is not replaced.
    fn may_replace(&self, wallet_id: &str, new_wallet_id: &str) -> Result<String, &'static str> {
        let wallet = self.wallets.get(wallet_id).ok_or("wallet_unknown")?;
        let Some(citizen_id) = wallet
            .citizen_id
            .as_ref()
            .filter(|_| self.carries_a_right(wallet_id))
        else {
            return Err("not_registered");
        };
        if self.is_taken(new_wallet_id, citizen_id) {
            return Err("wallet_taken");
        }
        if self.is_erased(citizen_id) {
            return Err("excluded:erased");
        }
        Ok(citizen_id.clone())
    }

    /// Whether any right, live or lapsed, is held through the wallet; its programme's file may be gone.
    pub fn carries_a_right(&self, wallet_id: &str) -> bool {
        self.rights.values().any(|right| right.wallet_id == wallet_id)
    }

    /// From now on the citizen holds through the new wallet what was held through the old one. What is said of a wallet
    /// itself stays where it is; what is said of the citizen holds for the wallets that carry the rights.
    fn hand_over(&mut self, citizen_id: &str, wallet_id: &str, new_wallet_id: &str) {
        let wallet = self.wallets.entry(new_wallet_id.to_owned()).or_default();
        wallet.citizen_id = Some(citizen_id.to_owned());
        for right in self.rights.values_mut() {
            if right.wallet_id == wallet_id {
                right.wallet_id = new_wallet_id.to_owned();
            }
        }
        // A move of before is not sent again from there.
        self.moved_away
            .retain(|(person, _), (by, _)| person != citizen_id || by != wallet_id);
        for ((person, _), last) in &mut self.last_wallets {
            if person == citizen_id && last == wallet_id {
                *last = new_wallet_id.to_owned();
            }
        }
    }
}

fn read_new_wallet(body: &str, wallet_id: &str) -> Result<String, BadFields> {
    let value = forms::body(body)?;
    let mut form = Form::open(&value)?;
    let new_wallet_id = form.required("new_wallet_id", forms::digits(15));
    form.required("reason", forms::label_of(0, 500));
    if new_wallet_id == wallet_id {
        form.fault("new_wallet_id");
    }
    form.finish(new_wallet_id)
}
