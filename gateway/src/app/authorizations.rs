//! Authorizations and holds, reversals, captures and voids, and quotes.

use super::access::Caller;
use super::metrics::Metrics;
use super::{Failure, Ready};
use crate::engine::GatewayEngine;
use crate::server::Response;
use crate::wire::parse;
use crate::wire::problem::Problem;
use crate::wire::render;
use http::StatusCode;
use satang_core::ids::Name;
use satang_core::record::{Authorization, BenefitNumber, ReturnKind};
use satang_core::state::directory::Directory;
use satang_engine::session::{Outcome, Pending};
use satang_log::storage::Storage;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of an answer, so that one allocation is enough.
pub(super) const ANSWER_BYTES: usize = 512;

/// Counts a request while it is served, for the journal's pacing and the metrics.
pub(super) struct Serving<'a>(&'a AtomicUsize);

impl<'a> Serving<'a> {
    pub(super) fn start(requests: &'a AtomicUsize) -> Serving<'a> {
        requests.fetch_add(1, Ordering::Relaxed);
        Serving(requests)
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<S: Storage> Ready<S> {
    pub(super) async fn authorize(&self, body: &[u8], caller: &Caller<'_>) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let request = parse::authorization(body)?;
        let _serving = Serving::start(self.engine.appender().requests());
        let decided = self.session.authorize(self.numbers_of(caller)?, &request).await?;
        self.answer(decided, started).await
    }

    pub(super) async fn hold(&self, body: &[u8], caller: &Caller<'_>) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let request = parse::hold(body)?;
        let _serving = Serving::start(self.engine.appender().requests());
        let decided = self.session.hold(self.numbers_of(caller)?, &request).await?;
        self.answer(decided, started).await
    }

    /// The answer to an authorization, or to a hold.
    async fn answer(
        &self,
        decided: Pending<Outcome<Authorization>>,
        started: std::time::Instant,
    ) -> Result<Response, Failure> {
        let decided = decided.durable().await?;
        let count = |metrics: &Metrics, record: &Authorization| metrics.count_authorization(record);
        let (record, replayed) = self.counted(decided, count, Problem::txn_id_conflict)?;
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        render::authorization(&record, &sources_of(&self.engine, &record), replayed, &mut answer);
        self.metrics.observe_authorize(started.elapsed());
        Ok(Response::json(StatusCode::OK, answer))
    }

    pub(super) async fn capture(
        &self,
        txn_id: &str,
        body: &[u8],
        caller: &Caller<'_>,
    ) -> Result<Response, Failure> {
        self.close(txn_id, ReturnKind::Capture, body, caller).await
    }

    pub(super) async fn void(
        &self,
        txn_id: &str,
        body: &[u8],
        caller: &Caller<'_>,
    ) -> Result<Response, Failure> {
        self.close(txn_id, ReturnKind::Void, body, caller).await
    }

    /// A hold's capture or void.
    async fn close(
        &self,
        txn_id: &str,
        act: ReturnKind,
        body: &[u8],
        caller: &Caller<'_>,
    ) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let request = parse::closing(txn_id, act, body)?;
        let _serving = Serving::start(self.engine.appender().requests());
        let closed = self
            .session
            .close(self.numbers_of(caller)?, &request)
            .await?
            .durable()
            .await?;
        let (record, replayed) =
            self.counted(closed, Metrics::count_reversal, Problem::reversal_id_conflict)?;
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        render::closing(&record, replayed, &mut answer);
        self.metrics.observe_reverse(started.elapsed());
        Ok(Response::json(StatusCode::OK, answer))
    }

    /// The record, counted, and whether it was decided before.
    fn counted<T>(
        &self,
        decided: Outcome<T>,
        count: impl FnOnce(&Metrics, &T),
        conflict: impl FnOnce() -> Problem,
    ) -> Result<(T, bool), Failure> {
        match decided {
            Outcome::New(record) => {
                count(&self.metrics, &record);
                Ok((record, false))
            }
            Outcome::Replayed(record) => {
                self.metrics.count_replay();
                Ok((record, true))
            }
            Outcome::Conflict => Err(conflict().into()),
            Outcome::OtherAcquirer => Err(Problem::other_acquirer().into()),
        }
    }

    pub(super) async fn reverse(
        &self,
        txn_id: &str,
        body: &[u8],
        caller: &Caller<'_>,
    ) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let request = parse::reversal(txn_id, body)?;
        let _serving = Serving::start(self.engine.appender().requests());
        let reversed = self
            .session
            .reverse(self.numbers_of(caller)?, &request)
            .await?
            .durable()
            .await?;
        let (record, replayed) =
            self.counted(reversed, Metrics::count_reversal, Problem::reversal_id_conflict)?;
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        let sources = match record.funding() {
            None => Vec::new(),
            Some(_) => sources(&self.engine, record.rule, record.benefit()),
        };
        render::reversal(&record, &sources, replayed, &mut answer);
        self.metrics.observe_reverse(started.elapsed());
        Ok(Response::json(StatusCode::OK, answer))
    }

    pub(super) async fn quote(&self, body: &[u8]) -> Result<Response, Failure> {
        let purchase = parse::quote(body)?;
        let (verdict, at) = self.engine.quote(&purchase)?;
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        let sources = match verdict.funding {
            None => Vec::new(),
            Some(_) => sources(&self.engine, verdict.rule, verdict.benefit),
        };
        render::quote(&verdict, &sources, at, &purchase, &mut answer);
        self.metrics.count_quote();
        Ok(Response::json(StatusCode::OK, answer))
    }
}

/// The names of the sources that pay the state's part; none when the benefit names none.
pub(super) fn sources_of<S: Storage>(engine: &GatewayEngine<S>, record: &Authorization) -> Vec<Name> {
    match record.extension.funding() {
        None => Vec::new(),
        Some(_) => sources(engine, record.rule, record.benefit()),
    }
}

/// The names of a benefit's funding sources.
fn sources<S: Storage>(engine: &GatewayEngine<S>, rule: u32, benefit: BenefitNumber) -> Vec<Name> {
    let names = |directory: &Directory| {
        let rule = directory.rule(rule)?;
        let at = rule.benefits.iter().position(|other| other.number == benefit)?;
        let sources = rule.policy.benefits[at].funded_by.iter();
        Some(sources.map(|source| source.source).collect())
    };
    engine.of_directory(names).unwrap_or_default()
}
