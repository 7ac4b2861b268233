//! The oracle: a naive model of what a client may rely on, written to be read and believed.
//!
//! It shares no code with the product: it reads the programme files by itself, has its own calendar, keeps
//! every sum as `u128` in a `BTreeMap` and checks one rule after another in the order of the contract.
//! It speaks JSON texts like a client does, so that whatever answers the same requests can be compared with it.
//!
//! Two things it cannot know are left out of its answers: the absolute `sequence` (the comparer asks only that
//! it rises and that a replay repeats it) and the words of a problem. What it says instead:
//!
//! - `{"$problem": status, …}`: a problem, with the `fields` that may be named or the `code` that must be;
//! - `"$sequence": "rises"`: there is a `sequence` and it is above every earlier one, though nothing says `replayed`;
//! - `"sequence": null`: there is no record;
//! - `"$sequence_of": id`: the answer's `sequence` is the one of the first answer to this `registration_id`;
//! - `"$act": "capture"` or `"void"`: its first answer is kept apart from that of the purchase of this `txn_id`;
//! - `{"$subset": …}`: the answer says at least this, and has none of the keys in `"$without"`.
//!
//! Without keys nobody is named in `by`.

pub mod administration;
pub mod calendar;
pub mod clawbacks;
pub mod exclusive;
pub mod forms;
pub mod funding;
pub mod holds;
pub mod imports;
pub mod json;
pub mod listed;
pub mod lookups;
pub mod merchants;
pub mod moves;
pub mod payouts;
pub mod persons;
pub mod programme;
pub mod purchase;
pub mod refund;
pub mod registration;
pub mod replacements;
pub mod rights;
pub mod room;
pub mod versions;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use self::administration::{Merchant, Wallet};
use self::calendar::{Date, Instant};
use self::clawbacks::Case;
use self::exclusive::Draw;
use self::forms::BadFields;
use self::holds::Hold;
use self::merchants::Note;
use self::programme::Programme;
use self::purchase::{FirstAnswer, Original};
use self::refund::FirstReversal;
use self::registration::FirstRegistration;
use self::replacements::Replacement;
use self::rights::Right;
use self::room::Bucket;
use self::versions::read_all;

/// The whole state of one engine as the contract describes it.
pub struct Model {
    pub now: Instant,
    /// The version that counts today of each programme that has one.
    pub programmes: BTreeMap<String, Programme>,
    /// Versions that count from a later day on.
    pub coming: BTreeMap<String, Programme>,
    pub suspended_programmes: BTreeSet<String>,
    pub merchants: BTreeMap<String, Merchant>,
    pub wallets: BTreeMap<String, Wallet>,
    /// By citizen and programme: nobody has two rights in one.
    pub rights: BTreeMap<(String, String), Right>,
    /// By citizen and programme: when the first purchase was approved.
    pub first_uses: BTreeMap<(String, String), Instant>,
    /// The imported lists of citizens, by name; some are rightly empty.
    pub lists: BTreeMap<String, BTreeSet<String>>,
    /// The state money used, less what was given back, in every bucket that ever was; holds apart.
    pub used: BTreeMap<Bucket, u128>,
    /// Of that, what each source paid, by the bucket of the shortest cap and the source's name.
    pub funded: BTreeMap<(Bucket, String), u128>,
    /// Who drew state money on which programme and date, reversed since or not.
    pub draws: BTreeSet<Draw>,
    pub first_answers: BTreeMap<u128, FirstAnswer>,
    /// Approved purchases, and of the holds those that were captured.
    pub originals: BTreeMap<u128, Original>,
    pub holds: BTreeMap<u128, Hold>,
    pub tombstones: BTreeSet<u128>,
    /// The first void of each id for which a tombstone stood, or stood then, and what was answered.
    pub tombstone_voids: BTreeMap<u128, Value>,
    pub first_reversals: BTreeMap<u128, FirstReversal>,
    pub first_registrations: BTreeMap<u128, FirstRegistration>,
    /// By citizen and programme: the first registration that was told `quota_full`.
    pub first_quota_full: BTreeMap<(String, String), u128>,
    /// By programme: accepted registrations so far.
    pub tickets: BTreeMap<String, u64>,
    /// Citizens of whom there is an entry for sure. Whoever only a refused line or registration named may have one.
    pub known_citizens: BTreeSet<String>,
    /// By citizen and programme: the wallet of the right that is or was there last.
    pub last_wallets: BTreeMap<(String, String), String>,
    /// By citizen and programme: the wallet that moved the right away, and to which programme, unless a right came after it.
    pub moved_away: BTreeMap<(String, String), (String, String)>,
    /// By the old wallet: its last replacement.
    pub replacements: BTreeMap<String, Replacement>,
    /// Citizens whom the desk suspended.
    pub suspended_citizens: BTreeMap<String, Note>,
    /// Citizens who were erased, and the name that stands everywhere else in the place of the national id.
    pub erased: BTreeMap<String, String>,
    /// Clawback cases, the oldest first.
    pub cases: Vec<Case>,
    /// Authorizations whose payouts are held back.
    pub frozen: BTreeMap<u128, Note>,
}

