//! A hostile review of the desk over HTTP.

use crate::clawbacks::case;
use crate::desk::{Desk, SHOP};
use serde_json::json;

/// One request for the open cases must not build an answer of gigabytes, under the directory's lock and on a thread that answers
/// purchases, too (I12).
#[test]
fn the_longest_list_of_open_cases_fits_memory() {
    let mut desk = Desk::open("2026-06-15T12:00:00+07:00");
    let mut opened = case(1, "merchant_id", SHOP);
    opened["amount"] = json!(1_000_000);
    let opened = desk.call("POST", "/v1/clawbacks", &opened);
    let id = opened["case_id"].as_str().expect("an id").to_owned();
    for number in 0..100u64 {
        let payment = json!({
            "payment_id": format!("0197a1d2-0f6e-7c3a-8b1a-{number:012x}"), "amount": 1, "reason": "ก".repeat(500),
        });
        desk.call("POST", &format!("/v1/clawbacks/{id}/payments"), &payment);
    }
    let one = desk.send("GET", "/v1/clawbacks", &json!({})).text().len();
    let cases_max = 100;
    assert!(
        one * cases_max <= 64 << 20,
        "one open case of 100 payments is shown with {one} bytes, {cases_max} with {} MiB",
        (one * cases_max) >> 20
    );
}

/// Of a merchant's cases the last are shown.
#[test]
fn what_is_shown_of_a_merchant_is_bounded() {
    let mut desk = Desk::open("2026-06-15T12:00:00+07:00");
    let path = format!("/v1/merchants/{SHOP}");
    for number in 0..110u64 {
        let mut debt = case(number, "merchant_id", SHOP);
        debt["amount"] = json!(1);
        desk.call("POST", "/v1/clawbacks", &debt);
    }
    let shown = desk.call("GET", &path, &json!({}));
    let cases = shown["clawbacks"].as_array().expect("cases").len();
    assert_eq!(cases, 100);
}
