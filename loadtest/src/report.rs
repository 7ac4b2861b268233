//! What a run says at its end: an aligned table for people, JSON for programs, and a verdict.

use crate::drive::{Plan, WireForm};
use crate::pacing::{Arrivals, Load};
use crate::stats::Stats;
use crate::workload::Kind;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Said wherever a closed loop's latencies are shown.
pub const CLOSED_LOOP_NOTE: &str = "closed loop: each connection waits for its answer before it sends again, so these latencies \
     hide queueing; use them for throughput only";

/// Percentiles of one histogram, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Percentiles {
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub p99_9_ms: f64,
    pub max_ms: f64,
}

/// Requests of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct KindRow {
    pub kind: &'static str,
    pub sent: u64,
    pub answered: u64,
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

/// Whether the run was good enough.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// No limit was asked for, and no answer was wrong.
    NotAsked,
    /// The limit was kept by every request.
    Met {
        /// The limit, ms.
        p99_ms_max: f64,
    },
    /// Not good enough.
    Missed {
        /// Each reason, in words.
        reasons: Vec<String>,
    },
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// How it was driven, in words, seeds included.
    pub plan: String,
    /// True when latencies hide queueing.
    pub closed_loop: bool,
    /// Requests by kind.
    pub kinds: Vec<KindRow>,
    /// Requests that were due and have no answer.
    pub unanswered: u64,
    /// Decisions.
    pub outcomes: Vec<OutcomeRow>,
    /// Tickets of accepted registrations.
    pub tickets: Option<TicketsRow>,
    /// Answers by HTTP status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests lost, by cause.
    pub errors: BTreeMap<&'static str, u64>,
    /// Broken promises of the contract.
    pub breaches: BTreeMap<&'static str, u64>,
    /// Answered requests per second.
    pub requests_per_s: f64,
    /// Answered authorizations or registrations (elements of batches) per second.
    pub elements_per_s: f64,
    /// From the intended instant.
    pub latency: Percentiles,
    /// From the actual send.
    pub service: Percentiles,
    /// The first odd answer.
    pub sample: Option<String>,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Report {
    /// Sums `stats` up. `p99_ms_max` is the limit of the verdict, from the intended instant.
    pub fn new(plan: &Plan, stats: &Stats, p99_ms_max: Option<f64>) -> Self {
        let window_ns = stats.last_done_ns.saturating_sub(plan.warmup.as_nanos() as u64);
        let per_s = |count: u64| {
            if window_ns == 0 {
                0.0
            } else {
                count as f64 * 1e9 / window_ns as f64
            }
        };
        let kinds = Kind::ALL
            .iter()
            .zip(stats.kinds)
            .filter(|(_, count)| count.sent > 0);
        let mut outcomes: Vec<_> = stats.outcomes.iter().collect();
        outcomes.sort_by_key(|o| (o.kind, &o.decision, std::cmp::Reverse(o.count), &o.reason));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Report {
            plan: describe(plan),
            closed_loop: plan.load == Load::Closed,
            kinds: kinds
                .map(|(kind, count)| KindRow {
                    kind: kind.name(),
                    sent: count.sent,
                    answered: count.answered,
                })
                .collect(),
            unanswered: stats.unanswered,
            outcomes: outcomes
                .into_iter()
                .map(|outcome| OutcomeRow {
                    kind: outcome.kind.name(),
                    decision: text(&outcome.decision),
                    reason: text(&outcome.reason),
                    count: outcome.count,
                })
                .collect(),
            tickets: stats.tickets.map(|tickets| TicketsRow {
                count: tickets.count,
                lowest: tickets.lowest,
                highest: tickets.highest,
                dense: tickets.are_dense(),
            }),
            statuses: stats.statuses.clone(),
            errors: stats.errors.clone(),
            breaches: stats.breaches.clone(),
            requests_per_s: per_s(stats.answered_total()),
            elements_per_s: per_s(stats.elements),
            latency: percentiles(&stats.latency),
            service: percentiles(&stats.service),
            sample: stats.sample.clone(),
            verdict: verdict(stats, p99_ms_max),
        }
    }

    /// Whether the command ends with success.
    pub fn is_good(&self) -> bool {
        !matches!(self.verdict, Verdict::Missed { .. })
    }

    /// What a batch has.
    fn element(&self) -> &'static str {
        match self.kinds.as_slice() {
            [only] => only.kind,
            _ => Kind::Authorization.name(),
        }
    }

    /// The table.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let sent: u64 = self.kinds.iter().map(|row| row.sent).sum();
        let answered: u64 = self.kinds.iter().map(|row| row.answered).sum();
        line(&mut out, "plan", &self.plan);
        line(&mut out, "sent", &sent.to_string());
        line(&mut out, "answered", &answered.to_string());
        if self.unanswered > 0 {
            line(
                &mut out,
                "unanswered",
                &format!("{} (in the latency with their age at the end)", self.unanswered),
            );
        }
        for row in self.kinds.iter().filter(|_| self.kinds.len() > 1) {
            line(
                &mut out,
                &format!("  {}", row.kind),
                &format!("{} sent, {} answered", row.sent, row.answered),
            );
        }
        for (status, count) in &self.statuses {
            line(&mut out, &format!("status {status}"), &count.to_string());
        }
        let lost: u64 = self.errors.values().sum();
        line(&mut out, "errors", &lost.to_string());
        for (cause, count) in &self.errors {
            line(&mut out, &format!("  {cause}"), &count.to_string());
        }
        for (promise, count) in &self.breaches {
            line(&mut out, "BROKEN PROMISE", &format!("{count} × {promise}"));
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
                &mut out,
                "tickets",
                &format!(
                    "{}, {} … {}, {dense}",
                    tickets.count, tickets.lowest, tickets.highest
                ),
            );
        }
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
        line(
            &mut out,
            "achieved",
            &format!("{:.0} requests/s", self.requests_per_s),
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
        let verdict = match &self.verdict {
            Verdict::NotAsked => format!("no limit asked for; p99 {:.3} ms", self.latency.p99_ms),
            Verdict::Met { p99_ms_max } => {
                format!(
                    "met: p99 {:.3} ms is at most {p99_ms_max} ms, every answer 200",
                    self.latency.p99_ms
                )
            }
            Verdict::Missed { reasons } => format!("MISSED: {}", reasons.join("; ")),
        };
        line(&mut out, "verdict", &verdict);
        out
    }
}

