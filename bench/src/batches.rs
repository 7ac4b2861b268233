//! P1 and P12: batches of authorizations from several threads, every one waited for until it is durable.

use crate::machine;
use crate::rig::{Rig, RigEngine};
use crate::workload::{Ids, Workload};
use anyhow::{Context, Result, bail, ensure};
use hdrhistogram::Histogram;
use satang_engine::clock::Clock;
use satang_engine::engine::{SubmitError, Submitted};
use satang_log::file::Layout;
use satang_log::storage::Storage;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How batches are sent.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Authorizations of one batch.
    pub batch: usize,
    /// Threads that generate and send.
    pub threads: usize,
    /// Batches of one thread that may wait for the disk.
    pub in_flight: usize,
    /// How ids are made.
    pub ids: Ids,
    /// Wallets to draw from.
    pub wallets: u64,
    /// Merchants to draw from.
    pub merchants: u64,
    /// Seconds of one round.
    pub seconds: f64,
    /// Rounds, one after another without a pause, after a warm-up of a tenth of a round.
    pub rounds: usize,
}

/// What one round showed.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Authorizations that became durable per second.
    pub per_second: f64,
    /// Bytes of journal per second, in MB.
    pub journal_mb_per_second: f64,
    /// Bytes of journal per authorization: frames, padding, seals and headers included.
    pub bytes_per_record: f64,
    pub segments: f64,
    /// Processors kept busy by the whole process.
    pub cores: f64,
}

/// What a run showed.
pub struct Outcome {
    pub rounds: Vec<Round>,
    /// The share of the threads' time that went into making requests, in percent.
    pub generating_percent: f64,
    /// The share of authorizations that were approved, in percent.
    pub approved_percent: f64,
    /// From sending a batch to its last record being durable, in microseconds.
    pub latency_us: Histogram<u64>,
    /// Seconds from the first batch to the last one durable.
    pub seconds: f64,
}

/// Sends batches to the engine for the given time.
///
/// # Errors
/// When the engine fails, or answers less than it was asked.
pub fn run<S: Storage>(rig: Rig<S>, load: &Load) -> Result<Outcome> {
    let running = rig.start();
    let engine = &running.engine;
    let stop = AtomicBool::new(false);
    let waited_for = AtomicU64::new(0);
    let before = engine.durable().sequence();
    let started = Instant::now();
    let (rounds, senders) = std::thread::scope(|scope| {
        let (stop, waited_for) = (&stop, &waited_for);
        let send = |seed| move || Sender::new(engine, load, seed).run(stop, waited_for);
        let senders: Vec<_> = (0..load.threads)
            .map(|thread| scope.spawn(send(thread as u64 + 1)))
            .collect();
        std::thread::sleep(Duration::from_secs_f64(load.seconds / 10.0));
        let rounds: Vec<Round> = (0..load.rounds).map(|_| watch(engine, load.seconds)).collect();
        stop.store(true, Relaxed);
        let senders: Result<Vec<Sent>> = senders
            .into_iter()
            .map(|sender| sender.join().ok().context("a sender panicked")?)
            .collect();
        (rounds, senders)
    });
    let (senders, seconds) = (senders?, started.elapsed().as_secs_f64());
    let durable = engine.durable().sequence() - before;
    ensure!(
        waited_for.load(Relaxed) == durable,
        "{durable} records became durable, another number was waited for"
    );
    running.stop()?;
    let mut latency_us = histogram();
    for sent in &senders {
        latency_us.add(&sent.latency_us)?;
    }
    let (approved, generating) = senders.iter().fold((0, 0.0), |sum, s| {
        (sum.0 + s.approved, sum.1 + s.generating.as_secs_f64())
    });
    Ok(Outcome {
        rounds,
        generating_percent: 100.0 * generating / (seconds * load.threads as f64),
        approved_percent: 100.0 * approved as f64 / durable as f64,
        latency_us,
        seconds,
    })
}

/// Microseconds up to a minute, with three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("three digits are allowed")
}

/// Watches the engine for one round.
fn watch<S: Storage>(engine: &RigEngine<S>, seconds: f64) -> Round {
    let read = || {
        let bytes = engine.appender().written_bytes();
        let durable = engine.durable().sequence();
        (Instant::now(), durable, bytes, machine::cpu_seconds())
    };
    let (at, durable, bytes, cpu) = read();
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let (at_end, durable_end, bytes_end, cpu_end) = read();
    let seconds = (at_end - at).as_secs_f64();
    let (records, bytes) = ((durable_end - durable) as f64, (bytes_end - bytes) as f64);
    Round {
        per_second: records / seconds,
        journal_mb_per_second: bytes / seconds / 1e6,
        bytes_per_record: bytes / records,
        segments: bytes / f64::from(Layout::DEFAULT.segment_bytes),
        cores: (cpu_end - cpu) / seconds,
    }
}

/// What one thread sent.
struct Sent {
    approved: u64,
    generating: Duration,
    latency_us: Histogram<u64>,
}

struct Sender<'e, S: Storage> {
    engine: &'e Arc<RigEngine<S>>,
    load: &'e Load,
    workload: Workload,
    /// Batches that wait for the disk: when they were sent, their last sequence and their length.
    waiting: VecDeque<(Instant, u64, usize)>,
    sent: Sent,
}

impl<'e, S: Storage> Sender<'e, S> {
    fn new(engine: &'e Arc<RigEngine<S>>, load: &'e Load, seed: u64) -> Sender<'e, S> {
        Sender {
            engine,
            load,
            workload: Workload::new(seed, load.ids, load.wallets, load.merchants),
            waiting: VecDeque::new(),
            sent: Sent {
                approved: 0,
                generating: Duration::ZERO,
                latency_us: histogram(),
            },
        }
    }

    fn run(mut self, stop: &AtomicBool, waited_for: &AtomicU64) -> Result<Sent> {
        let mut requests = Vec::with_capacity(self.load.batch);
        while !stop.load(Relaxed) {
            let started = Instant::now();
            let at = self.engine.clock().now()?;
            self.workload.fill(&mut requests, self.load.batch, at);
            let sent_at = Instant::now();
            self.sent.generating += sent_at - started;
            let answers = loop {
                match self.engine.authorize_batch(&requests) {
                    Ok(answers) => break answers,
                    Err(SubmitError::Overloaded) if !self.waiting.is_empty() => self.wait(waited_for)?,
                    Err(SubmitError::Overloaded) => std::thread::yield_now(),
                    Err(error) => return Err(error.into()),
                }
            };
            let mut last = None;
            for answer in &answers {
                let Submitted::Decided { record, sequence } = answer else {
                    bail!("an id came up twice");
                };
                self.sent.approved += u64::from(record.approved());
                last = last.max(Some(*sequence));
            }
            let last = last.context("a batch is never empty")?;
            self.waiting.push_back((sent_at, last, answers.len()));
            if self.waiting.len() >= self.load.in_flight {
                self.wait(waited_for)?;
            }
        }
        while !self.waiting.is_empty() {
            self.wait(waited_for)?;
        }
        Ok(self.sent)
    }

    /// Waits until the oldest batch is durable: its last record stands for all.
    fn wait(&mut self, waited_for: &AtomicU64) -> Result<()> {
        if let Some((sent_at, last, len)) = self.waiting.pop_front() {
            self.engine.durable().block_until(last)?;
            self.sent
                .latency_us
                .saturating_record(sent_at.elapsed().as_micros() as u64);
            waited_for.fetch_add(len as u64, Relaxed);
        }
        Ok(())
    }
}
