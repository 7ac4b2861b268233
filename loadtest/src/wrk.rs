//! Drives a server with `wrk` where it is installed: written in C, it leaves the server more of two cores than
//! our own client does. It counts requests, not decisions, and its latencies are a closed loop's.

use crate::client::Client;
use crate::stats::{KindCount, Stats};
use crate::target::Target;
use crate::workload::{Kind, Workload};
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What one run of wrk showed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct WrkResult {
    /// Answered requests, whatever their status.
    pub requests: u64,
    pub duration_us: u64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub connect_errors: u64,
    pub read_errors: u64,
    pub write_errors: u64,
    /// Answers with a status from 400 on.
    pub status_errors: u64,
    pub timeouts: u64,
}

impl WrkResult {
    /// The same as our own client counts; wrk says neither which status an answer had nor what it decided.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::new();
        let lost = [
            ("read failed", self.read_errors),
            ("write failed", self.write_errors),
            ("no answer in 10 s", self.timeouts),
        ];
        stats.lost = lost.into_iter().filter(|(_, count)| *count > 0).collect();
        stats.connect_failures = self.connect_errors;
        if self.status_errors > 0 {
            let promise = "an answer has a status below 400 (wrk does not say which it had)";
            stats.breaches.insert(promise, self.status_errors);
        }
        let right = self.requests.saturating_sub(self.status_errors);
        stats.kinds[Kind::Authorization as usize] = KindCount {
            sent: self.requests + stats.lost_total(),
            answered: self.requests,
            right,
        };
        stats.elements = right;
        stats
    }
}

/// What a server has decided of a programme so far, by reason: its own counters.
pub fn decisions(target: &Target, program: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let reply = Client::connect(target)
        .and_then(|mut client| client.get("/metrics"))
        .with_context(|| format!("no counters from {}", target.url))?;
    if reply.status != 200 {
        bail!("{}/metrics answered {}", target.url, reply.refusal());
    }
    Ok(parse_decisions(&String::from_utf8_lossy(&reply.body), program))
}

fn parse_decisions(metrics: &str, program: &str) -> BTreeMap<String, u64> {
    let prefix = format!("satang_decisions_total{{program=\"{program}\",reason=\"");
    let decision = |line: &str| {
        let (reason, count) = line.strip_prefix(&prefix)?.split_once("\"} ")?;
        Some((reason.to_owned(), count.parse().ok()?))
    };
    metrics.lines().filter_map(decision).collect()
}

/// Counts what was decided between two looks at the counters.
pub fn count_decisions(stats: &mut Stats, before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) {
    let kind = Kind::Authorization;
    for (reason, count) in after {
        let count = count - before.get(reason).copied().unwrap_or(0);
        let is_granted = reason.as_bytes() == kind.granted();
        let decision = if is_granted { kind.granted() } else { kind.denied() };
        if count > 0 {
            stats.outcomes_alike(kind, decision, reason.as_bytes(), count);
        }
    }
    // It may have decided more than wrk waited for, never less than it answered.
    let undecided = stats.right_total().saturating_sub(stats.decided(kind));
    if undecided > 0 {
        let promise = "an answer of status 200 is a decision that the server counts";
        stats.breaches.insert(promise, undecided);
    }
}

/// How wrk is to drive the server.
#[derive(Clone, Copy, Debug)]
pub struct WrkPlan<'a> {
    pub target: &'a Target,
    pub connections: usize,
    /// Threads, at most `connections`.
    pub threads: usize,
    /// Whole seconds.
    pub seconds: u64,
    /// Seed of purchases and ids.
    pub seed: u64,
    /// The server's clock, ms since 1970.
    pub id_base_unix_ms: u64,
}

/// Whether `wrk` can be started.
pub fn is_installed() -> bool {
    Command::new("wrk").arg("--version").output().is_ok()
}

