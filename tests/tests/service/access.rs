//! Who may call: every route with every role, with no key and with a wrong one.

use crate::keys::{ROLES, site_with_keys};
use crate::{BINARY, check_refusal};
use satang_gateway::app::{Api, App, Metrics, WholeBody};
use satang_gateway::keys::{KeyRing, Keys};
use satang_gateway::programs::ProgramSource;
use satang_log::storage::FileStorage;
use satang_tests::crash::wallet_id;
use satang_tests::process::PATIENCE;
use satang_tests::repository::root;
use satang_tests::site::{MERCHANT, NOON, PROGRAM, Site, enrollment};
use satang_tests::wire::{Answer, Wire, request_with};
use serde_json::{Value, json};
use std::fs;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// Which roles may use which route, as docs/OPERATIONS.md says it. `None` needs no key.
const TABLE: [(&str, &str, Option<&[&str]>); 44] = [
    ("post", "/v1/authorizations", Some(&["switch"])),
    ("post", "/v1/authorizations/batch", Some(&["switch"])),
    ("post", "/v1/authorizations/{txn_id}/reversals", Some(&["switch"])),
    ("post", "/v1/holds", Some(&["switch"])),
    ("post", "/v1/holds/{txn_id}/capture", Some(&["switch"])),
    ("post", "/v1/holds/{txn_id}/void", Some(&["switch"])),
    ("post", "/v1/quotes", Some(&["switch"])),
    ("post", "/v1/registrations", Some(&["registrar"])),
    ("post", "/v1/registrations/batch", Some(&["registrar"])),
    (
        "get",
        "/v1/authorizations/{txn_id}",
        Some(&["settlement", "admin", "viewer"]),
    ),
    ("get", "/v1/wallets/{wallet_id}", Some(&["admin", "viewer"])),
    ("post", "/v1/programs/reload", Some(&["admin"])),
    ("post", "/v1/snapshots", Some(&["admin"])),
    ("get", "/v1/programs", Some(&ROLES)),
    ("get", "/v1/programs/{id}", Some(&ROLES)),
    ("get", "/v1/programs/{id}/registration", Some(&ROLES)),
    ("put", "/v1/merchants/{merchant_id}", Some(&["admin"])),
    ("post", "/v1/merchants/import", Some(&["admin"])),
    ("post", "/v1/enrollments/import", Some(&["registrar", "admin"])),
    ("post", "/v1/lists/{list}/import", Some(&["registrar", "admin"])),
    ("put", "/v1/wallets/{wallet_id}/status", Some(&["admin"])),
    (
        "post",
        "/v1/wallets/{wallet_id}/moves",
        Some(&["registrar", "admin"]),
    ),
    (
        "post",
        "/v1/wallets/{wallet_id}/replacement",
        Some(&["registrar", "admin"]),
    ),
    ("put", "/v1/programs/{id}/status", Some(&["admin"])),
    ("put", "/v1/clock", Some(&["admin"])),
    (
        "get",
        "/v1/merchants/{merchant_id}",
        Some(&["settlement", "admin", "viewer"]),
    ),
    (
        "post",
        "/v1/merchants/{merchant_id}/registrations",
        Some(&["registrar", "admin"]),
    ),
    (
        "post",
        "/v1/merchants/{merchant_id}/platform",
        Some(&["registrar", "admin"]),
    ),
    ("put", "/v1/merchants/{merchant_id}/status", Some(&["admin"])),
    (
        "put",
        "/v1/merchants/{merchant_id}/payout",
        Some(&["settlement", "admin"]),
    ),
    (
        "post",
        "/v1/merchants/{merchant_id}/consent-withdrawal",
        Some(&["admin"]),
    ),
    (
        "put",
        "/v1/authorizations/{txn_id}/payout",
        Some(&["settlement", "admin"]),
    ),
    ("get", "/v1/payouts", Some(&["settlement", "admin", "viewer"])),
    ("put", "/v1/persons/status", Some(&["admin"])),
    ("post", "/v1/persons/erase", Some(&["admin"])),
    ("get", "/v1/clawbacks", Some(&["settlement", "admin", "viewer"])),
    ("post", "/v1/clawbacks", Some(&["admin"])),
    (
        "get",
        "/v1/clawbacks/{case_id}",
        Some(&["settlement", "admin", "viewer"]),
    ),
    (
        "post",
        "/v1/clawbacks/{case_id}/payments",
        Some(&["settlement", "admin"]),
    ),
    ("post", "/v1/clawbacks/{case_id}/close", Some(&["admin"])),
    ("get", "/healthz", None),
    ("get", "/readyz", None),
    ("get", "/metrics", Some(&["admin", "viewer"])),
    ("get", "/openapi.json", None),
];

