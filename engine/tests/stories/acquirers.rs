//! The story: two banks' switches use one engine. Neither reaches what the other authorized, and nothing is journaled for who tries.

use crate::rig::again::{at_once, now};
use crate::rig::office::*;
use crate::rig::*;
use satang_core::ids::TxnId;
use satang_core::record::{NameNumber, Record, ReturnKind};
use satang_core::request::{AuthorizationRequest, ClosingRequest, HoldRequest};
use satang_engine::engine::{SubmitError, Submitted};
use satang_engine::session::acquirers::Caller;
use satang_engine::session::{FoundOutcome, Outcome, Session};
use satang_log::durable::DurableWaits;
use std::fmt::Debug;

fn records(rig: &Rig) -> usize {
    Survivors::of(&rig.storage).records.len()
}

/// The callers: of one bank, of the other, of none.
struct Callers {
    scb: Caller,
    ktb: Caller,
    central: Caller,
}

impl Callers {
    fn of(rig: &Rig) -> Callers {
        let caller = |key, acquirer: Option<&str>| {
            let acquirer = acquirer.map(name);
            rig.engine.caller_of(&name(key), acquirer.as_ref()).unwrap()
        };
        Callers {
            scb: caller("scb-1", Some("scb")),
            ktb: caller("ktb-1", Some("ktb")),
            central: caller("central", None),
        }
    }
}

#[track_caller]
fn refused<T: Debug>(outcome: Result<T, SubmitError>) {
    assert!(matches!(outcome, Err(SubmitError::OtherAcquirer)), "{outcome:?}");
}

fn hold(txn: u128) -> HoldRequest {
    HoldRequest {
        txn_id: TxnId::from_bits(txn),
        purchase: request(txn, 1, 100).purchase,
        expires_in_s: 60,
    }
}

fn closing(txn: u128, act: ReturnKind) -> ClosingRequest {
    ClosingRequest {
        txn_id: TxnId::from_bits(txn),
        act,
        amount: None,
    }
}

fn session(
    rig: &Rig,
) -> Session<impl satang_log::log::ReadLog + use<>, impl satang_engine::clock::Clock + use<>> {
    Session::new(rig.engine.clone(), DurableWaits::subscribe(rig.engine.durable()))
}

#[test]
fn whose_a_key_is_is_journaled_once_and_survives_a_restart() {
    let mut rig = started();
    rig.flush();
    let before = records(&rig);
    let callers = Callers::of(&rig);
    assert_eq!(Callers::of(&rig).scb, callers.scb);
    rig.flush();
    // Two names and whose it is for each bank, one name for the one of none.
    assert_eq!(records(&rig), before + 7);
    let digest = rig.engine.state().digest();
    rig.snapshot();
    let again = Rig::start(rig.storage.copy());
    assert_eq!(again.engine.state().digest(), digest);
    assert_eq!(Callers::of(&again).ktb, callers.ktb);
    assert_eq!(records(&again), before + 7);
    // A key that changes hands: what it caused stays whose it was.
    let _ = again
        .engine
        .authorize_for(callers.scb, &request(1, 1, 100))
        .unwrap();
    let sold = again
        .engine
        .caller_of(&name("scb-1"), Some(&name("ktb")))
        .unwrap();
    assert_eq!((sold.key, sold.acquirer), (callers.scb.key, callers.ktb.acquirer));
    let mut again = again;
    again.flush();
    refused(again.engine.reverse_for(sold, &reversal(1, 1, None)));
    let last = Survivors::of(&again.storage).records;
    assert!(matches!(last.last(), Some((_, Record::KeyAcquirer(_)))));
}

#[test]
fn what_another_acquirer_authorized_is_not_reversed_captured_or_voided() {
    let mut rig = started();
    let Callers { scb, ktb, central } = Callers::of(&rig);
    let engine = rig.engine.clone();
    for txn in 1..=2 {
        let _ = engine.authorize_for(scb, &request(txn, 1, 100)).unwrap();
    }
    for txn in 3..=4 {
        let _ = engine.hold_for(scb, &hold(txn)).unwrap();
    }
    let _ = engine.authorize_for(central, &request(5, 1, 100)).unwrap();
    let _ = engine.authorize(&request(6, 1, 100)).unwrap();
    rig.flush();
    let before = records(&rig);
    refused(engine.reverse_for(ktb, &reversal(1, 1, None)));
    refused(engine.reverse_for(ktb, &reversal(1, 1, Some(5))));
    refused(engine.close_for(ktb, &closing(3, ReturnKind::Capture)));
    refused(engine.close_for(ktb, &closing(4, ReturnKind::Void)));
    rig.flush();
    assert_eq!(records(&rig), before, "nothing was journaled");

    let decided = |submitted| {
        assert!(
            matches!(submitted, Ok(Submitted::Decided { .. })),
            "{submitted:?}"
        )
    };
    decided(engine.reverse_for(scb, &reversal(1, 1, None)));
    decided(engine.close_for(scb, &closing(3, ReturnKind::Capture)));
    decided(engine.close_for(scb, &closing(4, ReturnKind::Void)));
    // Who is of no acquirer reaches everything, and everybody what is no acquirer's.
    decided(engine.reverse_for(central, &reversal(2, 2, None)));
    decided(engine.reverse_for(ktb, &reversal(5, 5, None)));
    decided(engine.reverse_for(ktb, &reversal(6, 6, None)));
    rig.flush();
    // The repeated ones, too.
    refused(engine.reverse_for(ktb, &reversal(1, 1, None)));
    refused(engine.close_for(ktb, &closing(3, ReturnKind::Capture)));
}

