//! Casework: merchants that join, are bound, suspended or withdraw; money that is held back.

use crate::rig::office::*;
use crate::rig::*;
use satang_core::calendar::Instant;
use satang_core::ids::{MerchantId, TxnId};
use satang_core::money::Satang;
use satang_core::outcome::Reason;
use satang_core::programme::Category;
use satang_core::record::{
    AuthorizationPayout, ConsentWithdrawn, MerchantPayout, MerchantStatus, NameNumber, Payout, ReturnKind,
    Status,
};
use satang_core::request::{ClosingRequest, HoldRequest};
use satang_core::state::casework::{CaseState, CaseworkRefusal};
use satang_engine::engine::Submitted;
use satang_engine::session::admin::{MerchantInput, MerchantRefusal};
use satang_engine::session::casework::{CaseworkOutcome, DebtorInput};

#[test]
fn a_merchant_is_suspended_while_the_desk_or_the_register_says_so() {
    let mut rig = started();
    let pays = |rig: &mut Rig, txn| rig.authorize(txn, 1, 100).reason();
    assert_recorded(status_of(&mut rig, shop(), Status::Suspended));
    assert_eq!(pays(&mut rig, 1), Reason::MerchantSuspended);
    let (outcomes, _) = rig
        .engine
        .put_merchants(&[merchant(Category::FoodDrink)], None)
        .unwrap();
    assert_eq!(outcomes, [Ok(())]);
    assert_eq!(
        pays(&mut rig, 2),
        Reason::MerchantSuspended,
        "the register does not lift it"
    );
    assert_survives(&mut rig);
    assert_recorded(status_of(&mut rig, shop(), Status::Active));
    assert_eq!(pays(&mut rig, 3), Reason::Approved);
    let suspended = MerchantInput {
        status: Status::Suspended,
        ..merchant(Category::FoodDrink)
    };
    rig.engine.put_merchants(&[suspended], None).unwrap();
    assert_recorded(status_of(&mut rig, shop(), Status::Active));
    assert_eq!(
        pays(&mut rig, 4),
        Reason::MerchantSuspended,
        "the desk does not lift the register's"
    );
    let unknown = status_of(&mut rig, MerchantId::from_number(77), Status::Suspended);
    assert_eq!(
        unknown,
        CaseworkOutcome::Refused(CaseworkRefusal::MerchantUnknown)
    );
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let mut rig = started();
    let known = MerchantInput {
        name: "ร้านย้ายมาใหม่".to_owned(),
        bank_account: Some("0123456789".to_owned()),
        ..merchant(Category::FoodDrink)
    };
    let put = |rig: &Rig, input: &MerchantInput| {
        let (outcomes, sequence) = rig
            .engine
            .put_merchants(std::slice::from_ref(input), None)
            .unwrap();
        assert_eq!(outcomes, [Ok(())]);
        sequence
    };
    let pause = |rig: &Rig, status, reason| {
        let sequence = rig.engine.set_program_status(&name("fair"), status, reason, None);
        sequence.unwrap().expect("in force")
    };
    let resumed = pause(&rig, Status::Active, "again");
    let first = put(&rig, &known);
    assert_eq!(first, resumed + 1, "it was not paused");
    assert_eq!(put(&rig, &known), first);
    let paused = pause(&rig, Status::Suspended, "flood");
    assert_eq!(paused, first + 1);
    assert_eq!(pause(&rig, Status::Suspended, "flood"), paused);
    assert_eq!(pause(&rig, Status::Suspended, "fire"), paused + 1);
    rig.flush();
    assert_survives(&mut rig);
    let rig = Rig::start(rig.storage.copy());
    assert_eq!(
        put(&rig, &known),
        paused + 1,
        "a snapshot knows what a line changes"
    );
    let moved = MerchantInput {
        bank_account: Some("9876543210".to_owned()),
        ..known.clone()
    };
    assert_eq!(put(&rig, &moved), paused + 2);
    assert_eq!(put(&rig, &known), paused + 3);
}

