//! Where a key ends: taken away in the middle of an import, before its first day and after its last, elsewhere than it may be used.

use crate::keys::make_key;
use crate::{BINARY, check_refusal};
use satang_gateway::server::Peer;
use satang_tests::certificates::{Authority, Certificate, connect};
use satang_tests::crash::{citizen_id, wallet_id};
use satang_tests::process::PATIENCE;
use satang_tests::site::{NOON, Site, enrollment};
use satang_tests::wire::Wire;
use serde_json::{Value, json};
use std::fs;
use std::time::Instant;

/// Lines of an import that are written together.
const LINES: u64 = 256;

/// Asks until the answer has `word` in it.
fn ask_until(wire: &mut Wire, key: &str, path: &str, word: &str) {
    let begun = Instant::now();
    loop {
        let answer = wire.call_with(key, "GET", path, b"").expect("an answer");
        if answer.text().contains(word) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "never {word}: {}", answer.text());
        std::thread::yield_now();
    }
}

#[test]
fn a_key_that_is_taken_away_ends_its_import_at_the_next_line() {
    let site = Site::new(BINARY);
    let file = site.path("keys.toml");
    let admin = make_key(&site, "admin-1", "admin", &file);
    let kept = fs::read_to_string(&file).expect("made");
    let key = make_key(&site, "registrar-1", "registrar", &file);
    let both = fs::read_to_string(&file).expect("made");
    let mut server = site.serve(&["--clock", NOON, "--keys", file.to_str().expect("text")]);
    let mut words = server.follow();
    words.until("listening on");
    let mut ops = Wire::open(server.addr()).expect("it listens");

    let lines: fn(u64) -> String = |number| citizen_id(number) + "\n";
    let wallet = |number| format!("/v1/wallets/{}", wallet_id(number));
    let cases = [
        // Gone from the file, of another role now, and somebody else's.
        (
            "/v1/enrollments/import",
            enrollment as fn(u64) -> String,
            wallet(LINES),
            wallet_id(LINES),
            kept,
            401,
            "not known here",
        ),
        (
            "/v1/lists/suspended/import",
            lines,
            "/v1/lists".to_owned(),
            format!("\"citizens\":{LINES}"),
            both.replace("\"registrar\"", "\"viewer\""),
            403,
            "registrar or admin",
        ),
        (
            "/v1/lists/renamed/import",
            lines,
            "/v1/lists".to_owned(),
            "\"list\":\"renamed\"".to_owned(),
            both.replace("registrar-1", "registrar-2"),
            401,
            "not known here",
        ),
    ];
    for (path, line, shown, word, without, status, reason) in cases {
        fs::write(&file, &both).expect("written");
        server.hang_up();
        words.until("keys were read again: 2 from");
        let text = |numbers: std::ops::RangeInclusive<u64>| numbers.map(line).collect::<String>();
        let (before, after) = (text(1..=LINES), text(LINES + 1..=2 * LINES));
        // So long that the answer does not wait for the rest.
        let len = 1 << 20;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {key}\r\ncontent-length: {len}\r\n\r\n"
        );
        let mut wire = Wire::open(server.addr()).expect("it listens");
        wire.send(&[head.as_bytes(), before.as_bytes()].concat())
            .expect("it is open");
        ask_until(&mut ops, &admin, &shown, &word);

        fs::write(&file, &without).expect("written");
        server.hang_up();
        words.until("keys were read again");
        // One line and part of another: it need not come to a whole write.
        wire.send(&after.as_bytes()[..line(1).len() + 3])
            .expect("it is open");
        let answer = wire.read(false).expect("an answer");
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        let detail = answer.json()["detail"].as_str().expect("a detail").to_owned();
        let ended = format!(
            "the import ended behind line {LINES}: {LINES} lines were accepted before, and they stand"
        );
        assert!(
            detail.contains(reason) && detail.ends_with(&ended),
            "{path}: {detail}"
        );
    }
    let next = ops
        .call_with(&admin, "GET", &wallet(LINES + 1), b"")
        .expect("an answer");
    assert_eq!(next.status, 404, "{}", next.text());
    let metrics = ops
        .call_with(&admin, "GET", "/metrics", b"")
        .expect("an answer")
        .text();
    for (reason, count) in [("unknown", 2), ("role", 1)] {
        let line = format!("satang_requests_refused_total{{reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
}

/// Makes a key and puts these lines into its table.
fn limited(site: &Site, name: &str, role: &str, lines: &str) -> String {
    let file = site.path("keys.toml");
    let key = make_key(site, name, role, &file);
    let text = fs::read_to_string(&file).expect("made");
    fs::write(&file, text + lines + "\n").expect("written");
    key
}

#[test]
fn a_key_counts_on_its_days_by_the_engines_clock() {
    let site = Site::new(BINARY);
    let later = limited(&site, "later", "viewer", "not_before = 2026-06-16");
    let over = limited(&site, "over", "viewer", "expires = 2026-06-14");
    let today = limited(
        &site,
        "today",
        "viewer",
        "not_before = 2026-06-15\nexpires = 2026-06-15",
    );
    let admin = make_key(&site, "admin-1", "admin", &site.path("keys.toml"));
    let file = site.path("keys.toml").to_str().expect("text").to_owned();
    let listed = site.run(&["keys", "list", "--file", &file]);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = listed.stdout.lines().map(words).collect();
    let without_fingerprint = |row: &Vec<String>| [&row[..2], &row[3..]].concat().join(" ");
    let rows: Vec<String> = rows.iter().map(without_fingerprint).collect();
    let expected = [
        "name role not_before expires",
        "later viewer 2026-06-16 -",
        "over viewer - 2026-06-14",
        "today viewer 2026-06-15 2026-06-15",
        "admin-1 admin - -",
    ];
    assert_eq!(
        (listed.code, rows),
        (Some(0), expected.map(str::to_owned).to_vec())
    );
    // Columns begin below each other.
    let column = listed.stdout.find("expires").expect("a heading");
    assert!(
        listed
            .stdout
            .lines()
            .all(|line| line.as_bytes()[column - 1] == b' '),
        "{}",
        listed.stdout
    );
    let server = site.serve(&["--clock", NOON, "--keys", &file]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let mut check = |key: &str, status: u16, reason: &str| {
        let answer = wire
            .call_with(key, "GET", "/v1/programs", b"")
            .expect("an answer");
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(reason), "{}", answer.text());
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, (status == 401).then_some("Bearer"));
    };
    check(&later, 401, "may not be used yet");
    check(&over, 401, "has expired");
    check(&today, 200, "");
    let mut ops = Wire::open(server.addr()).expect("it listens");
    let set = ops.call_with(
        &admin,
        "PUT",
        "/v1/clock",
        br#"{"now":"2026-06-16T00:00:00+07:00"}"#,
    );
    assert_eq!(set.expect("an answer").status, 200);
    check(&later, 200, "");
    check(&over, 401, "has expired");
    check(&today, 401, "has expired");
    let metrics = ops
        .call_with(&admin, "GET", "/metrics", b"")
        .expect("an answer")
        .text();
    for (reason, count) in [
        ("not_yet", 1),
        ("expired", 3),
        ("address", 0),
        ("certificate", 0),
        ("clock", 0),
    ] {
        let line = format!("satang_requests_refused_total{{reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
}

#[test]
fn a_key_counts_from_its_addresses_and_with_its_certificate() {
    let site = Site::new(BINARY);
    let (authority, roots) = (Authority::new("ours"), Authority::new("banks"));
    let (bank, other) = (roots.issue(), roots.issue());
    let fingerprint: String = Peer::fingerprint(&bank.der())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let pinned = limited(
        &site,
        "pinned",
        "viewer",
        &format!("client_cert_sha256 = \"{fingerprint}\""),
    );
    let near = limited(
        &site,
        "near",
        "viewer",
        "addresses = [\"192.0.2.0/24\", \"127.0.0.0/8\"]",
    );
    let far = limited(&site, "far", "viewer", "addresses = [\"192.0.2.0/24\", \"::1\"]");
    let file = site.path("keys.toml").to_str().expect("text").to_owned();
    let listed = site.run(&["keys", "list", "--file", &file, "--json"]).stdout;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let of = |name: &str| {
        listed
            .as_array()
            .expect("a list")
            .iter()
            .find(|key| key["name"] == name)
            .expect("listed")
            .clone()
    };
    assert_eq!(of("pinned")["client_cert_sha256"], fingerprint.to_string());
    let shown = of("far");
    assert_eq!(shown["addresses"], json!(["192.0.2.0/24", "::1/128"]));
    let mut keys: Vec<&str> = shown
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort();
    assert_eq!(
        keys,
        ["addresses", "fingerprint", "name", "role"],
        "what the file says, and no more"
    );
    let own = authority.issue();
    let (cert, key) = (site.write("own.crt", &own.cert), site.write("own.key", &own.key));
    let ca = site.write("ca.crt", roots.pem());
    let text = |path: &std::path::Path| path.to_str().expect("text").to_owned();
    let (cert, key, ca) = (text(&cert), text(&key), text(&ca));
    let mut server = site.spawn(&[
        "--clock",
        NOON,
        "--keys",
        &file,
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
        "--client-ca",
        &ca,
    ]);
    let mut words = server.follow();
    words.until("listening on https://");
    let ask = |key: &str, identity: &Certificate| {
        let mut wire = connect(server.addr(), &authority, Some(identity), &[]).expect("a handshake");
        // Who has not come with it learns neither the key's role nor anything else.
        let answer = wire.call_with(key, "PUT", "/v1/clock", b"{}").expect("an answer");
        assert_eq!(answer.status, 403, "{}", answer.text());
        answer.json()["detail"].as_str().expect("a detail").to_owned()
    };
    let role = "this needs a key of the role admin";
    assert_eq!(ask(&pinned, &bank), role);
    assert_eq!(
        ask(&pinned, &other),
        "this key may be used with its own client certificate only"
    );
    assert_eq!(ask(&near, &other), role);
    assert_eq!(ask(&far, &other), "this key may not be used from this address");
}

#[test]
fn limits_that_nobody_could_mean_are_refused_by_line_and_key() {
    let site = Site::new(BINARY);
    let key = format!(
        "[[key]]\nname = \"a\"\nrole = \"switch\"\nsha256 = \"{}\"\n",
        "1".repeat(64)
    );
    let cases = [
        ("expires = \"2026-06-15\"", "expires", "a date like"),
        ("expires = 2569-06-15", "expires", "C.E."),
        ("not_before = 2026-06-15T12:00:00", "not_before", "a date like"),
        (
            "expires = 2026-06-14\nnot_before = 2026-06-15",
            "expires",
            "not be before not_before",
        ),
        ("addresses = \"10.0.0.0/8\"", "addresses", "a list"),
        ("addresses = []", "addresses", "nobody could call"),
        (
            "addresses = [\"10.0.0.1/8\"]",
            "addresses[0]",
            "bits behind the first 8",
        ),
        (
            "addresses = [\"::1\", \"bank.example\"]",
            "addresses[1]",
            "an address range",
        ),
        (
            "client_cert_sha256 = \"satang_THISISTHEKEYITSELF\"",
            "client_cert_sha256",
            "64 hex digits",
        ),
        (
            "expired = 2026-06-15",
            "expired",
            "unknown key; the keys here are name, role, sha256, acquirer, not_before",
        ),
    ];
    for (lines, name, reason) in cases {
        let file = site.write("wrong.toml", format!("{key}{lines}\n"));
        let (code, said) = site.refused(&["--keys", file.to_str().expect("text")]);
        assert!(!said.contains("THISISTHEKEYITSELF"), "{said}");
        check_refusal((code, said), &[&format!("wrong.toml:5: key[0].{name}: "), reason]);
    }
}
