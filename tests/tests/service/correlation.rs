//! `X-Request-Id` and `traceparent`: in every answer, and in the lines about requests that were refused or failed; never in the journal.

use crate::BINARY;
use crate::keys::site_with_keys;
use satang_tests::crash::wallet_id;
use satang_tests::process::shipped_programs;
use satang_tests::site::{MERCHANT, NOON, Site, enrollment, merchant, purchase};
use satang_tests::wire::{Answer, Wire};
use serde_json::Value;
use std::fs;

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn traceparent() -> String {
    format!("00-{TRACE_ID}-00f067aa0ba902b7-01")
}

/// Sends a request with these ids, and perhaps a key.
fn send(wire: &mut Wire, id: &str, key: Option<&str>, line: &str, body: &str) -> Answer {
    let key = key.map_or_else(String::new, |key| format!("authorization: Bearer {key}\r\n"));
    let ids = format!("x-request-id: {id}\r\ntraceparent: {}\r\n", traceparent());
    let head = format!(
        "{line} HTTP/1.1\r\nhost: x\r\n{key}{ids}content-length: {}\r\n\r\n",
        body.len()
    );
    wire.send(format!("{head}{body}").as_bytes()).expect("it listens");
    wire.read(line.starts_with("HEAD")).expect("an answer")
}

#[test]
fn answers_and_the_audit_log_name_the_ids_that_a_request_came_with() {
    let (site, keys, file) = site_with_keys();
    let server = site.serve(&["--clock", NOON, "--keys", &file]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let key = |role: &str| Some(keys[role].as_str());
    let (wallet, unknown) = (wallet_id(1), wallet_id(2));
    let (buy, other) = (purchase(1, 1, 100), purchase(1, 1, 200));
    let calls = [
        (
            200,
            key("admin"),
            format!("PUT /v1/merchants/{MERCHANT}"),
            merchant().to_string(),
        ),
        (
            200,
            key("registrar"),
            "POST /v1/enrollments/import".to_owned(),
            enrollment(1),
        ),
        (200, key("switch"), "POST /v1/authorizations".to_owned(), buy),
        (409, key("switch"), "POST /v1/authorizations".to_owned(), other),
        (
            400,
            key("switch"),
            "POST /v1/authorizations".to_owned(),
            "{".to_owned(),
        ),
        (
            403,
            key("viewer"),
            "POST /v1/authorizations".to_owned(),
            String::new(),
        ),
        (401, None, "POST /v1/authorizations".to_owned(), String::new()),
        (401, None, format!("GET /v1/wallets/{wallet}"), String::new()),
        (
            200,
            key("viewer"),
            format!("GET /v1/wallets/{wallet}"),
            String::new(),
        ),
        (
            404,
            key("viewer"),
            format!("GET /v1/wallets/{unknown}"),
            String::new(),
        ),
        (404, None, "GET /v1/nothing".to_owned(), String::new()),
        (405, None, "PUT /v1/authorizations".to_owned(), String::new()),
        (200, None, "HEAD /healthz".to_owned(), String::new()),
        (200, None, "GET /openapi.json".to_owned(), String::new()),
    ];
    for (number, (status, key, line, body)) in calls.iter().enumerate() {
        let id = format!("call-{number}");
        let answer = send(&mut wire, &id, *key, line, body);
        assert_eq!(answer.status, *status, "{line}: {}", answer.text());
        assert_eq!(answer.header("x-request-id"), Some(id.as_str()), "{line}");
        assert_eq!(
            answer.header("traceparent"),
            Some(traceparent().as_str()),
            "{line}"
        );
    }
    // Without ids there are none, of the requests before neither.
    let plain = wire.call("GET", "/v1/clawbacks", b"").expect("an answer");
    assert_eq!((plain.status, plain.header("x-request-id")), (401, None));
    server.terminate();
    assert_eq!(server.wait_for_code(), Some(0));

    let log = fs::read_to_string(site.data_dir().join("audit.log")).expect("it was written");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let ids: Vec<_> = lines.iter().map(|line| line["request_id"].as_str()).collect();
    // The refusals and the look-ups.
    let noted = [5, 6, 7, 8, 9].map(|number| format!("call-{number}"));
    let expected: Vec<_> = noted.iter().map(|id| Some(id.as_str())).chain([None]).collect();
    assert_eq!(ids, expected, "{log}");
    let (last, before) = lines.split_last().expect("lines");
    assert!(before.iter().all(|line| line["trace_id"] == TRACE_ID), "{log}");
    assert!(
        last["trace_id"].is_null() && last.get("trace_id").is_some(),
        "{last}"
    );
    for segment in site.segments() {
        let journal = fs::read(segment).expect("a segment");
        assert!(
            !journal.windows(6).any(|bytes| bytes == b"call-2"),
            "not in the journal"
        );
    }
}

#[test]
fn log_lines_that_a_request_makes_name_its_ids_and_others_none() {
    let in_text = |id: &str| format!("request_id={id} trace_id={TRACE_ID}");
    assert_ids_are_logged("text", &in_text);
    let in_json = |id: &str| format!("\"request_id\":\"{id}\",\"trace_id\":\"{TRACE_ID}\"");
    assert_ids_are_logged("json", &in_json);
}

fn assert_ids_are_logged(format: &str, shown: &dyn Fn(&str) -> String) {
    let site = Site::new(BINARY);
    let name = "thai-chuai-thai-plus-6040.toml";
    let shipped = fs::read_to_string(shipped_programs().join(name)).expect("shipped");
    let file = site.write(&format!("programs/{name}"), &shipped);
    let programs = format!("programs={}", file.parent().expect("a folder").display());
    let server = site.serve(&[&programs, "--clock", NOON, "--log-format", format]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    // Warned of while the request is served …
    fs::write(&file, shipped.replace("day = 20_000", "day = 200")).expect("our own folder");
    assert_eq!(
        send(&mut wire, "reload-1", None, "POST /v1/programs/reload", "{}").status,
        200
    );
    // … and when its failure becomes an answer.
    let snapshots = site.data_dir().join("snapshots");
    fs::write(&snapshots, "").expect("a file in place of the folder");
    let failed = send(&mut wire, "snapshot-1", None, "POST /v1/snapshots", "");
    assert_eq!(failed.status, 503, "{}", failed.text());
    assert_eq!(
        wire.call("POST", "/v1/snapshots", b"").expect("an answer").status,
        503
    );
    server.terminate();
    let (_, said) = server.wait();
    let line = |word: &str| {
        said.lines()
            .find(|line| line.contains(word))
            .unwrap_or_else(|| panic!("{word}: {said}"))
    };
    for (word, id) in [
        ("caps are in satang", "reload-1"),
        ("no snapshot was taken", "snapshot-1"),
    ] {
        let line = line(word);
        assert!(line.contains(&shown(id)), "{line}");
        assert!(line.contains("WARN"), "{line}");
    }
    let of_snapshots = said.lines().filter(|line| line.contains("no snapshot was taken"));
    assert_eq!(
        of_snapshots.filter(|line| line.contains("request_id")).count(),
        1,
        "{said}"
    );
    assert!(!line("listening on").contains("request_id"), "{said}");
}
