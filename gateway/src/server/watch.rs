//! What each I/O thread knows of its connections, and the sweep that ends the overdue ones.
//!
//! A timer per request would cost more than the rest of this module: hyper's own makes and cancels one for each
//! header. Here a request only notes in what phase its connection is and since when (two stores), and one sweep per
//! thread looks at all of them a few times a second. A time-out is never early and at most a few ticks late.

use super::answer_body::Unread;
use super::counters::{ConnectionState, Reservation, ServerCounters, Tally};
use super::door::Place;
use super::framing::Framing;
use super::message::Peer;
use super::options::ServerOptions;
use hyper::body::Incoming;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

const TICK_MIN: Duration = Duration::from_millis(5);
const TICK_MAX: Duration = Duration::from_millis(250);

/// During a stop, a connection without a request has this long to move: a rest of a header, of an answer, of a farewell.
const STOP_PAUSE_MAX: Duration = Duration::from_secs(1);

/// What one I/O thread shares between its tasks.
pub(super) struct ThreadState {
    pub(super) options: ServerOptions,
    pub(super) counters: Arc<ServerCounters>,
    /// Told when a connection is gone.
    pub(super) connection_gone: Notify,
    started: Instant,
    /// Milliseconds since `started`, as of the last sweep.
    now_ms: Cell<u64>,
    tick: Duration,
    stopping: Cell<bool>,
    connections: RefCell<HashMap<u64, Rc<Connection>>>,
    /// Those of them on which no known caller has asked for anything yet, the oldest first.
    strangers: RefCell<BTreeSet<u64>>,
    next_id: Cell<u64>,
    /// What the last sweep counted.
    tally: Cell<Tally>,
}

impl ThreadState {
    pub(super) fn new(options: ServerOptions, counters: Arc<ServerCounters>) -> Self {
        let shortest = options
            .header_timeout
            .min(options.body_timeout)
            .min(options.idle_timeout);
        ThreadState {
            tick: (shortest / 16).clamp(TICK_MIN, TICK_MAX),
            options,
            counters,
            connection_gone: Notify::new(),
            started: Instant::now(),
            now_ms: Cell::new(0),
            stopping: Cell::new(false),
            connections: RefCell::new(HashMap::new()),
            strangers: RefCell::new(BTreeSet::new()),
            next_id: Cell::new(0),
            tally: Cell::default(),
        }
    }

    /// Runs for as long as the thread: moves the clock and ends what is overdue.
    pub(super) async fn sweep_for_ever(self: Rc<Self>) {
        loop {
            tokio::time::sleep(self.tick).await;
            self.now_ms
                .set(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX));
            let mut overdue = Vec::new();
            let mut tally = Tally::default();
            for connection in self.connections.borrow().values() {
                tally[connection.phase.get() as usize] += 1;
                match connection.judge() {
                    Verdict::Keep => {}
                    Verdict::WakeReader => connection.wake(),
                    Verdict::Close => overdue.push(connection.clone()),
                }
            }
            self.counters.count_again(self.tally.replace(tally), tally);
            for connection in overdue {
                self.counters.timed_out.fetch_add(1, Ordering::Relaxed);
                connection.abort();
            }
        }
    }

    /// Adds a connection; dropping the second half takes it out again.
    pub(super) fn register(self: &Rc<Self>, place: Place, from: IpAddr) -> (Rc<Connection>, Registered) {
        let id = self.next_id.replace(self.next_id.get() + 1);
        let connection = Rc::new(Connection::new(id, place, from, self.clone()));
        self.connections.borrow_mut().insert(id, connection.clone());
        self.strangers.borrow_mut().insert(id);
        (
            connection,
            Registered {
                id,
                thread: self.clone(),
            },
        )
    }

    /// Asks every connection to end after the request it is in.
    pub(super) fn begin_stop(&self) {
        self.stopping.set(true);
        for connection in self.connections.borrow().values() {
            connection.phase_since_ms.set(self.now_ms.get());
            connection.answers_stand_since_ms.set(self.now_ms.get());
            connection.wake();
        }
    }

    /// Ends the stranger that has been here longest; false when this thread has none.
    pub(super) fn close_oldest_stranger(&self) -> bool {
        let Some(oldest) = self.strangers.borrow_mut().pop_first() else {
            return false;
        };
        if let Some(connection) = self.connections.borrow().get(&oldest) {
            self.counters.strangers_closed.fetch_add(1, Ordering::Relaxed);
            connection.abort();
        }
        true
    }

    pub(super) fn connections_len(&self) -> usize {
        self.connections.borrow().len()
    }
}

