//! Authorizations and holds: one by one and in batches, once per id (I5); and quotes, which decide and write nothing.

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError, Submitted};
use crate::ids::archive::Old;
use crate::locks::purchase_locks::PurchaseLocks;
use crate::locks::{Guards, Locked, LockedShards};
use crate::session::acquirers::{Caller, Tombstone};
use crate::session::append::{Appended, Attempt, until_done};
use parking_lot::MutexGuard;
use satang_core::calendar::Instant;
use satang_core::decide::authorize::{self, CrossShardFacts, ResolvedPurchase, Verdict};
use satang_core::ids::TxnId;
use satang_core::record::{
    AUTHORIZATION_BYTES_MAX, AUTHORIZATION_BYTES_WITH_EXTENSION, Authorization, AuthorizationRecord,
    NameNumber, RecordBuf,
};
use satang_core::request::{AuthorizationRequest, HoldRequest, Purchase};
use satang_core::state::account::WalletShard;
use satang_core::state::apply::apply_authorization;
use satang_core::state::dedup::{IdShard, TxnState, id_shard};
use satang_core::state::directory::Directory;
use satang_log::log::{ReadLog, Space};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// How many elements ahead a batch fetches.
const PREFETCH_AHEAD: usize = 16;

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// Decides an authorization, once per id (I5), where callers have no keys.
    pub fn authorize(&self, request: &AuthorizationRequest) -> Result<Submitted<Authorization>, SubmitError> {
        self.authorize_for(Caller::NOBODY, request)
    }

    /// Decides an authorization of a caller, once per id (I5).
    pub fn authorize_for(
        &self,
        caller: Caller,
        request: &AuthorizationRequest,
    ) -> Result<Submitted<Authorization>, SubmitError> {
        self.submit(caller, request.txn_id, &request.purchase, None)
    }

    /// Decides a hold, where callers have no keys.
    pub fn hold(&self, request: &HoldRequest) -> Result<Submitted<Authorization>, SubmitError> {
        self.hold_for(Caller::NOBODY, request)
    }

    /// Decides a hold of a caller, once per id: an authorization whose room is free again when it is not captured in time.
    pub fn hold_for(
        &self,
        caller: Caller,
        request: &HoldRequest,
    ) -> Result<Submitted<Authorization>, SubmitError> {
        self.submit(
            caller,
            request.txn_id,
            &request.purchase,
            Some(request.expires_in_s),
        )
    }

    fn submit(
        &self,
        caller: Caller,
        txn_id: TxnId,
        purchase: &Purchase,
        expires_in_s: Option<u32>,
    ) -> Result<Submitted<Authorization>, SubmitError> {
        self.check_load()?;
        let mut old = match self.id_archive.may_hold(txn_id.bits()) {
            true => Some(self.id_archive.txn(txn_id)?),
            false => None,
        };
        let mut cleared = None;
        loop {
            match self.submit_knowing(caller, txn_id, purchase, expires_in_s, old, cleared)? {
                // Only a tombstone is waited for: whose it is stands in its record.
                Attempt::Done(Submitted::Wait { sequence }) => {
                    match self.tombstone(caller, txn_id, sequence)? {
                        Tombstone::Own => cleared = Some(sequence),
                        Tombstone::Foreign => return Err(SubmitError::OtherAcquirer),
                        Tombstone::Wait => return Ok(Submitted::Wait { sequence }),
                    }
                }
                Attempt::Done(submitted) => return Ok(submitted),
                Attempt::Again => old = Some(self.id_archive.txn(txn_id)?),
            }
        }
    }

    /// Decides a purchase; again when the files of older days must be asked for its id first, without locks. A tombstone that is not
    /// `cleared` is to be looked at first, likewise.
    fn submit_knowing(
        &self,
        caller: Caller,
        txn_id: TxnId,
        purchase: &Purchase,
        expires_in_s: Option<u32>,
        old: Option<Old<TxnState>>,
        cleared: Option<u64>,
    ) -> Result<Attempt<Submitted<Authorization>>, SubmitError> {
        let directory = self.state.directory.read();
        let order = &AuthorizationAttempt {
            caller,
            txn_id,
            purchase: ResolvedPurchase::new(&directory, purchase),
            expires_in_s,
        };
        let seed = self.state.seed;
        let hash = seed.id(txn_id.bits());
        let (txn, wallet) = (id_shard(hash), seed.wallet_shard(purchase.wallet));
        let ids = self.state.ids[txn].lock();
        let wallets = self.state.wallets[wallet].lock();
        // What the checks will read one after another is fetched at once, and while the clock is read.
        ids.prefetch_hashed(hash);
        prefetch(&directory, &wallets, &order.purchase);
        let now = self.now();
        let Some(known) = self.txn_state(&ids, hash, txn_id, old) else {
            return Ok(Attempt::Again);
        };
        let tombstone = match known {
            TxnState::Seen { sequence, .. } => return Ok(Attempt::Done(Submitted::Seen { sequence })),
            TxnState::Tombstone { sequence }
                if cleared != Some(sequence) && caller.is_guarded(&directory) =>
            {
                return Ok(Attempt::Done(Submitted::Wait { sequence }));
            }
            TxnState::Tombstone { .. } => true,
            TxnState::New => false,
        };
        self.check_room(Space::Enough)?;
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
                let facts = CrossShardFacts::default();
                ControlFlow::Continue(order.prepare(&directory, wallets, &facts, tombstone, at, bytes))
            },
            |(ids, wallets), record, appended| {
                let mut locked = LockedShards {
                    ids: Guards::One(txn, ids),
                    wallets: Guards::One(wallet, wallets),
                    ..LockedShards::none(seed)
                };
                Ok(authorized(record, appended, &mut locked))
            },
        )?;
        let (ids, wallets) = locked;
        let submitted = submitted.or_else(|at| {
            // Nearly no purchase: other shards come before the wallet's.
            drop(wallets);
            self.submit_across_shards(order, &directory, ids, tombstone, at)
        });
        submitted.map(Attempt::Done)
    }

    /// Decides an order that needs more than its wallet's shard.
    fn submit_across_shards(
        &self,
        order: &AuthorizationAttempt<'_>,
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
                let locks = PurchaseLocks::lock(&self.state, directory, purchases, at);
                let facts = locks.facts(directory, &order.purchase, at);
                let wallets = locks.wallets(&order.purchase);
                let record = order.prepare(directory, wallets, &facts, tombstone, at, bytes);
                ControlFlow::Continue((record, locks))
            },
            |ids, (record, mut locks), appended| {
                let mut locked = LockedShards {
                    ids: Guards::One(self.state.seed.txn_shard(order.txn_id), ids),
                    ..locks.shards()
                };
                authorized(record, appended, &mut locked)
            },
        )
    }

    /// Decides a batch, where callers have no keys.
    ///
    /// # Errors
    /// [`SubmitError`], for the whole batch.
    pub fn authorize_batch(
        &self,
        requests: &[AuthorizationRequest],
    ) -> Result<Vec<Submitted<Authorization>>, SubmitError> {
        match self.authorize_batch_for(Caller::NOBODY, requests, &HashSet::new())? {
            SubmittedBatch::Submitted(submitted) => Ok(submitted),
            SubmittedBatch::Tombstones(_) => {
                unreachable!("where callers have no keys no tombstone is another's")
            }
        }
    }

    /// Decides authorizations of a caller one after another, with one clock reading, sequences in a row and one durable write; none
    /// when there are tombstones among them that the caller was not `cleared` to meet.
    ///
    /// # Errors
    /// [`SubmitError`], for the whole batch.
    pub fn authorize_batch_for(
        &self,
        caller: Caller,
        requests: &[AuthorizationRequest],
        cleared: &HashSet<u64>,
    ) -> Result<SubmittedBatch, SubmitError> {
        self.check_load()?;
        until_done(|| {
            // Without locks: files may be read.
            let old = self.old_txns(requests)?;
            self.authorize_batch_knowing(caller, requests, &old, cleared)
        })
    }

    /// Decides a batch; again when a date has left memory since `old` was found, or what the purchases need has changed with
    /// the time.
    fn authorize_batch_knowing(
        &self,
        caller: Caller,
        requests: &[AuthorizationRequest],
        old: &Old<Vec<(TxnId, TxnState)>>,
        cleared: &HashSet<u64>,
    ) -> Result<Attempt<SubmittedBatch>, SubmitError> {
        let (directory, seed) = (&*self.state.directory.read(), self.state.seed);
        let resolved = requests
            .iter()
            .map(|r| ResolvedPurchase::new(directory, &r.purchase));
        let batch = BatchAttempt {
            caller,
            requests,
            purchases: resolved.collect(),
            directory,
            old,
            hashes: requests.iter().map(|r| seed.id(r.txn_id.bits())).collect(),
        };
        let purchases = &batch.purchases;
        let shards = batch.hashes.iter().map(|hash| id_shard(*hash));
        let mut ids = Locked::lock(&self.state.ids, shards);
        let at = self.now()?;
        let mut locks = PurchaseLocks::lock(&self.state, directory, purchases, at);
        if self.id_archive.epoch() != old.epoch {
            return Ok(Attempt::Again);
        }
        if caller.is_guarded(directory) {
            let tombstones = tombstones_among(batch.all_known(&ids), cleared);
            if !tombstones.is_empty() {
                return Ok(Attempt::Done(SubmittedBatch::Tombstones(tombstones)));
            }
        }
        if !{ batch.all_known(&ids) }.all(|known| matches!(known, TxnState::Seen { .. })) {
            self.check_room(Space::Enough)?;
        }
        let bytes = batch_bytes(directory, purchases, locks.has_homes());
        let bytes_max = self.appender.batch_bytes_max();
        if bytes > bytes_max {
            return Err(SubmitError::BatchTooLarge { bytes, bytes_max });
        }
        let is_reached = |later| later == at || locks.missing(directory, purchases, later).is_empty();
        let Attempt::Done((mut appending, at)) = self.begin(at, bytes, is_reached)? else {
            return Ok(Attempt::Again);
        };
        let mut bytes = RecordBuf::EMPTY;
        (0..PREFETCH_AHEAD).for_each(|index| batch.prefetch(index, &ids, &locks));
        let mut results = Vec::with_capacity(requests.len());
        for index in 0..requests.len() {
            batch.prefetch(index + PREFETCH_AHEAD, &ids, &locks);
            let known = batch.known(index, &ids);
            if let TxnState::Seen { sequence, .. } = known {
                results.push(Submitted::Seen { sequence });
                continue;
            }
            let tombstone = matches!(known, TxnState::Tombstone { .. });
            let record = batch.prepare(index, &locks, tombstone, at, &mut bytes);
            let sequence = appending.push(bytes.as_ref());
            let mut locked = LockedShards {
                ids: Guards::Several(&mut ids),
                ..locks.shards()
            };
            results.push(authorized(record, Appended { sequence, at }, &mut locked));
        }
        Ok(Attempt::Done(SubmittedBatch::Submitted(results)))
    }

    /// What memory, or else the files (`old`), know of an authorization's id; `None` when the files must be asked first.
    fn txn_state(&self, ids: &IdShard, hash: u64, id: TxnId, old: Option<Old<TxnState>>) -> Option<TxnState> {
        match ids.txn_hashed(hash, id) {
            TxnState::New if self.id_archive.may_hold(id.bits()) => old
                .filter(|old| old.epoch == self.id_archive.epoch())
                .map(|old| old.found),
            known => Some(known),
        }
    }

    /// What the files of older days know of a batch's ids.
    fn old_txns(
        &self,
        requests: &[AuthorizationRequest],
    ) -> Result<Old<Vec<(TxnId, TxnState)>>, SubmitError> {
        Ok(self
            .id_archive
            .txns(requests.iter().map(|request| request.txn_id))?)
    }

    /// What an authorization would be decided now; writes nothing, takes no room.
    ///
    /// # Errors
    /// [`SubmitError::Clock`].
    pub fn quote(&self, purchase: &Purchase) -> Result<(Verdict, Instant), SubmitError> {
        let at = self.now()?;
        let directory = self.state.directory.read();
        let purchase = ResolvedPurchase::new(&directory, purchase);
        let locks = PurchaseLocks::lock(&self.state, &directory, core::slice::from_ref(&purchase), at);
        let facts = locks.facts(&directory, &purchase, at);
        let verdict = authorize::decide(&directory, locks.wallets(&purchase), &facts, &purchase, at);
        Ok((verdict, at))
    }
}

