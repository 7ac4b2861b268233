//! The story: the engine stops and starts, over day ends, month ends and weeks of standing still. The replay rebuilds the state
//! to the last satang, puts one cut-over behind each date and no record behind it, and refuses a journal that could not have
//! been written; a clock that is behind the journal is not believed.

use crate::rig::random::Random;
use crate::rig::workload::Workload;
use crate::rig::{LAYOUT, Rig, Survivors, noon, options, refused};
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::ids::{Name, PersonId, WalletId};
use satang_core::record::{
    BenefitNumber, CutOverRecord, EnrollmentFacts, EnrollmentRecord, NameNumber, NameRecord, Record,
    RecordBuf, Status, WalletStatus,
};
use satang_engine::clock::SimulatedClock;
use satang_engine::persons::CitizenKey;
use satang_engine::recovery::open::OpenError;
use satang_log::file::{FileLogStore, segment_name};
use satang_log::group::Group;
use satang_log::log::{Log as _, LogIdentity, LogStore as _};
use satang_log::storage::{MemoryStorage, PAGE_BYTES};
use std::sync::Arc;

const DAY_MS: i64 = 86_400_000;

/// The dates of the cut-overs, in the order of the journal, and the date of each record.
fn cut_overs(storage: &Arc<MemoryStorage>) -> Vec<BusinessDate> {
    let records = Survivors::of(storage).records;
    let date = |record: &Record| match record {
        Record::CutOver(record) => Some(record.date()),
        _ => None,
    };
    records.iter().filter_map(|(_, record)| date(record)).collect()
}

#[test]
fn the_state_is_rebuilt_over_day_and_month_ends() {
    let mut random = Random::printed("the_state_is_rebuilt_over_day_and_month_ends");
    let mut rig = Rig::prepared();
    let mut work = Workload::new(Random::new(random.bits()));
    work.book.note_state(&rig.engine);
    for _ in 0..12 {
        work.go_on(&mut rig, 60);
        rig.pass(4 * DAY_MS);
        rig.engine.cut_over().unwrap();
        rig.flush();
        let durable = work.book.entries.len();
        let again = Rig::start(rig.storage.copy());
        assert_eq!(work.book.check(&again, durable), durable);
        let today = rig.engine.now().unwrap().business_date();
        assert_eq!(
            again.engine.state().totals(today),
            rig.engine.state().totals(today)
        );
        rig = again;
    }
    let dates = cut_overs(&rig.storage);
    let first = noon().business_date().days();
    let expected: Vec<BusinessDate> = (first..).take(dates.len()).map(BusinessDate::from_days).collect();
    assert_eq!(dates, expected, "one cut-over per date, none left out");
    assert!(dates.len() > 40);
}

#[test]
fn dates_that_passed_while_stopped_are_cut_over_one_by_one_before_the_next_record() {
    let mut rig = Rig::prepared();
    rig.authorize(1, 1, 100);
    let later = SimulatedClock::standing_at(noon().plus_ms(3 * DAY_MS));
    let mut rig = Rig::open_at(rig.storage.clone(), later, options(LAYOUT)).unwrap();
    rig.authorize(2, 1, 100);
    let day = noon().business_date().days();
    let dates: Vec<i32> = cut_overs(&rig.storage).iter().map(|date| date.days()).collect();
    assert_eq!(dates, [day, day + 1, day + 2]);
    let records = Survivors::of(&rig.storage).records;
    assert!(matches!(records.last(), Some((_, Record::Authorization(_)))));
}

#[test]
fn a_restart_between_two_cut_overs_goes_on_with_the_next_date() {
    // Groups of one page: 124 cut-overs fill one, so that a year takes several, and some of them may be lost.
    let layout = crate::rig::damage::SMALL;
    let mut rig = Rig::open(Arc::new(MemoryStorage::default()), layout).unwrap();
    rig.prepare(1);
    rig.pass(365 * DAY_MS);
    rig.engine.cut_over().unwrap();
    assert!(rig.committer.step().unwrap());
    let after = Arc::new(rig.storage.lose_power(|| false));
    assert!((1..365).contains(&cut_overs(&after).len()));
    let mut rig = Rig::open(after, layout).unwrap();
    rig.engine.cut_over().unwrap();
    rig.flush();
    let first = noon().business_date().days();
    let dates: Vec<i32> = cut_overs(&rig.storage).iter().map(|date| date.days()).collect();
    assert_eq!(dates, (first..first + 365).collect::<Vec<i32>>());
}

/// A journal with these records, each a group of its own, past all checks of the engine.
fn forged(records: &[(Instant, Vec<u8>)]) -> Arc<MemoryStorage> {
    let storage = Arc::new(MemoryStorage::default());
    let identity = LogIdentity {
        journal_id: [9; 16],
        hash_seed: [8; 16],
        citizen_key_check: CitizenKey::from_bytes([1; 32]).check_value(),
        created: noon(),
    };
    let store = FileLogStore::open(&storage, LAYOUT).unwrap();
    let mut log = store.create(identity).unwrap();
    for (at, record) in records {
        let mut group = Group::allocate(log.group_bytes_max());
        group.open(log.next_sequence());
        group.push(record, *at);
        log.submit(group).unwrap();
        log.complete().unwrap();
    }
    storage
}

