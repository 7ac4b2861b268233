//! The model held against what the contract's pages and a pencil say: checks, windows, ids, look-ups.

use serde_json::{Value, json};

use satang_tests::oracle::Model;

/// 60 %, 200 baht a day and 1,000 baht a month in shops and by delivery.
pub(crate) const SIXTY_FORTY: &str = r#"
id = "sixty-forty"
name_th = "หกสิบสี่สิบ"
name_en = "Sixty forty"
[[benefit]]
id = "co-pay"
state_percent = 60
holder = "person"
caps = { day = 20_000, month = 100_000 }
when_exhausted = "decline"
merchant_categories = ["food_drink", "general_goods"]
[[benefit.channel]]
id = "store"
from = 2026-06-01
to = 2026-09-30
hours = "06:00-23:00"
[[benefit.channel]]
id = "delivery"
from = 2026-06-15
to = 2026-09-30
hours = "06:00-21:00"
merchant_categories = ["food_drink"]
[[benefit]]
id = "power"
state_percent = 100
holder = "household"
caps = { month = 31_500 }
when_exhausted = "citizen_pays"
merchant_categories = ["electricity"]
[[benefit.channel]]
id = "store"
from = 2026-06-01
to = 2026-09-30
hours = "00:00-24:00"
"#;

pub(crate) const WALLET: &str = "004999912345678";
pub(crate) const FOOD: &str = "010555012345678";
pub(crate) const GOODS: &str = "010555012345679";

/// A model with one programme, three merchants and one enrolled wallet, at noon on 15 June 2026.
pub(crate) struct Desk {
    pub(crate) model: Model,
    pub(crate) program: String,
}

