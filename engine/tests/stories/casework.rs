//! Casework: who is kept out, and until when; who is forgotten.

use crate::rig::office::*;
use crate::rig::random::Random;
use crate::rig::*;
use satang_core::calendar::BusinessDate;
use satang_core::ids::WalletId;
use satang_core::outcome::{Reason, RegistrationReason};
use satang_core::record::{CaseClosed, Status};
use satang_core::state::casework::{Block, CaseState, CaseworkRefusal, PAYMENTS_MAX};
use satang_engine::engine::Submitted;
use satang_engine::persons::PERSONS_FILE;
use satang_engine::session::casework::{CaseworkOutcome, DebtorInput, Subject};
use satang_engine::session::enroll::{EnrollmentInput, EnrollmentRefusal};
use satang_engine::session::programme_transfer::{TransferInput, TransferOutcome, TransferRefusal};

#[test]
fn a_suspended_citizen_spends_nothing_through_any_wallet_and_gets_no_right() {
    let mut rig = started();
    // The citizen of wallet 1 has a card through another wallet.
    let card_of_1 = EnrollmentInput {
        citizen: citizen(1),
        ..card(30)
    };
    assert_eq!(rig.engine.enroll(&[card_of_1], None).unwrap().0, [Ok(())]);
    let suspend = |rig: &mut Rig, status| {
        let subject = Subject::Citizen(citizen(1));
        let (outcome, wallets) = rig
            .engine
            .set_person_status(subject, status, "สวมสิทธิ์", None)
            .unwrap();
        rig.flush();
        assert_recorded(outcome);
        wallets
    };
    let wallets = suspend(&mut rig, Status::Suspended);
    assert_eq!(wallets, [1, 30].map(WalletId::from_number));
    assert_eq!(rig.authorize(1, 1, 100).reason(), Reason::WalletSuspended);
    let with_the_card = with_card(request(2, 30, 100));
    let Submitted::Decided { record, .. } = rig.engine.authorize(&with_the_card).unwrap() else {
        panic!("a new id")
    };
    assert_eq!(record.reason(), Reason::WalletSuspended);
    assert_eq!(register(&rig, 1, 1), excluded(&rig, Block::Suspended));
    // A line that grants nothing is taken.
    assert_eq!(rig.engine.enroll(&[enrollment(1)], None).unwrap().0, [Ok(())]);
    rig.flush();
    assert_survives(&mut rig);
    // The wallet's own status is its own.
    let wallet = WalletId::from_number(1);
    rig.engine
        .set_wallet_status(wallet, Status::Active, "", None)
        .unwrap();
    assert_eq!(rig.authorize(3, 1, 100).reason(), Reason::WalletSuspended);
    rig.engine
        .set_wallet_status(wallet, Status::Suspended, "", None)
        .unwrap();
    assert_eq!(suspend(&mut rig, Status::Active), wallets);
    assert_eq!(
        rig.authorize(4, 1, 100).reason(),
        Reason::WalletSuspended,
        "by itself"
    );
    rig.engine
        .set_wallet_status(wallet, Status::Active, "", None)
        .unwrap();
    assert_eq!(rig.authorize(5, 1, 100).reason(), Reason::Approved);
    assert_eq!(register(&rig, 2, 1).0, RegistrationReason::Accepted);
    assert_survives(&mut rig);
}

