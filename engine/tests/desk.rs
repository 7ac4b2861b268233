//! The desk: who is kept out, and until when; what is owed; who is forgotten.

mod rig;

use rig::random::Random;
use rig::*;
use satang_core::birth::BirthDate;
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::desk::{Block, Case, CaseState, DeskRefusal};
use satang_core::ids::*;
use satang_core::money::Satang;
use satang_core::outcome::{Reason, RegistrationReason};
use satang_core::policy::Category;
use satang_core::record::{Act, DeskRecord, NameNumber, Payout, Status};
use satang_core::request::{ClosingRequest, HoldRequest, RegistrationRequest};
use satang_engine::admin::MerchantInput;
use satang_engine::clock::Clock as _;
use satang_engine::desk::{DebtorInput, DeskOutcome, Subject};
use satang_engine::engine::Submitted;
use satang_engine::enroll::{EnrollmentInput, EnrollmentRefusal};
use satang_engine::moves::{MoveInput, MoveOutcome, MoveRefusal};
use satang_engine::persons::PERSONS_FILE;
use satang_engine::register::Registered;

/// The fair, with dates for merchants who join by themselves.
const JOINED: &str = "[merchant_registration]\nopens = 2026-06-10\ncloses = 2026-06-20\nreturning_closes = 2026-06-25\n\
                      returning_from = \"rush\"\n[[benefit]]";

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn shop() -> MerchantId {
    MerchantId::from_number(10)
}

fn case(number: u128) -> CaseId {
    CaseId::from_bits(number)
}

fn today() -> BusinessDate {
    noon().business_date()
}

/// The fair, the card and the rush; one shop and one utility.
fn started() -> Rig {
    let mut rig = Rig::start(satang_engine::storage::MemoryStorage::default());
    let files = [
        ("fair.toml", PROGRAM.replace("[[benefit]]", JOINED)),
        ("rush.toml", RUSH.to_owned()),
        ("card.toml", CARD.to_owned()),
    ];
    let files = files.map(|(file, text)| (file.to_owned(), text));
    rig.engine.install_programs(&files, None).unwrap();
    let merchants = [merchant(Category::FoodDrink), utility()];
    rig.engine.put_merchants(&merchants, None).unwrap();
    let (outcomes, _) = rig.engine.enroll(&[enrollment(1), enrollment(2)], None).unwrap();
    assert_eq!(outcomes, [Ok(()), Ok(())]);
    rig.flush();
    rig
}

fn register(rig: &Rig, id: u128, number: u64) -> (RegistrationReason, NameNumber) {
    let asked = RegistrationRequest {
        registration_id: RegistrationId::from_bits(id),
        program: name("rush"),
        wallet: WalletId::from_number(number),
        citizen: citizen(number),
        birth: BirthDate::parse("1990").unwrap(),
        nationality: Nationality::THAI,
    };
    match rig.engine.register(&asked).unwrap() {
        Registered::Decided { record, .. } => (record.reason(), record.list()),
        other => panic!("{other:?}"),
    }
}

fn excluded(rig: &Rig, block: Block) -> (RegistrationReason, NameNumber) {
    let list = rig.engine.state().directory.read().number_of(&block.list());
    assert_ne!(list, NameNumber::UNKNOWN);
    (RegistrationReason::Excluded, list)
}

fn decide(rig: &mut Rig, record: DeskRecord) -> DeskOutcome {
    let outcome = rig.engine.decide_desk(&record, Some(&name("nok"))).unwrap();
    rig.flush();
    outcome
}

