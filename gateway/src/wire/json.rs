//! A strict reader of JSON texts (RFC 8259) that keeps them as they were written.
//!
//! [`check`] goes over the text once, without recursion and without memory of its own, and refuses what is no JSON, nested too
//! deep, or escapes half a surrogate pair. A [`Value`] is a span of a checked text: its readers trust the grammar (I10), and
//! look at numbers and keys as they were written, which no ordinary parser keeps.

use std::borrow::Cow;

/// The deepest nesting a body may have; an object of plain fields has depth 1.
pub(super) const DEPTH_MAX: usize = 16;

/// Why a text is no acceptable JSON. Offsets count bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JsonError {
    #[error("is empty")]
    Empty,
    #[error("is not UTF-8 at byte {at}")]
    NotUtf8 { at: usize },
    #[error("is not JSON: it ends too early")]
    Ends,
    #[error("is not JSON at byte {at}")]
    Unexpected { at: usize },
    #[error("has half a surrogate pair at byte {at}")]
    LoneSurrogate { at: usize },
    #[error("is nested deeper than 16 levels at byte {at}")]
    TooDeep { at: usize },
    #[error("goes on after its end, at byte {at}")]
    Trailing { at: usize },
}

/// Checks a whole text: one JSON value, nested at most [`DEPTH_MAX`] levels, and nothing after it but white space.
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
        Some(self.cursor.take_value(self.text))
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
        let key = self.cursor.take_value(self.text).text().expect("a checked key is a string");
        self.cursor.skip_between();
        Some((key, self.cursor.take_value(self.text)))
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

/// The number that four hexadecimal digits at the front stand for.
fn hex_unit(digits: &[u8]) -> Option<u32> {
    digits
        .get(..4)?
        .iter()
        .try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}

/// What may come next in an array or object.
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    CommaOrEnd,
}

#[derive(Clone, Copy)]
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn skip_space(&mut self) {
        self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// Skips what stands between two values of a checked text.
    fn skip_between(&mut self) {
        self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':'));
    }

    fn unexpected(&self) -> JsonError {
        match self.peek() {
            None => JsonError::Ends,
            Some(_) => JsonError::Unexpected { at: self.at },
        }
    }

    /// Takes one value of a checked text.
    fn take_value(&mut self, text: &'a str) -> Value<'a> {
        let start = self.at;
        let mut depth = 0;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.check_string().expect("the text was checked");
                }
                Some(b'[' | b'{') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b']' | b'}') => {
                    depth -= 1;
                    self.at += 1;
                }
                _ => {
                    self.at += 1;
                    if depth == 0 {
                        self.skip_while(|byte| {
                            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-')
                        });
                    }
                }
            }
            if depth == 0 {
                return Value {
                    text: &text[start..self.at],
                };
            }
        }
    }

    /// Goes over one value of any kind.
    fn check_value(&mut self) -> Result<(), JsonError> {
        // Which levels are objects, the innermost in bit 0.
        let (mut objects, mut depth) = (0u32, 0);
        let mut expect = Expect::Value;
        loop {
            self.skip_space();
            expect = match (expect, self.peek()) {
                (Expect::ValueOrEnd, Some(b']')) | (Expect::KeyOrEnd, Some(b'}')) => {
                    self.at += 1;
                    (objects, depth) = (objects >> 1, depth - 1);
                    Expect::CommaOrEnd
                }
                (Expect::Value | Expect::ValueOrEnd, Some(open @ (b'[' | b'{'))) => {
                    if depth == DEPTH_MAX {
                        return Err(JsonError::TooDeep { at: self.at });
                    }
                    self.at += 1;
                    (objects, depth) = (objects << 1 | u32::from(open == b'{'), depth + 1);
                    if open == b'{' { Expect::KeyOrEnd } else { Expect::ValueOrEnd }
                }
                (Expect::Value | Expect::ValueOrEnd, _) => {
                    self.check_scalar()?;
                    Expect::CommaOrEnd
                }
                (Expect::Key | Expect::KeyOrEnd, Some(b'"')) => {
                    self.check_string()?;
                    self.skip_space();
                    self.expect_byte(b':')?;
                    Expect::Value
                }
                (Expect::CommaOrEnd, Some(b',')) => {
                    self.at += 1;
                    if objects & 1 == 1 { Expect::Key } else { Expect::Value }
                }
                (Expect::CommaOrEnd, Some(close @ (b']' | b'}'))) if (close == b'}') == (objects & 1 == 1) => {
                    self.at += 1;
                    (objects, depth) = (objects >> 1, depth - 1);
                    Expect::CommaOrEnd
                }
                (Expect::Key | Expect::KeyOrEnd | Expect::CommaOrEnd, _) => return Err(self.unexpected()),
            };
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn expect_byte(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    fn check_scalar(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => self.check_string(),
            Some(b'-' | b'0'..=b'9') => self.check_number(),
            Some(b'n') => self.check_word(b"null"),
            Some(b't') => self.check_word(b"true"),
            Some(b'f') => self.check_word(b"false"),
            _ => Err(self.unexpected()),
        }
    }

    fn check_word(&mut self, word: &[u8]) -> Result<(), JsonError> {
        word.iter().try_for_each(|byte| self.expect_byte(*byte))
    }

    fn check_number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.check_digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.check_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.check_digits()?;
        }
        Ok(())
    }

    fn check_digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_digit());
        if self.at == start { Err(self.unexpected()) } else { Ok(()) }
    }

    fn check_string(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        loop {
            self.skip_while(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.check_escape()?,
                _ => return Err(self.unexpected()),
            }
        }
    }

    fn check_escape(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => match self.check_unit()? {
                0xD800..0xDC00 => {
                    let lone = JsonError::LoneSurrogate { at: start };
                    if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                        return Err(lone);
                    }
                    self.at += 1;
                    match self.check_unit()? {
                        0xDC00..0xE000 => Ok(()),
                        _ => Err(lone),
                    }
                }
                0xDC00..0xE000 => Err(JsonError::LoneSurrogate { at: start }),
                _ => Ok(()),
            },
            _ => Err(self.unexpected()),
        }
    }

    /// Goes over `u` and four hexadecimal digits.
    fn check_unit(&mut self) -> Result<u32, JsonError> {
        self.at += 1;
        let unit = hex_unit(&self.bytes[self.at..]).ok_or(JsonError::Unexpected { at: self.at })?;
        self.at += 4;
        Ok(unit)
    }
}
