//! The routes: a request's path to the engine and its outcome to an answer. Knows no socket; the listener and the tests call
//! [`Api::respond`] alike.

mod access;
mod admin;
mod auditing;
mod authorizations;
mod batch;
mod maintenance;
mod casework;
mod condition;
mod explanation;
mod exposition;
mod failure;
mod import;
mod listener;
mod lookup;
mod metrics;
mod progress;
mod readiness;
mod refusals;
mod registrations;
mod router;
mod routes;
mod snapshots;
mod turns;
mod upkeep;
#[cfg(test)]
mod tests_openapi;
#[cfg(test)]
mod tests_routes;
#[cfg(test)]
mod tests_snapshots;

pub use access::Refused;
pub use failure::Failure;
pub use import::{Citizens, Encoding, ImportKind, Report, dry_run};
pub use listener::Probes;
pub use maintenance::catch_up;
pub use metrics::Metrics;
pub use routes::{ROUTES, Route, RouteBody};

use crate::audit::AuditLog;
use crate::engine::{GatewayEngine, GatewayMaintenance};
use crate::keys::{HeldKeys, KeyRing};
use crate::programs::ProgramSource;
use crate::server::{Body, BodyError, Correlation, Handler, Peer, Request, Response};
use access::{Caller, Time};
use auditing::Asked;
use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use maintenance::Chores;
use readiness::Progress;
use routes::{AUTHORIZE, Call, OBJECT_BYTES_MAX};
use satang_engine::clock::AnyClock;
use satang_engine::session::{Session, acquirers};
use satang_log::durable::DurableWaits;
use satang_log::file::FileReader;
use satang_log::storage::Storage;
use serde::Serialize;
use std::cell::OnceCell;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use tracing::{Instrument as _, Span};
use turns::Turns;

/// What all I/O threads share.
pub struct App<S: Storage> {
    /// Set once recovery is done: not before is anything answered but `/healthz`.
    engine: OnceLock<Handed<S>>,
    /// Whether a snapshot is being taken that was asked for.
    being_taken: Arc<AtomicBool>,
    chores: Arc<Chores>,
    metrics: Arc<Metrics>,
    programs: Arc<ProgramSource>,
    /// Who may call; without, every caller has every role.
    keys: Option<Arc<KeyRing>>,
    progress: Arc<Progress>,
    /// Where look-ups and refusals are noted; nowhere until it is set.
    audit: OnceLock<Arc<AuditLog>>,
}

/// What recovery hands over.
struct Handed<S: Storage> {
    engine: Arc<GatewayEngine<S>>,
    maintenance: Arc<GatewayMaintenance<S>>,
}

impl<S: Storage> App<S> {
    /// An app that answers 503 until it gets its engine, and whose callers have every role.
    pub fn starting(metrics: Arc<Metrics>, programs: Arc<ProgramSource>) -> Arc<App<S>> {
        App::guarded(metrics, programs, None)
    }

    /// The same, but only the bearers of these keys may call.
    pub fn guarded(
        metrics: Arc<Metrics>,
        programs: Arc<ProgramSource>,
        keys: Option<Arc<KeyRing>>,
    ) -> Arc<App<S>> {
        keys.iter().for_each(|keys| metrics.knows(keys.clone()));
        Arc::new(App {
            engine: OnceLock::new(),
            being_taken: Arc::default(),
            chores: Arc::default(),
            metrics,
            programs,
            keys,
            progress: Arc::default(),
            audit: OnceLock::new(),
        })
    }

    /// A start has read so many of so many bytes.
    pub fn replayed(&self, bytes: u64, all_bytes: u64) {
        self.progress.replayed(bytes, all_bytes);
    }

    /// The server is about to stop: from now on it is not ready.
    pub fn stopping(&self) {
        self.progress.stop();
    }

    /// Recovery is done: from now on everything is answered.
    ///
    /// # Panics
    /// When it has an engine already.
    pub fn ready(&self, engine: Arc<GatewayEngine<S>>, maintenance: Arc<GatewayMaintenance<S>>) {
        assert!(
            self.engine.set(Handed { engine, maintenance }).is_ok(),
            "an app gets its engine once"
        );
    }

    /// From now on look-ups and refusals are noted here.
    ///
    /// # Panics
    /// When they are noted elsewhere already.
    pub fn audit_to(&self, log: Arc<AuditLog>) {
        assert!(self.audit.set(log).is_ok(), "an app has one audit log");
    }