fn filled(path: &str) -> String {
    path.replace("{txn_id}", "0197a1d2-0f6e-7c3a-8b1e-000000000001")
        .replace("{case_id}", "0197a1d2-0f6e-7c3a-8b1c-000000000001")
        .replace("{wallet_id}", &wallet_id(1))
        .replace("{merchant_id}", MERCHANT)
        .replace("{id}", PROGRAM)
        .replace("{list}", "suspended")
}

#[test]
fn every_route_is_for_its_roles_only() {
    let (site, keys, file) = site_with_keys();
    let server = site.serve(&["--clock", NOON, "--keys", &file]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let openapi = fs::read_to_string(root().join("gateway/openapi.json")).expect("it is there");
    let openapi: Value = serde_json::from_str(&openapi).expect("JSON");
    let wrong = keys["admin"].to_ascii_uppercase();
    let mut asked = 0;
    for (path, methods) in openapi["paths"].as_object().expect("paths") {
        let operations = methods.as_object().expect("methods").iter();
        for (method, operation) in operations.filter(|(method, _)| *method != "parameters") {
            let row = TABLE
                .iter()
                .find(|(m, p, _)| (m, p) == (&method.as_str(), &path.as_str()));
            let Some((_, _, roles)) = row else {
                panic!("{method} {path}: nobody said who may call it");
            };
            asked += 1;
            let mut methods = vec![method.to_ascii_uppercase()];
            if method == "get" {
                methods.push("HEAD".to_owned());
            }
            for method in &methods {
                let path = filled(path);
                let nobody = wire.call(method, &path, b"").expect("an answer");
                check(
                    &nobody,
                    roles.map_or(0, |_| 401),
                    &format!("{method} {path} without a key"),
                );
                let stranger = wire.call_with(&wrong, method, &path, b"").expect("an answer");
                check(
                    &stranger,
                    roles.map_or(0, |_| 401),
                    &format!("{method} {path} with a wrong key"),
                );
                for (role, key) in &keys {
                    let answer = wire.call_with(key, method, &path, b"").expect("an answer");
                    let refused = roles.is_some_and(|roles| !roles.contains(role));
                    check(
                        &answer,
                        if refused { 403 } else { 0 },
                        &format!("{method} {path} as {role}"),
                    );
                    if refused && method != "HEAD" {
                        let detail = answer.json()["detail"].as_str().expect("a detail").to_owned();
                        let named = roles.expect("refused").iter().all(|role| detail.contains(role));
                        assert!(named, "{method} {path}: {detail}");
                    }
                }
            }
            // What may be refused is described, and what may not is open.
            let is_open = operation["security"] == json!([]);
            assert_eq!(is_open, roles.is_none(), "{method} {path}: security");
            for status in ["401", "403"] {
                let told = operation["responses"][status].is_object();
                assert_eq!(told, roles.is_some(), "{method} {path}: {status} is described");
            }
        }
    }
    assert_eq!(asked, TABLE.len(), "a row of the table is no route");
    let scheme = &openapi["components"]["securitySchemes"]["key"];
    assert_eq!(
        (&scheme["type"], &scheme["scheme"]),
        (&json!("http"), &json!("bearer"))
    );
    assert_eq!(openapi["security"], json!([{ "key": [] }]));
    // Which routes there are is no secret.
    assert_eq!(
        wire.call("GET", "/v1/nothing", b"").expect("an answer").status,
        404
    );
    assert_eq!(
        wire.call("DELETE", "/v1/clock", b"").expect("an answer").status,
        405
    );
}

/// `refused` is 401 or 403, or 0 for any other answer.
#[track_caller]
fn check(answer: &Answer, refused: u16, what: &str) {
    if refused == 0 {
        assert!(![401, 403].contains(&answer.status), "{what}: {answer:?}");
        return;
    }
    assert_eq!(answer.status, refused, "{what}: {}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{what}"
    );
    let challenge = answer.header("www-authenticate");
    assert_eq!(challenge, (refused == 401).then_some("Bearer"), "{what}");
    if !answer.body.is_empty() {
        let code = if refused == 401 {
            "unauthorized"
        } else {
            "forbidden"
        };
        assert_eq!(answer.json()["code"], code, "{what}");
    }
}

#[test]
fn without_a_keys_file_nobody_is_asked() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    for (method, path, _) in TABLE {
        let method = method.to_ascii_uppercase();
        let answers = [
            wire.call(&method, &filled(path), b""),
            wire.call_with("nonsense", &method, &filled(path), b""),
        ];
        for answer in answers {
            check(&answer.expect("an answer"), 0, &format!("{method} {path}"));
        }
    }
}

