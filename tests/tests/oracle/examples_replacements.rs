//! The model held against a pencil: a new wallet takes the place of an old one.

use serde_json::{Value, json};

use super::examples_moves::office;
use super::examples_registration::{Office, citizen, wallet};

const COLD: &str = "010555012345671";

impl Office {
    fn replaces(&mut self, old: u32, new: u32) -> Value {
        let body = json!({ "new_wallet_id": wallet(new), "reason": "new phone" });
        self.post(&format!("/v1/wallets/{}/replacement", wallet(old)), &body)
    }

    /// The reason, and whether it is a replay.
    fn replaced(&mut self, old: u32, new: u32) -> Value {
        let answer = self.replaces(old, new);
        let is_rejected = answer["decision"] == "rejected";
        assert_eq!(answer.get("sequence").is_some(), is_rejected, "{answer}");
        json!([answer["reason"], answer["replayed"]])
    }

    fn status_of(&mut self, through: u32) -> Value {
        self.look(&format!("/v1/wallets/{}", wallet(through)))["status"].clone()
    }
}

fn rejected(reason: &str) -> Value {
    json!([reason, false])
}

#[test]
fn every_right_goes_to_the_new_wallet_as_it_is() {
    let mut office = office();
    let line = json!({
        "program": "near", "wallet_id": wallet(1), "tier": "large-near", "household_id": COLD,
        "usable_from": "2026-06-16",
    });
    assert_eq!(office.enroll(1, line), "accepted");
    office.join(1, "other", 1);
    let before = office.held(1);
    office.clock("2026-06-15T18:00:00+07:00");
    let answer = office.replaces(1, 2);
    assert_eq!(
        answer,
        json!({
            "wallet_id": wallet(1), "new_wallet_id": wallet(2), "decision": "accepted", "reason": "accepted",
            "replayed": false,
        })
    );
    assert_eq!(office.held(2), before);
    assert_eq!(office.held(1), json!([]));
    assert_eq!(office.buys(1, 1, "other"), "not_registered");
    assert_eq!(office.buys(2, 2, "other"), "approved");
    assert_eq!(office.buys(3, 2, "near"), "not_yet_usable");
    // The old one stays the citizen's.
    assert_eq!(
        office.enroll(9, json!({ "program": "far", "wallet_id": wallet(1) })),
        "wallet_taken"
    );
    assert_eq!(
        office.enroll(1, json!({ "program": "other", "wallet_id": wallet(1) })),
        "already_registered"
    );
    assert_eq!(office.registered("near"), 1);
}

#[test]
fn the_same_again_is_a_replay_until_the_old_wallet_carries_a_right() {
    let mut office = office();
    office.join(1, "near", 1);
    assert_eq!(office.replaced(1, 2), json!(["accepted", false]));
    assert_eq!(office.replaced(1, 2), json!(["accepted", true]));
    assert_eq!(office.replaced(1, 3), rejected("not_registered"));
    // On to a third wallet: the first step is still what it was.
    assert_eq!(office.replaced(2, 3), json!(["accepted", false]));
    assert_eq!(office.replaced(1, 2), json!(["accepted", true]));
    assert_eq!(office.replaced(2, 3), json!(["accepted", true]));
    // All the way back, and once more.
    assert_eq!(office.replaced(3, 1), json!(["accepted", false]));
    assert_eq!(office.replaced(1, 2), json!(["accepted", false]));
    assert_eq!(office.replaced(1, 2), json!(["accepted", true]));
    assert_eq!(office.replaced(3, 1), json!(["accepted", true]));
    assert_eq!(office.replaced(3, 2), rejected("not_registered"));
    // A right that comes to the old wallet is replaced anew.
    office.join(1, "other", 1);
    assert_eq!(office.replaced(1, 2), json!(["accepted", false]));
    assert_eq!(office.held(2).as_array().unwrap().len(), 2);
}

#[test]
fn a_replacement_is_refused_in_one_order() {
    let mut office = office();
    office.join(1, "near", 1);
    office.join(2, "near", 2);
    assert_eq!(office.replaced(7, 2), rejected("wallet_unknown"));
    // Known, but nobody's; and somebody's, but without a right.
    office.suspend(&format!("/v1/wallets/{}/status", wallet(7)), "active");
    assert_eq!(office.replaced(7, 2), rejected("not_registered"));
    assert_eq!(office.moved(1, "near", "other"), json!(["accepted", true]));
    assert_eq!(office.replaced(1, 2), rejected("wallet_taken"));
    assert_eq!(
        office.replaced(1, 7),
        json!(["accepted", false]),
        "7 was nobody's"
    );
    assert_eq!(office.replaced(1, 2), rejected("not_registered"));
    assert_eq!(office.replaced(2, 7), rejected("wallet_taken"));
    let body = json!({ "citizen_id": citizen(2), "reason": "asked for it" });
    assert_eq!(office.post("/v1/persons/erase", &body)["reason"], "accepted");
    assert_eq!(office.replaced(2, 7), rejected("wallet_taken"));
    assert_eq!(office.replaced(2, 8), rejected("excluded:erased"));
    // What was answered once is answered still.
    let body = json!({ "citizen_id": citizen(1), "reason": "asked for it" });
    assert_eq!(office.post("/v1/persons/erase", &body)["reason"], "accepted");
    assert_eq!(office.replaced(1, 7), json!(["accepted", true]));
    assert_eq!(office.replaced(7, 1), rejected("excluded:erased"));
}

