//! The thread that reads files once more, at a pace, and what it tells of.

use crate::app::Metrics;
use crate::engine::GatewayMaintenance;
use satang_engine::scrub::{Pace, ScrubFinding, ScrubMonitor};
use satang_log::storage::Storage;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

/// How long it rests behind a pass, so that a small folder is not read all the time.
const REST: Duration = Duration::from_secs(3_600);

/// Reads at a pace until something comes, or nobody can send any more.
pub(crate) struct Scrubber {
    pace: Pace,
    stopped: Receiver<()>,
    started: Instant,
    metrics: Arc<Metrics>,
}

impl Scrubber {
    /// One that has read nothing yet.
    pub(crate) fn new(pace: Pace, stopped: Receiver<()>, metrics: Arc<Metrics>) -> Scrubber {
        Scrubber {
            pace,
            stopped,
            started: Instant::now(),
            metrics,
        }
    }

    /// Makes one pass after another, each from the oldest file on.
    pub(crate) fn run<S: Storage>(mut self, maintenance: &GatewayMaintenance<S>) {
        while maintenance.scrub(&mut self).is_continue() {
            self.metrics.upkeep().scrub_passed(SystemTime::now());
            if self.rest(REST).is_break() {
                return;
            }
        }
    }

    fn rest(&self, pause: Duration) -> ControlFlow<()> {
        match self.stopped.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) => ControlFlow::Continue(()),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => ControlFlow::Break(()),
        }
    }
}

impl ScrubMonitor for Scrubber {
    fn read(&mut self, bytes: u64) -> ControlFlow<()> {
        self.metrics.upkeep().count_scrubbed(bytes);
        let pause = self.pace.pause_behind(bytes, self.started.elapsed());
        self.rest(pause)
    }

    fn found(&mut self, finding: ScrubFinding) {
        self.metrics.upkeep().count_scrub_finding();
        let ScrubFinding { file, offset, what } = finding;
        tracing::error!("a file is damaged: {file}: offset {offset}: {what}");
    }
}