impl Model {
    /// A fresh engine over these programme files (`(file name, text)`) whose clock stands still at `start`.
    ///
    /// # Panics
    /// When a file or the instant cannot be read: the caller made them.
    pub fn new(programme_texts: &[(String, String)], start: &str) -> Model {
        let programmes = read_all(programme_texts).unwrap_or_else(|reason| panic!("{reason}"));
        Model::of(programmes, start)
    }

    /// The same over programmes that were read.
    pub fn of(programmes: Vec<Programme>, start: &str) -> Model {
        let mut model = Model::empty(Instant::parse(start).expect("the start is an RFC 3339 instant"));
        model.put_in_force(programmes);
        model
    }

    fn empty(now: Instant) -> Model {
        Model {
            now,
            programmes: BTreeMap::new(),
            coming: BTreeMap::new(),
            suspended_programmes: BTreeSet::new(),
            merchants: BTreeMap::new(),
            wallets: BTreeMap::new(),
            rights: BTreeMap::new(),
            first_uses: BTreeMap::new(),
            lists: BTreeMap::new(),
            used: BTreeMap::new(),
            funded: BTreeMap::new(),
            draws: BTreeSet::new(),
            first_answers: BTreeMap::new(),
            originals: BTreeMap::new(),
            holds: BTreeMap::new(),
            tombstones: BTreeSet::new(),
            tombstone_voids: BTreeMap::new(),
            first_reversals: BTreeMap::new(),
            first_registrations: BTreeMap::new(),
            first_quota_full: BTreeMap::new(),
            tickets: BTreeMap::new(),
            known_citizens: BTreeSet::new(),
            last_wallets: BTreeMap::new(),
            moved_away: BTreeMap::new(),
            replacements: BTreeMap::new(),
            suspended_citizens: BTreeMap::new(),
            erased: BTreeMap::new(),
            cases: Vec::new(),
            frozen: BTreeMap::new(),
        }
    }

