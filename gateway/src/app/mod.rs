//! The routes: a request's path to the engine and its outcome to an answer. Knows no socket; the listener and the tests call
//! [`Api::respond`] alike.

mod access;
mod admin;
mod authorizations;
mod batch;
mod chores;
mod desk;
mod explanation;
mod failure;
mod import;
mod lookup;
mod metrics;
mod progress;
mod registrations;
mod route;
mod snapshots;
#[cfg(test)]
mod tests_snapshots;

pub use access::Refused;
pub use chores::catch_up;
pub use failure::Failure;
pub use import::Report;
pub use metrics::Metrics;

use crate::keys::{HeldKeys, KeyRing};
use crate::programs::ProgramSource;
use crate::server::{Body, BodyError, Handler, Request, Response};
use crate::wire::problem::Problem;
use access::Caller;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use route::Route;
use satang_core::record::Act;
use satang_engine::clock::AnyClock;
use satang_engine::engine::Engine;
use satang_engine::keeper::Keeper;
use satang_log::durable::DurableWaits;
use satang_log::file::{FileLogStore, FileReader};
use satang_log::storage::Storage;
use std::cell::OnceCell;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

/// The engine as the gateway runs it.
pub type GatewayEngine<S> = Engine<FileReader<S>, AnyClock>;

/// Its keeper.
pub type GatewayKeeper<S> = Keeper<S, FileLogStore<S>, AnyClock>;

/// What all I/O threads share.
pub struct App<S: Storage> {
    /// Set once recovery is done: not before is anything answered but `/healthz`.
    engine: OnceLock<Handed<S>>,
    /// Whether a snapshot is being taken that was asked for.
    being_taken: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
    programs: Arc<ProgramSource>,
    /// Who may call; without, every caller has every role.
    keys: Option<Arc<KeyRing>>,
}

/// What recovery hands over.
struct Handed<S: Storage> {
    engine: Arc<GatewayEngine<S>>,
    keeper: Arc<GatewayKeeper<S>>,
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
        Arc::new(App {
            engine: OnceLock::new(),
            being_taken: Arc::default(),
            metrics,
            programs,
            keys,
        })
    }

    /// Recovery is done: from now on everything is answered.
    ///
    /// # Panics
    /// When it has an engine already.
    pub fn ready(&self, engine: Arc<GatewayEngine<S>>, keeper: Arc<GatewayKeeper<S>>) {
        assert!(
            self.engine.set(Handed { engine, keeper }).is_ok(),
            "an app gets its engine once"
        );
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}

/// Where a route's body comes from: a socket, or (in-process) a whole.
pub trait BodySource {
    /// The whole body.
    fn collect(self) -> impl Future<Output = Result<Bytes, BodyError>>;
    /// The next piece of it; `None` at its end.
    fn next_chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, BodyError>>;
}

impl BodySource for Body {
    async fn collect(self) -> Result<Bytes, BodyError> {
        Body::collect(self).await
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        Body::next_chunk(self).await
    }
}

/// A body that is there as a whole.
pub struct WholeBody(pub Option<Bytes>);

impl BodySource for WholeBody {
    async fn collect(mut self) -> Result<Bytes, BodyError> {
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
    keeper: Arc<GatewayKeeper<S>>,
    being_taken: Arc<AtomicBool>,
    waits: DurableWaits,
    metrics: Arc<Metrics>,
    programs: Arc<ProgramSource>,
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
        match self.route(method, path, headers, body).await {
            Ok(response) => response,
            Err(failure) => {
                if let Failure::Refused(refused) = failure {
                    self.app.metrics.count_refused(refused);
                }
                failure.response()
            }
        }
    }

