//! Holds, captures and voids: in time, too late, to the millisecond, again, and of what is no hold.

use crate::oracle::Model;
use crate::oracle::forms::{parse_uuid, uuid_text};
use crate::oracle::holds::Hold;

use super::body::Body;
use super::{Generator, Step};

/// The longest a hold may stand.
const HOLD_MAX_S: i64 = 604_800;

/// Bodies of a void that are none, and some that are.
const VOID_BODIES: [&str; 8] = [
    "{ }",
    "null",
    "[]",
    "{",
    "{}x",
    "\"\"",
    "{\"amount\":1}",
    "{\"reason\":\"x\"}",
];

/// Bodies of a capture of everything, and some that are none.
const CAPTURE_BODIES: [&str; 7] = ["{ }", "", "null", "[]", "{", "{}{}", "{\"left\":1}"];

impl Generator {
    pub(crate) fn hold(&mut self, model: &mut Model) -> Step {
        let body = if !self.purchases.is_empty() && self.random.percent(20) {
            self.hold_again(model)
        } else {
            let expires_in_s = self.some_seconds();
            self.new_purchase(model).raw("expires_in_s", &expires_in_s)
        };
        self.purchases.push(body.clone());
        Step::call("POST", "/v1/holds", self.send(&body))
    }

    /// Mostly an earlier hold, the same or not quite; now and then an authorization that comes as a hold.
    fn hold_again(&mut self, model: &mut Model) -> Body {
        let holds: Vec<Body> = self
            .purchases
            .iter()
            .filter(|body| body.get("expires_in_s").is_some())
            .cloned()
            .collect();
        let earlier = match holds.is_empty() || self.random.percent(15) {
            true => self.random.pick(&self.purchases).clone(),
            false => self.random.pick(&holds).clone(),
        };
        let seconds = match earlier.get("expires_in_s") {
            Some(seconds) if self.random.percent(85) => seconds.to_owned(),
            _ => self.some_seconds(),
        };
        self.again(earlier, model).raw("expires_in_s", &seconds)
    }

    /// Seconds, minutes or days; at most and at least what is allowed, and beyond.
    fn some_seconds(&mut self) -> String {
        let seconds = match self.random.below(20) {
            0 => *self.random.pick(&[0, 1, HOLD_MAX_S, HOLD_MAX_S + 1]),
            1..7 => self.random.between(1, 20),
            7..14 => self.random.between(60, 7200),
            _ => self.random.between(3600, HOLD_MAX_S),
        };
        seconds.to_string()
    }

    pub(crate) fn capture(&mut self, model: &mut Model) -> Step {
        if self.has_nothing_to_close(model) {
            return self.hold(model);
        }
        let (txn_id, amount) = if !self.captures.is_empty() && self.random.percent(30) {
            let earlier = self.earlier_capture(model);
            self.capture_again(earlier, model)
        } else {
            let txn_id = self.hold_target(model);
            let amount = self.some_part(model, &txn_id);
            (txn_id, amount)
        };
        self.captures.push((txn_id.clone(), amount));
        let path = self.hold_path(&txn_id, "capture");
        let body = match amount {
            Some(amount) => {
                let body = Body::new().raw("amount", &amount.to_string());
                self.send(&body)
            }
            None if self.random.percent(6) => (*self.random.pick(&CAPTURE_BODIES)).to_owned(),
            None => "{}".to_owned(),
        };
        Step::call("POST", &path, body)
    }

    /// Mostly one of a hold.
    fn earlier_capture(&mut self, model: &Model) -> (String, Option<u64>) {
        let captures = self.captures.iter();
        let of_holds: Vec<_> = captures
            .filter(|(txn_id, _)| held(model, txn_id).is_some())
            .cloned()
            .collect();
        if of_holds.is_empty() || self.random.percent(10) {
            return self.random.pick(&self.captures).clone();
        }
        self.random.pick(&of_holds).clone()
    }

    /// The same, the same said in the other way, or another part.
    fn capture_again(
        &mut self,
        (txn_id, amount): (String, Option<u64>),
        model: &Model,
    ) -> (String, Option<u64>) {
        let held = held(model, &txn_id);
        match (self.random.below(10), amount) {
            (0..6, _) => (txn_id, amount),
            (6..8, None) => (txn_id, held),
            (6..8, Some(amount)) if Some(amount) == held => (txn_id, None),
            _ => {
                let amount = self.some_part(model, &txn_id);
                (txn_id, amount)
            }
        }
    }

