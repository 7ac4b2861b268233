//! What is counted and timed, in Prometheus' text format.

use super::casework::CaseworkCounts;
use super::exposition::{heading, line};
use super::{Failure, Ready, Refused};
use crate::server::Response;
use http::StatusCode;
use parking_lot::RwLock;
use prometheus::{Encoder, Histogram, HistogramOpts, IntCounter, IntGauge, Opts, Registry, TextEncoder};
use satang_core::outcome::{Reason, RegistrationReason, ReversalReason};
use satang_core::record::{AuthorizationRecord, NameNumber, ReturnKind, ReversalRecord};
use satang_engine::maintenance::{KeepError, Taken};
use satang_engine::recovery::open::Recovered;
use satang_engine::session::{Outcome, RegistrationOutcome};
use satang_log::commit::CommitObserver;
use satang_log::storage::Storage;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const REASONS: usize = Reason::ALL.len();
const REVERSAL_REASONS: usize = ReversalReason::ALL.len();

/// Counters and histograms of one process.
pub struct Metrics {
    registry: Registry,
    /// By the number of the programme's name and reason; number 0 is an unknown programme. One entry for each programme that
    /// ever had a rule.
    decisions: RwLock<BTreeMap<u16, [AtomicU64; REASONS]>>,
    /// Reversals, captures and voids: each by reason, declined then approved.
    reversals: [[[AtomicU64; REVERSAL_REASONS]; 2]; 3],
    registrations: [AtomicU64; RegistrationReason::ALL.len()],
    /// Told again that a quota is full.
    told_again: IntCounter,
    register: Histogram,
    register_batch: Histogram,
    refused: [AtomicU64; Refused::REASONS.len()],
    casework: CaseworkCounts,
    replays: IntCounter,
    quotes: IntCounter,
    authorize: Histogram,
    batch: Histogram,
    reverse: Histogram,
    flush: Histogram,
    flush_records: Histogram,
    journal_bytes: IntCounter,
    recovery_seconds: prometheus::Gauge,
    recovery_records: IntGauge,
    snapshot: Histogram,
    snapshot_sequence: IntGauge,
    snapshots: [AtomicU64; 2],
}

