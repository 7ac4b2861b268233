//! P8, as far as it goes without snapshots: how fast a start replays the whole journal, and how fast an auditor decides it again.

use crate::rig::{Enroll, Rig};
use crate::workload::{Ids, Workload};
use anyhow::{Result, ensure};
use satang_cold::verify::{VerifyOptions, verify};
use satang_engine::clock::Clock;
use satang_engine::open::Expected;
use satang_engine::storage::FileStorage;
use std::path::Path;
use std::time::Instant;

/// What a start took.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// Records replayed.
    pub records: u64,
    /// Seconds until the engine could answer.
    pub seconds: f64,
    /// Bytes of segment files read.
    pub bytes: u64,
}

/// What a verification of the same journal took.
#[derive(Clone, Copy, Debug)]
pub struct Verified {
    /// Records decided again.
    pub records: u64,
    /// Seconds it took.
    pub seconds: f64,
}

/// Writes a journal of `wallets` enrollments and `authorizations` authorizations into `folder`; starts from it, and verifies
/// it, `rounds` times.
///
/// # Errors
/// When the engine fails, or the state after a start is not the state before.
pub fn measure(
    folder: &Path,
    wallets: u64,
    authorizations: u64,
    ids: Ids,
    rounds: usize,
) -> Result<(Vec<Start>, Vec<Verified>)> {
    let storage = FileStorage::open_folder(folder)?;
    let mut rig = Rig::prepared(storage, wallets, 1, Enroll::Record, 0)?;
    let mut workload = Workload::new(1, ids, wallets, 1);
    let mut requests = Vec::with_capacity(10_000);
    for _ in 0..authorizations.div_ceil(10_000) {
        workload.fill(&mut requests, 10_000, rig.engine.clock().now()?);
        rig.engine.authorize_batch(&requests)?;
        rig.flush()?;
    }
    let digest = rig.engine.state().digest();
    let mut at = rig.engine.now()?;
    drop(rig);
    let mut starts = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let started = Instant::now();
        let rig = Rig::open(FileStorage::open_folder(folder)?, Expected::default(), at)?;
        let seconds = started.elapsed().as_secs_f64();
        ensure!(
            rig.engine.state().digest() == digest,
            "I2: the state after a start is not the state before"
        );
        at = rig.engine.now()?;
        starts.push(Start {
            records: rig.recovered.records,
            seconds,
            bytes: rig.recovered.bytes,
        });
    }
    let verified = (0..rounds).map(|_| {
        let started = Instant::now();
        let report = verify(folder, &VerifyOptions::default(), &mut |_, _| {})?;
        let seconds = started.elapsed().as_secs_f64();
        ensure!(
            report.mismatches_count == 0 && report.damage.is_none() && report.digest == digest,
            "I3: the journal does not verify: {:?}",
            report.mismatches
        );
        Ok(Verified {
            records: report.records,
            seconds,
        })
    });
    Ok((starts, verified.collect::<Result<_>>()?))
}