#[test]
fn a_malformed_replacement_names_its_field() {
    let mut office = office();
    office.join(1, "near", 1);
    let path = format!("/v1/wallets/{}/replacement", wallet(1));
    let mut bad = |path: &str, body: Value| {
        let answer = office.post(path, &body);
        assert_eq!(answer["$problem"], 400, "{body}");
        answer["fields"].clone()
    };
    let other = wallet(2);
    for (body, fields) in [
        (json!({ "reason": "x" }), json!(["new_wallet_id"])),
        (json!({ "new_wallet_id": other }), json!(["reason"])),
        (
            json!({ "new_wallet_id": wallet(1), "reason": "" }),
            json!(["new_wallet_id"]),
        ),
        (
            json!({ "new_wallet_id": "12", "reason": "" }),
            json!(["new_wallet_id"]),
        ),
        (
            json!({ "new_wallet_id": other, "reason": "x".repeat(501) }),
            json!(["reason"]),
        ),
        (
            json!({ "new_wallet_id": other, "reason": null }),
            json!(["reason"]),
        ),
        (
            json!({ "new_wallet_id": other, "reason": "", "more": 1 }),
            json!(["more"]),
        ),
        (json!([]), json!([""])),
    ] {
        assert_eq!(bad(&path, body), fields);
    }
    let body = json!({ "new_wallet_id": other, "reason": "" });
    assert_eq!(bad("/v1/wallets/12/replacement", body), json!(["wallet_id"]));
}

#[test]
fn use_and_money_go_along() {
    let mut office = office();
    office.join(1, "other", 1);
    assert_eq!(office.buys(1, 1, "other"), "approved");
    for number in [2, 3] {
        assert_eq!(office.holds(number, 1, "other", 200), "approved");
    }
    assert_eq!(office.replaced(1, 2), json!(["accepted", false]));
    assert_eq!(
        office.room_in(2, "other"),
        json!({ "day": 200, "program": 1_700 })
    );
    assert_eq!(office.purchase(4, 2, "other", 1_000)["state_amount"], 200);
    assert_eq!(office.refunds(1, 5), json!(["approved", 100]));
    assert_eq!(office.ends(2, "capture"), json!(["approved", 100]));
    assert_eq!(office.ends(3, "void"), json!(["approved", 0]));
    assert_eq!(
        office.room_in(2, "other"),
        json!({ "day": 200, "program": 1_700 })
    );
    assert_eq!(office.refunds(2, 6), json!(["approved", 100]));
    assert_eq!(
        office.room_in(2, "other"),
        json!({ "day": 300, "program": 1_800 })
    );
    // It was used, by whatever wallet.
    office.clock("2026-07-01T00:00:00+07:00");
    assert_eq!(office.buys(7, 2, "other"), "approved");
}

#[test]
fn a_lapsed_right_goes_along_and_stays_lapsed() {
    let mut office = office();
    office.join(1, "near", 1);
    office.clock("2026-07-01T00:00:00+07:00");
    assert_eq!(office.replaced(1, 2), json!(["accepted", false]));
    assert_eq!(office.buys(1, 2, "near"), "entitlement_lapsed");
    assert_eq!(office.buys(2, 1, "near"), "not_registered");
    assert_eq!(office.registered("near"), 0);
}

#[test]
fn a_wallets_own_suspension_stays_and_a_citizens_goes_along() {
    let mut office = office();
    office.join(1, "near", 1);
    office.suspend(&format!("/v1/wallets/{}/status", wallet(1)), "suspended");
    assert_eq!(office.replaced(1, 2), json!(["accepted", false]));
    assert_eq!(office.status_of(1), "suspended");
    assert_eq!(office.buys(1, 2, "near"), "approved");
    let mut person = json!({ "citizen_id": citizen(1), "status": "suspended", "reason": "x" });
    let (_, answer) = office
        .model
        .call("PUT", "/v1/persons/status", &person.to_string());
    assert_eq!(answer["wallets"], json!([wallet(2)]));
    assert_eq!(office.replaced(2, 3), json!(["accepted", false]));
    assert_eq!(
        [office.status_of(2), office.status_of(3)],
        ["active", "suspended"]
    );
    assert_eq!(office.buys(2, 3, "near"), "wallet_suspended");
    person["status"] = json!("active");
    let (_, answer) = office
        .model
        .call("PUT", "/v1/persons/status", &person.to_string());
    assert_eq!(answer["wallets"], json!([wallet(3)]));
    assert_eq!(office.buys(3, 3, "near"), "approved");
}
