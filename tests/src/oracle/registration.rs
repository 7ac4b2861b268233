//! Registrations: one by one and in batches, the checks in the contract's order.

use serde_json::{Value, json};

use super::calendar::{Date, days_in_month};
use super::forms::{self, BadFields, Form};
use super::json::Json;
use super::programme::Registration;
use super::rights::Right;
use super::{Model, conflict, malformed};

/// The most elements one batch may have.
const BATCH_MAX: usize = 10_000;

/// The content a registration id is compared by; the date of birth as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Applicant {
    pub program: String,
    pub wallet_id: String,
    pub citizen_id: String,
    pub birth_date: String,
    pub nationality: String,
}

/// The content a registration id came with first, and what it was told.
pub struct FirstRegistration {
    pub applicant: Applicant,
    pub answer: Value,
}

impl Model {
    pub fn register(&mut self, body: &str) -> Value {
        match forms::body(body).and_then(|value| read_applicant(&value)) {
            Ok((registration_id, applicant)) => self.register_one(registration_id, applicant),
            Err(fields) => malformed(fields),
        }
    }

    pub fn register_batch(&mut self, body: &str) -> Value {
        let elements = match forms::body(body).and_then(|value| read_batch(&value)) {
            Ok(elements) => elements,
            Err(fields) => return malformed(fields),
        };
        let mut results = Vec::new();
        for element in elements {
            results.push(match read_applicant(&element) {
                Ok((registration_id, applicant)) => self.register_one(registration_id, applicant),
                Err(fields) => malformed(fields),
            });
        }
        json!({ "results": results })
    }

    fn register_one(&mut self, registration_id: u128, applicant: Applicant) -> Value {
        if let Some(first) = self.first_registrations.get(&registration_id) {
            if first.applicant != applicant {
                return conflict("registration_id_conflict");
            }
            let mut replay = first.answer.clone();
            replay["replayed"] = json!(true);
            return replay;
        }
        let reason = self.refusal(&applicant).unwrap_or("accepted".to_owned());
        if names_the_citizen(&reason) {
            self.known_citizens.insert(applicant.citizen_id.clone());
        }
        let mut answer = json!({
            "registration_id": forms::uuid_text(registration_id),
            "decision": if reason == "accepted" { "accepted" } else { "rejected" },
            "reason": reason,
            "replayed": false,
        });
        if reason == "quota_full" {
            let key = (applicant.citizen_id.clone(), applicant.program.clone());
            let first = *self.first_quota_full.entry(key).or_insert(registration_id);
            if first != registration_id {
                // Told so before: nothing is recorded, and the id may come again with anything.
                answer["$sequence_of"] = json!(forms::uuid_text(first));
                return answer;
            }
        }
        if reason == "accepted" {
            self.accept(&applicant, &mut answer);
        }
        let first = FirstRegistration {
            applicant,
            answer: answer.clone(),
        };
        self.first_registrations.insert(registration_id, first);
        answer
    }

    /// The checks one after another; the first that fails is the reason.
    fn refusal(&self, applicant: &Applicant) -> Option<String> {
        let Some(programme) = self.programmes.get(&applicant.program) else {
            return Some("program_unknown".to_owned());
        };
        if self.suspended_programmes.contains(&programme.id) {
            return Some("program_suspended".to_owned());
        }
        let Some(registration) = &programme.registration else {
            return Some("registration_closed".to_owned());
        };
        if !self.is_open_for(registration, &applicant.citizen_id) {
            return Some("registration_closed".to_owned());
        }
        if !self.is_in_hours(registration) {
            return Some("outside_hours".to_owned());
        }
        if applicant.nationality != "TH" {
            return Some("not_thai".to_owned());
        }
        let birth = read_birth_date(&applicant.birth_date).expect("an applicant has a date of birth");
        if registration
            .min_age
            .is_some_and(|years| complete_years(birth, self.today()) < years)
        {
            return Some("under_age".to_owned());
        }
        for list in &registration.excluded_lists {
            if self.is_on_list(list, &applicant.citizen_id) {
                return Some(format!("excluded:{list}"));
            }
        }
        if let Some(block) = self.block(&applicant.citizen_id) {
            return Some(block.to_owned());
        }
        if self.live_right(&applicant.citizen_id, &programme.id).is_some() {
            return Some("already_registered".to_owned());
        }
        if self.is_taken(&applicant.wallet_id, &applicant.citizen_id) {
            return Some("wallet_taken".to_owned());
        }
        self.is_full(programme).then(|| "quota_full".to_owned())
    }

