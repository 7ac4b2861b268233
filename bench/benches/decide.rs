//! The parts of a decision, and the whole of it without I/O.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use satang_bench::discard::DiscardStorage;
use satang_bench::rig::{Enroll, HASH_SEED, NOON, Rig};
use satang_bench::workload::{Ids, Workload, wallet};
use satang_core::decide::authorize::{CrossShardFacts, ResolvedPurchase, decide};
use satang_core::record::{Authorization, AuthorizationRecord, Extension, RecordBuf};
use satang_core::request::AuthorizationRequest;
use satang_core::state::dedup::IdShard;
use satang_core::state::hash::HashSeed;
use satang_engine::clock::Clock;
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// More than the caches hold.
const WALLETS: u64 = 4_000_000;
const MERCHANTS: u64 = 1_000_000;

fn requests(wallets: u64, merchants: u64, len: usize) -> Vec<AuthorizationRequest> {
    let mut workload = Workload::new(1, Ids::V7, wallets, merchants);
    (0..len).map(|_| workload.next(NOON)).collect()
}

fn rig() -> Rig<DiscardStorage> {
    Rig::prepared(DiscardStorage, WALLETS, MERCHANTS, Enroll::Direct, 0).expect("a rig on no disk")
}

fn decisions(criterion: &mut Criterion) {
    let rig = rig();
    let state = rig.engine.state();
    let directory = state.directory.read();
    let mut group = criterion.benchmark_group("decide");
    for (name, wallets, merchants) in [("warm", 1, 1), ("random", WALLETS, MERCHANTS)] {
        let requests = requests(wallets, merchants, 1 << 20);
        let mut next = requests.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let purchase = &next.next().expect("a cycle").purchase;
                let wallets = state.wallets[state.seed.wallet_shard(purchase.wallet)].lock();
                let numbered = ResolvedPurchase::new(&directory, purchase);
                black_box(decide(
                    &directory,
                    &wallets,
                    &CrossShardFacts::default(),
                    &numbered,
                    NOON,
                ))
            });
        });
    }
    group.finish();
    let requests = requests(1, 1, 1);
    let shard = &state.wallets[state.seed.wallet_shard(wallet(0))];
    let verdict = decide(
        &directory,
        &shard.lock(),
        &CrossShardFacts::default(),
        &ResolvedPurchase::new(&directory, &requests[0].purchase),
        NOON,
    );
    let record = verdict
        .record(requests[0].txn_id, &requests[0].purchase, NOON, None)
        .record;
    criterion.bench_function("apply/warm", |bencher| {
        let mut wallets = shard.lock();
        let whole = Authorization {
            record,
            extension: Extension::NONE,
        };
        bencher.iter(|| wallets.apply_authorization(black_box(&whole)));
    });
    criterion.bench_function("record/make", |bencher| {
        bencher.iter(|| {
            let record: AuthorizationRecord = verdict
                .record(black_box(requests[0].txn_id), &requests[0].purchase, NOON, None)
                .record;
            black_box(record)
        });
    });
    criterion.bench_function("record/encode", |bencher| {
        bencher.iter(|| black_box(RecordBuf::of(black_box(&record))));
    });
}

fn ids(criterion: &mut Criterion) {
    let requests = requests(1, 1, 1 << 20);
    let seed = HashSeed::from_bytes(HASH_SEED);
    let of_one_shard: Vec<_> = requests
        .iter()
        .map(|request| request.txn_id)
        .filter(|id| seed.txn_shard(*id) == 0)
        .collect();
    let fill = |mut shard: IdShard| {
        for (index, id) in of_one_shard.iter().enumerate() {
            shard.insert_txn(index as u64, *id, false);
        }
        shard
    };
    let mut group = criterion.benchmark_group("ids");
    group.throughput(Throughput::Elements(of_one_shard.len() as u64));
    let roomy = || IdShard::with_room_for(seed, of_one_shard.len());
    group.bench_function("insert", |bencher| {
        bencher.iter_batched(roomy, fill, BatchSize::LargeInput);
    });
    group.bench_function("insert, the table growing from nothing", |bencher| {
        bencher.iter_batched(|| IdShard::new(seed), fill, BatchSize::LargeInput);
    });
    let full = fill(IdShard::new(seed));
    group.bench_function("look up", |bencher| {
        bencher.iter(|| of_one_shard.iter().for_each(|id| _ = black_box(full.txn(*id))));
    });
    group.finish();
}

fn engine(criterion: &mut Criterion) {
    let mut rig = rig();
    let mut workload = Workload::new(2, Ids::V7, WALLETS, MERCHANTS);
    let mut group = criterion.benchmark_group("engine, no I/O");
    group.bench_function("authorize", |bencher| {
        bencher.iter_custom(|times| {
            let mut took = std::time::Duration::ZERO;
            for start in (0..times).step_by(64) {
                let at = rig.engine.clock().now().expect("a clock");
                let requests: Vec<_> = (start..times.min(start + 64))
                    .map(|_| workload.next(at))
                    .collect();
                let started = std::time::Instant::now();
                for request in &requests {
                    _ = black_box(rig.engine.authorize(request).expect("a decision"));
                }
                took += started.elapsed();
                rig.flush().expect("no disk, no failure");
            }
            took
        });
    });
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("authorize_batch of 1,000", |bencher| {
        let mut requests = Vec::new();
        bencher.iter_custom(|times| {
            let mut took = std::time::Duration::ZERO;
            for _ in 0..times {
                workload.fill(&mut requests, 1_000, rig.engine.clock().now().expect("a clock"));
                let started = std::time::Instant::now();
                _ = black_box(rig.engine.authorize_batch(&requests).expect("a decision"));
                took += started.elapsed();
                rig.flush().expect("no disk, no failure");
            }
            took
        });
    });
    group.finish();
}

criterion_group!(benches, decisions, ids, engine);
criterion_main!(benches);
