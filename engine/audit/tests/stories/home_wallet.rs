//! A citizen's caps, first use and draws follow the right to another wallet, and what is given back finds the citizen's room: each
//! story ends with a replay, a start from a snapshot, and a verification of its journal.

use crate::rig::*;
use crate::verified::{told, verify};
use satang_core::ids::*;
use satang_core::money::Satang;
use satang_core::outcome::{Reason, ReversalReason};
use satang_core::programme::{CapPeriod, Category};
use satang_core::record::{Authorization, Record, ReturnKind, ReversalRecord, Status};
use satang_core::request::{ClosingRequest, HoldRequest};
use satang_engine::engine::Submitted;
use satang_engine::session::enroll::EnrollmentInput;
use satang_engine::session::programme_transfer::{TransferInput, TransferOutcome};
use satang_engine::session::replacement::{ReplacementInput, ReplacementOutcome, ReplacementRefusal};
use satang_log::storage::MemoryStorage;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// The fair, and another programme to move to; one shop and one utility.
fn started() -> Rig {
    let rig = Rig::start(MemoryStorage::default());
    let files = [("fair.toml", PROGRAM), ("card.toml", CARD)];
    let files = files.map(|(file, text)| (file.to_owned(), text.to_owned()));
    rig.engine.activate_programs(&files, None).unwrap();
    let merchants = [merchant(Category::FoodDrink), utility()];
    rig.engine.put_merchants(&merchants, None).unwrap();
    rig
}

/// Citizen 1's line for a wallet.
fn enroll(rig: &Rig, program: &str, wallet: u64) {
    let line = EnrollmentInput {
        program: name(program),
        household: (program == "card").then(|| HouseholdId::from_number(7)),
        citizen: citizen(1),
        ..enrollment(wallet)
    };
    assert_eq!(rig.engine.enroll(&[line], None).unwrap().0, vec![Ok(())]);
}

fn moves(rig: &Rig, wallet: u64, from: &str, to: &str) {
    let input = TransferInput {
        wallet: WalletId::from_number(wallet),
        from: name(from),
        to: name(to),
        household: Some(HouseholdId::from_number(7)),
        tier: None,
        usable_from: None,
        reason: "asked for it".into(),
    };
    let moved = rig.engine.transfer_person(&input, None).unwrap();
    assert!(matches!(moved, TransferOutcome::Transferred { .. }), "{moved:?}");
}

fn replaces(rig: &mut Rig, wallet: u64, new_wallet: u64) -> ReplacementOutcome {
    let input = ReplacementInput {
        wallet: WalletId::from_number(wallet),
        new_wallet: WalletId::from_number(new_wallet),
        reason: "new phone".into(),
    };
    let outcome = rig.engine.replace_wallet(&input, Some(&name("nok"))).unwrap();
    rig.flush();
    outcome
}

#[track_caller]
fn assert_replaced(outcome: ReplacementOutcome) -> u64 {
    match outcome {
        ReplacementOutcome::Replaced { sequence, .. } => sequence,
        other => panic!("{other:?}"),
    }
}

/// The state's part of a purchase of 250 baht at the fair.
fn pays(rig: &mut Rig, txn: u128, wallet: u64) -> (Reason, u64) {
    let record = rig.authorize(txn, wallet, 25_000);
    (record.reason(), record.state().get())
}

fn holds(rig: &mut Rig, txn: u128, wallet: u64, program: &str) -> Authorization {
    let mut asked = request(txn, wallet, 1_000);
    if program == "card" {
        asked = with_card(asked);
    }
    let asked = HoldRequest {
        txn_id: asked.txn_id,
        purchase: asked.purchase,
        expires_in_s: 3_600,
    };
    match rig.engine.hold(&asked).unwrap() {
        Submitted::Decided { record, .. } => {
            rig.flush();
            record
        }
        _ => panic!("{txn} is not a first hold"),
    }
}

fn voids(rig: &mut Rig, txn: u128) -> (bool, ReversalRecord) {
    let asked = ClosingRequest {
        txn_id: TxnId::from_bits(txn),
        act: ReturnKind::Void,
        amount: None,
    };
    match rig.engine.close(&asked).unwrap() {
        Submitted::Decided { record, .. } => {
            rig.flush();
            (false, record)
        }
        Submitted::Seen { sequence } => match rig.engine.read(sequence).unwrap() {
            Record::Capture(record) | Record::Void(record) => (true, record),
            other => panic!("{other:?}"),
        },
        Submitted::Wait { .. } => panic!("everything is durable"),
    }
}