    /// Whether today is one of the days on which this citizen may register.
    fn is_open_for(&self, registration: &Registration, citizen_id: &str) -> bool {
        let today = self.today();
        if registration.closes.is_some_and(|closes| today > closes) {
            return false;
        }
        if today >= registration.opens {
            return true;
        }
        let is_their_day = registration
            .returning
            .as_ref()
            .is_some_and(|returning| today >= returning.opens);
        is_their_day && self.is_returning(registration, citizen_id)
    }

    fn is_in_hours(&self, registration: &Registration) -> bool {
        (registration.opens_ms..registration.closes_ms).contains(&self.now.millisecond_of_day())
    }

    /// Whether somebody who comes for the first time would get past `outside_hours` now, whatever the quota.
    pub fn is_registration_open(&self, program: &str) -> bool {
        let in_force = self.programmes.get(program);
        let Some(registration) = in_force.and_then(|programme| programme.registration.as_ref()) else {
            return false;
        };
        let today = self.today();
        today >= registration.opens
            && registration.closes.is_none_or(|closes| today <= closes)
            && self.is_in_hours(registration)
            && !self.suspended_programmes.contains(program)
    }

    fn accept(&mut self, applicant: &Applicant, answer: &mut Value) {
        let registration = self.programmes[&applicant.program]
            .registration
            .as_ref()
            .expect("who is accepted has registered");
        let mut right = Right::new(&applicant.wallet_id, self.now);
        if self.is_returning(registration, &applicant.citizen_id) {
            right.is_returning = true;
            right.usable_from = registration
                .returning
                .as_ref()
                .map(|returning| returning.usable_from);
        }
        let mut tiers = registration.tiers.iter();
        right.tier = tiers
            .find(|tier| self.is_on_list(&tier.required_list, &applicant.citizen_id))
            .map(|tier| tier.id.clone());
        answer["registered_at"] = json!(right.registered_at.to_seconds_text());
        self.grant(&applicant.citizen_id, &applicant.program, right);
        let tickets = self.tickets.entry(applicant.program.clone()).or_insert(0);
        *tickets += 1;
        answer["ticket"] = json!(*tickets);
    }
}

/// Whether it was decided by who the citizen is: then there is an entry of the citizen from now on.
fn names_the_citizen(reason: &str) -> bool {
    let reasons = ["accepted", "already_registered", "wallet_taken", "quota_full"];
    reasons.contains(&reason) || reason.starts_with("excluded:")
}

fn read_batch(value: &Json) -> Result<Vec<Json>, BadFields> {
    let mut form = Form::open(value)?;
    let elements = form.required("registrations", |value| match value {
        Json::List(items) if (1..=BATCH_MAX).contains(&items.len()) => Some(items.clone()),
        _ => None,
    });
    form.finish(elements)
}

fn read_applicant(value: &Json) -> Result<(u128, Applicant), BadFields> {
    let mut form = Form::open(value)?;
    let registration_id = form.required("registration_id", forms::uuid);
    let applicant = Applicant {
        program: form.required("program", forms::name),
        wallet_id: form.required("wallet_id", forms::digits(15)),
        citizen_id: form.required("citizen_id", forms::citizen),
        birth_date: form.required("birth_date", |value| {
            forms::text(value).filter(|text| read_birth_date(text).is_some())
        }),
        nationality: form.required("nationality", |value| {
            forms::text(value).filter(|text| is_nationality(text))
        }),
    };
    form.finish((registration_id, applicant))
}

pub fn is_nationality(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Reads `YYYY`, `YYYY-MM` or `YYYY-MM-DD`: the last day it can mean.
pub fn read_birth_date(text: &str) -> Option<Date> {
    let parts: Vec<&str> = text.split('-').collect();
    let part = |at: usize, width: usize| {
        let part = parts.get(at).filter(|part| forms::is_digits(part, width))?;
        part.parse::<i64>().ok()
    };
    let year = part(0, 4).filter(|year| (1850..=2170).contains(year))?;
    let month = if parts.len() > 1 { part(1, 2)? } else { 12 };
    if parts.len() > 3 || !(1..=12).contains(&month) {
        return None;
    }
    let last = days_in_month(year, month);
    let day = if parts.len() > 2 { part(2, 2)? } else { last };
    (1..=last).contains(&day).then_some(Date { year, month, day })
}

/// How old somebody is in complete years; not yet born counts as 0.
pub fn complete_years(birth: Date, today: Date) -> i64 {
    let years = today.year - birth.year;
    let had_a_birthday = (today.month, today.day) >= (birth.month, birth.day);
    (if had_a_birthday { years } else { years - 1 }).max(0)
}
