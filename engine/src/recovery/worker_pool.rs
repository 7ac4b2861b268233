//! A crew of threads that take a journal's records chunk by chunk, while one thread reads and checks the journal. Every worker
//! looks at every record and deals with what concerns its own shards, every `count`-th of each kind, so that no two wait for
//! each other.

use crate::state::State;
use crossbeam::channel::{Receiver, Sender, bounded};
use parking_lot::{Condvar, Mutex, MutexGuard};
use satang_core::record::{AuthorizationRecord, RecordHeader, RecordKind};
use satang_core::state::account::WalletShard;
use satang_core::state::dedup::IdShard;
use satang_core::state::hash::HashSeed;
use satang_core::state::household::HouseholdShard;
use satang_core::state::person::PersonShard;
use satang_log::log::{Cursor, Frame, LogError};
use satang_log::storage::Page;
use std::error::Error;
use std::sync::Arc;
use std::thread::{Scope, available_parallelism};
use zerocopy::{FromBytes, IntoBytes};

/// A record that does not fit what came before it.
#[derive(Clone, Debug)]
pub struct ReplayMismatch {
    pub sequence: u64,
    pub why: Arc<dyn Error + Send + Sync>,
}

impl ReplayMismatch {
    /// A record that does not fit, and why.
    pub fn new(sequence: u64, why: impl Error + Send + Sync + 'static) -> ReplayMismatch {
        ReplayMismatch {
            sequence,
            why: Arc::new(why),
        }
    }
}

/// Why a journal is not replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A record does not fit what came before it.
    #[error("{place}: record {sequence} cannot be replayed: {why}")]
    Record {
        /// Where it lies, in the log's own words.
        place: String,
        sequence: u64,
        why: Arc<dyn Error + Send + Sync>,
    },
    /// The journal ends in front of what a snapshot of it holds.
    #[error(
        "{end}: the journal ends here, though {file} holds its records through sequence {through} (sequence {next_sequence})"
    )]
    Short {
        /// Where it ends, in the log's own words.
        end: String,
        file: String,
        /// The sequence of the last record in the snapshot.
        through: u64,
        /// The sequence that should be there.
        next_sequence: u64,
    },
}

impl ReplayError {
    /// A record that does not fit, in the log that `cursor` reads.
    pub fn misfit(misfit: ReplayMismatch, cursor: &impl Cursor) -> ReplayError {
        let ReplayMismatch { sequence, why } = misfit;
        ReplayError::Record {
            place: cursor.describe(sequence),
            sequence,
            why,
        }
    }
}

/// Reads a log to its end, frame by frame: `next` reads one, `take` deals with it. `progress` is told the bytes read and the bytes
/// there are.
pub fn read_frames<C: Cursor, F>(
    cursor: &mut C,
    next: impl Fn(&mut C) -> Result<Option<F>, LogError>,
    mut take: impl FnMut(&F) -> Result<(), ReplayMismatch>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), ReplayError> {
    let mut told = 0;
    while let Some(frame) = next(cursor)? {
        take(&frame).map_err(|misfit| ReplayError::misfit(misfit, cursor))?;
        let (done, total) = cursor.progress();
        if done != told {
            progress(done, total);
            told = done;
        }
    }
    Ok(())
}

/// What a worker does with records.
pub trait Worker: Send {
    /// Deals with every record of a chunk, in order.
    ///
    /// # Errors
    /// A record that does not fit what came before it: nothing behind it is looked at.
    fn take(&mut self, chunk: &Chunk) -> Result<(), ReplayMismatch>;
}

/// Which shards are a worker's.
#[derive(Clone, Copy, Debug)]
pub struct Partition {
    /// The worker's number, from 0.
    pub index: usize,
    /// How many workers there are.
    pub count: usize,
}

impl Partition {
    /// Whether the shard with this index is the worker's.
    #[inline]
    pub fn has(self, shard: usize) -> bool {
        shard % self.count == self.index
    }

    fn lock<T>(self, shards: &[Mutex<T>]) -> Vec<Option<MutexGuard<'_, T>>> {
        let shards = shards.iter().enumerate();
        shards
            .map(|(index, shard)| self.has(index).then(|| shard.lock()))
            .collect()
    }
}

/// Records that follow one another, in memory.
pub struct Chunk {
    pages: Arc<Vec<Page>>,
    /// The sequence of the first.
    first_sequence: u64,
    offsets: Vec<u32>,
}

/// A record of a chunk.
pub struct ChunkRecord<'c> {
    pub header: RecordHeader,
    pub bytes: &'c [u8],
    /// A record some way ahead and what follows it: to be fetched by now.
    pub later: Option<&'c [u8]>,
}