impl Desk {
    pub(crate) fn open(text: &str) -> Desk {
        let mut model = Model::new(
            &[("one.toml".into(), text.into())],
            "2026-06-15T12:00:00.123+07:00",
        );
        let program = model.programmes().next().unwrap().id.clone();
        for (merchant_id, category) in [
            (FOOD, "food_drink"),
            (GOODS, "general_goods"),
            ("010555012345670", "electricity"),
        ] {
            let body = json!({
                "name": "Shop", "category": category, "status": "active",
                "programs": [program], "channels": ["store", "delivery"],
            });
            assert_eq!(
                model
                    .call("PUT", &format!("/v1/merchants/{merchant_id}"), &body.to_string())
                    .0,
                200
            );
        }
        let mut desk = Desk { model, program };
        let program = desk.program.clone();
        let line = json!({ "program": program, "wallet_id": WALLET, "citizen_id": "1101700230708" });
        let answer = desk.post("/v1/enrollments/import", &line);
        assert_eq!(answer, json!({ "accepted": 1, "rejected": 0, "errors": [] }));
        desk
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Value {
        self.model.call("POST", path, &body.to_string()).1
    }

    pub(crate) fn put(&mut self, path: &str, body: Value) -> u16 {
        self.model.call("PUT", path, &body.to_string()).0
    }

    pub(crate) fn clock(&mut self, now: &str) {
        assert_eq!(self.put("/v1/clock", json!({ "now": now })), 200);
    }

    pub(crate) fn purchase(&self, amount: u64) -> Value {
        json!({
            "program": self.program, "wallet_id": WALLET, "merchant_id": FOOD,
            "channel": "store", "amount": amount,
        })
    }

    /// Buys under the id that ends in `number`, changed as `with` says.
    pub(crate) fn buy(&mut self, number: u32, amount: u64, with: Value) -> Value {
        let mut body = self.purchase(amount);
        body["txn_id"] = json!(id(number));
        for (key, value) in with.as_object().unwrap() {
            body[key] = value.clone();
        }
        self.post("/v1/authorizations", &body)
    }

    /// Buys and shows reason, state's part, citizen's part and limit.
    pub(crate) fn split(&mut self, number: u32, amount: u64) -> (String, u64, u64, Option<String>) {
        let answer = self.buy(number, amount, json!({}));
        (
            answer["reason"].as_str().unwrap().to_owned(),
            answer["state_amount"].as_u64().unwrap(),
            answer["citizen_amount"].as_u64().unwrap(),
            answer["limited_by"].as_str().map(str::to_owned),
        )
    }

    /// Reverses the purchase `txn` under the id `number`: reason, code, state's part, citizen's part, left.
    pub(crate) fn reverse(&mut self, txn: u32, number: u32, amount: Option<u64>) -> Value {
        let mut body = json!({ "reversal_id": id(number), "reason": "customer_refund" });
        if let Some(amount) = amount {
            body["amount"] = json!(amount);
        }
        self.post(&format!("/v1/authorizations/{}/reversals", id(txn)), &body)
    }

    pub(crate) fn wallet(&mut self) -> Value {
        self.model.call("GET", &format!("/v1/wallets/{WALLET}"), "").1
    }
}

pub(crate) fn id(number: u32) -> String {
    format!("0197a1d2-0f6e-7c3a-8b1e-{number:012}")
}

fn reason(answer: &Value) -> &str {
    answer["reason"]
        .as_str()
        .unwrap_or_else(|| panic!("no reason in {answer}"))
}

#[test]
fn the_contracts_example_is_answered_as_printed() {
    let mut desk = Desk::open(SIXTY_FORTY);
    let answer = desk.buy(10, 25_000, json!({ "eligible_amount": 22_000 }));
    assert_eq!(
        answer,
        json!({
            "txn_id": id(10), "decision": "approved", "reason": "approved", "response_code": "00",
            "state_amount": 13_200, "citizen_amount": 11_800, "limited_by": null,
            "remaining": { "day": 6_800, "month": 86_800 },
            "business_date": "2026-06-15", "decided_at": "2026-06-15T12:00:00.123+07:00", "replayed": false,
        })
    );
}

#[test]
fn the_first_check_that_fails_is_the_reason() {
    let mut desk = Desk::open(SIXTY_FORTY);
    // Everything is wrong at once; one fault after the other is put right.
    assert_eq!(
        desk.put(
            "/v1/programs/sixty-forty/status",
            json!({ "status": "suspended", "reason": "x" })
        ),
        200
    );
    assert_eq!(
        desk.put(
            &format!("/v1/wallets/{WALLET}/status"),
            json!({ "status": "suspended", "reason": "x" })
        ),
        200
    );
    let unknown = "999999999999999";
    let mut number = 0;
    let mut ask = |desk: &mut Desk, with: Value| {
        number += 1;
        let answer = desk.buy(number, 1, with);
        (
            reason(&answer).to_owned(),
            answer["response_code"].as_str().unwrap().to_owned(),
            answer.get("remaining").cloned(),
        )
    };
    let said = |reason: &str, code: &str| (reason.to_owned(), code.to_owned(), None);
    assert_eq!(
        ask(&mut desk, json!({ "program": "other", "merchant_id": unknown })),
        said("program_unknown", "58")
    );
    assert_eq!(
        ask(&mut desk, json!({ "merchant_id": unknown })),
        said("program_suspended", "57")
    );
    desk.put(
        "/v1/programs/sixty-forty/status",
        json!({ "status": "active", "reason": "x" }),
    );
    assert_eq!(
        ask(&mut desk, json!({ "merchant_id": unknown })),
        said("merchant_unknown", "03")
    );
    let shop = |category: &str, status: &str, programs: Value, channels: Value| json!({ "name": "S", "category": category, "status": status, "programs": programs, "channels": channels });
    let path = format!("/v1/merchants/{FOOD}");
    desk.put(&path, shop("spa", "suspended", json!([]), json!([])));
    assert_eq!(ask(&mut desk, json!({})), said("merchant_suspended", "03"));
    desk.put(&path, shop("spa", "active", json!([]), json!([])));
    assert_eq!(ask(&mut desk, json!({})), said("merchant_not_in_program", "58"));
    desk.put(&path, shop("spa", "active", json!(["sixty-forty"]), json!([])));
    assert_eq!(ask(&mut desk, json!({})), said("category_not_allowed", "58"));
    desk.put(
        &path,
        shop("food_drink", "active", json!(["sixty-forty"]), json!(["drone"])),
    );
    assert_eq!(
        ask(&mut desk, json!({ "channel": "drone" })),
        said("channel_not_allowed", "57")
    );
    assert_eq!(ask(&mut desk, json!({})), said("channel_not_allowed", "57"));
    assert_eq!(
        ask(&mut desk, json!({ "channel": "delivery", "merchant_id": GOODS })),
        said("channel_not_allowed", "57")
    );
    desk.clock("2026-10-01T05:00:00+07:00");
    let other_wallet = json!({ "merchant_id": GOODS, "wallet_id": unknown });
    assert_eq!(
        ask(&mut desk, other_wallet.clone()),
        said("not_in_spending_period", "57")
    );
    let mut desk = Desk::open(SIXTY_FORTY);
    desk.clock("2026-06-16T05:59:59.999+07:00");
    assert_eq!(ask(&mut desk, other_wallet.clone()), said("outside_hours", "57"));
    desk.clock("2026-06-16T06:00:00+07:00");
    assert_eq!(ask(&mut desk, other_wallet), said("wallet_unknown", "14"));
    desk.put(
        &format!("/v1/wallets/{unknown}/status"),
        json!({ "status": "suspended", "reason": "x" }),
    );
    assert_eq!(
        ask(&mut desk, json!({ "wallet_id": unknown })),
        said("not_registered", "56")
    );
    assert_eq!(
        ask(&mut desk, json!({ "merchant_id": "010555012345670" })),
        said("not_registered", "56")
    );
    let line = json!({
        "program": "sixty-forty", "wallet_id": WALLET, "citizen_id": "1101700230708", "usable_from": "2026-06-17",
    });
    assert_eq!(desk.post("/v1/enrollments/import", &line)["accepted"], 1);
    desk.put(
        &format!("/v1/wallets/{WALLET}/status"),
        json!({ "status": "suspended", "reason": "x" }),
    );
    let full = Some(json!({ "day": 20_000, "month": 100_000 }));
    assert_eq!(
        ask(&mut desk, json!({})),
        ("wallet_suspended".into(), "62".into(), full.clone())
    );
    desk.put(
        &format!("/v1/wallets/{WALLET}/status"),
        json!({ "status": "active", "reason": "x" }),
    );
    assert_eq!(
        ask(&mut desk, json!({})),
        ("not_yet_usable".into(), "57".into(), full.clone())
    );
    desk.clock("2026-06-17T06:00:00+07:00");
    assert_eq!(
        ask(&mut desk, json!({})),
        ("amount_too_small".into(), "13".into(), full)
    );
}

#[test]
fn hours_and_dates_end_to_the_millisecond() {
    let mut desk = Desk::open(SIXTY_FORTY);
    let cases = [
        ("2026-06-15T20:59:59.999+07:00", "delivery", "approved"),
        ("2026-06-15T21:00:00.000+07:00", "delivery", "outside_hours"),
        ("2026-06-15T22:59:59.999+07:00", "store", "approved"),
        ("2026-06-15T23:00:00.000+07:00", "store", "outside_hours"),
        ("2026-06-16T05:59:59.999+07:00", "store", "outside_hours"),
        ("2026-06-16T06:00:00.000+07:00", "store", "approved"),
        ("2026-09-30T22:59:59.999+07:00", "store", "approved"),
        ("2026-09-30T23:59:59.999+07:00", "store", "outside_hours"),
        ("2026-10-01T00:00:00.000+07:00", "store", "not_in_spending_period"),
    ];
    for (number, (now, channel, wanted)) in (1..).zip(cases) {
        desk.clock(now);
        assert_eq!(
            reason(&desk.buy(number, 100, json!({ "channel": channel }))),
            wanted,
            "{now} {channel}"
        );
    }
    let mut early = Desk::open(SIXTY_FORTY);
    assert_eq!(
        early.put("/v1/clock", json!({ "now": "2026-06-15T12:00:00.122+07:00" })),
        409
    );
    assert_eq!(
        early.put("/v1/clock", json!({ "now": "2026-06-15T05:00:00.123Z" })),
        200
    );
}

#[test]
fn one_id_has_one_answer() {
    let mut desk = Desk::open(SIXTY_FORTY);
    let first = desk.buy(1, 10_000, json!({}));
    desk.clock("2026-06-16T12:00:00+07:00");
    let mut again = first.clone();
    again["replayed"] = json!(true);
    assert_eq!(desk.buy(1, 10_000, json!({})), again);
    assert_eq!(
        desk.buy(
            1,
            10_000,
            json!({ "eligible_amount": 10_000, "txn_id": id(1).to_uppercase() })
        ),
        again
    );
    let conflict = json!({ "$problem": 409, "code": "txn_id_conflict" });
    assert_eq!(desk.buy(1, 10_001, json!({})), conflict);
    assert_eq!(desk.buy(1, 10_000, json!({ "eligible_amount": 9_999 })), conflict);
    assert_eq!(desk.buy(1, 10_000, json!({ "channel": "delivery" })), conflict);
    assert_eq!(
        desk.wallet()["programs"][0]["benefits"][0]["remaining"],
        json!({ "day": 20_000, "month": 94_000 })
    );
    // A malformed request does not burn its id.
    let malformed = desk.buy(2, 100_000_001, json!({}));
    assert_eq!(malformed, json!({ "$problem": 400, "fields": ["amount"] }));
    assert_eq!(reason(&desk.buy(2, 100, json!({}))), "approved");
}

#[test]
fn a_batch_is_its_elements_one_after_another() {
    let mut desk = Desk::open(SIXTY_FORTY);
    let mut element = desk.purchase(25_000);
    element["txn_id"] = json!(id(1));
    let mut other = element.clone();
    other["amount"] = json!(1);
    let mut last = desk.purchase(25_000);
    last["txn_id"] = json!(id(2));
    let body = json!({ "authorizations": [element, element, other, { "txn_id": id(3) }, last] });
    let answer = desk.post("/v1/authorizations/batch", &body);
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results[0]["state_amount"], 15_000);
    assert_eq!(
        (&results[1]["state_amount"], &results[1]["replayed"]),
        (&json!(15_000), &json!(true))
    );
    assert_eq!(results[2]["code"], "txn_id_conflict");
    assert_eq!(
        results[3]["fields"],
        json!(["amount", "channel", "merchant_id", "program", "wallet_id"])
    );
    assert_eq!(
        (&results[4]["state_amount"], &results[4]["limited_by"]),
        (&json!(5_000), &json!("day"))
    );
    for wrong in [
        json!({ "authorizations": [] }),
        json!({ "authorizations": {} }),
        json!({}),
    ] {
        assert_eq!(
            desk.post("/v1/authorizations/batch", &wrong)["fields"],
            json!(["authorizations"])
        );
    }
}

