//! Values against the schemas of `/openapi.json`, by jsonschema. What this is stricter in than JSON Schema: a keyword that is not
//! known here is a panic, never a pass, and 1.0 is no integer.

use jsonschema::draft202012;
use satang_core::calendar::Instant;
use serde_json::{Map, Value, json};

/// Checks `value` against a schema of `document`, whose references lead into its components.
///
/// # Errors
/// Where in the value the first fault is, and what it breaks.
///
/// # Panics
/// On a keyword that is not known here, and a reference that leads nowhere.
pub fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    only_known_keywords(schema);
    let shared = document["components"]["schemas"].as_object();
    shared
        .into_iter()
        .flat_map(Map::values)
        .for_each(only_known_keywords);
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let validator = draft202012::options()
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        .with_format("date-time", |text: &str| Instant::parse(text).is_ok())
        .build(&schema)
        .unwrap_or_else(|error| panic!("{error}: {schema}"));
    let value = without_whole_floats(value);
    validator
        .validate(&value)
        .map_err(|error| format!("{}: {error}", error.instance_path()))
}

/// What a reference within the document leads to.
///
/// # Panics
/// When it leads nowhere.
pub fn resolve<'d>(document: &'d Value, reference: &str) -> &'d Value {
    let pointer = reference.strip_prefix('#').expect("it stays in the document");
    document
        .pointer(pointer)
        .unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

/// A misspelt keyword would be no condition at all.
fn only_known_keywords(schema: &Value) {
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        match keyword.as_str() {
            "items" | "not" | "if" | "then" => only_known_keywords(wanted),
            "allOf" | "anyOf" | "oneOf" => wanted
                .as_array()
                .expect("a list")
                .iter()
                .for_each(only_known_keywords),
            "properties" => wanted
                .as_object()
                .expect("by name")
                .values()
                .for_each(only_known_keywords),
            "additionalProperties" => assert_eq!(wanted, false, "an open object says nothing"),
            "$ref" | "description" | "type" | "enum" | "const" | "required" | "minProperties"
            | "maxProperties" | "minItems" | "maxItems" | "uniqueItems" | "pattern" | "minLength"
            | "maxLength" | "format" | "minimum" | "maximum" => {}
            unknown => panic!("the keyword {unknown} is not known here"),
        }
    }
}

/// The value with a fraction in every float that has none: JSON Schema takes 1.0 for an integer, a client need not.
fn without_whole_floats(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.iter().map(without_whole_floats).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            fields
                .map(|(name, value)| (name.clone(), without_whole_floats(value)))
                .collect()
        }
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().expect("it is one");
            json!(if float.fract() == 0.0 { float + 0.5 } else { float })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_held_against_every_keyword() {
        let names = json!({ "names": { "type": "string", "pattern": "^[a-z0-9-]{1,4}$" } });
        let document = json!({ "components": { "schemas": names } });
        let schema = json!({
            "type": "object",
            "properties": {
                "id": { "$ref": "#/components/schemas/names" },
                "amount": { "type": ["integer", "null"], "minimum": 1, "maximum": 5 },
                "many": { "type": "array", "items": { "enum": ["a", "b"] }, "minItems": 1, "maxItems": 2, "uniqueItems": true },
                "when": { "oneOf": [{ "const": 1 }, { "type": "null" }] },
                "rate": { "type": "number", "minimum": 0 },
            },
            "required": ["id"], "additionalProperties": false, "minProperties": 1, "maxProperties": 3,
            "if": { "required": ["when"] }, "then": { "not": { "required": ["many"] } },
        });
        let good = [
            json!({ "id": "a-9" }),
            json!({ "id": "a", "amount": null, "many": ["a", "b"] }),
            json!({ "id": "a", "when": null }),
            json!({ "id": "a", "rate": 0.5 }),
            json!({ "id": "a", "rate": 2 }),
        ];
        for value in good {
            assert_eq!(check(&document, &schema, &value), Ok(()), "{value}");
        }
        let bad = [
            json!([]),
            json!({}),
            json!({ "amount": 1 }),
            json!({ "id": "A" }),
            json!({ "id": "" }),
            json!({ "id": "abcde" }),
            json!({ "id": "a", "x": 1 }),
            json!({ "id": "a", "amount": 0 }),
            json!({ "id": "a", "amount": 6 }),
            json!({ "id": "a", "amount": 1.0 }),
            json!({ "id": "a", "many": [] }),
            json!({ "id": "a", "many": ["a", "a"] }),
            json!({ "id": "a", "many": ["c"] }),
            json!({ "id": "a", "when": 2 }),
            json!({ "id": "a", "rate": -0.5 }),
            json!({ "id": "a", "rate": "1" }),
            json!({ "id": "a", "when": 1, "many": ["a"] }),
        ];
        for value in bad {
            assert!(check(&document, &schema, &value).is_err(), "{value}");
        }
    }

    #[test]
    fn patterns_are_of_the_whole_text() {
        let matches = |pattern: &str, text: &str| {
            check(
                &json!({ "components": {} }),
                &json!({ "pattern": pattern }),
                &json!(text),
            )
            .is_ok()
        };
        let at = r"^[0-9]{2}:[0-9]{2}\.[0-9]{3}\+07:00$";
        assert!(matches(at, "12:30.123+07:00"));
        for wrong in [
            "12:30.123+07:000",
            "12:30x123+07:00",
            " 12:30.123+07:00",
            "12:30.12+07:00",
        ] {
            assert!(!matches(at, wrong), "{wrong}");
        }
        let line = r"^[^\u0000-\u001f\u007f-\u009f]*$";
        assert!(matches(line, "") && matches(line, "ร้านป้าแดง é"));
        assert!(!matches(line, "a\nb") && !matches(line, "\u{85}"));
        assert!(matches("^a[a-z_]+$", "ab_") && !matches("^a[a-z_]+$", "a"));
    }

    #[test]
    fn instants_are_instants() {
        let of = |text: &str| {
            check(
                &json!({ "components": {} }),
                &json!({ "format": "date-time" }),
                &json!(text),
            )
        };
        assert_eq!(of("2026-06-15T12:00:00+07:00"), Ok(()));
        assert!(of("2026-06-31T12:00:00+07:00").is_err() && of("noon").is_err());
    }

    #[test]
    #[should_panic(expected = "the keyword minimun is not known here")]
    fn a_misspelt_keyword_is_no_pass() {
        drop(check(
            &json!({}),
            &json!({ "items": { "minimun": 1 } }),
            &json!([]),
        ));
    }
}
