//! Replaying a journal into the state: one thread reads and checks the journal, others apply its records, each to shards of
//! its own, so that no two wait for each other.
//!
//! A part of the state that came from a snapshot takes only the records it lacks.

use crate::journal::{Misfit, Place, Visitor};
use crate::old_ids::{CutOver, OldIds};
use crate::state::State;
use crate::storage::{Page, Storage};
use parking_lot::{Condvar, Mutex, MutexGuard};
use satang_core::account::{WALLET_SHARDS, WalletShard, wallet_shard};
use satang_core::calendar::BusinessDate;
use satang_core::citizen::{CITIZEN_SHARDS, CitizenShard, citizen_shard};
use satang_core::dedup::{ID_SHARDS, IdShard, reversal_shard, txn_shard};
use satang_core::ids::PersonId;
use satang_core::outcome::Reason;
use satang_core::record::{
    AdminRecord, AuthorizationRecord, BenefitNumber, CutOverRecord, Position, Record, RecordHeader,
    RecordKind,
};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, available_parallelism};
use zerocopy::{FromBytes, IntoBytes};

/// The sequence of the last record that each part of the state has taken; 0 for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Through {
    /// Names, rules, merchants.
    pub directory: u64,
    /// By id shard.
    pub ids: Vec<u64>,
    /// By citizen shard.
    pub citizens: Vec<u64>,
    /// By wallet shard.
    pub wallets: Vec<u64>,
}

impl Through {
    /// An empty state has taken nothing.
    pub fn nothing() -> Through {
        Through {
            directory: 0,
            ids: vec![0; ID_SHARDS],
            citizens: vec![0; CITIZEN_SHARDS],
            wallets: vec![0; WALLET_SHARDS],
        }
    }
}

/// What a replay begins with.
pub struct Beginning {
    /// The state so far.
    pub state: State,
    /// What it has taken.
    pub through: Through,
    /// The ids that have left memory.
    pub old_ids: OldIds,
    /// The cut-overs of all dates so far, in order.
    pub cut_overs: Vec<CutOver>,
}

/// What a replay came to.
#[derive(Debug, Default)]
pub struct Replayed {
    /// How many records were read.
    pub records: u64,
    /// The date the next record is appended to; `None` before the first record.
    pub date: Option<BusinessDate>,
    /// Where the last record lies.
    pub last_position: Option<Position>,
    /// The persons that its enrollments name.
    pub persons: Vec<PersonId>,
    /// The cut-overs of all dates so far, in order.
    pub cut_overs: Vec<CutOver>,
}

/// A replay in progress; lives in a scope of threads.
pub struct Replay<'s, 'r, S: Storage> {
    scope: &'s Scope<'s, 'r>,
    beginning: &'r Beginning,
    storage: &'r S,
    journal_id: [u8; 16],
    progress: &'r mut dyn FnMut(u64, u64),
    /// None while all that was read is too little to share.
    workers: Vec<SyncSender<Arc<Chunk>>>,
    crew: Arc<Crew>,
    segment: u32,
    bytes: Arc<Vec<Page>>,
    offsets: Vec<u32>,
    /// A date was cut over: ids may be to leave before the next record.
    date_ended: bool,
    out: Replayed,
}

/// Records of one segment.
struct Chunk {
    segment: u32,
    bytes: Arc<Vec<Page>>,
    /// Where they begin.
    offsets: Vec<u32>,
}

/// What the workers tell.
#[derive(Default)]
struct Crew {
    state: Mutex<CrewState>,
    idle: Condvar,
}

#[derive(Default)]
struct CrewState {
    /// Chunks that a worker has not finished.
    open: usize,
    misfit: Option<Misfit>,
}

impl Crew {
    /// A worker is done with a chunk and holds none of its bytes.
    fn finished_one(&self) {
        self.state.lock().open -= 1;
        self.idle.notify_all();
    }
}

/// How many chunks may wait for a worker: more hide more of the disk's unevenness, and hold a segment each.
const CHUNKS_WAITING_MAX: usize = 2;
/// More threads than this only wait for memory.
const WORKERS_MAX: usize = 8;
/// Fewer records than this are applied sooner than threads are started.
const RECORDS_TO_SHARE: usize = 4_096;
/// How many records ahead a worker fetches.
const PREFETCH_AHEAD: usize = 12;

