//! What a server says about itself: its routes, its metrics, and HTTP/2.

use crate::BINARY;
use satang_gateway::app::ROUTES;
use satang_tests::crash::wallet_id;
use satang_tests::process::ServerProcess;
use satang_tests::site::{MERCHANT, NOON, PROGRAM, Site, buy, prepare, purchase};
use satang_tests::wire::{Answer, Wire};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Command;

/// Methods that a client may try on paths there are, and that there are not.
const NOT_THERE: [(&str, &str); 10] = [
    ("DELETE", "/v1/authorizations/{txn_id}"),
    ("GET", "/v1/authorizations"),
    ("GET", "/v1/merchants"),
    ("POST", "/v1/payouts"),
    ("PUT", "/v1/clawbacks/{case_id}"),
    ("GET", "/v1/wallets"),
    ("GET", "/v1/clock"),
    ("POST", "/v1/programs"),
    ("PUT", "/v1/programs/{id}"),
    ("DELETE", "/v1/wallets/{wallet_id}"),
];

/// A clawback case of the merchant's.
const CASE: &str = "0197a1d2-0f6e-7c3a-8b1c-000000000001";

/// A route's path, with the id of something that the tests know.
pub fn filled(path: &str) -> String {
    path.replace("{txn_id}", "0197a1d2-0f6e-7c3a-8b1e-000000000001")
        .replace("{case_id}", CASE)
        .replace("{wallet_id}", &wallet_id(1))
        .replace("{merchant_id}", MERCHANT)
        .replace("{id}", PROGRAM)
        .replace("{list}", "suspended")
}

fn call(server: &ServerProcess, method: &str, path: &str) -> Answer {
    let mut wire = Wire::open(server.addr()).expect("it listens");
    wire.call(method, &filled(path), b"").expect("an answer")
}

#[test]
fn the_description_names_the_routes_there_are() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    buy(&mut Wire::open(server.addr()).expect("it listens"), 1, 1, 100);
    let case = json!({
        "case_id": CASE, "merchant_id": MERCHANT, "amount": 1, "letter_date": "2026-06-15", "reason": "a test",
    });
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let opened = wire.call("POST", "/v1/clawbacks", case.to_string().as_bytes());
    assert_eq!(opened.expect("an answer").status, 200);
    let answer = call(&server, "GET", "/openapi.json");
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    let openapi = answer.json();
    assert!(
        openapi["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1")),
        "{}",
        openapi["openapi"]
    );
    for route in ROUTES {
        let (method, path) = (route.method.as_str(), route.template);
        let answer = call(&server, method, path);
        assert!(
            ![404, 405].contains(&answer.status),
            "{method} {path} is a route but answered {}",
            answer.status
        );
        let operation = &openapi["paths"][path][method.to_ascii_lowercase()];
        let told = operation["responses"][answer.status.to_string()].is_object();
        assert!(told, "{method} {path}: {} is not described", answer.status);
    }
    for (method, path) in NOT_THERE {
        let answer = call(&server, method, path);
        let no_route = answer.status == 404 && answer.text().contains("no such route");
        assert!(
            no_route || answer.status == 405,
            "{method} {path}: {}",
            answer.status
        );
    }
}

#[test]
fn every_reference_of_the_description_leads_somewhere() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let openapi = call(&server, "GET", "/openapi.json").json();
    let mut references = Vec::new();
    gather_references(&openapi, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference
            .strip_prefix('#')
            .unwrap_or_else(|| panic!("{reference} leaves the document"));
        assert!(openapi.pointer(pointer).is_some(), "{reference}");
    }
}

fn gather_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(pairs) => {
            found.extend(pairs.get("$ref").and_then(Value::as_str).map(str::to_owned));
            pairs.values().for_each(|value| gather_references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| gather_references(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Samples of Prometheus' text format by name and labels.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let (mut found, mut kinds) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("# TYPE ") {
            let (name, kind) = heading.split_once(' ').expect("a name and a kind");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(
                kinds.insert(name.to_owned(), kind.to_owned()).is_none(),
                "twice: {line}"
            );
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line
                .rsplit_once(' ')
                .unwrap_or_else(|| panic!("no value: {line}"));
            let name = series.split('{').next().expect("a name");
            assert!(
                name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
                "{line}"
            );
            assert_eq!(series.contains('{'), series.ends_with('}'), "{line}");
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            assert!(
                kinds.contains_key(name) || family.is_some_and(|family| kinds.contains_key(family)),
                "no TYPE: {line}"
            );
            let value: f64 = value.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(found.insert(series.to_owned(), value).is_none(), "twice: {line}");
        }
    }
    found
}