/// A connection's entry in its thread's table.
pub(super) struct Registered {
    id: u64,
    thread: Rc<ThreadState>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.thread.strangers.borrow_mut().remove(&self.id);
        if let Some(connection) = self.thread.connections.borrow_mut().remove(&self.id) {
            connection.place.take();
        }
        self.thread.connection_gone.notify_one();
    }
}

enum Verdict {
    Keep,
    WakeReader,
    Close,
}

/// What the sweep, the stream, the body and the service of one connection share.
pub(super) struct Connection {
    id: u64,
    thread: Rc<ThreadState>,
    /// Given up when the connection is gone.
    place: RefCell<Option<Place>>,
    /// Where it comes from.
    from: IpAddr,
    /// SHA-256 of the client's certificate, once the handshake has shown one.
    certificate: OnceCell<[u8; 32]>,
    is_known: Cell<bool>,
    phase: Cell<ConnectionState>,
    phase_since_ms: Cell<u64>,
    http2: Cell<bool>,
    requests_in_progress: Cell<u32>,
    body_deadline_ms: Cell<Option<u64>>,
    ends_after_answer: Cell<bool>,
    unread: RefCell<Option<Incoming>>,
    framing: RefCell<Framing>,
    requests_begun: Cell<u64>,
    body_bytes: Arc<AtomicUsize>,
    unread_answers: Arc<Unread>,
    /// How much of its answers the client of HTTP/2 had taken when the sweep last looked, and since when it is that much.
    answers_taken: Cell<usize>,
    answers_stand_since_ms: Cell<u64>,
    waker: OnceCell<Waker>,
    task: OnceCell<AbortHandle>,
}

impl Connection {
    fn new(id: u64, place: Place, from: IpAddr, thread: Rc<ThreadState>) -> Self {
        Connection {
            id,
            place: RefCell::new(Some(place)),
            from: from.to_canonical(),
            certificate: OnceCell::new(),
            is_known: Cell::new(false),
            unread_answers: Unread::none(thread.counters.clone()),
            answers_taken: Cell::new(0),
            answers_stand_since_ms: Cell::new(thread.now_ms.get()),
            phase: Cell::new(ConnectionState::Idle),
            phase_since_ms: Cell::new(thread.now_ms.get()),
            thread,
            http2: Cell::new(false),
            requests_in_progress: Cell::new(0),
            body_deadline_ms: Cell::new(None),
            ends_after_answer: Cell::new(false),
            unread: RefCell::new(None),
            framing: RefCell::new(Framing::new()),
            requests_begun: Cell::new(0),
            body_bytes: Arc::new(AtomicUsize::new(0)),
            waker: OnceCell::new(),
            task: OnceCell::new(),
        }
    }

    pub(super) fn options(&self) -> &ServerOptions {
        &self.thread.options
    }

    /// Who sends its requests.
    pub(super) fn peer(&self) -> Peer {
        Peer {
            address: self.from,
            certificate: self.certificate.get().copied(),
        }
    }

    /// The client has shown this certificate, and that it has the key.
    pub(super) fn set_certificate(&self, certificate: &[u8]) {
        let shown = self.certificate.set(Peer::fingerprint(certificate));
        shown.expect("a connection has one handshake");
    }

