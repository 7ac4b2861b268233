//! Clawback cases: opened, paid, closed; and what an open one keeps its debtor from.

use crate::desk::{CARD, Desk, SHOP};
use crate::persons::{enroll, move_to_card, register};
use satang_tests::crash::{citizen_id, wallet_id};
use satang_tests::site::PROGRAM;
use serde_json::{Value, json};

const NOON: &str = "2026-06-15T12:00:00+07:00";

fn case_id(number: u64) -> String {
    format!("0197a1d2-0f6e-7c3a-8b1c-{number:012x}")
}

/// A case of 1,000 satang against whoever stands under a key.
pub fn case(number: u64, key: &str, id: &str) -> Value {
    let mut case = json!({
        "case_id": case_id(number), "amount": 1_000, "letter_date": "2026-06-14", "reason": "bought for somebody else",
    });
    case[key] = json!(id);
    case
}

fn payment(number: u64, amount: u64) -> Value {
    let id = format!("0197a1d2-0f6e-7c3a-8b1a-{number:012x}");
    json!({ "payment_id": id, "amount": amount, "reason": "transfer" })
}

fn path(number: u64, action: &str) -> String {
    format!("/v1/clawbacks/{}{action}", case_id(number))
}

#[test]
fn a_case_is_shown_with_its_fields_in_order() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 2, None);
    assert_eq!(enroll(&mut desk, CARD, 1, 2), "accepted");
    let answer = desk
        .send("POST", "/v1/clawbacks", &case(1, "citizen_id", &citizen_id(2)))
        .text();
    let (front, back) = answer
        .split_once(",\"opened_at\":\"2026-06-15T12:0")
        .expect("when");
    let wanted = format!(
        concat!(
            r#"{{"case_id":"{}","wallets":["{}","{}"],"cause":"ordered","state":"open","owed":1000,"paid":0,"left":1000,"#,
            r#""letter_date":"2026-06-14","due_date":"2026-07-14","overdue":false,"reason":"bought for somebody else""#
        ),
        case_id(1),
        wallet_id(1),
        wallet_id(2)
    );
    assert_eq!(front, wanted);
    assert!(back.ends_with("+07:00\",\"payments\":[]}"), "{back}");
    assert!(!answer.contains(&citizen_id(2)), "a citizen's id is repeated");
    desk.set_clock("2026-07-14T23:59:59+07:00");
    assert_eq!(desk.call("GET", &path(1, ""), &json!({}))["overdue"], false);
    desk.set_clock("2026-07-15T00:00:00+07:00");
    assert_eq!(desk.call("GET", &path(1, ""), &json!({}))["overdue"], true);
    desk.close(&[]);
}

#[test]
fn who_has_an_open_case_gets_no_right_until_it_is_paid() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    desk.repeat("POST", "/v1/clawbacks", &case(1, "wallet_id", &wallet_id(1)));
    assert_eq!(register(&mut desk, 1, 1), "excluded:clawback");
    assert_eq!(enroll(&mut desk, CARD, 1, 1), "excluded:clawback");
    assert_eq!(move_to_card(&mut desk, 1), "excluded:clawback");
    assert_eq!(
        desk.buy(1, PROGRAM, 1, SHOP, 100)["reason"],
        "approved",
        "the right there is goes on"
    );
    let body = |status: &str| json!({ "wallet_id": wallet_id(1), "status": status, "reason": "x" });
    desk.call("PUT", "/v1/persons/status", &body("suspended"));
    assert_eq!(
        register(&mut desk, 2, 1),
        "excluded:suspended",
        "this is told first"
    );
    desk.call("PUT", "/v1/persons/status", &body("active"));
    desk.repeat("POST", &path(1, "/payments"), &payment(1, 400));
    desk.restart_twice(&[path(1, ""), "/v1/clawbacks".to_owned()]);
    assert_eq!(register(&mut desk, 3, 1), "excluded:clawback");
    let paid = desk.repeat("POST", &path(1, "/payments"), &payment(2, 600));
    assert_eq!(
        json!([
            paid["state"],
            paid["paid"],
            paid["left"],
            paid["payments"][1]["amount"]
        ]),
        json!(["paid", 1_000, 0, 600])
    );
    assert_eq!(register(&mut desk, 4, 1), "accepted");
    assert_eq!(move_to_card(&mut desk, 1), "accepted");
    desk.close(&[1]);
}

