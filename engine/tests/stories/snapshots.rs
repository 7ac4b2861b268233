//! The story: snapshots are taken while the engine works, at any moment, also in the middle of a date's end. A start that goes
//! on from one has the state that a start from the journal alone has. None ever holds what is not durable; a full disk, a broken
//! one and a loss of power leave no half snapshot, and two are kept.

use crate::rig::damage::SMALL;
use crate::rig::hooked::{HookedStorage, Operation};
use crate::rig::random::Random;
use crate::rig::snapshots::{DAY_MS, assert_every_start_gives, files_in, with_two_snapshots};
use crate::rig::workload::{Workload, id_of_any_kind};
use crate::rig::{Done, LAYOUT, PROGRAM, Rig, request, without};
use satang_engine::engine::SubmitError;
use satang_engine::engine::Submitted;
use satang_engine::maintenance::KeepError;
use satang_engine::recovery::open::OpenError;
use satang_engine::snapshot::{SNAPSHOT_FOLDER, SnapshotError, names};
use satang_log::file::Layout;
use satang_log::storage::{MemoryStorage, PAGE_BYTES};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

fn install(rig: &Rig, percent: u64) {
    let text = PROGRAM.replace("state_percent = 60", &format!("state_percent = {percent}"));
    let file = ("fair.toml".to_owned(), text);
    rig.engine.activate_programs(&[file], None).unwrap();
}

#[test]
fn a_start_from_a_snapshot_gives_the_state_of_a_start_from_the_journal() {
    let mut random = Random::printed("a_start_from_a_snapshot_gives_the_state_of_a_start_from_the_journal");
    for _ in 0..4 {
        let mut rig = Rig::prepared();
        let mut work = Workload::new(Random::new(random.bits()));
        work.id = id_of_any_kind;
        for _ in 0..8 {
            let asks = 20 + random.below(80);
            work.go_on(&mut rig, asks);
            match random.below(6) {
                0 => rig.pass(random.below(4) as i64 * DAY_MS),
                1 => {
                    install(&rig, 50 + random.below(20));
                    work.book.note_state(&rig.engine);
                }
                2 => rig.engine.cut_over().unwrap(),
                _ => {}
            }
            if random.percent(70) {
                rig.snapshot();
            }
            let asks = random.below(30);
            work.go_on(&mut rig, asks);
            rig.flush();
            if random.percent(40) {
                let durable = work.book.entries.len();
                rig = Rig::start(rig.storage.copy());
                work.book.check(&rig, durable);
            }
        }
        rig.snapshot();
        work.go_on(&mut rig, 10);
        rig.flush();
        assert_every_start_gives(&rig);
    }
}

/// Requests come between any two parts that are copied.
#[test]
fn parts_may_be_copied_at_different_sequences() {
    let mut random = Random::printed("parts_may_be_copied_at_different_sequences");
    for _ in 0..4 {
        let storage = HookedStorage::default();
        let mut rig = Rig::open(Arc::new(storage.clone()), LAYOUT).unwrap();
        rig.prepare(20);
        let mut work = Workload::new(Random::new(random.bits()));
        work.id = id_of_any_kind;
        work.go_on(&mut rig, 150);
        rig.flush();
        let (maintenance, engine) = (rig.maintenance.clone(), rig.engine.clone());
        let inside = AtomicBool::new(false);
        let shared = Arc::new(Mutex::new((rig, work)));
        let of_hook = shared.clone();
        let rate = 1 + random.below(30);
        let dice = Mutex::new(Random::new(random.bits()));
        storage.hook.set(move |operation| {
            let writes = matches!(operation, Operation::Write { .. });
            if !writes || inside.swap(true, Ordering::SeqCst) {
                return;
            }
            if dice.lock().unwrap().percent(rate) {
                let (rig, work) = &mut *of_hook.lock().unwrap();
                work.ask(rig).unwrap();
                rig.flush();
            }
            inside.store(false, Ordering::SeqCst);
        });
        for _ in 0..3 {
            let before = engine.durable().sequence();
            let facts = maintenance.snapshot().unwrap().facts;
            assert!(engine.durable().sequence() > before, "something came meanwhile");
            let disk = storage.disk.copy();
            let from_snapshot = Rig::start(disk.copy());
            assert_eq!(from_snapshot.recovered.snapshot, Some(facts.sequence));
            let from_journal = Rig::start(without(&disk, SNAPSHOT_FOLDER));
            assert_eq!(from_snapshot.digest(), from_journal.digest());
            let (rig, work) = &mut *shared.lock().unwrap();
            let durable = work.book.entries.len();
            assert_eq!(work.book.check(&from_snapshot, durable), durable);
            rig.pass(DAY_MS);
        }
        storage.hook.clear();
    }
}

