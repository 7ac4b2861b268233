//! The model held against sums done by hand: shares, caps, months, refunds, tombstones, quotes.

use serde_json::{Value, json};

use super::examples::{Desk, SIXTY_FORTY, id};

/// A programme with these caps and this rule in one benefit that pays `percent` of food.
fn programme(percent: u32, caps: &str, when_exhausted: &str) -> String {
    format!(
        "id = \"p\"\nname_th = \"พ\"\nname_en = \"P\"\n[[benefit]]\nid = \"b\"\nstate_percent = {percent}\n\
         holder = \"person\"\ncaps = {{ {caps} }}\nwhen_exhausted = \"{when_exhausted}\"\n\
         merchant_categories = [\"food_drink\"]\n[[benefit.channel]]\nid = \"store\"\nfrom = 2026-01-01\n\
         to = 2027-12-31\nhours = \"00:00-24:00\"\n"
    )
}

fn approved(state: u64, citizen: u64, limited_by: Option<&str>) -> (String, u64, u64, Option<String>) {
    ("approved".into(), state, citizen, limited_by.map(str::to_owned))
}

fn declined(reason: &str) -> (String, u64, u64, Option<String>) {
    (reason.into(), 0, 0, None)
}

fn refund(answer: &Value) -> (&str, u64, u64, u64) {
    let amount = |key: &str| {
        answer[key]
            .as_u64()
            .unwrap_or_else(|| panic!("no {key} in {answer}"))
    };
    (
        answer["reason"].as_str().unwrap(),
        amount("state_amount"),
        amount("citizen_amount"),
        amount("left"),
    )
}

#[test]
fn a_bill_of_333_33_baht_uses_up_the_day_but_for_a_satang() {
    let mut desk = Desk::open(SIXTY_FORTY);
    // 60 % of 33,333 satang is 19,999.8: the state pays 19,999 and one satang of room is left.
    assert_eq!(desk.split(1, 33_333), approved(19_999, 13_334, None));
    assert_eq!(desk.split(2, 1), declined("amount_too_small"));
    assert_eq!(desk.split(3, 2), approved(1, 1, None), "60 % of 2 is 1.2");
    assert_eq!(desk.split(4, 100), declined("daily_cap_exhausted"));
    assert_eq!(
        desk.split(5, 1),
        declined("daily_cap_exhausted"),
        "without room nothing is too small"
    );
}

#[test]
fn five_full_days_use_up_the_month_and_the_next_month_is_whole_again() {
    let mut desk = Desk::open(SIXTY_FORTY);
    for day in 15..20 {
        desk.clock(&format!("2026-06-{day}T12:30:00+07:00"));
        assert_eq!(desk.split(day, 40_000), approved(20_000, 20_000, Some("day")));
    }
    assert_eq!(
        desk.split(100, 40_000),
        declined("monthly_cap_exhausted"),
        "the longer of two at 0 is named"
    );
    desk.clock("2026-06-30T22:59:59.999+07:00");
    let last = desk.buy(101, 40_000, json!({}));
    assert_eq!(
        (&last["reason"], &last["remaining"]),
        (
            &json!("monthly_cap_exhausted"),
            &json!({ "day": 20_000, "month": 0 })
        )
    );
    desk.clock("2026-07-01T06:00:00+07:00");
    assert_eq!(desk.split(102, 10_000), approved(6_000, 4_000, None));
    // A refund of June gives nothing to July.
    assert_eq!(
        refund(&desk.reverse(15, 200, None)),
        ("approved", 20_000, 20_000, 0)
    );
    let remaining = &desk.wallet()["programs"][0]["benefits"][0]["remaining"];
    assert_eq!(*remaining, json!({ "day": 14_000, "month": 94_000 }));
}

#[test]
fn a_refund_of_yesterday_returns_to_the_month_but_not_to_the_day() {
    let mut desk = Desk::open(SIXTY_FORTY);
    desk.split(1, 20_000);
    desk.clock("2026-06-16T12:00:00+07:00");
    desk.split(2, 10_000);
    assert_eq!(
        refund(&desk.reverse(1, 3, Some(10_000))),
        ("approved", 6_000, 4_000, 10_000)
    );
    let remaining = &desk.wallet()["programs"][0]["benefits"][0]["remaining"];
    assert_eq!(*remaining, json!({ "day": 14_000, "month": 88_000 }));
}

