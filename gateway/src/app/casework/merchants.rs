//! Merchants: what they take part in, whom they are bound to, whether they may sell.

use super::show;
use super::{CaseworkKind, MERCHANT_UNKNOWN, Ready, in_order, verdict};
use crate::app::Failure;
use crate::server::Response;
use crate::wire::casework_forms::{self, WithdrawalRequest};
use crate::wire::parse;
use crate::wire::problem::Problem;
use satang_api as api;
use satang_core::ids::{MerchantId, Name};
use satang_core::record::{ConsentWithdrawn, MerchantStatus};
use satang_log::storage::Storage;

impl<S: Storage> Ready<S> {
    pub(in crate::app) async fn merchant(&self, merchant_id: &str) -> Result<Response, Failure> {
        self.show_merchant(parse::path_merchant(merchant_id)?).await
    }

    async fn show_merchant(&self, merchant: MerchantId) -> Result<Response, Failure> {
        let shown = self.look(|directory, today| show::merchant(directory, merchant, today));
        let shown = shown.await?.ok_or_else(|| Problem::not_found(MERCHANT_UNKNOWN))?;
        Ok(in_order(&shown))
    }

    pub(in crate::app) async fn join_program(
        &self,
        merchant_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let (merchant, program) = casework_forms::joining(merchant_id, body)?;
        let (outcome, returning) = self.engine.join_program(merchant, &program, by)?;
        self.settle(CaseworkKind::MerchantRegistration, outcome).await?;
        let (decision, reason, changed, sequence) = verdict(outcome, "merchant_unknown");
        Ok(in_order(&api::Join {
            merchant_id: api::FifteenDigits::of(&merchant),
            program: api::Name::of(&program),
            decision,
            reason,
            // Who takes part already does not join, and so does not return.
            returning: returning && changed,
            changed,
            sequence,
        }))
    }

    pub(in crate::app) async fn bind_platform(
        &self,
        merchant_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let request = casework_forms::platform(merchant_id, body)?;
        let (merchant, platform, bound) = (request.merchant, request.platform, request.bound);
        let outcome = self
            .engine
            .bind_platform(merchant, &platform, bound, &request.reason, by)
            .map_err(|error| Failure::of_name("platform", error))?;
        self.settle(CaseworkKind::Platform, outcome).await?;
        let (decision, reason, changed, sequence) = verdict(outcome, "merchant_unknown");
        Ok(in_order(&api::Platform {
            merchant_id: api::FifteenDigits::of(&merchant),
            platform: api::Name::of(&platform),
            action: match bound {
                true => api::BindingAction::Bind,
                false => api::BindingAction::Release,
            },
            decision,
            reason,
            changed,
            sequence,
        }))
    }

    pub(in crate::app) async fn put_merchant_status(
        &self,
        merchant_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let (merchant, status, reason) = casework_forms::merchant_status(merchant_id, body)?;
        let record = MerchantStatus {
            merchant,
            status,
            reason: reason.clone(),
        };
        let outcome = self.engine.decide_casework(&record, by)?;
        self.settle_or_refuse(CaseworkKind::MerchantStatus, outcome)
            .await?;
        Ok(in_order(&api::MerchantStatus {
            merchant_id: api::FifteenDigits::of(&merchant),
            status: status.name().into(),
            reason: reason.into(),
        }))
    }

    /// The merchant is answered once what it received is counted: sent again, that is made up for.
    pub(in crate::app) async fn withdraw_consent(
        &self,
        merchant_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let WithdrawalRequest {
            merchant,
            case,
            letter,
            reason,
        } = casework_forms::withdrawal(merchant_id, body)?;
        let record = ConsentWithdrawn {
            merchant,
            case,
            letter,
            reason,
        };
        let outcome = self.engine.decide_casework(&record, by)?;
        self.settle_or_refuse(CaseworkKind::ConsentWithdrawal, outcome)
            .await?;
        self.count_received().await?;
        self.show_merchant(merchant).await
    }
}
