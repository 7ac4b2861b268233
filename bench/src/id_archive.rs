//! One more row of P5: ids of version 4, which say nothing of their age, with index files of many old dates present.

use crate::rig::Rig;
use crate::workload::{Ids, Workload};
use anyhow::{Result, ensure};
use satang_engine::clock::Clock;
use satang_log::storage::Storage;

const DAY_MS: i64 = 24 * 3_600_000;
const BATCH: usize = 10_000;

/// Lets `days` dates pass with `per_day` authorizations each, whose ids leave memory for index files; says what those take in
/// memory, in bytes per id.
///
/// # Errors
/// When the engine fails, or a date has not left memory.
pub fn pass_days<S: Storage>(
    rig: &mut Rig<S>,
    days: usize,
    per_day: usize,
    wallets: u64,
    merchants: u64,
) -> Result<f64> {
    let mut workload = Workload::new(7, Ids::V4, wallets, merchants);
    let mut requests = Vec::with_capacity(BATCH);
    // Yesterday's and today's ids stay in memory.
    for _ in 0..days + 1 {
        for _ in 0..per_day.div_ceil(BATCH) {
            workload.fill(&mut requests, BATCH, rig.engine.clock().now()?);
            rig.engine.authorize_batch(&requests)?;
            rig.flush()?;
        }
        rig.engine.clock().move_on(DAY_MS);
        rig.engine.cut_over()?;
        rig.flush()?;
        rig.maintenance().tidy_ids()?;
    }
    let files = &rig.engine.id_archive().days().files;
    ensure!(
        files.len() == days,
        "{} dates have left memory, not {days}",
        files.len()
    );
    let ids: u64 = files.iter().map(|file| file.facts().entries).sum();
    let bytes: usize = files.iter().map(|file| file.memory_bytes()).sum();
    Ok(bytes as f64 / ids as f64)
}
