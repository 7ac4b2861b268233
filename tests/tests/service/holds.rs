//! Holds: the room is taken at once, and paid for, given up, or free again when the time is over.

use crate::desk::{CARD, Desk, SHOP, order, purchase, txn};
use satang_tests::site::PROGRAM;
use serde_json::{Value, json};

const NOON: &str = "2026-06-15T12:00:00+07:00";

/// Captures so much, or all.
#[track_caller]
fn capture(desk: &mut Desk, number: u64, amount: Option<u64>) -> Value {
    let body = amount.map_or(json!({}), |amount| json!({ "amount": amount }));
    desk.call("POST", &format!("/v1/holds/{}/capture", txn(number)), &body)
}

#[track_caller]
fn void(desk: &mut Desk, number: u64) -> Value {
    desk.call("POST", &format!("/v1/holds/{}/void", txn(number)), &json!({}))
}

fn left(desk: &mut Desk) -> Value {
    desk.benefit(1, PROGRAM, "co-pay").expect("it is shown")["remaining"].take()
}

/// Decision, reason, code and what is left.
fn fate(answer: &Value) -> String {
    let word = |key: &str| answer[key].as_str().expect("a text").to_owned();
    format!(
        "{} {} {} {}",
        word("decision"),
        word("reason"),
        word("response_code"),
        answer["left"]
    )
}

fn desk(now: &str) -> Desk {
    let mut desk = Desk::open(now);
    desk.enroll(PROGRAM, 1, None);
    desk
}

#[test]
fn a_hold_that_is_captured_less_frees_the_rest_and_is_refunded_like_a_purchase() {
    let mut desk = desk(NOON);
    let held = desk.hold(1, 1, 25_000, 3_600);
    assert_eq!(
        (&held["state_amount"], &held["citizen_amount"]),
        (&json!(15_000), &json!(10_000))
    );
    let (decided, expires) = (
        held["decided_at"].as_str().expect("an instant"),
        held["expires_at"].as_str().expect("an instant"),
    );
    assert_eq!((&decided[11..13], &expires[11..13]), ("12", "13"));
    assert_eq!(decided[14..], expires[14..], "an hour later, to the millisecond");
    assert_eq!(left(&mut desk), json!({ "day": 5_000, "month": 85_000 }));
    let limited = desk.buy(2, PROGRAM, 1, SHOP, 10_000);
    assert_eq!(
        (&limited["state_amount"], &limited["limited_by"]),
        (&json!(5_000), &json!("day"))
    );
    assert_eq!(
        fate(&capture(&mut desk, 1, Some(25_001))),
        "declined exceeds_original 13 25000"
    );

    let first = desk.ask(
        &format!("/v1/holds/{}/capture", txn(1)),
        &json!({ "amount": 20_000 }),
    );
    assert_eq!(fate(&first), "approved approved 00 20000");
    assert_eq!(
        (&first["state_amount"], &first["citizen_amount"]),
        (&json!(12_000), &json!(8_000))
    );
    assert_eq!(left(&mut desk), json!({ "day": 3_000, "month": 83_000 }));
    assert_eq!(
        fate(&capture(&mut desk, 1, None)),
        "declined hold_closed 12 20000"
    );
    assert_eq!(fate(&void(&mut desk, 1)), "declined hold_closed 12 20000");
    let again = capture(&mut desk, 1, Some(20_000));
    assert_eq!(
        (&again["replayed"], &again["sequence"]),
        (&json!(true), &first["sequence"])
    );

    let back = desk.refund(1, 1, Some(10_000));
    assert_eq!(
        (&back["state_amount"], &back["citizen_amount"], &back["left"]),
        (&json!(6_000), &json!(4_000), &json!(10_000))
    );
    assert_eq!(
        fate(&desk.refund(1, 2, Some(10_001))),
        "declined exceeds_original 13 10000"
    );
    assert_eq!(
        fate(&capture(&mut desk, 1, None)),
        "declined hold_closed 12 10000"
    );
    desk.restart(&[format!("/v1/authorizations/{}", txn(1))]);
    let rest = desk.refund(1, 3, None);
    assert_eq!(
        (&rest["state_amount"], &rest["left"]),
        (&json!(6_000), &json!(0)),
        "both parts are cleared exactly"
    );
    assert_eq!(left(&mut desk), json!({ "day": 15_000, "month": 95_000 }));
    let shown = desk.look_up(1);
    let acts = shown["reversals"].as_array().expect("a list").iter();
    let acts: Vec<&str> = acts.filter_map(|done| done["act"].as_str()).collect();
    assert_eq!(shown["hold"], "captured");
    assert_eq!(acts, ["capture", "reversal", "reversal"]);
    let page = desk.explain(1);
    for told in [
        "captured 200.00 baht",
        "เรียกเก็บ 200.00 บาท",
        "The hold was captured",
    ] {
        assert!(page.contains(told), "{page}");
    }
    desk.close(&[1]);
}

