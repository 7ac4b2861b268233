//! Says in plain words where and why a file is no TOML at all.

use super::PolicyError;
use super::reader::{Source, shown};
use std::collections::BTreeMap;
use toml::de::{DeTable, Error};

/// Parses the file as TOML.
///
/// # Errors
/// Where and why it is none.
pub fn parse<'a>(source: &Source<'a>) -> Result<DeTable<'a>, PolicyError> {
    let (table, errors) = DeTable::parse_recoverable(source.text);
    let first = errors
        .into_iter()
        .min_by_key(|error| error.span().map_or(usize::MAX, |span| span.start));
    match first {
        Some(error) => Err(explain(source, &error)),
        None => Ok(table.into_inner()),
    }
}

fn explain(source: &Source<'_>, error: &Error) -> PolicyError {
    let span = error.span().unwrap_or(source.text.len()..source.text.len());
    let message = error.message();
    let before = source.text.get(..span.start).unwrap_or(source.text);
    let line_at = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = source.text[line_at..].lines().next().unwrap_or_default();
    let keyless = message.starts_with("key with no value");
    let written = source.text.get(span.clone()).unwrap_or_default();
    let reason = if message.contains("four-digit year") {
        format!("{written} is no date: write the year with four digits, C.E., like 2026-06-01")
    } else if message.starts_with("invalid date,") {
        format!("{written} is no date: write YYYY-MM-DD, like 2026-06-01 ({message})")
    } else if message == "invalid datetime" {
        format!("{written} is no date or time; hours stand in quotes, like \"06:00-23:00\"")
    } else if message == "duplicate key" {
        "given twice: write each key and each [table] once".to_owned()
    } else if message.starts_with("string values must be quoted") {
        match written.is_empty() {
            true => "a value is missing after `=`".to_owned(),
            false => format!(
                "{} is no value: texts stand in quotes, numbers are digits only",
                shown(written)
            ),
        }
    } else if keyless {
        "write key = value".to_owned()
    } else {
        format!(
            "not valid TOML: {}",
            message.trim_end_matches(", expected nothing")
        )
    };
    let key = key_at(source.text, span.start, line.trim(), keyless);
    source.error(span.start, &key, reason)
}

/// The dotted key a byte offset belongs to, read line by line: there is no parsed table to ask.
fn key_at(text: &str, at: usize, error_line: &str, keyless: bool) -> String {
    let mut arrays = BTreeMap::new();
    let (mut table, mut key, mut depth) = (String::new(), None, 0i32);
    let mut line_at = 0;
    for raw in text.split_inclusive('\n') {
        let line = raw.split('#').next().unwrap_or_default().trim();
        if depth <= 0 {
            key = None;
            if let Some(header) = header(line) {
                table = resolve(&mut arrays, header, line.starts_with("[["));
            } else if let Some((before, _)) =
                line.split_once('=').filter(|(before, _)| is_bare(before.trim()))
            {
                key = Some(before.trim().to_owned());
            }
            depth = 0;
        }
        if header(line).is_none() {
            depth += line
                .chars()
                .map(|c| {
                    if "[{".contains(c) {
                        1
                    } else {
                        -i32::from("]}".contains(c))
                    }
                })
                .sum::<i32>();
        }
        line_at += raw.len();
        if line_at > at {
            break;
        }
    }
    if keyless {
        key = error_line
            .split([' ', '\t', '='])
            .next()
            .filter(|word| is_bare(word))
            .map(str::to_owned);
    }
    match (table.is_empty(), key) {
        (true, None) => "(file)".to_owned(),
        (false, None) => table,
        (true, Some(key)) => key,
        (false, Some(key)) => format!("{table}.{key}"),
    }
}

/// The path in a `[table]` or `[[array]]` header, closed or not.
fn header(line: &str) -> Option<&str> {
    let path = line
        .strip_prefix('[')?
        .trim_start_matches('[')
        .trim_end_matches(']')
        .trim();
    is_bare(path).then_some(path)
}

fn is_bare(path: &str) -> bool {
    !path.is_empty()
        && path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Turns `benefit.channel` into `benefit[1].channel[0]`, counting the arrays met so far.
fn resolve(arrays: &mut BTreeMap<String, usize>, header: &str, is_array: bool) -> String {
    let mut path = String::new();
    let mut segments = header.split('.').peekable();
    while let Some(segment) = segments.next() {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(segment);
        if is_array && segments.peek().is_none() {
            *arrays.entry(path.clone()).or_insert(0) += 1;
        }
        if let Some(count) = arrays.get(&path) {
            path = format!("{path}[{}]", count - 1);
        }
    }
    path
}
