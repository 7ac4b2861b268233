//! Holds, what ends them, and moves: what is read of them, and the bytes of every kind of answer.

use super::parse;
use super::problem::Problem;
use super::render;
use super::tests_content;
use super::tests_render::{approved, at, check, declined, txn_id, with_extra};
use super::tests_shapes::PATH_ID;
use expect_test::expect;
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::decide::content::same_content;
use satang_core::ids::{HouseholdId, MerchantId, Name, ReversalId, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::outcome::{Reason, ReversalCause, ReversalReason};
use satang_core::programme::CapPeriod;
use satang_core::record::{
    BenefitNumber, Extension, Funding, NameNumber, OriginalFacts, ReturnKind, ReversalFacts, ReversalRecord,
};

const HOLD: &str = r#"{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","program":"thai-chuai-thai-plus-6040","wallet_id":"004999912345678","merchant_id":"010555012345678","channel":"delivery","amount":25000,"expires_in_s":3600}"#;

const MOVE: &str =
    r#"{"from_program":"thai-chuai-thai-plus-6040","to_program":"state-welfare-card","reason":""}"#;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn fields(problem: Problem) -> Vec<String> {
    assert_eq!((problem.status, problem.kind), (400, "malformed"));
    problem.errors.into_iter().map(|error| error.field).collect()
}

#[test]
fn a_hold_is_an_authorization_and_for_how_long() {
    let read = parse::hold(HOLD.as_bytes()).unwrap();
    let purchase = HOLD.replace(",\"expires_in_s\":3600", "");
    let plain = parse::authorization(purchase.as_bytes()).unwrap();
    assert_eq!((read.txn_id, read.purchase), (plain.txn_id, plain.purchase));
    assert_eq!((read.expires_in_s, read.purchase.eligible.get()), (3_600, 25_000));
    for seconds in ["1", "604800"] {
        let body = HOLD.replace("3600", seconds);
        let read = parse::hold(body.as_bytes()).unwrap();
        assert_eq!(read.expires_in_s.to_string(), seconds);
    }
    for wrong in [
        "0",
        "604801",
        "1.5",
        "60.0",
        "6e1",
        "-1",
        "null",
        "\"60\"",
        "4294967297",
    ] {
        let body = HOLD.replace("3600", wrong);
        assert_eq!(
            fields(parse::hold(body.as_bytes()).unwrap_err()),
            ["expires_in_s"],
            "{wrong}"
        );
    }
    assert_eq!(
        fields(parse::hold(purchase.as_bytes()).unwrap_err()),
        ["expires_in_s"]
    );
    assert_eq!(
        fields(parse::authorization(HOLD.as_bytes()).unwrap_err()),
        ["expires_in_s"],
        "an authorization is no hold"
    );
    let quote = HOLD.replacen(&format!("\"txn_id\":\"{PATH_ID}\","), "", 1);
    assert_eq!(
        fields(parse::quote(quote.as_bytes()).unwrap_err()),
        ["expires_in_s"]
    );
}

#[test]
fn a_capture_is_of_an_amount_or_of_all_and_a_void_is_of_all() {
    let read = |act, body: &str| parse::closing(PATH_ID, act, body.as_bytes());
    for (body, amount) in [
        ("{}", None),
        (" {\n} ", None),
        ("", None),
        ("{\"amount\":1}", Some(1)),
        ("{ \"am\\u006funt\" : 100000000 }", Some(100_000_000)),
    ] {
        let request = read(ReturnKind::Capture, body).unwrap();
        assert_eq!(
            (request.txn_id, request.act),
            (txn_id(), ReturnKind::Capture),
            "{body}"
        );
        assert_eq!(request.amount, amount.map(Satang::new), "{body}");
    }
    for body in ["", "{}", "\t{ }\r\n"] {
        let request = read(ReturnKind::Void, body).unwrap();
        assert_eq!(
            (request.txn_id, request.act, request.amount),
            (txn_id(), ReturnKind::Void, None)
        );
    }
}

