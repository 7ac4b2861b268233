//! A hostile review of casework: backups and verification.

use crate::forge::{Found, forged};
use crate::rig::*;
use crate::verified::{told, verify};
use satang_audit::backup::{CITIZEN_KEY_FILE, backup, restore};
use satang_core::ids::{CaseId, MerchantId, WalletId};
use satang_core::programme::Category;
use satang_core::record::{AuthorizationPayout, CasePaid, ConsentWithdrawn, RecordKind};
use satang_engine::clock::SimulatedClock;
use satang_engine::session::admin::MerchantInput;
use satang_engine::session::casework::{CaseworkOutcome, Subject};
use satang_log::storage::{FileStorage, MemoryStorage};
use std::fs;
use std::sync::Arc;

fn start_in(folder: &std::path::Path) -> Result<Rig<FileStorage>, satang_engine::recovery::open::OpenError> {
    let storage = Arc::new(FileStorage::open_folder(folder).unwrap());
    Rig::open_at(storage, SimulatedClock::standing_at(noon()), options(LAYOUT))
}

fn erase(rig: &mut Rig<FileStorage>, wallet: u64) {
    let subject = Subject::Wallet(WalletId::from_number(wallet));
    let (outcome, _) = rig.engine.erase_person(subject, "ขอลบข้อมูล", None).unwrap();
    assert!(matches!(outcome, CaseworkOutcome::Recorded { .. }), "{outcome:?}");
    rig.flush();
    assert_eq!(rig.maintenance.forget_erased().unwrap(), 1);
}

/// The journal's end is found first, the person store is copied last: whoever is erased in between is named by the copied journal,
/// is not in the copied store, and the record that says why is not in the copied journal.
#[test]
fn a_backup_during_which_somebody_is_erased_can_be_restored_and_started() {
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("backup"));
    let mut rig = start_in(&data).unwrap();
    fs::write(data.join(CITIZEN_KEY_FILE), [1; 32]).unwrap();
    rig.prepare(20);
    rig.committer.cover().unwrap();
    let mut erased = false;
    backup(&data, &to, noon(), &mut |_| {
        if !std::mem::replace(&mut erased, true) {
            erase(&mut rig, 1);
            rig.committer.cover().unwrap();
        }
    })
    .unwrap();
    assert!(erased);
    let copy = folder.path().join("copy");
    restore(&to, &copy, &mut |_, _| {}).unwrap();
    if let Err(error) = start_in(&copy) {
        panic!("the restored folder cannot be started: {error}");
    }
}

/// The same without any race: the erasure's frame is durable, and no later one vouches for it yet (the server was killed, or
/// 5 ms have not passed).
#[test]
fn a_backup_right_after_an_erasure_can_be_restored_and_started() {
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("backup"));
    let mut rig = start_in(&data).unwrap();
    fs::write(data.join(CITIZEN_KEY_FILE), [1; 32]).unwrap();
    rig.prepare(20);
    rig.committer.cover().unwrap();
    erase(&mut rig, 1);
    drop(rig);
    let done = backup(&data, &to, noon(), &mut |_| {}).unwrap();
    println!("left out: {}", done.left_out);
    let copy = folder.path().join("copy");
    restore(&to, &copy, &mut |_, _| {}).unwrap();
    if let Err(error) = start_in(&copy) {
        panic!("the restored folder cannot be started: {error}");
    }
}

