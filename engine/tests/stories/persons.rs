//! The story: citizens become persons, and whatever happens no record outlives the person it names. A person is made in
//! memory, by whichever request comes first, and is on disk before the record is; the request itself never touches the disk.

use crate::rig::hooked::{HookedStorage, Operation};
use crate::rig::random::Random;
use crate::rig::{LAYOUT, Rig, Survivors, enrollment};
use satang_core::ids::PersonId;
use satang_core::record::Record;
use satang_engine::persons::{CitizenKey, PERSONS_FILE, PersonStore};
use satang_log::file::Layout;
use satang_log::storage::{MemoryStorage, PAGE_BYTES, Storage};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The persons that records in the journal name.
fn named(storage: &Arc<MemoryStorage>) -> Vec<PersonId> {
    let records = Survivors::of(storage).records.into_iter();
    records
        .filter_map(|(_, record)| match record {
            Record::Enrollment(record) => Some(record.person()),
            _ => None,
        })
        .collect()
}

/// The person that holds a wallet.
fn holder<S: Storage>(rig: &Rig<S>, wallet: u64) -> Option<PersonId> {
    let wallet = enrollment(wallet).wallet;
    let state = rig.engine.state();
    state.wallets[state.seed.wallet_shard(wallet)]
        .lock()
        .person(wallet)
}

/// Enrolls in calls of one line and of many, over several segments; ends early when the disk breaks. Says which sequence makes
/// which wallets' enrollments durable.
fn enroll_many(rig: &mut Rig, enrolled: &mut Vec<(u64, u64, PersonId)>) -> Result<(), ()> {
    let mut wallet = 100;
    for round in 0..24 {
        for len in [1, 1, 200 * u64::from(round % 8 == 7)] {
            let lines: Vec<_> = (wallet..wallet + len).map(enrollment).collect();
            let (outcomes, sequence) = rig.engine.enroll(&lines, None).unwrap();
            assert!(outcomes.iter().all(Result::is_ok));
            let persons = lines.iter().map(|line| rig.engine.persons().find(line.citizen));
            enrolled.extend(
                (wallet..)
                    .zip(persons)
                    .map(|(n, person)| (sequence, n, person.unwrap())),
            );
            wallet += len;
        }
        while rig.committer.step().map_err(drop)? {}
        if round % 5 == 0 {
            rig.committer.cover().map_err(drop)?;
        }
    }
    Ok(())
}

/// Starts from a disk that lost power: everybody named is there, and so is every enrollment that was durable.
fn check_start(disk: MemoryStorage, enrolled: &[(u64, u64, PersonId)]) {
    let rig = Rig::open(Arc::new(disk), LAYOUT).unwrap_or_else(|refused| panic!("{refused}"));
    let named = named(&rig.storage);
    let (persons, store) = (rig.engine.persons(), open_store(&rig.storage));
    assert_eq!(persons.missing(named.iter().copied()), 0);
    assert_eq!(store.persons().missing(named.iter().copied()), 0);
    assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), named.len());
    for (_, wallet, person) in enrolled {
        assert_eq!(holder(&rig, *wallet), Some(*person), "wallet {wallet}");
        assert_eq!(persons.find(enrollment(*wallet).citizen), Some(*person));
    }
}

fn open_store(storage: &Arc<MemoryStorage>) -> PersonStore<MemoryStorage> {
    PersonStore::open(storage, CitizenKey::from_bytes([1; 32])).unwrap()
}

#[test]
fn no_record_outlives_the_person_it_names_wherever_the_power_goes() {
    let mut seeds = Random::printed("no_record_outlives_the_person_it_names_wherever_the_power_goes");
    // Without a person store, so that making its file is one of the steps.
    let prepared = MemoryStorage::default();
    Rig::start(prepared.clone()).prepare(0);
    let (mut torn, mut unnamed) = (0, 0);
    for operations in 0.. {
        let mut rig = Rig::start(prepared.copy());
        let mut enrolled = Vec::new();
        rig.storage.break_after(operations);
        let done = enroll_many(&mut rig, &mut enrolled).is_ok();
        rig.storage.mend();
        enrolled.retain(|(sequence, _, _)| rig.engine.durable().check(*sequence) == Ok(true));
        let mut random = Random::new(seeds.bits());
        for percent in [0, 30, 70, 100] {
            let disk = Arc::new(rig.storage.lose_power(|| random.percent(percent)));
            if disk.names().iter().any(|name| name == PERSONS_FILE) {
                let store = open_store(&disk);
                torn += u32::from(store.unreadable().pages > 0);
                unnamed += u32::from(store.persons().len() > enrolled.len());
            }
            check_start(disk.copy(), &enrolled);
        }
        if done {
            assert!(operations > 80, "{operations} operations");
            assert!(
                torn > 0 && unnamed > 0,
                "{torn} torn, {unnamed} with somebody unnamed"
            );
            return;
        }
    }
}