    pub(super) fn is_http2(&self) -> bool {
        self.http2.get()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.thread.stopping.get()
    }

    /// The task that the sweep ends; known only after it was spawned.
    pub(super) fn set_task(&self, task: AbortHandle) {
        self.task.set(task).expect("a connection is spawned once");
    }

    /// The waker of that task; a task has one for life.
    pub(super) fn set_waker(&self, waker: Waker) {
        self.waker.set(waker).expect("a connection's task starts once");
    }

    /// From here on the phases are those of HTTP/2, where many requests share the connection.
    pub(super) fn begin_http2(&self) {
        self.http2.set(true);
        self.enter(ConnectionState::Idle);
    }

    /// Bytes came from the client, on their way to hyper.
    pub(super) fn bytes_read(&self, bytes: &[u8]) {
        if self.http2.get() {
            return;
        }
        if self.phase.get() == ConnectionState::Idle {
            self.enter(ConnectionState::Head);
        }
        self.framing.borrow_mut().read(bytes);
    }

    /// The TLS handshake has begun: it is as long as a head may take.
    pub(super) fn begin_handshake(&self) {
        self.enter(ConnectionState::Head);
    }

    /// The handshake is done; the first request may take its time.
    pub(super) fn end_handshake(&self) {
        self.enter(ConnectionState::Idle);
    }

    pub(super) fn count_failed_handshake(&self) {
        self.thread
            .counters
            .handshakes_failed
            .fetch_add(1, Ordering::Relaxed);
    }

