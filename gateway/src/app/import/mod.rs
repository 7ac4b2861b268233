//! Imports: lists in CSV and NDJSON of any length, read piece by piece, atomic per line, safe to send again.

mod citizens;
mod dry_run;
mod gzip;
mod lines;
mod names;
mod report;
#[cfg(test)]
mod tests;

pub use citizens::Citizens;
pub use dry_run::{ImportKind, dry_run};
pub use gzip::Encoding;
pub use report::Report;

use super::access::Caller;
use super::{BodySource, Failure, Ready};
use crate::server::Response;
use crate::wire::problem::Problem;
use crate::wire::{self, parse};
use http::HeaderMap;
use lines::{Line, Lines};
use names::NamesInFiles;
use report::Warning;
use satang_core::ids::NationalId;
use satang_engine::engine::SubmitError;
use satang_engine::session::admin::{MerchantInput, MerchantRefusal};
use satang_engine::session::enroll::EnrollmentRefusal;
use satang_log::storage::Storage;

impl<S: Storage> Ready<S> {
    pub(super) async fn import_merchants(
        &self,
        headers: &HeaderMap,
        body: impl BodySource,
        caller: &Caller<'_>,
    ) -> Result<Response, Failure> {
        let put = |merchants: &[_]| self.engine.put_merchants(merchants, caller.name());
        let slips = |merchants: &[MerchantInput]| {
            let in_files = self.names_in_files()?;
            let of = |merchant| in_files.unknown_of(merchant);
            Ok(merchants.iter().map(of).collect())
        };
        let refusal = |refusal: MerchantRefusal| refusal.to_string();
        let lines = Lines::open(body, Encoding::of(headers)?).await?;
        self.import(caller, lines, parse::merchant_line, put, refusal, slips)
            .await
    }

    pub(super) async fn import_enrollments(
        &self,
        headers: &HeaderMap,
        body: impl BodySource,
        caller: &Caller<'_>,
    ) -> Result<Response, Failure> {
        let enroll = |inputs: &[_]| self.engine.enroll(inputs, caller.name());
        let refusal = |refusal: EnrollmentRefusal| refusal.name().to_owned();
        // An unknown programme or tier is refused.
        let slips = |lines: &[_]| Ok(vec![Vec::new(); lines.len()]);
        let lines = Lines::open(body, Encoding::of(headers)?).await?;
        self.import(caller, lines, parse::enrollment, enroll, refusal, slips)
            .await
    }

    /// Whether the caller's key still counts.
    fn may_go_on(&self, caller: &Caller<'_>, report: &Report) -> Result<(), Failure> {
        let now = || Some(self.engine.now());
        caller.may_go_on(now).map_err(|refused| report.ended(refused))
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
        caller: &Caller<'_>,
        mut lines: Lines<impl BodySource>,
        parse: impl Fn(&[u8]) -> Result<T, Problem>,
        put: impl Fn(&[T]) -> Result<(Vec<Result<(), E>>, u64), SubmitError>,
        name: impl Fn(E) -> String,
        slips: impl Fn(&[T]) -> Result<Vec<Vec<Warning>>, Failure>,
    ) -> Result<Response, Failure>
    where
        E: 'static,
    {
        let mut report = Report::default();
        loop {
            let may_go_on = || self.may_go_on(caller, &report);
            let chunk = lines.next(may_go_on).await?;
            if chunk.is_empty() {
                return Ok(report.response());
            }
            let through = last_line(&chunk);
            let (mut numbers, mut inputs) = (Vec::new(), Vec::with_capacity(chunk.len()));
            let mut turn = self.turns.take().await;
            for line in &chunk {
                if turn.is_over() {
                    drop(turn);
                    turn = self.turns.take().await;
                }
                match line.parse(&parse) {
                    Ok(input) => {
                        numbers.push(line.number);
                        inputs.push(input);
                    }
                    Err(reason) => report.reject(line.number, reason),
                }
            }
            // The key may have been taken away while this waited for its turn.
            self.may_go_on(caller, &report)?;
            let warnings = slips(&inputs)?;
            let (outcomes, sequence) = put(&inputs)?;
            drop(turn);
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
            report.has_come_to(through);
        }
    }
}

impl<S: Storage> Ready<S> {
    pub(super) async fn import_list(
        &self,
        list: &str,
        headers: &HeaderMap,
        body: impl BodySource,
        caller: &Caller<'_>,
    ) -> Result<Response, Failure> {
        let list = parse::path_name("list", list)?;
        let mut lines = Lines::open(body, Encoding::of(headers)?).await?;
        let mut report = Report::default();
        loop {
            let may_go_on = || self.may_go_on(caller, &report);
            let chunk = lines.next(may_go_on).await?;
            if chunk.is_empty() {
                break;
            }
            let through = last_line(&chunk);
            let mut citizens = Vec::with_capacity(chunk.len());
            let turn = self.turns.take().await;
            self.may_go_on(caller, &report)?;
            for line in &chunk {
                match listed(line) {
                    Ok(citizen) => citizens.extend(citizen),
                    Err(reason) => report.reject(line.number, reason),
                }
            }
            report.accept(citizens.len() as u64);
            report.in_line_order();
            // A list's name takes a number in the journal: not for lines without a citizen.
            if !citizens.is_empty() {
                let imported = self.engine.import_list(&list, &citizens, caller.name());
                drop(turn);
                self.durable_list(imported).await?;
            }
            report.has_come_to(through);
        }
        // A file of nothing but malformed lines says nothing of the list.
        if report.is_confirmed() {
            let in_files = self.names_in_files()?;
            let lists = [list];
            let slips = in_files.unknown("unknown_list", &in_files.lists, &lists);
            report.warn(1, slips.collect());
            self.durable_list(self.engine.list_imported(&list, caller.name()))
                .await?;
        }
        Ok(report.response())
    }

    async fn durable_list(&self, imported: Result<u64, SubmitError>) -> Result<(), Failure> {
        let sequence = imported.map_err(|error| Failure::of_name("list", error))?;
        Ok(self.session.done((), sequence).durable().await?)
    }
}

/// The number of the last line of a chunk.
fn last_line(chunk: &[Line]) -> u64 {
    chunk.last().map_or(0, |line| line.number)
}

/// The citizen on a line of a list; none on its heading.
fn listed(line: &Line) -> Result<Option<NationalId>, String> {
    line.parse(|text| wire::listed::line(text, line.is_first))
}
