//! Authorizations and holds, reversals, captures and voids, and quotes.

use super::{Failure, Ready, text};
use crate::server::Response;
use crate::wire::content::{same_content, same_reversal_content};
use crate::wire::parse;
use crate::wire::problem::Problem;
use crate::wire::render;
use http::StatusCode;
use satang_core::ids::Name;
use satang_core::record::{Act, Authorization, BenefitNumber, NamedAuthorization, Record, ReversalRecord};
use satang_core::request::{AuthorizationRequest, ReversalRequest};
use satang_engine::engine::{SubmitError, Submitted};
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
    pub(super) async fn authorize(&self, body: &[u8]) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let request = parse::authorization(body)?;
        let _serving = Serving::start(self.engine.appender().requests());
        let submitted = self.engine.authorize(&request)?;
        self.answer(&request, None, submitted, started).await
    }

    pub(super) async fn hold(&self, body: &[u8]) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let hold = parse::hold(body)?;
        let _serving = Serving::start(self.engine.appender().requests());
        let submitted = self.engine.hold(&hold)?;
        let request = AuthorizationRequest {
            txn_id: hold.txn_id,
            purchase: hold.purchase,
        };
        self.answer(&request, Some(hold.expires_in_s), submitted, started)
            .await
    }

    /// The answer to an authorization, or to a hold.
    async fn answer(
        &self,
        request: &AuthorizationRequest,
        expires_in_s: Option<u32>,
        submitted: Submitted<Authorization>,
        started: std::time::Instant,
    ) -> Result<Response, Failure> {
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        match submitted {
            Submitted::Decided { record, sequence } => {
                // Rendered while the disk works; sent once the record is durable (I1).
                render::authorization(&record, &self.sources_of(&record), false, &mut answer);
                self.waits.wait(sequence).await?;
                self.metrics.count_authorization(&record);
            }
            Submitted::Seen { sequence } | Submitted::Wait { sequence } => {
                let record = self.replay_authorization(request, expires_in_s, sequence).await?;
                render::authorization(&record, &self.sources_of(&record), true, &mut answer);
                self.metrics.count_replay();
            }
        }
        self.metrics.observe_authorize(started.elapsed());
        Ok(Response::json(StatusCode::OK, answer))
    }

    /// The names of the sources that pay the state's part; none when the benefit names none.
    pub(super) fn sources_of(&self, record: &Authorization) -> Vec<Name> {
        match record.extra.funding() {
            None => Vec::new(),
            Some(_) => self.sources(record.rule, record.benefit()),
        }
    }

    /// The names of a benefit's funding sources.
    fn sources(&self, rule: u32, benefit: BenefitNumber) -> Vec<Name> {
        let directory = self.engine.state().directory.read();
        let names = directory.rule(rule).and_then(|rule| {
            let at = rule.benefits.iter().position(|other| other.number == benefit)?;
            let sources = rule.policy.benefits[at].funded_by.iter();
            Some(sources.map(|source| source.source).collect())
        });
        names.unwrap_or_default()
    }

    fn sources_of_reversal(&self, record: &ReversalRecord) -> Vec<Name> {
        match record.funding() {
            None => Vec::new(),
            Some(_) => self.sources(record.rule, record.benefit()),
        }
    }

    pub(super) async fn capture(&self, txn_id: &str, body: &[u8]) -> Result<Response, Failure> {
        self.close(txn_id, Act::Capture, body).await
    }

    pub(super) async fn void(&self, txn_id: &str, body: &[u8]) -> Result<Response, Failure> {
        self.close(txn_id, Act::Void, body).await
    }

    /// A hold's capture or void.
    async fn close(&self, txn_id: &str, act: Act, body: &[u8]) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let request = parse::closing(txn_id, act, body)?;
        let _serving = Serving::start(self.engine.appender().requests());
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        loop {
            match self.engine.close(&request)? {
                Submitted::Decided { record, sequence } => {
                    render::closing(&record, false, &mut answer);
                    self.waits.wait(sequence).await?;
                    self.metrics.count_reversal(&record);
                }
                Submitted::Seen { sequence } => {
                    self.waits.wait(sequence).await?;
                    let (Record::Capture(record) | Record::Void(record)) = self.engine.read(sequence)? else {
                        panic!("I5: a hold's end leads to a record of another kind");
                    };
                    render::closing(&record, true, &mut answer);
                    self.metrics.count_replay();
                }
                Submitted::Wait { sequence } => {
                    self.waits.wait(sequence).await?;
                    continue;
                }
            }
            self.metrics.observe_reverse(started.elapsed());
            return Ok(Response::json(StatusCode::OK, answer));
        }
    }

    pub(super) async fn reverse(&self, txn_id: &str, body: &[u8]) -> Result<Response, Failure> {
        let started = std::time::Instant::now();
        let request = parse::reversal(txn_id, body)?;
        let _serving = Serving::start(self.engine.appender().requests());
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        loop {
            match self.engine.reverse(&request)? {
                Submitted::Decided { record, sequence } => {
                    render::reversal(&record, &self.sources_of_reversal(&record), false, &mut answer);
                    self.waits.wait(sequence).await?;
                    self.metrics.count_reversal(&record);
                }
                Submitted::Seen { sequence } => {
                    self.waits.wait(sequence).await?;
                    let record = self.replay_reversal(&request, sequence)?;
                    render::reversal(&record, &self.sources_of_reversal(&record), true, &mut answer);
                    self.metrics.count_replay();
                }
                Submitted::Wait { sequence } => {
                    self.waits.wait(sequence).await?;
                    continue;
                }
            }
            self.metrics.observe_reverse(started.elapsed());
            return Ok(Response::json(StatusCode::OK, answer));
        }
    }

    pub(super) async fn quote(&self, body: &[u8]) -> Result<Response, Failure> {
        let purchase = parse::quote(body)?;
        let (verdict, at) = self.engine.quote(&purchase)?;
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        let sources = match verdict.funding {
            None => Vec::new(),
            Some(_) => self.sources(verdict.rule, verdict.benefit),
        };
        render::quote(&verdict, &sources, at, &purchase, &mut answer);
        self.metrics.count_quote();
        Ok(Response::json(StatusCode::OK, answer))
    }

    /// The first outcome of an id that came again: once durable, and when the content is the same.
    pub(super) async fn replay_authorization(
        &self,
        request: &AuthorizationRequest,
        expires_in_s: Option<u32>,
        sequence: u64,
    ) -> Result<Authorization, Failure> {
        self.waits.wait(sequence).await?;
        let Record::Authorization(NamedAuthorization {
            record,
            program,
            channel,
        }) = self.engine.read(sequence)?
        else {
            panic!("I5: an authorization's id leads to a record of another kind");
        };
        let directory = self.engine.state().directory.read();
        let (program, channel) = (program.as_ref(), channel.as_ref());
        match same_content(request, expires_in_s, &record, program, channel, &directory) {
            true => Ok(record),
            false => Err(Problem::txn_id_conflict().into()),
        }
    }

    fn replay_reversal(
        &self,
        request: &ReversalRequest,
        sequence: u64,
    ) -> Result<satang_core::record::ReversalRecord, Failure> {
        let Record::Reversal(record) = self.engine.read(sequence)? else {
            panic!("I5: a reversal's id leads to a record of another kind");
        };
        match same_reversal_content(request, &record) {
            true => Ok(record),
            false => Err(Problem::reversal_id_conflict().into()),
        }
    }

    /// Whether decisions are made at all: the clock is trusted and the journal works.
    pub(super) async fn readiness(&self) -> Result<Response, Failure> {
        self.engine.now().map_err(SubmitError::from)?;
        match self.engine.durable().has_failed() {
            true => Err(satang_log::durable::StorageFailed.into()),
            false => Ok(text("ready\n")),
        }
    }
}
