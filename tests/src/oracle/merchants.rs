//! A merchant's life at the desk: it joins programmes, is suspended, rides for one platform, withdraws its consent.

use serde_json::{Map, Value, json};

use super::administration::{Merchant, status_word, with_path};
use super::calendar::{Date, Instant};
use super::clawbacks::{Case, Debtor};
use super::forms::{self, BadFields, Form};
use super::payouts::payout_word;
use super::programme::{MerchantRegistration, Programme};
use super::{Model, conflict, malformed, problem};

/// What the desk knows of a merchant besides what the operator put.
#[derive(Clone, Debug, Default)]
pub struct AtTheDesk {
    /// The delivery platform it is bound to.
    pub platform: Option<String>,
    /// The desk's own suspension, while it lasts.
    pub suspended: Option<Note>,
    pub withdrawn: Option<Withdrawal>,
    /// Its payouts are held back, while this lasts.
    pub frozen: Option<Note>,
    /// Every programme it joined by itself, in order of time.
    pub joined: Vec<Joined>,
}

/// Why something is so, and since when.
#[derive(Clone, Debug)]
pub struct Note {
    pub reason: String,
    pub since: Instant,
}

impl Note {
    pub fn show(&self) -> Value {
        json!({ "reason": self.reason, "since": self.since.to_milliseconds_text() })
    }
}

/// A merchant's withdrawal of its consent: there is one, and it is for good.
#[derive(Clone, Debug)]
pub struct Withdrawal {
    pub note: Note,
    pub letter_date: Date,
    pub case_id: u128,
}

/// That a merchant joined a programme.
#[derive(Clone, Debug)]
pub struct Joined {
    pub program: String,
    pub at: Instant,
    pub returning: bool,
}

impl Model {
    pub fn register_merchant(&mut self, merchant_id: &str, body: &str) -> Value {
        let program = match with_merchant_id(merchant_id, read_program(body)) {
            Ok(program) => program,
            Err(fields) => return malformed(fields),
        };
        let judged = self.may_join(merchant_id, &program);
        let joins = matches!(judged, Ok(Some(_)));
        let returning = judged == Ok(Some(true));
        let mut answer = json!({
            "merchant_id": merchant_id,
            "program": program,
            "decision": if judged.is_ok() { "accepted" } else { "rejected" },
            "reason": judged.err().unwrap_or("accepted"),
            "returning": returning,
            "changed": joins,
        });
        if joins && let Some(merchant) = self.merchants.get_mut(merchant_id) {
            answer["$sequence"] = json!("rises");
            merchant.programs.push(program.clone());
            merchant.desk.joined.push(Joined {
                program,
                at: self.now,
                returning,
            });
        }
        answer
    }

