//! Merchants at the desk: they join programmes, are suspended and let go, ride for platforms, withdraw their consent; and
//! payouts that are held back.

use crate::oracle::Model;
use crate::oracle::administration::Merchant;
use crate::oracle::forms::{parse_uuid, uuid_text};

use super::body::Body;
use super::{Generator, Step};

/// Very few, so that merchants are bound to the one that is asked for, or to the other.
const PLATFORMS: [&str; 2] = ["rider-1", "rider-2"];

/// How many merchants withdraw their consent: somebody must go on selling.
const WITHDRAWALS_MAX: usize = 2;

/// Very few, so that the same content comes again, and all but the same.
pub(crate) const REASONS: [&str; 3] = ["ordered by letter", "ตามหนังสือ", "a \"quoted\" word\\"];

/// The fields of a letter.
pub(crate) const LETTER: [&str; 3] = ["case_id", "letter_date", "reason"];

/// Of how many steps at the desk the numbers of each kind are.
pub(crate) const DESK_WEIGHT: u64 = 156;

impl Generator {
    /// Something that the desk does, each kind in its proportion.
    pub(crate) fn at_the_desk(&mut self, model: &mut Model) -> Step {
        match self.random.below(DESK_WEIGHT) {
            0..26 => self.join_programme(model),
            26..40 => self.put_merchant_status(model),
            40..54 => self.change_platform(model),
            54..62 => self.put_merchant_payout(model),
            62..74 => self.put_authorization_payout(model),
            74..79 => self.withdraw_consent(model),
            79..91 => self.look_up_merchant(),
            91..105 => self.look_up_authorization(model),
            105..117 => self.put_person_status(model),
            117..125 => self.open_case(model),
            125..138 => self.pay_case(model),
            138..142 => self.close_case(model),
            142..148 => self.look_up_case(model),
            148..152 => self.erase_person(model),
            _ => Step::call("GET", "/v1/payouts", String::new()),
        }
    }

    fn join_programme(&mut self, model: &Model) -> Step {
        let (merchant_id, program) = self.who_joins(model);
        let path = self.merchant_path(&merchant_id, "registrations");
        let body = Body::new().text("program", &program);
        Step::call("POST", &path, self.send(&body))
    }

    /// Mostly a merchant that does not take part yet, of a category that is wanted, where merchants may join.
    fn who_joins(&mut self, model: &Model) -> (String, String) {
        let mut pairs = Vec::new();
        for programme in model.programmes() {
            let has_window = programme.merchant_registration.is_some();
            let fits = |merchant: &Merchant| {
                let mut wanted = programme.benefits.iter().flat_map(|benefit| &benefit.categories);
                wanted.any(|category| *category == merchant.category)
                    && !merchant.programs.contains(&programme.id)
            };
            let fitting = model
                .merchants
                .iter()
                .filter(|(_, merchant)| has_window && fits(merchant));
            pairs.extend(fitting.map(|(merchant_id, _)| (merchant_id.clone(), programme.id.clone())));
        }
        if pairs.is_empty() || self.random.percent(30) {
            return (self.some_merchant(), self.some_program(model));
        }
        self.random.pick(&pairs).clone()
    }

    fn some_merchant(&mut self) -> String {
        match self.random.below(100) {
            0..4 => "888888888888888".to_owned(),
            _ => self.random.pick(&self.merchants).clone(),
        }
    }

    fn merchant_path(&mut self, merchant_id: &str, what: &str) -> String {
        let path_id = match self.random.below(100) {
            0..2 => "0105",
            _ => merchant_id,
        };
        format!("/v1/merchants/{path_id}/{what}")
    }

    /// Who is suspended is mostly let go, or nobody would sell.
    fn put_merchant_status(&mut self, model: &Model) -> Step {
        let is_out = |merchant: &Merchant| merchant.desk.suspended.is_some();
        let suspended = model.merchants.iter().find(|(_, merchant)| is_out(merchant));
        let (merchant_id, status) = match (self.random.below(100), suspended) {
            (0..65, Some((merchant_id, _))) => (merchant_id.clone(), "active"),
            (65..80, _) => (self.some_merchant(), "active"),
            _ => (self.some_merchant(), "suspended"),
        };
        self.put_status_of_merchant(model, &merchant_id, "status", status)
    }

