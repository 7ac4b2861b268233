//! One sender thread: its connections, its part of the schedule, an epoll set and a timer.
//!
//! A hand-made loop rather than an async runtime: its timer is exact to microseconds, where tokio's is to a
//! millisecond, and it costs one write and one read per request, so that the server keeps the cores.

use crate::answer::Scanner;
use crate::binary;
use crate::connection::{Connection, InFlight, Progress, RECONNECT_WAIT_NS, State, What};
use crate::http1::{JSON, Response, push_post};
use crate::ids::IdSource;
use crate::judge::Judge;
use crate::pacing::{Next, Pacer};
use crate::plan::{Plan, WireForm};
use crate::registration::Registrar;
use crate::stats::{Answered, Seen, Stats};
use crate::workload::{Generator, Kind, Purchase, Registration, Request};
use rustix::event::{Timespec, epoll};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

const TIMER: u64 = u64::MAX;
const EVENTS_MAX: usize = 256;
/// How long the handshakes before a run may take.
const CONNECT_WAIT_NS_MAX: u64 = 2_000_000_000;

pub(crate) struct Worker<'a> {
    plan: &'a Plan,
    started: Instant,
    warmup_ns: u64,
    deadline_ns: u64,
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    timer: OwnedFd,
    armed_ns: u64,
    connections: Vec<Connection>,
    idle: VecDeque<usize>,
    dead_count: usize,
    busy_count: usize,
    finished: bool,
    pacer: Pacer,
    generator: Generator,
    registrar: Option<Registrar<'a>>,
    judge: Judge<'a>,
    path: Vec<u8>,
    body: Vec<u8>,
    batch: Vec<Purchase>,
    registrations: Vec<Registration>,
    built: Option<What>,
    seen: Seen,
}