#[test]
fn a_wrong_capture_or_void_is_told_by_its_field() {
    let told = |path: &str, act, body: &str| fields(parse::closing(path, act, body.as_bytes()).unwrap_err());
    for wrong in ["null", "0", "-1", "1.0", "1e2", "100000001", "\"1\"", "[]"] {
        let body = format!("{{\"amount\":{wrong}}}");
        assert_eq!(told(PATH_ID, ReturnKind::Capture, &body), ["amount"], "{wrong}");
    }
    assert_eq!(
        told(PATH_ID, ReturnKind::Void, "{\"amount\":1}"),
        ["amount"],
        "a void is of all"
    );
    assert_eq!(
        told(PATH_ID, ReturnKind::Capture, "{\"reason\":\"x\"}"),
        ["reason"]
    );
    for act in [ReturnKind::Capture, ReturnKind::Void] {
        for body in [" ", "null", "[]", "5", "{", "{}{}", "{}x", "\u{feff}{}"] {
            assert_eq!(told(PATH_ID, act, body), [""], "{act:?} {body}");
        }
        assert_eq!(
            told(PATH_ID, act, "{\"txn_id\":1}"),
            ["txn_id"],
            "it stands in the path"
        );
        for path in ["x", "", "0197a1d20f6e7c3a8b1e3f5d2c9a7e10"] {
            assert_eq!(told(path, act, "{"), ["txn_id"], "the path is judged first");
        }
    }
}

#[test]
fn a_move_leads_to_another_programme() {
    let wallet = "004999912345678";
    let read = parse::move_request(wallet, MOVE.as_bytes()).unwrap();
    assert_eq!(read.wallet, WalletId::parse(wallet).unwrap());
    assert_eq!(
        (read.from, read.to),
        (name("thai-chuai-thai-plus-6040"), name("state-welfare-card"))
    );
    assert!(
        read.household.is_none()
            && read.tier.is_none()
            && read.usable_from.is_none()
            && read.reason.is_empty()
    );
    let more = r#"{"household_id":"000000000000042","tier":"tax-filer","usable_from":"2026-07-01","#;
    let read = parse::move_request(wallet, MOVE.replacen('{', more, 1).as_bytes()).unwrap();
    assert_eq!(
        read.household,
        Some(HouseholdId::parse("000000000000042").unwrap())
    );
    assert_eq!(read.tier, Some(name("tax-filer")));
    assert_eq!(read.usable_from, BusinessDate::from_ymd(2026, 7, 1));
    let told = |wallet: &str, body: &str| fields(parse::move_request(wallet, body.as_bytes()).unwrap_err());
    let to_itself = MOVE.replace("state-welfare-card", "thai-chuai-thai-plus-6040");
    assert_eq!(told(wallet, &to_itself), ["to_program"]);
    assert_eq!(told("1", &to_itself), ["wallet_id"], "the path is judged first");
    assert_eq!(told(wallet, "{}"), ["from_program", "to_program", "reason"]);
    let neither = MOVE
        .replace("state-welfare-card", "Card")
        .replace("thai-chuai-thai-plus-6040", "Card");
    assert_eq!(told(wallet, &neither), ["from_program", "to_program"]);
}

pub(super) fn funding(paid: [u32; 4], len: u8) -> Funding {
    Funding {
        paid,
        len,
        period: CapPeriod::Month,
    }
}

fn later(at: Instant, ms: i64) -> Instant {
    Instant::from_unix_ms(at.unix_ms() + ms)
}

pub(super) fn held() -> Extension {
    Extension::NONE.until(Some(later(at(), 3_600_000)))
}

#[test]
fn a_hold_is_answered_with_its_end() {
    check(
        |out| render::authorization(&with_extra(&approved(), held()), &[], false, out),
        expect![[
            r#"{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"approved","reason":"approved","response_code":"00","state_amount":13200,"citizen_amount":11800,"limited_by":null,"remaining":{"day":6800,"month":86800},"business_date":"2026-06-15","decided_at":"2026-06-15T12:00:00.123+07:00","expires_at":"2026-06-15T13:00:00.123+07:00","sequence":123456789,"replayed":false}"#
        ]],
    );
    check(
        |out| {
            render::authorization(
                &with_extra(&declined(Reason::OutsideHours), held()),
                &[],
                true,
                out,
            )
        },
        expect![[
            r#"{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"declined","reason":"outside_hours","response_code":"57","state_amount":0,"citizen_amount":0,"limited_by":null,"business_date":"2026-06-15","decided_at":"2026-06-15T12:00:00.123+07:00","expires_at":"2026-06-15T13:00:00.123+07:00","sequence":123456789,"replayed":true}"#
        ]],
    );
}