/// Clients may be faster than the disk; nothing else may go wrong.
fn served<T>(answer: Result<T, SubmitError>) {
    match answer {
        Ok(_) | Err(SubmitError::Overloaded) => {}
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn snapshots_are_taken_beside_several_threads() {
    let mut random = Random::printed("snapshots_are_taken_beside_several_threads");
    let mut rig = Rig::prepared();
    for _ in 0..5 {
        let done = AtomicBool::new(false);
        let (engine, maintenance) = (&rig.engine, &rig.maintenance);
        let committer = &mut rig.committer;
        std::thread::scope(|scope| {
            let _done = Done(&done);
            for client in 0..3u128 {
                let (mut random, done) = (Random::new(random.bits()), &done);
                scope.spawn(move || {
                    let mut last = 0;
                    while !done.load(Ordering::Relaxed) {
                        let number = 4_000_000 + u128::from(random.bits() >> 20) * 4 + client;
                        let id = id_of_any_kind(number);
                        match random.below(4) {
                            0 => served(engine.reverse(&crate::rig::reversal(id + 1, last, None))),
                            1 => {
                                let batch: Vec<_> =
                                    (1..9).map(|n| request(id + (n << 56), n as u64, 10)).collect();
                                served(engine.authorize_batch(&batch));
                            }
                            _ => served(engine.authorize(&request(id, 1 + random.below(20), 100))),
                        }
                        last = id;
                    }
                });
            }
            let done = &done;
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    committer.step().unwrap();
                }
            });
            for _ in 0..3 {
                let later = engine.now().unwrap().plus_ms(random.below(2) as i64 * DAY_MS);
                engine.clock().set(later).unwrap();
                maintenance.snapshot().unwrap();
            }
        });
        rig.flush();
        assert_every_start_gives(&rig);
        rig = Rig::start(rig.storage.copy());
    }
}

#[test]
fn a_snapshot_in_the_middle_of_a_years_ends_of_dates() {
    let mut rig = Rig::open(Arc::new(MemoryStorage::default()), SMALL).unwrap();
    rig.prepare(3);
    rig.authorize(1, 1, 100);
    rig.pass(365 * DAY_MS);
    // 124 ends of dates fill a group: some are durable when the snapshot begins, others while it waits.
    rig.engine.cut_over().unwrap();
    assert!(rig.committer.step().unwrap());
    let maintenance = rig.maintenance.clone();
    std::thread::scope(|scope| {
        let taking = scope.spawn(move || maintenance.snapshot().unwrap());
        while !taking.is_finished() {
            rig.committer.step().unwrap();
        }
    });
    let digest = rig.digest();
    let again = Rig::open(Arc::new(rig.storage.copy()), SMALL).unwrap();
    assert!(again.recovered.snapshot.is_some());
    assert_eq!(again.digest(), digest);
    let bare = without(&without(&rig.storage, SNAPSHOT_FOLDER), "ids");
    let again = Rig::open(Arc::new(bare), SMALL).unwrap();
    assert_eq!(again.digest(), digest);
}

/// Were a date to leave before its own end is durable, the dates behind it would not leave on that day any more.
#[test]
fn dates_leave_as_far_as_their_ends_are_durable() {
    let mut rig = Rig::open(Arc::new(MemoryStorage::default()), SMALL).unwrap();
    rig.prepare(3);
    rig.authorize(1, 1, 100);
    // Three groups of ends of dates; the second id's date ends in the last of them.
    rig.pass(365 * DAY_MS);
    rig.engine.authorize(&request(2, 1, 100)).unwrap();
    rig.pass(2 * DAY_MS);
    rig.engine.cut_over().unwrap();
    assert!(rig.committer.step().unwrap());
    rig.maintenance.tidy_ids().unwrap();
    assert_eq!(rig.engine.state().ids_len(), 1, "the first date has left");
    rig.flush();
    rig.maintenance.tidy_ids().unwrap();
    assert_eq!(rig.engine.state().ids_len(), 0, "both dates are over");
    let bare = without(&rig.storage, "ids");
    let again = Rig::open(Arc::new(bare), SMALL).unwrap();
    assert_eq!(again.engine.state().digest(), rig.engine.state().digest());
}

