//! The verdict: a pure function from what was seen and what was expected to the reasons why the run failed. Nothing else decides.

use crate::expected::{Expected, Wanted};
use crate::hints;
use crate::stats::{OutcomeCount, Seen, Stats, grouped, percentiles};
use std::cmp::Reverse;

/// Why the run failed, the most important reason first; nothing when it passed.
pub fn reasons(seen: &Seen, expected: &Expected) -> Vec<String> {
    let counted = &seen.counted;
    let mut reasons = Vec::new();
    reasons.extend(nothing_right(seen));
    reasons.extend(broken_promises(counted));
    reasons.extend(unanswered(counted));
    reasons.extend(refused(counted, expected));
    for wanted in &expected.kinds {
        reasons.extend(unwanted_outcomes(counted, wanted));
        reasons.extend(wrong_share(counted, wanted));
    }
    reasons.extend(not_sent(counted));
    reasons.extend(away(counted));
    reasons.extend(too_slow(counted, expected));
    let of_warmup = broken_promises(&seen.warmup)
        .chain(unanswered(&seen.warmup))
        .chain(refused(&seen.warmup, expected));
    reasons.extend(of_warmup.map(|reason| format!("in the warm-up: {reason}")));
    reasons
}

/// The first line of every command that has a verdict.
pub fn first_line(reasons: &[String]) -> String {
    match reasons {
        [] => "PASSED\n".to_owned(),
        reasons => format!("FAILED: {}\n", reasons.join("; ").replace('\n', " ")),
    }
}

fn nothing_right(seen: &Seen) -> Option<String> {
    let counted = &seen.counted;
    if counted.right_total() > 0 {
        return None;
    }
    let words = match (counted.sent_total(), counted.answered_total()) {
        (0, 0) if counted.connect_failures > 0 => {
            "no request was sent, the server took no connection: does it run, at this address?".to_owned()
        }
        (0, 0) => "no request was sent".to_owned(),
        (sent, 0) => format!("none of {} requests was answered", grouped(sent)),
        (_, answered) => format!("none of {} answers was right", grouped(answered)),
    };
    Some(match seen.warmup.right_total() {
        0 => words,
        right => format!("{words} (the warm-up had {} right answers)", grouped(right)),
    })
}

fn broken_promises(stats: &Stats) -> impl Iterator<Item = String> {
    let answered = stats.answered_total();
    let words = move |(promise, count): (&&str, &u64)| {
        let (count, answered) = (grouped(*count), grouped(answered));
        format!("{count} of {answered} answers broke a promise: {promise}")
    };
    stats.breaches.iter().map(words)
}

fn unanswered(stats: &Stats) -> impl Iterator<Item = String> {
    let causes: Vec<String> = stats
        .lost
        .iter()
        .map(|(cause, count)| format!("{} {cause}", grouped(*count)))
        .collect();
    let (lost, sent) = (grouped(stats.lost_total()), grouped(stats.sent_total()));
    let words = || {
        format!(
            "{lost} of {sent} requests were not answered ({})",
            causes.join(", ")
        )
    };
    (!causes.is_empty()).then(words).into_iter()
}

/// Statuses that are not 200, the most frequent first. Only an overloaded server's 503 may be allowed.
fn refused(stats: &Stats, expected: &Expected) -> impl Iterator<Item = String> {
    let answered = stats.answered_total();
    let mut refusals: Vec<_> = stats.refusals.iter().collect();
    refusals.sort_by_key(|(_, count)| Reverse(**count));
    let is_overload = |status, code: &str| status == 503 && matches!(code, "overloaded" | "");
    let overloaded: u64 = refusals
        .iter()
        .filter(|((status, code), _)| is_overload(*status, code))
        .map(|(_, count)| **count)
        .sum();
    let is_allowed = overloaded as f64 <= expected.overload_max * answered as f64;
    let mut reasons = Vec::new();
    for ((status, code), count) in refusals {
        if is_overload(*status, code) && is_allowed {
            continue;
        }
        let name = match code.as_str() {
            "" => status.to_string(),
            code => format!("{status} {code}"),
        };
        let mut words = format!("{} {name}", of_all(*count, answered, "answer"));
        if is_overload(*status, code) && expected.overload_max > 0.0 {
            words += &format!(", allowed is a share of {}", expected.overload_max);
        }
        reasons.push(format!("{words}: {}", hints::of_status(*status, code)));
    }
    reasons.into_iter()
}