#[test]
fn a_credential_that_is_no_bearer_token_is_refused_and_counted() {
    let (site, keys, file) = site_with_keys();
    let server = site.serve(&["--clock", NOON, "--keys", &file]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let mut call = |fields: &str| {
        wire.send(&request_with("GET", "/v1/programs", fields, b""))
            .expect("it is open");
        wire.read(false).expect("an answer").status
    };
    let viewer = &keys["viewer"];
    assert_eq!(call(&format!("authorization: bearer   {viewer} \r\n")), 200);
    let wrong = [
        format!("authorization: {viewer}\r\n"),
        format!("authorization: Basic {viewer}\r\n"),
        format!("authorization: Bearer {viewer}x\r\nauthorization: Bearer {viewer}\r\n"),
        format!("authorization: Bearer {viewer} {viewer}\r\n"),
        "authorization: Bearer \r\n".to_owned(),
        format!("authorization: Bearer {}\r\n", "a".repeat(1_000)),
    ];
    for fields in &wrong {
        assert_eq!(call(fields), 401, "{fields}");
    }
    assert_eq!(call(&format!("authorization: Bearer {viewer}x\r\n")), 401);
    assert_eq!(call(&format!("x-authorization: Bearer {viewer}\r\n")), 401);
    let forbidden = wire
        .call_with(viewer, "PUT", "/v1/clock", b"{}")
        .expect("an answer");
    assert_eq!(forbidden.status, 403);
    let metrics = wire
        .call_with(viewer, "GET", "/metrics", b"")
        .expect("an answer")
        .text();
    let counted = [
        ("missing", 1),
        ("malformed", wrong.len()),
        ("unknown", 1),
        ("role", 1),
    ];
    for (reason, count) in counted {
        let line = format!("satang_requests_refused_total{{reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
}

#[test]
fn a_caller_without_a_key_does_not_learn_that_the_engine_is_starting() {
    // SHA-256 of "abc".
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let text = format!("[[key]]\nname = \"s\"\nrole = \"switch\"\nsha256 = \"{hash}\"\n");
    let ring = KeyRing::new(Keys::load("keys", &text).expect("a good file"));
    let programs = ProgramSource::new(|| Ok(Vec::new()));
    let app = App::<FileStorage>::guarded(Arc::new(Metrics::new()), Arc::new(programs), Some(ring));
    let api = Api::new(app, |_| {});
    let status = |key: &str, method: http::Method, path: &str| {
        let mut headers = http::HeaderMap::new();
        if !key.is_empty() {
            let value = format!("Bearer {key}").parse().expect("a header");
            headers.insert(http::header::AUTHORIZATION, value);
        }
        let mut answer = pin!(api.respond(&method, path, &headers, WholeBody(None)));
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer.status.as_u16(),
            Poll::Pending => panic!("{path} waits"),
        }
    };
    let (get, post) = (http::Method::GET, http::Method::POST);
    for (method, path) in [
        (&post, "/v1/authorizations"),
        (&post, "/v1/quotes"),
        (&get, "/v1/programs"),
    ] {
        let of = |key: &str| status(key, method.clone(), path);
        assert_eq!((of(""), of("abd"), of("abc")), (401, 401, 503), "{path}");
    }
    assert_eq!(status("abc", post.clone(), "/v1/merchants/import"), 403);
    assert_eq!(status("abc", post, "/v1/registrations"), 403);
    assert_eq!(status("", get.clone(), "/readyz"), 503);
    assert_eq!(status("", get, "/healthz"), 200);
}

#[test]
fn with_keys_any_address_is_served_and_careless_ones_are_told() {
    let (site, keys, file) = site_with_keys();
    // Only an odd mode is a warning: the file holds hashes.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(&file, mode).expect("ours");
    let server = site.spawn_at("0.0.0.0", &["--clock", NOON, "--keys", &file]);
    let addr = server.addr();
    let (mut server, begun) = (server, Instant::now());
    let mut words = server.follow();
    words.until("others may read it (mode 644)");
    words.until("keys travel in the clear");
    words.until("callers need a key");
    let mut wire = Wire::open((std::net::Ipv4Addr::LOCALHOST, addr.port()).into()).expect("it listens");
    assert_eq!(
        wire.call("GET", "/v1/programs", b"").expect("an answer").status,
        401
    );
    let answer = wire.call_with(&keys["viewer"], "GET", "/v1/programs", b"");
    assert_eq!(answer.expect("an answer").status, 200);
    assert!(begun.elapsed() < PATIENCE);
}

#[test]
fn an_import_sends_its_key() {
    let (site, keys, file) = site_with_keys();
    let server = site.serve(&["--clock", NOON, "--keys", &file]);
    let url = format!("http://{}", server.addr());
    let lines = site.write("enrollments.ndjson", enrollment(1));
    let import = |more: &[&str]| {
        let lines = lines.to_str().expect("text");
        site.run(&[&["import", "enrollments", lines, "--server", &url], more].concat())
    };
    let without = import(&[]);
    check_refusal((without.code, without.stderr), &["401", "send a key"]);
    let key_file = site.write("switch.key", format!("{}\n", keys["switch"]));
    let other = import(&["--key-file", key_file.to_str().expect("text")]);
    check_refusal((other.code, other.stderr), &["403", "registrar or admin"]);
    let key_file = site.write("registrar.key", format!("{}\n", keys["registrar"]));
    let sent = import(&["--key-file", key_file.to_str().expect("text")]);
    assert_eq!((sent.code, sent.stderr.as_str()), (Some(0), ""), "{sent:?}");
    for wrong in [String::new(), format!("{} {}", keys["admin"], keys["admin"])] {
        let key_file = site.write("wrong.key", &wrong);
        let ended = import(&["--key-file", key_file.to_str().expect("text")]);
        assert!(!ended.stderr.contains(&keys["admin"]), "{}", ended.stderr);
        check_refusal(
            (ended.code, ended.stderr),
            &["wrong.key", "one key and nothing else"],
        );
    }
    let by_variable = site.run_with(
        &[("SATANG_KEY", &keys["admin"])],
        &[
            "import",
            "enrollments",
            lines.to_str().expect("text"),
            "--server",
            &url,
        ],
    );
    assert_eq!(by_variable.code, Some(0), "{by_variable:?}");
}
