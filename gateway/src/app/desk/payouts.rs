//! Money that settlement holds back.

use super::show::MarkShown;
use super::{DeskKind, Ready, answered, bytes, in_order};
use crate::app::Failure;
use crate::server::Response;
use crate::wire::desk_forms;
use crate::wire::problem::Problem;
use satang_core::directory::Directory;
use satang_core::ids::{Name, TxnId};
use satang_core::record::{AuthorizationPayout, MerchantPayout};
use satang_engine::lookup::Found;
use satang_log::storage::Storage;
use serde::Serialize;

/// The most merchants, and authorizations, that are shown (I12).
const SHOWN_MAX: usize = 1_000;

#[derive(Serialize)]
struct MerchantAnswer<'a> {
    merchant_id: String,
    payout: &'static str,
    reason: &'a str,
}

#[derive(Serialize)]
struct AuthorizationAnswer<'a> {
    txn_id: String,
    payout: &'static str,
    reason: &'a str,
}

#[derive(Serialize)]
struct PayoutsShown<'d> {
    merchants: Vec<FrozenMerchant<'d>>,
    merchants_frozen: usize,
    authorizations: Vec<FrozenAuthorization<'d>>,
    authorizations_frozen: usize,
}

#[derive(Serialize)]
struct FrozenMerchant<'d> {
    merchant_id: String,
    #[serde(flatten)]
    mark: MarkShown<'d>,
}

#[derive(Serialize)]
struct FrozenAuthorization<'d> {
    txn_id: String,
    #[serde(flatten)]
    mark: MarkShown<'d>,
}

impl<'d> PayoutsShown<'d> {
    fn of(directory: &'d Directory) -> PayoutsShown<'d> {
        let desk = directory.desk();
        let merchants = desk.frozen_merchants().take(SHOWN_MAX);
        let authorizations = desk.frozen_authorizations();
        PayoutsShown {
            merchants: merchants
                .map(|(merchant, mark)| FrozenMerchant {
                    merchant_id: merchant.to_string(),
                    mark: MarkShown::of(directory, mark),
                })
                .collect(),
            merchants_frozen: desk.merchants_frozen(),
            authorizations_frozen: authorizations.len(),
            authorizations: authorizations
                .take(SHOWN_MAX)
                .map(|(txn_id, mark)| FrozenAuthorization {
                    txn_id: txn_id.to_string(),
                    mark: MarkShown::of(directory, mark),
                })
                .collect(),
        }
    }
}

impl<S: Storage> Ready<S> {
    pub(in crate::app) async fn payouts(&self) -> Result<Response, Failure> {
        let shown = self.look(|directory, _| bytes(&PayoutsShown::of(directory)));
        Ok(answered(shown.await?))
    }

    pub(in crate::app) async fn put_merchant_payout(
        &self,
        merchant_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let (merchant, request) = desk_forms::merchant_payout(merchant_id, body)?;
        let record = MerchantPayout {
            merchant,
            payout: request.payout,
            reason: request.reason.clone(),
        };
        let outcome = self.engine.decide_desk(&record, by)?;
        self.settle_or_refuse(DeskKind::MerchantPayout, outcome).await?;
        Ok(in_order(&MerchantAnswer {
            merchant_id: merchant.to_string(),
            payout: request.payout.name(),
            reason: &request.reason,
        }))
    }

    pub(in crate::app) async fn put_authorization_payout(
        &self,
        txn_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let (txn_id, request) = desk_forms::authorization_payout(txn_id, body)?;
        self.check_payable(txn_id).await?;
        let record = AuthorizationPayout {
            txn_id,
            payout: request.payout,
            reason: request.reason.clone(),
        };
        let outcome = self.engine.decide_desk(&record, by)?;
        self.settle_or_refuse(DeskKind::AuthorizationPayout, outcome)
            .await?;
        Ok(in_order(&AuthorizationAnswer {
            txn_id: txn_id.to_string(),
            payout: request.payout.name(),
            reason: &request.reason,
        }))
    }

    /// Whether an authorization was approved: of a decline there is nothing to hold back.
    async fn check_payable(&self, txn_id: TxnId) -> Result<(), Failure> {
        loop {
            match self.engine.find_authorization(txn_id)? {
                Found::Unknown | Found::ReversedBeforeArrival => {
                    return Err(Problem::not_found("no authorization of that id is known").into());
                }
                Found::Wait { sequence } => self.waits.wait(sequence).await?,
                Found::Authorization(found) if found.record.approved() => return Ok(()),
                Found::Authorization(_) => {
                    let title = "There is nothing to pay.";
                    let detail =
                        "the authorization was declined, so nothing is paid for it; nothing was changed";
                    return Err(Problem::new(409, "nothing_to_pay", title, detail).into());
                }
            }
        }
    }
}
