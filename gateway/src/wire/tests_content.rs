//! What counts as the same content under an id.

use satang_core::calendar::Instant;
use satang_core::decide::content::{same_content, same_reversal_content};
use satang_core::decide::reverse::{self, Reversible};
use satang_core::ids::{MerchantId, Name, ReversalId, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::outcome::{Reason, ReversalCause};
use satang_core::record::{
    Authorization, AuthorizationFacts, AuthorizationRecord, BenefitNumber, Extension, NameNumber, NameRecord,
    Record, ReversalRecord,
};
use satang_core::request::{AuthorizationRequest, Purchase, ReversalRequest};
use satang_core::state::directory::{AuditStamp, Directory};
use satang_core::state::hash::HashSeed;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

const MADE: AuditStamp = AuditStamp {
    sequence: 0,
    at: Instant::MIN,
    caller: NameNumber::UNKNOWN,
};

pub(super) fn directory(names: &[&str]) -> Directory {
    let mut directory = Directory::new(HashSeed::from_bytes([1; 16]));
    for (index, text) in names.iter().enumerate() {
        let number = NameNumber(index as u16 + 1);
        directory
            .apply(
                &Record::Name(NameRecord {
                    number,
                    name: name(text),
                }),
                &MADE,
            )
            .unwrap();
    }
    directory
}

pub(super) fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        txn_id: TxnId::from_bits(1),
        purchase: Purchase {
            program: name("plus"),
            wallet: WalletId::from_number(2),
            merchant: MerchantId::from_number(3),
            channel: name("store"),
            amount: Satang::new(100),
            eligible: Satang::new(90),
        },
    }
}

/// The record of [`request`] as it would be declined with these numbers for its names.
pub(super) fn record(program: u16, channel: u16) -> Authorization {
    let purchase = request().purchase;
    let facts = AuthorizationFacts {
        txn_id: request().txn_id,
        wallet: purchase.wallet,
        merchant: purchase.merchant,
        amount: purchase.amount,
        eligible: purchase.eligible,
        state: Satang::ZERO,
        headroom_before: [0; 4],
        caps: 0,
        tier: 0,
        rule: 0,
        program: NameNumber(program),
        channel: NameNumber(channel),
        benefit: BenefitNumber::NONE,
        reason: Reason::MerchantUnknown,
        limited_by: None,
        looked_beyond: false,
    };
    Authorization {
        record: AuthorizationRecord::new(Instant::from_unix_ms(1_781_500_000_000), &facts),
        extension: Extension::NONE,
    }
}

#[test]
fn the_same_purchase_is_the_same_content_and_any_other_is_not() {
    let directory = directory(&["plus", "store", "delivery"]);
    let same =
        |request: &AuthorizationRequest| same_content(request, None, &record(1, 2), None, None, &directory);
    assert!(same(&request()));
    type Change = fn(&mut AuthorizationRequest);
    let changes: [Change; 8] = [
        |r| r.txn_id = TxnId::from_bits(2),
        |r| r.purchase.program = name("store"),
        |r| r.purchase.wallet = WalletId::from_number(3),
        |r| r.purchase.merchant = MerchantId::from_number(2),
        |r| r.purchase.channel = name("delivery"),
        |r| r.purchase.channel = name("unknown"),
        |r| r.purchase.amount = Satang::new(101),
        |r| r.purchase.eligible = Satang::new(100),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut other = request();
        change(&mut other);
        assert!(!same(&other), "change {index}");
    }
}

#[test]
fn a_name_without_a_number_is_compared_by_its_text_even_after_it_got_one() {
    let (plus, store) = (name("plus"), name("store"));
    for names in [&["other"][..], &["other", "store", "plus"]] {
        let directory = directory(names);
        let same =
            |program, channel| same_content(&request(), None, &record(0, 0), program, channel, &directory);
        assert!(same(Some(&plus), Some(&store)));
        assert!(!same(Some(&store), Some(&store)));
        assert!(!same(Some(&plus), Some(&plus)));
    }
    let directory = directory(&["plus"]);
    assert!(same_content(
        &request(),
        None,
        &record(1, 0),
        None,
        Some(&store),
        &directory
    ));
}

#[test]
fn a_reversal_is_compared_by_path_amount_and_reason() {
    let request = ReversalRequest {
        reversal_id: ReversalId::from_bits(1),
        txn_id: TxnId::from_bits(2),
        amount: Some(Satang::new(5)),
        cause: ReversalCause::MerchantError,
    };
    let record_of = |request: &ReversalRequest| -> ReversalRecord {
        reverse::decide(
            request,
            &Reversible::NotFound { late: false },
            Instant::from_unix_ms(1_781_500_000_000),
        )
    };
    let record = record_of(&request);
    assert!(same_reversal_content(&request, &record));
    let others = [
        ReversalRequest {
            reversal_id: ReversalId::from_bits(2),
            ..request
        },
        ReversalRequest {
            txn_id: TxnId::from_bits(3),
            ..request
        },
        ReversalRequest {
            amount: Some(Satang::new(6)),
            ..request
        },
        ReversalRequest {
            amount: None,
            ..request
        },
        ReversalRequest {
            cause: ReversalCause::CustomerRefund,
            ..request
        },
    ];
    for other in others {
        assert!(!same_reversal_content(&other, &record), "{other:?}");
        assert!(same_reversal_content(&other, &record_of(&other)));
    }
}
