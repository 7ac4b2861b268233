//! The lines of Prometheus' text format.

use std::fmt::Write as _;

pub(super) fn heading(out: &mut String, name: &str, kind: &str, help: &str) {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("writing to memory does not fail");
}

pub(super) fn line(out: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let braced = if labels.is_empty() {
        String::new()
    } else {
        format!("{{{labels}}}")
    };
    writeln!(out, "{name}{braced} {value}").expect("writing to memory does not fail");
}
