//! The engine handle: what the gateway, the benches and the tests call.
//!
//! The thread that parsed a request takes the shards, decides, appends and goes on to wait for durability; nothing is handed
//! to another thread for the decision (`docs/adr/0002-hand-off.md`).

use crate::clock::{Clock, ClockError};
use crate::commit::{Appender, Refused};
use crate::day_ids::DayIdsError;
use crate::durable::{Durable, StorageFailed};
use crate::journal::{ReadError, Space, Spares};
use crate::locked::Locked;
use crate::log::ReadLog;
use crate::old_ids::{Old, OldIds};
use crate::state::State;
use satang_core::account::{WalletShard, wallet_shard};
use satang_core::authorize::{self, Verdict};
use satang_core::calendar::Instant;
use satang_core::dedup::{IdShard, Reversed, TxnState, reversal_shard, txn_shard};
use satang_core::directory::Directory;
use satang_core::ids::{Name, TxnId};
use satang_core::record::{
    AUTHORIZATION_BYTES_MAX, AuthorizationRecord, NameNumber, OriginalFacts, Position, Record, RecordBuf,
    ReversalRecord,
};
use satang_core::request::{AuthorizationRequest, Purchase, ReversalRequest};
use satang_core::reverse::{self, Reversible};
use std::sync::Arc;

