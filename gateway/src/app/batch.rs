//! Batches, as JSON or as bytes: two forms of one request, decided, replayed and counted alike.

use super::authorizations::{ANSWER_BYTES, Serving};
use super::{Failure, Ready};
use crate::server::Response;
use crate::wire::batch::Batch;
use crate::wire::binary::{self, CONTENT_TYPE_BATCH};
use crate::wire::parse;
use crate::wire::problem::Problem;
use crate::wire::render::{self, AuthorizationAnswer, BatchResult};
use http::{HeaderMap, StatusCode};
use satang_core::record::Authorization;
use satang_core::request::AuthorizationRequest;
use satang_engine::engine::Submitted;
use satang_log::storage::Storage;

/// What became of a batch.
struct Outcomes {
    batch: Batch<AuthorizationRequest>,
    /// One for each well-formed element.
    submitted: Vec<Submitted<Authorization>>,
    /// One for each id among them that came before: the first outcome, or the conflict.
    again: Vec<Result<Authorization, Problem>>,
}

impl<S: Storage> Ready<S> {
    pub(super) async fn authorize_batch(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let is_binary = binary::is_batch(headers);
        let batch = match is_binary {
            true => binary::batch(body)?,
            false => parse::batch(body)?.into_iter().collect(),
        };
        let _serving = Serving::start(self.engine.appender().requests());
        let outcomes = self.decide(batch).await?;
        // Rendered while the disk works; sent once the last record is durable (I1).
        let answer = match is_binary {
            true => {
                let body = binary::answer(outcomes.batch.len(), outcomes.results());
                Response::new(StatusCode::OK, CONTENT_TYPE_BATCH, body)
            }
            false => {
                let mut body = Vec::with_capacity(ANSWER_BYTES * outcomes.batch.len());
                let one = |answer: AuthorizationAnswer<'_>, body: &mut Vec<u8>| {
                    let sources = self.sources_of(answer.record);
                    render::authorization(answer.record, &sources, answer.replayed, body);
                };
                render::batch(outcomes.results(), one, &mut body);
                Response::json(StatusCode::OK, body)
            }
        };
        if let Some(last) = outcomes.last_sequence() {
            self.waits.wait(last).await?;
        }
        self.metrics
            .count_authorizations(outcomes.decided().map(|decided| &decided.record));
        self.metrics.count_replays(outcomes.again.len());
        self.metrics.observe_batch(started.elapsed());
        Ok(answer)
    }

    /// Decides what is well-formed; what is decided now may not be durable yet, what came before is.
    async fn decide(&self, batch: Batch<AuthorizationRequest>) -> Result<Outcomes, Failure> {
        let submitted = self.engine.authorize_batch(batch.requests())?;
        let mut again = Vec::new();
        for (request, submitted) in batch.requests().iter().zip(&submitted) {
            if let Submitted::Seen { sequence } | Submitted::Wait { sequence } = submitted {
                again.push(match self.replay_authorization(request, None, *sequence).await {
                    Ok(record) => Ok(record),
                    Err(Failure::Problem(problem)) => Err(problem),
                    Err(failure) => return Err(failure),
                });
            }
        }
        Ok(Outcomes {
            batch,
            submitted,
            again,
        })
    }
}

impl Outcomes {
    /// A result for each element, in order.
    fn results(&self) -> impl Iterator<Item = BatchResult<'_, AuthorizationAnswer<'_>>> {
        let mut again = self.again.iter();
        let of_requests = self.submitted.iter().map(move |submitted| match submitted {
            Submitted::Decided { record, .. } => BatchResult::Outcome(AuthorizationAnswer {
                record,
                replayed: false,
            }),
            Submitted::Seen { .. } | Submitted::Wait { .. } => {
                match again.next().expect("one for each id that came before") {
                    Ok(record) => BatchResult::Outcome(AuthorizationAnswer {
                        record,
                        replayed: true,
                    }),
                    Err(problem) => BatchResult::Problem(problem),
                }
            }
        });
        self.batch.in_order(of_requests, BatchResult::Problem)
    }

    /// The records of what was decided now.
    fn decided(&self) -> impl Iterator<Item = &Authorization> {
        self.submitted.iter().filter_map(|submitted| match submitted {
            Submitted::Decided { record, .. } => Some(record),
            Submitted::Seen { .. } | Submitted::Wait { .. } => None,
        })
    }

    /// Where the last record lies that was decided now.
    fn last_sequence(&self) -> Option<u64> {
        self.submitted.iter().rev().find_map(|submitted| match submitted {
            Submitted::Decided { sequence, .. } => Some(*sequence),
            Submitted::Seen { .. } | Submitted::Wait { .. } => None,
        })
    }
}
