//! From a finished record to a frame: appending to the group, and building and hashing the frame.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use satang_bench::discard::DiscardStorage;
use satang_bench::rig::{Enroll, NOON, Rig};
use satang_bench::workload::{Ids, Workload};
use satang_core::decide::authorize::{CrossShardFacts, ResolvedPurchase, decide};
use satang_core::record::RecordBuf;
use satang_engine::clock::Clock;
use std::hint::black_box;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Appends `records` times, `at_once` under one hold of the append lock, and writes in between, untimed.
fn append(rig: &mut Rig<DiscardStorage>, record: &[u8], records: u64, at_once: u64) -> Duration {
    let mut took = Duration::ZERO;
    for start in (0..records).step_by(10_000) {
        let end = records.min(start + 10_000);
        let at = rig.engine.clock().now().expect("a clock");
        let started = Instant::now();
        for first in (start..end).step_by(at_once as usize) {
            let len = at_once.min(end - first) as usize;
            let appending = rig.engine.appender().begin(at, len * record.len());
            let mut appending = appending.expect("the clock does not go back");
            for _ in 0..len {
                black_box(appending.push(record));
            }
        }
        took += started.elapsed();
        rig.flush().expect("no disk, no failure");
    }
    took
}

fn appends(criterion: &mut Criterion) {
    let mut rig = Rig::prepared(DiscardStorage, 10, 10, Enroll::Direct, 0).expect("a rig on no disk");
    let request = Workload::new(1, Ids::V7, 10, 10).next(NOON);
    let record = {
        let state = rig.engine.state();
        let wallets = state.wallets[state.seed.wallet_shard(request.purchase.wallet)].lock();
        let directory = state.directory.read();
        let numbered = ResolvedPurchase::new(&directory, &request.purchase);
        let verdict = decide(&directory, &wallets, &CrossShardFacts::default(), &numbered, NOON);
        RecordBuf::of(
            &verdict
                .record(request.txn_id, &request.purchase, NOON, None)
                .record,
        )
    };
    let mut group = criterion.benchmark_group("append");
    group.throughput(Throughput::Elements(1));
    for at_once in [1, 1_000] {
        group.bench_function(format!("{at_once} under one lock"), |bencher| {
            bencher.iter_custom(|records| append(&mut rig, record.as_bytes(), records, at_once));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("frame, built and hashed");
    for records in [1u64, 64, 1_000, 10_000] {
        group.throughput(Throughput::Bytes(records * record.as_bytes().len() as u64));
        group.bench_function(format!("{records} records"), |bencher| {
            bencher.iter_custom(|frames| {
                let mut took = Duration::ZERO;
                for _ in 0..frames {
                    let at = rig.engine.clock().now().expect("a clock");
                    let bytes = record.as_bytes();
                    let appending = rig.engine.appender().begin(at, records as usize * bytes.len());
                    let mut appending = appending.expect("the clock does not go back");
                    (0..records).for_each(|_| _ = appending.push(bytes));
                    drop(appending);
                    let started = Instant::now();
                    rig.flush().expect("no disk, no failure");
                    took += started.elapsed();
                }
                took
            });
        });
    }
    group.finish();
}

criterion_group!(benches, appends);
criterion_main!(benches);
