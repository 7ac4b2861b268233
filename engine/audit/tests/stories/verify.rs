//! The story: an auditor reads a journal without asking the server. A journal that was served verifies, to the last satang and
//! with the server's own digest; one whose checks are right but whose contents were forged is found out, record by record.

use crate::forge::{Found, Frames, forged};
use crate::rig::random::Random;
use crate::rig::workload::Workload;
use crate::rig::{PROGRAM, Rig, noon, reversal};
use crate::verified::{audit, told, verify};
use satang_audit::verify::{Finding, Report, TOLD_MAX, VerifyOptions};
use satang_core::ids::{TxnId, WalletId};
use satang_core::record::RecordKind;
use satang_core::request::AuthorizationRequest;
use satang_engine::engine::Submitted;
use satang_engine::recovery::replay::DateError;
use satang_log::storage::MemoryStorage;

const DAY_MS: i64 = 86_400_000;
const AUTHORIZATION: u8 = RecordKind::Authorization as u8;
const REVERSAL: u8 = RecordKind::Reversal as u8;
const ENROLLMENT: u8 = RecordKind::Enrollment as u8;

#[track_caller]
pub fn assert_clean(report: &Report) {
    assert_eq!((report.mismatches_count, told(report)), (0, vec![]));
    assert!(report.damage.is_none(), "{:?}", report.damage);
}

/// The mismatches of the first record that has any name its place, and one of them has each of these words.
#[track_caller]
fn assert_first(report: &Report, record: &Found, words: &[&str]) {
    let first = report.mismatches.first().expect("a mismatch").to_string();
    let named = format!("{}: record {}: ", record.place, record.sequence);
    assert!(first.starts_with(&named), "{named} is not in front of: {first}");
    let of_record = report
        .mismatches
        .iter()
        .filter(|m| m.sequence == Some(record.sequence));
    let all: String = of_record.map(|mismatch| format!("{mismatch}\n")).collect();
    for word in words {
        assert!(all.contains(word), "{word:?} is not in: {all}");
    }
}

/// A UUIDv7 of the engine's time.
fn young(rig: &Rig, number: u128) -> u128 {
    let ms = rig.engine.now().unwrap().unix_ms() as u128;
    ms << 80 | 7 << 76 | 0b10 << 62 | number
}

pub fn buy(rig: &mut Rig, txn: u128, wallet: u64, amount: u64) {
    let asked: AuthorizationRequest = crate::rig::request(txn, wallet, amount);
    assert!(matches!(
        rig.engine.authorize(&asked).unwrap(),
        Submitted::Decided { .. }
    ));
    rig.flush();
}

fn give_back(rig: &mut Rig, id: u128, txn: u128, amount: Option<u64>) {
    let asked = reversal(id, txn, amount);
    assert!(matches!(
        rig.engine.reverse(&asked).unwrap(),
        Submitted::Decided { .. }
    ));
    rig.flush();
}

#[test]
fn a_journal_of_many_days_restarts_and_rule_changes_verifies_with_the_engines_digest() {
    let mut random = Random::printed("a_journal_of_many_days");
    // Of all journals together: in one of them the merchant may withdraw its consent at once.
    let (mut approved, mut declined, mut given_back) = (0, 0, 0);
    for _ in 0..3 {
        let mut rig = Rig::prepared();
        let mut work = Workload::new(Random::new(random.bits()));
        for round in 0..8u32 {
            work.go_on(&mut rig, 60);
            for number in 0..10 {
                let id = young(&rig, u128::from(round) << 8 | number);
                buy(&mut rig, id, 1 + number as u64, 1_500);
                if number % 3 == 0 {
                    give_back(&mut rig, id + 100, id, Some(500));
                }
            }
            rig.pass(i64::from(round % 3) * DAY_MS);
            rig.engine.cut_over().unwrap();
            rig.flush();
            match round % 4 {
                0 => drop(rig.maintenance.snapshot().unwrap()),
                1 => drop(rig.maintenance.tidy_ids().unwrap()),
                2 => {
                    let percent = format!("state_percent = {}", 50 + round);
                    let text = PROGRAM.replace("state_percent = 60", &percent);
                    rig.engine
                        .activate_programs(&[("fair.toml".into(), text)], None)
                        .unwrap();
                    rig.flush();
                }
                _ => rig = Rig::start(rig.storage.copy()),
            }
            let report = verify(&rig.storage);
            assert_clean(&report);
            assert_eq!(report.digest, rig.digest(), "round {round}");
            assert_eq!(report.head.sequence, rig.engine.durable().sequence());
        }
        let report = verify(&rig.storage);
        let today = rig.engine.now().unwrap().business_date();
        let totals = rig.engine.state().totals(today)[0];
        let fair = &report.programs[0];
        assert_eq!((fair.program.as_str(), fair.authorised), ("fair", totals.all));
        assert_eq!(fair.given_back, totals.given_back);
        approved += fair.approved;
        declined += fair.declined;
        given_back += totals.given_back;
        // Seven days pass; the last date that begins may be without a record.
        assert!(
            report.dates >= 7 && report.files.0 >= 1 && report.files.1 >= 1,
            "{report:?}"
        );
    }
    assert!(
        approved > 50 && declined > 10 && given_back > 0,
        "{approved} approved, {declined} declined, {given_back} satang given back"
    );
}

