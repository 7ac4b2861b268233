//! Malformed requests, generated: every body of the contract with every field wrong in every way its kind can be, and every
//! body broken as a text. Each comes with the fields that the answer must name.

mod listed;
mod shapes;
mod syntax;
mod transport;
mod values;

pub use listed::wrong_listed;
pub use shapes::{REGISTRATION_ID, SHAPES, Shape, TXN_ID, Takes};
pub use syntax::{broken_texts, deep, nested};
pub use transport::{Raw, raw};

/// A malformed body and what the answer must say of it.
pub struct Case {
    /// The body (or line, or element).
    pub body: Vec<u8>,
    /// The fields at fault, sorted; one empty name when none can be named.
    pub fields: Vec<String>,
    /// What was done to it.
    pub what: String,
}

impl Case {
    pub(crate) fn new(what: impl Into<String>, body: impl Into<Vec<u8>>, fields: &[&str]) -> Case {
        let mut fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        fields.sort();
        Case {
            body: body.into(),
            fields,
            what: what.into(),
        }
    }
}

/// Bodies that are JSON objects of the right text but wrong in one field.
pub fn wrong_fields(shape: &Shape) -> Vec<Case> {
    let mut cases = Vec::new();
    let good = shape.pairs();
    for (at, field) in shape.fields.iter().enumerate() {
        let mut add = |what: &str, pairs: &[(String, String)], fields: &[&str]| {
            cases.push(Case::new(format!("{} {what}", field.name), object(pairs), fields));
        };
        let mut without = good.clone();
        without.remove(at);
        if field.required {
            add("missing", &without, &[field.name]);
        }
        let mut twice = good.clone();
        twice.push(twice[at].clone());
        add("repeated", &twice, &[field.name]);
        let mut twice = good.clone();
        twice.insert(0, (field.name.to_owned(), "null".to_owned()));
        add("repeated, first null", &twice, &[field.name, field.name]);
        let mut escaped = good.clone();
        let key = format!("\\u{:04x}{}", field.name.as_bytes()[0], &field.name[1..]);
        escaped.push((key, field.good.to_owned()));
        add("repeated under an escaped key", &escaped, &[field.name]);
        let mut other_case = good.clone();
        other_case[at].0 = field.name.to_ascii_uppercase();
        let upper = field.name.to_ascii_uppercase();
        let both = [upper.as_str(), field.name];
        add(
            "in capitals",
            &other_case,
            &both[..1 + usize::from(field.required)],
        );
        for value in values::refused(field.takes) {
            let mut wrong = good.clone();
            wrong[at].1 = value;
            let shown: String = wrong[at].1.chars().take(60).collect();
            add(&format!("is {shown}"), &wrong, &[field.name]);
        }
    }
    for key in ["extra", "txnId", "$schema", "__proto__", "amount ", "", "ก"] {
        let mut more = good.clone();
        more.push((key.to_owned(), "1".to_owned()));
        cases.push(Case::new(format!("unknown key {key:?}"), object(&more), &[key]));
    }
    cases
}

pub(crate) fn object(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}}}", pairs.join(","))
}
