//! The model held against a pencil: benefits that a household shares, and who pays the state's part.

use serde_json::{Value, json};

use super::examples::{FOOD, id};
use super::examples_registration::{Office, wallet};

/// Goods for a person out of two purses; power and water for a household, water out of three purses.
const CARD: &str = r#"
id = "fair"
name_th = "บัตร"
name_en = "Card"
[registration]
opens = 2026-06-01
hours = "00:00-24:00"
first_use_by = 2026-06-20T00:00:00
[[registration.tier]]
id = "large"
required_list = "large"
caps = { power = { month = 50_000 } }
[[benefit]]
id = "goods"
state_percent = 100
holder = "person"
caps = { month = 100_000, program = 150_000 }
when_exhausted = "decline"
merchant_categories = ["food_drink"]
funded_by = [{ source = "base", up_to = 30_000 }, { source = "top-up" }]
[[benefit.channel]]
id = "store"
from = 2026-06-01
to = 2026-12-31
hours = "00:00-24:00"
[[benefit]]
id = "power"
state_percent = 60
holder = "household"
caps = { day = 20_000, month = 31_500 }
when_exhausted = "decline"
merchant_categories = ["electricity"]
[[benefit.channel]]
id = "store"
from = 2026-06-01
to = 2026-12-31
hours = "00:00-24:00"
[[benefit]]
id = "water"
state_percent = 50
holder = "household"
caps = { month = 10_000 }
when_exhausted = "citizen_pays"
merchant_categories = ["water"]
funded_by = [{ source = "a", up_to = 3_000 }, { source = "b", up_to = 2_000 }, { source = "c" }]
[[benefit.channel]]
id = "store"
from = 2026-06-01
to = 2026-12-31
hours = "00:00-24:00"
"#;

const POWER: &str = "010555012345671";
const WATER: &str = "010555012345672";
const HOUSE: &str = "001000000000001";
const OTHER_HOUSE: &str = "001000000000002";

impl Office {
    /// The card's programme and its merchants, at noon on a day of June 2026.
    fn of_cards(day: u32) -> Office {
        let mut office = Office::open(&[CARD], &format!("2026-06-{day:02}T12:00:00+07:00"));
        for (merchant_id, category) in [(POWER, "electricity"), (WATER, "water")] {
            let body = json!({
                "name": "Office", "category": category, "status": "active", "programs": ["fair"],
                "channels": ["store"],
            });
            let path = format!("/v1/merchants/{merchant_id}");
            assert_eq!(office.model.call("PUT", &path, &body.to_string()).0, 200);
        }
        office
    }

    /// Enrolls a person in a household.
    fn live_in(&mut self, person: u32, household: &str) {
        let line = json!({ "household_id": household });
        assert_eq!(self.enroll(person, line), "accepted");
    }

    /// A person pays a bill.
    fn pay(&mut self, number: u32, person: u32, merchant_id: &str, amount: u64) -> Value {
        let body = json!({
            "txn_id": id(number), "program": "fair", "wallet_id": wallet(person), "merchant_id": merchant_id,
            "channel": "store", "amount": amount,
        });
        self.post("/v1/authorizations", &body)
    }

    fn give_back(&mut self, number: u32, txn: u32, amount: Option<u64>) -> Value {
        let mut body = json!({ "reversal_id": id(number), "reason": "merchant_error" });
        if let Some(amount) = amount {
            body["amount"] = json!(amount);
        }
        self.post(&format!("/v1/authorizations/{}/reversals", id(txn)), &body)
    }

    fn benefits(&mut self, person: u32) -> Value {
        self.look(&format!("/v1/wallets/{}", wallet(person)))["programs"][0]["benefits"].clone()
    }

    /// What is left of the power money this person could use.
    fn power(&mut self, person: u32) -> Value {
        let benefits = self.benefits(person);
        let power = benefits.as_array().unwrap().iter();
        let mut power = power.filter(|benefit| benefit["benefit"] == "power");
        power
            .next()
            .map_or(Value::Null, |shown| shown["remaining"].clone())
    }
}

fn parts(of: &[(&str, u64)]) -> Value {
    let parts = of
        .iter()
        .map(|(source, amount)| json!({ "source": source, "amount": amount }));
    parts.collect()
}

