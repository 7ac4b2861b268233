//! Whether an answer is the one the model expects.
//!
//! A first answer must have exactly the expected keys and values, and a `sequence` above every earlier one. A
//! replay must be the first answer's bytes again but for `"replayed": true`. A problem must have the status and
//! name a field, or carry the code, that the model allows.

use std::collections::BTreeMap;

use serde_json::Value;

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
        let Some(replayed) = expected.get("replayed") else {
            shorten_line_reasons(&mut got);
            return equal(expected, &got);
        };
        let sequence = got.as_object_mut().and_then(|object| object.remove("sequence"));
        let sequence = sequence.as_ref().and_then(Value::as_u64).ok_or("no sequence")?;
        equal(expected, &got)?;
        let kind = if expected.get("reversal_id").is_some() {
            "reversal_id"
        } else {
            "txn_id"
        };
        let id = expected[kind]
            .as_str()
            .expect("the model answers with the id")
            .to_owned();
        if replayed == true {
            return self.check_replay(kind, id, text);
        }
        if self.last_sequence.is_some_and(|last| sequence <= last) {
            return Err(format!(
                "sequence {sequence} does not rise: {:?} was there",
                self.last_sequence
            ));
        }
        self.last_sequence = Some(sequence);
        self.first_answers.insert((kind, id), text.to_owned());
        Ok(())
    }

    fn check_replay(&self, kind: &'static str, id: String, text: &str) -> Result<(), String> {
        let first = self
            .first_answers
            .get(&(kind, id))
            .ok_or("a replay of what was never answered")?;
        let again = as_replay(first);
        if again != text {
            return Err(format!("the replay is not the first answer's bytes: {again}"));
        }
        Ok(())
    }
}

/// The first answer with its flag turned.
fn as_replay(first: &str) -> String {
    match first.split_once("\"replayed\"") {
        Some((before, after)) => format!("{before}\"replayed\"{}", after.replacen("false", "true", 1)),
        None => first.to_owned(),
    }
}

/// An import says `malformed: FIELD: WHY`; the model only that the line is malformed.
fn shorten_line_reasons(got: &mut Value) {
    for error in got
        .get_mut("errors")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let reason = error["reason"].as_str().unwrap_or_default();
        if reason.starts_with("malformed: ") {
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
        Some((before, last)) if in_batch && before.starts_with("authorizations") => last,
        _ => field,
    };
    inside == allowed
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
        assert!(check_problem(&expected, &say("authorizations[3].amount"), false).is_err());
        assert!(check_problem(&expected, &say(""), false).is_err());
        assert!(check_problem(&expected, &json!({ "status": 400, "errors": [] }), false).is_err());
        let whole = json!({ "$problem": 400, "fields": [""] });
        assert!(check_problem(&whole, &say("authorizations[3]"), true).is_ok());
    }
}