/// Why a request was not decided; nothing happened and its id is not burnt, except where the outcome is unknown.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Too much waits for the disk.
    #[error("too many requests are in flight")]
    Overloaded,
    /// The disk is full.
    #[error("the disk is full; reversals are still taken: {reversals}")]
    DiskFull {
        /// Whether reversals are still taken.
        reversals: bool,
    },
    /// The time cannot be trusted.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The journal failed.
    #[error(transparent)]
    Storage(#[from] StorageFailed),
    /// A durable record cannot be read back.
    #[error("a journaled record cannot be read: {0}")]
    Read(#[from] ReadError),
    /// The index of an old date cannot be read.
    #[error(transparent)]
    OldIds(#[from] DayIdsError),
    /// The record at an id's position is not that id's.
    #[error("the journal returns another record than the one at {position:?}")]
    Misplaced {
        /// Where it should lie.
        position: Position,
    },
    /// More different names of programmes and channels than records can number.
    #[error("too many different names of programmes and channels over the life of the journal")]
    TooManyNames,
    /// More records than one durable write takes.
    #[error("the batch takes {bytes} bytes of journal, at most {bytes_max} fit one durable write")]
    BatchTooLarge {
        /// Bytes it takes.
        bytes: usize,
        /// Bytes that fit.
        bytes_max: usize,
    },
}

/// What became of a request with an id.
#[derive(Clone, Copy, Debug)]
pub enum Submitted<R> {
    /// Decided now. The answer may leave once `position` is durable.
    Decided {
        /// The record, with its sequence.
        record: R,
        /// Where it lies.
        position: Position,
    },
    /// The id has an outcome already: it lies at `position`. Wait until that is durable, read it, compare the content.
    Seen {
        /// Where.
        position: Position,
    },
    /// The outcome depends on a record that is not durable yet: wait for `position`, then ask again.
    Wait {
        /// Where.
        position: Position,
    },
}

/// The engine of one data folder. Shared by all threads.
pub struct Engine<R: ReadLog, C: Clock> {
    pub(crate) state: State,
    pub(crate) old_ids: OldIds,
    pub(crate) appender: Arc<Appender>,
    pub(crate) durable: Arc<Durable>,
    pub(crate) reader: R,
    pub(crate) clock: C,
    /// Set at start when the clock is behind the journal and nobody confirmed it.
    pub(crate) clock_refused: Option<ClockError>,
    pub(crate) spares: Arc<Spares>,
    pub(crate) admin: crate::admin::Admin,
}

/// How many elements ahead a batch fetches.
const PREFETCH_AHEAD: usize = 16;

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// The time, for one request: never before the last record, so that a clock set back a little stands still instead.
    ///
    /// # Errors
    /// [`ClockError`].
    pub fn now(&self) -> Result<Instant, ClockError> {
        match self.clock_refused {
            Some(refused) => Err(refused),
            None => Ok(self.clock.now()?.max(self.appender.last_at())),
        }
    }

    /// The clock, to be set when it is simulated.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// How far the journal is durable.
    pub fn durable(&self) -> &Arc<Durable> {
        &self.durable
    }

    /// Where records gather.
    pub fn appender(&self) -> &Appender {
        &self.appender
    }

    /// The accounts.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The ids that have left memory.
    pub fn old_ids(&self) -> &OldIds {
        &self.old_ids
    }

    /// How much room the disk has for new records.
    pub fn space(&self) -> Space {
        self.spares.space()
    }

    /// The record at a durable position.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(&self, position: Position) -> Result<Record, ReadError> {
        self.reader.read(position)
    }

    /// Decides an authorization, once per id (I5).
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn authorize(
        &self,
        request: &AuthorizationRequest,
    ) -> Result<Submitted<AuthorizationRecord>, SubmitError> {
        self.admit(Space::Enough)?;
        let mut old = match self.old_ids.may_hold(request.txn_id.bits()) {
            true => Some(self.old_ids.txn(request.txn_id)?),
            false => None,
        };
        loop {
            if let Some(submitted) = self.authorize_knowing(request, old)? {
                return Ok(submitted);
            }
            old = Some(self.old_ids.txn(request.txn_id)?);
        }
    }

    /// Decides an authorization; `None` when the files of older days must be asked for its id first, without locks.
    fn authorize_knowing(
        &self,
        request: &AuthorizationRequest,
        old: Option<Old<TxnState>>,
    ) -> Result<Option<Submitted<AuthorizationRecord>>, SubmitError> {
        let directory = self.state.directory.read();
        let mut ids = self.state.ids[txn_shard(request.txn_id)].lock();
        let mut wallets = self.state.wallets[wallet_shard(request.purchase.wallet)].lock();
        // What the checks will read one after another is fetched at once, and while the clock is read.
        ids.prefetch(request.txn_id);
        prefetch(&directory, &wallets, &request.purchase);
        let now = self.now();
        let Some(known) = self.txn_state(&ids, request.txn_id, old) else {
            return Ok(None);
        };
        let tombstone = match known {
            TxnState::Seen { position, .. } => return Ok(Some(Submitted::Seen { position })),
            TxnState::Tombstone => true,
            TxnState::New => false,
        };
        // An answer that was given once needs no time.
        let mut at = now?;
        loop {
            let (mut record, bytes) = prepare(&directory, &wallets, request, tombstone, at);
            match self.appender.begin(at, bytes.as_bytes().len()) {
                Ok(mut appending) => {
                    let (sequence, position) = appending.push(bytes.as_bytes());
                    drop(appending);
                    record.header.sequence = sequence;
                    wallets.apply_authorization(&record);
                    ids.insert_txn(sequence, request.txn_id, position, tombstone);
                    return Ok(Some(Submitted::Decided { record, position }));
                }
                Err(refused) => at = self.read_clock_again(refused)?,
            }
        }
    }

    /// Decides authorizations one after another, with one clock reading, sequences in a row and one durable write.
    ///
    /// # Errors
    /// [`SubmitError`], for the whole batch.
    pub fn authorize_batch(
        &self,
        requests: &[AuthorizationRequest],
    ) -> Result<Vec<Submitted<AuthorizationRecord>>, SubmitError> {
        self.admit(Space::Enough)?;
        loop {
            // Without locks: files may be read.
            let old = self.old_txns(requests)?;
            if let Some(results) = self.authorize_batch_knowing(requests, &old)? {
                return Ok(results);
            }
        }
    }

    /// Decides a batch; `None` when a date has left memory since `old` was found.
    fn authorize_batch_knowing(
        &self,
        requests: &[AuthorizationRequest],
        old: &Old<Vec<(TxnId, TxnState)>>,
    ) -> Result<Option<Vec<Submitted<AuthorizationRecord>>>, SubmitError> {
        let directory = &*self.state.directory.read();
        let bytes = batch_bytes(directory, requests);
        let bytes_max = self.appender.batch_bytes_max();
        if bytes > bytes_max {
            return Err(SubmitError::BatchTooLarge { bytes, bytes_max });
        }
        let mut results = Vec::with_capacity(requests.len());
        let mut ids = Locked::lock(&self.state.ids, requests.iter().map(|r| txn_shard(r.txn_id)));
        let mut wallets = Locked::lock(
            &self.state.wallets,
            requests.iter().map(|r| wallet_shard(r.purchase.wallet)),
        );
        if self.old_ids.epoch() != old.epoch {
            return Ok(None);
        }
        let mut at = self.now()?;
        let mut appending = loop {
            match self.appender.begin(at, bytes) {
                Ok(appending) => break appending,
                Err(refused) => at = self.read_clock_again(refused)?,
            }
        };
        let fetch =
            |ids: &Locked<'_, IdShard>, wallets: &Locked<'_, WalletShard>, request: &AuthorizationRequest| {
                ids.get(txn_shard(request.txn_id)).prefetch(request.txn_id);
                let wallets = wallets.get(wallet_shard(request.purchase.wallet));
                prefetch(directory, wallets, &request.purchase);
            };
        for request in requests.iter().take(PREFETCH_AHEAD) {
            fetch(&ids, &wallets, request);
        }
        for (index, request) in requests.iter().enumerate() {
            if let Some(ahead) = requests.get(index + PREFETCH_AHEAD) {
                fetch(&ids, &wallets, ahead);
            }
            let ids = ids.get_mut(txn_shard(request.txn_id));
            let known = match ids.txn(request.txn_id) {
                TxnState::New => find_old(&old.found, request.txn_id),
                known => known,
            };
            let tombstone = match known {
                TxnState::Seen { position, .. } => {
                    results.push(Submitted::Seen { position });
                    continue;
                }
                TxnState::Tombstone => true,
                TxnState::New => false,
            };
            let wallets = wallets.get_mut(wallet_shard(request.purchase.wallet));
            let (mut record, bytes) = prepare(directory, wallets, request, tombstone, at);
            let (sequence, position) = appending.push(bytes.as_bytes());
            record.header.sequence = sequence;
            wallets.apply_authorization(&record);
            ids.insert_txn(sequence, request.txn_id, position, tombstone);
            results.push(Submitted::Decided { record, position });
        }
        Ok(Some(results))
    }

    /// Decides a reversal, once per id (I5).
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn reverse(&self, request: &ReversalRequest) -> Result<Submitted<ReversalRecord>, SubmitError> {
        self.admit(Space::ReversalsOnly)?;
        loop {
            // Without locks: files may be read.
            let old = self.old_facts(request)?;
            let seen = {
                let ids = self.state.ids[txn_shard(request.txn_id)].lock();
                old.txn_state(&ids, request.txn_id)
            };
            let original = match seen {
                TxnState::Seen { position, .. } if !self.durable.check(position)? => {
                    return Ok(Submitted::Wait { position });
                }
                TxnState::Seen { position, .. } => {
                    Some((position, self.read_authorization(position, request.txn_id)?))
                }
                TxnState::New | TxnState::Tombstone => None,
            };
            if let Some(submitted) = self.reverse_knowing(request, &old, seen, original.as_ref())? {
                return Ok(submitted);
            }
        }
    }

    /// Decides a reversal; `None` when what was read without locks is no longer so.
    fn reverse_knowing(
        &self,
        request: &ReversalRequest,
        old: &OldFacts,
        seen: TxnState,
        original: Option<&(Position, AuthorizationRecord)>,
    ) -> Result<Option<Submitted<ReversalRecord>>, SubmitError> {
        let (txn, reversal) = (txn_shard(request.txn_id), reversal_shard(request.reversal_id));
        let mut ids = Locked::lock(&self.state.ids, [txn, reversal].into_iter());
        if self.old_ids.epoch() != old.epoch {
            return Ok(None);
        }
        let known = ids.get(reversal).reversal(request.reversal_id);
        if let Some(position) = known.or(old.reversal) {
            return Ok(Some(Submitted::Seen { position }));
        }
        if old.txn_state(ids.get(txn), request.txn_id) != seen {
            // The original arrived while its record was being read: look again.
            return Ok(None);
        }
        let reversed = ids.get(txn).reversed(request.txn_id).or(old.reversed);
        let known = reversible(seen, original, reversed);
        self.append_reversal(request, &known, &mut ids).map(Some)
    }

    /// What the files of older days know of the ids in a reversal.
    fn old_facts(&self, request: &ReversalRequest) -> Result<OldFacts, SubmitError> {
        let mut facts = self.old_facts_of_txn(request.txn_id)?;
        if self.old_ids.may_hold(request.reversal_id.bits()) {
            facts.reversal = self.old_ids.reversal(request.reversal_id)?;
        }
        Ok(facts)
    }

    /// What the files of older days know of an authorization's id.
    pub(crate) fn old_facts_of_txn(&self, txn_id: TxnId) -> Result<OldFacts, SubmitError> {
        let mut facts = OldFacts {
            epoch: self.old_ids.epoch(),
            ..OldFacts::default()
        };
        if self.old_ids.may_hold(txn_id.bits()) {
            facts.txn = Some(self.old_ids.txn(txn_id)?.found);
            let last = self.old_ids.reversed(txn_id)?;
            facts.reversed = last.map(|last| self.read_reversed(last, txn_id)).transpose()?;
        }
        Ok(facts)
    }

    /// What the reversal at `last` left of its original.
    fn read_reversed(&self, last: Position, txn_id: TxnId) -> Result<Reversed, SubmitError> {
        match self.reader.read(last)? {
            Record::Reversal(record) if record.txn_id() == txn_id => Ok(Reversed {
                left: record.left(),
                last,
            }),
            _ => Err(SubmitError::Misplaced { position: last }),
        }
    }

    /// What memory, or else the files (`old`), know of an authorization's id; `None` when the files must be asked first.
    fn txn_state(&self, ids: &IdShard, id: TxnId, old: Option<Old<TxnState>>) -> Option<TxnState> {
        match ids.txn(id) {
            TxnState::New if self.old_ids.may_hold(id.bits()) => old
                .filter(|old| old.epoch == self.old_ids.epoch())
                .map(|old| old.found),
            known => Some(known),
        }
    }

    /// What the files of older days know of a batch's ids.
    fn old_txns(
        &self,
        requests: &[AuthorizationRequest],
    ) -> Result<Old<Vec<(TxnId, TxnState)>>, SubmitError> {
        Ok(self.old_ids.txns(requests.iter().map(|request| request.txn_id))?)
    }

    fn append_reversal(
        &self,
        request: &ReversalRequest,
        known: &Reversible,
        ids: &mut Locked<'_, IdShard>,
    ) -> Result<Submitted<ReversalRecord>, SubmitError> {
        let wallet = match known {
            Reversible::Approved { original, .. } => Some(original.wallet),
            Reversible::NotFound { .. } | Reversible::Declined => None,
        };
        let mut wallets = wallet.map(|wallet| self.state.wallets[wallet_shard(wallet)].lock());
        let mut at = self.now()?;
        loop {
            let mut record = reverse::decide(request, known, at);
            let bytes = RecordBuf::of(&record);
            match self.appender.begin(at, bytes.as_bytes().len()) {
                Ok(mut appending) => {
                    let (sequence, position) = appending.push(bytes.as_bytes());
                    drop(appending);
                    record.header.sequence = sequence;
                    let reversal = reversal_shard(request.reversal_id);
                    ids.get_mut(reversal)
                        .insert_reversal(sequence, request.reversal_id, position);
                    ids.get_mut(txn_shard(request.txn_id))
                        .apply_reversal(&record, position);
                    if let Some(wallets) = &mut wallets {
                        wallets.apply_reversal(&record);
                    }
                    return Ok(Submitted::Decided { record, position });
                }
                Err(refused) => at = self.read_clock_again(refused)?,
            }
        }
    }

    /// What an authorization would be decided now; writes nothing, takes no room.
    ///
    /// # Errors
    /// [`SubmitError::Clock`].
    pub fn quote(&self, purchase: &Purchase) -> Result<(Verdict, Instant), SubmitError> {
        let at = self.now()?;
        let directory = self.state.directory.read();
        let wallets = self.state.wallets[wallet_shard(purchase.wallet)].lock();
        Ok((authorize::decide(&directory, &wallets, purchase, at), at))
    }

    /// Cuts over dates that are over, when no request does.
    ///
    /// # Errors
    /// [`SubmitError::Clock`], [`SubmitError::Storage`].
    pub fn cut_over(&self) -> Result<(), SubmitError> {
        let mut at = self.now()?;
        loop {
            match self.appender.begin(at, 0) {
                Ok(_) => return Ok(()),
                Err(refused) => at = self.read_clock_again(refused)?,
            }
        }
    }

    pub(crate) fn admit(&self, at_least: Space) -> Result<(), SubmitError> {
        match (self.space(), at_least) {
            (Space::Enough, _) | (Space::ReversalsOnly, Space::ReversalsOnly) => {}
            (Space::ReversalsOnly, _) => return Err(SubmitError::DiskFull { reversals: true }),
            (Space::None, _) => return Err(SubmitError::DiskFull { reversals: false }),
        }
        if self.appender.is_full() {
            Err(SubmitError::Overloaded)
        } else {
            Ok(())
        }
    }

    /// The time for a second try after `refused`, never before the last record.
    pub(crate) fn read_clock_again(&self, refused: Refused) -> Result<Instant, SubmitError> {
        match refused {
            Refused::Stale { last_at } => Ok(self.now()?.max(last_at)),
            Refused::Stopped => Err(SubmitError::Storage(StorageFailed)),
        }
    }

    fn read_authorization(
        &self,
        position: Position,
        txn_id: TxnId,
    ) -> Result<AuthorizationRecord, SubmitError> {
        match self.reader.read(position)? {
            // A disk that returns another place's bytes, whole and checked, is caught by the id.
            Record::Authorization { record, .. } if record.txn_id() == txn_id => Ok(record),
            _ => Err(SubmitError::Misplaced { position }),
        }
    }
}

