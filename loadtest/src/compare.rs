//! Satang against the bare server, alternately in one run with one client: goals P3 (throughput as a share of
//! bare HTTP) and P4 (latency of one connection).

use crate::drive::{drive, server_clock_unix_ms};
use crate::expected::{Asked, Expected};
use crate::flush::{self, Flush};
use crate::ids::IdVersion;
use crate::pacing::Load;
use crate::plan::{Plan, WireForm};
use crate::process::{Server, TempDir};
use crate::report::{CLOSED_LOOP_NOTE, Verdict};
use crate::stats::percentiles;
use crate::stats::{Seen, Stats};
use crate::target::Target;
use crate::verdict;
use crate::workload::{Kind, Mix, Workload};
use crate::wrk::{self, WrkPlan};
use anyhow::bail;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// Which program sends the requests; both servers get the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// This crate's own sender, closed loop. Sees decisions.
    Own,
    /// `wrk`, which costs less CPU. Sees statuses only; decisions are read off the server's counters.
    Wrk,
}

/// What to compare and how.
#[derive(Clone, Debug)]
pub struct ComparePlan {
    /// The `satang` binary.
    pub server_bin: PathBuf,
    pub programs: PathBuf,
    /// A folder on the disk to be measured; a folder of this run is made in it and removed.
    pub data_parent: PathBuf,
    /// Further arguments of `satang serve`.
    pub server_args: Vec<String>,
    /// Threads of the bare server.
    pub bare_threads: usize,
    pub client: ClientKind,
    pub client_threads: usize,
    /// Connections of the throughput rounds.
    pub connections: usize,
    /// Rounds; each drives both servers.
    pub rounds: usize,
    /// Seconds per round and server.
    pub seconds: u64,
    pub workload: Workload,
    pub seed: u64,
    pub id_seed: u64,
}

/// One server driven once.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Right answers per second.
    pub requests_per_s: f64,
    /// Median latency of the closed loop, µs.
    pub p50_us: f64,
    /// 99th percentile of it, µs.
    pub p99_us: f64,
    /// CPU of the server per request, user and system, µs.
    pub server_cpu_us: f64,
    /// Requests without a right answer.
    pub errors: u64,
    /// Share of approved decisions, percent; with wrk from the server's own counters.
    pub approved_percent: Option<f64>,
    /// Why the turn failed, in words.
    pub reasons: Vec<String>,
}

/// Both servers, driven one after the other.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    pub bare: Measured,
    pub satang: Measured,
}

/// The whole comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    pub verdict: Verdict,
    /// Why it failed, in words.
    pub reasons: Vec<String>,
    pub throughput: Vec<Round>,
    pub one_connection: Vec<Round>,
    /// The disk alone, once before each round at one connection.
    pub flushes: Vec<Flush>,
    /// Connections of the throughput rounds.
    pub connections: usize,
    /// Median over rounds of satang / bare.
    pub ratio: f64,
}

impl ComparePlan {
    /// Refuses what cannot be driven.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.rounds == 0 || self.seconds == 0 || self.connections == 0 || self.client_threads == 0 {
            bail!("rounds, seconds, connections and client threads must be at least 1");
        }
        Ok(())
    }
}

/// Both servers and what was asked of them so far.
struct Turns<'a> {
    plan: &'a ComparePlan,
    dir: TempDir,
    bare: Server,
    satang: Server,
    /// Turns so far: each takes ids of its own.
    taken: u64,
    /// Purchases that satang has decided so far.
    bought: u64,
    reasons: Vec<String>,
}

impl Turns<'_> {
    /// Drives the one, then the other. `name` stands in front of what is wrong.
    fn both(&mut self, name: &str, connections: usize, seconds: u64) -> anyhow::Result<Round> {
        self.taken += 1;
        let id_seed = self.plan.id_seed + self.taken;
        let bare = driven(self.plan, &self.bare, &self.dir, connections, seconds, id_seed)?;
        let bare = bare.measured(&self.plan.workload, 0);
        let satang = driven(self.plan, &self.satang, &self.dir, connections, seconds, id_seed)?;
        let decided = satang.seen.counted.decided(Kind::Authorization);
        let satang = satang.measured(&self.plan.workload, self.bought);
        self.bought += decided;
        for (server, measured) in [("bare", &bare), ("satang", &satang)] {
            let named = |reason| format!("{server}, {name}: {reason}");
            self.reasons.extend(measured.reasons.iter().map(named));
        }
        Ok(Round { bare, satang })
    }
}

