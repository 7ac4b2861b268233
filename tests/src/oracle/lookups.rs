//! What is shown of a wallet and of a programme.

use serde_json::{Value, json};

use super::administration::status_word;
use super::clawbacks::Debtor;
use super::forms::{self, BadFields};
use super::programme::Programme;
use super::rights::Right;
use super::{Model, funding, malformed, problem};

impl Model {
    pub fn show_wallet(&self, wallet_id: &str) -> Value {
        if !forms::is_digits(wallet_id, 15) {
            return malformed(BadFields::from(["wallet_id".to_owned()]));
        }
        if !self.wallets.contains_key(wallet_id) {
            return problem(404);
        }
        let mut programs = Vec::new();
        for programme in self.programmes() {
            if let Some((citizen_id, right)) = self.right_through(wallet_id, programme) {
                programs.push(self.show_right(citizen_id, right, programme));
            }
        }
        let status = status_word(self.is_wallet_suspended(wallet_id));
        let mut shown = json!({ "wallet_id": wallet_id, "status": status, "programs": programs });
        let person = self.wallets[wallet_id].citizen_id.as_ref();
        if let Some(citizen) = person.and_then(|person| self.show_block(person)) {
            shown["citizen"] = citizen;
        }
        shown
    }

    fn show_block(&self, person: &str) -> Option<Value> {
        let block = self.block(person)?;
        let debtor = Debtor::Person(person.to_owned());
        let open = self
            .cases
            .iter()
            .filter(|case| case.debtor == debtor && case.is_open());
        let open: Vec<String> = open.map(|case| forms::uuid_text(case.case_id)).collect();
        let mut shown = json!({ "excluded": block.trim_start_matches("excluded:"), "clawbacks": open });
        if block == "excluded:suspended" {
            shown["suspended"] = self.suspended_citizens[person].show();
        }
        Some(shown)
    }

    fn show_right(&self, citizen_id: &str, right: &Right, programme: &Programme) -> Value {
        let mut benefits = Vec::new();
        for benefit in &programme.benefits {
            let Some(room) = self.room(citizen_id, right, programme, benefit) else {
                continue;
            };
            let mut shown = json!({ "benefit": benefit.id, "remaining": room.remaining(0) });
            if !room.sources.is_empty() {
                shown["funding"] = funding::show_used(&room.sources);
            }
            benefits.push(shown);
        }
        let first_use_by = match self.was_used(citizen_id, &programme.id) {
            true => None,
            false if right.has_lapsed => right.lapsed_by,
            false => right.first_use_by(programme),
        };
        let tier = right.tier.as_ref().filter(|tier| programme.tier(tier).is_some());
        let mut shown = json!({
            "program": programme.id,
            "registered_at": right.registered_at.to_seconds_text(),
            "first_use_by": first_use_by.map(|deadline| deadline.to_seconds_text()),
            "lapsed": right.has_lapsed,
            "tier": tier,
            "household_id": right.household_id,
            "benefits": benefits,
        });
        if let Some(day) = right.usable_from(programme) {
            shown["usable_from"] = json!(day.to_string());
        }
        shown
    }

    pub fn show_programmes(&self) -> Value {
        let shown: Vec<Value> = self
            .programmes()
            .map(|programme| self.programme_shown(programme))
            .collect();
        json!({ "$subset": { "programs": shown } })
    }

    pub fn show_programme(&self, program: &str) -> Value {
        self.of_programme(program, |programme| self.programme_shown(programme))
    }

    fn programme_shown(&self, programme: &Programme) -> Value {
        let is_suspended = self.suspended_programmes.contains(&programme.id);
        let mut counts = self.counts(programme);
        if let Some(registration) = &programme.registration {
            counts["opens"] = json!(registration.opens.to_string());
            counts["closes"] = json!(registration.closes.map(|closes| closes.to_string()));
            counts["hours"] = json!(registration.hours);
        }
        json!({
            "id": programme.id,
            "status": status_word(is_suspended),
            "registration": counts,
            "lists": self.lists_of(programme),
        })
    }

    pub fn show_counters(&self, program: &str) -> Value {
        self.of_programme(program, |programme| {
            let mut counts = self.counts(programme);
            counts["program"] = json!(programme.id);
            counts["tickets"] = json!(self.tickets.get(&programme.id).copied().unwrap_or(0));
            counts
        })
    }

    /// A part of what is answered about a programme.
    fn of_programme(&self, program: &str, show: impl Fn(&Programme) -> Value) -> Value {
        if !forms::is_name(program) {
            return malformed(BadFields::from(["id".to_owned()]));
        }
        match self.version_to_show(program) {
            Some(programme) => json!({ "$subset": show(programme) }),
            None => problem(404),
        }
    }

    /// How many are in and how many more may come.
    fn counts(&self, programme: &Programme) -> Value {
        let registered = self.live_rights(programme);
        let quota = programme
            .registration
            .as_ref()
            .and_then(|registration| registration.quota);
        json!({
            "open": self.is_registration_open(&programme.id),
            "quota": quota,
            "registered": registered,
            "remaining": quota.map(|quota| quota.saturating_sub(registered)),
        })
    }

    /// Each list the programme rests on, and whether it was ever imported.
    fn lists_of(&self, programme: &Programme) -> Vec<Value> {
        let registration = programme.registration.iter();
        let lists = registration.flat_map(|registration| {
            let tiers = registration.tiers.iter().map(|tier| &tier.required_list);
            registration.excluded_lists.iter().chain(tiers)
        });
        let shown = lists.map(|list| {
            let is_imported = self.lists.contains_key(list);
            json!({ "list": list, "imported": is_imported })
        });
        shown.collect()
    }
}
