//! The rows of `bench/instructions.toml`, counted by callgrind. `cargo run --release -p satang-bench --bin instructions -- check` runs them
//! and holds them against the file; what each row is, and why its count repeats, stands in `counted`.
//!
//! What a function here returns is dropped outside of the count.

#![allow(
    missing_docs,
    reason = "gungraun's macros make public items of every function"
)]

use gungraun::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use satang_bench::counted::{self, CALLS, FRAME_LEN, REPLAY_LEN, Requests, Stage};
use satang_bench::discard::DiscardStorage;
use satang_bench::rig::NOON;
use satang_bench::workload::Workload;
use satang_core::decide::authorize::{CrossShardFacts, ResolvedPurchase, decide as decide_purchase};
use satang_core::record::{Authorization, RecordBuf};
use satang_core::request::{AuthorizationRequest, RegistrationRequest, ReversalRequest};
use satang_gateway::wire::{parse as read, render as write};
use satang_log::file::Layout;
use satang_log::storage::MemoryStorage;
use std::hint::black_box;
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type NoDisk = Stage<DiscardStorage>;
type Purchases = (NoDisk, Vec<AuthorizationRequest>);
type Records = (NoDisk, Vec<Authorization>);

fn purchases(len: usize) -> Purchases {
    let mut stage = Stage::at_noon();
    let requests = stage.next(len);
    (stage, requests)
}

/// An engine, and what another one, which is in the same state, decides next.
fn records(len: usize) -> Records {
    let (other, requests) = purchases(len);
    let records = requests.iter().map(|request| other.authorize(request)).collect();
    (Stage::at_noon(), records)
}

fn bodies() -> Vec<bytes::Bytes> {
    let bodies: Vec<_> = purchases(CALLS).1.iter().map(counted::body).collect();
    read::authorization(&bodies[0]).expect("a good body");
    bodies
}

fn with_cards(requests: fn(&mut Workload) -> Vec<AuthorizationRequest>) -> Purchases {
    let (stage, mut purchases) = Stage::with_cards();
    for request in requests(&mut purchases) {
        stage.authorize(&request);
    }
    (stage, requests(&mut purchases))
}

fn applicants() -> (NoDisk, Vec<RegistrationRequest>) {
    (Stage::in_the_morning(), counted::registrations(CALLS as u64))
}

fn returned() -> (Stage<MemoryStorage>, Vec<ReversalRequest>) {
    let (stage, originals) = Stage::on_a_virtual_disk(&Arc::default());
    (stage, counted::reversals(&originals))
}

fn written_disk() -> Arc<MemoryStorage> {
    let disk = Arc::default();
    Stage::on_a_virtual_disk(&disk);
    disk
}

#[library_benchmark]
#[bench::row(bodies())]
fn parse(bodies: Vec<bytes::Bytes>) -> Vec<bytes::Bytes> {
    for body in &bodies {
        _ = black_box(read::authorization(black_box(body)));
    }
    bodies
}

#[library_benchmark]
#[bench::row(purchases(CALLS))]
fn decide((stage, requests): Purchases) -> Purchases {
    let state = stage.rig.engine.state();
    let directory = state.directory.read();
    for AuthorizationRequest { purchase, .. } in &requests {
        let wallets = state.wallets[state.seed.wallet_shard(purchase.wallet)].lock();
        let numbered = ResolvedPurchase::new(&directory, purchase);
        _ = black_box(decide_purchase(
            &directory,
            &wallets,
            &CrossShardFacts::default(),
            &numbered,
            NOON,
        ));
    }
    drop(directory);
    (stage, requests)
}

#[library_benchmark]
#[bench::row(records(CALLS))]
fn apply((stage, records): Records) -> Records {
    let state = stage.rig.engine.state();
    for record in &records {
        let mut wallets = state.wallets[state.seed.wallet_shard(record.wallet())].lock();
        wallets.apply_authorization(black_box(record));
    }
    (stage, records)
}

fn append_each(stage: &NoDisk, records: &[RecordBuf]) {
    for record in records {
        let appending = stage.rig.engine.appender().begin(NOON, record.as_bytes().len());
        let mut appending = appending.expect("time stands still");
        _ = black_box(appending.push(record.as_bytes()));
    }
}

