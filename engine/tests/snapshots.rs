//! The story: snapshots are taken while the engine works, at any moment, also in the middle of a date's end. A start that goes
//! on from one has the state that a start from the journal alone has. A snapshot that is damaged anywhere, shortened, foreign or
//! from the future is refused, and the one before it, or the whole journal, gives the same state. None ever holds what is not
//! durable, and a journal that lost what a snapshot holds is refused.

mod rig;

use rig::damage::SMALL;
use rig::hooked::{HookedStorage, Operation};
use rig::random::Random;
use rig::workload::{Workload, id_of_any_kind};
use rig::{LAYOUT, PROGRAM, Rig, assert_names, refused, request, without};
use satang_engine::engine::Submitted;
use satang_engine::journal::{Layout, segment_name};
use satang_engine::keeper::KeepError;
use satang_engine::open::OpenError;
use satang_engine::snapshot::{SNAPSHOT_FOLDER, SnapshotError, load, names};
use satang_engine::storage::{MemoryStorage, PAGE_BYTES};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

const DAY_MS: i64 = 86_400_000;

/// Starts on copies of the disk: with its snapshots, without them, and without index files either; asserts that the state is
/// the one of `rig`, which has nothing in flight.
#[track_caller]
fn assert_every_start_gives(rig: &Rig) {
    let disk = rig.storage.copy();
    let (digest, records) = (rig.digest(), rig.engine.durable().sequence());
    let from_snapshot = Rig::start(disk.copy());
    assert!(from_snapshot.recovered.snapshot.is_some(), "a snapshot was read");
    assert_eq!(from_snapshot.recovered.snapshots_refused, 0);
    assert_eq!(from_snapshot.digest(), digest, "from the snapshot");
    let no_snapshots = without(&disk, SNAPSHOT_FOLDER);
    let bare = without(&no_snapshots, "ids");
    for disk in [no_snapshots, bare] {
        let from_journal = Rig::start(disk);
        assert_eq!(from_journal.recovered.snapshot, None);
        assert_eq!(from_journal.recovered.records, records);
        assert_eq!(from_journal.digest(), digest, "from the journal");
        let today = rig.engine.now().unwrap().business_date();
        let totals = |rig: &Rig| rig.engine.state().totals(today);
        let mut sums = [totals(&from_journal), totals(&from_snapshot), totals(rig)];
        sums.iter_mut()
            .for_each(|totals| totals.sort_by_key(|of| of.program.0));
        assert!(sums[0] == sums[1] && sums[1] == sums[2]);
    }
}

