//! A new phone, a new wallet: a citizen's rights go from the old wallet to the new one over HTTP.

use crate::desk::{CARD, Desk, KITCHEN, SHOP, order, txn};
use satang_tests::crash::wallet_id;
use satang_tests::site::PROGRAM;
use serde_json::{Value, json};

const NOON: &str = "2026-06-15T12:00:00+07:00";

fn path(wallet: u64) -> String {
    format!("/v1/wallets/{}/replacement", wallet_id(wallet))
}

#[track_caller]
fn replace(desk: &mut Desk, wallet: u64, new_wallet: u64) -> Value {
    let body = json!({ "new_wallet_id": wallet_id(new_wallet), "reason": "new phone" });
    desk.call("POST", &path(wallet), &body)
}

#[test]
fn the_new_wallet_goes_on_where_the_old_one_stopped() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    let bought = desk.buy(1, PROGRAM, 1, SHOP, 20_000);
    assert_eq!(bought["state_amount"], 12_000);
    let replaced = replace(&mut desk, 1, 2);
    let sequence = replaced["sequence"].clone();
    assert!(sequence.as_u64() > bought["sequence"].as_u64());
    assert_eq!(
        replaced,
        json!({
            "wallet_id": wallet_id(1), "new_wallet_id": wallet_id(2), "decision": "accepted", "reason": "accepted",
            "sequence": sequence, "replayed": false,
        })
    );
    assert_eq!(desk.buy(2, PROGRAM, 1, SHOP, 100)["reason"], "not_registered");
    let bought = desk.buy(3, PROGRAM, 2, SHOP, 20_000);
    assert_eq!(
        (&bought["state_amount"], &bought["limited_by"]),
        (&json!(8_000), &json!("day"))
    );
    let again = replace(&mut desk, 1, 2);
    assert_eq!(
        (&again["sequence"], &again["replayed"]),
        (&sequence, &json!(true))
    );
    // What the old wallet paid goes back to the citizen's room.
    assert_eq!(desk.refund(1, 1, None)["state_amount"], 12_000);
    let shown =
        |desk: &mut Desk, wallet| desk.call("GET", &format!("/v1/wallets/{}", wallet_id(wallet)), &json!({}));
    let new = shown(&mut desk, 2);
    let remaining = &new["programs"][0]["benefits"][0]["remaining"];
    assert_eq!(*remaining, json!({ "day": 12_000, "month": 92_000 }));
    assert_eq!(shown(&mut desk, 1)["programs"], json!([]));
    desk.restart_twice(&[format!("/v1/wallets/{}", wallet_id(2))]);
    assert_eq!(replace(&mut desk, 1, 2)["replayed"], true);
    desk.close(&[1, 2]);
}

#[test]
fn a_hold_of_the_old_wallet_is_captured_and_voided_as_before() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    for number in [1, 2] {
        desk.ask("/v1/holds", &order(number, 1, 10_000, 3_600));
    }
    replace(&mut desk, 1, 2);
    let captured = desk.ask(
        &format!("/v1/holds/{}/capture", txn(1)),
        &json!({ "amount": 5_000 }),
    );
    assert_eq!(captured["state_amount"], 3_000);
    desk.ask(&format!("/v1/holds/{}/void", txn(2)), &json!({}));
    let bought = desk.buy(3, PROGRAM, 2, KITCHEN, 30_000);
    assert_eq!(bought["state_amount"], 17_000, "3,000 of 20,000 are used");
    desk.close(&[1, 2]);
}

#[test]
fn a_refused_replacement_changes_nothing() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    desk.enroll(CARD, 5, None);
    let status = json!({ "status": "active", "reason": "" });
    desk.call("PUT", &format!("/v1/wallets/{}/status", wallet_id(3)), &status);
    let before = desk.durable_sequence();
    for (wallet, new_wallet, reason) in [
        (9, 2, "wallet_unknown"),
        (3, 2, "not_registered"),
        (1, 5, "wallet_taken"),
    ] {
        let answer = replace(&mut desk, wallet, new_wallet);
        let told = [
            &answer["decision"],
            &answer["reason"],
            &answer["sequence"],
            &answer["replayed"],
        ];
        assert_eq!(
            told,
            [&json!("rejected"), &json!(reason), &Value::Null, &json!(false)]
        );
    }
    let to_itself = json!({ "new_wallet_id": wallet_id(1), "reason": "" });
    let problem = desk.refuse(400, "malformed", ("POST", &path(1), &to_itself));
    assert_eq!(problem["errors"][0]["field"], "new_wallet_id");
    let unnamed = json!({ "reason": "" });
    let problem = desk.refuse(400, "malformed", ("POST", &path(1), &unnamed));
    assert_eq!(problem["errors"][0]["field"], "new_wallet_id");
    assert_eq!(desk.durable_sequence(), before);
    assert_eq!(desk.buy(1, PROGRAM, 1, SHOP, 100)["reason"], "approved");
    desk.close(&[1, 5]);
}
