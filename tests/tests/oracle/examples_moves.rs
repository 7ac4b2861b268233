//! The model held against a pencil: programmes that exclude each other, and people who move between them.

use serde_json::{Value, json};

use super::examples::{FOOD, id};
use super::examples_registration::{Office, wallet};

const COLD: &str = "010555012345671";

/// A programme that pays all of one day's small bills, in registration until the end of July.
fn programme(id: &str, head: &str, category: &str) -> String {
    format!(
        "id = \"{id}\"\nname_th = \"พ\"\nname_en = \"P\"\n{head}\n[registration]\nopens = 2026-06-01\n\
         closes = 2026-07-31\nhours = \"00:00-24:00\"\nquota = 2\nfirst_use_by = 2026-07-01T00:00:00\n\
         [[registration.tier]]\nid = \"large-{id}\"\nrequired_list = \"large\"\ncaps = {{ b = {{ day = 900 }} }}\n\
         [[benefit]]\nid = \"b\"\nstate_percent = 50\nholder = \"person\"\ncaps = {{ day = 500, program = 2_000 }}\n\
         when_exhausted = \"citizen_pays\"\nmerchant_categories = [\"{category}\"]\n[[benefit.channel]]\n\
         id = \"store\"\nfrom = 2026-06-01\nto = 2026-12-31\nhours = \"00:00-24:00\"\n"
    )
}

/// `near` names `far` and one that is not there; `other` names nobody and nobody names it.
pub(crate) fn office() -> Office {
    let files = [
        programme("near", "exclusive_with = [\"far\", \"gone\"]", "food_drink"),
        programme("far", "usable_from = 2026-06-10", "food_drink"),
        programme("other", "", "food_drink"),
    ];
    let texts = files.each_ref().map(String::as_str);
    Office::open(&texts, "2026-06-15T12:00:00.250+07:00")
}

impl Office {
    pub(crate) fn join(&mut self, person: u32, program: &str, through: u32) {
        let line = json!({ "program": program, "wallet_id": wallet(through) });
        assert_eq!(self.enroll(person, line), "accepted");
    }

    /// Buys for 200 satang; the reason.
    pub(crate) fn buys(&mut self, number: u32, through: u32, program: &str) -> String {
        let answer = self.purchase(number, through, program, 200);
        answer["reason"].as_str().unwrap().to_owned()
    }

    pub(crate) fn purchase(&mut self, number: u32, through: u32, program: &str, amount: u64) -> Value {
        let body = json!({
            "txn_id": id(number), "program": program, "wallet_id": wallet(through), "merchant_id": FOOD,
            "channel": "store", "amount": amount,
        });
        self.post("/v1/authorizations", &body)
    }

    /// Moves what is held through the wallet, changed as `with` says.
    pub(crate) fn moves(&mut self, through: u32, from: &str, to: &str, with: Value) -> Value {
        let mut body = json!({ "from_program": from, "to_program": to, "reason": "new card" });
        for (key, value) in with.as_object().unwrap() {
            body[key] = value.clone();
        }
        self.post(&format!("/v1/wallets/{}/moves", wallet(through)), &body)
    }

    /// The reason of a move and whether it changed anything.
    pub(crate) fn moved(&mut self, through: u32, from: &str, to: &str) -> Value {
        let answer = self.moves(through, from, to, json!({}));
        assert_eq!(answer["decision"] == "accepted", answer["reason"] == "accepted");
        assert_eq!(answer.get("$sequence").is_some(), answer["changed"] == true);
        json!([answer["reason"], answer["changed"]])
    }

    pub(crate) fn held(&mut self, through: u32) -> Value {
        self.look(&format!("/v1/wallets/{}", wallet(through)))["programs"].clone()
    }

    pub(crate) fn registered(&mut self, program: &str) -> Value {
        self.look(&format!("/v1/programs/{program}"))["$subset"]["registration"]["registered"].clone()
    }
}

