//! The scrubber: files that were written for good are read once more, slowly, so that bit rot is found by us and not by a citizen.
//!
//! A pass goes through the index files of old ids and the sealed segments, each from the oldest on, and the snapshots. It only reads.
//! What it finds it tells once; the server goes on, for all that was answered is in memory or in other files.

use crate::clock::Clock;
use crate::ids::index::IdIndexError;
use crate::maintenance::Maintenance;
use crate::snapshot::{self, SNAPSHOT_FOLDER, Unusable};
use satang_log::log::LogStore;
pub use satang_log::scrub::{ScrubFinding, ScrubMonitor};
use satang_log::storage::Storage;
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

impl<S: Storage, L: LogStore, C: Clock> Maintenance<S, L, C> {
    /// Makes a pass, beside everything else that is done; ends early when the monitor says so.
    pub fn scrub(&self, monitor: &mut dyn ScrubMonitor) -> ControlFlow<()> {
        self.scrub_indexes(monitor)?;
        self.scrub_snapshots(monitor)?;
        self.log().scrub(self.engine().durable(), monitor)
    }

    fn scrub_indexes(&self, monitor: &mut dyn ScrubMonitor) -> ControlFlow<()> {
        let days = self.engine().id_archive().days();
        for index in days.files.iter().rev() {
            match index.scrub(self.storage(), self.identity(), monitor) {
                Ok(goes_on) => goes_on?,
                Err(error) => monitor.found(in_index(error)),
            }
        }
        ControlFlow::Continue(())
    }

    fn scrub_snapshots(&self, monitor: &mut dyn ScrubMonitor) -> ControlFlow<()> {
        let listed = || snapshot::names(self.storage());
        let names = match listed() {
            Ok(names) => names,
            Err(error) => {
                monitor.found(unread(SNAPSHOT_FOLDER.into(), &error));
                return ControlFlow::Continue(());
            }
        };
        for name in names.into_iter().rev() {
            match snapshot::scrub(self.storage(), &name, self.identity(), monitor) {
                Ok(goes_on) => goes_on?,
                // A newer one may have taken its place meanwhile.
                Err(error) if listed().is_ok_and(|names| names.contains(&name)) => {
                    monitor.found(in_snapshot(name, error));
                }
                Err(_) => {}
            }
        }
        ControlFlow::Continue(())
    }
}

fn in_index(error: IdIndexError) -> ScrubFinding {
    match error {
        IdIndexError::Io { file, offset, source } => ScrubFinding {
            file,
            offset,
            what: source.to_string(),
        },
        IdIndexError::Damaged { file, offset, what } => ScrubFinding {
            file,
            offset,
            what: what.to_string(),
        },
    }
}

fn in_snapshot(file: String, error: Unusable) -> ScrubFinding {
    match error {
        Unusable::Damaged { offset, what } => ScrubFinding {
            file,
            offset,
            what: what.to_string(),
        },
        Unusable::Io(_) | Unusable::NoMemory | Unusable::Index(_) | Unusable::OtherIndex(_) => ScrubFinding {
            file,
            offset: 0,
            what: error.to_string(),
        },
    }
}

fn unread(file: String, error: &io::Error) -> ScrubFinding {
    ScrubFinding {
        file,
        offset: 0,
        what: error.to_string(),
    }
}

/// How fast files are read: a pause behind each piece, so that no more is read than so many bytes in a second. What was not read
/// while the disk was slow is not made up for.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    bytes_per_s: u64,
    /// When the pieces so far are paid for.
    free_at: Duration,
}

impl Pace {
    /// A pace of `mib_per_s`; `None` for 0, which reads nothing.
    pub fn of(mib_per_s: u32) -> Option<Pace> {
        (mib_per_s > 0).then(|| Pace {
            bytes_per_s: u64::from(mib_per_s) << 20,
            free_at: Duration::ZERO,
        })
    }

    /// How long to pause at `now`, on a clock that never goes back, when so many bytes were just read.
    pub fn pause_behind(&mut self, bytes: u64, now: Duration) -> Duration {
        let takes = Duration::from_secs_f64(bytes as f64 / self.bytes_per_s as f64);
        let ahead = self.free_at.saturating_sub(now);
        self.free_at = now + (ahead + takes);
        ahead + takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that goes on only while the reader pauses, or the disk is slow.
    #[test]
    fn no_more_is_read_in_a_second_than_was_asked_for() {
        assert!(Pace::of(0).is_none());
        for mib_per_s in [1, 8, 100] {
            let mut pace = Pace::of(mib_per_s).expect("a pace");
            let (mut now, mut bytes) = (Duration::from_secs(7), 0);
            while bytes < 400 << 20 {
                let piece = 4_096 + bytes % 1_000_003;
                bytes += piece;
                now += pace.pause_behind(piece, now);
            }
            let seconds = (now - Duration::from_secs(7)).as_secs_f64();
            let mib = bytes as f64 / f64::from(1 << 20);
            let off = seconds * f64::from(mib_per_s) / mib;
            assert!((0.999..1.001).contains(&off), "{off} at {mib_per_s} MiB/s");
        }
    }

    #[test]
    fn a_slow_disk_is_not_made_up_for() {
        let mut pace = Pace::of(1).expect("a pace");
        let second = Duration::from_secs(1);
        assert_eq!(pace.pause_behind(1 << 20, Duration::ZERO), second);
        // An hour later: the next piece costs what it costs, not less.
        assert_eq!(pace.pause_behind(1 << 20, 3_600 * second), second);
        // Two pieces read before a pause are paid for together.
        assert_eq!(pace.pause_behind(1 << 20, 3_600 * second), 2 * second);
    }
}
