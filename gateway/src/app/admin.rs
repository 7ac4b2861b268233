//! Merchants, statuses and the clock. Every PUT answers with the stored object.

use super::{Failure, Ready, in_order, json, turns};
use crate::programs::{ReloadError, reload};
use crate::server::Response;
use crate::wire::parse;
use crate::wire::problem::Problem;
use data_encoding::HEXLOWER;
use satang_api::{self as api, Verdict};
use satang_core::ids::Name;
use satang_engine::clock::Clock as _;
use satang_engine::session::activation::ActivatedProgram;
use satang_engine::session::admin::{MerchantInput, MerchantRefusal};
use satang_engine::session::programme_transfer::TransferOutcome;
use satang_engine::session::replacement::ReplacementOutcome;
use satang_log::storage::Storage;

impl<S: Storage> Ready<S> {
    pub(super) async fn put_merchant(
        &self,
        merchant_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let requests = [parse::merchant(merchant_id, body)?];
        let (outcomes, sequence) = self.engine.put_merchants(&requests, by)?;
        let outcomes = self.session.done(outcomes, sequence).durable().await?;
        match outcomes[0] {
            Ok(()) => Ok(json(&merchant(&requests[0]))),
            Err(MerchantRefusal::Casework(refusal)) => Err(super::casework::refused(refusal)),
            Err(refusal @ MerchantRefusal::Name(name)) => {
                let field = match requests[0].programs.contains(&name) {
                    true => "programs",
                    false => "channels",
                };
                Err(Problem::malformed_field(field, refusal.to_string()).into())
            }
        }
    }

    pub(super) async fn put_wallet_status(
        &self,
        wallet_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let wallet = parse::path_wallet(wallet_id)?;
        let request = parse::status(body)?;
        let sequence = self
            .engine
            .set_wallet_status(wallet, request.status, &request.reason, by)?;
        self.session.done((), sequence).durable().await?;
        Ok(json(&api::WalletStatus {
            wallet_id: api::FifteenDigits::of(&wallet),
            status: request.status.name().into(),
            reason: request.reason.into(),
        }))
    }

    pub(super) async fn transfer_person(
        &self,
        wallet_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let input = parse::move_request(wallet_id, body)?;
        let outcome = self.engine.transfer_person(&input, by)?;
        let (decision, reason, sequence) = match outcome {
            TransferOutcome::Transferred { sequence } => (Verdict::Accepted, "accepted", Some(sequence)),
            TransferOutcome::Unchanged => (Verdict::Accepted, "accepted", None),
            TransferOutcome::Refused(refusal) => (Verdict::Rejected, refusal.name(), None),
        };
        self.session.decided((), sequence).durable().await?;
        Ok(in_order(&api::Move {
            wallet_id: api::FifteenDigits::of(&input.wallet),
            from_program: api::Name::of(&input.from),
            to_program: api::Name::of(&input.to),
            decision,
            reason: reason.into(),
            changed: sequence.is_some(),
            sequence,
        }))
    }

    pub(super) async fn replace_wallet(
        &self,
        wallet_id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let input = parse::replacement(wallet_id, body)?;
        let outcome = self.engine.replace_wallet(&input, by)?;
        let (decision, reason, sequence, replayed) = match outcome {
            ReplacementOutcome::Replaced { sequence, .. } => {
                (Verdict::Accepted, "accepted", Some(sequence), false)
            }
            ReplacementOutcome::Repeated { sequence } => {
                (Verdict::Accepted, "accepted", Some(sequence), true)
            }
            ReplacementOutcome::Refused(refusal) => (Verdict::Rejected, refusal.name(), None, false),
        };
        let written = sequence.filter(|_| !replayed);
        self.session.decided((), written).durable().await?;
        Ok(in_order(&api::Replacement {
            wallet_id: api::FifteenDigits::of(&input.wallet),
            new_wallet_id: api::FifteenDigits::of(&input.new_wallet),
            decision,
            reason: reason.into(),
            sequence: sequence.into(),
            replayed,
        }))
    }