    /// The checks one after another: nothing when the merchant takes part already, or whether it comes back.
    fn may_join(&self, merchant_id: &str, program: &str) -> Result<Option<bool>, &'static str> {
        let Some(programme) = self.programmes.get(program) else {
            return Err("program_unknown");
        };
        if self.suspended_programmes.contains(program) {
            return Err("program_suspended");
        }
        let Some(merchant) = self.merchants.get(merchant_id) else {
            return Err("merchant_unknown");
        };
        if merchant.desk.withdrawn.is_some() {
            return Err("consent_withdrawn");
        }
        if merchant.is_suspended() {
            return Err("merchant_suspended");
        }
        if !takes_category(programme, &merchant.category) {
            return Err("category_not_allowed");
        }
        if merchant.programs.iter().any(|joined| joined == program) {
            return Ok(None);
        }
        if self.has_open_case(&Debtor::Merchant(merchant_id.to_owned())) {
            return Err("clawback_open");
        }
        let Some(window) = &programme.merchant_registration else {
            return Err("registration_closed");
        };
        let returning = comes_back(window, merchant);
        if !window.is_open(self.today(), returning) {
            return Err("registration_closed");
        }
        Ok(Some(returning))
    }

    pub fn put_merchant_status(&mut self, merchant_id: &str, body: &str) -> Value {
        let read = read_change(body, "status", &["active", "suspended"]);
        let (status, reason) = match with_merchant_id(merchant_id, read) {
            Ok(read) => read,
            Err(fields) => return malformed(fields),
        };
        let note = self.note(&reason);
        let Some(merchant) = self.merchants.get_mut(merchant_id) else {
            return problem(404);
        };
        if status == "active" && merchant.desk.withdrawn.is_some() {
            return conflict("consent_withdrawn");
        }
        merchant.desk.suspended = (status == "suspended").then_some(note);
        json!({ "merchant_id": merchant_id, "status": status, "reason": reason })
    }

    pub fn change_platform(&mut self, merchant_id: &str, body: &str) -> Value {
        let (action, platform) = match with_merchant_id(merchant_id, read_platform(body)) {
            Ok(read) => read,
            Err(fields) => return malformed(fields),
        };
        let judged = if action == "bind" {
            self.may_bind(merchant_id, &platform)
        } else {
            self.may_release(merchant_id, &platform)
        };
        let mut answer = json!({
            "merchant_id": merchant_id,
            "platform": platform,
            "action": action,
            "decision": if judged.is_ok() { "accepted" } else { "rejected" },
            "reason": judged.err().unwrap_or("accepted"),
            "changed": judged == Ok(true),
        });
        if judged == Ok(true)
            && let Some(merchant) = self.merchants.get_mut(merchant_id)
        {
            answer["$sequence"] = json!("rises");
            merchant.desk.platform = (action == "bind").then_some(platform);
        }
        answer
    }

    /// Whether something is to be changed, or why it may not be.
    fn may_bind(&self, merchant_id: &str, platform: &str) -> Result<bool, &'static str> {
        let Some(merchant) = self.merchants.get(merchant_id) else {
            return Err("merchant_unknown");
        };
        if merchant.desk.withdrawn.is_some() {
            return Err("consent_withdrawn");
        }
        if merchant.is_suspended() {
            return Err("merchant_suspended");
        }
        match &merchant.desk.platform {
            None => Ok(true),
            Some(bound) if bound == platform => Ok(false),
            Some(_) => Err("platform_bound"),
        }
    }

    /// A release is never accepted twice: nobody is bound after the first.
    fn may_release(&self, merchant_id: &str, platform: &str) -> Result<bool, &'static str> {
        let Some(merchant) = self.merchants.get(merchant_id) else {
            return Err("merchant_unknown");
        };
        if merchant.desk.platform.as_deref() != Some(platform) {
            return Err("platform_not_bound");
        }
        Ok(true)
    }

    pub fn withdraw_consent(&mut self, merchant_id: &str, body: &str) -> Value {
        let read = read_withdrawal(body, self.today());
        let (case_id, letter_date, reason) = match with_merchant_id(merchant_id, read) {
            Ok(read) => read,
            Err(fields) => return malformed(fields),
        };
        let Some(merchant) = self.merchants.get(merchant_id) else {
            return problem(404);
        };
        if let Some(withdrawn) = &merchant.desk.withdrawn {
            let is_the_same = withdrawn.case_id == case_id
                && withdrawn.letter_date == letter_date
                && withdrawn.note.reason == reason;
            return if is_the_same {
                self.show_one_merchant(merchant_id, merchant)
            } else {
                conflict("consent_withdrawn")
            };
        }
        if self.case(case_id).is_some() {
            return conflict("case_id_conflict");
        }
        self.cases.push(Case {
            case_id,
            debtor: Debtor::Merchant(merchant_id.to_owned()),
            cause: "consent_withdrawn",
            owed: self.received(merchant_id),
            letter_date,
            opened: self.note(&reason),
            payments: Vec::new(),
            closed: None,
        });
        let withdrawal = Withdrawal {
            note: self.note(&reason),
            letter_date,
            case_id,
        };
        if let Some(merchant) = self.merchants.get_mut(merchant_id) {
            merchant.desk.withdrawn = Some(withdrawal);
        }
        self.show_merchant(merchant_id)
    }

    /// The state money that was paid at the merchant, in any programme, less what went back. An open hold has paid
    /// nothing.
    fn received(&self, merchant_id: &str) -> u128 {
        self.originals
            .values()
            .filter(|original| original.merchant_id == merchant_id)
            .map(|original| original.state_amount - original.state_given_back())
            .sum()
    }

    pub fn show_merchant(&self, merchant_id: &str) -> Value {
        if let Err(fields) = with_merchant_id(merchant_id, Ok(())) {
            return malformed(fields);
        }
        match self.merchants.get(merchant_id) {
            Some(merchant) => self.show_one_merchant(merchant_id, merchant),
            None => problem(404),
        }
    }

    fn show_one_merchant(&self, merchant_id: &str, merchant: &Merchant) -> Value {
        let desk = &merchant.desk;
        let cases = self
            .cases
            .iter()
            .filter(|case| case.debtor == Debtor::Merchant(merchant_id.to_owned()));
        let mut shown = json!({
            "merchant_id": merchant_id,
            "category": merchant.category,
            "status": status_word(merchant.is_suspended()),
            "programs": sorted(&merchant.programs),
            "channels": sorted(&merchant.channels),
            "payout": payout_word(desk.frozen.is_some()),
            "joined": desk.joined.iter().map(show_joined).collect::<Vec<_>>(),
            "clawbacks": cases.map(|case| self.show_case(case)).collect::<Vec<_>>(),
        });
        let optional = [
            ("platform", desk.platform.as_ref().map(|platform| json!(platform))),
            ("suspended", desk.suspended.as_ref().map(Note::show)),
            ("consent_withdrawn", desk.withdrawn.as_ref().map(show_withdrawal)),
            ("frozen", desk.frozen.as_ref().map(Note::show)),
        ];
        let there = optional
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)));
        if let Some(fields) = shown.as_object_mut() {
            fields.extend(there.collect::<Map<_, _>>());
        }
        shown
    }

    /// Why something is so, from now on.
    pub fn note(&self, reason: &str) -> Note {
        Note {
            reason: reason.to_owned(),
            since: self.now,
        }
    }
}

