//! Money that settlement holds back.

use super::show;
use super::{CaseworkKind, Ready, in_order};
use crate::app::Failure;
use crate::server::Response;
use crate::wire::casework_forms;
use crate::wire::problem::Problem;
use satang_api as api;
use satang_core::ids::{Name, TxnId};
use satang_core::record::{AuthorizationPayout, MerchantPayout};
use satang_core::state::directory::Directory;
use satang_engine::session::FoundOutcome;
use satang_log::storage::Storage;

/// The most merchants, and authorizations, that are shown (I12).
const SHOWN_MAX: usize = 1_000;

fn payouts(directory: &Directory) -> api::Payouts {
    let casework = directory.casework();
    let merchants = casework.frozen_merchants().take(SHOWN_MAX);
    let authorizations = casework.frozen_authorizations();
    api::Payouts {
        merchants: merchants
            .map(|(merchant, mark)| api::FrozenMerchant {
                merchant_id: api::FifteenDigits::of(&merchant),
                reason: show::reason(mark),
                since: api::InstantAnswered::of(&mark.at),
                by: show::by(directory, mark),
            })
            .collect(),
        merchants_frozen: casework.merchants_frozen() as u64,
        authorizations_frozen: authorizations.len() as u64,
        authorizations: authorizations
            .take(SHOWN_MAX)
            .map(|(txn_id, mark)| api::FrozenAuthorization {
                txn_id: api::UuidAnswered::of(&txn_id),
                reason: show::reason(mark),
                since: api::InstantAnswered::of(&mark.at),
                by: show::by(directory, mark),
            })
            .collect(),
    }
}

impl<S: Storage> Ready<S> {
    pub(in crate::app) async fn payouts(&self) -> Result<Response, Failure> {
        let shown = self.look(|directory, _| payouts(directory)).await?;
        Ok(in_order(&shown))
    }

    pub(in crate::app) async fn put_merchant_payout(
        &self,
        merchant_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let (merchant, request) = casework_forms::merchant_payout(merchant_id, body)?;
        let record = MerchantPayout {
            merchant,
            payout: request.payout,
            reason: request.reason.clone(),
        };
        let outcome = self.engine.decide_casework(&record, by)?;
        self.settle_or_refuse(CaseworkKind::MerchantPayout, outcome)
            .await?;
        Ok(in_order(&api::MerchantPayout {
            merchant_id: api::FifteenDigits::of(&merchant),
            payout: request.payout.name().into(),
            reason: request.reason.into(),
        }))
    }

    pub(in crate::app) async fn put_authorization_payout(
        &self,
        txn_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let (txn_id, request) = casework_forms::authorization_payout(txn_id, body)?;
        self.check_payable(txn_id).await?;
        let record = AuthorizationPayout {
            txn_id,
            payout: request.payout,
            reason: request.reason.clone(),
        };
        let outcome = self.engine.decide_casework(&record, by)?;
        self.settle_or_refuse(CaseworkKind::AuthorizationPayout, outcome)
            .await?;
        Ok(in_order(&api::AuthorizationPayout {
            txn_id: api::UuidAnswered::of(&txn_id),
            payout: request.payout.name().into(),
            reason: request.reason.into(),
        }))
    }

    /// Whether an authorization was approved: of a decline there is nothing to hold back.
    async fn check_payable(&self, txn_id: TxnId) -> Result<(), Failure> {
        match self.session.find_authorization(txn_id, None).await? {
            FoundOutcome::Unknown | FoundOutcome::ReversedBeforeArrival => {
                Err(Problem::not_found("no authorization of that id is known").into())
            }
            FoundOutcome::Authorization(found) if found.record.approved() => Ok(()),
            FoundOutcome::Authorization(_) => {
                let title = "There is nothing to pay.";
                let detail = "the authorization was declined, so nothing is paid for it; nothing was changed";
                Err(Problem::new(409, "nothing_to_pay", title, detail).into())
            }
        }
    }
}
