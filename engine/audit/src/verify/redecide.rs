//! Re-deciding (I3): a worker's records against the state as of each of them.
//!
//! The journal's order is an order of the decisions: each was made and appended under the same locks. So the state behind the
//! records in front of one is the state it was decided by. The owner of a wallet's shard decides its authorizations, the owner of
//! an authorization's id its reversals; whoever owns an id's shard looks that it is new (I5).

use super::checked::{Accounts, OfWorker};
use super::compare::reversal_differences;
use super::context::{At, Context, Halt, Tally, possible_date};
use super::finding::Finding;
use super::purchase::{hold_against, is_new, names_of, purchase_of};
use satang_core::decide::authorize::{
    CrossShardFacts, ResolvedPurchase, decide, decide_reversed_before_arrival, needed,
};
use satang_core::decide::reverse;
use satang_core::ids::{Name, TxnId};
use satang_core::outcome::Reason;
use satang_core::record::{
    Authorization, AuthorizationRecord, Closing, NameNumber, Record, RecordKind, ReturnKind, ReversalRecord,
    extra_of,
};
use satang_core::request::{ClosingRequest, ReversalRequest};
use satang_core::state::account::WalletShard;
use satang_core::state::apply::{apply_authorization, apply_reversal, apply_wallet_status};
use satang_core::state::dedup::{IdShard, Reversed, TxnState};
use satang_core::state::directory::{AuditStamp, Directory};
use satang_engine::recovery::worker_pool::{Chunk, OwnedShards, Partition, ReplayMismatch, Worker};
use satang_engine::session::reverse::reversible;
use satang_log::log::ReadLog as _;
use satang_log::storage::ReadStorage;
use std::collections::BTreeMap;
use zerocopy::IntoBytes as _;

/// Re-decides what concerns its own shards.
pub struct Redecider<'r, S: ReadStorage> {
    context: &'r Context<S>,
    partition: Partition,
    /// Names, rules and merchants as of the record at hand.
    directory: Directory,
    tallies: BTreeMap<NameNumber, Tally>,
    /// The last programme and channel that were looked up by their numbers.
    names: Option<((NameNumber, NameNumber), (Name, Name))>,
}

impl<'r, S: ReadStorage> Redecider<'r, S> {
    /// A worker with an empty directory.
    pub fn new(context: &'r Context<S>, partition: Partition) -> Redecider<'r, S> {
        Redecider {
            context,
            partition,
            directory: Directory::new(context.state.seed),
            tallies: BTreeMap::new(),
            names: None,
        }
    }
}

impl<S: ReadStorage> Worker for Redecider<'_, S> {
    fn take(&mut self, chunk: &Chunk) -> Result<(), ReplayMismatch> {
        let context = self.context;
        let mut own = OwnedShards::lock(&context.state, self.partition);
        for record in chunk.records() {
            if let Some(later) = record.later.and_then(|later| own.prefetch(later, true)) {
                self.directory.prefetch(later.merchant());
            }
            let at = At {
                header: record.header,
                bytes: record.bytes,
            };
            self.take_record(&mut own, chunk, &at)
                .map_err(|why| ReplayMismatch::new(record.header.sequence, why))?;
        }
        let mut all = context.tallies.lock();
        for (program, tally) in std::mem::take(&mut self.tallies) {
            let sum = all.entry(program).or_default();
            sum.approved += tally.approved;
            sum.declined += tally.declined;
        }
        Ok(())
    }
}