fn refused(reason: &str) -> Value {
    json!([reason, false])
}

#[test]
fn nobody_draws_on_two_that_exclude_each_other_on_one_day() {
    let mut office = office();
    for program in ["near", "far", "other"] {
        office.join(1, program, 1);
    }
    assert_eq!(office.buys(1, 1, "near"), "approved");
    let answer = office.purchase(2, 1, "far", 200);
    assert_eq!(answer["reason"], "drawn_elsewhere_today");
    assert_eq!(answer["response_code"], "57");
    assert_eq!(answer["remaining"], json!({ "day": 500, "program": 2_000 }));
    let body = json!({
        "program": "far", "wallet_id": wallet(1), "merchant_id": FOOD, "channel": "store", "amount": 1,
    });
    let quote = office.post("/v1/quotes", &body);
    assert_eq!(
        quote["reason"], "drawn_elsewhere_today",
        "before amount_too_small"
    );
    assert_eq!(quote["fully_subsidised_up_to"], 0);
    assert_eq!(office.buys(3, 1, "other"), "approved");
    assert_eq!(
        office.buys(4, 1, "near"),
        "approved",
        "a programme does not exclude itself"
    );
    // The next day begins with nothing, and the named one excludes the one that names it.
    office.clock("2026-06-16T00:00:00+07:00");
    assert_eq!(office.buys(5, 1, "far"), "approved");
    assert_eq!(office.buys(6, 1, "near"), "drawn_elsewhere_today");
}

#[test]
fn a_draw_is_the_citizens_through_whatever_wallet() {
    let mut office = office();
    office.join(1, "near", 1);
    office.join(1, "far", 11);
    office.join(2, "far", 2);
    assert_eq!(office.buys(1, 11, "far"), "approved");
    assert_eq!(office.buys(2, 1, "near"), "drawn_elsewhere_today");
    assert_eq!(office.buys(3, 2, "far"), "approved");
    // What the programme or the wallet forbids is said first.
    office.suspend(&format!("/v1/wallets/{}/status", wallet(1)), "suspended");
    assert_eq!(office.buys(4, 1, "near"), "wallet_suspended");
}

#[test]
fn a_lapse_is_said_before_a_draw_elsewhere() {
    let mut office = office();
    office.join(1, "near", 1);
    office.join(1, "far", 1);
    assert_eq!(office.buys(1, 1, "near"), "approved");
    office.clock("2026-07-01T00:00:00+07:00");
    assert_eq!(office.buys(2, 1, "near"), "approved");
    assert_eq!(office.buys(3, 1, "far"), "entitlement_lapsed");
}

#[test]
fn only_the_states_money_is_a_draw_and_no_reversal_takes_it_away() {
    let mut office = office();
    office.join(1, "near", 1);
    office.join(1, "far", 1);
    assert_eq!(office.buys(1, 1, "near"), "approved");
    let path = format!("/v1/authorizations/{}/reversals", id(1));
    let reversal = json!({ "reversal_id": id(2), "reason": "timeout" });
    assert_eq!(office.post(&path, &reversal)["reason"], "approved");
    assert_eq!(office.buys(3, 1, "far"), "drawn_elsewhere_today");
    // Four days use up the programme; on the fifth the citizen pays all, which is no draw.
    for (number, day) in [(10, 16), (11, 17), (12, 18), (13, 19)] {
        office.clock(&format!("2026-06-{day}T12:00:00+07:00"));
        assert_eq!(office.purchase(number, 1, "near", 1_000)["state_amount"], 500);
    }
    office.clock("2026-06-20T12:00:00+07:00");
    assert_eq!(office.purchase(14, 1, "near", 1_000)["state_amount"], 0);
    assert_eq!(office.buys(15, 1, "far"), "approved");
    // Whether the state would pay anything does not matter for the one who has drawn elsewhere.
    assert_eq!(office.buys(16, 1, "near"), "drawn_elsewhere_today");
}

