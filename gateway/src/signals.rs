//! The signals that a server serves until.

use crate::output;
use crate::reload::Reloads;
use crate::start::Running;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// The signals of a process that serves, and the runtime that waits for them.
pub(crate) struct Signals {
    runtime: tokio::runtime::Runtime,
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on no signal ends the process by itself: as process 1 of a container it would not, either.
    ///
    /// # Errors
    /// Of the operating system.
    pub(crate) fn listen() -> anyhow::Result<Signals> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let entered = runtime.enter();
        let [hangup, terminate, interrupt] = [
            SignalKind::hangup(),
            SignalKind::terminate(),
            SignalKind::interrupt(),
        ]
        .map(signal);
        drop(entered);
        Ok(Signals {
            runtime,
            hangup: hangup?,
            terminate: terminate?,
            interrupt: interrupt?,
        })
    }

    /// Ends the process in order if it is to stop before the start is done: a start leaves nothing that the next one does not mend.
    pub(crate) fn watch_start(mut self) -> Starting {
        let (done, started) = oneshot::channel::<()>();
        let watching = std::thread::spawn(move || {
            let Signals {
                runtime,
                terminate,
                interrupt,
                ..
            } = &mut self;
            let stopped = runtime.block_on(async {
                tokio::select! {
                    _ = terminate.recv() => true,
                    _ = interrupt.recv() => true,
                    _ = started => false,
                }
            });
            if stopped {
                tracing::info!("stopped before the start was done");
                output::finish_words(None);
                std::process::exit(0);
            }
            self
        });
        Starting { done, watching }
    }
}

/// A start that is watched for signals.
pub(crate) struct Starting {
    done: oneshot::Sender<()>,
    watching: JoinHandle<Signals>,
}

impl Starting {
    /// The start is done: from here on a stop waits for what is being answered.
    pub(crate) fn done(self) -> Signals {
        // A stop may have come meanwhile: then the thread ends the process.
        let _ = self.done.send(());
        self.watching
            .join()
            .expect("watching does not panic: panics abort")
    }
}

/// Serves until a signal or the journal's failure. SIGHUP reads files again: programmes, keys, certificates.
pub(crate) fn wait_for_the_end(
    running: Running,
    mut signals: Signals,
    reloads: &Reloads,
) -> anyhow::Result<()> {
    let Signals {
        runtime,
        hangup,
        terminate,
        interrupt,
    } = &mut signals;
    let has_lost_folder = runtime.block_on(async {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                _ = terminate.recv() => break false,
                _ = interrupt.recv() => break false,
                _ = hangup.recv() => {
                    running.reload_programs();
                    reloads.run();
                }
                _ = look.tick() => {
                    if running.has_failed() {
                        break false;
                    }
                    if running.has_lost_folder() {
                        break true;
                    }
                }
            }
        }
    });
    if has_lost_folder {
        return running.stop_without_folder();
    }
    if !running.has_failed() {
        tracing::info!("stopping: requests in progress are answered, the journal is flushed");
    }
    running.stop()
}