/// Declines for reasons that the workload does not earn and nobody allowed.
fn unwanted_outcomes(stats: &Stats, wanted: &Wanted) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let decided = stats.decided(wanted.kind);
    let is_unwanted = |outcome: &&OutcomeCount| {
        outcome.kind == wanted.kind
            && !outcome.is_granted()
            && !wanted.reasons.contains(&text(&outcome.reason))
    };
    let mut unwanted: Vec<&OutcomeCount> = stats.outcomes.iter().filter(is_unwanted).collect();
    unwanted.sort_by_key(|outcome| Reverse(outcome.count));
    let words = |outcome: &&OutcomeCount| {
        let reason = text(&outcome.reason);
        let who = of_all(outcome.count, decided, wanted.kind.name());
        let decision = text(&outcome.decision);
        let hint = hints::of_reason(wanted.kind, &reason);
        format!("{who} {decision} {reason}: {hint}")
    };
    unwanted.iter().map(words).collect()
}

fn wrong_share(stats: &Stats, wanted: &Wanted) -> Option<String> {
    let (granted, decided) = (stats.granted(wanted.kind), stats.decided(wanted.kind));
    let bound = match granted {
        granted if granted < wanted.least => format!("at least {}", grouped(wanted.least)),
        granted if granted > wanted.most => format!("at most {}", grouped(wanted.most)),
        _ => return None,
    };
    let mut words = format!(
        "{} of {} {}s {}, expected {bound} ({})",
        grouped(granted),
        grouped(decided),
        wanted.kind.name(),
        String::from_utf8_lossy(wanted.kind.granted()),
        wanted.why,
    );
    // Reasons that are a fault have their own words; of the others the most frequent explains what is missing.
    let is_missing = |outcome: &&OutcomeCount| outcome.kind == wanted.kind && !outcome.is_granted();
    let mostly = stats
        .outcomes
        .iter()
        .filter(is_missing)
        .max_by_key(|outcome| outcome.count);
    if granted < wanted.least
        && let Some(mostly) = mostly
    {
        let reason = String::from_utf8_lossy(&mostly.reason);
        if wanted.reasons.iter().any(|allowed| *allowed == reason) {
            let hint = hints::of_reason(wanted.kind, &reason);
            words += &format!(", {} {reason}: {hint}", grouped(mostly.count));
        }
    }
    Some(words)
}

fn not_sent(stats: &Stats) -> Option<String> {
    let words = |count| {
        format!(
            "{} requests that were due were not sent: no connection was free or could be opened",
            grouped(count)
        )
    };
    (stats.not_sent > 0).then(|| words(stats.not_sent))
}

fn away(stats: &Stats) -> Option<String> {
    let words = |count| {
        format!(
            "{} connections could not be opened: the server was away",
            grouped(count)
        )
    };
    (stats.connect_failures > 0).then(|| words(stats.connect_failures))
}

fn too_slow(stats: &Stats, expected: &Expected) -> Option<String> {
    let limit_ms = expected.p99_ms_max?;
    let p99_ms = percentiles(&stats.latency).p99_ms;
    (p99_ms > limit_ms).then(|| format!("p99 {p99_ms:.3} ms is above {limit_ms} ms"))
}

/// "all 12,034 answers were", or "481 of 12,034 answers were".
fn of_all(count: u64, all: u64, what: &str) -> String {
    match count == all {
        true if all == 1 => format!("the only {what} was"),
        true => format!("all {} {what}s were", grouped(all)),
        false => format!("{} of {} {what}s were", grouped(count), grouped(all)),
    }
}

/// What was expected of each kind, in a line of the report.
pub fn expectation(wanted: &Wanted, decided: u64) -> String {
    let granted = String::from_utf8_lossy(wanted.kind.granted());
    let share = |count: u64| count as f64 * 100.0 / decided.max(1) as f64;
    let bounds = match (wanted.least, wanted.most) {
        (least, most) if least == most => format!("exactly {} ({:.2} %)", grouped(least), share(least)),
        (least, most) if most >= decided => format!("at least {} ({:.2} %)", grouped(least), share(least)),
        (least, most) => format!(
            "{} … {} ({:.2} … {:.2} %)",
            grouped(least),
            grouped(most),
            share(least),
            share(most)
        ),
    };
    let reasons = match wanted.reasons.as_slice() {
        [] => "no other outcome".to_owned(),
        reasons => format!("else only {}", reasons.join(", ")),
    };
    format!("{bounds} {granted}: {}; {reasons}", wanted.why)
}

#[cfg(test)]
mod tests;
