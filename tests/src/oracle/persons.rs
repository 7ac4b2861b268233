//! Persons at the desk: who is suspended, who is erased, and what keeps a person from a new right.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::clawbacks::Debtor;
use super::forms::{self, BadFields, Form};
use super::merchants::Note;
use super::{Model, conflict, malformed, problem};

/// Whom a request is about.
#[derive(Clone, Debug, Default)]
pub enum Named {
    Citizen(String),
    Wallet(String),
    Merchant(String),
    /// The stand-in after a fault, never used.
    #[default]
    Nobody,
}

impl Model {
    pub fn put_person_status(&mut self, body: &str) -> Value {
        let (named, status, reason) = match read_person_status(body) {
            Ok(read) => read,
            Err(fields) => return malformed(fields),
        };
        let citizen_id = match self.person(&named) {
            Ok(citizen_id) => citizen_id,
            Err(problem) => return problem,
        };
        self.known_citizens.insert(citizen_id.clone());
        let wallets = self.wallets_of(&citizen_id);
        if status == "suspended" {
            let note = Note {
                reason: reason.clone(),
                since: self.now,
            };
            self.suspended_citizens.insert(citizen_id, note);
        } else {
            self.suspended_citizens.remove(&citizen_id);
        }
        json!({ "status": status, "reason": reason, "wallets": wallets })
    }

    /// The citizen who is meant, or the problem that answers.
    pub fn person(&self, named: &Named) -> Result<String, Value> {
        let person = match named {
            Named::Citizen(citizen_id) => citizen_id,
            Named::Wallet(wallet_id) => self.owner(wallet_id).ok_or(problem(404))?,
            Named::Merchant(_) | Named::Nobody => unreachable!("no person is asked for"),
        };
        if self.is_erased(person) {
            return Err(conflict("person_erased"));
        }
        Ok(person.clone())
    }

    fn owner(&self, wallet_id: &str) -> Option<&String> {
        self.wallets.get(wallet_id)?.citizen_id.as_ref()
    }

    /// The wallets through which the person holds, or held last, a right in any programme.
    pub fn wallets_of(&self, person: &str) -> BTreeSet<String> {
        let held = self.last_wallets.iter().filter(|((of, _), _)| of == person);
        held.map(|(_, wallet_id)| wallet_id.clone()).collect()
    }

    /// Whether the wallet itself is suspended, or the person to whom it belongs.
    pub fn is_wallet_suspended(&self, wallet_id: &str) -> bool {
        let by_itself = self.wallets.get(wallet_id).is_some_and(|wallet| wallet.suspended);
        let by_person = self.owner(wallet_id).is_some_and(|person| {
            let is_out = self.is_erased(person) || self.suspended_citizens.contains_key(person);
            is_out && self.wallets_of(person).contains(wallet_id)
        });
        by_itself || by_person
    }

