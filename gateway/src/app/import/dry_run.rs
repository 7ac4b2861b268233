//! An import without a server: what its reader finds wrong in a file.

use super::gzip::Encoding;
use super::lines::{Line, Lines};
use super::listed;
use super::report::Report;
use crate::app::{BodySource, Failure};
use crate::wire::parse;
use satang_api::ImportReport;

/// What the lines of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    Merchants,
    List,
    Enrollments,
}

impl ImportKind {
    /// How many lines are taken of this one: none of a heading.
    fn check(self, line: &Line) -> Result<u64, String> {
        match self {
            ImportKind::Merchants => line.parse(parse::merchant_line).map(|_| 1),
            ImportKind::Enrollments => line.parse(parse::enrollment).map(|_| 1),
            ImportKind::List => listed(line).map(|citizen| u64::from(citizen.is_some())),
        }
    }
}

/// Reads a file as an import does, and reports what is malformed. Whatever depends on what a server knows is not looked at.
///
/// # Errors
/// When the file is refused as a whole.
pub async fn dry_run(
    kind: ImportKind,
    body: impl BodySource,
    encoding: Encoding,
) -> Result<ImportReport, Failure> {
    let mut lines = Lines::open(body, encoding).await?;
    let mut report = Report::default();
    loop {
        let chunk = lines.next(|| Ok(())).await?;
        if chunk.is_empty() {
            return Ok(report.shown());
        }
        for line in &chunk {
            match kind.check(line) {
                Ok(taken) => report.accept(taken),
                Err(reason) => report.reject(line.number, reason),
            }
        }
        report.in_line_order();
    }
}