/// The decision on an authorization as a record, and the record's bytes.
fn prepare(
    directory: &Directory,
    wallets: &WalletShard,
    request: &AuthorizationRequest,
    tombstone: bool,
    at: Instant,
) -> (AuthorizationRecord, RecordBuf) {
    let verdict = if tombstone {
        authorize::decide_reversed_before_arrival(directory, &request.purchase)
    } else {
        authorize::decide(directory, wallets, &request.purchase, at)
    };
    let record = verdict.record(request.txn_id, &request.purchase, at);
    (record, verdict.encode(&record, &request.purchase))
}

/// What the files of older days know of the ids in a reversal, as of an epoch.
#[derive(Default)]
pub(crate) struct OldFacts {
    pub(crate) epoch: u64,
    /// `None` when the files need not be asked.
    txn: Option<TxnState>,
    pub(crate) reversed: Option<Reversed>,
    reversal: Option<Position>,
}

impl OldFacts {
    /// What memory, or else the files, know of the authorization's id.
    pub(crate) fn txn_state(&self, ids: &IdShard, id: TxnId) -> TxnState {
        match ids.txn(id) {
            TxnState::New => self.txn.unwrap_or(TxnState::New),
            known => known,
        }
    }
}

/// What the files know of one of a batch's ids.
fn find_old(found: &[(TxnId, TxnState)], id: TxnId) -> TxnState {
    match found.binary_search_by_key(&id, |(known, _)| *known) {
        Ok(at) => found[at].1,
        Err(_) => TxnState::New,
    }
}