impl<'s, 'r, S: Storage> Replay<'s, 'r, S> {
    /// Begins a replay, whose workers will live in `scope`. `progress` is told the bytes read and the bytes there are.
    pub fn start(
        scope: &'s Scope<'s, 'r>,
        beginning: &'r Beginning,
        storage: &'r S,
        journal_id: [u8; 16],
        progress: &'r mut dyn FnMut(u64, u64),
    ) -> Replay<'s, 'r, S> {
        Replay {
            scope,
            beginning,
            storage,
            journal_id,
            progress,
            workers: Vec::new(),
            crew: Arc::default(),
            segment: 0,
            bytes: Arc::default(),
            offsets: Vec::new(),
            date_ended: false,
            out: Replayed {
                cut_overs: beginning.cut_overs.clone(),
                ..Replayed::default()
            },
        }
    }

    /// Waits until every record is applied; also lets the ids of the dates leave memory that are over.
    ///
    /// # Errors
    /// A record that does not fit what came before it.
    pub fn finish(mut self) -> Result<Replayed, Misfit> {
        self.hand_out();
        self.wait_until_idle()?;
        self.let_ids_leave()?;
        // The workers end once nobody can send them anything.
        Ok(self.out)
    }

    /// Gives the records gathered so far to the workers; as long as there are few at a time, this thread is the only one.
    fn hand_out(&mut self) {
        if self.offsets.is_empty() {
            return;
        }
        if self.workers.is_empty() && self.offsets.len() >= RECORDS_TO_SHARE {
            self.start_workers();
        }
        let chunk = Arc::new(Chunk {
            segment: self.segment,
            bytes: self.bytes.clone(),
            offsets: std::mem::take(&mut self.offsets),
        });
        if self.workers.is_empty() {
            return Worker::new(self.beginning, 0, 1).work_on(&chunk, &self.crew);
        }
        self.crew.state.lock().open += self.workers.len();
        for worker in &self.workers {
            worker
                .send(chunk.clone())
                .expect("a worker ends after its sender");
        }
    }

    fn start_workers(&mut self) {
        let count = available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
        for index in 0..count {
            let (sender, chunks) = sync_channel(CHUNKS_WAITING_MAX);
            let worker = Worker::new(self.beginning, index, count);
            let crew = self.crew.clone();
            self.scope.spawn(move || worker.run(&chunks, &crew));
            self.workers.push(sender);
        }
    }

    fn wait_until_idle(&self) -> Result<(), Misfit> {
        let mut state = self.crew.state.lock();
        while state.open > 0 {
            self.crew.idle.wait(&mut state);
        }
        match &state.misfit {
            Some(misfit) => Err(misfit.clone()),
            None => Ok(()),
        }
    }

    /// As the running engine does at some time after a date's end: once the records of the dates are applied.
    fn let_ids_leave(&mut self) -> Result<(), Misfit> {
        let Some(today) = self.out.date else {
            return Ok(());
        };
        if !std::mem::take(&mut self.date_ended) {
            return Ok(());
        }
        self.hand_out();
        self.wait_until_idle()?;
        let Beginning { state, old_ids, .. } = self.beginning;
        let left = old_ids.let_leave(state, self.storage, self.journal_id, &self.out.cut_overs, today);
        if let Err(error) = left {
            // They stay in memory, where they are found as well.
            tracing::warn!(%error, "the index of an old date cannot be written");
        }
        Ok(())
    }

    fn check_date(&mut self, header: &RecordHeader, position: Position) -> Result<(), String> {
        let today = header.at().business_date();
        if header.kind != RecordKind::CutOver as u8 {
            let date = *self.out.date.get_or_insert(today);
            return match today == date {
                true => Ok(()),
                false => Err(format!("a record of {today} while {date} is open")),
            };
        }
        let bytes = self.bytes.as_bytes();
        let (record, _) = CutOverRecord::read_from_prefix(&bytes[Place::of(position).offset as usize..])
            .map_err(|_| "a cut-over without a date".to_owned())?;
        // A replay that begins in the middle learns its date from the first record; a journal does not begin with a cut-over.
        let date = match self.out.date {
            Some(date) => date,
            None if header.sequence > 1 => record.date(),
            None => today,
        };
        if record.date() != date || today <= date {
            return Err(format!("cut-over of {} while {date} is open", record.date()));
        }
        self.out.date = Some(date.next());
        let known = self
            .out
            .cut_overs
            .last()
            .is_some_and(|(_, last)| *last >= position);
        if !known {
            self.out.cut_overs.push((date, position));
        }
        self.date_ended = true;
        Ok(())
    }
}

