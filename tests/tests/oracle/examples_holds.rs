//! The model held against a pencil: holds, what they take and until when; captures, voids, and reversals of holds.

use serde_json::{Value, json};

use super::examples::{Desk, FOOD, SIXTY_FORTY, WALLET, id};
use super::examples_registration::{Office, citizen, wallet};

impl Desk {
    pub(crate) fn at_noon() -> Desk {
        Desk::open(SIXTY_FORTY)
    }

    /// Takes a hold under the id that ends in `number`, for a minute.
    pub(crate) fn hold(&mut self, number: u32, amount: u64) -> Value {
        self.hold_for(number, amount, 60)
    }

    fn hold_for(&mut self, number: u32, amount: u64, expires_in_s: u64) -> Value {
        let mut body = self.purchase(amount);
        body["txn_id"] = json!(id(number));
        body["expires_in_s"] = json!(expires_in_s);
        self.post("/v1/holds", &body)
    }

    /// Reason, code, state's part, citizen's part and left of a capture.
    pub(crate) fn capture(&mut self, number: u32, amount: Option<u64>) -> Value {
        brief(&self.close(
            number,
            "capture",
            &amount.map_or(json!({}), |amount| json!({ "amount": amount })),
        ))
    }

    pub(crate) fn void(&mut self, number: u32) -> Value {
        brief(&self.close(number, "void", &json!({})))
    }

    pub(crate) fn close(&mut self, number: u32, act: &str, body: &Value) -> Value {
        self.post(&format!("/v1/holds/{}/{act}", id(number)), body)
    }

    /// Reason, code, state's part, citizen's part and left of a reversal.
    pub(crate) fn refund(&mut self, number: u32, txn: u32, amount: Option<u64>) -> Value {
        brief(&self.reverse(txn, number, amount))
    }

    pub(crate) fn room(&mut self) -> Value {
        let remaining = &self.wallet()["programs"][0]["benefits"][0]["remaining"];
        json!([remaining["day"], remaining["month"]])
    }

    pub(crate) fn after_s(&mut self, seconds: u32, milliseconds: u32) {
        self.clock(&format!(
            "2026-06-15T12:{:02}:{:02}.{milliseconds:03}+07:00",
            seconds / 60,
            seconds % 60
        ));
    }
}

pub(crate) fn brief(answer: &Value) -> Value {
    let amounts = [
        "reason",
        "response_code",
        "state_amount",
        "citizen_amount",
        "left",
    ];
    amounts.iter().map(|key| answer[*key].clone()).collect()
}

pub(crate) fn approved(state: u64, citizen: u64, left: u64) -> Value {
    json!(["approved", "00", state, citizen, left])
}

pub(crate) fn declined(reason: &str, code: &str, left: u64) -> Value {
    json!([reason, code, 0, 0, left])
}

#[test]
fn a_hold_is_answered_like_an_authorization_with_its_end() {
    let mut desk = Desk::at_noon();
    let answer = desk.hold_for(1, 25_000, 604_800);
    assert_eq!(
        answer,
        json!({
            "txn_id": id(1), "decision": "approved", "reason": "approved", "response_code": "00",
            "state_amount": 15_000, "citizen_amount": 10_000, "limited_by": null,
            "remaining": { "day": 5_000, "month": 85_000 },
            "business_date": "2026-06-15", "decided_at": "2026-06-15T12:00:00.123+07:00",
            "expires_at": "2026-06-22T12:00:00.123+07:00", "replayed": false,
        })
    );
    // A decline says when it would have ended, too.
    let mut body = desk.purchase(100);
    body["txn_id"] = json!(id(2));
    body["expires_in_s"] = json!(1);
    body["wallet_id"] = json!("999999999999999");
    let answer = desk.post("/v1/holds", &body);
    assert_eq!(answer["reason"], "wallet_unknown");
    assert_eq!(answer["expires_at"], "2026-06-15T12:00:01.123+07:00");
    assert_eq!(answer.get("remaining"), None);
    // A plain authorization has no end.
    assert_eq!(desk.buy(3, 100, json!({})).get("expires_at"), None);
}