/// What became of a batch.
pub enum SubmittedBatch {
    /// Of each element, in order.
    Submitted(Vec<Submitted<Authorization>>),
    /// Nothing was decided: these elements, by their index, were reversed before they arrived, by the record of the sequence.
    Tombstones(Vec<(usize, u64)>),
}

/// The tombstones among what is known of a batch's ids that are not cleared, with their index.
fn tombstones_among(known: impl Iterator<Item = TxnState>, cleared: &HashSet<u64>) -> Vec<(usize, u64)> {
    let tombstone = |(index, state)| match state {
        TxnState::Tombstone { sequence } if !cleared.contains(&sequence) => Some((index, sequence)),
        TxnState::New | TxnState::Seen { .. } | TxnState::Tombstone { .. } => None,
    };
    known.enumerate().filter_map(tombstone).collect()
}

/// A purchase to be authorized, or held.
struct AuthorizationAttempt<'r> {
    caller: Caller,
    txn_id: TxnId,
    purchase: ResolvedPurchase<'r>,
    /// How long it is held; `None` for an authorization.
    expires_in_s: Option<u32>,
}

impl AuthorizationAttempt<'_> {
    /// The decision as a record, still without a sequence; its journal form goes into `bytes`.
    #[inline]
    fn prepare(
        &self,
        directory: &Directory,
        wallets: &WalletShard,
        facts: &CrossShardFacts<'_>,
        tombstone: bool,
        at: Instant,
        bytes: &mut RecordBuf,
    ) -> Authorization {
        let verdict = match tombstone {
            true => authorize::decide_reversed_before_arrival(&self.purchase),
            false => authorize::decide(directory, wallets, facts, &self.purchase, at),
        };
        let expires = self
            .expires_in_s
            .map(|seconds| at.plus_ms(i64::from(seconds) * 1_000));
        let purchase = self.purchase.purchase;
        let mut authorization = verdict.record(self.txn_id, purchase, at, expires);
        authorization.record.header.set_caller(self.caller.key);
        verdict.encode(&authorization, purchase, bytes);
        authorization
    }
}

