//! Replaying a journal into the state: one thread reads and checks the journal, others apply its records, each to shards of
//! its own, so that no two wait for each other.
//!
//! A part of the state that came from a snapshot takes only the records it lacks.

use crate::recovery::worker_pool::{
    Chunk, OwnedShards, Partition, ReplayError, ReplayMismatch, Worker, WorkerPool, read_frames,
};
use crate::snapshot::base::{AppliedWatermarks, ReplayBase};
use parking_lot::MutexGuard;
use satang_core::calendar::BusinessDate;
use satang_core::ids::{HouseholdId, PersonId, WalletId};
use satang_core::record::{
    Authorization, AuthorizationRecord, CutOverRecord, Record, RecordError, RecordHeader, RecordKind,
    extra_of,
};
use satang_core::state::account::WalletShard;
use satang_core::state::apply::{ApplyError, IdKey, Shards, apply, apply_authorization, changes_shards};
use satang_core::state::dedup::IdShard;
use satang_core::state::directory::{AuditStamp, Directory};
use satang_core::state::household::HouseholdShard;
use satang_core::state::person::PersonShard;
use satang_core::state::quota::Quotas;
use satang_log::commit::CutOver;
use satang_log::log::{Cursor, Frame, LogIdentity};
use satang_log::storage::Storage;
use std::thread::Scope;
use zerocopy::FromBytes;

/// What a replay came to.
#[derive(Debug, Default)]
pub struct Replayed {
    /// How many records were read.
    pub records: u64,
    /// The date the next record is appended to; `None` before the first record.
    pub date: Option<BusinessDate>,
    /// Bytes that its frames take in the log.
    pub bytes: u64,
    /// The persons that its records name.
    pub persons: Vec<PersonId>,
    /// The cut-overs of all dates so far, in order.
    pub cut_overs: Vec<CutOver>,
}

/// Why a record cannot be replayed.
#[derive(Debug, thiserror::Error)]
enum Cause {
    /// Its bytes are none of a record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It belongs to another date.
    #[error(transparent)]
    Date(#[from] DateError),
    /// It does not fit the state.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// Why a record belongs to another date than the one that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// Its time is of another date.
    #[error("a record of {today} while {open} is open")]
    Other {
        /// The date of its time.
        today: BusinessDate,
        open: BusinessDate,
    },
    /// A cut-over closes another date.
    #[error("cut-over of {over} while {open} is open")]
    CutOver {
        /// The date that it closes.
        over: BusinessDate,
        open: BusinessDate,
    },
    /// A cut-over is cut short.
    #[error("a cut-over without a date")]
    None,
}

/// The dates of a journal as it is read: every record belongs to the date that is open.
#[derive(Debug, Default)]
pub struct Dates {
    /// The date the next record belongs to; `None` before the first record.
    pub open: Option<BusinessDate>,
    /// The cut-overs of all dates so far, in order.
    pub cut_overs: Vec<CutOver>,
    /// A date was closed since [`Dates::take_ended`] was asked.
    ended: bool,
}

impl Dates {
    /// Dates of a journal that is read from behind these cut-overs on.
    pub fn behind(cut_overs: Vec<CutOver>) -> Dates {
        Dates {
            cut_overs,
            ..Dates::default()
        }
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// Why it belongs to another date than the one that is open: nothing has changed then.
    pub fn take(&mut self, header: &RecordHeader, bytes: &[u8]) -> Result<(), DateError> {
        let today = header.at().business_date();
        if header.kind != RecordKind::CutOver as u8 {
            let date = *self.open.get_or_insert(today);
            return match today == date {
                true => Ok(()),
                false => Err(DateError::Other { today, open: date }),
            };
        }
        let (record, _) = CutOverRecord::read_from_prefix(bytes).map_err(|_| DateError::None)?;
        // Reading that begins in the middle learns the date from the first record; a journal does not begin with a cut-over.
        let date = match self.open {
            Some(date) => date,
            None if header.sequence > 1 => record.date(),
            None => today,
        };
        if record.date() != date || today <= date {
            return Err(DateError::CutOver {
                over: record.date(),
                open: date,
            });
        }
        self.close(date, header.sequence);
        Ok(())
    }

    /// The date is over, as the record of `sequence` says; the next one is open.
    pub fn close(&mut self, date: BusinessDate, sequence: u64) {
        self.open = Some(date.next());
        self.ended = true;
        if self.cut_overs.last().is_none_or(|(_, last)| *last < sequence) {
            self.cut_overs.push((date, sequence));
        }
    }

    /// The open date, when a date was closed since this was last asked.
    pub fn take_ended(&mut self) -> Option<BusinessDate> {
        self.open.filter(|_| std::mem::take(&mut self.ended))
    }
}

/// A replay in progress; lives in a scope of threads.
pub struct Replay<'s, 'r, S: Storage> {
    beginning: &'r ReplayBase,
    storage: &'r S,
    journal: &'r LogIdentity,
    pool: WorkerPool<'s, 'r, Applier<'r>>,
    dates: Dates,
    records: u64,
    bytes: u64,
    persons: Vec<PersonId>,
}

impl<'s, 'r, S: Storage> Replay<'s, 'r, S> {
    /// Starts the workers of a replay in `scope`.
    pub fn start(
        scope: &'s Scope<'s, 'r>,
        beginning: &'r ReplayBase,
        storage: &'r S,
        journal: &'r LogIdentity,
    ) -> Replay<'s, 'r, S> {
        Replay {
            beginning,
            storage,
            journal,
            pool: WorkerPool::small_at_first(scope, move |partition| Applier { beginning, partition }),
            dates: Dates::behind(beginning.cut_overs.clone()),
            records: 0,
            bytes: 0,
            persons: Vec::new(),
        }
    }

