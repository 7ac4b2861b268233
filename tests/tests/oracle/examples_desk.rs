//! The model held against a pencil: merchants at the desk. Joining, suspensions, platforms, payouts held back.

use serde_json::{Value, json};

use super::examples::{FOOD, GOODS, id};
use super::examples_registration::{Office, wallet};
use satang_tests::oracle::Model;
use satang_tests::oracle::calendar::Date;

/// A programme for food that everybody is enrolled in; how merchants join is in `head`.
fn programme(id: &str, head: &str) -> String {
    format!(
        "id = \"{id}\"\nname_th = \"พ\"\nname_en = \"P\"\n{head}\n[[benefit]]\nid = \"b\"\nstate_percent = 50\n\
         holder = \"person\"\ncaps = {{ day = 100_000 }}\nwhen_exhausted = \"decline\"\n\
         merchant_categories = [\"food_drink\"]\n[[benefit.channel]]\nid = \"store\"\nfrom = 2026-06-01\n\
         to = 2026-12-31\nhours = \"00:00-24:00\"\n"
    )
}

/// `plus` takes merchants until 20 June, those of `old` until 25 June; `any` knows everybody of another programme.
fn office() -> Office {
    let windows = [
        ("old", ""),
        (
            "plus",
            "[merchant_registration]\nopens = 2026-06-10\ncloses = 2026-06-20\nreturning_closes = 2026-06-25\n\
             returning_from = \"old\"",
        ),
        (
            "any",
            "[merchant_registration]\ncloses = 2026-06-01\nreturning_closes = 2026-06-30",
        ),
        ("free", "[merchant_registration]"),
    ];
    let files = windows.map(|(id, head)| programme(id, head));
    let texts: Vec<&str> = files.iter().map(String::as_str).collect();
    let mut office = Office::open(&texts, "2026-06-15T12:00:00.250+07:00");
    office.register_shop(FOOD, "food_drink", &[]);
    office
}

impl Office {
    /// Puts a merchant as the register has it: the problem's code, if it is refused.
    pub(crate) fn register_shop(&mut self, merchant_id: &str, category: &str, programs: &[&str]) -> Value {
        let body = json!({
            "name": "Shop", "category": category, "status": "active", "programs": programs,
            "channels": ["store", "delivery"],
        });
        let answer = self.put(&format!("/v1/merchants/{merchant_id}"), &body);
        answer["code"].clone()
    }

    pub(crate) fn put(&mut self, path: &str, body: &Value) -> Value {
        self.model.call("PUT", path, &body.to_string()).1
    }

    /// A shop's registration: its reason, whether it comes back and whether anything changed.
    fn joins(&mut self, merchant_id: &str, program: &str) -> Value {
        let path = format!("/v1/merchants/{merchant_id}/registrations");
        let answer = self.post(&path, &json!({ "program": program }));
        assert_eq!(answer["decision"] == "accepted", answer["reason"] == "accepted");
        assert_eq!(answer.get("$sequence").is_some(), answer["changed"] == true);
        json!([answer["reason"], answer["returning"], answer["changed"]])
    }

    fn platform(&mut self, merchant_id: &str, action: &str, platform: &str) -> Value {
        let path = format!("/v1/merchants/{merchant_id}/platform");
        let body = json!({ "action": action, "platform": platform, "reason": "x" });
        let answer = self.post(&path, &body);
        json!([answer["reason"], answer["changed"]])
    }

    pub(crate) fn set(&mut self, path: &str, status: &str) -> Value {
        self.put(path, &json!({ "status": status, "reason": "why" }))
    }

    pub(crate) fn shop(&mut self) -> Value {
        self.look(&format!("/v1/merchants/{FOOD}"))
    }
}

fn refused(reason: &str) -> Value {
    json!([reason, false, false])
}

const SHOP_STATUS: &str = "/v1/merchants/010555012345678/status";
const SHOP_PAYOUT: &str = "/v1/merchants/010555012345678/payout";

