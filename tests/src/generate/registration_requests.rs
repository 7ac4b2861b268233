//! Registrations, one by one and in batches, and the lists they depend on.

use std::collections::BTreeSet;

use crate::oracle::Model;
use crate::oracle::calendar::Instant;
use crate::oracle::programme::Programme;

use super::body::Body;
use super::{Generator, Step};

/// Lines no citizen is written in.
const BAD_LINES: [&str; 19] = [
    "",
    "12",
    "1101700230709",
    "110170023070",
    "\"110170023070\",",
    "1.1017002307E+12",
    "1,1E12",
    "1E+",
    "citizen_id",
    "๑๑๐๑๗๐๐๒๓๐๗๐๘",
    "1101700230708\0",
    "1101700230708;",
    "1101700230708,1101700230708",
    ",1101700230708",
    "\"1101700230708",
    "'1101700230708'",
    "\u{feff}1101700230708",
    " ,, ",
    "\"\"",
];

/// How systems end a line.
const NEWLINES: [&str; 3] = ["\n", "\r\n", "\r"];

/// How people write the name of the column.
const HEADINGS: [&str; 4] = ["citizen_id", "CITIZEN_ID", "\"citizen_id\"", " Citizen_Id ,"];

/// Texts around the edges of what a date of birth may be.
const BIRTH_DATES: [&str; 14] = [
    "1850",
    "1849",
    "2170-12-31",
    "2171",
    "2533-04-12",
    "2008-02-29",
    "2004-02",
    "1900-02-29",
    "1990-13",
    "1990-00",
    "1990-04-31",
    "1990-4-1",
    "",
    "2100",
];

/// Countries, and what is none.
const NATIONALITIES: [&str; 6] = ["LA", "MM", "US", "th", "THA", "T"];

impl Generator {
    pub(crate) fn register(&mut self, model: &mut Model) -> Step {
        if self.is_pointless(model) {
            return self.authorize(model);
        }
        let body = self.registration(model);
        Step::call("POST", "/v1/registrations", self.send(&body))
    }

    pub(crate) fn register_batch(&mut self, model: &mut Model) -> Step {
        if self.is_pointless(model) {
            return self.batch(model);
        }
        let text = self.batch_of("registrations", |generator| generator.registration(model));
        Step::call("POST", "/v1/registrations/batch", text)
    }

    /// When nothing is open everybody is told the same: mostly something else is asked then.
    fn is_pointless(&mut self, model: &Model) -> bool {
        let is_open = model
            .programmes()
            .any(|programme| may_be_open(programme, model.now()));
        !is_open && self.random.percent(75)
    }

    /// A new id, or one that was there before: with the same content or not quite.
    fn registration(&mut self, model: &Model) -> Body {
        let body = if !self.registrations.is_empty() && self.random.percent(20) {
            let earlier = self.random.pick(&self.registrations).clone();
            self.registration_again(earlier, model)
        } else {
            let registration_id = match self.purchases.len() {
                // The id of a purchase says nothing here.
                count if count > 0 && self.random.percent(2) => {
                    let purchase = self.random.pick(&self.purchases);
                    purchase.get("txn_id").unwrap_or_default().to_owned()
                }
                _ => self.new_id(model),
            };
            self.applicant(model).text("registration_id", &registration_id)
        };
        self.registrations.push(body.clone());
        body
    }

    fn registration_again(&mut self, earlier: Body, model: &Model) -> Body {
        let other = self.applicant(model);
        let field = match self.random.below(12) {
            0..6 => return earlier,
            6 => "program",
            7 => "wallet_id",
            8 => "citizen_id",
            9 => "birth_date",
            10 => "nationality",
            _ => {
                let id = earlier.get("registration_id").unwrap_or_default();
                return other.text("registration_id", id);
            }
        };
        let value = other.get(field).unwrap_or_default().to_owned();
        earlier.text(field, &value)
    }

    /// Somebody of the few there are, mostly of age, Thai, with a wallet of their own, where registration is open.
    fn applicant(&mut self, model: &Model) -> Body {
        let program = self.open_program(model);
        let index = self.some_person(model, &program);
        let wallet_id = match self.random.below(100) {
            0..75 => self.own_wallet(index),
            _ => self.random.pick(&self.wallets).clone(),
        };
        let birth_date = self.birth_date(model, &program);
        let nationality = match self.random.below(100) {
            0..94 => "TH",
            _ => *self.random.pick(&NATIONALITIES),
        };
        Body::new()
            .text("program", &program)
            .text("wallet_id", &wallet_id)
            .text("citizen_id", &self.citizens[index])
            .text("birth_date", &birth_date)
            .text("nationality", nationality)
    }

    /// Anybody, or somebody who holds nothing in the programme.
    fn some_person(&mut self, model: &Model, program: &str) -> usize {
        let people = 0..self.citizens.len();
        let mut choice: Vec<usize> = people.clone().collect();
        if self.random.percent(50) {
            let holds = |index: &usize| {
                let holder = (self.citizens[*index].clone(), program.to_owned());
                model.rights.contains_key(&holder)
            };
            choice.retain(|index| !holds(index));
        }
        if choice.is_empty() {
            choice = people.collect();
        }
        *self.random.pick(&choice)
    }

