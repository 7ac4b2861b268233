//! Citizens register: one answer for each id, tickets in order, and what a right is worth afterwards.

use crate::BINARY;
use satang_tests::crash::{citizen_id, wallet_id};
use satang_tests::process::ServerProcess;
use satang_tests::site::{MERCHANT, PROGRAM, Site};
use satang_tests::wire::{Answer, Wire};
use serde_json::{Value, json};

/// Noon of the first day of the registration.
pub const OPEN: &str = "simulated:2026-05-25T12:00:00+07:00";
/// A programme with tiers and a date by which a right must have been used.
const TIERED: &str = "khon-la-khrueng-plus";

/// A registration of the citizen of that number, who is born in 1990.
pub fn registration(number: u64, citizen: u64) -> Value {
    json!({
        "registration_id": format!("0197a1d2-0f6e-7c3a-8b1d-{number:012x}"), "program": PROGRAM,
        "wallet_id": wallet_id(citizen), "citizen_id": citizen_id(citizen), "birth_date": "1990-04-12", "nationality": "TH",
    })
}

/// Sends a registration, which must be answered 200.
#[track_caller]
pub fn register(wire: &mut Wire, body: &Value) -> Answer {
    let answer = wire.call("POST", "/v1/registrations", body.to_string().as_bytes());
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 200, "{body}: {}", answer.text());
    answer
}

/// A connection to a server.
pub fn open(server: &ServerProcess) -> Wire {
    Wire::open(server.addr()).expect("it listens")
}

/// A value with another one under a key.
pub fn with(value: &Value, key: &str, other: &str) -> Value {
    let mut value = value.clone();
    value[key] = json!(other);
    value
}

fn wallet(wire: &mut Wire, number: u64) -> Answer {
    let path = format!("/v1/wallets/{}", wallet_id(number));
    wire.call("GET", &path, b"").expect("an answer")
}

/// The sequence of the last durable record.
pub fn durable_sequence(wire: &mut Wire) -> String {
    let metrics = wire.call("GET", "/metrics", b"").expect("an answer").text();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("satang_durable_sequence "));
    line.expect("it is counted").to_owned()
}

/// A programme of this name with these keys under `[registration]`.
fn programme(id: &str, registration: &str) -> String {
    format!(
        "id = \"{id}\"\nname_th = \"{id}\"\nname_en = \"{id}\"\n[registration]\nopens = 2026-05-25\nhours = \"06:00-22:00\"\n\
         {registration}\n[[benefit]]\nid = \"all\"\nstate_percent = 50\nholder = \"person\"\ncaps = {{ day = 10_000 }}\n\
         when_exhausted = \"decline\"\nmerchant_categories = [\"food_drink\"]\n[[benefit.channel]]\nid = \"store\"\n\
         from = 2026-06-01\nto = 2026-09-30\nhours = \"00:00-24:00\"\n"
    )
}

/// Serves the programme of every registration here with a quota of its own.
pub fn serve_with_quota(site: &Site, quota: u64) -> ServerProcess {
    site.write(
        "programs/small.toml",
        programme(PROGRAM, &format!("quota = {quota}")),
    );
    site.serve(&[
        "--clock",
        OPEN,
        &format!("programs={}", site.path("programs").display()),
    ])
}

#[test]
fn a_registration_has_one_answer_also_after_a_restart() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", OPEN]);
    let mut wire = open(&server);
    let body = registration(1, 1);
    let first = register(&mut wire, &body).text();
    let read: Value = serde_json::from_str(&first).expect("JSON");
    assert_eq!(
        (&read["decision"], &read["reason"], &read["ticket"]),
        (&json!("accepted"), &json!("accepted"), &json!(1))
    );
    assert!(
        first.starts_with(&format!(
            "{{\"registration_id\":{},\"decision\":",
            body["registration_id"]
        )),
        "{first}"
    );
    let registered_at = read["registered_at"].as_str().expect("an instant");
    assert!(
        registered_at.starts_with("2026-05-25T12:") && registered_at.len() == 25,
        "{registered_at}"
    );
    let rejected = with(&registration(2, 2), "nationality", "LA");
    let not_thai = register(&mut wire, &rejected).text();
    assert!(not_thai.contains("\"reason\":\"not_thai\""), "{not_thai}");
    again(&mut wire, &body, &first);
    server.kill();
    let server = site.serve(&["--clock", OPEN]);
    let mut wire = open(&server);
    again(&mut wire, &body, &first);
    again(&mut wire, &rejected, &not_thai);
    let second = register(&mut wire, &registration(3, 2)).json();
    assert_eq!(second["ticket"], 2, "neither a replay nor a conflict takes one");
}

