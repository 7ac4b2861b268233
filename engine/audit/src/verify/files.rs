//! The files that are made from the journal: indexes of old days and snapshots. Each must be whole and say what the journal says.

use super::finding::Finding;
use super::findings::Findings;
use crossbeam::channel::{Receiver, bounded};
use satang_core::calendar::BusinessDate;
use satang_core::state::dedup::{IdEntry, IdFact, TxnState};
use satang_core::state::hash::HashSeed;
use satang_engine::ids::archive::OldDays;
use satang_engine::ids::index::{DayFacts, ID_INDEX_FOLDER, IdIndex, IdIndexDamage, IdIndexError};
use satang_engine::snapshot::{self, SnapshotDamage, Unusable};
use satang_log::log::LogIdentity;
use satang_log::storage::ReadStorage;
use std::io;
use zerocopy::IntoBytes as _;

/// The files there were before the journal's end was read: nothing in them is newer than that end.
pub struct Derived {
    indexes: Vec<String>,
    snapshots: Vec<String>,
}

impl Derived {
    /// Lists them.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn list<S: ReadStorage>(storage: &S) -> io::Result<Derived> {
        Ok(Derived {
            indexes: storage.list(ID_INDEX_FOLDER)?,
            snapshots: snapshot::names(storage)?,
        })
    }
}

/// What the journal says.
pub struct Wanted<'w> {
    pub journal: &'w LogIdentity,
    /// The sequence of its last record.
    pub last_sequence: u64,
    /// The dates that have left memory, with indexes of their own.
    pub days: &'w OldDays,
    /// Whether it was re-decided to its end.
    pub whole: bool,
}

/// Holds every index and snapshot against the journal; how many that were. Those of another version of the program are passed over,
/// as a start does.
pub fn check<S: ReadStorage>(
    storage: &S,
    derived: &Derived,
    wanted: &Wanted<'_>,
    findings: &Findings,
) -> (u64, u64) {
    let is_checked = |name: &&String| {
        let date = name.strip_suffix(".ids").map(BusinessDate::parse);
        match date {
            Some(Ok(date)) => check_index(storage, date, wanted, findings),
            Some(Err(_)) => {
                findings.file(&format!("{ID_INDEX_FOLDER}/{name}"), 0, Finding::NoDate);
                true
            }
            // One in the making.
            None => false,
        }
    };
    let indexes = derived.indexes.iter().filter(is_checked).count();
    let is_checked = |name: &&String| check_snapshot(storage, name, wanted, findings);
    let snapshots = derived.snapshots.iter().filter(is_checked).count();
    (indexes as u64, snapshots as u64)
}

/// Whether the index was one to be held against the journal.
fn check_index<S: ReadStorage>(
    storage: &S,
    date: BusinessDate,
    wanted: &Wanted<'_>,
    findings: &Findings,
) -> bool {
    let found = match IdIndex::open(storage, wanted.journal, date) {
        Ok(found) => found,
        Err(IdIndexError::Damaged {
            what: IdIndexDamage::Version(_),
            ..
        }) => return false,
        Err(error) => {
            report(&error, findings);
            return true;
        }
    };
    if !wanted.days.has_left(date) {
        if wanted.whole {
            let name = satang_engine::ids::index::id_index_name(date);
            findings.file(&name, 0, Finding::NotLeft);
        }
        if let Err(error) = found.for_each(&mut |_| {}) {
            report(&error, findings);
        }
        return true;
    }
    let own = wanted.days.files.iter().find(|file| file.date() == date);
    let seed = wanted.journal.seed();
    compare(own.map(|own| &**own), &found, &seed, findings);
    true
}

fn report(error: &IdIndexError, findings: &Findings) {
    match error {
        IdIndexError::Io { file, offset, source } => {
            findings.file(file, *offset, Finding::Unreadable(source.to_string()));
        }
        IdIndexError::Damaged { file, offset, what } => {
            findings.file(file, *offset, Finding::IndexDamaged(*what));
        }
    }
}

/// How many entries are handed over at once.
const ENTRIES_AT_ONCE: usize = 4_096;

/// The entries of a file, from a thread of its own; the error at the end, if any.
fn entries<'s, 'f: 's>(
    scope: &'s std::thread::Scope<'s, 'f>,
    file: &'f IdIndex,
) -> Receiver<Result<Vec<IdEntry>, IdIndexError>> {
    let (sender, receiver) = bounded(2);
    scope.spawn(move || {
        let mut waiting = Vec::with_capacity(ENTRIES_AT_ONCE);
        let read = file.for_each(&mut |entry| {
            waiting.push(*entry);
            if waiting.len() == ENTRIES_AT_ONCE {
                // Nobody listens any more after an error of the other file.
                let _ = sender.send(Ok(std::mem::take(&mut waiting)));
            }
        });
        let _ = sender.send(Ok(waiting));
        if let Err(error) = read {
            let _ = sender.send(Err(error));
        }
    });
    receiver
}

