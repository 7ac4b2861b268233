//! `GET /v1/authorizations/{txn_id}`: why a purchase was decided as it was, and what was given back since.

use crate::BINARY;
use satang_tests::crash::wallet_id;
use satang_tests::process::ServerProcess;
use satang_tests::site::{MERCHANT, NOON, PROGRAM, Site, buy, prepare};
use satang_tests::wire::{Answer, Wire};
use serde_json::{Value, json};

fn txn(number: u64) -> String {
    format!("0197a1d2-0f6e-7c3a-8b1e-{number:012x}")
}

fn look_up(wire: &mut Wire, number: u64) -> Answer {
    wire.call("GET", &format!("/v1/authorizations/{}", txn(number)), b"")
        .expect("an answer")
}

/// Reverses; the answer.
fn reverse(wire: &mut Wire, number: u64, reversal: u64, amount: Option<u64>) -> Value {
    let id = format!("0197a1d2-0f6e-7c3a-8b1f-{reversal:012x}");
    let mut body = json!({ "reversal_id": id, "reason": "customer_refund" });
    if let Some(amount) = amount {
        body["amount"] = json!(amount);
    }
    let path = format!("/v1/authorizations/{}/reversals", txn(number));
    let answer = wire.call("POST", &path, body.to_string().as_bytes());
    answer.expect("an answer").json()
}

/// The programme in force, as it is shown.
fn program(wire: &mut Wire) -> Value {
    let path = format!("/v1/programs/{PROGRAM}");
    wire.call("GET", &path, b"").expect("an answer").json()
}

#[test]
fn a_look_up_is_the_first_answer_and_why() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let first = buy(&mut wire, 1, 1, 25_000);
    let second = buy(&mut wire, 2, 1, 25_000);
    let answer = look_up(&mut wire, 2);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    // The first answer's bytes, then more.
    assert_eq!(
        answer.text().find(&second[..second.len() - 1]),
        Some(0),
        "{}",
        answer.text()
    );
    let shown = answer.json();
    let program = program(&mut wire);
    assert_eq!(shown["limited_by"], "day");
    assert_eq!(
        (&shown["left"], &shown["reversals"]),
        (&json!(25_000), &json!([]))
    );
    assert_eq!(
        shown["explanation"],
        json!({
            "program": PROGRAM, "program_name_th": program["name_th"], "program_name_en": program["name_en"],
            "rule_version": program["rule_version"], "rule_source": program["source"],
            "wallet_id": wallet_id(1), "household_id": null, "merchant_id": MERCHANT, "channel": "store",
            "amount": 25_000, "eligible_amount": 25_000, "benefit": "co-pay", "state_percent": 60,
            "share_before_caps": 15_000, "caps": { "day": 20_000, "month": 100_000 },
            "room_before": { "day": 5_000, "month": 85_000 },
            "spending": [{ "benefit": "co-pay", "from": "2026-06-01", "to": "2026-09-30", "hours": "06:00-23:00" }],
        })
    );
    // Sent again, the purchase gets what it got; looked up, it is not a replay.
    assert_eq!(
        buy(&mut wire, 1, 1, 25_000),
        first.replace("\"replayed\":false", "\"replayed\":true")
    );
    assert_eq!(look_up(&mut wire, 1).json()["replayed"], false);
}

#[test]
fn a_look_up_shows_what_was_given_back_oldest_first() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    buy(&mut wire, 1, 1, 25_000);
    let answers = [
        reverse(&mut wire, 1, 1, Some(10_000)),
        // Declined: gives nothing back and is not shown.
        reverse(&mut wire, 1, 2, Some(20_000)),
        reverse(&mut wire, 1, 3, Some(5_000)),
    ];
    let check = |server: &ServerProcess, answers: &[Value], left: u64| {
        let mut wire = Wire::open(server.addr()).expect("it listens");
        let shown = look_up(&mut wire, 1).json();
        assert_eq!(shown["left"], left);
        let given = shown["reversals"].as_array().expect("a list");
        let approved: Vec<&Value> = answers
            .iter()
            .filter(|answer| answer["decision"] == "approved")
            .collect();
        assert_eq!(given.len(), approved.len(), "{shown}");
        for (given, answer) in given.iter().zip(approved) {
            assert_eq!(
                (&given["act"], &given["cause"]),
                (&json!("reversal"), &json!("customer_refund"))
            );
            for (field, value) in given.as_object().expect("an object") {
                assert!(
                    ["act", "cause"].contains(&field.as_str()) || answer[field] == *value,
                    "{field}: {given} {answer}"
                );
            }
        }
    };
    check(&server, &answers, 10_000);
    server.kill();
    let server = site.serve(&["--clock", NOON]);
    check(&server, &answers, 10_000);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let [first, declined, second] = answers;
    let rest = reverse(&mut wire, 1, 4, None);
    check(&server, &[first, declined, second, rest], 0);
}

