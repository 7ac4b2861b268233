//! The engine handle: what the gateway, the benches and the tests call.
//!
//! The thread that parsed a request takes the shards, decides, appends and goes on to wait for durability; nothing is handed
//! to another thread for the decision (`docs/adr/0002-hand-off.md`).

use crate::append::{Appended, Attempt, until_done};
use crate::arrivals::Arrivals;
use crate::clock::{Clock, ClockError};
use crate::day_ids::DayIdsError;
use crate::locked::{Guards, Locked, LockedShards};
use crate::old_ids::{Old, OldIds};
use crate::persons::Persons;
use crate::reach::Reach;
use crate::state::State;
use parking_lot::{Mutex, MutexGuard};
use satang_core::account::{WalletShard, wallet_shard};
use satang_core::apply::apply_authorization;
use satang_core::authorize::{self, Beyond, Numbered, Verdict};
use satang_core::calendar::Instant;
use satang_core::dedup::{IdShard, TxnState, txn_shard};
use satang_core::directory::Directory;
use satang_core::ids::TxnId;
use satang_core::record::{
    AUTHORIZATION_BYTES_MAX, AUTHORIZATION_BYTES_WITH_EXTRA, Authorization, AuthorizationRecord, NameNumber,
    Record, RecordBuf,
};
use satang_core::request::{AuthorizationRequest, HoldRequest, Purchase};
use satang_log::commit::Appender;
use satang_log::durable::{Durable, StorageFailed};
use satang_log::log::{ReadError, ReadLog, Space, SpaceGauge};
use std::ops::ControlFlow;
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
    #[error(transparent)]
    Storage(#[from] StorageFailed),
    /// A durable record cannot be read back.
    #[error("a journaled record cannot be read: {0}")]
    Read(#[from] ReadError),
    /// The index of an old date cannot be read.
    #[error(transparent)]
    OldIds(#[from] DayIdsError),
    /// The record that an id leads to is not that id's.
    #[error("the journal returns another record than the one of sequence {sequence}")]
    Misplaced {
        /// The sequence that was asked for.
        sequence: u64,
    },
    /// More different names of programmes and channels than records can number.
    #[error("too many different names of programmes and channels over the life of the journal")]
    TooManyNames,
    /// More records than one durable write takes.
    #[error("the batch takes {bytes} bytes of journal, at most {bytes_max} fit one durable write")]
    BatchTooLarge { bytes: usize, bytes_max: usize },
}

/// What became of a request with an id.
#[derive(Clone, Copy, Debug)]
pub enum Submitted<R> {
    /// Decided now. The answer may leave once `sequence` is durable.
    Decided {
        /// The record, with its sequence.
        record: R,
        sequence: u64,
    },
    /// The id has an outcome already, the record of `sequence`. Wait until that is durable, read it, compare the content.
    Seen { sequence: u64 },
    /// The outcome depends on a record that is not durable yet: wait for `sequence`, then ask again.
    Wait { sequence: u64 },
}

impl<R> Submitted<R> {
    /// The record that the outcome rests on.
    pub fn sequence(&self) -> u64 {
        match self {
            Submitted::Decided { sequence, .. }
            | Submitted::Seen { sequence }
            | Submitted::Wait { sequence } => *sequence,
        }
    }
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
    pub(crate) space: Arc<SpaceGauge>,
    pub(crate) persons: Arc<Persons>,
    /// Held while rights are counted that lapsed.
    pub(crate) lapse_counting: Mutex<()>,
    pub(crate) arrivals: Arrivals,
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

    /// Who is who.
    pub fn persons(&self) -> &Arc<Persons> {
        &self.persons
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
        self.space.space()
    }

    /// The record of a durable sequence.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(&self, sequence: u64) -> Result<Record, ReadError> {
        self.reader.read(sequence)
    }

    /// Decides an authorization, once per id (I5).
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn authorize(&self, request: &AuthorizationRequest) -> Result<Submitted<Authorization>, SubmitError> {
        self.submit(request.txn_id, &request.purchase, None)
    }

    /// Decides a hold, once per id: an authorization whose room is free again when it is not captured in time.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn hold(&self, request: &HoldRequest) -> Result<Submitted<Authorization>, SubmitError> {
        self.submit(request.txn_id, &request.purchase, Some(request.expires_in_s))
    }

    fn submit(
        &self,
        txn_id: TxnId,
        purchase: &Purchase,
        expires_in_s: Option<u32>,
    ) -> Result<Submitted<Authorization>, SubmitError> {
        self.admit(Space::Enough)?;
        let mut old = match self.old_ids.may_hold(txn_id.bits()) {
            true => Some(self.old_ids.txn(txn_id)?),
            false => None,
        };
        loop {
            if let Attempt::Done(submitted) = self.submit_knowing(txn_id, purchase, expires_in_s, old)? {
                return Ok(submitted);
            }
            old = Some(self.old_ids.txn(txn_id)?);
        }
    }

    /// Decides a purchase; again when the files of older days must be asked for its id first, without locks.
    fn submit_knowing(
        &self,
        txn_id: TxnId,
        purchase: &Purchase,
        expires_in_s: Option<u32>,
        old: Option<Old<TxnState>>,
    ) -> Result<Attempt<Submitted<Authorization>>, SubmitError> {
        let directory = self.state.directory.read();
        let order = &Order {
            txn_id,
            purchase: Numbered::new(&directory, purchase),
            expires_in_s,
        };
        let ids = self.state.ids[txn_shard(txn_id)].lock();
        let wallets = self.state.wallets[wallet_shard(purchase.wallet)].lock();
        // What the checks will read one after another is fetched at once, and while the clock is read.
        ids.prefetch(txn_id);
        prefetch(&directory, &wallets, &order.purchase);
        let now = self.now();
        let Some(known) = self.txn_state(&ids, txn_id, old) else {
            return Ok(Attempt::Again);
        };
        let tombstone = match known {
            TxnState::Seen { sequence, .. } => return Ok(Attempt::Done(Submitted::Seen { sequence })),
            TxnState::Tombstone => true,
            TxnState::New => false,
        };
        let mut locked = (ids, wallets);
        let submitted = self.decide_append_apply(
            // An answer that was given once needs no time.
            now?,
            &mut locked,
            |(_, wallets), at, bytes| {
                let needs = authorize::needed(&directory, wallets, &order.purchase, at);
                if needs.iter().any(Option::is_some) {
                    return ControlFlow::Break(Err(at));
                }
                let beyond = Beyond::default();
                ControlFlow::Continue(order.prepare(&directory, wallets, &beyond, tombstone, at, bytes))
            },
            |(ids, wallets), record, appended| {
                let mut locked = LockedShards {
                    ids: Guards::One(txn_shard(txn_id), ids),
                    wallets: Guards::One(wallet_shard(purchase.wallet), wallets),
                    ..LockedShards::NONE
                };
                Ok(authorized(record, appended, &mut locked))
            },
        )?;
        let (ids, wallets) = locked;
        let submitted = submitted.or_else(|at| {
            // Nearly no purchase: other shards come before the wallet's.
            drop(wallets);
            self.submit_reaching(order, &directory, ids, tombstone, at)
        });
        submitted.map(Attempt::Done)
    }

    /// Decides an order that needs more than its wallet's shard.
    fn submit_reaching(
        &self,
        order: &Order<'_>,
        directory: &Directory,
        mut ids: MutexGuard<'_, IdShard>,
        tombstone: bool,
        at: Instant,
    ) -> Result<Submitted<Authorization>, SubmitError> {
        self.decide_append_apply(
            at,
            &mut ids,
            |_, at, bytes| {
                let purchases = core::slice::from_ref(&order.purchase);
                let reach = Reach::lock(&self.state, directory, purchases, at);
                let beyond = reach.beyond(directory, &order.purchase, at);
                let wallets = reach.wallets(&order.purchase);
                let record = order.prepare(directory, wallets, &beyond, tombstone, at, bytes);
                ControlFlow::Continue((record, reach))
            },
            |ids, (record, mut reach), appended| {
                let mut locked = LockedShards {
                    ids: Guards::One(txn_shard(order.txn_id), ids),
                    ..reach.shards()
                };
                authorized(record, appended, &mut locked)
            },
        )
    }

    /// Decides authorizations one after another, with one clock reading, sequences in a row and one durable write.
    ///
    /// # Errors
    /// [`SubmitError`], for the whole batch.
    pub fn authorize_batch(
        &self,
        requests: &[AuthorizationRequest],
    ) -> Result<Vec<Submitted<Authorization>>, SubmitError> {
        self.admit(Space::Enough)?;
        until_done(|| {
            // Without locks: files may be read.
            let old = self.old_txns(requests)?;
            self.authorize_batch_knowing(requests, &old)
        })
    }

    /// Decides a batch; again when a date has left memory since `old` was found, or what the purchases need has changed with
    /// the time.
    fn authorize_batch_knowing(
        &self,
        requests: &[AuthorizationRequest],
        old: &Old<Vec<(TxnId, TxnState)>>,
    ) -> Result<Attempt<Vec<Submitted<Authorization>>>, SubmitError> {
        let directory = &*self.state.directory.read();
        let numbered = |request| Numbered::new(directory, request);
        let purchases: Vec<Numbered<'_>> = requests.iter().map(|r| numbered(&r.purchase)).collect();
        let mut results = Vec::with_capacity(requests.len());
        let mut ids = Locked::lock(&self.state.ids, requests.iter().map(|r| txn_shard(r.txn_id)));
        let at = self.now()?;
        let mut reach = Reach::lock(&self.state, directory, &purchases, at);
        if self.old_ids.epoch() != old.epoch {
            return Ok(Attempt::Again);
        }
        let bytes = batch_bytes(directory, &purchases, reach.has_homes());
        let bytes_max = self.appender.batch_bytes_max();
        if bytes > bytes_max {
            return Err(SubmitError::BatchTooLarge { bytes, bytes_max });
        }
        let is_reached =
            |later: Instant| later == at || reach.missing(directory, &purchases, later).is_empty();
        let Attempt::Done((mut appending, at)) = self.begin(at, bytes, is_reached)? else {
            return Ok(Attempt::Again);
        };
        let orders = || requests.iter().zip(&purchases);
        let fetch = |ids: &Locked<'_, IdShard>,
                     reach: &Reach<'_>,
                     (request, purchase): (&AuthorizationRequest, &Numbered<'_>)| {
            ids.get(txn_shard(request.txn_id)).prefetch(request.txn_id);
            prefetch(directory, reach.wallets(purchase), purchase);
        };
        let mut bytes = RecordBuf::EMPTY;
        let mut ahead = orders();
        for order in ahead.by_ref().take(PREFETCH_AHEAD) {
            fetch(&ids, &reach, order);
        }
        for (request, purchase) in orders() {
            if let Some(order) = ahead.next() {
                fetch(&ids, &reach, order);
            }
            let known = match ids.get(txn_shard(request.txn_id)).txn(request.txn_id) {
                TxnState::New => old.of(request.txn_id).unwrap_or(TxnState::New),
                known => known,
            };
            let tombstone = match known {
                TxnState::Seen { sequence, .. } => {
                    results.push(Submitted::Seen { sequence });
                    continue;
                }
                TxnState::Tombstone => true,
                TxnState::New => false,
            };
            let order = Order {
                txn_id: request.txn_id,
                purchase: *purchase,
                expires_in_s: None,
            };
            let beyond = reach.beyond(directory, purchase, at);
            let wallets = reach.wallets(purchase);
            let record = order.prepare(directory, wallets, &beyond, tombstone, at, &mut bytes);
            let sequence = appending.push(bytes.as_ref());
            let mut locked = LockedShards {
                ids: Guards::Several(&mut ids),
                ..reach.shards()
            };
            results.push(authorized(record, Appended { sequence, at }, &mut locked));
        }
        Ok(Attempt::Done(results))
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

    /// What an authorization would be decided now; writes nothing, takes no room.
    ///
    /// # Errors
    /// [`SubmitError::Clock`].
    pub fn quote(&self, purchase: &Purchase) -> Result<(Verdict, Instant), SubmitError> {
        let at = self.now()?;
        let directory = self.state.directory.read();
        let purchase = Numbered::new(&directory, purchase);
        let reach = Reach::lock(&self.state, &directory, core::slice::from_ref(&purchase), at);
        let beyond = reach.beyond(&directory, &purchase, at);
        let verdict = authorize::decide(&directory, reach.wallets(&purchase), &beyond, &purchase, at);
        Ok((verdict, at))
    }

    /// Cuts over dates that are over, when no request does.
    ///
    /// # Errors
    /// [`SubmitError::Clock`], [`SubmitError::Storage`].
    pub fn cut_over(&self) -> Result<(), SubmitError> {
        self.fence(self.now()?)
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

    pub(crate) fn read_authorization(
        &self,
        sequence: u64,
        txn_id: TxnId,
    ) -> Result<Authorization, SubmitError> {
        match self.reader.read(sequence)? {
            // A disk that returns another place's bytes, whole and checked, is caught by the id.
            Record::Authorization(found) if found.record.txn_id() == txn_id => Ok(found.record),
            _ => Err(SubmitError::Misplaced { sequence }),
        }
    }
}

/// A purchase to be authorized, or held.
struct Order<'r> {
    txn_id: TxnId,
    purchase: Numbered<'r>,
    /// How long it is held; `None` for an authorization.
    expires_in_s: Option<u32>,
}

impl Order<'_> {
    /// The decision as a record, still without a sequence; its journal form goes into `bytes`.
    #[inline]
    fn prepare(
        &self,
        directory: &Directory,
        wallets: &WalletShard,
        beyond: &Beyond<'_>,
        tombstone: bool,
        at: Instant,
        bytes: &mut RecordBuf,
    ) -> Authorization {
        let verdict = match tombstone {
            true => authorize::decide_reversed_before_arrival(&self.purchase),
            false => authorize::decide(directory, wallets, beyond, &self.purchase, at),
        };
        let expires = self
            .expires_in_s
            .map(|seconds| at.plus_ms(i64::from(seconds) * 1_000));
        let purchase = self.purchase.purchase;
        let authorization = verdict.record(self.txn_id, purchase, at, expires);
        verdict.encode(&authorization, purchase, bytes);
        authorization
    }
}

