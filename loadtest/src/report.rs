//! What a run says at its end: an aligned table for people, JSON for programs. Whether it is good, [`verdict`] says.

use crate::expected::{Expected, Wanted};
use crate::pacing::{Arrivals, Load};
use crate::plan::{Plan, WireForm};
use crate::stats::{KindCount, OutcomeCount, Percentiles, Seen, Stats, percentiles};
use crate::verdict;
use crate::workload::Kind;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Said wherever a closed loop's latencies are shown.
pub const CLOSED_LOOP_NOTE: &str = "closed loop: each connection waits for its answer before it sends again, so these latencies \
     hide queueing; use them for throughput only";

/// Requests of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct KindRow {
    pub kind: &'static str,
    pub sent: u64,
    pub answered: u64,
    /// Answered 200, with a decision, and with the request's id where ids are checked.
    pub right: u64,
}

/// Decided elements with one kind, decision and reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct OutcomeRow {
    pub kind: &'static str,
    pub decision: String,
    pub reason: String,
    pub count: u64,
}

/// The tickets that were given.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct TicketsRow {
    pub count: u64,
    pub lowest: u64,
    pub highest: u64,
    /// Whether count and sum are those of every number between, each once.
    pub dense: bool,
}

/// Answers that were not 200.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct RefusalRow {
    pub status: u16,
    /// The code of the problem; may be empty.
    pub code: String,
    pub count: u64,
}

/// Whether the run was good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Verdict {
    Passed,
    Failed,
}

impl Verdict {
    /// Passed without a reason against it.
    pub fn of(reasons: &[String]) -> Verdict {
        match reasons {
            [] => Verdict::Passed,
            _ => Verdict::Failed,
        }
    }
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub verdict: Verdict,
    /// Why it failed, in words, the most important reason first.
    pub reasons: Vec<String>,
    /// How it was driven, in words, seeds included.
    pub plan: String,
    /// What it was held against, in words: what holds for all requests, then kind by kind.
    pub expected: Vec<(&'static str, String)>,
    /// True when latencies hide queueing.
    pub closed_loop: bool,
    pub kinds: Vec<KindRow>,
    /// Requests that were sent and not answered, by cause.
    pub unanswered: BTreeMap<&'static str, u64>,
    /// Requests that were due and not sent.
    pub not_sent: u64,
    /// People who did not ask before the duration was over.
    pub not_asked: u64,
    /// Connections that could not be opened.
    pub connect_failures: u64,
    /// Requests of the warm-up, which count nowhere else.
    pub warmup: KindRow,
    pub outcomes: Vec<OutcomeRow>,
    /// Tickets of accepted registrations.
    pub tickets: Option<TicketsRow>,
    /// Answers by HTTP status.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers that were not 200, by status and code.
    pub refusals: Vec<RefusalRow>,
    /// Broken promises of the contract.
    pub breaches: BTreeMap<&'static str, u64>,
    /// Right answers per second.
    pub requests_per_s: f64,
    /// Authorizations or registrations (elements of batches) in right answers per second.
    pub elements_per_s: f64,
    /// From the intended instant.
    pub latency: Percentiles,
    /// From the actual send.
    pub service: Percentiles,
    /// The first odd answer.
    pub sample: Option<String>,
}

impl Report {
    /// Sums up what was seen and judges it.
    pub fn new(plan: &Plan, seen: &Seen, expected: &Expected) -> Self {
        let stats = &seen.counted;
        let not_asked = plan
            .people
            .map_or(0, |people| people.count.saturating_sub(seen.elements_sent()));
        // Where everybody has asked, the run is over; else it lasts as long as it was to last, answers or not.
        let end_ns = match plan.people.is_some() && not_asked == 0 {
            true => stats.last_done_ns,
            false => stats.last_done_ns.max(plan.duration.as_nanos() as u64),
        };
        let window_ns = end_ns.saturating_sub(plan.warmup.as_nanos() as u64).max(1);
        let per_s = |count: u64| count as f64 * 1e9 / window_ns as f64;
        let reasons = verdict::reasons(seen, expected);
        Report {
            verdict: Verdict::of(&reasons),
            reasons,
            plan: describe(plan),
            expected: expectations(stats, expected),
            closed_loop: plan.load == Load::Closed,
            kinds: kind_rows(stats),
            unanswered: stats.lost.clone(),
            not_sent: stats.not_sent,
            not_asked,
            connect_failures: stats.connect_failures,
            warmup: KindRow {
                kind: "warmup",
                sent: seen.warmup.sent_total(),
                answered: seen.warmup.answered_total(),
                right: seen.warmup.right_total(),
            },
            outcomes: outcome_rows(stats),
            tickets: seen.tickets().map(|tickets| TicketsRow {
                count: tickets.count,
                lowest: tickets.lowest,
                highest: tickets.highest,
                dense: tickets.are_dense(),
            }),
            statuses: stats.statuses.clone(),
            refusals: refusal_rows(stats),
            breaches: stats.breaches.clone(),
            requests_per_s: per_s(stats.right_total()),
            elements_per_s: per_s(stats.elements),
            latency: percentiles(&stats.latency),
            service: percentiles(&stats.service),
            sample: seen.sample().cloned(),
        }
    }