/// A day of purchases and reversals, each record in a frame of its own; then two more days.
pub fn served() -> Rig {
    let mut rig = Rig::prepared();
    for number in 1..=6 {
        buy(&mut rig, number, number as u64, 10_000);
    }
    // The day's cap is 200.00: 60.00, 140.00 cut, then nothing is left.
    buy(&mut rig, 20, 1, 90_000);
    buy(&mut rig, 21, 1, 10_000);
    give_back(&mut rig, 30, 2, Some(3_333));
    give_back(&mut rig, 31, 2, None);
    give_back(&mut rig, 32, 77, None);
    buy(&mut rig, 77, 3, 10_000);
    buy(&mut rig, 78, 4, 10_000);
    for day in 1..=2 {
        rig.pass(DAY_MS);
        buy(&mut rig, 100 + day, 1, 10_000);
    }
    rig
}

pub fn the_record(storage: &MemoryStorage, wanted: impl Fn(&Found) -> bool) -> Found {
    let frames = Frames::of(storage).unwrap();
    frames
        .records()
        .find(|record| wanted(record))
        .expect("there is one")
        .clone()
}

fn txn_is(record: &Found, id: u128) -> bool {
    record.kind == AUTHORIZATION && record.bytes[24..40] == id.to_le_bytes()
}

/// The journal of [`served`] with one record changed, and what a verification says.
#[track_caller]
fn forge_one(wanted: impl Fn(&Found) -> bool, change: impl Fn(&mut Found)) -> (Found, Report) {
    let rig = served();
    let record = the_record(&rig.storage, wanted);
    let wrong = forged(&rig.storage, |found| {
        if found.sequence == record.sequence {
            change(found);
        }
    });
    (record, verify(&wrong))
}

const STATE: usize = 64;
const ROOM_BEFORE: usize = 68;
const REASON: usize = 94;

#[test]
fn what_was_served_verifies_and_stays_so_when_it_is_written_again() {
    let rig = served();
    let report = verify(&rig.storage);
    assert_clean(&report);
    assert_eq!(report.digest, rig.digest());
    assert_eq!((report.dates, report.torn_bytes), (3, 0));
    let again = verify(&forged(&rig.storage, |_| {}));
    assert_clean(&again);
    assert_eq!((again.digest, again.programs), (report.digest, report.programs));
}

#[test]
fn one_satang_moved_is_found() {
    let (record, report) = forge_one(
        |record| txn_is(record, 5),
        |record| record.put_u32(STATE, record.u32_at(STATE) + 1),
    );
    assert_first(&report, &record, &["state recorded 6001, decided 6000"]);
    assert!(report.mismatches_count >= 1 && report.damage.is_none());
}

#[test]
fn an_exceeded_cap_is_found() {
    let (record, report) = forge_one(
        |record| txn_is(record, 21),
        |record| {
            record.put_u32(STATE, 6_000);
            record.put_u32(ROOM_BEFORE, 6_000);
            record.bytes[REASON] = 0;
            record.bytes[23] |= 1;
        },
    );
    assert_first(
        &report,
        &record,
        &[
            "reason recorded \"approved\", decided \"daily_cap_exhausted\"",
            "state recorded 6000, decided 0",
        ],
    );
}

#[test]
fn a_wrong_room_before_is_found() {
    let (record, report) = forge_one(
        |record| txn_is(record, 6),
        |record| record.put_u32(ROOM_BEFORE, record.u32_at(ROOM_BEFORE) - 1),
    );
    assert_first(&report, &record, &["room_before recorded"]);
    assert_eq!(report.mismatches_count, 1, "{:?}", report.mismatches);
}

