//! Merchants at the desk: they join programmes, are bound to a platform, suspended, and shown.

use crate::desk::{CARD, Desk, KITCHEN, POWER, SHOP};
use satang_tests::site::PROGRAM;
use serde_json::{Value, json};

const NOON: &str = "2026-06-15T12:00:00+07:00";
/// A programme of last year.
const LAST: &str = "khon-la-khrueng-plus";
/// A merchant that takes part in nothing yet.
const NEW: &str = "010555000000011";
/// One that takes part in last year's programme.
const OLD: &str = "010555000000012";

/// Registers a merchant that sells food.
fn register(desk: &mut Desk, id: &str, status: &str, programs: &[&str]) {
    let merchant = json!({
        "name": "ร้านทดสอบ", "category": "food_drink", "status": status, "programs": programs, "channels": ["store"],
    });
    desk.call("PUT", &path(id, ""), &merchant);
}

fn path(id: &str, action: &str) -> String {
    format!("/v1/merchants/{id}{action}")
}

fn join(desk: &mut Desk, id: &str, program: &str) -> Value {
    desk.call(
        "POST",
        &path(id, "/registrations"),
        &json!({ "program": program }),
    )
}

/// Joins, which must be rejected and write nothing.
#[track_caller]
fn rejected(desk: &mut Desk, id: &str, program: &str) -> String {
    let before = desk.durable_sequence();
    let answer = join(desk, id, program);
    let reason = answer["reason"].as_str().expect("a text").to_owned();
    let wanted = json!({
        "merchant_id": id, "program": program, "decision": "rejected", "reason": reason, "returning": false, "changed": false,
    });
    assert_eq!(answer, wanted);
    assert_eq!(desk.durable_sequence(), before, "a rejection was journaled");
    reason
}

fn set_status(desk: &mut Desk, id: &str, status: &str) {
    let body = json!({ "status": status, "reason": "complaints" });
    let answer = desk.call("PUT", &path(id, "/status"), &body);
    assert_eq!(
        answer,
        json!({ "merchant_id": id, "status": status, "reason": "complaints" })
    );
}

#[test]
fn a_merchant_joins_a_programme_once_and_sells_from_then_on() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    register(&mut desk, NEW, "active", &[]);
    assert_eq!(
        desk.buy(1, PROGRAM, 1, NEW, 100)["reason"],
        "merchant_not_in_program"
    );
    let answer = desk.send(
        "POST",
        &path(NEW, "/registrations"),
        &json!({ "program": PROGRAM }),
    );
    let sequence = answer.json()["sequence"].as_u64().expect("a sequence");
    let wanted = format!(
        concat!(
            r#"{{"merchant_id":"{}","program":"{}","decision":"accepted","reason":"accepted","returning":false,"#,
            r#""changed":true,"sequence":{}}}"#
        ),
        NEW, PROGRAM, sequence
    );
    assert_eq!(answer.text(), wanted);
    let again = join(&mut desk, NEW, PROGRAM);
    assert_eq!(
        json!([again["decision"], again["changed"], again.get("sequence")]),
        json!(["accepted", false, null])
    );
    assert_eq!(desk.buy(2, PROGRAM, 1, NEW, 100)["reason"], "approved");
    let looks = [path(NEW, "")];
    let shown = desk.call("GET", &looks[0], &json!({}));
    assert_eq!(shown["programs"], json!([PROGRAM]));
    let joined = &shown["joined"][0];
    assert_eq!(
        (&joined["program"], &joined["returning"]),
        (&json!(PROGRAM), &json!(false))
    );
    assert!(
        joined["at"]
            .as_str()
            .is_some_and(|at| at.starts_with("2026-06-15T12:0")),
        "{joined}"
    );
    desk.restart_twice(&looks);
    // The register replaces the set; that it joined once stays known.
    register(&mut desk, NEW, "active", &[CARD]);
    let shown = desk.call("GET", &looks[0], &json!({}));
    assert_eq!(
        (&shown["programs"], shown["joined"].as_array().map(Vec::len)),
        (&json!([CARD]), Some(1))
    );
    desk.close(&[1]);
}

