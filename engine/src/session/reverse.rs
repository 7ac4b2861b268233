//! Reversals, and holds' captures and voids: once per id (I5), once per hold.
//!
//! The original's record is read from the journal before any lock is taken; under the locks it is looked whether the id's state is
//! still the one that was read.

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError, Submitted};
use crate::locks::{Guards, Locked, LockedShards, lock_one};
use crate::session::acquirers::{Caller, Tombstone};
use crate::session::append::{Appended, Attempt, until_done};
use satang_core::calendar::Instant;
use satang_core::decide::reverse::{self, Reversible};
use satang_core::ids::TxnId;
use satang_core::record::{Authorization, Closing, OriginalFacts, RecordBuf, ReturnKind, ReversalRecord};
use satang_core::request::{ClosingRequest, ReversalRequest};
use satang_core::state::apply::apply_reversal;
use satang_core::state::dedup::{IdShard, Reversed, TxnState};
use satang_log::log::ReadLog;
use satang_log::log::Space;
use std::ops::ControlFlow;

/// What the files of older days know of the ids in a reversal, as of an epoch.
#[derive(Default)]
pub(crate) struct OldFacts {
    pub(crate) epoch: u64,
    /// `None` when the files need not be asked.
    txn: Option<TxnState>,
    pub(crate) reversed: Option<Reversed>,
    pub(crate) closing: Option<(Closing, u64)>,
    reversal: Option<u64>,
}

impl OldFacts {
    /// What memory, or else the files, know of the authorization's id.
    pub(crate) fn txn_state(&self, ids: &IdShard, id: TxnId) -> TxnState {
        match ids.txn(id) {
            TxnState::New => self.txn.unwrap_or(TxnState::New),
            known => known,
        }
    }

    fn closing(&self, ids: &IdShard, id: TxnId) -> Option<(Closing, u64)> {
        ids.closing(id).or(self.closing)
    }
}

/// An original as it was read without locks.
struct Seen {
    state: TxnState,
    original: Option<Authorization>,
    closing: Option<(Closing, u64)>,
}

impl Seen {
    fn reversible(&self, reversed: Option<Reversed>) -> Reversible {
        reversible(
            self.state,
            self.original.as_ref(),
            reversed,
            self.closing.map(|(closing, _)| closing),
        )
    }
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// Decides a reversal, where callers have no keys.
    pub fn reverse(&self, request: &ReversalRequest) -> Result<Submitted<ReversalRecord>, SubmitError> {
        self.reverse_for(Caller::NOBODY, request)
    }

    /// Decides a caller's reversal, once per id (I5).
    pub fn reverse_for(
        &self,
        caller: Caller,
        request: &ReversalRequest,
    ) -> Result<Submitted<ReversalRecord>, SubmitError> {
        self.check_load()?;
        until_done(|| {
            // Without locks: files may be read.
            let mut old = self.old_facts_of_txn(request.txn_id)?;
            if self.id_archive.may_hold(request.reversal_id.bits()) {
                old.reversal = self.id_archive.reversal(request.reversal_id)?;
            }
            let seen = match self.see(caller, request.txn_id, &old)? {
                Ok(seen) => seen,
                Err(sequence) => return Ok(Attempt::Done(Submitted::Wait { sequence })),
            };
            self.reverse_knowing(caller, request, &old, &seen)
        })
    }

    /// Decides a capture or void, where callers have no keys.
    pub fn close(&self, request: &ClosingRequest) -> Result<Submitted<ReversalRecord>, SubmitError> {
        self.close_for(Caller::NOBODY, request)
    }

    /// Decides a caller's capture or void of a hold; one that repeats what closed the hold is [`Submitted::Seen`].
    pub fn close_for(
        &self,
        caller: Caller,
        request: &ClosingRequest,
    ) -> Result<Submitted<ReversalRecord>, SubmitError> {
        self.check_load()?;
        until_done(|| {
            let old = self.old_facts_of_txn(request.txn_id)?;
            let seen = match self.see(caller, request.txn_id, &old)? {
                Ok(seen) => seen,
                Err(sequence) => return Ok(Attempt::Done(Submitted::Wait { sequence })),
            };
            if let Some((closing, sequence)) = seen.closing {
                if !self.durable.check(sequence)? {
                    return Ok(Attempt::Done(Submitted::Wait { sequence }));
                }
                if self.repeats(request, &seen, closing, sequence)? {
                    return Ok(Attempt::Done(Submitted::Seen { sequence }));
                }
            }
            self.close_knowing(caller, request, &old, &seen)
        })
    }