    /// Mostly a programme that is open at this moment, for those who come back at least.
    fn open_program(&mut self, model: &Model) -> String {
        let open: Vec<String> = model
            .programmes()
            .filter(|programme| may_be_open(programme, model.now()))
            .map(|programme| programme.id.clone())
            .collect();
        if open.is_empty() || self.random.percent(15) {
            return self.some_program(model);
        }
        self.random.pick(&open).clone()
    }

    /// Mostly that of a grown-up; often one day around the age the programme asks for, in all its spellings.
    fn birth_date(&mut self, model: &Model, program: &str) -> String {
        match self.random.below(100) {
            0..65 => return "1960-05-17".to_owned(),
            65..75 => return (*self.random.pick(&BIRTH_DATES)).to_owned(),
            _ => {}
        }
        let registrations = model
            .programmes()
            .filter(|programme| programme.id == program)
            .filter_map(|programme| programme.registration.as_ref());
        let years = registrations
            .filter_map(|registration| registration.min_age)
            .next()
            .unwrap_or(18);
        let day = model.now().date().plus_days(self.random.between(-1, 1));
        let year = day.year - years;
        match self.random.below(4) {
            0 => format!("{:04}", year + self.random.between(-1, 1)),
            1 => {
                let month = day.plus_days(30 * self.random.between(-1, 1)).month;
                format!("{year:04}-{month:02}")
            }
            _ => format!("{year:04}-{:02}-{:02}", day.month, day.day),
        }
    }

    /// What opens an episode: most lists the programmes rest on.
    pub(crate) fn opening_lists(&mut self, model: &Model) -> Vec<Step> {
        let mut steps = Vec::new();
        for list in lists(model) {
            if self.random.percent(75) {
                steps.push(self.list_step(model, &list));
            }
        }
        steps
    }

    pub(crate) fn import_list(&mut self, model: &Model) -> Step {
        let mut lists = lists(model);
        lists.push("never-asked".to_owned());
        let list = match self.random.below(100) {
            0..4 => "Bad_List".to_owned(),
            _ => self.random.pick(&lists).clone(),
        };
        self.list_step(model, &list)
    }

    /// A file for the list, with or without a header, with bad lines, blank ones and repeats.
    fn list_step(&mut self, model: &Model, list: &str) -> Step {
        let mut lines: Vec<String> = Vec::new();
        if self.random.percent(40) {
            lines.push((*self.random.pick(&HEADINGS)).to_owned());
        }
        for _ in 0..self.random.between(0, 5) {
            lines.push(match self.random.below(100) {
                0..15 => (*self.random.pick(&BAD_LINES)).to_owned(),
                15..25 if !lines.is_empty() => self.random.pick(&lines).clone(),
                25..40 => self.dressed(model, list),
                _ => self.listed(model, list),
            });
        }
        let mark = if self.random.percent(10) { "\u{feff}" } else { "" };
        let newline = *self.random.pick(&NEWLINES);
        let mut text = mark.to_owned() + &lines.join(newline);
        if self.random.percent(50) {
            text += newline;
        }
        Step::call("POST", &format!("/v1/lists/{list}/import"), text)
    }

    /// A citizen as spreadsheets write one.
    fn dressed(&mut self, model: &Model, list: &str) -> String {
        let citizen = self.listed(model, list);
        match self.random.below(5) {
            0 => format!("\"{citizen}\""),
            1 => format!(" {citizen}\t"),
            2 => format!("{citizen},"),
            3 => format!("\" {citizen}\" , ,"),
            _ => format!("{citizen},,"),
        }
    }

    /// Lists only grow: on one that keeps people out stand strangers mostly, or nobody would be left.
    fn listed(&mut self, model: &Model, list: &str) -> String {
        let excludes = model
            .programmes()
            .filter_map(|programme| programme.registration.as_ref())
            .any(|registration| registration.excluded_lists.iter().any(|name| name == list));
        let few = &self.citizens[self.citizens.len() - 3..];
        match self.random.below(100) {
            0..70 if excludes => self.random.citizen_id(),
            _ if excludes => self.random.pick(few).clone(),
            _ => self.random.pick(&self.citizens).clone(),
        }
    }
}

/// Whether anybody may register for the programme now.
fn may_be_open(programme: &Programme, now: Instant) -> bool {
    let Some(registration) = &programme.registration else {
        return false;
    };
    let returning = registration.returning.as_ref();
    let opens = returning.map_or(registration.opens, |returning| {
        returning.opens.min(registration.opens)
    });
    let today = now.date();
    let is_their_day = opens <= today && registration.closes.is_none_or(|closes| today <= closes);
    is_their_day && (registration.opens_ms..registration.closes_ms).contains(&now.millisecond_of_day())
}

/// Every list a programme names, also as an earlier programme.
fn lists(model: &Model) -> Vec<String> {
    let mut lists = BTreeSet::new();
    let registrations = model
        .programmes()
        .filter_map(|programme| programme.registration.as_ref());
    for registration in registrations {
        lists.extend(registration.excluded_lists.iter().cloned());
        lists.extend(registration.tiers.iter().map(|tier| tier.required_list.clone()));
        let returning = registration.returning.iter();
        lists.extend(returning.map(|returning| returning.from_program.clone()));
    }
    lists.into_iter().collect()
}
