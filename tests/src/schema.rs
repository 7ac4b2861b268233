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
        // Any bytes are.
        .with_format("binary", |_: &str| true)
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
