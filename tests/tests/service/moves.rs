//! Moves: a citizen is found to hold the card, leaves the 60/40 programme, and draws on one of them a day.

use crate::desk::{CARD, Desk, POWER, SHOP, order, txn};
use satang_tests::crash::wallet_id;
use satang_tests::site::PROGRAM;
use serde_json::{Value, json};

const NOON: &str = "2026-06-15T12:00:00+07:00";

/// Moves the wallet's citizen to the card, into a household.
#[track_caller]
fn to_the_card(desk: &mut Desk, wallet: u64) -> Value {
    let body = json!({
        "from_program": PROGRAM, "to_program": CARD, "household_id": "000000000000042", "reason": "found to hold the card",
    });
    desk.call("POST", &format!("/v1/wallets/{}/moves", wallet_id(wallet)), &body)
}

fn registered(desk: &mut Desk, program: &str) -> u64 {
    let shown = desk.call("GET", &format!("/v1/programs/{program}"), &json!({}));
    shown["registration"]["registered"].as_u64().expect("a number")
}

#[test]
fn who_drew_on_the_60_40_programme_today_draws_on_the_card_tomorrow() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    let drawn = desk.buy(1, PROGRAM, 1, SHOP, 10_000);
    assert_eq!(drawn["state_amount"], 6_000);
    assert_eq!(
        [PROGRAM, CARD].map(|program| registered(&mut desk, program)),
        [1, 0]
    );
    let moved = to_the_card(&mut desk, 1);
    assert_eq!(
        (&moved["decision"], &moved["changed"]),
        (&json!("accepted"), &json!(true)),
        "{moved}"
    );
    assert!(moved["sequence"].as_u64() > drawn["sequence"].as_u64());
    assert_eq!(
        [PROGRAM, CARD].map(|program| registered(&mut desk, program)),
        [0, 1]
    );

    let elsewhere = desk.buy(2, CARD, 1, SHOP, 10_000);
    assert_eq!(
        (&elsewhere["reason"], &elsewhere["response_code"]),
        (&json!("drawn_elsewhere_today"), &json!("57"))
    );
    assert_eq!(elsewhere["remaining"], json!({ "month": 100_000 }));
    assert_eq!(desk.buy(3, PROGRAM, 1, SHOP, 100)["reason"], "not_registered");
    // No refund undoes a draw.
    assert_eq!(desk.refund(1, 1, None)["reason"], "approved");
    assert_eq!(
        desk.buy(4, CARD, 1, POWER, 100)["reason"],
        "drawn_elsewhere_today"
    );
    desk.restart(&[]);
    assert_eq!(
        desk.buy(5, CARD, 1, SHOP, 100)["reason"],
        "drawn_elsewhere_today",
        "it is known after a restart"
    );

    desk.set_clock("2026-06-16T00:00:00+07:00");
    assert_eq!(desk.buy(6, CARD, 1, SHOP, 10_000)["state_amount"], 10_000);
    assert_eq!(
        desk.buy(7, CARD, 1, POWER, 10_000)["remaining"],
        json!({ "month": 21_500 }),
        "the line named the household"
    );
    let again = to_the_card(&mut desk, 1);
    assert_eq!(
        (&again["decision"], &again["changed"], again.get("sequence")),
        (&json!("accepted"), &json!(false), None)
    );
    desk.close(&[1]);
}

