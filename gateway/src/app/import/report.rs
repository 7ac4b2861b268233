//! What became of the lines of a file.

use super::super::access::Refused;
use super::super::{Failure, json};
use crate::server::Response;
use satang_api::{ImportReport, LineError};
use satang_core::ids::Name;
use std::collections::BTreeMap;

/// Errors that are reported one by one.
const ERRORS_MAX: usize = 100;

/// What kind of name no file has, and the name.
pub(super) type Warning = (&'static str, Name);

/// What became of the lines of a file.
#[derive(Default)]
pub struct Report {
    accepted: u64,
    rejected: u64,
    errors: Vec<(u64, String)>,
    /// Names that look like a slip, each with the first line that has it.
    warnings: BTreeMap<Warning, u64>,
    /// The last line that was looked at.
    through: u64,
    /// Errors before this index are of earlier chunks and in order.
    ordered: usize,
}

impl Report {
    /// So many lines were taken.
    pub fn accept(&mut self, lines: u64) {
        self.accepted += lines;
    }

    /// A line was not, for this reason.
    pub fn reject(&mut self, line: u64, reason: String) {
        self.rejected += 1;
        self.errors.push((line, reason));
    }

    /// Every line up to this one was looked at.
    pub(super) fn has_come_to(&mut self, line: u64) {
        self.through = line;
    }

    /// The answer to a caller who may not go on.
    pub(super) fn ended(&self, refused: Refused) -> Failure {
        Failure::Ended {
            refused,
            line: self.through,
            accepted: self.accepted,
        }
    }

    /// Whether the file says what it is about: a line was taken, or there was none to refuse.
    pub(super) fn is_confirmed(&self) -> bool {
        self.accepted > 0 || self.rejected == 0
    }

    /// A line was taken, but no programme file has these names.
    pub(super) fn warn(&mut self, line: u64, warnings: Vec<Warning>) {
        for warning in warnings {
            if self.warnings.len() < ERRORS_MAX || self.warnings.contains_key(&warning) {
                self.warnings.entry(warning).or_insert(line);
            }
        }
    }

    /// Puts the errors of the last chunk in the order of lines and forgets those past the first hundred.
    pub(super) fn in_line_order(&mut self) {
        self.errors[self.ordered..].sort_by_key(|(line, _)| *line);
        self.errors.truncate(ERRORS_MAX);
        self.ordered = self.errors.len();
    }

    /// The report as it is answered and printed.
    pub fn shown(mut self) -> ImportReport {
        self.in_line_order();
        let error = |(line, reason): (u64, String)| LineError {
            line,
            reason: reason.into(),
        };
        let mut warnings: Vec<_> = self.warnings.into_iter().collect();
        warnings.sort_by_key(|(warning, line)| (*line, *warning));
        let warning = |((what, name), line)| error((line, format!("{what}: {name}")));
        ImportReport {
            accepted: self.accepted,
            rejected: self.rejected,
            warnings: (!warnings.is_empty()).then(|| warnings.into_iter().map(warning).collect()),
            errors: self.errors.into_iter().map(error).collect(),
        }
    }

    pub(super) fn response(self) -> Response {
        json(&self.shown())
    }
}
