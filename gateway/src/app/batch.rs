//! Batches, as JSON or as bytes: two forms of one request, decided, replayed and counted alike.

use super::access::Caller;
use super::authorizations::{ANSWER_BYTES, Serving, sources_of};
use super::{Failure, Ready, turns};
use crate::engine::GatewayEngine;
use crate::server::Response;
use crate::wire::batch::Batch;
use crate::wire::binary::{self, CONTENT_TYPE_BATCH};
use crate::wire::parse;
use crate::wire::problem::Problem;
use crate::wire::render::{self, AuthorizationAnswer, BatchResult};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use satang_core::record::Authorization;
use satang_core::request::AuthorizationRequest;
use satang_engine::session::Outcome;
use satang_log::storage::Storage;

/// A batch as it is answered, and what is counted of it.
struct Answered {
    response: Response,
    decided: Vec<Authorization>,
    again: usize,
    /// The codes of the elements that were answered with a problem.
    refused: Vec<&'static str>,
}

impl<S: Storage> Ready<S> {
    pub(super) async fn authorize_batch(
        &self,
        headers: &HeaderMap,
        body: Bytes,
        caller: &Caller<'_>,
    ) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let is_binary = binary::is_batch(headers);
        let batch: Batch<AuthorizationRequest> = match is_binary {
            true => turns::read(body, binary::batch).await?,
            false => turns::read(body, |body| Ok(parse::batch(body)?.into_iter().collect())).await?,
        };
        let _serving = Serving::start(self.engine.appender().requests());
        let decided = self
            .session
            .authorize_batch(self.numbers_of(caller)?, batch.requests())
            .await?;
        let engine = self.engine.clone();
        // Rendered while the disk works, unless an id came before; sent once the last record is durable (I1).
        let answered = decided.map(move |outcomes| answer(&engine, &batch, &outcomes, is_binary));
        let Answered {
            response,
            decided,
            again,
            refused,
        } = answered.durable().await?;
        refused.iter().for_each(|code| self.metrics.count_problem(code));
        self.metrics
            .count_authorizations(decided.iter().map(|decided| &decided.record));
        self.metrics.count_replays(again);
        self.metrics.observe_batch(started.elapsed());
        Ok(response)
    }
}

fn answer<S: Storage>(
    engine: &GatewayEngine<S>,
    batch: &Batch<AuthorizationRequest>,
    outcomes: &[Outcome<Authorization>],
    is_binary: bool,
) -> Answered {
    let (conflict, other) = (Problem::txn_id_conflict(), Problem::other_acquirer());
    let answered = |record, replayed| BatchResult::Outcome(AuthorizationAnswer { record, replayed });
    let of_requests = outcomes.iter().map(|outcome| match outcome {
        Outcome::New(record) => answered(record, false),
        Outcome::Replayed(record) => answered(record, true),
        Outcome::Conflict => BatchResult::Problem(&conflict),
        Outcome::OtherAcquirer => BatchResult::Problem(&other),
    });
    let mut refused = Vec::new();
    let results = batch.in_order(of_requests, BatchResult::Problem);
    let results = results.inspect(|result| refused.extend(result.code()));
    let mut response = match is_binary {
        true => Response::new(
            StatusCode::OK,
            CONTENT_TYPE_BATCH,
            binary::answer(batch.len(), results),
        ),
        false => {
            let mut body = Vec::with_capacity(ANSWER_BYTES * batch.len());
            let one = |answer: AuthorizationAnswer<'_>, body: &mut Vec<u8>| {
                let sources = sources_of(engine, answer.record);
                render::authorization(answer.record, &sources, answer.replayed, body);
            };
            render::batch(results, one, &mut body);
            Response::json(StatusCode::OK, body)
        }
    };
    let decided = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::New(record) => Some(*record),
        Outcome::Replayed(_) | Outcome::Conflict | Outcome::OtherAcquirer => None,
    });
    let replayed = |outcome: &&_| matches!(outcome, Outcome::Replayed(_));
    if refused.contains(&other.kind) {
        response = response.with_code(other.kind);
    }
    Answered {
        response,
        again: outcomes.iter().filter(replayed).count(),
        decided: decided.collect(),
        refused,
    }
}