#[test]
fn a_snapshot_of_nothing_is_one() {
    let mut rig = Rig::start(MemoryStorage::default());
    assert_eq!(rig.snapshot().sequence, 0);
    let mut again = Rig::start(rig.storage.copy());
    assert_eq!(again.recovered.snapshot, Some(0));
    again.prepare(3);
    again.authorize(1, 1, 100);
    let digest = again.digest();
    assert_eq!(Rig::start(again.storage.copy()).digest(), digest);
}

#[test]
fn a_snapshot_waits_until_what_it_holds_is_durable() {
    let mut rig = Rig::prepared();
    let before = rig.snapshot();
    let Submitted::Decided { sequence, .. } = rig.engine.authorize(&request(1, 1, 1_000)).unwrap() else {
        panic!()
    };
    let copied = |rig: &Rig| {
        let names = files_in(&rig.storage, SNAPSHOT_FOLDER);
        let unfinished = names.iter().find(|name| name.ends_with(".tmp"))?;
        Some(rig.storage.bytes(unfinished).len())
    };
    let maintenance = rig.maintenance.clone();
    // Not scoped: it must not hold up a test that fails.
    let taking = std::thread::spawn(move || maintenance.snapshot().unwrap().facts);
    // Every part is a page at least; the table is written at the end.
    let parts = (before.bytes as usize / PAGE_BYTES) - 18;
    while !taking.is_finished() && copied(&rig).is_none_or(|len| len < parts * PAGE_BYTES) {
        std::thread::yield_now();
    }
    for _ in 0..1_000 {
        std::thread::yield_now();
    }
    assert!(!taking.is_finished(), "it holds what is not durable");
    assert_eq!(names(&*rig.storage).unwrap(), std::slice::from_ref(&before.file));
    assert!(!rig.engine.durable().check(sequence).unwrap());
    rig.committer.step().unwrap();
    let facts = taking.join().unwrap();
    assert!(facts.sequence > before.sequence && rig.engine.durable().sequence() >= facts.sequence);
}

#[test]
fn a_snapshot_of_a_journal_that_fails_is_none() {
    let mut rig = Rig::prepared();
    rig.engine.authorize(&request(1, 1, 1_000)).unwrap();
    rig.storage.break_after(2);
    let maintenance = rig.maintenance.clone();
    rig.storage.break_after(0);
    assert!(rig.committer.step().is_err());
    rig.storage.mend();
    let taken = maintenance.snapshot();
    assert!(
        matches!(taken, Err(KeepError::Snapshot(SnapshotError::Journal(_)))),
        "{taken:?}"
    );
    assert_eq!(files_in(&rig.storage, SNAPSHOT_FOLDER), <[String; 0]>::default());
}

#[test]
fn a_full_disk_leaves_no_half_snapshot_and_decisions_go_on() {
    let mut rig = with_two_snapshots();
    rig.pass(3 * DAY_MS);
    rig.authorize(501 << 40, 2, 100);
    let (before, mut refused) = (files_in(&rig.storage, SNAPSHOT_FOLDER), 0);
    for pages in (0..900).step_by(90) {
        rig.storage.fill_after(pages);
        if let Err(error) = rig.maintenance.snapshot() {
            refused += 1;
            let names = rig.storage.names();
            assert!(!names.iter().any(|name| name.ends_with(".tmp")), "{names:?}");
            assert_eq!(files_in(&rig.storage, SNAPSHOT_FOLDER), before, "{error}");
        }
        rig.storage.make_room();
        let record = rig.authorize((1_000 + u128::from(pages)) << 40, 1, 10);
        assert_ne!(record.header.sequence, 0);
    }
    assert!(refused >= 8, "{refused}");
    rig.snapshot();
    assert_every_start_gives(&rig);
}

#[test]
fn a_snapshot_that_failed_is_taken_when_there_is_room_again() {
    let mut rig = Rig::prepared();
    rig.authorize(1, 1, 100);
    rig.pass(3 * DAY_MS);
    rig.authorize(2, 1, 100);
    // The index file of the first date fits, the snapshot does not.
    rig.storage.fill_after(40);
    assert!(rig.maintenance.keep().is_err());
    assert_eq!(files_in(&rig.storage, "ids").len(), 1);
    rig.storage.make_room();
    assert!(
        rig.maintenance.keep().unwrap().is_none(),
        "not yet: a minute has not passed"
    );
    // A start that had to let the date leave once more owes the snapshot too.
    let again = Rig::start(rig.storage.copy());
    assert!(again.maintenance.keep().unwrap().is_some());
    assert!(again.maintenance.keep().unwrap().is_none(), "nothing is due");
}