#[test]
fn an_import_answers_line_by_line() {
    let mut desk = Desk::open(SIXTY_FORTY);
    let line = |program: &str, wallet: &str, citizen: &str| {
        json!({ "program": program, "wallet_id": wallet, "citizen_id": citizen }).to_string()
    };
    let (somchai, malee) = ("1101700230708", "1101700230678");
    let mut tier = json!({ "program": "sixty-forty", "wallet_id": WALLET, "citizen_id": somchai });
    tier["tier"] = json!("tax-filer");
    let text = [
        line("sixty-forty", WALLET, somchai),
        "  ".to_owned(),
        line("sixty-forty", WALLET, "1101700230709"),
        line("other", WALLET, malee),
        tier.to_string(),
        line("sixty-forty", WALLET, malee),
        line("sixty-forty", "004999912345600", somchai),
        line("sixty-forty", "004999912345600", malee),
    ]
    .join("\n");
    let (_, answer) = desk.model.call("POST", "/v1/enrollments/import", &text);
    let errors = [
        (3, "malformed"),
        (4, "program_unknown"),
        (5, "tier_unknown"),
        (6, "wallet_taken"),
        (7, "already_registered"),
    ]
    .map(|(line, reason)| json!({ "line": line, "reason": reason }));
    assert_eq!(answer, json!({ "accepted": 2, "rejected": 5, "errors": errors }));
    // Sent again it changes nothing: the day of the first enrollment and the use stay.
    desk.buy(1, 1_000, json!({}));
    desk.clock("2026-06-15T13:00:00+07:00");
    desk.model.call("POST", "/v1/enrollments/import", &text);
    assert_eq!(
        desk.wallet(),
        json!({
            "wallet_id": WALLET, "status": "active",
            "programs": [{
                "program": "sixty-forty", "registered_at": "2026-06-15T12:00:00+07:00", "first_use_by": null,
                "lapsed": false, "tier": null, "household_id": null,
                "benefits": [{ "benefit": "co-pay", "remaining": { "day": 19_400, "month": 99_400 } }],
            }],
        })
    );
    assert_eq!(desk.model.call("GET", "/v1/wallets/000000000000000", "").0, 404);
    assert_eq!(desk.model.call("GET", "/v1/wallets/1", "").0, 400);
}
