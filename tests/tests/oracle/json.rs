//! How the oracle reads JSON.

use satang_tests::oracle::json::{Json, depth, parse};

#[test]
fn a_text_is_kept_as_it_was_written() {
    assert_eq!(
        parse(r#"{"a":1,"a":1.0}"#),
        Some(Json::Object(vec![
            ("a".into(), Json::Integer(1)),
            ("a".into(), Json::OtherNumber)
        ]))
    );
    assert_eq!(parse("1e2"), Some(Json::OtherNumber));
    assert_eq!(
        parse("9007199254740993"),
        Some(Json::Integer(9_007_199_254_740_993))
    );
    assert_eq!(parse("100000000000000000000000"), Some(Json::OtherNumber));
    assert_eq!(parse("{} x"), None);
    assert_eq!(parse(""), None);
    assert_eq!(parse("01"), None);
    assert_eq!(depth(&parse("[[1],[[2]]]").unwrap()), 3);
}