fn bytes_of(len: usize) -> (NoDisk, Vec<RecordBuf>) {
    let (stage, records) = records(len);
    let bytes = records.iter().map(|whole| RecordBuf::of(&whole.record)).collect();
    (stage, bytes)
}

#[library_benchmark]
#[bench::row(bytes_of(CALLS))]
fn append((stage, records): (NoDisk, Vec<RecordBuf>)) -> NoDisk {
    append_each(&stage, &records);
    stage
}

#[library_benchmark]
#[bench::row(bytes_of(CALLS))]
fn frame_of_1((mut stage, records): (NoDisk, Vec<RecordBuf>)) -> NoDisk {
    for record in records.chunks(1) {
        append_each(&stage, record);
        stage.flush();
    }
    stage
}

#[library_benchmark]
#[bench::row(bytes_of(FRAME_LEN))]
fn frame_of_64((mut stage, records): (NoDisk, Vec<RecordBuf>)) -> NoDisk {
    append_each(&stage, &records);
    stage.flush();
    stage
}

#[library_benchmark]
#[bench::row(records(CALLS))]
fn render((stage, records): Records) -> Records {
    let mut answer = Vec::with_capacity(512);
    for record in &records {
        answer.clear();
        write::authorization(black_box(record), &[], false, &mut answer);
        black_box(&answer);
    }
    (stage, records)
}

fn authorize_each((stage, requests): Purchases) -> Purchases {
    for request in &requests {
        _ = black_box(stage.rig.engine.authorize(black_box(request)));
    }
    (stage, requests)
}

#[library_benchmark]
#[bench::row(purchases(CALLS))]
fn authorize(purchases: Purchases) -> Purchases {
    authorize_each(purchases)
}

#[library_benchmark]
#[bench::row(with_cards(counted::exclusive))]
fn authorize_exclusive(purchases: Purchases) -> Purchases {
    authorize_each(purchases)
}

#[library_benchmark]
#[bench::row(with_cards(counted::household))]
fn authorize_household(purchases: Purchases) -> Purchases {
    authorize_each(purchases)
}

#[library_benchmark]
#[bench::row(purchases(counted::BATCH_LEN))]
fn authorize_batch((stage, requests): Purchases) -> Purchases {
    _ = black_box(stage.rig.engine.authorize_batch(black_box(&requests)));
    (stage, requests)
}

#[library_benchmark]
#[bench::row(returned())]
fn reverse(
    (stage, reversals): (Stage<MemoryStorage>, Vec<ReversalRequest>),
) -> (Stage<MemoryStorage>, Vec<ReversalRequest>) {
    for reversal in &reversals {
        _ = black_box(stage.rig.engine.reverse(black_box(reversal)));
    }
    (stage, reversals)
}

#[library_benchmark]
#[bench::row(applicants())]
fn register((stage, applicants): (NoDisk, Vec<RegistrationRequest>)) -> (NoDisk, Vec<RegistrationRequest>) {
    for applicant in &applicants {
        _ = black_box(stage.rig.engine.register(black_box(applicant)));
    }
    (stage, applicants)
}

#[library_benchmark]
#[bench::row(Requests::ready())]
fn request(mut requests: Requests) -> Requests {
    black_box(requests.answer());
    requests
}

#[library_benchmark]
#[bench::row(written_disk())]
fn replay_1000(disk: Arc<MemoryStorage>) -> Stage<MemoryStorage> {
    let stage = Stage::on(disk, Layout::DEFAULT, NOON);
    assert!(stage.rig.recovered.records as usize > REPLAY_LEN);
    stage
}

library_benchmark_group!(
    name = instructions,
    benchmarks = [
        parse,
        decide,
        apply,
        append,
        frame_of_1,
        frame_of_64,
        render,
        authorize,
        authorize_exclusive,
        authorize_household,
        authorize_batch,
        reverse,
        register,
        request,
        replay_1000,
    ]
);

main!(
    // Caches are not simulated: they are another machine's than the product's.
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = instructions
);
