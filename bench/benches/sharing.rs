//! What two threads cost each other: at the lock of the directory, at counters, at the table of callers, at a bounded channel.
//! Each as it was and as it is, in turn, in one run (docs/adr/0022-the-orders-packages.md).

use criterion::{Criterion, criterion_group, criterion_main};
use crossbeam::sync::ShardedLock;
use crossbeam::utils::CachePadded;
use dashmap::DashMap;
use parking_lot::{Mutex, RwLock};
use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// So few calls that the threads run side by side from the first to the last, also on a machine that has other work.
const CALLS_AT_ONCE: u64 = 10_000;

/// The processor time of `times` calls of `work` on each of `threads` threads, of the slowest thread.
fn on_threads(threads: usize, times: u64, work: impl Fn(usize) + Sync) -> Duration {
    let (work, arrived) = (&work, &AtomicUsize::new(0));
    let run = move |thread: usize| {
        let mut took = Duration::ZERO;
        for (round, first) in (0..times).step_by(CALLS_AT_ONCE as usize).enumerate() {
            arrived.fetch_add(1, SeqCst);
            while arrived.load(SeqCst) < threads * (round + 1) {
                std::hint::spin_loop();
            }
            let started = processor_time();
            (first..times.min(first + CALLS_AT_ONCE)).for_each(|_| work(thread));
            took += processor_time() - started;
        }
        took
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || run(thread)))
            .collect();
        let took = threads.into_iter().map(|thread| thread.join().expect("no panic"));
        took.max().expect("a thread")
    })
}

/// What the calling thread has had of a processor so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn compare(
    criterion: &mut Criterion,
    name: &str,
    threads: &[usize],
    before: (&str, impl Fn(usize) + Sync),
    after: (&str, impl Fn(usize) + Sync),
) {
    let mut group = criterion.benchmark_group(name);
    for &count in threads {
        let words = |of: &str| format!("{of}, {count} threads");
        group.bench_function(words(before.0), |bencher| {
            bencher.iter_custom(|times| on_threads(count, times, &before.1));
        });
        group.bench_function(words(after.0), |bencher| {
            bencher.iter_custom(|times| on_threads(count, times, &after.1));
        });
    }
    group.finish();
}

fn locks(criterion: &mut Criterion) {
    let (one, sharded) = (RwLock::new(1u64), ShardedLock::new(1u64));
    let before = ("one word", |_: usize| _ = black_box(*one.read()));
    let after = ("sharded", |_: usize| {
        _ = black_box(*sharded.read().expect("no panic"));
    });
    compare(criterion, "read lock of the directory", &[1, 2], before, after);
}

fn counters(criterion: &mut Criterion) {
    let beside: [AtomicUsize; 2] = Default::default();
    let padded: [CachePadded<AtomicUsize>; 2] = Default::default();
    let before = ("side by side", |thread: usize| {
        beside[thread].fetch_add(1, Relaxed);
    });
    let after = ("padded", |thread: usize| {
        padded[thread].fetch_add(1, Relaxed);
    });
    compare(criterion, "counter of each thread", &[2], before, after);
}

/// A request counted when it begins and when it ends: both threads serve one key, as with one payment switch, or each its own.
fn callers(criterion: &mut Criterion) {
    let one = Mutex::new(HashMap::from(KEYS.map(|key| (key, 0))));
    let sharded: DashMap<_, _> = KEYS.map(|key| (key, AtomicUsize::new(0))).into_iter().collect();
    let count = |key: &str, change: fn(usize) -> usize| {
        let mut served = one.lock();
        let served = served.get_mut(key).expect("known");
        *served = change(*served);
    };
    for (name, keys) in [("requests of one key", 1), ("requests of two keys", 2)] {
        let before = ("one mutex", |thread: usize| {
            count(KEYS[thread % keys], |served| served + 1);
            count(KEYS[thread % keys], |served| served - 1);
        });
        let after = ("dashmap", |thread: usize| {
            let served = || sharded.get(KEYS[thread % keys]).expect("known");
            served().fetch_add(1, Relaxed);
            served().fetch_sub(1, Relaxed);
        });
        compare(criterion, name, &[1, 2], before, after);
    }
}

const KEYS: [&str; 2] = ["bank-switch", "wallet-switch"];

/// A worker takes what `send` hands over.
fn channels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bounded channel, two places, one value");
    group.bench_function("std", |bencher| {
        bencher.iter_custom(|times| {
            let (sender, receiver) = mpsc::sync_channel(2);
            hand_over(times, |chunk| sender.send(chunk).expect("a receiver"), receiver)
        });
    });
    group.bench_function("crossbeam", |bencher| {
        bencher.iter_custom(|times| {
            let (sender, receiver) = crossbeam::channel::bounded(2);
            hand_over(times, |chunk| sender.send(chunk).expect("a receiver"), receiver)
        });
    });
    group.finish();
}

fn hand_over(
    times: u64,
    send: impl Fn(Arc<u64>),
    receiver: impl IntoIterator<Item = Arc<u64>> + Send,
) -> Duration {
    std::thread::scope(|scope| {
        let taken = scope.spawn(move || {
            receiver
                .into_iter()
                .take(times as usize)
                .map(|chunk| *chunk)
                .sum::<u64>()
        });
        let chunk = Arc::new(1);
        let started = Instant::now();
        (0..times).for_each(|_| send(chunk.clone()));
        assert_eq!(taken.join().expect("no panic"), times);
        started.elapsed()
    })
}

criterion_group!(benches, locks, counters, callers, channels);
criterion_main!(benches);
