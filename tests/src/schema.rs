//! JSON Schema, as much of it as the product's own description uses. What it does not know is a panic, never a pass.

use satang_core::calendar::Instant;
use serde_json::Value;

/// Checks `value` against a schema of `document`, whose references lead into it.
///
/// # Errors
/// Where in the value the first fault is, and what it breaks.
///
/// # Panics
/// On a keyword that is not known here, and a reference that leads nowhere.
pub fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let Some(keywords) = schema.as_object() else {
        panic!("a schema is an object: {schema}");
    };
    for (keyword, wanted) in keywords {
        let holds = match keyword.as_str() {
            "description" => true,
            "$ref" => {
                check(document, resolve(document, text(wanted)), value)?;
                true
            }
            "type" => types(wanted).any(|kind| is_of_type(value, kind)),
            "enum" => list(wanted).contains(value),
            "const" => wanted == value,
            "allOf" => {
                list(wanted)
                    .iter()
                    .try_for_each(|part| check(document, part, value))?;
                true
            }
            "anyOf" => list(wanted)
                .iter()
                .any(|part| check(document, part, value).is_ok()),
            "oneOf" => {
                let fitting = list(wanted)
                    .iter()
                    .filter(|part| check(document, part, value).is_ok());
                fitting.count() == 1
            }
            "not" => check(document, wanted, value).is_err(),
            "if" => {
                check(document, wanted, value).is_err() || check(document, &schema["then"], value).is_ok()
            }
            "then" => keywords.contains_key("if"),
            "properties" | "required" | "additionalProperties" | "minProperties" | "maxProperties" => {
                check_object(document, schema, keyword, wanted, value)?
            }
            "items" | "minItems" | "maxItems" | "uniqueItems" => {
                check_list(document, keyword, wanted, value)?
            }
            "pattern" | "minLength" | "maxLength" | "format" => check_text(keyword, wanted, value),
            "minimum" => value.as_f64().is_none_or(|number| number >= bound(wanted) as f64),
            "maximum" => value.as_f64().is_none_or(|number| number <= bound(wanted) as f64),
            unknown => panic!("the keyword {unknown} is not known here"),
        };
        if !holds {
            return Err(format!("{value} breaks {keyword}: {wanted}"));
        }
    }
    Ok(())
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

fn check_object(
    document: &Value,
    schema: &Value,
    keyword: &str,
    wanted: &Value,
    value: &Value,
) -> Result<bool, String> {
    let Some(object) = value.as_object() else {
        return Ok(true);
    };
    Ok(match keyword {
        "properties" => {
            for (name, schema) in wanted.as_object().expect("schemas by name") {
                if let Some(value) = object.get(name) {
                    check(document, schema, value).map_err(|fault| format!("{name}: {fault}"))?;
                }
            }
            true
        }
        "required" => list(wanted).iter().all(|name| object.contains_key(text(name))),
        "additionalProperties" => {
            assert_eq!(wanted, false, "an open object says nothing");
            object.keys().all(|name| schema["properties"].get(name).is_some())
        }
        "minProperties" => object.len() as i64 >= bound(wanted),
        _ => object.len() as i64 <= bound(wanted),
    })
}

fn check_list(document: &Value, keyword: &str, wanted: &Value, value: &Value) -> Result<bool, String> {
    let Some(elements) = value.as_array() else {
        return Ok(true);
    };
    Ok(match keyword {
        "items" => {
            for (index, element) in elements.iter().enumerate() {
                check(document, wanted, element).map_err(|fault| format!("[{index}] {fault}"))?;
            }
            true
        }
        "minItems" => elements.len() as i64 >= bound(wanted),
        "maxItems" => elements.len() as i64 <= bound(wanted),
        _ => (1..elements.len()).all(|at| !elements[..at].contains(&elements[at])),
    })
}

fn check_text(keyword: &str, wanted: &Value, value: &Value) -> bool {
    let Some(value) = value.as_str() else {
        return true;
    };
    match keyword {
        "pattern" => matches(text(wanted), value),
        "minLength" => value.chars().count() as i64 >= bound(wanted),
        "maxLength" => value.chars().count() as i64 <= bound(wanted),
        _ => {
            assert_eq!(wanted, "date-time", "the only format there is");
            Instant::parse(value).is_ok()
        }
    }
}

