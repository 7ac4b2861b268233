//! The model held against a pencil: what a right is worth, when it may be used and when it lapses; people who come
//! back, enrollment lines, and what is shown.

use serde_json::{Value, json};

use super::examples::{FOOD, id};
use super::examples_registration::{FAIR, OLD_FAIR, Office, application, wallet};

impl Office {
    /// Buys with a person's wallet; reason, code, state's part and room.
    fn buy(&mut self, number: u32, wallet_id: &str, amount: u64) -> Value {
        let body = json!({
            "txn_id": id(number), "program": "fair", "wallet_id": wallet_id, "merchant_id": FOOD,
            "channel": "store", "amount": amount,
        });
        let answer = self.post("/v1/authorizations", &body);
        json!([
            answer["reason"],
            answer["response_code"],
            answer["state_amount"],
            answer["remaining"]
        ])
    }

    /// What the look-up of a wallet says of its right in the programme.
    fn right(&mut self, wallet_id: &str) -> Value {
        self.look(&format!("/v1/wallets/{wallet_id}"))["programs"][0].clone()
    }

    /// Open, registered and remaining.
    fn counts(&mut self) -> Value {
        let shown = self.look("/v1/programs/fair")["$subset"]["registration"].clone();
        json!([shown["open"], shown["registered"], shown["remaining"]])
    }
}

/// Everybody may register until the end of the year.
fn open_end() -> String {
    FAIR.replace("closes = 2026-05-29\n", "")
}

fn lapsed(day: u64, program: u64) -> Value {
    json!(["entitlement_lapsed", "54", 0, { "day": day, "program": program }])
}

#[test]
fn a_registered_wallet_is_shown_with_what_it_holds() {
    let mut office = Office::in_may(25);
    office.list("tax-filers", &[1]);
    office.list("students", &[1, 2]);
    for person in [1, 2, 3] {
        assert_eq!(office.told(person, json!({})), "accepted");
    }
    // The first tier that fits replaces what it names; the rest are the benefit's own caps.
    for (person, tier, day, program) in [
        (1, json!("tax-filer"), 20_000, 240_000),
        (2, json!("student"), 5_000, 200_000),
        (3, Value::Null, 20_000, 200_000),
    ] {
        assert_eq!(
            office.right(&wallet(person)),
            json!({
                "program": "fair", "registered_at": "2026-05-25T12:00:00+07:00",
                "first_use_by": "2026-06-10T23:00:00+07:00", "lapsed": false, "tier": tier, "household_id": null,
                "usable_from": "2026-06-03",
                "benefits": [{ "benefit": "co-pay", "remaining": { "day": day, "program": program } }],
            })
        );
    }
    // The tier stays what it was on the day of registration.
    office.list("tax-filers", &[3]);
    assert_eq!(office.right(&wallet(3))["tier"], Value::Null);
}

#[test]
fn a_tiers_caps_are_those_of_every_decision() {
    let mut office = Office::in_may(25);
    office.list("students", &[2]);
    assert_eq!(office.told(2, json!({})), "accepted");
    office.clock("2026-06-02T23:00:00-07:00");
    let answer = office.buy(1, &wallet(2), 30_000);
    assert_eq!(
        answer,
        json!(["approved", "00", 5_000, { "day": 0, "program": 195_000 }])
    );
    let body = json!({
        "program": "fair", "wallet_id": wallet(2), "merchant_id": FOOD, "channel": "store", "amount": 30_000,
    });
    let quote = office.post("/v1/quotes", &body);
    assert_eq!(quote["limited_by"], "day");
    // An enrollment line sets it, another one without takes it away.
    assert_eq!(office.enroll(2, json!({ "tier": "tax-filer" })), "accepted");
    let right = office.right(&wallet(2));
    assert_eq!(right["tier"], "tax-filer");
    assert_eq!(
        right["benefits"][0]["remaining"],
        json!({ "day": 15_000, "program": 235_000 })
    );
    assert_eq!(office.enroll(2, json!({})), "accepted");
    let right = office.right(&wallet(2));
    assert_eq!(right["tier"], Value::Null);
    assert_eq!(
        right["benefits"][0]["remaining"],
        json!({ "day": 15_000, "program": 195_000 })
    );
}