/// Applies an authorization that was just appended.
#[inline(always)]
fn authorized(
    mut record: Authorization,
    appended: Appended,
    locked: &mut LockedShards<'_, '_>,
) -> Submitted<Authorization> {
    let sequence = appended.sequence;
    record.record.header.sequence = sequence;
    apply_authorization(&record, sequence, locked);
    Submitted::Decided { record, sequence }
}

/// The most bytes of journal that the records of a batch can take. `homes`: some may name a home wallet.
fn batch_bytes(directory: &Directory, purchases: &[Numbered<'_>], homes: bool) -> usize {
    let bytes = |purchase: &Numbered<'_>| {
        if purchase.program == NameNumber::UNKNOWN || purchase.channel == NameNumber::UNKNOWN {
            AUTHORIZATION_BYTES_MAX
        } else if homes || directory.may_have_extra(purchase.program) {
            AUTHORIZATION_BYTES_WITH_EXTRA
        } else {
            size_of::<AuthorizationRecord>()
        }
    };
    purchases.iter().map(bytes).sum()
}

/// Asks the processor to fetch what a decision on the purchase will read of the accounts and merchants.
fn prefetch(directory: &Directory, wallets: &WalletShard, purchase: &Numbered<'_>) {
    let Numbered {
        purchase, program, ..
    } = *purchase;
    directory.prefetch(purchase.merchant);
    if let Some(entitlement) = directory.entitlement_in(program) {
        wallets.prefetch(purchase.wallet, entitlement);
    }
    wallets.prefetch_several(purchase.wallet);
}