    async fn route(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: impl BodySource,
    ) -> Result<Response, Failure> {
        // The hottest route first: it needs no look-up.
        if path == "/v1/authorizations" && method == Method::POST {
            self.admit(&Route::Authorize, headers)?;
            return self.ready()?.authorize(&body.collect().await?).await;
        }
        // Which routes there are is no secret (/openapi.json needs no key), so 404 and 405 come before 401.
        let route = Route::find(method, path)?;
        let caller = self.admit(&route, headers)?;
        let by = caller.name();
        match route {
            Route::Health => Ok(text("ok\n")),
            Route::OpenApi => Ok(Response::json(StatusCode::OK, OPENAPI)),
            Route::Ready => self.ready()?.check_ready().map(|()| text("ready\n")),
            Route::Metrics => Ok(self.ready()?.metrics_text()),
            Route::Authorize => self.ready()?.authorize(&body.collect().await?).await,
            Route::Authorization { txn_id } => self.ready()?.authorization(txn_id).await,
            Route::AuthorizeBatch => {
                self.ready()?
                    .authorize_batch(headers, &body.collect().await?)
                    .await
            }
            Route::Reverse { txn_id } => self.ready()?.reverse(txn_id, &body.collect().await?).await,
            Route::Hold => self.ready()?.hold(&body.collect().await?).await,
            Route::Capture { txn_id } => {
                let body = body.collect().await?;
                self.ready()?.close(txn_id, Act::Capture, &body).await
            }
            Route::Void { txn_id } => {
                let body = body.collect().await?;
                self.ready()?.close(txn_id, Act::Void, &body).await
            }
            Route::Move { wallet_id } => {
                self.ready()?
                    .move_citizen(wallet_id, &body.collect().await?, by)
                    .await
            }
            Route::Replace { wallet_id } => {
                self.ready()?
                    .replace_wallet(wallet_id, &body.collect().await?, by)
                    .await
            }
            Route::Register => self.ready()?.register(&body.collect().await?).await,
            Route::RegisterBatch => self.ready()?.register_batch(&body.collect().await?).await,
            Route::Quote => self.ready()?.quote(&body.collect().await?),
            Route::Wallet { wallet_id } => self.ready()?.wallet(wallet_id).await,
            Route::Programs => self.ready()?.programs().await,
            Route::Program { id } => self.ready()?.program(id).await,
            Route::RegistrationProgress { id } => self.ready()?.registration_progress(id, headers).await,
            Route::PutMerchant { merchant_id } => {
                self.ready()?
                    .put_merchant(merchant_id, &body.collect().await?, by)
                    .await
            }
            Route::PutWalletStatus { wallet_id } => {
                self.ready()?
                    .put_wallet_status(wallet_id, &body.collect().await?, by)
                    .await
            }
            Route::PutProgramStatus { id } => {
                self.ready()?
                    .put_program_status(id, &body.collect().await?, by)
                    .await
            }
            Route::ReloadPrograms => self.ready()?.reload_programs(&body.collect().await?, by).await,
            Route::PutClock => self.ready()?.put_clock(&body.collect().await?),
            Route::TakeSnapshot => self.ready()?.take_snapshot().await,
            Route::ImportMerchants => self.ready()?.import_merchants(body, by).await,
            Route::ImportList { list } => self.ready()?.import_list(list, body, by).await,
            Route::ImportEnrollments => self.ready()?.import_enrollments(body, by).await,
            Route::Merchant { merchant_id } => self.ready()?.merchant(merchant_id).await,
            Route::JoinProgram { merchant_id } => {
                self.ready()?
                    .join_program(merchant_id, &body.collect().await?, by)
                    .await
            }
            Route::BindPlatform { merchant_id } => {
                self.ready()?
                    .bind_platform(merchant_id, &body.collect().await?, by)
                    .await
            }
            Route::PutMerchantStatus { merchant_id } => {
                self.ready()?
                    .put_merchant_status(merchant_id, &body.collect().await?, by)
                    .await
            }
            Route::PutMerchantPayout { merchant_id } => {
                self.ready()?
                    .put_merchant_payout(merchant_id, &body.collect().await?, by)
                    .await
            }
            Route::WithdrawConsent { merchant_id } => {
                self.ready()?
                    .withdraw_consent(merchant_id, &body.collect().await?, by)
                    .await
            }
            Route::PutAuthorizationPayout { txn_id } => {
                self.ready()?
                    .put_authorization_payout(txn_id, &body.collect().await?, by)
                    .await
            }
            Route::Payouts => self.ready()?.payouts().await,
            Route::PutPersonStatus => self.ready()?.put_person_status(&body.collect().await?, by).await,
            Route::ErasePerson => self.ready()?.erase_person(&body.collect().await?, by).await,
            Route::OpenClawback => self.ready()?.open_clawback(&body.collect().await?, by).await,
            Route::Clawbacks => self.ready()?.clawbacks().await,
            Route::Clawback { case_id } => self.ready()?.clawback(case_id).await,
            Route::PayClawback { case_id } => {
                self.ready()?
                    .pay_clawback(case_id, &body.collect().await?, by)
                    .await
            }
            Route::CloseClawback { case_id } => {
                self.ready()?
                    .close_clawback(case_id, &body.collect().await?, by)
                    .await
            }
        }
    }

    /// Before anything else about a request: who sends it may not even learn that the engine is starting.
    fn admit(&self, route: &Route<'_>, headers: &HeaderMap) -> Result<Caller, Failure> {
        access::admit(self.keys.as_ref(), route, headers)
    }

    fn ready(&self) -> Result<&Ready<S>, Failure> {
        if let Some(ready) = self.ready.get() {
            return Ok(ready);
        }
        let Handed { engine, keeper } = self.app.engine.get().ok_or(Failure::NotReady)?;
        Ok(self.ready.get_or_init(|| {
            let waits = DurableWaits::subscribe(engine.durable());
            (self.spawn_dispatch)(waits.clone());
            Ready {
                engine: engine.clone(),
                keeper: keeper.clone(),
                being_taken: self.app.being_taken.clone(),
                waits,
                metrics: self.app.metrics.clone(),
                programs: self.app.programs.clone(),
            }
        }))
    }
}

impl<S: Storage> Handler for Api<S> {
    async fn handle(&self, request: Request) -> Response {
        let Request {
            method,
            uri,
            headers,
            body,
            ..
        } = request;
        self.respond(&method, uri.path(), &headers, body).await
    }

    fn problem(&self, status: StatusCode, code: &str, detail: &str) -> Vec<u8> {
        failure::listener_problem(status, code, detail).to_json()
    }
}

/// The description of every route, OpenAPI 3.1.
const OPENAPI: &str = include_str!("../../openapi.json");

fn text(words: &'static str) -> Response {
    Response::new(
        StatusCode::OK,
        "text/plain; charset=utf-8",
        Bytes::from_static(words.as_bytes()),
    )
}

/// An `application/json` answer of anything that serializes.
fn json(value: &serde_json::Value) -> Response {
    Response::json(StatusCode::OK, value.to_string())
}

/// A problem as an answer.
fn problem(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).expect("a problem has a status");
    Response::problem(status, problem.to_json())
}
