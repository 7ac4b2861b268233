//! The story: whoever appends to a log and whoever reads it knows sequences and nothing else. Every log keeps the same promises;
//! this suite is what a log must pass.

use satang_core::calendar::Instant;
use satang_core::ids::WalletId;
use satang_core::record::{NameNumber, Record, Status, WalletStatus};
use satang_log::durable::Durable;
use satang_log::file::{FileLogStore, Layout};
use satang_log::group::Group;
use satang_log::log::{AppendError, Bound, Cursor, Log, LogIdentity, LogStore, ReadError, ReadLog as _};
use satang_log::memory::MemoryLogStore;
use satang_log::storage::MemoryStorage;
use std::sync::Arc;
use std::time::Duration;

fn noon() -> Instant {
    Instant::parse("2026-06-15T12:00:00+07:00").unwrap()
}

fn identity() -> LogIdentity {
    LogIdentity {
        journal_id: [3; 16],
        hash_seed: [4; 16],
        citizen_key_check: [5; 32],
        created: noon(),
    }
}

/// A record that is told apart by its wallet; every seventh is long.
fn record(number: u64) -> Vec<u8> {
    let reason = if number.is_multiple_of(7) { 3_000 } else { 5 };
    let record = Record::WalletStatus(WalletStatus {
        wallet: WalletId::from_number(number),
        status: Status::Active,
        reason: "r".repeat(reason),
    });
    record.encode(noon(), NameNumber::UNKNOWN)
}

fn number_of(record: &Record) -> u64 {
    match record {
        Record::WalletStatus(record) => record.wallet.number(),
        other => panic!("{other:?}"),
    }
}

/// A group of records whose wallets are their sequences.
fn group<L: Log>(log: &L, first: u64, records: u64) -> Group {
    let mut group = Group::allocate(log.group_bytes_max());
    group.open(first);
    for sequence in first..first + records {
        assert_eq!(group.push(&record(sequence), noon()), sequence);
    }
    group
}

fn append<L: Log>(log: &mut L, records: u64) {
    let group = group(log, log.next_sequence(), records);
    log.submit(group).unwrap();
    log.complete().unwrap().expect("it was in flight");
}

/// The sequences of the records a cursor reads now, each with its frame's first.
fn read_on(cursor: &mut impl Cursor) -> Vec<u64> {
    let mut read = Vec::new();
    while let Some(frame) = cursor.next_frame().unwrap() {
        let mut expected = frame.first_sequence;
        for (_, header, bytes) in frame.records() {
            assert_eq!(header.sequence, expected);
            assert_eq!(number_of(&Record::decode(&header, bytes).unwrap()), expected);
            read.push(expected);
            expected += 1;
        }
        assert_eq!(frame.last_sequence() + 1, expected);
        assert_eq!(cursor.next_sequence(), expected);
    }
    read
}

fn range(first: u64, last: u64) -> Vec<u64> {
    (first..=last).collect()
}

/// What every log promises; `empty` makes one that was never begun.
fn check<S: LogStore>(empty: impl Fn() -> S) {
    every_record_is_read_back_by_its_sequence(&empty());
    a_cursor_goes_to_any_sequence(&empty());
    a_cursor_of_the_writer_never_passes_what_is_durable(&empty());
    a_cursor_of_the_writer_goes_to_what_came_since(&empty());
    a_cursor_beside_the_writer_reads_what_is_proven(&empty());
    a_writer_that_was_replaced_is_fenced(&empty());
    groups_complete_in_the_order_they_were_submitted(&empty());
    a_log_goes_on_where_it_was_left(&empty());
}

fn every_record_is_read_back_by_its_sequence<S: LogStore>(store: &S) {
    assert!(store.identity().is_none());
    let mut log = store.create(identity()).unwrap();
    assert_eq!(store.identity(), Some(identity()));
    let reader = log.reader();
    for records in [1, 2, 40, 3, 17, 1, 1, 90] {
        append(&mut log, records);
        log.cover().unwrap();
        for sequence in 1..log.next_sequence() {
            assert_eq!(number_of(&reader.read(sequence).unwrap()), sequence);
        }
    }
    let next = log.next_sequence();
    for absent in [0, next, next + 1, next + 1_000] {
        assert!(
            matches!(reader.read(absent), Err(ReadError::Missing { .. })),
            "{absent}"
        );
    }
    assert!(!reader.describe(3).is_empty());
}

fn a_cursor_goes_to_any_sequence<S: LogStore>(store: &S) {
    let mut log = store.create(identity()).unwrap();
    (0..30).for_each(|round| append(&mut log, 1 + round % 7));
    let last = log.next_sequence() - 1;
    assert_eq!(read_on(&mut store.cursor(Bound::All).unwrap()), range(1, last));
    for sequence in 1..=last + 1 {
        let mut cursor = store.cursor(Bound::All).unwrap();
        cursor.seek(sequence).unwrap();
        let read = read_on(&mut cursor);
        // From the beginning of its frame, to the end.
        let first = read.first().copied().unwrap_or(last + 1);
        assert!(first <= sequence && sequence < first + 7, "{sequence}: {first}");
        assert_eq!(read, range(first, last));
        assert!(!cursor.wait(Duration::ZERO), "nobody writes it");
    }
}

fn a_cursor_of_the_writer_never_passes_what_is_durable<S: LogStore>(store: &S) {
    let mut log = store.create(identity()).unwrap();
    let durable = Durable::new(0);
    let mut cursor = store.cursor(Bound::Durable(durable.clone())).unwrap();
    let mut last = 0;
    for round in 0..60 {
        append(&mut log, 1 + round % 5);
        // It lies in the log, and nobody was told.
        assert_eq!(read_on(&mut cursor), []);
        assert!(!cursor.wait(Duration::ZERO));
        let end = log.next_sequence() - 1;
        durable.publish(end);
        assert!(cursor.wait(Duration::from_secs(1)));
        assert_eq!(read_on(&mut cursor), range(last + 1, end));
        last = end;
        if round % 3 == 0 {
            log.cover().unwrap();
        }
    }
}