    fn put_merchant_payout(&mut self, model: &Model) -> Step {
        let merchant_id = self.some_merchant();
        let status = *self.random.pick(&["frozen", "active"]);
        self.put_status_of_merchant(model, &merchant_id, "payout", status)
    }

    fn put_status_of_merchant(&mut self, model: &Model, merchant_id: &str, what: &str, status: &str) -> Step {
        let path = self.merchant_path(merchant_id, what);
        let body = self.change("status", status);
        let is_known = model.merchants.contains_key(merchant_id);
        Step::call("PUT", &path, self.send_about(is_known, &body))
    }

    /// A change and its reason.
    pub(crate) fn change(&mut self, field: &str, word: &str) -> Body {
        let reason = *self.random.pick(&REASONS);
        Body::new().text(field, word).text("reason", reason)
    }

    /// The body as it goes out. A fault in it and something that is unknown at once have no order between them.
    pub(crate) fn send_about(&mut self, is_known: bool, body: &Body) -> String {
        if is_known { self.send(body) } else { body.plain() }
    }

    fn change_platform(&mut self, model: &Model) -> Step {
        let merchant_id = self.some_merchant();
        let merchant = model.merchants.get(&merchant_id);
        let bound = merchant.and_then(|merchant| merchant.desk.platform.clone());
        let binds = self.random.percent(if bound.is_some() { 55 } else { 80 });
        let action = if binds { "bind" } else { "release" };
        let platform = match bound {
            Some(platform) if self.random.percent(45) => platform,
            _ => (*self.random.pick(&PLATFORMS)).to_owned(),
        };
        let path = self.merchant_path(&merchant_id, "platform");
        let body = self.change("action", action).text("platform", &platform);
        Step::call("POST", &path, self.send(&body))
    }

    /// Mostly one of the last approved ones; one that was declined, and one never seen.
    fn put_authorization_payout(&mut self, model: &Model) -> Step {
        let txn_id = match self.random.below(100) {
            0..20 if !model.frozen.is_empty() => {
                let frozen: Vec<&u128> = model.frozen.keys().collect();
                uuid_text(**self.random.pick(&frozen))
            }
            0..75 => self.some_approved(model),
            _ => self.some_purchase(model),
        };
        let status = if self.random.percent(60) {
            "frozen"
        } else {
            "active"
        };
        let is_known = parse_uuid(&txn_id).is_some_and(|txn_id| model.first_answers.contains_key(&txn_id));
        let body = self.change("status", status);
        let path = self.authorization_path(&txn_id);
        Step::call("PUT", &format!("{path}/payout"), self.send_about(is_known, &body))
    }

    fn some_approved(&mut self, model: &Model) -> String {
        let recent = self.purchases.iter().rev().take(60);
        let approved: Vec<&str> = recent
            .filter_map(|body| body.get("txn_id"))
            .filter(|txn_id| {
                let first = parse_uuid(txn_id).and_then(|txn_id| model.first_answers.get(&txn_id));
                first.is_some_and(|first| first.answer["decision"] == "approved")
            })
            .collect();
        if approved.is_empty() {
            return self.some_purchase(model);
        }
        (*self.random.pick(&approved)).to_owned()
    }

    /// Any purchase that was sent, or none: a new id, or one whose original is awaited.
    fn some_purchase(&mut self, model: &Model) -> String {
        match self.random.below(100) {
            0..85 if !self.purchases.is_empty() => {
                let body = self.random.pick(&self.purchases);
                body.get("txn_id")
                    .expect("every authorization has its id")
                    .to_owned()
            }
            85..92 if !self.awaited.is_empty() => self.random.pick(&self.awaited).clone(),
            _ => self.new_id(model),
        }
    }

    fn authorization_path(&mut self, txn_id: &str) -> String {
        let path_id = match self.random.below(100) {
            0..2 => "0197a1d20f6e7c3a8b1e3f5d2c9a7e10".to_owned(),
            2..8 => txn_id.to_uppercase(),
            _ => txn_id.to_owned(),
        };
        format!("/v1/authorizations/{path_id}")
    }

    fn look_up_authorization(&mut self, model: &Model) -> Step {
        let frozen: Vec<&u128> = model.frozen.keys().collect();
        let txn_id = match self.random.below(100) {
            0..35 if !frozen.is_empty() => uuid_text(**self.random.pick(&frozen)),
            0..70 => self.some_approved(model),
            _ => self.some_purchase(model),
        };
        Step::call("GET", &self.authorization_path(&txn_id), String::new())
    }

