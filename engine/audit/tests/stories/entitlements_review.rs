//! Rights whose rules change, that come back, and that end in odd instants: each was once decided wrongly, or verified as what it
//! was not.

use crate::rig::*;
use crate::verified::{told, verify};
use satang_core::birth::BirthDate;
use satang_core::calendar::Instant;
use satang_core::ids::*;
use satang_core::outcome::{Reason, RegistrationReason};
use satang_core::programme::Category;
use satang_core::request::{HoldRequest, RegistrationRequest};
use satang_engine::clock::*;
use satang_engine::engine::Submitted;
use satang_engine::session::admin::MerchantInput;
use satang_engine::session::enroll::EnrollmentInput;
use satang_engine::session::programme_transfer::{TransferInput, TransferOutcome, TransferRefusal};
use satang_engine::session::register::Registered;
use satang_log::storage::MemoryStorage;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A clock that goes on by a step each time it is read.
struct Ticking {
    at: AtomicI64,
    step: AtomicI64,
}

impl Clock for Ticking {
    fn now(&self) -> Result<Instant, ClockError> {
        let step = self.step.load(Ordering::SeqCst);
        Ok(Instant::from_unix_ms(self.at.fetch_add(step, Ordering::SeqCst)))
    }
}

impl Ticking {
    fn set(&self, to: Instant) {
        self.at.store(to.unix_ms(), Ordering::SeqCst);
    }
}

