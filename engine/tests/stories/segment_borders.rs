//! The story: records get their sequences before anything is written, by one thread, while another decides where groups, quiet frames,
//! indexes, seals and headers go. Every record is read back by its sequence at every border of every layout, down to segments of
//! a single group, and whatever is appended in the middle of a write.

use crate::rig::hooked::{HookedStorage, Operation};
use crate::rig::random::Random;
use crate::rig::workload::Workload;
use crate::rig::{Rig, Survivors, request};
use satang_core::record::Record;
use satang_engine::engine::Submitted;
use satang_log::file::{FRAME_OVERHEAD_BYTES, Layout, segment_name};
use satang_log::storage::MemoryStorage;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

const PAGE: u32 = 4096;
/// Bytes of an authorization's record.
const RECORD: usize = 96;

/// Groups of one to six pages in segments of one group, or of a few more pages.
fn any_layout(random: &mut Random) -> Layout {
    let group_bytes_max = PAGE * (1 + random.below(6) as u32);
    Layout {
        segment_bytes: group_bytes_max + PAGE * (4 + random.below(9) as u32),
        group_bytes_max,
    }
}

#[test]
fn every_record_is_read_back_by_its_sequence_in_any_layout() {
    let mut seeds = Random::printed("every_record_is_read_back_by_its_sequence_in_any_layout");
    for _ in 0..80 {
        let mut random = Random::new(seeds.bits());
        let layout = any_layout(&mut random);
        let mut rig = Rig::open(Arc::new(MemoryStorage::default()), layout).unwrap();
        rig.prepare(20);
        let mut work = Workload::new(random);
        // Up to the largest batch there can be.
        work.batch_len_max = (rig.engine.appender().batch_bytes_max() / RECORD) as u64;
        work.book.note_state(&rig.engine);
        for _ in 0..3 {
            let rounds = 10 + work.random.below(50);
            work.go_on(&mut rig, rounds);
            rig.flush();
            if work.random.percent(50) {
                rig.committer.cover().unwrap();
            }
            let durable = work.book.entries.len();
            rig = Rig::open(Arc::new(rig.storage.copy()), layout).unwrap();
            assert_eq!(work.book.check(&rig, durable), durable, "{layout:?}");
        }
    }
}

#[test]
fn a_batch_of_any_length_at_any_place_of_a_segment_is_one_group() {
    let layout = Layout {
        segment_bytes: 9 * PAGE,
        group_bytes_max: 4 * PAGE,
    };
    let records_max = (layout.group_bytes_max as usize - FRAME_OVERHEAD_BYTES) / RECORD;
    for pages_before in 0..6 {
        for len in [1, 41, 42, 83, 84, 85, records_max - 1, records_max] {
            let mut rig = Rig::open(Arc::new(MemoryStorage::default()), layout).unwrap();
            rig.prepare(20);
            (0..pages_before).for_each(|txn| assert!(rig.authorize(1 << 90 | txn, 1, 1).header.sequence > 0));
            let requests: Vec<_> = (0..len as u128)
                .map(|txn| request(txn, 1 + txn as u64 % 20, 100))
                .collect();
            // Seen again, a batch leaves an empty group behind, wherever room was made for it.
            for _ in 0..2 {
                rig.engine.authorize_batch(&requests).unwrap();
                rig.committer.step().unwrap();
                assert!(!rig.committer.step().unwrap(), "one group");
                rig.committer.cover().unwrap();
            }
            rig.authorize(1 << 91, 1, 1);
            let digest = rig.digest();
            let again = Rig::open(Arc::new(rig.storage.copy()), layout).unwrap();
            assert_eq!(again.digest(), digest, "{pages_before} pages, {len} records");
        }
    }
}

#[test]
fn a_start_on_a_full_segment_vouches_for_its_last_group_with_the_seal() {
    let layout = Layout {
        segment_bytes: 5 * PAGE,
        group_bytes_max: PAGE,
    };
    let mut rig = Rig::open(Arc::new(MemoryStorage::default()), layout).unwrap();
    rig.prepare(1);
    let in_first = |rig: &Rig| !rig.storage.names().contains(&segment_name(2));
    assert!(in_first(&rig));
    let cover = |rig: &mut Rig| rig.committer.cover().unwrap();
    let authorize = |rig: &mut Rig| assert!(rig.authorize(7, 1, 100).header.sequence > 0);
    for first in [cover as fn(&mut Rig), authorize] {
        let mut again = Rig::open(Arc::new(rig.storage.copy()), layout).unwrap();
        first(&mut again);
        assert!(!in_first(&again), "the segment was sealed");
        again.authorize(8, 1, 100);
        let digest = again.digest();
        let third = Rig::open(Arc::new(again.storage.copy()), layout).unwrap();
        assert_eq!(third.digest(), digest);
    }
}

