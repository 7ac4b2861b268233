//! Imports: one JSON object or one citizen per line, each accepted or rejected by itself.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::administration::{Merchant, read_merchant, with_path};
use super::calendar::Date;
use super::forms::{self, BadFields, Form};
use super::listed::{Cell, read_cell};
use super::programme::Programme;
use super::rights::Right;
use super::{Model, malformed, problem};

/// How many rejected lines are named.
const ERRORS_MAX: usize = 100;

/// A line of an enrollment import.
struct Line {
    program: String,
    wallet_id: String,
    citizen_id: String,
    terms: Terms,
}

/// What is said of a right that is granted to somebody.
pub struct Terms {
    pub household_id: Option<String>,
    pub tier: Option<String>,
    pub usable_from: Option<Date>,
}

impl Model {
    pub fn import_merchants(&mut self, body: &str) -> Value {
        import(body, |line| {
            let (merchant_id, merchant) = read_merchant_line(line).map_err(|_fields| "malformed")?;
            let unknown = self.unknown_names(&merchant);
            self.store_merchant(&merchant_id, merchant)?;
            Ok(Some(unknown))
        })
    }

    pub fn import_enrollments(&mut self, body: &str) -> Value {
        import(body, |line| match read_line(line) {
            Ok(line) => self.enroll(&line).map(|()| Some(Vec::new())),
            Err(_fields) => Err("malformed"),
        })
    }

    /// One citizen per line; the first that is not blank may be the name of the column. A file in which no line is wrong counts as
    /// imported, even if there is none in it.
    pub fn import_list(&mut self, list: &str, body: &str) -> Value {
        if let Err(fields) = with_path("list", forms::is_name(list), Ok(())) {
            return malformed(fields);
        }
        let slip = self.unknown_list(list);
        let mut is_first = true;
        let mut answer = import(body, |line| {
            let is_first = std::mem::replace(&mut is_first, false);
            let citizen_id = match read_cell(line, is_first)? {
                Cell::Citizen(citizen_id) => citizen_id,
                Cell::Nobody => return Ok(None),
            };
            if !self.is_erased(&citizen_id) {
                self.known_citizens.insert(citizen_id.clone());
                let citizens = self.lists.entry(list.to_owned()).or_default();
                citizens.insert(citizen_id);
            }
            Ok(Some(Vec::new()))
        });
        if answer.get("$problem").is_none() && (answer["accepted"] != 0 || answer["rejected"] == 0) {
            self.lists.entry(list.to_owned()).or_default();
            if let Some(slip) = slip {
                answer["warnings"] = json!([{ "line": 1, "reason": slip }]);
            }
        }
        answer
    }

    /// The programmes and channels of a merchant that no file names.
    fn unknown_names(&self, merchant: &Merchant) -> Vec<String> {
        let (mut programs, mut channels) = (BTreeSet::new(), BTreeSet::new());
        for file in self.files() {
            programs.insert(&file.id);
            programs.extend(
                file.registration
                    .iter()
                    .filter_map(|r| Some(&r.returning.as_ref()?.from_program)),
            );
            programs.extend(
                file.merchant_registration
                    .iter()
                    .filter_map(|r| r.returning_from.as_ref()),
            );
            let of_benefits = file.benefits.iter().flat_map(|benefit| &benefit.channels);
            channels.extend(of_benefits.map(|channel| &channel.id));
        }
        let unknown = |what: &str, known: &BTreeSet<&String>, named: &[String]| -> Vec<String> {
            let unknown = named.iter().filter(|name| !known.contains(name));
            unknown.map(|name| format!("{what}: {name}")).collect()
        };
        let mut all = unknown("unknown_channel", &channels, &merchant.channels);
        all.extend(unknown("unknown_program", &programs, &merchant.programs));
        all.sort();
        all
    }

    fn unknown_list(&self, list: &str) -> Option<String> {
        let names = |file: &Programme| {
            file.registration.as_ref().is_some_and(|registration| {
                let tiers = registration.tiers.iter().map(|tier| &tier.required_list);
                let earlier = registration
                    .returning
                    .iter()
                    .map(|returning| &returning.from_program);
                let mut lists = registration.excluded_lists.iter().chain(tiers).chain(earlier);
                lists.any(|name| name == list)
            })
        };
        let known = self.files().any(names);
        (!known).then(|| format!("unknown_list: {list}"))
    }

    /// The versions that count, and those that will.
    fn files(&self) -> impl Iterator<Item = &Programme> {
        self.programmes.values().chain(self.coming.values())
    }

