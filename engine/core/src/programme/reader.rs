//! Reads TOML values strictly: every value knows its line and its dotted key, and every refusal says what to write. Files other
//! than programmes are read with it, too.

use super::{ENTRIES_MAX, PolicyError};
use crate::calendar::{BusinessDate, Hours, Instant};
use crate::ids::{IdError, Name};
use toml::de::{DeTable, DeValue};

/// The longest free text, like a programme's name, in characters (I12).
const LINE_CHARS_MAX: usize = 200;
/// The longest part of a wrong text that a reason repeats, in characters.
const SHOWN_CHARS_MAX: usize = 80;

/// The file being read.
pub struct Source<'a> {
    /// How errors name it.
    pub file: &'a str,
    pub text: &'a str,
}

impl Source<'_> {
    /// The line of a byte offset, from 1. An offset past the last character belongs to the last line with text.
    pub fn line(&self, at: usize) -> usize {
        let end = at.min(self.text.trim_end().len());
        1 + self.text.as_bytes()[..end]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count()
    }

    /// A refusal of what stands at a byte offset.
    pub fn error(&self, at: usize, key: &str, reason: impl Into<String>) -> PolicyError {
        PolicyError {
            file: self.file.into(),
            line: self.line(at),
            key: key.into(),
            reason: reason.into(),
        }
    }
}

/// A table of the file, with no key that the schema does not know.
pub struct Table<'a> {
    source: &'a Source<'a>,
    /// Where it begins: its header, its `{`, or the file's first byte.
    at: usize,
    path: String,
    entries: &'a DeTable<'a>,
}

impl<'a> Table<'a> {
    /// The whole file. `known` names the keys, with a space between them.
    ///
    /// # Errors
    /// For a key that is not among them.
    pub fn root(
        source: &'a Source<'a>,
        entries: &'a DeTable<'a>,
        known: &str,
    ) -> Result<Table<'a>, PolicyError> {
        Table {
            source,
            at: 0,
            path: String::new(),
            entries,
        }
        .knowing(known)
    }

    fn knowing(self, known: &str) -> Result<Table<'a>, PolicyError> {
        let is_known = |key: &str| known.split(' ').any(|known| known == key);
        let unknown = self.entries.keys().filter(|key| !is_known(key.get_ref()));
        match unknown.min_by_key(|key| key.span().start) {
            Some(key) => {
                let reason = format!("unknown key; the keys here are {}", known.replace(' ', ", "));
                Err(self
                    .source
                    .error(key.span().start, &self.path_of(key.get_ref()), reason))
            }
            None => Ok(self),
        }
    }

    fn path_of(&self, key: &str) -> String {
        let bare = !key.is_empty()
            && key
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let key = if bare { key.to_owned() } else { shown(key) };
        if self.path.is_empty() {
            key
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The value of an optional key.
    pub fn find(&self, key: &str) -> Option<Value<'a>> {
        let value = self.entries.get(key)?;
        Some(Value {
            source: self.source,
            at: value.span().start,
            path: self.path_of(key),
            value: value.get_ref(),
        })
    }

    /// The value of a required key.
    pub fn need(&self, key: &str) -> Result<Value<'a>, PolicyError> {
        self.find(key)
            .ok_or_else(|| self.error(key, "missing; this key is required"))
    }

    /// Every key with its value, in the order of the file.
    pub fn entries(&self) -> Vec<(&'a str, Value<'a>)> {
        let mut keys: Vec<_> = self.entries.keys().collect();
        keys.sort_by_key(|key| key.span().start);
        keys.into_iter()
            .filter_map(|key| Some((key.get_ref().as_ref(), self.find(key.get_ref())?)))
            .collect()
    }

    /// A refusal because of a key that is not there.
    pub fn error(&self, key: &str, reason: &str) -> PolicyError {
        self.source.error(self.at, &self.path_of(key), reason)
    }
}

/// A value of the file.
#[derive(Clone)]
pub struct Value<'a> {
    source: &'a Source<'a>,
    at: usize,
    path: String,
    value: &'a DeValue<'a>,
}

impl<'a> Value<'a> {
    /// A refusal of this value.
    pub fn error(&self, reason: impl Into<String>) -> PolicyError {
        self.source.error(self.at, &self.path, reason)
    }

    fn wrong_type(&self, wanted: &str) -> PolicyError {
        self.error(format!("must be {wanted}, not {}", kind(self.value)))
    }