/// Runs wrk with a script that makes our workload, written into `dir`.
pub fn run(plan: WrkPlan<'_>, workload: &Workload, dir: &Path) -> anyhow::Result<WrkResult> {
    let path = dir.join("authorize.lua");
    std::fs::write(&path, script(plan, workload))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let output = Command::new("wrk")
        .args([
            "-t",
            &plan.threads.min(plan.connections).to_string(),
            "-c",
            &plan.connections.to_string(),
        ])
        .args(["-d", &format!("{}s", plan.seconds), "--timeout", "10s", "-s"])
        .arg(&path)
        .arg(&plan.target.url)
        .output()
        .context("cannot start wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    match parse(&text) {
        Some(result) if output.status.success() => Ok(result),
        _ => bail!(
            "wrk: {}{text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

fn parse(text: &str) -> Option<WrkResult> {
    let line = text.lines().find_map(|line| line.strip_prefix("satang-wrk "))?;
    let mut numbers = line
        .split_ascii_whitespace()
        .map(|number| number.parse::<f64>().ok());
    let mut next = || numbers.next()?;
    Some(WrkResult {
        requests: next()? as u64,
        duration_us: next()? as u64,
        p50_us: next()?,
        p99_us: next()?,
        connect_errors: next()? as u64,
        read_errors: next()? as u64,
        write_errors: next()? as u64,
        status_errors: next()? as u64,
        timeouts: next()? as u64,
    })
}

/// The Lua script: the purchases of [`crate::workload`] in spirit, with ids of version 7 that never repeat.
pub fn script(plan: WrkPlan<'_>, workload: &Workload) -> String {
    let head_lines = String::from_utf8_lossy(&plan.target.header_lines).replace("\r\n", "\\r\\n");
    let Workload {
        program,
        channel,
        wallets,
        merchants,
    } = workload;
    let (nonce, seed) = (plan.seed % 0x4000, plan.seed % 1_000_000_007);
    let (base_ms, nonce_low) = (plan.id_base_unix_ms, (plan.seed >> 14) % 0x100);
    format!(
        r#"-- Written by satang-loadtest: authorizations with ids that never repeat.
local thread_count = 0
function setup(thread)
  thread:set("number", thread_count)
  thread_count = thread_count + 1
end
local random, format, floor, time = math.random, string.format, math.floor, os.time
local count, begun = 0, 0
function init(args)
  math.randomseed({seed} + number)
  begun = time()
end
function request()
  count = count + 1
  local ms = {base_ms} + (time() - begun) * 1000
  local draw, amount = random(100), 0
  if draw <= 80 then amount = random(1000, 8000)
  elseif draw <= 95 then amount = random(8000, 30000)
  else amount = random(30000, 150000) end
  local body = format('{{"txn_id":"%08x-%04x-7%03x-%04x-%04x%08x","program":"{program}","wallet_id":"004999%09d","merchant_id":"010555%09d","channel":"{channel}","amount":%d}}',
    floor(ms / 65536), ms % 65536, random(0, 4095), 0x8000 + {nonce}, {nonce_low} * 256 + number % 256, count,
    random(0, {wallets} - 1), random(0, {merchants} - 1), amount)
  return format("POST /v1/authorizations HTTP/1.1\r\n{head_lines}content-type: application/json\r\ncontent-length: %d\r\n\r\n%s", #body, body)
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(format("satang-wrk %d %d %d %d %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), e.connect, e.read, e.write, e.status, e.timeout))
end
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_script_is_read_among_wrks_own_words() {
        let text = "Running 8s test\n  2 threads\nsatang-wrk 800000 8000000 1400 3000 1 2 3 4 5\n";
        let expected = WrkResult {
            requests: 800_000,
            duration_us: 8_000_000,
            p50_us: 1400.0,
            p99_us: 3000.0,
            connect_errors: 1,
            read_errors: 2,
            write_errors: 3,
            status_errors: 4,
            timeouts: 5,
        };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("unable to connect"), None);
        let stats = expected.stats();
        assert_eq!((stats.right_total(), stats.lost_total()), (799_996, 10));
        assert_eq!((stats.connect_failures, stats.breaches.len()), (1, 1));
    }

    #[test]
    fn decisions_are_the_difference_of_the_servers_counters() {
        let metrics = |approved, unknown| {
            format!(
                "# HELP satang_decisions_total x\nsatang_decisions_total{{program=\"other\",reason=\"approved\"}} 9\n\
                 satang_decisions_total{{program=\"p\",reason=\"approved\"}} {approved}\n\
                 satang_decisions_total{{program=\"p\",reason=\"merchant_unknown\"}} {unknown}\n"
            )
        };
        let kind = Kind::Authorization;
        let counted = |right| {
            let mut stats = Stats::new();
            stats.kinds[kind as usize].right = right;
            count_decisions(
                &mut stats,
                &parse_decisions(&metrics(5, 0), "p"),
                &parse_decisions(&metrics(25, 7), "p"),
            );
            stats
        };
        let stats = counted(25);
        assert_eq!((stats.granted(kind), stats.decided(kind)), (20, 27));
        assert!(stats.breaches.is_empty(), "{:?}", stats.breaches);
        // Whoever answers 200 without deciding anything is found out.
        assert_eq!(counted(100).breaches.into_values().sum::<u64>(), 73);
    }
}