fn instant(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// The citizen and the wallet have the same number.
fn register<C: Clock>(
    rig: &Rig<MemoryStorage, C>,
    id: u128,
    number: u64,
) -> (RegistrationReason, Option<PersonId>) {
    let asked = RegistrationRequest {
        registration_id: RegistrationId::from_bits(id),
        program: name("rush"),
        wallet: WalletId::from_number(number),
        citizen: citizen(number),
        birth: BirthDate::parse("1990").unwrap(),
        nationality: Nationality::parse("TH").unwrap(),
    };
    match rig.engine.register(&asked).unwrap() {
        Registered::Decided { record, .. } => (record.reason(), record.person()),
        other => panic!("{other:?}"),
    }
}

/// Rights in `rush` that are live now.
fn live(rig: &Rig) -> u64 {
    let view = rig.engine.view().unwrap();
    let rush = view.directory().number_of(&name("rush"));
    let rule = view.directory().rule_on(rush, view.today()).unwrap();
    view.live_entitlements(rule).unwrap()
}

fn otop() -> MerchantInput {
    MerchantInput {
        id: MerchantId::from_number(12),
        programs: vec![name("rush")],
        ..merchant(Category::Otop)
    }
}

fn pay(rig: &mut Rig, txn: u128, wallet: u64, program: &str, merchant: u64) -> Reason {
    let mut asked = request(txn, wallet, 1_000);
    asked.purchase.program = name(program);
    asked.purchase.merchant = MerchantId::from_number(merchant);
    match rig.engine.authorize(&asked).unwrap() {
        Submitted::Decided { record, .. } => record.reason(),
        _ => panic!("{txn} is not a first payment"),
    }
}

fn install(rig: &Rig, rush: &str, card: &str) {
    let files = [
        ("rush.toml".into(), rush.to_owned()),
        ("fair.toml".into(), PROGRAM.into()),
        ("card.toml".into(), card.into()),
    ];
    rig.engine.activate_programs(&files, None).unwrap();
}

fn started() -> Rig {
    let rig = Rig::start(MemoryStorage::default());
    install(&rig, RUSH, CARD);
    let merchants = [merchant(Category::FoodDrink), otop(), utility()];
    rig.engine.put_merchants(&merchants, None).unwrap();
    rig
}

/// The citizen's line for a wallet.
fn enroll(rig: &Rig, program: &str, wallet: u64, number: u64) {
    let line = EnrollmentInput {
        program: name(program),
        household: Some(HouseholdId::from_number(7)),
        citizen: citizen(number),
        ..enrollment(wallet)
    };
    assert_eq!(rig.engine.enroll(&[line], None).unwrap().0, vec![Ok(())]);
}

fn move_to(from: &str, to: &str) -> TransferInput {
    TransferInput {
        wallet: WalletId::from_number(1),
        from: name(from),
        to: name(to),
        household: None,
        tier: None,
        usable_from: None,
        reason: "asked for it".into(),
    }
}

/// `RUSH`, but a right may be used for the first time a week longer.
fn put_off() -> String {
    RUSH.replace("06-17T12", "06-25T12")
}

const AFTER_DEADLINE: &str = "2026-06-18T12:00:00+07:00";

#[test]
fn a_registration_that_the_hours_end_under_names_no_person() {
    let clock = Ticking {
        at: AtomicI64::new(noon().unix_ms()),
        step: AtomicI64::new(0),
    };
    let mut rig: Rig<MemoryStorage, Ticking> =
        Rig::open_at(Arc::new(MemoryStorage::default()), clock, options(LAYOUT)).unwrap();
    let text = RUSH.replace("00:00-24:00\"\nquota", "06:00-22:00\"\nquota");
    rig.engine
        .activate_programs(&[("rush.toml".into(), text)], None)
        .unwrap();
    rig.flush();
    let clock = rig.engine.clock();
    clock.set(instant("2026-06-15T21:59:59.999+07:00"));
    clock.step.store(1, Ordering::SeqCst);
    assert_eq!(register(&rig, 1, 1), (RegistrationReason::OutsideHours, None));
    rig.engine.clock().step.store(0, Ordering::SeqCst);
    rig.flush();
    assert_eq!(told(&verify(&rig.storage)), Vec::<String>::new());
}

#[test]
fn a_deadline_put_off_wakes_nobody_who_has_lapsed() {
    let mut rig = started();
    for n in 1..=12 {
        register(&rig, n.into(), n);
    }
    rig.engine.clock().set(instant(AFTER_DEADLINE)).unwrap();
    assert_eq!(live(&rig), 0);
    install(&rig, &put_off(), CARD);
    assert_eq!(live(&rig), 0);
    for n in 1..=6 {
        let reason = pay(&mut rig, n.into(), n, "rush", 12);
        assert_eq!(reason, Reason::EntitlementLapsed);
    }
    let none = RUSH.replace("first_use_by = 2026-06-17T12:00:00\n", "");
    install(&rig, &none, CARD);
    assert_eq!(live(&rig), 0);
    let accepted = (13..=25)
        .filter(|n| register(&rig, (*n).into(), *n).0 == RegistrationReason::Accepted)
        .count();
    rig.flush();
    let again = Rig::start(rig.storage.copy());
    let later = instant("2026-06-18T13:00:00+07:00");
    again.engine.clock().set(later).unwrap();
    assert_eq!((accepted, live(&again)), (12, 12));
    assert_eq!(told(&verify(&rig.storage)), Vec::<String>::new());
}

#[test]
fn a_file_changed_while_nobody_ran_wakes_nobody() {
    let mut rig = started();
    for n in 1..=12 {
        register(&rig, n.into(), n);
    }
    rig.flush();
    let again = Rig::start(rig.storage.copy());
    again.engine.clock().set(instant(AFTER_DEADLINE)).unwrap();
    install(&again, &put_off(), CARD);
    assert_eq!(live(&again), 0);
}

#[test]
fn a_deadline_put_off_in_time_helps_those_who_have_not_lapsed() {
    let mut rig = started();
    register(&rig, 1, 1);
    install(&rig, &put_off(), CARD);
    rig.engine.clock().set(instant(AFTER_DEADLINE)).unwrap();
    assert_eq!(live(&rig), 1);
    assert_eq!(pay(&mut rig, 1, 1, "rush", 12), Reason::Approved);
}

#[test]
fn a_right_that_lapsed_may_not_move() {
    let rig = started();
    register(&rig, 1, 1);
    rig.engine.clock().set(instant(AFTER_DEADLINE)).unwrap();
    install(&rig, &put_off(), CARD);
    let moved = rig
        .engine
        .transfer_person(&move_to("rush", "fair"), None)
        .unwrap();
    assert_eq!(moved, TransferOutcome::Refused(TransferRefusal::NotRegistered));
    // Into a programme in which the wallet holds a right already, too.
    enroll(&rig, "fair", 1, 1);
    let moved = rig
        .engine
        .transfer_person(&move_to("rush", "fair"), None)
        .unwrap();
    assert_eq!(moved, TransferOutcome::Refused(TransferRefusal::NotRegistered));
}

#[test]
fn a_move_that_was_never_made_is_no_repetition() {
    let rig = started();
    enroll(&rig, "fair", 1, 1);
    enroll(&rig, "card", 1, 1);
    let moves = |to| {
        let household = Some(HouseholdId::from_number(7));
        let input = TransferInput {
            household,
            ..move_to("fair", to)
        };
        rig.engine.transfer_person(&input, None).unwrap()
    };
    assert!(matches!(moves("rush"), TransferOutcome::Transferred { .. }));
    assert_eq!(moves("rush"), TransferOutcome::Unchanged);
    // The wallet holds a card as this move would make it, but not by this move.
    assert_eq!(
        moves("card"),
        TransferOutcome::Refused(TransferRefusal::NotRegistered)
    );
}

#[test]
fn what_was_used_under_a_benefit_stays_used_when_an_older_file_is_put_back() {
    let mut rig = started();
    let second = format!(
        r#"{RUSH}
[[benefit]]
id = "more"
state_percent = 60
holder = "person"
caps = {{ day = 20_000 }}
when_exhausted = "decline"
merchant_categories = ["massage"]
[[benefit.channel]]
id = "store"
from = 2026-06-01
to = 2026-09-30
hours = "06:00-23:00"
"#
    );
    install(&rig, &second, CARD);
    let massage = MerchantInput {
        category: Category::Massage,
        ..otop()
    };
    rig.engine.put_merchants(&[massage], None).unwrap();
    register(&rig, 1, 1);
    assert_eq!(pay(&mut rig, 1, 1, "rush", 12), Reason::Approved);
    rig.engine.clock().set(instant(AFTER_DEADLINE)).unwrap();
    assert_eq!(live(&rig), 1);
    install(&rig, RUSH, CARD);
    assert_eq!(live(&rig), 1);
    let (reason, _) = register(&rig, 2, 1);
    assert_eq!(reason, RegistrationReason::AlreadyRegistered);
}

#[test]
fn a_draw_is_remembered_when_the_citizen_comes_back_through_another_wallet() {
    let mut rig = started();
    enroll(&rig, "card", 1, 1);
    enroll(&rig, "fair", 3, 1);
    assert_eq!(pay(&mut rig, 1, 1, "card", 11), Reason::Approved);
    let reason = pay(&mut rig, 2, 3, "fair", 10);
    assert_eq!(reason, Reason::DrawnElsewhereToday);
    let moved = rig.engine.transfer_person(&move_to("card", "rush"), None);
    assert!(matches!(moved.unwrap(), TransferOutcome::Transferred { .. }));
    let reason = pay(&mut rig, 3, 3, "fair", 10);
    assert_eq!(reason, Reason::DrawnElsewhereToday);
    enroll(&rig, "card", 2, 1);
    let reason = pay(&mut rig, 4, 3, "fair", 10);
    assert_eq!(reason, Reason::DrawnElsewhereToday);
    rig.flush();
    assert_eq!(told(&verify(&rig.storage)), Vec::<String>::new());
}

#[test]
fn a_hold_may_end_after_the_last_instant_of_the_calendar() {
    let mut rig = started();
    let late = instant("2170-12-31T12:00:00+07:00");
    rig.engine.clock().set(late).unwrap();
    let asked = HoldRequest {
        txn_id: TxnId::from_bits(1),
        purchase: request(1, 1, 100).purchase,
        expires_in_s: 86_400,
    };
    rig.engine.hold(&asked).unwrap();
    rig.flush();
    let again = Rig::try_start(rig.storage.copy()).map(drop);
    again.map_err(|e| e.to_string()).unwrap();
}

#[test]
fn sources_count_the_period_that_the_shortest_cap_has_now() {
    let mut rig = started();
    let with_day = CARD.replace(
        "caps = { month = 6_000 }",
        "caps = { day = 6_000, month = 60_000 }",
    );
    install(&rig, RUSH, &with_day);
    enroll(&rig, "card", 1, 1);
    let paid = |rig: &mut Rig, txn| match rig.engine.authorize(&with_card(request(txn, 1, 1_500))).unwrap() {
        Submitted::Decided { record, .. } => record.extension.funding().unwrap().paid,
        _ => panic!("{txn} is not a first payment"),
    };
    assert_eq!(paid(&mut rig, 1), [1_500, 0, 0, 0]);
    rig.pass(86_400_000);
    assert_eq!(paid(&mut rig, 2), [1_500, 0, 0, 0]);
    // What was paid by the day says nothing of the month: its sums begin anew with the rule.
    install(&rig, RUSH, &with_day.replace("day = 6_000, ", ""));
    assert_eq!(paid(&mut rig, 3), [1_500, 0, 0, 0]);
    rig.flush();
    assert_eq!(told(&verify(&rig.storage)), Vec::<String>::new());
}