/// Runs it. The median ratio may be `ratio_min` at least; `say` gets words for the operator.
pub fn compare(
    plan: &ComparePlan,
    ratio_min: Option<f64>,
    say: &mut dyn FnMut(String),
) -> anyhow::Result<Comparison> {
    plan.check()?;
    if plan.client == ClientKind::Wrk && !wrk::is_installed() {
        bail!("wrk is not installed; use --client own");
    }
    let dir = TempDir::new_in(&plan.data_parent)?;
    if flush::is_in_memory(dir.path()) {
        say(format!(
            "WARNING: {} lies in memory: flushes cost nothing there; give --data-dir a disk",
            dir.path().display()
        ));
    }
    let bare = Server::bare(plan.bare_threads)?;
    let satang = Server::satang(&plan.server_bin, &plan.programs, dir.path(), &plan.server_args)?;
    crate::prepare::prepare(&satang.target, &plan.workload, say)?;
    let mut turns = Turns {
        plan,
        dir,
        bare,
        satang,
        taken: 0,
        bought: 0,
        reasons: Vec::new(),
    };
    say("warm-up".into());
    turns.both("warm-up", plan.connections, 1)?;
    let mut flushes = Vec::new();
    let mut rounds = |connections: usize| -> anyhow::Result<Vec<Round>> {
        (1..=plan.rounds)
            .map(|number| {
                if connections == 1 {
                    flushes.push(flush::measure(turns.dir.path())?);
                }
                let name = format!("{connections} connections, round {number}");
                let round = turns.both(&name, connections, plan.seconds)?;
                say(format!(
                    "{name}: bare {:.0}/s, satang {:.0}/s",
                    round.bare.requests_per_s, round.satang.requests_per_s
                ));
                Ok(round)
            })
            .collect()
    };
    let throughput = rounds(plan.connections)?;
    let one_connection = rounds(1)?;
    let ratio = median(throughput.iter().map(ratio_of));
    let mut reasons = turns.reasons;
    reasons.extend(too_low(ratio, ratio_min));
    Ok(Comparison {
        verdict: Verdict::of(&reasons),
        reasons,
        throughput,
        one_connection,
        flushes,
        connections: plan.connections,
        ratio,
    })
}

fn too_low(ratio: f64, ratio_min: Option<f64>) -> Option<String> {
    let ratio_min = ratio_min?;
    // Nothing over nothing is no number, and below every limit.
    let is_met = ratio >= ratio_min;
    (!is_met).then(|| format!("the ratio {ratio:.3} is below {ratio_min}"))
}

fn ratio_of(round: &Round) -> f64 {
    round.satang.requests_per_s / round.bare.requests_per_s
}

/// What one turn at one server showed.
struct Driven {
    seen: Seen,
    duration_ns: u64,
    p50_us: f64,
    p99_us: f64,
    server_cpu_us: f64,
}

impl Driven {
    /// In numbers and judged; `bought_before` purchases were decided in earlier turns.
    fn measured(self, workload: &Workload, bought_before: u64) -> Measured {
        let stats = &self.seen.counted;
        let expected = Expected::of_purchases(workload, bought_before, &self.seen, &Asked::default());
        let (decided, approved) = (
            stats.decided(Kind::Authorization),
            stats.granted(Kind::Authorization),
        );
        let wrong = stats.answered_total() - stats.right_total();
        Measured {
            requests_per_s: stats.right_total() as f64 * 1e9 / self.duration_ns.max(1) as f64,
            p50_us: self.p50_us,
            p99_us: self.p99_us,
            server_cpu_us: self.server_cpu_us,
            errors: wrong + stats.lost_total() + stats.not_sent,
            approved_percent: (decided > 0).then(|| approved as f64 * 100.0 / decided as f64),
            reasons: verdict::reasons(&self.seen, &expected),
        }
    }
}