impl<S: Storage> Visitor for Replay<'_, '_, S> {
    fn begin_segment(&mut self, segment: u32, bytes: &Arc<Vec<Page>>) {
        self.segment = segment;
        self.bytes = bytes.clone();
    }

    fn record(&mut self, header: &RecordHeader, bytes: &[u8], position: Position) -> Result<(), String> {
        if self.date_ended && header.kind != RecordKind::CutOver as u8 {
            // A misfit that a worker found is told at the segment's end.
            let _ = self.let_ids_leave();
        }
        self.check_date(header, position)?;
        let plain =
            header.kind == RecordKind::Authorization as u8 && bytes.len() == size_of::<AuthorizationRecord>();
        if !plain {
            // The others are few: whatever is wrong with one is found here.
            match Record::decode(header, bytes).map_err(|error| error.to_string())? {
                Record::Admin { record, .. } if header.sequence > self.beginning.through.directory => {
                    let mut directory = self.beginning.state.directory.write();
                    directory.apply(&record).map_err(|error| error.to_string())?;
                }
                Record::Enrollment(record) => self.out.persons.push(record.person()),
                Record::Admin { .. }
                | Record::Authorization { .. }
                | Record::Reversal(_)
                | Record::CutOver(_) => {}
            }
        }
        self.offsets.push(Place::of(position).offset);
        self.out.records += 1;
        self.out.last_position = Some(position);
        Ok(())
    }

    fn end_segment(&mut self) -> Result<(), Misfit> {
        self.hand_out();
        // So that the file's bytes can be used again.
        self.bytes = Arc::default();
        match &self.crew.state.lock().misfit {
            Some(misfit) => Err(misfit.clone()),
            None => Ok(()),
        }
    }

    fn progress(&mut self, done: u64, total: u64) {
        (self.progress)(done, total);
    }
}

/// Applies what concerns its own shards: every `count`-th of each kind.
struct Worker<'r> {
    beginning: &'r Beginning,
    index: usize,
    count: usize,
}

/// The worker's shards, locked while it works on a chunk.
struct Own<'r> {
    ids: Vec<Option<MutexGuard<'r, IdShard>>>,
    citizens: Vec<Option<MutexGuard<'r, CitizenShard>>>,
    wallets: Vec<Option<MutexGuard<'r, WalletShard>>>,
}

