//! The product in this process: real wire, routes, core, journal, dedup and recovery, on a virtual disk and a clock that stands
//! still. Only sockets and threads are missing.

use crate::campaign::System;
use crate::oracle::calendar::Instant as ModelInstant;
use crate::process::PATIENCE;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use satang_audit::verify::{Derived, VerifyOptions, verify_storage};
use satang_core::calendar::Instant;
use satang_engine::clock::{AnyClock, Clock as _, SimulatedClock};
use satang_engine::maintenance::SnapshotRule;
use satang_engine::persons::CitizenKey;
use satang_engine::recovery::open::{EngineOptions, Expected, open};
use satang_gateway::app::{Api, App, Metrics, WholeBody};
use satang_gateway::engine::{GatewayEngine, GatewayMaintenance};
use satang_gateway::programs::ProgramSource;
use satang_log::commit::{Committer, Pacing, Unobserved};
use satang_log::file::{FileLog, Layout};
use satang_log::storage::MemoryStorage;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant as Moment;

/// The programme files, as whoever reads them finds them.
type Files = Arc<Mutex<Vec<(String, String)>>>;

/// Small segments, so that every episode crosses many borders.
const LAYOUT: Layout = Layout {
    segment_bytes: 128 << 10,
    group_bytes_max: 64 << 10,
};

/// The product over a virtual disk.
pub struct InProcess {
    storage: Arc<MemoryStorage>,
    programmes: Files,
    engine: Arc<GatewayEngine<MemoryStorage>>,
    committer: Committer<FileLog<MemoryStorage>>,
    maintenance: Arc<GatewayMaintenance<MemoryStorage>>,
    api: Api<MemoryStorage>,
    restarts: u64,
}

impl InProcess {
    /// The product with fresh state, these programme files and the clock at `start`.
    ///
    /// # Panics
    /// When it does not start: the caller made the files.
    pub fn new(programmes: &[(String, String)], start: &str) -> InProcess {
        let at = Instant::parse(start).expect("an instant");
        InProcess::on(MemoryStorage::default(), programmes, at, 0, None)
    }

    fn on(
        storage: MemoryStorage,
        programmes: &[(String, String)],
        at: Instant,
        restarts: u64,
        digest: Option<u64>,
    ) -> InProcess {
        let storage = Arc::new(storage);
        let options = EngineOptions {
            layout: LAYOUT,
            citizen_key: CitizenKey::from_bytes([42; 32]),
            pacing: Pacing::DEFAULT,
            accept_clock: None,
            expected: Expected::default(),
            snapshots: SnapshotRule::DEFAULT,
            hash_seed: Some([42; 16]),
            observer: Arc::new(Unobserved),
        };
        let clock = AnyClock::Simulated(SimulatedClock::standing_at(at));
        let opened = open(&storage, clock, options, &mut |_, _| {}).expect("the journal is good");
        let (engine, mut committer, maintenance) = (opened.engine, opened.committer, opened.maintenance);
        assert!(
            digest.is_none_or(|before| engine.state().digest() == before),
            "I2: the replayed state differs"
        );
        engine
            .activate_programs(programmes, None)
            .expect("the files are good");
        while committer.step().expect("a virtual disk does not fail") {}
        let programmes: Files = Arc::new(Mutex::new(programmes.to_vec()));
        let app = App::starting(Arc::new(Metrics::new()), source(&programmes));
        app.ready(engine.clone(), maintenance.clone());
        // Nobody dispatches: this thread polls the one request there is until its record is durable.
        let api = Api::new(app, |_| {});
        InProcess {
            storage,
            programmes,
            engine,
            committer,
            maintenance,
            api,
            restarts,
        }
    }