#[test]
fn a_hold_that_is_voided_or_wholly_reversed_was_never_paid() {
    let mut desk = desk(NOON);
    desk.hold(1, 1, 10_000, 3_600);
    desk.hold(2, 1, 10_000, 3_600);
    assert_eq!(left(&mut desk), json!({ "day": 8_000, "month": 88_000 }));
    let voided = desk.ask(&format!("/v1/holds/{}/void", txn(1)), &json!({}));
    assert_eq!(fate(&voided), "approved approved 00 0");
    assert_eq!(
        (&voided["state_amount"], &voided["citizen_amount"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(fate(&capture(&mut desk, 1, None)), "declined hold_closed 12 0");
    assert_eq!(fate(&desk.refund(1, 1, None)), "declined already_reversed 12 0");

    assert_eq!(fate(&desk.refund(2, 2, Some(1))), "declined hold_open 12 10000");
    assert_eq!(desk.look_up(2)["hold"], "open");
    let whole = desk.refund(2, 3, None);
    assert_eq!(
        (&whole["state_amount"], &whole["citizen_amount"], &whole["left"]),
        (&json!(0), &json!(0), &json!(0)),
        "nothing was paid"
    );
    assert_eq!(fate(&void(&mut desk, 2)), "declined hold_closed 12 0");
    assert_eq!(
        [1, 2].map(|number| desk.look_up(number)["hold"].take()),
        ["voided", "voided"]
    );
    assert_eq!(left(&mut desk), json!({ "day": 20_000, "month": 100_000 }));

    // Of an id that never came.
    for _ in 0..2 {
        assert_eq!(fate(&void(&mut desk, 3)), "approved original_not_found 00 0");
    }
    assert_eq!(
        fate(&capture(&mut desk, 3, None)),
        "declined original_not_found 25 0"
    );
    assert_eq!(desk.hold(3, 1, 100, 60)["reason"], "reversed_before_arrival");
    assert_eq!(
        fate(&capture(&mut desk, 3, None)),
        "declined original_declined 12 0"
    );
    desk.close(&[1]);
}

#[test]
fn a_hold_ends_at_its_instant_and_not_before() {
    let mut desk = desk(NOON);
    desk.hold(1, 1, 10_000, 7_200);
    let late = desk.hold(2, 1, 10_000, 3_600);
    desk.hold(3, 1, 10_000, 3_600);
    desk.ask(&format!("/v1/holds/{}/capture", txn(3)), &json!({}));
    // Half a minute before its end, which no slow machine reaches.
    desk.set_clock("2026-06-15T12:59:30+07:00");
    assert_eq!(left(&mut desk), json!({ "day": 2_000, "month": 82_000 }));
    desk.set_clock(late["expires_at"].as_str().expect("an instant"));
    assert_eq!(
        left(&mut desk),
        json!({ "day": 8_000, "month": 88_000 }),
        "the room of one is free again"
    );
    assert_eq!(
        fate(&capture(&mut desk, 2, Some(1))),
        "declined hold_expired 12 0"
    );
    assert_eq!(fate(&void(&mut desk, 2)), "declined hold_expired 12 0");
    assert_eq!(fate(&desk.refund(2, 1, None)), "declined already_reversed 12 0");
    let again = capture(&mut desk, 3, Some(10_000));
    assert_eq!(
        (&again["reason"], &again["replayed"]),
        (&json!("approved"), &json!(true)),
        "all is the same as no amount"
    );
    let shown = [1, 2, 3].map(|number| desk.look_up(number));
    let fates = shown
        .each_ref()
        .map(|shown| format!("{} {}", shown["hold"], shown["left"]));
    assert_eq!(fates, ["\"open\" 10000", "\"expired\" 0", "\"captured\" 10000"]);
    let taken = desk.buy(4, PROGRAM, 1, SHOP, 100_000);
    assert_eq!(taken["state_amount"], 8_000, "what is free again is drawn");
    desk.close(&[1]);
}

#[test]
fn a_hold_is_captured_the_next_day_from_the_room_of_its_own() {
    let mut desk = desk("2026-06-15T20:50:00+07:00");
    desk.hold(1, 1, 30_000, 6 * 3_600);
    assert_eq!(left(&mut desk), json!({ "day": 2_000, "month": 82_000 }));
    desk.set_clock("2026-06-16T00:30:00+07:00");
    assert_eq!(left(&mut desk), json!({ "day": 20_000, "month": 82_000 }));
    let captured = desk.ask(
        &format!("/v1/holds/{}/capture", txn(1)),
        &json!({ "amount": 20_000 }),
    );
    assert_eq!(
        (&captured["business_date"], &captured["state_amount"]),
        (&json!("2026-06-16"), &json!(12_000))
    );
    assert_eq!(
        left(&mut desk),
        json!({ "day": 20_000, "month": 88_000 }),
        "yesterday's room stays closed"
    );
    desk.close(&[1]);
}

#[test]
fn an_id_is_of_one_hold_for_ever() {
    let mut desk = desk(NOON);
    let first = desk.hold(1, 1, 10_000, 3_600);
    desk.buy(2, PROGRAM, 1, SHOP, 100);
    let mut refused = |path: &str, body: &Value| {
        let answer = desk.send("POST", path, body);
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (409, &json!("txn_id_conflict")),
            "{}",
            answer.text()
        );
    };
    refused("/v1/holds", &order(1, 1, 10_000, 3_601));
    refused("/v1/holds", &order(1, 1, 10_001, 3_600));
    let mut plain = order(1, 1, 10_000, 3_600);
    plain.as_object_mut().expect("an object").remove("expires_in_s");
    refused("/v1/authorizations", &plain);
    let mut as_hold = purchase(2, PROGRAM, 1, SHOP, 100);
    as_hold["expires_in_s"] = json!(60);
    refused("/v1/holds", &as_hold);
    let batch = desk.call(
        "POST",
        "/v1/authorizations/batch",
        &json!({ "authorizations": [plain] }),
    );
    assert_eq!(batch["results"][0]["code"], "txn_id_conflict");
    assert_eq!(
        fate(&capture(&mut desk, 2, None)),
        "declined hold_closed 12 100",
        "a purchase is no hold, and all of it is left"
    );
    let mut again = order(1, 1, 10_000, 3_600);
    again["eligible_amount"] = json!(10_000);
    let again = desk.call("POST", "/v1/holds", &again);
    assert_eq!(
        (&again["replayed"], &again["expires_at"]),
        (&json!(true), &first["expires_at"])
    );
    let metrics = desk.send("GET", "/metrics", &json!({})).text();
    let line = "satang_hold_ends_total{act=\"capture\",decision=\"declined\",reason=\"hold_closed\"} 1\n";
    assert!(metrics.contains(line), "{metrics}");
    assert!(
        !metrics.contains("satang_reversals_total{"),
        "a capture is no reversal"
    );
    desk.close(&[1]);
}

#[test]
fn a_hold_takes_from_sources_and_gives_back_like_a_purchase() {
    let mut desk = Desk::open(NOON);
    desk.enroll(CARD, 1, None);
    let mut held = purchase(1, CARD, 1, SHOP, 35_000);
    held["expires_in_s"] = json!(60);
    let held = desk.ask("/v1/holds", &held);
    let amounts = |parts: &Value, key: &str| -> Vec<u64> {
        let parts = parts.as_array().expect("it is shown").iter();
        parts.map(|part| part[key].as_u64().expect("an amount")).collect()
    };
    assert_eq!(amounts(&held["funding"], "amount"), [30_000, 5_000]);
    capture(&mut desk, 1, Some(31_000));
    let goods = desk.benefit(1, CARD, "goods").expect("it is shown");
    assert_eq!(amounts(&goods["funding"], "used"), [30_000, 1_000]);
    let back = desk.refund(1, 1, Some(2_000));
    assert_eq!(amounts(&back["funding"], "amount"), [1_000, 1_000]);
    desk.close(&[1]);
}
