//! A snapshot when an operator asks for one.

use super::{Failure, Ready, json};
use crate::server::Response;
use satang_api as api;
use satang_engine::engine::SubmitError;
use satang_log::storage::Storage;
use std::io;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

impl<S: Storage> Ready<S> {
    /// Takes a snapshot on a thread of its own, one at a time (I12); answers once its name is durable.
    pub(super) async fn take_snapshot(&self) -> Result<Response, Failure> {
        let being_taken = self.being_taken.clone();
        if being_taken.swap(true, Ordering::AcqRel) {
            return Err(Failure::SnapshotBeingTaken);
        }
        let (maintenance, metrics) = (self.maintenance.clone(), self.metrics.clone());
        let (done, taken) = oneshot::channel();
        let started = std::thread::Builder::new()
            .name("snapshot".into())
            .spawn(move || {
                let outcome = maintenance.snapshot();
                metrics.count_snapshot(&outcome);
                being_taken.store(false, Ordering::Release);
                // Nobody waits any more when the client has gone.
                let _ = done.send(outcome);
            });
        if let Err(error) = started {
            self.being_taken.store(false, Ordering::Release);
            return Err(no_thread(&error));
        }
        let taken = taken.await.expect("the thread answers: panics abort")?;
        Ok(json(&api::Snapshot {
            sequence: taken.facts.sequence,
            bytes: taken.facts.bytes,
            wallets: taken.facts.wallets,
            ids: taken.facts.ids,
            took_ms: taken.took.as_millis() as u64,
        }))
    }
}

fn no_thread(error: &io::Error) -> Failure {
    tracing::error!(%error, "no thread for a snapshot");
    Failure::Submit(SubmitError::Overloaded)
}
