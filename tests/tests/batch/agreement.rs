//! One batch sent as bytes to one product and as JSON to another has the same answers, field by field, through its whole life.

use crate::{NAMES, product, seed, send_binary};
use satang_tests::batch::{PATH, random_request};
use satang_tests::campaign::System;
use satang_tests::generate::random::Random;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Results of the JSON form without what only it says: the id, and in which words a name is malformed.
fn comparable(mut result: Value) -> Value {
    let fields = result.as_object_mut().expect("a result is an object");
    fields.remove("txn_id");
    let Some(Value::Array(errors)) = fields.get_mut("errors") else {
        return result;
    };
    let says_otherwise = |field: &Value| {
        ["program", "channel", "reserved"]
            .map(Value::from)
            .contains(field)
    };
    let mut differs = false;
    for error in errors.iter_mut().filter(|error| says_otherwise(&error["field"])) {
        error["reason"] = "".into();
        differs = true;
    }
    // JSON tells of an unknown field first.
    errors.sort_by_key(|error| error["field"].to_string());
    if differs {
        fields.remove("detail");
    }
    result
}

fn json_results(answer: &str) -> Vec<Value> {
    let answer: Value = serde_json::from_str(answer).expect("answers are JSON");
    answer["results"].as_array().expect("results").clone()
}

/// Where the clock stands after each 25 rounds: so that every cap is used up in turn.
const DAYS: [&str; 6] = [
    "2026-06-16",
    "2026-07-01",
    "2026-07-02",
    "2026-08-01",
    "2026-10-01",
    "2027-01-01",
];

#[test]
fn bytes_and_json_are_answered_alike() {
    let mut random = Random::new(seed());
    let (mut binary, mut json) = (product(), product());
    let (mut ids, mut seen) = (Vec::new(), BTreeMap::<String, u64>::new());
    for round in 0..170 {
        let request = random_request(&mut random, &NAMES, &mut ids);
        let by_bytes = send_binary(&mut binary, &request.bytes()).expect("a batch is no problem as a whole");
        let (status, answer) = json.call("POST", PATH, &request.json());
        assert_eq!(status, 200, "round {round}: {answer}");
        let by_json = json_results(&answer);
        assert_eq!(by_bytes.len(), by_json.len(), "round {round}");
        for ((left, right), element) in by_bytes.iter().zip(&by_json).zip(&request.elements) {
            let (left, right) = (comparable(left.clone()), comparable(right.clone()));
            assert_eq!(left, right, "round {round}: {element:?}");
            let kind = left.get("code").or(left.get("reason")).expect("one of them");
            *seen.entry(kind.to_string()).or_default() += 1;
            *seen.entry(format!("replayed {}", left["replayed"])).or_default() += 1;
            *seen
                .entry(format!("limited by {}", left["limited_by"]))
                .or_default() += 1;
        }
        if round % 10 == 3 {
            // A full reversal of an id that comes later: its late original is declined in both forms.
            let late = random_request(&mut random, &NAMES, &mut ids).elements[0].clone();
            let id = late.json(&[])["txn_id"].clone();
            let path = format!("/v1/authorizations/{}/reversals", id.as_str().expect("a text"));
            let body = json!({ "reversal_id": random.uuid(), "reason": "timeout" }).to_string();
            assert_eq!(binary.call("POST", &path, &body), json.call("POST", &path, &body));
            ids.push(late);
        }
        if round % 25 == 24 {
            binary.restart();
            json.restart();
            let now = json!({ "now": format!("{}T12:00:00.5+07:00", DAYS[round / 25]) }).to_string();
            assert_eq!(
                binary.call("PUT", "/v1/clock", &now),
                json.call("PUT", "/v1/clock", &now)
            );
        }
    }
    // A comparison of two silences proves nothing.
    for kind in [
        "\"approved\"",
        "\"reversed_before_arrival\"",
        "\"program_unknown\"",
        "\"merchant_unknown\"",
        "\"channel_not_allowed\"",
        "\"wallet_unknown\"",
        "\"amount_too_small\"",
        "\"daily_cap_exhausted\"",
        "\"monthly_cap_exhausted\"",
        "\"quarterly_cap_exhausted\"",
        "\"program_cap_exhausted\"",
        "\"not_in_spending_period\"",
        "\"txn_id_conflict\"",
        "\"malformed\"",
        "replayed true",
        "limited by \"day\"",
        "limited by \"month\"",
        "limited by \"quarter\"",
        "limited by \"program\"",
    ] {
        assert!(seen.contains_key(kind), "{kind} never came: {seen:#?}");
    }
}

#[test]
fn an_id_has_one_outcome_whatever_form_it_comes_in() {
    let mut random = Random::new(seed());
    let mut product = product();
    let mut ids = Vec::new();
    for _ in 0..20 {
        let request = random_request(&mut random, &NAMES, &mut ids);
        let first = send_binary(&mut product, &request.bytes()).expect("a batch");
        let (_, again) = product.call("POST", PATH, &request.json());
        let by_bytes = send_binary(&mut product, &request.bytes()).expect("a batch");
        for ((first, again), by_bytes) in first.into_iter().zip(json_results(&again)).zip(by_bytes) {
            let mut wanted = comparable(first);
            if wanted.get("decision").is_some() {
                wanted["replayed"] = true.into();
            }
            assert_eq!(comparable(again), wanted);
            assert_eq!(comparable(by_bytes), wanted);
        }
    }
}

#[test]
fn json_under_any_other_content_type_is_a_json_batch() {
    let mut product = product();
    let request = random_request(&mut Random::new(1), &NAMES, &mut Vec::new());
    for content_type in [
        "",
        "text/plain",
        "application/octet-stream",
        "application/json; charset=utf-8",
    ] {
        let (status, kind, answer) =
            product.call_typed("POST", PATH, content_type, request.json().as_bytes());
        assert_eq!((status, kind), (200, "application/json"), "{content_type:?}");
        assert!(answer.starts_with(b"{\"results\":["));
        // Bytes without their type are JSON that cannot be read.
        let (status, kind, _) = product.call_typed("POST", PATH, content_type, &request.bytes());
        assert_eq!(
            (status, kind),
            (400, "application/problem+json"),
            "{content_type:?}"
        );
    }
    let loud = product.call_typed(
        "POST",
        PATH,
        "Application/Vnd.Satang.Batch; v=1",
        &request.bytes(),
    );
    assert_eq!((loud.0, loud.1), (200, "application/vnd.satang.batch"));
}
