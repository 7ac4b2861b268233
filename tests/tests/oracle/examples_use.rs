//! The model held against a pencil: what a citizen has used counts for the citizen, whichever wallet pays.

use serde_json::{Value, json};

use super::examples::{FOOD, id};
use super::examples_moves::office;
use super::examples_registration::{Office, citizen, wallet};

impl Office {
    /// Takes a hold for an hour; the reason.
    pub(crate) fn holds(&mut self, number: u32, through: u32, program: &str, amount: u64) -> String {
        let body = json!({
            "txn_id": id(number), "program": program, "wallet_id": wallet(through), "merchant_id": FOOD,
            "channel": "store", "amount": amount, "expires_in_s": 3_600,
        });
        let answer = self.post("/v1/holds", &body);
        answer["reason"].as_str().unwrap().to_owned()
    }

    /// Captures or voids a hold; reason and state's part.
    pub(crate) fn ends(&mut self, number: u32, act: &str) -> Value {
        let answer = self.post(&format!("/v1/holds/{}/{act}", id(number)), &json!({}));
        json!([answer["reason"], answer["state_amount"]])
    }

    /// Gives all of a purchase back; reason and state's part.
    pub(crate) fn refunds(&mut self, number: u32, reversal: u32) -> Value {
        let path = format!("/v1/authorizations/{}/reversals", id(number));
        let body = json!({ "reversal_id": id(reversal), "reason": "customer_refund" });
        let answer = self.post(&path, &body);
        json!([answer["reason"], answer["state_amount"]])
    }

    /// What is left in the caps of the one benefit that is held through the wallet in the programme.
    pub(crate) fn room_in(&mut self, through: u32, program: &str) -> Value {
        let held = self.held(through);
        let mut programs = held.as_array().unwrap().iter();
        let shown = programs.find(|shown| shown["program"] == program);
        shown.unwrap()["benefits"][0]["remaining"].clone()
    }
}

/// Person 1 has used all of a day's 500 satang in `other` through wallet 1, and moved away.
fn used_and_moved() -> Office {
    let mut office = office();
    office.join(1, "other", 1);
    assert_eq!(office.purchase(1, 1, "other", 1_000)["state_amount"], 500);
    assert_eq!(office.moved(1, "other", "near"), json!(["accepted", true]));
    office
}

#[test]
fn a_cap_does_not_start_anew_through_another_wallet() {
    let mut office = used_and_moved();
    office.join(1, "other", 11);
    assert_eq!(office.room_in(11, "other"), json!({ "day": 0, "program": 1_500 }));
    let answer = office.purchase(2, 11, "other", 1_000);
    assert_eq!(
        json!([answer["reason"], answer["state_amount"], answer["limited_by"]]),
        json!(["approved", 0, "day"])
    );
    // A refund of what the old wallet paid makes room for the new one.
    assert_eq!(office.refunds(1, 3), json!(["approved", 500]));
    assert_eq!(office.purchase(4, 11, "other", 200)["state_amount"], 100);
    // What was used in one programme is none of the other's business.
    assert_eq!(office.room_in(1, "near"), json!({ "day": 500, "program": 2_000 }));
}

#[test]
fn who_registers_again_finds_what_was_used() {
    let mut office = used_and_moved();
    let with = json!({ "program": "other", "wallet_id": wallet(12) });
    assert_eq!(office.told(1, with), "accepted");
    assert_eq!(office.room_in(12, "other"), json!({ "day": 0, "program": 1_500 }));
    office.clock("2026-06-16T12:00:00+07:00");
    assert_eq!(office.purchase(2, 12, "other", 4_000)["state_amount"], 500);
    assert_eq!(office.room_in(12, "other"), json!({ "day": 0, "program": 1_000 }));
}

#[test]
fn who_comes_back_by_a_move_finds_what_was_used() {
    let mut office = used_and_moved();
    assert_eq!(office.moved(1, "near", "other"), json!(["accepted", true]));
    assert_eq!(office.purchase(2, 1, "other", 1_000)["state_amount"], 0);
}

#[test]
fn a_first_use_is_the_citizens() {
    let mut office = office();
    office.join(1, "other", 1);
    office.join(2, "other", 2);
    assert_eq!(office.held(1)[0]["first_use_by"], "2026-07-01T00:00:00+07:00");
    assert_eq!(office.buys(1, 1, "other"), "approved");
    assert_eq!(
        office.held(1)[0]["first_use_by"],
        Value::Null,
        "nothing is to be used by then any more"
    );
    assert_eq!(office.moved(1, "other", "near"), json!(["accepted", true]));
    office.join(1, "other", 11);
    assert_eq!(office.held(11)[0]["first_use_by"], Value::Null);
    office.clock("2026-07-01T00:00:00+07:00");
    assert_eq!(office.buys(2, 11, "other"), "approved");
    assert_eq!(office.buys(3, 2, "other"), "entitlement_lapsed");
    assert_eq!(office.held(11)[0]["lapsed"], false);
}