#[test]
fn a_hold_that_was_voided_is_no_draw_and_an_open_or_captured_one_is() {
    let mut desk = Desk::open(NOON);
    for wallet in [1, 2, 3] {
        desk.enroll(PROGRAM, wallet, None);
        desk.ask("/v1/holds", &order(wallet, wallet, 1_000, 3_600));
    }
    desk.ask(&format!("/v1/holds/{}/void", txn(1)), &json!({}));
    desk.ask(&format!("/v1/holds/{}/capture", txn(3)), &json!({}));
    for wallet in [1, 2, 3] {
        assert_eq!(to_the_card(&mut desk, wallet)["reason"], "accepted");
    }
    let fates = [1, 2, 3].map(|wallet| desk.buy(10 + wallet, CARD, wallet, SHOP, 100)["reason"].take());
    assert_eq!(
        fates,
        ["approved", "drawn_elsewhere_today", "drawn_elsewhere_today"]
    );
    // The order of the second is never fetched; that of the third was paid for.
    desk.set_clock("2026-06-15T13:30:00+07:00");
    let fates = [2, 3].map(|wallet| desk.buy(20 + wallet, CARD, wallet, SHOP, 100)["reason"].take());
    assert_eq!(fates, ["approved", "drawn_elsewhere_today"]);
    // An order that was under way is paid for after the move as well.
    desk.enroll(PROGRAM, 4, None);
    desk.ask("/v1/holds", &order(4, 4, 1_000, 3_600));
    assert_eq!(to_the_card(&mut desk, 4)["changed"], true);
    let captured = desk.ask(&format!("/v1/holds/{}/capture", txn(4)), &json!({}));
    assert_eq!(
        (&captured["reason"], &captured["state_amount"]),
        (&json!("approved"), &json!(600))
    );
    desk.close(&[1, 2, 3, 4]);
}

#[test]
fn declines_of_a_citizen_with_several_programmes_verify_as_well() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    assert_eq!(to_the_card(&mut desk, 1)["changed"], true);
    assert_eq!(
        desk.buy(1, CARD, 1, "010555000000009", 100)["reason"],
        "merchant_unknown"
    );
    assert_eq!(desk.buy(2, PROGRAM, 1, SHOP, 100)["reason"], "not_registered");
    assert_eq!(
        desk.hold(3, 1, 100, 60)["reason"],
        "not_registered",
        "a hold is decided alike"
    );
    let status = json!({ "status": "suspended", "reason": "" });
    desk.call("PUT", &format!("/v1/wallets/{}/status", wallet_id(1)), &status);
    assert_eq!(desk.buy(4, CARD, 1, POWER, 100)["reason"], "wallet_suspended");
    desk.close(&[1]);
}

#[test]
fn a_refused_move_changes_nothing() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    desk.enroll(CARD, 2, None);
    desk.enroll(PROGRAM, 2, None);
    desk.call(
        "PUT",
        &format!("/v1/wallets/{}/status", wallet_id(3)),
        &json!({ "status": "active", "reason": "" }),
    );
    let mut told = |wallet: u64, from: &str, to: &str, tier: Option<&str>| {
        let mut body = json!({ "from_program": from, "to_program": to, "reason": "" });
        if let Some(tier) = tier {
            body["tier"] = json!(tier);
        }
        let answer = desk.call("POST", &format!("/v1/wallets/{}/moves", wallet_id(wallet)), &body);
        let is_refused = answer["decision"] == "rejected"
            && answer["changed"] == false
            && answer.get("sequence").is_none();
        assert!(is_refused, "{answer}");
        answer["reason"].as_str().expect("a text").to_owned()
    };
    assert_eq!(told(1, "nothing", CARD, None), "program_unknown");
    assert_eq!(told(1, PROGRAM, "nothing", Some("gold")), "program_unknown");
    assert_eq!(told(9, PROGRAM, CARD, Some("gold")), "tier_unknown");
    assert_eq!(told(9, PROGRAM, CARD, None), "wallet_unknown");
    assert_eq!(told(3, PROGRAM, CARD, None), "not_registered");
    assert_eq!(told(2, PROGRAM, CARD, None), "already_registered");
    assert_eq!(
        [PROGRAM, CARD].map(|program| registered(&mut desk, program)),
        [2, 1]
    );
    assert_eq!(desk.buy(1, PROGRAM, 1, SHOP, 100)["reason"], "approved");
    desk.close(&[1, 2]);
}