fn refunds(rig: &mut Rig, id: u128, txn: u128) {
    let submitted = rig.engine.reverse(&reversal(id, txn, None)).unwrap();
    let Submitted::Decided { record, .. } = submitted else {
        panic!("{id} is new");
    };
    assert!(record.gives_back(), "{:?}", record.reason());
    rig.flush();
}

/// A start from the journal and one from a snapshot give the state that was, and verification finds nothing.
#[track_caller]
fn assert_kept(rig: &mut Rig) {
    rig.flush();
    let digest = rig.digest();
    assert_eq!(
        Rig::start(rig.storage.copy()).digest(),
        digest,
        "from the journal"
    );
    assert_eq!(told(&verify(&rig.storage)), Vec::<String>::new());
    rig.snapshot();
    let again = Rig::start(rig.storage.copy());
    assert!(again.recovered.snapshot.is_some());
    assert_eq!(again.digest(), digest, "from a snapshot");
}

#[test]
fn a_cap_is_the_persons_when_the_right_comes_back_through_another_wallet() {
    let mut rig = started();
    enroll(&rig, "fair", 1);
    assert_eq!(pays(&mut rig, 1, 1), (Reason::Approved, 15_000));
    moves(&rig, 1, "fair", "card");
    enroll(&rig, "fair", 2);
    let record = rig.authorize(2, 2, 25_000);
    assert_eq!((record.reason(), record.state().get()), (Reason::Approved, 5_000));
    assert_eq!(record.limited_by(), Some(CapPeriod::Day));
    assert_eq!(record.extension.home(), Some(WalletId::from_number(1)));
    assert_eq!(pays(&mut rig, 3, 2), (Reason::DailyCapExhausted, 0));
    // What the first wallet paid is given back to the person's room.
    refunds(&mut rig, 1, 1);
    assert_eq!(pays(&mut rig, 4, 2), (Reason::Approved, 15_000));
    refunds(&mut rig, 2, 2);
    assert_eq!(pays(&mut rig, 5, 2), (Reason::Approved, 5_000));
    assert_kept(&mut rig);
}

#[test]
fn a_new_wallet_has_what_is_left_of_the_old_ones_caps() {
    let mut rig = started();
    enroll(&rig, "fair", 1);
    assert_eq!(pays(&mut rig, 1, 1), (Reason::Approved, 15_000));
    let first = assert_replaced(replaces(&mut rig, 1, 2));
    assert_eq!(pays(&mut rig, 2, 1), (Reason::NotRegistered, 0));
    assert_eq!(pays(&mut rig, 3, 2), (Reason::Approved, 5_000));
    assert_eq!(
        replaces(&mut rig, 1, 2),
        ReplacementOutcome::Repeated { sequence: first }
    );
    // On to a third wallet and back to the first, whose room it was all the time.
    assert_replaced(replaces(&mut rig, 2, 3));
    assert_eq!(pays(&mut rig, 4, 3), (Reason::DailyCapExhausted, 0));
    assert_replaced(replaces(&mut rig, 3, 1));
    assert_eq!(pays(&mut rig, 5, 1), (Reason::DailyCapExhausted, 0));
    refunds(&mut rig, 1, 3);
    assert_eq!(pays(&mut rig, 6, 1), (Reason::Approved, 5_000));
    assert_kept(&mut rig);
}

#[test]
fn a_hold_of_the_old_wallet_frees_the_persons_room() {
    let mut rig = started();
    enroll(&rig, "fair", 1);
    assert!(holds(&mut rig, 1, 1, "fair").approved());
    assert_replaced(replaces(&mut rig, 1, 2));
    assert!(holds(&mut rig, 2, 2, "fair").approved());
    let room = |rig: &mut Rig, txn| {
        let record = rig.authorize(txn, 2, 1);
        record.rooms_before().next().map(|(_, room)| room.get())
    };
    assert_eq!(room(&mut rig, 3), Some(18_800));
    assert!(voids(&mut rig, 1).1.gives_back());
    assert_eq!(room(&mut rig, 4), Some(19_400));
    rig.pass(3_600_000);
    assert_eq!(room(&mut rig, 5), Some(20_000));
    assert_kept(&mut rig);
}

