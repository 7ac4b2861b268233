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
pub use self::keys::keys_of;

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
pub fn own_id(answer: &Value) -> (&'static str, String) {
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
pub fn is_kept(answer: &Value) -> bool {
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
pub fn contains(part: &Value, got: &Value) -> Result<(), String> {
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

pub fn check_problem(expected: &Value, got: &Value, in_batch: bool) -> Result<(), String> {
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
pub fn split_results(text: &str) -> Option<Vec<&str>> {
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