#[test]
fn another_rule_reason_or_limit_is_found() {
    for (at, to) in [(84, 2u8), (92, 2), (23, 0b11)] {
        let (record, report) = forge_one(|record| txn_is(record, 5), |record| record.bytes[at] = to);
        assert_first(&report, &record, &["recorded"]);
    }
}

#[test]
fn an_id_decided_twice_is_found() {
    for earlier in [2u128, 4] {
        let (record, report) = forge_one(
            |record| txn_is(record, 78),
            |record| record.bytes[24..40].copy_from_slice(&earlier.to_le_bytes()),
        );
        assert_first(
            &report,
            &record,
            &["I5: its txn_id has an outcome already, record "],
        );
    }
    // Also when its first outcome has left memory.
    let (record, report) = forge_one(
        |record| txn_is(record, 102),
        |record| record.bytes[24..40].copy_from_slice(&4u128.to_le_bytes()),
    );
    assert_first(&report, &record, &["I5: its txn_id has an outcome already"]);
    let (record, report) = forge_one(
        |record| record.kind == REVERSAL && record.bytes[24] == 31,
        |record| record.bytes[24] = 30,
    );
    assert_first(&report, &record, &["I5: its reversal_id has an outcome already"]);
}

#[test]
fn a_reversal_that_gives_back_a_satang_too_much_is_found() {
    let (record, report) = forge_one(
        |record| record.kind == REVERSAL && record.bytes[24] == 30,
        |record| {
            record.put_u32(84, record.u32_at(84) + 1);
            record.put_u32(88, record.u32_at(88) - 1);
        },
    );
    assert_first(
        &report,
        &record,
        &[
            "state recorded 2000, decided 1999",
            "citizen recorded 1333, decided 1334",
        ],
    );
    let more: [fn(&mut Found); 4] = [
        |record| record.put_u32(92, 1),
        |record| record.put_u32(92, u32::MAX),
        |record| record.bytes[72] ^= 2,
        |record| record.put_u32(96, i32::MIN as u32),
    ];
    for change in more {
        let (record, report) = forge_one(|record| record.kind == REVERSAL && record.bytes[24] == 30, change);
        assert_first(&report, &record, &["recorded"]);
    }
}

#[test]
fn a_tombstone_that_is_not_heeded_or_never_was_is_found() {
    let (record, report) = forge_one(
        |record| txn_is(record, 77),
        |record| {
            record.bytes[REASON] = 0;
            record.bytes[23] |= 1;
        },
    );
    assert_first(&report, &record, &["reversed before it arrived"]);
    let (record, report) = forge_one(
        |record| record.kind == REVERSAL && record.bytes[24] == 32,
        |record| record.bytes[23] &= !1,
    );
    assert_first(&report, &record, &["approved recorded false, decided true"]);
}

#[test]
fn a_missing_cut_over_is_found_at_the_record_behind_it() {
    let rig = served();
    let cut_over = the_record(&rig.storage, |record| record.kind == RecordKind::CutOver as u8);
    let next = cut_over.sequence + 1;
    let wrong = forged(&rig.storage, |found| {
        if found.sequence == cut_over.sequence {
            found.bytes.clear();
        }
    });
    let report = verify(&wrong);
    let first = &report.mismatches[0];
    // It has moved into the missing record's place.
    assert_eq!(first.sequence, Some(next - 1));
    assert_eq!(first.place, cut_over.place);
    assert!(
        matches!(&first.what, Finding::Date(DateError::Other { open, .. }) if open.to_string() == "2026-06-15"),
        "{first}"
    );
    assert_eq!(
        report.mismatches_count, 1,
        "the rest fits: {:?}",
        report.mismatches
    );
}

