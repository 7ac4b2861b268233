//! Who may call: every route with every role, with no key and with a wrong one; and what a key leaves behind.

use crate::{BINARY, check_refusal};
use satang_core::ids::Name;
use satang_core::record::{AdminRecord, NameNumber, Position, Record, RecordHeader};
use satang_engine::journal::{Visitor, scan};
use satang_engine::storage::FileStorage;
use satang_gateway::app::{Api, App, Metrics, WholeBody};
use satang_gateway::keys::{KeyRing, Keys};
use satang_tests::crash::wallet_id;
use satang_tests::process::PATIENCE;
use satang_tests::repository::root;
use satang_tests::site::{MERCHANT, NOON, PROGRAM, Site, enrollment, merchant, purchase};
use satang_tests::wire::{Answer, Wire, request_with};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// The roles there are.
pub const ROLES: [&str; 5] = ["switch", "registrar", "settlement", "admin", "viewer"];

/// Which roles may use which route, as docs/OPERATIONS.md says it. `None` needs no key.
const TABLE: [(&str, &str, Option<&[&str]>); 17] = [
    ("post", "/v1/authorizations", Some(&["switch"])),
    ("post", "/v1/authorizations/batch", Some(&["switch"])),
    ("post", "/v1/authorizations/{txn_id}/reversals", Some(&["switch"])),
    ("post", "/v1/quotes", Some(&["switch"])),
    ("get", "/v1/wallets/{wallet_id}", Some(&["admin", "viewer"])),
    ("get", "/v1/programs", Some(&ROLES)),
    ("get", "/v1/programs/{id}", Some(&ROLES)),
    ("put", "/v1/merchants/{merchant_id}", Some(&["admin"])),
    ("post", "/v1/merchants/import", Some(&["admin"])),
    ("post", "/v1/enrollments/import", Some(&["registrar", "admin"])),
    ("put", "/v1/wallets/{wallet_id}/status", Some(&["admin"])),
    ("put", "/v1/programs/{id}/status", Some(&["admin"])),
    ("put", "/v1/clock", Some(&["admin"])),
    ("get", "/healthz", None),
    ("get", "/readyz", None),
    ("get", "/metrics", Some(&["admin", "viewer"])),
    ("get", "/openapi.json", None),
];

/// A keys file with a key of each role, named like it; the keys by role.
pub fn make_keys(site: &Site) -> BTreeMap<&'static str, String> {
    let file = site.path("keys.toml");
    ROLES
        .map(|role| (role, make_key(site, &format!("{role}-1"), role, &file)))
        .into()
}