    /// Answers one request: the status and the body.
    pub fn call(&mut self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let answer = match (method, segments.as_slice()) {
            ("POST", ["v1", "authorizations"]) => self.authorize(body),
            ("POST", ["v1", "authorizations", "batch"]) => self.batch(body),
            ("POST", ["v1", "authorizations", txn_id, "reversals"]) => self.reverse(txn_id, body),
            ("POST", ["v1", "holds"]) => self.hold(body),
            ("POST", ["v1", "holds", txn_id, "capture"]) => self.capture(txn_id, body),
            ("POST", ["v1", "holds", txn_id, "void"]) => self.void(txn_id, body),
            ("POST", ["v1", "quotes"]) => self.quote(body),
            ("POST", ["v1", "registrations"]) => self.register(body),
            ("POST", ["v1", "registrations", "batch"]) => self.register_batch(body),
            ("GET", ["v1", "programs"]) => self.show_programmes(),
            ("GET", ["v1", "programs", program]) => self.show_programme(program),
            ("GET", ["v1", "programs", program, "registration"]) => self.show_counters(program),
            ("GET", ["v1", "wallets", wallet_id]) => self.show_wallet(wallet_id),
            ("PUT", ["v1", "wallets", wallet_id, "status"]) => self.put_wallet_status(wallet_id, body),
            ("POST", ["v1", "wallets", wallet_id, "moves"]) => self.move_right(wallet_id, body),
            ("POST", ["v1", "wallets", wallet_id, "replacement"]) => self.replace_wallet(wallet_id, body),
            ("PUT", ["v1", "merchants", merchant_id]) => self.put_merchant(merchant_id, body),
            ("PUT", ["v1", "programs", program, "status"]) => self.put_programme_status(program, body),
            ("POST", ["v1", "merchants", "import"]) => self.import_merchants(body),
            ("POST", ["v1", "enrollments", "import"]) => self.import_enrollments(body),
            ("POST", ["v1", "lists", list, "import"]) => self.import_list(list, body),
            ("PUT", ["v1", "clock"]) => self.put_clock(body),
            _ => self.call_the_desk(method, &segments, body),
        };
        let status = answer
            .get("$problem")
            .and_then(Value::as_u64)
            .map_or(200, |status| status as u16);
        (status, answer)
    }

    /// The routes of merchants' and persons' lives.
    fn call_the_desk(&mut self, method: &str, segments: &[&str], body: &str) -> Value {
        match (method, segments) {
            ("POST", ["v1", "merchants", id, "registrations"]) => self.register_merchant(id, body),
            ("PUT", ["v1", "merchants", id, "status"]) => self.put_merchant_status(id, body),
            ("POST", ["v1", "merchants", id, "platform"]) => self.change_platform(id, body),
            ("PUT", ["v1", "merchants", id, "payout"]) => self.put_merchant_payout(id, body),
            ("POST", ["v1", "merchants", id, "consent-withdrawal"]) => self.withdraw_consent(id, body),
            ("GET", ["v1", "merchants", id]) => self.show_merchant(id),
            ("GET", ["v1", "authorizations", txn_id]) => self.show_authorization(txn_id),
            ("PUT", ["v1", "authorizations", txn_id, "payout"]) => {
                self.put_authorization_payout(txn_id, body)
            }
            ("GET", ["v1", "payouts"]) => self.show_payouts(),
            ("PUT", ["v1", "persons", "status"]) => self.put_person_status(body),
            ("POST", ["v1", "persons", "erase"]) => self.erase_person(body),
            ("POST", ["v1", "clawbacks"]) => self.open_case(body),
            ("GET", ["v1", "clawbacks"]) => self.show_open_cases(),
            ("GET", ["v1", "clawbacks", case_id]) => self.show_one_case(case_id),
            ("POST", ["v1", "clawbacks", case_id, "payments"]) => self.pay(case_id, body),
            ("POST", ["v1", "clawbacks", case_id, "close"]) => self.close_case(case_id, body),
            _ => problem(404),
        }
    }

    /// The programmes as they are shown, for whoever wants to ask questions that hit them.
    pub fn programmes(&self) -> impl Iterator<Item = &Programme> {
        let ids: BTreeSet<&String> = self.programmes.keys().chain(self.coming.keys()).collect();
        ids.into_iter().filter_map(|id| self.version_to_show(id))
    }

    /// The versions that count from a later day on.
    pub fn coming(&self) -> impl Iterator<Item = &Programme> {
        self.coming.values()
    }

    /// What the standing clock shows, in milliseconds since 1970-01-01T00:00:00Z.
    pub fn now(&self) -> Instant {
        self.now
    }

    pub fn today(&self) -> Date {
        self.now.date()
    }
}

/// A problem of which only the status is known.
pub fn problem(status: u16) -> Value {
    json!({ "$problem": status })
}

/// 400: each field the answer names must be one of these, and it must name one.
pub fn malformed(fields: BadFields) -> Value {
    json!({ "$problem": 400, "fields": fields })
}

/// 409 under the code that says which id was used twice.
pub fn conflict(code: &str) -> Value {
    json!({ "$problem": 409, "code": code })
}