#[test]
fn the_smallest_room_limits_and_on_a_tie_the_shorter_period_is_named() {
    let mut desk = Desk::open(&programme(
        50,
        "day = 500, month = 500, quarter = 400, program = 400",
        "decline",
    ));
    assert_eq!(desk.split(1, 900), approved(400, 500, Some("quarter")));
    assert_eq!(desk.split(2, 900), declined("program_cap_exhausted"));
    let mut desk = Desk::open(&programme(50, "day = 500, month = 500, quarter = 600", "decline"));
    assert_eq!(
        desk.split(1, 1_000),
        approved(500, 500, None),
        "a share that just fits is not limited"
    );
    desk.clock("2026-07-01T00:00:00+07:00");
    assert_eq!(
        desk.split(2, 1_002),
        approved(500, 502, Some("day")),
        "the quarter is a new one in July"
    );
    desk.clock("2026-08-01T00:00:00+07:00");
    assert_eq!(desk.split(3, 1_002), approved(100, 902, Some("quarter")));
    assert_eq!(desk.split(4, 1_002), declined("quarterly_cap_exhausted"));
}

#[test]
fn without_room_the_citizen_may_pay_all() {
    let mut desk = Desk::open(&programme(60, "day = 10, month = 10", "citizen_pays"));
    assert_eq!(desk.split(1, 100), approved(10, 90, Some("day")));
    assert_eq!(desk.split(2, 100), approved(0, 100, Some("day")));
    assert_eq!(
        desk.split(3, 1),
        approved(0, 1, None),
        "the share floored to 0: nothing was cut"
    );
    assert_eq!(refund(&desk.reverse(2, 20, None)), ("approved", 0, 100, 0));
    let quote = desk.purchase(100);
    let quote = desk.post("/v1/quotes", &quote);
    assert_eq!(
        (&quote["decision"], &quote["fully_subsidised_up_to"]),
        (&json!("approved"), &json!(1))
    );
    desk.clock("2026-07-01T00:00:00+07:00");
    assert_eq!(
        desk.split(4, 1),
        declined("amount_too_small"),
        "with room left a share of 0 is refused"
    );
}

#[test]
fn refunds_are_cumulative_and_exact_to_the_last_satang() {
    let mut desk = Desk::open(&programme(50, "day = 1_000_000", "decline"));
    // G = 7, S = 3: after r the state has got back floor(3r / 7) = 0 0 1 1 2 2 3.
    assert_eq!(desk.split(1, 7), approved(3, 4, None));
    let mut state_parts = Vec::new();
    for (number, left) in (10..17).zip((0..7).rev()) {
        let answer = desk.reverse(1, number, Some(1));
        let (reason, state, citizen, left_now) = refund(&answer);
        assert_eq!((reason, state + citizen, left_now), ("approved", 1, left));
        state_parts.push(state);
    }
    assert_eq!(state_parts, [0, 0, 1, 0, 1, 0, 1]);
    let more = desk.reverse(1, 20, Some(1));
    assert_eq!(
        (refund(&more), &more["response_code"]),
        (("already_reversed", 0, 0, 0), &json!("12"))
    );
    // In two unequal parts: floor(3·5/7) = 2, then what is left.
    desk.split(2, 7);
    assert_eq!(refund(&desk.reverse(2, 30, Some(5))), ("approved", 2, 3, 2));
    let too_much = desk.reverse(2, 31, Some(3));
    assert_eq!(
        (refund(&too_much), &too_much["response_code"]),
        (("exceeds_original", 0, 0, 2), &json!("13"))
    );
    assert_eq!(refund(&desk.reverse(2, 32, None)), ("approved", 1, 1, 0));
    let remaining = &desk.wallet()["programs"][0]["benefits"][0]["remaining"];
    assert_eq!(*remaining, json!({ "day": 1_000_000 }), "all of it is back");
}