#[test]
fn a_household_shares_one_room() {
    let mut office = Office::of_cards(15);
    office.live_in(1, HOUSE);
    office.live_in(2, HOUSE);
    office.live_in(3, OTHER_HOUSE);
    let answer = office.pay(1, 1, POWER, 20_000);
    assert_eq!(answer["state_amount"], 12_000);
    assert_eq!(answer["remaining"], json!({ "day": 8_000, "month": 19_500 }));
    assert_eq!(office.power(2), json!({ "day": 8_000, "month": 19_500 }));
    assert_eq!(office.power(3), json!({ "day": 20_000, "month": 31_500 }));
    let quote = json!({
        "program": "fair", "wallet_id": wallet(2), "merchant_id": POWER, "channel": "store", "amount": 20_000,
    });
    let quote = office.post("/v1/quotes", &quote);
    assert_eq!(quote["limited_by"], "day");
    assert_eq!(
        quote["fully_subsidised_up_to"], 13_334,
        "60 % of 13,334 is 8,000.4"
    );
    assert_eq!(office.pay(2, 2, POWER, 20_000)["state_amount"], 8_000);
    assert_eq!(office.pay(3, 1, POWER, 100)["reason"], "daily_cap_exhausted");
    assert_eq!(office.pay(4, 3, POWER, 100)["reason"], "approved");
    office.clock("2026-06-16T12:00:00+07:00");
    let answer = office.pay(5, 2, POWER, 20_000);
    assert_eq!(
        (&answer["state_amount"], &answer["limited_by"]),
        (&json!(11_500), &json!("month"))
    );
    assert_eq!(office.pay(6, 1, POWER, 100)["reason"], "monthly_cap_exhausted");
    // What a person holds is nobody else's.
    assert_eq!(office.pay(7, 1, FOOD, 5_000)["state_amount"], 5_000);
    assert_eq!(office.benefits(2)[0]["remaining"]["month"], 100_000);
}

#[test]
fn without_a_household_nobody_has_registered_for_its_benefits() {
    let mut office = Office::of_cards(15);
    assert_eq!(office.enroll(1, json!({})), "accepted");
    office.suspend(&format!("/v1/wallets/{}/status", wallet(1)), "suspended");
    let answer = office.pay(1, 1, POWER, 100);
    assert_eq!(
        [
            &answer["reason"],
            &answer["response_code"],
            &answer["remaining"],
            &answer["funding"]
        ],
        [&json!("not_registered"), &json!("56"), &Value::Null, &Value::Null]
    );
    assert_eq!(office.benefits(1).as_array().unwrap().len(), 1);
    office.live_in(1, HOUSE);
    assert_eq!(office.benefits(1).as_array().unwrap().len(), 3);
    let answer = office.pay(2, 1, POWER, 100);
    assert_eq!(answer["reason"], "wallet_suspended");
    assert_eq!(answer["remaining"], json!({ "day": 20_000, "month": 31_500 }));
    // The last line counts: one that names none takes it away.
    assert_eq!(office.enroll(1, json!({})), "accepted");
    assert_eq!(office.pay(3, 1, POWER, 100)["reason"], "not_registered");
    assert_eq!(office.benefits(1).as_array().unwrap().len(), 1);
    // Who registers has none.
    assert_eq!(office.told(2, json!({})), "accepted");
    assert_eq!(office.pay(4, 2, POWER, 100)["reason"], "not_registered");
    assert_eq!(office.pay(5, 2, FOOD, 100)["reason"], "approved");
}

#[test]
fn the_caps_are_those_of_the_buyers_tier() {
    let mut office = Office::of_cards(15);
    office.live_in(1, HOUSE);
    let line = json!({ "household_id": HOUSE, "tier": "large" });
    assert_eq!(office.enroll(2, line), "accepted");
    for (number, day) in [(1, 15), (2, 16)] {
        office.clock(&format!("2026-06-{day}T12:00:00+07:00"));
        assert_eq!(office.pay(number, 2, POWER, 40_000)["state_amount"], 20_000);
    }
    office.clock("2026-06-17T12:00:00+07:00");
    // 40,000 of 31,500 and of 50,000 are used.
    assert_eq!(office.power(1), json!({ "day": 20_000, "month": 0 }));
    assert_eq!(office.power(2), json!({ "day": 20_000, "month": 10_000 }));
    assert_eq!(office.pay(3, 1, POWER, 100)["reason"], "monthly_cap_exhausted");
    assert_eq!(office.pay(4, 2, POWER, 100)["state_amount"], 60);
}