impl Metrics {
    /// Nothing counted yet.
    ///
    /// # Panics
    /// Never: the names are constant and valid.
    pub fn new() -> Metrics {
        let registry = Registry::new();
        let seconds = |from: f64, count| prometheus::exponential_buckets(from, 2.0, count).expect("constant");
        let histogram = |name: &str, help: &str, buckets: Vec<f64>| {
            let histogram =
                Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets)).expect("valid");
            registry
                .register(Box::new(histogram.clone()))
                .expect("named once");
            histogram
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::with_opts(Opts::new(name, help)).expect("valid");
            registry.register(Box::new(counter.clone())).expect("named once");
            counter
        };
        let recovery_seconds =
            prometheus::Gauge::new("satang_recovery_seconds", "How long the last start replayed.");
        let recovery_records = IntGauge::new("satang_recovery_records", "Records the last start replayed.");
        let (recovery_seconds, recovery_records) =
            (recovery_seconds.expect("valid"), recovery_records.expect("valid"));
        registry
            .register(Box::new(recovery_seconds.clone()))
            .expect("named once");
        registry
            .register(Box::new(recovery_records.clone()))
            .expect("named once");
        let snapshot_sequence = IntGauge::new(
            "satang_snapshot_sequence",
            "The sequence of the last record in the newest snapshot; 0 without one.",
        )
        .expect("valid");
        registry
            .register(Box::new(snapshot_sequence.clone()))
            .expect("named once");
        Metrics {
            snapshot: histogram(
                "satang_snapshot_seconds",
                "From the first part that is copied to the snapshot's durable name.",
                seconds(16e-3, 14),
            ),
            snapshot_sequence,
            snapshots: Default::default(),
            decisions: RwLock::default(),
            reversals: std::array::from_fn(|_| {
                std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0)))
            }),
            registrations: std::array::from_fn(|_| AtomicU64::new(0)),
            told_again: counter(
                "satang_registrations_told_again_total",
                "Registrations answered quota_full to a citizen who was told so before, without a record.",
            ),
            register: histogram(
                "satang_register_seconds",
                "From a complete request to its durable answer, one registration.",
                seconds(16e-6, 18),
            ),
            register_batch: histogram(
                "satang_register_batch_seconds",
                "The same for a batch of registrations.",
                seconds(64e-6, 16),
            ),
            refused: std::array::from_fn(|_| AtomicU64::new(0)),
            casework: CaseworkCounts::default(),
            replays: counter(
                "satang_replays_total",
                "Requests answered with the first answer of their id.",
            ),
            quotes: counter("satang_quotes_total", "Quotes answered."),
            authorize: histogram(
                "satang_authorize_seconds",
                "From a complete request to its durable answer, one authorization.",
                seconds(16e-6, 18),
            ),
            batch: histogram(
                "satang_batch_seconds",
                "The same for a batch.",
                seconds(64e-6, 16),
            ),
            reverse: histogram(
                "satang_reverse_seconds",
                "The same for a reversal.",
                seconds(16e-6, 18),
            ),
            flush: histogram(
                "satang_flush_seconds",
                "Write and flush of one group.",
                seconds(16e-6, 16),
            ),
            flush_records: histogram("satang_flush_records", "Records in one group.", seconds(1.0, 16)),
            journal_bytes: counter(
                "satang_journal_bytes_total",
                "Bytes of frames written since the start.",
            ),
            recovery_seconds,
            recovery_records,
            registry,
        }
    }

    pub(super) fn count_authorization(&self, record: &AuthorizationRecord) {
        let reason = record.reason() as usize;
        self.count_decisions(program_of(record), |by_reason| {
            by_reason[reason].fetch_add(1, Relaxed);
        });
    }

    /// The same for many, most of one programme in a row.
    pub(super) fn count_authorizations<'r>(&self, records: impl Iterator<Item = &'r AuthorizationRecord>) {
        let mut records = records.peekable();
        while let Some(program) = records.peek().map(|record| program_of(record)) {
            let mut counts = [0; REASONS];
            while let Some(record) = records.next_if(|record| program_of(record) == program) {
                counts[record.reason() as usize] += 1;
            }
            self.count_decisions(program, |by_reason| {
                for (counted, count) in by_reason.iter().zip(counts).filter(|(_, count)| *count > 0) {
                    counted.fetch_add(count, Relaxed);
                }
            });
        }
    }

    fn count_decisions(&self, program: u16, count: impl FnOnce(&[AtomicU64; REASONS])) {
        if let Some(by_reason) = self.decisions.read().get(&program) {
            return count(by_reason);
        }
        let mut decisions = self.decisions.write();
        let by_reason = decisions
            .entry(program)
            .or_insert_with(|| std::array::from_fn(|_| AtomicU64::new(0)));
        count(by_reason);
    }

    /// Counts a reversal, or a hold's capture or void.
    pub(super) fn count_reversal(&self, record: &ReversalRecord) {
        let act = match record.act() {
            ReturnKind::Reversal => 0,
            ReturnKind::Capture => 1,
            ReturnKind::Void => 2,
        };
        let of = &self.reversals[act][usize::from(record.approved())];
        of[record.reason() as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn count_registration(&self, registered: &RegistrationOutcome) {
        match registered {
            RegistrationOutcome::Decided(Outcome::New(record)) => {
                self.registrations[record.reason() as usize].fetch_add(1, Relaxed);
            }
            RegistrationOutcome::Decided(Outcome::Replayed(_) | Outcome::Conflict) => self.replays.inc(),
            RegistrationOutcome::QuotaFullNotified { .. } => self.told_again.inc(),
        }
    }

    pub(super) fn observe_register(&self, took: Duration) {
        self.register.observe(took.as_secs_f64());
    }

    pub(super) fn observe_register_batch(&self, took: Duration) {
        self.register_batch.observe(took.as_secs_f64());
    }

    pub(super) fn count_refused(&self, refused: Refused) {
        self.refused[refused.reason()].fetch_add(1, Relaxed);
    }

    /// What casework decided.
    pub(super) fn casework(&self) -> &CaseworkCounts {
        &self.casework
    }

    pub(super) fn count_replay(&self) {
        self.replays.inc();
    }

    pub(super) fn count_replays(&self, count: usize) {
        self.replays.inc_by(count as u64);
    }

    pub(super) fn count_quote(&self) {
        self.quotes.inc();
    }

    pub(super) fn observe_authorize(&self, took: Duration) {
        self.authorize.observe(took.as_secs_f64());
    }

    pub(super) fn observe_batch(&self, took: Duration) {
        self.batch.observe(took.as_secs_f64());
    }

    pub(super) fn observe_reverse(&self, took: Duration) {
        self.reverse.observe(took.as_secs_f64());
    }

    /// What the last start did.
    pub fn recovered(&self, found: &Recovered, took: Duration) {
        self.recovery_records.set(found.records as i64);
        self.recovery_seconds.set(took.as_secs_f64());
        self.snapshot_sequence.set(found.snapshot.unwrap_or(0) as i64);
    }

    /// A snapshot was taken, or was not.
    pub fn count_snapshot(&self, outcome: &Result<Taken, KeepError>) {
        self.snapshots[usize::from(outcome.is_ok())].fetch_add(1, Relaxed);
        if let Ok(Taken { facts, took }) = outcome {
            self.snapshot.observe(took.as_secs_f64());
            self.snapshot_sequence.set(facts.sequence as i64);
        }
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl CommitObserver for Metrics {
    fn committed(&self, records: u32, bytes: usize, took: Duration) {
        self.flush.observe(took.as_secs_f64());
        self.flush_records.observe(f64::from(records));
        self.journal_bytes.inc_by(bytes as u64);
    }
}

impl<S: Storage> Ready<S> {
    pub(super) async fn metrics(&self) -> Result<Response, Failure> {
        let mut text = Vec::new();
        let families = self.metrics.registry.gather();
        TextEncoder::new()
            .encode(&families, &mut text)
            .expect("writing to memory does not fail");
        let mut out = String::from_utf8(text).expect("the format is text");
        self.write_decisions(&mut out);
        self.write_registrations(&mut out);
        self.write_refused(&mut out);
        self.write_snapshots(&mut out);
        let directory = self.engine.state().directory.read();
        self.metrics.casework.write(directory.casework(), &mut out);
        drop(directory);
        self.write_state(&mut out);
        let kind = "text/plain; version=0.0.4; charset=utf-8";
        Ok(Response::new(StatusCode::OK, kind, out))
    }

    fn write_decisions(&self, out: &mut String) {
        heading(
            out,
            "satang_decisions_total",
            "counter",
            "Authorizations decided, by programme and reason.",
        );
        let directory = self.engine.state().directory.read();
        for (number, by_reason) in self.metrics.decisions.read().iter() {
            let name = directory.name(NameNumber(*number));
            let program = name.map_or("unknown", |name| name.as_str());
            for (reason, count) in Reason::ALL.into_iter().zip(by_reason) {
                let count = count.load(Relaxed);
                if count > 0 {
                    let labels = format!("program=\"{program}\",reason=\"{}\"", reason.name());
                    line(out, "satang_decisions_total", &labels, count);
                }
            }
        }
        let [reversals, captures, voids] = &self.metrics.reversals;
        let name = "satang_reversals_total";
        heading(out, name, "counter", "Reversals decided, by decision and reason.");
        write_by_reason(out, name, "", reversals);
        let name = "satang_hold_ends_total";
        heading(
            out,
            name,
            "counter",
            "Captures and voids of holds decided, by decision and reason.",
        );
        write_by_reason(out, name, "act=\"capture\",", captures);
        write_by_reason(out, name, "act=\"void\",", voids);
    }

    fn write_registrations(&self, out: &mut String) {
        let name = "satang_registrations_total";
        heading(out, name, "counter", "Registrations decided, by reason.");
        for (reason, count) in RegistrationReason::ALL
            .into_iter()
            .zip(&self.metrics.registrations)
        {
            let count = count.load(Relaxed);
            if count > 0 {
                line(out, name, &format!("reason=\"{}\"", reason.name()), count);
            }
        }
    }

    fn write_refused(&self, out: &mut String) {
        let name = "satang_requests_refused_total";
        heading(
            out,
            name,
            "counter",
            "Requests without a key that may send them, by reason.",
        );
        for (reason, count) in Refused::REASONS.iter().zip(&self.metrics.refused) {
            line(out, name, &format!("reason=\"{reason}\""), count.load(Relaxed));
        }
    }

    fn write_snapshots(&self, out: &mut String) {
        let name = "satang_snapshots_total";
        heading(out, name, "counter", "Snapshots since the start, by outcome.");
        for (outcome, count) in ["failed", "taken"].iter().zip(&self.metrics.snapshots) {
            line(out, name, &format!("outcome=\"{outcome}\""), count.load(Relaxed));
        }
    }

    fn write_state(&self, out: &mut String) {
        let engine = &self.engine;
        let state = engine.state();
        let gauges = [
            (
                "satang_requests_in_flight",
                "Requests being served.",
                engine.appender().requests().load(Relaxed),
            ),
            (
                "satang_in_flight_bytes",
                "Bytes of records not durable yet.",
                engine.appender().in_flight_bytes(),
            ),
            ("satang_wallets", "Wallets known.", state.wallets_len()),
            (
                "satang_ids",
                "Authorization and reversal ids in memory: those of today and yesterday, and young ones.",
                state.ids_len(),
            ),
            (
                "satang_id_files",
                "Index files of dates whose ids have left memory.",
                engine.id_archive().days().files.len(),
            ),
            (
                "satang_merchants",
                "Merchants registered.",
                state.directory.read().merchants_len(),
            ),
        ];
        for (name, help, value) in gauges {
            heading(out, name, "gauge", help);
            line(out, name, "", value as u64);
        }
        heading(
            out,
            "satang_durable_sequence",
            "counter",
            "The highest durable sequence.",
        );
        line(out, "satang_durable_sequence", "", engine.durable().sequence());
        let Ok(now) = engine.now() else { return };
        let name = "satang_state_money_satang";
        heading(
            out,
            name,
            "gauge",
            "State money authorised today, this month and in all, and given back, in satang.",
        );
        let totals = state.totals(now.business_date());
        let directory = state.directory.read();
        for totals in totals {
            let Some(program) = directory.name(totals.program) else {
                continue;
            };
            let periods = [
                ("day", totals.day),
                ("month", totals.month),
                ("all", totals.all),
                ("given_back", totals.given_back),
            ];
            for (period, satang) in periods {
                line(
                    out,
                    name,
                    &format!("program=\"{program}\",period=\"{period}\""),
                    satang,
                );
            }
        }
    }
}

/// The number that a decision is counted under: without a rule the programme is unknown, whatever else its name may stand for.
fn program_of(record: &AuthorizationRecord) -> u16 {
    if record.rule == 0 { 0 } else { record.program().0 }
}

/// A line for each decision and reason that was counted.
fn write_by_reason(
    out: &mut String,
    name: &str,
    label: &str,
    decisions: &[[AtomicU64; REVERSAL_REASONS]; 2],
) {
    for (decision, by_reason) in ["declined", "approved"].iter().zip(decisions) {
        for (reason, count) in ReversalReason::ALL.into_iter().zip(by_reason) {
            let count = count.load(Relaxed);
            if count > 0 {
                let labels = format!("{label}decision=\"{decision}\",reason=\"{}\"", reason.name());
                line(out, name, &labels, count);
            }
        }
    }
}