    /// The line of the value, from 1.
    pub fn line(&self) -> usize {
        self.source.line(self.at)
    }

    /// A text as it is written; `wanted` says what it must be.
    pub fn string(&self, wanted: &str) -> Result<&'a str, PolicyError> {
        self.value.as_str().ok_or_else(|| self.wrong_type(wanted))
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Result<bool, PolicyError> {
        let wanted = "true or false, without quotes";
        self.value.as_bool().ok_or_else(|| self.wrong_type(wanted))
    }

    /// The digits of a whole number of any size, as decimal ones.
    pub fn digits(&self) -> Result<String, PolicyError> {
        let DeValue::Integer(integer) = self.value else {
            return Err(self.wrong_type("a whole number, without quotes"));
        };
        let number = i128::from_str_radix(integer.as_str(), integer.radix()).ok();
        Ok(number.map_or_else(|| integer.as_str().to_owned(), |number| number.to_string()))
    }

    /// A text for people: not blank, one line, at most 200 characters.
    pub fn one_line(&self) -> Result<String, PolicyError> {
        let text = self.string("a text in quotes")?;
        if text.trim().is_empty() {
            return Err(self.error("must not be empty"));
        }
        if text.chars().any(char::is_control) || text.chars().count() > LINE_CHARS_MAX {
            return Err(self.error(format!("must be one line of at most {LINE_CHARS_MAX} characters")));
        }
        Ok(text.to_owned())
    }

    /// The name of a programme, benefit, channel, list, tier or source.
    pub fn name(&self) -> Result<Name, PolicyError> {
        let text = self.string("a name in quotes, of a-z, 0-9 and -")?;
        Name::parse(text).map_err(|error| match error {
            IdError::HoldsCitizenId => self.error(error.to_string()),
            _ => self.error(format!("{error}, not {}", shown(text))),
        })
    }