fn types(wanted: &Value) -> impl Iterator<Item = &str> {
    let one = wanted.as_str();
    one.into_iter()
        .chain(wanted.as_array().into_iter().flatten().map(text))
}

fn is_of_type(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        unknown => panic!("the type {unknown} is not known here"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn bound(value: &Value) -> i64 {
    value.as_i64().expect("a whole number")
}

/// One character of a pattern, and how often it may stand.
struct Piece {
    ranges: Vec<(char, char)>,
    negated: bool,
    least: usize,
    most: usize,
}

/// Whether the whole text is of a pattern `^…$` of characters, classes and counts; no groups and no alternatives.
fn matches(pattern: &str, text: &str) -> bool {
    let inner = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'));
    let mut rest = inner
        .expect("a pattern is anchored at both ends")
        .chars()
        .peekable();
    let mut pieces = Vec::new();
    while let Some(first) = rest.next() {
        assert!(!"()|.^$?".contains(first), "{first} is not known in {pattern}");
        let (mut ranges, mut negated) = (Vec::new(), false);
        if first == '[' {
            negated = rest.next_if_eq(&'^').is_some();
            while rest.next_if_eq(&']').is_none() {
                let from = rest.next().expect("a class ends");
                let from = if from == '\\' { escaped(&mut rest) } else { from };
                // A hyphen at the end of a class is itself.
                let mut ahead = rest.clone();
                let to = if ahead.next_if_eq(&'-').is_some() && ahead.peek() != Some(&']') {
                    rest.next();
                    let to = rest.next().expect("a range ends");
                    if to == '\\' { escaped(&mut rest) } else { to }
                } else {
                    from
                };
                ranges.push((from, to));
            }
        } else {
            let only = if first == '\\' { escaped(&mut rest) } else { first };
            ranges.push((only, only));
        }
        let (least, most) = count(&mut rest);
        pieces.push(Piece {
            ranges,
            negated,
            least,
            most,
        });
    }
    fits(&pieces, &text.chars().collect::<Vec<_>>())
}

type Rest<'p> = std::iter::Peekable<std::str::Chars<'p>>;

fn escaped(rest: &mut Rest<'_>) -> char {
    match rest.next().expect("something is escaped") {
        'u' => {
            let digits: String = rest.take(4).collect();
            let code = u32::from_str_radix(&digits, 16).expect("four hexadecimal digits");
            char::from_u32(code).expect("a character")
        }
        only => {
            assert!(only.is_ascii_punctuation(), "\\{only} is not known here");
            only
        }
    }
}

fn count(rest: &mut Rest<'_>) -> (usize, usize) {
    if rest.next_if_eq(&'+').is_some() {
        (1, usize::MAX)
    } else if rest.next_if_eq(&'*').is_some() {
        (0, usize::MAX)
    } else if rest.next_if_eq(&'{').is_some() {
        let inner: String = rest.by_ref().take_while(|c| *c != '}').collect();
        let (least, most) = inner.split_once(',').unwrap_or((&inner, &inner));
        (least.parse().expect("a count"), most.parse().expect("a count"))
    } else {
        (1, 1)
    }
}

fn fits(pieces: &[Piece], text: &[char]) -> bool {
    let Some((piece, rest)) = pieces.split_first() else {
        return text.is_empty();
    };
    let is_in = |c: &&char| piece.ranges.iter().any(|(from, to)| (from..=to).contains(c)) != piece.negated;
    let run = text.iter().take_while(is_in).count().min(piece.most);
    (piece.least..=run).rev().any(|taken| fits(rest, &text[taken..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_held_against_every_keyword() {
        let document = json!({ "names": { "type": "string", "pattern": "^[a-z0-9-]{1,4}$" } });
        let schema = json!({
            "type": "object",
            "properties": {
                "id": { "$ref": "#/names" },
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
}