fn refused(rig: &mut Rig, record: DeskRecord) -> DeskRefusal {
    match decide(rig, record) {
        DeskOutcome::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn status_of(rig: &mut Rig, merchant: MerchantId, status: Status) -> DeskOutcome {
    let reason = "ตรวจสอบ".to_owned();
    decide(
        rig,
        DeskRecord::MerchantStatus {
            merchant,
            status,
            reason,
        },
    )
}

fn case_of(rig: &Rig, id: u128) -> Case {
    let directory = rig.engine.state().directory.read();
    directory.desk().case(case(id)).expect("a case").clone()
}

fn pays(rig: &mut Rig, id: u128, payment: u128, amount: u64) -> DeskOutcome {
    decide(
        rig,
        DeskRecord::CasePaid {
            case: case(id),
            payment: PaymentId::from_bits(payment),
            amount: Satang::new(amount),
            reason: "โอน".into(),
        },
    )
}

fn open(rig: &mut Rig, id: u128, debtor: DebtorInput, owed: u64) -> DeskOutcome {
    let owed = Satang::new(owed);
    let outcome = rig
        .engine
        .open_case(case(id), debtor, owed, today(), "เรียกคืน", None);
    rig.flush();
    outcome.unwrap()
}

#[track_caller]
fn assert_recorded(outcome: DeskOutcome) {
    assert!(matches!(outcome, DeskOutcome::Recorded { .. }), "{outcome:?}");
}

/// A start, from the journal alone and from a snapshot, gives the state that was.
#[track_caller]
fn assert_survives(rig: &mut Rig) {
    rig.flush();
    let digest = rig.digest();
    assert_eq!(
        Rig::start(rig.storage.copy()).digest(),
        digest,
        "from the journal"
    );
    rig.snapshot();
    let restarted = Rig::start(rig.storage.copy());
    assert!(restarted.recovered.snapshot.is_some());
    assert_eq!(restarted.digest(), digest, "from a snapshot");
}

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
    assert_eq!(unknown, DeskOutcome::Refused(DeskRefusal::MerchantUnknown));
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
            (DeskOutcome::Refused(refusal), false)
        );
    };
    refuses(&rig, &new, "no-such", DeskRefusal::ProgramUnknown);
    refuses(&rig, &nails, "fair", DeskRefusal::CategoryNotAllowed);
    refuses(&rig, &new, "card", DeskRefusal::CategoryNotAllowed);
    // On the last date of new ones.
    rig.engine
        .clock()
        .set(Instant::parse("2026-06-20T23:59:59.999+07:00").unwrap())
        .unwrap();
    let (outcome, returning) = join(&rig, &new, "fair");
    assert_recorded(outcome);
    assert!(!returning);
    assert_eq!(join(&rig, &new, "fair").0, DeskOutcome::Unchanged);
    let other = MerchantInput {
        id: MerchantId::from_number(23),
        ..new.clone()
    };
    rig.engine
        .put_merchants(std::slice::from_ref(&other), None)
        .unwrap();
    rig.pass(1);
    refuses(&rig, &other, "fair", DeskRefusal::RegistrationClosed);
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
    refuses(&rig, &known, "fair", DeskRefusal::RegistrationClosed);
}

