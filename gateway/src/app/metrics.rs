//! What is counted and timed, in Prometheus' text format.

use super::casework::CaseworkCounts;
use super::condition::{Condition, read_condition};
use super::exposition::{counters, doubling, gauges, histogram, registered};
use super::listener::read_listener;
use super::refusals::Refusals;
use super::upkeep::UpkeepCounts;
use super::{Failure, Ready, Refused};
use crate::audit::AuditCounters;
use crate::keys::KeyRing;
use crate::output;
use crate::server::{Response, ServerCounters};
use crate::time_daemon;
use http::StatusCode;
use parking_lot::RwLock;
use prometheus::{Gauge, Histogram, IntCounter, IntCounterVec, Registry, TextEncoder};
use satang_core::outcome::{Reason, RegistrationReason, ReversalReason};
use satang_core::record::{AuthorizationRecord, NameNumber, ReturnKind, ReversalRecord};
use satang_core::state::casework::Casework;
use satang_engine::clock::Clock as _;
use satang_engine::maintenance::{KeepError, Taken};
use satang_engine::session::{Outcome, RegistrationOutcome};
use satang_log::commit::CommitObserver;
use satang_log::storage::{DiskRoom, Storage};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

const REASONS: usize = Reason::ALL.len();
const REVERSAL_REASONS: usize = ReversalReason::ALL.len();

/// Counters and histograms of one process. What a purchase or a registration counts by reason is a plain number here, and gets its
/// labels when it is scraped.
pub struct Metrics {
    registry: Registry,
    /// Set once it listens.
    listener: OnceLock<Arc<ServerCounters>>,
    /// Set where callers have keys.
    keys: OnceLock<Arc<KeyRing>>,
    /// By the number of the programme's name and reason; number 0 is an unknown programme. One entry for each programme that
    /// ever had a rule.
    decisions: RwLock<BTreeMap<u16, [AtomicU64; REASONS]>>,
    /// Reversals, captures and voids: each by reason, declined then approved.
    reversals: [[[AtomicU64; REVERSAL_REASONS]; 2]; 3],
    registrations: [AtomicU64; RegistrationReason::ALL.len()],
    /// Told again that a quota is full.
    told_again: IntCounter,
    times: Times,
    refused: [IntCounter; Refused::REASONS.len()],
    problems: Refusals,
    condition: Condition,
    audit: AuditCounters,
    casework: CaseworkCounts,
    replays: IntCounter,
    quotes: IntCounter,
    flush: Histogram,
    flush_records: Histogram,
    journal_bytes: IntCounter,
    upkeep: UpkeepCounts,
}

/// How long requests took, from complete to durably answered, in seconds.
struct Times {
    authorize: Histogram,
    batch: Histogram,
    reverse: Histogram,
    register: Histogram,
    register_batch: Histogram,
}

impl Times {
    fn new(registry: &Registry) -> Times {
        let times = |name, help, from, count| histogram(registry, name, help, doubling(from, count));
        Times {
            authorize: times(
                "satang_authorize_seconds",
                "From a complete request to its durable answer, one authorization.",
                16e-6,
                18,
            ),
            batch: times("satang_batch_seconds", "The same for a batch.", 64e-6, 16),
            reverse: times("satang_reverse_seconds", "The same for a reversal.", 16e-6, 18),
            register: times(
                "satang_register_seconds",
                "From a complete request to its durable answer, one registration.",
                16e-6,
                18,
            ),
            register_batch: times(
                "satang_register_batch_seconds",
                "The same for a batch of registrations.",
                64e-6,
                16,
            ),
        }
    }
}