#[test]
fn a_merchant_joins_once_and_is_shown() {
    let mut office = office();
    let path = format!("/v1/merchants/{FOOD}/registrations");
    assert_eq!(
        office.post(&path, &json!({ "program": "plus" })),
        json!({
            "merchant_id": FOOD, "program": "plus", "decision": "accepted", "reason": "accepted",
            "returning": false, "changed": true, "$sequence": "rises",
        })
    );
    assert_eq!(office.joins(FOOD, "plus"), json!(["accepted", false, false]));
    assert_eq!(
        office.shop(),
        json!({
            "merchant_id": FOOD, "category": "food_drink", "status": "active", "programs": ["plus"],
            "channels": ["delivery", "store"], "payout": "active",
            "joined": [{ "program": "plus", "at": "2026-06-15T12:00:00.250+07:00", "returning": false }],
            "clawbacks": [],
        })
    );
    // It sells at once, and the register's next word takes it out again; that it once joined stays.
    assert_eq!(office.enroll(1, json!({ "program": "plus" })), "accepted");
    assert_eq!(office.buys(1, 1, "plus"), "approved");
    assert_eq!(office.register_shop(FOOD, "food_drink", &["old"]), Value::Null);
    assert_eq!(office.buys(2, 1, "plus"), "merchant_not_in_program");
    assert_eq!(office.shop()["joined"].as_array().unwrap().len(), 1);
    assert_eq!(office.joins(FOOD, "plus"), json!(["accepted", true, true]));
    assert_eq!(office.shop()["programs"], json!(["old", "plus"]));
    assert_eq!(office.shop()["joined"][1]["returning"], true);
}

#[test]
fn the_first_check_of_a_merchants_registration_is_the_reason() {
    let mut office = office();
    office.register_shop(GOODS, "hair", &[]);
    office.suspend("/v1/programs/old/status", "suspended");
    let unknown = "010555012340000";
    assert_eq!(office.joins(unknown, "none"), refused("program_unknown"));
    assert_eq!(office.joins(unknown, "old"), refused("program_suspended"));
    assert_eq!(office.joins(unknown, "plus"), refused("merchant_unknown"));
    let status = format!("/v1/merchants/{GOODS}/status");
    office.set(&status, "suspended");
    assert_eq!(office.joins(GOODS, "any"), refused("merchant_suspended"));
    office.set(&status, "active");
    assert_eq!(office.joins(GOODS, "any"), refused("category_not_allowed"));
    assert_eq!(office.joins(FOOD, "any"), refused("registration_closed"));
    // What it takes part in already is said before the open case and the window.
    office.register_shop(FOOD, "food_drink", &["any"]);
    let case = json!({
        "case_id": id(1), "merchant_id": FOOD, "amount": 5, "letter_date": "2026-06-15", "reason": "x",
    });
    assert_eq!(office.post("/v1/clawbacks", &case)["state"], "open");
    assert_eq!(office.joins(FOOD, "any"), json!(["accepted", false, false]));
    assert_eq!(office.joins(FOOD, "free"), refused("clawback_open"));
    let all = json!({ "payment_id": id(2), "amount": 5, "reason": "x" });
    office.post(&format!("/v1/clawbacks/{}/payments", id(1)), &all);
    assert_eq!(office.joins(FOOD, "free"), json!(["accepted", true, true]));
}

#[test]
fn who_comes_back_has_a_last_day_of_its_own() {
    let mut office = office();
    office.register_shop(GOODS, "food_drink", &["old"]);
    assert_eq!(office.joins(FOOD, "any"), refused("registration_closed"));
    office.clock("2026-06-20T23:59:59.999+07:00");
    assert_eq!(office.joins(FOOD, "plus"), json!(["accepted", false, true]));
    office.register_shop(FOOD, "food_drink", &["any", "free"]);
    office.clock("2026-06-21T00:00:00+07:00");
    // `any` is not the one that counts.
    assert_eq!(office.joins(FOOD, "plus"), refused("registration_closed"));
    office.clock("2026-06-25T23:59:59.999+07:00");
    assert_eq!(office.joins(GOODS, "plus"), json!(["accepted", true, true]));
    office.register_shop(GOODS, "food_drink", &["old"]);
    office.clock("2026-06-26T00:00:00+07:00");
    assert_eq!(office.joins(GOODS, "plus"), refused("registration_closed"));
    // Without a name any programme will do.
    assert_eq!(office.joins(GOODS, "any"), json!(["accepted", true, true]));
    assert_eq!(office.joins(GOODS, "old"), json!(["accepted", false, false]));
    office.register_shop(GOODS, "food_drink", &["any"]);
    assert_eq!(
        office.joins(GOODS, "old"),
        refused("registration_closed"),
        "no window at all"
    );
}