impl<'r> Worker<'r> {
    fn new(beginning: &'r Beginning, index: usize, count: usize) -> Worker<'r> {
        Worker {
            beginning,
            index,
            count,
        }
    }

    fn run(&self, chunks: &Receiver<Arc<Chunk>>, crew: &Crew) {
        while let Ok(chunk) = chunks.recv() {
            self.work_on(&chunk, crew);
            drop(chunk);
            crew.finished_one();
        }
    }

    /// Applies a chunk, unless the replay has failed already.
    fn work_on(&self, chunk: &Chunk, crew: &Crew) {
        if crew.state.lock().misfit.is_some() {
            return;
        }
        let Err(misfit) = self.apply_all(chunk) else {
            return;
        };
        let mut state = crew.state.lock();
        let earlier = state
            .misfit
            .as_ref()
            .is_some_and(|known| known.sequence < misfit.sequence);
        if !earlier {
            state.misfit = Some(misfit);
        }
    }

    fn apply_all(&self, chunk: &Chunk) -> Result<(), Misfit> {
        let state = &self.beginning.state;
        let mut own = Own {
            ids: self.lock(&state.ids),
            citizens: self.lock(&state.citizens),
            wallets: self.lock(&state.wallets),
        };
        let bytes = chunk.bytes.as_bytes();
        for (index, offset) in chunk.offsets.iter().enumerate() {
            if let Some(later) = chunk.offsets.get(index + PREFETCH_AHEAD) {
                own.prefetch(&bytes[*later as usize..]);
            }
            let offset = *offset as usize;
            let place = Place {
                segment: chunk.segment,
                offset: 0,
            };
            let position = place.position(offset);
            let (header, _) =
                RecordHeader::read_from_prefix(&bytes[offset..]).expect("checked when it was visited");
            let whole = &bytes[offset..offset + header.len_bytes()];
            self.apply(&mut own, &header, whole, position)
                .map_err(|why| Misfit {
                    position,
                    sequence: header.sequence,
                    why,
                })?;
        }
        Ok(())
    }

    fn lock<'s, T>(&self, shards: &'s [Mutex<T>]) -> Vec<Option<MutexGuard<'s, T>>> {
        let own = |index: usize| index % self.count == self.index;
        let shards = shards.iter().enumerate();
        shards
            .map(|(index, shard)| own(index).then(|| shard.lock()))
            .collect()
    }

    fn apply(
        &self,
        own: &mut Own<'_>,
        header: &RecordHeader,
        bytes: &[u8],
        position: Position,
    ) -> Result<(), String> {
        let (sequence, through) = (header.sequence, &self.beginning.through);
        let lacks = |through: &[u64], shard: usize| sequence > through[shard];
        match RecordKind::from_number(header.kind) {
            Some(RecordKind::Authorization) => {
                let record = AuthorizationRecord::view(bytes).map_err(|error| error.to_string())?;
                let (id, shard) = (record.txn_id(), txn_shard(record.txn_id()));
                if let Some(ids) = own.ids[shard].as_mut().filter(|_| lacks(&through.ids, shard)) {
                    let tombstone = record.reason() == Reason::ReversedBeforeArrival;
                    ids.insert_txn(sequence, id, position, tombstone);
                }
                let shard = wallet_shard(record.wallet());
                if let Some(wallets) = own.wallets[shard]
                    .as_mut()
                    .filter(|_| lacks(&through.wallets, shard))
                {
                    wallets.apply_authorization(record);
                }
                return Ok(());
            }
            Some(RecordKind::Reversal | RecordKind::Enrollment | RecordKind::WalletStatus) => {}
            // The reader of the journal has applied it, or it changes nothing.
            _ => return Ok(()),
        }
        match Record::decode(header, bytes).map_err(|error| error.to_string())? {
            Record::Reversal(record) => {
                let shard = reversal_shard(record.reversal_id());
                if let Some(ids) = own.ids[shard].as_mut().filter(|_| lacks(&through.ids, shard)) {
                    ids.insert_reversal(sequence, record.reversal_id(), position);
                }
                let shard = txn_shard(record.txn_id());
                if let Some(ids) = own.ids[shard].as_mut().filter(|_| lacks(&through.ids, shard)) {
                    ids.apply_reversal(&record, position);
                }
                let shard = wallet_shard(record.wallet());
                let wallets = own.wallets[shard]
                    .as_mut()
                    .filter(|_| lacks(&through.wallets, shard));
                if let Some(wallets) = wallets.filter(|_| record.benefit() != BenefitNumber::NONE) {
                    wallets.apply_reversal(&record);
                }
            }
            Record::Enrollment(record) => {
                let shard = citizen_shard(record.person());
                if let Some(citizens) = own.citizens[shard]
                    .as_mut()
                    .filter(|_| lacks(&through.citizens, shard))
                {
                    citizens.apply_enrollment(&record);
                }
                let shard = wallet_shard(record.wallet());
                if let Some(wallets) = own.wallets[shard]
                    .as_mut()
                    .filter(|_| lacks(&through.wallets, shard))
                {
                    wallets.apply_enrollment(&record);
                }
            }
            Record::Admin {
                record: AdminRecord::WalletStatus { wallet, status, .. },
                ..
            } => {
                let shard = wallet_shard(wallet);
                if let Some(wallets) = own.wallets[shard]
                    .as_mut()
                    .filter(|_| lacks(&through.wallets, shard))
                {
                    wallets.apply_status(wallet, status);
                }
            }
            Record::Authorization { .. } | Record::CutOver(_) | Record::Admin { .. } => {}
        }
        Ok(())
    }
}

impl Own<'_> {
    /// Asks the processor to fetch what applying an authorization will read.
    fn prefetch(&self, bytes: &[u8]) {
        let kind = RecordHeader::ref_from_prefix(bytes).map_or(0, |(header, _)| header.kind);
        if kind != RecordKind::Authorization as u8 {
            return;
        }
        let Ok(record) = AuthorizationRecord::view(bytes) else {
            return;
        };
        if let Some(ids) = &self.ids[txn_shard(record.txn_id())] {
            ids.prefetch(record.txn_id());
        }
        if let Some(wallets) = &self.wallets[wallet_shard(record.wallet())]
            && record.approved()
        {
            wallets.prefetch(record.wallet(), record.benefit());
        }
    }
}
