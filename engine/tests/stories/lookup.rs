//! A look-up shows an authorization and what was given back of it: nothing that is not durable, nothing of another id, and
//! never more reversals than its bound.

use crate::rig::{Rig, request, reversal};
use satang_core::ids::TxnId;
use satang_core::money::Satang;
use satang_engine::engine::Submitted;
use satang_engine::query::find::{Found, FoundAuthorization, REVERSALS_SHOWN_MAX};

fn found(rig: &Rig, txn: u128) -> FoundAuthorization {
    match rig.engine.find_authorization(TxnId::from_bits(txn)).unwrap() {
        Found::Authorization(found) => *found,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_waits_for(rig: &Rig, txn: u128, at_least: u64) {
    match rig.engine.find_authorization(TxnId::from_bits(txn)).unwrap() {
        Found::Wait { sequence } => assert!(sequence >= at_least),
        other => panic!("shown before it is durable: {other:?}"),
    }
}

#[track_caller]
fn assert_reversed_before_arrival(rig: &Rig, txn: u128, at_least: u64) {
    match rig.engine.find_authorization(TxnId::from_bits(txn)).unwrap() {
        Found::ReversedBeforeArrival { sequence, .. } => assert!(sequence >= at_least),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_shown_before_it_is_durable() {
    let mut rig = Rig::prepared();
    let Submitted::Decided { sequence, .. } = rig.engine.authorize(&request(1, 1, 100)).unwrap() else {
        panic!()
    };
    assert_waits_for(&rig, 1, sequence);
    rig.flush();
    assert_eq!(found(&rig, 1).left, Satang::new(100));
    // A reversal changes what is left at once; it is shown once the reversal is durable.
    let Submitted::Decided { sequence, .. } = rig.engine.reverse(&reversal(1, 1, Some(40))).unwrap() else {
        panic!()
    };
    assert_waits_for(&rig, 1, sequence);
    rig.flush();
    assert_eq!(found(&rig, 1).left, Satang::new(60));
    let Submitted::Decided { sequence, .. } = rig.engine.reverse(&reversal(2, 9, None)).unwrap() else {
        panic!()
    };
    assert_reversed_before_arrival(&rig, 9, sequence);
    let unknown = rig.engine.find_authorization(TxnId::from_bits(8)).unwrap();
    assert!(matches!(unknown, Found::Unknown), "{unknown:?}");
}

#[test]
fn the_last_reversals_are_shown_and_that_there_are_earlier_ones() {
    let mut rig = Rig::prepared();
    rig.authorize(1, 1, 20_000);
    let shown = REVERSALS_SHOWN_MAX as u128;
    for id in 1..=shown + 1 {
        rig.engine.reverse(&reversal(id, 1, Some(1))).unwrap();
        rig.flush();
        let found = found(&rig, 1);
        assert_eq!(found.has_earlier_reversals, id > shown, "{id}");
        assert_eq!(found.reversals.len() as u128, id.min(shown));
    }
    let again = Rig::start(rig.storage.copy());
    let found = found(&again, 1);
    let ids: Vec<u128> = found
        .reversals
        .iter()
        .map(|record| record.reversal_id().bits())
        .collect();
    assert_eq!(ids, (2..=shown + 1).collect::<Vec<_>>());
    assert_eq!(found.left.get(), 20_000 - REVERSALS_SHOWN_MAX as u64 - 1);
    assert_eq!(
        found.reversals.last().map(|record| record.left()),
        Some(found.left)
    );
}

/// A purchase whose date has left memory is found in that date's file; what was given back on a later date leads to what was
/// given back on its own.
#[test]
fn what_has_left_memory_is_found_in_its_files() {
    let mut rig = Rig::prepared();
    rig.authorize(1, 1, 1_000);
    rig.engine.reverse(&reversal(1, 1, Some(100))).unwrap();
    rig.engine.reverse(&reversal(2, 9, None)).unwrap();
    rig.flush();
    pass_days(&mut rig, 1);
    rig.engine.reverse(&reversal(3, 1, Some(200))).unwrap();
    rig.flush();
    pass_days(&mut rig, 4);
    rig.maintenance.tidy_ids().unwrap();
    assert!(rig.engine.id_archive().may_hold(1));
    assert_eq!(rig.engine.state().ids_len(), 0, "everything has left memory");
    let check = |rig: &Rig, ids: &[u128], left: u64| {
        let found = found(rig, 1);
        let shown: Vec<u128> = found
            .reversals
            .iter()
            .map(|record| record.reversal_id().bits())
            .collect();
        assert_eq!((shown.as_slice(), found.left.get()), (ids, left));
        assert_reversed_before_arrival(rig, 9, 0);
    };
    check(&rig, &[1, 3], 700);
    rig.engine.reverse(&reversal(4, 1, None)).unwrap();
    rig.flush();
    check(&rig, &[1, 3, 4], 0);
    check(&Rig::start(rig.storage.copy()), &[1, 3, 4], 0);
}

fn pass_days(rig: &mut Rig, days: i64) {
    for _ in 0..days {
        rig.pass(86_400_000);
        rig.engine.cut_over().unwrap();
        rig.flush();
    }
}