#[test]
fn what_another_acquirer_authorized_is_neither_repeated_nor_shown() {
    let mut rig = started();
    let Callers { scb, ktb, .. } = Callers::of(&rig);
    let _ = rig.engine.authorize_for(scb, &request(1, 1, 100)).unwrap();
    let _ = rig.engine.hold_for(scb, &hold(2)).unwrap();
    rig.flush();
    let before = records(&rig);
    let session = session(&rig);
    let authorize = |caller, request: &AuthorizationRequest| {
        now(&rig, at_once(session.authorize(caller, request)).unwrap()).unwrap()
    };
    assert!(matches!(
        authorize(scb, &request(1, 1, 100)),
        Outcome::Replayed(_)
    ));
    for amount in [100, 200] {
        let outcome = authorize(ktb, &request(1, 1, amount));
        assert!(
            matches!(outcome, Outcome::OtherAcquirer),
            "a conflict would tell of it, too: {outcome:?}"
        );
    }
    let held = now(&rig, at_once(session.hold(ktb, &hold(2))).unwrap()).unwrap();
    assert!(matches!(held, Outcome::OtherAcquirer), "{held:?}");
    let txn = TxnId::from_bits(1);
    let (ours, theirs, new) = (name("scb"), name("ktb"), name("kbank"));
    for acquirer in [None, Some(&ours)] {
        let found = at_once(session.find_authorization(txn, acquirer)).unwrap();
        assert!(matches!(found, FoundOutcome::Authorization(_)));
    }
    // One without a number has authorized nothing.
    refused(at_once(session.find_authorization(txn, Some(&theirs))));
    refused(at_once(session.find_authorization(txn, Some(&new))));
    rig.flush();
    assert_eq!(records(&rig), before, "nothing was journaled");
}

#[test]
fn a_tombstone_keeps_its_acquirer() {
    let mut rig = started();
    let Callers { scb, ktb, central } = Callers::of(&rig);
    let tombstone = rig.engine.reverse_for(scb, &reversal(1, 9, None)).unwrap();
    let Submitted::Decided { sequence, .. } = tombstone else {
        panic!("decided: {tombstone:?}");
    };
    // Whose it is stands in its record, which is waited for.
    let waits = |submitted| matches!(submitted, Ok(Submitted::Wait { sequence: at }) if at == sequence);
    assert!(waits(rig.engine.reverse_for(ktb, &reversal(2, 9, None))));
    let early = rig.engine.authorize_for(ktb, &request(9, 1, 100));
    assert!(
        matches!(early, Ok(Submitted::Wait { sequence: at }) if at == sequence),
        "{early:?}"
    );
    rig.flush();
    let before = records(&rig);
    rig.snapshot();
    let mut rig = Rig::start(rig.storage.copy());
    // The last reversal counts: one by a key of no acquirer would take the id away.
    for caller in [ktb, central] {
        refused(rig.engine.reverse_for(caller, &reversal(2, 9, None)));
        refused(rig.engine.close_for(caller, &closing(9, ReturnKind::Void)));
        refused(rig.engine.authorize_for(caller, &request(9, 1, 100)));
        refused(rig.engine.hold_for(caller, &hold(9)));
    }
    let session = session(&rig);
    refused(at_once(
        session.find_authorization(TxnId::from_bits(9), Some(&name("ktb"))),
    ));
    let own = at_once(session.find_authorization(TxnId::from_bits(9), Some(&name("scb"))));
    assert!(matches!(own, Ok(FoundOutcome::ReversedBeforeArrival)), "{own:?}");
    let both = [request(9, 1, 100), request(10, 1, 100)];
    let pending = at_once(session.authorize_batch(ktb, &both)).unwrap();
    rig.flush();
    let outcomes = now(&rig, pending).unwrap();
    assert!(
        matches!(outcomes[..], [Outcome::OtherAcquirer, Outcome::New(_)]),
        "{outcomes:?}"
    );
    assert_eq!(records(&rig), before + 1, "one was journaled");
    // Its own late original is declined, one by one and in a batch.
    let pending = at_once(session.authorize_batch(scb, &both[..1])).unwrap();
    rig.flush();
    let outcomes = now(&rig, pending).unwrap();
    let declined = outcomes[0].record().expect("it was decided").0;
    assert!(!declined.approved());
    assert_eq!(declined.record.header.caller(), scb.key);
    assert_ne!(scb.key, NameNumber::UNKNOWN);
}