    /// Whether a capture or void asks for what the record at `sequence`, which closed the hold, did.
    fn repeats(
        &self,
        request: &ClosingRequest,
        seen: &Seen,
        closing: Closing,
        sequence: u64,
    ) -> Result<bool, SubmitError> {
        let record = self.read_closing_of(sequence, request.txn_id, closing)?;
        let held = seen.original.as_ref().map(|original| original.amount());
        let same_amount = request.amount.or(held) == Some(record.left());
        Ok(record.act() == request.act && (request.act == ReturnKind::Void || same_amount))
    }

    /// What is known of an authorization, with its record; the sequence to wait for when that is not durable yet.
    ///
    /// # Errors
    /// [`SubmitError::OtherAcquirer`] when it is none of the caller's.
    fn see(&self, caller: Caller, txn_id: TxnId, old: &OldFacts) -> Result<Result<Seen, u64>, SubmitError> {
        let (state, closing) = {
            let ids = self.state.ids[self.state.seed.txn_shard(txn_id)].lock();
            (old.txn_state(&ids, txn_id), old.closing(&ids, txn_id))
        };
        let original = match state {
            TxnState::Seen { sequence, .. } if !self.durable.check(sequence)? => return Ok(Err(sequence)),
            TxnState::Seen { sequence, .. } => {
                let original = self.read_authorization(sequence, txn_id)?;
                self.check_acquirer(caller, &original.record.header)?;
                Some(original)
            }
            TxnState::Tombstone { sequence } => match self.tombstone(caller, txn_id, sequence)? {
                Tombstone::Own => None,
                Tombstone::Foreign => return Err(SubmitError::OtherAcquirer),
                Tombstone::Wait => return Ok(Err(sequence)),
            },
            TxnState::New => None,
        };
        Ok(Ok(Seen {
            state,
            original,
            closing,
        }))
    }

    /// Whether what was read without locks is still so.
    fn is_as_seen(&self, ids: &IdShard, txn_id: TxnId, old: &OldFacts, seen: &Seen) -> bool {
        self.id_archive.epoch() == old.epoch
            && old.txn_state(ids, txn_id) == seen.state
            && old.closing(ids, txn_id) == seen.closing
    }

    /// Decides a reversal; again when what was read without locks is no longer so.
    fn reverse_knowing(
        &self,
        caller: Caller,
        request: &ReversalRequest,
        old: &OldFacts,
        seen: &Seen,
    ) -> Result<Attempt<Submitted<ReversalRecord>>, SubmitError> {
        let (txn, reversal) = (
            self.state.seed.txn_shard(request.txn_id),
            self.state.seed.reversal_shard(request.reversal_id),
        );
        let mut ids = Locked::lock(&self.state.ids, [txn, reversal].into_iter());
        if self.id_archive.epoch() != old.epoch {
            return Ok(Attempt::Again);
        }
        let known = ids.get(reversal).reversal(request.reversal_id);
        if let Some(sequence) = known.or(old.reversal) {
            return Ok(Attempt::Done(Submitted::Seen { sequence }));
        }
        if !self.is_as_seen(ids.get(txn), request.txn_id, old, seen) {
            return Ok(Attempt::Again);
        }
        let reversed = ids.get(txn).reversed(request.txn_id).or(old.reversed);
        let known = seen.reversible(reversed);
        let decide = |at| reverse::decide(request, &known, at);
        self.append_return(caller, &known, Guards::Several(&mut ids), decide)
            .map(Attempt::Done)
    }