impl<S: ReadStorage> Redecider<'_, S> {
    /// Takes one record, whose fields were checked when it was visited.
    ///
    /// # Errors
    /// When what is needed to go on cannot be read.
    fn take_record(&mut self, own: &mut OwnedShards<'_>, chunk: &Chunk, at: &At<'_>) -> Result<(), Halt> {
        if at.header.kind == RecordKind::Authorization as u8 {
            return self.take_authorization(own, AuthorizationRecord::view(at.bytes)?, at);
        }
        match Record::decode(&at.header, at.bytes)? {
            Record::Reversal(record) | Record::Capture(record) | Record::Void(record) => {
                self.take_return(own, chunk, &record, at)?;
            }
            Record::WalletStatus(record) => {
                let accounts = Accounts::Wallet(record.wallet);
                apply_wallet_status(&record, &mut OfWorker::accounts(own, accounts));
            }
            // Who got a right is decided by the thread that reads the journal, which the directory has no part in.
            record => self.directory.apply(&record, &AuditStamp::of(&at.header))?,
        }
        Ok(())
    }

    fn take_authorization(
        &mut self,
        own: &mut OwnedShards<'_>,
        record: &AuthorizationRecord,
        at: &At<'_>,
    ) -> Result<(), Halt> {
        let ids = own.ids[own.seed.txn_shard(record.txn_id())].as_deref();
        let wallets = own.wallets[own.seed.wallet_shard(record.wallet())].as_deref();
        if ids.is_none() && wallets.is_none() {
            return Ok(());
        }
        let recorded = Authorization {
            record: *record,
            extension: extra_of(record, at.bytes),
        };
        let is_new = |ids| is_new(self.context, ids, record, &at.header);
        let txn = ids.map_or(Ok(false), is_new)?;
        let decided = wallets.and_then(|wallets| self.redecide(wallets, &recorded, at));
        let accounts = decided.map_or(Accounts::None, |decided| Accounts::Wallet(decided.wallet()));
        let mut shards = OfWorker {
            txn,
            ..OfWorker::accounts(own, accounts)
        };
        apply_authorization(&decided.unwrap_or(recorded), at.header.sequence, &mut shards);
        Ok(())
    }

    /// Decides a purchase again; `None` when that is not possible. What is returned is what later records were decided by: what was
    /// recorded, or else, when the accounts cannot bear that, what is decided now.
    fn redecide(
        &mut self,
        wallets: &WalletShard,
        record: &Authorization,
        at: &At<'_>,
    ) -> Option<Authorization> {
        self.tallies.entry(record.program()).or_default().count(record);
        let Some(names) = self.names(record, at) else {
            self.context.report(&at.header, Finding::Unnamed);
            return None;
        };
        let purchase = purchase_of(record, names);
        let when = at.header.at();
        let numbered = ResolvedPurchase::new(&self.directory, &purchase);
        let verdict = match record.reason() {
            // The owner of the id looks whether that is so.
            Reason::ReversedBeforeArrival => decide_reversed_before_arrival(&numbered),
            _ => {
                let needs = needed(&self.directory, wallets, &numbered, when);
                if needs.iter().any(Option::is_some) {
                    self.context.report(&at.header, Finding::DecidedAlone);
                    return None;
                }
                decide(
                    &self.directory,
                    wallets,
                    &CrossShardFacts::default(),
                    &numbered,
                    when,
                )
            }
        };
        let decided = hold_against(self.context, at, record, &purchase, &verdict);
        let drawn_on = 1..=self.directory.benefits_len() as u16;
        match !record.approved() || drawn_on.contains(&record.benefit().0) {
            true => Some(*record),
            false => Some(decided),
        }
    }

    /// The names a purchase came with.
    fn names(&mut self, record: &AuthorizationRecord, at: &At<'_>) -> Option<(Name, Name)> {
        let numbers = (record.program(), record.channel());
        if let Some((known, names)) = &self.names
            && *known == numbers
        {
            return Some(*names);
        }
        let mut in_tail = (None, None);
        if (numbers.0 == NameNumber::UNKNOWN || numbers.1 == NameNumber::UNKNOWN)
            && let Ok(Record::Authorization(found)) = Record::decode(&at.header, at.bytes)
        {
            in_tail = (found.program, found.channel);
        }
        let names = names_of(&self.directory, record, in_tail)?;
        if numbers.0 != NameNumber::UNKNOWN && numbers.1 != NameNumber::UNKNOWN {
            self.names = Some((numbers, names));
        }
        Some(names)
    }

    /// I5: whether the id of a reversal is this worker's and has no outcome yet.
    fn is_new_reversal(
        &self,
        own: &OwnedShards<'_>,
        record: &ReversalRecord,
        at: &At<'_>,
    ) -> Result<bool, Halt> {
        let id = record.reversal_id();
        let Some(ids) = &own.ids[own.seed.reversal_shard(id)] else {
            return Ok(false);
        };
        let id_archive = &self.context.id_archive;
        let known = match ids.reversal(id) {
            None if id_archive.may_hold(id.bits()) => id_archive.reversal(id)?,
            known => known,
        };
        if let Some(sequence) = known {
            self.context.report(
                &at.header,
                Finding::Repeated {
                    id: "reversal_id",
                    first: sequence,
                },
            );
        }
        Ok(known.is_none())
    }

    /// A reversal, capture or void. Ids take what is decided now, which fits what is known of them, whatever was recorded; accounts
    /// take what was recorded, as far as they can bear it.
    fn take_return(
        &self,
        own: &mut OwnedShards<'_>,
        chunk: &Chunk,
        record: &ReversalRecord,
        at: &At<'_>,
    ) -> Result<(), Halt> {
        let sequence = at.header.sequence;
        let reversal = record.act() == ReturnKind::Reversal && self.is_new_reversal(own, record, at)?;
        let decided = match &own.ids[own.seed.txn_shard(record.txn_id())] {
            Some(ids) => self.redecide_return(ids, chunk, record, at)?,
            None => None,
        };
        let mut ids = OfWorker {
            txn: decided.is_some(),
            reversal,
            ..OfWorker::accounts(own, Accounts::None)
        };
        apply_reversal(&decided.unwrap_or(*record), sequence, &mut ids);
        if possible_date(record.original_date()) {
            let accounts = Accounts::WithSlot(record.benefit());
            apply_reversal(record, sequence, &mut OfWorker::accounts(own, accounts));
        }
        Ok(())
    }

    /// Decides a reversal, capture or void again; `None` when its id was answered with the same before.
    fn redecide_return(
        &self,
        ids: &IdShard,
        chunk: &Chunk,
        record: &ReversalRecord,
        at: &At<'_>,
    ) -> Result<Option<ReversalRecord>, Halt> {
        let id = record.txn_id();
        let seen = self.context.known_txn(ids, id)?;
        let original = match seen {
            TxnState::Seen { sequence, .. } => Some(self.authorization_at(sequence, id, chunk)?),
            TxnState::New | TxnState::Tombstone { .. } => None,
        };
        let mut reversed = self.known_reversed(ids, id, chunk)?;
        if let (Some(reversed), Some(original)) = (&mut reversed, &original) {
            // A record that left more than there was is told of where it lies.
            reversed.left = reversed.left.min(original.amount());
        }
        let closing = self.known_closing(ids, id)?;
        let known = reversible(seen, original.as_ref(), reversed, closing);
        let when = at.header.at();
        let decided = match record.act() {
            ReturnKind::Reversal => {
                let request = ReversalRequest {
                    reversal_id: record.reversal_id(),
                    txn_id: id,
                    amount: record.requested(),
                    cause: record.cause(),
                };
                reverse::decide(&request, &known, when)
            }
            act @ (ReturnKind::Capture | ReturnKind::Void) => {
                let request = ClosingRequest {
                    txn_id: id,
                    act,
                    amount: record.requested(),
                };
                reverse::decide_closing(&request, &known, when)
            }
        };
        if at.differs(decided.as_bytes()) {
            self.context
                .report(&at.header, reversal_differences(record, &decided));
        }
        if decided.voids_unknown() && closing.is_some() {
            self.context.report(&at.header, Finding::RepeatsVoid);
            return Ok(None);
        }
        Ok(Some(decided))
    }

    fn known_closing(&self, ids: &IdShard, id: TxnId) -> Result<Option<Closing>, Halt> {
        let id_archive = &self.context.id_archive;
        let known = match ids.closing(id) {
            None if id_archive.may_hold(id.bits()) => id_archive.closing(id)?,
            known => known,
        };
        Ok(known.map(|(closing, _)| closing))
    }

    /// What earlier reversals left of an authorization.
    fn known_reversed(&self, ids: &IdShard, id: TxnId, chunk: &Chunk) -> Result<Option<Reversed>, Halt> {
        let id_archive = &self.context.id_archive;
        let known = ids.reversed(id);
        if known.is_some() || !id_archive.may_hold(id.bits()) {
            return Ok(known);
        }
        let Some(last) = id_archive.reversed(id)? else {
            return Ok(None);
        };
        match self.record_at(last, chunk)? {
            Record::Reversal(record) | Record::Capture(record) | Record::Void(record)
                if record.txn_id() == id =>
            {
                Ok(Some(Reversed {
                    left: record.left(),
                    last,
                }))
            }
            _ => Err(Halt::NoReversal { sequence: last }),
        }
    }

    fn authorization_at(&self, sequence: u64, id: TxnId, chunk: &Chunk) -> Result<Authorization, Halt> {
        match self.record_at(sequence, chunk)? {
            Record::Authorization(found) if found.record.txn_id() == id => Ok(found.record),
            _ => Err(Halt::NoAuthorization { sequence }),
        }
    }

    /// An earlier record: from the records at hand, or else from the disk.
    fn record_at(&self, sequence: u64, chunk: &Chunk) -> Result<Record, Halt> {
        if let Some((header, bytes)) = chunk.record(sequence) {
            return Ok(Record::decode(&header, bytes)?);
        }
        Ok(self.context.reader.read(sequence)?)
    }
}
