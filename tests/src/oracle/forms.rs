//! What makes a request well-formed: every field of a body, one check each, all faults collected by name.

use std::collections::BTreeSet;

use super::calendar::Date;
use super::json::{self, Json};

/// The largest bill in satang: one million baht.
pub const BILL_MAX: u128 = 100_000_000;

/// The deepest nesting a body may have.
const DEPTH_MAX: usize = 16;

/// The names of the fields at fault; `""` when the fault lies in no field.
pub type BadFields = BTreeSet<String>;

/// An object being read field by field; what is wrong is remembered until [`Form::finish`].
pub struct Form<'a> {
    pairs: &'a [(String, Json)],
    asked: Vec<&'a str>,
    bad: BadFields,
}

/// Reads a whole body: it must be JSON and not nested too deep.
pub fn body(text: &str) -> Result<Json, BadFields> {
    json::parse(text).ok_or_else(|| BadFields::from([String::new()]))
}

impl<'a> Form<'a> {
    /// Starts on a value, which must be an object.
    pub fn open(value: &'a Json) -> Result<Form<'a>, BadFields> {
        let Json::Object(pairs) = value else {
            return Err(BadFields::from([String::new()]));
        };
        let mut bad = BadFields::new();
        for (index, (key, item)) in pairs.iter().enumerate() {
            if pairs[..index].iter().any(|(earlier, _)| earlier == key) {
                bad.insert(key.clone());
            }
            if json::depth(item) + 1 > DEPTH_MAX {
                // A reader that counts levels before it looks at keys may name the key or nothing.
                bad.extend([key.clone(), String::new()]);
            }
        }
        Ok(Form {
            pairs,
            asked: Vec::new(),
            bad,
        })
    }

    /// Ends the reading: a key nobody asked for is a fault too.
    pub fn finish<T>(mut self, read: T) -> Result<T, BadFields> {
        for (key, _) in self.pairs {
            if !self.asked.contains(&key.as_str()) {
                self.bad.insert(key.clone());
            }
        }
        if self.bad.is_empty() {
            Ok(read)
        } else {
            Err(self.bad)
        }
    }

    /// Demands that exactly one of the fields is there: without any the first is at fault, of several the second.
    pub fn exactly_one(&mut self, names: &[&str]) {
        let is_there = |name: &&&str| self.pairs.iter().any(|(key, _)| key == **name);
        let there: Vec<&&str> = names.iter().filter(is_there).collect();
        match there.as_slice() {
            [] => self.fault(names[0]),
            [_] => {}
            [_, second, ..] => self.fault(second),
        }
    }

    /// Remembers a fault.
    pub fn fault(&mut self, name: &str) {
        self.bad.insert(name.to_owned());
    }

    fn find(&mut self, name: &'a str) -> Option<&'a Json> {
        self.asked.push(name);
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// A field that may be absent; present, `read` must accept it.
    pub fn optional<T>(&mut self, name: &'a str, read: impl Fn(&Json) -> Option<T>) -> Option<T> {
        let value = self.find(name)?;
        let result = read(value);
        if result.is_none() {
            self.fault(name);
        }
        result
    }

    /// A field that must be there and that `read` must accept. The stand-in after a fault is never used.
    pub fn required<T: Default>(&mut self, name: &'a str, read: impl Fn(&Json) -> Option<T>) -> T {
        let result = self.find(name).and_then(read);
        if result.is_none() {
            self.fault(name);
        }
        result.unwrap_or_default()
    }
}

/// A whole number between two bounds, both included.
pub fn integer(low: u128, high: u128) -> impl Fn(&Json) -> Option<u128> {
    move |value| match value {
        Json::Integer(number) => u128::try_from(*number)
            .ok()
            .filter(|number| (low..=high).contains(number)),
        _ => None,
    }
}

/// Any string.
pub fn text(value: &Json) -> Option<String> {
    match value {
        Json::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// A UUID in its hyphenated form, as 128 bits.
pub fn uuid(value: &Json) -> Option<u128> {
    text(value).and_then(|text| parse_uuid(&text))
}

/// Exactly `count` ASCII digits.
pub fn digits(count: usize) -> impl Fn(&Json) -> Option<String> {
    move |value| text(value).filter(|text| is_digits(text, count))
}

/// A text of `from` to `to` characters.
pub fn text_of(from: usize, to: usize) -> impl Fn(&Json) -> Option<String> {
    move |value| text(value).filter(|text| (from..=to).contains(&text.chars().count()))
}

/// A label of `from` to `to` characters, none of them a control character, and nobody's national id in it.
pub fn label_of(from: usize, to: usize) -> impl Fn(&Json) -> Option<String> {
    move |value| {
        let text = text_of(from, to)(value)?;
        let fits = !text.chars().any(char::is_control) && !names_a_citizen(&text);
        fits.then_some(text)
    }
}

/// Whether thirteen digits in a row, at most one space or dash between two of them, are a citizen's.
fn names_a_citizen(text: &str) -> bool {
    let ascii = |char: char| match "๐๑๒๓๔๕๖๗๘๙".chars().position(|thai| thai == char) {
        Some(value) => char::from_digit(value as u32, 10).expect("below ten"),
        None => char,
    };
    // Two separators in a row, or anything else, end a row of digits.
    let marked: String = text.chars().map(ascii).collect();
    let marked = marked.replace(['-', ' '], "-").replace("--", "|");
    let mut rows = marked.split(|char: char| !char.is_ascii_digit() && char != '-');
    rows.any(|row| {
        let digits = row.replace('-', "");
        is_digits(&digits, 13)
            && digits.starts_with(|first| ('1'..='8').contains(&first))
            && digits.ends_with(check_digit(&digits[..12]))
    })
}

/// Why the desk does something: at least one character.
pub fn reason(value: &Json) -> Option<String> {
    label_of(1, 500)(value)
}

/// A day, in the years that requests may name.
pub fn day(value: &Json) -> Option<Date> {
    text(value)
        .and_then(|text| Date::parse(&text))
        .filter(|date| (2000..=2170).contains(&date.year))
}

/// A programme, channel or list name.
pub fn name(value: &Json) -> Option<String> {
    text(value).filter(|text| is_name(text))
}

/// A list of names, none twice.
pub fn names(value: &Json) -> Option<Vec<String>> {
    let Json::List(items) = value else { return None };
    let names: Vec<String> = items.iter().map(name).collect::<Option<_>>()?;
    let different: std::collections::BTreeSet<&String> = names.iter().collect();
    (different.len() == names.len()).then_some(names)
}

/// One of the given words.
pub fn one_of(words: &'static [&'static str]) -> impl Fn(&Json) -> Option<String> {
    move |value| text(value).filter(|text| words.contains(&text.as_str()))
}

/// A national id: 13 digits, the last of which makes the weighted sum fit.
pub fn citizen(value: &Json) -> Option<String> {
    text(value).filter(|text| is_digits(text, 13) && text.ends_with(check_digit(&text[..12])))
}

/// The thirteenth digit that belongs after twelve others: weights 13 down to 2, modulo 11.
pub fn check_digit(twelve: &str) -> char {
    let sum: u32 = twelve
        .bytes()
        .zip((2..=13).rev())
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum();
    char::from_digit((11 - sum % 11) % 10, 10).expect("a remainder of ten is one digit")
}

/// Whether the text is exactly that many ASCII digits.
pub fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the text is 1–64 of `a-z 0-9 -`.
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Reads `8-4-4-4-12` hexadecimal digits of either case.
pub fn parse_uuid(text: &str) -> Option<u128> {
    let parts: Vec<&str> = text.split('-').collect();
    if parts.iter().map(|part| part.len()).collect::<Vec<_>>() != [8, 4, 4, 4, 12] {
        return None;
    }
    let hex: String = parts.concat();
    if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(&hex, 16).ok()
}

/// Writes a UUID in lower case.
pub fn uuid_text(id: u128) -> String {
    let hex = format!("{id:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[0..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..32]
    )
}