    /// All of a hold, with or without saying so, a part, or more than all.
    fn some_part(&mut self, model: &Model, txn_id: &str) -> Option<u64> {
        let held = held(model, txn_id).unwrap_or(100);
        let amount = match self.random.below(100) {
            0..35 => return None,
            35..45 => held,
            45..53 => held + 1,
            53..60 => 1,
            60..63 => self.random.any_size(8),
            _ => 1 + self.random.below(held),
        };
        Some(amount.min(100_000_000))
    }

    /// Without an open hold mostly one is taken first.
    fn has_nothing_to_close(&mut self, model: &Model) -> bool {
        let is_open = model.open_holds().next().is_some();
        !is_open && self.random.percent(75)
    }

    pub(crate) fn void(&mut self, model: &mut Model) -> Step {
        if self.has_nothing_to_close(model) {
            return self.hold(model);
        }
        let txn_id = if !self.voids.is_empty() && self.random.percent(25) {
            self.random.pick(&self.voids).clone()
        } else {
            self.hold_target(model)
        };
        self.voids.push(txn_id.clone());
        let path = self.hold_path(&txn_id, "void");
        let body = match self.random.below(100) {
            0..45 => "",
            45..92 => "{}",
            _ => *self.random.pick(&VOID_BODIES),
        };
        Step::call("POST", &path, body.to_owned())
    }

    /// Mostly an open hold, or the one whose end is nearest, behind or ahead; any purchase, or one never seen.
    fn hold_target(&mut self, model: &Model) -> String {
        let now = model.now();
        let open: Vec<u128> = model
            .holds
            .iter()
            .filter(|(_, hold)| hold.is_open(now))
            .map(|(txn_id, _)| *txn_id)
            .collect();
        let from_the_end = |hold: &Hold| (hold.expires_at.0 - now.0).abs();
        let nearest = model.holds.iter().min_by_key(|(_, hold)| from_the_end(hold));
        match (self.random.below(100), nearest) {
            (0..60, _) if !open.is_empty() => uuid_text(*self.random.pick(&open)),
            (60..76, Some((txn_id, _))) => uuid_text(*txn_id),
            (76..85, Some(_)) => {
                let all: Vec<&u128> = model.holds.keys().collect();
                uuid_text(**self.random.pick(&all))
            }
            (85..91, _) if !self.purchases.is_empty() => {
                let body = self.random.pick(&self.purchases);
                body.get("txn_id")
                    .expect("every authorization has its id")
                    .to_owned()
            }
            (91..95, _) if !self.awaited.is_empty() => self.random.pick(&self.awaited).clone(),
            _ => {
                let txn_id = self.new_id(model);
                self.awaited.push(txn_id.clone());
                txn_id
            }
        }
    }

    fn hold_path(&mut self, txn_id: &str, act: &str) -> String {
        let path_id = match self.random.below(100) {
            0..2 => "0197a1d20f6e7c3a8b1e3f5d2c9a7e10".to_owned(),
            2..10 => txn_id.to_uppercase(),
            _ => txn_id.to_owned(),
        };
        format!("/v1/holds/{path_id}/{act}")
    }

    /// Earlier captures and voids, once more.
    pub(crate) fn closing_of_holds(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for _ in 0..6.min(self.captures.len()) {
            let (txn_id, amount) = self.random.pick(&self.captures).clone();
            let body = amount.map_or("{}".to_owned(), |amount| format!("{{\"amount\":{amount}}}"));
            steps.push(Step::call("POST", &format!("/v1/holds/{txn_id}/capture"), body));
        }
        for _ in 0..6.min(self.voids.len()) {
            let txn_id = self.random.pick(&self.voids).clone();
            let path = format!("/v1/holds/{txn_id}/void");
            steps.push(Step::call("POST", &path, String::new()));
        }
        steps
    }
}

/// The amount of the hold of that id, if there is one.
fn held(model: &Model, txn_id: &str) -> Option<u64> {
    let hold = model.holds.get(&parse_uuid(txn_id)?)?;
    Some(hold.original.amount as u64)
}
