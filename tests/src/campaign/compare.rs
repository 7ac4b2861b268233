//! Whether an answer is the one the model expects.
//!
//! A first answer must have exactly the expected keys and values, and a `sequence` above every earlier one. A
//! replay must be the first answer's bytes again but for `"replayed": true`. A problem must have the status and
//! name a field, or carry the code, that the model allows.
//!
//! The keys of a decision come in one order, and so do those of a clawback case and of a merchant. What was done with a hold has a first answer of its own, and only an
//! approval is repeated.
//!
//! A replacement that is rejected has no record, and says so.
//!
//! A registration that is told `quota_full` again has the `sequence` of the first time and is no first answer
//! itself: its id may come again with anything. Of a programme the model knows a part, which must be in the answer.

mod keys;

use std::collections::BTreeMap;

use serde_json::Value;

use self::keys::check_order;
pub(super) use self::keys::keys_of;

/// Remembers what the system said first.
#[derive(Default)]
pub struct Comparer {
    last_sequence: Option<u64>,
    /// The bytes of the first answer, by kind of id and id.
    first_answers: BTreeMap<(&'static str, String), String>,
}

impl Comparer {
    /// Compares one answer; the error says what is wrong with it.
    pub fn check(
        &mut self,
        expected_status: u16,
        expected: &Value,
        got_status: u16,
        got: &str,
    ) -> Result<(), String> {
        if expected_status != got_status {
            return Err(format!("the status is {got_status}, not {expected_status}"));
        }
        if let Some(Value::Array(results)) = expected.get("results") {
            let elements = split_results(got).ok_or("the answer is no object with results alone")?;
            if elements.len() != results.len() {
                return Err(format!("{} results, not {}", elements.len(), results.len()));
            }
            for (index, (expected, got)) in results.iter().zip(elements).enumerate() {
                self.check_one(expected, got, true)
                    .map_err(|why| format!("results[{index}]: {why}"))?;
            }
            return Ok(());
        }
        self.check_one(expected, got, false)
    }

    fn check_one(&mut self, expected: &Value, text: &str, in_batch: bool) -> Result<(), String> {
        if expected.get("$problem") == Some(&Value::from(404)) {
            return Ok(());
        }
        let mut got: Value =
            serde_json::from_str(text).map_err(|error| format!("the answer is not JSON: {error}"))?;
        if expected.get("$problem").is_some() {
            return check_problem(expected, &got, in_batch);
        }
        if let Some(part) = expected.get("$subset") {
            contains(part, &got).map_err(|at| format!("the answer lacks {at}"))?;
            return lacks(expected, &got);
        }
        check_order(text, keys_of(expected))?;
        if expected.get("$sequence").is_some() {
            return self.check_record(expected, &mut got);
        }
        let replayed = expected
            .get("replayed")
            .filter(|_| expected.get("sequence").is_none());
        let Some(replayed) = replayed else {
            shorten_line_reasons(expected, &mut got);
            return equal(expected, &got);
        };
        let sequence = take_sequence(&mut got)?;
        if let Some(first) = expected.get("$sequence_of").and_then(Value::as_str) {
            equal(&without(expected, "$sequence_of"), &got)?;
            return self.check_told_again(first, sequence);
        }
        equal(&without(expected, "$act"), &got)?;
        let own_id = own_id(expected);
        if replayed == true {
            return self.check_replay(own_id, text);
        }
        self.rise_to(sequence)?;
        if is_kept(expected) {
            self.first_answers.insert(own_id, text.to_owned());
        }
        Ok(())
    }

    /// An answer of which there is a record, but which is never repeated.
    fn check_record(&mut self, expected: &Value, got: &mut Value) -> Result<(), String> {
        let sequence = take_sequence(got)?;
        equal(&without(expected, "$sequence"), got)?;
        self.rise_to(sequence)
    }

    fn rise_to(&mut self, sequence: u64) -> Result<(), String> {
        if self.last_sequence.is_some_and(|last| sequence <= last) {
            return Err(format!(
                "sequence {sequence} does not rise: {:?} was there",
                self.last_sequence
            ));
        }
        self.last_sequence = Some(sequence);
        Ok(())
    }

