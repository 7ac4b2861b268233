//! Citizens who are suspended over all programmes, or erased.

use super::{CaseworkKind, Ready, in_order, verdict};
use crate::app::Failure;
use crate::server::Response;
use crate::wire::casework_forms;
use satang_api as api;
use satang_core::ids::{Name, WalletId};
use satang_engine::session::casework::{CaseworkOutcome, Subject};
use satang_log::storage::Storage;

impl<S: Storage> Ready<S> {
    pub(in crate::app) async fn put_person_status(
        &self,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let request = casework_forms::person_status(body)?;
        let (outcome, wallets) =
            self.engine
                .set_person_status(request.subject, request.status, &request.reason, by)?;
        self.settle_or_refuse(CaseworkKind::PersonStatus, outcome).await?;
        Ok(in_order(&api::PersonStatus {
            status: request.status.name().into(),
            reason: request.reason.into(),
            wallets: texts(&wallets),
        }))
    }

    /// Answers once the entry is gone from the disk: sent again, that is made up for.
    pub(in crate::app) async fn erase_person(
        &self,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let request = casework_forms::erasure(body)?;
        let (outcome, wallets) = self.engine.erase_person(request.subject, &request.reason, by)?;
        self.settle(CaseworkKind::Erasure, outcome).await?;
        match outcome {
            CaseworkOutcome::Recorded { .. } | CaseworkOutcome::Unchanged => self.forget_erased().await?,
            CaseworkOutcome::Refused(_) | CaseworkOutcome::NobodyKnown => {}
        }
        let nobody = match request.subject {
            Subject::Citizen(_) => "citizen_unknown",
            Subject::Wallet(_) => "wallet_unknown",
        };
        let (decision, reason, changed, sequence) = verdict(outcome, nobody);
        Ok(in_order(&api::Erasure {
            decision,
            reason,
            changed,
            wallets: texts(&wallets),
            sequence,
        }))
    }
}

fn texts(wallets: &[WalletId]) -> Vec<api::FifteenDigits> {
    wallets.iter().map(api::FifteenDigits::of).collect()
}