/// The same id gets the first answer for the same content, and a conflict for any other.
#[track_caller]
fn again(wire: &mut Wire, body: &Value, first: &str) {
    let again = register(wire, body).text();
    assert_eq!(again, first.replace("\"replayed\":false", "\"replayed\":true"));
    let upper = body["registration_id"]
        .as_str()
        .expect("text")
        .to_ascii_uppercase();
    assert_eq!(
        register(wire, &with(body, "registration_id", &upper)).text(),
        again
    );
    let others = [
        ("program", TIERED),
        ("program", "never-heard-of"),
        ("wallet_id", "000000000000777"),
        ("citizen_id", &citizen_id(777)),
        ("birth_date", "1990-04"),
        ("birth_date", "1990-04-13"),
        ("nationality", "MM"),
    ];
    for (key, other) in others {
        let body = with(body, key, other);
        let answer = wire.call("POST", "/v1/registrations", body.to_string().as_bytes());
        let answer = answer.expect("an answer");
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (409, &json!("registration_id_conflict")),
            "{key}: {}",
            answer.text()
        );
    }
}

#[test]
fn a_batch_answers_each_element_in_its_place() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", OPEN]);
    let mut wire = open(&server);
    let before = register(&mut wire, &registration(1, 1)).json();
    let elements = [
        registration(2, 2),
        with(&registration(3, 3), "birth_date", "2533-04-12"),
        with(&registration(1, 1), "birth_date", "1991"),
        registration(4, 4),
        registration(4, 4),
        registration(1, 1),
        with(&registration(5, 4), "wallet_id", &wallet_id(5)),
        with(&registration(6, 6), "wallet_id", &wallet_id(2)),
    ];
    let body = json!({ "registrations": elements }).to_string();
    let answer = wire.call("POST", "/v1/registrations/batch", body.as_bytes());
    let results = answer.expect("an answer").json()["results"].take();
    let fates: Vec<Value> = results
        .as_array()
        .expect("a list")
        .iter()
        .map(|result| match &result["code"] {
            Value::Null => json!([result["reason"], result["ticket"], result["replayed"]]),
            code => json!([code, result["errors"][0]["field"], result["status"]]),
        })
        .collect();
    let wanted = json!([
        ["accepted", 2, false],
        ["malformed", "birth_date", 400],
        ["registration_id_conflict", null, 409],
        ["accepted", 3, false],
        ["accepted", 3, true],
        ["accepted", 1, true],
        ["already_registered", null, false],
        ["wallet_taken", null, false],
    ]);
    assert_eq!(json!(fates), wanted);
    let sequence = |result: &Value| result["sequence"].as_u64().expect("a sequence");
    let first = sequence(&results[0]);
    assert!(sequence(&before) < first);
    assert_eq!(
        [0, 3, 4, 6, 7].map(|at| sequence(&results[at]) - first),
        [0, 1, 1, 2, 3]
    );
    assert_eq!(results[5]["sequence"], before["sequence"]);
    assert!(
        !results.to_string().contains(&citizen_id(3)),
        "an id is repeated: {results}"
    );
}

