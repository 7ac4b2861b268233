//! What the operating system says of this process and machine.

use std::fs;
use std::time::Instant;

/// Bytes of memory the process has resident.
pub fn resident_bytes() -> u64 {
    status_kib("/proc/self/status", "VmRSS:") << 10
}

/// Bytes of memory that could still be taken.
pub fn available_bytes() -> u64 {
    status_kib("/proc/meminfo", "MemAvailable:") << 10
}

fn status_kib(file: &str, field: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// Seconds of processor time the process has used, all threads together.
pub fn cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name may contain spaces; the fields behind it do not. User and system time are fields 14 and 15.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    ticks as f64 / 100.0
}

/// Nanoseconds of processor time the calling thread has used: what a figure costs when other processes take their share too.
pub fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// How many tasks ran or waited for a processor over the last minute, all processes together.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// Processors there are.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What reading the timer twice costs, in nanoseconds: the median of many pairs, to be taken off every sample.
pub fn timer_overhead_ns() -> u64 {
    let mut pairs: Vec<u64> = (0..100_001)
        .map(|_| {
            let started = Instant::now();
            started.elapsed().as_nanos() as u64
        })
        .collect();
    pairs.sort_unstable();
    pairs[pairs.len() / 2]
}