#[test]
fn an_id_has_one_content() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    let opened = desk.repeat("POST", "/v1/clawbacks", &case(1, "merchant_id", SHOP));
    assert_eq!(
        (&opened["merchant_id"], opened.get("wallets")),
        (&json!(SHOP), None)
    );
    for (field, other) in [
        ("amount", json!(999)),
        ("letter_date", json!("2026-06-13")),
        ("reason", json!("another")),
        ("merchant_id", json!("010555000000002")),
    ] {
        let mut body = case(1, "merchant_id", SHOP);
        body[field] = other;
        desk.refuse(409, "case_id_conflict", ("POST", "/v1/clawbacks", &body));
    }
    let of_citizen = case(1, "citizen_id", &citizen_id(1));
    desk.refuse(409, "case_id_conflict", ("POST", "/v1/clawbacks", &of_citizen));
    // However the citizen is named.
    desk.call("POST", "/v1/clawbacks", &case(2, "citizen_id", &citizen_id(1)));
    let before = desk.durable_sequence();
    desk.call("POST", "/v1/clawbacks", &case(2, "wallet_id", &wallet_id(1)));
    assert_eq!(desk.durable_sequence(), before);

    desk.call("POST", &path(1, "/payments"), &payment(1, 400));
    desk.refuse(
        409,
        "payment_id_conflict",
        ("POST", &path(1, "/payments"), &payment(1, 401)),
    );
    let mut other = payment(1, 400);
    other["reason"] = json!("another");
    desk.refuse(
        409,
        "payment_id_conflict",
        ("POST", &path(1, "/payments"), &other),
    );
    // Another case may know it.
    desk.call("POST", &path(2, "/payments"), &payment(1, 100));
    desk.refuse(
        409,
        "exceeds_owed",
        ("POST", &path(1, "/payments"), &payment(2, 601)),
    );
    desk.close(&[1]);
}

#[test]
fn a_case_is_closed_though_something_is_left_and_then_nothing_more_is_paid() {
    let mut desk = Desk::open(NOON);
    desk.call("POST", "/v1/clawbacks", &case(1, "merchant_id", SHOP));
    desk.call("POST", &path(1, "/payments"), &payment(1, 400));
    let body = json!({ "reason": "annulled" });
    let closed = desk.repeat("POST", &path(1, "/close"), &body);
    assert_eq!(
        json!([closed["state"], closed["left"], closed["closed"]["reason"]]),
        json!(["closed", 600, "annulled"])
    );
    let again = desk.call("POST", &path(1, "/close"), &json!({ "reason": "another" }));
    assert_eq!(again, closed, "the first reason stays");
    desk.call("POST", &path(1, "/payments"), &payment(1, 400));
    desk.refuse(
        409,
        "case_closed",
        ("POST", &path(1, "/payments"), &payment(2, 1)),
    );
    desk.call("POST", "/v1/clawbacks", &case(2, "merchant_id", SHOP));
    desk.call("POST", &path(2, "/payments"), &payment(1, 1_000));
    desk.refuse(
        409,
        "case_closed",
        ("POST", &path(2, "/payments"), &payment(2, 1)),
    );
    let paid = desk.call("POST", &path(2, "/close"), &body);
    assert_eq!((&paid["state"], paid.get("closed")), (&json!("paid"), None));
    desk.restart_twice(&[path(1, ""), path(2, ""), format!("/v1/merchants/{SHOP}")]);
    desk.close(&[]);
}

#[test]
fn open_cases_are_listed_the_oldest_first() {
    let mut desk = Desk::open(NOON);
    for number in [3, 1, 2] {
        desk.call(
            "POST",
            "/v1/clawbacks",
            &case(number, "citizen_id", &citizen_id(number)),
        );
    }
    let ids = |desk: &mut Desk| {
        let shown = desk.call("GET", "/v1/clawbacks", &json!({}));
        let cases = shown["cases"].as_array().expect("a list").clone();
        assert_eq!(shown["open"], cases.len());
        cases
            .into_iter()
            .map(|mut case| case["case_id"].take())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&mut desk), [3, 1, 2].map(case_id));
    desk.call("POST", &path(1, "/payments"), &payment(1, 1_000));
    assert_eq!(ids(&mut desk), [3, 2].map(case_id));
    assert_eq!(desk.sample("satang_clawbacks_open"), 2);
    let recorded = |kind: &str| format!("satang_desk_total{{kind=\"{kind}\",outcome=\"recorded\"}}");
    assert_eq!(desk.sample(&recorded("clawback")), 3);
    assert_eq!(desk.sample(&recorded("clawback_payment")), 1);
    desk.close(&[]);
}

#[test]
fn nobody_is_claimed_from_who_is_not_known() {
    let mut desk = Desk::open(NOON);
    let cases = "/v1/clawbacks";
    desk.refuse(
        404,
        "not_found",
        ("POST", cases, &case(1, "merchant_id", "010555000000099")),
    );
    desk.refuse(
        404,
        "not_found",
        ("POST", cases, &case(1, "wallet_id", &wallet_id(9))),
    );
    let mut tomorrow = case(1, "merchant_id", SHOP);
    tomorrow["letter_date"] = json!("2026-06-16");
    let problem = desk.refuse(400, "malformed", ("POST", cases, &tomorrow));
    assert_eq!(problem["errors"][0]["field"], "letter_date");
    tomorrow = case(1, "citizen_id", &citizen_id(1));
    tomorrow["letter_date"] = json!("2026-06-16");
    desk.refuse(400, "malformed", ("POST", cases, &tomorrow));
    desk.refuse(404, "not_found", ("GET", &path(1, ""), &json!({})));
    desk.refuse(404, "not_found", ("POST", &path(1, "/payments"), &payment(1, 1)));
    desk.refuse(
        404,
        "not_found",
        ("POST", &path(1, "/close"), &json!({ "reason": "x" })),
    );
    // A citizen who was never seen is fine.
    let opened = desk.call("POST", cases, &case(1, "citizen_id", &citizen_id(1)));
    assert_eq!(opened["wallets"], json!([]));
    assert_eq!(register(&mut desk, 1, 1), "excluded:clawback");
    desk.close(&[]);
}
