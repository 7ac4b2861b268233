//! What is counted of the work beside answering: the last start, snapshots, the scrubber.

use super::condition::since_epoch_s;
use super::exposition::{counters, doubling, histogram, registered};
use prometheus::{Gauge, Histogram, IntCounter, IntGauge, Registry};
use satang_engine::maintenance::{KeepError, Taken};
use satang_engine::recovery::open::Recovered;
use std::time::{Duration, SystemTime};

/// Counters of the process's upkeep.
pub struct UpkeepCounts {
    recovery_seconds: Gauge,
    recovery_records: IntGauge,
    snapshot: Histogram,
    snapshot_sequence: IntGauge,
    /// Snapshots that failed, and that were taken.
    snapshots: [IntCounter; 2],
    scrub_bytes: IntCounter,
    scrub_findings: IntCounter,
    scrub_last_pass: Gauge,
}

impl UpkeepCounts {
    /// Nothing counted yet.
    pub(super) fn new(registry: &Registry) -> UpkeepCounts {
        let counter = |name, help| registered(registry, IntCounter::new(name, help));
        let whole = |name, help| registered(registry, IntGauge::new(name, help));
        let gauge = |name, help| registered(registry, Gauge::new(name, help));
        let snapshots = counters(
            registry,
            "satang_snapshots_total",
            "Snapshots since the start, by outcome.",
            &["outcome"],
        );
        UpkeepCounts {
            recovery_seconds: gauge("satang_recovery_seconds", "How long the last start replayed."),
            recovery_records: whole("satang_recovery_records", "Records the last start replayed."),
            snapshot: histogram(
                registry,
                "satang_snapshot_seconds",
                "From the first part that is copied to the snapshot's durable name.",
                doubling(16e-3, 14),
            ),
            snapshot_sequence: whole(
                "satang_snapshot_sequence",
                "The sequence of the last record in the newest snapshot; 0 without one.",
            ),
            snapshots: ["failed", "taken"].map(|outcome| snapshots.with_label_values(&[outcome])),
            scrub_bytes: counter(
                "satang_scrub_bytes_total",
                "Bytes of files that the scrubber read once more since the start.",
            ),
            scrub_findings: counter(
                "satang_scrub_findings_total",
                "Damage that the scrubber found since the start; once in each pass.",
            ),
            scrub_last_pass: gauge(
                "satang_scrub_last_full_pass_timestamp_seconds",
                "When the scrubber last came to the end of all files, in seconds since the Unix epoch; 0 for not since the start.",
            ),
        }
    }

    /// What the last start did.
    pub fn recovered(&self, found: &Recovered, took: Duration) {
        self.recovery_records.set(found.records as i64);
        self.recovery_seconds.set(took.as_secs_f64());
        self.snapshot_sequence.set(found.snapshot.unwrap_or(0) as i64);
    }

    /// A snapshot was taken, or was not.
    pub(super) fn count_snapshot(&self, outcome: &Result<Taken, KeepError>) {
        self.snapshots[usize::from(outcome.is_ok())].inc();
        if let Ok(Taken { facts, took }) = outcome {
            self.snapshot.observe(took.as_secs_f64());
            self.snapshot_sequence.set(facts.sequence as i64);
        }
    }

    /// The scrubber read so many bytes.
    pub fn count_scrubbed(&self, bytes: u64) {
        self.scrub_bytes.inc_by(bytes);
    }

    /// The scrubber found damage.
    pub fn count_scrub_finding(&self) {
        self.scrub_findings.inc();
    }

    /// The scrubber came to the end of all files.
    pub fn scrub_passed(&self, at: SystemTime) {
        self.scrub_last_pass.set(since_epoch_s(at).floor());
    }
}