    /// One of the words of a list.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, PolicyError> {
        let wanted = words
            .iter()
            .map(|(word, _)| format!("{word:?}"))
            .collect::<Vec<_>>()
            .join(", ");
        let text = self.string(&format!("one of {wanted}"))?;
        let found = words.iter().find(|(word, _)| *word == text);
        found
            .map(|(_, t)| *t)
            .ok_or_else(|| self.error(format!("must be one of {wanted}, not {}", shown(text))))
    }

    /// A whole number of `unit` from `min` to `max`.
    pub fn integer(&self, min: u64, max: u64, unit: &str) -> Result<u64, PolicyError> {
        let DeValue::Integer(integer) = self.value else {
            return Err(self.wrong_type(&format!("a whole number of {unit}")));
        };
        let number = i128::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number
            .and_then(|number| u64::try_from(number).ok())
            .filter(|n| (min..=max).contains(n));
        number.ok_or_else(|| {
            let written = self.source.text.get(self.at..).unwrap_or_default();
            let written: String = written
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || "+-_".contains(*c))
                .collect();
            self.error(format!("must be {min} to {max} {unit}, not {written}"))
        })
    }

    /// A date, inclusive where it ends a period.
    pub fn date(&self) -> Result<BusinessDate, PolicyError> {
        let written = self.value.as_datetime().and_then(|written| match written.time {
            None => written.date,
            Some(_) => None,
        });
        let date = written.ok_or_else(|| self.wrong_type("a date like 2026-06-01, without quotes"))?;
        self.business_date(date.year, date.month, date.day)
    }

    /// An instant, written as Bangkok time without an offset; fractions below a millisecond are dropped.
    pub fn instant(&self) -> Result<Instant, PolicyError> {
        let written = self
            .value
            .as_datetime()
            .filter(|written| written.offset.is_none());
        let Some((date, time)) = written.and_then(|written| written.date.zip(written.time)) else {
            let wanted = "a Bangkok date and time like 2025-11-11T23:00:00, without quotes or offset";
            return Err(self.wrong_type(wanted));
        };
        let second = time.second.unwrap_or(0);
        if second > 59 {
            return Err(self.error("seconds are 0 to 59"));
        }
        if time.nanosecond.unwrap_or(0) != 0 {
            return Err(self.error("must be a whole second: rights are registered by the second"));
        }
        let ms = ((i64::from(time.hour) * 60 + i64::from(time.minute)) * 60 + i64::from(second)) * 1_000;
        Ok(self
            .business_date(date.year, date.month, date.day)?
            .start()
            .plus_ms(ms))
    }

    fn business_date(&self, year: u16, month: u8, day: u8) -> Result<BusinessDate, PolicyError> {
        let reason = match year {
            0..100 => format!("year {year:04} has two digits only: write all four, like 2026"),
            100..2000 => format!("year {year:04} is before 2000, the first the engine keeps accounts for"),
            2000..=2400 => {
                let date = BusinessDate::from_ymd(i32::from(year), u32::from(month), u32::from(day));
                return date.ok_or_else(|| self.error("there is no such day"));
            }
            2401.. => format!(
                "year {year} is above 2400: write C.E., not B.E. ({year} - 543 = {})",
                year - 543
            ),
        };
        Err(self.error(reason))
    }

    /// A half-open range of the day.
    pub fn hours(&self) -> Result<Hours, PolicyError> {
        let text = self.string("hours in quotes, like \"06:00-23:00\"")?;
        Hours::parse(text).map_err(|error| self.error(format!("{error}, not {}", shown(text))))
    }

    /// The value as a table with only these keys.
    pub fn table(&self, known: &str) -> Result<Table<'a>, PolicyError> {
        self.open_table()?.knowing(known)
    }

    /// The value as a table with any keys.
    pub fn open_table(&self) -> Result<Table<'a>, PolicyError> {
        let entries = self.value.as_table().ok_or_else(|| self.wrong_type("a table"))?;
        Ok(Table {
            source: self.source,
            at: self.at,
            path: self.path.clone(),
            entries,
        })
    }

    /// The elements of a list of at most `max`.
    pub fn elements(&self, max: usize) -> Result<Vec<Value<'a>>, PolicyError> {
        let array = self
            .value
            .as_array()
            .ok_or_else(|| self.wrong_type("a list in [ ]"))?;
        let element = |(index, value): (usize, &'a toml::Spanned<DeValue<'a>>)| Value {
            source: self.source,
            at: value.span().start,
            path: format!("{}[{index}]", self.path),
            value: value.get_ref(),
        };
        let elements: Vec<_> = array.iter().enumerate().map(element).collect();
        match elements.get(max) {
            Some(beyond) => Err(beyond.error(format!("one too many: there may be at most {max}"))),
            None => Ok(elements),
        }
    }

    /// The tables of a list that is written as `[[header]]` blocks, each with only these keys.
    pub fn tables(&self, header: &str, max: usize, known: &str) -> Result<Vec<Table<'a>>, PolicyError> {
        if self.value.is_table() {
            return Err(self.error(format!(
                "write [[{header}]] in double brackets: there may be several"
            )));
        }
        self.elements(max)?
            .iter()
            .map(|element| element.table(known))
            .collect()
    }

    /// A list of different names.
    pub fn names(&self, what: &'static str) -> Result<Vec<Name>, PolicyError> {
        let mut seen = Seen::new(what);
        self.elements(ENTRIES_MAX)?
            .iter()
            .map(|element| seen.add(element))
            .collect()
    }
}

/// The names of one kind met so far: each may be given once.
pub struct Seen {
    what: &'static str,
    names: Vec<(Name, usize)>,
}

impl Seen {
    /// `what` completes the sentence "there is already … of this name".
    pub fn new(what: &'static str) -> Seen {
        Seen {
            what,
            names: Vec::new(),
        }
    }

    /// Reads a name that must be new.
    pub fn add(&mut self, value: &Value<'_>) -> Result<Name, PolicyError> {
        let name = value.name()?;
        if let Some((_, line)) = self.names.iter().find(|(seen, _)| *seen == name) {
            let what = self.what;
            return Err(value.error(format!(
                "{:?} is given twice: there is already {what} of this name, on line {line}",
                name.as_str()
            )));
        }
        self.names.push((name, value.line()));
        Ok(name)
    }
}

/// A text as a reason repeats it: in quotes, escaped, not too long.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// What a value is, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text in quotes",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction or exponent",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(datetime) => match (datetime.date, datetime.time, datetime.offset) {
            (Some(_), None, _) => "a date",
            (Some(_), Some(_), None) => "a date and time",
            (Some(_), Some(_), Some(_)) => "a date and time with an offset",
            (None, _, _) => "a time of day",
        },
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