fn status_at(at: Instant) -> (Instant, Vec<u8>) {
    let record = Record::WalletStatus(WalletStatus {
        wallet: WalletId::from_number(1),
        status: Status::Active,
        reason: String::new(),
    });
    (at, record.encode(at, NameNumber::UNKNOWN))
}

fn cut_over_at(at: Instant, days: i32) -> (Instant, Vec<u8>) {
    let date = BusinessDate::from_days(noon().business_date().days() + days);
    (
        at,
        RecordBuf::of(&CutOverRecord::new(at, date)).as_bytes().to_vec(),
    )
}

#[test]
fn a_record_of_a_date_that_is_not_open_is_refused() {
    let (today, tomorrow) = (noon(), noon().plus_ms(DAY_MS));
    let right = [status_at(today), cut_over_at(tomorrow, 0), status_at(tomorrow)];
    assert!(Rig::open(forged(&right), LAYOUT).is_ok());
    let wrong: [&[(Instant, Vec<u8>)]; 6] = [
        &[status_at(today), status_at(tomorrow)],
        &[status_at(tomorrow), status_at(today)],
        &[status_at(today), cut_over_at(today, 0)],
        &[status_at(today), cut_over_at(tomorrow, 1)],
        &[
            status_at(today),
            cut_over_at(tomorrow, 0),
            cut_over_at(tomorrow, 0),
        ],
        &[status_at(today), cut_over_at(tomorrow, 0), status_at(today)],
    ];
    for (case, records) in wrong.iter().enumerate() {
        let refusal = refused(Rig::open(forged(records), LAYOUT));
        let place = (records.len() as u64 + 1) * PAGE_BYTES as u64 + 128;
        let expected = format!(
            "{}: offset {place}: record {} cannot be replayed: ",
            segment_name(1),
            records.len()
        );
        assert!(
            refusal.to_string().starts_with(&expected),
            "case {case}: {refusal}"
        );
    }
}

#[test]
fn a_record_that_does_not_fit_what_came_before_is_refused() {
    let name = Record::Name(NameRecord {
        number: NameNumber(7),
        name: Name::parse("fair").unwrap(),
    });
    let mut unknown_kind = name.encode(noon(), NameNumber::UNKNOWN);
    unknown_kind.truncate(32);
    let person = PersonId::from_number(5).unwrap();
    let facts = EnrollmentFacts {
        wallet: WalletId::from_number(1),
        person,
        program: NameNumber(1),
        benefit: BenefitNumber(1),
        household: None,
        tier: NameNumber::UNKNOWN,
        usable_from: None,
        granted: true,
        earlier: None,
        returning: false,
        several: false,
        linked: None,
    };
    let nobody = EnrollmentRecord::new(noon(), NameNumber::UNKNOWN, &facts);
    let refusal = refused(Rig::open(
        forged(&[(noon(), name.encode(noon(), NameNumber::UNKNOWN))]),
        LAYOUT,
    ));
    assert!(matches!(refusal, OpenError::Replay(_)), "{refusal}");
    let enrolled = forged(&[(noon(), RecordBuf::of(&nobody).as_bytes().to_vec())]);
    let refusal = refused(Rig::open(enrolled, LAYOUT));
    assert!(
        matches!(refusal, OpenError::PersonsMissing { missing: 1, .. }),
        "{refusal}"
    );
    let refusal = refused(Rig::open(forged(&[(noon(), unknown_kind)]), LAYOUT));
    assert!(
        refusal
            .to_string()
            .starts_with(&format!("{}: offset 8320: ", segment_name(1))),
        "{refusal}"
    );
}

#[test]
fn a_frame_after_some_quiet_vouches_for_the_last_group_and_replays_as_nothing() {
    let mut rig = Rig::prepared();
    for txn in 0..600 {
        rig.authorize(txn, 1 + txn as u64 % 20, 100);
        let before = rig.storage.operations();
        rig.committer.cover().unwrap();
        assert!(rig.storage.operations() > before, "an empty frame was written");
        let before = rig.storage.operations();
        rig.committer.cover().unwrap();
        assert_eq!(rig.storage.operations(), before, "once is enough");
        if txn % 20 == 0 {
            let digest = rig.digest();
            let mut again = Rig::start(rig.storage.copy());
            assert_eq!(again.digest(), digest);
            assert_eq!(again.recovered.torn_bytes, 0);
            let before = again.storage.operations();
            again.committer.cover().unwrap();
            assert_eq!(
                again.storage.operations(),
                before,
                "the last group is vouched for already"
            );
        }
    }
    assert!(
        rig.storage.names().contains(&segment_name(10)),
        "the quiet frames went over several segments"
    );
}

/// The very first start looks for the end of a date before anything was recorded, and midnight passes.
#[test]
fn a_date_without_a_record_before_the_first_one_is_not_cut_over() {
    let mut rig = Rig::start(MemoryStorage::default());
    rig.engine.cut_over().unwrap();
    rig.pass(DAY_MS);
    rig.engine
        .set_wallet_status(WalletId::from_number(1), Status::Active, "", None)
        .unwrap();
    rig.flush();
    assert_eq!(cut_overs(&rig.storage), []);
    let again = Rig::start(rig.storage.copy());
    assert_eq!(again.digest(), rig.digest());
}
