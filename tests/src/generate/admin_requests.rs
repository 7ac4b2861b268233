//! Merchants, enrollments, statuses and look-ups.

use crate::oracle::Model;
use crate::oracle::administration::CATEGORIES;

use super::body::Body;
use super::{ASKS_DESK, ASKS_HOUSEHOLDS, Generator, Step};

impl Generator {
    /// What opens an episode: merchants and enrollments, with gaps.
    pub fn opening(&mut self, model: &Model) -> Vec<Step> {
        let mut lines = Vec::new();
        for merchant_id in self.merchants.clone() {
            lines.push(
                self.sensible_merchant(model)
                    .text("merchant_id", &merchant_id)
                    .plain(),
            );
        }
        let mut steps = vec![Step::call("POST", "/v1/merchants/import", lines.join("\n"))];
        steps.extend(self.opening_lists(model));
        let mut lines = Vec::new();
        for index in 0..self.citizens.len() {
            let household_id = self.some_household();
            for programme in model.programmes() {
                // Where people register by themselves only few are imported, or the quota would be full.
                let share = if programme.registration.is_some() { 20 } else { 85 };
                if self.random.percent(share) {
                    let wallet_id = self.own_wallet(index);
                    let mut line = Body::new()
                        .text("program", &programme.id)
                        .text("wallet_id", &wallet_id)
                        .text("citizen_id", &self.citizens[index]);
                    if ASKS_HOUSEHOLDS && self.random.percent(60) {
                        line = line.text("household_id", &household_id);
                    }
                    lines.push(line.plain());
                }
            }
        }
        steps.push(Step::call(
            "POST",
            "/v1/enrollments/import",
            lines.join("\n") + "\n",
        ));
        steps
    }

    pub(crate) fn look_up(&mut self, model: &Model) -> Step {
        if self.random.percent(30) {
            return self.look_up_programme(model);
        }
        let wallet_id = match self.random.below(100) {
            0..3 => "999999999999999",
            3..5 => "12345",
            _ => self.random.pick(&self.wallets).as_str(),
        };
        Step::call("GET", &format!("/v1/wallets/{wallet_id}"), String::new())
    }

    fn look_up_programme(&mut self, model: &Model) -> Step {
        if self.random.percent(10) {
            return Step::call("GET", "/v1/programs", String::new());
        }
        let program = match self.random.below(100) {
            0..3 => "Bad_Name".to_owned(),
            _ => self.some_program(model),
        };
        let counters = if self.random.percent(30) {
            "/registration"
        } else {
            ""
        };
        Step::call("GET", &format!("/v1/programs/{program}{counters}"), String::new())
    }

    pub(crate) fn put_merchant(&mut self, model: &Model) -> Step {
        let merchant_id = match self.random.below(100) {
            0..3 => "0105",
            _ => self.random.pick(&self.merchants).as_str(),
        };
        let path = format!("/v1/merchants/{merchant_id}");
        let body = if self.random.percent(80) {
            self.sensible_merchant(model)
        } else {
            self.any_merchant(model)
        };
        Step::call("PUT", &path, self.send(&body))
    }

    pub(crate) fn import_merchants(&mut self, model: &Model) -> Step {
        let mut lines = Vec::new();
        for _ in 0..self.random.between(1, 6) {
            let body = if self.random.percent(80) {
                self.sensible_merchant(model)
            } else {
                self.any_merchant(model)
            };
            let merchant_id = self.random.pick(&self.merchants).clone();
            self.add_line(&mut lines, &body.text("merchant_id", &merchant_id));
        }
        Step::call("POST", "/v1/merchants/import", self.join(&lines))
    }

    pub(crate) fn import_enrollments(&mut self, model: &Model) -> Step {
        let many = self.random.percent(1);
        let mut lines = Vec::new();
        for _ in 0..if many { 140 } else { self.random.between(1, 6) } {
            if many && self.random.percent(85) {
                lines.push("{}".to_owned());
                continue;
            }
            let line = self.enrollment(model);
            self.add_line(&mut lines, &line);
        }
        Step::call("POST", "/v1/enrollments/import", self.join(&lines))
    }

    fn enrollment(&mut self, model: &Model) -> Body {
        let index = self.random.below(self.citizens.len() as u64) as usize;
        let wallet_id = if self.random.percent(75) {
            self.own_wallet(index)
        } else {
            self.random.pick(&self.wallets).clone()
        };
        let program = self.some_program(model);
        let mut line = Body::new()
            .text("program", &program)
            .text("wallet_id", &wallet_id)
            .text("citizen_id", &self.citizens[index]);
        if self.random.percent(25) {
            let day = model.now().date().plus_days(self.random.between(-4, 6));
            line = line.text("usable_from", &day.to_string());
        }
        if self.random.percent(if ASKS_HOUSEHOLDS { 70 } else { 8 }) {
            let household_id = self.some_household();
            line = line.text("household_id", &household_id);
        }
        if self.random.percent(20) {
            let tier = self.some_tier(model);
            line = line.text("tier", &tier);
        }
        line
    }

    /// One of very few, so that several wallets share it; one has the number of a wallet.
    pub(crate) fn some_household(&mut self) -> String {
        match self.random.below(4) {
            0 => self.wallets[0].clone(),
            number => format!("00123456789012{number}"),
        }
    }