#[test]
fn a_case_keeps_its_citizen_from_new_rights_until_it_is_paid_to_the_last_satang() {
    let mut rig = started();
    // A citizen whom nobody knows yet.
    let debtor = DebtorInput::Person(Subject::Citizen(citizen(50)));
    assert_recorded(open(&mut rig, 1, debtor, 1_000));
    assert_eq!(open(&mut rig, 1, debtor, 1_000), CaseworkOutcome::Unchanged);
    let conflict = CaseworkOutcome::Refused(CaseworkRefusal::CaseIdConflict);
    assert_eq!(open(&mut rig, 1, debtor, 1_001), conflict);
    assert_eq!(register(&rig, 1, 50), excluded(&rig, Block::Clawback));
    let line = enrollment(50);
    let (outcomes, _) = rig.engine.enroll(&[line], None).unwrap();
    assert_eq!(outcomes, [Err(EnrollmentRefusal::Excluded(Block::Clawback))]);
    assert_recorded(pays(&mut rig, 1, 1, 600));
    assert_eq!(pays(&mut rig, 1, 1, 600), CaseworkOutcome::Unchanged);
    let refusal = CaseworkOutcome::Refused;
    assert_eq!(
        pays(&mut rig, 1, 1, 601),
        refusal(CaseworkRefusal::PaymentIdConflict)
    );
    assert_eq!(pays(&mut rig, 1, 2, 401), refusal(CaseworkRefusal::ExceedsOwed));
    assert_eq!(register(&rig, 2, 50), excluded(&rig, Block::Clawback));
    assert_survives(&mut rig);
    assert_recorded(pays(&mut rig, 1, 2, 400));
    assert_eq!(case_of(&rig, 1).state(), CaseState::Paid);
    assert_eq!(pays(&mut rig, 1, 3, 1), refusal(CaseworkRefusal::CaseClosed));
    assert_eq!(register(&rig, 3, 50).0, RegistrationReason::Accepted);
    assert_eq!(case_of(&rig, 1).due(), BusinessDate::parse("2026-07-15").unwrap());
    assert_eq!(rig.engine.state().directory.read().casework().cases_open(), 0);
}

#[test]
fn a_case_has_a_bounded_number_of_payments() {
    let mut rig = started();
    let debtor = DebtorInput::Person(Subject::Citizen(citizen(50)));
    assert_recorded(open(&mut rig, 1, debtor, 100_000));
    for payment in 0..PAYMENTS_MAX as u128 {
        assert_recorded(pays(&mut rig, 1, payment, 1));
    }
    let one_more = pays(&mut rig, 1, PAYMENTS_MAX as u128, 1);
    assert_eq!(
        one_more,
        CaseworkOutcome::Refused(CaseworkRefusal::TooManyPayments)
    );
    assert_eq!(pays(&mut rig, 1, 0, 1), CaseworkOutcome::Unchanged);
}

#[test]
fn whoever_moves_is_kept_out_as_whoever_registers_is() {
    let mut rig = started();
    let move_to_card = TransferInput {
        wallet: WalletId::from_number(2),
        from: name("fair"),
        to: name("card"),
        household: None,
        tier: None,
        usable_from: None,
        reason: String::new(),
    };
    let debtor = DebtorInput::Person(Subject::Wallet(WalletId::from_number(2)));
    assert_recorded(open(&mut rig, 1, debtor, 1_000));
    let kept_out = TransferOutcome::Refused(TransferRefusal::Excluded(Block::Clawback));
    assert_eq!(rig.engine.transfer_person(&move_to_card, None).unwrap(), kept_out);
    let reason = "ยกเลิกหนังสือ".to_owned();
    assert_recorded(decide(
        &mut rig,
        CaseClosed {
            case: case(1),
            reason,
        },
    ));
    assert_eq!(case_of(&rig, 1).state(), CaseState::Closed);
    let moved = rig.engine.transfer_person(&move_to_card, None).unwrap();
    assert!(matches!(moved, TransferOutcome::Transferred { .. }));
}

