//! A JSON object about to be sent: as it should be, in an unusual spelling, or spoilt.

use super::random::Random;

/// Field names and their values as JSON texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    fields: Vec<(String, String)>,
}

impl Body {
    /// No fields yet.
    pub fn new() -> Body {
        Body { fields: Vec::new() }
    }

    /// With a string field more.
    pub fn text(self, name: &str, value: &str) -> Body {
        self.raw(name, &serde_json::Value::from(value).to_string())
    }

    /// With a field more whose value is already JSON; a field of that name is replaced.
    pub fn raw(mut self, name: &str, value: &str) -> Body {
        self.remove(name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a field more holding a list of strings.
    pub fn list(self, name: &str, values: &[String]) -> Body {
        self.raw(name, &serde_json::Value::from(values).to_string())
    }

    /// With the field of that name as another body has it.
    pub fn with_field_of(self, other: &Body, name: &str) -> Body {
        match other.fields.iter().find(|(key, _)| key == name) {
            Some((_, value)) => self.raw(name, &value.clone()),
            None => self,
        }
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) {
        self.fields.retain(|(key, _)| key != name);
    }

    /// The value of a string field without its quotes, or of a number as written.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.trim_matches('"'))
    }

    /// The plain spelling.
    pub fn plain(&self) -> String {
        render(&self.fields, ",", ":")
    }

    /// Mostly the plain spelling, sometimes another valid one: other order, white space, escapes, upper case.
    pub fn spelt(&self, random: &mut Random) -> String {
        if !random.percent(10) {
            return self.plain();
        }
        let mut fields = self.fields.clone();
        random.shuffle(&mut fields);
        for (name, value) in &mut fields {
            if IDS.contains(&name.as_str()) {
                *value = value.to_uppercase();
            }
            if random.percent(20) {
                *name = with_escape(name);
            }
            if value.len() > 2 && value.starts_with('"') && !value.contains('\\') && random.percent(20) {
                *value = format!("\"{}\"", with_escape(value.trim_matches('"')));
            }
        }
        render(&fields, ", ", "\t: ")
    }

    /// Something that is probably malformed; the model knows whether it is.
    pub fn spoilt(&self, random: &mut Random) -> String {
        match random.below(10) {
            0 => format!(
                "{}{}",
                self.plain(),
                random.pick(&["x", "{}", ",", "]", " 1", "\u{0}"])
            ),
            1 => {
                let mut text = self.plain();
                text.pop();
                text
            }
            2 => (*random.pick(&[
                "",
                " ",
                "null",
                "[]",
                "5",
                "\"x\"",
                "{",
                "{}",
                "nul",
                "{,}",
                "\u{feff}{}",
            ]))
            .to_owned(),
            _ => self.spoilt_in_a_field(random),
        }
    }

    /// Still a JSON object, but with something wrong in one field.
    pub fn spoilt_in_a_field(&self, random: &mut Random) -> String {
        let mut fields = self.fields.clone();
        let at = random.below(fields.len() as u64) as usize;
        match random.below(9) {
            0 => {
                fields.remove(at);
            }
            1 => fields.push((unknown_name(random), "1".into())),
            2 => fields[at].1 = "null".into(),
            3 => fields[at].1 = (*random.pick(&["true", "{}", "[]", "[1]", "\"x\"", "12", "\"12\""])).into(),
            4 => {
                fields[at].1 = deep(20 + random.below(40) as usize);
            }
            5 => {
                let again = fields[at].clone();
                fields.push(again);
            }
            6 | 7 => {
                let numbers: Vec<usize> = (0..fields.len()).filter(|at| is_number(&fields[*at].1)).collect();
                let at = if numbers.is_empty() {
                    at
                } else {
                    *random.pick(&numbers)
                };
                fields[at].1 = wrong_number(&fields[at].1, random);
            }
            _ => fields[at].1 = wrong_text(&fields[at].1, random),
        }
        render(&fields, ",", ":")
    }
}

/// Ids that may be written in upper case.
const IDS: [&str; 5] = [
    "txn_id",
    "reversal_id",
    "registration_id",
    "case_id",
    "payment_id",
];

impl Default for Body {
    fn default() -> Body {
        Body::new()
    }
}

fn render(fields: &[(String, String)], comma: &str, colon: &str) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\"{colon}{value}"))
        .collect();
    format!("{{{}}}", pairs.join(comma))
}

/// The first character written as an escape.
fn with_escape(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if first.is_ascii() => format!("\\u{:04x}{}", u32::from(first), characters.as_str()),
        _ => text.to_owned(),
    }
}

fn is_number(value: &str) -> bool {
    value.starts_with(|character: char| character.is_ascii_digit())
}

fn unknown_name(random: &mut Random) -> String {
    (*random.pick(&[
        "extra",
        "Amount",
        "amount ",
        "txnId",
        "eligible",
        "wallet",
        "programme",
    ]))
    .to_owned()
}

fn wrong_number(value: &str, random: &mut Random) -> String {
    let like_it = [
        format!("{value}.0"),
        format!("{value}e0"),
        format!("{value}.5"),
        format!("-{value}"),
    ];
    let others = [
        "0",
        "-0",
        "-1",
        "1e2",
        "100000001",
        "4294967297",
        "9007199254740993",
        "18446744073709551617",
        "123456789012345678901234567890",
    ];
    if is_number(value) && random.percent(40) {
        random.pick(&like_it).clone()
    } else {
        (*random.pick(&others)).to_owned()
    }
}

fn wrong_text(value: &str, random: &mut Random) -> String {
    if value.starts_with(['[', '{']) {
        return "\"x\"".to_owned();
    }
    let inner = value.trim_matches('"');
    let shorter: String = inner.chars().skip(1).collect();
    let wrong = match random.below(8) {
        0 => String::new(),
        1 => shorter,
        2 => format!("{inner}0"),
        3 => inner.replace('-', ""),
        4 => format!("{{{inner}}}"),
        5 => format!(" {inner}"),
        6 => inner.replace('0', "๐"),
        _ => "a".repeat(65),
    };
    format!("\"{wrong}\"")
}

fn deep(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}