#[test]
fn who_was_told_that_the_quota_is_full_is_told_again_without_a_record() {
    let site = Site::new(BINARY);
    let server = serve_with_quota(&site, 1);
    let mut wire = open(&server);
    assert_eq!(
        register(&mut wire, &registration(1, 1)).json()["decision"],
        "accepted"
    );
    let first = register(&mut wire, &registration(2, 2)).json();
    assert_eq!(first["reason"], "quota_full");
    tell_again(&mut wire, &first);
    server.kill();
    let server = serve_with_quota(&site, 1);
    let mut wire = open(&server);
    tell_again(&mut wire, &first);
    let again = register(&mut wire, &registration(2, 2)).json();
    assert_eq!(
        (&again["replayed"], &again["sequence"]),
        (&json!(true), &first["sequence"])
    );
    // An id that was told again has no outcome yet: somebody else may have it.
    let other = register(&mut wire, &registration(10, 3)).json();
    assert_eq!(
        (&other["reason"], &other["replayed"]),
        (&json!("quota_full"), &json!(false))
    );
    assert!(other["sequence"].as_u64() > first["sequence"].as_u64(), "{other}");
}

#[track_caller]
fn tell_again(wire: &mut Wire, first: &Value) {
    let before = durable_sequence(wire);
    for number in 10..20 {
        let body = with(&registration(number, 2), "wallet_id", &wallet_id(number));
        let told = register(wire, &body).json();
        let wanted = json!({
            "registration_id": body["registration_id"], "decision": "rejected", "reason": "quota_full",
            "sequence": first["sequence"], "replayed": false,
        });
        assert_eq!(told, wanted);
    }
    assert_eq!(durable_sequence(wire), before, "a record was written");
}

#[test]
fn a_rejected_registration_changes_nothing_else() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", OPEN]);
    let mut wire = open(&server);
    let both = format!("{}\n{}\n", citizen_id(1), citizen_id(2));
    for (list, citizens) in [
        ("suspended", both.as_str()),
        ("state-welfare-card", &citizen_id(2)),
    ] {
        let path = format!("/v1/lists/{list}/import");
        let report = wire
            .call("POST", &path, citizens.as_bytes())
            .expect("an answer")
            .json();
        assert_eq!(report["rejected"], 0, "{report}");
    }
    // The first list of the file is named.
    let rejections = [
        (registration(1, 1), "excluded:suspended"),
        (registration(2, 2), "excluded:state-welfare-card"),
        (with(&registration(3, 3), "nationality", "LA"), "not_thai"),
        (with(&registration(4, 4), "birth_date", "2008-05-26"), "under_age"),
        (with(&registration(5, 5), "birth_date", "2008-05"), "under_age"),
        (with(&registration(6, 6), "program", "nope"), "program_unknown"),
        (
            with(&registration(7, 7), "program", "state-welfare-card"),
            "registration_closed",
        ),
    ];
    for (number, (body, reason)) in (1..).zip(rejections) {
        let answer = register(&mut wire, &body).json();
        assert_eq!(
            (&answer["decision"], &answer["reason"]),
            (&json!("rejected"), &json!(reason))
        );
        assert!(
            answer.get("ticket").is_none() && answer.get("registered_at").is_none(),
            "{answer}"
        );
        assert_eq!(wallet(&mut wire, number).status, 404, "{reason}");
    }
    let of_age = with(&registration(8, 4), "birth_date", "2008-05-25");
    assert_eq!(
        register(&mut wire, &of_age).json()["ticket"],
        1,
        "the eighteenth birthday counts"
    );
    assert_eq!(wallet(&mut wire, 4).status, 200);
}

/// The entry of the tiered programme in a wallet.
fn right(wire: &mut Wire, number: u64) -> Value {
    let shown = wallet(wire, number).json();
    let of_it = |entry: &&Value| entry["program"] == TIERED;
    let entry = shown["programs"]
        .as_array()
        .and_then(|programs| programs.iter().find(of_it));
    entry.unwrap_or_else(|| panic!("no right: {shown}")).clone()
}

