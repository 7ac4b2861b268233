//! Every way a request ends without an outcome, as an answer.

use super::access::Refused;
use crate::keys::OutOfLimits;
use crate::server::{BodyError, Response};
use crate::wire::problem::Problem;
use http::header::{ACCEPT_ENCODING, ALLOW, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use satang_engine::engine::SubmitError;
use satang_engine::maintenance::KeepError;
use satang_engine::snapshot::SnapshotError;
use satang_log::durable::StorageFailed;
use satang_log::storage::is_full;
use std::io;

/// Why there is no outcome. A decline is none of these.
#[derive(Debug)]
pub enum Failure {
    /// The request is malformed, unknown or in conflict.
    Problem(Problem),
    /// The body did not arrive.
    Body(BodyError),
    NoRoute,
    /// The path has other methods, these.
    MethodNotAllowed(Vec<Method>),
    /// Nobody's key, one of another role, or one with too many requests.
    Refused(Refused),
    /// An import whose caller may not go on. What was accepted before stands.
    Ended {
        refused: Refused,
        /// The last line that was looked at; 0 for none.
        line: u64,
        accepted: u64,
    },
    /// Recovery is not done.
    NotReady {
        /// How much of the journal is read; 0 when nothing is known of it yet.
        replayed_percent: u8,
    },
    /// The server is about to stop.
    Stopping,
    /// The engine could not decide.
    Submit(SubmitError),
    /// No snapshot was taken.
    Snapshot(KeepError),
    /// What casework decided was not carried out yet.
    NotCarriedOut(String),
    /// A snapshot that was asked for before is not done.
    SnapshotBeingTaken,
}

/// When a client should come back after a 503, in seconds.
const RETRY_AFTER_S: u32 = 1;

impl Failure {
    /// The failure of a request that brings a name, in `field`.
    pub(super) fn of_name(field: &str, error: SubmitError) -> Failure {
        match error {
            SubmitError::TooManyNames { .. } => Problem::malformed_field(field, error.to_string()).into(),
            other => Failure::Submit(other),
        }
    }

    /// The answer that says so.
    pub fn response(self) -> Response {
        match self {
            Failure::Problem(problem) => answer(&problem),
            Failure::Body(error) => body_error(error),
            Failure::NoRoute => answer(&Problem::not_found("there is no such route; see /openapi.json")),
            Failure::MethodNotAllowed(allowed) => {
                let allowed: Vec<&str> = allowed.iter().map(Method::as_str).collect();
                let allowed = allowed.join(", ");
                let detail = format!("this path takes {allowed}");
                let title = "The path does not take this method.";
                let value = HeaderValue::from_str(&allowed).expect("methods are a header value");
                answer(&Problem::new(405, "method_not_allowed", title, detail)).with_header(ALLOW, value)
            }
            Failure::Refused(refused) => refusal(refused, refused.to_string()),
            Failure::Ended {
                refused,
                line,
                accepted,
            } => {
                let detail = format!(
                    "{refused}; the import ended behind line {line}: {accepted} lines were accepted before, and they stand"
                );
                refusal(refused, detail)
            }
            Failure::NotReady { replayed_percent } => {
                let detail = match replayed_percent {
                    0 => "recovery is not done yet; nothing was decided".to_owned(),
                    read => format!(
                        "recovery is not done yet, {read} % of the journal is read; nothing was decided"
                    ),
                };
                retry_later(&Problem::new(503, "not_ready", "The engine is starting.", detail))
            }
            Failure::Stopping => {
                let detail = "what is in progress is answered, and nothing else";
                retry_later(&Problem::new(503, "stopping", "The server is stopping.", detail))
            }
            Failure::Submit(error) => submit_error(error),
            Failure::Snapshot(error) => keep_error(error),
            Failure::NotCarriedOut(detail) => {
                let title = "It was decided, but not carried out yet.";
                retry_later(&Problem::new(503, "not_carried_out", title, detail))
            }
            Failure::SnapshotBeingTaken => {
                let detail = "another snapshot is being taken; ask again when it is done";
                let title = "A snapshot is being taken.";
                retry_later(&Problem::new(503, "snapshot_being_taken", title, detail))
            }
        }
    }
}

fn refusal(refused: Refused, detail: String) -> Response {
    match refused {
        Refused::Missing
        | Refused::Malformed
        | Refused::Unknown
        | Refused::Limits(OutOfLimits::NotYet | OutOfLimits::Expired) => {
            let title = "A key is needed.";
            answer(&Problem::new(401, "unauthorized", title, detail))
                .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
        }
        Refused::TooMany => retry_later(&Problem::overloaded()),
        Refused::NoTime(error) => submit_error(SubmitError::Clock(error)),
        Refused::Limits(OutOfLimits::Address | OutOfLimits::Certificate) => {
            let title = "The key may not be used from here.";
            answer(&Problem::new(403, "forbidden", title, detail))
        }
        Refused::Role(_) => {
            let title = "The key has another role.";
            answer(&Problem::new(403, "forbidden", title, detail))
        }
    }
}

fn body_error(error: BodyError) -> Response {
    let title = "The body cannot be read.";
    let problem = Problem::new(error.status().as_u16(), error.code(), title, error.to_string());
    match error {
        BodyError::Overloaded => retry_later(&problem),
        BodyError::TooLarge { .. } | BodyError::Timeout { .. } | BodyError::Broken => answer(&problem),
    }
}

fn submit_error(error: SubmitError) -> Response {
    let unavailable = |code, title, detail: String| retry_later(&Problem::new(503, code, title, detail));
    match error {
        SubmitError::Overloaded => retry_later(&Problem::overloaded()),
        SubmitError::Storage(StorageFailed) => retry_later(&Problem::storage_failed()),
        SubmitError::DiskFull { .. } => unavailable("disk_full", "The disk is full.", error.to_string()),
        SubmitError::NoSpare { .. } => unavailable(
            "storage_failed",
            "The journal cannot get another file.",
            error.to_string(),
        ),
        SubmitError::Clock(error) => unavailable(
            "clock_not_trusted",
            "The clock cannot be trusted.",
            error.to_string(),
        ),
        SubmitError::Read(error) => {
            tracing::error!(%error, "a journaled record cannot be read");
            unavailable(
                "storage_failed",
                "The journal cannot be read.",
                "the outcome is unknown".into(),
            )
        }
        SubmitError::IdArchive(error) => {
            tracing::error!(%error, "the index of an old date cannot be read");
            unavailable(
                "storage_failed",
                "The index of an old date cannot be read.",
                "nothing was decided".into(),
            )
        }
        SubmitError::Misplaced(error) => {
            tracing::error!(%error, "the journal returns another record than was asked for");
            unavailable(
                "storage_failed",
                "The journal cannot be read.",
                "the outcome is unknown".into(),
            )
        }
        SubmitError::OtherAcquirer => answer(&Problem::other_acquirer()),
        SubmitError::TooManyNames { .. } | SubmitError::BatchTooLarge { .. } => {
            answer(&Problem::malformed_field("", error.to_string()))
        }
    }
}

fn keep_error(error: KeepError) -> Response {
    let detail = error.to_string();
    let disk_full = |source: &io::Error| match is_full(source.kind()) {
        true => ("disk_full", "The disk is full."),
        false => ("snapshot_failed", "The snapshot cannot be written."),
    };
    let (code, title) = match &error {
        KeepError::Clock(error) => return submit_error(SubmitError::Clock(*error)),
        KeepError::Snapshot(SnapshotError::Journal(StorageFailed)) => {
            let title = "The journal cannot be written.";
            return retry_later(&Problem::new(
                503,
                "storage_failed",
                title,
                "no snapshot was taken",
            ));
        }
        KeepError::DiskFull => ("disk_full", "The disk is full."),
        KeepError::IdArchive(source) | KeepError::Snapshot(SnapshotError::Io { source, .. }) => {
            disk_full(source)
        }
        KeepError::Snapshot(SnapshotError::NotAsWritten { .. }) => {
            ("snapshot_failed", "The snapshot cannot be written.")
        }
    };
    tracing::warn!(%error, "no snapshot was taken");
    retry_later(&Problem::new(503, code, title, detail))
}

fn retry_later(problem: &Problem) -> Response {
    answer(problem).with_retry_after_s(RETRY_AFTER_S)
}

/// A problem as an answer.
fn answer(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).expect("a problem has a status");
    let response = Response::problem(status, problem.to_json()).with_code(problem.kind);
    match status {
        // RFC 9110, 15.5.16.
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            response.with_header(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))
        }
        _ => response,
    }
}

