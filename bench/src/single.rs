//! P5: the decision alone (id check, caps, record, apply), one at a time and in batches, on one thread and without a disk.
//!
//! The group that gathers is built, hashed and thrown away between the timed calls.

use crate::machine;
use crate::rig::Rig;
use crate::workload::Workload;
use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use satang_engine::clock::Clock;
use satang_engine::engine::Submitted;
use satang_log::storage::Storage;
use std::time::Instant;

/// Requests made at a time: few enough to lie in the first-level cache, as one just parsed does.
const CHUNK: usize = 64;

/// Times of calls, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub p50: f64,
    /// 99 of 100 are not slower.
    pub p99: f64,
    /// 999 of 1,000 are not slower.
    pub p999: f64,
    pub max: f64,
    pub mean: f64,
}

/// Times `calls` authorizations one by one, less what the timer costs.
///
/// # Errors
/// When the engine fails.
pub fn one_at_a_time<S: Storage>(rig: &mut Rig<S>, workload: &mut Workload, calls: usize) -> Result<Times> {
    let overhead = machine::timer_overhead_ns();
    let mut times: Histogram<u64> = Histogram::new_with_bounds(1, 1_000_000_000, 3)?;
    let mut requests = Vec::with_capacity(CHUNK);
    for start in (0..calls).step_by(CHUNK) {
        workload.fill(&mut requests, CHUNK.min(calls - start), rig.engine.clock().now()?);
        for request in &requests {
            let started = Instant::now();
            let answer = rig.engine.authorize(request);
            let took = started.elapsed().as_nanos() as u64;
            times.saturating_record(took.saturating_sub(overhead));
            let Submitted::Decided { .. } = std::hint::black_box(answer)? else {
                bail!("an id came up twice");
            };
        }
        rig.flush()?;
    }
    let at = |quantile| times.value_at_quantile(quantile) as f64;
    Ok(Times {
        p50: at(0.5),
        p99: at(0.99),
        p999: at(0.999),
        max: times.max() as f64,
        mean: times.mean(),
    })
}

/// Nanoseconds per authorization in batches of `batch`: by the clock, and of processor time.
///
/// # Errors
/// When the engine fails.
pub fn in_batches<S: Storage>(
    rig: &mut Rig<S>,
    workload: &mut Workload,
    batch: usize,
    calls: usize,
) -> Result<(f64, f64)> {
    let mut requests = Vec::with_capacity(batch);
    let (mut took_ns, mut cpu_ns, mut decided) = (0u128, 0u64, 0usize);
    while decided < calls {
        workload.fill(&mut requests, batch, rig.engine.clock().now()?);
        let cpu = machine::thread_cpu_ns();
        let started = Instant::now();
        let answers = std::hint::black_box(rig.engine.authorize_batch(&requests)?);
        took_ns += started.elapsed().as_nanos();
        cpu_ns += machine::thread_cpu_ns() - cpu;
        decided += answers.len();
        drop(answers);
        rig.flush()?;
    }
    Ok((took_ns as f64 / decided as f64, cpu_ns as f64 / decided as f64))
}