#[test]
fn a_move_ends_one_right_and_begins_another() {
    let mut office = office();
    let line = json!({ "program": "near", "household_id": COLD, "tier": "large-near" });
    assert_eq!(office.enroll(1, line), "accepted");
    assert_eq!(office.buys(1, 1, "near"), "approved");
    let with = json!({ "household_id": "001000000000009", "tier": "large-far", "usable_from": "2026-06-15" });
    assert_eq!(
        office.moves(1, "near", "far", with),
        json!({
            "wallet_id": wallet(1), "from_program": "near", "to_program": "far", "decision": "accepted",
            "reason": "accepted", "changed": true, "$sequence": "rises",
        })
    );
    assert_eq!(
        office.held(1),
        json!([{
            "program": "far", "registered_at": "2026-06-15T12:00:00+07:00",
            "first_use_by": "2026-07-01T00:00:00+07:00", "lapsed": false, "tier": "large-far",
            "household_id": "001000000000009", "usable_from": "2026-06-15",
            "benefits": [{ "benefit": "b", "remaining": { "day": 900, "program": 2_000 } }],
        }])
    );
    assert_eq!(
        [office.registered("near"), office.registered("far")],
        [json!(0), json!(1)]
    );
    assert_eq!(office.buys(2, 1, "near"), "not_registered");
    // What was drawn before the move counts on the same day.
    assert_eq!(office.buys(3, 1, "far"), "drawn_elsewhere_today");
    office.clock("2026-06-16T12:00:00+07:00");
    assert_eq!(office.buys(4, 1, "far"), "approved");
    // No ticket was taken; the slot is free and the ticket of who comes back is a new one.
    let shown = office.look("/v1/programs/far/registration");
    assert_eq!(shown["$subset"]["tickets"], 0);
    let back = office.register(1, json!({ "program": "near" }));
    assert_eq!(
        (&back["reason"], &back["ticket"]),
        (&json!("accepted"), &json!(1))
    );
    let near = office.held(1)[1].clone();
    assert_eq!(near["tier"], Value::Null);
    assert_eq!(near["registered_at"], "2026-06-16T12:00:00+07:00");
    assert_eq!(
        near["benefits"][0]["remaining"],
        json!({ "day": 500, "program": 1_900 }),
        "what was used stays"
    );
}

#[test]
fn a_move_is_refused_in_order() {
    let mut office = office();
    let wrong = json!({ "tier": "large-near" });
    assert_eq!(
        office.moves(1, "near", "none", wrong.clone())["reason"],
        "program_unknown"
    );
    assert_eq!(
        office.moves(1, "none", "far", wrong.clone())["reason"],
        "program_unknown"
    );
    let answer = office.moves(1, "near", "far", wrong);
    assert_eq!(
        answer,
        json!({
            "wallet_id": wallet(1), "from_program": "near", "to_program": "far", "decision": "rejected",
            "reason": "tier_unknown", "changed": false,
        })
    );
    assert_eq!(office.moved(1, "near", "far"), refused("wallet_unknown"));
    // A wallet that only a status change named belongs to nobody.
    office.suspend(&format!("/v1/wallets/{}/status", wallet(1)), "active");
    assert_eq!(office.moved(1, "near", "far"), refused("not_registered"));
    office.join(1, "near", 11);
    office.join(1, "other", 1);
    assert_eq!(
        office.moved(1, "near", "far"),
        refused("not_registered"),
        "through another wallet"
    );
    office.join(1, "far", 1);
    office.join(2, "far", 2);
    assert_eq!(
        office.moved(1, "near", "far"),
        refused("not_registered"),
        "the other wallet still holds it"
    );
    assert_eq!(
        office.moved(11, "near", "far"),
        refused("already_registered"),
        "before quota_full"
    );
    office.join(3, "near", 3);
    assert_eq!(office.moved(3, "near", "far"), refused("quota_full"));
    // Suspended or paused does not matter.
    office.suspend(&format!("/v1/wallets/{}/status", wallet(3)), "suspended");
    office.suspend("/v1/programs/near/status", "suspended");
    office.suspend("/v1/programs/other/status", "suspended");
    assert_eq!(office.moved(3, "near", "other"), json!(["accepted", true]));
}