    /// The library could not read a request's head, and has said so.
    pub(super) fn count_unread_head(&self, error: &hyper::Error) {
        let counters = &self.thread.counters;
        if error.is_parse_too_large() {
            counters.heads_too_large.fetch_add(1, Ordering::Relaxed);
        } else if error.is_parse() {
            counters.heads_malformed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The first bytes of the connection are being looked at.
    pub(super) fn first_bytes_read(&self) {
        if self.phase.get() == ConnectionState::Idle {
            self.enter(ConnectionState::Head);
        }
    }

    /// The client took some of the answer. Over HTTP/2 it may be the answer to a PING, which is no sign of use.
    pub(super) fn bytes_written(&self) {
        if self.phase.get() == ConnectionState::Idle && !self.http2.get() {
            self.phase_since_ms.set(self.thread.now_ms.get());
        }
    }

    pub(super) fn begin_request(&self) {
        self.requests_in_progress.set(self.requests_in_progress.get() + 1);
        self.requests_begun.set(self.requests_begun.get() + 1);
        self.phase.set(ConnectionState::Serving);
    }

    pub(super) fn end_request(&self) {
        let left = self.requests_in_progress.get() - 1;
        self.requests_in_progress.set(left);
        if left == 0 {
            self.enter(ConnectionState::Idle);
        }
    }

    /// Whether the request that was begun last has both a length and chunks.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.framing.borrow().is_ambiguous(self.requests_begun.get() - 1)
    }

    /// The answer in preparation is the last one of an HTTP/1.1 connection.
    pub(super) fn end_after_answer(&self) {
        self.ends_after_answer.set(true);
    }

    pub(super) fn ends_after_answer(&self) -> bool {
        self.ends_after_answer.get() && !self.http2.get()
    }

    /// Whether the client may still be sending what nobody will read. hyper refuses a head before any request began.
    pub(super) fn needs_discard(&self) -> bool {
        !self.http2.get() && (self.ends_after_answer.get() || self.phase.get() == ConnectionState::Head)
    }

    pub(super) fn begin_close(&self) {
        self.enter(ConnectionState::Closing);
    }

    /// Keeps a body that the handler did not read until the answer is ready.
    pub(super) fn leave_unread(&self, body: Incoming) {
        if self.phase.get() == ConnectionState::Serving && !self.http2.get() {
            *self.unread.borrow_mut() = Some(body);
        }
    }

    pub(super) fn take_unread(&self) -> Option<Incoming> {
        self.unread.borrow_mut().take()
    }

    pub(super) fn reserve_nothing(&self) -> Reservation {
        Reservation::nothing(
            self.body_bytes.clone(),
            self.thread.options.connection_body_bytes_max,
            self.thread.counters.clone(),
            self.thread.options.all_bodies_bytes_max,
        )
    }

    /// The answers that the client has not taken yet.
    pub(super) fn unread_answers(&self) -> &Arc<Unread> {
        &self.unread_answers
    }

    /// Ends the connection: it leaves too much unread.
    pub(super) fn end_for_unread_answers(&self) {
        self.thread.counters.unread_closed.fetch_add(1, Ordering::Relaxed);
        self.abort();
    }

    /// A known caller asks for something.
    pub(super) fn become_known(&self) {
        if self.is_known.replace(true) {
            return;
        }
        if let Some(place) = &mut *self.place.borrow_mut() {
            place.become_known();
        }
        self.thread.strangers.borrow_mut().remove(&self.id);
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.thread.now_ms.get()
    }

    /// The first sweep time that is at least `timeout` from now: `now_ms` may be one tick old.
    pub(super) fn deadline_ms(&self, timeout: Duration) -> u64 {
        let wait = timeout + self.thread.tick;
        self.now_ms()
            .saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
    }

    /// Asks the sweep to wake `waker` at a time; false when it is not the connection task's own.
    pub(super) fn wakes_at(&self, deadline_ms: u64, waker: &Waker) -> bool {
        let own = !self.http2.get() && self.waker.get().is_some_and(|own| own.will_wake(waker));
        if own {
            self.body_deadline_ms.set(Some(deadline_ms));
        }
        own
    }

    pub(super) fn body_ended(&self) {
        self.body_deadline_ms.set(None);
    }

    /// Ends the connection where it stands.
    pub(super) fn abort(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    fn enter(&self, phase: ConnectionState) {
        self.phase.set(phase);
        self.phase_since_ms.set(self.thread.now_ms.get());
    }

    fn judge(&self) -> Verdict {
        if self.http2.get() && self.has_unread_answers() {
            // Its requests are over, or wait for room in their turn: it is the client that is waited for.
            return self.judge_since(self.answers_stand_since_ms.get(), self.options().idle_timeout);
        }
        let timeout = match self.phase.get() {
            ConnectionState::Idle => self.options().idle_timeout,
            ConnectionState::Head => self.options().header_timeout,
            ConnectionState::Serving => {
                let late = self
                    .body_deadline_ms
                    .get()
                    .is_some_and(|deadline_ms| self.now_ms() >= deadline_ms);
                return if late { Verdict::WakeReader } else { Verdict::Keep };
            }
            ConnectionState::Closing => return Verdict::Keep,
        };
        self.judge_since(self.phase_since_ms.get(), timeout)
    }

    /// Whether answers of HTTP/2 wait for the client; notes since when nothing has moved.
    fn has_unread_answers(&self) -> bool {
        let (unread_bytes, taken) = self.unread_answers.progress();
        let moved = self.answers_taken.replace(taken) != taken;
        if moved || unread_bytes == 0 {
            self.answers_stand_since_ms.set(self.now_ms());
        }
        if moved && self.phase.get() == ConnectionState::Idle {
            self.phase_since_ms.set(self.now_ms());
        }
        unread_bytes > 0
    }

    fn judge_since(&self, since_ms: u64, timeout: Duration) -> Verdict {
        let timeout = if self.is_stopping() {
            timeout.min(STOP_PAUSE_MAX)
        } else {
            timeout
        };
        let limit_ms = u64::try_from((timeout + self.thread.tick).as_millis()).unwrap_or(u64::MAX);
        if self.now_ms() - since_ms > limit_ms {
            Verdict::Close
        } else {
            Verdict::Keep
        }
    }
}