fn verdict(stats: &Stats, p99_ms_max: Option<f64>) -> Verdict {
    let mut reasons = Vec::new();
    if stats.answered_total() == 0 {
        reasons.push("nothing was answered".to_owned());
    }
    for (promise, count) in &stats.breaches {
        reasons.push(format!("{count} answers broke: {promise}"));
    }
    if let Some(limit_ms) = p99_ms_max {
        let p99_ms = percentiles(&stats.latency).p99_ms;
        if p99_ms > limit_ms {
            reasons.push(format!("p99 {p99_ms:.3} ms is above {limit_ms} ms"));
        }
        // A refusal is quick: without this a server could meet any limit by answering 503.
        let refused: u64 = stats
            .statuses
            .iter()
            .filter(|(status, _)| **status != 200)
            .map(|(_, n)| n)
            .sum();
        let lost: u64 = stats.errors.values().sum::<u64>() + stats.unanswered;
        if refused + lost > 0 {
            reasons.push(format!(
                "{refused} answers were not 200 and {lost} requests were lost"
            ));
        }
    }
    match (reasons.is_empty(), p99_ms_max) {
        (false, _) => Verdict::Missed { reasons },
        (true, Some(p99_ms_max)) => Verdict::Met { p99_ms_max },
        (true, None) => Verdict::NotAsked,
    }
}

/// The percentiles of a histogram of ns.
pub fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    let ms = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e6;
    Percentiles {
        p50_ms: ms(0.50),
        p90_ms: ms(0.90),
        p99_ms: ms(0.99),
        p99_9_ms: ms(0.999),
        max_ms: histogram.max() as f64 / 1e6,
    }
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
mod tests {
    use super::*;
    use crate::stats::Answered;

    fn stats(done_ns: u64, status: u16) -> Stats {
        let mut stats = Stats::new();
        stats.sent(Kind::Authorization);
        stats.answered(
            Kind::Authorization,
            Answered {
                intended_ns: 0,
                sent_ns: 0,
                done_ns,
            },
            status,
            1,
        );
        stats
    }

    #[test]
    fn a_limit_is_met_only_by_quick_200s() {
        assert_eq!(
            verdict(&stats(900_000, 200), Some(1.0)),
            Verdict::Met { p99_ms_max: 1.0 }
        );
        assert!(matches!(
            verdict(&stats(1_100_000, 200), Some(1.0)),
            Verdict::Missed { .. }
        ));
        assert!(matches!(
            verdict(&stats(1_000, 503), Some(1.0)),
            Verdict::Missed { .. }
        ));
        let mut lost = stats(1_000, 200);
        lost.lost("reset", 1_000);
        assert!(matches!(verdict(&lost, Some(1.0)), Verdict::Missed { .. }));
    }

    #[test]
    fn without_a_limit_only_silence_and_wrong_answers_fail() {
        assert_eq!(verdict(&stats(u64::MAX, 503), None), Verdict::NotAsked);
        assert!(matches!(verdict(&Stats::new(), None), Verdict::Missed { .. }));
        let mut wrong = stats(1_000, 200);
        wrong.breach("an answer carries the request's txn_id", b"{}");
        assert!(matches!(verdict(&wrong, None), Verdict::Missed { .. }));
    }
}