#[test]
fn a_reversal_id_has_one_answer() {
    let mut desk = Desk::open(SIXTY_FORTY);
    desk.split(1, 10_000);
    let first = desk.reverse(1, 10, Some(4_000));
    assert_eq!(refund(&first), ("approved", 2_400, 1_600, 6_000));
    let mut again = first.clone();
    again["replayed"] = json!(true);
    assert_eq!(desk.reverse(1, 10, Some(4_000)), again);
    let conflict = json!({ "$problem": 409, "code": "reversal_id_conflict" });
    assert_eq!(desk.reverse(1, 10, Some(6_000)), conflict);
    assert_eq!(
        desk.reverse(1, 10, None),
        conflict,
        "absent is other content than all that is left"
    );
    assert_eq!(desk.reverse(2, 10, Some(4_000)), conflict);
    let path = format!("/v1/authorizations/{}/reversals", id(1));
    let timeout = json!({ "reversal_id": id(11), "reason": "timeout", "amount": 1 });
    assert_eq!(
        desk.post(&path, &timeout),
        json!({ "$problem": 400, "fields": ["amount"] })
    );
    let wrong = desk.post(
        "/v1/authorizations/x/reversals",
        &json!({ "reversal_id": id(11), "reason": "timeout" }),
    );
    assert_eq!(wrong, json!({ "$problem": 400, "fields": ["txn_id"] }));
}

#[test]
fn a_reversal_may_come_before_its_original() {
    let mut desk = Desk::open(SIXTY_FORTY);
    let said = |answer: &Value| {
        let word = |key: &str| answer[key].as_str().unwrap().to_owned();
        format!(
            "{} {} {}",
            word("decision"),
            word("reason"),
            word("response_code")
        )
    };
    assert_eq!(
        said(&desk.reverse(1, 10, Some(5))),
        "declined original_not_found 25"
    );
    assert_eq!(said(&desk.reverse(1, 11, None)), "approved original_not_found 00");
    assert_eq!(said(&desk.reverse(1, 12, None)), "approved original_not_found 00");
    assert_eq!(
        said(&desk.reverse(1, 13, Some(5))),
        "declined original_not_found 25"
    );
    let late = desk.buy(1, 10_000, json!({ "program": "unknown" }));
    assert_eq!(said(&late), "declined reversed_before_arrival 12");
    assert_eq!(late.get("remaining"), None);
    assert_eq!(said(&desk.reverse(1, 14, None)), "approved original_not_found 00");
    assert_eq!(
        said(&desk.reverse(1, 15, Some(5))),
        "declined original_declined 12"
    );
    // Of an original that was declined by itself nothing can be given back.
    desk.buy(2, 1, json!({}));
    assert_eq!(said(&desk.reverse(2, 16, None)), "declined original_declined 12");
    // A partial reversal of an unknown id plants nothing.
    assert_eq!(
        said(&desk.reverse(3, 17, Some(5))),
        "declined original_not_found 25"
    );
    assert_eq!(said(&desk.buy(3, 10_000, json!({}))), "approved approved 00");
}

#[test]
fn a_quote_promises_and_takes_nothing() {
    let mut desk = Desk::open(SIXTY_FORTY);
    let mut body = desk.purchase(40_000);
    let quote = desk.post("/v1/quotes", &body);
    assert_eq!(
        quote,
        json!({
            "decision": "approved", "reason": "approved", "response_code": "00",
            "state_amount": 20_000, "citizen_amount": 20_000, "limited_by": "day",
            "remaining": { "day": 0, "month": 80_000 }, "fully_subsidised_up_to": 33_334,
            "business_date": "2026-06-15", "decided_at": "2026-06-15T12:00:00.123+07:00",
        })
    );
    assert_eq!(desk.post("/v1/quotes", &body), quote);
    body["amount"] = json!(1);
    let small = desk.post("/v1/quotes", &body);
    assert_eq!(
        (&small["reason"], &small["fully_subsidised_up_to"]),
        (&json!("amount_too_small"), &json!(33_334))
    );
    assert_eq!(desk.split(1, 33_334), approved(20_000, 13_334, None));
    let empty = desk.post("/v1/quotes", &body);
    assert_eq!(
        (&empty["reason"], &empty["fully_subsidised_up_to"]),
        (&json!("daily_cap_exhausted"), &json!(0))
    );
    body["txn_id"] = json!(id(1));
    assert_eq!(
        desk.post("/v1/quotes", &body),
        json!({ "$problem": 400, "fields": ["txn_id"] })
    );
}