#[test]
fn a_programme_shows_when_merchants_may_join_and_who_pays() {
    let mut desk = Desk::open(NOON);
    let window = &desk.call("GET", &format!("/v1/programs/{PROGRAM}"), &json!({}))["merchant_registration"];
    let wanted = json!({
        "opens": "2026-05-25", "closes": "2026-07-31", "returning_closes": "2026-09-30", "returning_from": LAST,
    });
    assert_eq!(*window, wanted);
    let card = desk.call("GET", &format!("/v1/programs/{CARD}"), &json!({}));
    assert_eq!(card.get("merchant_registration"), None);
    let benefits = card["benefits"].as_array().expect("a list");
    let of = |id: &str| {
        benefits
            .iter()
            .find(|benefit| benefit["id"] == id)
            .expect("a benefit")
    };
    let sources = of("goods")["funded_by"].as_array().expect("a list");
    assert_eq!(sources.len(), 2);
    assert_eq!(sources[0]["up_to"], 30_000);
    assert_eq!(sources[1].get("up_to"), None);
    assert_eq!(of("gas").get("funded_by"), None);
    desk.close(&[]);
}

#[test]
fn a_merchant_that_returns_has_longer() {
    let mut desk = Desk::open(NOON);
    for id in [NEW, OLD] {
        register(&mut desk, id, "active", if id == OLD { &[LAST] } else { &[] });
    }
    desk.set_clock("2026-08-01T00:00:00+07:00");
    assert_eq!(rejected(&mut desk, NEW, PROGRAM), "registration_closed");
    let returned = join(&mut desk, OLD, PROGRAM);
    assert_eq!(
        (&returned["decision"], &returned["returning"]),
        (&json!("accepted"), &json!(true))
    );
    let again = join(&mut desk, OLD, PROGRAM);
    assert_eq!(
        (&again["changed"], &again["returning"]),
        (&json!(false), &json!(false)),
        "who takes part already does not join"
    );
    register(&mut desk, OLD, "active", &[LAST]);
    desk.set_clock("2026-10-01T00:00:00+07:00");
    assert_eq!(rejected(&mut desk, OLD, PROGRAM), "registration_closed");
    desk.close(&[]);
}

#[test]
fn whom_a_programme_does_not_take_is_told_the_first_reason() {
    let mut desk = Desk::open("2026-05-24T12:00:00+07:00");
    register(&mut desk, NEW, "active", &[]);
    assert_eq!(
        rejected(&mut desk, NEW, PROGRAM),
        "registration_closed",
        "not yet"
    );
    desk.set_clock(NOON);
    assert_eq!(
        rejected(&mut desk, "010555000000099", "nothing"),
        "program_unknown"
    );
    let pause = |desk: &mut Desk, status: &str| {
        let body = json!({ "status": status, "reason": "" });
        desk.call("PUT", &format!("/v1/programs/{PROGRAM}/status"), &body);
    };
    pause(&mut desk, "suspended");
    assert_eq!(
        rejected(&mut desk, "010555000000099", PROGRAM),
        "program_suspended"
    );
    pause(&mut desk, "active");
    assert_eq!(
        rejected(&mut desk, "010555000000099", PROGRAM),
        "merchant_unknown"
    );
    set_status(&mut desk, POWER, "suspended");
    assert_eq!(rejected(&mut desk, POWER, PROGRAM), "merchant_suspended");
    set_status(&mut desk, POWER, "active");
    register(&mut desk, OLD, "suspended", &[]);
    assert_eq!(rejected(&mut desk, OLD, PROGRAM), "merchant_suspended");
    assert_eq!(
        rejected(&mut desk, POWER, PROGRAM),
        "category_not_allowed",
        "though the register says that it takes part"
    );
    let case = json!({
        "case_id": "0197a1d2-0f6e-7c3a-8b1c-000000000001", "merchant_id": NEW, "amount": 100, "letter_date": "2026-06-15",
        "reason": "never delivered",
    });
    desk.call("POST", "/v1/clawbacks", &case);
    assert_eq!(rejected(&mut desk, NEW, LAST), "clawback_open");
    let path = "/v1/clawbacks/0197a1d2-0f6e-7c3a-8b1c-000000000001/close";
    desk.call("POST", path, &json!({ "reason": "annulled" }));
    assert_eq!(
        rejected(&mut desk, NEW, LAST),
        "registration_closed",
        "it takes no merchants"
    );
    assert_eq!(join(&mut desk, NEW, PROGRAM)["decision"], "accepted");
    assert_eq!(
        desk.sample("satang_desk_total{kind=\"merchant_registration\",outcome=\"refused\"}"),
        9
    );
    desk.close(&[]);
}