fn install(rig: &Rig, percent: u64) {
    let text = PROGRAM.replace("state_percent = 60", &format!("state_percent = {percent}"));
    let file = ("fair.toml".to_owned(), text);
    rig.engine.install_programs(&[file], None).unwrap();
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
                1 => install(&rig, 50 + random.below(20)),
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
        let (keeper, engine) = (rig.keeper.clone(), rig.engine.clone());
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
            let facts = keeper.snapshot().unwrap().facts;
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

#[test]
fn snapshots_are_taken_beside_several_threads() {
    let mut random = Random::printed("snapshots_are_taken_beside_several_threads");
    let mut rig = Rig::prepared();
    for _ in 0..5 {
        let done = AtomicBool::new(false);
        let (engine, keeper) = (&rig.engine, &rig.keeper);
        let committer = &mut rig.committer;
        std::thread::scope(|scope| {
            for client in 0..3u128 {
                let (mut random, done) = (Random::new(random.bits()), &done);
                scope.spawn(move || {
                    let mut last = 0;
                    while !done.load(Ordering::Relaxed) {
                        let number = 4_000_000 + u128::from(random.bits() >> 20) * 4 + client;
                        let id = id_of_any_kind(number);
                        match random.below(4) {
                            0 => drop(engine.reverse(&rig::reversal(id + 1, last, None)).unwrap()),
                            1 => {
                                let batch: Vec<_> =
                                    (1..9).map(|n| request(id + (n << 56), n as u64, 10)).collect();
                                drop(engine.authorize_batch(&batch).unwrap());
                            }
                            _ => drop(engine.authorize(&request(id, 1 + random.below(20), 100)).unwrap()),
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
                satang_engine::clock::Clock::set(engine.clock(), later).unwrap();
                keeper.snapshot().unwrap();
            }
            done.store(true, Ordering::Relaxed);
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
    let keeper = rig.keeper.clone();
    std::thread::scope(|scope| {
        let taking = scope.spawn(move || keeper.snapshot().unwrap());
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
    rig.keeper.tidy_ids().unwrap();
    assert_eq!(rig.engine.state().ids_len(), 1, "the first date has left");
    rig.flush();
    rig.keeper.tidy_ids().unwrap();
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

/// A disk with two snapshots and records behind each.
fn with_two_snapshots() -> Rig {
    let mut rig = Rig::prepared();
    let mut work = Workload::new(Random::new(11));
    work.id = id_of_any_kind;
    for _ in 0..2 {
        work.go_on(&mut rig, 80);
        rig.pass(2 * DAY_MS);
        work.go_on(&mut rig, 10);
        rig.snapshot();
    }
    work.go_on(&mut rig, 30);
    rig.flush();
    rig
}

/// The newest snapshot and the one before it.
fn two_names(rig: &Rig) -> [String; 2] {
    names(&*rig.storage).unwrap().try_into().unwrap()
}

/// Starts with other bytes in the newest snapshot, then also in the one before it.
#[track_caller]
fn assert_falls_back(rig: &Rig, digest: u64, damage: &dyn Fn(Vec<u8>) -> Vec<u8>) {
    let disk = rig.storage.copy();
    let [newest, before] = two_names(rig);
    disk.set_bytes(&newest, damage(disk.bytes(&newest)));
    let started = Rig::start(disk.copy());
    assert_eq!(started.recovered.snapshots_refused, 1);
    let through: u64 = before["snapshots/".len()..][..20].parse().unwrap();
    assert_eq!(started.recovered.snapshot, Some(through));
    assert_eq!(started.digest(), digest);
    disk.set_bytes(&before, damage(disk.bytes(&before)));
    let started = Rig::start(disk);
    assert_eq!(started.recovered.snapshots_refused, 2);
    assert_eq!(started.recovered.snapshot, None);
    assert_eq!(started.digest(), digest);
}

#[test]
fn a_snapshot_damaged_on_any_page_is_refused() {
    let mut random = Random::printed("a_snapshot_damaged_on_any_page_is_refused");
    let rig = with_two_snapshots();
    let [newest, _] = two_names(&rig);
    let whole = rig.storage.bytes(&newest);
    let id = journal_id(&rig);
    assert!(load(&*rig.storage, &newest, &id, Default::default()).is_ok());
    let disk = MemoryStorage::default();
    for name in rig.storage.list_all("ids") {
        disk.set_bytes(&name, rig.storage.bytes(&name));
    }
    let table_at = u64::from_le_bytes(whole[64..72].try_into().unwrap()) as usize;
    for page in 0..whole.len() / PAGE_BYTES {
        let mut bytes = whole.clone();
        // Padding holds nothing; the front of every page of parts is in use.
        let within = if page == 0 || page * PAGE_BYTES >= table_at {
            64
        } else {
            8
        };
        bytes[page * PAGE_BYTES + random.below(within) as usize] ^= 1 << random.below(8);
        disk.set_bytes(&newest, bytes);
        let Err(refusal) = load(&disk, &newest, &id, Default::default()) else {
            panic!("page {page} of {}", whole.len() / PAGE_BYTES);
        };
        assert!(
            refusal.to_string().starts_with(&format!("{newest}: offset ")),
            "{refusal}"
        );
    }
    for len in (0..whole.len())
        .step_by(3 * PAGE_BYTES)
        .chain([1, 4_095, whole.len() - 1])
    {
        disk.set_bytes(&newest, whole[..len].to_vec());
        assert!(
            load(&disk, &newest, &id, Default::default()).is_err(),
            "cut to {len} bytes"
        );
    }
    let longer = [&whole[..], &[0; PAGE_BYTES]].concat();
    disk.set_bytes(&newest, longer);
    assert!(
        load(&disk, &newest, &id, Default::default()).is_err(),
        "a page longer"
    );
    assert!(
        load(&disk, &newest, &[3; 16], Default::default()).is_err(),
        "another journal's"
    );
    disk.set_bytes(&newest, whole);
    assert!(
        load(&disk, &newest, &id, Default::default()).is_ok(),
        "nothing is wrong"
    );
}

#[test]
fn a_start_goes_back_to_the_snapshot_before_and_then_to_the_journal() {
    let rig = with_two_snapshots();
    let digest = rig.digest();
    assert_every_start_gives(&rig);
    let flipped = |at: fn(usize) -> usize| {
        move |mut bytes: Vec<u8>| {
            let at = at(bytes.len());
            bytes[at] ^= 0x20;
            bytes
        }
    };
    assert_falls_back(&rig, digest, &flipped(|_| 0));
    assert_falls_back(&rig, digest, &flipped(|_| 100));
    assert_falls_back(&rig, digest, &flipped(|_| PAGE_BYTES + 3));
    assert_falls_back(&rig, digest, &flipped(|len| len / 2 / PAGE_BYTES * PAGE_BYTES));
    assert_falls_back(&rig, digest, &flipped(|len| len - 2 * PAGE_BYTES));
    assert_falls_back(&rig, digest, &|_| Vec::new());
    assert_falls_back(&rig, digest, &|bytes| bytes[..bytes.len() / 2].to_vec());
    assert_falls_back(&rig, digest, &|bytes| vec![0; bytes.len()]);
    assert_falls_back(&rig, digest, &|bytes| with_header(bytes, 16, &9u32.to_le_bytes()));
    assert_falls_back(&rig, digest, &|bytes| with_header(bytes, 24, &[5; 16]));
}

/// The snapshot with other bytes in its header, whose check is right.
fn with_header(mut bytes: Vec<u8>, at: usize, field: &[u8]) -> Vec<u8> {
    bytes[at..at + field.len()].copy_from_slice(field);
    let check = blake3::hash(&bytes[16..PAGE_BYTES]);
    bytes[8..16].copy_from_slice(&check.as_bytes()[..8]);
    bytes
}

fn journal_id(rig: &Rig) -> [u8; 16] {
    let header = satang_engine::journal::first_header(&*rig.storage).unwrap();
    header.unwrap().journal_id
}

trait ListAll {
    fn list_all(&self, folder: &str) -> Vec<String>;
}

impl ListAll for MemoryStorage {
    fn list_all(&self, folder: &str) -> Vec<String> {
        let within = |name: &String| name.starts_with(&format!("{folder}/"));
        self.names().into_iter().filter(within).collect()
    }
}

/// After a damaged snapshot two that can be read are kept again, and the damaged one goes.
#[test]
fn a_damaged_snapshot_is_no_generation() {
    let rig = with_two_snapshots();
    let [newest, before] = two_names(&rig);
    let mut bytes = rig.storage.bytes(&newest);
    bytes[PAGE_BYTES] ^= 1;
    rig.storage.set_bytes(&newest, bytes);
    let mut rig = Rig::start(rig.storage.copy());
    rig.authorize(77 << 40, 1, 100);
    let next = rig.snapshot().file;
    assert_eq!(two_names(&rig), [next.clone(), before]);
    rig.storage.lose_file(&next);
    let again = Rig::start(rig.storage.copy());
    assert!(again.recovered.snapshot.is_some());
    assert_eq!(again.digest(), rig.digest());
}

#[test]
fn a_snapshot_over_a_damaged_one_of_the_same_sequence_stays() {
    let mut rig = Rig::prepared();
    let name = rig.snapshot().file;
    rig.storage.set_bytes(&name, vec![1; 5_000]);
    let mut rig = Rig::start(rig.storage.copy());
    assert_eq!(rig.recovered.snapshots_refused, 1);
    assert_eq!(rig.snapshot().file, name);
    let again = Rig::start(rig.storage.copy());
    assert!(again.recovered.snapshot.is_some());
}

/// The last group of the journal is lost, which a scan alone takes for a clean end.
#[test]
fn a_journal_that_lost_what_a_snapshot_holds_is_refused() {
    let mut rig = Rig::prepared();
    rig.authorize(1, 1, 100);
    rig.snapshot();
    let lost_from = rig.engine.durable().sequence() + 1;
    let segment = segment_name(1);
    let shorter = rig.storage.bytes(&segment);
    rig.authorize(2, 1, 100);
    let newest = rig.snapshot().file;
    rig.storage.set_bytes(&segment, shorter);
    let sequence = format!("(sequence {lost_from})");
    let refusal = refused(Rig::try_start(rig.storage.copy()));
    assert_names(&refusal, &segment);
    let text = refusal.to_string();
    assert!(text.contains(&newest) && text.contains(&sequence), "{text}");
    // Also when the snapshot itself is damaged behind its header: the one before it would hide the loss.
    let mut bytes = rig.storage.bytes(&newest);
    bytes[PAGE_BYTES] ^= 1;
    rig.storage.set_bytes(&newest, bytes);
    let refusal = refused(Rig::try_start(rig.storage.copy()));
    assert_names(&refusal, &segment);
    assert!(refusal.to_string().contains(&sequence), "{refusal}");
}

#[test]
fn a_journal_without_the_segment_a_snapshot_goes_on_from_is_refused() {
    let mut rig = Rig::prepared();
    for txn in 1..800 {
        rig.authorize(txn, 1 + txn as u64 % 20, 10);
    }
    rig.snapshot();
    let segments = rig.storage.list_all("journal");
    let last = segments.last().unwrap();
    for zeros in [false, true] {
        let disk = rig.storage.copy();
        match zeros {
            true => disk.set_bytes(last, vec![0; LAYOUT.segment_bytes as usize]),
            false => disk.lose_file(last),
        }
        let refusal = refused(Rig::try_start(disk));
        assert_names(&refusal, last);
        assert!(!refusal.to_string().contains("(sequence 1)"), "{refusal}");
    }
}

#[test]
fn a_snapshot_waits_until_what_it_holds_is_durable() {
    let mut rig = Rig::prepared();
    let before = rig.snapshot();
    let Submitted::Decided { position, .. } = rig.engine.authorize(&request(1, 1, 1_000)).unwrap() else {
        panic!()
    };
    let copied = |rig: &Rig| {
        let names = rig.storage.list_all(SNAPSHOT_FOLDER);
        let unfinished = names.iter().find(|name| name.ends_with(".tmp"))?;
        Some(rig.storage.bytes(unfinished).len())
    };
    let keeper = rig.keeper.clone();
    std::thread::scope(|scope| {
        let taking = scope.spawn(move || keeper.snapshot().unwrap().facts);
        // Every part is a page at least; the table is written at the end.
        let parts = (before.bytes as usize / PAGE_BYTES) - 14;
        while !taking.is_finished() && copied(&rig).is_none_or(|len| len < parts * PAGE_BYTES) {
            std::thread::yield_now();
        }
        for _ in 0..1_000 {
            std::thread::yield_now();
        }
        assert!(!taking.is_finished(), "it holds what is not durable");
        assert_eq!(names(&*rig.storage).unwrap(), [before.file.clone()]);
        assert!(!rig.engine.durable().check(position).unwrap());
        rig.committer.step().unwrap();
        let facts = taking.join().unwrap();
        assert!(facts.sequence > before.sequence && rig.engine.durable().sequence() >= facts.sequence);
    });
}

#[test]
fn a_snapshot_of_a_journal_that_fails_is_none() {
    let mut rig = Rig::prepared();
    rig.engine.authorize(&request(1, 1, 1_000)).unwrap();
    rig.storage.break_after(2);
    let keeper = rig.keeper.clone();
    rig.storage.break_after(0);
    assert!(rig.committer.step().is_err());
    rig.storage.mend();
    let taken = keeper.snapshot();
    assert!(
        matches!(taken, Err(KeepError::Snapshot(SnapshotError::Journal(_)))),
        "{taken:?}"
    );
    assert_eq!(rig.storage.list_all(SNAPSHOT_FOLDER), <[String; 0]>::default());
}

#[test]
fn a_full_disk_leaves_no_half_snapshot_and_decisions_go_on() {
    let mut rig = with_two_snapshots();
    rig.pass(3 * DAY_MS);
    rig.authorize(501 << 40, 2, 100);
    let (before, mut refused) = (rig.storage.list_all(SNAPSHOT_FOLDER), 0);
    for pages in (0..900).step_by(90) {
        rig.storage.fill_after(pages);
        if let Err(error) = rig.keeper.snapshot() {
            refused += 1;
            let names = rig.storage.names();
            assert!(!names.iter().any(|name| name.ends_with(".tmp")), "{names:?}");
            assert_eq!(rig.storage.list_all(SNAPSHOT_FOLDER), before, "{error}");
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
    assert!(rig.keeper.keep().is_err());
    assert_eq!(rig.storage.list_all("ids").len(), 1);
    rig.storage.make_room();
    assert!(
        rig.keeper.keep().unwrap().is_none(),
        "not yet: a minute has not passed"
    );
    // A start that had to let the date leave once more owes the snapshot too.
    let again = Rig::start(rig.storage.copy());
    assert!(again.keeper.keep().unwrap().is_some());
    assert!(again.keeper.keep().unwrap().is_none(), "nothing is due");
}

#[test]
fn a_date_that_left_makes_a_snapshot_due_until_there_is_one() {
    let mut rig = Rig::prepared();
    rig.authorize(1, 1, 100);
    assert!(rig.keeper.keep().unwrap().is_none());
    rig.pass(3 * DAY_MS);
    rig.authorize(2, 1, 100);
    assert!(rig.keeper.tidy_ids().unwrap());
    assert!(rig.keeper.keep().unwrap().is_some());
    assert!(rig.keeper.keep().unwrap().is_none());
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
            1 => 770 + random.below(40),
            _ => random.below(900),
        };
        rig.storage.break_after(operations);
        finished += u32::from(rig.keeper.snapshot().is_ok());
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
