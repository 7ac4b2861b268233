//! The clock: simulated ones are set and go on, real ones are trusted or not.

use crate::metrics::Scrape;
use crate::{BINARY, check_refusal};
use satang_gateway::time_daemon::keeps_the_clock;
use satang_tests::site::{NOON, Site, buy, prepare};
use satang_tests::wire::Wire;
use serde_json::{Value, json};

fn set(wire: &mut Wire, now: &str) -> (u16, Value) {
    let answer = wire
        .call("PUT", "/v1/clock", json!({ "now": now }).to_string().as_bytes())
        .expect("an answer");
    (answer.status, answer.json())
}

fn decided_at(answer: &str) -> String {
    let answer: Value = serde_json::from_str(answer).expect("JSON");
    answer["decided_at"].as_str().expect("an instant").to_owned()
}

#[test]
fn a_simulated_clock_goes_forward_only_and_on_over_restarts() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    assert!(decided_at(&buy(&mut wire, 1, 1, 100)).starts_with("2026-06-15T12:0"));
    let (status, set_to) = set(&mut wire, "2026-06-15T08:30:00Z");
    assert_eq!(status, 200);
    assert!(
        set_to["now"]
            .as_str()
            .is_some_and(|now| now.starts_with("2026-06-15T15:30:00") && now.ends_with("+07:00")),
        "{set_to}"
    );
    let (status, problem) = set(&mut wire, "2026-06-15T15:29:59+07:00");
    assert_eq!(
        (status, &problem["status"], &problem["code"]),
        (409, &json!(409), &json!("clock_refused")),
        "{problem}"
    );
    let at_half_past_three = decided_at(&buy(&mut wire, 2, 1, 100));
    assert!(
        at_half_past_three.as_str() >= "2026-06-15T15:30:00",
        "the refusal set it back: {at_half_past_three}"
    );
    server.kill();

    // The journal is later than the flag.
    let server = site.serve(&["--clock", NOON]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    assert_eq!(set(&mut wire, "2026-06-15T15:00:00+07:00").0, 409);
    let later = decided_at(&buy(&mut wire, 3, 1, 100));
    assert!(
        later >= at_half_past_three,
        "{later} is before {at_half_past_three}"
    );
    server.kill();

    // The flag is later than the journal.
    let server = site.serve(&["--clock", "simulated:2026-06-16T09:00:00+07:00"]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    assert!(decided_at(&buy(&mut wire, 4, 1, 100)).starts_with("2026-06-16T09:0"));
}

#[test]
fn a_real_clock_is_not_set() {
    let site = Site::new(BINARY);
    let server = site.serve(&[]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    for body in [
        &json!({ "now": "2099-06-15T12:00:00+07:00" }).to_string(),
        "{}",
        "",
    ] {
        let answer = wire.call("PUT", "/v1/clock", body.as_bytes()).expect("an answer");
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, Some("application/problem+json")),
            "{body}"
        );
    }
}