/// Makes a key and appends it to a file.
pub fn make_key(site: &Site, name: &str, role: &str, file: &Path) -> String {
    let file = file.to_str().expect("text");
    let ended = site.run(&["keys", "new", "--name", name, "--role", role, "--file", file]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let key = ended.stdout.trim_end().to_owned();
    assert!(key.starts_with("satang_") && key.len() == 50, "{key}");
    key
}

/// A data folder whose server knows a key of each role.
fn site_with_keys() -> (Site, BTreeMap<&'static str, String>, String) {
    let site = Site::new(BINARY);
    let keys = make_keys(&site);
    let file = site.path("keys.toml").to_str().expect("text").to_owned();
    (site, keys, file)
}

fn filled(path: &str) -> String {
    path.replace("{txn_id}", "0197a1d2-0f6e-7c3a-8b1e-000000000001")
        .replace("{wallet_id}", &wallet_id(1))
        .replace("{merchant_id}", MERCHANT)
        .replace("{id}", PROGRAM)
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
    let app = App::<FileStorage>::guarded(Arc::new(Metrics::new()), Some(ring));
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
    assert_eq!(status("abc", post, "/v1/merchants/import"), 403);
    assert_eq!(status("", get.clone(), "/readyz"), 503);
    assert_eq!(status("", get, "/healthz"), 200);
}

#[test]
fn a_wrong_keys_file_is_refused_by_line_and_repeats_no_value() {
    let site = Site::new(BINARY);
    let (hash, other) = ("1".repeat(64), "a".repeat(64));
    // Somebody pasted a key where it does not belong.
    let secret = "satang_THISISTHEKEYITSELF";
    let key = |name: &str, role: &str, hash: &str| {
        format!("[[key]]\nname = \"{name}\"\nrole = \"{role}\"\nsha256 = \"{hash}\"\n")
    };
    let good = key("a", "switch", &hash);
    let cases = [
        (String::new(), 1, "key", "nobody could call"),
        ("# nobody yet\n".to_owned(), 1, "key", "nobody could call"),
        (
            format!("{good}colour = \"red\"\n"),
            5,
            "key[0].colour",
            "unknown key",
        ),
        (format!("colour = \"red\"\n{good}"), 1, "colour", "unknown key"),
        (
            "[[key]]\nrole = \"switch\"\n".to_owned(),
            1,
            "key[0].name",
            "missing",
        ),
        (
            format!("[[key]]\nname = \"a\"\nsha256 = \"{hash}\"\n"),
            1,
            "key[0].role",
            "missing",
        ),
        (
            "[[key]]\nname = \"a\"\nrole = \"switch\"\n".to_owned(),
            1,
            "key[0].sha256",
            "missing",
        ),
        (key("Switch", "switch", &hash), 2, "key[0].name", "a-z"),
        (key("", "switch", &hash), 2, "key[0].name", "empty"),
        (key(&"a".repeat(65), "switch", &hash), 2, "key[0].name", "64"),
        (key(secret, "switch", &hash), 2, "key[0].name", "a-z"),
        (key("a", "root", &hash), 3, "key[0].role", "\"settlement\""),
        (key("a", "Switch", &hash), 3, "key[0].role", "\"switch\""),
        (key("a", secret, &hash), 3, "key[0].role", "one of"),
        (
            key("a", "switch", &hash[1..]),
            4,
            "key[0].sha256",
            "64 hex digits",
        ),
        (
            key("a", "switch", &hash.replacen('1', "g", 1)),
            4,
            "key[0].sha256",
            "64 hex digits",
        ),
        (
            key("a", "switch", secret),
            4,
            "key[0].sha256",
            "never the key itself",
        ),
        (
            format!("{good}{}", key("a", "viewer", &other)),
            6,
            "key[1].name",
            "on line 2",
        ),
        (
            format!("{good}{}", key("b", "viewer", &hash)),
            8,
            "key[1].sha256",
            "on line 4",
        ),
        (
            key("a", "switch", &other) + &key("b", "admin", &other.to_uppercase()),
            8,
            "key[1].sha256",
            "on line 4",
        ),
        (
            good.replace("\"switch\"", "7"),
            3,
            "key[0].role",
            "a text in quotes",
        ),
        (good.replace("[[key]]", "[key]"), 1, "key", "[[key]]"),
        (
            good.replace(&format!("\"{hash}\""), secret),
            4,
            "(file)",
            "not valid TOML",
        ),
        (format!("{good}{secret}\n"), 5, "(file)", "not valid TOML"),
        (good.replace("role", "name"), 3, "(file)", "not valid TOML"),
        (
            (0..65)
                .map(|n| key(&format!("k{n}"), "switch", &format!("{n:064x}")))
                .collect(),
            257,
            "key[64]",
            "at most 64",
        ),
        (" ".repeat(65_537), 1, "(file)", "at most 65536 bytes"),
    ];
    for (text, line, key, reason) in cases {
        let file = site.write("wrong.toml", &text);
        let (code, said) = site.refused(&["--keys", file.to_str().expect("text")]);
        let place = format!("wrong.toml:{line}: {key}: ");
        assert!(!said.contains("THISISTHEKEYITSELF"), "{said}");
        check_refusal((code, said), &[&place, reason]);
    }
    let absent = site.refused(&["--keys", "/nowhere/keys.toml"]);
    check_refusal(absent, &["/nowhere/keys.toml", "No such file"]);
    assert!(!site.data_dir().exists(), "nothing was touched");
}

#[test]
fn a_key_is_shown_once_and_only_its_hash_is_kept() {
    let site = Site::new(BINARY);
    let file = site.path("folder/keys.toml");
    fs::create_dir(site.path("folder")).expect("a folder");
    let first = make_key(&site, "switch-1", "switch", &file);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).expect("made").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let second = make_key(&site, "ops", "admin", &file);
    assert_ne!(first, second);
    let text = fs::read_to_string(&file).expect("made");
    assert!(
        !text.contains(&first) && !text.contains(&first["satang_".len()..]),
        "{text}"
    );
    let path = file.to_str().expect("text");
    let listed = site.run(&["keys", "list", "--file", path]);
    assert_eq!(
        (listed.code, listed.stdout.as_str()),
        (Some(0), "switch-1\tswitch\nops\tadmin\n")
    );
    // A name that is taken changes nothing.
    let twice = site.run(&["keys", "new", "--name", "ops", "--role", "viewer", "--file", path]);
    check_refusal(
        (twice.code, twice.stderr),
        &[path, "already a key of the name ops"],
    );
    assert_eq!(
        (twice.stdout.as_str(), fs::read_to_string(&file).expect("kept")),
        ("", text.clone())
    );
    // Nor does a file that is wrong, or one that somebody is writing.
    let broken = site.write("broken.toml", "[[key]]\nname = \"a\"\n");
    let broken = broken.to_str().expect("text");
    for command in [
        &["keys", "list", "--file", broken][..],
        &["keys", "new", "--name", "b", "--role", "viewer", "--file", broken],
    ] {
        let ended = site.run(command);
        check_refusal(
            (ended.code, ended.stderr),
            &["broken.toml:1: key[0].role: missing"],
        );
    }
    site.write("folder/keys.toml.tmp", "");
    let busy = site.run(&["keys", "new", "--name", "b", "--role", "viewer", "--file", path]);
    check_refusal((busy.code, busy.stderr), &["keys.toml.tmp", "remove it"]);
    assert_eq!(
        (busy.stdout.as_str(), fs::read_to_string(&file).expect("kept")),
        ("", text)
    );
    // Without a file the table goes to stderr, and a server takes it as it is.
    let shown = site.run(&["keys", "new", "--name", "looker", "--role", "viewer"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let file = site.write("shown.toml", &shown.stderr);
    let server = site.serve(&["--clock", NOON, "--keys", file.to_str().expect("text")]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let answer = wire.call_with(shown.stdout.trim_end(), "GET", "/v1/programs", b"");
    assert_eq!(answer.expect("an answer").status, 200);
    for wrong in [
        ["--name", "A", "--role", "viewer"],
        ["--name", "a", "--role", "root"],
    ] {
        let ended = site.run(&[&["keys", "new"][..], &wrong].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    }
}

#[test]
fn keys_are_read_again_without_a_restart() {
    let (site, keys, file) = site_with_keys();
    let mut server = site.serve(&["--clock", NOON, "--keys", &file]);
    let mut words = server.follow();
    words.until("listening on");
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let mut status = |key: &str| {
        wire.call_with(key, "GET", "/v1/programs", b"")
            .expect("an answer")
            .status
    };
    let (old, file) = (&keys["viewer"], Path::new(&file));
    let new = make_key(&site, "viewer-2", "viewer", file);
    assert_eq!((status(old), status(&new)), (200, 401), "not before the signal");
    server.hang_up();
    words.until("keys were read again: 6 from");
    assert_eq!(
        (status(old), status(&new)),
        (200, 200),
        "both, while one replaces the other"
    );
    // Without the old one: its owner has changed over.
    let text = fs::read_to_string(file).expect("made");
    let (before, after) = text
        .split_once("[[key]]\nname   = \"viewer-1\"")
        .expect("it is there");
    let rest = after.split_once("[[key]]").expect("another").1;
    fs::write(file, format!("{before}[[key]]{rest}")).expect("written");
    server.hang_up();
    words.until("keys were read again: 5 from");
    assert_eq!((status(old), status(&new)), (401, 200));
    fs::write(file, "[[key]]\nname = \"viewer-2\"\n").expect("written");
    server.hang_up();
    let said = words.until("keys stay as they were");
    assert!(said.contains("keys.toml:1: key[0].role: missing"), "{said}");
    assert_eq!(
        (status(old), status(&new)),
        (401, 200),
        "a wrong file changes nothing"
    );
    fs::remove_file(file).expect("it was there");
    server.hang_up();
    words.until("keys stay as they were");
    assert_eq!(status(&new), 200);
}

#[test]
fn a_hang_up_ends_a_server_that_has_nothing_to_read_again() {
    let site = Site::new(BINARY);
    let mut server = site.serve(&["--clock", NOON]);
    let mut words = server.follow();
    words.until("listening on");
    server.hang_up();
    assert_eq!(server.wait_for_code(), Some(0), "an orderly stop");
}

/// Every record of a data folder, and the name of each number.
#[derive(Default)]
struct Records {
    all: Vec<Record>,
    names: BTreeMap<NameNumber, Name>,
}

impl Visitor for Records {
    fn record(&mut self, header: &RecordHeader, bytes: &[u8], _: Position) -> Result<(), String> {
        let record = Record::decode(header, bytes).map_err(|error| error.to_string())?;
        if let Record::Admin {
            record: AdminRecord::Name { number, name },
            ..
        } = &record
        {
            self.names.insert(*number, *name);
        }
        self.all.push(record);
        Ok(())
    }
}

#[test]
fn records_say_whose_key_it_was_and_no_file_or_word_holds_the_key() {
    let (site, keys, file) = site_with_keys();
    let mut server = site.serve(&["--clock", NOON, "--keys", &file]);
    let mut words = server.follow();
    words.until("listening on");
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let mut call = |role: &str, method: &str, path: &str, body: &str, status: u16| {
        let answer = wire
            .call_with(&keys[role], method, path, body.as_bytes())
            .expect("an answer");
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert!(
            keys.values().all(|key| !answer.text().contains(key)),
            "{}",
            answer.text()
        );
        answer.text()
    };
    let reason = json!({ "status": "suspended", "reason": "a test" }).to_string();
    let merchant = merchant();
    call(
        "admin",
        "PUT",
        &format!("/v1/merchants/{MERCHANT}"),
        &merchant.to_string(),
        200,
    );
    let mut line = merchant;
    line["merchant_id"] = json!("010555000000001");
    call("admin", "POST", "/v1/merchants/import", &line.to_string(), 200);
    call("registrar", "POST", "/v1/enrollments/import", &enrollment(1), 200);
    call("admin", "POST", "/v1/enrollments/import", &enrollment(2), 200);
    call(
        "admin",
        "PUT",
        &format!("/v1/wallets/{}/status", wallet_id(2)),
        &reason,
        200,
    );
    call(
        "admin",
        "PUT",
        "/v1/programs/state-welfare-card/status",
        &reason,
        200,
    );
    let bought = call("switch", "POST", "/v1/authorizations", &purchase(1, 1, 100), 200);
    assert!(bought.contains("\"approved\""), "{bought}");
    call("switch", "PUT", "/v1/clock", "{}", 403);
    call("switch", "POST", "/v1/authorizations", "{", 400);
    server.hang_up();
    words.until("keys were read again");
    server.terminate();
    assert_eq!(server.wait_for_code(), Some(0));

    let storage = FileStorage::open_folder(&site.data_dir()).expect("the server is gone");
    let mut records = Records::default();
    scan(&storage, &mut records).expect("a good journal");
    let mut by: Vec<(&str, Option<&str>)> = Vec::new();
    for record in &records.all {
        match record {
            Record::Admin { by: name, record } => {
                let kind = match record {
                    AdminRecord::Merchant(_) => "merchant",
                    AdminRecord::WalletStatus { .. } => "wallet",
                    AdminRecord::ProgramStatus { .. } => "programme",
                    AdminRecord::Name { .. }
                    | AdminRecord::RuleVersion { .. }
                    | AdminRecord::RulesInForce(_) => continue,
                };
                by.push((kind, name.as_ref().map(Name::as_str)));
            }
            Record::Enrollment(record) => {
                by.push(("enrollment", records.names.get(&record.by()).map(Name::as_str)))
            }
            Record::Authorization { .. } | Record::Reversal(_) | Record::CutOver(_) => {}
        }
    }
    let expected = [
        ("merchant", Some("admin-1")),
        ("merchant", Some("admin-1")),
        ("enrollment", Some("registrar-1")),
        ("enrollment", Some("admin-1")),
        ("wallet", Some("admin-1")),
        ("programme", Some("admin-1")),
    ];
    assert_eq!(by, expected);

    let said = words.all();
    let mut kept = vec![("stderr".to_owned(), said.into_bytes())];
    gather(&site.data_dir(), &mut kept);
    kept.push(("keys.toml".to_owned(), fs::read(&file).expect("kept")));
    assert!(kept.len() >= 5, "the journal was looked at");
    for (name, bytes) in &kept {
        for (role, key) in &keys {
            // Without its prefix too: half a key is a leak as well.
            let key = &key.as_bytes()["satang_".len()..];
            let found = bytes.windows(key.len()).any(|window| window == key);
            assert!(!found, "the key of {role} stands in {name}");
        }
    }
}

fn gather(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => gather(&path, found),
            false => found.push((path.display().to_string(), fs::read(&path).expect("readable"))),
        }
    }
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