#[test]
fn holds_and_authorizations_have_one_space_of_ids() {
    let mut desk = Desk::at_noon();
    let first = desk.hold(1, 1_000);
    desk.after_s(90, 0);
    let mut again = first.clone();
    again["replayed"] = json!(true);
    assert_eq!(desk.hold(1, 1_000), again, "long after it expired");
    let conflict = json!({ "$problem": 409, "code": "txn_id_conflict" });
    assert_eq!(desk.hold_for(1, 1_000, 61), conflict);
    assert_eq!(desk.hold(1, 1_001), conflict);
    assert_eq!(desk.buy(1, 1_000, json!({})), conflict);
    desk.buy(2, 1_000, json!({}));
    assert_eq!(desk.hold(2, 1_000), conflict);
    // A malformed one burns no id.
    let malformed = json!({ "$problem": 400, "fields": ["expires_in_s"] });
    for wrong in [json!(0), json!(604_801), json!("60"), json!(1.0), Value::Null] {
        let mut body = desk.purchase(1_000);
        body["txn_id"] = json!(id(3));
        body["expires_in_s"] = wrong;
        assert_eq!(desk.post("/v1/holds", &body), malformed);
    }
    assert_eq!(desk.buy(4, 1, json!({ "expires_in_s": 60 })), malformed);
    let mut body = desk.purchase(1_000);
    body["txn_id"] = json!(id(3));
    assert_eq!(desk.post("/v1/holds", &body), malformed);
    assert_eq!(desk.hold(3, 1_000)["reason"], "approved");
}

#[test]
fn a_hold_takes_the_room_until_the_millisecond_it_expires() {
    let mut desk = Desk::at_noon();
    desk.hold(1, 30_000);
    assert_eq!(desk.room(), json!([2_000, 82_000]));
    let body = desk.purchase(30_000);
    let quote = desk.post("/v1/quotes", &body);
    assert_eq!(
        (&quote["state_amount"], &quote["limited_by"]),
        (&json!(2_000), &json!("day"))
    );
    assert_eq!(quote["fully_subsidised_up_to"], 3_334);
    assert_eq!(quote.get("expires_at"), None);
    desk.after_s(60, 122);
    assert_eq!(desk.room(), json!([2_000, 82_000]));
    desk.after_s(60, 123);
    assert_eq!(desk.room(), json!([20_000, 100_000]));
    assert_eq!(desk.capture(1, None), declined("hold_expired", "12", 0));
    assert_eq!(desk.void(1), declined("hold_expired", "12", 0));
    assert_eq!(desk.refund(2, 1, None), declined("already_reversed", "12", 0));
    assert_eq!(desk.refund(3, 1, Some(1)), declined("already_reversed", "12", 0));
    assert_eq!(desk.split(4, 30_000).1, 18_000);
}

#[test]
fn a_hold_that_fits_no_more_is_cut_or_declined() {
    let mut desk = Desk::at_noon();
    desk.hold(1, 30_000);
    let answer = desk.hold(2, 30_000);
    assert_eq!(
        (&answer["state_amount"], &answer["limited_by"]),
        (&json!(2_000), &json!("day"))
    );
    assert_eq!(desk.hold(3, 100)["reason"], "daily_cap_exhausted");
    assert_eq!(desk.capture(3, None), declined("original_declined", "12", 0));
    assert_eq!(desk.void(3), declined("original_declined", "12", 0));
    // The captured one's split is the hold's, whatever room there would be now.
    assert_eq!(desk.void(1), approved(0, 0, 0));
    assert_eq!(desk.capture(2, None), approved(2_000, 28_000, 30_000));
}

#[test]
fn a_capture_of_a_part_frees_the_rest() {
    let mut desk = Desk::at_noon();
    // 60 % of 10,001 is 6,000; of 3,333 freed the state's part is 1,999 (6,000 × 3,333 / 10,001 = 1,999.6).
    desk.hold(1, 10_001);
    desk.after_s(30, 0);
    let answer = desk.close(1, "capture", &json!({ "amount": 6_668 }));
    assert_eq!(
        answer,
        json!({
            "$act": "capture", "txn_id": id(1), "decision": "approved", "reason": "approved", "response_code": "00",
            "state_amount": 4_001, "citizen_amount": 2_667, "left": 6_668, "business_date": "2026-06-15",
            "decided_at": "2026-06-15T12:00:30.000+07:00", "replayed": false,
        })
    );
    assert_eq!(desk.room(), json!([15_999, 95_999]));
    // What was freed counts: after 3,334 of 10,001 the state has got 2,000 back, one more than it had.
    assert_eq!(
        desk.refund(2, 1, Some(6_669)),
        declined("exceeds_original", "13", 6_668)
    );
    assert_eq!(desk.refund(3, 1, Some(1)), approved(1, 0, 6_667));
    assert_eq!(desk.refund(4, 1, None), approved(4_000, 2_667, 0));
    assert_eq!(desk.refund(5, 1, None), declined("already_reversed", "12", 0));
    assert_eq!(desk.room(), json!([20_000, 100_000]));
}