#[test]
fn an_erased_citizen_is_known_by_nobody_and_gets_no_right_ever_again() {
    let mut rig = started();
    assert_eq!(register(&rig, 1, 1).0, RegistrationReason::Accepted);
    rig.authorize(1, 1, 1_000);
    let subject = Subject::Citizen(citizen(1));
    let (state, wallet) = (rig.engine.state(), WalletId::from_number(1));
    let wallets = &state.wallets[state.seed.wallet_shard(wallet)];
    let person = wallets.lock().person(wallet).unwrap();
    let is_stored = |rig: &Rig| {
        let bytes = rig.storage.bytes(PERSONS_FILE);
        let number = person.number().to_le_bytes();
        bytes.windows(8).any(|window| window == number)
    };
    assert!(is_stored(&rig));
    let (outcome, wallets) = rig.engine.erase_person(subject, "ขอลบข้อมูล", None).unwrap();
    assert_recorded(outcome);
    assert_eq!(wallets, [WalletId::from_number(1)]);
    // Even before the entry is gone.
    assert_eq!(register(&rig, 2, 1), excluded(&rig, Block::Erased));
    rig.flush();
    let interrupted = rig.storage.copy();
    assert_eq!(rig.maintenance.forget_erased().unwrap(), 1);
    assert!(!is_stored(&rig));
    let again = rig.engine.erase_person(subject, "", None).unwrap();
    assert_eq!(again, (CaseworkOutcome::Unchanged, vec![]));
    for rig in [Rig::start(rig.storage.copy()), Rig::start(interrupted)] {
        let mut rig = rig;
        assert!(rig.maintenance.forget_erased().unwrap() <= 1);
        assert!(!is_stored(&rig));
        assert_eq!(register(&rig, 3, 1), excluded(&rig, Block::Erased));
        let (outcomes, _) = rig.engine.enroll(&[enrollment(1)], None).unwrap();
        assert_eq!(outcomes, [Err(EnrollmentRefusal::Excluded(Block::Erased))]);
        assert_eq!(rig.authorize(9, 1, 100).reason(), Reason::WalletSuspended);
        // Somebody else's line cannot take the wallet over.
        let other = EnrollmentInput {
            citizen: citizen(60),
            ..enrollment(1)
        };
        assert_eq!(
            rig.engine.enroll(&[other], None).unwrap().0,
            [Err(EnrollmentRefusal::WalletTaken)]
        );
        let before = rig.engine.appender().last_sequence();
        rig.engine
            .import_list(&name("kept-out"), &[citizen(1)], None)
            .unwrap();
        let names = 1;
        assert!(
            rig.engine.appender().last_sequence() <= before + names,
            "no list has the citizen"
        );
        let status = rig
            .engine
            .set_person_status(subject, Status::Active, "", None)
            .unwrap();
        assert_eq!(status.0, CaseworkOutcome::Refused(CaseworkRefusal::PersonErased));
        // What was bought can be given back.
        let given = rig.engine.reverse(&reversal(1, 1, None)).unwrap();
        assert!(matches!(given, Submitted::Decided { record, .. } if record.approved()));
        rig.flush();
        assert_survives(&mut rig);
    }
}

#[test]
fn who_owes_is_not_erased() {
    let mut rig = started();
    let subject = Subject::Wallet(WalletId::from_number(1));
    assert_recorded(open(&mut rig, 1, DebtorInput::Person(subject), 10));
    let (outcome, _) = rig.engine.erase_person(subject, "", None).unwrap();
    assert_eq!(outcome, CaseworkOutcome::Refused(CaseworkRefusal::ClawbackOpen));
    assert_recorded(pays(&mut rig, 1, 1, 10));
    let (outcome, _) = rig.engine.erase_person(subject, "", None).unwrap();
    assert_recorded(outcome);
    let nobody = Subject::Citizen(citizen(70));
    let (outcome, _) = rig.engine.erase_person(nobody, "", None).unwrap();
    assert_eq!(outcome, CaseworkOutcome::NobodyKnown);
}

#[test]
fn whatever_the_desk_decides_a_start_finds_it() {
    let mut random = Random::printed("whatever_the_desk_decides");
    for _ in 0..20 {
        let mut rig = Rig::prepared();
        let mut work = workload::Workload::new(Random::new(random.bits()));
        for _ in 0..60 {
            casework::decide(&mut work, &rig).unwrap();
            work.ask(&rig).unwrap();
            rig.flush();
        }
        assert_survives(&mut rig);
    }
}