    /// Why the person gets no new right. Whoever is erased is nothing else any more.
    pub fn block(&self, person: &str) -> Option<&'static str> {
        if self.is_erased(person) {
            return Some("excluded:erased");
        }
        if self.suspended_citizens.contains_key(person) {
            return Some("excluded:suspended");
        }
        let has_open_case = self.has_open_case(&Debtor::Person(person.to_owned()));
        has_open_case.then_some("excluded:clawback")
    }

    /// Whether this is a citizen who was erased, or what stands in the citizen's place since.
    pub fn is_erased(&self, person: &str) -> bool {
        self.erased
            .iter()
            .any(|(citizen_id, name)| citizen_id == person || name == person)
    }

    pub fn erase_person(&mut self, body: &str) -> Value {
        let named = match read_erasure(body) {
            Ok(named) => named,
            Err(fields) => return malformed(fields),
        };
        let judged = self.may_erase(&named);
        let wallets = match (&judged, &named) {
            (Ok((_, false)), Named::Citizen(_)) | (Err(_), _) => BTreeSet::new(),
            (Ok((person, _)), _) => self.wallets_of(person),
        };
        let changes = matches!(judged, Ok((_, true)));
        let mut answer = json!({
            "decision": if judged.is_ok() { "accepted" } else { "rejected" },
            "reason": judged.as_ref().err().unwrap_or(&"accepted"),
            "changed": changes,
            "wallets": wallets,
        });
        if let (true, Ok((citizen_id, _))) = (changes, judged) {
            answer["$sequence"] = json!("rises");
            self.forget(&citizen_id);
        }
        answer
    }

    /// Who is erased and whether that is still to be done, or why it may not be.
    fn may_erase(&self, named: &Named) -> Result<(String, bool), &'static str> {
        let person = match named {
            Named::Citizen(citizen_id) => citizen_id,
            Named::Wallet(wallet_id) => self.owner(wallet_id).ok_or("wallet_unknown")?,
            Named::Merchant(_) | Named::Nobody => unreachable!("no person is asked for"),
        };
        if self.is_erased(person) {
            return Ok((person.clone(), false));
        }
        if !self.known_citizens.contains(person) {
            return Err("citizen_unknown");
        }
        if self.has_open_case(&Debtor::Person(person.clone())) {
            return Err("clawback_open");
        }
        Ok((person.clone(), true))
    }

    /// Puts a name that nobody has in the citizen's place, wherever the citizen is named: everything still counts, but
    /// the national id leads to none of it.
    fn forget(&mut self, citizen_id: &str) {
        let name = format!("erased {}", self.erased.len() + 1);
        self.erased.insert(citizen_id.to_owned(), name.clone());
        self.suspended_citizens.remove(citizen_id);
        rename(&mut self.rights, citizen_id, &name);
        rename(&mut self.first_uses, citizen_id, &name);
        rename(&mut self.last_wallets, citizen_id, &name);
        rename(&mut self.moved_away, citizen_id, &name);
        self.rename_use(citizen_id, &name);
        for wallet in self.wallets.values_mut() {
            if wallet.citizen_id.as_deref() == Some(citizen_id) {
                wallet.citizen_id = Some(name.clone());
            }
        }
        for citizens in self.lists.values_mut() {
            if citizens.remove(citizen_id) {
                citizens.insert(name.clone());
            }
        }
        let person = Debtor::Person(citizen_id.to_owned());
        for case in self.cases.iter_mut().filter(|case| case.debtor == person) {
            case.debtor = Debtor::Person(name.clone());
        }
    }
}

/// What is kept by citizen and programme, under another name.
fn rename<T>(kept: &mut BTreeMap<(String, String), T>, citizen_id: &str, name: &str) {
    for ((person, program), value) in std::mem::take(kept) {
        let person = if person == citizen_id {
            name.to_owned()
        } else {
            person
        };
        kept.insert((person, program), value);
    }
}

fn read_person_status(body: &str) -> Result<(Named, String, String), BadFields> {
    let value = forms::body(body)?;
    let mut form = Form::open(&value)?;
    let named = read_named(&mut form, &["citizen_id", "wallet_id"]);
    let status = form.required("status", forms::one_of(&["active", "suspended"]));
    let reason = form.required("reason", forms::reason);
    form.finish((named, status, reason))
}

fn read_erasure(body: &str) -> Result<Named, BadFields> {
    let value = forms::body(body)?;
    let mut form = Form::open(&value)?;
    let named = read_named(&mut form, &["citizen_id", "wallet_id"]);
    form.required("reason", forms::reason);
    form.finish(named)
}

/// The one of these fields that is there.
pub fn read_named(form: &mut Form<'_>, fields: &[&'static str]) -> Named {
    form.exactly_one(fields);
    let mut named = Named::Nobody;
    for field in fields {
        let read = match *field {
            "citizen_id" => form.optional("citizen_id", forms::citizen).map(Named::Citizen),
            "wallet_id" => form.optional("wallet_id", forms::digits(15)).map(Named::Wallet),
            _ => form
                .optional("merchant_id", forms::digits(15))
                .map(Named::Merchant),
        };
        named = read.unwrap_or(named);
    }
    named
}
