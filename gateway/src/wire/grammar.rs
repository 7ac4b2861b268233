//! The grammar of JSON (RFC 8259), held against a text byte by byte: without recursion and without memory of its own.

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

/// The number that four hexadecimal digits at the front stand for.
pub(super) fn hex_unit(digits: &[u8]) -> Option<u32> {
    digits.get(..4)?.iter().try_fold(0, |unit, digit| {
        Some(unit << 4 | char::from(*digit).to_digit(16)?)
    })
}

/// What may come next in an array or object.
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    CommaOrEnd,
}

/// A place in a text.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
    }

    pub(super) fn skip_space(&mut self) {
        self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// Skips what stands between two values of a checked text.
    pub(super) fn skip_between(&mut self) {
        self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':'));
    }

    fn unexpected(&self) -> JsonError {
        match self.peek() {
            None => JsonError::Ends,
            Some(_) => JsonError::Unexpected { at: self.at },
        }
    }

    /// Skips one value of a checked text.
    pub(super) fn skip_value(&mut self) {
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
                return;
            }
        }
    }

    /// Goes over one value of any kind.
    pub(super) fn check_value(&mut self) -> Result<(), JsonError> {
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
                    if open == b'{' {
                        Expect::KeyOrEnd
                    } else {
                        Expect::ValueOrEnd
                    }
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
                    if objects & 1 == 1 {
                        Expect::Key
                    } else {
                        Expect::Value
                    }
                }
                (Expect::CommaOrEnd, Some(close @ (b']' | b'}')))
                    if (close == b'}') == (objects & 1 == 1) =>
                {
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
        if self.at == start {
            Err(self.unexpected())
        } else {
            Ok(())
        }
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