#[test]
fn a_batch_that_no_group_takes_is_refused_whole() {
    let layout = Layout {
        segment_bytes: 5 * PAGE,
        group_bytes_max: PAGE,
    };
    let mut rig = Rig::open(Arc::new(MemoryStorage::default()), layout).unwrap();
    rig.prepare(1);
    let requests: Vec<_> = (0..42).map(|txn| request(txn, 1, 100)).collect();
    assert!(rig.engine.authorize_batch(&requests).is_err());
    assert!(!rig.committer.step().unwrap());
    assert!(rig.engine.authorize_batch(&requests[..41]).is_ok());
    assert!(rig.committer.step().unwrap());
}

#[test]
fn requests_that_arrive_in_the_middle_of_any_write_are_placed_behind_it() {
    let mut seeds = Random::printed("requests_that_arrive_in_the_middle_of_any_write");
    for _ in 0..12 {
        let mut random = Random::new(seeds.bits());
        let layout = any_layout(&mut random);
        let mut rig = Rig::open(Arc::new(HookedStorage::default()), layout).unwrap();
        rig.prepare(20);
        let (engine, next) = (rig.engine.clone(), Arc::new(AtomicU64::new(1)));
        let (told, chance) = (Arc::new(Mutex::new(Vec::new())), Mutex::new(random.clone()));
        let arrive = {
            let (engine, next, told) = (engine.clone(), next.clone(), told.clone());
            move || {
                let id = next.fetch_add(1, SeqCst);
                match engine.authorize(&request(id.into(), 1 + id % 20, 1)).unwrap() {
                    Submitted::Decided { record, sequence } => {
                        assert_eq!(record.header.sequence, sequence);
                        told.lock().unwrap().push((sequence, record.txn_id()));
                    }
                    other => panic!("{other:?}"),
                }
            }
        };
        let meanwhile = arrive.clone();
        rig.storage.hook.set(move |operation| {
            let count = chance.lock().unwrap().below(3);
            if operation != Operation::Create {
                (0..count).for_each(|_| meanwhile());
            }
        });
        for _ in 0..150 {
            if random.percent(60) {
                arrive();
            }
            // Covered when it is quiet: one step may not be enough for that, requests keep arriving.
            rig.committer.step().unwrap();
            if random.percent(50) {
                rig.committer.cover().unwrap();
            }
        }
        rig.storage.hook.clear();
        rig.flush();
        let records = Survivors::of(&Arc::new(rig.storage.disk.clone())).records;
        for (sequence, txn_id) in told.lock().unwrap().iter() {
            let (header, record) = &records[*sequence as usize - 1];
            assert_eq!(header.sequence, *sequence, "{layout:?}");
            let same = |record: &Record| matches!(record, Record::Authorization(found) if found.record.txn_id() == *txn_id);
            assert!(same(record), "{layout:?}");
            assert!(same(&engine.read(*sequence).unwrap()), "{layout:?}");
        }
        let again = Rig::open(Arc::new(rig.storage.disk.copy()), layout).unwrap();
        assert_eq!(again.digest(), engine.state().digest());
    }
}

#[test]
fn the_writing_thread_agrees_with_many_that_append() {
    let mut random = Random::new(11);
    for _ in 0..4 {
        let layout = any_layout(&mut random);
        let mut rig = Rig::open(Arc::new(MemoryStorage::default()), layout).unwrap();
        rig.prepare(20);
        let (engine, storage, upkeep) = (rig.engine.clone(), rig.storage.clone(), rig.upkeep.clone());
        let committer = rig.committer;
        std::thread::scope(|threads| {
            let writer = threads.spawn(|| committer.run());
            let preparer = threads.spawn(|| upkeep.run_until_stopped());
            let clients: Vec<_> = (0..4u128)
                .map(|client| {
                    let engine = engine.clone();
                    threads.spawn(move || {
                        for n in 0..150u128 {
                            let id = client << 64 | n;
                            match engine.authorize(&request(id, 1 + n as u64 % 20, 1)).unwrap() {
                                Submitted::Decided { sequence, .. } => {
                                    engine.durable().block_until(sequence).unwrap()
                                }
                                other => panic!("{other:?}"),
                            }
                        }
                    })
                })
                .collect();
            clients.into_iter().for_each(|client| client.join().unwrap());
            engine.appender().stop();
            upkeep.stop();
            writer.join().unwrap().unwrap();
            preparer.join().unwrap();
        });
        let again = Rig::open(Arc::new(storage.copy()), layout).unwrap();
        assert_eq!(again.digest(), engine.state().digest());
        assert_eq!(
            Survivors::of(&again.storage).records.len() as u64,
            engine.durable().sequence()
        );
    }
}
