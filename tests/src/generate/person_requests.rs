//! Persons at the desk: who is suspended and let go, who is to pay back and pays, who is erased.

use crate::oracle::Model;
use crate::oracle::clawbacks::{Case, Debtor, Payment};
use crate::oracle::forms::uuid_text;

use super::body::Body;
use super::desk_requests::{LETTER, REASONS};
use super::{Generator, Step};

/// How many persons are erased: somebody must be left to buy.
const ERASED_MAX: usize = 2;

/// How many cases are open before one is rather paid than another opened.
const OPEN_CASES_MAX: usize = 4;

/// The most that may be demanded.
const AMOUNT_MAX: u64 = 1_000_000_000_000_000;

impl Generator {
    /// Who is suspended is mostly let go, or nobody would buy.
    pub(crate) fn put_person_status(&mut self, model: &Model) -> Step {
        let suspended = model.suspended_citizens.keys().next();
        let (named, status) = match (self.random.below(100), suspended) {
            (0..60, Some(citizen_id)) => (self.by_citizen_or_wallet(citizen_id, model), "active"),
            (60..75, _) => (self.somebody(model), "active"),
            _ => (self.somebody(model), "suspended"),
        };
        let is_known = is_somebody(&named, model);
        let body = self.with_reason(named).text("status", status);
        Step::call("PUT", "/v1/persons/status", self.send_named(is_known, body))
    }

    /// One of the citizens there are, by id or by wallet; now and then a stranger, or a wallet that nobody knows.
    fn somebody(&mut self, model: &Model) -> Body {
        let citizen_id = self.random.pick(&self.citizens).clone();
        match self.random.below(100) {
            0..5 => Body::new().text("citizen_id", &self.random.citizen_id()),
            5..9 => Body::new().text("wallet_id", "999999999999999"),
            9..35 => Body::new().text("wallet_id", self.random.pick(&self.wallets).as_str()),
            _ => self.by_citizen_or_wallet(&citizen_id, model),
        }
    }

    fn by_citizen_or_wallet(&mut self, citizen_id: &str, model: &Model) -> Body {
        let wallets = model.wallets_of(citizen_id);
        match wallets.first() {
            Some(wallet_id) if self.random.percent(40) => Body::new().text("wallet_id", wallet_id),
            _ => Body::new().text("citizen_id", citizen_id),
        }
    }

    fn with_reason(&mut self, body: Body) -> Body {
        let reason = *self.random.pick(&REASONS);
        body.text("reason", reason)
    }

    /// Now and then nobody is named, or two are.
    fn send_named(&mut self, is_known: bool, body: Body) -> String {
        if self.random.percent(4) {
            let mut wrong = body;
            for field in ["citizen_id", "wallet_id", "merchant_id"] {
                wrong.remove(field);
            }
            if self.random.percent(60) {
                let citizen_id = self.random.pick(&self.citizens).clone();
                let wallet_id = self.random.pick(&self.wallets).clone();
                wrong = wrong
                    .text("wallet_id", &wallet_id)
                    .text("citizen_id", &citizen_id);
            }
            return wrong.plain();
        }
        self.send_about(is_known, &body)
    }

    pub(crate) fn open_case(&mut self, model: &Model) -> Step {
        let open = model.cases.iter().filter(|case| case.is_open()).count();
        if open >= OPEN_CASES_MAX && self.random.percent(70) {
            return self.pay_case(model);
        }
        let body = if !self.cases.is_empty() && self.random.percent(35) {
            let earlier = self.random.pick(&self.cases).clone();
            self.case_again(earlier, model)
        } else {
            self.new_case(model)
        };
        let is_known = is_somebody(&body, model);
        let may_be_late = is_known && model.erased.is_empty() && !self.is_case(&body, model);
        if may_be_late && self.random.percent(10) {
            return Step::call("POST", "/v1/clawbacks", self.of_tomorrow(body, model).plain());
        }
        self.cases.push(body.clone());
        Step::call("POST", "/v1/clawbacks", self.send_named(is_known, body))
    }