#[test]
fn a_merchant_joins_a_programme_in_its_dates_and_one_who_returns_for_longer() {
    let mut rig = started();
    let new = MerchantInput {
        id: MerchantId::from_number(20),
        programs: vec![],
        ..merchant(Category::FoodDrink)
    };
    let known = MerchantInput {
        id: MerchantId::from_number(21),
        programs: vec![name("rush")],
        ..new.clone()
    };
    let nails = MerchantInput {
        id: MerchantId::from_number(22),
        category: Category::Nails,
        ..new.clone()
    };
    rig.engine
        .put_merchants(&[new.clone(), known.clone(), nails.clone()], None)
        .unwrap();
    let join = |rig: &Rig, merchant: &MerchantInput, program: &str| {
        rig.engine
            .join_program(merchant.id, &name(program), None)
            .unwrap()
    };
    let refuses = |rig: &Rig, merchant: &MerchantInput, program: &str, refusal| {
        assert_eq!(
            join(rig, merchant, program),
            (CaseworkOutcome::Refused(refusal), false)
        );
    };
    refuses(&rig, &new, "no-such", CaseworkRefusal::ProgramUnknown);
    refuses(&rig, &nails, "fair", CaseworkRefusal::CategoryNotAllowed);
    refuses(&rig, &new, "card", CaseworkRefusal::CategoryNotAllowed);
    // On the last date of new ones.
    rig.engine
        .clock()
        .set(Instant::parse("2026-06-20T23:59:59.999+07:00").unwrap())
        .unwrap();
    let (outcome, returning) = join(&rig, &new, "fair");
    assert_recorded(outcome);
    assert!(!returning);
    assert_eq!(join(&rig, &new, "fair").0, CaseworkOutcome::Unchanged);
    let other = MerchantInput {
        id: MerchantId::from_number(23),
        ..new.clone()
    };
    rig.engine
        .put_merchants(std::slice::from_ref(&other), None)
        .unwrap();
    rig.pass(1);
    refuses(&rig, &other, "fair", CaseworkRefusal::RegistrationClosed);
    let (outcome, returning) = join(&rig, &known, "fair");
    assert_recorded(outcome);
    assert!(returning);
    rig.pass(12 * 3_600_000);
    rig.flush();
    let mut asked = request(1, 1, 100);
    asked.purchase.merchant = new.id;
    let Submitted::Decided { record, .. } = rig.engine.authorize(&asked).unwrap() else {
        panic!("a new id")
    };
    assert_eq!(record.reason(), Reason::Approved);
    assert_survives(&mut rig);
    rig.engine
        .clock()
        .set(Instant::parse("2026-06-26T00:00:00+07:00").unwrap())
        .unwrap();
    // Who took part before, and does not now, is asked anew.
    rig.engine
        .put_merchants(std::slice::from_ref(&known), None)
        .unwrap();
    refuses(&rig, &known, "fair", CaseworkRefusal::RegistrationClosed);
}

#[test]
fn a_merchant_has_one_platform_at_a_time() {
    let mut rig = started();
    let bind = |rig: &Rig, platform: &str, bound| {
        let bound = rig.engine.bind_platform(shop(), &name(platform), bound, "", None);
        bound.unwrap()
    };
    let refusal = CaseworkOutcome::Refused;
    assert_eq!(
        bind(&rig, "fast", false),
        refusal(CaseworkRefusal::PlatformNotBound)
    );
    assert_recorded(bind(&rig, "fast", true));
    assert_eq!(bind(&rig, "fast", true), CaseworkOutcome::Unchanged);
    assert_eq!(
        bind(&rig, "faster", true),
        refusal(CaseworkRefusal::PlatformBound)
    );
    let numbered = rig.engine.state().directory.read().number_of(&name("faster"));
    assert_eq!(numbered, NameNumber::UNKNOWN, "what is refused uses up no name");
    assert_eq!(
        bind(&rig, "faster", false),
        refusal(CaseworkRefusal::PlatformNotBound)
    );
    rig.flush();
    assert_survives(&mut rig);
    assert_recorded(bind(&rig, "fast", false));
    assert_recorded(bind(&rig, "faster", true));
}