#[test]
fn a_window_without_a_day_is_open() {
    let file = |window: &str| programme("p", &format!("[merchant_registration]\n{window}"));
    let is_open = |window: &str, day: &str, returning: bool| {
        let model = Model::new(&[("p.toml".into(), file(window))], "2026-06-15T12:00:00+07:00");
        let programme = model.programmes().next().unwrap().clone();
        let window = programme.merchant_registration.unwrap();
        window.is_open(Date::parse(day).unwrap(), returning)
    };
    assert!(is_open("", "2000-01-01", false) && is_open("", "2100-01-01", true));
    assert!(!is_open("opens = 2026-06-10", "2026-06-09", true));
    assert!(is_open("opens = 2026-06-10", "2026-06-10", false));
    assert!(!is_open("closes = 2026-06-10", "2026-06-11", true));
    let later = "closes = 2026-06-10\nreturning_closes = 2026-06-12";
    assert!(is_open(later, "2026-06-12", true) && !is_open(later, "2026-06-12", false));
    let earlier = "closes = 2026-06-10\nreturning_closes = 2026-06-08";
    assert!(!is_open(earlier, "2026-06-09", true) && is_open(earlier, "2026-06-09", false));
}

#[test]
fn the_desks_suspension_outlasts_the_registers_word() {
    let mut office = office();
    office.register_shop(FOOD, "food_drink", &["old"]);
    office.enroll(1, json!({ "program": "old" }));
    assert_eq!(
        office.set(SHOP_STATUS, "suspended"),
        json!({ "merchant_id": FOOD, "status": "suspended", "reason": "why" })
    );
    assert_eq!(office.register_shop(FOOD, "food_drink", &["old"]), Value::Null);
    assert_eq!(office.buys(1, 1, "old"), "merchant_suspended");
    let shop = office.shop();
    assert_eq!(shop["status"], "suspended");
    assert_eq!(
        shop["suspended"],
        json!({ "reason": "why", "since": "2026-06-15T12:00:00.250+07:00" })
    );
    office.set(SHOP_STATUS, "active");
    assert_eq!(office.shop().get("suspended"), None);
    assert_eq!(office.buys(2, 1, "old"), "approved");
    // The register's own suspension is another one.
    let body = json!({
        "name": "S", "category": "food_drink", "status": "suspended", "programs": ["old"], "channels": ["store"],
    });
    assert_eq!(
        office.put(&format!("/v1/merchants/{FOOD}"), &body)["status"],
        "suspended"
    );
    office.set(SHOP_STATUS, "active");
    assert_eq!(office.shop()["status"], "suspended");
    assert_eq!(office.buys(3, 1, "old"), "merchant_suspended");
    assert_eq!(
        office.set("/v1/merchants/010555012340000/status", "active"),
        json!({ "$problem": 404 })
    );
}

#[test]
fn a_merchant_rides_for_one_platform() {
    let mut office = office();
    let unknown = "010555012340000";
    assert_eq!(
        office.platform(unknown, "bind", "grab"),
        json!(["merchant_unknown", false])
    );
    assert_eq!(
        office.platform(unknown, "release", "grab"),
        json!(["merchant_unknown", false])
    );
    assert_eq!(
        office.platform(FOOD, "release", "grab"),
        json!(["platform_not_bound", false])
    );
    assert_eq!(office.platform(FOOD, "bind", "grab"), json!(["accepted", true]));
    assert_eq!(office.platform(FOOD, "bind", "grab"), json!(["accepted", false]));
    assert_eq!(
        office.platform(FOOD, "bind", "line"),
        json!(["platform_bound", false])
    );
    assert_eq!(office.shop()["platform"], "grab");
    assert_eq!(
        office.platform(FOOD, "release", "line"),
        json!(["platform_not_bound", false])
    );
    office.set(SHOP_STATUS, "suspended");
    assert_eq!(
        office.platform(FOOD, "bind", "grab"),
        json!(["merchant_suspended", false])
    );
    // Who is suspended may still be released.
    let body = json!({ "action": "release", "platform": "grab", "reason": "x" });
    assert_eq!(
        office.post(&format!("/v1/merchants/{FOOD}/platform"), &body),
        json!({
            "merchant_id": FOOD, "platform": "grab", "action": "release", "decision": "accepted",
            "reason": "accepted", "changed": true, "$sequence": "rises",
        })
    );
    assert_eq!(
        office.platform(FOOD, "release", "grab"),
        json!(["platform_not_bound", false])
    );
    assert_eq!(office.shop().get("platform"), None);
}

