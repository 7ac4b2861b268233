//! The bytes of every kind of answer.

use super::problem::Problem;
use super::render::{self, AuthorizationAnswer, BatchResult};
use expect_test::{Expect, expect};
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::decide::authorize::Verdict;
use satang_core::ids::{MerchantId, Name, ReversalId, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::outcome::{Reason, ReversalCause, ReversalReason};
use satang_core::programme::CapPeriod;
use satang_core::record::{
    Authorization, BenefitNumber, Extension, NameNumber, OriginalFacts, ReturnKind, ReversalFacts,
    ReversalRecord,
};
use satang_core::request::Purchase;

pub(super) fn at() -> Instant {
    Instant::parse("2026-06-15T12:00:00.123+07:00").unwrap()
}

pub(super) fn txn_id() -> TxnId {
    TxnId::parse("0197A1D2-0f6e-7c3a-8b1e-3f5d2c9a7e10").unwrap()
}

pub(super) fn purchase() -> Purchase {
    Purchase {
        program: Name::parse("thai-chuai-thai-plus-6040").unwrap(),
        wallet: WalletId::parse("004999912345678").unwrap(),
        merchant: MerchantId::parse("010555012345678").unwrap(),
        channel: Name::parse("store").unwrap(),
        amount: Satang::new(25_000),
        eligible: Satang::new(22_000),
    }
}

/// The contract's example: 60 % of 220 baht under caps of 200 a day and 1,000 a month.
pub(super) fn approved() -> Verdict {
    Verdict {
        reason: Reason::Approved,
        state: Satang::new(13_200),
        limited_by: None,
        headroom_before: [20_000, 100_000, 0, 0],
        caps: 0b0011,
        tier: 0,
        state_percent: 60,
        rule: 1,
        program: NameNumber(1),
        channel: NameNumber(2),
        benefit: BenefitNumber(1),
        household: None,
        home: None,
        funding: None,
        looked_beyond: false,
    }
}

pub(super) fn declined(reason: Reason) -> Verdict {
    Verdict {
        reason,
        state: Satang::ZERO,
        ..approved()
    }
}

pub(super) fn record(verdict: &Verdict) -> Authorization {
    let mut record = verdict.record(txn_id(), &purchase(), at(), None);
    record.record.header.sequence = 123_456_789;
    record
}

/// The record of a verdict with something behind its fixed part.
pub(super) fn with_extra(verdict: &Verdict, extension: Extension) -> Authorization {
    Authorization {
        extension,
        ..record(verdict)
    }
}

pub(super) fn check(write: impl FnOnce(&mut Vec<u8>), wanted: Expect) {
    let mut out = Vec::new();
    write(&mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    wanted.assert_eq(&text);
}

#[test]
fn an_approval_shows_the_split_and_what_remains() {
    check(
        |out| render::authorization(&record(&approved()), &[], false, out),
        expect![[
            r#"{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"approved","reason":"approved","response_code":"00","state_amount":13200,"citizen_amount":11800,"limited_by":null,"remaining":{"day":6800,"month":86800},"business_date":"2026-06-15","decided_at":"2026-06-15T12:00:00.123+07:00","sequence":123456789,"replayed":false}"#
        ]],
    );
}

#[test]
fn a_limited_approval_names_the_cap() {
    for (period, caps) in CapPeriod::ALL.into_iter().zip([1, 2, 4, 8]) {
        let verdict = Verdict {
            limited_by: Some(period),
            headroom_before: [13_200; 4],
            caps,
            ..approved()
        };
        let mut out = Vec::new();
        render::authorization(&record(&verdict), &[], false, &mut out);
        let answer: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(answer["limited_by"], period.name());
        assert_eq!(answer["remaining"], serde_json::json!({ period.name(): 0 }));
    }
}

#[test]
fn every_cap_the_benefit_has_is_shown() {
    let verdict = Verdict {
        headroom_before: [u32::MAX; 4],
        caps: 0b1111,
        limited_by: Some(CapPeriod::Quarter),
        ..approved()
    };
    let mut record = record(&verdict);
    record.record.header.sequence = u64::MAX;
    check(
        |out| render::authorization(&record, &[], true, out),
        expect![[
            r#"{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"approved","reason":"approved","response_code":"00","state_amount":13200,"citizen_amount":11800,"limited_by":"quarter","remaining":{"day":4294954095,"month":4294954095,"quarter":4294954095,"program":4294954095},"business_date":"2026-06-15","decided_at":"2026-06-15T12:00:00.123+07:00","sequence":18446744073709551615,"replayed":true}"#
        ]],
    );
}

#[test]
fn a_decline_shows_what_remains_once_the_entitlement_was_found() {
    check(
        |out| render::authorization(&record(&declined(Reason::WalletSuspended)), &[], false, out),
        expect![[
            r#"{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"declined","reason":"wallet_suspended","response_code":"62","state_amount":0,"citizen_amount":0,"limited_by":null,"remaining":{"day":20000,"month":100000},"business_date":"2026-06-15","decided_at":"2026-06-15T12:00:00.123+07:00","sequence":123456789,"replayed":false}"#
        ]],
    );
    check(
        |out| render::authorization(&record(&declined(Reason::ProgramUnknown)), &[], false, out),
        expect![[
            r#"{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"declined","reason":"program_unknown","response_code":"58","state_amount":0,"citizen_amount":0,"limited_by":null,"business_date":"2026-06-15","decided_at":"2026-06-15T12:00:00.123+07:00","sequence":123456789,"replayed":false}"#
        ]],
    );
    for reason in Reason::ALL {
        let verdict = if reason == Reason::Approved {
            approved()
        } else {
            declined(reason)
        };
        let mut out = Vec::new();
        render::authorization(&record(&verdict), &[], false, &mut out);
        let answer: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            answer.get("remaining").is_some(),
            reason.shows_remaining(),
            "{reason:?}"
        );
        assert_eq!(answer["reason"], reason.name());
        assert_eq!(answer["response_code"], reason.response_code());
        let decision = if reason == Reason::Approved {
            "approved"
        } else {
            "declined"
        };
        assert_eq!(answer["decision"], decision);
    }
}

#[test]
fn a_replay_is_the_first_answer_but_for_its_flag() {
    let record = record(&approved());
    let (mut first, mut again) = (Vec::new(), Vec::new());
    render::authorization(&record, &[], false, &mut first);
    render::authorization(&record, &[], true, &mut again);
    let first = String::from_utf8(first).unwrap();
    let wanted = first.replace("\"replayed\":false", "\"replayed\":true");
    assert_ne!(first, wanted);
    assert_eq!(String::from_utf8(again).unwrap(), wanted);
}

#[test]
fn a_quote_has_no_id_and_says_how_far_the_room_reaches() {
    check(
        |out| render::quote(&approved(), &[], at(), &purchase(), out),
        expect![[
            r#"{"decision":"approved","reason":"approved","response_code":"00","state_amount":13200,"citizen_amount":11800,"limited_by":null,"remaining":{"day":6800,"month":86800},"business_date":"2026-06-15","decided_at":"2026-06-15T12:00:00.123+07:00","fully_subsidised_up_to":33334}"#
        ]],
    );
    check(
        |out| render::quote(&declined(Reason::OutsideHours), &[], at(), &purchase(), out),
        expect![[
            r#"{"decision":"declined","reason":"outside_hours","response_code":"57","state_amount":0,"citizen_amount":0,"limited_by":null,"business_date":"2026-06-15","decided_at":"2026-06-15T12:00:00.123+07:00","fully_subsidised_up_to":0}"#
        ]],
    );
}

fn reversal(approved: bool, reason: ReversalReason, parts: [u64; 3]) -> ReversalRecord {
    let [state, citizen, left] = parts.map(Satang::new);
    let facts = ReversalFacts {
        act: ReturnKind::Reversal,
        reversal_id: ReversalId::from_bits(0xFF),
        txn_id: txn_id(),
        cause: ReversalCause::CustomerRefund,
        requested: Some(Satang::new(10_000)),
        approved,
        reason,
        state,
        citizen,
        left,
        original: (reason == ReversalReason::Approved).then(|| OriginalFacts {
            sequence: 7,
            wallet: purchase().wallet,
            merchant: purchase().merchant,
            program: NameNumber(1),
            channel: NameNumber(2),
            benefit: BenefitNumber(1),
            rule: 1,
            date: BusinessDate::from_ymd(2026, 6, 15).unwrap(),
            amount: Satang::new(25_000),
            state: Satang::new(13_200),
            household: None,
            home: None,
            funding: None,
            expires: None,
        }),
        funding: None,
        voids: false,
        previous: None,
        late: false,
    };
    let mut record = ReversalRecord::new(Instant::parse("2026-06-16T23:59:59.999+07:00").unwrap(), &facts);
    record.header.sequence = 5;
    record
}

#[test]
fn a_reversal_shows_what_each_side_gets_back_and_what_is_left() {
    check(
        |out| {
            render::reversal(
                &reversal(true, ReversalReason::Approved, [5_280, 4_720, 15_000]),
                &[],
                false,
                out,
            )
        },
        expect![[
            r#"{"reversal_id":"00000000-0000-0000-0000-0000000000ff","txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"approved","reason":"approved","response_code":"00","state_amount":5280,"citizen_amount":4720,"left":15000,"business_date":"2026-06-16","decided_at":"2026-06-16T23:59:59.999+07:00","sequence":5,"replayed":false}"#
        ]],
    );
    check(
        |out| {
            render::reversal(
                &reversal(true, ReversalReason::OriginalNotFound, [0; 3]),
                &[],
                true,
                out,
            )
        },
        expect![[
            r#"{"reversal_id":"00000000-0000-0000-0000-0000000000ff","txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"approved","reason":"original_not_found","response_code":"00","state_amount":0,"citizen_amount":0,"left":0,"business_date":"2026-06-16","decided_at":"2026-06-16T23:59:59.999+07:00","sequence":5,"replayed":true}"#
        ]],
    );
    check(
        |out| {
            render::reversal(
                &reversal(false, ReversalReason::OriginalNotFound, [0; 3]),
                &[],
                false,
                out,
            )
        },
        expect![[
            r#"{"reversal_id":"00000000-0000-0000-0000-0000000000ff","txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"declined","reason":"original_not_found","response_code":"25","state_amount":0,"citizen_amount":0,"left":0,"business_date":"2026-06-16","decided_at":"2026-06-16T23:59:59.999+07:00","sequence":5,"replayed":false}"#
        ]],
    );
    check(
        |out| {
            render::reversal(
                &reversal(false, ReversalReason::ExceedsOriginal, [0, 0, 15_000]),
                &[],
                false,
                out,
            )
        },
        expect![[
            r#"{"reversal_id":"00000000-0000-0000-0000-0000000000ff","txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"declined","reason":"exceeds_original","response_code":"13","state_amount":0,"citizen_amount":0,"left":15000,"business_date":"2026-06-16","decided_at":"2026-06-16T23:59:59.999+07:00","sequence":5,"replayed":false}"#
        ]],
    );
}

#[test]
fn a_batch_is_its_results_in_order() {
    let record = record(&declined(Reason::MerchantUnknown));
    let problem = Problem::malformed_field("amount", "must be 1 to 100000000");
    let decided = |replayed| {
        BatchResult::Outcome(AuthorizationAnswer {
            record: &record,
            replayed,
        })
    };
    let one = |answer: AuthorizationAnswer<'_>, out: &mut Vec<u8>| {
        render::authorization(answer.record, &[], answer.replayed, out);
    };
    check(
        |out| {
            render::batch(
                [decided(false), BatchResult::Problem(&problem), decided(true)],
                one,
                out,
            )
        },
        expect![[
            r#"{"results":[{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"declined","reason":"merchant_unknown","response_code":"03","state_amount":0,"citizen_amount":0,"limited_by":null,"business_date":"2026-06-15","decided_at":"2026-06-15T12:00:00.123+07:00","sequence":123456789,"replayed":false},{"type":"urn:satang:problem:malformed","code":"malformed","title":"The request is malformed.","status":400,"detail":"amount must be 1 to 100000000","errors":[{"field":"amount","reason":"must be 1 to 100000000"}]},{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"declined","reason":"merchant_unknown","response_code":"03","state_amount":0,"citizen_amount":0,"limited_by":null,"business_date":"2026-06-15","decided_at":"2026-06-15T12:00:00.123+07:00","sequence":123456789,"replayed":true}]}"#
        ]],
    );
    check(|out| render::batch([], one, out), expect![[r#"{"results":[]}"#]]);
}

#[test]
fn the_longest_answer_fits() {
    for reason in Reason::ALL {
        let verdict = Verdict {
            reason,
            headroom_before: [u32::MAX; 4],
            caps: 0b1111,
            state: if reason == Reason::Approved {
                Satang::new(22_000)
            } else {
                Satang::ZERO
            },
            limited_by: Some(CapPeriod::Quarter),
            ..approved()
        };
        let mut record = record(&verdict);
        record.record.header.sequence = u64::MAX;
        let mut out = vec![b'x'];
        render::authorization(&record, &[], false, &mut out);
        assert!(out.len() <= 600, "{} bytes", out.len());
        render::quote(&verdict, &[], at(), &purchase(), &mut out);
        assert_eq!(out[0], b'x', "answers are appended");
    }
}