    /// Whether the command ends with success.
    pub fn is_good(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    /// What a batch has.
    fn element(&self) -> &'static str {
        match self.kinds.as_slice() {
            [only] => only.kind,
            _ => Kind::Authorization.name(),
        }
    }

    /// The table, which stands below the verdict's line.
    pub fn table(&self) -> String {
        let mut out = String::new();
        line(&mut out, "plan", &self.plan);
        for (what, words) in &self.expected {
            line(&mut out, what, words);
        }
        self.requests(&mut out);
        self.answers(&mut out);
        self.latencies(&mut out);
        line(
            &mut out,
            "achieved",
            &format!("{:.0} right answers/s", self.requests_per_s),
        );
        if (self.elements_per_s - self.requests_per_s).abs() > 0.5 {
            line(
                &mut out,
                "",
                &format!("{:.0} {}s/s", self.elements_per_s, self.element()),
            );
        }
        if self.closed_loop {
            line(&mut out, "NOTE", CLOSED_LOOP_NOTE);
        }
        out
    }

    fn requests(&self, out: &mut String) {
        let total = |pick: fn(&KindRow) -> u64| self.kinds.iter().map(pick).sum::<u64>();
        if self.warmup.sent > 0 {
            let KindRow { sent, right, .. } = self.warmup;
            let words = format!("{sent} sent, {right} answered rightly; not in the numbers below");
            line(out, "warm-up", &words);
        }
        line(out, "sent", &total(|row| row.sent).to_string());
        line(out, "answered", &total(|row| row.answered).to_string());
        line(out, "right answers", &total(|row| row.right).to_string());
        for row in self.kinds.iter().filter(|_| self.kinds.len() > 1) {
            let KindRow {
                kind,
                sent,
                answered,
                right,
            } = row;
            let words = format!("{sent} sent, {answered} answered, {right} of them rightly");
            line(out, &format!("  {kind}"), &words);
        }
        let lost: u64 = self.unanswered.values().sum();
        line(out, "not answered", &lost.to_string());
        for (cause, count) in &self.unanswered {
            line(out, &format!("  {cause}"), &count.to_string());
        }
        if self.not_sent > 0 {
            let words = format!("{} (were due; in the latency with their age)", self.not_sent);
            line(out, "not sent", &words);
        }
        if self.not_asked > 0 {
            let words = format!("{} people: the duration was over", self.not_asked);
            line(out, "not sent", &words);
        }
        if self.connect_failures > 0 {
            line(out, "connections refused", &self.connect_failures.to_string());
        }
    }

    fn answers(&self, out: &mut String) {
        for (status, count) in &self.statuses {
            line(out, &format!("status {status}"), &count.to_string());
        }
        for row in self.refusals.iter().filter(|row| !row.code.is_empty()) {
            line(out, &format!("  {}", row.code), &row.count.to_string());
        }
        for (promise, count) in &self.breaches {
            line(out, "BROKEN PROMISE", &format!("{count} × {promise}"));
        }
        let decided: u64 = self.outcomes.iter().map(|row| row.count).sum();
        for row in &self.outcomes {
            let share = row.count as f64 * 100.0 / decided as f64;
            let _ = writeln!(
                out,
                "{:<14} {:<9} {:<24} {:>12} {share:>6.2} %",
                row.kind, row.decision, row.reason, row.count
            );
        }
        if let Some(tickets) = &self.tickets {
            let dense = if tickets.dense {
                "each once"
            } else {
                "NOT each once: others registered, answers were lost, or it is wrong"
            };
            line(
                out,
                "tickets",
                &format!(
                    "{}, {} … {}, {dense}",
                    tickets.count, tickets.lowest, tickets.highest
                ),
            );
        }
    }