    pub(super) async fn put_program_status(
        &self,
        id: &str,
        body: &[u8],
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let program = parse::path_name("id", id)?;
        let request = parse::status(body)?;
        let sequence = self
            .engine
            .set_program_status(&program, request.status, &request.reason, by)?;
        let Some(sequence) = sequence else {
            return Err(Problem::not_found("no programme of that id is in force").into());
        };
        self.session.done((), sequence).durable().await?;
        Ok(json(&api::ProgramStatus {
            program: api::Name::of(&program),
            status: request.status.name().into(),
            reason: request.reason.into(),
        }))
    }

    /// Reads the programme files again, on another thread: their folder may be of a file server that does not answer.
    pub(super) async fn reload_programs(&self, body: &[u8], by: Option<&Name>) -> Result<Response, Failure> {
        parse::nothing(body)?;
        let (engine, programs, by) = (self.engine.clone(), self.programs.clone(), by.copied());
        let reloaded = turns::elsewhere(move || reload(&engine, &programs, by.as_ref())).await;
        let installed = reloaded.map_err(|error| match error {
            ReloadError::Refused(reason) => Failure::Problem(Problem::programs_refused(reason)),
            ReloadError::Submit(error) => Failure::Submit(error),
        })?;
        self.session.done((), installed.sequence).durable().await?;
        let program = |program: &ActivatedProgram| api::ReloadedProgram {
            id: api::Name::of(&program.id),
            rule_version: HEXLOWER.encode(&program.hash).into(),
            changed: program.changed,
            effective_from: program.effective_from.map(|date| api::Day::of(&date)).into(),
        };
        Ok(json(&api::Reload {
            programs: installed.programs.iter().map(program).collect(),
            removed: installed.removed.iter().map(api::Name::of).collect(),
        }))
    }

    pub(super) async fn put_clock(&self, body: &[u8]) -> Result<Response, Failure> {
        let clock = self.engine.clock().simulated();
        let clock = clock.ok_or_else(|| Problem::not_found("the clock is not simulated"))?;
        let set = clock.set(parse::clock(body)?);
        let now = set.map_err(|error| Problem::clock_refused(error.to_string()))?;
        Ok(json(&api::Clock {
            now: api::InstantAnswered::of(&now),
        }))
    }
}

fn merchant(request: &MerchantInput) -> api::Merchant {
    let names = |names: &[Name]| names.iter().map(api::Name::of).collect();
    let text = |text: &Option<String>| text.clone().map(api::Text::from);
    api::Merchant {
        merchant_id: api::FifteenDigits::of(&request.id),
        name: request.name.clone().into(),
        category: request.category.name().into(),
        status: request.status.name().into(),
        programs: names(&request.programs),
        channels: names(&request.channels),
        province: text(&request.province),
        bank_account: text(&request.bank_account),
        account_name: text(&request.account_name),
    }
}

#[cfg(test)]
mod tests {
    use crate::app::WholeBody;
    use crate::app::tests_snapshots::Service;
    use crate::programs::ProgramSource;
    use http::{HeaderMap, Method};
    use parking_lot::Mutex;
    use std::sync::Arc;
    use std::thread;
    use tokio::runtime::Builder;

    #[test]
    fn programme_files_are_read_on_no_thread_that_answers() {
        let read_on = Arc::new(Mutex::new(None));
        let noted = read_on.clone();
        let service = Service::with_programs(ProgramSource::new(move || {
            *noted.lock() = Some(thread::current().id());
            anyhow::bail!("the file server does not answer")
        }));
        let headers = HeaderMap::new();
        let body = WholeBody(None);
        let reload = service
            .api
            .respond(&Method::POST, "/v1/programs/reload", &headers, body);
        let runtime = Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(reload);
        assert_eq!(answer.status, 400);
        assert!(read_on.lock().is_some_and(|id| id != thread::current().id()));
    }
}
