//! The engine on a virtual disk, stepped by hand: what is answered, what survives.

use crate::rig::{LAYOUT, Rig, noon, options, request, reversal};
use satang_core::money::Satang;
use satang_core::outcome::{Reason, ReversalReason};
use satang_core::request::AuthorizationRequest;
use satang_engine::clock::SimulatedClock;
use satang_engine::engine::Submitted;
use satang_engine::persons::CitizenKey;
use satang_engine::recovery::open::{EngineOptions, OpenError, open};
use std::sync::Arc;

#[test]
fn a_purchase_is_split_and_capped() {
    let mut rig = Rig::prepared();
    let record = rig.authorize(1, 1, 22_000);
    assert_eq!(
        (record.reason(), record.state()),
        (Reason::Approved, Satang::new(13_200))
    );
    let record = rig.authorize(2, 1, 22_000);
    assert_eq!(
        (record.reason(), record.state()),
        (Reason::Approved, Satang::new(6_800))
    );
    assert_eq!(rig.authorize(3, 1, 22_000).reason(), Reason::DailyCapExhausted);
}

#[test]
fn the_state_after_a_restart_is_the_state_before() {
    let mut rig = Rig::prepared();
    for txn in 0..2_000u128 {
        rig.authorize(txn, txn as u64 % 20 + 1, 1_000 + txn as u64);
        if txn % 50 == 0 {
            rig.pass(7_200_000);
        }
    }
    for txn in 0..200u128 {
        rig.engine.reverse(&reversal(txn, txn, Some(500))).unwrap();
        rig.engine
            .reverse(&reversal(1_000 + txn, 5_000 + txn, None))
            .unwrap();
    }
    rig.flush();
    let digest = rig.digest();
    let last = rig.authorize(7, 8, 1_007);
    let mut again = Rig::start(rig.storage.copy());
    assert_eq!(again.digest(), digest);
    let replayed = again.authorize(7, 8, 1_007);
    assert_eq!(
        (replayed.header.sequence, replayed.state()),
        (last.header.sequence, last.state())
    );
}

#[test]
fn a_late_original_of_a_reversal_is_declined_and_stays_declined() {
    let mut rig = Rig::prepared();
    let Submitted::Decided { record, .. } = rig.engine.reverse(&reversal(1, 77, None)).unwrap() else {
        panic!()
    };
    assert_eq!(
        (record.approved(), record.reason()),
        (true, ReversalReason::OriginalNotFound)
    );
    rig.flush();
    assert_eq!(
        rig.authorize(77, 1, 1_000).reason(),
        Reason::ReversedBeforeArrival
    );
    let Submitted::Decided { record, .. } = rig.engine.reverse(&reversal(2, 77, Some(5))).unwrap() else {
        panic!()
    };
    assert_eq!(
        (record.approved(), record.reason()),
        (false, ReversalReason::OriginalDeclined)
    );
}

#[test]
fn a_batch_is_one_group_and_equals_its_elements_one_by_one() {
    let mut batched = Rig::prepared();
    let mut single = Rig::prepared();
    let requests: Vec<AuthorizationRequest> = (0..100u128)
        .map(|txn| request(txn, txn as u64 % 7 + 1, 5_000 + txn as u64))
        .collect();
    let results = batched.engine.authorize_batch(&requests).unwrap();
    assert!(batched.committer.step().unwrap());
    assert!(!batched.committer.step().unwrap());
    for (request, result) in requests.iter().zip(results) {
        let Submitted::Decided { record, .. } = result else {
            panic!()
        };
        let amount = request.purchase.amount.get();
        let alone = single.authorize(request.txn_id.bits(), request.purchase.wallet.number(), amount);
        assert_eq!((record.reason(), record.state()), (alone.reason(), alone.state()));
        assert_eq!(record.header.sequence, alone.header.sequence);
    }
    assert_eq!(batched.digest() != 0, single.digest() != 0);
}

#[test]
fn another_key_of_citizens_is_refused() {
    let rig = Rig::prepared();
    let storage = Arc::new(rig.storage.copy());
    let other = EngineOptions {
        citizen_key: CitizenKey::from_bytes([2; 32]),
        ..options(LAYOUT)
    };
    let clock = SimulatedClock::standing_at(noon());
    assert!(matches!(
        open(&storage, clock, other, &mut |_, _| {}),
        Err(OpenError::WrongKey)
    ));
}

#[test]
fn a_broken_disk_stops_everything_and_approves_nothing() {
    let mut rig = Rig::prepared();
    rig.storage.break_after(0);
    let Submitted::Decided { sequence, .. } = rig.engine.authorize(&request(1, 1, 1_000)).unwrap() else {
        panic!()
    };
    assert!(rig.committer.step().is_err());
    assert!(rig.engine.durable().check(sequence).is_err());
    assert!(rig.engine.authorize(&request(2, 1, 1_000)).is_err());
}