    /// Applies everything a cursor reads; also lets the ids of the dates leave memory that are over. `progress` is told the bytes read
    /// and the bytes there are.
    pub fn run<C: Cursor>(
        mut self,
        cursor: &mut C,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Replayed, ReplayError> {
        read_frames(cursor, C::next_frame, |frame| self.take_frame(frame), progress)?;
        self.finish()
            .map_err(|misfit| ReplayError::misfit(misfit, cursor))?;
        // The workers end once nobody can send them anything.
        Ok(Replayed {
            records: self.records,
            bytes: self.bytes,
            date: self.dates.open,
            persons: self.persons,
            cut_overs: self.dates.cut_overs,
        })
    }

    fn take_frame(&mut self, frame: &Frame) -> Result<(), ReplayMismatch> {
        self.pool.begin_frame(frame)?;
        self.bytes += frame.stored_bytes as u64;
        for (offset, header, bytes) in frame.records() {
            let sequence = header.sequence;
            self.take(&header, bytes)
                .map_err(|why| ReplayMismatch::new(sequence, why))?;
            self.pool.push(offset, sequence);
            self.records += 1;
        }
        Ok(())
    }

    fn take(&mut self, header: &RecordHeader, bytes: &[u8]) -> Result<(), Cause> {
        if header.kind != RecordKind::CutOver as u8 {
            // Once all dates that end together are over. A misfit that a worker found is told with the next frame.
            let _ = self.archive_ids();
        }
        self.dates.take(header, bytes)?;
        let plain =
            header.kind == RecordKind::Authorization as u8 && bytes.len() == size_of::<AuthorizationRecord>();
        if !plain {
            // The others are few: whatever is wrong with one is found here.
            let record = Record::decode(header, bytes)?;
            self.persons.extend(record.person());
            let mut shards = OfReader {
                beginning: self.beginning,
                sequence: header.sequence,
            };
            apply(&record, &AuditStamp::of(header), &mut shards)?;
        }
        Ok(())
    }

    /// Waits until every record is applied.
    fn finish(&mut self) -> Result<(), ReplayMismatch> {
        self.pool.settle()?;
        self.archive_ids()
    }

    /// As the running engine does at some time after a date's end: once the records of the dates are applied.
    fn archive_ids(&mut self) -> Result<(), ReplayMismatch> {
        let Some(today) = self.dates.take_ended() else {
            return Ok(());
        };
        self.pool.settle()?;
        let ReplayBase {
            state, id_archive, ..
        } = self.beginning;
        let cut_overs = &self.dates.cut_overs;
        let left = id_archive.let_leave(state, self.storage, self.journal, cut_overs, today);
        if let Err(error) = left {
            // They stay in memory, where they are found as well.
            tracing::warn!(%error, "the index of an old date cannot be written");
        }
        Ok(())
    }
}

/// What the thread that reads the journal keeps: the directory and the counters of rights, unless they have the record already.
struct OfReader<'r> {
    beginning: &'r ReplayBase,
    sequence: u64,
}

impl Shards for OfReader<'_> {
    fn quotas<T>(&mut self, change: impl FnOnce(&mut Quotas) -> T) -> Option<T> {
        let ReplayBase { state, through, .. } = self.beginning;
        (self.sequence > through.quotas).then(|| change(&mut state.quotas.lock()))
    }