#[test]
fn a_right_not_used_in_time_lapses_to_the_millisecond() {
    let mut office = Office::in_may(25);
    for person in [1, 2] {
        assert_eq!(office.told(person, json!({})), "accepted");
    }
    assert_eq!(office.counts(), json!([true, 2, 1]));
    office.clock("2026-06-10T22:59:59.999+07:00");
    assert_eq!(office.buy(1, &wallet(1), 100)[0], "approved");
    assert_eq!(office.right(&wallet(2))["lapsed"], false);
    assert_eq!(office.counts(), json!([false, 2, 1]));
    office.clock("2026-06-10T23:00:00+07:00");
    assert_eq!(office.right(&wallet(1))["lapsed"], false);
    let right = office.right(&wallet(2));
    assert_eq!(right["lapsed"], true);
    assert_eq!(right["first_use_by"], "2026-06-10T23:00:00+07:00");
    assert_eq!(office.counts(), json!([false, 1, 2]));
    office.clock("2026-06-11T12:00:00+07:00");
    assert_eq!(office.buy(2, &wallet(1), 100)[0], "approved");
    assert_eq!(office.buy(3, &wallet(2), 100), lapsed(20_000, 200_000));
    // A suspended wallet is told so first.
    office.suspend(&format!("/v1/wallets/{}/status", wallet(2)), "suspended");
    assert_eq!(office.buy(4, &wallet(2), 100)[0], "wallet_suspended");
}

#[test]
fn not_yet_usable_comes_before_lapsed() {
    let late = FAIR.replace("usable_from = 2026-06-03", "usable_from = 2026-06-15");
    let mut office = Office::open(&[&late], "2026-05-25T12:00:00+07:00");
    assert_eq!(office.told(1, json!({})), "accepted");
    office.clock("2026-06-14T12:00:00+07:00");
    assert_eq!(office.right(&wallet(1))["lapsed"], true);
    assert_eq!(office.buy(1, &wallet(1), 100)[0], "not_yet_usable");
    office.clock("2026-06-15T12:00:00+07:00");
    assert_eq!(office.buy(2, &wallet(1), 100), lapsed(20_000, 200_000));
}

#[test]
fn any_approval_is_a_use_and_no_reversal_undoes_it() {
    let mut office = Office::open(&[&open_end()], "2026-05-25T12:00:00+07:00");
    for person in [1, 2] {
        assert_eq!(office.told(person, json!({})), "accepted");
    }
    office.clock("2026-06-03T12:00:00+07:00");
    assert_eq!(office.buy(1, &wallet(1), 100)[0], "approved");
    let path = format!("/v1/authorizations/{}/reversals", id(1));
    let reversal = json!({ "reversal_id": id(2), "reason": "timeout" });
    assert_eq!(office.post(&path, &reversal)["reason"], "approved");
    // A decline is none.
    assert_eq!(office.buy(3, &wallet(2), 1)[0], "amount_too_small");
    office.clock("2026-06-11T12:00:00+07:00");
    assert_eq!(office.buy(4, &wallet(1), 100)[0], "approved");
    assert_eq!(office.buy(5, &wallet(2), 100)[0], "entitlement_lapsed");
    assert_eq!(office.told(1, json!({})), "already_registered");
}

#[test]
fn an_approval_without_the_states_money_is_a_use() {
    // A cap must have been used up before the citizen pays all, so no client can see such an approval be the first.
    // The model is made to forget the one before it.
    let tiny = FAIR.replace("day = 5_000", "day = 1");
    let mut office = Office::open(&[&tiny], "2026-05-25T12:00:00+07:00");
    assert_eq!(office.enroll(1, json!({ "tier": "student" })), "accepted");
    office.clock("2026-06-09T12:00:00+07:00");
    assert_eq!(office.buy(1, &wallet(1), 100)[2], 1);
    assert_eq!(
        office.buy(2, &wallet(1), 100),
        json!(["approved", "00", 0, { "day": 0, "program": 199_999 }])
    );
    office.model.first_uses.clear();
    assert_eq!(office.buy(3, &wallet(1), 100)[2], 0);
    office.clock("2026-06-11T12:00:00+07:00");
    assert_eq!(office.buy(4, &wallet(1), 100)[0], "approved");
}

