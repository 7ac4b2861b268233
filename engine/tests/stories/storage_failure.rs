//! The story: the disk fails or is full. Whatever operation fails, no answer leaves that is not on disk, nothing is written
//! behind the failure, and the next start finds all that was answered. A full disk stops authorizations first, reversals
//! later, and neither what is in flight; with room again everything goes on without a restart.

use crate::rig::hooked::{HookedStorage, Operation};
use crate::rig::office::{assert_recorded, case, register, registration, shop, started, today};
use crate::rig::random::Random;
use crate::rig::workload::Workload;
use crate::rig::{LAYOUT, Rig, enrollment, merchant, request, reversal};
use satang_core::ids::{Name, WalletId};
use satang_core::money::Satang;
use satang_core::outcome::RegistrationReason;
use satang_core::programme::Category;
use satang_core::record::Status;
use satang_core::state::casework::CaseworkRefusal;
use satang_engine::engine::{SubmitError, Submitted};
use satang_engine::session::casework::{CaseworkOutcome, DebtorInput};
use satang_engine::session::register::Registered;
use satang_engine::session::replacement::{ReplacementInput, ReplacementOutcome};
use satang_log::commit::CommitError;
use satang_log::durable::StorageFailed;
use satang_log::file::{Layout, Spares, segment_name};
use satang_log::log::{Space, Upkeep};
use satang_log::storage::{FileStorage, MemoryStorage, PAGE_BYTES, ReadStorage as _};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// A fixed piece of work over several segments; ends early when something fails.
fn work_through(work: &mut Workload, rig: &mut Rig) -> Result<(), ()> {
    for round in 0..60 {
        work.ask(rig).map_err(drop)?;
        if round % 2 == 0 {
            rig.committer.step().map_err(drop)?;
        }
        if round % 9 == 0 {
            while rig.committer.step().map_err(drop)? {}
            rig.committer.cover().map_err(drop)?;
        }
    }
    Ok(())
}

const SMALL: Layout = Layout {
    segment_bytes: 24 << 10,
    group_bytes_max: 8 << 10,
};

/// Asserts that an engine whose disk failed writes nothing more, though the disk works again.
fn assert_poisoned(rig: &mut Rig) {
    rig.storage.mend();
    let before = rig.storage.operations();
    assert!(rig.engine.durable().has_failed());
    assert!(rig.engine.authorize(&request(1 << 90, 1, 100)).is_err());
    assert!(rig.engine.reverse(&reversal(1 << 91, 1 << 92, None)).is_err());
    assert!(rig.engine.enroll(&[], None).is_err());
    assert!(rig.committer.step().is_err());
    assert!(rig.committer.cover().is_err());
    assert_eq!(
        rig.storage.operations(),
        before,
        "nothing is written behind a failure (I8)"
    );
}

#[test]
fn whichever_operation_fails_nothing_false_is_answered_and_a_restart_is_fine() {
    let mut rig = Rig::open(Arc::new(MemoryStorage::default()), SMALL).unwrap();
    rig.prepare(20);
    let prepared = rig.storage.copy();
    for operations in 0.. {
        let mut rig = Rig::open(Arc::new(prepared.copy()), SMALL).unwrap();
        let mut work = Workload::new(Random::new(8));
        work.batch_len_max = 20;
        work.book.note_state(&rig.engine);
        rig.storage.break_after(operations);
        if work_through(&mut work, &mut rig).is_ok() {
            assert!(
                operations > 100,
                "the work takes more than {operations} operations"
            );
            return;
        }
        let durable = work.book.durable(&rig.engine);
        assert_poisoned(&mut rig);
        assert_eq!(
            work.book.durable(&rig.engine),
            durable,
            "nothing becomes durable later"
        );
        let killed = Rig::open(rig.storage.clone(), SMALL).unwrap();
        work.book.clone().check(&killed, durable);
        for percent in [0, 60] {
            let disk = rig.storage.lose_power(|| work.random.percent(percent));
            let restarted = Rig::open(Arc::new(disk), SMALL).unwrap();
            work.book.clone().check(&restarted, durable);
        }
    }
}