fn driven(
    plan: &ComparePlan,
    server: &Server,
    dir: &TempDir,
    connections: usize,
    seconds: u64,
    id_seed: u64,
) -> anyhow::Result<Driven> {
    let id_base_unix_ms = server_clock_unix_ms(&server.target, &plan.workload)?;
    let cpu_before_s = server.cpu_s();
    let threads = plan.client_threads.min(connections);
    let mut driven = match plan.client {
        ClientKind::Wrk => {
            let target = &server.target;
            let wrk_plan = WrkPlan {
                target,
                connections,
                threads,
                seconds,
                seed: id_seed,
                id_base_unix_ms,
            };
            let before = decisions(server, plan)?;
            let result = wrk::run(wrk_plan, &plan.workload, dir.path())?;
            let mut stats = result.stats();
            wrk::count_decisions(&mut stats, &before, &decisions(server, plan)?);
            Driven {
                seen: Seen {
                    warmup: Stats::new(),
                    counted: stats,
                },
                duration_ns: result.duration_us * 1_000,
                p50_us: result.p50_us,
                p99_us: result.p99_us,
                server_cpu_us: 0.0,
            }
        }
        ClientKind::Own => {
            let target = server.target.clone();
            driven_own(&Plan {
                check_answers: !server.is_bare,
                ..closed_plan(
                    plan,
                    target,
                    connections,
                    threads,
                    seconds,
                    id_seed,
                    id_base_unix_ms,
                )
            })?
        }
    };
    if let (Some(before), Some(after)) = (cpu_before_s, server.cpu_s()) {
        let requests = driven.seen.counted.answered_total();
        driven.server_cpu_us = (after - before) * 1e6 / (requests.max(1) as f64);
    }
    Ok(driven)
}

/// What the server has decided so far; the bare one decides nothing.
fn decisions(server: &Server, plan: &ComparePlan) -> anyhow::Result<BTreeMap<String, u64>> {
    match server.is_bare {
        true => Ok(BTreeMap::new()),
        false => wrk::decisions(&server.target, &plan.workload.program),
    }
}

fn closed_plan(
    plan: &ComparePlan,
    target: Target,
    connections: usize,
    threads: usize,
    seconds: u64,
    id_seed: u64,
    id_base_unix_ms: u64,
) -> Plan {
    Plan {
        target,
        load: Load::Closed,
        duration: Duration::from_secs(seconds),
        warmup: Duration::ZERO,
        drain: Duration::from_secs(10),
        connections,
        threads,
        people: None,
        workload: plan.workload.clone(),
        mix: Mix::default(),
        batch_len: 1,
        wire: WireForm::Json,
        ids: IdVersion::V7,
        seed: plan.seed.wrapping_add(id_seed),
        id_seed,
        id_base_unix_ms,
        check_answers: false,
    }
}

fn driven_own(plan: &Plan) -> anyhow::Result<Driven> {
    let seen = drive(plan)?;
    let latency = percentiles(&seen.counted.latency);
    Ok(Driven {
        duration_ns: seen.counted.last_done_ns.max(plan.duration.as_nanos() as u64),
        p50_us: latency.p50_ms * 1e3,
        p99_us: latency.p99_ms * 1e3,
        server_cpu_us: 0.0,
        seen,
    })
}

/// The middle value (the lower one of two); 0 of nothing.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
        .get(values.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(0.0)
}