    /// The counters that `/metrics` shows.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}

/// Where a route's body comes from: a socket, or (in-process) a whole.
pub trait BodySource {
    /// Is told that a known caller sends it.
    fn is_of_known_caller(&self) {}
    /// Waits for the whole body, of at most so many bytes and never more than the server's bound.
    fn collect(self, bytes_max: usize) -> impl Future<Output = Result<Bytes, BodyError>>;
    /// The next piece of it; `None` at its end.
    fn next_chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, BodyError>>;
}

impl BodySource for Body {
    fn is_of_known_caller(&self) {
        Body::is_of_known_caller(self);
    }

    async fn collect(self, bytes_max: usize) -> Result<Bytes, BodyError> {
        Body::collect(self, bytes_max).await
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        Body::next_chunk(self).await
    }
}

/// A body that is there as a whole.
pub struct WholeBody(pub Option<Bytes>);

impl BodySource for WholeBody {
    async fn collect(mut self, _: usize) -> Result<Bytes, BodyError> {
        Ok(self.0.take().unwrap_or_default())
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        Ok(self.0.take())
    }
}

/// The app on one I/O thread.
pub struct Api<S: Storage> {
    app: Arc<App<S>>,
    /// The thread's hold of the keys; none when every caller has every role.
    keys: Option<HeldKeys>,
    /// The thread's queue of requests that wait for the disk, once there is an engine.
    ready: OnceCell<Ready<S>>,
    /// Starts the task that wakes them, on the thread's runtime.
    spawn_dispatch: Box<dyn Fn(DurableWaits)>,
}

/// An engine and this thread's place in its queue.
pub(crate) struct Ready<S: Storage> {
    engine: Arc<GatewayEngine<S>>,
    /// The thread's way to decisions and to what is durable.
    session: Session<FileReader<S>, AnyClock>,
    maintenance: Arc<GatewayMaintenance<S>>,
    being_taken: Arc<AtomicBool>,
    chores: Arc<Chores>,
    metrics: Arc<Metrics>,
    programs: Arc<ProgramSource>,
    progress: Arc<Progress>,
    /// Of the imports on this thread.
    turns: Turns,
}

impl<S: Storage> Api<S> {
    /// The app on the calling thread; `spawn_dispatch` runs [`DurableWaits::dispatch`] there.
    pub fn new(app: Arc<App<S>>, spawn_dispatch: impl Fn(DurableWaits) + 'static) -> Api<S> {
        Api {
            keys: app.keys.as_ref().map(KeyRing::hold),
            app,
            ready: OnceCell::new(),
            spawn_dispatch: Box::new(spawn_dispatch),
        }
    }

    /// Answers one request.
    pub async fn respond(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: impl BodySource,
    ) -> Response {
        self.respond_to(&Peer::LOCAL, method, path, headers, body).await
    }

    /// The answer to a request from elsewhere.
    async fn respond_to(
        &self,
        peer: &Peer,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: impl BodySource,
    ) -> Response {
        match self.route(peer, method, path, headers, body).await {
            Ok(response) => response,
            Err(failure) => span_of(headers).in_scope(|| self.refuse(failure)),
        }
    }

    /// The answer of a failure, counted.
    fn refuse(&self, failure: Failure) -> Response {
        if let Failure::Refused(refused) | Failure::Ended { refused, .. } = failure {
            self.app.metrics.count_refused(refused);
        }
        let answer = failure.response();
        self.app.metrics.count_problem(answer.code.unwrap_or_default());
        answer
    }

    async fn route(
        &self,
        peer: &Peer,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: impl BodySource,
    ) -> Result<Response, Failure> {
        // The hottest route first: it needs no look-up.
        if path == AUTHORIZE.template && *method == AUTHORIZE.method {
            let asked = Asked {
                route: AUTHORIZE,
                id: "",
                peer,
                headers,
            };
            let caller = self.admit(&asked, &body)?;
            let answer = self.authorize(body, &caller).await;
            if answer.is_err() {
                self.audit(&asked, caller.name(), &answer);
            }
            return answer;
        }
        // Which routes there are is no secret (/openapi.json needs no key), so 404 and 405 come before 401.
        let (route, id) = router::find(method, path)?;
        let asked = Asked {
            route,
            id,
            peer,
            headers,
        };
        let caller = self.admit(&asked, &body)?;
        let call = Call {
            id,
            headers,
            by: caller.name(),
            caller: &caller,
            body,
        };
        let answer = self.answer(route.id, call).instrument(span_of(headers)).await;
        self.audit(&asked, caller.name(), &answer);
        let answer = answer?;
        Ok(match route.roles {
            // What only some may see, nobody on the way keeps.
            Some(_) => answer.with_header(CACHE_CONTROL, HeaderValue::from_static("no-store")),
            None => answer,
        })
    }

