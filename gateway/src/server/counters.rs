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
