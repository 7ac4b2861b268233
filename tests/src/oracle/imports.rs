//! Imports: one JSON object per line, each accepted or rejected by itself.

use serde_json::{Value, json};

use super::Model;
use super::administration::{Enrollment, read_merchant};
use super::calendar::Date;
use super::forms::{self, BadFields, Form};

/// How many rejected lines are named.
const ERRORS_MAX: usize = 100;

/// A line of an enrollment import.
struct Line {
    program: String,
    wallet_id: String,
    citizen_id: String,
    usable_from: Option<Date>,
    /// It names a household or a tier.
    needs_more: bool,
}

impl Model {
    pub(crate) fn import_merchants(&mut self, body: &str) -> Value {
        import(body, |line| {
            self.import_merchant(line).map_err(|_fields| "malformed")
        })
    }

    pub(crate) fn import_enrollments(&mut self, body: &str) -> Value {
        import(body, |line| match read_line(line) {
            Ok(line) => self.enroll(&line),
            Err(_fields) => Err("malformed"),
        })
    }

    fn import_merchant(&mut self, line: &str) -> Result<(), BadFields> {
        let value = forms::body(line)?;
        let mut form = Form::open(&value)?;
        let merchant_id = form.required("merchant_id", forms::digits(15));
        let merchant = read_merchant(&mut form, &merchant_id);
        let merchant = form.finish(merchant)?;
        self.merchants.insert(merchant_id, merchant);
        Ok(())
    }

    fn enroll(&mut self, line: &Line) -> Result<(), &'static str> {
        if !self.programmes.contains_key(&line.program) {
            return Err("program_unknown");
        }
        if line.needs_more {
            return Err("not_supported_yet");
        }
        let owner = self
            .wallets
            .get(&line.wallet_id)
            .and_then(|wallet| wallet.citizen_id.as_ref());
        if owner.is_some_and(|owner| *owner != line.citizen_id) {
            return Err("wallet_taken");
        }
        if self.holds_under_another_wallet(line) {
            return Err("already_registered");
        }
        self.wallets.entry(line.wallet_id.clone()).or_default().citizen_id = Some(line.citizen_id.clone());
        let key = (line.wallet_id.clone(), line.program.clone());
        let registered_at = self
            .enrollments
            .get(&key)
            .map_or(self.now, |earlier| earlier.registered_at);
        self.enrollments.insert(
            key,
            Enrollment {
                registered_at,
                usable_from: line.usable_from,
            },
        );
        Ok(())
    }

    fn holds_under_another_wallet(&self, line: &Line) -> bool {
        self.wallets
            .iter()
            .filter(|(wallet_id, _)| **wallet_id != line.wallet_id)
            .filter(|(_, wallet)| wallet.citizen_id.as_ref() == Some(&line.citizen_id))
            .any(|(wallet_id, _)| {
                self.enrollments
                    .contains_key(&(wallet_id.clone(), line.program.clone()))
            })
    }
}

/// Takes line by line; blank ones are skipped, but a line's number is its place in the file.
fn import(body: &str, mut take: impl FnMut(&str) -> Result<(), &'static str>) -> Value {
    let (mut accepted, mut rejected, mut errors) = (0, 0, Vec::new());
    for (index, line) in body.split('\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match take(line) {
            Ok(()) => accepted += 1,
            Err(reason) => {
                rejected += 1;
                if errors.len() < ERRORS_MAX {
                    errors.push(json!({ "line": index + 1, "reason": reason }));
                }
            }
        }
    }
    json!({ "accepted": accepted, "rejected": rejected, "errors": errors })
}

fn read_line(line: &str) -> Result<Line, BadFields> {
    let value = forms::body(line)?;
    let mut form = Form::open(&value)?;
    let program = form.required("program", forms::name);
    let wallet_id = form.required("wallet_id", forms::digits(15));
    let citizen_id = form.required("citizen_id", forms::citizen);
    let household_id = form.optional("household_id", forms::digits(15));
    let tier = form.optional("tier", forms::name);
    let usable_from = form.optional("usable_from", |value| {
        forms::text(value)
            .and_then(|text| Date::parse(&text))
            .filter(|date| (2000..=2170).contains(&date.year))
    });
    let needs_more = household_id.is_some() || tier.is_some();
    form.finish(Line {
        program,
        wallet_id,
        citizen_id,
        usable_from,
        needs_more,
    })
}
