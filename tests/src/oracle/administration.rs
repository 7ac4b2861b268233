//! Merchants, wallets, statuses and the clock: what the operator puts.

use serde_json::{Value, json};

use super::calendar::Instant;
use super::clawbacks::Debtor;
use super::forms::{self, BadFields, Form};
use super::json::Json;
use super::merchants::AtTheDesk;
use super::{Model, conflict, malformed, problem};

/// Every merchant category there is.
pub const CATEGORIES: &[&str] = &[
    "food_drink",
    "general_goods",
    "otop",
    "village_fund",
    "community_enterprise",
    "blue_flag",
    "massage",
    "spa",
    "hair",
    "nails",
    "public_transport",
    "mass_transit",
    "unlicensed_transport",
    "cooking_gas",
    "electricity",
    "water",
];

/// A merchant as it was put last.
#[derive(Clone, Debug)]
pub struct Merchant {
    pub category: String,
    pub suspended: bool,
    pub programs: Vec<String>,
    pub channels: Vec<String>,
    /// The whole object as it is answered.
    pub stored: Value,
    /// What no PUT changes.
    pub desk: AtTheDesk,
}

impl Merchant {
    /// Whether the register, the desk or the merchant itself says so.
    pub fn is_suspended(&self) -> bool {
        self.suspended || self.desk.suspended.is_some() || self.desk.withdrawn.is_some()
    }
}

/// A wallet somebody named.
#[derive(Clone, Debug, Default)]
pub struct Wallet {
    pub suspended: bool,
    /// Whose it is, once an enrollment or an accepted registration said so.
    pub citizen_id: Option<String>,
}

impl Model {
    pub fn put_merchant(&mut self, merchant_id: &str, body: &str) -> Value {
        let read = forms::body(body).and_then(|value| {
            let mut form = Form::open(&value)?;
            let merchant = read_merchant(&mut form, merchant_id);
            form.finish(merchant)
        });
        match with_path("merchant_id", forms::is_digits(merchant_id, 15), read) {
            Ok(merchant) => {
                let stored = merchant.stored.clone();
                match self.store_merchant(merchant_id, merchant) {
                    Ok(()) => stored,
                    Err(code) => conflict(code),
                }
            }
            Err(fields) => malformed(fields),
        }
    }

    /// Takes a merchant as the operator's register has it, unless the desk is against it.
    pub fn store_merchant(&mut self, merchant_id: &str, new: Merchant) -> Result<(), &'static str> {
        let mut new = new;
        if let Some(earlier) = self.merchants.get(merchant_id) {
            if earlier.desk.withdrawn.is_some() {
                return Err("consent_withdrawn");
            }
            let joins = new
                .programs
                .iter()
                .any(|program| !earlier.programs.contains(program));
            if joins && self.has_open_case(&Debtor::Merchant(merchant_id.to_owned())) {
                return Err("clawback_open");
            }
            new.desk = earlier.desk.clone();
        }
        self.merchants.insert(merchant_id.to_owned(), new);
        Ok(())
    }

    pub fn put_wallet_status(&mut self, wallet_id: &str, body: &str) -> Value {
        match with_path("wallet_id", forms::is_digits(wallet_id, 15), read_status(body)) {
            Ok((status, reason)) => {
                let wallet = self.wallets.entry(wallet_id.to_owned()).or_default();
                wallet.suspended = status == "suspended";
                json!({ "wallet_id": wallet_id, "status": status, "reason": reason })
            }
            Err(fields) => malformed(fields),
        }
    }

    pub fn put_programme_status(&mut self, program: &str, body: &str) -> Value {
        let (status, reason) = match with_path("id", forms::is_name(program), read_status(body)) {
            Ok(read) => read,
            Err(fields) => return malformed(fields),
        };
        if self.version_to_show(program).is_none() {
            return problem(404);
        }
        if status == "suspended" {
            self.suspended_programmes.insert(program.to_owned());
        } else {
            self.suspended_programmes.remove(program);
        }
        json!({ "program": program, "status": status, "reason": reason })
    }

    pub fn put_clock(&mut self, body: &str) -> Value {
        let read = forms::body(body).and_then(|value| {
            let mut form = Form::open(&value)?;
            let now = form.required("now", |value| {
                forms::text(value)
                    .and_then(|text| Instant::parse(&text))
                    .map(Some)
            });
            form.finish(now)
        });
        match read {
            Ok(now) => {
                let now = now.expect("a form without faults has its required fields");
                if now < self.now {
                    return problem(409);
                }
                self.pass_time(now);
                json!({ "now": now.to_milliseconds_text() })
            }
            Err(fields) => malformed(fields),
        }
    }
}

pub fn status_word(suspended: bool) -> &'static str {
    if suspended { "suspended" } else { "active" }
}

/// A path id is judged like a field of the body.
pub fn with_path<T>(name: &str, is_well_formed: bool, read: Result<T, BadFields>) -> Result<T, BadFields> {
    if is_well_formed {
        return read;
    }
    let mut fields = read.err().unwrap_or_default();
    fields.insert(name.to_owned());
    Err(fields)
}

/// A path id that is a UUID.
pub fn with_path_id<T>(name: &str, text: &str, read: Result<T, BadFields>) -> Result<(u128, T), BadFields> {
    let id = forms::parse_uuid(text);
    let read = with_path(name, id.is_some(), read)?;
    Ok((id.expect("a path without it is malformed"), read))
}

fn read_status(body: &str) -> Result<(String, String), BadFields> {
    let value = forms::body(body)?;
    let mut form = Form::open(&value)?;
    let status = form.required("status", forms::one_of(&["active", "suspended"]));
    let reason = form.required("reason", forms::label_of(0, 500));
    form.finish((status, reason))
}

/// The fields a merchant has in a PUT and in a line of an import alike.
pub fn read_merchant(form: &mut Form<'_>, merchant_id: &str) -> Merchant {
    let name = form.required("name", forms::label_of(1, 200));
    let category = form.required("category", forms::one_of(CATEGORIES));
    let status = form.required("status", forms::one_of(&["active", "suspended"]));
    let programs = form.required("programs", forms::names);
    let channels = form.required("channels", forms::names);
    let mut stored = json!({
        "merchant_id": merchant_id,
        "name": name,
        "category": category,
        "status": status,
        "programs": programs,
        "channels": channels,
    });
    let bank_account = |value: &Json| forms::digits(10)(value);
    let optional = [
        ("province", form.optional("province", forms::label_of(0, 200))),
        ("bank_account", form.optional("bank_account", bank_account)),
        (
            "account_name",
            form.optional("account_name", forms::label_of(0, 200)),
        ),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            stored[key] = json!(value);
        }
    }
    Merchant {
        category,
        suspended: status == "suspended",
        programs,
        channels,
        stored,
        desk: AtTheDesk::default(),
    }
}
