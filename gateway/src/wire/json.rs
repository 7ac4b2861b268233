//! JSON texts kept as they were written.
//!
//! [`check`] holds a whole text against the grammar, and refuses what is nested too deep or escapes half a surrogate pair. A
//! [`Value`] is a span of a checked text: its readers trust the grammar (I10), and look at numbers and repeated keys as they
//! were written, which no ordinary parser keeps.

use super::grammar::{Cursor, JsonError, hex_unit};
use std::borrow::Cow;

/// Checks a whole text: one JSON value and nothing after it but white space.
///
/// # Errors
/// [`JsonError`] names the first place that is wrong.
pub(super) fn check(bytes: &[u8]) -> Result<Value<'_>, JsonError> {
    let text = core::str::from_utf8(bytes).map_err(|error| JsonError::NotUtf8 {
        at: error.valid_up_to(),
    })?;
    let mut cursor = Cursor { bytes, at: 0 };
    cursor.skip_space();
    if cursor.peek().is_none() {
        return Err(JsonError::Empty);
    }
    let start = cursor.at;
    cursor.check_value()?;
    let end = cursor.at;
    cursor.skip_space();
    match cursor.peek() {
        None => Ok(Value {
            text: &text[start..end],
        }),
        Some(_) => Err(JsonError::Trailing { at: cursor.at }),
    }
}

/// What a value is, told by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Number,
    Text,
    List,
    Object,
}

/// One value within a checked text, without the white space around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    text: &'a str,
}

impl<'a> Value<'a> {
    pub(super) fn kind(self) -> Kind {
        match self.text.as_bytes()[0] {
            b'n' => Kind::Null,
            b't' | b'f' => Kind::Bool,
            b'"' => Kind::Text,
            b'[' => Kind::List,
            b'{' => Kind::Object,
            _ => Kind::Number,
        }
    }

    /// A string with its escapes resolved; `None` for another kind.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        (self.kind() == Kind::Text).then(|| unescape(&self.text[1..self.text.len() - 1]))
    }

    /// A number as it was written; `None` for another kind.
    pub(super) fn number(self) -> Option<&'a str> {
        (self.kind() == Kind::Number).then_some(self.text)
    }

    /// The elements of an array; `None` for another kind.
    pub(super) fn elements(self) -> Option<Elements<'a>> {
        (self.kind() == Kind::List).then_some(Elements {
            text: self.text,
            cursor: inside(self.text),
        })
    }

    /// The pairs of an object in the order they were written; `None` for another kind.
    pub(super) fn pairs(self) -> Option<Pairs<'a>> {
        (self.kind() == Kind::Object).then_some(Pairs {
            text: self.text,
            cursor: inside(self.text),
        })
    }
}

/// A cursor behind the bracket that opens an array or object.
fn inside(text: &str) -> Cursor<'_> {
    Cursor {
        bytes: text.as_bytes(),
        at: 1,
    }
}

/// Takes the value at the cursor.
fn take_value<'a>(cursor: &mut Cursor<'a>, text: &'a str) -> Value<'a> {
    let start = cursor.at;
    cursor.skip_value();
    Value {
        text: &text[start..cursor.at],
    }
}

/// The elements of an array.
pub(super) struct Elements<'a> {
    text: &'a str,
    cursor: Cursor<'a>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.cursor.skip_between();
        if self.cursor.peek() == Some(b']') {
            return None;
        }
        Some(take_value(&mut self.cursor, self.text))
    }
}

/// The pairs of an object; keys have their escapes resolved, repeated ones come again.
pub(super) struct Pairs<'a> {
    text: &'a str,
    cursor: Cursor<'a>,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Cow<'a, str>, Value<'a>);

    fn next(&mut self) -> Option<(Cow<'a, str>, Value<'a>)> {
        self.cursor.skip_between();
        if self.cursor.peek() == Some(b'}') {
            return None;
        }
        let key = take_value(&mut self.cursor, self.text).text();
        let key = key.expect("a checked key is a string");
        self.cursor.skip_between();
        Some((key, take_value(&mut self.cursor, self.text)))
    }
}

/// The contents of a checked string.
fn unescape(raw: &str) -> Cow<'_, str> {
    let Some(first) = raw.find('\\') else {
        return Cow::Borrowed(raw);
    };
    let mut text = String::with_capacity(raw.len());
    text.push_str(&raw[..first]);
    let mut rest = &raw[first..];
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (character, len) = resolve_escape(&rest.as_bytes()[at + 1..]);
        text.push(character);
        rest = &rest[at + 1 + len..];
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The character of a checked escape, and how many bytes follow the backslash.
fn resolve_escape(escape: &[u8]) -> (char, usize) {
    match escape[0] {
        b'b' => ('\u{8}', 1),
        b'f' => ('\u{c}', 1),
        b'n' => ('\n', 1),
        b'r' => ('\r', 1),
        b't' => ('\t', 1),
        b'u' => {
            let unit = |at: usize| hex_unit(&escape[at..]).expect("a checked escape has four digits");
            let high = unit(1);
            match char::from_u32(high) {
                Some(character) => (character, 5),
                None => {
                    let code = 0x1_0000 + ((high - 0xD800) << 10) + (unit(7) - 0xDC00);
                    (char::from_u32(code).expect("a checked pair is a character"), 11)
                }
            }
        }
        other => (char::from(other), 1),
    }
}