    async fn authorize(&self, body: impl BodySource, caller: &Caller<'_>) -> Result<Response, Failure> {
        let ready = self.ready()?;
        ready
            .authorize(&body.collect(OBJECT_BYTES_MAX).await?, caller)
            .await
    }

    async fn health(&self) -> Result<Response, Failure> {
        Ok(text("ok\n".to_owned()))
    }

    async fn openapi(&self) -> Result<Response, Failure> {
        Ok(Response::json(StatusCode::OK, OPENAPI))
    }

    /// Before anything else about a request: who sends it may not even learn that the engine is starting.
    fn admit(&self, asked: &Asked<'_>, body: &impl BodySource) -> Result<Caller<'_>, Failure> {
        let now = || -> Time { Some(self.app.engine.get()?.engine.now()) };
        let admitted = access::admit(self.keys.as_ref(), asked.route, asked.headers, asked.peer, now);
        let caller = admitted.map_err(|(refused, key)| {
            self.audit(asked, key.as_ref(), &Err(Failure::Refused(refused)));
            Failure::Refused(refused)
        })?;
        if let Caller::Bearer { .. } = caller {
            body.is_of_known_caller();
        }
        Ok(caller)
    }

    fn ready(&self) -> Result<&Ready<S>, Failure> {
        if let Some(ready) = self.ready.get() {
            return Ok(ready);
        }
        let Handed { engine, maintenance } = self.app.engine.get().ok_or_else(|| Failure::NotReady {
            replayed_percent: self.app.progress.replayed_percent(),
        })?;
        Ok(self.ready.get_or_init(|| {
            let waits = DurableWaits::subscribe(engine.durable());
            (self.spawn_dispatch)(waits.clone());
            Ready {
                engine: engine.clone(),
                maintenance: maintenance.clone(),
                session: Session::new(engine.clone(), waits),
                being_taken: self.app.being_taken.clone(),
                chores: self.app.chores.clone(),
                metrics: self.app.metrics.clone(),
                programs: self.app.programs.clone(),
                progress: self.app.progress.clone(),
                turns: Turns::new(),
            }
        }))
    }
}

impl<S: Storage> Ready<S> {
    /// The numbers by which a decision's record names its caller.
    fn numbers_of(&self, caller: &Caller<'_>) -> Result<acquirers::Caller, Failure> {
        caller.numbers(|key, acquirer| self.engine.caller_of(key, acquirer))
    }
}

impl<S: Storage> Handler for Api<S> {
    async fn handle(&self, request: Request) -> Response {
        let Request {
            mut method,
            uri,
            version,
            headers,
            peer,
            body,
        } = request;
        if version == Version::HTTP_10 && method == Method::OPTIONS {
            // A load balancer's oldest way of probing: what it wants to know is the status.
            method = Method::GET;
        }
        self.respond_to(&peer, &method, uri.path(), &headers, body).await
    }

    fn takes_http10(&self, method: &Method, path: &str) -> bool {
        matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) && HEALTH.contains(&path)
    }

    fn problem(&self, status: StatusCode, code: &str, detail: &str) -> Vec<u8> {
        let problem = failure::listener_problem(status, code, detail);
        self.app.metrics.count_problem(problem.kind);
        problem.to_json()
    }
}

/// The routes that load balancers probe, in HTTP/1.0 too.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// The description of every route, OpenAPI 3.1.
const OPENAPI: &str = include_str!("../../openapi.json");

/// Names the ids that a request came with in the log lines that it makes.
fn span_of(headers: &HeaderMap) -> Span {
    Correlation::of(headers).map_or_else(Span::none, |ids| ids.span())
}

fn text(words: String) -> Response {
    Response::new(StatusCode::OK, "text/plain; charset=utf-8", words)
}

/// An answer whose fields stand in the order of the alphabet.
fn json(answer: &impl Serialize) -> Response {
    Response::json(StatusCode::OK, sorted(answer))
}

/// An answer with its fields in the order of its shape.
fn in_order(answer: &impl Serialize) -> Response {
    let body = serde_json::to_vec(answer).expect("an answer is JSON");
    Response::json(StatusCode::OK, body)
}

/// The body of an answer, its fields in the order of the alphabet.
fn sorted(answer: &impl Serialize) -> String {
    serde_json::to_value(answer)
        .expect("an answer is JSON")
        .to_string()
}