/// What the core must know of the authorization to be reversed.
pub fn reversible(
    seen: TxnState,
    original: Option<&(Position, AuthorizationRecord)>,
    reversed: Option<Reversed>,
) -> Reversible {
    match (seen, original) {
        (TxnState::Seen { tombstone: true, .. }, _) => Reversible::NotFound { late: true },
        (TxnState::Seen { .. }, Some((position, record))) => match OriginalFacts::of(record, *position) {
            Some(original) => Reversible::Approved { original, reversed },
            None => Reversible::Declined,
        },
        (TxnState::New | TxnState::Tombstone, _) | (TxnState::Seen { .. }, None) => {
            Reversible::NotFound { late: false }
        }
    }
}

/// The most bytes of journal that the records of a batch can take.
fn batch_bytes(directory: &Directory, requests: &[AuthorizationRequest]) -> usize {
    let unknown = |name: &Name| directory.number_of(name) == NameNumber::UNKNOWN;
    let bytes = |request: &AuthorizationRequest| {
        let tail = unknown(&request.purchase.program) || unknown(&request.purchase.channel);
        if tail {
            AUTHORIZATION_BYTES_MAX
        } else {
            size_of::<AuthorizationRecord>()
        }
    };
    requests.iter().map(bytes).sum()
}

/// Asks the processor to fetch what a decision on the purchase will read of the accounts and merchants.
fn prefetch(directory: &Directory, wallets: &WalletShard, purchase: &Purchase) {
    directory.prefetch(purchase.merchant);
    if let Some(entitlement) = directory.entitlement_of(&purchase.program) {
        wallets.prefetch(purchase.wallet, entitlement);
    }
}
