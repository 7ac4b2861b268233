//! `audit.log`: who looked somebody up and who was refused, and nothing that says who somebody is.

use crate::BINARY;
use crate::keys::site_with_keys;
use satang_tests::crash::{citizen_id, wallet_id};
use satang_tests::site::{MERCHANT, NOON, Site, enrollment, merchant, purchase};
use satang_tests::wire::Wire;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

fn lines(site: &Site) -> Vec<Value> {
    let text = fs::read_to_string(site.data_dir().join("audit.log")).expect("it was written");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

#[test]
fn look_ups_and_refusals_are_noted_and_nothing_else() {
    let (site, keys, file) = site_with_keys();
    let server = site.serve(&["--clock", NOON, "--keys", &file]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let mut call = |key: Option<&str>, method: &str, path: &str, body: &str, status: u16| {
        let answer = match key {
            Some(key) => wire.call_with(key, method, path, body.as_bytes()),
            None => wire.call(method, path, body.as_bytes()),
        };
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    };
    let key = |role: &str| Some(keys[role].as_str());
    let wallet = |number| format!("/v1/wallets/{}", wallet_id(number));
    call(
        key("admin"),
        "PUT",
        &format!("/v1/merchants/{MERCHANT}"),
        &merchant().to_string(),
        200,
    );
    call(
        key("registrar"),
        "POST",
        "/v1/enrollments/import",
        &enrollment(1),
        200,
    );
    call(
        key("switch"),
        "POST",
        "/v1/authorizations",
        &purchase(1, 1, 100),
        200,
    );
    call(key("viewer"), "GET", &wallet(1), "", 200);
    call(key("admin"), "GET", &wallet(1), "", 200);
    call(key("viewer"), "GET", &wallet(2), "", 404);
    call(key("switch"), "GET", &wallet(1), "", 403);
    call(
        key("viewer"),
        "POST",
        "/v1/authorizations",
        &purchase(2, 1, 100),
        403,
    );
    call(None, "GET", "/v1/clawbacks", "", 401);
    call(Some("satang_nonsense"), "GET", &wallet(1), "", 401);
    call(
        key("settlement"),
        "GET",
        &format!("/v1/merchants/{MERCHANT}"),
        "",
        200,
    );
    call(key("viewer"), "GET", "/v1/payouts", "", 200);
    call(key("viewer"), "GET", "/v1/programs", "", 200);
    call(key("viewer"), "GET", "/v1/wallets/nonsense", "", 400);
    server.terminate();
    assert_eq!(server.wait_for_code(), Some(0));

    let lines = lines(&site);
    let short = |line: &Value| {
        let [event, key, route, status, reason] =
            ["event", "key", "route", "status", "reason"].map(|field| line[field].clone());
        json!([event, key, route, status, reason])
    };
    let wallets = "GET /v1/wallets/{wallet_id}";
    let expected = [
        json!(["lookup", "viewer-1", wallets, 200, null]),
        json!(["lookup", "admin-1", wallets, 200, null]),
        json!(["lookup", "viewer-1", wallets, 404, null]),
        json!(["refused", "switch-1", wallets, 403, "role"]),
        json!(["refused", "viewer-1", "POST /v1/authorizations", 403, "role"]),
        json!(["refused", null, "GET /v1/clawbacks", 401, "missing"]),
        json!(["refused", null, wallets, 401, "unknown"]),
        json!([
            "lookup",
            "settlement-1",
            "GET /v1/merchants/{merchant_id}",
            200,
            null
        ]),
        json!(["lookup", "viewer-1", "GET /v1/payouts", 200, null]),
        json!(["lookup", "viewer-1", wallets, 400, null]),
    ];
    assert_eq!(lines.iter().map(short).collect::<Vec<_>>(), expected);
    for line in &lines {
        let at = line["at"].as_str().expect("an instant");
        assert!(
            at.starts_with("2026-06-15T12:") && at.ends_with("+07:00"),
            "{line}"
        );
        assert_eq!(line["address"], "127.0.0.1", "{line}");
    }
    let subject = |at: usize| lines[at]["subject"].as_str();
    assert!(subject(0).is_some_and(|subject| subject.len() == 16));
    assert!(
        [subject(1), subject(3), subject(6)]
            .iter()
            .all(|other| *other == subject(0)),
        "the same wallet"
    );
    assert_ne!(subject(2), subject(0), "another");
    assert_eq!(
        [subject(4), subject(5), subject(8)],
        [None; 3],
        "no id in the path"
    );

    let path = site.data_dir().join("audit.log");
    assert_eq!(
        fs::metadata(&path).expect("there").permissions().mode() & 0o777,
        0o600
    );
    let text = fs::read_to_string(&path).expect("text");
    let secrets = [
        wallet_id(1),
        wallet_id(2),
        citizen_id(1),
        MERCHANT.to_owned(),
        "nonsense".to_owned(),
    ];
    for secret in secrets.iter().chain(keys.values()) {
        assert!(!text.contains(secret.as_str()), "{secret}");
    }
}

#[test]
fn a_log_that_cannot_be_written_holds_up_nobody_and_is_counted() {
    let site = Site::new(BINARY);
    let mut server = site.serve(&["--clock", NOON]);
    // A folder where the file should be.
    fs::create_dir(site.data_dir().join("audit.log")).expect("a folder");
    let mut words = server.follow();
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let path = format!("/v1/wallets/{}", wallet_id(1));
    assert_eq!(wire.call("GET", &path, b"").expect("an answer").status, 404);
    words.until("audit.log: lines are lost");
    let metrics = wire.call("GET", "/metrics", b"").expect("an answer").text();
    for line in [
        "satang_audit_lines_total 0\n",
        "satang_audit_lines_dropped_total 1\n",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}
