//! The model held against a pencil: persons who are suspended, who owe, and who are erased.

use serde_json::{Value, json};

use super::examples_moves::office;
use super::examples_registration::{Office, citizen, wallet};

impl Office {
    /// Suspends a person or lifts it: the answer.
    fn sets(&mut self, named: Value, status: &str) -> Value {
        let mut body = named;
        body["status"] = json!(status);
        body["reason"] = json!("fraud");
        self.put("/v1/persons/status", &body)
    }

    fn erases(&mut self, named: Value) -> Value {
        let mut body = named;
        body["reason"] = json!("asked for it");
        self.post("/v1/persons/erase", &body)
    }

    fn wallet_status(&mut self, through: u32) -> Value {
        self.look(&format!("/v1/wallets/{}", wallet(through)))["status"].clone()
    }
}

fn by_citizen(person: u32) -> Value {
    json!({ "citizen_id": citizen(person) })
}

fn by_wallet(person: u32) -> Value {
    json!({ "wallet_id": wallet(person) })
}

fn refused(reason: &str) -> Value {
    json!({ "decision": "rejected", "reason": reason, "changed": false, "wallets": [] })
}

fn erased() -> Value {
    json!({ "$problem": 409, "code": "person_erased" })
}

#[test]
fn a_suspended_person_spends_through_no_wallet() {
    let mut office = office();
    office.join(1, "near", 1);
    office.join(1, "other", 11);
    let answer = office.sets(by_citizen(1), "suspended");
    let both = json!([wallet(1), wallet(11)]);
    assert_eq!(
        answer,
        json!({ "status": "suspended", "reason": "fraud", "wallets": both })
    );
    assert_eq!(office.buys(1, 1, "near"), "wallet_suspended");
    assert_eq!(office.buys(2, 11, "other"), "wallet_suspended");
    // The wallet's own word neither lifts it nor is lifted with it.
    office.suspend(&format!("/v1/wallets/{}/status", wallet(1)), "active");
    office.suspend(&format!("/v1/wallets/{}/status", wallet(11)), "suspended");
    assert_eq!(office.wallet_status(1), "suspended");
    assert_eq!(office.sets(by_wallet(11), "active")["wallets"], both);
    assert_eq!(
        [office.wallet_status(1), office.wallet_status(11)],
        ["active", "suspended"]
    );
    assert_eq!(office.buys(3, 1, "near"), "approved");
}

#[test]
fn the_last_wallet_of_a_right_that_ended_is_the_persons_too() {
    let mut office = office();
    office.join(1, "near", 1);
    assert_eq!(office.moved(1, "near", "far"), json!(["accepted", true]));
    office.join(1, "near", 2);
    assert_eq!(office.moved(2, "near", "other"), json!(["accepted", true]));
    let answer = office.sets(by_wallet(1), "suspended");
    assert_eq!(answer["wallets"], json!([wallet(1), wallet(2)]));
    office.sets(by_wallet(1), "active");
    // A right in the same programme through another wallet: the earlier wallet is out of it.
    office.clock("2026-07-01T00:00:00+07:00");
    office.join(1, "far", 3);
    office.join(1, "near", 3);
    office.join(1, "other", 3);
    assert_eq!(
        office.sets(by_wallet(1), "suspended")["wallets"],
        json!([wallet(3)])
    );
    assert_eq!(
        [office.wallet_status(1), office.wallet_status(3)],
        ["active", "suspended"]
    );
}

#[test]
fn a_person_must_be_known_by_the_wallet_only() {
    let mut office = office();
    assert_eq!(office.sets(by_wallet(1), "active"), json!({ "$problem": 404 }));
    office.suspend(&format!("/v1/wallets/{}/status", wallet(1)), "active");
    assert_eq!(office.sets(by_wallet(1), "active"), json!({ "$problem": 404 }));
    assert_eq!(office.sets(by_citizen(1), "suspended")["wallets"], json!([]));
    assert_eq!(office.sets(json!({}), "active")["fields"], json!(["citizen_id"]));
    let both = json!({ "citizen_id": citizen(1), "wallet_id": wallet(1) });
    assert_eq!(office.sets(both, "active")["fields"], json!(["wallet_id"]));
    let merchant = json!({ "merchant_id": "010555012345678" });
    assert_eq!(
        office.sets(merchant, "active")["fields"],
        json!(["citizen_id", "merchant_id"])
    );
}

#[test]
fn whoever_is_suspended_or_owes_gets_no_new_right() {
    let mut office = office();
    office.join(1, "near", 1);
    office.opens(1, by_citizen(1));
    office.opens(2, by_citizen(2));
    let far = json!({ "program": "far" });
    assert_eq!(office.told(2, far.clone()), "excluded:clawback");
    assert_eq!(office.enroll(2, far.clone()), "excluded:clawback");
    assert_eq!(
        office.moved(1, "near", "far"),
        json!(["excluded:clawback", false])
    );
    office.sets(by_citizen(1), "suspended");
    assert_eq!(
        office.moved(1, "near", "far"),
        json!(["excluded:suspended", false])
    );
    // Before `already_registered` and `wallet_taken` in a registration.
    let taken = json!({ "program": "near", "wallet_id": wallet(1) });
    assert_eq!(office.told(1, taken.clone()), "excluded:suspended");
    assert_eq!(office.told(2, taken.clone()), "excluded:clawback");
    // After them in a line, and a live right may be changed.
    assert_eq!(office.enroll(2, taken), "wallet_taken");
    let other_wallet = json!({ "program": "near", "wallet_id": wallet(5) });
    assert_eq!(office.enroll(1, other_wallet), "already_registered");
    let change = json!({ "program": "near", "household_id": "001000000000009" });
    assert_eq!(office.enroll(1, change), "accepted");
    // Before `quota_full`.
    for person in [3, 4] {
        office.join(person, "far", person);
    }
    assert_eq!(office.told(2, far.clone()), "excluded:clawback");
    assert_eq!(office.enroll(2, far.clone()), "excluded:clawback");
    assert_eq!(
        office.moved(1, "near", "far"),
        json!(["excluded:suspended", false])
    );
    office.sets(by_wallet(1), "active");
    assert_eq!(office.pays(1, 11, 100), json!(["paid", 0]));
    assert_eq!(office.pays(2, 11, 100), json!(["paid", 0]));
    assert_eq!(office.moved(1, "near", "far"), json!(["quota_full", false]));
    assert_eq!(office.told(2, far), "quota_full");
    assert_eq!(office.told(2, json!({ "program": "near" })), "accepted");
}