    /// Sends a body of any content type; the answer's status, content type and body.
    ///
    /// # Panics
    /// When the request waits for nothing.
    pub fn call_typed(
        &mut self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> (u16, &'static str, Vec<u8>) {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let content_type = HeaderValue::from_str(content_type).expect("a header value");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type)]);
        let body = WholeBody(Some(Bytes::copy_from_slice(body)));
        let mut answer = pin!(self.api.respond(&method, path, &headers, body));
        let woken = Arc::new(Woken::by_others());
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        let response = loop {
            match answer.as_mut().poll(&mut context) {
                Poll::Ready(response) => break response,
                Poll::Pending => {
                    if !self.committer.step().expect("a virtual disk does not fail") {
                        woken.wait();
                    }
                }
            }
        };
        (
            response.status.as_u16(),
            response.content_type,
            response.body.to_vec(),
        )
    }
}

/// The thread of a request that waits for another thread: for entries that are deleted, or money that is counted.
struct Woken {
    sleeper: Thread,
    woken: AtomicBool,
}

impl Woken {
    fn by_others() -> Woken {
        Woken {
            sleeper: thread::current(),
            woken: AtomicBool::new(false),
        }
    }

    fn wait(&self) {
        let begun = Moment::now();
        while !self.woken.swap(false, Ordering::AcqRel) {
            assert!(begun.elapsed() < PATIENCE, "a request waits for nothing");
            thread::park_timeout(PATIENCE);
        }
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.sleeper.unpark();
    }
}

/// The files as they stand each time they are read.
fn source(programmes: &Files) -> Arc<ProgramSource> {
    let files = programmes.clone();
    Arc::new(ProgramSource::new(move || Ok(read(&files))))
}

fn read(programmes: &Files) -> Vec<(String, String)> {
    programmes.lock().expect("no reader panics").clone()
}

impl System for InProcess {
    fn call(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        let (status, _, body) = self.call_typed(method, path, "application/json", body.as_bytes());
        (status, String::from_utf8(body).expect("answers are text"))
    }

    fn restart(&mut self) {
        let at = self.engine.now().expect("a simulated clock");
        let programmes = read(&self.programmes);
        self.start_again(&programmes, at);
    }

    fn reload(&mut self, programmes: &[(String, String)]) -> (u16, String) {
        *self.programmes.lock().expect("no reader panics") = programmes.to_vec();
        self.call("POST", "/v1/programs/reload", "")
    }

    fn restart_with(&mut self, programmes: &[(String, String)], now: ModelInstant) {
        self.start_again(programmes, Instant::from_unix_ms(now.0));
    }
}

impl InProcess {
    /// A copy of the disk as it is, with everything on it that was written.
    pub fn disk(&self) -> MemoryStorage {
        self.storage.copy()
    }

    /// Loses power and starts again with these files.
    fn start_again(&mut self, programmes: &[(String, String)], at: Instant) {
        self.restarts += 1;
        if self.restarts.is_multiple_of(2) {
            self.committer.cover().expect("a virtual disk does not fail");
        }
        // A start goes on from a snapshot, or from the journal with or without the index files of old dates.
        match self.restarts % 3 {
            0 => {
                // A snapshot waits for the last record, and nobody asked for the one that closes a date to be durable.
                while self.committer.step().expect("a virtual disk does not fail") {}
                _ = self.maintenance.snapshot().expect("a virtual disk does not fail");
            }
            1 => _ = self.maintenance.tidy_ids().expect("a virtual disk does not fail"),
            _ => {}
        }
        // The power goes: of what was not flushed, every other page survives. Everything answered was flushed.
        let mut kept = self.restarts.is_multiple_of(3);
        let disk = self.storage.lose_power(|| {
            kept = !kept;
            kept
        });
        // As a start leaves them.
        self.maintenance.tidy_ids().expect("a virtual disk does not fail");
        let before = self.engine.state().digest();
        if self.restarts.is_multiple_of(2) {
            verify(&disk, before);
        }
        *self = InProcess::on(disk, programmes, at, self.restarts, Some(before));
        assert_eq!(
            self.engine.clock().now(),
            Ok(at),
            "the clock goes on where it is set"
        );
    }
}

/// I3: what lies on a disk is decided again, and comes to the state whose digest is known.
fn verify(disk: &MemoryStorage, digest: u64) {
    let derived = Derived::list(disk).expect("a virtual disk does not fail");
    let (disk, work) = (Arc::new(disk.copy()), MemoryStorage::default());
    let options = VerifyOptions::default();
    let report =
        verify_storage(&disk, &derived, &work, &options, &mut |_, _| {}).expect("there is a journal");
    assert_eq!(report.mismatches, [], "I3");
    assert!(report.damage.is_none(), "{:?}", report.damage);
    assert_eq!(
        report.digest, digest,
        "I2: what was decided again is another state"
    );
}
