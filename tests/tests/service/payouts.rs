//! Money that settlement holds back, of a merchant or of one authorization: decisions go on.

use crate::desk::{Desk, KITCHEN, SHOP, txn};
use satang_tests::site::PROGRAM;
use serde_json::{Value, json};

const NOON: &str = "2026-06-15T12:00:00+07:00";

fn freeze(desk: &mut Desk, path: &str, status: &str) -> Value {
    let body = json!({ "status": status, "reason": "looked into" });
    desk.call("PUT", &format!("{path}/payout"), &body)
}

#[test]
fn what_is_frozen_is_shown_and_decided_on_all_the_same() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    for number in [1, 2] {
        assert_eq!(desk.buy(number, PROGRAM, 1, SHOP, 1_000)["reason"], "approved");
    }
    assert_eq!(desk.buy(3, "nothing", 1, SHOP, 1_000)["decision"], "declined");
    let payout = |desk: &mut Desk, number: u64| {
        let shown = desk.look_up(number);
        json!([shown.get("payout"), shown["frozen"]["reason"]])
    };
    assert_eq!(payout(&mut desk, 1), json!(["active", null]));
    assert_eq!(payout(&mut desk, 3), json!([null, null]), "nothing is paid");
    let first = format!("/v1/authorizations/{}", txn(1));
    assert_eq!(
        freeze(&mut desk, &first, "frozen"),
        json!({ "txn_id": txn(1), "payout": "frozen", "reason": "looked into" })
    );
    assert_eq!(payout(&mut desk, 1), json!(["frozen", "looked into"]));
    assert_eq!(payout(&mut desk, 2), json!(["active", null]));
    let shop = format!("/v1/merchants/{SHOP}");
    assert_eq!(
        freeze(&mut desk, &shop, "frozen"),
        json!({ "merchant_id": SHOP, "payout": "frozen", "reason": "looked into" })
    );
    assert_eq!(payout(&mut desk, 2), json!(["frozen", null]), "with its merchant");
    assert_eq!(desk.buy(4, PROGRAM, 1, SHOP, 1_000)["reason"], "approved");
    assert_eq!(desk.refund(1, 1, None)["reason"], "approved");
    freeze(&mut desk, &format!("/v1/merchants/{KITCHEN}"), "frozen");
    let shown = desk.call("GET", "/v1/payouts", &json!({}));
    let ids = |list: &str, id: &str| {
        let list = shown[list].as_array().expect("a list").iter();
        json!(list.map(|frozen| frozen[id].clone()).collect::<Vec<_>>())
    };
    assert_eq!(ids("merchants", "merchant_id"), json!([SHOP, KITCHEN]));
    assert_eq!(ids("authorizations", "txn_id"), json!([txn(1)]));
    assert_eq!(shown["merchants"][0]["reason"], "looked into");
    assert!(
        shown["merchants"][0]["since"]
            .as_str()
            .is_some_and(|at| at.ends_with("+07:00"))
    );
    assert_eq!(
        (&shown["merchants_frozen"], &shown["authorizations_frozen"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        ["merchant", "authorization"].map(|of| desk.sample(&format!("satang_payouts_frozen{{of=\"{of}\"}}"))),
        [2, 1]
    );
    desk.restart_twice(&["/v1/payouts".to_owned(), first.clone(), shop.clone()]);
    assert_eq!(freeze(&mut desk, &first, "active")["payout"], "active");
    assert_eq!(payout(&mut desk, 1), json!(["frozen", null]));
    freeze(&mut desk, &shop, "active");
    assert_eq!(payout(&mut desk, 1), json!(["active", null]));
    let shown = desk.call("GET", "/v1/payouts", &json!({}));
    assert_eq!(
        (&shown["merchants_frozen"], &shown["authorizations_frozen"]),
        (&json!(1), &json!(0))
    );
    desk.close(&[1]);
}

#[test]
fn of_nothing_and_of_a_decline_nothing_is_held_back() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    assert_eq!(desk.buy(1, "nothing", 1, SHOP, 100)["decision"], "declined");
    assert_eq!(desk.hold(2, 1, 100, 60)["decision"], "approved");
    let body = json!({ "status": "frozen", "reason": "x" });
    let path = |number: u64| format!("/v1/authorizations/{}/payout", txn(number));
    desk.refuse(409, "nothing_to_pay", ("PUT", &path(1), &body));
    desk.refuse(404, "not_found", ("PUT", &path(9), &body));
    desk.refuse(
        404,
        "not_found",
        ("PUT", "/v1/merchants/010555000000099/payout", &body),
    );
    // An id that was reversed before it came leads to no authorization either.
    desk.refund(8, 8, None);
    desk.refuse(404, "not_found", ("PUT", &path(8), &body));
    assert_eq!(desk.call("PUT", &path(2), &body)["payout"], "frozen", "a hold");
    let before: u64 = desk.durable_sequence().parse().expect("a number");
    desk.call("PUT", &path(2), &body);
    assert_eq!(
        desk.durable_sequence(),
        (before + 1).to_string(),
        "each is on record"
    );
    desk.close(&[1]);
}