#[test]
fn the_same_capture_is_repeated_and_another_one_is_closed() {
    let mut desk = Desk::at_noon();
    desk.hold(1, 10_000);
    assert_eq!(
        desk.capture(1, Some(10_001)),
        declined("exceeds_original", "13", 10_000)
    );
    let first = desk.close(1, "capture", &json!({ "amount": 10_000 }));
    assert_eq!(brief(&first), approved(6_000, 4_000, 10_000));
    assert_eq!(desk.refund(2, 1, Some(4_000)), approved(2_400, 1_600, 6_000));
    assert_eq!(desk.capture(1, Some(9_999)), declined("hold_closed", "12", 6_000));
    assert_eq!(
        desk.capture(1, Some(20_000)),
        declined("hold_closed", "12", 6_000),
        "before exceeds_original"
    );
    assert_eq!(desk.void(1), declined("hold_closed", "12", 6_000));
    // Past its end and after refunds; no amount is the same as all that was held.
    desk.after_s(600, 0);
    let mut again = first.clone();
    again["replayed"] = json!(true);
    assert_eq!(desk.close(1, "capture", &json!({})), again);
    assert_eq!(desk.close(1, "capture", &json!({ "amount": 10_000 })), again);
    assert_eq!(
        desk.room(),
        json!([16_400, 96_400]),
        "what was captured does not expire"
    );
    assert_eq!(desk.refund(3, 1, None), approved(3_600, 2_400, 0));
    assert_eq!(desk.capture(1, Some(1)), declined("hold_closed", "12", 0));
    // Of a part of it, all is another one.
    desk.hold(5, 10_000);
    assert_eq!(desk.capture(5, Some(4_000)), approved(2_400, 1_600, 4_000));
    assert_eq!(desk.capture(5, None), declined("hold_closed", "12", 4_000));
    assert_eq!(
        desk.close(5, "capture", &json!({ "amount": 4_000 }))["replayed"],
        true
    );
}

#[test]
fn a_void_frees_everything_once() {
    let mut desk = Desk::at_noon();
    desk.hold(1, 10_000);
    let first = desk.close(1, "void", &json!({}));
    assert_eq!(
        first,
        json!({
            "$act": "void", "txn_id": id(1), "decision": "approved", "reason": "approved", "response_code": "00",
            "state_amount": 0, "citizen_amount": 0, "left": 0, "business_date": "2026-06-15",
            "decided_at": "2026-06-15T12:00:00.123+07:00", "replayed": false,
        })
    );
    assert_eq!(desk.room(), json!([20_000, 100_000]));
    assert_eq!(desk.capture(1, None), declined("hold_closed", "12", 0));
    assert_eq!(desk.refund(2, 1, None), declined("already_reversed", "12", 0));
    desk.after_s(600, 0);
    let mut again = first;
    again["replayed"] = json!(true);
    let path = format!("/v1/holds/{}/void", id(1));
    assert_eq!(desk.model.call("POST", &path, ""), (200, again));
    assert_eq!(
        desk.capture(1, None),
        declined("hold_closed", "12", 0),
        "closed, not expired"
    );
}