#[test]
fn a_case_of_a_person_shows_the_wallets() {
    let mut office = office();
    assert_eq!(office.opens(1, by_citizen(1))["wallets"], json!([]));
    office.join(2, "near", 2);
    let case = office.opens(2, by_wallet(2));
    assert_eq!(
        (&case["wallets"], case.get("merchant_id")),
        (&json!([wallet(2)]), None)
    );
    assert_eq!(office.opens(2, by_citizen(2)), case, "the same person");
    assert_eq!(office.look("/v1/clawbacks")["open"], 2);
}

#[test]
fn an_erased_person_leads_to_nobody() {
    let mut office = office();
    office.join(1, "near", 1);
    office.join(1, "other", 11);
    assert_eq!(office.buys(1, 1, "near"), "approved");
    office.list("large", &[1]);
    let answer = office.erases(by_citizen(1));
    let both = json!([wallet(1), wallet(11)]);
    assert_eq!(
        answer,
        json!({
            "decision": "accepted", "reason": "accepted", "changed": true, "wallets": both, "$sequence": "rises",
        })
    );
    let mut again = json!({ "decision": "accepted", "reason": "accepted", "changed": false, "wallets": [] });
    assert_eq!(office.erases(by_citizen(1)), again);
    again["wallets"] = both;
    assert_eq!(office.erases(by_wallet(11)), again);
    // The wallets are out for ever, the right still counts, and a refund goes where it went.
    assert_eq!(office.registered("near"), 1);
    assert_eq!(office.buys(2, 1, "near"), "wallet_suspended");
    office.suspend(&format!("/v1/wallets/{}/status", wallet(1)), "active");
    assert_eq!(
        [office.wallet_status(1), office.wallet_status(11)],
        ["suspended", "suspended"]
    );
    assert_eq!(office.held(1)[0]["benefits"][0]["remaining"]["day"], 400);
    let back = json!({ "reversal_id": "0197a1d2-0f6e-7c3a-8b1e-000000000077", "reason": "timeout" });
    let path = "/v1/authorizations/0197a1d2-0f6e-7c3a-8b1e-000000000001/reversals";
    assert_eq!(office.post(path, &back)["decision"], "approved");
    assert_eq!(office.held(1)[0]["benefits"][0]["remaining"]["day"], 500);
}

#[test]
fn whoever_was_erased_does_not_come_back() {
    let mut office = office();
    office.join(1, "near", 1);
    office.sets(by_citizen(1), "suspended");
    office.erases(by_wallet(1));
    assert_eq!(office.told(1, json!({ "program": "other" })), "excluded:erased");
    assert_eq!(office.enroll(1, json!({ "program": "near" })), "excluded:erased");
    office.join(2, "other", 2);
    let taken = json!({ "program": "near", "wallet_id": wallet(2) });
    assert_eq!(office.enroll(1, taken), "excluded:erased", "before wallet_taken");
    assert_eq!(office.moved(1, "near", "far"), json!(["excluded:erased", false]));
    let held = json!({ "program": "far", "wallet_id": wallet(1) });
    assert_eq!(office.told(2, held), "wallet_taken");
    for named in [by_citizen(1), by_wallet(1)] {
        assert_eq!(office.sets(named.clone(), "active"), erased());
        assert_eq!(office.opens(1, named), erased());
    }
    // A line of a list is taken and says nothing.
    office.list("large", &[1]);
    let files = office.look("/v1/programs/near");
    assert_eq!(
        files["$subset"]["lists"],
        json!([{ "list": "large", "imported": true }])
    );
}

#[test]
fn nobody_is_erased_who_owes_or_was_never_there() {
    let mut office = office();
    assert_eq!(office.erases(by_citizen(1)), refused("citizen_unknown"));
    assert_eq!(office.erases(by_wallet(1)), refused("wallet_unknown"));
    office.suspend(&format!("/v1/wallets/{}/status", wallet(1)), "active");
    assert_eq!(office.erases(by_wallet(1)), refused("wallet_unknown"));
    office.list("large", &[2]);
    assert_eq!(office.erases(by_citizen(2))["changed"], true);
    office.opens(1, by_citizen(1));
    assert_eq!(office.erases(by_citizen(1)), refused("clawback_open"));
    assert_eq!(office.pays(1, 11, 100), json!(["paid", 0]));
    assert_eq!(office.erases(by_citizen(1))["changed"], true);
    let shown = office.look("/v1/clawbacks/0197a1d2-0f6e-7c3a-8b1e-000000000001");
    assert_eq!(shown["wallets"], json!([]));
    assert_eq!(
        office.erases(json!({})),
        json!({ "$problem": 400, "fields": ["citizen_id"] })
    );
}