impl Metrics {
    /// Nothing counted yet.
    ///
    /// # Panics
    /// Never: the names are constant and valid.
    pub fn new() -> Metrics {
        let registry = Registry::new();
        let counter = |name, help| registered(&registry, IntCounter::new(name, help));
        let refused = counters(
            &registry,
            "satang_requests_refused_total",
            "Requests refused for their key, or for the want of one, by reason.",
            &["reason"],
        );
        Metrics {
            decisions: RwLock::default(),
            reversals: Default::default(),
            registrations: Default::default(),
            told_again: counter(
                "satang_registrations_told_again_total",
                "Registrations answered quota_full to a citizen who was told so before, without a record.",
            ),
            times: Times::new(&registry),
            refused: Refused::REASONS.map(|reason| refused.with_label_values(&[reason])),
            problems: Refusals::new(),
            condition: Condition::new(&registry),
            casework: CaseworkCounts::new(&registry),
            audit: AuditCounters {
                written: counter("satang_audit_lines_total", "Lines written to audit.log."),
                dropped: counter(
                    "satang_audit_lines_dropped_total",
                    "Lines that audit.log lost: too many at a time, or the disk did not take them.",
                ),
            },
            replays: counter(
                "satang_replays_total",
                "Requests answered with the first answer of their id.",
            ),
            quotes: counter("satang_quotes_total", "Quotes answered."),
            flush: histogram(
                &registry,
                "satang_flush_seconds",
                "Write and flush of one group.",
                doubling(16e-6, 16),
            ),
            flush_records: histogram(
                &registry,
                "satang_flush_records",
                "Records in one group.",
                doubling(1.0, 16),
            ),
            journal_bytes: counter(
                "satang_journal_bytes_total",
                "Bytes of frames written since the start.",
            ),
            listener: OnceLock::new(),
            keys: OnceLock::new(),
            upkeep: UpkeepCounts::new(&registry),
            registry,
        }
    }

    /// Shows what a listener counts; only the first counts.
    pub fn listens(&self, listener: Arc<ServerCounters>) {
        self.listener.get_or_init(|| listener);
    }

    /// Shows whose requests are being served; only the first keys count.
    pub(super) fn knows(&self, keys: Arc<KeyRing>) {
        self.keys.get_or_init(|| keys);
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
            RegistrationOutcome::Decided(Outcome::Replayed(_)) => self.replays.inc(),
            RegistrationOutcome::Decided(Outcome::Conflict | Outcome::OtherAcquirer) => {}
            RegistrationOutcome::QuotaFullNotified { .. } => self.told_again.inc(),
        }
    }

    pub(super) fn observe_register(&self, took: Duration) {
        self.times.register.observe(took.as_secs_f64());
    }

    pub(super) fn observe_register_batch(&self, took: Duration) {
        self.times.register_batch.observe(took.as_secs_f64());
    }

    /// What audit.log counts.
    pub(crate) fn audit(&self) -> &AuditCounters {
        &self.audit
    }

    pub(super) fn count_refused(&self, refused: Refused) {
        self.refused[refused.reason()].inc();
    }

    /// An answer with a problem of this code.
    pub(super) fn count_problem(&self, code: &str) {
        self.problems.count(code);
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
        self.times.authorize.observe(took.as_secs_f64());
    }

    pub(super) fn observe_batch(&self, took: Duration) {
        self.times.batch.observe(took.as_secs_f64());
    }

    pub(super) fn observe_reverse(&self, took: Duration) {
        self.times.reverse.observe(took.as_secs_f64());
    }

    /// What start, snapshots and scrubber do.
    pub fn upkeep(&self) -> &UpkeepCounts {
        &self.upkeep
    }

    /// There is so much room on the disk.
    pub fn disk_room(&self, room: DiskRoom) {
        self.condition.room(room);
    }

    /// The newest snapshot there is was finished then.
    pub fn snapshot_found(&self, at: SystemTime) {
        self.condition.snapshot_taken(at);
    }

    /// A snapshot was taken, or was not.
    pub fn count_snapshot(&self, outcome: &Result<Taken, KeepError>) {
        self.upkeep.count_snapshot(outcome);
        if outcome.is_ok() {
            self.condition.snapshot_taken(SystemTime::now());
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
        self.condition.became_durable(SystemTime::now());
        self.flush.observe(took.as_secs_f64());
        self.flush_records.observe(f64::from(records));
        self.journal_bytes.inc_by(bytes as u64);
    }
}