#[test]
fn a_decline_is_explained_as_far_as_it_was_looked_at() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", "simulated:2026-06-15T23:30:00+07:00"]);
    prepare(&server, 1);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    buy(&mut wire, 1, 1, 25_000);
    let shown = look_up(&mut wire, 1).json();
    let explanation = &shown["explanation"];
    assert_eq!(
        (&shown["reason"], &shown["left"]),
        (&json!("outside_hours"), &json!(0))
    );
    for unknown in [
        "benefit",
        "state_percent",
        "share_before_caps",
        "caps",
        "room_before",
    ] {
        assert_eq!(explanation[unknown], Value::Null, "{unknown}");
    }
    assert_eq!(explanation["spending"][0]["hours"], "06:00-23:00");
    assert!(explanation["rule_version"].is_string());
    // A programme without a number stands in the record by name.
    let body = satang_tests::site::purchase(2, 1, 100).replace(PROGRAM, "never-heard-of");
    let body = body.replace("\"store\"", "\"by-post\"");
    wire.call("POST", "/v1/authorizations", body.as_bytes())
        .expect("an answer");
    let shown = look_up(&mut wire, 2).json();
    assert_eq!(shown["reason"], "program_unknown");
    assert_eq!(shown["explanation"]["program"], "never-heard-of");
    assert_eq!(shown["explanation"]["channel"], "by-post");
    assert_eq!(shown["explanation"]["rule_version"], Value::Null);
    assert_eq!(shown["explanation"]["spending"], json!([]));
}

#[test]
fn an_id_that_leads_nowhere_is_said_to() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let unknown = look_up(&mut wire, 9);
    assert_eq!(
        (unknown.status, unknown.json()["code"].clone()),
        (404, json!("not_found"))
    );
    assert!(
        !unknown.text().contains("before it arrived"),
        "{}",
        unknown.text()
    );
    reverse(&mut wire, 9, 1, None);
    let reversed = look_up(&mut wire, 9);
    assert_eq!(reversed.status, 404);
    assert!(
        reversed.text().contains("reversed before it arrived"),
        "{}",
        reversed.text()
    );
    // Its late original is an authorization like any other.
    buy(&mut wire, 9, 1, 100);
    let late = look_up(&mut wire, 9).json();
    assert_eq!(
        (&late["reason"], &late["reversals"]),
        (&json!("reversed_before_arrival"), &json!([]))
    );
    for malformed in ["1", "0197a1d20f6e7c3a8b1e000000000001", "%30"] {
        let answer = wire
            .call("GET", &format!("/v1/authorizations/{malformed}"), b"")
            .expect("an answer");
        assert_eq!(
            (answer.status, answer.json()["errors"][0]["field"].clone()),
            (400, json!("txn_id"))
        );
    }
}

#[test]
fn the_call_centre_reads_why_from_a_page() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    buy(&mut wire, 1, 1, 25_000);
    buy(&mut wire, 2, 1, 25_000);
    reverse(&mut wire, 2, 1, Some(10_000));
    let url = format!("http://{}", server.addr());
    let key = site.write("key", "not-asked-for\n");
    let ended = site.run(&[
        "explain",
        &txn(2),
        "--server",
        &url,
        "--key-file",
        key.to_str().expect("text"),
    ]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let source = program(&mut wire)["source"]
        .as_str()
        .expect("a letter")
        .to_owned();
    for said in [
        "15 มิถุนายน 2569 เวลา 12:00 น.",
        "รัฐจ่าย 50.00 บาท ประชาชนจ่าย 200.00 บาท",
        "วงเงินรายวันเหลือไม่พอ รัฐจึงจ่ายเพียง 50.00 บาท",
        "คืนรัฐ 20.00 บาท คืนประชาชน 80.00 บาท",
        "สิทธิคงเหลือในขณะนี้: วันนี้ 20.00 บาท · เดือนนี้ 820.00 บาท",
        "15 June 2026 at 12:00",
        "60% of 250.00 baht: 150.00 baht",
        "Left at this moment: 20.00 baht today, 820.00 baht this month",
        &source,
        &format!("wallet ending in {}", &wallet_id(1)[11..]),
    ] {
        assert!(
            ended.stdout.contains(said),
            "{said:?} is not in\n{}",
            ended.stdout
        );
    }
    assert!(!ended.stdout.contains(&wallet_id(1)), "{}", ended.stdout);
    let unknown = site.run(&["explain", &txn(7), "--server", &url]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), ""));
    assert!(
        unknown.stderr.contains("no authorization of that id is known"),
        "{unknown:?}"
    );
}
