//! The story: an auditor asks with whose key something was decided. Each record says so by the number of the key's name.

use crate::rig::office::*;
use crate::rig::*;
use satang_core::ids::{MerchantId, TxnId, WalletId};
use satang_core::record::{
    Authorization, CaseClosed, MerchantStatus, NameNumber, Record, RecordKind, ReturnKind, Status,
};
use satang_core::request::{ClosingRequest, HoldRequest};
use satang_core::state::casework::CaseworkRefusal;
use satang_engine::engine::Submitted;
use satang_engine::session::authorize::SubmittedBatch;
use satang_engine::session::casework::CaseworkOutcome;

/// The kind and the caller of each record behind the first `from`.
fn callers(rig: &Rig, from: usize) -> Vec<(RecordKind, NameNumber)> {
    let records = Survivors::of(&rig.storage).records;
    let behind = records[from..].iter();
    behind
        .map(|(header, record)| (record.kind(), header.caller()))
        .collect()
}

fn records(rig: &Rig) -> usize {
    Survivors::of(&rig.storage).records.len()
}

fn suspended(merchant: MerchantId) -> MerchantStatus {
    MerchantStatus {
        merchant,
        status: Status::Suspended,
        reason: "ตรวจสอบ".into(),
    }
}

#[test]
fn a_key_gets_its_number_with_the_first_record_that_it_causes() {
    let mut rig = started();
    rig.flush();
    let before = records(&rig);
    let (nok, wallet) = (name("nok"), WalletId::from_number(1));
    for status in [Status::Suspended, Status::Active] {
        rig.engine
            .set_wallet_status(wallet, status, "", Some(&nok))
            .unwrap();
    }
    rig.engine
        .bind_platform(shop(), &name("fast"), true, "", Some(&nok))
        .unwrap();
    rig.engine.decide_casework(&suspended(shop()), None).unwrap();
    rig.flush();
    let by_nok = rig.engine.state().directory.read().number_of(&nok);
    assert_ne!(by_nok, NameNumber::UNKNOWN);
    assert_eq!(
        callers(&rig, before),
        [
            (RecordKind::Name, NameNumber::UNKNOWN),
            (RecordKind::WalletStatus, by_nok),
            (RecordKind::WalletStatus, by_nok),
            (RecordKind::Name, by_nok),
            (RecordKind::PlatformBinding, by_nok),
            (RecordKind::MerchantStatus, NameNumber::UNKNOWN),
        ]
    );
}

#[test]
fn every_decision_says_with_whose_key() {
    let mut rig = started();
    rig.flush();
    let before = records(&rig);
    let engine = rig.engine.clone();
    let by = engine.number_of_key(Some(&name("bank-switch"))).unwrap();
    let caller = engine.caller_of(&name("bank-switch"), None).unwrap();
    assert_eq!((caller.key, caller.acquirer), (by, NameNumber::UNKNOWN));
    assert_eq!(engine.number_of_key(Some(&name("bank-switch"))).unwrap(), by);
    assert_eq!(engine.number_of_key(None).unwrap(), NameNumber::UNKNOWN);
    let hold = |txn| HoldRequest {
        txn_id: TxnId::from_bits(txn),
        purchase: request(txn, 1, 100).purchase,
        expires_in_s: 60,
    };
    let closing = |txn, act| ClosingRequest {
        txn_id: TxnId::from_bits(txn),
        act,
        amount: None,
    };
    let decided = |submitted: Submitted<Authorization>| match submitted {
        Submitted::Decided { record, .. } => assert_eq!(record.record.header.caller(), by),
        other => panic!("not decided: {other:?}"),
    };
    decided(engine.authorize_for(caller, &request(1, 1, 100)).unwrap());
    // Names without a number stand behind the record.
    let mut unknown = request(2, 1, 100);
    unknown.purchase.program = name("nowhere");
    decided(engine.authorize_for(caller, &unknown).unwrap());
    decided(engine.hold_for(caller, &hold(3)).unwrap());
    decided(engine.hold_for(caller, &hold(4)).unwrap());
    let batch = [request(5, 1, 100), request(6, 1, 100)];
    let cleared = Default::default();
    match engine.authorize_batch_for(caller, &batch, &cleared).unwrap() {
        SubmittedBatch::Submitted(batch) => batch.into_iter().for_each(decided),
        SubmittedBatch::Tombstones(found) => panic!("nothing was reversed before: {found:?}"),
    }
    rig.flush();
    _ = engine.reverse_for(caller, &reversal(1, 1, None)).unwrap();
    _ = engine
        .close_for(caller, &closing(3, ReturnKind::Capture))
        .unwrap();
    _ = engine.close_for(caller, &closing(4, ReturnKind::Void)).unwrap();
    _ = engine.register_batch_for(caller, &[registration(1, 1)]).unwrap();
    rig.flush();
    let mut expected = vec![(RecordKind::Name, NameNumber::UNKNOWN)];
    expected.extend([(RecordKind::Authorization, by); 6]);
    expected.extend([
        (RecordKind::Reversal, by),
        (RecordKind::Capture, by),
        (RecordKind::Void, by),
        (RecordKind::Registration, by),
    ]);
    assert_eq!(callers(&rig, before), expected);
    let digest = engine.state().digest();
    assert_eq!(Rig::start(rig.storage.copy()).engine.state().digest(), digest);
}

#[test]
fn who_causes_no_record_gets_no_number() {
    let mut rig = started();
    rig.flush();
    let before = records(&rig);
    let nok = name("nok");
    let refused = rig
        .engine
        .decide_casework(&suspended(MerchantId::from_number(99)), Some(&nok))
        .unwrap();
    assert_eq!(
        refused,
        CaseworkOutcome::Refused(CaseworkRefusal::MerchantUnknown)
    );
    let unknown = CaseClosed {
        case: satang_core::ids::CaseId::from_bits(1),
        reason: String::new(),
    };
    rig.engine.decide_casework(&unknown, Some(&nok)).unwrap();
    let paused = rig
        .engine
        .set_program_status(&name("nowhere"), Status::Suspended, "", Some(&nok));
    assert_eq!(paused.unwrap(), None);
    rig.flush();
    assert_eq!(callers(&rig, before), []);
}

#[test]
fn a_restart_knows_with_whose_key_a_merchant_was_suspended() {
    let mut rig = started();
    rig.engine
        .decide_casework(&suspended(shop()), Some(&name("nok")))
        .unwrap();
    rig.flush();
    rig.snapshot();
    let again = Rig::start(rig.storage.copy());
    let directory = again.engine.state().directory.read();
    let mark = directory
        .casework()
        .merchant(shop())
        .and_then(|file| file.suspended.as_ref());
    let caller = mark.map(|mark| mark.caller).expect("it is suspended");
    assert_eq!(directory.name(caller), Some(&name("nok")));
    let records = Survivors::of(&rig.storage).records;
    let (header, record) = records.last().expect("a record");
    assert!(matches!(record, Record::MerchantStatus(_)));
    assert_eq!(header.caller(), caller);
}