    fn directory<T>(&mut self, change: impl FnOnce(&mut Directory) -> T) -> Option<T> {
        let ReplayBase { state, through, .. } = self.beginning;
        (self.sequence > through.directory).then(|| change(&mut state.directory.write()))
    }
}

/// Applies what concerns its own shards.
struct Applier<'r> {
    beginning: &'r ReplayBase,
    partition: Partition,
}

impl Worker for Applier<'_> {
    fn take(&mut self, chunk: &Chunk) -> Result<(), ReplayMismatch> {
        let mut own = OwnedShards::lock(&self.beginning.state, self.partition);
        for record in chunk.records() {
            if let Some(later) = record.later {
                own.prefetch(later, false);
            }
            let sequence = record.header.sequence;
            let mut shards = OfWorker {
                own: &mut own,
                through: &self.beginning.through,
                sequence,
            };
            apply_bytes(&record.header, record.bytes, &mut shards)
                .map_err(|why| ReplayMismatch::new(sequence, why))?;
        }
        Ok(())
    }
}

/// Applies a record to a worker's shards.
fn apply_bytes(header: &RecordHeader, bytes: &[u8], shards: &mut OfWorker<'_, '_>) -> Result<(), Cause> {
    match RecordKind::from_number(header.kind) {
        Some(RecordKind::Authorization) => {
            let record = AuthorizationRecord::view(bytes)?;
            let authorization = Authorization {
                record: *record,
                extension: extra_of(record, bytes),
            };
            apply_authorization(&authorization, header.sequence, shards);
        }
        Some(kind) if changes_shards(kind) => {
            apply(&Record::decode(header, bytes)?, &AuditStamp::of(header), shards)?;
        }
        // The reader of the journal has applied it.
        Some(_) | None => {}
    }
    Ok(())
}

/// A worker's shards, those of them that lack the record.
struct OfWorker<'o, 'r> {
    own: &'o mut OwnedShards<'r>,
    through: &'o AppliedWatermarks,
    sequence: u64,
}

impl Shards for OfWorker<'_, '_> {
    #[inline]
    fn ids(&mut self, id: IdKey, change: impl FnOnce(&mut IdShard)) {
        let OfWorker { own, through, .. } = self;
        let shard = id.shard(&own.seed);
        change_own(&mut own.ids, &through.ids, shard, self.sequence, change);
    }

    #[inline]
    fn citizen(&mut self, person: PersonId, change: impl FnOnce(&mut PersonShard)) {
        let OfWorker { own, through, .. } = self;
        let shard = own.seed.person_shard(person);
        change_own(&mut own.citizens, &through.citizens, shard, self.sequence, change);
    }

    #[inline]
    fn household(&mut self, household: HouseholdId, change: impl FnOnce(&mut HouseholdShard)) {
        let OfWorker { own, through, .. } = self;
        let shard = own.seed.household_shard(household);
        change_own(
            &mut own.households,
            &through.households,
            shard,
            self.sequence,
            change,
        );
    }

    #[inline]
    fn wallet(&mut self, wallet: WalletId, change: impl FnOnce(&mut WalletShard)) {
        let OfWorker { own, through, .. } = self;
        let shard = own.seed.wallet_shard(wallet);
        change_own(&mut own.wallets, &through.wallets, shard, self.sequence, change);
    }
}

/// Changes the shard, when it is the worker's and lacks the record.
#[inline]
fn change_own<T>(
    own: &mut [Option<MutexGuard<'_, T>>],
    through: &[u64],
    shard: usize,
    sequence: u64,
    change: impl FnOnce(&mut T),
) {
    if let Some(own) = &mut own[shard]
        && sequence > through[shard]
    {
        change(own);
    }
}