#[test]
fn a_merchant_has_one_platform_at_a_time() {
    let mut rig = started();
    let bind = |rig: &Rig, platform: &str, bound| {
        let bound = rig.engine.bind_platform(shop(), &name(platform), bound, "", None);
        bound.unwrap()
    };
    let refusal = DeskOutcome::Refused;
    assert_eq!(bind(&rig, "fast", false), refusal(DeskRefusal::PlatformNotBound));
    assert_recorded(bind(&rig, "fast", true));
    assert_eq!(bind(&rig, "fast", true), DeskOutcome::Unchanged);
    assert_eq!(bind(&rig, "faster", true), refusal(DeskRefusal::PlatformBound));
    let numbered = rig.engine.state().directory.read().number_of(&name("faster"));
    assert_eq!(numbered, NameNumber::UNKNOWN, "what is refused uses up no name");
    assert_eq!(
        bind(&rig, "faster", false),
        refusal(DeskRefusal::PlatformNotBound)
    );
    rig.flush();
    assert_survives(&mut rig);
    assert_recorded(bind(&rig, "fast", false));
    assert_recorded(bind(&rig, "faster", true));
}

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
    assert_eq!(open(&mut rig, 1, debtor, 1_000), DeskOutcome::Unchanged);
    let conflict = DeskOutcome::Refused(DeskRefusal::CaseIdConflict);
    assert_eq!(open(&mut rig, 1, debtor, 1_001), conflict);
    assert_eq!(register(&rig, 1, 50), excluded(&rig, Block::Clawback));
    let line = enrollment(50);
    let (outcomes, _) = rig.engine.enroll(&[line], None).unwrap();
    assert_eq!(outcomes, [Err(EnrollmentRefusal::Excluded(Block::Clawback))]);
    assert_recorded(pays(&mut rig, 1, 1, 600));
    assert_eq!(pays(&mut rig, 1, 1, 600), DeskOutcome::Unchanged);
    let refusal = DeskOutcome::Refused;
    assert_eq!(pays(&mut rig, 1, 1, 601), refusal(DeskRefusal::PaymentIdConflict));
    assert_eq!(pays(&mut rig, 1, 2, 401), refusal(DeskRefusal::ExceedsOwed));
    assert_eq!(register(&rig, 2, 50), excluded(&rig, Block::Clawback));
    assert_survives(&mut rig);
    assert_recorded(pays(&mut rig, 1, 2, 400));
    assert_eq!(case_of(&rig, 1).state(), CaseState::Paid);
    assert_eq!(pays(&mut rig, 1, 3, 1), refusal(DeskRefusal::CaseClosed));
    assert_eq!(register(&rig, 3, 50).0, RegistrationReason::Accepted);
    assert_eq!(case_of(&rig, 1).due(), BusinessDate::parse("2026-07-15").unwrap());
    assert_eq!(rig.engine.state().directory.read().desk().cases_open(), 0);
}