#[test]
fn a_plain_authorization_is_no_hold() {
    let mut desk = Desk::at_noon();
    desk.buy(1, 10_000, json!({}));
    // What is left is what can still be given back.
    assert_eq!(desk.capture(1, None), declined("hold_closed", "12", 10_000));
    assert_eq!(desk.refund(6, 1, Some(1_000)), approved(600, 400, 9_000));
    assert_eq!(desk.void(1), declined("hold_closed", "12", 9_000));
    desk.buy(2, 10_000, json!({ "merchant_id": "999999999999999" }));
    assert_eq!(desk.capture(2, None), declined("original_declined", "12", 0));
    assert_eq!(desk.void(2), declined("original_declined", "12", 0));
    assert_eq!(desk.refund(3, 1, None), approved(5_400, 3_600, 0));
    assert_eq!(desk.void(1), declined("hold_closed", "12", 0));
}

#[test]
fn a_full_reversal_of_an_open_hold_closes_it() {
    let mut desk = Desk::at_noon();
    desk.hold(1, 10_000);
    assert_eq!(
        desk.refund(2, 1, Some(4_000)),
        declined("hold_open", "12", 10_000)
    );
    assert_eq!(
        desk.refund(3, 1, Some(20_000)),
        declined("hold_open", "12", 10_000)
    );
    assert_eq!(desk.room(), json!([14_000, 94_000]));
    assert_eq!(desk.refund(4, 1, None), approved(0, 0, 0), "like a void");
    assert_eq!(desk.room(), json!([20_000, 100_000]));
    assert_eq!(desk.capture(1, None), declined("hold_closed", "12", 0));
    assert_eq!(desk.void(1), declined("hold_closed", "12", 0));
    assert_eq!(desk.refund(5, 1, None), declined("already_reversed", "12", 0));
    desk.after_s(600, 0);
    assert_eq!(
        desk.void(1),
        declined("hold_closed", "12", 0),
        "closed, not expired"
    );
    assert_eq!(desk.reverse(1, 4, None)["replayed"], true);
}

#[test]
fn a_hold_across_midnight_is_captured_out_of_the_day_it_was_taken_on() {
    let mut desk = Desk::at_noon();
    desk.clock("2026-06-30T22:59:59.999+07:00");
    desk.hold_for(1, 30_000, 86_400);
    // At three in the night nothing is sold, but captured.
    desk.clock("2026-07-01T03:00:00+07:00");
    assert_eq!(desk.room(), json!([20_000, 100_000]));
    let answer = desk.close(1, "capture", &json!({ "amount": 10_000 }));
    assert_eq!(brief(&answer), approved(6_000, 4_000, 10_000));
    assert_eq!(answer["business_date"], "2026-07-01");
    assert_eq!(
        desk.room(),
        json!([20_000, 100_000]),
        "neither taken nor given back here"
    );
    assert_eq!(desk.hold(2, 1_000)["reason"], "outside_hours");
    // Within one month the days are two.
    desk.clock("2026-07-01T22:00:00+07:00");
    desk.hold_for(3, 30_000, 86_400);
    desk.clock("2026-07-02T12:00:00+07:00");
    assert_eq!(desk.room(), json!([20_000, 82_000]));
    assert_eq!(desk.capture(3, Some(10_000)), approved(6_000, 4_000, 10_000));
    assert_eq!(desk.room(), json!([20_000, 94_000]));
    assert_eq!(desk.refund(4, 3, None), approved(6_000, 4_000, 0));
    assert_eq!(desk.room(), json!([20_000, 100_000]));
}