#[test]
fn a_reversal_gives_back_to_the_household_that_was_drawn_on() {
    let mut office = Office::of_cards(15);
    office.live_in(1, HOUSE);
    office.live_in(2, HOUSE);
    office.live_in(3, OTHER_HOUSE);
    assert_eq!(office.pay(1, 1, POWER, 20_000)["state_amount"], 12_000);
    // Somebody who moves has the new household's room at once.
    office.live_in(1, OTHER_HOUSE);
    assert_eq!(office.power(1), json!({ "day": 20_000, "month": 31_500 }));
    let answer = office.give_back(2, 1, Some(10_000));
    assert_eq!(
        (&answer["state_amount"], &answer["left"]),
        (&json!(6_000), &json!(10_000))
    );
    assert_eq!(office.power(2), json!({ "day": 14_000, "month": 25_500 }));
    assert_eq!(office.power(3), json!({ "day": 20_000, "month": 31_500 }));
    assert_eq!(office.enroll(1, json!({})), "accepted");
    office.clock("2026-06-16T12:00:00+07:00");
    assert_eq!(office.give_back(3, 1, None)["state_amount"], 6_000);
    assert_eq!(office.power(2), json!({ "day": 20_000, "month": 31_500 }));
}

#[test]
fn a_household_and_a_wallet_of_one_number_are_two() {
    let mut office = Office::of_cards(15);
    office.live_in(1, &wallet(2));
    office.live_in(2, HOUSE);
    assert_eq!(office.pay(1, 1, POWER, 20_000)["state_amount"], 12_000);
    assert_eq!(office.power(2), json!({ "day": 20_000, "month": 31_500 }));
}

#[test]
fn the_first_use_is_the_buyers_own() {
    let mut office = Office::of_cards(15);
    office.live_in(1, HOUSE);
    office.live_in(2, HOUSE);
    assert_eq!(office.pay(1, 1, POWER, 100)["reason"], "approved");
    office.clock("2026-06-20T00:00:00+07:00");
    assert_eq!(office.pay(2, 1, WATER, 100)["reason"], "approved");
    let answer = office.pay(3, 2, POWER, 100);
    assert_eq!(answer["reason"], "entitlement_lapsed");
    assert_eq!(answer["remaining"], json!({ "day": 20_000, "month": 31_440 }));
}

#[test]
fn sources_pay_one_after_another() {
    let mut office = Office::of_cards(15);
    assert_eq!(office.enroll(1, json!({})), "accepted");
    let answer = office.pay(1, 1, FOOD, 35_000);
    assert_eq!(answer["funding"], parts(&[("base", 30_000), ("top-up", 5_000)]));
    let answer = office.pay(2, 1, FOOD, 100);
    assert_eq!(answer["funding"], parts(&[("base", 0), ("top-up", 100)]));
    let shown = json!({
        "benefit": "goods", "remaining": { "month": 64_900, "program": 114_900 },
        "funding": [{ "source": "base", "used": 30_000 }, { "source": "top-up", "used": 5_100 }],
    });
    assert_eq!(office.benefits(1)[0], shown);
    // Only the shortest cap's period counts for the sources.
    office.clock("2026-07-01T00:00:00+07:00");
    let shown = json!({
        "benefit": "goods", "remaining": { "month": 100_000, "program": 114_900 },
        "funding": [{ "source": "base", "used": 0 }, { "source": "top-up", "used": 0 }],
    });
    assert_eq!(office.benefits(1)[0], shown);
    let quote = json!({
        "program": "fair", "wallet_id": wallet(1), "merchant_id": FOOD, "channel": "store", "amount": 30_001,
    });
    let quote = office.post("/v1/quotes", &quote);
    assert_eq!(quote["funding"], parts(&[("base", 30_000), ("top-up", 1)]));
    // A decline has none, and a benefit without sources has none.
    assert_eq!(office.pay(3, 1, FOOD, 100_000)["reason"], "approved");
    let answer = office.pay(4, 1, FOOD, 100);
    assert_eq!(answer["reason"], "monthly_cap_exhausted");
    assert_eq!(answer.get("funding"), None);
    office.live_in(1, HOUSE);
    assert_eq!(office.pay(6, 1, POWER, 100).get("funding"), None);
    assert_eq!(office.give_back(7, 6, None).get("funding"), None);
}

