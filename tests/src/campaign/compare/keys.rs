//! In which order the keys of an answer come, where the order is one of the things that are promised.

use serde_json::Value;

/// The keys of an answer of this kind, in their order; none when any order will do.
pub fn keys_of(answer: &Value) -> &'static [&'static str] {
    let has = |key: &str| answer.get(key).is_some();
    match () {
        () if has("case_id") => &CASE_KEYS,
        () if has("joined") => &MERCHANT_KEYS,
        () if has("returning") => &JOINING_KEYS,
        () if has("action") => &PLATFORM_KEYS,
        () if has("wallets") && has("changed") => &ERASURE_KEYS,
        () if has("decision") => &DECISION_KEYS,
        () => &[],
    }
}

/// Whether these keys come in this order in the text, those that are there.
pub(super) fn check_order(text: &str, keys: &[&str]) -> Result<(), String> {
    let places = keys.iter().filter_map(|key| text.find(&format!("\"{key}\":")));
    if places.is_sorted() {
        return Ok(());
    }
    Err("the keys are in another order".to_owned())
}

/// The keys of every decision, in their order.
const DECISION_KEYS: [&str; 24] = [
    "wallet_id",
    "new_wallet_id",
    "from_program",
    "to_program",
    "registration_id",
    "reversal_id",
    "txn_id",
    "decision",
    "reason",
    "changed",
    "response_code",
    "state_amount",
    "citizen_amount",
    "limited_by",
    "remaining",
    "left",
    "funding",
    "business_date",
    "decided_at",
    "expires_at",
    "ticket",
    "registered_at",
    "sequence",
    "replayed",
];

/// The keys of a merchant's registration, in their order.
const JOINING_KEYS: [&str; 7] = [
    "merchant_id",
    "program",
    "decision",
    "reason",
    "returning",
    "changed",
    "sequence",
];

/// The keys of what was done about a platform, in their order.
const PLATFORM_KEYS: [&str; 7] = [
    "merchant_id",
    "platform",
    "action",
    "decision",
    "reason",
    "changed",
    "sequence",
];

/// The keys of an erasure, in their order.
const ERASURE_KEYS: [&str; 5] = ["decision", "reason", "changed", "wallets", "sequence"];

/// The keys of a clawback case, in their order.
const CASE_KEYS: [&str; 16] = [
    "case_id",
    "merchant_id",
    "wallets",
    "cause",
    "state",
    "owed",
    "paid",
    "left",
    "letter_date",
    "due_date",
    "overdue",
    "reason",
    "opened_at",
    "opened_by",
    "payments",
    "closed",
];

/// The keys of a merchant, in their order.
const MERCHANT_KEYS: [&str; 12] = [
    "merchant_id",
    "category",
    "status",
    "programs",
    "channels",
    "platform",
    "suspended",
    "consent_withdrawn",
    "payout",
    "frozen",
    "joined",
    "clawbacks",
];
