//! What follows when a right goes from wallet to wallet: the same person buys through the new one on the same day, comes
//! back through another one, and what was bought through the old one is captured, voided and given back.

use crate::oracle::Model;
use crate::oracle::forms::uuid_text;
use crate::oracle::purchase::Original;

use super::body::Body;
use super::{ASKS_HOLDS, Generator, Step};

/// What is meant to happen soon.
#[derive(Clone, Debug)]
pub(crate) enum Intent {
    /// Somebody buys in the programme through whatever wallet the right is held.
    Buy {
        /// Whose right.
        citizen_id: String,
        /// In which programme.
        program: String,
    },
    /// Somebody who moved away comes back, mostly through another wallet.
    ComeBack {
        /// Who.
        citizen_id: String,
        /// To which programme.
        program: String,
    },
    /// Something that was bought through a wallet whose right has gone is captured, voided or given back.
    TakeBack,
}

impl Generator {
    /// The next thing that is meant to happen, if it still can.
    pub(crate) fn intended(&mut self, model: &mut Model) -> Option<Step> {
        if self.intents.is_empty() || self.random.percent(30) {
            return None;
        }
        match self.intents.remove(0) {
            Intent::Buy { citizen_id, program } => self.buy_again(model, &citizen_id, &program),
            Intent::ComeBack { citizen_id, program } => Some(self.come_back(model, &citizen_id, &program)),
            Intent::TakeBack => self.take_back(model),
        }
    }

    /// A person and a programme whose right was used today, or waits for a hold; anybody's if there is none.
    pub(crate) fn user(&mut self, model: &Model) -> Option<(String, String)> {
        let has_right = |holder: &(String, String)| model.rights.contains_key(holder);
        let holder_of = |original: &Original| {
            let draw = &original.draw;
            (draw.citizen_id.clone(), draw.program.clone())
        };
        let held: Vec<(String, String)> = model.open_holds().map(holder_of).filter(has_right).collect();
        if !held.is_empty() && self.random.percent(50) {
            return Some(self.random.pick(&held).clone());
        }
        let bought = model.originals.values().filter(|original| original.left() > 0);
        let today = bought.filter(|original| original.draw.date == model.now().date());
        let users: Vec<(String, String)> = today.map(holder_of).filter(has_right).collect();
        if users.is_empty() || self.random.percent(25) {
            let all: Vec<(String, String)> = model.rights.keys().cloned().collect();
            return (!all.is_empty()).then(|| self.random.pick(&all).clone());
        }
        Some(self.random.pick(&users).clone())
    }

    /// What is to follow when the right of somebody is moved away.
    pub(crate) fn means_to_come_back(&mut self, model: &Model, wallet_id: &str, program: &str) {
        let owner = model
            .wallets
            .get(wallet_id)
            .and_then(|wallet| wallet.citizen_id.clone());
        if let Some(citizen_id) = owner.filter(|_| self.random.percent(60)) {
            let program = program.to_owned();
            self.intents.push(Intent::ComeBack {
                citizen_id: citizen_id.clone(),
                program: program.clone(),
            });
            self.means_to_go_on(model, citizen_id, program);
        }
    }

    /// What is to follow when a right of somebody has gone to another wallet.
    pub(crate) fn means_to_go_on(&mut self, model: &Model, citizen_id: String, program: String) {
        let is_theirs =
            |original: &Original| original.draw.citizen_id == citizen_id && original.draw.program == program;
        let closings = model.open_holds().filter(|original| is_theirs(original)).count() as u64;
        for _ in 0..closings.max(self.random.below(2)) {
            self.intents.push(Intent::TakeBack);
        }
        self.intents.push(Intent::Buy { citizen_id, program });
        self.intents.truncate(8);
    }

    /// Whoever's draw is taken back buys next in a programme that excludes the draw's, after getting a right there if need be.
    fn means_to_draw_elsewhere(&mut self, model: &Model, txn_id: u128) {
        let excluding = excluding(model, txn_id);
        if excluding.is_empty() {
            return;
        }
        let citizen_id = model.holds[&txn_id].original.draw.citizen_id.clone();
        let program = self.random.pick(&excluding).clone();
        let has_right = model.rights.contains_key(&(citizen_id.clone(), program.clone()));
        let buys = Intent::Buy {
            citizen_id: citizen_id.clone(),
            program: program.clone(),
        };
        self.intents.splice(0..0, [buys.clone(), buys.clone(), buys]);
        if !has_right {
            self.intents.insert(0, Intent::ComeBack { citizen_id, program });
        }
        self.intents.truncate(8);
    }

    fn buy_again(&mut self, model: &mut Model, citizen_id: &str, program: &str) -> Option<Step> {
        let right = model.rights.get(&(citizen_id.to_owned(), program.to_owned()))?;
        let wallet_id = right.wallet_id.clone();
        let body = self.new_purchase_through(model, program, &wallet_id);
        let (path, body) = match self.random.percent(45) && ASKS_HOLDS {
            true => ("/v1/holds", body.raw("expires_in_s", "86400")),
            false => ("/v1/authorizations", body),
        };
        self.purchases.push(body.clone());
        Some(Step::call("POST", path, self.send(&body)))
    }

