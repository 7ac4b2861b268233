//! The listener: HTTP/1.1 and HTTP/2 on one port, one single-threaded runtime per I/O thread, every bound and
//! time-out that protects it, and an orderly stop. It knows nothing of what it serves.
//!
//! A [`Handler`] is made once on each I/O thread and is never shared between threads, so it may hold `Rc`s and spawn
//! local tasks. Connections are spread over the threads by the kernel (`SO_REUSEPORT`).
//!
//! What is deliberately absent: routing, compression, WebSocket and other upgrades, HTTP/1.0 but for probes.

mod answer_body;
mod body;
mod connection;
mod correlation;
mod counters;
mod door;
mod framing;
mod listen;
mod message;
mod options;
mod service;
mod stream;
mod thread;
mod tls;
mod watch;

pub use body::{Body, BodyError};
pub use correlation::{Correlation, TRACEPARENT, X_REQUEST_ID};
pub use counters::{ConnectionState, ServerCounters};
pub use message::{JSON, PROBLEM_JSON, Peer, Request, Response};
pub use options::ServerOptions;
pub use thread::{Server, ServerHandle};
pub use tls::Tls;

use http::{Method, StatusCode};
use std::sync::Arc;

/// What answers requests. One per I/O thread, made there by the factory given to [`Server::start`].
pub trait Handler: 'static {
    /// Answers one request. Write it as `async fn handle(&self, request: Request) -> Response`.
    ///
    /// Over HTTP/1.1 the requests of a connection are handled one after another, over HTTP/2 up to
    /// `streams_max` at once. The future may be dropped at any `.await`: the client may reset the stream, the
    /// connection may break, the stop may reach its deadline.
    fn handle(&self, request: Request) -> impl Future<Output = Response>;

    /// Whether a request may come in HTTP/1.0, as load balancers probe with.
    fn takes_http10(&self, _method: &Method, _path: &str) -> bool {
        false
    }

    /// Body of an error that the server itself answers, `application/problem+json`. `code` is a stable word.
    fn problem(&self, status: StatusCode, code: &str, detail: &str) -> Vec<u8> {
        serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "code": code,
            "detail": detail,
        })
        .to_string()
        .into_bytes()
    }
}

/// What a handler's factory is told about the thread it runs on.
#[derive(Clone, Debug)]
pub struct ThreadContext {
    /// This thread, counted from 0.
    pub index: usize,
    /// How many there are.
    pub threads: usize,
    /// What the listener has counted, over all threads.
    pub counters: Arc<ServerCounters>,
}
