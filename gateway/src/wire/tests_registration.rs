//! Registrations: what is read of one, and the bytes of every kind of answer.

use super::problem::Problem;
use super::render::{self, BatchResult, RegistrationAnswer};
use super::tests_render::{at, check};
use super::{fast, parse};
use expect_test::expect;
use satang_core::birth::BirthDate;
use satang_core::ids::{Name, NationalId, Nationality, PersonId, RegistrationId, WalletId};
use satang_core::outcome::RegistrationReason;
use satang_core::record::{BenefitNumber, NameNumber, RegistrationFacts, RegistrationRecord};
use satang_core::request::RegistrationRequest;

const ID: &str = "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e12";

const PLAIN: &str = r#"{ "registration_id": "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e12", "program": "thai-chuai-thai-plus-6040",
  "wallet_id": "004999912345678", "citizen_id": "1101700203450", "birth_date": "1990-04-12", "nationality": "TH" }"#;

fn wanted() -> RegistrationRequest {
    RegistrationRequest {
        registration_id: RegistrationId::parse(ID).unwrap(),
        program: Name::parse("thai-chuai-thai-plus-6040").unwrap(),
        wallet: WalletId::parse("004999912345678").unwrap(),
        citizen: NationalId::parse("1101700203450").unwrap(),
        birth: BirthDate::parse("1990-04-12").unwrap(),
        nationality: Nationality::THAI,
    }
}

