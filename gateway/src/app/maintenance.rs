//! What casework's decisions leave to be done on a thread of their own: entries of the person store are deleted, what a merchant
//! received is counted.

use super::{Failure, Ready};
use crate::engine::GatewayMaintenance;
use crate::wire::problem::Problem;
use satang_engine::maintenance::ChoreError;
use satang_log::storage::Storage;
use std::sync::Arc;
use tokio::sync::oneshot;

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

impl<S: Storage> Ready<S> {
    /// Deletes the entries of erased citizens; answers once they are gone from the disk.
    pub(super) async fn forget_erased(&self) -> Result<(), Failure> {
        self.chore("erasing", |maintenance| maintenance.forget_erased().map(drop))
            .await
    }

    /// Counts what merchants received who withdrew their consent; answers once it stands in their cases, though not yet durable.
    pub(super) async fn count_received(&self) -> Result<(), Failure> {
        self.chore("counting", GatewayMaintenance::count_received).await
    }

    async fn chore(
        &self,
        name: &'static str,
        what: impl FnOnce(&GatewayMaintenance<S>) -> Result<(), ChoreError> + Send + 'static,
    ) -> Result<(), Failure> {
        let maintenance: Arc<GatewayMaintenance<S>> = self.maintenance.clone();
        let (done, outcome) = oneshot::channel();
        let started = std::thread::Builder::new().name(name.into()).spawn(move || {
            let outcome = what(&maintenance);
            if let Err(error) = &outcome {
                tracing::error!(%error, chore = name, "it was not carried out; the next start tries again");
            }
            // Nobody waits any more when the client has gone.
            let _ = done.send(outcome);
        });
        if let Err(error) = started {
            tracing::error!(%error, chore = name, "there is no thread for it; the next start tries again");
            return Err(Problem::overloaded().into());
        }
        let outcome = outcome.await.expect("the thread answers: panics abort");
        outcome.map_err(Failure::Chore)
    }
}