#[test]
fn whichever_operation_of_a_start_fails_the_next_start_is_fine() {
    let mut rig = Rig::prepared();
    let requests: Vec<_> = (1..120)
        .map(|txn| request(txn, 1 + txn as u64 % 20, 700))
        .collect();
    rig.engine.authorize_batch(&requests).unwrap();
    rig.storage.break_after(1);
    assert!(rig.committer.step().is_err());
    // A torn group, a damaged copy of a header, leftovers: everything that a start repairs.
    let mut sectors = 0;
    let torn = rig.storage.lose_power(|| {
        sectors += 1;
        sectors % 5 != 0
    });
    let mut header = torn.bytes("journal/0000000001.seg");
    header[20] ^= 1;
    torn.set_bytes("journal/0000000001.seg", header);
    torn.set_bytes("journal/0000000002.seg", vec![0; LAYOUT.segment_bytes as usize]);
    torn.set_bytes("journal/0000000003.seg.tmp", vec![0; 4096]);
    let digest = Rig::start(torn.copy()).digest();
    for operations in 0.. {
        let storage = Arc::new(torn.copy());
        storage.break_after(operations);
        let started = Rig::open(storage.clone(), LAYOUT).is_ok();
        storage.mend();
        let again = Rig::open(storage, LAYOUT).unwrap();
        assert_eq!(again.digest(), digest);
        if started {
            assert!(operations > 8, "{operations}");
            return;
        }
    }
}

/// Waits, without sleeping, for what another thread is about to do.
fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !happened() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

/// Runs `test` with a thread that prepares spares.
fn with_preparer(rig: &mut Rig, test: impl FnOnce(&mut Rig)) {
    let upkeep = rig.upkeep.clone();
    std::thread::scope(|threads| {
        threads.spawn(|| upkeep.run_until_stopped());
        // Stopped also when the test fails, or its thread would be waited for.
        struct Stop<'s>(&'s dyn Upkeep);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.stop();
            }
        }
        let _stop = Stop(&*upkeep);
        test(rig);
    });
}

#[test]
fn a_full_disk_stops_authorizations_first_reversals_later_and_never_what_is_in_flight() {
    let mut rig = Rig::prepared();
    let segment_pages = u64::from(LAYOUT.segment_bytes) / PAGE_BYTES as u64;
    rig.storage.fill_after(3 * segment_pages);
    with_preparer(&mut rig, |rig| {
        let mut id = 0u128;
        let mut next = || {
            id += 1;
            id
        };
        until("three spares are made", || rig.storage.names().len() >= 5);
        while in_first_segment(rig) {
            rig.authorize(next(), 1, 100);
        }
        until("a fourth cannot be made", || rig.engine.space() != Space::Enough);
        assert_eq!(rig.engine.space(), Space::ReversalsOnly);
        let refused = rig.engine.authorize(&request(next(), 1, 100));
        assert!(matches!(refused, Err(SubmitError::DiskFull { reversals: true })));
        assert!(matches!(
            rig.engine.authorize_batch(&[request(next(), 1, 100)]),
            Err(SubmitError::DiskFull { reversals: true })
        ));
        while rig.engine.space() == Space::ReversalsOnly {
            let Submitted::Decided { sequence, .. } =
                rig.engine.reverse(&reversal(next(), 1 << 80, None)).unwrap()
            else {
                panic!()
            };
            if rig.engine.space() == Space::ReversalsOnly {
                rig.flush();
                assert_eq!(rig.engine.durable().check(sequence), Ok(true));
            }
        }
        let refused = rig.engine.reverse(&reversal(next(), 1 << 81, None));
        assert!(matches!(refused, Err(SubmitError::DiskFull { reversals: false })));
        rig.storage.make_room();
        until("there is room again", || rig.engine.space() == Space::Enough);
        // On over several segments, at once.
        (0..60).for_each(|_| assert!(rig.authorize(next(), 1, 100).header.sequence > 0));
    });
    let digest = rig.digest();
    assert_eq!(Rig::start(rig.storage.copy()).digest(), digest);
}

