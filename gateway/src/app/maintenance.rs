//! What casework's decisions leave to be done on a thread of their own: entries of the person store are deleted, what a merchant
//! received is counted.

use super::{Failure, Ready};
use crate::engine::GatewayMaintenance;
use satang_engine::maintenance::ChoreError;
use satang_log::storage::Storage;
use std::sync::Arc;
use tokio::sync::{Mutex, oneshot};
use tracing::Span;

/// Does what an earlier process was stopped before; to be called once at a start.
pub fn catch_up<S: Storage>(maintenance: &GatewayMaintenance<S>) {
    let chores = [
        maintenance.forget_erased().map(drop),
        maintenance.count_received(),
    ];
    for error in chores.into_iter().filter_map(Result::err) {
        tracing::error!(%error, "what the desk decided was not carried out; the next start tries again");
    }
}

/// The threads that carry out what casework decided, at most one of each kind (I12): who comes while one is at work waits, and
/// then has another look for what its own decision left.
#[derive(Default)]
pub(super) struct Chores {
    erasing: Arc<Mutex<()>>,
    counting: Arc<Mutex<()>>,
}

impl<S: Storage> Ready<S> {
    /// Deletes the entries of erased citizens; answers once they are gone from the disk.
    pub(super) async fn forget_erased(&self) -> Result<(), Failure> {
        let erase = |maintenance: &GatewayMaintenance<S>| maintenance.forget_erased().map(drop);
        self.chore("erasing", &self.chores.erasing, erase).await
    }

    /// Counts what merchants received who withdrew their consent; answers once it stands in their cases, though not yet durable.
    pub(super) async fn count_received(&self) -> Result<(), Failure> {
        let count = GatewayMaintenance::count_received;
        self.chore("counting", &self.chores.counting, count).await
    }

    async fn chore(
        &self,
        name: &'static str,
        one_at_a_time: &Arc<Mutex<()>>,
        what: impl FnOnce(&GatewayMaintenance<S>) -> Result<(), ChoreError> + Send + 'static,
    ) -> Result<(), Failure> {
        let turn = one_at_a_time.clone().lock_owned().await;
        let maintenance: Arc<GatewayMaintenance<S>> = self.maintenance.clone();
        let (done, outcome) = oneshot::channel();
        let span = Span::current();
        let started = std::thread::Builder::new().name(name.into()).spawn(move || {
            let _of_request = span.entered();
            let outcome = what(&maintenance);
            if let Err(error) = &outcome {
                tracing::error!(%error, chore = name, "it was not carried out; the next start tries again");
            }
            drop(turn);
            // Nobody waits any more when the client has gone.
            let _ = done.send(outcome);
        });
        if let Err(error) = started {
            tracing::error!(%error, chore = name, "there is no thread for it; the next start tries again");
            return Err(Failure::NotCarriedOut(error.to_string()));
        }
        let outcome = outcome.await.expect("the thread answers: panics abort");
        outcome.map_err(|error| Failure::NotCarriedOut(error.to_string()))
    }
}
