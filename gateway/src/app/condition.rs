//! How the process stands, beside what it counts: room on the disk, the clock, what is durable and how old the newest snapshot is.

use super::exposition::registered;
use crate::engine::GatewayEngine;
use prometheus::{Gauge, Registry};
use satang_log::storage::{DiskRoom, Storage};
use std::time::SystemTime;

/// What others find out and a scrape shows: no scrape asks the file system.
pub(super) struct Condition {
    disk_free: Gauge,
    disk_size: Gauge,
    snapshot_at: Gauge,
    last_durable: Gauge,
}

impl Condition {
    /// Nothing known yet.
    pub(super) fn new(registry: &Registry) -> Condition {
        let gauge = |name, help| registered(registry, Gauge::new(name, help));
        Condition {
            disk_free: gauge(
                "satang_disk_free_bytes",
                "Bytes that the server may still take of the data folder's file system.",
            ),
            disk_size: gauge(
                "satang_disk_size_bytes",
                "Bytes of the data folder's file system.",
            ),
            snapshot_at: gauge(
                "satang_snapshot_timestamp_seconds",
                "When the newest snapshot was finished, in seconds since the Unix epoch; 0 without one.",
            ),
            last_durable: gauge(
                "satang_last_durable_timestamp_seconds",
                "When a group last became durable, in seconds since the Unix epoch; 0 for not since the start.",
            ),
        }
    }

    pub(super) fn room(&self, room: DiskRoom) {
        self.disk_free.set(room.free_bytes as f64);
        self.disk_size.set(room.all_bytes as f64);
    }

    pub(super) fn snapshot_taken(&self, at: SystemTime) {
        self.snapshot_at.set(since_epoch_s(at));
    }

    pub(super) fn became_durable(&self, at: SystemTime) {
        self.last_durable.set(since_epoch_s(at));
    }
}

/// Seconds since the Unix epoch; 0 before it.
pub(super) fn since_epoch_s(at: SystemTime) -> f64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

/// What the engine knows of itself.
pub(super) fn read_condition<S: Storage>(read: &Registry, engine: &GatewayEngine<S>) {
    let gauge = |name, help, value: f64| registered(read, Gauge::new(name, help)).set(value);
    gauge(
        "satang_clock_trusted",
        "1 while decisions are made by the clock, 0 while it is not trusted.",
        f64::from(u8::from(engine.now().is_ok())),
    );
    gauge(
        "satang_spare_segments",
        "Segments of zeros that are ready to be written.",
        engine.spares_len() as f64,
    );
}
