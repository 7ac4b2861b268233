//! What a shape says of itself, and what it becomes.

use crate::json::Json;
use crate::shape::{Nullable, Schemas, Shape, Text, part, shape, words};
use crate::{Name, schemas};
use serde_json::json;

shape! {
    /// A thing.
    pub struct Thing {
        /// What it is
        /// called.
        pub name: Name,
        pub r#type: Option<Text>,
        pub size: Nullable<u64>,
        pub owner: Nullable<Name>,
        pub parts: Vec<Part>,
    }
}

part! {
    /// A part of it.
    pub struct Part {
        pub state: State,
    }
}

words! {
    /// How it is.
    pub enum State {
        New = "new",
        Old = "old",
    }
}

fn value(json: &Json) -> serde_json::Value {
    serde_json::to_value(json).unwrap()
}

fn thing() -> Thing {
    Thing {
        name: "a".into(),
        r#type: None,
        size: None.into(),
        owner: Some("b".into()).into(),
        parts: vec![Part { state: State::Old }],
    }
}

#[test]
fn what_is_absent_is_left_out_and_what_is_nothing_is_null() {
    let written = serde_json::to_string(&thing()).unwrap();
    assert_eq!(
        written,
        r#"{"name":"a","size":null,"owner":"b","parts":[{"state":"old"}]}"#
    );
    assert_eq!(serde_json::from_str::<Thing>(&written).unwrap(), thing());
    let with_more = written.replace("{\"name\"", "{\"more\":1,\"name\"");
    assert_eq!(
        serde_json::from_str::<Thing>(&with_more).unwrap(),
        thing(),
        "a later server may say more"
    );
}

#[test]
fn a_schema_says_what_may_be_absent_and_what_may_be_null() {
    let mut schemas = Schemas::new();
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    assert_eq!(value(&Thing::schema(&mut schemas)), reference("Thing"));
    assert_eq!(
        value(&schemas["Thing"]),
        json!({
            "type": "object",
            "properties": {
                "name": { "allOf": [reference("Name")], "description": "What it is called." },
                "type": { "type": "string" },
                "size": { "type": ["integer", "null"], "minimum": 0 },
                "owner": { "oneOf": [reference("Name"), { "type": "null" }] },
                "parts": { "type": "array", "items": {
                    "type": "object",
                    "properties": { "state": { "type": "string", "enum": ["new", "old"] } },
                    "required": ["state"],
                } },
            },
            "required": ["name", "size", "owner", "parts"],
            "description": "A thing.",
        })
    );
    assert_eq!(Vec::from_iter(schemas.keys()), [&"Thing", &"Name"]);
}

#[test]
fn what_is_laid_over_replaces_values_and_leaves_the_rest() {
    let read = |text: &str| serde_json::from_str::<Json>(text).unwrap();
    let mut below = read(r#"{"b":{"y":1,"x":2},"a":[1,2],"allOf":[{"p":1},{"q":1}]}"#);
    below.lay_over(&read(
        r#"{"a":[3],"b":{"z":3,"y":4},"allOf":[{},{"r":1}],"c":null}"#,
    ));
    assert_eq!(
        serde_json::to_string(&below).unwrap(),
        r#"{"b":{"y":4,"x":2,"z":3},"a":[3],"allOf":[{"p":1},{"q":1,"r":1}],"c":null}"#,
        "keys stay in their order"
    );
}

#[test]
fn every_reference_leads_to_a_schema() {
    let schemas = schemas();
    let text = serde_json::to_string(&schemas).unwrap();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
}
