//! Drives a server with `wrk` where it is installed: written in C, it leaves the server more of two cores than
//! our own client does. It counts requests, not decisions, and its latencies are a closed loop's.

use crate::target::Target;
use crate::workload::Workload;
use anyhow::{Context, bail};
use std::path::Path;
use std::process::Command;

/// What one run of wrk showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WrkResult {
    /// Answered requests.
    pub requests: u64,
    /// Answered requests per second.
    pub requests_per_s: f64,
    /// Median latency, µs.
    pub p50_us: f64,
    /// 99th percentile, µs.
    pub p99_us: f64,
    /// Socket errors, time-outs and statuses from 400 on.
    pub errors: u64,
}

/// How to drive.
#[derive(Clone, Copy, Debug)]
pub struct WrkPlan<'a> {
    /// The server.
    pub target: &'a Target,
    /// Connections.
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
    let (requests, duration_us) = (next()?, next()?);
    Some(WrkResult {
        requests: requests as u64,
        requests_per_s: requests * 1e6 / duration_us,
        p50_us: next()?,
        p99_us: next()?,
        errors: next()? as u64,
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
  io.write(format("satang-wrk %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_script_is_read_among_wrks_own_words() {
        let text = "Running 8s test\n  2 threads\nsatang-wrk 800000 8000000 1400 3000 2\n";
        let expected = WrkResult {
            requests: 800_000,
            requests_per_s: 100_000.0,
            p50_us: 1400.0,
            p99_us: 3000.0,
            errors: 2,
        };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("unable to connect"), None);
    }
}
