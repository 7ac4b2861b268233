//! Snapshots that are asked for while something is wrong: an answer each, and nothing is lost.

use super::{Api, App, Metrics, WholeBody};
use crate::programs::ProgramSource;
use crate::server::Response;
use http::{HeaderMap, Method};
use satang_core::calendar::Instant;
use satang_core::ids::WalletId;
use satang_core::record::Status;
use satang_engine::clock::{AnyClock, SimulatedClock};
use satang_engine::maintenance::SnapshotRule;
use satang_engine::persons::CitizenKey;
use satang_engine::recovery::open::{EngineOptions, Expected, Opened, open};
use satang_log::commit::{Pacing, Unobserved};
use satang_log::file::Layout;
use satang_log::storage::MemoryStorage;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

pub(super) struct Service {
    pub(super) storage: Arc<MemoryStorage>,
    pub(super) opened: Opened<MemoryStorage, AnyClock>,
    pub(super) api: Api<MemoryStorage>,
}

impl Service {
    pub(super) fn start() -> Service {
        Service::with_programs(ProgramSource::new(|| Ok(Vec::new())))
    }

    pub(super) fn with_programs(programs: ProgramSource) -> Service {
        let storage = Arc::new(MemoryStorage::default());
        let noon = Instant::parse("2026-06-15T12:00:00+07:00").unwrap();
        let options = EngineOptions {
            layout: Layout {
                segment_bytes: 64 << 10,
                group_bytes_max: 16 << 10,
            },
            citizen_key: CitizenKey::from_bytes([1; 32]),
            pacing: Pacing::DEFAULT,
            accept_clock: None,
            expected: Expected::default(),
            snapshots: SnapshotRule::DEFAULT,
            hash_seed: Some([1; 16]),
            observer: Arc::new(Unobserved),
        };
        let clock = AnyClock::Simulated(SimulatedClock::standing_at(noon));
        let opened = open(&storage, clock, options, &mut |_, _| {}).unwrap();
        let app = App::starting(Arc::new(Metrics::new()), Arc::new(programs));
        app.ready(opened.engine.clone(), opened.maintenance.clone());
        let api = Api::new(app, |_| {});
        Service { storage, opened, api }
    }

    /// Something that is not durable yet.
    fn record(&self) {
        let wallet = WalletId::from_number(1);
        self.opened
            .engine
            .set_wallet_status(wallet, Status::Active, "", None)
            .unwrap();
    }
}

fn request(api: &Api<MemoryStorage>) -> impl Future<Output = Response> {
    api.respond(&Method::POST, "/v1/snapshots", &EMPTY, WholeBody(None))
}

static EMPTY: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);

/// Waits for the thread that takes the snapshot.
fn answer(request: impl Future<Output = Response>) -> (u16, serde_json::Value) {
    let mut request = pin!(request);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(response) = request.as_mut().poll(&mut context) {
            let body = serde_json::from_slice(&response.body).unwrap();
            return (response.status.as_u16(), body);
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_full_disk_is_told_and_the_next_snapshot_is_taken() {
    let service = Service::start();
    service.storage.fill_after(100);
    let (status, problem) = answer(request(&service.api));
    assert_eq!(
        (status, problem["code"].as_str()),
        (503, Some("disk_full")),
        "{problem}"
    );
    service.storage.make_room();
    let (status, taken) = answer(request(&service.api));
    assert_eq!((status, taken["sequence"].as_u64()), (200, Some(0)), "{taken}");
}

#[test]
fn a_broken_disk_is_told() {
    let service = Service::start();
    service.storage.break_after(10);
    let (status, problem) = answer(request(&service.api));
    assert_eq!(
        (status, problem["code"].as_str()),
        (503, Some("snapshot_failed")),
        "{problem}"
    );
}

#[test]
fn a_failed_journal_is_told() {
    let mut service = Service::start();
    service.record();
    service.storage.break_after(0);
    assert!(service.opened.committer.step().is_err());
    service.storage.mend();
    let (status, problem) = answer(request(&service.api));
    assert_eq!(
        (status, problem["code"].as_str()),
        (503, Some("storage_failed")),
        "{problem}"
    );
}

/// The thread of the I/O is free while a snapshot waits for the disk; a second one is refused, so that threads have a bound.
#[test]
fn one_snapshot_is_taken_at_a_time() {
    let mut service = Service::start();
    service.record();
    let mut first = pin!(request(&service.api));
    let mut context = Context::from_waker(Waker::noop());
    assert!(
        first.as_mut().poll(&mut context).is_pending(),
        "its record is not durable"
    );
    let (status, problem) = answer(request(&service.api));
    assert_eq!(
        (status, problem["code"].as_str()),
        (503, Some("snapshot_being_taken")),
        "{problem}"
    );
    assert!(service.opened.committer.step().unwrap());
    let (status, taken) = answer(first);
    assert_eq!((status, taken["sequence"].as_u64()), (200, Some(1)), "{taken}");
    assert_eq!(answer(request(&service.api)).0, 200);
}