impl<S: Storage> Ready<S> {
    pub(super) async fn metrics(&self) -> Result<Response, Failure> {
        let read = Registry::new();
        self.read_decisions(&read);
        self.read_state(&read);
        self.read_money(&read);
        read_condition(&read, &self.engine);
        let listener = self.metrics.listener.get();
        self.metrics.problems.read(&read, listener.map(Arc::as_ref));
        if let Some(listener) = listener {
            read_listener(&read, listener);
        }
        if let Some(keys) = self.metrics.keys.get() {
            read_keys(&read, keys);
        }
        let mut families = self.metrics.registry.gather();
        families.extend(read.gather());
        let text = TextEncoder::new()
            .encode_to_string(&families)
            .expect("writing to memory does not fail");
        let kind = "text/plain; version=0.0.4; charset=utf-8";
        Ok(Response::new(StatusCode::OK, kind, text))
    }

    /// Gives our own counters their names and labels. A series begins with its first count.
    fn read_decisions(&self, read: &Registry) {
        let decisions = counters(
            read,
            "satang_decisions_total",
            "Authorizations decided, by programme and reason.",
            &["program", "reason"],
        );
        for (number, by_reason) in self.metrics.decisions.read().iter() {
            let name = self.engine.name(NameNumber(*number));
            let program = name.as_ref().map_or("unknown", |name| name.as_str());
            for (reason, count) in Reason::ALL.into_iter().zip(by_reason) {
                add(&decisions, &[program, reason.name()], count);
            }
        }
        let [reversals, captures, voids] = &self.metrics.reversals;
        let help = "Reversals decided, by decision and reason.";
        let family = counters(read, "satang_reversals_total", help, &["decision", "reason"]);
        add_by_reason(&family, &[], reversals);
        let family = counters(
            read,
            "satang_hold_ends_total",
            "Captures and voids of holds decided, by decision and reason.",
            &["act", "decision", "reason"],
        );
        add_by_reason(&family, &["capture"], captures);
        add_by_reason(&family, &["void"], voids);
        let help = "Registrations decided, by reason.";
        let family = counters(read, "satang_registrations_total", help, &["reason"]);
        for (reason, count) in RegistrationReason::ALL
            .into_iter()
            .zip(&self.metrics.registrations)
        {
            add(&family, &[reason.name()], count);
        }
    }

    /// How the engine stands.
    fn read_state(&self, read: &Registry) {
        let (engine, state) = (&self.engine, self.engine.state());
        let gauge = |name, help, value: usize| registered(read, Gauge::new(name, help)).set(value as f64);
        gauge(
            "satang_requests_in_flight",
            "Requests being served.",
            engine.appender().requests().load(Relaxed),
        );
        gauge(
            "satang_in_flight_bytes",
            "Bytes of records not durable yet.",
            engine.appender().in_flight_bytes(),
        );
        if engine.clock().simulated().is_none() {
            gauge(
                "satang_clock_synchronized",
                "1 while the kernel says that a time daemon keeps the clock.",
                usize::from(time_daemon::keeps_the_clock() == Some(true)),
            );
        }
        gauge("satang_wallets", "Wallets known.", state.wallets_len());
        gauge(
            "satang_ids",
            "Authorization and reversal ids in memory: those of today and yesterday, and young ones.",
            state.ids_len(),
        );
        gauge(
            "satang_id_files",
            "Index files of dates whose ids have left memory.",
            engine.id_archive().days().files.len(),
        );
        registered(
            read,
            IntCounter::new("satang_durable_sequence", "The highest durable sequence."),
        )
        .inc_by(engine.durable().sequence());
        registered(
            read,
            IntCounter::new(
                "satang_hash_long_probes_total",
                "Insertions into a table of ids that passed 1,024 others or more, since the start.",
            ),
        )
        .inc_by(state.long_probes());
        registered(
            read,
            IntCounter::new(
                "satang_log_lines_dropped_total",
                "Log lines that standard error did not take.",
            ),
        )
        .inc_by(output::dropped());
        engine.of_directory(|directory| {
            gauge(
                "satang_merchants",
                "Merchants registered.",
                directory.merchants_len(),
            );
            read_casework(read, directory.casework());
        });
    }

