//! An object read field by field: every fault is collected under the name of its field.

use super::json::{self, Kind, Value};
use super::problem::{ERRORS_MAX, FieldError, Problem};
use satang_core::ids::{Name, NationalId};
use std::borrow::Cow;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// Why a value is not accepted, as a sentence without its subject. Never repeats the value.
pub(super) type Reason = Cow<'static, str>;

/// The longest unknown key that is repeated in an answer, in bytes.
const KEY_SHOWN_BYTES_MAX: usize = 64;
/// A key with so many digits may be a citizen's id and is not repeated.
const KEY_SHOWN_DIGITS_END: usize = 13;

/// The whole body: one JSON value.
pub(super) fn body(bytes: &[u8]) -> Result<Value<'_>, Problem> {
    json::check(bytes).map_err(|error| Problem::malformed_field("", error.to_string()))
}

/// An object being read; what is wrong is remembered until [`Form::finish`].
pub(super) struct Form<'a> {
    fields: &'static [&'static str],
    values: Vec<Option<Value<'a>>>,
    faults: Vec<FieldError>,
}

impl<'a> Form<'a> {
    /// Sorts the pairs of an object by the fields it may have; unknown and repeated keys are faults.
    ///
    /// # Errors
    /// When the value is no object.
    pub(super) fn open(value: Value<'a>, fields: &'static [&'static str]) -> Result<Form<'a>, Problem> {
        let pairs = value
            .pairs()
            .ok_or_else(|| Problem::malformed_field("", "must be an object"))?;
        let mut form = Form {
            fields,
            values: vec![None; fields.len()],
            faults: Vec::new(),
        };
        for (key, value) in pairs {
            match fields.iter().position(|field| *field == key) {
                None => form.fault(shown(&key), "is unknown"),
                Some(index) if form.values[index].is_some() => form.fault(&key, "is repeated"),
                Some(index) => form.values[index] = Some(value),
            }
        }
        Ok(form)
    }

    /// Remembers a fault.
    pub(super) fn fault(&mut self, field: &str, reason: impl Into<Reason>) {
        if self.faults.len() < ERRORS_MAX {
            let (field, reason) = (field.to_owned(), reason.into().into_owned());
            self.faults.push(FieldError { field, reason });
        }
    }

    /// A field that must be there.
    pub(super) fn required<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(Value<'a>) -> Result<T, Reason>,
    ) -> Option<T> {
        match self.value(field) {
            Some(value) => self.read(field, value, read),
            None => {
                self.fault(field, "is missing");
                None
            }
        }
    }

    /// A field that may be absent, but not null.
    pub(super) fn optional<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(Value<'a>) -> Result<T, Reason>,
    ) -> Option<T> {
        self.value(field).and_then(|value| self.read(field, value, read))
    }

    /// Which of these fields is there, when it is the only one; none and several are faults.
    pub(super) fn only_one(&mut self, fields: &[&'static str]) -> Option<&'static str> {
        let there: Vec<&'static str> = fields
            .iter()
            .copied()
            .filter(|field| self.value(field).is_some())
            .collect();
        match there.as_slice() {
            [] => {
                self.fault(
                    fields[0],
                    format!("is missing: one of {} is required", fields.join(", ")),
                );
                None
            }
            [one] => Some(one),
            [first, second, ..] => {
                self.fault(second, format!("must not stand beside {first}"));
                None
            }
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// When there was a fault.
    ///
    /// # Panics
    /// When nothing was read although there was no fault.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, Problem> {
        if self.faults.is_empty() {
            Ok(read.expect("a form without faults has every required field"))
        } else {
            Err(Problem::malformed(self.faults))
        }
    }

    fn value(&self, field: &str) -> Option<Value<'a>> {
        let index = self.fields.iter().position(|known| *known == field);
        self.values[index.expect("only fields of the form are asked for")]
    }

    fn read<T>(
        &mut self,
        field: &str,
        value: Value<'a>,
        read: impl FnOnce(Value<'a>) -> Result<T, Reason>,
    ) -> Option<T> {
        read(value).map_err(|reason| self.fault(field, reason)).ok()
    }
}

/// An unknown key as it may be repeated: not when it is long, nor when it may be somebody's id.
fn shown(key: &str) -> &str {
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    if key.len() <= KEY_SHOWN_BYTES_MAX && digits < KEY_SHOWN_DIGITS_END {
        key
    } else {
        ""
    }
}

/// The text of a JSON string.
pub(super) fn text(value: Value<'_>) -> Result<Cow<'_, str>, Reason> {
    value.text().ok_or_else(|| other_kind(value, "must be a string"))
}

/// A string that `parse` makes a value of.
pub(super) fn parsed<T, E: Display>(
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> impl FnOnce(Value<'_>) -> Result<T, Reason> {
    move |value| parse(&text(value)?).map_err(|error| error.to_string().into())
}

/// A string that is one of a few words.
pub(super) fn word<T>(
    parse: impl FnOnce(&str) -> Option<T>,
    reason: &'static str,
) -> impl FnOnce(Value<'_>) -> Result<T, Reason> {
    move |value| parse(&text(value)?).ok_or(Cow::Borrowed(reason))
}

/// A string of so many characters.
pub(super) fn sized(chars: RangeInclusive<usize>) -> impl FnOnce(Value<'_>) -> Result<String, Reason> {
    move |value| {
        let text = text(value)?;
        if chars.contains(&text.chars().count()) {
            Ok(text.into_owned())
        } else {
            Err(format!("must have {} to {} characters", chars.start(), chars.end()).into())
        }
    }
}

/// A free text of so many characters that fits one line: none of them is a control character, and no citizen's id is in it, for it
/// would be stored.
pub(super) fn line(chars: RangeInclusive<usize>) -> impl FnOnce(Value<'_>) -> Result<String, Reason> {
    move |value| {
        let text = sized(chars)(value)?;
        if text.chars().any(char::is_control) {
            Err("must not have control characters".into())
        } else if NationalId::is_in(&text) {
            Err("must not have a national id in it: it would be stored".into())
        } else {
            Ok(text)
        }
    }
}

/// A whole number from 1 to `most`, written without fraction, exponent and sign.
pub(super) fn whole(most: u64) -> impl FnOnce(Value<'_>) -> Result<u64, Reason> {
    move |value| {
        let number = value
            .number()
            .ok_or_else(|| other_kind(value, "must be a number"))?;
        if number.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
            return Err("must be a whole number, without fraction or exponent".into());
        }
        match number.parse() {
            Ok(number) if (1..=most).contains(&number) => Ok(number),
            _ => Err(format!("must be 1 to {most}").into()),
        }
    }
}

/// A list of at most `len_max` names, no two the same.
pub(super) fn names(len_max: usize) -> impl FnOnce(Value<'_>) -> Result<Vec<Name>, Reason> {
    move |value| {
        let elements = value
            .elements()
            .ok_or_else(|| other_kind(value, "must be a list"))?;
        let mut names = Vec::new();
        for element in elements {
            let name = Name::parse(&text(element)?).map_err(|error| error.to_string())?;
            if names.contains(&name) {
                return Err("must not have the same name twice".into());
            }
            if names.len() == len_max {
                return Err(format!("must have at most {len_max} names").into());
            }
            names.push(name);
        }
        Ok(names)
    }
}

fn other_kind(value: Value<'_>, reason: &'static str) -> Reason {
    match value.kind() {
        Kind::Null => "must not be null".into(),
        Kind::Bool | Kind::Number | Kind::Text | Kind::List | Kind::Object => reason.into(),
    }
}
