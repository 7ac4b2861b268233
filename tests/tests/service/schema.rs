//! What holds answers against `gateway/openapi.json` finds what is not as described.

use satang_tests::schema::check;
use serde_json::json;

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
