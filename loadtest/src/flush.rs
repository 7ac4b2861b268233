//! What the disk alone costs: one 4 KiB write and flush into a file of zeros, the floor of any durable answer.

use anyhow::Context;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

const BLOCKS: u64 = 512;

#[repr(align(4096))]
struct Block([u8; 4096]);

/// The measured flush.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Flush {
    /// Median of a write with its flush, µs.
    pub p50_us: f64,
    /// 99th percentile, µs.
    pub p99_us: f64,
    /// Whether the write bypassed the page cache (O_DIRECT).
    pub direct: bool,
}

/// Writes and flushes 512 blocks, one after another, into a file of zeros in `dir`.
pub fn measure(dir: &Path) -> anyhow::Result<Flush> {
    let path = dir.join(format!("flush-probe-{}", std::process::id()));
    let measured = measure_file(&path).with_context(|| format!("flush probe {}", path.display()));
    let _ = std::fs::remove_file(&path);
    measured
}

/// Whether `dir` lies in memory, where a flush costs nothing and a comparison means nothing.
pub fn is_in_memory(dir: &Path) -> bool {
    const TMPFS_MAGIC: u32 = 0x0102_1994;
    rustix::fs::statfs(dir).is_ok_and(|found| found.f_type as u32 == TMPFS_MAGIC)
}

fn measure_file(path: &Path) -> anyhow::Result<Flush> {
    let block = Block([0; 4096]);
    let zeros = File::create(path)?;
    for index in 0..BLOCKS {
        zeros.write_all_at(&block.0, index * 4096)?;
    }
    zeros.sync_all()?;
    drop(zeros);
    let mut options = OpenOptions::new();
    options.write(true);
    let direct = options
        .clone()
        .custom_flags(rustix::fs::OFlags::DIRECT.bits() as i32)
        .open(path);
    let is_direct = direct.is_ok();
    let file = direct.or_else(|_| options.open(path))?;
    let mut times: Vec<Duration> = Vec::with_capacity(BLOCKS as usize);
    for index in 0..BLOCKS {
        let begin = Instant::now();
        file.write_all_at(&block.0, index * 4096)?;
        file.sync_data()?;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    let us = |quantile: f64| times[(quantile * (times.len() - 1) as f64) as usize].as_secs_f64() * 1e6;
    Ok(Flush {
        p50_us: us(0.5),
        p99_us: us(0.99),
        direct: is_direct,
    })
}
