//! The model held against a pencil: clawback cases, their payments, and a merchant that withdraws its consent.

use serde_json::{Value, json};

use super::examples::{FOOD, GOODS, id};
use super::examples_moves::office;
use super::examples_registration::{Office, citizen, wallet};

impl Office {
    /// Opens the case of that number, changed as `with` says.
    pub(crate) fn opens(&mut self, number: u32, with: Value) -> Value {
        let mut body = json!({ "case_id": id(number), "amount": 100, "letter_date": "2026-06-15", "reason": "ordered to" });
        for (key, value) in with.as_object().unwrap() {
            body[key] = value.clone();
        }
        self.post("/v1/clawbacks", &body)
    }

    /// Pays into the case of that number: the code of the problem, or the state and what is left.
    pub(crate) fn pays(&mut self, number: u32, payment: u32, amount: u64) -> Value {
        let body = json!({ "payment_id": id(payment), "amount": amount, "reason": "transfer" });
        let answer = self.post(&format!("/v1/clawbacks/{}/payments", id(number)), &body);
        match answer.get("$problem") {
            Some(_) => answer["code"].clone(),
            None => json!([answer["state"], answer["left"]]),
        }
    }

    fn gives_up(&mut self, number: u32, reason: &str) -> Value {
        self.post(
            &format!("/v1/clawbacks/{}/close", id(number)),
            &json!({ "reason": reason }),
        )
    }

    fn withdraws(&mut self, with: Value) -> Value {
        let mut body = json!({ "case_id": id(90), "letter_date": "2026-06-14", "reason": "by letter" });
        for (key, value) in with.as_object().unwrap() {
            body[key] = value.clone();
        }
        self.post(&format!("/v1/merchants/{FOOD}/consent-withdrawal"), &body)
    }

    fn gives_back(&mut self, txn: u32, number: u32, amount: u64) {
        let body = json!({ "reversal_id": id(number), "reason": "customer_refund", "amount": amount });
        let answer = self.post(&format!("/v1/authorizations/{}/reversals", id(txn)), &body);
        assert_eq!(answer["decision"], "approved");
    }
}

fn code(answer: &Value) -> &Value {
    &answer["code"]
}

#[test]
fn a_case_is_opened_once() {
    let mut office = office();
    let open = json!({
        "case_id": id(1), "merchant_id": FOOD, "cause": "ordered", "state": "open", "owed": 100, "paid": 0,
        "left": 100, "letter_date": "2026-06-15", "due_date": "2026-07-15", "overdue": false,
        "reason": "ordered to", "opened_at": "2026-06-15T12:00:00.250+07:00", "payments": [],
    });
    assert_eq!(office.opens(1, json!({ "merchant_id": FOOD })), open);
    office.clock("2026-06-16T12:00:00+07:00");
    assert_eq!(office.opens(1, json!({ "merchant_id": FOOD })), open);
    for other in [
        json!({ "merchant_id": FOOD, "amount": 101 }),
        json!({ "merchant_id": FOOD, "letter_date": "2026-06-14" }),
        json!({ "merchant_id": FOOD, "reason": "Ordered to" }),
        json!({ "citizen_id": citizen(1) }),
    ] {
        assert_eq!(code(&office.opens(1, other)), "case_id_conflict");
    }
    assert_eq!(
        office.opens(2, json!({ "merchant_id": GOODS })),
        json!({ "$problem": 404 })
    );
    assert_eq!(
        office.opens(2, json!({ "wallet_id": wallet(1) })),
        json!({ "$problem": 404 })
    );
    assert_eq!(office.look(&format!("/v1/clawbacks/{}", id(1))), open);
    assert_eq!(
        office.look(&format!("/v1/clawbacks/{}", id(2))),
        json!({ "$problem": 404 })
    );
    assert_eq!(
        office.look("/v1/clawbacks"),
        json!({ "open": 1, "cases": [open] })
    );
}

#[test]
fn a_case_is_about_exactly_one() {
    let mut office = office();
    let fields = |answer: Value| answer["fields"].clone();
    assert_eq!(fields(office.opens(1, json!({}))), json!(["citizen_id"]));
    let two = json!({ "merchant_id": FOOD, "wallet_id": wallet(1) });
    assert_eq!(fields(office.opens(1, two)), json!(["merchant_id"]));
    let three = json!({ "merchant_id": FOOD, "wallet_id": wallet(1), "citizen_id": citizen(1) });
    assert_eq!(fields(office.opens(1, three)), json!(["wallet_id"]));
    let late = json!({ "merchant_id": FOOD, "letter_date": "2026-06-16", "amount": 0 });
    assert_eq!(fields(office.opens(1, late)), json!(["amount", "letter_date"]));
    let much = json!({ "merchant_id": FOOD, "amount": 1_000_000_000_000_001_u64, "letter_date": "2026-6-1" });
    assert_eq!(fields(office.opens(1, much)), json!(["amount", "letter_date"]));
    let most = json!({ "merchant_id": FOOD, "amount": 1_000_000_000_000_000_u64 });
    assert_eq!(office.opens(1, most)["owed"], 1_000_000_000_000_000_u64);
}