#[test]
fn malformed_captures_and_voids_name_what_is_wrong() {
    let mut desk = Desk::at_noon();
    desk.hold(1, 10_000);
    let mut fields = |act: &str, path: &str, body: &str| {
        let (status, answer) = desk.model.call("POST", &format!("/v1/holds/{path}/{act}"), body);
        assert_eq!(status, 400, "{act} {path} {body}");
        answer["fields"].clone()
    };
    let hold = id(1);
    for body in [" ", "null", "[]", "{", "{} x", "5"] {
        assert_eq!(fields("capture", &hold, body), json!([""]), "{body}");
    }
    for body in [
        r#"{"amount":0}"#,
        r#"{"amount":100000001}"#,
        r#"{"amount":null}"#,
        r#"{"amount":1,"amount":1}"#,
    ] {
        assert_eq!(fields("capture", &hold, body), json!(["amount"]), "{body}");
    }
    assert_eq!(fields("capture", &hold, r#"{"reason":"x"}"#), json!(["reason"]));
    assert_eq!(
        fields("capture", "x", r#"{"amount":0}"#),
        json!(["amount", "txn_id"])
    );
    for body in ["null", "[]", "{", "{} x", "\"\""] {
        assert_eq!(fields("void", &hold, body), json!([""]), "{body}");
    }
    assert_eq!(fields("void", &hold, r#"{"amount":1}"#), json!(["amount"]));
    assert_eq!(fields("void", "x", ""), json!(["txn_id"]));
    assert_eq!(desk.capture(1, None), approved(6_000, 4_000, 10_000));
}

#[test]
fn sources_are_held_freed_and_given_back_in_their_order() {
    let text = SIXTY_FORTY.replace(
        "when_exhausted = \"decline\"",
        "when_exhausted = \"decline\"\nfunded_by = [{ source = \"base\", up_to = 4_000 }, { source = \"rest\" }]",
    );
    let mut desk = Desk::open(&text);
    let parts = |base: u64, rest: u64| json!([{ "source": "base", "amount": base }, { "source": "rest", "amount": rest }]);
    let used = |desk: &mut Desk| {
        let shown = desk.wallet()["programs"][0]["benefits"][0]["funding"].clone();
        json!([shown[0]["used"], shown[1]["used"]])
    };
    assert_eq!(desk.hold(1, 10_000)["funding"], parts(4_000, 2_000));
    assert_eq!(used(&mut desk), json!([4_000, 2_000]));
    assert_eq!(desk.hold(2, 1_000)["funding"], parts(0, 600));
    // 5,000 freed: the state's 3,000 come from the rest first.
    let answer = desk.close(1, "capture", &json!({ "amount": 5_000 }));
    assert_eq!(answer.get("funding"), None);
    assert_eq!(used(&mut desk), json!([3_000, 600]));
    assert_eq!(desk.hold(3, 5_000)["funding"], parts(1_000, 2_000));
    assert_eq!(desk.reverse(1, 4, Some(1_000))["funding"], parts(600, 0));
    let reversed = desk.reverse(3, 5, None);
    assert_eq!(reversed.get("funding"), None, "it was never paid");
    assert_eq!(desk.reverse(2, 6, Some(1)).get("funding"), None);
    assert_eq!(used(&mut desk), json!([2_400, 600]));
    desk.after_s(61, 0);
    assert_eq!(used(&mut desk), json!([2_400, 0]));
}

/// A programme that lapses at noon of 1 July, and one that it excludes.
fn two_programmes() -> Office {
    let one = SIXTY_FORTY.replace(
        "[[benefit]]\nid = \"co-pay\"",
        "exclusive_with = [\"other\"]\n[registration]\nopens = 2026-06-01\nhours = \"00:00-24:00\"\n\
         first_use_by = 2026-07-01T12:00:00\n[[benefit]]\nid = \"co-pay\"",
    );
    let other = SIXTY_FORTY.replace("sixty-forty", "other");
    let mut office = Office::open(&[&one, &other], "2026-06-15T12:00:00+07:00");
    for program in ["sixty-forty", "other"] {
        assert_eq!(office.enroll(1, json!({ "program": program })), "accepted");
    }
    office
}

impl Office {
    /// Takes a hold for a minute, or buys; the reason.
    fn takes(&mut self, number: u32, program: &str, is_hold: bool) -> String {
        let mut body = json!({
            "txn_id": id(number), "program": program, "wallet_id": wallet(1), "merchant_id": FOOD,
            "channel": "store", "amount": 1_000,
        });
        if is_hold {
            body["expires_in_s"] = json!(60);
        }
        let path = if is_hold {
            "/v1/holds"
        } else {
            "/v1/authorizations"
        };
        self.post(path, &body)["reason"].as_str().unwrap().to_owned()
    }

    fn closes(&mut self, number: u32, act: &str) -> Value {
        self.post(&format!("/v1/holds/{}/{act}", id(number)), &json!({}))["reason"].clone()
    }
}

#[test]
fn an_open_hold_is_a_draw_until_it_is_voided_or_expires() {
    let mut office = two_programmes();
    assert_eq!(office.takes(1, "sixty-forty", true), "approved");
    assert_eq!(office.takes(2, "other", false), "drawn_elsewhere_today");
    assert_eq!(office.takes(3, "other", true), "drawn_elsewhere_today");
    assert_eq!(office.closes(1, "void"), "approved");
    assert_eq!(office.takes(4, "other", true), "approved");
    assert_eq!(office.takes(5, "sixty-forty", false), "drawn_elsewhere_today");
    office.clock("2026-06-15T12:00:59.999+07:00");
    assert_eq!(office.takes(6, "sixty-forty", false), "drawn_elsewhere_today");
    office.clock("2026-06-15T12:01:00+07:00");
    // A full reversal voids an open hold.
    assert_eq!(office.takes(7, "sixty-forty", true), "approved");
    let path = format!("/v1/authorizations/{}/reversals", id(7));
    let reversal = json!({ "reversal_id": id(8), "reason": "timeout" });
    assert_eq!(office.post(&path, &reversal)["reason"], "approved");
    assert_eq!(office.takes(9, "other", true), "approved");
    // Captured it stays a draw of its own date, also when all of it is given back.
    assert_eq!(office.closes(9, "capture"), "approved");
    office.clock("2026-06-15T13:00:00+07:00");
    let path = format!("/v1/authorizations/{}/reversals", id(9));
    let reversal = json!({ "reversal_id": id(10), "reason": "merchant_error" });
    assert_eq!(office.post(&path, &reversal)["reason"], "approved");
    assert_eq!(office.takes(11, "sixty-forty", false), "drawn_elsewhere_today");
    office.clock("2026-06-16T12:00:00+07:00");
    assert_eq!(office.takes(12, "sixty-forty", false), "approved");
}

#[test]
fn a_draw_is_of_the_date_on_which_the_hold_was_taken() {
    let mut office = two_programmes();
    office.clock("2026-06-15T22:59:30+07:00");
    assert_eq!(office.takes(1, "sixty-forty", true), "approved");
    // The hours are over at eleven; the hold is still open, and captured before midnight.
    office.clock("2026-06-15T23:00:10+07:00");
    assert_eq!(office.closes(1, "capture"), "approved");
    office.clock("2026-06-16T06:00:00+07:00");
    assert_eq!(office.takes(2, "other", false), "approved");
}

#[test]
fn an_approved_hold_is_a_first_use_whatever_becomes_of_it() {
    let mut office = two_programmes();
    assert_eq!(office.enroll(2, json!({ "program": "sixty-forty" })), "accepted");
    assert_eq!(office.takes(1, "sixty-forty", true), "approved");
    assert_eq!(office.closes(1, "void"), "approved");
    office.clock("2026-07-01T12:00:00+07:00");
    assert_eq!(office.takes(2, "sixty-forty", false), "approved");
    assert_eq!(
        office.look(&format!("/v1/wallets/{}", wallet(2)))["programs"][0]["lapsed"],
        true
    );
}

#[test]
fn a_household_shares_the_room_that_a_hold_takes() {
    let mut desk = Desk::at_noon();
    let house = json!({ "household_id": "001000000000001" });
    for (wallet_id, citizen_id) in [
        (WALLET, "1101700230708".to_owned()),
        ("004999912345679", citizen(2)),
    ] {
        let mut line = house.clone();
        line["program"] = json!("sixty-forty");
        line["wallet_id"] = json!(wallet_id);
        line["citizen_id"] = json!(citizen_id);
        assert_eq!(desk.post("/v1/enrollments/import", &line)["accepted"], 1);
    }
    let mut body = desk.purchase(30_000);
    body["merchant_id"] = json!("010555012345670");
    body["txn_id"] = json!(id(1));
    body["expires_in_s"] = json!(60);
    assert_eq!(desk.post("/v1/holds", &body)["state_amount"], 30_000);
    let shown = desk.model.call("GET", "/v1/wallets/004999912345679", "").1;
    assert_eq!(
        shown["programs"][0]["benefits"][1]["remaining"],
        json!({ "month": 1_500 })
    );
    assert_eq!(desk.capture(1, Some(10_000)), approved(10_000, 0, 10_000));
    let shown = desk.model.call("GET", "/v1/wallets/004999912345679", "").1;
    assert_eq!(
        shown["programs"][0]["benefits"][1]["remaining"],
        json!({ "month": 21_500 })
    );
}
