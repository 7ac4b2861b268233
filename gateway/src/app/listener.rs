//! What the listener counts, as `/metrics` shows it, and the port that answers probes alone.

use super::exposition::{counters, gauges, registered};
use super::{Api, Failure};
use crate::server::{ConnectionState, Handler, Request, Response, ServerCounters};
use http::{Method, StatusCode};
use prometheus::{Gauge, IntCounter, Registry};
use satang_log::storage::Storage;
use std::sync::atomic::Ordering::Relaxed;

/// The routes of `--health-listen`.
const PROBED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The app on a port of its own for orchestrators and scrapers: however many connections the other port has, this one answers.
pub struct Probes<S: Storage>(pub Api<S>);

impl<S: Storage> Handler for Probes<S> {
    async fn handle(&self, request: Request) -> Response {
        match PROBED.contains(&request.path()) {
            true => self.0.handle(request).await,
            false => self.0.refuse(Failure::NoRoute),
        }
    }

    fn takes_http10(&self, method: &Method, path: &str) -> bool {
        self.0.takes_http10(method, path)
    }

    fn problem(&self, status: StatusCode, code: &str, detail: &str) -> Vec<u8> {
        self.0.problem(status, code, detail)
    }
}

/// Gives the counts their names.
pub(super) fn read_listener(read: &Registry, listener: &ServerCounters) {
    let gauge = |name, help, value: usize| registered(read, Gauge::new(name, help)).set(value as f64);
    gauge(
        "satang_connections",
        "Connections open.",
        listener.connections.load(Relaxed),
    );
    gauge(
        "satang_body_bytes",
        "Bytes of request bodies in memory, those that came in one piece excepted.",
        listener.body_bytes.load(Relaxed),
    );
    gauge(
        "satang_unread_answer_bytes",
        "Bytes of answers that clients have not taken: all of HTTP/2, of HTTP/1.1 those over 64 KiB.",
        listener.answer_bytes.load(Relaxed),
    );
    let by_state = gauges(
        read,
        "satang_connections_by_state",
        "Connections open, by what they do; a quarter of a second old at most.",
        &["state"],
    );
    for (state, count) in ConnectionState::ALL.into_iter().zip(&listener.by_state) {
        let count = count.load(Relaxed) as f64;
        by_state.with_label_values(&[state.name()]).set(count);
    }
    let accepted = IntCounter::new("satang_connections_accepted_total", "Connections accepted.");
    registered(read, accepted).inc_by(listener.accepted.load(Relaxed));
    let turned_away = counters(
        read,
        "satang_connections_turned_away_total",
        "Connections turned away: no place was left, or none for their address.",
        &["reason"],
    );
    let closed = counters(
        read,
        "satang_connections_closed_total",
        "Connections closed by the server: too slow or idle, in favour of another, for answers left unread, or a failed TLS handshake.",
        &["reason"],
    );
    for (family, reason, count) in [
        (&turned_away, "full", &listener.turned_away),
        (&turned_away, "address", &listener.turned_away_address),
        (&closed, "timed_out", &listener.timed_out),
        (&closed, "stranger", &listener.strangers_closed),
        (&closed, "unread_answers", &listener.unread_closed),
        (&closed, "handshake", &listener.handshakes_failed),
    ] {
        family.with_label_values(&[reason]).inc_by(count.load(Relaxed));
    }
}