/// A merchant that withdrew, and a refund there: the purchase is forged to be another merchant's.
#[test]
fn a_journal_that_gives_back_more_than_was_received_is_reported_and_does_not_crash_the_auditor() {
    let mut rig = Rig::start(MemoryStorage::default());
    rig.engine
        .activate_programs(&[("fair.toml".into(), PROGRAM.into())], None)
        .unwrap();
    let other = MerchantInput {
        id: MerchantId::from_number(11),
        ..merchant(Category::FoodDrink)
    };
    let merchants = [merchant(Category::FoodDrink), other];
    rig.engine.put_merchants(&merchants, None).unwrap();
    rig.engine.enroll(&[enrollment(1)], None).unwrap();
    rig.authorize(1, 1, 1_000);
    rig.flush();
    rig.engine.reverse(&reversal(1, 1, None)).unwrap();
    let record = ConsentWithdrawn {
        merchant: MerchantId::from_number(10),
        case: CaseId::from_bits(2),
        letter: noon().business_date(),
        reason: "x".into(),
    };
    rig.engine.decide_casework(&record, None).unwrap();
    rig.flush();
    rig.maintenance.count_received().unwrap();
    rig.flush();
    // The fixed part of an authorization: header, txn_id, wallet, merchant.
    let is_purchase = |found: &Found| found.kind == RecordKind::Authorization as u8;
    let merchant_at = 24 + 16 + 8;
    let wrong = forged(&rig.storage, |found| {
        if is_purchase(found) {
            let at = (24..found.bytes.len() - 8)
                .find(|at| found.bytes[*at..at + 8] == 10u64.to_le_bytes())
                .unwrap_or(merchant_at);
            found.bytes[at] = 11;
        }
    });
    let report = verify(&wrong);
    assert!(!report.mismatches.is_empty());
}

fn write_out(disk: &MemoryStorage, folder: &std::path::Path) {
    for name in disk.names() {
        let path = folder.join(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, disk.bytes(&name)).unwrap();
    }
    fs::write(folder.join(CITIZEN_KEY_FILE), [1; 32]).unwrap();
}

/// Power fails while a page is replaced: a start mends it from `persons.erase`, a backup of the folder leaves both out.
#[test]
fn a_backup_of_a_folder_after_a_power_loss_within_an_erasure_can_be_restored_and_started() {
    let mut rig = Rig::start(MemoryStorage::default());
    rig.prepare(60);
    rig.committer.cover().unwrap();
    let subject = Subject::Wallet(WalletId::from_number(40));
    rig.engine.erase_person(subject, "x", None).unwrap();
    rig.flush();
    rig.committer.cover().unwrap();
    rig.storage.break_after(5);
    rig.maintenance.forget_erased().unwrap_err();
    let mut random = crate::rig::random::Random::new(1);
    let is_torn = |disk: &MemoryStorage| {
        let page: [u8; 4096] = disk.bytes("persons.db")[..4096].try_into().unwrap();
        !satang_engine::persons::is_whole_page(&page)
    };
    let mut losses = std::iter::repeat_with(|| rig.storage.lose_power(|| random.percent(50)));
    let disk = losses.find(|disk| is_torn(disk) && disk.names().contains(&"persons.erase".to_owned()));
    let disk = disk.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("backup"));
    fs::create_dir_all(&data).unwrap();
    write_out(&disk, &data);
    assert!(data.join("persons.erase").exists());
    backup(&data, &to, noon(), &mut |_| {}).unwrap();
    start_in(&data).expect("the folder itself starts");
    let copy = folder.path().join("copy");
    restore(&to, &copy, &mut |_, _| {}).unwrap();
    if let Err(error) = start_in(&copy) {
        panic!("the restored folder cannot be started: {error}");
    }
}

