//! `satang verify`: an auditor's reading of a data folder (I3).
//!
//! The whole journal is read from its first segment and every decision made again, in memory that does not grow with the
//! journal: wallets, two days of ids, and a filter for each older day, whose indexes are written to a working folder. Then the
//! files that are made from the journal are held against it. The data folder is only read, and may be a running server's.

mod admin;
mod checked;
mod compare;
mod casework;
mod files;
mod context;
mod finding;
mod findings;
mod head;
mod purchase;
mod reading;
mod redecide;
mod entitlements;

pub use files::Derived;
pub use finding::{Difference, Finding};
pub use findings::{Mismatch, TOLD_MAX};
pub use head::{Head, NotAHead};

use crate::folder::Folder;
use context::{Context, Tally};
use files::Wanted;
use findings::Findings;
use parking_lot::Mutex;
use reading::{Read, Reading};
use satang_core::calendar::BusinessDate;
use satang_core::record::{BenefitNumber, NameNumber};
use satang_core::state::totals::ProgramTotals;
use satang_engine::ids::archive::IdArchive;
use satang_engine::recovery::worker_pool::ReplayError;
use satang_engine::state::{Expected, State, is_conserved};
use satang_log::file::{FileLogStore, JournalEnd, Layout, Place, segment_name};
use satang_log::log::{Bound, Cursor as _, LogError, LogIdentity, ReadLog as _};
use satang_log::storage::{FileStorage, ReadStorage, Storage};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is to be verified.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Records behind this sequence, which is the journal's, are only read; `None` for all.
    pub through: Option<u64>,
    /// The chain must pass through this head.
    pub head: Option<Head>,
    /// Where a temporary folder is made for the ids of old days; the system's without.
    pub work_dir: Option<PathBuf>,
}

/// A programme's money over the whole journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramReport {
    pub program: String,
    pub approved: u64,
    pub declined: u64,
    pub authorised: u128,
    pub given_back: u128,
}

/// What a verification came to.
#[derive(Debug)]
pub struct Report {
    /// By programme; purchases of unknown ones are the last.
    pub programs: Vec<ProgramReport>,
    /// How many records were re-decided.
    pub records: u64,
    /// How many business dates they are of.
    pub dates: u64,
    /// The digest of the state behind the last of them, once the ids of old dates have left memory.
    pub digest: u64,
    /// Where the chain ends.
    pub head: Head,
    /// Bytes of a write that never finished, or that is being written.
    pub torn_bytes: u32,
    /// Indexes of old days, and snapshots, that were held against the journal.
    pub files: (u64, u64),
    pub mismatches: Vec<Mismatch>,
    /// How many there are.
    pub mismatches_count: u64,
    /// Why the journal could not be read to its end.
    pub damage: Option<ReplayError>,
}

