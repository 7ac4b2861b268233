//! Counts what is answered with a problem, by its code.

use super::exposition::counters;
use crate::server::ServerCounters;
use prometheus::Registry;
use std::array;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The codes of problems, in the order of the alphabet. A code that is not among them counts as `other`.
const CODES: [&str; 44] = [
    "bad_request",
    "body_too_large",
    "case_closed",
    "case_counting",
    "case_id_conflict",
    "category_not_allowed",
    "clawback_open",
    "clock_not_trusted",
    "clock_refused",
    "consent_withdrawn",
    "disk_full",
    "exceeds_owed",
    "forbidden",
    "header_too_large",
    "http_version_not_supported",
    "malformed",
    "merchant_suspended",
    "method_not_allowed",
    "not_carried_out",
    "not_found",
    "not_ready",
    "nothing_to_pay",
    OTHER,
    "other_acquirer",
    "overloaded",
    "payment_id_conflict",
    "person_erased",
    "platform_bound",
    "platform_not_bound",
    "program_suspended",
    "program_unknown",
    "programs_refused",
    "registration_closed",
    "registration_id_conflict",
    "request_timeout",
    "reversal_id_conflict",
    "snapshot_being_taken",
    "snapshot_failed",
    "stopping",
    "storage_failed",
    "too_many_payments",
    "txn_id_conflict",
    "unauthorized",
    "unsupported_media_type",
];

const OTHER: &str = "other";

/// How often each code was answered. Plain numbers: a flood is refused without a look-up by labels.
pub(super) struct Refusals([AtomicU64; CODES.len()]);

impl Refusals {
    /// Nothing refused yet.
    pub(super) fn new() -> Refusals {
        Refusals(array::from_fn(|_| AtomicU64::new(0)))
    }

    /// Counts an answer with this code.
    pub(super) fn count(&self, code: &str) {
        self.0[place(code)].fetch_add(1, Relaxed);
    }

    /// Gives the counts their name, with the heads that the listener could not read. Every code has its series from the start, so that
    /// a first refusal is seen as an increase.
    pub(super) fn read(&self, read: &Registry, listener: Option<&ServerCounters>) {
        let family = counters(
            read,
            "satang_refusals_total",
            "Requests answered with a problem, by its code.",
            &["code"],
        );
        for (code, count) in CODES.iter().zip(&self.0) {
            family.with_label_values(&[code]).inc_by(count.load(Relaxed));
        }
        let Some(listener) = listener else { return };
        for (code, count) in [
            ("bad_request", &listener.heads_malformed),
            ("header_too_large", &listener.heads_too_large),
        ] {
            family.with_label_values(&[code]).inc_by(count.load(Relaxed));
        }
    }
}

fn place(code: &str) -> usize {
    let found = CODES.binary_search(&code);
    found.unwrap_or_else(|_| CODES.binary_search(&OTHER).expect("it is one of them"))
}

#[cfg(test)]
mod tests {
    use super::super::casework;
    use super::*;
    use satang_core::state::casework::CaseworkRefusal;

    #[test]
    fn every_code_of_the_description_has_a_series() {
        assert!(CODES.is_sorted());
        let description: serde_json::Value = serde_json::from_str(super::super::OPENAPI).unwrap();
        let codes = &description["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
        let described = codes
            .as_array()
            .unwrap()
            .iter()
            .map(|code| code.as_str().unwrap());
        let of_casework = CaseworkRefusal::ALL
            .into_iter()
            .filter_map(|refusal| casework::refused(refusal).response().code);
        for code in described.chain(of_casework) {
            assert_eq!(CODES[place(code)], code);
        }
        assert_eq!(CODES[place("no_such_code")], OTHER);
    }
}
