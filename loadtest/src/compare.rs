//! Satang against the bare server, alternately in one run with one client: goals P3 (throughput as a share of
//! bare HTTP) and P4 (latency of one connection).

use crate::drive::{Plan, WireForm, drive, server_clock_unix_ms};
use crate::flush::{self, Flush};
use crate::ids::IdVersion;
use crate::pacing::Load;
use crate::process::{Server, TempDir};
use crate::report::{CLOSED_LOOP_NOTE, percentiles};
use crate::target::Target;
use crate::workload::{Mix, Workload};
use crate::wrk::{self, WrkPlan};
use anyhow::bail;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// Which program sends the requests; both servers get the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// This crate's own sender, closed loop. Sees decisions.
    Own,
    /// `wrk`, which costs less CPU. Sees statuses only.
    Wrk,
}

/// What to compare and how.
#[derive(Clone, Debug)]
pub struct ComparePlan {
    /// The `satang` binary.
    pub server_bin: PathBuf,
    /// The programme files.
    pub programs: PathBuf,
    /// A folder on the disk to be measured; a folder of this run is made in it and removed.
    pub data_parent: PathBuf,
    /// Further arguments of `satang serve`.
    pub server_args: Vec<String>,
    /// Threads of the bare server.
    pub bare_threads: usize,
    /// The client.
    pub client: ClientKind,
    /// Sender threads.
    pub client_threads: usize,
    /// Connections of the throughput rounds.
    pub connections: usize,
    /// Rounds; each drives both servers.
    pub rounds: usize,
    /// Seconds per round and server.
    pub seconds: u64,
    /// Who buys where.
    pub workload: Workload,
    /// Seed of purchases.
    pub seed: u64,
    /// Seed of ids.
    pub id_seed: u64,
}

/// One server driven once.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Measured {
    /// Answered requests per second.
    pub requests_per_s: f64,
    /// Median latency of the closed loop, µs.
    pub p50_us: f64,
    /// 99th percentile of it, µs.
    pub p99_us: f64,
    /// CPU of the server per request, user and system, µs.
    pub server_cpu_us: f64,
    /// Requests that were lost or not answered 200.
    pub errors: u64,
    /// Share of approved decisions, percent; absent with wrk.
    pub approved_percent: Option<f64>,
}

/// Both servers, driven one after the other.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Round {
    /// The bare server.
    pub bare: Measured,
    /// Satang.
    pub satang: Measured,
}

/// The whole comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// At many connections.
    pub throughput: Vec<Round>,
    /// At one connection.
    pub one_connection: Vec<Round>,
    /// The disk alone, once before each round at one connection.
    pub flushes: Vec<Flush>,
    /// Connections of the throughput rounds.
    pub connections: usize,
    /// Median over rounds of satang / bare.
    pub ratio: f64,
}

/// Runs it. `say` gets words for the operator.
pub fn compare(plan: &ComparePlan, say: &mut dyn FnMut(String)) -> anyhow::Result<Comparison> {
    if plan.rounds == 0 || plan.seconds == 0 || plan.connections == 0 || plan.client_threads == 0 {
        bail!("rounds, seconds, connections and client threads must be at least 1");
    }
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

    let mut turn = 0;
    let mut both = |connections: usize, seconds: u64| -> anyhow::Result<Round> {
        turn += 1;
        let measure =
            |server: &Server| measure(plan, server, &dir, connections, seconds, plan.id_seed + turn);
        Ok(Round {
            bare: measure(&bare)?,
            satang: measure(&satang)?,
        })
    };
    say("warm-up".into());
    both(plan.connections, 1)?;
    let mut flushes = Vec::new();
    let mut rounds = |connections: usize| -> anyhow::Result<Vec<Round>> {
        (1..=plan.rounds)
            .map(|number| {
                if connections == 1 {
                    flushes.push(flush::measure(dir.path())?);
                }
                let round = both(connections, plan.seconds)?;
                say(format!(
                    "{connections} connections, round {number}: bare {:.0}/s, satang {:.0}/s",
                    round.bare.requests_per_s, round.satang.requests_per_s
                ));
                Ok(round)
            })
            .collect()
    };
    let throughput = rounds(plan.connections)?;
    let one_connection = rounds(1)?;
    let ratio = median(throughput.iter().map(ratio_of));
    Ok(Comparison {
        throughput,
        one_connection,
        flushes,
        connections: plan.connections,
        ratio,
    })
}

