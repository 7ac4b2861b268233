//! The oracle: a naive model of what a client may rely on, written to be read and believed.
//!
//! It shares no code with the product: it reads the programme files by itself, has its own calendar, keeps
//! every sum as `u128` in a `BTreeMap` and checks one rule after another in the order of the contract.
//! It speaks JSON texts like a client does, so that whatever answers the same requests can be compared with it.
//!
//! Two things it cannot know are left out of its answers: the absolute `sequence` (the comparer asks only that
//! it rises and that a replay repeats it) and the words of a problem. A problem is answered as
//! `{"$problem": status, …}` with the `fields` that may be named or the `code` that must be.
//!
//! Not modelled because the product does not have it yet: registrations, holds, lists, households, tiers,
//! `first_use_by`, `exclusive_with`, `funded_by`, `effective_from`.

pub mod administration;
pub mod calendar;
pub mod forms;
pub mod imports;
pub mod json;
pub mod programme;
pub mod purchase;
pub mod refund;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod examples_money;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use self::administration::{Enrollment, Merchant, Wallet};
use self::calendar::{Date, Instant, Period};
use self::forms::BadFields;
use self::programme::Programme;
use self::purchase::{FirstAnswer, Original};
use self::refund::FirstReversal;

/// A benefit's bucket: wallet, programme, benefit and the period it counts.
pub(crate) type Bucket = (String, String, String, Period);

/// The whole state of one engine as the contract describes it.
pub struct Model {
    pub(crate) now: Instant,
    pub(crate) programmes: BTreeMap<String, Programme>,
    pub(crate) suspended_programmes: BTreeSet<String>,
    pub(crate) merchants: BTreeMap<String, Merchant>,
    pub(crate) wallets: BTreeMap<String, Wallet>,
    /// By wallet, then programme.
    pub(crate) enrollments: BTreeMap<(String, String), Enrollment>,
    /// The state money used, less what was given back, in every bucket that ever was.
    pub(crate) used: BTreeMap<Bucket, u128>,
    pub(crate) first_answers: BTreeMap<u128, FirstAnswer>,
    pub(crate) originals: BTreeMap<u128, Original>,
    pub(crate) tombstones: BTreeSet<u128>,
    pub(crate) first_reversals: BTreeMap<u128, FirstReversal>,
}

impl Model {
    /// A fresh engine over these programme files (`(file name, text)`) whose clock stands still at `start`.
    ///
    /// # Panics
    /// When a file or the instant cannot be read: the caller made them.
    pub fn new(programme_texts: &[(String, String)], start: &str) -> Model {
        let mut programmes = BTreeMap::new();
        for (file_name, text) in programme_texts {
            let programme = Programme::read(text).unwrap_or_else(|reason| panic!("{file_name}: {reason}"));
            programmes.insert(programme.id.clone(), programme);
        }
        Model {
            now: Instant::parse(start).expect("the start is an RFC 3339 instant"),
            programmes,
            suspended_programmes: BTreeSet::new(),
            merchants: BTreeMap::new(),
            wallets: BTreeMap::new(),
            enrollments: BTreeMap::new(),
            used: BTreeMap::new(),
            first_answers: BTreeMap::new(),
            originals: BTreeMap::new(),
            tombstones: BTreeSet::new(),
            first_reversals: BTreeMap::new(),
        }
    }

    /// Answers one request: the status and the body.
    pub fn call(&mut self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let answer = match (method, segments.as_slice()) {
            ("POST", ["v1", "authorizations"]) => self.authorize(body),
            ("POST", ["v1", "authorizations", "batch"]) => self.batch(body),
            ("POST", ["v1", "authorizations", txn_id, "reversals"]) => self.reverse(txn_id, body),
            ("POST", ["v1", "quotes"]) => self.quote(body),
            ("GET", ["v1", "wallets", wallet_id]) => self.show_wallet(wallet_id),
            ("PUT", ["v1", "wallets", wallet_id, "status"]) => self.put_wallet_status(wallet_id, body),
            ("PUT", ["v1", "merchants", merchant_id]) => self.put_merchant(merchant_id, body),
            ("PUT", ["v1", "programs", program, "status"]) => self.put_programme_status(program, body),
            ("POST", ["v1", "merchants", "import"]) => self.import_merchants(body),
            ("POST", ["v1", "enrollments", "import"]) => self.import_enrollments(body),
            ("PUT", ["v1", "clock"]) => self.put_clock(body),
            _ => problem(404),
        };
        let status = answer
            .get("$problem")
            .and_then(Value::as_u64)
            .map_or(200, |status| status as u16);
        (status, answer)
    }

    /// The programmes, for whoever wants to ask questions that hit them.
    pub fn programmes(&self) -> impl Iterator<Item = &Programme> {
        self.programmes.values()
    }

    /// What the standing clock shows, in milliseconds since 1970-01-01T00:00:00Z.
    pub fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn today(&self) -> Date {
        self.now.date()
    }

    pub(crate) fn used(&self, bucket: &Bucket) -> u128 {
        self.used.get(bucket).copied().unwrap_or(0)
    }
}

/// A problem of which only the status is known.
pub(crate) fn problem(status: u16) -> Value {
    json!({ "$problem": status })
}

/// 400: each field the answer names must be one of these, and it must name one.
pub(crate) fn malformed(fields: BadFields) -> Value {
    json!({ "$problem": 400, "fields": fields })
}

/// 409 under the code that says which id was used twice.
pub(crate) fn conflict(code: &str) -> Value {
    json!({ "$problem": 409, "code": code })
}
