//! The model held against a pencil: registrations, their checks one after another, ids, batches and lists.

use serde_json::{Value, json};

use super::examples::{FOOD, id};
use satang_tests::oracle::Model;
use satang_tests::oracle::forms::check_digit;

/// Three rights, registered from 25 to 29 May 2026, to be used before 10 June 23:00; holders of `old-fair` come
/// earlier; two tiers.
pub(crate) const FAIR: &str = r#"
id = "fair"
name_th = "งานวัด"
name_en = "Fair"
usable_from = 2026-06-03
[registration]
opens = 2026-05-25
closes = 2026-05-29
hours = "06:00-22:00"
quota = 3
min_age = 18
excluded_lists = ["suspended", "cards"]
first_use_by = 2026-06-10T23:00:00
[registration.returning]
from_program = "old-fair"
opens = 2026-05-20
usable_from = 2026-06-01
[[registration.tier]]
id = "tax-filer"
required_list = "tax-filers"
caps = { co-pay = { program = 240_000 } }
[[registration.tier]]
id = "student"
required_list = "students"
caps = { co-pay = { day = 5_000 } }
[[benefit]]
id = "co-pay"
state_percent = 50
holder = "person"
caps = { day = 20_000, program = 200_000 }
when_exhausted = "citizen_pays"
merchant_categories = ["food_drink"]
[[benefit.channel]]
id = "store"
from = 2026-05-20
to = 2026-09-30
hours = "06:00-23:00"
"#;

/// The earlier one, imported only.
pub(crate) const OLD_FAIR: &str = r#"
id = "old-fair"
name_th = "งานวัดเก่า"
name_en = "Old fair"
[[benefit]]
id = "co-pay"
state_percent = 50
holder = "person"
caps = { day = 15_000 }
when_exhausted = "decline"
merchant_categories = ["food_drink"]
[[benefit.channel]]
id = "store"
from = 2026-01-01
to = 2026-12-31
hours = "06:00-23:00"
"#;

/// A model with a merchant, and people known by their numbers.
pub(crate) struct Office {
    pub(crate) model: Model,
    asked: u32,
}

impl Office {
    pub(crate) fn open(texts: &[&str], now: &str) -> Office {
        let files: Vec<(String, String)> = texts
            .iter()
            .map(|text| ("some.toml".into(), (*text).into()))
            .collect();
        let mut model = Model::new(&files, now);
        let programs: Vec<String> = model.programmes().map(|programme| programme.id.clone()).collect();
        let body = json!({
            "name": "Shop", "category": "food_drink", "status": "active", "programs": programs, "channels": ["store"],
        });
        let path = format!("/v1/merchants/{FOOD}");
        assert_eq!(model.call("PUT", &path, &body.to_string()).0, 200);
        Office { model, asked: 0 }
    }