    /// Mostly a tier of some programme, which need not be the line's.
    pub(crate) fn some_tier(&mut self, model: &Model) -> String {
        let registrations = model
            .programmes()
            .filter_map(|programme| programme.registration.as_ref());
        let tiers = registrations.flat_map(|registration| &registration.tiers);
        let mut names: Vec<String> = tiers.map(|tier| tier.id.clone()).collect();
        if names.is_empty() || self.random.percent(15) {
            names = vec!["no-such-tier".to_owned()];
        }
        self.random.pick(&names).clone()
    }

    pub(crate) fn put_wallet_status(&mut self, model: &Model) -> Step {
        let suspended = model.wallets.iter().find(|(_, wallet)| wallet.suspended);
        let (wallet_id, status) = match (self.random.below(100), suspended) {
            (0..3, _) => ("0049x9912345678", "active"),
            (3..60, Some((wallet_id, _))) => (wallet_id.as_str(), "active"),
            _ => (self.random.pick(&self.wallets).as_str(), "suspended"),
        };
        let path = format!("/v1/wallets/{wallet_id}/status");
        let body = self.status(status);
        Step::call("PUT", &path, self.send(&body))
    }

    pub(crate) fn put_programme_status(&mut self, model: &Model) -> Step {
        // A suspended programme is soon opened again, or nothing would be bought.
        let suspended = model.suspended_programmes.first();
        let (program, status) = match (self.random.below(100), suspended) {
            (0..4, _) => ("Bad_Name".to_owned(), "active"),
            (4..80, Some(program)) => (program.clone(), "active"),
            (4..72, None) => (self.some_program(model), "active"),
            _ => (self.some_program(model), "suspended"),
        };
        // A fault in the body and an unknown programme at once have no order between them.
        let body = self.status(status).plain();
        Step::call("PUT", &format!("/v1/programs/{program}/status"), body)
    }

    fn status(&mut self, status: &str) -> Body {
        let reason = *self
            .random
            .pick(&["fraud ring", "ตรวจสอบ", "cleared", "a \"quoted\" word\\"]);
        Body::new().text("status", status).text("reason", reason)
    }

    pub(crate) fn some_program(&mut self, model: &Model) -> String {
        let mut programs: Vec<String> = model.programmes().map(|programme| programme.id.clone()).collect();
        if self.random.percent(5) {
            programs = vec!["no-such-programme".to_owned()];
        }
        self.random.pick(&programs).clone()
    }

    /// One that can sell under some programme by every channel it has.
    fn sensible_merchant(&mut self, model: &Model) -> Body {
        let mut programs: Vec<String> = model.programmes().map(|programme| programme.id.clone()).collect();
        if ASKS_DESK && self.random.percent(40) {
            // It is left to the merchant to join the others.
            programs = self.random.some_of(&programs);
        }
        let benefits: Vec<_> = model
            .programmes()
            .flat_map(|programme| programme.benefits.clone())
            .collect();
        let category = self.random.pick(&self.random_categories(&benefits)).clone();
        let mut channels: Vec<String> = benefits
            .iter()
            .flat_map(|benefit| &benefit.channels)
            .map(|channel| channel.id.clone())
            .collect();
        channels.sort();
        channels.dedup();
        self.merchant(&category, "active", &programs, &channels)
    }

    fn random_categories(&self, benefits: &[crate::oracle::programme::Benefit]) -> Vec<String> {
        benefits
            .iter()
            .flat_map(|benefit| benefit.categories.clone())
            .collect()
    }

    fn any_merchant(&mut self, model: &Model) -> Body {
        let mut programs: Vec<String> = model.programmes().map(|programme| programme.id.clone()).collect();
        programs.push("no-such-programme".to_owned());
        let programs = self.random.some_of(&programs);
        let channels = self
            .random
            .some_of(&["assisted", "delivery", "drone", "kiosk-2", "store"].map(String::from));
        let category = *self.random.pick(CATEGORIES);
        let status = if self.random.percent(30) {
            "suspended"
        } else {
            "active"
        };
        self.merchant(category, status, &programs, &channels)
    }

    fn merchant(&mut self, category: &str, status: &str, programs: &[String], channels: &[String]) -> Body {
        let name = *self
            .random
            .pick(&["ร้านข้าวแกงป้าสมศรี", "A \"B\" C\\D", "Noodle Shop 7"]);
        let mut body = Body::new()
            .text("name", name)
            .text("category", category)
            .text("status", status)
            .list("programs", programs)
            .list("channels", channels);
        if self.random.percent(30) {
            body = body.text("province", "ตาก");
        }
        if self.random.percent(30) {
            body = body
                .text("bank_account", "0123456789")
                .text("account_name", "Somsri");
        }
        body
    }

    /// The line, spoilt now and then, with a blank one before it now and then.
    fn add_line(&mut self, lines: &mut Vec<String>, line: &Body) {
        if self.random.percent(6) {
            lines.push((*self.random.pick(&["", "  ", "\t"])).to_owned());
        }
        lines.push(match self.random.below(100) {
            0..6 => line.spoilt(&mut self.random),
            _ => line.spelt(&mut self.random),
        });
    }

    fn join(&mut self, lines: &[String]) -> String {
        let newline = if self.random.percent(50) { "\n" } else { "" };
        lines.join("\n") + newline
    }
}