/// Whether the first segment is still written to.
fn in_first_segment(rig: &Rig) -> bool {
    rig.storage.bytes(&segment_name(2))[0] == 0
}

#[test]
fn what_is_in_flight_on_a_full_disk_waits_for_room_and_is_answered() {
    let mut rig = Rig::prepared();
    let mut sequences = Vec::new();
    for txn in 1..2_500 {
        match rig.engine.authorize(&request(txn, 1, 100)).unwrap() {
            Submitted::Decided { sequence, .. } => sequences.push(sequence),
            other => panic!("{other:?}"),
        }
    }
    // Four segments and more are in flight; the disk has room for three.
    assert!(rig.engine.appender().in_flight_bytes() > 3 * LAYOUT.segment_bytes as usize);
    rig.storage
        .fill_after(3 * u64::from(LAYOUT.segment_bytes) / PAGE_BYTES as u64);
    with_preparer(&mut rig, |rig| {
        until("three spares are made", || rig.storage.names().len() >= 5);
        let (engine, storage) = (rig.engine.clone(), rig.storage.clone());
        std::thread::scope(|threads| {
            let writer = threads.spawn(|| rig.flush());
            until("the writer waits for room", || engine.space() == Space::None);
            assert!(!engine.durable().has_failed());
            assert!(matches!(
                engine.authorize(&request(1 << 70, 1, 1)),
                Err(SubmitError::DiskFull { reversals: false })
            ));
            storage.make_room();
            writer.join().unwrap();
        });
        for sequence in &sequences {
            assert_eq!(engine.durable().check(*sequence), Ok(true));
        }
    });
    let digest = rig.digest();
    assert_eq!(Rig::start(rig.storage.copy()).digest(), digest);
}

#[test]
fn a_spare_is_made_by_one_thread_at_a_time_also_while_stopping() {
    let storage = HookedStorage::default();
    let spares = Spares::new(1, LAYOUT.segment_bytes);
    let (creates, renames) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (created, renamed) = (creates.clone(), renames.clone());
    let taking = Arc::new(AtomicBool::new(false));
    let others_take = taking.clone();
    storage.hook.set(move |operation| match operation {
        Operation::Create => drop(created.fetch_add(1, SeqCst)),
        // The preparer is held at its first rename, for long enough to be overtaken by whoever would make the same spare.
        Operation::Rename if renamed.fetch_add(1, SeqCst) == 0 => {
            until("somebody takes a spare", || others_take.load(SeqCst));
            (0..20_000)
                .take_while(|_| created.load(SeqCst) < 2)
                .for_each(|_| std::thread::yield_now());
        }
        _ => {}
    });
    std::thread::scope(|threads| {
        threads.spawn(|| spares.prepare_until_stopped(&storage));
        until("the preparer is about to rename", || renames.load(SeqCst) == 1);
        spares.stop();
        taking.store(true, SeqCst);
        assert_eq!(spares.take(&storage).unwrap().0, 1);
    });
    assert_eq!(creates.load(SeqCst), 1, "segment 1 was made twice");
    assert_eq!(
        spares.take(&storage).unwrap().0,
        2,
        "without a preparer the taker makes its own"
    );
    assert!(
        storage
            .disk
            .names()
            .contains(&"journal/0000000002.seg".to_owned())
    );
}

