//! The switch beside an attacker: purchases at a steady rate over keep-alive connections with a key, timed from the instant each
//! was due; first alone, then beside the attacker, then after it.

use super::Verdict;
use super::ground::{Ground, Keys, Orders, free_address};
use crate::process::ServerProcess;
use anyhow::Context as _;
use satang_loadtest::drive::{drive, server_clock_unix_ms};
use satang_loadtest::ids::IdVersion;
use satang_loadtest::pacing::{Arrivals, Load};
use satang_loadtest::plan::{Plan, WireForm};
use satang_loadtest::prepare::prepare;
use satang_loadtest::stats::{Seen, percentiles};
use satang_loadtest::target::Target;
use satang_loadtest::workload::{Mix, Workload};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Noon of a day on which the programme is used.
const NOON: &str = "simulated:2026-06-15T12:00:00+07:00";
const PURCHASES_PER_S: f64 = 500.0;
const CONNECTIONS: usize = 8;
/// How long late answers are waited for.
const DRAIN: Duration = Duration::from_secs(5);

/// What 99 of 100 purchases may take beside an attacker, unless they take a fifth of that or more without one. The short form is
/// for servers that are not optimised, on machines that do something else beside it: there only a stall counts.
const P99_MS_MAX: f64 = 250.0;
const P99_MS_MAX_SHORT: f64 = 2_000.0;
const TIMES_ALONE_MAX: f64 = 5.0;

/// What an attacker finds.
pub struct Field<'a> {
    /// The server attacked.
    pub server: &'a ServerProcess,
    /// Where its probes are answered, if it has an address for that alone.
    pub health: Option<SocketAddr>,
    pub keys: &'a Keys,
    pub orders: &'a Orders,
    /// Of the purchases.
    pub workload: &'a Workload,
}

/// What an attacker did and saw.
pub struct Report {
    /// In words.
    pub did: String,
    /// What is wrong with what it saw, besides what the switch saw.
    pub wrong: Option<String>,
}

/// Until when an attack lasts.
#[derive(Default)]
pub struct Until {
    over: Mutex<bool>,
    told: Condvar,
}

impl Until {
    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        *self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits so long, less when the attack is over before; whether it is.
    pub fn wait(&self, time: Duration) -> bool {
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.told.wait_timeout_while(over, time, |over| !*over);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn end(&self) {
        *self.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.told.notify_all();
    }
}

/// Latencies of one part, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    p50: f64,
    p99: f64,
    slowest: f64,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "p50 {:.2} ms, p99 {:.1} ms, slowest {:.0} ms",
            self.p50, self.p99, self.slowest
        )
    }
}

/// One round.
struct Round {
    alone: Part,
    beside: Part,
    after: Part,
    /// What was wrong with the answers, or with what the attacker saw.
    wrong: Option<String>,
}

