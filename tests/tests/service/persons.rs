//! Citizens whom the desk suspends: every wallet of theirs stands still, and they get no new right.

use crate::desk::{CARD, Desk, SHOP};
use satang_tests::crash::{citizen_id, wallet_id};
use satang_tests::site::PROGRAM;
use serde_json::{Value, json};

const NOON: &str = "2026-06-15T12:00:00+07:00";
/// A programme whose registration is open.
pub const OPEN: &str = "khon-la-khrueng-4";

/// A registration of the citizen of that number.
pub fn registration(number: u64, citizen: u64) -> Value {
    json!({
        "registration_id": format!("0197a1d2-0f6e-7c3a-8b1d-{number:012x}"), "program": OPEN, "wallet_id": wallet_id(citizen),
        "citizen_id": citizen_id(citizen), "birth_date": "1990-04-12", "nationality": "TH",
    })
}

/// The reason a registration is answered with.
#[track_caller]
pub fn register(desk: &mut Desk, number: u64, citizen: u64) -> Value {
    desk.ask("/v1/registrations", &registration(number, citizen))["reason"].take()
}

/// What an enrollment line is told: `accepted` or its error.
pub fn enroll(desk: &mut Desk, program: &str, wallet: u64, citizen: u64) -> Value {
    let line =
        json!({ "program": program, "wallet_id": wallet_id(wallet), "citizen_id": citizen_id(citizen) });
    let report = desk.call("POST", "/v1/enrollments/import", &line);
    match report["accepted"].as_u64() {
        Some(1) => json!("accepted"),
        _ => report["errors"][0]["reason"].clone(),
    }
}

/// What a move to the card is told.
pub fn move_to_card(desk: &mut Desk, wallet: u64) -> Value {
    let body = json!({ "from_program": PROGRAM, "to_program": CARD, "reason": "x" });
    desk.call("POST", &format!("/v1/wallets/{}/moves", wallet_id(wallet)), &body)["reason"].take()
}

fn suspend(desk: &mut Desk, citizen: u64, status: &str) -> Value {
    let body = json!({ "citizen_id": citizen_id(citizen), "status": status, "reason": "sold the right" });
    desk.call("PUT", "/v1/persons/status", &body)
}

fn status_of(desk: &mut Desk, wallet: u64) -> Value {
    desk.call("GET", &format!("/v1/wallets/{}", wallet_id(wallet)), &json!({}))["status"].take()
}

#[test]
fn a_suspended_citizen_neither_buys_nor_gets_a_right() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    assert_eq!(
        enroll(&mut desk, OPEN, 11, 1),
        "accepted",
        "through a second wallet"
    );
    let wallets = json!([wallet_id(1), wallet_id(11)]);
    assert_eq!(
        suspend(&mut desk, 1, "suspended"),
        json!({ "status": "suspended", "reason": "sold the right", "wallets": wallets })
    );
    assert_eq!(desk.buy(1, PROGRAM, 1, SHOP, 100)["reason"], "wallet_suspended");
    assert_eq!(
        [1, 11].map(|wallet| status_of(&mut desk, wallet)),
        ["suspended", "suspended"]
    );
    assert_eq!(register(&mut desk, 1, 1), "excluded:suspended");
    assert_eq!(enroll(&mut desk, CARD, 1, 1), "excluded:suspended");
    assert_eq!(
        enroll(&mut desk, PROGRAM, 1, 1),
        "accepted",
        "a line that changes a live right"
    );
    assert_eq!(move_to_card(&mut desk, 1), "excluded:suspended");
    let looks = [1, 11].map(|wallet| format!("/v1/wallets/{}", wallet_id(wallet)));
    desk.restart_twice(&looks);
    assert_eq!(desk.buy(2, PROGRAM, 1, SHOP, 100)["reason"], "wallet_suspended");

    assert_eq!(suspend(&mut desk, 1, "active")["wallets"], wallets);
    assert_eq!(
        [1, 11].map(|wallet| status_of(&mut desk, wallet)),
        ["active", "active"]
    );
    assert_eq!(desk.buy(3, PROGRAM, 1, SHOP, 100)["reason"], "approved");
    assert_eq!(move_to_card(&mut desk, 1), "accepted");
    assert_eq!(
        suspend(&mut desk, 1, "active")["wallets"],
        wallets,
        "nothing to lift"
    );
    desk.close(&[1, 11]);
}

#[test]
fn a_wallets_own_status_and_its_citizens_are_two_things() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    let own = |desk: &mut Desk, status: &str| {
        let body = json!({ "status": status, "reason": "lost" });
        desk.call("PUT", &format!("/v1/wallets/{}/status", wallet_id(1)), &body);
    };
    own(&mut desk, "suspended");
    suspend(&mut desk, 1, "suspended");
    own(&mut desk, "active");
    assert_eq!(status_of(&mut desk, 1), "suspended");
    own(&mut desk, "suspended");
    suspend(&mut desk, 1, "active");
    assert_eq!(status_of(&mut desk, 1), "suspended");
    desk.restart_twice(&[format!("/v1/wallets/{}", wallet_id(1))]);
    own(&mut desk, "active");
    assert_eq!(status_of(&mut desk, 1), "active");
    assert_eq!(desk.buy(1, PROGRAM, 1, SHOP, 100)["reason"], "approved");
    desk.close(&[1]);
}

#[test]
fn a_citizen_is_found_by_a_wallet_or_need_not_be_known_at_all() {
    let mut desk = Desk::open(NOON);
    desk.enroll(PROGRAM, 1, None);
    let by_wallet =
        |wallet: u64| json!({ "wallet_id": wallet_id(wallet), "status": "suspended", "reason": "x" });
    assert_eq!(
        desk.call("PUT", "/v1/persons/status", &by_wallet(1))["wallets"],
        json!([wallet_id(1)])
    );
    desk.refuse(404, "not_found", ("PUT", "/v1/persons/status", &by_wallet(9)));
    // It is named, but nobody knows whose it is.
    let status = json!({ "status": "active", "reason": "" });
    desk.call("PUT", &format!("/v1/wallets/{}/status", wallet_id(8)), &status);
    desk.refuse(404, "not_found", ("PUT", "/v1/persons/status", &by_wallet(8)));
    assert_eq!(suspend(&mut desk, 7, "suspended")["wallets"], json!([]));
    assert_eq!(register(&mut desk, 7, 7), "excluded:suspended");
    assert_eq!(enroll(&mut desk, PROGRAM, 7, 7), "excluded:suspended");
    desk.restart_twice(&[]);
    suspend(&mut desk, 7, "active");
    assert_eq!(register(&mut desk, 8, 7), "accepted");
    desk.close(&[1, 7]);
}

#[test]
fn a_programmes_own_lists_are_told_first() {
    let mut desk = Desk::open(NOON);
    let list = desk.wire().call(
        "POST",
        "/v1/lists/special-assistance-2/import",
        citizen_id(1).as_bytes(),
    );
    assert_eq!(list.expect("an answer").json()["accepted"], 1);
    suspend(&mut desk, 1, "suspended");
    assert_eq!(register(&mut desk, 1, 1), "excluded:special-assistance-2");
    desk.close(&[]);
}