impl<'a> Worker<'a> {
    /// Thread number `thread` of the plan, which takes its people from `next_person`. Its clock begins with [`run`](Self::run).
    pub fn new(plan: &'a Plan, thread: usize, next_person: &'a AtomicU64) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )?;
        epoll::add(
            &epoll,
            &timer,
            epoll::EventData::new_u64(TIMER),
            epoll::EventFlags::IN | epoll::EventFlags::ET,
        )?;
        let count = plan.connections / plan.threads + usize::from(thread < plan.connections % plan.threads);
        let duration_ns = plan.duration.as_nanos() as u64;
        let (thread, threads) = (thread as u64, plan.threads as u64);
        let ids = IdSource::new(plan.ids, plan.id_seed, thread);
        let registrar = plan
            .people
            .map(|people| Registrar::new(people, next_person, ids.clone()));
        Ok(Worker {
            plan,
            started: Instant::now(),
            warmup_ns: plan.warmup.as_nanos() as u64,
            deadline_ns: duration_ns + plan.drain.as_nanos() as u64,
            epoll,
            events: Vec::with_capacity(EVENTS_MAX),
            timer,
            armed_ns: u64::MAX,
            connections: (0..count).map(|_| Connection::new()).collect(),
            idle: VecDeque::with_capacity(count),
            dead_count: count,
            busy_count: 0,
            finished: false,
            pacer: Pacer::new(plan.load, duration_ns, thread, threads, plan.seed),
            generator: Generator::new(plan.workload.clone(), plan.mix, plan.seed, thread, ids),
            registrar,
            judge: Judge {
                plan,
                scanner: Scanner::default(),
            },
            path: Vec::new(),
            body: Vec::new(),
            batch: Vec::new(),
            registrations: Vec::new(),
            built: None,
            seen: Seen::default(),
        })
    }

    /// Opens the connections before the clock begins: handshakes are not what is measured. A server that refuses
    /// or does not answer is met again in [`run`](Self::run), where it counts.
    pub fn connect(&mut self) -> io::Result<()> {
        self.started = Instant::now();
        self.reconnect(0);
        while self.dead_count == 0 && self.idle.len() < self.connections.len() {
            if self.now_ns() >= CONNECT_WAIT_NS_MAX {
                break;
            }
            self.arm(CONNECT_WAIT_NS_MAX)?;
            self.wait()?;
        }
        for connection in &mut self.connections {
            if let State::Dead { retry_at_ns } = &mut connection.state {
                *retry_at_ns = 0;
            }
        }
        self.armed_ns = u64::MAX;
        Ok(())
    }

    /// Sends the thread's part of the load and returns what came back; the instants of the plan count from
    /// `started`.
    pub fn run(mut self, started: Instant) -> io::Result<Seen> {
        self.started = started;
        loop {
            let now_ns = self.now_ns();
            if now_ns >= self.deadline_ns {
                self.give_up(now_ns);
                return Ok(self.seen);
            }
            let reconnect_ns = self.reconnect(now_ns);
            let due_ns = self.send_due();
            if self.finished && self.busy_count == 0 {
                return Ok(self.seen);
            }
            if due_ns != u64::MAX && self.built.is_none() {
                // Built while nothing is due: what a large batch takes to write is not the server's latency.
                self.built = self.build(due_ns);
            }
            self.arm(due_ns.min(reconnect_ns).min(self.deadline_ns))?;
            self.wait()?;
        }
    }

    /// Waits for a socket or the timer, and handles what is ready.
    fn wait(&mut self) -> io::Result<()> {
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            if event.data.u64() == TIMER {
                self.armed_ns = u64::MAX;
            } else {
                self.event(event.data.u64() as usize, event.flags);
            }
        }
        self.events = events;
        Ok(())
    }

    fn now_ns(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// Sets the timer to an instant of the run, unless it is set to it already.
    fn arm(&mut self, at_ns: u64) -> io::Result<()> {
        if at_ns == self.armed_ns {
            return Ok(());
        }
        self.armed_ns = at_ns;
        // A timer of 0 would be off; what is due already fires after 1 ns.
        let wait_ns = at_ns.saturating_sub(self.now_ns()).max(1);
        let it_value = Timespec {
            tv_sec: (wait_ns / 1_000_000_000) as i64,
            tv_nsec: (wait_ns % 1_000_000_000) as i64,
        };
        let once = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }

    /// Opens dead connections whose wait is over; returns when the next one's is.
    fn reconnect(&mut self, now_ns: u64) -> u64 {
        let mut next_ns = u64::MAX;
        if self.dead_count == 0 {
            return next_ns;
        }
        for (index, connection) in self.connections.iter_mut().enumerate() {
            let State::Dead { retry_at_ns } = connection.state else {
                continue;
            };
            if retry_at_ns > now_ns {
                next_ns = next_ns.min(retry_at_ns);
            } else if connection
                .open(self.plan.target.address, &self.epoll, index as u64)
                .is_ok()
            {
                self.dead_count -= 1;
            } else {
                connection.close(now_ns + RECONNECT_WAIT_NS);
                next_ns = next_ns.min(now_ns + RECONNECT_WAIT_NS);
            }
        }
        next_ns
    }

    /// Sends everything that is due while a connection is free; returns when the next request is due.
    fn send_due(&mut self) -> u64 {
        while !self.finished
            && let Some(index) = self.idle.pop_front()
        {
            if self.connections[index].state != State::Idle {
                continue; // It was lost while it waited here.
            }
            let now_ns = self.now_ns();
            match self.pacer.next(now_ns) {
                Next::Send { intended_ns } => self.send(index, intended_ns, now_ns),
                Next::WaitUntil { at_ns } => {
                    self.idle.push_front(index);
                    return at_ns;
                }
                Next::Finished => {
                    self.finished = true;
                    return u64::MAX;
                }
            }
        }
        u64::MAX
    }

    /// Writes the next request's path and body; `None` when everybody has asked.
    fn build(&mut self, now_ns: u64) -> Option<What> {
        let unix_ms = self.plan.id_base_unix_ms + now_ns / 1_000_000;
        match self.registrar {
            Some(_) => self.build_registrations(unix_ms),
            None => Some(self.build_purchases(unix_ms)),
        }
    }

    fn build_registrations(&mut self, unix_ms: u64) -> Option<What> {
        let registrar = self.registrar.as_mut()?;
        registrar.fill(&mut self.registrations, self.plan.batch_len as u64, unix_ms);
        if !self.plan.is_batched() {
            let request = Request::Registration(*self.registrations.first()?);
            self.generator.write(&request, &mut self.path, &mut self.body);
            return Some(What::One(request));
        }
        if self.registrations.is_empty() {
            return None;
        }
        self.path.clear();
        self.path.extend_from_slice(b"/v1/registrations/batch");
        self.body.clear();
        let workload = self.generator.workload();
        workload.push_registrations(&mut self.body, &self.registrations);
        Some(What::Batch {
            kind: Kind::Registration,
            len: self.registrations.len() as u64,
        })
    }

    fn build_purchases(&mut self, unix_ms: u64) -> What {
        if !self.plan.is_batched() {
            let request = self.generator.request(unix_ms);
            self.generator.write(&request, &mut self.path, &mut self.body);
            What::One(request)
        } else {
            self.batch.clear();
            self.batch
                .extend((0..self.plan.batch_len).map(|_| self.generator.purchase(unix_ms)));
            self.path.clear();
            self.path.extend_from_slice(b"/v1/authorizations/batch");
            self.body.clear();
            let workload = self.generator.workload();
            match self.plan.wire {
                WireForm::Json => workload.push_batch(&mut self.body, &self.batch),
                WireForm::Binary => binary::push_batch(&mut self.body, workload, &self.batch),
            }
            What::Batch {
                kind: Kind::Authorization,
                len: self.plan.batch_len as u64,
            }
        }
    }

    fn send(&mut self, index: usize, intended_ns: u64, now_ns: u64) {
        let Some(what) = self.built.take().or_else(|| self.build(now_ns)) else {
            self.finished = true;
            return;
        };
        let connection = &mut self.connections[index];
        push_post(
            connection.out(),
            &self.path,
            &self.plan.target.header_lines,
            match self.plan.wire {
                WireForm::Json => JSON,
                WireForm::Binary => binary::CONTENT_TYPE,
            },
            &self.body,
        );
        if let What::Batch { kind, .. } = what {
            connection.batch_ids.clear();
            match kind {
                Kind::Registration => connection
                    .batch_ids
                    .extend(self.registrations.iter().map(|one| one.registration_id)),
                Kind::Authorization | Kind::Quote | Kind::Reversal | Kind::Retry => connection
                    .batch_ids
                    .extend(self.batch.iter().map(|one| one.txn_id)),
            }
        }
        stats_of(&mut self.seen, self.warmup_ns, intended_ns).sent(what.kind(), what.elements());
        self.busy_count += 1;
        // Read again: what building the request took belongs to the generator, not to the server.
        let sent_ns = self.started.elapsed().as_nanos() as u64;
        if let Progress::Lost(cause) = connection.send(InFlight {
            what,
            intended_ns,
            sent_ns,
        }) {
            self.lost(index, cause);
        }
    }

    fn event(&mut self, index: usize, flags: epoll::EventFlags) {
        match self.connections[index].event(flags) {
            Progress::None => {}
            Progress::Connected => self.idle.push_back(index),
            Progress::Lost(cause) => self.lost(index, cause),
            Progress::Answer(response) => {
                self.answer(index, response);
                self.send_due();
            }
        }
    }

    fn lost(&mut self, index: usize, cause: &'static str) {
        let now_ns = self.now_ns();
        let connection = &mut self.connections[index];
        match (connection.in_flight, &connection.state) {
            (Some(InFlight { intended_ns, .. }), _) => {
                self.busy_count -= 1;
                stats_of(&mut self.seen, self.warmup_ns, intended_ns)
                    .lost(cause, now_ns.saturating_sub(intended_ns));
            }
            // A failed handshake carries no request; it is counted, so that a refusing server is seen.
            (None, State::Connecting) => self.seen.counted.connect_failures += 1,
            // A server may close a connection that waits; nothing was lost.
            (None, _) => {}
        }
        connection.close(now_ns + RECONNECT_WAIT_NS);
        self.dead_count += 1;
    }

    fn answer(&mut self, index: usize, response: Response) {
        let done_ns = self.now_ns();
        let connection = &mut self.connections[index];
        let InFlight {
            what,
            intended_ns,
            sent_ns,
        } = connection
            .in_flight
            .expect("an answer belongs to a request in flight");
        let body = connection.body(response);
        let stats = stats_of(&mut self.seen, self.warmup_ns, intended_ns);
        let times = Answered {
            intended_ns,
            sent_ns,
            done_ns,
        };
        stats.answered(what.kind(), times, response.status);
        if response.status == 200 {
            self.judge
                .read(stats, &mut self.generator, what, &connection.batch_ids, body);
        } else {
            stats.refused(response.status, body);
        }
        self.busy_count -= 1;
        if connection.consume(response) && !response.close {
            self.idle.push_back(index);
        } else {
            connection.close(done_ns);
            self.dead_count += 1;
        }
    }

    /// The drain is over: what is in flight is lost, what never left was not sent; both count with their age.
    fn give_up(&mut self, now_ns: u64) {
        let in_flight = self
            .connections
            .iter()
            .filter_map(|connection| connection.in_flight);
        for InFlight { intended_ns, .. } in in_flight {
            stats_of(&mut self.seen, self.warmup_ns, intended_ns).lost(
                "no answer until the end of the run",
                now_ns.saturating_sub(intended_ns),
            );
        }
        // Where everybody has asked, what is left of the schedule was never due.
        while !self.finished
            && let Next::Send { intended_ns } = self.pacer.next(now_ns)
            && self.has_another(now_ns)
        {
            stats_of(&mut self.seen, self.warmup_ns, intended_ns)
                .not_sent(now_ns.saturating_sub(intended_ns));
        }
    }

    /// Takes the next request without sending it: purchases never run out, people do.
    fn has_another(&mut self, now_ns: u64) -> bool {
        self.registrar.is_none() || self.built.take().is_some() || self.build(now_ns).is_some()
    }
}

/// The counts that a request due at this instant belongs to.
fn stats_of(seen: &mut Seen, warmup_ns: u64, intended_ns: u64) -> &mut Stats {
    match intended_ns >= warmup_ns {
        true => &mut seen.counted,
        false => &mut seen.warmup,
    }
}