fn a_cursor_of_the_writer_goes_to_what_came_since<S: LogStore>(store: &S) {
    let mut log = store.create(identity()).unwrap();
    let durable = Durable::new(0);
    let mut cursor = store.cursor(Bound::Durable(durable.clone())).unwrap();
    (0..60).for_each(|round| append(&mut log, 1 + round % 5));
    let last = log.next_sequence() - 1;
    durable.publish(last);
    for sequence in [last, last / 2, 1, last] {
        cursor.seek(sequence).unwrap();
        let first = cursor.next_sequence();
        assert!(first <= sequence && sequence < first + 5, "{sequence}: {first}");
        assert_eq!(read_on(&mut cursor), range(first, last));
    }
}

fn a_cursor_beside_the_writer_reads_what_is_proven<S: LogStore>(store: &S) {
    let mut log = store.create(identity()).unwrap();
    let mut cursor = store.cursor(Bound::Proven).unwrap();
    let mut read = Vec::new();
    for round in 0..60 {
        append(&mut log, 1 + round % 5);
        let end = log.next_sequence() - 1;
        let new = read_on(&mut cursor);
        assert!(new.iter().all(|sequence| *sequence <= end));
        read.extend(new);
        log.cover().unwrap();
        cursor.wait(Duration::ZERO);
        read.extend(read_on(&mut cursor));
        assert_eq!(read, range(1, end), "a covered group is proven");
    }
}

fn a_writer_that_was_replaced_is_fenced<S: LogStore>(store: &S) {
    let mut log = store.create(identity()).unwrap();
    append(&mut log, 3);
    let early = group(&log, 2, 1);
    assert!(matches!(
        log.submit(early),
        Err(AppendError::Fenced { expected: 2, next: 4 })
    ));
    let late = group(&log, 6, 1);
    assert!(matches!(
        log.submit(late),
        Err(AppendError::Fenced { expected: 6, .. })
    ));
    append(&mut log, 1);
    assert_eq!(read_on(&mut store.cursor(Bound::All).unwrap()), range(1, 4));
}

fn groups_complete_in_the_order_they_were_submitted<S: LogStore>(store: &S) {
    let mut log = store.create(identity()).unwrap();
    assert!(log.complete().unwrap().is_none(), "nothing is in flight");
    let most = log.in_flight_max();
    assert!(most >= 1);
    let mut next = 1;
    for in_flight in (1..=most).cycle().take(20) {
        let firsts: Vec<u64> = (0..in_flight as u64).map(|index| next + 2 * index).collect();
        for first in &firsts {
            let group = group(&log, *first, 2);
            log.submit(group).unwrap();
        }
        for first in &firsts {
            let completed = log.complete().unwrap().expect("it was submitted");
            assert_eq!(completed.group.first_sequence(), *first);
            assert!(completed.bytes >= completed.group.payload_bytes());
        }
        assert!(log.complete().unwrap().is_none());
        next += 2 * in_flight as u64;
    }
    assert_eq!(
        read_on(&mut store.cursor(Bound::All).unwrap()),
        range(1, next - 1)
    );
}

fn a_log_goes_on_where_it_was_left<S: LogStore>(store: &S) {
    let mut log = store.create(identity()).unwrap();
    for round in 1..20 {
        append(&mut log, round);
        let last = log.next_sequence() - 1;
        drop(log);
        let mut cursor = store.cursor(Bound::All).unwrap();
        assert_eq!(read_on(&mut cursor), range(1, last));
        assert!(store.about_records_from(1) <= 3 * last);
        let read = store.end(cursor).unwrap();
        assert_eq!((read.next_sequence, read.torn_bytes), (last + 1, 0));
        assert_eq!(read.last_at, noon());
        log = store.resume(read).unwrap();
        assert_eq!(log.next_sequence(), last + 1);
        assert_eq!(number_of(&log.reader().read(last).unwrap()), last);
    }
}

#[test]
fn a_log_in_memory_keeps_the_promises() {
    check(MemoryLogStore::default);
}

#[test]
fn a_log_in_files_keeps_the_promises_over_many_segments() {
    let layout = Layout {
        segment_bytes: 192 << 10,
        group_bytes_max: 128 << 10,
    };
    check(|| FileLogStore::open(&Arc::new(MemoryStorage::default()), layout).unwrap());
}

#[test]
fn a_log_in_files_keeps_the_promises_within_one_segment() {
    let layout = Layout {
        segment_bytes: 4 << 20,
        group_bytes_max: 128 << 10,
    };
    check(|| FileLogStore::open(&Arc::new(MemoryStorage::default()), layout).unwrap());
}

/// Two writers of one log: the one that goes on later finds itself replaced.
#[test]
fn of_two_writers_of_a_log_in_memory_one_is_fenced() {
    let store = MemoryLogStore::default();
    let mut first = store.create(identity()).unwrap();
    append(&mut first, 2);
    let cursor = store.cursor(Bound::All).unwrap();
    let mut second = store.resume(store.end(cursor).unwrap()).unwrap();
    append(&mut second, 1);
    let group = group(&first, 3, 1);
    let appended = first.submit(group).and_then(|()| first.complete().map(drop));
    assert!(
        matches!(appended, Err(AppendError::Fenced { expected: 3, next: 4 })),
        "{appended:?}"
    );
}