    fn new_case(&mut self, model: &Model) -> Body {
        let amount = match self.random.below(100) {
            0..3 => AMOUNT_MAX + self.random.below(2),
            3..6 => 0,
            _ => self.random.any_size(5),
        };
        let named = match self.random.below(100) {
            0..45 => Body::new().text("merchant_id", self.random.pick(&self.merchants).as_str()),
            45..48 => Body::new().text("merchant_id", "888888888888888"),
            _ => self.somebody(model),
        };
        let letter = self.letter(model);
        let named = named.raw("amount", &amount.to_string());
        LETTER
            .iter()
            .fold(named, |body, field| body.with_field_of(&letter, field))
    }

    /// The same, or all but the same.
    fn case_again(&mut self, body: Body, model: &Model) -> Body {
        let other = self.new_case(model);
        match self.random.below(10) {
            0..5 => body,
            5 => body.with_field_of(&other, "amount"),
            6 => body.with_field_of(&other, "letter_date"),
            7 => body.with_field_of(&other, "reason"),
            _ => other.with_field_of(&body, "case_id"),
        }
    }

    pub(crate) fn pay_case(&mut self, model: &Model) -> Step {
        let is_open = model.cases.iter().any(Case::is_open);
        if !is_open && self.random.percent(60) {
            return self.open_case(model);
        }
        let (case_id, body) = if !self.payments.is_empty() && self.random.percent(25) {
            let earlier = self.random.pick(&self.payments).clone();
            self.payment_again(earlier, model)
        } else {
            self.new_payment(model)
        };
        self.payments.push((case_id.clone(), body.clone()));
        let is_known = model.cases.iter().any(|case| uuid_text(case.case_id) == case_id);
        let path = self.case_path(&case_id);
        Step::call(
            "POST",
            &format!("{path}/payments"),
            self.send_about(is_known, &body),
        )
    }

    /// The same, all but the same, or the same into another case.
    fn payment_again(&mut self, (case_id, body): (String, Body), model: &Model) -> (String, Body) {
        let (other_case, other) = self.new_payment(model);
        match self.random.below(10) {
            0..5 => (case_id, body),
            5..7 => (other_case, body),
            7 => (case_id, body.with_field_of(&other, "reason")),
            8 => (case_id, body.with_field_of(&other, "amount")),
            _ => (other_case, other.with_field_of(&body, "payment_id")),
        }
    }

    /// All that is left, a part of it, or more than that.
    fn new_payment(&mut self, model: &Model) -> (String, Body) {
        let (case_id, left) = self.some_case(model);
        let amount = match self.random.below(100) {
            0..45 => left.max(1),
            45..55 => left + 1,
            55..58 => 0,
            58..65 => self.random.any_size(6),
            _ => 1 + self.random.below(left.max(1)),
        };
        let payments: Vec<&Payment> = model.cases.iter().flat_map(|case| &case.payments).collect();
        let payment_id = match payments.is_empty() || self.random.percent(92) {
            true => self.new_id(model),
            false => uuid_text(self.random.pick(&payments).payment_id),
        };
        let body = Body::new()
            .text("payment_id", &payment_id)
            .raw("amount", &amount.to_string());
        (case_id, self.with_reason(body))
    }

    /// Mostly an open case, and what is left of it; any case, or none.
    fn some_case(&mut self, model: &Model) -> (String, u64) {
        let open: Vec<&Case> = model.cases.iter().filter(|case| case.is_open()).collect();
        let all: Vec<&Case> = model.cases.iter().collect();
        let case = match self.random.below(100) {
            0..75 if !open.is_empty() => *self.random.pick(&open),
            0..93 if !all.is_empty() => *self.random.pick(&all),
            _ => return (self.new_id(model), 100),
        };
        (uuid_text(case.case_id), case.left() as u64)
    }

