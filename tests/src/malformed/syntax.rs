//! Bodies that are no JSON object, or no JSON, or no text: no field can be named.

use super::{Case, Shape};

/// Arrays in arrays.
pub fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

/// What follows the end of a good body.
const TRAILING: [&str; 10] = [
    "x", "{}", ",", "]", "}", " 1", "\u{0}", "//", "\u{a0}", "\u{feff}",
];

/// What may not stand at the front of an object, in place of its first brace.
const FRONTS: [&str; 38] = [
    "",
    "{,",
    "{{",
    "[",
    "({",
    "\u{feff}{",
    "{'a':1,",
    "{a:1,",
    "{1:1,",
    "{null:1,",
    "{\"a\",",
    "{\"a\" 1,",
    "{\"a\"::1,",
    "{\"a\":,",
    "{\"a\":01,",
    "{\"a\":-,",
    "{\"a\":+1,",
    "{\"a\":1.,",
    "{\"a\":.5,",
    "{\"a\":1e,",
    "{\"a\":1e+,",
    "{\"a\":0x1,",
    "{\"a\":NaN,",
    "{\"a\":Infinity,",
    "{\"a\":True,",
    "{\"a\":nulll,",
    "{\"a\":undefined,",
    "{\"a\":[1,],",
    "{\"a\":[,1],",
    "{\"a\":[1 2],",
    "{\"a\":[1},",
    "{\"a\":{\"b\":1,},",
    "{\"\\x\":1,",
    "{\"\\u00zz\":1,",
    "{\"\t\":1,",
    "{\"\u{0}\":1,",
    "{/**/",
    "{\"a\":\"\\",
];

/// Halves of surrogate pairs.
const LONE: [&str; 6] = [
    "\\ud800",
    "\\udc00",
    "\\udfff",
    "\\ud800\\u0041",
    "\\ud800\\ud800",
    "\\udbffx",
];

/// What is no UTF-8: never a byte, a byte that continues nothing, too long, a surrogate, past the last, cut short.
const NO_UTF8: [&[u8]; 8] = [
    &[0xFF],
    &[0x80],
    &[0xC0, 0xAF],
    &[0xE0, 0x80, 0xAF],
    &[0xED, 0xA0, 0x80],
    &[0xF4, 0x90, 0x80, 0x80],
    &[0xF5],
    &[0xE0, 0xB8],
];

/// Good bodies broken in every way a text can be.
pub fn broken_texts(shape: &Shape) -> Vec<Case> {
    let good = shape.good();
    let mut cases = Vec::new();
    let mut add = |what: String, body: Vec<u8>| cases.push(Case::new(what, body, &[""]));
    if !shape.is_line() {
        // An empty line of an import is no line.
        for empty in ["", " ", "\r\n\t "] {
            if !(empty.is_empty() && shape.may_be_absent()) {
                add(format!("{empty:?}"), empty.into());
            }
        }
    }
    for other in ["null", "true", "5", "\"x\"", "[]", "[{}]", "{", "}", "nul", "{,}"] {
        add(other.to_owned(), other.into());
    }
    add("in an array".into(), format!("[{good}]").into());
    for trailing in TRAILING {
        add(
            format!("followed by {trailing:?}"),
            format!("{good}{trailing}").into(),
        );
    }
    for front in FRONTS {
        add(
            format!("begins {front:?}"),
            format!("{front}{}", &good[1..]).into(),
        );
    }
    for lone in LONE {
        add(
            format!("key {lone}"),
            format!("{{\"{lone}\":1,{}", &good[1..]).into(),
        );
        add(
            format!("value {lone}"),
            format!("{{\"extra\":\"{lone}\",{}", &good[1..]).into(),
        );
    }
    for end in (1..good.len()).step_by(11) {
        add(format!("cut at {end}"), good.as_bytes()[..end].into());
    }
    for (number, at) in (0..=good.len()).step_by(5).enumerate() {
        let broken = NO_UTF8[number % NO_UTF8.len()];
        let body = [&good.as_bytes()[..at], broken, &good.as_bytes()[at..]].concat();
        add(format!("{broken:x?} at {at}"), body);
    }
    add(
        "17 levels".into(),
        format!("{{\"extra\":{},{}", nested(16), &good[1..]).into(),
    );
    cases
}

/// Bodies nested far too deep, closed and open, alone and in a field.
pub fn deep(shape: &Shape, levels: usize) -> Vec<Case> {
    let good = shape.good();
    let objects = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let named = format!("{}1", format!("{{\"{}\":", shape.fields[0].name).repeat(levels));
    let in_field = format!("{{\"{}\":{},{}", shape.fields[0].name, nested(levels), &good[1..]);
    let bodies = [
        nested(levels),
        "[".repeat(levels),
        objects,
        named,
        in_field,
        "[{\"a\":".repeat(levels / 2),
    ];
    let case = |body: String| Case::new(format!("{levels} levels: {:.30}", body), body, &[""]);
    bodies.into_iter().map(case).collect()
}
