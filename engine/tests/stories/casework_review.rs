//! A hostile review of casework: erasing.

use crate::rig::office::*;
use crate::rig::*;
use satang_core::ids::{PersonId, WalletId};
use satang_core::state::casework::Block;
use satang_engine::persons::{CitizenKey, PERSONS_FILE, PersonStore, erase_entries};
use satang_engine::session::casework::Subject;
use satang_engine::session::enroll::{EnrollmentInput, EnrollmentRefusal};
use satang_log::commit::FlushedBefore as _;
use satang_log::storage::MemoryStorage;
use std::collections::BTreeSet;
use std::sync::Arc;

fn store(storage: &Arc<MemoryStorage>) -> PersonStore<MemoryStorage> {
    let mut store = PersonStore::open(storage, CitizenKey::from_bytes([7; 32])).unwrap();
    store.prepare().unwrap();
    store
}

/// A store of two pages: the first with so many citizens, the second with one more.
fn two_pages(first: u64) -> (Arc<MemoryStorage>, Vec<PersonId>) {
    let storage = Arc::new(MemoryStorage::default());
    let mut written = store(&storage);
    let persons = written.persons().clone();
    let mut ids: Vec<PersonId> = (0..first).map(|n| persons.resolve(citizen(n)).unwrap()).collect();
    written.flush().unwrap();
    ids.push(persons.resolve(citizen(first)).unwrap());
    written.flush().unwrap();
    assert_eq!(persons.pages(), 2);
    (storage, ids)
}

/// The flush of a page fails, the server goes on; the next erasure puts its own page into `persons.erase`, and the power fails: the
/// copy of the first page is gone, and the page may be torn.
#[test]
fn a_page_whose_flush_failed_is_not_lost_when_the_next_erasure_meets_a_power_loss() {
    let (storage, persons) = two_pages(60);
    storage.break_after(5);
    erase_entries(&*storage, &BTreeSet::from([persons[30]])).unwrap_err();
    storage.mend();
    // Asked again with somebody else: up to the copy of the second page being durable.
    storage.break_after(4);
    erase_entries(&*storage, &BTreeSet::from([persons[30], persons[60]])).unwrap_err();
    let mut asked = 0;
    let after = Arc::new(storage.lose_power(|| {
        asked += 1;
        asked % 2 == 1
    }));
    let store = store(&after);
    let left = (0..61)
        .filter(|n| store.persons().find(citizen(*n)).is_some())
        .count();
    assert_eq!(
        (left, store.unreadable().pages),
        (61, 0),
        "persons found, unreadable pages"
    );
}

/// The flush fails, the same erasure is asked again and is answered: the entry is still on the disk.
#[test]
fn an_erasure_that_is_answered_after_a_failed_flush_is_on_the_disk() {
    let (storage, persons) = two_pages(60);
    let erased = BTreeSet::from([persons[30]]);
    storage.break_after(5);
    erase_entries(&*storage, &erased).unwrap_err();
    storage.mend();
    erase_entries(&*storage, &erased).unwrap();
    let after = storage.lose_power(|| false);
    let number = persons[30].number().to_le_bytes();
    let bytes = after.bytes(PERSONS_FILE);
    assert!(
        !bytes.windows(8).any(|window| window == number),
        "answered as erased, and the disk still has the entry"
    );
}

/// Between the record and the entry's end (a crash, a disk that fails, the seconds of reading a large store), lines of the citizen
/// change the right of somebody who was erased.
#[test]
fn no_line_changes_the_right_of_an_erased_citizen() {
    let mut rig = started();
    let subject = Subject::Citizen(citizen(1));
    assert_recorded(rig.engine.erase_person(subject, "x", None).unwrap().0);
    rig.flush();
    let excluded = Err(EnrollmentRefusal::Excluded(Block::Erased));
    let line = EnrollmentInput {
        usable_from: Some(today().next()),
        ..enrollment(1)
    };
    // And through somebody else's wallet: before `wallet_taken`.
    let elsewhere = EnrollmentInput {
        wallet: WalletId::from_number(2),
        ..line
    };
    let before = rig.engine.appender().last_sequence();
    let (outcomes, _) = rig.engine.enroll(&[line, elsewhere], None).unwrap();
    let recorded = rig.engine.appender().last_sequence() - before;
    assert_eq!((outcomes, recorded), (vec![excluded, excluded], 0));
}

/// The same of a list's lines: nothing is to be written.
#[test]
fn no_list_takes_an_erased_citizen_whose_entry_is_still_there() {
    let mut rig = started();
    let list = name("kept-out");
    rig.engine.import_list(&list, &[citizen(99)], None).unwrap();
    assert_recorded(
        rig.engine
            .erase_person(Subject::Citizen(citizen(1)), "x", None)
            .unwrap()
            .0,
    );
    rig.flush();
    let before = rig.engine.appender().last_sequence();
    rig.engine.import_list(&list, &[citizen(1)], None).unwrap();
    assert_eq!(rig.engine.appender().last_sequence(), before);
}

/// A citizen whom only casework knows: the page with the entry is damaged. From the journal a start is refused; from a snapshot it
/// is not, and who owes, or is suspended, registers as somebody new.
#[test]
fn a_damaged_entry_of_a_citizen_whom_only_the_desk_knows_is_noticed_from_a_snapshot_too() {
    use satang_engine::session::casework::DebtorInput;
    let mut rig = started();
    let debtor = DebtorInput::Person(Subject::Citizen(citizen(50)));
    assert_recorded(open(&mut rig, 1, debtor, 1_000));
    rig.flush();
    let damaged = |rig: &Rig| {
        let disk = rig.storage.copy();
        let mut bytes = disk.bytes(PERSONS_FILE);
        let last = bytes.len() - 4096;
        bytes[last + 40] ^= 1;
        disk.set_bytes(PERSONS_FILE, bytes);
        disk
    };
    assert!(Rig::try_start(damaged(&rig)).is_err(), "from the journal");
    // The record lies in a segment that a start from the snapshot does not read.
    for txn in 0..1_500 {
        rig.authorize(100 + txn, 1, 100);
    }
    assert!(Rig::try_start(damaged(&rig)).is_err(), "from the journal");
    rig.snapshot();
    if let Ok(rig) = Rig::try_start(damaged(&rig)) {
        assert!(rig.recovered.snapshot.is_some());
        panic!(
            "it starts, and the citizen who owes is told: {:?}",
            register(&rig, 2, 50)
        );
    }
}

/// Whoever may bind platforms (a registrar) uses up the names that a journal ever has; then nobody is suspended or erased, and no
/// case is opened, for the names of their blocks have no number.
#[test]
fn names_of_platforms_do_not_keep_the_desk_from_suspending() {
    use satang_core::record::Status;
    let mut rig = started();
    for number in 0..70_000u32 {
        let platform = name(&format!("p{number}"));
        let bound = rig.engine.bind_platform(shop(), &platform, true, "x", None);
        if bound.is_err() {
            break;
        }
        rig.engine
            .bind_platform(shop(), &platform, false, "x", None)
            .unwrap();
        if number % 50 == 0 {
            rig.flush();
        }
    }
    rig.flush();
    let subject = Subject::Citizen(citizen(1));
    let suspended = rig
        .engine
        .set_person_status(subject, Status::Suspended, "x", None);
    assert_recorded(suspended.expect("the desk can always suspend").0);
}