#[test]
fn a_record_that_could_not_have_been_written_is_found_and_the_rest_is_read_on() {
    type Change = fn(&mut Found);
    use RecordKind::{Authorization, CutOver, Enrollment, Merchant, Name};
    let changes: [(RecordKind, Change, &str); 8] = [
        // An enrollment through another benefit, of nobody, from an impossible date.
        (Enrollment, |it| it.bytes[70] = 2, "benefit recorded 2, decided 1"),
        (Enrollment, |it| it.bytes[76] = 1, "its bytes"),
        (Enrollment, |it| it.put_u32(64, i32::MAX as u32), "impossible"),
        // A time that cannot be, or goes back.
        (Authorization, |it| it.bytes[13] = 0x7F, "its time is impossible"),
        (
            Authorization,
            |it| it.bytes[8..14].copy_from_slice(&noon().plus_ms(-1).unix_ms().to_le_bytes()[..6]),
            "before",
        ),
        // A name twice, a merchant of unknown programmes, a cut-over with more in it.
        (Name, |it| it.bytes[24] = 9, ""),
        (Merchant, |it| *it.bytes.last_mut().unwrap() = 1, "its bytes"),
        (CutOver, |it| it.bytes[28] = 1, "its bytes"),
    ];
    for (kind, change, word) in changes {
        let (record, report) = forge_one(|record| record.kind == kind as u8, change);
        assert_first(&report, &record, &[word]);
        assert!(report.damage.is_none(), "{:?}", report.damage);
        assert_eq!(report.records, report.head.sequence, "read to the end");
    }
}

#[test]
fn a_reversal_behind_a_record_that_could_not_have_been_written_is_held_against_its_own_purchase() {
    let mut rig = Rig::prepared();
    // Of a wallet that nobody registered: nothing behind it rests on it.
    buy(&mut rig, 4, 1, 10_000);
    buy(&mut rig, 1, 9_999, 10_000);
    buy(&mut rig, 2, 1, 10_000);
    give_back(&mut rig, 3, 2, Some(2_000));
    let declined = the_record(&rig.storage, |record| txn_is(record, 1));
    let wrong = forged(&rig.storage, |found| {
        if found.sequence == declined.sequence {
            found.bytes[13] = 0x7F;
        }
    });
    let report = verify(&wrong);
    assert_first(&report, &declined, &["its time is impossible"]);
    assert_eq!(report.mismatches_count, 1, "{:?}", report.mismatches);
    assert!(report.damage.is_none(), "{:?}", report.damage);
    assert_eq!(report.records, report.head.sequence, "read to the end");
}

#[test]
fn only_the_first_mismatches_are_told_and_all_are_counted() {
    let rig = served();
    let mut count = 0;
    let wrong = forged(&rig.storage, |found| {
        if found.kind == ENROLLMENT {
            found.bytes[76] = 1;
            count += 1;
        }
    });
    let mut rig = Rig::start(MemoryStorage::default());
    rig.prepare(40);
    let many = forged(&rig.storage, |found| {
        if found.kind == ENROLLMENT {
            found.bytes[76] = 1;
        }
    });
    let report = verify(&wrong);
    assert_eq!(report.mismatches_count, count);
    let report = verify(&many);
    assert_eq!((report.mismatches.len(), report.mismatches_count), (TOLD_MAX, 40));
    assert!(report.mismatches.is_sorted_by_key(|mismatch| mismatch.sequence));
}

#[test]
fn every_flipped_bit_is_noticed_or_a_torn_tail() {
    let mut random = Random::printed("every_flipped_bit");
    let rig = served();
    let end = the_record(&rig.storage, |record| {
        record.sequence == rig.engine.appender().last_sequence()
    })
    .offset()
        + 200;
    let file = "journal/0000000001.seg";
    let bytes = rig.storage.bytes(file);
    // Every byte of one frame, and some of all.
    let some = (0..400)
        .map(|_| random.below(end as u64) as usize)
        .collect::<Vec<usize>>();
    for at in (8_192..8_192 + 1_000).step_by(2).chain(some) {
        let copy = rig.storage.copy();
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        copy.set_bytes(file, flipped);
        let (verified, _) = audit(&copy, &VerifyOptions::default());
        let Ok(report) = verified else { continue };
        let noticed = report.damage.is_some() || report.mismatches_count > 0 || report.torn_bytes > 0;
        assert!(noticed, "byte {at}");
    }
}

/// A rig whose first day has left memory, with a snapshot that counts on its index.
fn with_files() -> Rig {
    let mut rig = served();
    // A second reversal of an authorization of an old day.
    give_back(&mut rig, 300, 6, Some(100));
    assert!(rig.maintenance.tidy_ids().unwrap());
    rig.maintenance.snapshot().unwrap();
    rig
}