#[test]
fn a_hold_is_closed_in_the_citizens_room_wherever_the_right_is() {
    let mut office = office();
    office.join(1, "other", 1);
    for number in [1, 2, 3] {
        assert_eq!(office.holds(number, 1, "other", 200), "approved");
    }
    assert_eq!(office.moved(1, "other", "near"), json!(["accepted", true]));
    office.join(1, "other", 11);
    assert_eq!(
        office.room_in(11, "other"),
        json!({ "day": 200, "program": 1_700 })
    );
    assert_eq!(office.ends(1, "capture"), json!(["approved", 100]));
    assert_eq!(office.ends(2, "void"), json!(["approved", 0]));
    assert_eq!(
        office.room_in(11, "other"),
        json!({ "day": 300, "program": 1_800 })
    );
    // The third expires.
    office.clock("2026-06-15T13:00:00.250+07:00");
    assert_eq!(
        office.room_in(11, "other"),
        json!({ "day": 400, "program": 1_900 })
    );
    assert_eq!(office.refunds(1, 4), json!(["approved", 100]));
    assert_eq!(
        office.room_in(11, "other"),
        json!({ "day": 500, "program": 2_000 })
    );
}

#[test]
fn a_draw_that_is_voided_is_gone_wherever_the_right_is() {
    for act in ["void", "expiry", "full reversal"] {
        let mut office = office();
        office.join(1, "near", 1);
        office.join(1, "far", 1);
        assert_eq!(office.holds(1, 1, "near", 200), "approved");
        assert_eq!(office.moved(1, "near", "other"), json!(["accepted", true]));
        assert_eq!(office.buys(2, 1, "far"), "drawn_elsewhere_today");
        office.join(1, "near", 11);
        assert_eq!(office.buys(3, 1, "far"), "drawn_elsewhere_today");
        match act {
            "void" => assert_eq!(office.ends(1, "void"), json!(["approved", 0])),
            "expiry" => office.clock("2026-06-15T13:00:00.250+07:00"),
            _ => assert_eq!(office.refunds(1, 9), json!(["approved", 0])),
        }
        assert_eq!(office.buys(4, 1, "far"), "approved", "after {act}");
        assert_eq!(office.buys(5, 11, "near"), "drawn_elsewhere_today");
    }
}

#[test]
fn an_erased_citizens_refund_still_goes_to_the_same_room() {
    let mut office = office();
    office.join(1, "other", 1);
    assert_eq!(office.buys(1, 1, "other"), "approved");
    let body = json!({ "citizen_id": citizen(1), "reason": "asked for it" });
    assert_eq!(office.post("/v1/persons/erase", &body)["reason"], "accepted");
    assert_eq!(
        office.room_in(1, "other"),
        json!({ "day": 400, "program": 1_900 })
    );
    assert_eq!(office.refunds(1, 2), json!(["approved", 100]));
    assert_eq!(
        office.room_in(1, "other"),
        json!({ "day": 500, "program": 2_000 })
    );
}

#[test]
fn an_explanation_shows_the_caps_that_counted() {
    let mut office = office();
    office.list("large", &[1]);
    assert_eq!(office.told(1, json!({ "program": "near" })), "accepted");
    office.join(2, "near", 2);
    for (number, person, day) in [(1, 1, 900), (2, 2, 500)] {
        assert_eq!(office.buys(number, person, "near"), "approved");
        let shown = office.look(&format!("/v1/authorizations/{}", id(number)))["$subset"].clone();
        assert_eq!(
            shown["explanation"],
            json!({
                "caps": { "day": day, "program": 2_000 }, "room_before": { "day": day, "program": 2_000 },
            })
        );
    }
}

#[test]
fn a_line_keeps_the_date_that_it_does_not_name() {
    // `far` may be used from 10 June.
    let mut office = office();
    let day_of = |office: &mut Office| office.held(1)[0]["usable_from"].clone();
    let line = |more: Value| {
        let mut line = json!({ "program": "far", "wallet_id": wallet(1) });
        for (key, value) in more.as_object().unwrap() {
            line[key] = value.clone();
        }
        line
    };
    let dated = line(json!({ "usable_from": "2026-06-20", "tier": "large-far" }));
    assert_eq!(office.enroll(1, dated), "accepted");
    assert_eq!(day_of(&mut office), "2026-06-20");
    assert_eq!(office.enroll(1, line(json!({}))), "accepted");
    assert_eq!(
        [day_of(&mut office), office.held(1)[0]["tier"].clone()],
        [json!("2026-06-20"), Value::Null],
        "the tier is the line's, the day is the one there is"
    );
    let earlier = line(json!({ "usable_from": "2026-06-01" }));
    assert_eq!(office.enroll(1, earlier), "accepted");
    assert_eq!(day_of(&mut office), "2026-06-10", "the later of the two");
    // A right that has moved away or lapsed leaves no date behind.
    let dated = line(json!({ "usable_from": "2026-06-20" }));
    assert_eq!(office.enroll(1, dated), "accepted");
    assert_eq!(office.moved(1, "far", "near"), json!(["accepted", true]));
    assert_eq!(office.moved(1, "near", "far"), json!(["accepted", true]));
    assert_eq!(day_of(&mut office), "2026-06-10");
    let dated = line(json!({ "usable_from": "2026-07-20" }));
    assert_eq!(office.enroll(1, dated), "accepted");
    office.clock("2026-07-01T00:00:00+07:00");
    assert_eq!(office.held(1)[0]["lapsed"], true);
    assert_eq!(office.enroll(1, line(json!({}))), "accepted");
    assert_eq!(
        [day_of(&mut office), office.held(1)[0]["lapsed"].clone()],
        [json!("2026-06-10"), json!(false)]
    );
}
