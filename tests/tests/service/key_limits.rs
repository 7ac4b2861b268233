//! Where a key ends: taken away in the middle of an import.

use crate::BINARY;
use crate::keys::make_key;
use satang_tests::crash::{citizen_id, wallet_id};
use satang_tests::process::PATIENCE;
use satang_tests::site::{NOON, Site, enrollment};
use satang_tests::wire::Wire;
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
        // Gone from the file, and of another role now.
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
    for reason in ["unknown", "role"] {
        let line = format!("satang_requests_refused_total{{reason=\"{reason}\"}} 1\n");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
}
