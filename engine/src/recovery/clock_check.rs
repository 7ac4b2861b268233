//! Whether the clock is to be trusted at a start. What is decided by a wrong clock keeps its date for ever, so an operator confirms
//! a clock that does not fit the journal.

use crate::clock::{CLOCK_AHEAD_MS_MAX, CLOCK_JUMP_MS_MAX, Clock, ClockError};
use satang_core::calendar::Instant;
use satang_log::storage::Storage;
use std::io;

/// The empty file that remembers a clock that jumped while the server ran, until somebody confirms it.
pub const CLOCK_REFUSED_FILE: &str = "clock.refused";

/// No clock that works shows an earlier time: the begin of the year 2020 in Bangkok.
const EARLIEST: Instant = Instant::from_unix_ms(1_577_811_600_000);

/// Whether the clock shows what an operator says that it shows, give or take a minute.
pub(super) fn is_about<C: Clock>(clock: &C, said: Instant) -> bool {
    let differs_ms = |shows: Instant| (shows.unix_ms() - said.unix_ms()).abs();
    clock
        .now()
        .is_ok_and(|shows| differs_ms(shows) <= CLOCK_JUMP_MS_MAX)
}

/// Sets a simulated clock to the last record; says why a real one is not trusted. `is_accepted`: an operator confirmed what it shows.
/// `unconfirmed`: it jumped before.
///
/// # Errors
/// Of the clock itself.
pub(super) fn check_clock<C: Clock>(
    clock: &C,
    last: Option<Instant>,
    is_accepted: bool,
    unconfirmed: bool,
) -> Result<Option<ClockError>, ClockError> {
    let shows = clock.now()?;
    if let Some(simulated) = clock.simulated() {
        if let Some(last) = last.filter(|last| *last > shows) {
            // A clock that shows more by now stays as it is.
            let _ = simulated.set(last);
        }
        return Ok(None);
    }
    if !(EARLIEST..=Instant::MAX).contains(&shows) {
        return Ok(Some(ClockError::OutOfRange { shows }));
    }
    if is_accepted {
        return Ok(None);
    }
    let ms_after = |other: Instant| shows.unix_ms() - other.unix_ms();
    Ok(match last {
        Some(last) if ms_after(last) < -CLOCK_JUMP_MS_MAX => Some(ClockError::BehindJournal { shows, last }),
        Some(last) if ms_after(last) > CLOCK_AHEAD_MS_MAX => Some(ClockError::AheadOfJournal { shows, last }),
        _ => unconfirmed.then_some(ClockError::Unconfirmed { shows }),
    })
}

/// Whether a jump was remembered that nobody has confirmed.
///
/// # Errors
/// Of the operating system.
pub(super) fn is_unconfirmed<S: Storage>(storage: &S) -> io::Result<bool> {
    Ok(storage.list("")?.iter().any(|name| name == CLOCK_REFUSED_FILE))
}

/// Remembers that the clock jumped, over a restart.
///
/// # Errors
/// Of the operating system.
pub(crate) fn remember_jump<S: Storage>(storage: &S) -> io::Result<()> {
    storage.create(CLOCK_REFUSED_FILE)?;
    storage.sync_folder("")
}

/// Forgets a jump that was confirmed.
///
/// # Errors
/// Of the operating system.
pub(super) fn forget_jump<S: Storage>(storage: &S) -> io::Result<()> {
    storage.remove(CLOCK_REFUSED_FILE)?;
    storage.sync_folder("")
}
