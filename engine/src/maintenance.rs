//! What the engine does beside answering: old ids leave memory, snapshots are taken. One thread at a time, never a decision's.

use crate::clock::{Clock, ClockError};
use crate::engine::{Engine, SubmitError};
use crate::persons::{PERSONS_FILE, erase_entries};
use crate::query::received::received_by;
use crate::recovery::clock_check::remember_jump;
use crate::snapshot::{self, SnapshotError, SnapshotFacts, Source};
use parking_lot::Mutex;
use satang_core::ids::{CaseId, MerchantId, PersonId};
use satang_core::record::CaseCounted;
use satang_log::log::{Bound, Log, LogError, LogIdentity, LogStore, Space};
use satang_log::storage::Storage;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Moment};

/// When a snapshot is taken by itself.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotRule {
    /// After this much journal since the last one, in bytes. Less: a faster start, more writing beside the journal's.
    pub journal_bytes: u64,
}

impl SnapshotRule {
    /// 2 GiB of journal: some 20 million authorizations, which a start replays in a few seconds.
    pub const DEFAULT: SnapshotRule = SnapshotRule {
        journal_bytes: 2 << 30,
    };
}

/// The reader of a log's records.
pub(crate) type ReaderOf<L> = <<L as LogStore>::Log as Log>::Reader;

/// Keeps house for one engine.
pub struct Maintenance<S: Storage, L: LogStore, C: Clock> {
    engine: Arc<Engine<ReaderOf<L>, C>>,
    storage: Arc<S>,
    log: Arc<L>,
    journal: LogIdentity,
    rule: SnapshotRule,
    /// Held by whoever keeps house.
    kept: Mutex<Kept>,
    /// Held by whoever deletes entries of the person store: whose are gone, from the disk and from memory.
    erasing: Mutex<BTreeSet<PersonId>>,
    /// Held by whoever counts what merchants received.
    counting: Mutex<()>,
    /// Whether it is written down that the clock jumped.
    jump_remembered: AtomicBool,
}

/// What it knows of what is kept.
pub(crate) struct Kept {
    /// How much of the log was read and written when the last snapshot was taken, see `Appender::written_bytes`.
    pub(crate) snapshot_at_bytes: u64,
    /// A date has left memory since then: a start from that snapshot would have to let it leave once more.
    pub(crate) due: bool,
    /// Snapshots that the start could not use: they are no generation to keep.
    pub(crate) refused: Vec<String>,
    /// After a failure, not before this.
    pub(crate) not_before: Option<Moment>,
}

impl Default for Kept {
    /// Nothing was kept yet.
    fn default() -> Kept {
        Kept {
            snapshot_at_bytes: 0,
            due: false,
            refused: Vec::new(),
            not_before: None,
        }
    }
}