#[test]
fn a_failed_person_store_ends_the_writer() {
    let mut rig = Rig::prepared();
    // Nothing to vouch for: the writer sleeps until somebody wakes it.
    rig.committer.cover().unwrap();
    let committer = rig.committer;
    let writer = std::thread::spawn(|| committer.run());
    (0..10_000).for_each(|_| std::thread::yield_now());
    let journal = || rig.storage.bytes("journal/0000000001.seg");
    let before = journal();
    rig.storage.break_after(0);
    let (outcomes, sequence) = rig.engine.enroll(&[crate::rig::enrollment(99)], None).unwrap();
    assert_eq!(outcomes, [Ok(())], "the disk is not asked yet");
    assert_eq!(rig.engine.durable().block_until(sequence), Err(StorageFailed));
    until("the writer ends", || writer.is_finished());
    let ended = writer.join().unwrap();
    assert!(matches!(ended, Err(CommitError::Participant { .. })), "{ended:?}");
    assert!(
        journal() == before,
        "a record of the person was written all the same"
    );
    assert!(rig.engine.authorize(&request(1, 1, 100)).is_err());
    assert!(rig.engine.enroll(&[crate::rig::enrollment(98)], None).is_err());
}

#[test]
fn a_folder_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = FileStorage::open_folder(folder.path()).unwrap();
    let second = FileStorage::open_folder(folder.path());
    assert_eq!(
        second.err().map(|error| error.kind()),
        Some(io::ErrorKind::WouldBlock)
    );
    drop(first);
    assert!(FileStorage::open_folder(folder.path()).is_ok());
}

/// Works on real files, stops as if killed, restarts.
fn on_real_files(open: impl Fn() -> FileStorage) {
    let (mut work, digest) = {
        let mut rig = Rig::open(Arc::new(open()), LAYOUT).unwrap();
        rig.prepare(20);
        let mut work = Workload::new(Random::new(3));
        work.book.note_state(&rig.engine);
        work.go_on(&mut rig, 300);
        rig.flush();
        (work, rig.digest())
    };
    let durable = work.book.entries.len();
    let mut rig = Rig::open(Arc::new(open()), LAYOUT).unwrap();
    assert_eq!(work.book.check(&rig, durable), durable);
    assert_eq!(rig.digest(), digest);
    assert!(rig.storage.list("journal").unwrap().len() > 1);
    work.go_on(&mut rig, 20);
}

#[test]
fn real_files_hold_what_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("several/new/folders");
    on_real_files(|| FileStorage::open_folder(&data).unwrap());
    let names: Vec<_> = std::fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 4, "lock, persons.db, journal and ids: {names:?}");
}

#[test]
fn real_files_hold_it_too_where_direct_io_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    on_real_files(|| {
        let storage = FileStorage::open_folder(folder.path())
            .unwrap()
            .without_direct_io();
        assert!(storage.direct_refused());
        storage
    });
}