/// One entry after the other; remembers the error.
struct Entries {
    blocks: Receiver<Result<Vec<IdEntry>, IdIndexError>>,
    block: std::vec::IntoIter<IdEntry>,
    taken: u64,
    error: Option<IdIndexError>,
}

impl Entries {
    fn of(blocks: Receiver<Result<Vec<IdEntry>, IdIndexError>>) -> Entries {
        Entries {
            blocks,
            block: Vec::new().into_iter(),
            taken: 0,
            error: None,
        }
    }
}

impl Iterator for Entries {
    type Item = IdEntry;

    fn next(&mut self) -> Option<IdEntry> {
        loop {
            if let Some(entry) = self.block.next() {
                self.taken += 1;
                return Some(entry);
            }
            match self.blocks.recv().ok()? {
                Ok(block) => self.block = block.into_iter(),
                Err(error) => self.error = Some(error),
            }
        }
    }
}

/// Walks both files side by side; `own`, made from the journal, has everything that `found` may have: it was written at the
/// earliest, when the date after the next began.
fn compare(own: Option<&IdIndex>, found: &IdIndex, seed: &HashSeed, findings: &Findings) {
    let name = satang_engine::ids::index::id_index_name(found.date());
    std::thread::scope(|scope| {
        let mut there = Entries::of(entries(scope, found));
        let mut wanted = own.map(|own| Entries::of(entries(scope, own)));
        let mut take = || wanted.as_mut().and_then(Iterator::next);
        let mut expected = take();
        let missing = |entry: &IdEntry, at: u64| {
            if !may_be_missing(entry) {
                findings.file(&name, IdIndex::entry_offset(at), Finding::EntryMissing(*entry));
            }
        };
        while let Some(entry) = there.next() {
            let at = there.taken - 1;
            let order = entry.file_order(seed);
            while let Some(other) = expected.filter(|other| other.file_order(seed) < order) {
                missing(&other, at);
                expected = take();
            }
            if expected.is_some_and(|other| other.as_bytes() == entry.as_bytes()) {
                expected = take();
            } else {
                findings.file(&name, IdIndex::entry_offset(at), Finding::EntryUnfounded(entry));
            }
        }
        while let Some(other) = expected {
            missing(&other, there.taken);
            expected = take();
        }
        let own_error = wanted.and_then(|wanted| wanted.error);
        for error in there.error.iter().chain(&own_error) {
            report(error, findings);
        }
    });
}

/// A tombstone, or what was given back, is not in a date's file when a newer one came before the date left memory.
fn may_be_missing(entry: &IdEntry) -> bool {
    match entry.fact() {
        Some(IdFact::Txn) => matches!(entry.txn_state(), TxnState::Tombstone { .. }),
        Some(IdFact::Reversed) => true,
        Some(IdFact::Reversal | IdFact::Registration | IdFact::Closing) | None => false,
    }
}

/// Whether the snapshot was one to be held against the journal.
fn check_snapshot<S: ReadStorage>(storage: &S, name: &str, wanted: &Wanted<'_>, findings: &Findings) -> bool {
    let whole = match snapshot::check(storage, name, wanted.journal) {
        Ok(whole) => whole,
        Err(refusal) => {
            // A running server has taken a newer one and removed this.
            if snapshot::names(storage).is_ok_and(|names| !names.iter().any(|other| other == name)) {
                return false;
            }
            match refusal.what {
                Unusable::Damaged {
                    what: SnapshotDamage::Version(_),
                    ..
                } => return false,
                Unusable::Damaged { offset, what } => {
                    findings.file(name, offset, Finding::SnapshotDamaged(what));
                }
                other @ (Unusable::Io(_)
                | Unusable::NoMemory
                | Unusable::Index(_)
                | Unusable::OtherIndex(_)) => {
                    findings.file(name, 0, Finding::Unreadable(other.to_string()));
                }
            }
            return true;
        }
    };
    if whole.through_max > wanted.last_sequence {
        let (through, last) = (whole.through_max, wanted.last_sequence);
        findings.file(name, 0, Finding::SnapshotAhead { through, last });
    }
    for facts in &whole.id_index {
        if !is_there(storage, wanted.journal, facts) {
            let date = BusinessDate::from_days(facts.date_days);
            findings.file(name, 0, Finding::IndexGone(date));
        }
    }
    true
}

fn is_there<S: ReadStorage>(storage: &S, journal: &LogIdentity, facts: &DayFacts) -> bool {
    let date = BusinessDate::from_days(facts.date_days);
    IdIndex::open(storage, journal, date).is_ok_and(|file| file.facts() == *facts)
}