#[test]
fn a_date_that_left_makes_a_snapshot_due_until_there_is_one() {
    let mut rig = Rig::prepared();
    rig.authorize(1, 1, 100);
    assert!(rig.maintenance.keep().unwrap().is_none());
    rig.pass(3 * DAY_MS);
    rig.authorize(2, 1, 100);
    assert!(rig.maintenance.tidy_ids().unwrap());
    assert!(rig.maintenance.keep().unwrap().is_some());
    assert!(rig.maintenance.keep().unwrap().is_none());
}

#[test]
fn two_snapshots_are_kept_and_nothing_unfinished_outlives_a_start() {
    let mut rig = Rig::prepared();
    let mut taken = Vec::new();
    for txn in 1..6 {
        rig.authorize(txn, 1, 10);
        taken.insert(0, rig.snapshot().file);
        taken.truncate(2);
        assert_eq!(names(&*rig.storage).unwrap(), taken);
    }
    let wanted = rig.storage.names();
    for leftover in [
        "snapshots/next.tmp",
        "ids/2026-06-15.ids.tmp",
        "ids/2026-06-01.ids",
    ] {
        rig.storage.set_bytes(leftover, vec![3; 10_000]);
    }
    let again = Rig::start(rig.storage.copy());
    assert_eq!(again.storage.names(), wanted);
    assert_eq!(again.digest(), rig.digest());
}

/// How much of what was not flushed survives a loss, in percent: also all and nothing of it.
fn lose_power(storage: &MemoryStorage, random: &mut Random) -> MemoryStorage {
    let percent = [0, 5, 50, 95, 100][random.below(5) as usize];
    storage.lose_power(|| random.percent(percent))
}

fn recover(mut storage: MemoryStorage, layout: Layout, random: &mut Random) -> Rig {
    for _ in 0..random.below(3) {
        storage.break_after(random.below(60));
        match Rig::open(Arc::new(storage.clone()), layout) {
            Ok(rig) => {
                storage.mend();
                return rig;
            }
            Err(OpenError::Io { .. }) => storage = lose_power(&storage, random),
            Err(refused) => panic!("{refused}"),
        }
    }
    storage.mend();
    Rig::open(Arc::new(storage), layout).unwrap_or_else(|refused| panic!("{refused}"))
}

#[test]
fn the_power_may_go_at_any_moment_of_a_snapshot_or_of_a_date_that_leaves() {
    let mut seeds = Random::printed("the_power_may_go_at_any_moment_of_a_snapshot_or_of_a_date_that_leaves");
    let mut work = Workload::new(Random::new(seeds.bits()));
    work.id = id_of_any_kind;
    let mut rig = Rig::prepared();
    work.book.note_state(&rig.engine);
    let (mut finished, mut from_snapshot) = (0, 0);
    for _ in 0..120 {
        let random = &mut work.random.clone();
        let asks = work.random.below(25);
        work.go_on(&mut rig, asks);
        rig.pass(random.below(3) as i64 * DAY_MS);
        work.ask(&rig).unwrap();
        rig.flush();
        let durable = work.book.entries.len();
        let operations = match random.below(4) {
            // Beginning and end of the writing, and everything behind it.
            0 => random.below(20),
            1 => 1_027 + random.below(40),
            _ => random.below(1_160),
        };
        rig.storage.break_after(operations);
        finished += u32::from(rig.maintenance.snapshot().is_ok());
        let disk = lose_power(&rig.storage, random);
        rig = recover(disk, LAYOUT, random);
        from_snapshot += u32::from(rig.recovered.snapshot.is_some());
        assert_eq!(
            rig.recovered.snapshots_refused, 0,
            "a name stands for a whole snapshot"
        );
        assert_eq!(work.book.check(&rig, durable), durable);
        work.book.note_state(&rig.engine);
        work.random.bits();
    }
    assert!(
        finished > 5 && from_snapshot > 60,
        "{finished} finished, {from_snapshot} read"
    );
    rig.snapshot();
    assert_every_start_gives(&rig);
}
