//! How the oracle reads the fields of a body.

use satang_tests::oracle::forms::{
    BadFields, Form, body, check_digit, citizen, digits, integer, parse_uuid, text, uuid_text,
};
use satang_tests::oracle::json::Json;

#[test]
fn a_national_id_carries_its_check_digit() {
    assert_eq!(check_digit("110170023070"), '8');
    assert!(citizen(&Json::Text("1101700230708".into())).is_some());
    assert!(citizen(&Json::Text("1101700230709".into())).is_none());
    assert!(citizen(&Json::Text("110170023070".into())).is_none());
}

#[test]
fn a_uuid_is_hyphenated_and_of_either_case() {
    let id = parse_uuid("0197A1D2-0f6e-7c3a-8B1e-3f5d2c9a7e10").unwrap();
    assert_eq!(uuid_text(id), "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10");
    for wrong in [
        "0197a1d20f6e7c3a8b1e3f5d2c9a7e10",
        "{0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10}",
        "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e1",
        "+197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10",
        "",
    ] {
        assert_eq!(parse_uuid(wrong), None, "{wrong}");
    }
}

#[test]
fn every_fault_is_collected_by_name() {
    let value = body(r#"{"a":1,"b":"x","a":2,"d":null}"#).unwrap();
    let mut form = Form::open(&value).unwrap();
    form.required("a", integer(1, 9));
    form.required("b", digits(1));
    form.required("c", text);
    form.optional("d", text);
    assert_eq!(
        form.finish(()).unwrap_err(),
        BadFields::from(["a", "b", "c", "d"].map(String::from))
    );
}

#[test]
fn of_some_fields_exactly_one_must_be_there() {
    let faults = |text: &str| {
        let value = body(text).unwrap();
        let mut form = Form::open(&value).unwrap();
        form.exactly_one(&["a", "b", "c"]);
        for name in ["a", "b", "c"] {
            form.optional(name, integer(1, 9));
        }
        form.finish(())
            .err()
            .unwrap_or_default()
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(faults("{}"), ["a"]);
    assert_eq!(faults(r#"{"b":1}"#), [""; 0]);
    assert_eq!(faults(r#"{"b":null}"#), ["b"]);
    assert_eq!(faults(r#"{"c":1,"a":1}"#), ["c"]);
    assert_eq!(faults(r#"{"c":1,"b":1,"a":1}"#), ["b"]);
}