#[test]
fn the_register_adds_no_programme_while_a_clawback_is_open() {
    let mut desk = Desk::open(NOON);
    let case = json!({
        "case_id": "0197a1d2-0f6e-7c3a-8b1c-000000000001", "merchant_id": SHOP, "amount": 100, "letter_date": "2026-06-15",
        "reason": "never delivered",
    });
    desk.call("POST", "/v1/clawbacks", &case);
    let line = |programs: &[&str]| {
        json!({
            "name": "ร้านทดสอบ", "category": "blue_flag", "status": "active", "programs": programs, "channels": ["store"],
        })
    };
    let path = path(SHOP, "");
    desk.refuse(409, "clawback_open", ("PUT", &path, &line(&[PROGRAM, LAST])));
    let mut with_id = line(&[PROGRAM, CARD, LAST]);
    with_id["merchant_id"] = json!(SHOP);
    let report = desk.call("POST", "/v1/merchants/import", &with_id);
    assert_eq!(
        report["errors"],
        json!([{ "line": 1, "reason": "clawback_open" }])
    );
    desk.call("PUT", &path, &line(&[PROGRAM]));
    assert_eq!(
        desk.call("GET", &path, &json!({}))["programs"],
        json!([PROGRAM]),
        "fewer are fine"
    );
    desk.close(&[]);
}

#[test]
fn a_merchant_is_suspended_while_the_register_or_the_desk_says_so() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    set_status(&mut desk, SHOP, "suspended");
    assert_eq!(desk.buy(1, PROGRAM, 1, SHOP, 100)["reason"], "merchant_suspended");
    let shown = desk.call("GET", &path(SHOP, ""), &json!({}));
    assert_eq!(
        (&shown["status"], &shown["suspended"]["reason"]),
        (&json!("suspended"), &json!("complaints"))
    );
    assert_eq!(shown["suspended"].get("by"), None, "there are no keys");
    let line = |status: &str| {
        json!({
            "name": "ร้านทดสอบ", "category": "blue_flag", "status": status, "programs": [PROGRAM], "channels": ["store"],
        })
    };
    let stored = desk.call("PUT", &path(SHOP, ""), &line("active"));
    assert_eq!(stored["status"], "active", "the register's own word is stored");
    desk.restart_twice(&[path(SHOP, "")]);
    assert_eq!(
        desk.buy(2, PROGRAM, 1, SHOP, 100)["reason"],
        "merchant_suspended",
        "the desk's stays"
    );
    desk.call("PUT", &path(SHOP, ""), &line("suspended"));
    set_status(&mut desk, SHOP, "active");
    assert_eq!(desk.buy(3, PROGRAM, 1, SHOP, 100)["reason"], "merchant_suspended");
    let shown = desk.call("GET", &path(SHOP, ""), &json!({}));
    assert_eq!(
        (&shown["status"], shown.get("suspended")),
        (&json!("suspended"), None)
    );
    desk.call("PUT", &path(SHOP, ""), &line("active"));
    assert_eq!(desk.buy(4, PROGRAM, 1, SHOP, 100)["reason"], "approved");
    // Also what changes nothing is on record.
    let before: u64 = desk.durable_sequence().parse().expect("a number");
    set_status(&mut desk, SHOP, "active");
    assert_eq!(desk.durable_sequence(), (before + 1).to_string());
    let body = json!({ "status": "active", "reason": "x" });
    desk.refuse(
        404,
        "not_found",
        ("PUT", &path("010555000000099", "/status"), &body),
    );
    desk.refuse(
        404,
        "not_found",
        ("GET", &path("010555000000099", ""), &json!({})),
    );
    desk.close(&[1]);
}