/// The body of an error that the listener itself answers.
pub(super) fn listener_problem(status: StatusCode, code: &str, detail: &str) -> Problem {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::body_too_large(detail),
        StatusCode::SERVICE_UNAVAILABLE => Problem::overloaded(),
        _ => {
            // The listener's codes are few and constant; a Problem keeps a static one.
            let kind = LISTENER_CODES
                .into_iter()
                .find(|known| *known == code)
                .unwrap_or("bad_request");
            Problem::new(status.as_u16(), kind, "The request cannot be read.", detail)
        }
    }
}

const LISTENER_CODES: [&str; 4] = [
    "bad_request",
    "request_timeout",
    "http_version_not_supported",
    "header_too_large",
];

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure::Problem(problem)
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Failure {
        Failure::Body(error)
    }
}

impl From<KeepError> for Failure {
    fn from(error: KeepError) -> Failure {
        Failure::Snapshot(error)
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Failure {
        Failure::Submit(error)
    }
}

impl From<StorageFailed> for Failure {
    fn from(error: StorageFailed) -> Failure {
        Failure::Submit(SubmitError::Storage(error))
    }
}

impl From<satang_log::log::ReadError> for Failure {
    fn from(error: satang_log::log::ReadError) -> Failure {
        Failure::Submit(SubmitError::Read(error))
    }
}
