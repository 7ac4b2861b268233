//! Which requests audit.log tells of: look-ups of what a person has or did, and every refusal.

use super::access::Refused;
use super::routes::Route;
use super::{Api, Failure};
use crate::audit::{AuditEvent, AuditLine};
use crate::machine_time::machine_time;
use crate::server::{Correlation, Peer, Response};
use http::HeaderMap;
use satang_core::ids::Name;
use satang_engine::engine::SubmitError;
use satang_log::storage::Storage;
use std::net::IpAddr;

/// A request, as a line names it.
pub(super) struct Asked<'a> {
    pub(super) route: &'a Route,
    /// The id in the path; empty without one.
    pub(super) id: &'a str,
    pub(super) peer: &'a Peer,
    /// The ids that its caller finds it by are among them.
    pub(super) headers: &'a HeaderMap,
}

impl<S: Storage> Api<S> {
    /// Notes what became of a request, when it is one that is noted; `key` is the name of its key, when that is known.
    pub(super) fn audit(&self, asked: &Asked<'_>, key: Option<&Name>, outcome: &Result<Response, Failure>) {
        let Some(log) = self.app.audit.get() else {
            return;
        };
        let looked_up = asked.route.shows_persons();
        let (event, status, reason) = match outcome {
            // Of a batch, in which others were answered.
            Ok(answer) if answer.code == Some(OTHER_ACQUIRER) => {
                (AuditEvent::Refused, answer.status.as_u16(), answer.code)
            }
            Ok(answer) if looked_up => (AuditEvent::Lookup, answer.status.as_u16(), None),
            Ok(_) => return,
            Err(failure) => match (refusal(failure), failure) {
                (Some((status, reason)), _) => (AuditEvent::Refused, status, Some(reason)),
                // That nobody is known by an id tells of a person, too.
                (None, Failure::Problem(problem)) if looked_up => (AuditEvent::Lookup, problem.status, None),
                (None, _) => return,
            },
        };
        let engine = self.app.engine.get().map(|handed| &handed.engine);
        let now = engine
            .and_then(|engine| engine.now().ok())
            .unwrap_or_else(machine_time);
        let correlation = Correlation::of(asked.headers);
        let subject = engine.filter(|_| !asked.id.is_empty());
        log.note(&AuditLine {
            at: now.to_string(),
            event,
            key: key.map(Name::as_str),
            route: format!("{} {}", asked.route.method, asked.route.template),
            subject: subject.map(|engine| format!("{:016x}", engine.subject_hash(asked.id))),
            address: IpAddr::to_canonical(&asked.peer.address),
            status,
            reason,
            request_id: correlation.as_ref().and_then(|ids| ids.request_id()),
            trace_id: correlation.as_ref().and_then(|ids| ids.trace_id()),
        });
    }
}

/// The status and the reason of a refusal; of another failure none.
fn refusal(failure: &Failure) -> Option<(u16, &'static str)> {
    match failure {
        Failure::Refused(refused) | Failure::Ended { refused, .. } => {
            Some((refused.status(), Refused::REASONS[refused.reason()]))
        }
        Failure::Submit(SubmitError::OtherAcquirer) => Some((403, OTHER_ACQUIRER)),
        Failure::Problem(problem) if problem.kind == OTHER_ACQUIRER => Some((403, OTHER_ACQUIRER)),
        _ => None,
    }
}

const OTHER_ACQUIRER: &str = "other_acquirer";
