//! `satang config`: every setting of a server, its value, and where that stands.

use super::layers::{Origin, Told, variable};
use crate::output::{show as print, table};
use clap::Arg;
use serde::Serialize;
use serde_json::Value;
use std::any::TypeId;
use std::net::SocketAddr;

/// One setting.
#[derive(Serialize)]
struct Shown<'a> {
    setting: &'a str,
    /// Null when nothing is set and there is no default.
    value: Value,
    /// `flag`, `environment`, `file` or `default`.
    from: &'static str,
    /// The flag, the variable, or the file with its line.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

/// Prints the settings on stdout: a table, or JSON.
pub(crate) fn show(told: &Told, json: bool) {
    let shown: Vec<Shown<'_>> = told.settings.iter().map(|arg| shown(told, arg)).collect();
    if json {
        return print!(
            "{}",
            serde_json::to_string_pretty(&shown).expect("settings are JSON")
        );
    }
    let row = |shown: &Shown<'_>| {
        let value = match &shown.value {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let from = [
            Some(shown.from.to_owned()),
            shown.name.clone(),
            shown.line.map(|line| format!("line {line}")),
        ];
        let from: Vec<String> = from.into_iter().flatten().collect();
        vec![shown.setting.to_owned(), value, from.join(" ")]
    };
    let heading = ["setting", "value", "from"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(shown.iter().map(row)).collect();
    print!("{}", table(&rows));
}

fn shown<'a>(told: &Told, arg: &'a Arg) -> Shown<'a> {
    let setting = arg.get_id().as_str();
    let (from, name, line) = match told.origin(setting) {
        Origin::Flag => ("flag", Some(format!("--{}", setting.replace('_', "-"))), None),
        Origin::Environment => ("environment", Some(variable(setting)), None),
        Origin::File { line } => {
            let file = told.file.as_ref().map(|file| file.display().to_string());
            ("file", file, Some(line))
        }
        Origin::Default => ("default", None, None),
    };
    Shown {
        setting,
        value: value(told, arg),
        from,
        name,
        line,
    }
}

/// The value as it counts: of an address, the one that its text stands for.
fn value(told: &Told, arg: &Arg) -> Value {
    let (matches, id) = (told.of_command(), arg.get_id().as_str());
    let kind = arg.get_value_parser().type_id();
    let Some(text) = matches.get_raw(id).and_then(|mut values| values.next()) else {
        return Value::Null;
    };
    if kind == TypeId::of::<bool>() {
        matches.get_one::<bool>(id).copied().into()
    } else if kind == TypeId::of::<u32>() {
        matches.get_one::<u32>(id).copied().into()
    } else if kind == TypeId::of::<u64>() {
        matches.get_one::<u64>(id).copied().into()
    } else if kind == TypeId::of::<SocketAddr>() {
        matches
            .get_one::<SocketAddr>(id)
            .map(SocketAddr::to_string)
            .into()
    } else {
        text.to_string_lossy().into()
    }
}