#[test]
fn a_merchant_has_one_delivery_platform() {
    let mut desk = Desk::open(NOON);
    let act = |desk: &mut Desk, id: &str, action: &str, platform: &str| {
        let body = json!({ "action": action, "platform": platform, "reason": "by the app" });
        let answer = desk.call("POST", &path(id, "/platform"), &body);
        assert_eq!(
            (&answer["action"], &answer["platform"]),
            (&json!(action), &json!(platform))
        );
        let has_sequence = answer.get("sequence").is_some();
        assert_eq!(answer["changed"], has_sequence, "{answer}");
        assert_eq!(
            answer["decision"] == "accepted",
            answer["reason"] == "accepted",
            "{answer}"
        );
        json!([answer["reason"], answer["changed"]])
    };
    let shown = |desk: &mut Desk| desk.call("GET", &path(KITCHEN, ""), &json!({}))["platform"].take();
    let unbound = act(&mut desk, KITCHEN, "release", "grab");
    assert_eq!(unbound, json!(["platform_not_bound", false]));
    assert_eq!(act(&mut desk, KITCHEN, "bind", "grab"), json!(["accepted", true]));
    assert_eq!(
        act(&mut desk, KITCHEN, "bind", "grab"),
        json!(["accepted", false])
    );
    assert_eq!(
        act(&mut desk, KITCHEN, "bind", "lineman"),
        json!(["platform_bound", false])
    );
    assert_eq!(
        act(&mut desk, KITCHEN, "release", "lineman"),
        json!(["platform_not_bound", false])
    );
    assert_eq!(shown(&mut desk), "grab");
    desk.restart_twice(&[path(KITCHEN, "")]);
    assert_eq!(
        act(&mut desk, KITCHEN, "release", "grab"),
        json!(["accepted", true])
    );
    assert_eq!(
        act(&mut desk, KITCHEN, "release", "grab"),
        json!(["platform_not_bound", false])
    );
    assert_eq!(shown(&mut desk), Value::Null);
    assert_eq!(
        act(&mut desk, KITCHEN, "bind", "lineman"),
        json!(["accepted", true])
    );
    assert_eq!(
        act(&mut desk, "010555000000099", "bind", "grab"),
        json!(["merchant_unknown", false])
    );
    assert_eq!(
        act(&mut desk, "010555000000099", "release", "grab"),
        json!(["merchant_unknown", false])
    );
    set_status(&mut desk, SHOP, "suspended");
    assert_eq!(
        act(&mut desk, SHOP, "bind", "grab"),
        json!(["merchant_suspended", false])
    );
    set_status(&mut desk, KITCHEN, "suspended");
    assert_eq!(
        act(&mut desk, KITCHEN, "release", "lineman"),
        json!(["accepted", true]),
        "who is suspended may be released"
    );
    desk.close(&[]);
}

#[test]
fn a_merchant_is_shown_with_its_fields_in_order() {
    let mut desk = Desk::open(NOON);
    let answer = desk.send("GET", &path(SHOP, ""), &json!({})).text();
    let wanted = format!(
        concat!(
            r#"{{"merchant_id":"{}","category":"blue_flag","status":"active","programs":["{}","{}"],"#,
            r#""channels":["delivery","store"],"payout":"active","joined":[],"clawbacks":[]}}"#
        ),
        SHOP, CARD, PROGRAM
    );
    assert_eq!(answer, wanted);
    desk.close(&[]);
}