fn ratio_of(round: &Round) -> f64 {
    round.satang.requests_per_s / round.bare.requests_per_s
}

fn measure(
    plan: &ComparePlan,
    server: &Server,
    dir: &TempDir,
    connections: usize,
    seconds: u64,
    id_seed: u64,
) -> anyhow::Result<Measured> {
    let id_base_unix_ms = server_clock_unix_ms(&server.target, &plan.workload)?;
    let cpu_before_s = server.cpu_s();
    let threads = plan.client_threads.min(connections);
    let (mut measured, requests) = match plan.client {
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
            let result = wrk::run(wrk_plan, &plan.workload, dir.path())?;
            let measured = Measured {
                requests_per_s: result.requests_per_s,
                p50_us: result.p50_us,
                p99_us: result.p99_us,
                server_cpu_us: 0.0,
                errors: result.errors,
                approved_percent: None,
            };
            (measured, result.requests)
        }
        ClientKind::Own => {
            let target = server.target.clone();
            measure_own(closed_plan(
                plan,
                target,
                connections,
                threads,
                seconds,
                id_seed,
                id_base_unix_ms,
            ))?
        }
    };
    if let (Some(before), Some(after)) = (cpu_before_s, server.cpu_s()) {
        measured.server_cpu_us = (after - before) * 1e6 / (requests.max(1) as f64);
    }
    Ok(measured)
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

fn measure_own(plan: Plan) -> anyhow::Result<(Measured, u64)> {
    let stats = drive(&plan)?;
    let requests = stats.answered_total();
    let good = stats.statuses.get(&200).copied().unwrap_or(0);
    let decided: u64 = stats.outcomes.iter().map(|outcome| outcome.count).sum();
    let approved = stats
        .outcomes
        .iter()
        .filter(|outcome| *outcome.decision == *b"approved");
    let approved: u64 = approved.map(|outcome| outcome.count).sum();
    let latency = percentiles(&stats.latency);
    let measured = Measured {
        requests_per_s: requests as f64 * 1e9 / stats.last_done_ns.max(1) as f64,
        p50_us: latency.p50_ms * 1e3,
        p99_us: latency.p99_ms * 1e3,
        server_cpu_us: 0.0,
        errors: requests - good + stats.errors.values().sum::<u64>() + stats.unanswered,
        approved_percent: (decided > 0).then(|| approved as f64 * 100.0 / decided as f64),
    };
    Ok((measured, requests))
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
    /// The table.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{:<8} {:<7} {:>12} {:>10} {:>10} {:>14} {:>8} {:>10}",
            "", "server", "requests/s", "p50 µs", "p99 µs", "server CPU µs", "errors", "approved"
        );
        self.rows(
            &mut out,
            &format!("{} connections", self.connections),
            &self.throughput,
        );
        self.rows(&mut out, "1 connection", &self.one_connection);
        let p50 = |pick: fn(&Round) -> Measured| median(self.one_connection.iter().map(|r| pick(r).p50_us));
        let (bare_us, satang_us) = (p50(|round| round.bare), p50(|round| round.satang));
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
            |pick: fn(&Round) -> Measured| median(rounds.iter().map(|round| pick(round).requests_per_s));
        let _ = writeln!(
            out,
            "median   bare {:.0}/s, satang {:.0}/s, ratio {:.3}",
            rate(|round| round.bare),
            rate(|round| round.satang),
            median(rounds.iter().map(ratio_of))
        );
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle_value() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.0);
        assert_eq!(median(std::iter::empty()), 0.0);
    }
}