    /// The state's money, unless the clock is not trusted.
    fn read_money(&self, read: &Registry) {
        let Ok(now) = self.engine.now() else { return };
        let money = gauges(
            read,
            "satang_state_money_satang",
            "State money authorised today, this month and in all, and given back, in satang.",
            &["program", "period"],
        );
        for totals in self.engine.state().totals(now.business_date()) {
            let Some(program) = self.engine.name(totals.program) else {
                continue;
            };
            let periods = [
                ("day", totals.day),
                ("month", totals.month),
                ("all", totals.all),
                ("given_back", totals.given_back),
            ];
            for (period, satang) in periods {
                money
                    .with_label_values(&[program.as_str(), period])
                    .set(satang as f64);
            }
        }
    }
}

/// Whose requests are being served.
fn read_keys(read: &Registry, keys: &KeyRing) {
    let by_key = gauges(
        read,
        "satang_requests_in_flight_by_key",
        "Requests being served, by the name of their key; those of keys that were used since the start.",
        &["key"],
    );
    for (key, count) in keys.requests_in_flight() {
        by_key.with_label_values(&[key.as_str()]).set(count as f64);
    }
}

/// How casework stands.
fn read_casework(read: &Registry, casework: &Casework) {
    let open = Gauge::new("satang_clawbacks_open", "Clawback cases with something left.");
    registered(read, open).set(casework.cases_open() as f64);
    let frozen = gauges(
        read,
        "satang_payouts_frozen",
        "Merchants and authorizations whose money is held back.",
        &["of"],
    );
    frozen
        .with_label_values(&["merchant"])
        .set(casework.merchants_frozen() as f64);
    frozen
        .with_label_values(&["authorization"])
        .set(casework.frozen_authorizations().len() as f64);
}

/// The number that a decision is counted under: without a rule the programme is unknown, whatever else its name may stand for.
fn program_of(record: &AuthorizationRecord) -> u16 {
    if record.rule == 0 { 0 } else { record.program().0 }
}

/// Adds a series for each decision and reason that was counted.
fn add_by_reason(counters: &IntCounterVec, act: &[&str], decisions: &[[AtomicU64; REVERSAL_REASONS]; 2]) {
    for (decision, by_reason) in ["declined", "approved"].iter().zip(decisions) {
        for (reason, count) in ReversalReason::ALL.into_iter().zip(by_reason) {
            add(counters, &[act, &[decision, reason.name()]].concat(), count);
        }
    }
}

/// Adds the series of a count, unless it is 0.
fn add(counters: &IntCounterVec, labels: &[&str], count: &AtomicU64) {
    let count = count.load(Relaxed);
    if count > 0 {
        counters.with_label_values(labels).inc_by(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::WholeBody;
    use crate::app::tests_snapshots::Service;
    use crate::keys::Keys;
    use expect_test::expect_file;
    use http::{HeaderMap, Method};
    use satang_core::ids::Name;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// Who scrapes relies on names, types and labels. Buckets are left out, and what differs between runs.
    #[test]
    fn a_scrape_has_these_series() {
        let service = Service::start();
        let metrics = &service.api.app.metrics;
        metrics.count_decisions(0, |by_reason| by_reason[3].store(7, Relaxed));
        metrics.reversals[0][1][0].store(2, Relaxed);
        metrics.reversals[1][0][1].store(3, Relaxed);
        metrics.reversals[2][1][0].store(1 << 52, Relaxed);
        metrics.registrations[0].store(4, Relaxed);
        metrics.count_refused(Refused::Unknown);
        metrics.listens(Arc::default());
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let file = format!("[[key]]\nname = \"bank-1\"\nrole = \"switch\"\nsha256 = \"{hash}\"\n");
        let keys = KeyRing::new(Keys::load("keys.toml", &file).unwrap());
        let _serving = keys.hold().serve(Name::parse("bank-1").unwrap());
        metrics.knows(keys);
        let headers = HeaderMap::new();
        let mut request = pin!(
            service
                .api
                .respond(&Method::GET, "/metrics", &headers, WholeBody(None))
        );
        let Poll::Ready(response) = request.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("a scrape waits for nothing");
        };
        let text = String::from_utf8(response.body.to_vec()).unwrap();
        let series = text.lines().filter(|line| !line.contains("_bucket{"));
        let series: Vec<&str> = series.collect();
        expect_file!["tests_metrics.txt"].assert_eq(&(series.join("\n") + "\n"));
    }
}
