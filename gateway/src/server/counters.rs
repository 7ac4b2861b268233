//! What the listener counts over all threads, and the memory that bodies may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What the listener has counted since it started.
#[derive(Debug, Default)]
pub struct ServerCounters {
    pub connections: AtomicUsize,
    pub accepted: AtomicU64,
    /// Turned away because `connections_max` was reached.
    pub turned_away: AtomicU64,
    /// Turned away because their address had as many as one may have.
    pub turned_away_address: AtomicU64,
    /// Closed for another: no known caller had asked for anything on them.
    pub strangers_closed: AtomicU64,
    /// TLS handshakes that failed: not TLS, no common version, a client certificate that is missing or wrong.
    pub handshakes_failed: AtomicU64,
    /// Closed by the header or idle time-out.
    pub timed_out: AtomicU64,
    /// Bytes of collected bodies in memory now, those that came in one piece excepted.
    pub body_bytes: AtomicUsize,
    /// Bytes of answers that clients have not taken yet: all of HTTP/2, of HTTP/1.1 those over 64 KiB.
    pub answer_bytes: AtomicUsize,
    /// Closed because they left too much unread.
    pub unread_closed: AtomicU64,
    /// Requests of HTTP/1.1 whose head is none, answered 400 by the library.
    pub heads_malformed: AtomicU64,
    /// Those whose head is too large, answered 431 or 414 by the library.
    pub heads_too_large: AtomicU64,
    /// Open connections in the order of [`ConnectionState::ALL`], as the last sweep of each thread saw them.
    pub by_state: [AtomicUsize; ConnectionState::ALL.len()],
}

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// No request; perhaps an answer that the client has not read yet.
    Idle,
    /// Part of a request's head is here, or of a TLS handshake.
    Head,
    /// A handler is at work.
    Serving,
    /// The last answer is out.
    Closing,
}

impl ConnectionState {
    /// All, each at the place of its number.
    pub const ALL: [ConnectionState; 4] = [
        ConnectionState::Idle,
        ConnectionState::Head,
        ConnectionState::Serving,
        ConnectionState::Closing,
    ];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            ConnectionState::Idle => "idle",
            ConnectionState::Head => "head",
            ConnectionState::Serving => "serving",
            ConnectionState::Closing => "closing",
        }
    }
}

/// Connections by their state.
pub(super) type Tally = [usize; ConnectionState::ALL.len()];

impl ServerCounters {
    /// One thread's connections were `before` and are `now`.
    pub(super) fn count_again(&self, before: Tally, now: Tally) {
        for (count, (before, now)) in self.by_state.iter().zip(before.into_iter().zip(now)) {
            // Other threads count on: what changed is added, and a decrease wraps around.
            count.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
        }
    }
}

/// Bytes counted against the limit of one connection and of all together.
pub(super) struct Reservation {
    bytes: usize,
    connection: Arc<AtomicUsize>,
    connection_max: usize,
    all: Arc<ServerCounters>,
    all_max: usize,
}

impl Reservation {
    pub(super) fn nothing(
        connection: Arc<AtomicUsize>,
        connection_max: usize,
        all: Arc<ServerCounters>,
        all_max: usize,
    ) -> Self {
        Reservation {
            bytes: 0,
            connection,
            connection_max,
            all,
            all_max,
        }
    }

    /// False, and nothing changed, when that would pass either limit.
    pub(super) fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes - self.bytes;
        if self.connection.fetch_add(more, Ordering::Relaxed) + more > self.connection_max {
            self.connection.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        if self.all.body_bytes.fetch_add(more, Ordering::Relaxed) + more > self.all_max {
            self.all.body_bytes.fetch_sub(more, Ordering::Relaxed);
            self.connection.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.bytes = bytes;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.connection.fetch_sub(self.bytes, Ordering::Relaxed);
        self.all.body_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