#[test]
fn payments_count_once_and_the_last_one_pays_the_case() {
    let mut office = office();
    office.opens(1, json!({ "merchant_id": FOOD }));
    office.opens(2, json!({ "merchant_id": FOOD }));
    assert_eq!(office.pays(3, 11, 1), Value::Null);
    assert_eq!(office.pays(1, 11, 101), "exceeds_owed");
    assert_eq!(office.pays(1, 11, 60), json!(["open", 40]));
    assert_eq!(office.pays(1, 11, 60), json!(["open", 40]));
    assert_eq!(office.pays(1, 11, 61), "payment_id_conflict");
    assert_eq!(office.pays(1, 12, 41), "exceeds_owed");
    // The same payment id in another case is another payment.
    assert_eq!(office.pays(2, 11, 1), json!(["open", 99]));
    office.clock("2026-06-16T08:00:00+07:00");
    assert_eq!(office.pays(1, 12, 40), json!(["paid", 0]));
    assert_eq!(office.pays(1, 12, 40), json!(["paid", 0]));
    assert_eq!(office.pays(1, 13, 1), "case_closed");
    assert_eq!(office.pays(1, 12, 1), "payment_id_conflict");
    let shown = office.gives_up(1, "too late");
    assert_eq!((&shown["state"], shown.get("closed")), (&json!("paid"), None));
    assert_eq!(
        shown["payments"][1],
        json!({
            "payment_id": id(12), "amount": 40, "reason": "transfer", "at": "2026-06-16T08:00:00.000+07:00",
        })
    );
    assert_eq!(office.look("/v1/clawbacks")["cases"][0]["case_id"], id(2));
}

#[test]
fn a_case_is_given_up_with_something_left() {
    let mut office = office();
    office.opens(1, json!({ "merchant_id": FOOD }));
    assert_eq!(office.pays(1, 11, 60), json!(["open", 40]));
    office.clock("2026-07-15T23:59:59.999+07:00");
    assert_eq!(office.look("/v1/clawbacks")["cases"][0]["overdue"], false);
    office.clock("2026-07-16T00:00:00+07:00");
    assert_eq!(office.look("/v1/clawbacks")["cases"][0]["overdue"], true);
    let closed = office.gives_up(1, "bankrupt");
    assert_eq!(
        (&closed["state"], &closed["left"], &closed["overdue"]),
        (&json!("closed"), &json!(40), &json!(false))
    );
    assert_eq!(
        closed["closed"],
        json!({ "at": "2026-07-16T00:00:00.000+07:00", "reason": "bankrupt" })
    );
    assert_eq!(office.gives_up(1, "again"), closed);
    assert_eq!(office.pays(1, 12, 40), "case_closed");
    assert_eq!(office.pays(1, 11, 60), json!(["closed", 40]));
    assert_eq!(office.gives_up(2, "none"), json!({ "$problem": 404 }));
    assert_eq!(office.look("/v1/clawbacks"), json!({ "open": 0, "cases": [] }));
}

#[test]
fn the_register_names_no_new_programme_while_a_case_is_open() {
    let mut office = office();
    office.register_shop(FOOD, "food_drink", &["near", "far"]);
    office.opens(1, json!({ "merchant_id": FOOD }));
    assert_eq!(office.register_shop(FOOD, "food_drink", &["near"]), Value::Null);
    assert_eq!(
        office.register_shop(FOOD, "food_drink", &["near", "far"]),
        "clawback_open"
    );
    let line = json!({
        "merchant_id": FOOD, "name": "S", "category": "hair", "status": "active", "programs": ["other"],
        "channels": [],
    });
    let report = office.post("/v1/merchants/import", &line);
    assert_eq!(
        report["errors"],
        json!([{ "line": 1, "reason": "clawback_open" }])
    );
    assert_eq!(office.shop()["category"], "food_drink");
    office.gives_up(1, "x");
    assert_eq!(office.post("/v1/merchants/import", &line)["accepted"], 1);
}

