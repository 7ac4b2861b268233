//! P9: how long answers wait while a snapshot is taken at full load.

use crate::rig::{Rig, RigEngine};
use crate::workload::{Ids, Workload};
use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use satang_engine::clock::Clock;
use satang_engine::engine::Submitted;
use satang_log::storage::Storage;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Answers without and with a snapshot being taken, in microseconds from sent to durable.
pub struct Stalls {
    /// Half of the load's time: no snapshot.
    pub quiet: Histogram<u64>,
    /// While one was taken.
    pub snapshot: Histogram<u64>,
    /// How long each snapshot took, in seconds.
    pub took: Vec<f64>,
    /// Authorizations per second without and with.
    pub per_second: [f64; 2],
}

/// Batches of 1,000 from one thread keep the engine at its full load, while another asks one authorization after the other
/// and waits for each to be durable; `rounds` snapshots are taken meanwhile, each after as long a time without one.
///
/// # Errors
/// When the engine fails.
pub fn measure<S: Storage>(
    rig: Rig<S>,
    ids: Ids,
    wallets: u64,
    merchants: u64,
    rounds: usize,
) -> Result<Stalls> {
    let maintenance = rig.maintenance().clone();
    let running = rig.start();
    let engine = running.engine.clone();
    let (stop, during, decided) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
    let stalls = std::thread::scope(|scope| -> Result<Stalls> {
        let load = scope.spawn(|| {
            let mut workload = Workload::new(1, ids, wallets, merchants);
            let mut requests = Vec::with_capacity(BATCH);
            while !stop.load(Ordering::Relaxed) {
                workload.fill(&mut requests, BATCH, engine.clock().now()?);
                engine.authorize_batch(&requests)?;
                engine.durable().block_until(engine.appender().last_sequence())?;
                decided.fetch_add(BATCH as u64, Ordering::Relaxed);
            }
            anyhow::Ok(())
        });
        let answers = scope.spawn(|| one_by_one(&engine, ids, wallets, merchants, &stop, &during));
        let (mut took, mut rates) = (Vec::new(), [(0, 0.0); 2]);
        let mut quiet_for = Duration::from_secs(3);
        for _ in 0..rounds {
            let count = |since: u64| decided.load(Ordering::Relaxed) - since;
            let before = count(0);
            std::thread::sleep(quiet_for);
            rates[0] = (rates[0].0 + count(before), rates[0].1 + quiet_for.as_secs_f64());
            let before = count(0);
            during.store(true, Ordering::SeqCst);
            let taken = maintenance.snapshot()?;
            during.store(false, Ordering::SeqCst);
            rates[1] = (rates[1].0 + count(before), rates[1].1 + taken.took.as_secs_f64());
            took.push(taken.took.as_secs_f64());
            quiet_for = taken.took;
        }
        stop.store(true, Ordering::SeqCst);
        load.join().ok().context("the load panicked")??;
        let [quiet, snapshot] = answers.join().ok().context("a client panicked")??;
        let per_second = rates.map(|(count, seconds)| count as f64 / seconds);
        Ok(Stalls {
            quiet,
            snapshot,
            took,
            per_second,
        })
    })?;
    drop(engine);
    drop(maintenance);
    running.stop()?;
    Ok(stalls)
}

const BATCH: usize = 1_000;

fn one_by_one<S: Storage>(
    engine: &Arc<RigEngine<S>>,
    ids: Ids,
    wallets: u64,
    merchants: u64,
    stop: &AtomicBool,
    during: &AtomicBool,
) -> Result<[Histogram<u64>; 2]> {
    let mut workload = Workload::new(2, ids, wallets, merchants);
    let mut answers = [Histogram::new(3)?, Histogram::new(3)?];
    while !stop.load(Ordering::Relaxed) {
        let request = workload.next(engine.clock().now()?);
        let before = during.load(Ordering::SeqCst);
        let started = Instant::now();
        if let Submitted::Decided { sequence, .. } = engine.authorize(&request)? {
            engine.durable().block_until(sequence)?;
        }
        let us = started.elapsed().as_micros() as u64;
        // One that overlaps a snapshot only in part counts as one during it.
        let overlaps = before || during.load(Ordering::SeqCst);
        answers[usize::from(overlaps)].record(us)?;
    }
    Ok(answers)
}
