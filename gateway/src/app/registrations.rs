//! Registrations, one by one and in batches.

use super::authorizations::{ANSWER_BYTES, Serving};
use super::{Failure, Ready};
use crate::server::Response;
use crate::wire::batch::Batch;
use crate::wire::parse;
use crate::wire::problem::Problem;
use crate::wire::render::{self, BatchResult, RegistrationAnswer};
use http::StatusCode;
use satang_core::ids::Name;
use satang_core::record::NameNumber;
use satang_core::request::RegistrationRequest;
use satang_engine::session::{Outcome, RegistrationOutcome};
use satang_log::storage::Storage;

impl<S: Storage> Ready<S> {
    pub(super) async fn register(&self, body: &[u8]) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let request = parse::registration(body)?;
        let _serving = Serving::start(self.engine.appender().requests());
        let registered = self.session.register(&request)?.durable().await?;
        self.metrics.count_registration(&registered);
        let list = self.list_of(&registered);
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        match answer_to(&request, &registered, list) {
            Some(outcome) => render::registration(&outcome, &mut answer),
            None => return Err(Problem::registration_id_conflict().into()),
        }
        self.metrics.observe_register(started.elapsed());
        Ok(Response::json(StatusCode::OK, answer))
    }

    pub(super) async fn register_batch(&self, body: &[u8]) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let batch: Batch<RegistrationRequest> = parse::registrations(body)?.into_iter().collect();
        let _serving = Serving::start(self.engine.appender().requests());
        let registered = self.session.register_batch(batch.requests())?.durable().await?;
        let conflict = Problem::registration_id_conflict();
        let results = batch
            .requests()
            .iter()
            .zip(&registered)
            .map(
                |(request, registered)| match answer_to(request, registered, self.list_of(registered)) {
                    Some(outcome) => BatchResult::Outcome(outcome),
                    None => BatchResult::Problem(&conflict),
                },
            );
        let mut answer = Vec::with_capacity(ANSWER_BYTES * batch.len());
        let one = |outcome: RegistrationAnswer<'_>, out: &mut Vec<u8>| render::registration(&outcome, out);
        render::batch(batch.in_order(results, BatchResult::Problem), one, &mut answer);
        registered
            .iter()
            .for_each(|registered| self.metrics.count_registration(registered));
        self.metrics.observe_register_batch(started.elapsed());
        Ok(Response::json(StatusCode::OK, answer))
    }

    /// The list that excludes.
    fn list_of(&self, registered: &RegistrationOutcome) -> Option<Name> {
        let RegistrationOutcome::Decided(Outcome::New(record) | Outcome::Replayed(record)) = registered
        else {
            return None;
        };
        let is_listed = record.list() != NameNumber::UNKNOWN;
        is_listed
            .then(|| self.engine.state().directory.read().name(record.list()).copied())
            .flatten()
    }
}

/// What is answered; `None` when the id has another content.
fn answer_to<'r>(
    request: &RegistrationRequest,
    registered: &'r RegistrationOutcome,
    list: Option<Name>,
) -> Option<RegistrationAnswer<'r>> {
    Some(match registered {
        RegistrationOutcome::Decided(Outcome::New(record)) => RegistrationAnswer::Decided {
            record,
            list,
            replayed: false,
        },
        RegistrationOutcome::Decided(Outcome::Replayed(record)) => RegistrationAnswer::Decided {
            record,
            list,
            replayed: true,
        },
        RegistrationOutcome::Decided(Outcome::Conflict) => return None,
        RegistrationOutcome::Told { sequence } => RegistrationAnswer::Told {
            registration_id: request.registration_id,
            sequence: *sequence,
        },
    })
}