    fn look_up_merchant(&mut self) -> Step {
        let merchant_id = match self.random.below(100) {
            0..3 => "0105".to_owned(),
            _ => self.some_merchant(),
        };
        Step::call("GET", &format!("/v1/merchants/{merchant_id}"), String::new())
    }

    fn withdraw_consent(&mut self, model: &Model) -> Step {
        let has_withdrawn = |merchant: &Merchant| merchant.desk.withdrawn.is_some();
        let gone = model
            .merchants
            .values()
            .filter(|merchant| has_withdrawn(merchant))
            .count();
        let (merchant_id, body) = match self.withdrawals.is_empty() {
            false if gone >= WITHDRAWALS_MAX || self.random.percent(35) => {
                let earlier = self.random.pick(&self.withdrawals).clone();
                self.withdrawal_again(earlier, model)
            }
            _ => {
                // What an open hold takes is not owed yet: often there is one.
                let holding = model
                    .open_holds()
                    .map(|original| original.merchant_id.clone())
                    .next();
                let merchant_id = match holding {
                    Some(merchant_id) if self.random.percent(60) => merchant_id,
                    _ => self.some_merchant(),
                };
                let body = self.letter(model);
                (merchant_id, body)
            }
        };
        let merchant = model.merchants.get(&merchant_id);
        let may_be_late = merchant.is_some_and(|merchant| !has_withdrawn(merchant));
        if may_be_late && !self.is_case(&body, model) && self.random.percent(8) {
            let path = format!("/v1/merchants/{merchant_id}/consent-withdrawal");
            return Step::call("POST", &path, self.of_tomorrow(body, model).plain());
        }
        self.withdrawals.push((merchant_id.clone(), body.clone()));
        let path = self.merchant_path(&merchant_id, "consent-withdrawal");
        Step::call("POST", &path, self.send_about(merchant.is_some(), &body))
    }

    /// The same, or all but the same.
    fn withdrawal_again(&mut self, (merchant_id, body): (String, Body), model: &Model) -> (String, Body) {
        let other = self.letter(model);
        match self.random.below(10) {
            0..5 => (merchant_id, body),
            5 => (self.some_merchant(), body),
            at => (merchant_id, body.with_field_of(&other, LETTER[at as usize % 3])),
        }
    }

    /// A letter of these days, and the case that it opens; now and then of a case there is.
    pub(crate) fn letter(&mut self, model: &Model) -> Body {
        let case_id = match self.random.below(100) {
            0..12 if !model.cases.is_empty() => uuid_text(self.random.pick(&model.cases).case_id),
            _ => self.new_id(model),
        };
        let day = match self.random.below(100) {
            0..60 => model.now().date(),
            _ => model.now().date().plus_days(self.random.between(-40, 0)),
        };
        let reason = *self.random.pick(&REASONS);
        Body::new()
            .text("case_id", &case_id)
            .text("letter_date", &day.to_string())
            .text("reason", reason)
    }

    /// Whether there is a case of that id.
    pub(crate) fn is_case(&self, body: &Body, model: &Model) -> bool {
        let case_id = body.get("case_id").and_then(parse_uuid);
        case_id.is_some_and(|case_id| model.case(case_id).is_some())
    }

    /// The same of a letter that is still to be written. It goes out only where nothing else is wrong.
    pub(crate) fn of_tomorrow(&mut self, body: Body, model: &Model) -> Body {
        let day = model.now().date().plus_days(self.random.between(1, 2));
        body.text("letter_date", &day.to_string())
    }

    /// What closes an episode: everything the desk can look at.
    pub(crate) fn closing_of_the_desk(&mut self, model: &Model) -> Vec<Step> {
        let look = |path: String| Step::call("GET", &path, String::new());
        let mut steps = vec![look("/v1/payouts".into()), look("/v1/clawbacks".into())];
        let merchants = self.merchants.iter();
        steps.extend(merchants.map(|merchant_id| look(format!("/v1/merchants/{merchant_id}"))));
        let cases = model.cases.iter().map(|case| uuid_text(case.case_id));
        steps.extend(cases.map(|case_id| look(format!("/v1/clawbacks/{case_id}"))));
        for _ in 0..10 {
            let txn_id = self.some_approved(model);
            steps.push(look(format!("/v1/authorizations/{txn_id}")));
        }
        steps.extend(self.closing_of_persons(model));
        steps
    }
}
