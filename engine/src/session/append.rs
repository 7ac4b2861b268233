//! The one way in which a decision becomes a record: decide for a time, append, apply, all under the same locks.

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError};
use satang_core::calendar::Instant;
use satang_core::record::NameNumber;
use satang_core::state::directory::AuditStamp;
use satang_log::commit::{Appending, Refused};
use satang_log::durable::StorageFailed;
use satang_log::log::ReadLog;
use std::ops::ControlFlow;

/// What an attempt comes to that rests on something learnt before any lock was taken.
pub(crate) enum Attempt<T> {
    Done(T),
    /// What was learnt is no longer so: learn it again.
    Again,
}

/// Attempts something until it is done.
pub(crate) fn until_done<T, E>(mut attempt: impl FnMut() -> Result<Attempt<T>, E>) -> Result<T, E> {
    loop {
        if let Attempt::Done(done) = attempt()? {
            return Ok(done);
        }
    }
}

/// Where a record went.
#[derive(Clone, Copy)]
pub(crate) struct Appended {
    pub(crate) sequence: u64,
    /// The time it was decided for.
    pub(crate) at: Instant,
}

impl Appended {
    /// What the state keeps of how a record was made.
    pub(crate) fn made(self, caller: NameNumber) -> AuditStamp {
        let Appended { sequence, at } = self;
        AuditStamp { sequence, at, caller }
    }
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// Appends what `decide` makes of the time, a decision whose record it puts into the buffer, and has it applied; or returns
    /// what `decide` breaks with, and appends nothing. It is asked again, for a later time, when a later record came first.
    /// `locked`: what was locked for the decision and is locked until it is applied.
    #[inline(always)]
    pub(crate) fn decide_append_apply<L, D, B: AsRef<[u8]> + Default, T>(
        &self,
        mut at: Instant,
        locked: &mut L,
        mut decide: impl FnMut(&mut L, Instant, &mut B) -> ControlFlow<T, D>,
        apply: impl FnOnce(&mut L, D, Appended) -> T,
    ) -> Result<T, SubmitError> {
        let mut bytes = B::default();
        loop {
            let decision = match decide(locked, at, &mut bytes) {
                ControlFlow::Continue(decision) => decision,
                ControlFlow::Break(without_record) => return Ok(without_record),
            };
            match self.appender.begin(at, bytes.as_ref().len()) {
                Ok(mut appending) => {
                    let sequence = appending.push(bytes.as_ref());
                    drop(appending);
                    return Ok(apply(locked, decision, Appended { sequence, at }));
                }
                Err(refused) => at = self.read_clock_again(refused)?,
            }
        }
    }

    /// Takes the append lock for records that take `bytes`, for `at` or the first later time that it takes, as long as all that
    /// they rest on is so at that time.
    pub(crate) fn begin(
        &self,
        mut at: Instant,
        bytes: usize,
        is_so: impl Fn(Instant) -> bool,
    ) -> Result<Attempt<(Appending<'_>, Instant)>, SubmitError> {
        while is_so(at) {
            match self.appender.begin(at, bytes) {
                Ok(appending) => return Ok(Attempt::Done((appending, at))),
                Err(refused) => at = self.read_clock_again(refused)?,
            }
        }
        Ok(Attempt::Again)
    }

    /// From here on no record of a time before `at` is appended.
    pub(crate) fn fence(&self, at: Instant) -> Result<(), SubmitError> {
        self.begin(at, 0, |_| true).map(drop)
    }

    /// The time for a second try after `refused`, never before the last record.
    fn read_clock_again(&self, refused: Refused) -> Result<Instant, SubmitError> {
        match refused {
            Refused::Stale { last_at } => Ok(self.now()?.max(last_at)),
            Refused::Stopped => Err(SubmitError::Storage(StorageFailed)),
        }
    }
}