    /// On a day of May 2026 at noon.
    pub(crate) fn in_may(day: u32) -> Office {
        Office::open(&[FAIR], &format!("2026-05-{day:02}T12:00:00.500+07:00"))
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Value {
        self.model.call("POST", path, &body.to_string()).1
    }

    pub(crate) fn clock(&mut self, now: &str) {
        let body = json!({ "now": now }).to_string();
        assert_eq!(self.model.call("PUT", "/v1/clock", &body).0, 200, "{now}");
    }

    /// Registers a person under a new id, changed as `with` says.
    pub(crate) fn register(&mut self, person: u32, with: Value) -> Value {
        self.asked += 1;
        let mut body = application(self.asked, person);
        for (key, value) in with.as_object().unwrap() {
            body[key] = value.clone();
        }
        self.post("/v1/registrations", &body)
    }

    /// The reason a person's registration gets.
    pub(crate) fn told(&mut self, person: u32, with: Value) -> String {
        let answer = self.register(person, with);
        let reason = answer["reason"].as_str();
        reason
            .unwrap_or_else(|| panic!("no reason in {answer}"))
            .to_owned()
    }

    pub(crate) fn list(&mut self, list: &str, people: &[u32]) {
        let lines: Vec<String> = people.iter().map(|person| citizen(*person)).collect();
        let path = format!("/v1/lists/{list}/import");
        let (_, answer) = self.model.call("POST", &path, &lines.join("\n"));
        assert_eq!(answer["accepted"], people.len());
    }

    /// Imports one enrollment line of a person, changed as `with` says: its reason, or `accepted`.
    pub(crate) fn enroll(&mut self, person: u32, with: Value) -> String {
        let mut line =
            json!({ "program": "fair", "wallet_id": wallet(person), "citizen_id": citizen(person) });
        for (key, value) in with.as_object().unwrap() {
            line[key] = value.clone();
        }
        let answer = self.post("/v1/enrollments/import", &line);
        let reason = answer["errors"][0]["reason"].as_str();
        reason.unwrap_or("accepted").to_owned()
    }

    pub(crate) fn suspend(&mut self, path: &str, status: &str) {
        let body = json!({ "status": status, "reason": "x" }).to_string();
        assert_eq!(self.model.call("PUT", path, &body).0, 200);
    }

    pub(crate) fn look(&mut self, path: &str) -> Value {
        self.model.call("GET", path, "").1
    }
}

pub(crate) fn citizen(person: u32) -> String {
    let twelve = format!("11017002{person:04}");
    let digit = check_digit(&twelve);
    format!("{twelve}{digit}")
}

pub(crate) fn wallet(person: u32) -> String {
    format!("0049999123{person:05}")
}

pub(crate) fn application(number: u32, person: u32) -> Value {
    json!({
        "registration_id": id(number), "program": "fair", "wallet_id": wallet(person),
        "citizen_id": citizen(person), "birth_date": "1990-04-12", "nationality": "TH",
    })
}

#[test]
fn an_accepted_registration_is_answered_as_printed() {
    let mut office = Office::in_may(25);
    let answer = office.post("/v1/registrations", &application(1, 1));
    let first = json!({
        "registration_id": id(1), "decision": "accepted", "reason": "accepted", "ticket": 1,
        "registered_at": "2026-05-25T12:00:00+07:00", "replayed": false,
    });
    assert_eq!(answer, first);
    let rejected = office.register(2, json!({ "nationality": "LA", "registration_id": id(9) }));
    let expected = json!({
        "registration_id": id(9), "decision": "rejected", "reason": "not_thai", "replayed": false,
    });
    assert_eq!(rejected, expected);
    assert_eq!(
        office.register(3, json!({ "registration_id": id(8) }))["ticket"],
        2
    );
}

#[test]
fn the_first_check_that_fails_is_the_reason() {
    // Everything is wrong at once; one fault after the other is put right.
    let mut office = Office::open(&[FAIR], "2026-05-24T23:30:00+07:00");
    office.suspend("/v1/programs/fair/status", "suspended");
    for person in [2, 3, 4] {
        assert_eq!(office.enroll(person, json!({})), "accepted");
    }
    assert_eq!(office.told(1, json!({ "program": "other" })), "program_unknown");
    let mut wrong = json!({ "nationality": "MM", "birth_date": "2010-01-01", "wallet_id": wallet(2) });
    assert_eq!(office.told(1, wrong.clone()), "program_suspended");
    office.suspend("/v1/programs/fair/status", "active");
    assert_eq!(office.told(1, wrong.clone()), "registration_closed");
    office.clock("2026-05-25T05:59:59.999+07:00");
    assert_eq!(office.told(1, wrong.clone()), "outside_hours");
    office.clock("2026-05-25T06:00:00+07:00");
    assert_eq!(office.told(1, wrong.clone()), "not_thai");
    wrong["nationality"] = json!("TH");
    office.list("cards", &[1, 2]);
    office.list("suspended", &[1]);
    assert_eq!(office.told(1, wrong.clone()), "under_age");
    wrong["birth_date"] = json!("1990");
    // On both lists: the one the file names first.
    assert_eq!(office.told(1, wrong.clone()), "excluded:suspended");
    assert_eq!(office.told(2, wrong.clone()), "excluded:cards");
    // Holds a right, through whatever wallet; that the other wallet is somebody's comes after.
    assert_eq!(
        office.told(3, json!({ "wallet_id": wallet(4) })),
        "already_registered"
    );
    assert_eq!(office.told(5, json!({ "wallet_id": wallet(4) })), "wallet_taken");
    assert_eq!(office.told(5, json!({})), "quota_full");
    office.clock("2026-05-25T22:00:00+07:00");
    assert_eq!(office.told(5, json!({})), "outside_hours");
}

#[test]
fn a_programme_is_open_on_its_days_both_included() {
    for (now, reason) in [
        ("2026-05-24T12:00:00+07:00", "registration_closed"),
        ("2026-05-25T06:00:00+07:00", "accepted"),
        ("2026-05-29T21:59:59.999+07:00", "accepted"),
        ("2026-05-29T22:00:00+07:00", "outside_hours"),
        ("2026-05-30T12:00:00+07:00", "registration_closed"),
    ] {
        let mut office = Office::open(&[FAIR], now);
        assert_eq!(office.told(1, json!({})), reason, "{now}");
    }
    let no_end = FAIR.replace("closes = 2026-05-29\n", "");
    let mut office = Office::open(&[&no_end], "2026-09-09T12:00:00+07:00");
    assert_eq!(office.told(1, json!({})), "accepted");
    // Without a [registration] nobody registers, at any time.
    let mut office = Office::open(&[OLD_FAIR], "2026-05-25T12:00:00+07:00");
    let with = json!({ "program": "old-fair", "nationality": "LA" });
    assert_eq!(office.told(1, with), "registration_closed");
}

#[test]
fn the_age_is_that_of_the_day_and_of_the_last_day_a_date_can_mean() {
    for (birth_date, reason) in [
        ("2008-05-25", "accepted"),
        ("2008-05-26", "under_age"),
        ("2008-04", "accepted"),
        ("2008-05", "under_age"),
        ("2007", "accepted"),
        ("2008", "under_age"),
        ("2150-01-01", "under_age"),
    ] {
        let mut office = Office::in_may(25);
        let told = office.told(1, json!({ "birth_date": birth_date }));
        assert_eq!(told, reason, "{birth_date}");
    }
    // Born on 29 February: 18 on 1 March.
    let early = FAIR.replace("opens = 2026-05-25", "opens = 2026-02-01");
    for (day, reason) in [("2026-02-28", "under_age"), ("2026-03-01", "accepted")] {
        let mut office = Office::open(&[&early], &format!("{day}T12:00:00+07:00"));
        assert_eq!(
            office.told(1, json!({ "birth_date": "2008-02-29" })),
            reason,
            "{day}"
        );
    }
    // Without a least age a child may, and one not yet born is 0 years old.
    let for_all = FAIR.replace("min_age = 18\n", "");
    let mut office = Office::open(&[&for_all], "2026-05-25T12:00:00+07:00");
    assert_eq!(office.told(1, json!({ "birth_date": "2026" })), "accepted");
    let from_birth = FAIR.replace("min_age = 18\n", "min_age = 0\n");
    let mut office = Office::open(&[&from_birth], "2026-05-25T12:00:00+07:00");
    assert_eq!(office.told(1, json!({ "birth_date": "2150-01-01" })), "accepted");
}

#[test]
fn a_malformed_registration_names_its_field_and_burns_no_id() {
    let mut office = Office::in_may(25);
    for (field, value) in [
        ("registration_id", json!("1")),
        ("program", json!("Fair")),
        ("wallet_id", json!("49")),
        ("citizen_id", json!("1101700230709")),
        ("birth_date", json!("2533-04-12")),
        ("birth_date", json!("1990-02-30")),
        ("birth_date", json!(1990)),
        ("nationality", json!("th")),
        ("nationality", json!("THA")),
        ("nationality", Value::Null),
    ] {
        let answer = office.register(1, json!({ "registration_id": id(1), field: value }));
        assert_eq!(answer, json!({ "$problem": 400, "fields": [field] }), "{value}");
    }
    let missing = office.post("/v1/registrations", &json!({}));
    let fields = [
        "birth_date",
        "citizen_id",
        "nationality",
        "program",
        "registration_id",
        "wallet_id",
    ];
    assert_eq!(missing, json!({ "$problem": 400, "fields": fields }));
    let more = office.register(1, json!({ "registration_id": id(1), "age": 36 }));
    assert_eq!(more, json!({ "$problem": 400, "fields": ["age"] }));
    assert_eq!(office.told(1, json!({ "registration_id": id(1) })), "accepted");
}

#[test]
fn one_id_has_one_answer() {
    let mut office = Office::in_may(25);
    let mut first = office.post("/v1/registrations", &application(1, 1));
    let rejected = office.register(2, json!({ "registration_id": id(2), "nationality": "LA" }));
    office.clock("2026-07-01T12:00:00+07:00");
    first["replayed"] = json!(true);
    assert_eq!(office.post("/v1/registrations", &application(1, 1)), first);
    let again = office.register(
        2,
        json!({ "registration_id": id(2).to_uppercase(), "nationality": "LA" }),
    );
    assert_eq!(again["replayed"], true);
    assert_eq!(again["reason"], rejected["reason"]);
    // Any other field that differs, and a date of birth by its text.
    for (field, value) in [
        ("program", json!("other")),
        ("wallet_id", json!(wallet(2))),
        ("citizen_id", json!(citizen(2))),
        ("birth_date", json!("1990-04")),
        ("nationality", json!("LA")),
    ] {
        let answer = office.register(1, json!({ "registration_id": id(1), field: value }));
        let conflict = json!({ "$problem": 409, "code": "registration_id_conflict" });
        assert_eq!(answer, conflict, "{field}");
    }
    // The ids of purchases and reversals are others.
    office.clock("2026-07-01T13:00:00+07:00");
    let purchase = json!({
        "txn_id": id(1), "program": "fair", "wallet_id": wallet(1), "merchant_id": FOOD, "channel": "store",
        "amount": 100,
    });
    assert_eq!(
        office.post("/v1/authorizations", &purchase)["reason"],
        "entitlement_lapsed"
    );
    let reversal = json!({ "reversal_id": id(1), "reason": "timeout" });
    let path = format!("/v1/authorizations/{}/reversals", id(1));
    assert_eq!(office.post(&path, &reversal)["reason"], "original_declined");
}

#[test]
fn who_was_told_quota_full_is_told_again_without_a_record() {
    let mut office = Office::in_may(25);
    for person in [1, 2, 3] {
        assert_eq!(office.told(person, json!({})), "accepted");
    }
    let full = |number: u32| {
        json!({
            "registration_id": id(number), "decision": "rejected", "reason": "quota_full", "replayed": false,
        })
    };
    assert_eq!(office.post("/v1/registrations", &application(40, 4)), full(40));
    let mut again = full(41);
    again["$sequence_of"] = json!(id(40));
    assert_eq!(office.post("/v1/registrations", &application(41, 4)), again);
    // The second id is not burnt: other content under it, and the same once more.
    let other = office.register(5, json!({ "registration_id": id(41), "nationality": "LA" }));
    assert_eq!(
        (&other["reason"], &other["replayed"]),
        (&json!("not_thai"), &json!(false))
    );
    let conflict = office.post("/v1/registrations", &application(41, 4));
    assert_eq!(conflict["code"], "registration_id_conflict");
    // Another reason comes before and is recorded as ever; another person is told for the first time.
    assert_eq!(
        office
            .register(4, json!({ "registration_id": id(42), "nationality": "LA" }))
            .get("$sequence_of"),
        None
    );
    assert_eq!(office.post("/v1/registrations", &application(50, 5)), full(50));
    // The first answer is repeated as a replay.
    let mut replay = full(40);
    replay["replayed"] = json!(true);
    assert_eq!(office.post("/v1/registrations", &application(40, 4)), replay);
}

#[test]
fn a_rejection_leaves_nothing_and_an_acceptance_makes_the_wallet_the_citizens() {
    let mut office = Office::in_may(25);
    assert_eq!(office.told(1, json!({ "nationality": "LA" })), "not_thai");
    let path = format!("/v1/wallets/{}", wallet(1));
    assert_eq!(office.look(&path), json!({ "$problem": 404 }));
    // A wallet that only a status change named belongs to nobody.
    office.suspend(&format!("{path}/status"), "suspended");
    assert_eq!(office.told(2, json!({ "wallet_id": wallet(1) })), "accepted");
    assert_eq!(office.told(1, json!({})), "wallet_taken");
    assert_eq!(office.look(&path)["status"], "suspended");
    assert_eq!(office.enroll(1, json!({})), "wallet_taken");
}

#[test]
fn a_wallet_belongs_to_one_citizen_in_all_programmes() {
    let mut office = Office::open(&[FAIR, OLD_FAIR], "2026-05-25T12:00:00+07:00");
    assert_eq!(office.enroll(1, json!({ "program": "old-fair" })), "accepted");
    assert_eq!(office.told(2, json!({ "wallet_id": wallet(1) })), "wallet_taken");
    assert_eq!(office.told(1, json!({})), "accepted");
    // And a citizen may have several wallets.
    assert_eq!(
        office.enroll(2, json!({ "program": "old-fair", "wallet_id": wallet(7) })),
        "accepted"
    );
    assert_eq!(office.told(2, json!({ "wallet_id": wallet(8) })), "accepted");
}

#[test]
fn a_batch_is_its_elements_one_after_another() {
    let mut office = Office::in_may(25);
    let mut changed = application(1, 1);
    changed["nationality"] = json!("LA");
    let elements = json!([
        application(1, 1), 5, application(1, 1), changed, application(2, 1), { "registration_id": id(3) },
        application(4, 2), application(5, 3), application(6, 4), application(7, 4),
    ]);
    let answer = office.post("/v1/registrations/batch", &json!({ "registrations": elements }));
    let results = answer["results"].as_array().unwrap();
    let shown: Vec<Value> = results
        .iter()
        .map(|result| {
            let first = ["$problem", "reason"].iter().find_map(|key| result.get(key));
            first.unwrap().clone()
        })
        .collect();
    assert_eq!(
        json!(shown),
        json!([
            "accepted",
            400,
            "accepted",
            409,
            "already_registered",
            400,
            "accepted",
            "accepted",
            "quota_full",
            "quota_full"
        ])
    );
    assert_eq!(results[2]["replayed"], true);
    assert_eq!(results[9]["$sequence_of"], json!(id(6)));
    for wrong in [json!([]), json!({}), Value::Null] {
        let answer = office.post("/v1/registrations/batch", &json!({ "registrations": wrong }));
        assert_eq!(answer, json!({ "$problem": 400, "fields": ["registrations"] }));
    }
    let many: Vec<Value> = (0..10_001).map(|_| json!(1)).collect();
    let answer = office.post("/v1/registrations/batch", &json!({ "registrations": many }));
    assert_eq!(answer["$problem"], 400);
    let answer = office.post("/v1/registrations/batch", &json!({ "registrations": many[1..] }));
    assert_eq!(answer["results"].as_array().unwrap().len(), 10_000);
}

#[test]
fn a_list_is_imported_line_by_line_and_only_grows() {
    let mut office = Office::in_may(25);
    let (one, two) = (citizen(1), citizen(2));
    let text = format!("citizen_id\r\n{one}\r\n\r\n12\r\n{one}\r\ncitizen_id\r\n {two}\r\n{two}");
    let (status, answer) = office.model.call("POST", "/v1/lists/cards/import", &text);
    let reason = "malformed: citizen_id: must be 13 digits with a valid check digit";
    assert_eq!(status, 200);
    let errors = [4, 6].map(|line| json!({ "line": line, "reason": reason }));
    assert_eq!(answer, json!({ "accepted": 4, "rejected": 2, "errors": errors }));
    // A second file takes nobody off, and no header is needed.
    let (_, answer) = office.model.call("POST", "/v1/lists/cards/import", &citizen(3));
    assert_eq!(answer, json!({ "accepted": 1, "rejected": 0, "errors": [] }));
    for person in [1, 2, 3] {
        assert_eq!(office.told(person, json!({})), "excluded:cards");
    }
    let (_, answer) = office.model.call("POST", "/v1/lists/cards/import", "citizen_id");
    assert_eq!(answer, json!({ "accepted": 0, "rejected": 0, "errors": [] }));
    let (status, answer) = office.model.call("POST", "/v1/lists/Cards/import", &one);
    assert_eq!((status, answer["fields"].clone()), (400, json!(["list"])));
}

#[test]
fn a_list_is_read_as_spreadsheets_write_it_and_what_befell_its_ids_is_named() {
    let mut office = Office::in_may(25);
    let (one, two) = (citizen(1), citizen(2));
    let text = format!("\u{feff}\r\n\"Citizen_ID\",\r\"{one}\" , ,\n,\n {two},\r\n\rx");
    let (_, answer) = office.model.call("POST", "/v1/lists/cards/import", &text);
    let wrong = "malformed: citizen_id: must be 13 digits with a valid check digit";
    let errors = json!([{ "line": 7, "reason": wrong }]);
    assert_eq!(answer, json!({ "accepted": 2, "rejected": 1, "errors": errors }));
    let named = [
        ("110170020345", "leading zero"),
        ("1,1017E+12", "1.1E+12"),
        ("1e12", "1.1E+12"),
        ("๑", "Thai digits"),
        ("1.e12", "13 digits"),
        (",1e12", "13 digits"),
        ("\"", "13 digits"),
    ];
    for (line, part) in named {
        let (_, answer) = office.model.call("POST", "/v1/lists/cards/import", line);
        let reason = answer["errors"][0]["reason"].as_str().unwrap();
        assert!(reason.contains(part), "{line:?}: {reason}");
    }
    let (status, answer) = office.model.call("POST", "/v1/lists/cards/import", "1\0");
    assert_eq!((status, answer["fields"].clone()), (400, json!([""])));
    assert_eq!(
        office
            .model
            .call("POST", "/v1/lists/cards/import", "PK\u{3}\u{4}")
            .0,
        415
    );
}