impl Comparison {
    /// The table, which stands below the verdict's line.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{:<8} {:<7} {:>12} {:>10} {:>10} {:>14} {:>8} {:>10}",
            "", "server", "right/s", "p50 µs", "p99 µs", "server CPU µs", "errors", "approved"
        );
        self.rows(
            &mut out,
            &format!("{} connections", self.connections),
            &self.throughput,
        );
        self.rows(&mut out, "1 connection", &self.one_connection);
        let p50 = |pick: fn(&Round) -> &Measured| median(self.one_connection.iter().map(|r| pick(r).p50_us));
        let (bare_us, satang_us) = (p50(|round| &round.bare), p50(|round| &round.satang));
        let flush_us = median(self.flushes.iter().map(|flush| flush.p50_us));
        let goal_us = bare_us + flush_us + 20.0;
        let _ = writeln!(
            out,
            "P3  satang / bare at {} connections, median of {} rounds: {:.3} (goal 0.80, then 0.90)",
            self.connections,
            self.throughput.len(),
            self.ratio
        );
        let _ = writeln!(
            out,
            "P4  p50 at one connection: satang {satang_us:.0} µs; bare {bare_us:.0} µs + flush {flush_us:.0} µs ({}) + 20 µs = {goal_us:.0} µs: {}",
            if self.flushes.iter().all(|flush| flush.direct) {
                "O_DIRECT"
            } else {
                "buffered"
            },
            if satang_us <= goal_us { "met" } else { "missed" }
        );
        let _ = writeln!(out, "{CLOSED_LOOP_NOTE}");
        out
    }

    fn rows(&self, out: &mut String, title: &str, rounds: &[Round]) {
        let _ = writeln!(out, "{title}");
        for (number, round) in rounds.iter().enumerate() {
            for (name, m) in [("bare", &round.bare), ("satang", &round.satang)] {
                let approved = match m.approved_percent {
                    Some(percent) if name == "satang" => format!("{percent:.1} %"),
                    _ => "-".to_owned(),
                };
                let label = if name == "bare" {
                    format!("round {}", number + 1)
                } else {
                    String::new()
                };
                let _ = writeln!(
                    out,
                    "{label:<8} {name:<7} {:>12.0} {:>10.1} {:>10.1} {:>14.2} {:>8} {approved:>10}",
                    m.requests_per_s, m.p50_us, m.p99_us, m.server_cpu_us, m.errors
                );
            }
        }
        let rate =
            |pick: fn(&Round) -> &Measured| median(rounds.iter().map(|round| pick(round).requests_per_s));
        let _ = writeln!(
            out,
            "median   bare {:.0}/s, satang {:.0}/s, ratio {:.3}",
            rate(|round| &round.bare),
            rate(|round| &round.satang),
            median(rounds.iter().map(ratio_of))
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::KindCount;

    #[test]
    fn the_median_is_the_middle_value() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.0);
        assert_eq!(median(std::iter::empty()), 0.0);
    }

    #[test]
    fn a_ratio_below_the_limit_is_a_reason() {
        assert_eq!(too_low(0.5, None), None);
        assert_eq!(too_low(0.8, Some(0.8)), None);
        for ratio in [0.79, f64::NAN] {
            assert!(too_low(ratio, Some(0.8)).unwrap().contains("is below 0.8"));
        }
    }

    #[test]
    fn a_turn_is_judged_and_counts_right_answers_only() {
        let measured = |right, decision: &str, reason: &str, bought_before| {
            let mut counted = Stats::new();
            counted.kinds[Kind::Authorization as usize] = KindCount {
                sent: 100,
                answered: 100,
                right,
            };
            let (decision, reason) = (decision.as_bytes(), reason.as_bytes());
            counted.outcomes_alike(Kind::Authorization, decision, reason, right);
            let workload = Workload {
                program: "p".into(),
                channel: "store".into(),
                wallets: 1_000,
                merchants: 1,
            };
            let driven = Driven {
                seen: Seen {
                    warmup: Stats::new(),
                    counted,
                },
                duration_ns: 2_000_000_000,
                p50_us: 1.0,
                p99_us: 1.0,
                server_cpu_us: 1.0,
            };
            driven.measured(&workload, bought_before)
        };
        let good = measured(80, "approved", "approved", 0);
        assert_eq!((good.requests_per_s, good.errors), (40.0, 20));
        assert!(good.reasons.is_empty(), "{:?}", good.reasons);
        let unknown = measured(100, "declined", "merchant_unknown", 0);
        assert!(unknown.reasons[0].contains("is the merchant imported?"));
        // Wallets without room are a fault of the first turn, and none of a late one.
        assert_eq!(
            measured(100, "declined", "daily_cap_exhausted", 0).reasons.len(),
            1
        );
        assert_eq!(
            measured(100, "declined", "daily_cap_exhausted", 9_000)
                .reasons
                .len(),
            0
        );
    }
}