/// Everything at once, from several threads: what is left is what the journal says, with and without a snapshot, and verifies.
#[test]
fn whatever_the_desk_decides_among_others_is_what_the_journal_says() {
    use crate::rig::office::{case, name, today};
    use crate::rig::random::Random;
    use satang_core::ids::{Nationality, PaymentId, RegistrationId, TxnId};
    use satang_core::money::Satang;
    use satang_core::record::{Payout, ReturnKind, Status};
    use satang_core::request::{ClosingRequest, HoldRequest, RegistrationRequest};
    use satang_engine::session::casework::DebtorInput;
    use std::sync::atomic::{AtomicUsize, Ordering};
    for round in 0..6 {
        let mut rig = crate::rig::office::started();
        let engine = rig.engine.clone();
        let maintenance = rig.maintenance.clone();
        let working = AtomicUsize::new(4);
        let mut random = Random::printed("desk_review");
        let somebody = |random: &mut Random| match random.below(2) {
            0 => Subject::Citizen(citizen(1 + random.below(25))),
            _ => Subject::Wallet(WalletId::from_number(1 + random.below(25))),
        };
        std::thread::scope(|scope| {
            let seeds = [random.bits(), random.bits(), random.bits(), random.bits()];
            let (engine, maintenance, working) = (&engine, &maintenance, &working);
            scope.spawn(move || {
                let mut random = Random::new(seeds[0]);
                for n in 0..400u128 {
                    let subject = somebody(&mut random);
                    match random.below(8) {
                        0 => drop(engine.erase_person(subject, "x", None).unwrap()),
                        1 | 2 => drop(
                            engine
                                .set_person_status(subject, Status::Suspended, "x", None)
                                .unwrap(),
                        ),
                        3 => drop(
                            engine
                                .set_person_status(subject, Status::Active, "x", None)
                                .unwrap(),
                        ),
                        4 => drop(
                            engine
                                .open_case(
                                    case(n),
                                    DebtorInput::Person(subject),
                                    Satang::new(100),
                                    today(),
                                    "x",
                                    None,
                                )
                                .unwrap(),
                        ),
                        5 => {
                            let record = CasePaid {
                                case: case(u128::from(random.below(400))),
                                payment: PaymentId::from_bits(n),
                                amount: Satang::new(100),
                                reason: "x".into(),
                            };
                            engine.decide_casework(&record, None).unwrap();
                        }
                        6 => {
                            let record = AuthorizationPayout {
                                txn_id: TxnId::from_bits(1),
                                payout: Payout::Frozen,
                                reason: "x".into(),
                            };
                            if n > 200 {
                                let _ = record;
                            }
                        }
                        _ => {
                            let directory = engine.state().directory.read();
                            for case in directory.casework().cases() {
                                if let satang_core::record::Debtor::Person(person) = case.debtor {
                                    engine.wallets_of_person(&directory, person);
                                }
                            }
                        }
                    }
                    if n == 300 {
                        let record = ConsentWithdrawn {
                            merchant: MerchantId::from_number(10),
                            case: CaseId::from_bits(9_999),
                            letter: today(),
                            reason: "x".into(),
                        };
                        engine.decide_casework(&record, None).unwrap();
                    }
                }
                working.fetch_sub(1, Ordering::SeqCst);
            });
            scope.spawn(move || {
                let mut random = Random::new(seeds[1]);
                for n in 0..1_500u128 {
                    let asked = request(1_000 + n, 1 + random.below(25), 100 + random.below(2_000));
                    let earlier = 1_000 + u128::from(random.below(n as u64 + 1));
                    match random.below(6) {
                        0 => drop(
                            engine
                                .hold(&HoldRequest {
                                    txn_id: asked.txn_id,
                                    purchase: asked.purchase,
                                    expires_in_s: 600,
                                })
                                .unwrap(),
                        ),
                        1 => drop(engine.reverse(&reversal(n, earlier, Some(50))).unwrap()),
                        2 => drop(
                            engine
                                .close(&ClosingRequest {
                                    txn_id: TxnId::from_bits(earlier),
                                    act: if random.percent(70) {
                                        ReturnKind::Capture
                                    } else {
                                        ReturnKind::Void
                                    },
                                    amount: Some(Satang::new(60)),
                                })
                                .or_else(|_| {
                                    engine.close(&ClosingRequest {
                                        txn_id: TxnId::from_bits(earlier),
                                        act: ReturnKind::Void,
                                        amount: None,
                                    })
                                })
                                .unwrap(),
                        ),
                        3 => drop(
                            engine
                                .authorize_batch(&[
                                    asked,
                                    with_card(request(50_000 + n, 1 + random.below(25), 500)),
                                    asked,
                                ])
                                .unwrap(),
                        ),
                        _ => drop(engine.authorize(&asked).unwrap()),
                    }
                }
                working.fetch_sub(1, Ordering::SeqCst);
            });
            scope.spawn(move || {
                let mut random = Random::new(seeds[2]);
                for n in 0..600u128 {
                    let number = 1 + random.below(25);
                    match random.below(4) {
                        0 => drop(
                            engine
                                .enroll(&[enrollment(number), card(1 + random.below(25))], None)
                                .unwrap(),
                        ),
                        1 => drop(
                            engine
                                .import_list(
                                    &name("kept-out"),
                                    &[citizen(100 + random.below(5)), citizen(number)],
                                    None,
                                )
                                .unwrap(),
                        ),
                        2 => drop(
                            engine
                                .register(&RegistrationRequest {
                                    registration_id: RegistrationId::from_bits(n),
                                    program: name("rush"),
                                    wallet: WalletId::from_number(number),
                                    citizen: citizen(number),
                                    birth: satang_core::birth::BirthDate::parse("1990").unwrap(),
                                    nationality: Nationality::THAI,
                                })
                                .unwrap(),
                        ),
                        _ => drop(
                            engine
                                .transfer_person(
                                    &satang_engine::session::programme_transfer::TransferInput {
                                        wallet: WalletId::from_number(number),
                                        from: name(if random.percent(50) { "fair" } else { "card" }),
                                        to: name(if random.percent(50) { "card" } else { "rush" }),
                                        household: None,
                                        tier: None,
                                        usable_from: None,
                                        reason: "x".into(),
                                    },
                                    None,
                                )
                                .unwrap(),
                        ),
                    }
                }
                working.fetch_sub(1, Ordering::SeqCst);
            });
            scope.spawn(move || {
                let mut snapshots = 0;
                while working.load(Ordering::SeqCst) > 1 {
                    maintenance.forget_erased().unwrap();
                    maintenance.count_received().unwrap();
                    if snapshots < 1 + round % 3 {
                        // While the others work: each part of it ends elsewhere in the journal.
                        maintenance.snapshot().unwrap();
                        snapshots += 1;
                    }
                }
                working.fetch_sub(1, Ordering::SeqCst);
            });
            while working.load(Ordering::SeqCst) > 0 {
                if !rig.committer.step().unwrap() {
                    std::thread::yield_now();
                }
            }
        });
        rig.flush();
        let digest = rig.digest();
        let last = rig.engine.appender().last_sequence();
        let plain = without(&rig.storage, "snapshots");
        assert_eq!(
            Rig::start(plain).digest(),
            digest,
            "round {round}: from the journal"
        );
        let from_snapshot = Rig::start(rig.storage.copy());
        println!("round {round}: {:?}", from_snapshot.recovered.snapshot);
        assert_eq!(from_snapshot.digest(), digest, "round {round}: from a snapshot");
        let report = verify(&rig.storage);
        let told = told(&report);
        println!("round {round}: {last} records");
        assert_eq!(told, Vec::<String>::new(), "round {round}");
    }
}

/// Payments that together pass 2^64: reported, and refused by a start; not a crash of either.
#[test]
fn a_journal_of_impossible_payments_is_reported_and_does_not_crash_the_auditor() {
    use crate::rig::office::{assert_recorded, open, pays, shop, started};
    use satang_engine::session::casework::DebtorInput;
    let mut rig = started();
    assert_recorded(open(&mut rig, 1, DebtorInput::Merchant(shop()), 1_000));
    for payment in 1..=2 {
        assert_recorded(pays(&mut rig, 1, payment, 100));
    }
    let wrong = forged(&rig.storage, |found| {
        // Behind the header, the case and the payment.
        if found.kind == RecordKind::CasePaid as u8 {
            found.bytes[56..64].copy_from_slice(&u64::MAX.to_le_bytes());
        }
    });
    let report = verify(&wrong);
    let told = told(&report);
    assert!(told.iter().any(|what| what.contains("exceeds_owed")), "{told:?}");
}