#[test]
fn answers_that_were_given_are_repeated_on_a_full_disk() {
    let mut rig = started();
    rig.authorize(1, 1, 100);
    assert_eq!(register(&rig, 7, 7).0, RegistrationReason::Accepted);
    let Submitted::Decided { sequence, .. } = rig.engine.reverse(&reversal(2, 1, None)).unwrap() else {
        panic!("decided")
    };
    let claim = |rig: &Rig, number, owed| {
        let debtor = DebtorInput::Merchant(shop());
        rig.engine
            .open_case(case(number), debtor, Satang::new(owed), today(), "เรียกคืน", None)
    };
    let pause = |rig: &Rig, why| {
        let fair = Name::parse("fair").unwrap();
        rig.engine.set_program_status(&fair, Status::Suspended, why, None)
    };
    let replace = |rig: &Rig, old, new| {
        let input = ReplacementInput {
            wallet: WalletId::from_number(old),
            new_wallet: WalletId::from_number(new),
            reason: "หาย".into(),
        };
        rig.engine.replace_wallet(&input, None)
    };
    assert_recorded(claim(&rig, 1, 500).unwrap());
    replace(&rig, 2, 20).unwrap();
    let paused = pause(&rig, "ตรวจสอบ").unwrap();
    rig.flush();
    rig.storage.fill_after(0);
    with_preparer(&mut rig, |rig| {
        until("no spare can be made", || rig.engine.space() == Space::None);
        let engine = &rig.engine;
        // What the desk sends again changes nothing, and what it may not do is refused as ever.
        assert_eq!(claim(rig, 1, 500).unwrap(), CaseworkOutcome::Unchanged);
        let conflict = CaseworkOutcome::Refused(CaseworkRefusal::CaseIdConflict);
        assert_eq!(claim(rig, 1, 501).unwrap(), conflict);
        let repeated = replace(rig, 2, 20).unwrap();
        assert!(
            matches!(repeated, ReplacementOutcome::Repeated { .. }),
            "{repeated:?}"
        );
        assert_eq!(pause(rig, "ตรวจสอบ").unwrap(), paused);
        let (outcomes, _) = engine
            .put_merchants(&[merchant(Category::FoodDrink)], None)
            .unwrap();
        assert_eq!(outcomes, [Ok(())]);
        assert_eq!(engine.enroll(&[enrollment(1)], None).unwrap().0, [Ok(())]);
        let repeated = engine.authorize(&request(1, 1, 100)).unwrap();
        assert!(matches!(repeated, Submitted::Seen { .. }), "{repeated:?}");
        let repeated = engine.authorize_batch(&[request(1, 1, 100)]).unwrap();
        assert!(matches!(repeated[..], [Submitted::Seen { .. }]), "{repeated:?}");
        let repeated = engine.reverse(&reversal(2, 1, None)).unwrap();
        assert_eq!(repeated.sequence(), sequence);
        let repeated = engine.register(&registration(7, 7)).unwrap();
        assert!(matches!(repeated, Registered::Seen { .. }), "{repeated:?}");
        // New ones are refused, and a batch with one of them wholly.
        let both = [request(1, 1, 100), request(3, 1, 100)];
        let refused = [
            engine.authorize(&request(3, 1, 100)).map(drop),
            engine.authorize_batch(&both).map(drop),
            engine.reverse(&reversal(4, 1, None)).map(drop),
            engine.register(&registration(8, 8)).map(drop),
            claim(rig, 2, 500).map(drop),
            replace(rig, 1, 21).map(drop),
            pause(rig, "อีกครั้ง").map(drop),
            engine
                .put_merchants(&[merchant(Category::Electricity)], None)
                .map(drop),
            engine.enroll(&[enrollment(3)], None).map(drop),
        ];
        let full =
            |refused: &Result<(), _>| matches!(refused, Err(SubmitError::DiskFull { reversals: false }));
        assert!(refused.iter().all(full), "{refused:?}");
    });
}

#[test]
fn a_spare_that_fails_is_made_anew_and_called_what_it_is() {
    let mut rig = Rig::prepared();
    rig.storage.break_after(0);
    with_preparer(&mut rig, |rig| {
        until("no spare can be made", || rig.engine.space() == Space::None);
        let refused = rig.engine.authorize(&request(1, 1, 100));
        assert!(
            matches!(refused, Err(SubmitError::NoSpare { reversals: false })),
            "{refused:?}"
        );
        assert!(!rig.engine.durable().has_failed());
        rig.storage.mend();
        until("the disk is asked again", || rig.engine.space() == Space::Enough);
        rig.authorize(1, 1, 100);
    });
}

#[test]
fn a_new_citizen_on_a_full_disk_is_refused_or_registered_and_nothing_fails() {
    let mut rig = started();
    rig.storage.fill_after(0);
    // As long as there is room for the journal: each flush takes a page of the person store.
    let before = rig.engine.persons().len();
    for number in 100..140 {
        // Of whom some are too late for the quota.
        register(&rig, number.into(), number);
        if number % 10 == 0 {
            rig.flush();
        }
    }
    rig.flush();
    assert!(!rig.engine.durable().has_failed());
    let digest = rig.digest();
    let again = Rig::start(rig.storage.copy());
    assert_eq!(
        (again.digest(), again.engine.persons().len()),
        (digest, before + 40)
    );
}
