use super::*;
use crate::stats::Answered;
use crate::workload::Kind;

const AUTHORIZATION: Kind = Kind::Authorization;

/// So many purchases, sent and answered with this status within a microsecond.
fn answered(count: u64, status: u16) -> Stats {
    let mut stats = Stats::new();
    for _ in 0..count {
        stats.sent(AUTHORIZATION, 1);
        let times = Answered {
            intended_ns: 0,
            sent_ns: 0,
            done_ns: 1_000,
        };
        stats.answered(AUTHORIZATION, times, status);
    }
    stats
}

/// So many purchases with these decisions, all answered rightly.
fn decided(outcomes: &[(&str, &str, u64)]) -> Stats {
    let mut stats = answered(outcomes.iter().map(|(_, _, count)| count).sum(), 200);
    for (decision, reason, count) in outcomes {
        stats.outcomes_alike(AUTHORIZATION, decision.as_bytes(), reason.as_bytes(), *count);
        for _ in 0..*count {
            stats.right(AUTHORIZATION, 1);
        }
    }
    stats
}

fn seen(counted: Stats) -> Seen {
    Seen {
        warmup: Stats::new(),
        counted,
    }
}

/// Between so many approved, else daily caps.
fn expecting(least: u64, most: u64) -> Expected {
    Expected {
        kinds: vec![Wanted {
            kind: AUTHORIZATION,
            least,
            most,
            why: "asked for".into(),
            reasons: vec!["daily_cap_exhausted".into()],
        }],
        ..Expected::default()
    }
}

#[track_caller]
fn check(counted: Stats, expected: &Expected, wanted: &[&str]) {
    let found = reasons(&seen(counted), expected);
    assert_eq!(found.len(), wanted.len(), "{found:?}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(found.contains(wanted), "{found:?} lacks {wanted:?}");
    }
}

#[test]
fn a_run_that_got_what_it_should_has_no_reason_against_it() {
    let mut expected = expecting(90, 100);
    expected.p99_ms_max = Some(1.0);
    let stats = decided(&[
        ("approved", "approved", 95),
        ("declined", "daily_cap_exhausted", 5),
    ]);
    check(stats, &expected, &[]);
    assert_eq!(first_line(&[]), "PASSED\n");
}

#[test]
fn nothing_answered_is_told_by_what_was_sent() {
    let nothing = Expected::default();
    check(Stats::new(), &nothing, &["no request was sent"]);
    let mut refused = Stats::new();
    refused.connect_failures = 7;
    check(
        refused,
        &nothing,
        &["the server took no connection", "7 connections"],
    );
    let mut silent = Stats::new();
    silent.sent(AUTHORIZATION, 1);
    silent.lost("reset", 1);
    check(
        silent,
        &nothing,
        &["none of 1 requests was answered", "(1 reset)"],
    );
    check(answered(3, 200), &nothing, &["none of 3 answers was right"]);
}

#[test]
fn each_fault_alone_fails_a_run_that_is_good_otherwise() {
    let good = || decided(&[("approved", "approved", 100)]);
    let with = |spoil: fn(&mut Stats), wanted: &str| {
        let mut stats = good();
        spoil(&mut stats);
        check(stats, &expecting(90, 100), &[wanted]);
    };
    with(
        |stats| stats.lost("reset", 1_000),
        "1 of 100 requests were not answered",
    );
    with(
        |stats| stats.not_sent(1_000),
        "1 requests that were due were not sent",
    );
    with(
        |stats| stats.connect_failures += 1,
        "1 connections could not be opened",
    );
    with(
        |stats| stats.breach("p", b""),
        "1 of 100 answers broke a promise: p",
    );
    with(|stats| stats.refused(500, b""), "1 of 100 answers were 500: ");
    check(good(), &expecting(101, 101), &["expected at least 101"]);
    check(good(), &expecting(0, 99), &["expected at most 99"]);
}

#[test]
fn a_limit_of_the_p99_is_kept_by_what_was_lost_or_not_sent_too() {
    let with_limit = |ms| Expected {
        p99_ms_max: Some(ms),
        ..expecting(0, 100)
    };
    let good = || decided(&[("approved", "approved", 10)]);
    check(good(), &with_limit(0.01), &[]);
    check(good(), &with_limit(0.0001), &["p99 0.001 ms is above 0.0001 ms"]);
    let mut waited = good();
    waited.not_sent(2_000_000_000);
    check(waited, &with_limit(0.01), &["were not sent", "p99 "]);
}

#[test]
fn only_the_503_of_an_overloaded_server_may_be_allowed() {
    let refused = |code: &str| {
        let mut stats = decided(&[("approved", "approved", 8)]);
        for _ in 0..2 {
            stats.kinds[AUTHORIZATION as usize].answered += 1;
            stats.refused(503, format!("{{\"code\":\"{code}\"}}").as_bytes());
        }
        stats
    };
    let allowing = |overload_max| Expected {
        overload_max,
        ..expecting(0, 8)
    };
    check(
        refused("overloaded"),
        &allowing(0.0),
        &["2 of 10 answers were 503 overloaded"],
    );
    check(
        refused("overloaded"),
        &allowing(0.1),
        &["allowed is a share of 0.1"],
    );
    check(refused("overloaded"), &allowing(0.2), &[]);
    check(refused(""), &allowing(0.2), &[]);
    for other in ["disk_full", "storage_failed", "not_ready"] {
        check(refused(other), &allowing(1.0), &[&format!("503 {other}: ")]);
    }
}

#[test]
fn faults_come_in_the_order_of_their_weight() {
    let mut stats = decided(&[
        ("approved", "approved", 50),
        ("declined", "merchant_unknown", 10),
        ("declined", "outside_hours", 40),
    ]);
    stats.connect_failures = 1;
    stats.not_sent(1);
    stats.refused(500, b"");
    stats.refused(401, b"");
    stats.refused(401, b"");
    stats.lost("reset", 1);
    stats.breach("p", b"");
    let mut all = seen(stats);
    all.warmup.lost("reset", 1);
    let found = reasons(&all, &expecting(90, 100));
    let wanted = [
        "p",
        "reset",
        "401",
        "500",
        "40 of 100 authorizations were declined outside_hours",
        "merchant_unknown",
        "expected at least 90",
        "not sent",
        "away",
        "in the warm-up",
    ];
    assert_eq!(found.len(), wanted.len(), "{found:?}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(found.contains(wanted), "{found:?} lacks {wanted:?}");
    }
    assert!(first_line(&found).starts_with("FAILED: 1 of 100 answers broke"));
    assert_eq!(first_line(&found).lines().count(), 1);
}

#[test]
fn numbers_are_grouped_by_thousands() {
    let check = |number, text: &str| assert_eq!(grouped(number), text);
    check(0, "0");
    check(999, "999");
    check(1_000, "1,000");
    check(56_285, "56,285");
    check(1_234_567, "1,234,567");
}

#[test]
fn an_expectation_is_said_in_numbers_with_its_grounds() {
    let check = |least, most, words: &str| {
        let wanted = &expecting(least, most).kinds[0];
        assert!(
            expectation(wanted, 200).starts_with(words),
            "{}",
            expectation(wanted, 200)
        );
    };
    check(
        100,
        200,
        "at least 100 (50.00 %) approved: asked for; else only daily_cap_exhausted",
    );
    check(200, 200, "exactly 200 (100.00 %) approved");
    check(20, 50, "20 … 50 (10.00 … 25.00 %) approved");
}