#[test]
fn a_clock_behind_the_journal_decides_nothing_until_it_is_confirmed() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", "simulated:2150-01-01T12:00:00+07:00"]);
    prepare(&server, 1);
    let last = decided_at(&buy(
        &mut Wire::open(server.addr()).expect("it listens"),
        1,
        1,
        100,
    ));
    server.kill();

    let server = site.spawn(&[]);
    let mut wire = open_when_it_listens(server.addr());
    assert_eq!(wire.call("GET", "/healthz", b"").expect("an answer").status, 200);
    let purchase = satang_tests::site::purchase(2, 1, 100);
    let code = loop {
        let answer = wire
            .call("POST", "/v1/authorizations", purchase.as_bytes())
            .expect("an answer");
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(
            answer
                .header("retry-after")
                .is_some_and(|after| after.parse::<u32>().is_ok()),
            "{answer:?}"
        );
        // Until recovery is done the answer is another one.
        match answer.json()["code"].as_str().expect("a code") {
            "not_ready" => std::thread::yield_now(),
            code => break code.to_owned(),
        }
    };
    assert_eq!(code, "clock_not_trusted");
    let ready = wire.call("GET", "/readyz", b"").expect("an answer");
    assert_eq!(ready.status, 503, "{}", ready.text());
    let why = ready.json()["detail"].as_str().expect("it says why").to_owned();
    assert!(why.contains("before the journal's last record"), "{why}");
    let scraped = Scrape::of(server.addr());
    assert_eq!(scraped.value("satang_clock_trusted"), 0.0);
    assert!(scraped.value("satang_refusals_total{code=\"clock_not_trusted\"}") >= 2.0);
    server.terminate();
    let (code, said) = server.wait();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("2150-01-01"), "{said}");
    let flag = |said: &str| {
        let from = said.find("--accept-clock=").expect("it names the flag");
        let text = &said[from..];
        text[..text.find(char::is_whitespace).unwrap_or(text.len())].to_owned()
    };
    // Without the instant it says which one it would be.
    let (code, bare) = site.refused(&["--accept-clock"]);
    assert_eq!(code, Some(2), "{bare}");
    assert!(flag(&bare).ends_with("+07:00"), "{bare}");

    let server = site.serve(&[&flag(&said)]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let again = buy(&mut wire, 1, 1, 100);
    assert!(again.contains("\"replayed\":true"), "{again}");
    let next = buy(&mut wire, 2, 1, 100);
    assert!(
        next.contains("\"replayed\":false"),
        "nothing was decided while the clock was wrong: {next}"
    );
    assert!(
        decided_at(&next) >= last,
        "decided_at never decreases: {next}, before it {last}"
    );
}

#[test]
fn a_simulated_clock_out_of_range_is_refused() {
    let site = Site::new(BINARY);
    let (code, said) = site.refused(&["--clock", "simulated:1999-12-31T23:59:59+07:00"]);
    assert_ne!(code, Some(0), "{said}");
    let server = site.serve(&["--clock", NOON]);
    server.kill();
    // A good folder is not harmed by a refusal.
    let (_, said) = site.refused(&["--clock", "noon"]);
    assert!(said.contains("simulated:"), "{said}");
    check_refusal(
        site.refused(&["--clock", NOON, "programs=/no/such/folder"]),
        &["/no/such/folder"],
    );
    site.serve(&["--clock", NOON]).kill();
}

pub(crate) fn open_when_it_listens(addr: std::net::SocketAddr) -> Wire {
    let begun = std::time::Instant::now();
    loop {
        match Wire::open(addr) {
            Ok(wire) => return wire,
            Err(error) => assert!(
                begun.elapsed() < satang_tests::process::PATIENCE,
                "it does not listen: {error}"
            ),
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_clock_that_nobody_keeps_is_told_of_or_refused() {
    let site = Site::new(BINARY);
    let is_kept = keeps_the_clock() == Some(true);
    if !is_kept {
        let refused = site.refused(&["--require-synced-clock"]);
        check_refusal(refused, &["--require-synced-clock: "]);
    }
    let server = match is_kept {
        true => site.serve(&["--require-synced-clock"]),
        false => site.serve(&[]),
    };
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let metrics = wire.call("GET", "/metrics", b"").expect("an answer");
    let kept = format!("\nsatang_clock_synchronized {}\n", u8::from(is_kept));
    assert!(metrics.text().contains(&kept), "{}", metrics.text());
    server.terminate();
    let (code, said) = server.wait();
    assert_eq!(
        (code, said.contains("time daemon")),
        (Some(0), !is_kept),
        "{said}"
    );

    // A simulated clock is nobody's to keep.
    check_refusal(
        site.refused(&["--clock", NOON, "--require-synced-clock"]),
        &["--require-synced-clock: does not go with --clock"],
    );
    let server = site.serve_folder(&site.path("simulated"), &["--clock", NOON]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let metrics = wire.call("GET", "/metrics", b"").expect("an answer");
    assert!(!metrics.text().contains("satang_clock_synchronized"));
}
