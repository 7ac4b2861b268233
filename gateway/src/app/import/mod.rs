//! Imports: NDJSON of any length, read piece by piece, atomic per line, safe to send again.

use super::{BodySource, Failure, Ready, json};
use crate::server::Response;
use crate::wire::parse;
use crate::wire::problem::Problem;
use bytes::Bytes;
use satang_api::{ImportReport, LineError};
use satang_core::calendar::BusinessDate;
use satang_core::ids::Name;
use satang_core::programme::Program;
use satang_core::state::directory::{Directory, Rule};
use satang_engine::engine::SubmitError;
use satang_engine::session::admin::{MerchantInput, MerchantRefusal};
use satang_engine::session::enroll::EnrollmentRefusal;
use satang_log::storage::Storage;
use std::collections::{BTreeMap, BTreeSet};

/// The longest line (I12).
const LINE_BYTES_MAX: usize = 64 << 10;
/// Lines that become durable together. More: fewer flushes, longer pauses for authorizations.
const LINES_PER_WRITE: usize = 256;
/// Errors that are reported one by one.
const ERRORS_MAX: usize = 100;

impl<S: Storage> Ready<S> {
    pub(super) async fn import_merchants(
        &self,
        body: impl BodySource,
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let put = |merchants: &[_]| self.engine.put_merchants(merchants, by);
        let slips = |merchants: &[MerchantInput]| {
            let in_files = self.names_in_files()?;
            let of = |merchant| in_files.unknown_of(merchant);
            Ok(merchants.iter().map(of).collect())
        };
        let refusal = |refusal: MerchantRefusal| refusal.to_string();
        self.import(body, parse::merchant_line, put, refusal, slips).await
    }

    pub(super) async fn import_enrollments(
        &self,
        body: impl BodySource,
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let enroll = |inputs: &[_]| self.engine.enroll(inputs, by);
        let refusal = |refusal: EnrollmentRefusal| refusal.name().to_owned();
        // An unknown programme or tier is refused.
        let slips = |lines: &[_]| Ok(vec![Vec::new(); lines.len()]);
        self.import(body, parse::enrollment, enroll, refusal, slips).await
    }

    fn names_in_files(&self) -> Result<NamesInFiles, Failure> {
        let today = self.engine.now().map_err(SubmitError::from)?.business_date();
        Ok(self
            .engine
            .of_directory(|directory| NamesInFiles::of(directory, today)))
    }

    /// Imports what the engine takes or refuses line by line.
    async fn import<T, E>(
        &self,
        body: impl BodySource,
        parse: impl Fn(&[u8]) -> Result<T, Problem>,
        put: impl Fn(&[T]) -> Result<(Vec<Result<(), E>>, u64), SubmitError>,
        name: impl Fn(E) -> String,
        slips: impl Fn(&[T]) -> Result<Vec<Vec<Warning>>, Failure>,
    ) -> Result<Response, Failure>
    where
        E: 'static,
    {
        let mut lines = Lines::new(body);
        let mut report = Report::default();
        loop {
            let chunk = lines.next(LINES_PER_WRITE).await?;
            if chunk.is_empty() {
                return Ok(report.response());
            }
            let (mut numbers, mut inputs) = (Vec::new(), Vec::with_capacity(chunk.len()));
            for line in &chunk {
                match line.parse(&parse) {
                    Ok(input) => {
                        numbers.push(line.number);
                        inputs.push(input);
                    }
                    Err(reason) => report.reject(line.number, reason),
                }
            }
            let warnings = slips(&inputs)?;
            let (outcomes, sequence) = put(&inputs)?;
            let outcomes = self.session.done(outcomes, sequence).durable().await?;
            for ((number, outcome), warnings) in numbers.into_iter().zip(outcomes).zip(warnings) {
                match outcome {
                    Ok(()) => {
                        report.accept(1);
                        report.warn(number, warnings);
                    }
                    Err(refusal) => report.reject(number, name(refusal)),
                }
            }
            report.in_line_order();
        }
    }
}

/// The first line that a list may have: the name of its column.
const LIST_HEADER: &[u8] = b"citizen_id";

impl<S: Storage> Ready<S> {
    pub(super) async fn import_list(
        &self,
        list: &str,
        body: impl BodySource,
        by: Option<&Name>,
    ) -> Result<Response, Failure> {
        let list = parse::path_name("list", list)?;
        let mut lines = Lines::new(body);
        let mut report = Report::default();
        loop {
            let chunk = lines.next(LINES_PER_WRITE).await?;
            if chunk.is_empty() {
                return Ok(report.response());
            }
            let mut citizens = Vec::with_capacity(chunk.len());
            for line in chunk.iter().filter(|line| !line.is_list_header()) {
                match line.parse(parse::listed) {
                    Ok(citizen) => citizens.push(citizen),
                    Err(reason) => report.reject(line.number, reason),
                }
            }
            report.accept(citizens.len() as u64);
            report.in_line_order();
            // A list's name takes a number in the journal: not for a file without a citizen.
            if !citizens.is_empty() {
                let in_files = self.names_in_files()?;
                report.warn(
                    1,
                    in_files
                        .unknown("unknown_list", &in_files.lists, &[list])
                        .collect(),
                );
                let imported = self.engine.import_list(&list, &citizens, by);
                let sequence = imported.map_err(|error| Failure::of_name("list", error))?;
                self.session.done((), sequence).durable().await?;
            }
        }
    }
}

/// The names that programme files in force have.
#[derive(Default)]
struct NamesInFiles {
    programs: BTreeSet<Name>,
    channels: BTreeSet<Name>,
    lists: BTreeSet<Name>,
}