#[test]
fn a_move_that_was_made_is_accepted_again_and_changes_nothing() {
    let mut office = office();
    office.join(1, "near", 1);
    assert_eq!(office.moved(1, "near", "far"), json!(["accepted", true]));
    let before = office.held(1);
    office.clock("2026-06-16T12:00:00+07:00");
    let again = office.moves(1, "near", "far", json!({ "reason": "" }));
    assert_eq!(
        (&again["reason"], &again["changed"]),
        (&json!("accepted"), &json!(false))
    );
    assert_eq!(again.get("$sequence"), None);
    assert_eq!(office.held(1), before);
    // It is another move that says anything else of the right, or begins where nothing was held.
    for other in [
        json!({ "household_id": COLD }),
        json!({ "tier": "large-far" }),
        json!({ "usable_from": "2026-06-20" }),
    ] {
        assert_eq!(office.moves(1, "near", "far", other)["reason"], "not_registered");
    }
    assert_eq!(office.moved(1, "other", "far"), refused("not_registered"));
    assert_eq!(office.held(1), before);
    // Back and forth is two moves.
    assert_eq!(office.moved(1, "far", "near"), json!(["accepted", true]));
    assert_eq!(office.moved(1, "near", "far"), json!(["accepted", true]));
}

#[test]
fn a_lapsed_right_is_none_here_and_replaced_there() {
    let mut office = office();
    office.join(1, "near", 1);
    office.join(2, "near", 2);
    office.join(2, "far", 12);
    office.join(3, "far", 3);
    assert_eq!(office.buys(1, 2, "near"), "approved");
    office.clock("2026-07-01T00:00:00+07:00");
    assert_eq!(office.moved(1, "near", "far"), refused("not_registered"));
    // Both rights in the other one have lapsed: there is room, and the one through the other wallet gives way.
    assert_eq!(office.moved(2, "near", "far"), json!(["accepted", true]));
    assert_eq!(office.held(12), json!([]));
    let far = office.held(2)[0].clone();
    assert_eq!(
        (&far["program"], &far["first_use_by"], &far["registered_at"]),
        (&json!("far"), &Value::Null, &json!("2026-07-01T00:00:00+07:00"))
    );
    assert_eq!(office.registered("far"), 1);
    assert_eq!(office.buys(2, 12, "far"), "not_registered");
    assert_eq!(office.buys(3, 2, "far"), "approved");
}

#[test]
fn a_malformed_move_names_its_field() {
    let mut office = office();
    let mut bad = |with: Value| office.moves(1, "near", "far", with)["fields"].clone();
    assert_eq!(bad(json!({ "to_program": "near" })), json!(["to_program"]));
    assert_eq!(bad(json!({ "from_program": "Near" })), json!(["from_program"]));
    assert_eq!(bad(json!({ "household_id": "12" })), json!(["household_id"]));
    assert_eq!(bad(json!({ "tier": "" })), json!(["tier"]));
    assert_eq!(
        bad(json!({ "usable_from": "2026-02-30" })),
        json!(["usable_from"])
    );
    assert_eq!(bad(json!({ "usable_from": null })), json!(["usable_from"]));
    assert_eq!(bad(json!({ "reason": "two\nlines" })), json!(["reason"]));
    assert_eq!(bad(json!({ "reason": "x".repeat(501) })), json!(["reason"]));
    assert_eq!(bad(json!({ "wallet": "x" })), json!(["wallet"]));
    let body = json!({ "from_program": "near", "to_program": "far" });
    let answer = office.post("/v1/wallets/12/moves", &body);
    assert_eq!(
        answer,
        json!({ "$problem": 400, "fields": ["reason", "wallet_id"] })
    );
}
