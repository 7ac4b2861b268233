//! The story: the clock is wrong. What is decided by it would keep its date for ever, so nothing is decided before an operator has
//! confirmed a clock that does not fit the journal.

use crate::rig::{LAYOUT, Rig, options, request};
use satang_core::calendar::Instant;
use satang_engine::clock::{CLOCK_AHEAD_MS_MAX, CLOCK_JUMP_MS_MAX, Clock, ClockError};
use satang_engine::engine::SubmitError;
use satang_engine::recovery::open::EngineOptions;
use satang_log::storage::MemoryStorage;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A clock that shows what it is told and cannot be set, like a real one.
struct Wall {
    shows: Instant,
    /// It is seen to jump.
    jumped: AtomicBool,
}

impl Wall {
    fn showing(shows: Instant) -> Wall {
        let jumped = AtomicBool::new(false);
        Wall { shows, jumped }
    }
}

impl Clock for Wall {
    fn now(&self) -> Result<Instant, ClockError> {
        match self.jumped.load(Ordering::Relaxed) {
            true => Err(ClockError::Jumped { by_ms: 3_600_000 }),
            false => Ok(self.shows),
        }
    }
}

fn started_at(
    storage: &MemoryStorage,
    shows: Instant,
    accept_clock: Option<Instant>,
) -> Rig<MemoryStorage, Wall> {
    let options = EngineOptions {
        accept_clock,
        ..options(LAYOUT)
    };
    Rig::open_at(Arc::new(storage.copy()), Wall::showing(shows), options).unwrap()
}

#[test]
fn a_clock_that_is_behind_the_journal_decides_nothing_until_an_operator_confirms_it() {
    let mut rig = Rig::prepared();
    rig.pass(5_000);
    let last = rig.authorize(1, 1, 100).header.at();
    let behind = last.plus_ms(-CLOCK_JUMP_MS_MAX - 1);
    let refused = started_at(&rig.storage, behind, None);
    let error = refused.engine.authorize(&request(2, 1, 100)).unwrap_err();
    assert!(
        matches!(error, SubmitError::Clock(ClockError::BehindJournal { .. })),
        "{error}"
    );
    assert!(refused.engine.cut_over().is_err());
    assert_eq!(
        refused.engine.durable().sequence(),
        rig.engine.durable().sequence()
    );
    // What was answered is answered again: that needs no time.
    let seen = refused.engine.authorize(&request(1, 1, 100)).unwrap();
    assert!(matches!(seen, satang_engine::engine::Submitted::Seen { .. }));
    for mut trusted in [
        started_at(&rig.storage, behind, Some(behind.plus_ms(CLOCK_JUMP_MS_MAX))),
        started_at(&rig.storage, last.plus_ms(-CLOCK_JUMP_MS_MAX), None),
    ] {
        let at = trusted.authorize(2, 1, 100).header.at();
        assert_eq!(at, last, "time stands still until the clock has caught up");
    }
}

#[test]
fn a_clock_long_after_the_journal_decides_nothing_and_cuts_nothing_over_until_an_operator_confirms_it() {
    let mut rig = Rig::prepared();
    let last = rig.authorize(1, 1, 100).header.at();
    let ahead = last.plus_ms(CLOCK_AHEAD_MS_MAX + 1);
    // What an operator says of another minute counts for nothing.
    let stale = Some(ahead.plus_ms(-CLOCK_JUMP_MS_MAX - 1));
    for accepted in [None, stale] {
        let refused = started_at(&rig.storage, ahead, accepted);
        let error = refused.engine.authorize(&request(2, 1, 100)).unwrap_err();
        assert!(
            matches!(error, SubmitError::Clock(ClockError::AheadOfJournal { .. })),
            "{error}"
        );
        assert!(refused.engine.cut_over().is_err());
        assert_eq!(
            refused.engine.durable().sequence(),
            rig.engine.durable().sequence()
        );
    }
    let confirmed = started_at(&rig.storage, ahead, Some(ahead));
    confirmed.engine.authorize(&request(2, 1, 100)).unwrap();
    let in_time = started_at(&rig.storage, ahead.plus_ms(-1), None);
    in_time.engine.authorize(&request(2, 1, 100)).unwrap();
}

#[test]
fn a_year_that_no_clock_shows_begins_no_journal_and_decides_nothing() {
    const YEAR_MS: i64 = 31_556_952_000;
    for year in [1970, 1999, 2019, 2171, 2400] {
        // About the middle of the year.
        let shows = Instant::from_unix_ms((year - 1970) * YEAR_MS + YEAR_MS / 2);
        let begun = Rig::open_at(
            Arc::new(MemoryStorage::default()),
            Wall::showing(shows),
            options(LAYOUT),
        );
        let error = begun.err().expect("refused").to_string();
        assert!(error.contains("from 2020 to 2170"), "{error}");
        let rig = Rig::prepared();
        let refused = started_at(&rig.storage, shows, Some(shows));
        let error = refused.engine.authorize(&request(2, 1, 100)).unwrap_err();
        assert!(
            matches!(error, SubmitError::Clock(ClockError::OutOfRange { .. })),
            "{error}"
        );
    }
}

/// A clock that jumped is right again, and the server starts: what it decided then nobody would look at.
#[test]
fn a_jump_while_the_server_ran_is_refused_after_a_restart_until_an_operator_confirms_it() {
    let mut rig = Rig::prepared();
    let last = rig.authorize(1, 1, 100).header.at();
    let running = started_at(&rig.storage, last, None);
    running.maintenance.watch_clock().unwrap();
    assert!(started_at(&running.storage, last, None).engine.now().is_ok());
    running.engine.clock().jumped.store(true, Ordering::Relaxed);
    running.maintenance.watch_clock().unwrap();
    let storage = running.storage.copy();
    let refused = started_at(&storage, last, None);
    assert_eq!(refused.engine.now(), Err(ClockError::Unconfirmed { shows: last }));
    let confirmed = started_at(&refused.storage, last, Some(last));
    assert!(confirmed.engine.now().is_ok());
    assert!(started_at(&confirmed.storage, last, None).engine.now().is_ok());
}

#[test]
fn a_simulated_clock_goes_on_from_the_last_record() {
    let mut rig = Rig::prepared();
    rig.pass(86_400_000);
    let last = rig.authorize(1, 1, 100).header.at();
    let mut again = Rig::start(rig.storage.copy());
    assert_eq!(again.engine.now(), Ok(last));
    assert_eq!(again.authorize(2, 1, 100).header.at(), last);
}
