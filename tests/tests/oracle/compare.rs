//! The comparer finds what differs between an expected answer and the one that came.

use satang_tests::campaign::compare::{Comparer, check_problem, contains, split_results};
use serde_json::{Value, json};

#[test]
fn a_batch_answer_is_cut_into_its_elements() {
    let text = r#"{"results":[{"a":[1,2],"b":"],\"{"}, {"c":1}]}"#;
    assert_eq!(
        split_results(text),
        Some(vec![r#"{"a":[1,2],"b":"],\"{"}"#, r#"{"c":1}"#])
    );
    assert_eq!(split_results(r#"{"result":[]}"#), None);
}

#[test]
fn a_replay_is_the_first_answer_byte_for_byte() {
    let mut comparer = Comparer::default();
    let first = json!({ "txn_id": "x", "replayed": false });
    let again = json!({ "txn_id": "x", "replayed": true });
    comparer
        .check(
            200,
            &first,
            200,
            r#"{"txn_id":"x","sequence":7,"replayed":false}"#,
        )
        .unwrap();
    comparer
        .check(200, &again, 200, r#"{"txn_id":"x","sequence":7,"replayed":true}"#)
        .unwrap();
    for wrong in [
        r#"{"txn_id":"x","sequence":8,"replayed":true}"#,
        r#"{"sequence":7,"txn_id":"x","replayed":true}"#,
        r#"{"txn_id":"x","sequence":7,"replayed":false}"#,
    ] {
        comparer.check(200, &again, 200, wrong).unwrap_err();
    }
    let other = json!({ "txn_id": "y", "replayed": false });
    comparer
        .check(
            200,
            &other,
            200,
            r#"{"txn_id":"y","sequence":7,"replayed":false}"#,
        )
        .unwrap_err();
    comparer
        .check(200, &other, 200, r#"{"txn_id":"y","replayed":false}"#)
        .unwrap_err();
    comparer
        .check(
            200,
            &other,
            200,
            r#"{"txn_id":"y","sequence":9,"a":1,"replayed":false}"#,
        )
        .unwrap_err();
}

#[test]
fn a_problem_names_an_allowed_field() {
    let expected = json!({ "$problem": 400, "fields": ["amount"] });
    let say = |field: &str| json!({ "status": 400, "errors": [{ "field": field }] });
    assert!(check_problem(&expected, &say("amount"), false).is_ok());
    assert!(check_problem(&expected, &say("authorizations[3].amount"), true).is_ok());
    assert!(check_problem(&expected, &say("registrations[3].amount"), true).is_ok());
    assert!(check_problem(&expected, &say("authorizations[3].amount"), false).is_err());
    assert!(check_problem(&expected, &say(""), false).is_err());
    assert!(check_problem(&expected, &json!({ "status": 400, "errors": [] }), false).is_err());
    let whole = json!({ "$problem": 400, "fields": [""] });
    assert!(check_problem(&whole, &say("authorizations[3]"), true).is_ok());
}

#[test]
fn who_was_told_quota_full_is_told_the_sequence_of_that_time() {
    let mut comparer = Comparer::default();
    let said = |id: &str, sequence: u64| {
        format!(
            r#"{{"registration_id":"{id}","decision":"rejected","reason":"quota_full","sequence":{sequence},"replayed":false}}"#
        )
    };
    let mut expected = json!({
        "registration_id": "x", "decision": "rejected", "reason": "quota_full", "replayed": false,
    });
    comparer.check(200, &expected, 200, &said("x", 7)).unwrap();
    expected["registration_id"] = json!("y");
    let first = expected.clone();
    expected["$sequence_of"] = json!("x");
    comparer.check(200, &expected, 200, &said("y", 7)).unwrap();
    comparer.check(200, &expected, 200, &said("y", 8)).unwrap_err();
    comparer.check(200, &expected, 200, &said("z", 7)).unwrap_err();
    expected["$sequence_of"] = json!("never");
    comparer.check(200, &expected, 200, &said("y", 7)).unwrap_err();
    // It was no first answer: the id is free, and the next sequence is above 7.
    comparer.check(200, &first, 200, &said("y", 7)).unwrap_err();
    comparer.check(200, &first, 200, &said("y", 8)).unwrap();
}

#[test]
fn the_keys_of_a_decision_come_in_one_order() {
    let mut comparer = Comparer::default();
    let expected = json!({
        "registration_id": "x", "decision": "accepted", "reason": "accepted", "ticket": 1,
        "registered_at": "2026-05-25T06:00:00+07:00", "replayed": false,
    });
    let right = r#"{"registration_id":"x","decision":"accepted","reason":"accepted","ticket":1,"registered_at":"2026-05-25T06:00:00+07:00","sequence":4,"replayed":false}"#;
    let wrong =
        right
            .replacen(r#""ticket":1,"#, "", 1)
            .replacen(r#""sequence":4"#, r#""sequence":4,"ticket":1"#, 1);
    comparer.check(200, &expected, 200, &wrong).unwrap_err();
    comparer.check(200, &expected, 200, right).unwrap();
    let expected = json!({
        "decision": "approved", "remaining": {}, "funding": [{ "source": "a", "amount": 1 }], "business_date": "d",
    });
    let right =
        r#"{"decision":"approved","remaining":{},"funding":[{"source":"a","amount":1}],"business_date":"d"}"#;
    let wrong =
        r#"{"decision":"approved","remaining":{},"business_date":"d","funding":[{"source":"a","amount":1}]}"#;
    comparer.check(200, &expected, 200, wrong).unwrap_err();
    comparer.check(200, &expected, 200, right).unwrap();
}

#[test]
fn a_capture_has_a_first_answer_of_its_own() {
    let mut comparer = Comparer::default();
    let said = |decision: &str, sequence: u64, replayed: bool| {
        format!(r#"{{"txn_id":"x","decision":"{decision}","sequence":{sequence},"replayed":{replayed}}}"#)
    };
    let expected = |act: Option<&str>, decision: &str, replayed: bool| {
        let mut expected = json!({ "txn_id": "x", "decision": decision, "replayed": replayed });
        if let Some(act) = act {
            expected["$act"] = json!(act);
        }
        expected
    };
    let mut check = |act: Option<&str>, decision: &str, sequence: u64, replayed: bool| {
        let got = said(decision, sequence, replayed);
        let (ours, theirs) = (expected(act, decision, replayed), got.as_str());
        comparer.check(200, &ours, 200, theirs)
    };
    check(None, "approved", 4, false).unwrap();
    check(Some("capture"), "declined", 5, false).unwrap();
    check(Some("capture"), "declined", 5, true).unwrap_err();
    check(Some("capture"), "approved", 6, false).unwrap();
    check(Some("capture"), "declined", 7, false).unwrap();
    check(Some("capture"), "approved", 6, true).unwrap();
    check(Some("capture"), "approved", 7, true).unwrap_err();
    check(Some("void"), "approved", 6, true).unwrap_err();
    check(None, "approved", 4, true).unwrap();
}

#[test]
fn a_record_has_a_sequence_of_its_own() {
    let mut comparer = Comparer::default();
    let expected = json!({ "decision": "accepted", "changed": true, "$sequence": "rises" });
    let said = |sequence: &str| format!(r#"{{"decision":"accepted","changed":true{sequence}}}"#);
    comparer
        .check(200, &expected, 200, &said(r#","sequence":7"#))
        .unwrap();
    comparer
        .check(200, &expected, 200, &said(r#","sequence":7"#))
        .unwrap_err();
    comparer.check(200, &expected, 200, &said("")).unwrap_err();
    let unchanged = json!({ "decision": "accepted", "changed": true });
    comparer
        .check(200, &unchanged, 200, &said(r#","sequence":8"#))
        .unwrap_err();
    comparer.check(200, &unchanged, 200, &said("")).unwrap();
    comparer
        .check(200, &expected, 200, &said(r#","sequence":8"#))
        .unwrap();
}

#[test]
fn a_replacement_is_repeated_by_both_wallets_and_a_rejection_has_no_sequence() {
    let mut comparer = Comparer::default();
    let said = |new: &str, sequence: &str, replayed: bool| {
        format!(r#"{{"wallet_id":"1","new_wallet_id":"{new}","sequence":{sequence},"replayed":{replayed}}}"#)
    };
    let expected =
        |new: &str, replayed: bool| json!({ "wallet_id": "1", "new_wallet_id": new, "replayed": replayed });
    let mut check = |expected: &Value, got: String| comparer.check(200, expected, 200, &got).is_ok();
    assert!(check(&expected("2", false), said("2", "4", false)));
    assert!(check(&expected("2", true), said("2", "4", true)));
    assert!(!check(&expected("2", true), said("2", "5", true)));
    assert!(!check(&expected("3", true), said("3", "4", true)));
    let mut rejected = expected("3", false);
    rejected["sequence"] = Value::Null;
    assert!(check(&rejected, said("3", "null", false)));
    assert!(!check(&rejected, said("3", "5", false)));
    assert!(check(&expected("3", false), said("3", "5", false)));
}

#[test]
fn a_part_must_be_in_the_answer() {
    let part = json!({ "registration": { "registered": 2 }, "lists": [{ "list": "a", "imported": true }] });
    let mut got = json!({
        "id": "x", "registration": { "registered": 2, "open": true },
        "lists": [{ "list": "b", "imported": false }, { "list": "a", "imported": true, "more": 1 }],
    });
    assert_eq!(contains(&part, &got), Ok(()));
    got["registration"]["registered"] = json!(3);
    assert_eq!(
        contains(&part, &got).unwrap_err(),
        "registration.registered.2: there is 3"
    );
    got["registration"] = json!({ "registered": 2 });
    got["lists"][1]["imported"] = json!(false);
    assert!(contains(&part, &got).is_err());
    got["lists"] = json!([]);
    assert!(contains(&part, &got).is_err());
}

#[test]
fn a_key_that_must_not_be_there_is_not() {
    let expected = json!({ "$subset": { "payout": "active" }, "$without": ["frozen"] });
    let mut comparer = Comparer::default();
    let mut check = |got: &str| comparer.check(200, &expected, 200, got);
    check(r#"{"payout":"active","more":1}"#).unwrap();
    check(r#"{"payout":"active","frozen":{}}"#).unwrap_err();
    check(r#"{"payout":"frozen"}"#).unwrap_err();
}

#[test]
fn the_keys_of_a_case_come_in_one_order() {
    let mut comparer = Comparer::default();
    let expected = json!({ "case_id": "x", "state": "paid", "paid": 1, "payments": [] });
    let mut check = |got: &str| comparer.check(200, &expected, 200, got);
    check(r#"{"case_id":"x","state":"paid","paid":1,"payments":[]}"#).unwrap();
    check(r#"{"case_id":"x","paid":1,"state":"paid","payments":[]}"#).unwrap_err();
}

#[test]
fn a_line_reason_is_shortened_only_where_the_model_is_short() {
    let answer =
        |reason: &str| json!({ "accepted": 0, "rejected": 1, "errors": [{ "line": 1, "reason": reason }] });
    let mut comparer = Comparer::default();
    let mut agree = |expected: &str, got: &str| {
        comparer
            .check(200, &answer(expected), 200, &answer(got).to_string())
            .is_ok()
    };
    assert!(agree("malformed", "malformed: amount: must be a number"));
    assert!(agree("malformed: citizen_id: bad", "malformed: citizen_id: bad"));
    assert!(!agree(
        "malformed: citizen_id: bad",
        "malformed: citizen_id: worse"
    ));
    assert!(!agree("wallet_taken", "malformed: wallet_id"));
}