/// What kind of name no file has, and the name.
type Warning = (&'static str, Name);

impl NamesInFiles {
    /// Of the versions that count today, and of those that will.
    fn of(directory: &Directory, today: BusinessDate) -> NamesInFiles {
        let mut names = NamesInFiles::default();
        for (program, versions) in directory.in_force() {
            let counts = directory.rule_on(program, today).map(|rule| rule.number);
            let rules = versions.iter().filter_map(|version| directory.rule(*version));
            let is_meant = |rule: &&Rule| {
                Some(rule.number) == counts || rule.policy.effective_from.is_some_and(|from| from > today)
            };
            rules.filter(is_meant).for_each(|rule| names.add(&rule.policy));
        }
        names
    }

    fn add(&mut self, program: &Program) {
        let window = program.merchant_registration.as_ref();
        let merchants_from = window.and_then(|window| window.returning_from);
        let earlier = program.returning_from().copied();
        let programs = [Some(program.id), earlier, merchants_from];
        self.programs.extend(programs.into_iter().flatten());
        let channels = program.benefits.iter().flat_map(|benefit| &benefit.channels);
        self.channels.extend(channels.map(|channel| channel.id));
        self.lists.extend(program.lists().copied().chain(earlier));
    }

    fn unknown_of(&self, merchant: &MerchantInput) -> Vec<Warning> {
        let programs = self.unknown("unknown_program", &self.programs, &merchant.programs);
        let channels = self.unknown("unknown_channel", &self.channels, &merchant.channels);
        programs.chain(channels).collect()
    }

    fn unknown<'n>(
        &'n self,
        what: &'static str,
        known: &'n BTreeSet<Name>,
        names: &'n [Name],
    ) -> impl Iterator<Item = Warning> + 'n {
        names
            .iter()
            .filter(|name| !known.contains(name))
            .map(move |name| (what, *name))
    }
}

/// What became of the lines of a file.
#[derive(Default)]
pub struct Report {
    accepted: u64,
    rejected: u64,
    errors: Vec<(u64, String)>,
    /// Names that look like a slip, each with the first line that has it.
    warnings: BTreeMap<Warning, u64>,
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

    /// A line was taken, but no programme file has these names.
    fn warn(&mut self, line: u64, warnings: Vec<Warning>) {
        for warning in warnings {
            if self.warnings.len() < ERRORS_MAX || self.warnings.contains_key(&warning) {
                self.warnings.entry(warning).or_insert(line);
            }
        }
    }

    /// Puts the errors of the last chunk in the order of lines and forgets those past the first hundred.
    fn in_line_order(&mut self) {
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

    fn response(self) -> Response {
        json(&self.shown())
    }
}

/// One line of an import; numbered from 1, blank ones included.
struct Line {
    number: u64,
    /// The line without its newline; `None` when it is too long.
    text: Option<Vec<u8>>,
}

impl Line {
    /// Whether it is the first line and names the column.
    fn is_list_header(&self) -> bool {
        let text = self.text.as_deref().unwrap_or_default();
        self.number == 1 && text.strip_suffix(b"\r").unwrap_or(text) == LIST_HEADER
    }

    fn parse<T>(&self, parse: impl Fn(&[u8]) -> Result<T, Problem>) -> Result<T, String> {
        let Some(text) = &self.text else {
            return Err(format!("malformed: longer than {LINE_BYTES_MAX} bytes"));
        };
        parse(text).map_err(|problem| reason_of(&problem))
    }
}

/// Why a line is malformed, naming the field; never the value.
fn reason_of(problem: &Problem) -> String {
    let fields = problem.errors.iter().map(|error| match error.field.as_str() {
        "" => error.reason.clone(),
        field => format!("{field}: {}", error.reason),
    });
    format!("malformed: {}", fields.collect::<Vec<_>>().join("; "))
}

/// Cuts a body into lines.
struct Lines<B> {
    body: B,
    piece: Bytes,
    partial: Vec<u8>,
    too_long: bool,
    number: u64,
    ended: bool,
}

impl<B: BodySource> Lines<B> {
    fn new(body: B) -> Lines<B> {
        Lines {
            body,
            piece: Bytes::new(),
            partial: Vec::new(),
            too_long: false,
            number: 0,
            ended: false,
        }
    }

    /// Up to `count` lines that are not blank; none at the end.
    async fn next(&mut self, count: usize) -> Result<Vec<Line>, Failure> {
        let mut lines = Vec::with_capacity(count);
        while lines.len() < count {
            if self.piece.is_empty() {
                if self.ended {
                    break;
                }
                match self.body.next_chunk().await? {
                    Some(piece) => self.piece = piece,
                    None => {
                        self.ended = true;
                        lines.extend(self.take_line());
                    }
                }
                continue;
            }
            match self.piece.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    let rest = self.piece.split_off(end);
                    let head = std::mem::replace(&mut self.piece, rest);
                    self.gather(&head);
                    // The newline itself.
                    let _ = self.piece.split_to(1);
                    lines.extend(self.take_line());
                }
                None => {
                    let head = std::mem::take(&mut self.piece);
                    self.gather(&head);
                }
            }
        }
        Ok(lines)
    }

    fn gather(&mut self, head: &[u8]) {
        if self.partial.len() + head.len() > LINE_BYTES_MAX {
            self.too_long = true;
            self.partial.clear();
        } else if !self.too_long {
            self.partial.extend_from_slice(head);
        }
    }

    /// The line gathered so far, unless it is blank.
    fn take_line(&mut self) -> Option<Line> {
        self.number += 1;
        let text = std::mem::take(&mut self.partial);
        if std::mem::take(&mut self.too_long) {
            return Some(Line {
                number: self.number,
                text: None,
            });
        }
        let blank = text.iter().all(u8::is_ascii_whitespace);
        (!blank).then_some(Line {
            number: self.number,
            text: Some(text),
        })
    }
}