fn set_clock(wire: &mut Wire, now: &str) {
    let body = json!({ "now": now }).to_string();
    let answer = wire.call("PUT", "/v1/clock", body.as_bytes()).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn enroll(wire: &mut Wire, line: &Value) -> Value {
    let answer = wire.call("POST", "/v1/enrollments/import", line.to_string().as_bytes());
    answer.expect("an answer").json()
}

#[test]
fn a_wallet_shows_its_tier_its_household_and_when_its_right_lapses() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", "simulated:2025-10-20T12:00:00+07:00"]);
    let mut wire = open(&server);
    let imported = wire.call("POST", "/v1/lists/tax-filers/import", citizen_id(1).as_bytes());
    assert_eq!(imported.expect("an answer").json()["accepted"], 1);
    for citizen in [1, 2] {
        let body = with(&registration(citizen, citizen), "program", TIERED);
        let answer = register(&mut wire, &body).json();
        let shown = right(&mut wire, citizen);
        assert_eq!(shown["registered_at"], answer["registered_at"]);
        assert_eq!(shown["first_use_by"], "2025-11-11T23:00:00+07:00");
        assert_eq!(
            (&shown["lapsed"], &shown["household_id"]),
            (&json!(false), &json!(null))
        );
    }
    let line = json!({
        "program": TIERED, "wallet_id": wallet_id(3), "citizen_id": citizen_id(3), "tier": "tax-filer",
        "household_id": "000000000000042",
    });
    assert_eq!(enroll(&mut wire, &line)["accepted"], 1);
    let worth = |shown: &Value| {
        json!([
            shown["tier"],
            shown["household_id"],
            shown["benefits"][0]["remaining"]["program"]
        ])
    };
    let shown = [1, 2, 3].map(|number| worth(&right(&mut wire, number)));
    let wanted = json!([
        ["tax-filer", null, 240_000],
        [null, null, 200_000],
        ["tax-filer", "000000000000042", 240_000],
    ]);
    assert_eq!(json!(shown), wanted);
    // A line without replaces both.
    let mut plain = line.clone();
    plain
        .as_object_mut()
        .expect("ours")
        .retain(|key, _| !["tier", "household_id"].contains(&key.as_str()));
    assert_eq!(enroll(&mut wire, &plain)["accepted"], 1);
    assert_eq!(worth(&right(&mut wire, 3)), json!([null, null, 200_000]));
}

#[test]
fn a_right_that_nobody_used_in_time_is_gone_and_may_be_had_again() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", "simulated:2025-10-20T12:00:00+07:00"]);
    let mut wire = open(&server);
    let merchant = json!({
        "name": "ร้านทดสอบ", "category": "food_drink", "status": "active", "programs": [TIERED], "channels": ["store"],
    });
    let path = format!("/v1/merchants/{MERCHANT}");
    let stored = wire.call("PUT", &path, merchant.to_string().as_bytes());
    assert_eq!(stored.expect("an answer").status, 200);
    for citizen in [1, 2] {
        register(
            &mut wire,
            &with(&registration(citizen, citizen), "program", TIERED),
        );
    }
    let buy = |wire: &mut Wire, number: u64, wallet: u64| {
        let body: Value =
            serde_json::from_str(&satang_tests::site::purchase(number, wallet, 200)).expect("ours");
        let body = with(&body, "program", TIERED).to_string();
        let answer = wire.call("POST", "/v1/authorizations", body.as_bytes());
        answer.expect("an answer").json()
    };
    set_clock(&mut wire, "2025-11-11T22:59:00+07:00");
    assert_eq!(buy(&mut wire, 1, 1)["reason"], "approved");
    assert_eq!(right(&mut wire, 2)["lapsed"], false);
    set_clock(&mut wire, "2025-11-12T12:00:00+07:00");
    assert_eq!(right(&mut wire, 1)["lapsed"], false);
    assert_eq!(right(&mut wire, 2)["lapsed"], true);
    let declined = buy(&mut wire, 2, 2);
    assert_eq!(
        (&declined["reason"], &declined["response_code"]),
        (&json!("entitlement_lapsed"), &json!("54"))
    );
    let path = format!("/v1/programs/{TIERED}");
    let shown = wire.call("GET", &path, b"").expect("an answer").json();
    assert_eq!(
        shown["registration"]["registered"], 1,
        "what lapsed counts no longer"
    );
    let line = json!({ "program": TIERED, "wallet_id": wallet_id(2), "citizen_id": citizen_id(2) });
    assert_eq!(enroll(&mut wire, &line)["accepted"], 1);
    let renewed = right(&mut wire, 2);
    assert_eq!(
        (&renewed["lapsed"], &renewed["first_use_by"]),
        (&json!(false), &json!(null))
    );
    assert_eq!(buy(&mut wire, 3, 2)["reason"], "approved");
}