#[test]
fn a_refund_gives_back_the_last_source_first() {
    let mut office = Office::of_cards(15);
    assert_eq!(office.enroll(1, json!({})), "accepted");
    office.pay(1, 1, FOOD, 35_000);
    let answer = office.give_back(2, 1, Some(4_000));
    assert_eq!(answer["funding"], parts(&[("base", 0), ("top-up", 4_000)]));
    let answer = office.give_back(3, 1, Some(4_000));
    assert_eq!(answer["funding"], parts(&[("base", 3_000), ("top-up", 1_000)]));
    // There is room in the first again: 27,000 of 30,000 are used.
    let answer = office.pay(4, 1, FOOD, 5_000);
    assert_eq!(answer["funding"], parts(&[("base", 3_000), ("top-up", 2_000)]));
    let answer = office.give_back(5, 1, Some(50_000));
    assert_eq!(answer["reason"], "exceeds_original");
    assert_eq!(answer.get("funding"), None);
    let answer = office.give_back(6, 1, None);
    assert_eq!(answer["funding"], parts(&[("base", 27_000), ("top-up", 0)]));
    assert_eq!(
        office.give_back(7, 1, None).get("funding"),
        None,
        "nothing is left"
    );
    assert_eq!(office.give_back(8, 99, None).get("funding"), None, "never seen");
    let shown = json!([{ "source": "base", "used": 3_000 }, { "source": "top-up", "used": 2_000 }]);
    assert_eq!(office.benefits(1)[0]["funding"], shown);
    // A month later the sources are whole, and a refund gives them nothing.
    office.clock("2026-07-01T00:00:00+07:00");
    office.pay(9, 1, FOOD, 30_000);
    let answer = office.give_back(10, 4, None);
    assert_eq!(answer["funding"], parts(&[("base", 3_000), ("top-up", 2_000)]));
    let answer = office.pay(11, 1, FOOD, 100);
    assert_eq!(answer["funding"], parts(&[("base", 0), ("top-up", 100)]));
    // The programme's room came back.
    assert_eq!(answer["remaining"]["program"], 119_900);
}

#[test]
fn three_sources_are_a_households_and_may_pay_nothing() {
    let mut office = Office::of_cards(15);
    office.live_in(1, HOUSE);
    office.live_in(2, HOUSE);
    let answer = office.pay(1, 1, WATER, 8_001);
    assert_eq!(answer["funding"], parts(&[("a", 3_000), ("b", 1_000), ("c", 0)]));
    let answer = office.pay(2, 2, WATER, 8_001);
    assert_eq!(answer["funding"], parts(&[("a", 0), ("b", 1_000), ("c", 3_000)]));
    // Of 8,001 satang with a share of 4,000: after 2 satang the state has got nothing back, after 6,003 it has 3,001.
    let answer = office.give_back(3, 2, Some(2));
    assert_eq!(answer["funding"], parts(&[("a", 0), ("b", 0), ("c", 0)]));
    let answer = office.give_back(4, 2, Some(6_001));
    assert_eq!(answer["state_amount"], 3_001);
    assert_eq!(answer["funding"], parts(&[("a", 0), ("b", 1), ("c", 3_000)]));
    // 999 + 4,000 are used.
    office.pay(5, 1, WATER, 100_000);
    let answer = office.pay(6, 2, WATER, 500);
    assert_eq!(
        (&answer["reason"], &answer["state_amount"]),
        (&json!("approved"), &json!(0))
    );
    assert_eq!(answer["funding"], parts(&[("a", 0), ("b", 0), ("c", 0)]));
    let shown = json!([
        { "source": "a", "used": 3_000 }, { "source": "b", "used": 2_000 }, { "source": "c", "used": 5_000 },
    ]);
    assert_eq!(office.benefits(2)[2]["funding"], shown);
}