    fn come_back(&mut self, model: &Model, citizen_id: &str, program: &str) -> Step {
        let owned = model.wallets.iter().filter(|(_, wallet)| {
            let owner = wallet.citizen_id.as_deref();
            owner.is_none() || owner == Some(citizen_id)
        });
        let wallets: Vec<String> = owned.map(|(wallet_id, _)| wallet_id.clone()).collect();
        let wallet_id = match wallets.is_empty() {
            true => self.random.pick(&self.wallets).clone(),
            false => self.random.pick(&wallets).clone(),
        };
        let who = Body::new()
            .text("program", program)
            .text("wallet_id", &wallet_id)
            .text("citizen_id", citizen_id);
        if self.random.percent(70) {
            let household_id = self.some_household();
            let line = match self.random.percent(70) {
                true => who.text("household_id", &household_id),
                false => who,
            };
            return Step::call("POST", "/v1/enrollments/import", line.plain());
        }
        let registration_id = self.new_id(model);
        let body = who
            .text("registration_id", &registration_id)
            .text("birth_date", "1960-05-17")
            .text("nationality", "TH");
        self.registrations.push(body.clone());
        Step::call("POST", "/v1/registrations", body.plain())
    }

    fn void_hold(&mut self, model: &Model, txn_id: u128) -> Step {
        self.means_to_draw_elsewhere(model, txn_id);
        let txn_id = uuid_text(txn_id);
        self.voids.push(txn_id.clone());
        Step::call("POST", &format!("/v1/holds/{txn_id}/void"), String::new())
    }

    fn capture_hold(&mut self, txn_id: u128, amount: Option<u64>) -> Step {
        let txn_id = uuid_text(txn_id);
        self.captures.push((txn_id.clone(), amount));
        let body = amount.map_or_else(|| "{}".to_owned(), |amount| format!("{{\"amount\":{amount}}}"));
        Step::call("POST", &format!("/v1/holds/{txn_id}/capture"), body)
    }

    fn take_back(&mut self, model: &Model) -> Option<Step> {
        let mut gone: Vec<u128> = gone_elsewhere(model);
        let is_open = |txn_id: &u128| {
            model
                .holds
                .get(txn_id)
                .is_some_and(|hold| hold.is_open(model.now()))
        };
        if gone.iter().any(is_open) && self.random.percent(75) {
            gone.retain(is_open);
            // Few holds keep anybody from buying elsewhere, and only voiding one of them shows whether it still does.
            let excludes = |txn_id: &u128| !excluding(model, *txn_id).is_empty();
            if gone.iter().any(excludes) && self.random.percent(75) {
                gone.retain(excludes);
                let txn_id = *self.random.pick(&gone);
                return Some(self.void_hold(model, txn_id));
            }
        }
        if gone.is_empty() {
            return None;
        }
        let txn_id = *self.random.pick(&gone);
        let is_hold = model.holds.contains_key(&txn_id);
        if is_hold && self.random.percent(70) {
            return Some(match self.random.below(3) {
                0 => self.void_hold(model, txn_id),
                1 => self.capture_hold(txn_id, None),
                _ => self.capture_hold(txn_id, Some(1)),
            });
        }
        let txn_id = uuid_text(txn_id);
        let reversal_id = self.new_id(model);
        let mut body = Body::new()
            .text("reversal_id", &reversal_id)
            .text("reason", "customer_refund");
        if self.random.percent(40) {
            body = body.raw("amount", "1");
        }
        self.reversals.push((txn_id.clone(), body.clone()));
        let path = format!("/v1/authorizations/{txn_id}/reversals");
        Some(Step::call("POST", &path, body.plain()))
    }
}

/// The programmes that exclude the one that the hold is a draw on; none when it is no hold.
fn excluding(model: &Model, txn_id: u128) -> Vec<String> {
    let Some(hold) = model.holds.get(&txn_id) else {
        return Vec::new();
    };
    let all = model.programmes.keys();
    let excluding = all.filter(|id| model.are_exclusive(id, &hold.original.draw.program));
    excluding.cloned().collect()
}

/// Purchases of which something is left, and open holds, whose right is not held through their wallet any more.
fn gone_elsewhere(model: &Model) -> Vec<u128> {
    let open = model.holds.iter().filter(|(_, hold)| hold.is_open(model.now()));
    let open = open.map(|(txn_id, hold)| (txn_id, &hold.original));
    let bought = model.originals.iter().filter(|(_, original)| original.left() > 0);
    let all = open.chain(bought);
    let gone = all.filter(|(txn_id, original)| {
        let draw = &original.draw;
        let right = model.rights.get(&(draw.citizen_id.clone(), draw.program.clone()));
        let wallet_id = &model.first_answers[*txn_id].purchase.wallet_id;
        right.is_none_or(|right| right.wallet_id != *wallet_id)
    });
    gone.map(|(txn_id, _)| *txn_id).collect()
}