impl Chunk {
    /// The records, in order.
    pub fn records(&self) -> impl Iterator<Item = ChunkRecord<'_>> {
        let bytes = self.pages.as_bytes();
        self.offsets.iter().enumerate().map(move |(index, offset)| {
            let later = self.offsets.get(index + PREFETCH_AHEAD);
            let (header, record) = record_at(bytes, *offset);
            ChunkRecord {
                header,
                bytes: record,
                later: later.map(|later| &bytes[*later as usize..]),
            }
        })
    }

    /// The record of this sequence; `None` when the chunk has it not, or has it behind a record that was left out.
    pub fn record(&self, sequence: u64) -> Option<(RecordHeader, &[u8])> {
        let index = sequence.checked_sub(self.first_sequence)?;
        let offset = self.offsets.get(usize::try_from(index).ok()?)?;
        let found = record_at(self.pages.as_bytes(), *offset);
        (found.0.sequence == sequence).then_some(found)
    }
}

fn record_at(bytes: &[u8], offset: u32) -> (RecordHeader, &[u8]) {
    let bytes = &bytes[offset as usize..];
    let (header, _) = RecordHeader::read_from_prefix(bytes).expect("checked when it was read");
    (header, &bytes[..header.len_bytes()])
}

/// The workers, and the records that gather for them.
pub struct WorkerPool<'s, 'r, W: Worker + 'r> {
    scope: &'s Scope<'s, 'r>,
    make: Box<dyn Fn(Partition) -> W + 'r>,
    /// Does all the work on the reader's own thread while there is little of it.
    alone: Option<W>,
    workers: Vec<Sender<Arc<Chunk>>>,
    told: Arc<Told>,
    pages: Arc<Vec<Page>>,
    first_sequence: u64,
    offsets: Vec<u32>,
}

/// What the workers tell.
#[derive(Default)]
struct Told {
    state: Mutex<ToldState>,
    idle: Condvar,
}

#[derive(Default)]
struct ToldState {
    /// Chunks that a worker has not finished.
    open: usize,
    misfit: Option<ReplayMismatch>,
}

impl ToldState {
    /// The misfit that was found by now, as an error.
    fn found(&self) -> Result<(), ReplayMismatch> {
        self.misfit.clone().map_or(Ok(()), Err)
    }
}

/// How many chunks may wait for a worker: more hide more of the disk's unevenness, and hold a segment each.
const CHUNKS_WAITING_MAX: usize = 2;
/// More threads than this only wait for memory.
const WORKERS_MAX: usize = 8;
/// How many records ahead a worker fetches.
const PREFETCH_AHEAD: usize = 12;

/// Fewer records than this are dealt with sooner than threads are started.
const RECORDS_TO_SHARE: usize = 4_096;

impl<'s, 'r, W: Worker + 'r> WorkerPool<'s, 'r, W> {
    /// Starts a worker for each core in `scope`; they end when the crew is dropped.
    pub fn start(scope: &'s Scope<'s, 'r>, make: impl Fn(Partition) -> W + 'r) -> WorkerPool<'s, 'r, W> {
        let mut pool = WorkerPool::small_at_first(scope, make);
        pool.start_workers();
        pool
    }

    /// The same, but threads are only started once many records come at a time. For workers that keep nothing of their own:
    /// one that has worked alone is not one of those that follow.
    pub fn small_at_first(
        scope: &'s Scope<'s, 'r>,
        make: impl Fn(Partition) -> W + 'r,
    ) -> WorkerPool<'s, 'r, W> {
        WorkerPool {
            scope,
            alone: Some(make(Partition { index: 0, count: 1 })),
            make: Box::new(make),
            workers: Vec::new(),
            told: Arc::default(),
            pages: Arc::default(),
            first_sequence: 0,
            offsets: Vec::new(),
        }
    }

    fn start_workers(&mut self) {
        self.alone = None;
        let count = available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
        for index in 0..count {
            let (sender, chunks) = bounded(CHUNKS_WAITING_MAX);
            let (mut worker, told) = ((self.make)(Partition { index, count }), self.told.clone());
            self.scope.spawn(move || run(&mut worker, &chunks, &told));
            self.workers.push(sender);
        }
    }

    /// The records that follow are this frame's.
    ///
    /// # Errors
    /// A misfit that a worker has found by now.
    pub fn begin_frame(&mut self, frame: &Frame) -> Result<(), ReplayMismatch> {
        if Arc::ptr_eq(&self.pages, &frame.pages) {
            return Ok(());
        }
        self.hand_out();
        self.pages = frame.pages.clone();
        self.misfit_so_far()
    }

    /// Adds a record, the next in order: where it begins in its frame's pages, and its sequence.
    #[inline]
    pub fn push(&mut self, offset: usize, sequence: u64) {
        if self.offsets.is_empty() {
            self.first_sequence = sequence;
        }
        self.offsets.push(offset as u32);
    }

    /// Gives the records gathered so far to the workers.
    fn hand_out(&mut self) {
        if self.offsets.is_empty() {
            return;
        }
        if self.alone.is_some() && self.offsets.len() >= RECORDS_TO_SHARE {
            self.start_workers();
        }
        let chunk = Arc::new(Chunk {
            pages: self.pages.clone(),
            first_sequence: self.first_sequence,
            offsets: std::mem::take(&mut self.offsets),
        });
        if let Some(alone) = &mut self.alone {
            return work_on(alone, &chunk, &self.told);
        }
        self.told.state.lock().open += self.workers.len();
        for worker in &self.workers {
            worker
                .send(chunk.clone())
                .expect("a worker ends after its sender");
        }
    }

    fn misfit_so_far(&self) -> Result<(), ReplayMismatch> {
        self.told.state.lock().found()
    }

    /// Has the workers deal with all records so far, and waits until they are done.
    ///
    /// # Errors
    /// The first misfit that a worker found.
    pub fn settle(&mut self) -> Result<(), ReplayMismatch> {
        self.hand_out();
        let mut state = self.told.state.lock();
        while state.open > 0 {
            self.told.idle.wait(&mut state);
        }
        state.found()
    }
}