#[test]
fn what_a_merchant_received_is_owed_when_it_withdraws_and_nothing_that_came_later() {
    let mut rig = started();
    let hold = |rig: &Rig, txn, wallet| {
        let asked = request(txn, wallet, 1_000);
        let held = HoldRequest {
            txn_id: asked.txn_id,
            purchase: asked.purchase,
            expires_in_s: 600,
        };
        rig.engine.hold(&held).unwrap()
    };
    let close = |rig: &mut Rig, txn, act, amount: Option<u64>| {
        let asked = ClosingRequest {
            txn_id: TxnId::from_bits(txn),
            act,
            amount: amount.map(Satang::new),
        };
        rig.flush();
        let closed = rig.engine.close(&asked).unwrap();
        assert!(matches!(closed, Submitted::Decided { .. }));
    };
    let give_back = |rig: &mut Rig, id, txn, amount| {
        rig.flush();
        let given = rig.engine.reverse(&reversal(id, txn, amount)).unwrap();
        assert!(matches!(given, Submitted::Decided { .. }));
    };
    // 600 received, 300 given back.
    rig.authorize(1, 1, 1_000);
    give_back(&mut rig, 101, 1, Some(500));
    // 600 received.
    rig.authorize(2, 2, 1_000);
    // Captured 500 of 1,000: 300, of which 60 are given back.
    hold(&rig, 3, 1);
    close(&mut rig, 3, ReturnKind::Capture, Some(500));
    give_back(&mut rig, 103, 3, Some(100));
    // Nothing: voided, reversed while open, open, declined, of another merchant.
    hold(&rig, 4, 1);
    close(&mut rig, 4, ReturnKind::Void, None);
    hold(&rig, 5, 1);
    give_back(&mut rig, 105, 5, None);
    hold(&rig, 6, 1);
    assert_eq!(rig.authorize(7, 99, 1_000).reason(), Reason::WalletUnknown);
    let expected = 300 + 600 + 300 - 60;
    let withdrawn = ConsentWithdrawn {
        merchant: shop(),
        case: case(9),
        letter: today(),
        reason: "ขอถอนความยินยอม".into(),
    };
    assert_recorded(decide(&mut rig, withdrawn.clone()));
    assert_eq!(case_of(&rig, 9).state(), CaseState::Counting);
    assert_eq!(rig.authorize(8, 1, 100).reason(), Reason::MerchantSuspended);
    // What comes later does not count.
    close(&mut rig, 6, ReturnKind::Capture, None);
    give_back(&mut rig, 102, 2, None);
    rig.flush();
    // A stop in between: the next start counts.
    let mut rig = Rig::start(rig.storage.copy());
    rig.maintenance.count_received().unwrap();
    rig.flush();
    assert_eq!(case_of(&rig, 9).owed, Some(Satang::new(expected)));
    rig.maintenance.count_received().unwrap();
    assert_eq!(decide(&mut rig, withdrawn), CaseworkOutcome::Unchanged);
    assert_survives(&mut rig);
    // For good: neither the register nor casework takes it back.
    let (outcomes, _) = rig
        .engine
        .put_merchants(&[merchant(Category::FoodDrink)], None)
        .unwrap();
    assert_eq!(
        outcomes,
        [Err(MerchantRefusal::Casework(CaseworkRefusal::ConsentWithdrawn))]
    );
    let active = MerchantStatus {
        merchant: shop(),
        status: Status::Active,
        reason: String::new(),
    };
    assert_eq!(refusal_of(&mut rig, active), CaseworkRefusal::ConsentWithdrawn);
}

#[test]
fn a_merchant_that_owes_keeps_its_programmes_and_joins_no_other() {
    let mut rig = started();
    assert_recorded(open(&mut rig, 1, DebtorInput::Merchant(shop()), 5_000));
    assert_eq!(rig.authorize(1, 1, 100).reason(), Reason::Approved);
    let put = |rig: &Rig, programs: &[&str]| {
        let input = MerchantInput {
            programs: programs.iter().map(|program| name(program)).collect(),
            ..merchant(Category::FoodDrink)
        };
        rig.engine.put_merchants(&[input], None).unwrap().0[0]
    };
    assert_eq!(
        put(&rig, &["fair", "rush"]),
        Err(MerchantRefusal::Casework(CaseworkRefusal::ClawbackOpen))
    );
    assert_eq!(put(&rig, &["fair"]), Ok(()));
    assert_recorded(pays(&mut rig, 1, 1, 5_000));
    assert_eq!(put(&rig, &["fair", "rush"]), Ok(()));
}

#[test]
fn money_is_held_back_of_a_merchant_or_of_one_authorization_and_decisions_go_on() {
    let mut rig = started();
    let txn_id = rig.authorize(1, 1, 1_000).txn_id();
    let freeze = |payout| AuthorizationPayout {
        txn_id,
        payout,
        reason: "ซื้อแลกเงินสด".into(),
    };
    let of_shop = |payout| MerchantPayout {
        merchant: shop(),
        payout,
        reason: "ซื้อแลกเงินสด".into(),
    };
    assert_recorded(decide(&mut rig, freeze(Payout::Frozen)));
    assert_recorded(decide(&mut rig, of_shop(Payout::Frozen)));
    assert_recorded(decide(&mut rig, of_shop(Payout::Frozen)));
    assert_eq!(rig.authorize(2, 1, 100).reason(), Reason::Approved);
    assert_survives(&mut rig);
    let frozen = |rig: &Rig| {
        let directory = rig.engine.state().directory.read();
        let casework = directory.casework();
        let merchants: Vec<MerchantId> = casework
            .frozen_merchants()
            .map(|(merchant, _)| merchant)
            .collect();
        assert_eq!(casework.merchants_frozen(), merchants.len());
        (casework.frozen(txn_id).is_some(), merchants)
    };
    assert_eq!(frozen(&rig), (true, vec![shop()]));
    assert_recorded(decide(&mut rig, freeze(Payout::Active)));
    assert_recorded(decide(&mut rig, of_shop(Payout::Active)));
    assert_eq!(frozen(&rig), (false, vec![]));
}