#[test]
fn a_damaged_or_stale_index_or_snapshot_is_found() {
    let rig = with_files();
    let names = rig.storage.names();
    let index = names.iter().find(|name| name.ends_with(".ids")).unwrap();
    let snapshot = names.iter().find(|name| name.ends_with(".snap")).unwrap();
    assert_clean(&verify(&rig.storage));
    for file in [index, snapshot] {
        let bytes = rig.storage.bytes(file);
        for at in [20, 4_096 + 40, bytes.len() / 2, bytes.len() - 100] {
            let copy = rig.storage.copy();
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            copy.set_bytes(file, flipped);
            let report = verify(&copy);
            let padding = file == snapshot && report.mismatches_count == 0;
            assert!(
                padding || report.mismatches.iter().any(|found| found.is_in(file)),
                "{file} {at}"
            );
            assert!(!padding || bytes[at] == 0, "{file} {at}: {:?}", report.mismatches);
        }
        let copy = rig.storage.copy();
        copy.set_bytes(file, bytes[..bytes.len() - 4_096].to_vec());
        let report = verify(&copy);
        assert!(report.mismatches.iter().any(|found| found.is_in(file)), "{file}");
    }
    // Another version of the program wrote the snapshot: it is passed over, and not counted as held against the journal.
    let (copy, mut bytes) = (rig.storage.copy(), rig.storage.bytes(snapshot));
    bytes[16..20].copy_from_slice(&99u32.to_le_bytes());
    let check = blake3::hash(&bytes[16..4_096]);
    bytes[8..16].copy_from_slice(&check.as_bytes()[..8]);
    copy.set_bytes(snapshot, bytes);
    let report = verify(&copy);
    assert_clean(&report);
    assert_eq!(report.files.1, 0);
    // A snapshot counts on an index that is gone.
    let copy = rig.storage.copy();
    copy.lose_file(index);
    let report = verify(&copy);
    assert!(report.mismatches[0].is_in(snapshot), "{:?}", report.mismatches);
    // A snapshot and an index of a longer journal.
    let shorter = served();
    let copy = shorter.storage.copy();
    copy.set_bytes(snapshot, rig.storage.bytes(snapshot));
    copy.set_bytes(index, rig.storage.bytes(index));
    let report = verify(&copy);
    assert!(report.mismatches_count >= 1, "another journal's files");
}

#[test]
fn an_index_that_does_not_say_what_the_journal_says_is_found() {
    // The index of a day with an authorization less, and of one with another sequence: made by a journal that was forged.
    let rig = with_files();
    let names = rig.storage.names();
    let index = names.iter().find(|name| name.ends_with(".ids")).unwrap().clone();
    let forge_index = |change: &dyn Fn(&mut Found)| {
        let other = forged(&rig.storage, |found| change(found));
        let (report, work) = audit(&other, &VerifyOptions::default());
        report.unwrap();
        let copy = rig.storage.copy();
        copy.set_bytes(&index, work.bytes(&index));
        verify(&copy)
    };
    assert_clean(&forge_index(&|_| {}));
    let report = forge_index(&|found| {
        if txn_is(found, 3) {
            found.bytes[24..40].copy_from_slice(&9_999u128.to_le_bytes());
        }
    });
    let whats = told(&report);
    assert!(
        whats
            .iter()
            .any(|what| what.contains("no record says what an entry says")),
        "{whats:?}"
    );
    assert!(
        whats
            .iter()
            .any(|what| what.contains("the entry of an id is missing")),
        "{whats:?}"
    );
    assert!(
        whats
            .iter()
            .filter(|what| what.starts_with(&format!("{index}: offset 4")))
            .count()
            >= 2,
        "{whats:?}"
    );
}

#[test]
fn unknown_names_and_wallets_verify() {
    let mut rig = Rig::prepared();
    let mut asked = crate::rig::request(1, 1, 100);
    asked.purchase.program = satang_core::ids::Name::parse("no-such-programme").unwrap();
    rig.engine.authorize(&asked).unwrap();
    asked.txn_id = TxnId::from_bits(2);
    asked.purchase.channel = satang_core::ids::Name::parse("no-such-channel").unwrap();
    rig.engine.authorize(&asked).unwrap();
    let mut asked = crate::rig::request(3, 1, 100);
    asked.purchase.wallet = WalletId::from_number(999);
    rig.engine.authorize(&asked).unwrap();
    rig.flush();
    let report = verify(&rig.storage);
    assert_clean(&report);
    assert_eq!(report.programs.last().unwrap().declined, 2);
}
