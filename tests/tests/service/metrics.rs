//! What a scrape says of the server beside its decisions: what it refuses, and how it stands.

use crate::BINARY;
use satang_tests::process::PATIENCE;
use satang_tests::site::{NOON, Site, buy, prepare};
use satang_tests::wire::{Wire, request_with};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The series of one scrape.
pub(crate) struct Scrape(String);

impl Scrape {
    #[track_caller]
    pub(crate) fn of(addr: SocketAddr) -> Scrape {
        let mut wire = Wire::open(addr).expect("it listens");
        let answer = wire.call("GET", "/metrics", b"").expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        Scrape(answer.text())
    }

    /// The value of a series, with its labels as they are printed.
    #[track_caller]
    pub(crate) fn value(&self, series: &str) -> f64 {
        let mut lines = self.0.lines();
        let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no {series} in\n{}", self.0));
        value.parse().expect("a number")
    }
}

/// Scrapes until `is_so`.
#[track_caller]
fn scrape_until(addr: SocketAddr, is_so: impl Fn(&Scrape) -> bool) -> Scrape {
    let begun = Instant::now();
    loop {
        let scrape = Scrape::of(addr);
        if is_so(&scrape) {
            return scrape;
        }
        assert!(begun.elapsed() < PATIENCE, "it never becomes so:\n{}", scrape.0);
        std::thread::yield_now();
    }
}

fn since_epoch(at: SystemTime) -> Duration {
    at.duration_since(UNIX_EPOCH).expect("after 1970")
}

#[test]
fn every_refusal_is_counted_by_its_code() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let large = format!("x: {}\r\n", "x".repeat(100_000));
    let requests: [(Vec<u8>, u16, &str); 7] = [
        (request_with("GET", "/nowhere", "", b""), 404, "not_found"),
        (
            request_with("GET", "/v1/wallets/000000000000001", "", b""),
            404,
            "not_found",
        ),
        (request_with("PUT", "/readyz", "", b""), 405, "method_not_allowed"),
        (request_with("POST", "/v1/quotes", "", b"{"), 400, "malformed"),
        (
            request_with("PUT", "/v1/clock", "", br#"{"now":"2026-06-01T12:00:00+07:00"}"#),
            409,
            "clock_refused",
        ),
        // The library answers these two.
        (b"GET / \x01HTTP/1.1\r\n\r\n".to_vec(), 400, "bad_request"),
        (
            request_with("GET", "/healthz", &large, b""),
            431,
            "header_too_large",
        ),
    ];
    let mut expected = std::collections::BTreeMap::new();
    for (bytes, status, code) in requests {
        let mut wire = Wire::open(server.addr()).expect("it listens");
        // A head that is too large may be answered before all of it is sent.
        let _ = wire.send(&bytes);
        let answer = wire.read(false).expect("an answer");
        assert_eq!(answer.status, status, "{code}: {}", answer.text());
        *expected.entry(code).or_insert(0.0) += 1.0;
    }
    // The listener's own refusal: a second Host.
    let mut wire = Wire::open(server.addr()).expect("it listens");
    wire.send(&request_with("GET", "/healthz", "host: b\r\n", b""))
        .expect("sent");
    assert_eq!(wire.read(false).expect("an answer").status, 400);
    *expected.entry("bad_request").or_insert(0.0) += 1.0;

    let of = |code: &str| format!("satang_refusals_total{{code=\"{code}\"}}");
    let scrape = scrape_until(server.addr(), |scrape| {
        expected
            .iter()
            .all(|(code, count)| scrape.value(&of(code)) >= *count)
    });
    for (code, count) in expected {
        assert_eq!(scrape.value(&of(code)), count, "{code}");
    }
    assert_eq!(
        scrape.value(&of("overloaded")),
        0.0,
        "a series is there before its first count"
    );
}

#[test]
fn a_scrape_says_how_the_server_stands() {
    let site = Site::new(BINARY);
    let begun = SystemTime::now();
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    buy(&mut wire, 1, 1, 100);
    // Before anything is half sent: that has seconds, and zeroing takes as long as the disk does.
    scrape_until(server.addr(), |scrape| {
        scrape.value("satang_spare_segments") == 3.0
    });
    // Idle, half sent, and waiting for its body.
    let _idle = Wire::open(server.addr()).expect("it listens");
    let mut half = Wire::open(server.addr()).expect("it listens");
    half.send(b"GET /healthz HT").expect("sent");
    let mut serving = Wire::open(server.addr()).expect("it listens");
    serving
        .send(b"POST /v1/quotes HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{")
        .expect("sent");
    let state =
        |scrape: &Scrape, state| scrape.value(&format!("satang_connections_by_state{{state=\"{state}\"}}"));
    let scrape = scrape_until(server.addr(), |scrape| {
        let states = ["idle", "head", "serving"].map(|name| state(scrape, name));
        states[0] >= 2.0 && states[1..] == [1.0, 1.0]
    });
    assert_eq!(scrape.value("satang_clock_trusted"), 1.0);
    let (free, size) = (
        scrape.value("satang_disk_free_bytes"),
        scrape.value("satang_disk_size_bytes"),
    );
    assert!(free > 0.0 && free <= size, "{free} of {size}");
    let is_recent = |seconds: f64| {
        let (from, to) = (
            since_epoch(begun).as_secs_f64(),
            since_epoch(SystemTime::now()).as_secs_f64(),
        );
        (from..=to).contains(&seconds)
    };
    assert!(is_recent(scrape.value("satang_last_durable_timestamp_seconds")));
    assert_eq!(scrape.value("satang_snapshot_timestamp_seconds"), 0.0);
    assert_eq!(
        wire.call("POST", "/v1/snapshots", b"").expect("an answer").status,
        200
    );
    assert!(is_recent(
        Scrape::of(server.addr()).value("satang_snapshot_timestamp_seconds")
    ));
    server.kill();

    // A start tells of the snapshot that it has read.
    let server = site.serve(&["--clock", NOON]);
    let at = Scrape::of(server.addr()).value("satang_snapshot_timestamp_seconds");
    assert!(at > since_epoch(begun).as_secs_f64() - 1.0, "{at}");
}