/// Whether the merchant takes part in the earlier programme; without one, in any other.
fn comes_back(window: &MerchantRegistration, merchant: &Merchant) -> bool {
    match &window.returning_from {
        Some(earlier) => merchant.programs.contains(earlier),
        None => !merchant.programs.is_empty(),
    }
}

fn takes_category(programme: &Programme, category: &str) -> bool {
    let mut categories = programme.benefits.iter().flat_map(|benefit| &benefit.categories);
    categories.any(|taken| taken == category)
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names
}

fn show_joined(joined: &Joined) -> Value {
    json!({
        "program": joined.program,
        "at": joined.at.to_milliseconds_text(),
        "returning": joined.returning,
    })
}

fn show_withdrawal(withdrawn: &Withdrawal) -> Value {
    let mut shown = withdrawn.note.show();
    shown["letter_date"] = json!(withdrawn.letter_date.to_string());
    shown["case_id"] = json!(forms::uuid_text(withdrawn.case_id));
    shown
}

pub fn with_merchant_id<T>(merchant_id: &str, read: Result<T, BadFields>) -> Result<T, BadFields> {
    with_path("merchant_id", forms::is_digits(merchant_id, 15), read)
}

fn read_program(body: &str) -> Result<String, BadFields> {
    let value = forms::body(body)?;
    let mut form = Form::open(&value)?;
    let program = form.required("program", forms::name);
    form.finish(program)
}

/// One of two words, and why.
pub fn read_change(
    body: &str,
    field: &str,
    words: &'static [&'static str],
) -> Result<(String, String), BadFields> {
    let value = forms::body(body)?;
    let mut form = Form::open(&value)?;
    let word = form.required(field, forms::one_of(words));
    let reason = form.required("reason", forms::reason);
    form.finish((word, reason))
}

fn read_platform(body: &str) -> Result<(String, String), BadFields> {
    let value = forms::body(body)?;
    let mut form = Form::open(&value)?;
    let action = form.required("action", forms::one_of(&["bind", "release"]));
    let platform = form.required("platform", forms::name);
    form.required("reason", forms::reason);
    form.finish((action, platform))
}

fn read_withdrawal(body: &str, today: Date) -> Result<(u128, Date, String), BadFields> {
    let value = forms::body(body)?;
    let mut form = Form::open(&value)?;
    let case_id = form.required("case_id", forms::uuid);
    let letter_date = read_letter_date(&mut form, today);
    let reason = form.required("reason", forms::reason);
    form.finish((case_id, letter_date, reason))
}

/// The day of a letter, which is none to come. The stand-in after a fault is never used.
pub fn read_letter_date(form: &mut Form<'_>, today: Date) -> Date {
    let read = form.required("letter_date", |value| {
        forms::day(value).filter(|day| *day <= today).map(Some)
    });
    read.unwrap_or(today)
}
