//! A merchant withdraws its consent: it is suspended for good, and what it received is claimed back to the satang.

use crate::desk::{CARD, Desk, KITCHEN, POWER, SHOP, txn};
use satang_tests::site::PROGRAM;
use serde_json::{Value, json};

const NOON: &str = "2026-06-15T12:00:00+07:00";

fn case_id(number: u64) -> String {
    format!("0197a1d2-0f6e-7c3a-8b1c-{number:012x}")
}

fn path(merchant: &str) -> String {
    format!("/v1/merchants/{merchant}/consent-withdrawal")
}

fn letter(case: u64) -> Value {
    json!({ "case_id": case_id(case), "letter_date": "2026-06-14", "reason": "leaves the schemes" })
}

fn state(answer: &Value) -> u64 {
    assert_eq!(answer["reason"], "approved", "{answer}");
    answer["state_amount"].as_u64().expect("satang")
}

#[test]
fn what_a_merchant_received_is_owed_and_what_happens_later_does_not_change_it() {
    let mut desk = Desk::open(NOON);
    for wallet in 1..=7 {
        desk.enroll(PROGRAM, wallet, None);
    }
    let mut owed = state(&desk.buy(1, PROGRAM, 1, KITCHEN, 10_000));
    owed += state(&desk.buy(2, PROGRAM, 1, KITCHEN, 5_000));
    owed -= state(&desk.refund(2, 2, Some(2_000)));
    owed += state(&desk.buy(3, PROGRAM, 1, KITCHEN, 1_000));
    owed -= state(&desk.refund(3, 3, None));
    // Another shop's money, and a decline.
    state(&desk.buy(4, PROGRAM, 1, SHOP, 1_000));
    assert_eq!(desk.buy(5, "nothing", 1, KITCHEN, 1_000)["decision"], "declined");
    // Holds: captured in part, captured and refunded, voided, run out, and two that are open.
    for (number, wallet, seconds) in [
        (11, 2, 3_600),
        (12, 3, 3_600),
        (13, 4, 3_600),
        (14, 5, 60),
        (15, 6, 86_400),
        (16, 7, 86_400),
    ] {
        state(&desk.hold(number, wallet, 10_000, seconds));
    }
    let act = |number: u64, act: &str| format!("/v1/holds/{}/{act}", txn(number));
    owed += state(&desk.ask(&act(11, "capture"), &json!({ "amount": 5_000 })));
    owed += state(&desk.ask(&act(12, "capture"), &json!({})));
    owed -= state(&desk.refund(12, 12, Some(4_000)));
    desk.ask(&act(13, "void"), &json!({}));
    desk.set_clock("2026-06-15T12:10:00+07:00");
    assert_eq!(owed, 6_000 + 3_000 - 1_200 + 3_000 + 6_000 - 2_400);

    let shown = desk.repeat("POST", &path(KITCHEN), &letter(1));
    assert_eq!(
        json!([
            shown["status"],
            shown["consent_withdrawn"]["case_id"],
            shown["consent_withdrawn"]["letter_date"]
        ]),
        json!(["suspended", case_id(1), "2026-06-14"])
    );
    let case = &shown["clawbacks"][0];
    let wanted = json!([
        case_id(1),
        KITCHEN,
        "consent_withdrawn",
        "open",
        owed,
        0,
        owed,
        "2026-07-14",
        false
    ]);
    let fields = [
        "case_id",
        "merchant_id",
        "cause",
        "state",
        "owed",
        "paid",
        "left",
        "due_date",
        "overdue",
    ];
    assert_eq!(json!(fields.map(|field| case[field].clone())), wanted);

    assert_eq!(
        desk.buy(21, PROGRAM, 1, KITCHEN, 100)["reason"],
        "merchant_suspended"
    );
    assert_eq!(state(&desk.ask(&act(15, "capture"), &json!({}))), 6_000);
    state(&desk.refund(1, 1, None));
    let looks = ["/v1/clawbacks".to_owned(), format!("/v1/merchants/{KITCHEN}")];
    desk.restart_twice(&looks);
    let shown = desk.call("GET", &format!("/v1/clawbacks/{}", case_id(1)), &json!({}));
    assert_eq!(shown["owed"], owed);
    desk.close(&[1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn all_programmes_count_and_who_received_nothing_owes_nothing() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    desk.enroll(CARD, 2, None);
    let owed = state(&desk.buy(1, PROGRAM, 1, SHOP, 1_000)) + state(&desk.buy(2, CARD, 2, SHOP, 1_000));
    let shown = desk.call("POST", &path(SHOP), &letter(1));
    assert_eq!((owed, &shown["clawbacks"][0]["owed"]), (1_600, &json!(1_600)));
    let shown = desk.call("POST", &path(POWER), &letter(2));
    let case = &shown["clawbacks"][0];
    assert_eq!(
        json!([case["state"], case["owed"], case["left"]]),
        json!(["paid", 0, 0])
    );
    let payment = json!({ "payment_id": case_id(9), "amount": 1, "reason": "x" });
    let payments = format!("/v1/clawbacks/{}/payments", case_id(2));
    desk.refuse(409, "case_closed", ("POST", &payments, &payment));
    assert_eq!(desk.sample("satang_clawbacks_open"), 1);
    desk.close(&[1, 2]);
}

#[test]
fn a_withdrawal_is_for_good() {
    let mut desk = Desk::open(NOON);
    let unknown = path("010555000000099");
    desk.refuse(404, "not_found", ("POST", &unknown, &letter(1)));
    let mut tomorrow = letter(1);
    tomorrow["letter_date"] = json!("2026-06-16");
    let problem = desk.refuse(400, "malformed", ("POST", &path(SHOP), &tomorrow));
    assert_eq!(problem["errors"][0]["field"], "letter_date");
    desk.call("POST", &path(SHOP), &letter(1));
    for (field, other) in [
        ("case_id", json!(case_id(2))),
        ("letter_date", json!("2026-06-13")),
        ("reason", json!("another")),
    ] {
        let mut body = letter(1);
        body[field] = other;
        desk.refuse(409, "consent_withdrawn", ("POST", &path(SHOP), &body));
    }
    desk.refuse(409, "case_id_conflict", ("POST", &path(POWER), &letter(1)));
    let by_hand = json!({
        "case_id": case_id(1), "merchant_id": SHOP, "amount": 1, "letter_date": "2026-06-14", "reason": "leaves the schemes",
    });
    desk.refuse(409, "case_id_conflict", ("POST", "/v1/clawbacks", &by_hand));

    let status = |status: &str| json!({ "status": status, "reason": "x" });
    let status_path = format!("/v1/merchants/{SHOP}/status");
    desk.refuse(409, "consent_withdrawn", ("PUT", &status_path, &status("active")));
    desk.call("PUT", &status_path, &status("suspended"));
    let merchant = json!({
        "name": "ร้านทดสอบ", "category": "blue_flag", "status": "active", "programs": [PROGRAM], "channels": ["store"],
    });
    let merchant_path = format!("/v1/merchants/{SHOP}");
    desk.refuse(409, "consent_withdrawn", ("PUT", &merchant_path, &merchant));
    let mut line = merchant.clone();
    line["merchant_id"] = json!(SHOP);
    let report = desk.call("POST", "/v1/merchants/import", &line);
    assert_eq!(
        report["errors"],
        json!([{ "line": 1, "reason": "consent_withdrawn" }])
    );
    let joined = desk.call(
        "POST",
        &format!("{merchant_path}/registrations"),
        &json!({ "program": PROGRAM }),
    );
    assert_eq!(joined["reason"], "consent_withdrawn");
    let bind = json!({ "action": "bind", "platform": "grab", "reason": "x" });
    let bound = desk.call("POST", &format!("{merchant_path}/platform"), &bind);
    assert_eq!(bound["reason"], "consent_withdrawn");
    desk.restart_twice(&[merchant_path]);
    desk.close(&[]);
}