#[test]
fn who_withdraws_its_consent_owes_what_it_received() {
    let mut office = office();
    for program in ["near", "other"] {
        office.join(1, program, 1);
    }
    office.join(2, "near", 2);
    office.register_shop(GOODS, "food_drink", &["near"]);
    // 100 of 200, of which a quarter goes back; all of it in another programme.
    assert_eq!(office.buys(1, 1, "near"), "approved");
    office.gives_back(1, 21, 50);
    assert_eq!(office.buys(2, 1, "other"), "approved");
    office.gives_back(2, 22, 200);
    // A third of a hold of 300 is captured; another one stands.
    let hold = |number: u32| {
        json!({
            "txn_id": id(number), "program": "near", "wallet_id": wallet(2), "merchant_id": FOOD,
            "channel": "store", "amount": 300, "expires_in_s": 600,
        })
    };
    for number in [3, 4] {
        assert_eq!(office.post("/v1/holds", &hold(number))["reason"], "approved");
    }
    office.post(&format!("/v1/holds/{}/capture", id(3)), &json!({ "amount": 100 }));
    let mut elsewhere = hold(5);
    elsewhere["merchant_id"] = json!(GOODS);
    assert_eq!(office.post("/v1/holds", &elsewhere)["reason"], "approved");
    office.opens(1, json!({ "merchant_id": GOODS }));
    assert_eq!(
        code(&office.withdraws(json!({ "case_id": id(1) }))),
        "case_id_conflict"
    );
    assert_eq!(
        office.withdraws(json!({ "letter_date": "2026-06-16" })),
        json!({ "$problem": 400, "fields": ["letter_date"] })
    );
    let shop = office.withdraws(json!({}));
    assert_eq!(
        (&shop["status"], shop.get("suspended")),
        (&json!("suspended"), None)
    );
    assert_eq!(
        shop["consent_withdrawn"],
        json!({
            "reason": "by letter", "since": "2026-06-15T12:00:00.250+07:00", "letter_date": "2026-06-14",
            "case_id": id(90),
        })
    );
    let case = &shop["clawbacks"][0];
    assert_eq!(
        (&case["cause"], &case["owed"], &case["due_date"], &case["reason"]),
        (
            &json!("consent_withdrawn"),
            &json!(75 + 50),
            &json!("2026-07-14"),
            &json!("by letter")
        )
    );
    // What comes after changes nothing.
    office.post(&format!("/v1/holds/{}/capture", id(4)), &json!({}));
    office.gives_back(1, 23, 150);
    assert_eq!(office.shop()["clawbacks"][0]["owed"], 125);
}

#[test]
fn a_withdrawal_is_for_good() {
    let mut office = office();
    assert_eq!(
        office.post(
            &format!("/v1/merchants/{GOODS}/consent-withdrawal"),
            &json!({ "case_id": id(9), "letter_date": "2026-06-14", "reason": "x" })
        ),
        json!({ "$problem": 404 })
    );
    let shop = office.withdraws(json!({}));
    // Nothing was received: the case is paid, and keeps nobody from anything.
    assert_eq!(
        (&shop["clawbacks"][0]["state"], &shop["clawbacks"][0]["owed"]),
        (&json!("paid"), &json!(0))
    );
    assert_eq!(office.withdraws(json!({})), shop);
    for other in [
        json!({ "reason": "By letter" }),
        json!({ "letter_date": "2026-06-13" }),
        json!({ "case_id": id(91) }),
    ] {
        assert_eq!(code(&office.withdraws(other)), "consent_withdrawn");
    }
    assert_eq!(
        code(&office.opens(90, json!({ "merchant_id": FOOD }))),
        "case_id_conflict"
    );
    assert_eq!(office.register_shop(FOOD, "food_drink", &[]), "consent_withdrawn");
    let status = format!("/v1/merchants/{FOOD}/status");
    assert_eq!(code(&office.set(&status, "active")), "consent_withdrawn");
    assert_eq!(office.set(&status, "suspended")["status"], "suspended");
    let path = format!("/v1/merchants/{FOOD}");
    let answer = office.post(&format!("{path}/registrations"), &json!({ "program": "near" }));
    assert_eq!(answer["reason"], "consent_withdrawn", "before merchant_suspended");
    let bind = json!({ "action": "bind", "platform": "grab", "reason": "x" });
    assert_eq!(
        office.post(&format!("{path}/platform"), &bind)["reason"],
        "consent_withdrawn"
    );
    office.join(1, "near", 1);
    assert_eq!(office.buys(1, 1, "near"), "merchant_suspended");
}
