//! A run: one plan, several sender threads, one set of counts.

use crate::answer::decided_at_unix_ms;
use crate::client::Client;
use crate::ids::{IdSource, IdVersion};
use crate::pacing::Load;
use crate::registration::People;
use crate::stats::Seen;
use crate::target::Target;
use crate::worker::Worker;
use crate::workload::{Generator, Mix, Request, Workload};
use anyhow::{Context, bail};
use std::sync::atomic::AtomicU64;
use std::sync::{Barrier, OnceLock};
use std::time::{Duration, Instant};

/// What a request is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireForm {
    Json,
    /// Bytes, the batch route.
    Binary,
}

/// Everything a run depends on.
#[derive(Clone, Debug)]
pub struct Plan {
    pub target: Target,
    /// What makes requests due.
    pub load: Load,
    /// How long requests become due.
    pub duration: Duration,
    /// Requests due in this first part are sent but not counted.
    pub warmup: Duration,
    /// How long, after `duration`, answers are waited for.
    pub drain: Duration,
    /// Connections over all threads; the most requests in flight.
    pub connections: usize,
    /// Sender threads, 1 … `connections`.
    pub threads: usize,
    /// Who registers: then nothing is bought, and the run ends when everybody has asked.
    pub people: Option<People>,
    pub workload: Workload,
    /// Shares of quotes, reversals and retries; all 0 with batches.
    pub mix: Mix,
    /// Authorizations or registrations per request; above 1 they go to the batch route.
    pub batch_len: usize,
    /// What a batch is written as; bytes always go to the batch route.
    pub wire: WireForm,
    /// Version of the ids.
    pub ids: IdVersion,
    /// Seed of purchases and schedule.
    pub seed: u64,
    /// Seed of the ids; two runs against one server need two.
    pub id_seed: u64,
    /// The server's clock at the beginning, ms since 1970: version 7 ids carry its time.
    pub id_base_unix_ms: u64,
    /// Check each answer's id, replay flag and batch size. Off against a server of fixed answers.
    pub check_answers: bool,
}

/// One more than the highest number of a person: a wallet's number has nine digits of it.
pub const PEOPLE_MAX: u64 = 1_000_000_000;

impl Plan {
    /// Whether requests go to the batch route.
    pub fn is_batched(&self) -> bool {
        self.batch_len > 1 || self.wire == WireForm::Binary
    }

    /// Refuses what cannot be driven.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.connections == 0 || self.threads == 0 || self.threads > self.connections {
            bail!(
                "{} threads over {} connections: at least one connection each",
                self.threads,
                self.connections
            );
        }
        if let Load::Open { rate, .. } = self.load
            && !(rate > 0.0 && rate.is_finite())
        {
            bail!("a rate of {rate}/s: it must be above 0");
        }
        if self.workload.wallets == 0 || self.workload.merchants == 0 {
            bail!("wallets and merchants must be at least 1");
        }
        if !(1..=10_000).contains(&self.batch_len) {
            bail!("a batch of {}: 1 … 10,000", self.batch_len);
        }
        if self.people.is_some() && (self.wire != WireForm::Json || self.mix != Mix::default()) {
            bail!("registrations are JSON, and nothing is mixed with them");
        }
        if let Some(people) = self.people
            && (people.count == 0 || people.first + people.count > PEOPLE_MAX)
        {
            bail!(
                "{} people from number {} on: at least one, and none beyond {PEOPLE_MAX}",
                people.count,
                people.first
            );
        }
        if self.is_batched() && self.mix != Mix::default() {
            bail!("quotes, reversals and retries cannot be mixed into batches");
        }
        if self.warmup >= self.duration {
            bail!(
                "a warm-up of {:?} leaves nothing of {:?}",
                self.warmup,
                self.duration
            );
        }
        self.mix.check().map_err(anyhow::Error::msg)?;
        Ok(())
    }
}

/// Drives the plan's load and returns what all threads saw. Blocks until the last answer or the end of the
/// drain.
pub fn drive(plan: &Plan) -> anyhow::Result<Seen> {
    plan.check()?;
    let (connected, started) = (Barrier::new(plan.threads), OnceLock::new());
    let next_person = AtomicU64::new(plan.people.map_or(0, |people| people.first));
    let run_thread = |thread| {
        let worker =
            Worker::new(plan, thread, &next_person).and_then(|mut worker| worker.connect().map(|()| worker));
        // Waited for on failure too, or the other threads would wait for ever.
        connected.wait();
        worker?.run(*started.get_or_init(Instant::now))
    };
    let run_thread = &run_thread;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..plan.threads)
            .map(|thread| scope.spawn(move || run_thread(thread)))
            .collect();
        let mut total = Seen::default();
        for thread in threads {
            let seen = thread
                .join()
                .expect("a sender thread panicked")
                .context("sender thread")?;
            total.merge(seen);
        }
        Ok(total)
    })
}

/// Asks the server for one quote: proves that it answers, and returns its clock in ms since 1970.
pub fn server_clock_unix_ms(target: &Target, workload: &Workload) -> anyhow::Result<u64> {
    let mut generator = Generator::new(
        workload.clone(),
        Mix::default(),
        0,
        0,
        IdSource::new(IdVersion::V4, 0, 0),
    );
    let (mut path, mut body) = (Vec::new(), Vec::new());
    let quote = Request::Quote(generator.purchase(0));
    generator.write(&quote, &mut path, &mut body);
    let reply = Client::connect(target)
        .and_then(|mut client| client.post_json("/v1/quotes", &body))
        .with_context(|| format!("no answer from {}", target.url))?;
    if reply.status != 200 {
        bail!("{} answered a quote with {}", target.url, reply.refusal());
    }
    decided_at_unix_ms(&reply.body)
        .with_context(|| format!("a quote's answer has no decided_at: {}", reply.excerpt()))
}
