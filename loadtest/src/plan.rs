//! Everything a run depends on.

use crate::ids::IdVersion;
use crate::pacing::Load;
use crate::registration::People;
use crate::target::Target;
use crate::workload::{Mix, Workload};
use anyhow::bail;
use std::time::Duration;

/// What a request is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireForm {
    Json,
    /// Bytes, the batch route.
    Binary,
}

/// One run: what is asked, how, and for how long.
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
