//! The signals that a server serves until.

use crate::reload::Reloads;
use crate::start::Running;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The runtime of the main thread, and the signals it waits for.
pub(crate) struct Signals {
    runtime: tokio::runtime::Runtime,
    hangup: Signal,
    /// SIGTERM and SIGINT: until they are waited for, they end the process at once.
    stops: Option<[Signal; 2]>,
}

impl Signals {
    /// From here on SIGHUP is waited for.
    ///
    /// # Errors
    /// Of the operating system.
    pub(crate) fn listen() -> anyhow::Result<Signals> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let entered = runtime.enter();
        let hangup = signal(SignalKind::hangup())?;
        drop(entered);
        let stops = None;
        Ok(Signals {
            runtime,
            hangup,
            stops,
        })
    }

    /// From here on a stop is in order: before anybody is told that the server is ready.
    ///
    /// # Errors
    /// Of the operating system.
    pub(crate) fn listen_for_stops(&mut self) -> anyhow::Result<()> {
        let _entered = self.runtime.enter();
        self.stops = Some([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?]);
        Ok(())
    }
}

/// Serves until a signal or the journal's failure. SIGHUP reads files again: programmes, keys, certificates.
pub(crate) fn wait_for_the_end(
    running: Running,
    mut signals: Signals,
    reloads: &Reloads,
) -> anyhow::Result<()> {
    if signals.stops.is_none() {
        signals.listen_for_stops()?;
    }
    let Signals {
        runtime,
        mut hangup,
        stops: Some([mut terminate, mut interrupt]),
    } = signals
    else {
        unreachable!("listened for above")
    };
    runtime.block_on(async {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => {
                    running.reload_programs();
                    reloads.run();
                }
                _ = look.tick() => if running.has_failed() { break },
            }
        }
    });
    if !running.has_failed() {
        tracing::info!("stopping: requests in progress are answered, the journal is flushed");
    }
    running.stop()
}