    fn enroll(&mut self, line: &Line) -> Result<(), &'static str> {
        let Some(programme) = self.version_to_show(&line.program) else {
            return Err("program_unknown");
        };
        if line
            .terms
            .tier
            .as_ref()
            .is_some_and(|tier| programme.tier(tier).is_none())
        {
            return Err("tier_unknown");
        }
        if self.is_erased(&line.citizen_id) {
            return Err("excluded:erased");
        }
        if self.is_taken(&line.wallet_id, &line.citizen_id) {
            return Err("wallet_taken");
        }
        let held = self.live_right(&line.citizen_id, &programme.id);
        if held.is_some_and(|right| right.wallet_id != line.wallet_id) {
            return Err("already_registered");
        }
        if held.is_none() {
            if let Some(block) = self.block(&line.citizen_id) {
                return Err(block);
            }
            if self.is_full(programme) {
                return Err("quota_full");
            }
        }
        let mut right = Right::new(&line.wallet_id, self.now).on(&line.terms);
        if let Some(held) = held {
            right.registered_at = held.registered_at;
            if line.terms.usable_from.is_none() {
                right.usable_from = held.usable_from;
                right.is_returning = held.is_returning;
            }
        }
        self.grant(&line.citizen_id, &line.program, right);
        Ok(())
    }
}

/// Takes line by line; blank ones are skipped, but a line's number is its place in the file. `take` gives `None` for one that says
/// nothing. What is taken may name what looks like a slip: that is told once for each name.
fn import(body: &str, mut take: impl FnMut(&str) -> Result<Option<Vec<String>>, &'static str>) -> Value {
    if let Some(refused) = no_text(body) {
        return refused;
    }
    let (mut accepted, mut rejected, mut errors) = (0, 0, Vec::new());
    let mut warnings: Vec<(usize, String)> = Vec::new();
    for (index, line) in lines(body).iter().enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match take(line) {
            Ok(None) => {}
            Ok(Some(slips)) => {
                accepted += 1;
                for slip in slips {
                    if warnings.iter().all(|(_, told)| *told != slip) && warnings.len() < ERRORS_MAX {
                        warnings.push((index + 1, slip));
                    }
                }
            }
            Err(reason) => {
                rejected += 1;
                if errors.len() < ERRORS_MAX {
                    errors.push(json!({ "line": index + 1, "reason": reason }));
                }
            }
        }
    }
    let mut answer = json!({ "accepted": accepted, "rejected": rejected, "errors": errors });
    if !warnings.is_empty() {
        let warning = |(line, reason)| json!({ "line": line, "reason": reason });
        answer["warnings"] = warnings.into_iter().map(warning).collect();
    }
    answer
}

/// The answer to a file that is no text of UTF-8 by its first bytes. (What the model is asked is text, so most of it never comes.)
fn no_text(body: &str) -> Option<Value> {
    let bytes = body.as_bytes();
    if body.starts_with("PK\u{3}\u{4}") {
        return Some(problem(415));
    }
    match (bytes.first()?, bytes.get(1)?) {
        (0, 0) => None,
        (0, _) | (_, 0) => Some(malformed(BadFields::from([String::new()]))),
        _ => None,
    }
}

/// The lines of a file of any system, without the byte order mark in front.
fn lines(body: &str) -> Vec<String> {
    let body = body.strip_prefix('\u{feff}').unwrap_or(body);
    let (mut lines, mut line, mut before) = (Vec::new(), String::new(), ' ');
    for character in body.chars() {
        match character {
            '\n' if before == '\r' => {}
            '\n' | '\r' => lines.push(std::mem::take(&mut line)),
            other => line.push(other),
        }
        before = character;
    }
    lines.push(line);
    lines
}

fn read_merchant_line(line: &str) -> Result<(String, Merchant), BadFields> {
    let value = forms::body(line)?;
    let mut form = Form::open(&value)?;
    let merchant_id = form.required("merchant_id", forms::digits(15));
    let merchant = read_merchant(&mut form, &merchant_id);
    form.finish((merchant_id, merchant))
}

fn read_line(line: &str) -> Result<Line, BadFields> {
    let value = forms::body(line)?;
    let mut form = Form::open(&value)?;
    let program = form.required("program", forms::name);
    let wallet_id = form.required("wallet_id", forms::digits(15));
    let citizen_id = form.required("citizen_id", forms::citizen);
    let terms = read_terms(&mut form);
    form.finish(Line {
        program,
        wallet_id,
        citizen_id,
        terms,
    })
}

/// The fields that a line and a move have in common.
pub fn read_terms(form: &mut Form<'_>) -> Terms {
    Terms {
        household_id: form.optional("household_id", forms::digits(15)),
        tier: form.optional("tier", forms::name),
        usable_from: form.optional("usable_from", forms::day),
    }
}