#[test]
fn a_right_registered_at_the_deadline_or_later_has_none() {
    let mut office = Office::open(
        &[&open_end().replace("22:00", "24:00")],
        "2026-06-10T22:59:59.999+07:00",
    );
    assert_eq!(office.told(1, json!({})), "accepted");
    office.clock("2026-06-10T23:00:00+07:00");
    assert_eq!(office.right(&wallet(1))["lapsed"], true);
    assert_eq!(office.told(2, json!({})), "accepted");
    office.clock("2026-09-01T12:00:00+07:00");
    let right = office.right(&wallet(2));
    assert_eq!(
        (&right["lapsed"], &right["first_use_by"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(office.buy(1, &wallet(2), 100)[0], "approved");
    // An imported right is under the same rule.
    let mut office = Office::in_may(25);
    assert_eq!(office.enroll(1, json!({})), "accepted");
    office.clock("2026-06-10T23:00:00+07:00");
    assert_eq!(office.right(&wallet(1))["lapsed"], true);
}

#[test]
fn after_a_lapse_the_same_wallet_or_another_may_be_registered() {
    let mut office = Office::open(&[&open_end()], "2026-05-25T12:00:00+07:00");
    for person in [1, 2, 3] {
        assert_eq!(office.told(person, json!({})), "accepted");
    }
    assert_eq!(office.told(4, json!({})), "quota_full");
    office.clock("2026-06-11T12:00:00+07:00");
    assert_eq!(office.counts(), json!([true, 0, 3]));
    let again = office.register(1, json!({}));
    // Only now a ticket's number passes the quota.
    assert_eq!(again["ticket"], 4);
    let right = office.right(&wallet(1));
    assert_eq!(right["registered_at"], "2026-06-11T12:00:00+07:00");
    assert_eq!(
        (&right["first_use_by"], &right["lapsed"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(office.buy(1, &wallet(1), 100)[0], "approved");
    // Through another wallet: the old one stays theirs, without a right.
    assert_eq!(office.told(2, json!({ "wallet_id": wallet(3) })), "wallet_taken");
    assert_eq!(office.told(2, json!({ "wallet_id": wallet(20) })), "accepted");
    assert_eq!(office.buy(2, &wallet(20), 100)[0], "approved");
    assert_eq!(office.buy(3, &wallet(2), 100)[0], "not_registered");
    assert_eq!(
        office.look(&format!("/v1/wallets/{}", wallet(2)))["programs"],
        json!([])
    );
    assert_eq!(office.told(9, json!({ "wallet_id": wallet(2) })), "wallet_taken");
    assert_eq!(office.counts(), json!([true, 2, 1]));
    // Who was told quota_full before may come in, and later be told again.
    assert_eq!(office.told(4, json!({})), "accepted");
    assert_eq!(office.told(3, json!({})), "quota_full");
    assert_eq!(office.counts(), json!([true, 3, 0]));
    let tickets = office.look("/v1/programs/fair/registration")["$subset"]["tickets"].clone();
    assert_eq!(tickets, 6);
}

#[test]
fn who_comes_back_registers_and_spends_earlier() {
    let mut office = Office::open(&[FAIR, OLD_FAIR], "2026-05-19T12:00:00+07:00");
    office.list("old-fair", &[1]);
    assert_eq!(office.enroll(2, json!({ "program": "old-fair" })), "accepted");
    assert_eq!(office.told(1, json!({})), "registration_closed");
    office.clock("2026-05-20T12:00:00+07:00");
    // On the list, or a holder; everybody else waits. The programme is not yet open for all.
    assert_eq!(office.told(1, json!({})), "accepted");
    assert_eq!(office.told(2, json!({})), "accepted");
    assert_eq!(office.told(3, json!({})), "registration_closed");
    assert_eq!(office.counts(), json!([false, 2, 1]));
    office.list("old-fair", &[3]);
    office.clock("2026-05-29T12:00:00+07:00");
    // Later they are still people who come back.
    assert_eq!(office.told(3, json!({})), "accepted");
    for person in [1, 2, 3] {
        let path = format!("/v1/wallets/{}", wallet(person));
        assert_eq!(office.look(&path)["programs"][0]["usable_from"], "2026-06-01");
    }
    office.clock("2026-05-31T22:00:00+07:00");
    assert_eq!(office.buy(1, &wallet(1), 100)[0], "not_yet_usable");
    office.clock("2026-06-01T12:00:00+07:00");
    assert_eq!(office.buy(2, &wallet(1), 100)[0], "approved");
}

#[test]
fn a_lapsed_right_in_the_earlier_programme_is_none_and_closes_ends_it_for_all() {
    let old = OLD_FAIR.replace(
        "[[benefit]]",
        "[registration]\nopens = 2026-01-01\nhours = \"00:00-24:00\"\nfirst_use_by = 2026-05-01T00:00:00\n[[benefit]]",
    );
    let mut office = Office::open(&[FAIR, &old], "2026-04-01T12:00:00+07:00");
    assert_eq!(office.told(1, json!({ "program": "old-fair" })), "accepted");
    office.clock("2026-05-20T12:00:00+07:00");
    assert_eq!(office.told(1, json!({})), "registration_closed");
    office.list("old-fair", &[2]);
    office.clock("2026-05-30T12:00:00+07:00");
    assert_eq!(office.told(2, json!({})), "registration_closed");
    // A date of theirs that is later than everybody's keeps nobody out.
    let later = FAIR.replace("opens = 2026-05-20", "opens = 2026-05-28");
    let mut office = Office::open(&[&later], "2026-05-25T12:00:00+07:00");
    office.list("old-fair", &[1]);
    assert_eq!(office.told(1, json!({})), "accepted");
}

#[test]
fn an_enrollment_line_is_refused_in_the_contracts_order() {
    let mut office = Office::in_may(25);
    for person in [1, 2] {
        assert_eq!(office.told(person, json!({})), "accepted");
    }
    let mut wrong = json!({ "program": "other", "tier": "gold", "wallet_id": wallet(2) });
    assert_eq!(office.enroll(1, wrong.clone()), "program_unknown");
    wrong["program"] = json!("fair");
    assert_eq!(office.enroll(1, wrong.clone()), "tier_unknown");
    wrong["tier"] = json!("student");
    assert_eq!(office.enroll(1, wrong.clone()), "wallet_taken");
    assert_eq!(
        office.enroll(1, json!({ "wallet_id": wallet(30) })),
        "already_registered"
    );
    assert_eq!(office.enroll(3, json!({})), "accepted");
    assert_eq!(office.enroll(4, json!({})), "quota_full");
    // A line for a right that is there adds none.
    assert_eq!(
        office.enroll(3, json!({ "household_id": "000000000000123" })),
        "accepted"
    );
    assert_eq!(office.right(&wallet(3))["household_id"], "000000000000123");
    assert_eq!(office.enroll(3, json!({})), "accepted");
    assert_eq!(office.right(&wallet(3))["household_id"], Value::Null);
    assert_eq!(office.enroll(3, json!({ "household_id": "123" })), "malformed");
    // A programme without a quota, and one without tiers.
    let mut office = Office::open(&[OLD_FAIR], "2026-05-25T12:00:00+07:00");
    let tier = json!({ "program": "old-fair", "tier": "student" });
    assert_eq!(office.enroll(1, tier), "tier_unknown");
    for person in 0..20 {
        assert_eq!(
            office.enroll(person, json!({ "program": "old-fair" })),
            "accepted"
        );
    }
}

#[test]
fn an_enrollment_line_grants_a_new_right_after_a_lapse() {
    let mut office = Office::in_may(25);
    for person in [1, 2, 3] {
        assert_eq!(office.told(person, json!({})), "accepted");
    }
    office.clock("2026-05-26T12:00:00+07:00");
    assert_eq!(office.enroll(1, json!({})), "accepted");
    assert_eq!(
        office.right(&wallet(1))["registered_at"],
        "2026-05-25T12:00:00+07:00"
    );
    office.clock("2026-06-11T12:00:00+07:00");
    assert_eq!(office.enroll(1, json!({ "wallet_id": wallet(20) })), "accepted");
    assert_eq!(
        office.look(&format!("/v1/wallets/{}", wallet(1)))["programs"],
        json!([])
    );
    let right = office.right(&wallet(20));
    assert_eq!(right["registered_at"], "2026-06-11T12:00:00+07:00");
    assert_eq!(right["first_use_by"], Value::Null);
    assert_eq!(office.enroll(2, json!({})), "accepted");
    assert_eq!(office.enroll(4, json!({})), "accepted");
    // The third one's lapsed right counts no more, and would be one too many now.
    assert_eq!(office.enroll(3, json!({})), "quota_full");
    // An imported right takes no ticket.
    let tickets = office.look("/v1/programs/fair/registration")["$subset"]["tickets"].clone();
    assert_eq!(tickets, 3);
}

#[test]
fn a_line_for_one_who_came_back_puts_the_common_days_in_force() {
    let mut office = Office::in_may(25);
    office.list("old-fair", &[1]);
    assert_eq!(office.told(1, json!({})), "accepted");
    assert_eq!(office.right(&wallet(1))["usable_from"], "2026-06-01");
    assert_eq!(
        office.enroll(1, json!({ "usable_from": "2026-06-02" })),
        "accepted"
    );
    assert_eq!(office.right(&wallet(1))["usable_from"], "2026-06-03");
    assert_eq!(
        office.enroll(1, json!({ "usable_from": "2026-06-05" })),
        "accepted"
    );
    assert_eq!(office.right(&wallet(1))["usable_from"], "2026-06-05");
}

#[test]
fn a_programme_shows_its_registration_and_its_lists() {
    let mut office = Office::open(&[FAIR, OLD_FAIR], "2026-05-25T12:00:00+07:00");
    office.list("students", &[1]);
    office.model.call("POST", "/v1/lists/cards/import", "12");
    let lists = |cards: bool, students: bool| {
        json!([
            { "list": "suspended", "imported": false }, { "list": "cards", "imported": cards },
            { "list": "tax-filers", "imported": false }, { "list": "students", "imported": students },
        ])
    };
    assert_eq!(
        office.look("/v1/programs/fair"),
        json!({ "$subset": {
            "id": "fair", "status": "active", "lists": lists(false, true),
            "registration": {
                "open": true, "quota": 3, "registered": 0, "remaining": 3, "opens": "2026-05-25",
                "closes": "2026-05-29", "hours": "06:00-22:00",
            },
        } })
    );
    office.list("cards", &[2]);
    assert_eq!(
        office.look("/v1/programs/fair")["$subset"]["lists"],
        lists(true, true)
    );
    office.suspend("/v1/programs/fair/status", "suspended");
    assert_eq!(office.counts(), json!([false, 0, 3]));
    office.suspend("/v1/programs/fair/status", "active");
    office.clock("2026-05-25T22:00:00+07:00");
    assert_eq!(office.counts(), json!([false, 0, 3]));
    // Without a [registration] there is nothing to be open, but rights there are.
    assert_eq!(office.enroll(1, json!({ "program": "old-fair" })), "accepted");
    let shown = office.look("/v1/programs/old-fair")["$subset"]["registration"].clone();
    assert_eq!(
        shown,
        json!({ "open": false, "quota": null, "registered": 1, "remaining": null })
    );
    let counters = office.look("/v1/programs/fair/registration");
    assert_eq!(
        counters,
        json!({ "$subset": {
            "program": "fair", "open": false, "quota": 3, "registered": 0, "remaining": 3, "tickets": 0,
        } })
    );
    let all = office.look("/v1/programs")["$subset"]["programs"].clone();
    let each = ["fair", "old-fair"].map(|id| office.look(&format!("/v1/programs/{id}"))["$subset"].clone());
    assert_eq!(all, json!(each));
    assert_eq!(office.look("/v1/programs/none"), json!({ "$problem": 404 }));
    let malformed = json!({ "$problem": 400, "fields": ["id"] });
    assert_eq!(office.look("/v1/programs/None"), malformed);
    assert_eq!(office.look("/v1/programs/None/registration"), malformed);
}

#[test]
fn a_mixed_day_adds_up() {
    // Rights never pass the quota, whatever way they come.
    let mut office = Office::in_may(25);
    assert_eq!(office.enroll(7, json!({})), "accepted");
    let elements: Vec<Value> = (1..=6).map(|person| application(100 + person, person)).collect();
    let answer = office.post("/v1/registrations/batch", &json!({ "registrations": elements }));
    let accepted = answer["results"].as_array().unwrap().iter();
    assert_eq!(
        accepted.filter(|result| result["decision"] == "accepted").count(),
        2
    );
    assert_eq!(office.counts(), json!([true, 3, 0]));
    assert_eq!(office.model.tickets["fair"], 2);
}
