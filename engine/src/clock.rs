//! Clocks. The engine reads one per request and hands the instant down; the core never sees a clock (house rule 5).

use parking_lot::Mutex;
use satang_core::calendar::Instant;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// How far the wall clock may move against the monotonic one before the engine refuses to decide.
pub const CLOCK_JUMP_MS_MAX: i64 = 60_000;

/// How far a real clock may be ahead of the journal's last record when the engine starts: a decision dated by a wrong clock stays so.
pub const CLOCK_AHEAD_MS_MAX: i64 = 36 * 3_600_000;

/// Why there is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// The wall clock was moved while the process ran.
    #[error(
        "the clock jumped by {by_ms} ms against the monotonic clock; check it and restart with --accept-clock=INSTANT, what it shows then"
    )]
    Jumped {
        /// By how much, in milliseconds; negative when it went back.
        by_ms: i64,
    },
    /// The wall clock shows a time before the journal's last record.
    #[error(
        "the clock shows {shows}, more than 60 s before the journal's last record at {last}; check it and restart with --accept-clock={shows}"
    )]
    BehindJournal {
        shows: Instant,
        /// The time of the last record.
        last: Instant,
    },
    /// The wall clock shows a time long after the journal's last record.
    #[error(
        "the clock shows {shows}, more than 36 h after the journal's last record at {last}; check it and restart with --accept-clock={shows}"
    )]
    AheadOfJournal {
        shows: Instant,
        /// The time of the last record.
        last: Instant,
    },
    /// No clock that works shows such a year.
    #[error("the clock shows {shows}, and must show a time from 2020 to 2170; set it and restart")]
    OutOfRange { shows: Instant },
    /// The wall clock was moved while an earlier process ran.
    #[error(
        "the clock jumped while the server ran before, and nobody confirmed it since; it shows {shows}: check it and restart with --accept-clock={shows}"
    )]
    Unconfirmed { shows: Instant },
}

/// Why a simulated clock is not set: time does not go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the clock already shows {shows}")]
pub struct ClockShowsLater {
    pub shows: Instant,
}

/// A source of instants.
pub trait Clock: Send + Sync + 'static {
    /// The time.
    ///
    /// # Errors
    /// [`ClockError`] when it cannot be trusted: nothing is decided then.
    fn now(&self) -> Result<Instant, ClockError>;

    /// The same clock, where it can be set.
    fn simulated(&self) -> Option<&SimulatedClock> {
        None
    }
}

/// The operating system's clock, watched for jumps.
pub struct SystemClock {
    started: std::time::Instant,
    /// Wall time minus monotonic time, in milliseconds, as last seen.
    offset_ms: AtomicI64,
    /// The jump that was seen, 0 for none: once jumped, refused until a restart.
    jumped_ms: AtomicI64,
}

impl SystemClock {
    /// Starts watching.
    pub fn start() -> SystemClock {
        let started = std::time::Instant::now();
        SystemClock {
            started,
            offset_ms: AtomicI64::new(wall_ms()),
            jumped_ms: AtomicI64::new(0),
        }
    }

    fn read(&self, wall_ms: i64, monotonic_ms: i64) -> Result<Instant, ClockError> {
        let offset = wall_ms - monotonic_ms;
        let moved = offset - self.offset_ms.load(Ordering::Relaxed);
        if moved.abs() > CLOCK_JUMP_MS_MAX {
            let _ = self
                .jumped_ms
                .compare_exchange(0, moved, Ordering::Relaxed, Ordering::Relaxed);
        }
        match self.jumped_ms.load(Ordering::Relaxed) {
            0 => {
                if moved != 0 {
                    // Small corrections add up to no jump.
                    self.offset_ms.store(offset, Ordering::Relaxed);
                }
                Ok(Instant::from_unix_ms(wall_ms))
            }
            by_ms => Err(ClockError::Jumped { by_ms }),
        }
    }
}

fn wall_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_millis() as i64,
        Err(before) => -(before.duration().as_millis() as i64),
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Result<Instant, ClockError> {
        self.read(wall_ms(), self.started.elapsed().as_millis() as i64)
    }
}

/// A clock that an operator sets and that runs on at real speed, or (for tests) stands still.
pub struct SimulatedClock {
    base: Mutex<(Instant, std::time::Instant)>,
    stands_still: AtomicBool,
}

impl SimulatedClock {
    /// A clock that shows `at` now and runs on.
    pub fn running_from(at: Instant) -> SimulatedClock {
        let base = Mutex::new((at, std::time::Instant::now()));
        SimulatedClock {
            base,
            stands_still: AtomicBool::new(false),
        }
    }

    /// A clock that shows `at` until it is set.
    pub fn standing_at(at: Instant) -> SimulatedClock {
        let clock = SimulatedClock::running_from(at);
        clock.stands_still.store(true, Ordering::Relaxed);
        clock
    }

    /// Sets the clock, which runs on from `to`; returns what it shows then.
    ///
    /// # Errors
    /// [`ClockShowsLater`]; the clock goes on.
    pub fn set(&self, to: Instant) -> Result<Instant, ClockShowsLater> {
        let mut base = self.base.lock();
        let shows = self.shows(*base);
        if to < shows {
            return Err(ClockShowsLater { shows });
        }
        *base = (to, std::time::Instant::now());
        Ok(to)
    }

    fn shows(&self, base: (Instant, std::time::Instant)) -> Instant {
        let passed_ms = if self.stands_still.load(Ordering::Relaxed) {
            0
        } else {
            base.1.elapsed().as_millis() as i64
        };
        base.0.plus_ms(passed_ms)
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Result<Instant, ClockError> {
        let base = *self.base.lock();
        Ok(self.shows(base))
    }

    fn simulated(&self) -> Option<&SimulatedClock> {
        Some(self)
    }
}

/// The clock a server runs on, chosen at start.
pub enum AnyClock {
    System(SystemClock),
    Simulated(SimulatedClock),
}

impl Clock for AnyClock {
    fn now(&self) -> Result<Instant, ClockError> {
        match self {
            AnyClock::System(clock) => clock.now(),
            AnyClock::Simulated(clock) => clock.now(),
        }
    }

    fn simulated(&self) -> Option<&SimulatedClock> {
        match self {
            AnyClock::System(_) => None,
            AnyClock::Simulated(clock) => Some(clock),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_moved_by_more_than_a_minute_is_refused_until_a_restart() {
        let clock = SystemClock::start();
        let wall = wall_ms();
        assert!(clock.read(wall + 59_000, 0).is_ok());
        assert_eq!(
            clock.read(wall + 59_000 + 60_001, 0),
            Err(ClockError::Jumped { by_ms: 60_001 })
        );
        assert_eq!(
            clock.read(wall + 59_000, 0),
            Err(ClockError::Jumped { by_ms: 60_001 })
        );
    }

    #[test]
    fn a_simulated_clock_never_goes_back() {
        let noon = Instant::parse("2026-06-15T12:00:00+07:00").unwrap();
        let clock = SimulatedClock::standing_at(noon);
        assert_eq!(clock.set(noon.plus_ms(-1)), Err(ClockShowsLater { shows: noon }));
        assert_eq!(clock.set(noon.plus_ms(5)), Ok(noon.plus_ms(5)));
        assert_eq!(clock.now(), Ok(noon.plus_ms(5)));
        assert!(SystemClock::start().simulated().is_none());
    }
}
