//! Registrations, one by one and in batches.

use super::access::Caller;
use super::authorizations::{ANSWER_BYTES, Serving};
use super::{Failure, Ready, turns};
use crate::server::Response;
use crate::wire::batch::Batch;
use crate::wire::parse;
use crate::wire::problem::Problem;
use crate::wire::render::{self, BatchResult, RegistrationAnswer};
use bytes::Bytes;
use http::StatusCode;
use satang_core::ids::Name;
use satang_core::record::{NameNumber, RegistrationRecord};
use satang_core::request::RegistrationRequest;
use satang_engine::session::RegistrationOutcome;
use satang_log::storage::Storage;

impl<S: Storage> Ready<S> {
    pub(super) async fn register(&self, body: &[u8], caller: &Caller<'_>) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let request = parse::registration(body)?;
        let _serving = Serving::start(self.engine.appender().requests());
        let registered = self
            .session
            .register(self.numbers_of(caller)?, &request)?
            .durable()
            .await?;
        self.metrics.count_registration(&registered);
        let outcome = self
            .answer_to(&request, &registered)
            .ok_or_else(Problem::registration_id_conflict)?;
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        render::registration(&outcome, &mut answer);
        self.metrics.observe_register(started.elapsed());
        Ok(Response::json(StatusCode::OK, answer))
    }

    pub(super) async fn register_batch(&self, body: Bytes, caller: &Caller<'_>) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let batch: Batch<RegistrationRequest> =
            turns::read(body, |body| Ok(parse::registrations(body)?.into_iter().collect())).await?;
        let _serving = Serving::start(self.engine.appender().requests());
        let registered = self
            .session
            .register_batch(self.numbers_of(caller)?, batch.requests())?
            .durable()
            .await?;
        let conflict = Problem::registration_id_conflict();
        let decided = batch.requests().iter().zip(&registered);
        let results = decided.map(
            |(request, registered)| match self.answer_to(request, registered) {
                Some(outcome) => BatchResult::Outcome(outcome),
                None => BatchResult::Problem(&conflict),
            },
        );
        let mut answer = Vec::with_capacity(ANSWER_BYTES * batch.len());
        let one = |outcome: RegistrationAnswer<'_>, out: &mut Vec<u8>| render::registration(&outcome, out);
        let results = batch.in_order(results, BatchResult::Problem);
        let counted = results.inspect(|result| {
            if let Some(code) = result.code() {
                self.metrics.count_problem(code);
            }
        });
        render::batch(counted, one, &mut answer);
        registered
            .iter()
            .for_each(|registered| self.metrics.count_registration(registered));
        self.metrics.observe_register_batch(started.elapsed());
        Ok(Response::json(StatusCode::OK, answer))
    }

    /// What is answered; `None` when the id has another content.
    fn answer_to<'r>(
        &self,
        request: &RegistrationRequest,
        registered: &'r RegistrationOutcome,
    ) -> Option<RegistrationAnswer<'r>> {
        Some(match registered {
            RegistrationOutcome::Decided(outcome) => {
                let (record, replayed) = outcome.record()?;
                RegistrationAnswer::Decided {
                    record,
                    list: self.list_of(record),
                    replayed,
                }
            }
            RegistrationOutcome::QuotaFullNotified { sequence } => RegistrationAnswer::QuotaFullNotified {
                registration_id: request.registration_id,
                sequence: *sequence,
            },
        })
    }

    /// The list that excludes.
    fn list_of(&self, record: &RegistrationRecord) -> Option<Name> {
        let is_listed = record.list() != NameNumber::UNKNOWN;
        is_listed.then(|| self.engine.name(record.list())).flatten()
    }
}