    fn case_path(&mut self, case_id: &str) -> String {
        let path_id = match self.random.below(100) {
            0..2 => "0197a1d20f6e7c3a8b1e3f5d2c9a7e10".to_owned(),
            2..8 => case_id.to_uppercase(),
            _ => case_id.to_owned(),
        };
        format!("/v1/clawbacks/{path_id}")
    }

    pub(crate) fn close_case(&mut self, model: &Model) -> Step {
        let (case_id, _) = self.some_case(model);
        let is_known = model.cases.iter().any(|case| uuid_text(case.case_id) == case_id);
        let body = self.with_reason(Body::new());
        let path = self.case_path(&case_id);
        Step::call("POST", &format!("{path}/close"), self.send_about(is_known, &body))
    }

    pub(crate) fn look_up_case(&mut self, model: &Model) -> Step {
        if self.random.percent(40) {
            return Step::call("GET", "/v1/clawbacks", String::new());
        }
        let (case_id, _) = self.some_case(model);
        Step::call("GET", &self.case_path(&case_id), String::new())
    }

    pub(crate) fn erase_person(&mut self, model: &Model) -> Step {
        let is_enough = model.erased.len() >= ERASED_MAX;
        let named = match self.erasures.is_empty() {
            false if is_enough || self.random.percent(20) => self.random.pick(&self.erasures).clone(),
            _ => self.whom_to_erase(model),
        };
        self.erasures.push(named.clone());
        let body = self.with_reason(named);
        Step::call("POST", "/v1/persons/erase", self.send_named(true, body))
    }

    /// A stranger, or somebody of whom there is an entry for sure: whether whoever only a refused line named has one,
    /// nothing says.
    fn whom_to_erase(&mut self, model: &Model) -> Body {
        let there: Vec<String> = self
            .citizens
            .iter()
            .filter(|citizen_id| model.known_citizens.contains(*citizen_id))
            .cloned()
            .collect();
        let owing = there.iter().find(|citizen_id| {
            let debtor = Debtor::Person((*citizen_id).clone());
            model.has_open_case(&debtor)
        });
        match (self.random.below(100), owing) {
            (0..10, _) => Body::new().text("citizen_id", &self.random.citizen_id()),
            (10..35, Some(citizen_id)) => self.by_citizen_or_wallet(citizen_id, model),
            (10..16, _) => Body::new().text("wallet_id", "999999999999999"),
            (16..26, _) => Body::new().text("wallet_id", self.random.pick(&self.wallets).as_str()),
            _ if there.is_empty() => Body::new().text("citizen_id", &self.random.citizen_id()),
            _ => {
                let citizen_id = self.random.pick(&there).clone();
                self.by_citizen_or_wallet(&citizen_id, model)
            }
        }
    }

    /// Earlier erasures, cases and payments, once more.
    pub(crate) fn closing_of_persons(&mut self, model: &Model) -> Vec<Step> {
        let mut steps = Vec::new();
        for citizen_id in model.erased.keys() {
            let body = self.with_reason(Body::new().text("citizen_id", citizen_id));
            steps.push(Step::call("POST", "/v1/persons/erase", body.plain()));
        }
        for _ in 0..6.min(self.cases.len()) {
            let body = self.random.pick(&self.cases).clone();
            steps.push(Step::call("POST", "/v1/clawbacks", body.plain()));
        }
        for _ in 0..6.min(self.payments.len()) {
            let (case_id, body) = self.random.pick(&self.payments).clone();
            let path = format!("/v1/clawbacks/{case_id}/payments");
            steps.push(Step::call("POST", &path, body.plain()));
        }
        steps
    }
}

/// Whether whoever is named can be looked for: a merchant or wallet that is there, or any citizen.
fn is_somebody(body: &Body, model: &Model) -> bool {
    if let Some(wallet_id) = body.get("wallet_id") {
        let wallet = model.wallets.get(wallet_id);
        return wallet.is_some_and(|wallet| wallet.citizen_id.is_some());
    }
    if let Some(merchant_id) = body.get("merchant_id") {
        return model.merchants.contains_key(merchant_id);
    }
    true
}
