//! The story: a switch sends an id again days later, reverses a purchase of last month, or sends the original of a reversal that
//! came first, and the ids have left memory for files meanwhile. Every id keeps its one outcome, whatever its version and the
//! clock it was made by, over restarts of every kind, and also when a date leaves memory at the very moment it is looked up.

use crate::rig::hooked::{HookedStorage, Operation};
use crate::rig::random::Random;
use crate::rig::snapshots::{DAY_MS, restarted};
use crate::rig::workload::v7;
use crate::rig::{Done, LAYOUT, Rig, noon, request, reversal};
use satang_core::outcome::{Reason, ReversalReason};
use satang_core::record::{Record, ReversalRecord};
use satang_engine::engine::Submitted;
use satang_log::storage::MemoryStorage;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

fn decided<R>(submitted: Submitted<R>) -> (R, u64) {
    match submitted {
        Submitted::Decided { record, sequence } => (record, sequence),
        Submitted::Seen { sequence } | Submitted::Wait { sequence } => panic!("not new: {sequence:?}"),
    }
}

fn seen<R: std::fmt::Debug>(submitted: Submitted<R>) -> u64 {
    match submitted {
        Submitted::Seen { sequence } => sequence,
        other => panic!("not seen: {other:?}"),
    }
}

impl Rig {
    fn reverse(&mut self, id: u128, txn: u128, amount: Option<u64>) -> ReversalRecord {
        let (record, _) = decided(self.engine.reverse(&reversal(id, txn, amount)).unwrap());
        self.flush();
        record
    }
}

/// Ids of one day by clients of every kind.
fn ids_of_a_day(now_ms: i64, number: u128) -> Vec<u128> {
    let times = [
        now_ms,
        now_ms - 3 * DAY_MS,
        now_ms + 3 * DAY_MS,
        now_ms + 1_000,
        4_102_444_800_000,
        0,
    ];
    let v7s = times
        .iter()
        .zip(1..)
        .map(|(ms, kind)| v7(*ms, number << 8 | kind));
    let v4 = (number << 96 | 0xABCD_u128 << 80) & !(0xF << 76) | 4 << 76 | 0b10 << 62 | number;
    v7s.chain([v4, number << 8]).collect()
}

#[test]
fn an_id_is_answered_the_same_one_two_and_forty_days_later() {
    let mut rig = Rig::prepared();
    let mut outcomes = Vec::new();
    for day in 0..4u128 {
        let ids = ids_of_a_day(rig.engine.now().unwrap().unix_ms(), day + 1);
        for (at, id) in ids.iter().enumerate() {
            let (_, sequence) = decided(rig.engine.authorize(&request(*id, 1 + at as u64, 50)).unwrap());
            outcomes.push((*id, at, sequence));
        }
        rig.flush();
        rig.pass(DAY_MS);
    }
    for (restart, days) in [1, 1, 38, 1, 1, 3, 40, 1, 0, 0].into_iter().enumerate() {
        for (id, at, sequence) in &outcomes {
            let again = request(*id, 1 + *at as u64, 50);
            assert_eq!(seen(rig.engine.authorize(&again).unwrap()), *sequence, "{id:x}");
        }
        let batch: Vec<_> = outcomes
            .iter()
            .map(|(id, at, _)| request(*id, 1 + *at as u64, 50))
            .collect();
        let results = rig.engine.authorize_batch(&batch).unwrap();
        for (submitted, (id, _, sequence)) in results.into_iter().zip(&outcomes) {
            assert_eq!(seen(submitted), *sequence, "{id:x}");
        }
        rig.pass(days * DAY_MS);
        // Something of that day, so that its date begins.
        rig.authorize(900 + restart as u128, 9, 10);
        rig = restarted(&mut rig, restart as u64);
    }
    let days = rig.engine.id_archive().days();
    assert!(days.files.len() >= 4, "{} index files", days.files.len());
}