/// How long after a failed snapshot the next one is tried.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// A snapshot that was taken, and how long it took.
#[derive(Clone, Debug)]
pub struct Taken {
    /// What is in it.
    pub facts: SnapshotFacts,
    /// From the first lock to the flushed name.
    pub took: Duration,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// See [`SnapshotError`].
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The ids of an old date cannot leave memory; they stay in it.
    #[error("the index of an old date cannot be written: {0}")]
    IdArchive(#[from] io::Error),
    /// The time cannot be trusted.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// What room the disk has is the journal's.
    #[error("the disk is full")]
    DiskFull,
}

/// Why a decision of casework was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ChoreError {
    /// The person store cannot be changed.
    #[error("{PERSONS_FILE}: {0}")]
    Persons(#[from] io::Error),
    /// The journal cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What was counted cannot be recorded.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl<S: Storage, L: LogStore, C: Clock> Maintenance<S, L, C> {
    /// A keeper of `engine`.
    pub(crate) fn new(
        engine: Arc<Engine<ReaderOf<L>, C>>,
        storage: Arc<S>,
        log: Arc<L>,
        journal: LogIdentity,
        rule: SnapshotRule,
        kept: Kept,
    ) -> Maintenance<S, L, C> {
        Maintenance {
            engine,
            storage,
            log,
            journal,
            rule,
            kept: Mutex::new(kept),
            erasing: Mutex::default(),
            counting: Mutex::default(),
            jump_remembered: AtomicBool::new(false),
        }
    }

    /// Reserves room for new persons, unless there is enough; to be called every second or so. While there is none, citizens whom
    /// nobody has named before are refused.
    ///
    /// # Errors
    /// Of the operating system, `StorageFull` among them.
    pub fn reserve_room(&self) -> io::Result<()> {
        self.engine.persons.reserve_room(&*self.storage)
    }

    pub(crate) fn engine(&self) -> &Engine<ReaderOf<L>, C> {
        &self.engine
    }

    pub(crate) fn storage(&self) -> &S {
        &self.storage
    }

    pub(crate) fn log(&self) -> &L {
        &self.log
    }

    pub(crate) fn identity(&self) -> &LogIdentity {
        &self.journal
    }

    /// Counts what merchants received who withdrew their consent, and says in their cases that it is owed; to be called after
    /// withdrawals, and at a start, which may be the first to get to it. Reads the journal from its beginning.
    ///
    /// # Errors
    /// [`ChoreError`]: they are counted at the next call.
    pub fn count_received(&self) -> Result<(), ChoreError> {
        let _one_at_a_time = self.counting.lock();
        let (uncounted, last) = {
            let directory = self.engine.state.directory.read();
            let cases = directory.casework().uncounted();
            let cases = cases.map(|(case, merchant)| (case.id, merchant, case.sequence));
            let uncounted: Vec<(CaseId, MerchantId, u64)> = cases.collect();
            (uncounted, self.engine.appender.last_sequence())
        };
        if uncounted.is_empty() {
            return Ok(());
        }
        // Another request's withdrawal may be among them, and its records not be in the file yet.
        self.block_until(last)?;
        let merchants = uncounted
            .iter()
            .map(|(_, merchant, sequence)| (*merchant, *sequence));
        let mut cursor = self.log.cursor(Bound::Durable(self.engine.durable().clone()))?;
        let received = received_by(&mut cursor, &merchants.collect())?;
        for (case, merchant, _) in uncounted {
            let owed = received[&merchant];
            self.engine.decide_casework(&CaseCounted { case, owed }, None)?;
        }
        Ok(())
    }

    /// Deletes the entries of erased citizens from memory and from the person store; to be called after erasures, and at a start,
    /// which may be the first to get to it. Says how many there were.
    ///
    /// # Errors
    /// [`ChoreError`]: entries may be there still, and the next start deletes them.
    pub fn forget_erased(&self) -> Result<usize, ChoreError> {
        let mut gone = self.erasing.lock();
        let (mut erased, last) = {
            let directory = self.engine.state.directory.read();
            let erased = directory
                .casework()
                .erased()
                .filter(|person| !gone.contains(person));
            let erased: BTreeSet<PersonId> = erased.collect();
            (erased, self.engine.appender.last_sequence())
        };
        if erased.is_empty() {
            return Ok(0);
        }
        // Another request's erasure may be among them: an entry that is gone without a record that says so looks like damage.
        self.block_until(last)?;
        // Memory forgets last: whom it knows, the disk may know.
        let mut count = 0;
        if self.engine.persons.knows_any(&erased) {
            count = erase_entries(&*self.storage, &erased)?;
            self.engine.persons.forget(&erased);
        }
        gone.append(&mut erased);
        Ok(count)
    }

    /// Blocks until what was read of the state is durable.
    fn block_until(&self, sequence: u64) -> Result<(), ChoreError> {
        let durable = self.engine.durable().block_until(sequence);
        Ok(durable.map_err(SubmitError::from)?)
    }

    /// Remembers over a restart that the clock jumped, once it did. To be called now and then.
    ///
    /// # Errors
    /// Of the operating system; the next call tries again.
    pub fn watch_clock(&self) -> io::Result<()> {
        let jumped = matches!(self.engine.now(), Err(ClockError::Jumped { .. }));
        if jumped && !self.jump_remembered.load(Ordering::Relaxed) {
            remember_jump(&*self.storage)?;
            self.jump_remembered.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Does what is due: to be called now and then.
    ///
    /// # Errors
    /// [`KeepError`]; it is tried again some time later.
    pub fn keep(&self) -> Result<Option<Taken>, KeepError> {
        let mut kept = self.kept.lock();
        if kept.not_before.is_some_and(|moment| Moment::now() < moment) || self.engine.durable().has_failed()
        {
            return Ok(None);
        }
        let done = self.keep_now(&mut kept);
        if done.is_err() {
            kept.not_before = Some(Moment::now() + RETRY_AFTER);
        }
        done
    }

    fn keep_now(&self, kept: &mut Kept) -> Result<Option<Taken>, KeepError> {
        kept.due |= self.archive_ids()?;
        let written = self.engine.appender().written_bytes();
        let grown = written.saturating_sub(kept.snapshot_at_bytes);
        if kept.due || grown >= self.rule.journal_bytes {
            self.snapshot_now(kept).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Takes a snapshot now.
    pub fn snapshot(&self) -> Result<Taken, KeepError> {
        let mut kept = self.kept.lock();
        kept.due |= self.archive_ids()?;
        self.snapshot_now(&mut kept)
    }

    /// Lets the ids of old dates leave memory, without a snapshot.
    pub fn tidy_ids(&self) -> Result<bool, KeepError> {
        let mut kept = self.kept.lock();
        let left = self.archive_ids()?;
        kept.due |= left;
        Ok(left)
    }

    /// Lets the ids of the dates leave memory that are neither today nor yesterday. With a full disk they stay: what room there
    /// is is the journal's.
    fn archive_ids(&self) -> Result<bool, KeepError> {
        if self.engine.space() != Space::Enough {
            return Ok(false);
        }
        let durable = |sequence| self.engine.durable().check(sequence) == Ok(true);
        let cut_overs = self.engine.appender().cut_overs().into_iter();
        let durable_cut_overs: Vec<_> = cut_overs.take_while(|(_, at)| durable(*at)).collect();
        // As far as is durable: a later date leaves when its own cut-over is.
        let Some(today) = durable_cut_overs.last().map(|(date, _)| date.next()) else {
            return Ok(false);
        };
        Ok(self.engine.id_archive.let_leave(
            self.engine.state(),
            &*self.storage,
            &self.journal,
            &durable_cut_overs,
            today,
        )?)
    }

    fn snapshot_now(&self, kept: &mut Kept) -> Result<Taken, KeepError> {
        if self.engine.space() != Space::Enough {
            return Err(KeepError::DiskFull);
        }
        let started = Moment::now();
        let at = self.engine.now()?;
        let written = self.engine.appender().written_bytes();
        let source = Source {
            state: self.engine.state(),
            id_archive: &self.engine.id_archive,
            appender: self.engine.appender(),
            durable: self.engine.durable(),
            persons: &self.engine.persons,
            journal: &self.journal,
            at,
            refused: &kept.refused,
        };
        let facts = snapshot::take(&*self.storage, &source)?;
        kept.refused.clear();
        kept.due = false;
        kept.snapshot_at_bytes = written;
        Ok(Taken {
            facts,
            took: started.elapsed(),
        })
    }
}
