//! P8: how long a start takes, from a snapshot and from the journal alone, and how fast an auditor decides the journal again.

use crate::rig::{Enroll, Rig};
use crate::workload::{Ids, Workload};
use anyhow::{Result, ensure};
use satang_audit::verify::{VerifyOptions, verify};
use satang_engine::clock::Clock;
use satang_engine::recovery::open::Expected;
use satang_log::storage::FileStorage;
use std::path::Path;
use std::time::Instant;

/// What a start took.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    pub records: u64,
    /// Seconds until the engine could answer.
    pub seconds: f64,
    /// Bytes of segment files read.
    pub bytes: u64,
}

/// What a verification of the same journal took.
#[derive(Clone, Copy, Debug)]
pub struct Verified {
    pub records: u64,
    pub seconds: f64,
}

/// What taking a snapshot took, starts, and verifications.
#[derive(Clone, Debug)]
pub struct Starts {
    /// Seconds from its first lock to its flushed name.
    pub snapshot_seconds: f64,
    /// Bytes of its file.
    pub snapshot_bytes: u64,
    /// Starts from the snapshot and the journal behind it.
    pub from_snapshot: Vec<Start>,
    /// Starts from the journal alone.
    pub from_journal: Vec<Start>,
    /// Verifications of the whole journal.
    pub verified: Vec<Verified>,
}

/// Writes a journal of `wallets` enrollments into `folder`, takes a snapshot, writes `authorizations` authorizations, and
/// starts from both `rounds` times, then once without the snapshot; and verifies the journal as often.
///
/// # Errors
/// When the engine fails, or the state after a start is not the state before.
pub fn measure(folder: &Path, wallets: u64, authorizations: u64, ids: Ids, rounds: usize) -> Result<Starts> {
    let storage = FileStorage::open_folder(folder)?;
    let mut rig = Rig::prepared(storage, wallets, 1, Enroll::Record, 0)?;
    let taken = rig.maintenance().snapshot()?;
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
    let mut start = |snapshot: bool| {
        let started = Instant::now();
        let rig = Rig::open(FileStorage::open_folder(folder)?, Expected::default(), at)?;
        let seconds = started.elapsed().as_secs_f64();
        ensure!(
            rig.engine.state().digest() == digest,
            "I2: the state after a start is not the state before"
        );
        ensure!(
            rig.recovered.snapshot.is_some() == snapshot,
            "the snapshot was read: {}",
            !snapshot
        );
        at = rig.engine.now()?;
        Ok(Start {
            records: rig.recovered.records,
            seconds,
            bytes: rig.recovered.bytes,
        })
    };
    let from_snapshot = (0..rounds).map(|_| start(true)).collect::<Result<Vec<Start>>>()?;
    std::fs::remove_dir_all(folder.join("snapshots"))?;
    let from_journal = vec![start(false)?];
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
    let verified = verified.collect::<Result<Vec<Verified>>>()?;
    Ok(Starts {
        snapshot_seconds: taken.took.as_secs_f64(),
        snapshot_bytes: taken.facts.bytes,
        from_snapshot,
        from_journal,
        verified,
    })
}