#[test]
fn a_purchase_of_last_month_is_given_back_in_parts_over_days() {
    for id in ids_of_a_day(noon().unix_ms(), 5) {
        let mut rig = Rig::prepared();
        let bill = rig.authorize(id, 3, 1_000);
        rig.pass(30 * DAY_MS);
        rig.authorize(1_001, 4, 10);
        rig = restarted(&mut rig, 0);
        let first = rig.reverse(1 << 70, id, Some(300));
        assert_eq!((first.state().get(), first.left().get()), (180, 700));
        rig.pass(3 * DAY_MS);
        rig.authorize(1_002, 4, 10);
        rig = restarted(&mut rig, 1);
        let second = rig.reverse(2 << 70, id, Some(300));
        assert_eq!((second.approved(), second.left().get()), (true, 400), "{id:x}");
        rig.pass(3 * DAY_MS);
        rig.authorize(1_003, 4, 10);
        rig = restarted(&mut rig, 2);
        let too_much = rig.reverse(3 << 70, id, Some(401));
        assert_eq!(too_much.reason(), ReversalReason::ExceedsOriginal);
        rig.pass(9 * DAY_MS);
        rig.authorize(1_004, 4, 10);
        rig = restarted(&mut rig, 3);
        let last = rig.reverse(4 << 70, id, None);
        assert_eq!(last.left().get(), 0);
        let states = [&first, &second, &last].map(|record| record.state().get());
        assert_eq!(states.iter().sum::<u64>(), bill.state().get());
        rig.pass(9 * DAY_MS);
        rig.authorize(1_005, 4, 10);
        rig = restarted(&mut rig, 0);
        assert_eq!(
            rig.reverse(5 << 70, id, None).reason(),
            ReversalReason::AlreadyReversed
        );
        for (number, record) in [(1u128, &first), (2, &second), (4, &last)] {
            let amount = (number < 4).then_some(300);
            let sequence = seen(rig.engine.reverse(&reversal(number << 70, id, amount)).unwrap());
            match rig.engine.read(sequence).unwrap() {
                Record::Reversal(again) => assert_eq!(again.header.sequence, record.header.sequence),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_tombstone_stands_until_its_original_comes_and_behind_it() {
    for id in ids_of_a_day(noon().unix_ms(), 6) {
        let mut rig = Rig::prepared();
        assert_eq!(
            rig.reverse(1, id, None).reason(),
            ReversalReason::OriginalNotFound
        );
        let on = |rig: &mut Rig, days: i64, kind: u64, number: u128| {
            rig.pass(days * DAY_MS);
            rig.authorize(1_000 + number, 4, 10);
            *rig = restarted(rig, kind);
        };
        on(&mut rig, 5, 0, 1);
        assert_eq!(
            rig.authorize(id, 3, 1_000).reason(),
            Reason::ReversedBeforeArrival,
            "{id:x}"
        );
        on(&mut rig, 4, 1, 2);
        let again = rig.reverse(2, id, None);
        assert!(again.approved() && !again.is_tombstone(), "{id:x}");
        assert_eq!(
            rig.reverse(3, id, Some(5)).reason(),
            ReversalReason::OriginalDeclined
        );
        on(&mut rig, 10, 2, 3);
        assert!(!rig.authorize(id, 3, 1_000).approved());
        seen(rig.engine.authorize(&request(id, 3, 1_000)).unwrap());
        for (number, amount) in [(1, None), (2, None), (3, Some(5))] {
            seen(rig.engine.reverse(&reversal(number, id, amount)).unwrap());
        }
        assert!(rig.engine.state().check_conservation().is_ok());
    }
}

/// The date of an original leaves memory in the middle of a reversal's look-up, between what the file of an older day says of
/// the id and the shard's lock.
#[test]
fn a_date_may_leave_between_a_look_up_in_the_files_and_the_shards_lock() {
    let storage = HookedStorage::default();
    let mut rig = Rig::open(Arc::new(storage.clone()), LAYOUT).unwrap();
    rig.prepare(20);
    let id = 77 << 90;
    decided(rig.engine.reverse(&reversal(1, id, None)).unwrap());
    rig.pass(2 * DAY_MS);
    rig.authorize(899, 4, 10);
    assert!(
        rig.maintenance.tidy_ids().unwrap(),
        "the tombstone has left memory"
    );
    let (late, original_at) = decided(rig.engine.authorize(&request(id, 3, 500)).unwrap());
    assert_eq!(late.reason(), Reason::ReversedBeforeArrival);
    rig.flush();
    rig.pass(2 * DAY_MS);
    rig.authorize(900, 4, 10);
    let (maintenance, left) = (rig.maintenance.clone(), Arc::new(AtomicBool::new(false)));
    let of_hook = left.clone();
    storage.hook.set(move |operation| {
        if operation == Operation::Read && !of_hook.swap(true, Ordering::SeqCst) {
            assert!(maintenance.tidy_ids().unwrap());
        }
    });
    let (record, _) = decided(rig.engine.reverse(&reversal(2, id, None)).unwrap());
    assert!(left.load(Ordering::SeqCst), "the file was asked");
    assert!(!record.is_tombstone(), "its original has arrived");
    assert_eq!(
        seen(rig.engine.authorize(&request(id, 3, 500)).unwrap()),
        original_at
    );
}

/// While an authorization reads in a file that its id was reversed before it came, another one comes, and its date leaves too.
#[test]
fn an_original_may_come_and_leave_between_a_look_up_in_the_files_and_the_shards_lock() {
    let storage = HookedStorage::default();
    let mut rig = Rig::open(Arc::new(storage.clone()), LAYOUT).unwrap();
    rig.prepare(20);
    let id = 78 << 90;
    decided(rig.engine.reverse(&reversal(1, id, None)).unwrap());
    rig.pass(2 * DAY_MS);
    rig.authorize(899, 4, 10);
    assert!(
        rig.maintenance.tidy_ids().unwrap(),
        "the tombstone has left memory"
    );
    let (engine, meanwhile) = (rig.engine.clone(), Arc::new(Mutex::new(None)));
    let (rig, entered, of_hook) = (Mutex::new(rig), AtomicBool::new(false), meanwhile.clone());
    storage.hook.set(move |operation| {
        if operation == Operation::Read && !entered.swap(true, Ordering::SeqCst) {
            let mut rig = rig.lock().unwrap();
            let (_, sequence) = decided(rig.engine.authorize(&request(id, 3, 500)).unwrap());
            rig.flush();
            rig.pass(2 * DAY_MS);
            rig.authorize(900, 4, 10);
            assert!(rig.maintenance.tidy_ids().unwrap());
            *of_hook.lock().unwrap() = Some(sequence);
        }
    });
    let sequence = seen(engine.authorize(&request(id, 3, 500)).unwrap());
    assert_eq!(Some(sequence), *meanwhile.lock().unwrap());
    storage.hook.clear();
}

/// The same for a batch: what it looks up first lets the date leave that its second id is of.
#[test]
fn a_date_may_leave_in_the_middle_of_a_batchs_look_up() {
    for order in [[0, 1], [1, 0]] {
        let storage = HookedStorage::default();
        let mut rig = Rig::open(Arc::new(storage.clone()), LAYOUT).unwrap();
        rig.prepare(20);
        let ids = [5 << 90, 6 << 90];
        let (_, first_at) = decided(rig.engine.authorize(&request(ids[0], 3, 500)).unwrap());
        rig.pass(2 * DAY_MS);
        let (_, second_at) = decided(rig.engine.authorize(&request(ids[1], 3, 500)).unwrap());
        rig.flush();
        assert!(rig.maintenance.tidy_ids().unwrap());
        rig.pass(2 * DAY_MS);
        rig.authorize(900, 4, 10);
        let (maintenance, left) = (rig.maintenance.clone(), AtomicBool::new(false));
        let engine = rig.engine.clone();
        storage.hook.set(move |operation| {
            if operation == Operation::Read && !left.swap(true, Ordering::SeqCst) {
                assert!(maintenance.tidy_ids().unwrap());
                // While files are read nobody waits for the directory: a change of it would stop every decision.
                assert!(engine.state().directory.try_write().is_some());
            }
        });
        let results = rig
            .engine
            .authorize_batch(&order.map(|at| request(ids[at], 3, 500)))
            .unwrap();
        let found: Vec<u64> = results.into_iter().map(seen).collect();
        assert_eq!(found, order.map(|at| [first_at, second_at][at]));
    }
}

/// Threads race for the ids of all days while dates leave: the first outcome of an id is its only one.
#[test]
fn threads_that_race_for_old_ids_get_one_outcome_for_each() {
    let mut seeds = Random::printed("threads_that_race_for_old_ids_get_one_outcome_for_each");
    let mut rig = Rig::prepared();
    let (txns, reversals) = (Mutex::new(BTreeMap::new()), Mutex::new(BTreeMap::new()));
    let note = |of: &Mutex<BTreeMap<u128, u64>>, id, sequence| {
        let known = *of.lock().unwrap().entry(id).or_insert(sequence);
        assert_eq!(known, sequence, "I5: two outcomes of {id:x}");
    };
    for day in 0..14u64 {
        let done = AtomicBool::new(false);
        let (engine, maintenance, committer) = (&rig.engine, &rig.maintenance, &mut rig.committer);
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..3)
                .map(|client| {
                    let (mut random, note) = (Random::new(seeds.bits()), &note);
                    let (txns, reversals) = (&txns, &reversals);
                    scope.spawn(move || {
                        for asked in 0..400 {
                            if (client, asked) == (0, 200) {
                                let later = engine.now().unwrap().plus_ms(DAY_MS);
                                engine.clock().set(later).unwrap();
                            }
                            let number = u128::from(random.below(day * 30 + 60));
                            let id = (number * 0x1_0001) << 64 | number;
                            match random.below(3) {
                                0 => match engine.reverse(&reversal(id + 1, id, None)).unwrap() {
                                    Submitted::Decided { sequence, .. } | Submitted::Seen { sequence } => {
                                        note(reversals, id, sequence);
                                    }
                                    Submitted::Wait { .. } => {}
                                },
                                1 => match engine.authorize(&request(id, 1 + number as u64 % 20, 7)).unwrap()
                                {
                                    Submitted::Decided { sequence, .. } | Submitted::Seen { sequence } => {
                                        note(txns, id, sequence);
                                    }
                                    Submitted::Wait { .. } => panic!("an authorization waits for nothing"),
                                },
                                _ => {
                                    let other = id ^ (1 << 127);
                                    let batch = [id, other].map(|id| request(id, 1 + number as u64 % 20, 7));
                                    let results = engine.authorize_batch(&batch).unwrap();
                                    for (id, submitted) in [id, other].into_iter().zip(results) {
                                        match submitted {
                                            Submitted::Decided { sequence, .. }
                                            | Submitted::Seen { sequence } => note(txns, id, sequence),
                                            Submitted::Wait { .. } => panic!("a batch waits for nothing"),
                                        }
                                    }
                                }
                            }
                        }
                    })
                })
                .collect();
            let (done, _done) = (&done, Done(&done));
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    committer.step().unwrap();
                }
            });
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    maintenance.tidy_ids().unwrap();
                    std::thread::yield_now();
                }
            });
            clients.into_iter().for_each(|client| client.join().unwrap());
        });
        rig = restarted(&mut rig, day);
    }
    for (id, sequence) in txns.into_inner().unwrap() {
        let wallet = 1 + (id as u64 & 0xFFFF) % 20;
        assert_eq!(
            seen(rig.engine.authorize(&request(id, wallet, 7)).unwrap()),
            sequence
        );
    }
    assert!(rig.engine.id_archive().days().files.len() > 8);
}

#[test]
fn dates_on_a_full_disk_stay_in_memory() {
    let mut rig = Rig::open(Arc::new(MemoryStorage::default()), LAYOUT).unwrap();
    rig.prepare(3);
    let (_, sequence) = decided(rig.engine.authorize(&request(1, 1, 100)).unwrap());
    rig.flush();
    rig.pass(3 * DAY_MS);
    rig.authorize(2, 1, 100);
    rig.storage.fill_after(1);
    assert!(rig.maintenance.tidy_ids().is_err(), "the index file does not fit");
    assert!(!rig.storage.names().iter().any(|name| name.starts_with("ids/")));
    assert_eq!(seen(rig.engine.authorize(&request(1, 1, 100)).unwrap()), sequence);
    rig.storage.make_room();
    assert!(rig.maintenance.tidy_ids().unwrap());
    assert_eq!(seen(rig.engine.authorize(&request(1, 1, 100)).unwrap()), sequence);
    assert_eq!(rig.engine.state().ids_len(), 1);
}
