//! Who may call: every route with every role, with no key and with a wrong one.

use crate::keys::site_with_keys;
use crate::routes::filled;
use crate::{BINARY, check_refusal};
use http::Method;
use satang_gateway::app::{Api, App, Metrics, ROUTES, Route, WholeBody};
use satang_gateway::keys::{KeyRing, Keys};
use satang_gateway::programs::ProgramSource;
use satang_log::storage::FileStorage;
use satang_tests::process::PATIENCE;
use satang_tests::site::{NOON, Site, enrollment};
use satang_tests::wire::{Answer, Wire, request_with};
use std::collections::BTreeMap;
use std::fs;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

#[test]
fn every_route_is_for_its_roles_only() {
    let (site, keys, file) = site_with_keys();
    let server = site.serve(&["--clock", NOON, "--keys", &file]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let wrong = keys["admin"].to_ascii_uppercase();
    for route in ROUTES {
        let mut methods = vec![route.method.as_str()];
        if route.method == Method::GET {
            methods.push("HEAD");
        }
        for method in methods {
            check_roles(&mut wire, &keys, &wrong, method, route);
        }
    }
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

/// Asks without a key, with a wrong one, and as every role.
fn check_roles(
    wire: &mut Wire,
    keys: &BTreeMap<&'static str, String>,
    wrong: &str,
    method: &str,
    route: &Route,
) {
    let path = filled(route.template);
    let named: Option<Vec<&str>> = route
        .roles
        .map(|roles| roles.iter().map(|role| role.name()).collect());
    let unauthorized = named.as_ref().map_or(0, |_| 401);
    let nobody = wire.call(method, &path, b"").expect("an answer");
    check(&nobody, unauthorized, &format!("{method} {path} without a key"));
    let stranger = wire.call_with(wrong, method, &path, b"").expect("an answer");
    check(
        &stranger,
        unauthorized,
        &format!("{method} {path} with a wrong key"),
    );
    for (role, key) in keys {
        let answer = wire.call_with(key, method, &path, b"").expect("an answer");
        let refused = named.as_ref().filter(|roles| !roles.contains(role));
        let status = refused.map_or(0, |_| 403);
        check(&answer, status, &format!("{method} {path} as {role}"));
        if let Some(roles) = refused.filter(|_| method != "HEAD") {
            let detail = answer.json()["detail"].as_str().expect("a detail").to_owned();
            assert!(
                roles.iter().all(|role| detail.contains(role)),
                "{method} {path}: {detail}"
            );
        }
    }
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
    for route in ROUTES {
        let (method, path) = (route.method.as_str(), filled(route.template));
        let answers = [
            wire.call(method, &path, b""),
            wire.call_with("nonsense", method, &path, b""),
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
