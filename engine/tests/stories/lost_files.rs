//! The story: files of a folder are gone or damaged, and what is left tells of them. A journal is never begun anew beside it, and a
//! damaged person store is never taken for one whose citizens were erased: they would be registered once more, as others.

use crate::rig::{LAYOUT, Rig, assert_names, citizen, enrollment, refused, without};
use satang_engine::persons::PERSONS_FILE;
use satang_engine::recovery::open::OpenError;
use satang_engine::session::casework::Subject;
use satang_log::storage::{MemoryStorage, PAGE_BYTES};
use std::sync::Arc;

/// A disk with a journal, a snapshot, an index of old ids and persons.
fn used() -> MemoryStorage {
    let mut rig = Rig::prepared();
    rig.authorize(1, 1, 100);
    for _ in 0..2 {
        rig.pass(2 * crate::rig::snapshots::DAY_MS);
        rig.authorize(rig.engine.durable().sequence().into(), 1, 100);
    }
    rig.snapshot();
    rig.storage.copy()
}

#[test]
fn a_journal_is_not_begun_anew_beside_what_is_left_of_another() {
    let used = used();
    for left in ["snapshots/", "ids/", PERSONS_FILE] {
        let disk = used.copy();
        for name in used.names() {
            if !name.starts_with(left) {
                disk.lose_file(&name);
            }
        }
        let before = disk.names();
        assert!(!before.is_empty(), "{left}");
        let refusal = refused(Rig::try_start(disk.clone()));
        assert_names(&refusal, "journal");
        let text = refusal.to_string();
        assert!(before.iter().any(|name| text.contains(name)), "{text}");
        assert_eq!(disk.names(), before, "nothing was made");
    }
}

#[test]
fn a_person_store_without_a_readable_page_tells_of_a_journal_too() {
    let disk = MemoryStorage::default();
    disk.set_bytes(PERSONS_FILE, vec![7; 2 * PAGE_BYTES]);
    let refusal = refused(Rig::try_start(disk.clone()));
    assert!(matches!(refusal, OpenError::JournalMissing { .. }), "{refusal}");
    disk.set_bytes(PERSONS_FILE, Vec::new());
    assert!(Rig::try_start(disk).is_ok(), "an empty file tells nothing");
}

#[test]
fn a_first_start_that_was_cut_off_goes_on() {
    for left in ["citizen.key", "journal/0000000001.seg.tmp", "lock"] {
        let disk = MemoryStorage::default();
        disk.set_bytes(left, vec![1; 32]);
        assert!(Rig::start(disk).recovered.new, "{left}");
    }
    // All but the journal of a journal that nothing was ever written to.
    let begun = without(&Rig::start(MemoryStorage::default()).storage, "journal");
    assert!(Rig::start(begun).recovered.new);
}

fn erase(rig: &mut Rig, wallet: u64) {
    let subject = Subject::Citizen(citizen(wallet));
    rig.engine.erase_person(subject, "ขอลบข้อมูล", None).unwrap();
    rig.flush();
    rig.maintenance.forget_erased().unwrap();
}

/// Starts on a copy in which the bytes of some pages of the person store are wrong.
fn start_with_damaged(disk: &MemoryStorage, pages: &[usize]) -> Result<Rig, OpenError> {
    let disk = disk.copy();
    let mut bytes = disk.bytes(PERSONS_FILE);
    pages.iter().for_each(|page| bytes[page * PAGE_BYTES + 50] ^= 1);
    disk.set_bytes(PERSONS_FILE, bytes);
    Rig::open(Arc::new(disk), LAYOUT)
}

#[track_caller]
fn assert_persons_missing(refusal: &OpenError, missing: usize, page: usize) {
    let text = refusal.to_string();
    let wanted = format!(
        "{PERSONS_FILE}: offset {}: {missing} persons of the journal are missing, 1 pages are unreadable",
        page * PAGE_BYTES
    );
    assert_eq!(text, wanted);
}

#[test]
fn a_damaged_page_is_not_taken_for_citizens_who_were_erased() {
    let mut rig = Rig::start(MemoryStorage::default());
    rig.prepare(2);
    let journal_of_then = rig.storage.copy();
    rig.engine.enroll(&[3, 4, 5, 6].map(enrollment), None).unwrap();
    rig.flush();
    [3, 4, 5].into_iter().for_each(|wallet| erase(&mut rig, wallet));
    // As a backup may be: its person store knows of erasures behind the end of its journal.
    let backup = journal_of_then;
    backup.set_bytes(PERSONS_FILE, rig.storage.bytes(PERSONS_FILE));
    assert!(start_with_damaged(&backup, &[]).is_ok());
    assert_persons_missing(&refused(start_with_damaged(&backup, &[0])), 2, 0);
    // Nobody whom this journal names lies in the other page.
    assert!(start_with_damaged(&backup, &[1]).is_ok());
    // Those who were erased since, and are named, are still allowed for.
    [1, 2].into_iter().for_each(|wallet| erase(&mut rig, wallet));
    backup.set_bytes(PERSONS_FILE, rig.storage.bytes(PERSONS_FILE));
    assert!(start_with_damaged(&backup, &[]).is_ok());
    assert_persons_missing(&refused(start_with_damaged(&backup, &[1])), 2, 1);
}

#[test]
fn a_damaged_page_of_erased_citizens_alone_is_refused() {
    let mut rig = Rig::start(MemoryStorage::default());
    rig.prepare(2);
    rig.engine.enroll(&[3, 4].map(enrollment), None).unwrap();
    rig.flush();
    [3, 4].into_iter().for_each(|wallet| erase(&mut rig, wallet));
    for snapshot in [false, true] {
        if snapshot {
            rig.snapshot();
        }
        assert!(start_with_damaged(&rig.storage, &[]).is_ok());
        assert_persons_missing(&refused(start_with_damaged(&rig.storage, &[1])), 2, 1);
    }
}

#[test]
fn a_citizen_whose_entry_is_still_to_be_erased_is_not_missing() {
    let mut rig = Rig::start(MemoryStorage::default());
    rig.prepare(2);
    let subject = Subject::Citizen(citizen(1));
    rig.engine.erase_person(subject, "ขอลบข้อมูล", None).unwrap();
    rig.flush();
    let again = Rig::start(rig.storage.copy());
    assert_eq!(again.maintenance.forget_erased().unwrap(), 1);
    assert!(Rig::try_start(again.storage.copy()).is_ok());
}