    /// Decides a capture or void; again when what was read without locks is no longer so.
    fn close_knowing(
        &self,
        caller: Caller,
        request: &ClosingRequest,
        old: &OldFacts,
        seen: &Seen,
    ) -> Result<Attempt<Submitted<ReversalRecord>>, SubmitError> {
        let txn = self.state.seed.txn_shard(request.txn_id);
        let mut ids = self.state.ids[txn].lock();
        if !self.is_as_seen(&ids, request.txn_id, old, seen) {
            return Ok(Attempt::Again);
        }
        let reversed = ids.reversed(request.txn_id).or(old.reversed);
        let known = seen.reversible(reversed);
        let decide = |at| reverse::decide_closing(request, &known, at);
        self.append_return(caller, &known, Guards::One(txn, &mut ids), decide)
            .map(Attempt::Done)
    }

    /// Appends what `decide` makes of the time, and applies it. `ids`: the shards of the original's id and of the reversal's own.
    fn append_return(
        &self,
        caller: Caller,
        known: &Reversible,
        ids: Guards<'_, '_, IdShard>,
        decide: impl Fn(Instant) -> ReversalRecord,
    ) -> Result<Submitted<ReversalRecord>, SubmitError> {
        self.check_room(Space::ReversalsOnly)?;
        let original = match known {
            Reversible::Approved { original, .. } => Some(original),
            Reversible::NotFound { .. } | Reversible::Declined => None,
        };
        let household = original.and_then(|original| original.household);
        let seed = &self.state.seed;
        let household = household.map(|household| seed.household_shard(household));
        let mut households = lock_one(&self.state.households, household);
        let wallet = original.map(|original| original.home.unwrap_or(original.wallet));
        let wallet = wallet.map(|wallet| seed.wallet_shard(wallet));
        let mut wallets = lock_one(&self.state.wallets, wallet);
        let decide = |_: &mut _, at, bytes: &mut RecordBuf| {
            let mut record = decide(at);
            record.header.set_caller(caller.key);
            bytes.put(&record);
            ControlFlow::Continue(record)
        };
        let apply = |locked: &mut LockedShards<'_, '_>, mut record: ReversalRecord, appended: Appended| {
            let sequence = appended.sequence;
            record.header.sequence = sequence;
            apply_reversal(&record, sequence, locked);
            Submitted::Decided { record, sequence }
        };
        let mut locked = LockedShards {
            ids,
            households: Guards::one(&mut households),
            wallets: Guards::one(&mut wallets),
            ..LockedShards::none(self.state.seed)
        };
        self.decide_append_apply(self.now()?, &mut locked, decide, apply)
    }

    /// What the files of older days know of an authorization's id.
    pub(crate) fn old_facts_of_txn(&self, txn_id: TxnId) -> Result<OldFacts, SubmitError> {
        let mut facts = OldFacts {
            epoch: self.id_archive.epoch(),
            ..OldFacts::default()
        };
        if self.id_archive.may_hold(txn_id.bits()) {
            facts.txn = Some(self.id_archive.txn(txn_id)?.found);
            facts.closing = self.id_archive.closing(txn_id)?;
            let last = self.id_archive.reversed(txn_id)?;
            facts.reversed = last.map(|last| self.read_reversed(last, txn_id)).transpose()?;
        }
        Ok(facts)
    }

    /// What the reversal or capture at `last` left of its original.
    fn read_reversed(&self, last: u64, txn_id: TxnId) -> Result<Reversed, SubmitError> {
        let left = self.read_return_of(last, txn_id)?.left();
        Ok(Reversed { left, last })
    }
}

/// What the core must know of the authorization to be reversed, captured or voided.
pub fn reversible(
    seen: TxnState,
    original: Option<&Authorization>,
    reversed: Option<Reversed>,
    closing: Option<Closing>,
) -> Reversible {
    match (seen, original) {
        (TxnState::Seen { tombstone: true, .. }, _) => Reversible::NotFound { late: true },
        (TxnState::Seen { .. }, Some(original)) => match OriginalFacts::of(original) {
            Some(original) => Reversible::Approved {
                original,
                reversed,
                closing,
            },
            None => Reversible::Declined,
        },
        (TxnState::New | TxnState::Tombstone { .. }, _) | (TxnState::Seen { .. }, None) => {
            Reversible::NotFound { late: false }
        }
    }
}