#[test]
fn a_payout_is_held_back_and_nothing_else_changes() {
    let mut office = office();
    office.register_shop(FOOD, "food_drink", &["old"]);
    office.enroll(1, json!({ "program": "old" }));
    let frozen = json!({ "merchant_id": FOOD, "payout": "frozen", "reason": "why" });
    assert_eq!(office.set(SHOP_PAYOUT, "frozen"), frozen);
    assert_eq!(office.buys(1, 1, "old"), "approved");
    assert_eq!(office.buys(2, 7, "old"), "wallet_unknown");
    let payout = |number: u32| format!("/v1/authorizations/{}/payout", id(number));
    assert_eq!(
        office.set(&payout(1), "frozen"),
        json!({ "txn_id": id(1), "payout": "frozen", "reason": "why" })
    );
    assert_eq!(
        office.set(&payout(2), "active"),
        json!({ "$problem": 409, "code": "nothing_to_pay" })
    );
    assert_eq!(office.set(&payout(3), "frozen"), json!({ "$problem": 404 }));
    assert_eq!(
        office.set("/v1/authorizations/7/payout", "idle"),
        json!({ "$problem": 400, "fields": ["status", "txn_id"] })
    );
    let note = json!({ "reason": "why", "since": "2026-06-15T12:00:00.250+07:00" });
    let with = |key: &str, id: &str| {
        let mut note = note.clone();
        note[key] = json!(id);
        note
    };
    assert_eq!(
        office.look("/v1/payouts"),
        json!({
            "merchants": [with("merchant_id", FOOD)], "merchants_frozen": 1,
            "authorizations": [with("txn_id", &id(1))], "authorizations_frozen": 1,
        })
    );
    let shop = office.shop();
    assert_eq!((&shop["payout"], &shop["frozen"]), (&json!("frozen"), &note));
}

#[test]
fn an_authorization_says_whether_it_is_paid_out() {
    let mut office = office();
    office.register_shop(FOOD, "food_drink", &["old"]);
    office.enroll(1, json!({ "program": "old" }));
    assert_eq!(office.buys(1, 1, "old"), "approved");
    assert_eq!(office.buys(2, 7, "old"), "wallet_unknown");
    let look = |office: &mut Office, number: u32| office.look(&format!("/v1/authorizations/{}", id(number)));
    let found = look(&mut office, 1);
    let part = &found["$subset"];
    assert_eq!(
        (
            &part["txn_id"],
            &part["state_amount"],
            &part["left"],
            &part["payout"]
        ),
        (&json!(id(1)), &json!(100), &json!(200), &json!("active"))
    );
    assert_eq!(found["$without"], json!(["frozen"]));
    let found = look(&mut office, 2);
    assert_eq!(found["$subset"]["reason"], "wallet_unknown");
    assert_eq!(found["$without"], json!(["payout", "frozen"]));
    assert_eq!(look(&mut office, 3), json!({ "$problem": 404 }));
    // The merchant's freeze is no freeze of its own.
    office.set(SHOP_PAYOUT, "frozen");
    let found = look(&mut office, 1);
    assert_eq!(found["$subset"]["payout"], "frozen");
    assert_eq!(found["$without"], json!(["frozen"]));
    office.set(&format!("/v1/authorizations/{}/payout", id(1)), "frozen");
    office.set(SHOP_PAYOUT, "active");
    let found = look(&mut office, 1);
    assert_eq!(found["$subset"]["payout"], "frozen");
    assert_eq!(found["$subset"]["frozen"]["reason"], "why");
    office.set(&format!("/v1/authorizations/{}/payout", id(1)), "active");
    assert_eq!(look(&mut office, 1)["$subset"]["payout"], "active");
}

#[test]
fn a_malformed_request_of_the_desk_names_its_field() {
    let mut office = office();
    let mut bad = |path: &str, body: Value| office.put(path, &body)["fields"].clone();
    assert_eq!(bad(SHOP_STATUS, json!({ "status": "active" })), json!(["reason"]));
    assert_eq!(
        bad(SHOP_STATUS, json!({ "status": "frozen", "reason": "" })),
        json!(["reason", "status"])
    );
    let long = "ก".repeat(501);
    assert_eq!(
        bad(SHOP_PAYOUT, json!({ "status": "frozen", "reason": long })),
        json!(["reason"])
    );
    assert_eq!(
        bad(
            "/v1/merchants/12/payout",
            json!({ "status": "active", "reason": "x", "by": "me" })
        ),
        json!(["by", "merchant_id"])
    );
    let path = format!("/v1/merchants/{FOOD}");
    let platform = json!({ "action": "drop", "platform": "A", "reason": "a\u{7}" });
    assert_eq!(
        office.post(&format!("{path}/platform"), &platform)["fields"],
        json!(["action", "platform", "reason"])
    );
    let joins = json!({ "program": "Plus", "reason": "x" });
    assert_eq!(
        office.post(&format!("{path}/registrations"), &joins)["fields"],
        json!(["program", "reason"])
    );
    assert_eq!(office.look("/v1/merchants/12")["fields"], json!(["merchant_id"]));
    assert_eq!(office.look("/v1/authorizations/12")["fields"], json!(["txn_id"]));
    assert_eq!(
        office.look(&format!("/v1/merchants/{}", wallet(1))),
        json!({ "$problem": 404 })
    );
}