/// Purchases to be authorized in one durable write.
struct BatchAttempt<'b> {
    caller: Caller,
    requests: &'b [AuthorizationRequest],
    /// Those of the requests, in their order.
    purchases: Vec<ResolvedPurchase<'b>>,
    directory: &'b Directory,
    /// What the files of older days know of the ids.
    old: &'b Old<Vec<(TxnId, TxnState)>>,
    /// Those of the ids: each is asked for three times.
    hashes: Vec<u64>,
}

impl BatchAttempt<'_> {
    /// What memory, or else the files, know of an element's id.
    #[inline]
    fn known(&self, index: usize, ids: &Locked<'_, IdShard>) -> TxnState {
        let (id, hash) = (self.requests[index].txn_id, self.hashes[index]);
        match ids.get(id_shard(hash)).txn_hashed(hash, id) {
            TxnState::New => self.old.of(id).unwrap_or(TxnState::New),
            known => known,
        }
    }

    fn all_known(&self, ids: &Locked<'_, IdShard>) -> impl Iterator<Item = TxnState> {
        (0..self.requests.len()).map(move |index| self.known(index, ids))
    }

    /// Asks the processor to fetch what an element's decision will read, if there is such an element.
    #[inline]
    fn prefetch(&self, index: usize, ids: &Locked<'_, IdShard>, locks: &PurchaseLocks<'_>) {
        if let (Some(hash), Some(purchase)) = (self.hashes.get(index), self.purchases.get(index)) {
            ids.get(id_shard(*hash)).prefetch_hashed(*hash);
            prefetch(self.directory, locks.wallets(purchase), purchase);
        }
    }

    /// See [`AuthorizationAttempt::prepare`].
    #[inline]
    fn prepare(
        &self,
        index: usize,
        locks: &PurchaseLocks<'_>,
        tombstone: bool,
        at: Instant,
        bytes: &mut RecordBuf,
    ) -> Authorization {
        let purchase = self.purchases[index];
        let order = AuthorizationAttempt {
            caller: self.caller,
            txn_id: self.requests[index].txn_id,
            purchase,
            expires_in_s: None,
        };
        let facts = locks.facts(self.directory, &purchase, at);
        let wallets = locks.wallets(&purchase);
        order.prepare(self.directory, wallets, &facts, tombstone, at, bytes)
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
fn batch_bytes(directory: &Directory, purchases: &[ResolvedPurchase<'_>], homes: bool) -> usize {
    let bytes = |purchase: &ResolvedPurchase<'_>| {
        if purchase.program == NameNumber::UNKNOWN || purchase.channel == NameNumber::UNKNOWN {
            AUTHORIZATION_BYTES_MAX
        } else if homes || directory.may_have_extension(purchase.program) {
            AUTHORIZATION_BYTES_WITH_EXTENSION
        } else {
            size_of::<AuthorizationRecord>()
        }
    };
    purchases.iter().map(bytes).sum()
}

/// Asks the processor to fetch what a decision on the purchase will read of the accounts and merchants.
fn prefetch(directory: &Directory, wallets: &WalletShard, purchase: &ResolvedPurchase<'_>) {
    let ResolvedPurchase {
        purchase, program, ..
    } = *purchase;
    directory.prefetch(purchase.merchant);
    if let Some(entitlement) = directory.entitlement_key_of(program) {
        wallets.prefetch(purchase.wallet, entitlement);
    }
    wallets.prefetch_several(purchase.wallet);
}