#[test]
fn a_void_takes_the_draw_back_wherever_the_right_has_gone() {
    let mut rig = started();
    enroll(&rig, "card", 1);
    enroll(&rig, "fair", 3);
    assert!(holds(&mut rig, 1, 1, "card").approved());
    assert_eq!(pays(&mut rig, 2, 3).0, Reason::DrawnElsewhereToday);
    assert_replaced(replaces(&mut rig, 1, 2));
    assert_eq!(pays(&mut rig, 3, 3).0, Reason::DrawnElsewhereToday);
    assert!(voids(&mut rig, 1).1.gives_back());
    assert_eq!(pays(&mut rig, 4, 3).0, Reason::Approved);
    assert_kept(&mut rig);
}

#[test]
fn who_may_not_replace_a_wallet_is_told_why() {
    let mut rig = started();
    enroll(&rig, "fair", 1);
    let (outcomes, _) = rig.engine.enroll(&[enrollment(5)], None).unwrap();
    assert_eq!(outcomes, [Ok(())]);
    let refused = ReplacementOutcome::Refused;
    assert_eq!(
        replaces(&mut rig, 9, 2),
        refused(ReplacementRefusal::WalletUnknown)
    );
    assert_eq!(replaces(&mut rig, 1, 5), refused(ReplacementRefusal::WalletTaken));
    assert_replaced(replaces(&mut rig, 1, 2));
    assert_eq!(
        replaces(&mut rig, 1, 3),
        refused(ReplacementRefusal::NotRegistered)
    );
    assert_kept(&mut rig);
}

#[test]
fn a_wallets_own_suspension_stays_with_it_and_a_citizens_goes_along() {
    let mut rig = started();
    let asks = |rig: &mut Rig, txn, wallet| rig.authorize(txn, wallet, 1_000).reason();
    enroll(&rig, "fair", 1);
    let (wallet, new) = (WalletId::from_number(1), WalletId::from_number(2));
    rig.engine
        .set_wallet_status(wallet, Status::Suspended, "lost", None)
        .unwrap();
    assert_replaced(replaces(&mut rig, 1, 2));
    assert_eq!(asks(&mut rig, 1, 2), Reason::Approved);
    let subject = satang_engine::session::casework::Subject::Wallet(new);
    let suspend = |rig: &Rig, status| {
        rig.engine
            .set_person_status(subject, status, "checked", None)
            .unwrap()
    };
    suspend(&rig, Status::Suspended);
    assert_replaced(replaces(&mut rig, 2, 3));
    assert_eq!(asks(&mut rig, 2, 3), Reason::WalletSuspended);
    suspend(&rig, Status::Active);
    assert_eq!(asks(&mut rig, 3, 3), Reason::Approved);
    assert_replaced(replaces(&mut rig, 3, 2));
    assert_eq!(asks(&mut rig, 4, 2), Reason::Approved);
    assert_kept(&mut rig);
}

#[test]
fn the_first_void_of_an_unknown_id_is_its_answer_for_good() {
    let mut rig = started();
    enroll(&rig, "fair", 1);
    let (repeated, first) = voids(&mut rig, 1);
    assert!(!repeated && first.reason() == ReversalReason::OriginalNotFound);
    let sequence = first.header.sequence;
    assert_eq!(voids(&mut rig, 1).1.header.sequence, sequence);
    // A full reversal in between, and the late hold.
    let submitted = rig.engine.reverse(&reversal(1, 1, None)).unwrap();
    assert!(matches!(submitted, Submitted::Decided { record, .. } if record.approved()));
    rig.flush();
    assert_eq!(voids(&mut rig, 1).1.header.sequence, sequence);
    assert_eq!(
        holds(&mut rig, 1, 1, "fair").reason(),
        Reason::ReversedBeforeArrival
    );
    let (repeated, again) = voids(&mut rig, 1);
    assert!(repeated && again.header.sequence == sequence);
    // Where a reversal planted the tombstone the first void is decided, also after the late original.
    rig.engine.reverse(&reversal(2, 2, None)).unwrap();
    rig.flush();
    assert_eq!(pays(&mut rig, 2, 1).0, Reason::ReversedBeforeArrival);
    let (repeated, first) = voids(&mut rig, 2);
    assert!(!repeated && first.reason() == ReversalReason::OriginalNotFound && first.approved());
    assert_eq!(voids(&mut rig, 2).1.header.sequence, first.header.sequence);
    assert_kept(&mut rig);
}

#[test]
fn what_is_left_of_a_plain_authorization_is_told_whoever_voids_it() {
    let mut rig = started();
    enroll(&rig, "fair", 1);
    rig.authorize(1, 1, 1_000);
    let (_, record) = voids(&mut rig, 1);
    assert_eq!(record.reason(), ReversalReason::HoldClosed);
    assert_eq!(record.left(), Satang::new(1_000));
    assert_kept(&mut rig);
}