    /// Who was told `quota_full` before is told the sequence of that time.
    fn check_told_again(&self, first: &str, sequence: u64) -> Result<(), String> {
        let first = self
            .first_answers
            .get(&("registration_id", first.to_owned()))
            .ok_or("told again what was never told")?;
        let first: Value = serde_json::from_str(first).map_err(|error| error.to_string())?;
        if first["sequence"] != sequence {
            return Err(format!(
                "the sequence is {sequence}, not {} of the first time",
                first["sequence"]
            ));
        }
        Ok(())
    }

    fn check_replay(&self, own_id: (&'static str, String), text: &str) -> Result<(), String> {
        let first = self
            .first_answers
            .get(&own_id)
            .ok_or("a replay of what was never answered")?;
        let again = as_replay(first);
        if again != text {
            return Err(format!("the replay is not the first answer's bytes: {again}"));
        }
        Ok(())
    }
}

/// Takes the sequence out of an answer.
fn take_sequence(got: &mut Value) -> Result<u64, String> {
    let sequence = got.as_object_mut().and_then(|object| object.remove("sequence"));
    let sequence = sequence.as_ref().and_then(Value::as_u64).ok_or("no sequence")?;
    Ok(sequence)
}

/// What the model says, less a note of its own.
fn without(expected: &Value, note: &str) -> Value {
    let mut expected = expected.clone();
    expected
        .as_object_mut()
        .expect("an answer is an object")
        .remove(note);
    expected
}

/// What an answer is kept by: the field of its own id, or what was done with a hold, and the id; of a replacement both
/// wallets. A reversal names its purchase too.
pub(super) fn own_id(answer: &Value) -> (&'static str, String) {
    if let Some(new_wallet_id) = answer["new_wallet_id"].as_str() {
        let wallet_id = answer["wallet_id"].as_str().expect("the model answers with both");
        return ("replacement", format!("{wallet_id} {new_wallet_id}"));
    }
    let fields = ["registration_id", "reversal_id"];
    let own = fields.into_iter().find(|field| answer.get(field).is_some());
    let field = own.unwrap_or("txn_id");
    let id = answer[field].as_str().expect("the model answers with the id");
    let kind = match answer["$act"].as_str() {
        Some("capture") => "capture",
        Some("void") => "void",
        _ => field,
    };
    (kind, id.to_owned())
}

/// Whether the same request again gets this answer again: a capture or void that was declined is decided anew.
pub(super) fn is_kept(answer: &Value) -> bool {
    answer.get("$act").is_none() || answer["decision"] == "approved"
}

/// Whether the answer has none of the keys that it must not have.
fn lacks(expected: &Value, got: &Value) -> Result<(), String> {
    let keys = expected["$without"].as_array().into_iter().flatten();
    match keys.filter_map(Value::as_str).find(|key| got.get(key).is_some()) {
        Some(key) => Err(format!("{key} is too much")),
        None => Ok(()),
    }
}

/// Whether everything the model says is in the answer: objects may have more keys, lists more items. The error is
/// where it is not.
fn contains(part: &Value, got: &Value) -> Result<(), String> {
    match (part, got) {
        (Value::Object(part), Value::Object(got)) => part.iter().try_for_each(|(key, value)| {
            let other = got.get(key).ok_or(format!("{key}: {value}"))?;
            contains(value, other).map_err(|at| format!("{key}.{at}"))
        }),
        (Value::Array(part), Value::Array(got)) => part.iter().try_for_each(|item| {
            let is_there = got.iter().any(|other| contains(item, other).is_ok());
            if is_there { Ok(()) } else { Err(item.to_string()) }
        }),
        _ if part == got => Ok(()),
        _ => Err(format!("{part}: there is {got}")),
    }
}

/// The first answer with its flag turned.
fn as_replay(first: &str) -> String {
    match first.split_once("\"replayed\"") {
        Some((before, after)) => format!("{before}\"replayed\"{}", after.replacen("false", "true", 1)),
        None => first.to_owned(),
    }
}

/// An import says `malformed: FIELD: WHY`; the model mostly only that the line is malformed.
fn shorten_line_reasons(expected: &Value, got: &mut Value) {
    let Some(Value::Array(wanted)) = expected.get("errors") else {
        return;
    };
    let got = got.get_mut("errors").and_then(Value::as_array_mut);
    for (wanted, error) in wanted.iter().zip(got.into_iter().flatten()) {
        let reason = error["reason"].as_str().unwrap_or_default();
        if wanted["reason"] == "malformed" && reason.starts_with("malformed: ") {
            error["reason"] = Value::from("malformed");
        }
    }
}

fn equal(expected: &Value, got: &Value) -> Result<(), String> {
    if expected == got {
        return Ok(());
    }
    let (Some(expected), Some(got)) = (expected.as_object(), got.as_object()) else {
        return Err("the answer differs".to_owned());
    };
    let mut why = Vec::new();
    for (key, value) in expected {
        match got.get(key) {
            Some(other) if other == value => {}
            Some(other) => why.push(format!("{key} is {other}, not {value}")),
            None => why.push(format!("{key} is missing")),
        }
    }
    why.extend(
        got.keys()
            .filter(|key| !expected.contains_key(*key))
            .map(|key| format!("{key} is too much")),
    );
    Err(why.join("; "))
}

fn check_problem(expected: &Value, got: &Value, in_batch: bool) -> Result<(), String> {
    if let Some(status) = got.get("status")
        && *status != expected["$problem"]
    {
        return Err(format!("the problem says {status}, not {}", expected["$problem"]));
    }
    if let Some(code) = expected.get("code").and_then(Value::as_str) {
        let names = ["code", "type", "title"].map(|key| got.get(key).and_then(Value::as_str));
        let is_named = names.iter().flatten().any(|name| name.ends_with(code));
        return if is_named {
            Ok(())
        } else {
            Err(format!("the problem does not say {code}"))
        };
    }
    let Some(Value::Array(allowed)) = expected.get("fields") else {
        return Ok(());
    };
    let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
    let errors = got
        .get("errors")
        .and_then(Value::as_array)
        .filter(|errors| !errors.is_empty());
    for error in errors.ok_or("the problem names no field")? {
        let field = error
            .get("field")
            .and_then(Value::as_str)
            .ok_or("an error without a field")?;
        if !allowed
            .iter()
            .any(|allowed| names_field(field, allowed, in_batch))
        {
            return Err(format!(
                "the problem names {field:?}, which is none of {allowed:?}"
            ));
        }
    }
    Ok(())
}

/// In a batch a field may be named with the place of its element before it.
fn names_field(field: &str, allowed: &str, in_batch: bool) -> bool {
    let inside = match field.rsplit_once(['.', '/', ']']) {
        Some((before, last)) if in_batch && is_of_batch(before) => last,
        _ => field,
    };
    inside == allowed
}

fn is_of_batch(field: &str) -> bool {
    field.starts_with("authorizations") || field.starts_with("registrations")
}

/// The texts of the elements of `{"results":[…]}`, byte for byte.
fn split_results(text: &str) -> Option<Vec<&str>> {
    let inside = text
        .trim()
        .strip_prefix('{')?
        .strip_suffix('}')?
        .trim_start()
        .strip_prefix("\"results\"")?;
    let inside = inside
        .trim_start()
        .strip_prefix(':')?
        .trim()
        .strip_prefix('[')?
        .strip_suffix(']')?;
    let (mut depth, mut in_string, mut escaped, mut start) = (0_i32, false, false, 0);
    let mut elements = Vec::new();
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth -= 1,
            b',' if !in_string && depth == 0 => {
                elements.push(inside[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    elements.push(inside[start..].trim());
    Some(elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
        let wrong = right.replacen(r#""ticket":1,"#, "", 1).replacen(
            r#""sequence":4"#,
            r#""sequence":4,"ticket":1"#,
            1,
        );
        comparer.check(200, &expected, 200, &wrong).unwrap_err();
        comparer.check(200, &expected, 200, right).unwrap();
        let expected = json!({
            "decision": "approved", "remaining": {}, "funding": [{ "source": "a", "amount": 1 }], "business_date": "d",
        });
        let right = r#"{"decision":"approved","remaining":{},"funding":[{"source":"a","amount":1}],"business_date":"d"}"#;
        let wrong = r#"{"decision":"approved","remaining":{},"business_date":"d","funding":[{"source":"a","amount":1}]}"#;
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
            format!(
                r#"{{"wallet_id":"1","new_wallet_id":"{new}","sequence":{sequence},"replayed":{replayed}}}"#
            )
        };
        let expected = |new: &str, replayed: bool| json!({ "wallet_id": "1", "new_wallet_id": new, "replayed": replayed });
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
        let part =
            json!({ "registration": { "registered": 2 }, "lists": [{ "list": "a", "imported": true }] });
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
        let answer = |reason: &str| json!({ "accepted": 0, "rejected": 1, "errors": [{ "line": 1, "reason": reason }] });
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
}