#[test]
fn every_source_is_shown_in_order_with_its_part() {
    let sources = ["base", "top-up", "c", "d"].map(name);
    for len in 1..=4 {
        let mut paid = [0; 4];
        paid[..len].copy_from_slice(&[13_200, 0, 0, 0][..len]);
        let extension = Extension::NONE.of_sources(Some(funding(paid, len as u8)));
        let mut out = Vec::new();
        render::authorization(
            &with_extra(&approved(), extension),
            &sources[..len],
            false,
            &mut out,
        );
        let answer: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let shown = answer["funding"].as_array().unwrap();
        let names: Vec<_> = shown
            .iter()
            .map(|part| part["source"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["base", "top-up", "c", "d"][..len]);
        let sum: u64 = shown.iter().map(|part| part["amount"].as_u64().unwrap()).sum();
        assert_eq!(sum, answer["state_amount"].as_u64().unwrap());
    }
    let extension = held().of_sources(Some(funding([10_000, 3_200, 0, 0], 2)));
    check(
        |out| render::authorization(&with_extra(&approved(), extension), &sources[..2], false, out),
        expect![[
            r#"{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"approved","reason":"approved","response_code":"00","state_amount":13200,"citizen_amount":11800,"limited_by":null,"remaining":{"day":6800,"month":86800},"funding":[{"source":"base","amount":10000},{"source":"top-up","amount":3200}],"business_date":"2026-06-15","decided_at":"2026-06-15T12:00:00.123+07:00","expires_at":"2026-06-15T13:00:00.123+07:00","sequence":123456789,"replayed":false}"#
        ]],
    );
    let verdict = satang_core::decide::authorize::Verdict {
        funding: Some(funding([10_000, 3_200, 0, 0], 2)),
        ..approved()
    };
    let mut out = Vec::new();
    render::quote(
        &verdict,
        &sources[..2],
        at(),
        &super::tests_render::purchase(),
        &mut out,
    );
    let quote = String::from_utf8(out).unwrap();
    let wanted =
        r#""funding":[{"source":"base","amount":10000},{"source":"top-up","amount":3200}],"business_date""#;
    assert!(quote.contains(wanted), "{quote}");
}

pub(super) fn original() -> OriginalFacts {
    OriginalFacts {
        sequence: 7,
        wallet: WalletId::parse("004999912345678").unwrap(),
        merchant: MerchantId::parse("010555012345678").unwrap(),
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
        expires: Some(at()),
    }
}

/// A record that gives `back` to state and citizen and leaves so much.
pub(super) fn ended(
    act: ReturnKind,
    reason: ReversalReason,
    approved: bool,
    [state, citizen, left]: [u64; 3],
) -> ReversalRecord {
    let facts = ReversalFacts {
        act,
        reversal_id: ReversalId::from_bits(0),
        txn_id: txn_id(),
        cause: ReversalCause::CustomerRefund,
        requested: None,
        approved,
        reason,
        state: Satang::new(state),
        citizen: Satang::new(citizen),
        left: Satang::new(left),
        original: (reason == ReversalReason::Approved).then(original),
        funding: None,
        voids: false,
        previous: None,
        late: false,
    };
    let mut record = ReversalRecord::new(Instant::parse("2026-06-15T12:30:00+07:00").unwrap(), &facts);
    record.header.sequence = 5;
    record
}

#[test]
fn a_capture_shows_what_was_captured_and_not_what_was_freed() {
    // 5,000 of 25,000 are free: 13,200 − floor(13,200 × 5,000 / 25,000) = 10,560 stay with the state.
    let captured = ended(
        ReturnKind::Capture,
        ReversalReason::Approved,
        true,
        [2_640, 2_360, 20_000],
    );
    check(
        |out| render::closing(&captured, false, out),
        expect![[
            r#"{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"approved","reason":"approved","response_code":"00","state_amount":10560,"citizen_amount":9440,"left":20000,"business_date":"2026-06-15","decided_at":"2026-06-15T12:30:00.000+07:00","sequence":5,"replayed":false}"#
        ]],
    );
    let whole = ended(
        ReturnKind::Capture,
        ReversalReason::Approved,
        true,
        [0, 0, 25_000],
    );
    check(
        |out| render::closing(&whole, true, out),
        expect![[
            r#"{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"approved","reason":"approved","response_code":"00","state_amount":13200,"citizen_amount":11800,"left":25000,"business_date":"2026-06-15","decided_at":"2026-06-15T12:30:00.000+07:00","sequence":5,"replayed":true}"#
        ]],
    );
}

#[test]
fn a_void_and_every_refusal_show_no_money() {
    let voided = ended(
        ReturnKind::Void,
        ReversalReason::Approved,
        true,
        [13_200, 11_800, 0],
    );
    check(
        |out| render::closing(&voided, false, out),
        expect![[
            r#"{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"approved","reason":"approved","response_code":"00","state_amount":0,"citizen_amount":0,"left":0,"business_date":"2026-06-15","decided_at":"2026-06-15T12:30:00.000+07:00","sequence":5,"replayed":false}"#
        ]],
    );
    let never_seen = ended(ReturnKind::Void, ReversalReason::OriginalNotFound, true, [0; 3]);
    check(
        |out| render::closing(&never_seen, false, out),
        expect![[
            r#"{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"approved","reason":"original_not_found","response_code":"00","state_amount":0,"citizen_amount":0,"left":0,"business_date":"2026-06-15","decided_at":"2026-06-15T12:30:00.000+07:00","sequence":5,"replayed":false}"#
        ]],
    );
    let mut told = String::new();
    for (reason, left) in [
        (ReversalReason::OriginalNotFound, 0),
        (ReversalReason::OriginalDeclined, 0),
        (ReversalReason::HoldClosed, 20_000),
        (ReversalReason::HoldExpired, 0),
        (ReversalReason::ExceedsOriginal, 25_000),
    ] {
        let mut out = Vec::new();
        render::closing(
            &ended(ReturnKind::Capture, reason, false, [0, 0, left]),
            false,
            &mut out,
        );
        let answer: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            (&answer["state_amount"], &answer["citizen_amount"]),
            (&0.into(), &0.into())
        );
        told += &format!(
            "{} {} {}\n",
            answer["reason"], answer["response_code"], answer["left"]
        );
    }
    expect![[r#"
        "original_not_found" "25" 0
        "original_declined" "12" 0
        "hold_closed" "12" 20000
        "hold_expired" "12" 0
        "exceeds_original" "13" 25000
    "#]]
    .assert_eq(&told);
}

/// A refund of 6,000 that leaves 29,000.
pub(super) fn refund(funding: Option<Funding>, voids: bool, original: OriginalFacts) -> ReversalRecord {
    let facts = ReversalFacts {
        act: ReturnKind::Reversal,
        reversal_id: ReversalId::from_bits(0xFF),
        txn_id: txn_id(),
        cause: ReversalCause::CustomerRefund,
        requested: Some(Satang::new(6_000)),
        approved: true,
        reason: ReversalReason::Approved,
        state: Satang::new(6_000),
        citizen: Satang::ZERO,
        left: Satang::new(29_000),
        original: Some(original),
        funding,
        voids,
        previous: None,
        late: false,
    };
    let mut record = ReversalRecord::new(at(), &facts);
    record.header.sequence = 6;
    record
}

#[test]
fn a_refund_shows_what_each_source_gets_back() {
    let sources = ["base", "top-up"].map(name);
    let record = refund(Some(funding([1_000, 5_000, 0, 0], 2)), false, original());
    check(
        |out| render::reversal(&record, &sources, false, out),
        expect![[
            r#"{"reversal_id":"00000000-0000-0000-0000-0000000000ff","txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"approved","reason":"approved","response_code":"00","state_amount":6000,"citizen_amount":0,"left":29000,"funding":[{"source":"base","amount":1000},{"source":"top-up","amount":5000}],"business_date":"2026-06-15","decided_at":"2026-06-15T12:00:00.123+07:00","sequence":6,"replayed":false}"#
        ]],
    );
}

#[test]
fn the_longest_answer_with_four_sources_fits() {
    let longest = [Name::parse(&"a".repeat(Name::LEN_MAX)).unwrap(); 4];
    let four = Some(funding([100_000_000; 4], 4));
    let verdict = satang_core::decide::authorize::Verdict {
        headroom_before: [u32::MAX; 4],
        caps: 0b1111,
        limited_by: Some(CapPeriod::Quarter),
        funding: four,
        ..approved()
    };
    let mut record = with_extra(&verdict, held().of_sources(four));
    record.record.header.sequence = u64::MAX;
    let mut out = vec![b'x'];
    render::authorization(&record, &longest, false, &mut out);
    assert!((800..=1_000).contains(&out.len()), "{} bytes", out.len());
    render::quote(
        &verdict,
        &longest,
        at(),
        &super::tests_render::purchase(),
        &mut out,
    );
    assert_eq!(out[0], b'x', "answers are appended");
}

#[test]
fn an_id_is_of_an_authorization_or_of_a_hold_of_one_length() {
    let directory = tests_content::directory(&["plus", "store"]);
    let request = tests_content::request();
    let plain = tests_content::record(1, 2);
    let mut held = plain;
    held.extension = Extension::NONE.until(Some(later(plain.header.at(), 60_000)));
    let same = |seconds, record| same_content(&request, seconds, record, None, None, &directory);
    assert!(same(None, &plain) && same(Some(60), &held));
    assert!(!same(None, &held), "a hold's id is no authorization's");
    assert!(!same(Some(60), &plain), "an authorization's id is no hold's");
    assert!(
        !same(Some(61), &held) && !same(Some(59), &held),
        "another end is other content"
    );
    let mut other = request;
    other.txn_id = TxnId::from_bits(9);
    assert!(!same_content(&other, Some(60), &held, None, None, &directory));
}