    fn latencies(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "{:<24} {:>10} {:>10} {:>10} {:>10} {:>10}",
            "latency, ms", "p50", "p90", "p99", "p99.9", "max"
        );
        let from_intended = if self.closed_loop {
            "from send (closed loop)"
        } else {
            "from the intended send"
        };
        for (name, p) in [
            (from_intended, self.latency),
            ("from the actual send", self.service),
        ] {
            let _ = writeln!(
                out,
                "{name:<24} {:>10.3} {:>10.3} {:>10.3} {:>10.3} {:>10.3}",
                p.p50_ms, p.p90_ms, p.p99_ms, p.p99_9_ms, p.max_ms
            );
        }
    }
}

fn kind_rows(stats: &Stats) -> Vec<KindRow> {
    let kinds = Kind::ALL.iter().zip(stats.kinds);
    let row = |(kind, count): (&Kind, KindCount)| KindRow {
        kind: kind.name(),
        sent: count.sent,
        answered: count.answered,
        right: count.right,
    };
    kinds.filter(|(_, count)| count.sent > 0).map(row).collect()
}

fn outcome_rows(stats: &Stats) -> Vec<OutcomeRow> {
    let mut outcomes: Vec<_> = stats.outcomes.iter().collect();
    outcomes.sort_by_key(|o| (o.kind, &o.decision, std::cmp::Reverse(o.count), &o.reason));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let row = |outcome: &OutcomeCount| OutcomeRow {
        kind: outcome.kind.name(),
        decision: text(&outcome.decision),
        reason: text(&outcome.reason),
        count: outcome.count,
    };
    outcomes.into_iter().map(row).collect()
}

fn refusal_rows(stats: &Stats) -> Vec<RefusalRow> {
    let row = |((status, code), count): (&(u16, String), &u64)| RefusalRow {
        status: *status,
        code: code.clone(),
        count: *count,
    };
    stats.refusals.iter().map(row).collect()
}

fn expectations(stats: &Stats, expected: &Expected) -> Vec<(&'static str, String)> {
    let mut all = "every request answered 200".to_owned();
    if expected.overload_max > 0.0 {
        all += &format!(
            ", but for a share of {} that is 503 overloaded",
            expected.overload_max
        );
    }
    if let Some(limit_ms) = expected.p99_ms_max {
        all += &format!("; p99 at most {limit_ms} ms");
    }
    let mut lines = vec![("expected", all)];
    let of_kind = |wanted: &Wanted| {
        (
            wanted.kind.name(),
            verdict::expectation(wanted, stats.decided(wanted.kind)),
        )
    };
    lines.extend(expected.kinds.iter().map(of_kind));
    lines
}

fn describe(plan: &Plan) -> String {
    let load = match plan.load {
        Load::Closed => "closed loop".to_owned(),
        Load::Open {
            rate,
            arrivals: Arrivals::Fixed,
        } => format!("open loop, {rate}/s evenly spaced"),
        Load::Open {
            rate,
            arrivals: Arrivals::Poisson,
        } => format!("open loop, {rate}/s Poisson"),
    };
    let batch = if plan.is_batched() {
        let form = match plan.wire {
            WireForm::Json => "JSON",
            WireForm::Binary => "binary",
        };
        format!(", {form} batches of {}", plan.batch_len)
    } else {
        String::new()
    };
    let who = match plan.people {
        Some(people) => format!("{} people from number {}", people.count, people.first),
        None => format!("{} wallets", plan.workload.wallets),
    };
    format!(
        "{load}{batch}, {:.1} s, {} connections, {} threads, {who}, ids {:?}, seed {}, id seed {}",
        plan.duration.as_secs_f64(),
        plan.connections,
        plan.threads,
        plan.ids,
        plan.seed,
        plan.id_seed
    )
}

fn line(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "{name:<24} {value}");
}

#[cfg(test)]
mod tests;