/// Why nothing was verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// There is no journal.
    #[error("journal: there is none")]
    NoJournal,
    /// The journal cannot be read at all.
    #[error(transparent)]
    Log(#[from] LogError),
    /// There is no such record to decide through.
    #[error("through {through}: the journal's last record is {last}")]
    ThroughBeyondEnd { through: u64, last: u64 },
    /// A folder cannot be used.
    #[error("{file}: {source}")]
    Io {
        file: String,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Verifies a data folder. `progress` is told the bytes of journal read and the bytes there are.
///
/// # Errors
/// [`VerifyError`], when there is nothing to verify or no room to work in.
pub fn verify(
    data_dir: &Path,
    options: &VerifyOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, VerifyError> {
    let io = |path: &Path| {
        let file = path.display().to_string();
        move |source| VerifyError::Io { file, source }
    };
    let work_dir = options.work_dir.clone().unwrap_or_else(std::env::temp_dir);
    let work = tempfile::tempdir_in(&work_dir).map_err(|error| io(&work_dir)(without_path(error)))?;
    let storage = FileStorage::open_folder(work.path()).map_err(io(work.path()))?;
    // Before the journal's end is read, so that nothing in them is newer than it.
    let folder = Folder::at(data_dir).map_err(io(data_dir))?;
    let derived = Derived::list(&folder).map_err(io(data_dir))?;
    let folder = folder.read_end().map_err(io(data_dir))?;
    verify_storage(&Arc::new(folder), &derived, &storage, options, progress)
}

/// What the operating system says, without the path that `tempfile` says behind it.
fn without_path(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path ") {
        Some((said, _)) => io::Error::new(error.kind(), said),
        None => error,
    }
}

/// Verifies what lies in `storage`; the ids of old days go to `work`.
pub fn verify_storage<S: ReadStorage, W: Storage>(
    storage: &Arc<S>,
    derived: &Derived,
    work: &W,
    options: &VerifyOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, VerifyError> {
    let log = FileLogStore::open(storage, Layout::DEFAULT)?;
    let header = log.first_header().ok_or(VerifyError::NoJournal)?;
    let journal = header.identity();
    if let Some(through) = options.through
        && let Some(last) = last_sequence(storage).filter(|last| through > *last)
    {
        return Err(VerifyError::ThroughBeyondEnd { through, last });
    }
    let context = Context {
        state: State::with_room_for(journal.seed(), Expected::default()),
        id_archive: IdArchive::empty(journal.seed()),
        findings: Findings::default(),
        tallies: Mutex::default(),
        reader: log.reader(),
        counted: Mutex::default(),
    };
    let (end, read) = read_all(&log, &context, work, &journal, options, progress);
    if let Some(source) = read.failed {
        let file = "the working folder".into();
        return Err(VerifyError::Io { file, source });
    }
    let mut files = (0, 0);
    if let Ok(end) = &end {
        check_headers(end, &context.findings);
        check_money(&context);
        casework::check_counted(&log, &context)?;
        if let Some(head) = options.head.filter(|_| !read.met) {
            let what = Finding::ChainElsewhere(head);
            context.findings.file("journal", 0, what);
        }
        let last_sequence = end.read.next_sequence - 1;
        let wanted = Wanted {
            journal: &journal,
            last_sequence,
            days: &context.id_archive.days(),
            whole: options.through.is_none_or(|through| through >= last_sequence),
        };
        files = files::check(&**storage, derived, &wanted, &context.findings);
    }
    let programs = program_reports(&context);
    let digest = context.state.digest();
    let (mismatches, mismatches_count) = context
        .findings
        .into_parts(|sequence| context.reader.describe(sequence));
    Ok(Report {
        programs,
        records: read.records,
        dates: read.dates,
        digest,
        head: read.head,
        torn_bytes: end.as_ref().map_or(0, |end| end.torn_bytes),
        files,
        mismatches,
        mismatches_count,
        damage: end.err(),
    })
}

/// The sequence of the journal's last record, by its last segment alone; `None` when that is damaged, as who reads all of it finds.
fn last_sequence<S: ReadStorage>(storage: &Arc<S>) -> Option<u64> {
    let log = FileLogStore::open(storage, Layout::DEFAULT).ok()?;
    let mut cursor = log.file_cursor(Bound::All).ok()?;
    cursor.seek(u64::MAX).ok()?;
    let end = cursor.classify_end().ok()?;
    Some(end.read.next_sequence - 1)
}

fn read_all<S: ReadStorage, W: Storage>(
    log: &FileLogStore<S>,
    context: &Context<S>,
    work: &W,
    journal: &LogIdentity,
    options: &VerifyOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> (Result<JournalEnd, ReplayError>, Read) {
    let through = options.through.unwrap_or(u64::MAX);
    let mut cursor = match log.file_cursor(Bound::All) {
        Ok(cursor) => cursor,
        Err(error) => return (Err(error.into()), Read::default()),
    };
    std::thread::scope(|scope| {
        let mut reading = Reading::start(scope, context, work, journal, through, options.head);
        let ran = reading.run(&mut cursor, progress);
        let (read, finished) = reading.finish();
        let end = ran.and_then(|()| {
            let end = cursor.classify_end()?;
            finished.map_err(|misfit| ReplayError::misfit(misfit, &cursor))?;
            Ok(end)
        });
        (end, read)
    })
}

/// A damaged copy of a segment's header does no harm while the other is whole, but is damage.
fn check_headers(end: &JournalEnd, findings: &Findings) {
    for (header, offset) in &end.read.header_repairs {
        // Both copies of a segment that has no frame yet may be being written.
        if end.read.place != Place::start_of(header.segment) {
            let file = segment_name(header.segment);
            findings.file(&file, *offset, Finding::HeaderCopyDamaged);
        }
    }
}

/// I4, programme by programme: what is used in its slots is what was authorised less what was given back.
fn check_money<S: ReadStorage>(context: &Context<S>) {
    let Context { state, findings, .. } = context;
    let directory = state.directory.read();
    for totals in state.totals(BusinessDate::from_days(0)) {
        let rules = directory
            .rules()
            .iter()
            .filter(|rule| rule.program == totals.program);
        let benefits = rules.flat_map(|rule| rule.benefits.iter().map(|benefit| benefit.number.0));
        let benefits: std::collections::BTreeSet<u16> = benefits.collect();
        let used_in = |benefit: u16| state.used_in_program(BenefitNumber(benefit));
        let used: u128 = benefits.into_iter().map(used_in).sum();
        let ProgramTotals { all, given_back, .. } = totals;
        if !is_conserved(used, all, given_back) {
            let program = totals.program.0;
            let what = Finding::MoneyNotKept {
                program,
                used,
                all,
                given_back,
            };
            findings.file("journal", 0, what);
        }
    }
}

fn program_reports<S: ReadStorage>(context: &Context<S>) -> Vec<ProgramReport> {
    let directory = context.state.directory.read();
    let mut tallies: BTreeMap<NameNumber, Tally> = std::mem::take(&mut *context.tallies.lock());
    let totals = context.state.totals(BusinessDate::from_days(0));
    for (program, _) in directory.in_force() {
        tallies.entry(program).or_default();
    }
    let unknown = tallies.remove(&NameNumber::UNKNOWN);
    let name = |number: NameNumber| directory.name(number).map(ToString::to_string);
    let report = |(number, tally): (NameNumber, Tally)| {
        let money = totals.iter().find(|totals| totals.program == number);
        ProgramReport {
            program: name(number).unwrap_or_else(|| "(unknown)".into()),
            approved: tally.approved,
            declined: tally.declined,
            authorised: money.map_or(0, |money| money.all),
            given_back: money.map_or(0, |money| money.given_back),
        }
    };
    let known = tallies.into_iter().map(report);
    known
        .chain(unknown.map(|tally| report((NameNumber::UNKNOWN, tally))))
        .collect()
}
