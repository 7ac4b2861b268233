//! The story: the power goes while a segment's index is written, which takes many sectors and stands behind a gap of zeros. Nothing is
//! lost, the start does not take it for damage, and the log goes on.

use satang_core::calendar::Instant;
use satang_core::ids::WalletId;
use satang_core::record::{NameNumber, Record, Status, WalletStatus};
use satang_log::file::{FileLog, FileLogStore, Layout, segment_name};
use satang_log::group::Group;
use satang_log::log::{Bound, Cursor as _, Log as _, LogIdentity, LogStore as _, ReadLog as _};
use satang_log::storage::{MemoryStorage, PAGE_BYTES};
use std::sync::Arc;

const LAYOUT: Layout = Layout {
    segment_bytes: 256 << 10,
    group_bytes_max: 32 << 10,
};
const SECTOR_BYTES: usize = 512;

fn noon() -> Instant {
    Instant::parse("2026-06-15T12:00:00+07:00").unwrap()
}

fn append(log: &mut FileLog<MemoryStorage>) {
    let record = Record::WalletStatus(WalletStatus {
        wallet: WalletId::from_number(1),
        status: Status::Active,
        reason: String::new(),
    });
    let mut group = Group::allocate(log.group_bytes_max());
    group.open(log.next_sequence());
    for _ in 0..500 {
        group.push(&record.encode(noon(), NameNumber::UNKNOWN), noon());
    }
    log.submit(group).unwrap();
    log.complete().unwrap();
}

/// A disk on which the first segment was sealed and the second begun; and how many records the first one has.
fn sealed() -> (MemoryStorage, u64) {
    let storage = Arc::new(MemoryStorage::default());
    let store = FileLogStore::open(&storage, LAYOUT).unwrap();
    let identity = LogIdentity {
        journal_id: [3; 16],
        hash_seed: [4; 16],
        citizen_key_check: [5; 32],
        created: noon(),
    };
    let mut log = store.create(identity).unwrap();
    let mut last = 0;
    while !storage.names().contains(&segment_name(2)) {
        last = log.next_sequence() - 1;
        append(&mut log);
    }
    (storage.copy(), last)
}

#[test]
fn an_index_that_was_torn_anywhere_is_written_again() {
    let (disk, last) = sealed();
    let whole = disk.bytes(&segment_name(1));
    let seal = LAYOUT.segment_bytes as usize - PAGE_BYTES;
    let index = (0..seal)
        .step_by(PAGE_BYTES)
        .rfind(|page| whole[page - PAGE_BYTES..*page].iter().all(|byte| *byte == 0))
        .expect("zeros in front of the index");
    let sectors = (seal - index) / SECTOR_BYTES;
    assert!(sectors > 8, "the index takes more than a page");
    for kept in 0..sectors {
        // The first ones, or every other one.
        for keep in [
            |sector: usize, kept: usize| sector < kept,
            |sector, kept| sector % (kept + 2) == 0,
        ] {
            let mut bytes = whole.clone();
            for sector in (0..sectors).filter(|sector| !keep(*sector, kept)) {
                bytes[index + sector * SECTOR_BYTES..][..SECTOR_BYTES].fill(0);
            }
            bytes[seal..].fill(0);
            let torn = disk.copy();
            torn.set_bytes(&segment_name(1), bytes);
            torn.set_bytes(&segment_name(2), vec![0; LAYOUT.segment_bytes as usize]);
            goes_on(torn, last);
        }
    }
}

/// The log is read to its last record, appended to, and read back.
fn goes_on(disk: MemoryStorage, last: u64) {
    let disk = Arc::new(disk);
    let store = FileLogStore::open(&disk, LAYOUT).unwrap();
    let mut cursor = store.file_cursor(Bound::All).unwrap();
    while cursor.next_frame().unwrap().is_some() {}
    let read = store.end(cursor).unwrap();
    assert_eq!(read.next_sequence, last + 1);
    let mut log = store.resume(read).unwrap();
    append(&mut log);
    append(&mut log);
    for sequence in [1, last / 2, last, last + 1, last + 1_000] {
        log.reader().read(sequence).unwrap();
    }
    let again = FileLogStore::open(&disk, LAYOUT).unwrap();
    let mut cursor = again.file_cursor(Bound::All).unwrap();
    while cursor.next_frame().unwrap().is_some() {}
    assert_eq!(again.end(cursor).unwrap().next_sequence, last + 1_001);
}