#[test]
fn whoever_moves_is_kept_out_as_whoever_registers_is() {
    let mut rig = started();
    let move_to_card = MoveInput {
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
    let refused = MoveOutcome::Refused(MoveRefusal::Excluded(Block::Clawback));
    assert_eq!(rig.engine.move_citizen(&move_to_card, None).unwrap(), refused);
    let reason = "ยกเลิกหนังสือ".to_owned();
    assert_recorded(decide(
        &mut rig,
        DeskRecord::CaseClosed {
            case: case(1),
            reason,
        },
    ));
    assert_eq!(case_of(&rig, 1).state(), CaseState::Closed);
    let moved = rig.engine.move_citizen(&move_to_card, None).unwrap();
    assert!(matches!(moved, MoveOutcome::Moved { .. }));
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
    close(&mut rig, 3, Act::Capture, Some(500));
    give_back(&mut rig, 103, 3, Some(100));
    // Nothing: voided, reversed while open, open, declined, of another merchant.
    hold(&rig, 4, 1);
    close(&mut rig, 4, Act::Void, None);
    hold(&rig, 5, 1);
    give_back(&mut rig, 105, 5, None);
    hold(&rig, 6, 1);
    assert_eq!(rig.authorize(7, 99, 1_000).reason(), Reason::WalletUnknown);
    let expected = 300 + 600 + 300 - 60;
    let withdrawn = DeskRecord::ConsentWithdrawn {
        merchant: shop(),
        case: case(9),
        letter: today(),
        reason: "ขอถอนความยินยอม".into(),
    };
    assert_recorded(decide(&mut rig, withdrawn.clone()));
    assert_eq!(case_of(&rig, 9).state(), CaseState::Counting);
    assert_eq!(rig.authorize(8, 1, 100).reason(), Reason::MerchantSuspended);
    // What comes later does not count.
    close(&mut rig, 6, Act::Capture, None);
    give_back(&mut rig, 102, 2, None);
    rig.flush();
    // A stop in between: the next start counts.
    let mut rig = Rig::start(rig.storage.copy());
    rig.keeper.count_received().unwrap();
    rig.flush();
    assert_eq!(case_of(&rig, 9).owed, Some(Satang::new(expected)));
    rig.keeper.count_received().unwrap();
    assert_eq!(decide(&mut rig, withdrawn), DeskOutcome::Unchanged);
    assert_survives(&mut rig);
    // For good: neither the register nor the desk takes it back.
    let (outcomes, _) = rig
        .engine
        .put_merchants(&[merchant(Category::FoodDrink)], None)
        .unwrap();
    assert_eq!(outcomes, [Err(DeskRefusal::ConsentWithdrawn)]);
    let active = DeskRecord::MerchantStatus {
        merchant: shop(),
        status: Status::Active,
        reason: String::new(),
    };
    assert_eq!(refused(&mut rig, active), DeskRefusal::ConsentWithdrawn);
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
    assert_eq!(put(&rig, &["fair", "rush"]), Err(DeskRefusal::ClawbackOpen));
    assert_eq!(put(&rig, &["fair"]), Ok(()));
    assert_recorded(pays(&mut rig, 1, 1, 5_000));
    assert_eq!(put(&rig, &["fair", "rush"]), Ok(()));
}

#[test]
fn money_is_held_back_of_a_merchant_or_of_one_authorization_and_decisions_go_on() {
    let mut rig = started();
    let txn_id = rig.authorize(1, 1, 1_000).txn_id();
    let freeze = |payout| DeskRecord::AuthorizationPayout {
        txn_id,
        payout,
        reason: "ซื้อแลกเงินสด".into(),
    };
    let of_shop = |payout| DeskRecord::MerchantPayout {
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
        let desk = directory.desk();
        let merchants: Vec<MerchantId> = desk.frozen_merchants().map(|(merchant, _)| merchant).collect();
        assert_eq!(desk.merchants_frozen(), merchants.len());
        (desk.frozen(txn_id).is_some(), merchants)
    };
    assert_eq!(frozen(&rig), (true, vec![shop()]));
    assert_recorded(decide(&mut rig, freeze(Payout::Active)));
    assert_recorded(decide(&mut rig, of_shop(Payout::Active)));
    assert_eq!(frozen(&rig), (false, vec![]));
}

#[test]
fn an_erased_citizen_is_known_by_nobody_and_gets_no_right_ever_again() {
    let mut rig = started();
    assert_eq!(register(&rig, 1, 1).0, RegistrationReason::Accepted);
    rig.authorize(1, 1, 1_000);
    let subject = Subject::Citizen(citizen(1));
    let person = rig.engine.state().wallets[satang_core::account::wallet_shard(WalletId::from_number(1))]
        .lock()
        .person(WalletId::from_number(1))
        .unwrap();
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
    assert_eq!(rig.keeper.forget_erased().unwrap(), 1);
    assert!(!is_stored(&rig));
    let again = rig.engine.erase_person(subject, "", None).unwrap();
    assert_eq!(again, (DeskOutcome::Unchanged, vec![]));
    for rig in [Rig::start(rig.storage.copy()), Rig::start(interrupted)] {
        let mut rig = rig;
        assert!(rig.keeper.forget_erased().unwrap() <= 1);
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
        assert_eq!(status.0, DeskOutcome::Refused(DeskRefusal::PersonErased));
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
    assert_eq!(outcome, DeskOutcome::Refused(DeskRefusal::ClawbackOpen));
    assert_recorded(pays(&mut rig, 1, 1, 10));
    let (outcome, _) = rig.engine.erase_person(subject, "", None).unwrap();
    assert_recorded(outcome);
    let nobody = Subject::Citizen(citizen(70));
    let (outcome, _) = rig.engine.erase_person(nobody, "", None).unwrap();
    assert_eq!(outcome, DeskOutcome::NobodyKnown);
}

#[test]
fn whatever_the_desk_decides_a_start_finds_it() {
    let mut random = Random::printed("whatever_the_desk_decides");
    for _ in 0..20 {
        let mut rig = Rig::prepared();
        let mut work = workload::Workload::new(Random::new(random.bits()));
        for _ in 0..60 {
            desk::decide(&mut work, &rig).unwrap();
            work.ask(&rig).unwrap();
            rig.flush();
        }
        assert_survives(&mut rig);
    }
}
