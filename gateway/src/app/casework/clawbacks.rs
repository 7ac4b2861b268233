//! Clawback cases: opened, paid, closed, shown.

use super::show::{self, SHOWN_MAX};
use super::{CASE_UNKNOWN, CaseworkKind, Ready, in_order};
use crate::app::Failure;
use crate::server::Response;
use crate::wire::casework_forms::{self, CaseRequest, PaymentRequest};
use crate::wire::problem::Problem;
use satang_api as api;
use satang_core::calendar::BusinessDate;
use satang_core::ids::{CaseId, Name};
use satang_core::record::{CaseClosed, CasePaid, Debtor};
use satang_core::state::casework::Case;
use satang_core::state::directory::Directory;
use satang_log::storage::Storage;

impl<S: Storage> Ready<S> {
    pub(in crate::app) async fn open_clawback(
        &self,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let CaseRequest {
            case,
            debtor,
            owed,
            letter,
            reason,
        } = casework_forms::case(body)?;
        let outcome = self.engine.open_case(case, debtor, owed, letter, &reason, by)?;
        self.settle_or_refuse(CaseworkKind::Clawback, outcome).await?;
        self.show_case(case).await
    }

    pub(in crate::app) async fn pay_clawback(
        &self,
        case_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let PaymentRequest {
            case,
            payment,
            amount,
            reason,
        } = casework_forms::payment(case_id, body)?;
        let record = CasePaid {
            case,
            payment,
            amount,
            reason,
        };
        let outcome = self.engine.decide_casework(&record, by)?;
        self.settle_or_refuse(CaseworkKind::Payment, outcome).await?;
        self.show_case(case).await
    }

    pub(in crate::app) async fn close_clawback(
        &self,
        case_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let (case, reason) = casework_forms::closing_of_case(case_id, body)?;
        let record = CaseClosed { case, reason };
        let outcome = self.engine.decide_casework(&record, by)?;
        self.settle_or_refuse(CaseworkKind::Closing, outcome).await?;
        self.show_case(case).await
    }

    pub(in crate::app) async fn clawback(&self, case_id: &str) -> Result<Response, Failure> {
        self.show_case(casework_forms::path_case(case_id)?).await
    }

    pub(in crate::app) async fn clawbacks(&self) -> Result<Response, Failure> {
        let shown = self.look(|directory, today| {
            let casework = directory.casework();
            let open = casework
                .cases()
                .filter(|case| case.state().blocks())
                .take(SHOWN_MAX);
            api::Clawbacks {
                open: casework.cases_open() as u64,
                cases: open.map(|case| self.case_shown(directory, case, today)).collect(),
            }
        });
        Ok(in_order(&shown.await?))
    }

    async fn show_case(&self, case: CaseId) -> Result<Response, Failure> {
        let shown = self.look(|directory, today| {
            let case = directory.casework().case(case)?;
            Some(self.case_shown(directory, case, today))
        });
        let shown = shown.await?.ok_or_else(|| Problem::not_found(CASE_UNKNOWN))?;
        Ok(in_order(&shown))
    }

    fn case_shown(&self, directory: &Directory, case: &Case, today: BusinessDate) -> api::Clawback {
        let wallets = match case.debtor {
            Debtor::Person(person) => Some(self.engine.wallets_of_person(directory, person)),
            Debtor::Merchant(_) => None,
        };
        show::case(directory, case, wallets, today)
    }
}