/// Attacks a server with keys beside a switch, as often as is asked; `files_max` bounds the files that the server may open.
///
/// # Errors
/// When no server starts, or the attacker or the switch cannot be run.
pub fn beside(
    orders: &Orders,
    files_max: Option<u32>,
    attack: impl Fn(&Field<'_>, &Until) -> anyhow::Result<Report> + Sync,
) -> anyhow::Result<Verdict> {
    let rounds = (1..=orders.rounds)
        .map(|number| {
            let round = one_round(orders, files_max, &attack)?;
            if orders.rounds > 1 {
                println!("   round {number}: beside it {}", round.beside);
            }
            Ok(round)
        })
        .collect::<anyhow::Result<Vec<Round>>>()?;
    let median = |of: fn(&Round) -> Part| medians(&rounds.iter().map(of).collect::<Vec<_>>());
    let (alone, beside) = (median(|round| round.alone), median(|round| round.beside));
    println!("   the switch alone:  {alone}");
    println!("   beside the attack: {beside}");
    println!("   after it:          {}", median(|round| round.after));
    let wrong = rounds.into_iter().find_map(|round| round.wrong);
    let p99_max = orders.long_or_short(P99_MS_MAX, P99_MS_MAX_SHORT);
    Ok(judge(alone, beside, p99_max, wrong))
}

fn judge(alone: Part, beside: Part, p99_max: f64, wrong: Option<String>) -> Verdict {
    let bound = p99_max.max(alone.p99 * TIMES_ALONE_MAX);
    let told = format!(
        "p99 of the switch {:.1} ms, {:.1} ms alone",
        beside.p99, alone.p99
    );
    match wrong {
        Some(wrong) => Verdict::Failed(format!("{wrong}; {told}")),
        None if beside.p99 > bound => Verdict::Failed(format!("{told}; at most {bound:.0} ms")),
        None => Verdict::Ok(told),
    }
}

/// The median of each figure by itself.
fn medians(parts: &[Part]) -> Part {
    let median = |of: fn(&Part) -> f64| {
        let mut all: Vec<f64> = parts.iter().map(of).collect();
        all.sort_unstable_by(f64::total_cmp);
        all[all.len() / 2]
    };
    Part {
        p50: median(|part| part.p50),
        p99: median(|part| part.p99),
        slowest: median(|part| part.slowest),
    }
}

fn one_round(
    orders: &Orders,
    files_max: Option<u32>,
    attack: &(impl Fn(&Field<'_>, &Until) -> anyhow::Result<Report> + Sync),
) -> anyhow::Result<Round> {
    let ground = Ground::new(orders)?;
    let keys = ground.keys()?;
    let health = ground
        .has_flag("--health-listen")?
        .then(free_address)
        .transpose()?;
    let health_text = health.map(|addr| addr.to_string());
    let mut args = vec![
        "--clock",
        NOON,
        "--keys",
        keys.file.to_str().context("a path of text")?,
    ];
    args.extend(health_text.iter().flat_map(|addr| ["--health-listen", addr]));
    let program = match files_max {
        Some(files_max) => ground.with_files_max(files_max)?,
        None => ground.server().to_owned(),
    };
    let server = ground.serve_by(&program, &ground.data_dir(), &args)?;
    let workload = Workload {
        program: "thai-chuai-thai-plus-6040".to_owned(),
        channel: "store".to_owned(),
        wallets: orders.long_or_short(20_000, 2_000),
        merchants: 100,
    };
    prepare(&target(&server, &keys.admin)?, &workload, &mut |_| {})?;
    let field = Field {
        server: &server,
        health,
        keys: &keys,
        orders,
        workload: &workload,
    };
    three_parts(&field, attack)
}

fn three_parts(
    field: &Field<'_>,
    attack: &(impl Fn(&Field<'_>, &Until) -> anyhow::Result<Report> + Sync),
) -> anyhow::Result<Round> {
    let part = field.orders.seconds / 3;
    let alone = buy(field, part, 1)?;
    let until = Until::default();
    let (beside, report) = thread::scope(|scope| {
        let attacker = scope.spawn(|| {
            // The switch is there first: its connections are open.
            until.wait(part / 5);
            attack(field, &until)
        });
        let beside = buy(field, part, 2);
        until.end();
        let report = attacker.join().expect("an attacker does not panic");
        anyhow::Ok((beside?, report?))
    })?;
    println!("   {}", report.did);
    let after = buy(field, part, 3)?;
    let wrong = [
        ("alone", &alone),
        ("beside the attack", &beside),
        ("after it", &after),
    ]
    .into_iter()
    .find_map(|(when, seen)| Some(format!("the switch {when}: {}", not_as_it_should(seen)?)));
    Ok(Round {
        alone: part_of(&alone),
        beside: part_of(&beside),
        after: part_of(&after),
        wrong: wrong.or(report.wrong),
    })
}

fn part_of(seen: &Seen) -> Part {
    let found = percentiles(&seen.counted.latency);
    Part {
        p50: found.p50_ms,
        p99: found.p99_ms,
        slowest: found.max_ms,
    }
}

/// What is wrong with the answers: every purchase is sent, and answered 200 as it should be.
fn not_as_it_should(seen: &Seen) -> Option<String> {
    let stats = &seen.counted;
    let (sent, right) = (stats.sent_total() + stats.not_sent, stats.right_total());
    (right != sent || stats.connect_failures > 0).then(|| {
        format!(
            "{right} of {sent} purchases were answered rightly (lost {:?}, refused {:?}, not sent {}, not connected {})",
            stats.lost, stats.refusals, stats.not_sent, stats.connect_failures
        )
    })
}

fn target(server: &ServerProcess, key: &str) -> anyhow::Result<Target> {
    let header = format!("authorization: Bearer {key}");
    Target::parse(&format!("http://{}", server.addr()), &[header]).map_err(anyhow::Error::msg)
}

/// Buys for so long. Ids of one part are no repetitions of another's.
fn buy(field: &Field<'_>, duration: Duration, part: u64) -> anyhow::Result<Seen> {
    let target = target(field.server, &field.keys.switch)?;
    drive(&Plan {
        load: Load::Open {
            rate: PURCHASES_PER_S,
            arrivals: Arrivals::Fixed,
        },
        duration,
        warmup: Duration::ZERO,
        drain: DRAIN,
        connections: CONNECTIONS,
        threads: 1,
        people: None,
        workload: field.workload.clone(),
        mix: Mix::default(),
        batch_len: 1,
        wire: WireForm::Json,
        ids: IdVersion::V7,
        seed: part,
        id_seed: part,
        id_base_unix_ms: server_clock_unix_ms(&target, field.workload)?,
        check_answers: true,
        target,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(p99: f64) -> Part {
        Part {
            p50: p99 / 10.0,
            p99,
            slowest: p99 * 10.0,
        }
    }

    #[test]
    fn medians_are_of_each_figure_by_itself() {
        let parts = [
            part(1.0),
            Part {
                p50: 9.0,
                ..part(30.0)
            },
            part(2.0),
        ];
        assert_eq!(
            medians(&parts),
            Part {
                p50: 0.2,
                p99: 2.0,
                slowest: 20.0
            }
        );
    }

    #[test]
    fn a_slow_switch_or_a_wrong_answer_fails_and_a_slow_machine_does_not() {
        let failed = |alone, beside, wrong: Option<&str>| {
            matches!(
                judge(part(alone), part(beside), 250.0, wrong.map(str::to_owned)),
                Verdict::Failed(_)
            )
        };
        assert!(!failed(2.0, 249.0, None));
        assert!(failed(2.0, 251.0, None));
        assert!(!failed(100.0, 499.0, None));
        assert!(failed(100.0, 501.0, None));
        assert!(failed(2.0, 3.0, Some("an answer is missing")));
    }

    #[test]
    fn a_purchase_that_is_not_answered_rightly_is_seen() {
        let mut seen = Seen::default();
        assert_eq!(not_as_it_should(&seen), None);
        seen.counted.not_sent(1);
        assert!(
            not_as_it_should(&seen)
                .expect("it is wrong")
                .contains("not sent 1")
        );
        let mut seen = Seen::default();
        seen.counted
            .sent(satang_loadtest::workload::Kind::Authorization, 1);
        seen.counted.refused(503, b"{}");
        assert!(not_as_it_should(&seen).expect("it is wrong").contains("503"));
    }
}
