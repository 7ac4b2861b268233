//! A look-up shows an authorization and what was given back of it: nothing that is not durable, nothing of another id, and
//! never more reversals than its bound.

mod rig;

use rig::{Rig, request, reversal};
use satang_core::ids::TxnId;
use satang_core::money::Satang;
use satang_core::record::Position;
use satang_engine::engine::Submitted;
use satang_engine::lookup::{Found, FoundAuthorization, REVERSALS_SHOWN_MAX};

fn found(rig: &Rig, txn: u128) -> FoundAuthorization {
    match rig.engine.find_authorization(TxnId::from_bits(txn)).unwrap() {
        Found::Authorization(found) => *found,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_waits_for(rig: &Rig, txn: u128, at_least: Position) {
    match rig.engine.find_authorization(TxnId::from_bits(txn)).unwrap() {
        Found::Wait { position } => assert!(position >= at_least),
        other => panic!("shown before it is durable: {other:?}"),
    }
}

#[test]
fn nothing_is_shown_before_it_is_durable() {
    let mut rig = Rig::prepared();
    let Submitted::Decided { position, .. } = rig.engine.authorize(&request(1, 1, 100)).unwrap() else {
        panic!()
    };
    assert_waits_for(&rig, 1, position);
    rig.flush();
    assert_eq!(found(&rig, 1).left, Satang::new(100));
    // A reversal changes what is left at once; it is shown once the reversal is durable.
    let Submitted::Decided { position, .. } = rig.engine.reverse(&reversal(1, 1, Some(40))).unwrap() else {
        panic!()
    };
    assert_waits_for(&rig, 1, position);
    rig.flush();
    assert_eq!(found(&rig, 1).left, Satang::new(60));
    let Submitted::Decided { position, .. } = rig.engine.reverse(&reversal(2, 9, None)).unwrap() else {
        panic!()
    };
    assert_waits_for(&rig, 9, position);
    rig.flush();
    let tombstone = rig.engine.find_authorization(TxnId::from_bits(9)).unwrap();
    assert!(matches!(tombstone, Found::ReversedBeforeArrival), "{tombstone:?}");
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
