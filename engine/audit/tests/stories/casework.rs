//! The story: an auditor reads what casework decided. It verifies as it was decided; what could not have been decided is found out.

use crate::forge::{Found, Frames, forged};
use crate::rig::*;
use crate::verified::{told, verify};
use satang_core::ids::{CaseId, MerchantId, Name, PaymentId, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::programme::Category;
use satang_core::record::{
    AuthorizationPayout, CaseClosed, CasePaid, ConsentWithdrawn, MerchantPayout, MerchantStatus, Payout,
    RecordKind, Status,
};
use satang_engine::session::acquirers::Caller;
use satang_engine::session::admin::MerchantInput;
use satang_engine::session::casework::{CaseworkOutcome, DebtorInput, Decision, Subject};
use satang_log::storage::MemoryStorage;

/// Where what a record says begins: behind the header.
const BODY: usize = 24;

fn mismatches(storage: &MemoryStorage) -> Vec<String> {
    let report = verify(storage);
    assert!(report.damage.is_none(), "{:?}", report.damage);
    told(&report)
}

/// A journal with one of each decision.
fn served() -> Rig {
    let mut rig = Rig::start(MemoryStorage::default());
    let joined = PROGRAM.replace(
        "[[benefit]]",
        "[merchant_registration]\nopens = 2026-06-10\n[[benefit]]",
    );
    rig.engine
        .activate_programs(&[("fair.toml".into(), joined)], None)
        .unwrap();
    let other = MerchantInput {
        id: MerchantId::from_number(11),
        programs: vec![],
        ..merchant(Category::FoodDrink)
    };
    rig.engine
        .put_merchants(&[merchant(Category::FoodDrink), other], None)
        .unwrap();
    let (outcomes, _) = rig.engine.enroll(&[enrollment(1), enrollment(2)], None).unwrap();
    assert_eq!(outcomes, [Ok(()), Ok(())]);
    rig.authorize(1, 1, 1_000);
    rig.authorize(2, 2, 500);
    let reason = || "ตามหนังสือ".to_owned();
    let recorded = |outcome| assert!(matches!(outcome, CaseworkOutcome::Recorded { .. }), "{outcome:?}");
    let (first, second) = (MerchantId::from_number(10), MerchantId::from_number(11));
    let letter = noon().business_date();
    let fair = Name::parse("fair").unwrap();
    recorded(rig.engine.join_program(second, &fair, None).unwrap().0);
    let fast = Name::parse("fast").unwrap();
    recorded(rig.engine.bind_platform(second, &fast, true, "", None).unwrap());
    decide(
        &rig,
        MerchantStatus {
            merchant: second,
            status: Status::Suspended,
            reason: reason(),
        },
    );
    decide(
        &rig,
        MerchantPayout {
            merchant: first,
            payout: Payout::Frozen,
            reason: reason(),
        },
    );
    decide(
        &rig,
        AuthorizationPayout {
            txn_id: TxnId::from_bits(1),
            payout: Payout::Frozen,
            reason: reason(),
        },
    );
    let citizen_of = |wallet| Subject::Wallet(WalletId::from_number(wallet));
    let suspended = rig
        .engine
        .set_person_status(citizen_of(1), Status::Suspended, "", None);
    recorded(suspended.unwrap().0);
    let (case, owed) = (CaseId::from_bits(1), Satang::new(900));
    let debtor = DebtorInput::Person(citizen_of(1));
    recorded(
        rig.engine
            .open_case(case, debtor, owed, letter, "", None)
            .unwrap(),
    );
    decide(
        &rig,
        CasePaid {
            case,
            payment: PaymentId::from_bits(1),
            amount: Satang::new(400),
            reason: reason(),
        },
    );
    decide(
        &rig,
        CaseClosed {
            case,
            reason: reason(),
        },
    );
    recorded(rig.engine.erase_person(citizen_of(2), "", None).unwrap().0);
    decide(
        &rig,
        ConsentWithdrawn {
            merchant: first,
            case: CaseId::from_bits(2),
            letter,
            reason: reason(),
        },
    );
    rig.flush();
    rig.maintenance.count_received().unwrap();
    rig.flush();
    rig
}

fn decide(rig: &Rig, decision: impl Decision) {
    let outcome = rig.engine.decide_casework(&decision, None).unwrap();
    assert!(matches!(outcome, CaseworkOutcome::Recorded { .. }), "{outcome:?}");
}

/// The first mismatch of the journal whose record of this kind was changed.
fn first_mismatch(kind: RecordKind, change: impl Fn(&mut Found)) -> String {
    let rig = served();
    let is_wanted = |found: &Found| found.kind == kind as u8;
    let frames = Frames::of(&rig.storage).unwrap();
    assert_eq!(
        frames.records().filter(|found| is_wanted(found)).count(),
        1,
        "{kind:?}"
    );
    let wrong = forged(&rig.storage, |found| {
        if is_wanted(found) {
            change(found);
        }
    });
    mismatches(&wrong).into_iter().next().expect("a mismatch")
}

#[test]
fn what_the_desk_decided_verifies() {
    assert_eq!(mismatches(&served().storage), Vec::<String>::new());
}

#[test]
fn what_the_desk_could_not_have_decided_is_found() {
    type Change = fn(&mut Found);
    let wrong: [(RecordKind, Change, &str); 10] = [
        // Another merchant, whom nobody registered.
        (
            RecordKind::MerchantStatus,
            |found| found.bytes[BODY] = 12,
            "merchant_unknown",
        ),
        (
            RecordKind::MerchantJoined,
            |found| found.bytes[BODY + 10] = 1,
            "whether the merchant returns",
        ),
        // Released, not bound.
        (
            RecordKind::PlatformBinding,
            |found| found.bytes[BODY + 10] = 0,
            "platform_not_bound",
        ),
        (
            RecordKind::MerchantPayout,
            |found| found.bytes[BODY] = 12,
            "merchant_unknown",
        ),
        (
            RecordKind::AuthorizationPayout,
            |found| found.bytes[BODY] = 9,
            "no authorization of its txn_id was approved",
        ),
        (
            RecordKind::PersonStatus,
            |found| found.bytes[BODY + 10] ^= 3,
            "other wallets than the citizen's",
        ),
        (
            RecordKind::CasePaid,
            |found| found.bytes[BODY + 33] = 4,
            "exceeds_owed",
        ),
        // 900 instead of 400: what closes the case behind it changes nothing then.
        (
            RecordKind::CasePaid,
            |found| found.bytes[BODY + 32..BODY + 34].copy_from_slice(&900u16.to_le_bytes()),
            "it changes nothing",
        ),
        (
            RecordKind::ConsentWithdrawn,
            |found| found.bytes[BODY] = 12,
            "merchant_unknown",
        ),
        (
            RecordKind::CaseCounted,
            |found| found.bytes[BODY + 16] ^= 1,
            "is owed, received was",
        ),
    ];
    for (kind, change, word) in wrong {
        let told = first_mismatch(kind, change);
        assert!(told.contains(word), "{kind:?}: {word:?} is not in: {told}");
    }
}

#[test]
fn a_caller_whose_key_has_no_name_is_found() {
    let told = first_mismatch(RecordKind::MerchantStatus, |found| found.bytes[14] = 99);
    let word = "the name of its caller was never introduced";
    assert!(told.contains(word), "{told}");
}

#[test]
fn decisions_with_and_without_a_caller_verify_alike() {
    let mut rig = served();
    let name = |text| Name::parse(text).unwrap();
    let plain = rig.engine.caller_of(&name("switch-1"), None).unwrap();
    let of_a_bank = rig
        .engine
        .caller_of(&name("switch-2"), Some(&name("scb")))
        .unwrap();
    for (txn, caller) in [(101, plain), (102, of_a_bank), (103, Caller::NOBODY)] {
        _ = rig.engine.authorize_for(caller, &request(txn, 2, 100)).unwrap();
        rig.flush();
        _ = rig
            .engine
            .reverse_for(caller, &reversal(txn, txn, Some(50)))
            .unwrap();
        // A tombstone, and its late original.
        _ = rig
            .engine
            .reverse_for(caller, &reversal(100 + txn, 100 + txn, None))
            .unwrap();
        rig.flush();
        _ = rig
            .engine
            .authorize_for(caller, &request(100 + txn, 2, 100))
            .unwrap();
    }
    rig.flush();
    assert_eq!(mismatches(&rig.storage), Vec::<String>::new());
    let wrong = forged(&rig.storage, |found| {
        if found.kind == RecordKind::Capture as u8 || found.kind == RecordKind::Reversal as u8 {
            found.bytes[14] = 99;
        }
    });
    let told = mismatches(&wrong);
    let word = "the name of its caller was never introduced";
    assert!(told.len() == 6 && told[0].contains(word), "{told:?}");
    // That the key is whose it is already would not have been written.
    let again = forged(&rig.storage, |found| {
        if found.kind == RecordKind::KeyAcquirer as u8 {
            found.bytes[BODY + 2..BODY + 4].fill(0);
        }
    });
    let told = mismatches(&again);
    assert!(told[0].contains("it changes nothing"), "{told:?}");
}

#[test]
fn a_merchant_that_was_taken_though_it_withdrew_is_found() {
    let rig = served();
    let frames = Frames::of(&rig.storage).unwrap();
    let is_put = |found: &Found| found.kind == RecordKind::Merchant as u8;
    let put = frames
        .records()
        .find(|found| is_put(found))
        .unwrap()
        .bytes
        .clone();
    let last = frames.records().last().unwrap().sequence;
    let wrong = forged(&rig.storage, |found| {
        if found.sequence == last {
            found.bytes.clone_from(&put);
        }
    });
    let told = mismatches(&wrong);
    assert!(told[0].contains("consent_withdrawn"), "{told:?}");
}