#[test]
fn metrics_count_decisions_and_state_money() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 2);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    buy(&mut wire, 1, 1, 25_000);
    buy(&mut wire, 2, 2, 50_000);
    buy(&mut wire, 2, 2, 50_000);
    let declined = buy(&mut wire, 3, 2, 100);
    assert!(declined.contains("daily_cap_exhausted"), "{declined}");
    let reversal = json!({ "reversal_id": "0197a1d2-0f6e-7c3a-8b1f-000000000001", "reason": "customer_refund", "amount": 10_000 });
    let reversed = wire.call(
        "POST",
        &filled("/v1/authorizations/{txn_id}/reversals"),
        reversal.to_string().as_bytes(),
    );
    assert_eq!(reversed.expect("an answer").json()["decision"], "approved");
    let answer = wire.call("GET", "/metrics", b"").expect("an answer");
    assert!(
        answer
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/plain")),
        "{answer:?}"
    );
    let samples = samples(&answer.text());
    let of = |series: &str| {
        *samples
            .get(series)
            .unwrap_or_else(|| panic!("no {series} in {samples:#?}"))
    };
    let decisions = |reason: &str| {
        of(&format!(
            "satang_decisions_total{{program=\"{PROGRAM}\",reason=\"{reason}\"}}"
        ))
    };
    assert_eq!(
        (decisions("approved"), decisions("daily_cap_exhausted")),
        (2.0, 1.0)
    );
    let money = |period: &str| {
        of(&format!(
            "satang_state_money_satang{{period=\"{period}\",program=\"{PROGRAM}\"}}"
        ))
    };
    assert_eq!(money("all"), 35_000.0);
    assert_eq!(money("given_back"), 6_000.0);
    assert!(money("day") == money("month"), "the first purchases are of today");
    assert_eq!(
        of("satang_reversals_total{decision=\"approved\",reason=\"approved\"}"),
        1.0
    );
    assert_eq!(
        (
            of("satang_replays_total"),
            of("satang_wallets"),
            of("satang_merchants")
        ),
        (1.0, 2.0, 1.0)
    );
    assert!(of("satang_journal_bytes_total") > 0.0 && of("satang_durable_sequence") > 0.0);
    assert_eq!(of("satang_authorize_seconds_count"), 4.0);
    assert!(of("satang_flush_seconds_count") > 0.0);
    // What is counted under a label must not be a citizen or a wallet.
    assert!(!answer.text().contains(&wallet_id(1)), "a wallet is named");
}

#[test]
fn http_2_is_spoken_with_prior_knowledge() {
    let version = Command::new("curl").arg("--version").output();
    let speaks = version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("HTTP2"));
    if !speaks {
        println!("skipped: needs curl");
        return;
    }
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    let url = format!("http://{}/v1/authorizations", server.addr());
    let body = satang_tests::site::purchase(1, 1, 100);
    let post = |version: &str| {
        let args = [
            version,
            "-sS",
            "--max-time",
            "50",
            "-w",
            "\n%{http_version} %{http_code}",
            "-d",
            &body,
            &url,
        ];
        let output = Command::new("curl").args(args).output().expect("it was there");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    };
    let first = post("--http2-prior-knowledge");
    assert!(
        first.ends_with("\n2 200") && first.contains("\"approved\""),
        "{first}"
    );
    let again = post("--http1.1");
    assert_eq!(
        again,
        first
            .replace("\"replayed\":false", "\"replayed\":true")
            .replace("\n2 200", "\n1.1 200")
    );
    let large = folder_with(&" ".repeat(17 << 20));
    let refused = Command::new("curl")
        .args([
            "--http2-prior-knowledge",
            "-sS",
            "--max-time",
            "50",
            "-H",
            "Expect:",
            "-o",
            "/dev/null",
        ])
        .args(["-w", "%{http_code}", "--data-binary"])
        .arg(format!("@{}", large.path().join("body").display()))
        .arg(&url)
        .output()
        .expect("it was there");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.success() && refused.stdout == b"413",
        "a client that still sends reads its 413: {said}"
    );
}

/// A temporary folder with a file `body` in it.
fn folder_with(body: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("body"), body).expect("there is room");
    folder
}

#[test]
fn one_object_takes_64_kib_and_a_batch_more() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    let padded = |text: String, bytes: usize| text.clone() + &" ".repeat(bytes - text.len());
    let code = |path: &str, body: String| {
        // Its connection ends with what is too large.
        let mut wire = Wire::open(server.addr()).expect("it listens");
        let answer = wire.call("POST", path, body.as_bytes()).expect("an answer");
        (answer.status, answer.json()["code"].as_str().map(str::to_owned))
    };
    let one = "/v1/authorizations";
    assert_eq!(code(one, padded(purchase(1, 1, 100), 64 << 10)).0, 200);
    let too_large = (413, Some("body_too_large".to_owned()));
    for path in [
        one,
        "/v1/holds",
        "/v1/quotes",
        "/v1/registrations",
        "/v1/clawbacks",
    ] {
        assert_eq!(
            code(path, padded(purchase(2, 1, 100), (64 << 10) + 1)),
            too_large,
            "{path}"
        );
    }
    let batch = format!("{{\"authorizations\":[{}]}}", purchase(2, 1, 100));
    assert_eq!(code("/v1/authorizations/batch", padded(batch, 1 << 20)).0, 200);
}