fn run(worker: &mut impl Worker, chunks: &Receiver<Arc<Chunk>>, told: &Told) {
    while let Ok(chunk) = chunks.recv() {
        let _done = Done(told);
        work_on(worker, &chunk, told);
        drop(chunk);
    }
}

/// A worker is done with a chunk once this is dropped, also by a panic: nobody waits for a worker that is gone.
struct Done<'t>(&'t Told);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        // Nobody takes what a worker that panics leaves waiting; the scope tells of the panic.
        state.open = match std::thread::panicking() {
            true => 0,
            false => state.open.saturating_sub(1),
        };
        self.0.idle.notify_all();
    }
}

/// Deals with a chunk, unless a misfit was found already.
fn work_on(worker: &mut impl Worker, chunk: &Chunk, told: &Told) {
    if told.state.lock().misfit.is_some() {
        return;
    }
    let Err(misfit) = worker.take(chunk) else {
        return;
    };
    let mut state = told.state.lock();
    let known = state.misfit.as_ref();
    if known.is_none_or(|known| known.sequence >= misfit.sequence) {
        state.misfit = Some(misfit);
    }
}

/// A worker's shards, locked while it works on a chunk; `None` where a shard is another's.
pub struct OwnedShards<'r> {
    /// The state's.
    pub seed: HashSeed,
    pub ids: Vec<Option<MutexGuard<'r, IdShard>>>,
    pub citizens: Vec<Option<MutexGuard<'r, PersonShard>>>,
    pub households: Vec<Option<MutexGuard<'r, HouseholdShard>>>,
    pub wallets: Vec<Option<MutexGuard<'r, WalletShard>>>,
}

impl<'r> OwnedShards<'r> {
    /// Locks a worker's share of the state.
    pub fn lock(state: &'r State, partition: Partition) -> OwnedShards<'r> {
        OwnedShards {
            seed: state.seed,
            ids: partition.lock(&state.ids),
            citizens: partition.lock(&state.citizens),
            households: partition.lock(&state.households),
            wallets: partition.lock(&state.wallets),
        }
    }

    /// Asks the processor to fetch what applying the authorization at the front of `bytes` will read, and returns it; `None` for
    /// another record. `declined`: whether a decline will read its wallet, too.
    #[inline]
    pub fn prefetch<'b>(&self, bytes: &'b [u8], declined: bool) -> Option<&'b AuthorizationRecord> {
        let kind = RecordHeader::ref_from_prefix(bytes).map_or(0, |(header, _)| header.kind);
        if kind != RecordKind::Authorization as u8 {
            return None;
        }
        let record = AuthorizationRecord::view(bytes).ok()?;
        if let Some(ids) = &self.ids[self.seed.txn_shard(record.txn_id())] {
            ids.prefetch(record.txn_id());
        }
        let drawn_on = (record.approved() || declined) && record.benefit().is_possible();
        if let Some(wallets) = &self.wallets[self.seed.wallet_shard(record.wallet())]
            && drawn_on
        {
            wallets.prefetch(record.wallet(), record.benefit());
        }
        Some(record)
    }
}