#[test]
fn nobody_is_on_disk_before_the_journal_is_written_and_everybody_is_when_it_is() {
    let storage = HookedStorage::default();
    let disk = storage.disk.clone();
    let mut rig = Rig::open(Arc::new(storage.clone()), LAYOUT).unwrap();
    rig.prepare(1);
    let of_the_store = || disk.bytes(PERSONS_FILE).len() / PAGE_BYTES;
    let (pages, before) = (rig.engine.persons().pages(), of_the_store());
    assert_eq!(pages, before as u64);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (log, hooked) = (seen.clone(), disk.clone());
    storage.hook.set(move |operation| {
        let pages = hooked.bytes(PERSONS_FILE).len() / PAGE_BYTES;
        log.lock().unwrap().push((operation, pages - before));
    });
    let lines: Vec<_> = (2..402).map(enrollment).collect();
    let (_, sequence) = rig.engine.enroll(&lines, None).unwrap();
    rig.engine.authorize(&crate::rig::request(1, 1, 100)).unwrap();
    assert_eq!(*seen.lock().unwrap(), [], "requests do not touch the disk");
    assert!(rig.committer.step().unwrap());
    {
        let seen = seen.lock().unwrap();
        assert_eq!(
            seen[..2],
            [(Operation::Write { pages: 3 }, 0), (Operation::Flush, 3)]
        );
        assert!(matches!(seen[2], (Operation::Write { .. }, 3)), "{seen:?}");
        assert_eq!(seen.iter().filter(|(op, _)| *op == Operation::Flush).count(), 2);
    }
    assert_eq!(rig.engine.persons().pages(), pages + 3);
    // From here on everybody is known: the store is left alone.
    while rig.committer.step().unwrap() {}
    assert_eq!(rig.engine.durable().check(sequence), Ok(true));
    seen.lock().unwrap().clear();
    rig.engine.enroll(&lines, None).unwrap();
    rig.engine.authorize(&crate::rig::request(2, 1, 100)).unwrap();
    assert!(rig.committer.step().unwrap());
    let seen = seen.lock().unwrap();
    assert_eq!(
        seen.iter().filter(|(op, _)| *op == Operation::Flush).count(),
        1,
        "{seen:?}"
    );
    storage.hook.clear();
}

#[test]
fn who_is_enrolled_while_persons_are_flushed_is_in_the_next_group_and_flushed_before_it() {
    let storage = HookedStorage::default();
    let mut rig = Rig::open(Arc::new(storage.clone()), LAYOUT).unwrap();
    rig.prepare(1);
    let (engine, flushes) = (rig.engine.clone(), AtomicUsize::new(0));
    storage.hook.set(move |operation| {
        let first = operation == Operation::Flush && flushes.fetch_add(1, Ordering::Relaxed) == 0;
        if first {
            engine.enroll(&[enrollment(3), enrollment(2)], None).unwrap();
        }
    });
    let (_, sequence) = rig.engine.enroll(&[enrollment(2)], None).unwrap();
    assert!(rig.committer.step().unwrap());
    storage.hook.clear();
    assert_eq!(rig.engine.durable().check(sequence), Ok(true));
    for wallets in [2, 3] {
        let after = Arc::new(storage.disk.lose_power(|| false));
        let named = named(&after);
        assert_eq!(named.len(), wallets);
        assert_eq!(open_store(&after).persons().missing(named.into_iter()), 0);
        rig.committer.step().unwrap();
    }
}

#[test]
fn threads_that_enroll_the_same_citizens_enroll_each_once_while_the_journal_is_written() {
    const CITIZENS: u64 = 2_000;
    // One segment: the power is lost for one file after the other.
    let layout = Layout {
        segment_bytes: 32 << 20,
        ..LAYOUT
    };
    let mut rig = Rig::open(Arc::new(MemoryStorage::default()), layout).unwrap();
    rig.prepare(20);
    let (engine, storage, committer) = (rig.engine.clone(), rig.storage.clone(), rig.committer);
    let writer = std::thread::spawn(|| committer.run());
    let durable_without_person = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (engine, storage, wrong) = (&engine, &storage, &durable_without_person);
            scope.spawn(move || {
                for n in 0..CITIZENS {
                    let (outcomes, sequence) = engine.enroll(&[enrollment(1_000 + n)], None).unwrap();
                    assert_eq!(outcomes, [Ok(())]);
                    // Now and then the power goes, right after an answer.
                    if n % 500 == thread * 100 {
                        engine.durable().block_until(sequence).unwrap();
                        let after = Arc::new(storage.lose_power(|| false));
                        let named = named(&after).into_iter();
                        let missing = open_store(&after).persons().missing(named);
                        wrong.fetch_add(missing, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    engine.appender().stop();
    writer.join().unwrap().unwrap();
    assert_eq!(durable_without_person.into_inner(), 0);
    assert_eq!(named(&storage).len() as u64, CITIZENS + 20);
    assert_eq!(engine.persons().len() as u64, CITIZENS + 20);
    let again = Rig::start(storage.lose_power(|| false));
    assert_eq!(again.engine.state().digest(), engine.state().digest());
    for n in 0..CITIZENS {
        let person = again.engine.persons().find(enrollment(1_000 + n).citizen);
        assert_eq!(holder(&again, 1_000 + n), person);
    }
}

#[test]
fn a_snapshot_counts_on_pages_that_are_durable_and_hold_everybody_in_it() {
    let mut rig = Rig::prepared();
    rig.engine.enroll(&[enrollment(100)], None).unwrap();
    rig.flush();
    // Staged by a request that appended nothing: the snapshot does not wait for it.
    rig.engine.persons().resolve(enrollment(101).citizen).unwrap();
    let facts = rig.maintenance.snapshot().unwrap().facts;
    let pages = rig.engine.persons().pages();
    assert_eq!(
        pages,
        rig.storage.bytes(PERSONS_FILE).len() as u64 / PAGE_BYTES as u64
    );
    // FORMAT.md: offset 160 of a snapshot's header.
    let in_header = &rig.storage.bytes(&facts.file)[160..168];
    assert_eq!(u64::from_le_bytes(in_header.try_into().unwrap()), pages);
    let again = Rig::start(rig.storage.lose_power(|| false));
    assert!(again.recovered.snapshot.is_some());
    assert!(again.engine.persons().find(enrollment(100).citizen).is_some());
    assert_eq!(again.engine.persons().find(enrollment(101).citizen), None);
}
