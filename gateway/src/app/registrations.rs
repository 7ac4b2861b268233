//! Registrations, one by one and in batches.

use super::authorizations::{ANSWER_BYTES, Serving};
use super::{Failure, Ready};
use crate::server::Response;
use crate::wire::batch::Batch;
use crate::wire::parse;
use crate::wire::problem::Problem;
use crate::wire::render::{self, BatchResult, RegistrationAnswer};
use http::StatusCode;
use satang_core::ids::{Name, RegistrationId};
use satang_core::record::{NameNumber, Record, RegistrationRecord};
use satang_core::request::RegistrationRequest;
use satang_engine::register::Registered;
use satang_log::storage::Storage;

/// A registration's outcome, ready to be rendered.
enum Outcome {
    Decided {
        record: RegistrationRecord,
        /// The list that excludes.
        list: Option<Name>,
        replayed: bool,
    },
    Told {
        registration_id: RegistrationId,
        sequence: u64,
    },
}

impl Outcome {
    fn answer(&self) -> RegistrationAnswer<'_> {
        match self {
            Outcome::Decided {
                record,
                list,
                replayed,
            } => RegistrationAnswer::Decided {
                record,
                list: *list,
                replayed: *replayed,
            },
            Outcome::Told {
                registration_id,
                sequence,
            } => RegistrationAnswer::Told {
                registration_id: *registration_id,
                sequence: *sequence,
            },
        }
    }
}

impl<S: Storage> Ready<S> {
    pub(super) async fn register(&self, body: &[u8]) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let request = parse::registration(body)?;
        let _serving = Serving::start(self.engine.appender().requests());
        let registered = self.engine.register(&request)?;
        let outcome = self.outcome(&request, &registered).await?;
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        // Rendered while the disk works; sent once the record is durable (I1).
        render::registration(&outcome.answer(), &mut answer);
        self.waits.wait(sequence(&registered)).await?;
        self.metrics.count_registration(&registered);
        self.metrics.observe_register(started.elapsed());
        Ok(Response::json(StatusCode::OK, answer))
    }

    pub(super) async fn register_batch(&self, body: &[u8]) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let batch: Batch<RegistrationRequest> = parse::registrations(body)?.into_iter().collect();
        let _serving = Serving::start(self.engine.appender().requests());
        let registered = self.engine.register_batch(batch.requests())?;
        let mut outcomes = Vec::with_capacity(registered.len());
        for (request, registered) in batch.requests().iter().zip(&registered) {
            outcomes.push(match self.outcome(request, registered).await {
                Ok(outcome) => Ok(outcome),
                Err(Failure::Problem(problem)) => Err(problem),
                Err(failure) => return Err(failure),
            });
        }
        let results = outcomes.iter().map(|outcome| match outcome {
            Ok(outcome) => BatchResult::Outcome(outcome.answer()),
            Err(problem) => BatchResult::Problem(problem),
        });
        let mut answer = Vec::with_capacity(ANSWER_BYTES * batch.len());
        let one = |outcome: RegistrationAnswer<'_>, out: &mut Vec<u8>| render::registration(&outcome, out);
        render::batch(batch.in_order(results, BatchResult::Problem), one, &mut answer);
        if let Some(last) = registered.iter().map(sequence).max() {
            self.waits.wait(last).await?;
        }
        registered
            .iter()
            .for_each(|registered| self.metrics.count_registration(registered));
        self.metrics.observe_register_batch(started.elapsed());
        Ok(Response::json(StatusCode::OK, answer))
    }

    /// What is to be answered; a first outcome of an id that came again is read back once it is durable.
    async fn outcome(
        &self,
        request: &RegistrationRequest,
        registered: &Registered,
    ) -> Result<Outcome, Failure> {
        match registered {
            Registered::Decided { record, .. } => Ok(self.decided(*record, false)),
            Registered::Seen { sequence } => {
                self.waits.wait(*sequence).await?;
                let Record::Registration(record) = self.engine.read(*sequence)? else {
                    panic!("I5: a registration's id leads to a record of another kind");
                };
                match self.engine.content_of(request) == record.content() {
                    true => Ok(self.decided(record, true)),
                    false => Err(Problem::registration_id_conflict().into()),
                }
            }
            Registered::Told { sequence, .. } => Ok(Outcome::Told {
                registration_id: request.registration_id,
                sequence: *sequence,
            }),
        }
    }

    fn decided(&self, record: RegistrationRecord, replayed: bool) -> Outcome {
        let list = (record.list() != NameNumber::UNKNOWN)
            .then(|| self.engine.state().directory.read().name(record.list()).copied())
            .flatten();
        Outcome::Decided {
            record,
            list,
            replayed,
        }
    }
}

/// What is to be durable before the answer leaves.
fn sequence(registered: &Registered) -> u64 {
    match registered {
        Registered::Decided { sequence, .. }
        | Registered::Seen { sequence }
        | Registered::Told { sequence, .. } => *sequence,
    }
}