#[test]
fn a_registration_is_read_in_every_spelling_of_the_same() {
    let compact: String = PLAIN.split_whitespace().collect();
    let spellings = [
        PLAIN.to_owned(),
        compact.clone(),
        PLAIN.replace(ID, &ID.to_uppercase()),
        PLAIN.replace("\"TH\"", r#""\u0054\u0048""#),
        PLAIN.replace("\"citizen_id\"", r#""citizen\u005fid""#),
        PLAIN.replace("\"1990-04-12\"", r#""1990\u002d04-12""#),
        format!("{PLAIN}\r\n\t "),
    ];
    for spelling in &spellings {
        assert!(
            parse::registration(spelling.as_bytes()) == Ok(wanted()),
            "{spelling}"
        );
        assert!(
            fast::registration(spelling.as_bytes()).is_some(),
            "the fast reader gives up on {spelling}"
        );
    }
    let mut pairs: Vec<&str> = compact.trim_matches(['{', '}']).split(',').collect();
    for _ in 0..pairs.len() {
        pairs.rotate_left(1);
        let body = format!("{{{}}}", pairs.join(","));
        assert!(parse::registration(body.as_bytes()) == Ok(wanted()), "{body}");
    }
}

#[test]
fn a_date_of_birth_has_three_forms() {
    for text in [
        "1850",
        "1850-01-01",
        "1990",
        "1990-04",
        "1990-02-28",
        "2004-02-29",
        "2170-12-31",
    ] {
        let body = PLAIN.replace("1990-04-12", text);
        let read = parse::registration(body.as_bytes()).unwrap();
        assert!(read.birth == BirthDate::parse(text).unwrap(), "{text}");
        assert_eq!(&read.birth.content()[..text.len()], text.as_bytes());
    }
}

#[test]
fn a_wrong_date_of_birth_is_told_what_is_wrong_with_it() {
    let reason = |text: &str| {
        let body = PLAIN.replace("1990-04-12", text);
        let problem = parse::registration(body.as_bytes()).unwrap_err();
        assert_eq!(problem.errors.len(), 1);
        problem.errors[0].reason.clone()
    };
    assert_eq!(
        reason("1990-02-29"),
        "must be a date of birth: YYYY-MM-DD, YYYY-MM or YYYY (C.E.)"
    );
    for buddhist in ["2533-04-12", "2533-04", "2533", "2401"] {
        assert_eq!(
            reason(buddhist),
            "year is above 2400: write C.E., not B.E.",
            "{buddhist}"
        );
    }
    for never in ["1849-12-31", "1849", "2171", "2400-12"] {
        assert_eq!(
            reason(never),
            "year must lie between 1850 and 2170 C.E.",
            "{never}"
        );
    }
}

#[test]
fn a_batch_keeps_the_order_and_each_element_its_own_fate() {
    let other = PLAIN.replace(ID, "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e13");
    let wrong = PLAIN.replace("\"TH\"", "\"th\"");
    let read = |elements: &[&str]| {
        let body = format!("{{ \"registrations\" : [ {} ] }}", elements.join(" , "));
        parse::registrations(body.as_bytes()).unwrap()
    };
    let good = read(&[PLAIN, &other]);
    assert!(good[0] == Ok(wanted()));
    assert_eq!(
        good[1].as_ref().unwrap().registration_id.bits(),
        wanted().registration_id.bits() + 1
    );
    let mixed = read(&[&wrong, &other, PLAIN]);
    assert_eq!(mixed[0].as_ref().unwrap_err().errors[0].field, "nationality");
    assert!(mixed[1..] == [good[1].clone(), good[0].clone()]);
}

#[test]
fn nothing_personal_is_shown_for_a_log() {
    let shown = format!("{:?}", wanted());
    assert!(!shown.contains("110170") && !shown.contains("1990"), "{shown}");
}

pub(super) fn record(reason: RegistrationReason, ticket: u64, sequence: u64) -> RegistrationRecord {
    let accepted = reason == RegistrationReason::Accepted;
    let facts = RegistrationFacts {
        registration_id: RegistrationId::parse(ID).unwrap(),
        content: 7,
        wallet: wanted().wallet,
        person: PersonId::from_number(9),
        age: 36,
        nationality: Nationality::THAI,
        reason,
        ticket,
        program: NameNumber(1),
        rule: 1,
        benefit: if accepted {
            BenefitNumber(1)
        } else {
            BenefitNumber(0)
        },
        list: NameNumber::UNKNOWN,
        tier: NameNumber::UNKNOWN,
        returning: false,
        usable_from: None,
        earlier: None,
        several: false,
        linked: None,
    };
    let mut record = RegistrationRecord::new(at(), &facts);
    record.header.sequence = sequence;
    record
}

fn answer(reason: RegistrationReason, list: Option<&str>, replayed: bool) -> String {
    let record = record(
        reason,
        u64::from(reason == RegistrationReason::Accepted) * 1_234,
        56,
    );
    let mut out = Vec::new();
    let decided = RegistrationAnswer::Decided {
        record: &record,
        list: list.map(|list| Name::parse(list).unwrap()),
        replayed,
    };
    render::registration(&decided, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn an_accepted_one_has_its_ticket_and_its_second() {
    check(
        |out| out.extend(answer(RegistrationReason::Accepted, None, false).bytes()),
        expect![[
            r#"{"registration_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e12","decision":"accepted","reason":"accepted","ticket":1234,"registered_at":"2026-06-15T12:00:00+07:00","sequence":56,"replayed":false}"#
        ]],
    );
    let again = answer(RegistrationReason::Accepted, None, true);
    let first = answer(RegistrationReason::Accepted, None, false);
    assert_ne!(first, again);
    assert_eq!(again, first.replace("\"replayed\":false", "\"replayed\":true"));
}

#[test]
fn a_rejected_one_has_its_reason_and_neither() {
    let rejected = RegistrationReason::ALL
        .into_iter()
        .filter(|reason| *reason != RegistrationReason::Accepted);
    let mut all = String::new();
    for reason in rejected {
        let list = (reason == RegistrationReason::Excluded).then_some("suspended");
        let answer = answer(reason, list, false);
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer.as_object().unwrap().len(), 5, "{answer}");
        all += &format!("{} {}\n", answer["decision"], answer["reason"]);
    }
    expect![[r#"
        "rejected" "program_unknown"
        "rejected" "program_suspended"
        "rejected" "registration_closed"
        "rejected" "outside_hours"
        "rejected" "not_thai"
        "rejected" "under_age"
        "rejected" "excluded:suspended"
        "rejected" "already_registered"
        "rejected" "wallet_taken"
        "rejected" "quota_full"
    "#]]
    .assert_eq(&all);
    check(
        |out| {
            let excluded = RegistrationReason::Excluded;
            out.extend(answer(excluded, Some("state-welfare-card"), true).bytes());
        },
        expect![[
            r#"{"registration_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e12","decision":"rejected","reason":"excluded:state-welfare-card","sequence":56,"replayed":true}"#
        ]],
    );
}

#[test]
fn who_was_told_before_is_told_again_under_the_new_id() {
    let told = RegistrationAnswer::QuotaFullNotified {
        registration_id: RegistrationId::from_bits(0xAB),
        sequence: 56,
    };
    check(
        |out| render::registration(&told, out),
        expect![[
            r#"{"registration_id":"00000000-0000-0000-0000-0000000000ab","decision":"rejected","reason":"quota_full","sequence":56,"replayed":false}"#
        ]],
    );
}

#[test]
fn a_batch_is_its_results_in_order() {
    let record = record(RegistrationReason::UnderAge, 0, 56);
    let problem = Problem::registration_id_conflict();
    let told = RegistrationAnswer::QuotaFullNotified {
        registration_id: RegistrationId::from_bits(1),
        sequence: 5,
    };
    let decided = RegistrationAnswer::Decided {
        record: &record,
        list: None,
        replayed: false,
    };
    let results = [
        BatchResult::Outcome(told),
        BatchResult::Problem(&problem),
        BatchResult::Outcome(decided),
    ];
    let one = |answer: RegistrationAnswer<'_>, out: &mut Vec<u8>| render::registration(&answer, out);
    check(
        |out| render::batch(results, one, out),
        expect![[
            r#"{"results":[{"registration_id":"00000000-0000-0000-0000-000000000001","decision":"rejected","reason":"quota_full","sequence":5,"replayed":false},{"type":"urn:satang:problem:registration_id_conflict","code":"registration_id_conflict","title":"The registration_id has other content.","status":409,"detail":"this registration_id was used before with other content; nothing was changed"},{"registration_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e12","decision":"rejected","reason":"under_age","sequence":56,"replayed":false}]}"#
        ]],
    );
}

#[test]
fn the_longest_answer_fits() {
    let accepted = record(RegistrationReason::Accepted, u64::MAX, u64::MAX);
    let excluded = record(RegistrationReason::Excluded, 0, u64::MAX);
    let longest = Name::parse(&"a".repeat(Name::LEN_MAX)).unwrap();
    for (record, list) in [(&accepted, None), (&excluded, Some(longest))] {
        let mut out = vec![b'x'];
        let decided = RegistrationAnswer::Decided {
            record,
            list,
            replayed: false,
        };
        render::registration(&decided, &mut out);
        assert!(out.len() <= 600, "{} bytes", out.len());
        assert_eq!(out[0], b'x', "answers are appended");
    }
}
