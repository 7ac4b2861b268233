//! A request sent once more, as a switch does that got no answer, through a session as the server's threads have one.

use super::Rig;
use super::book::{Answer, Asked};
use satang_core::record::{Authorization, ReversalRecord};
use satang_core::request::AuthorizationRequest;
use satang_engine::engine::SubmitError;
use satang_engine::session::acquirers::Caller;
use satang_engine::session::{Outcome, Pending, RegistrationOutcome, Session};
use satang_log::durable::DurableWaits;
use satang_log::storage::Storage;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What a request that is sent once more gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// The outcome its id has.
    First(Answer),
    /// It was decided now: its id had no outcome.
    New,
    /// 409: the id has other content.
    Conflict,
}

impl Again {
    fn of<T>(outcome: &Outcome<T>, answer: impl Fn(&T) -> Answer) -> Again {
        match outcome {
            Outcome::Replayed(first) => Again::First(answer(first)),
            Outcome::New(_) => Again::New,
            Outcome::Conflict => Again::Conflict,
            Outcome::OtherAcquirer => panic!("there are no keys"),
        }
    }
}

/// Sends a request; everything it rests on is durable.
pub fn send<S: Storage>(rig: &Rig<S>, asked: &Asked) -> Result<Again, SubmitError> {
    let waits = DurableWaits::subscribe(rig.engine.durable());
    let session = Session::new(rig.engine.clone(), waits);
    let purchase =
        |outcome: &Outcome<Authorization>| Again::of(outcome, |first| Answer::authorization(first));
    let returned = |outcome: &Outcome<ReversalRecord>| Again::of(outcome, Answer::reversal);
    Ok(match asked {
        Asked::Authorization(request) => {
            purchase(&now(rig, at_once(session.authorize(Caller::NOBODY, request))?)?)
        }
        Asked::Hold(request) => purchase(&now(rig, at_once(session.hold(Caller::NOBODY, request))?)?),
        Asked::Reversal(request) => returned(&now(rig, at_once(session.reverse(Caller::NOBODY, request))?)?),
        Asked::Closing(request) => returned(&now(rig, at_once(session.close(Caller::NOBODY, request))?)?),
        Asked::Registration(request) => match now(rig, session.register(Caller::NOBODY, request)?)? {
            RegistrationOutcome::Decided(outcome) => Again::of(&outcome, Answer::registration),
            RegistrationOutcome::QuotaFullNotified { .. } => Again::New,
        },
    })
}

/// Sends authorizations in one batch.
pub fn send_batch<S: Storage>(
    rig: &Rig<S>,
    requests: &[AuthorizationRequest],
) -> Result<Vec<Again>, SubmitError> {
    let waits = DurableWaits::subscribe(rig.engine.durable());
    let session = Session::new(rig.engine.clone(), waits);
    let outcomes = now(rig, at_once(session.authorize_batch(Caller::NOBODY, requests))?)?;
    let again = |outcome| Again::of(outcome, |first: &Authorization| Answer::authorization(first));
    Ok(outcomes.iter().map(again).collect())
}

/// The value, which rests on durable records.
pub fn now<S: Storage, T: 'static>(rig: &Rig<S>, pending: Pending<T>) -> Result<T, SubmitError> {
    match pending.poll(rig.engine.durable())? {
        Ok(value) => Ok(value),
        Err(_) => panic!("it rests on what is not durable"),
    }
}

/// What a future comes to that has nothing to wait for.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}
