//! Re-deciding (I3): a worker's records against the state as of each of them.
//!
//! The journal's order is an order of the decisions: each was made and appended under the same locks. So the state behind the
//! records in front of one is the state it was decided by. The owner of a wallet's shard decides its authorizations, the owner of
//! an authorization's id its reversals; whoever owns an id's shard looks that it is new (I5).

use super::compare::{authorization_differences, difference, reversal_differences};
use super::findings::Findings;
use parking_lot::Mutex;
use satang_core::account::{WalletShard, wallet_shard};
use satang_core::authorize::{decide, decide_reversed_before_arrival};
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::citizen::citizen_shard;
use satang_core::dedup::{IdShard, Reversed, TxnState, reversal_shard, txn_shard};
use satang_core::directory::Directory;
use satang_core::ids::{Name, TxnId};
use satang_core::outcome::Reason;
use satang_core::record::{
    AdminRecord, AuthorizationRecord, BenefitNumber, EnrollmentFacts, EnrollmentRecord, NameNumber, Position,
    Record, RecordKind, ReversalRecord, split_record,
};
use satang_core::request::{Purchase, ReversalRequest};
use satang_core::reverse;
use satang_engine::crew::{Chunk, Located, Own, Share, Worker};
use satang_engine::day_ids::DayIdsError;
use satang_engine::engine::reversible;
use satang_engine::journal::{JournalReader, Misfit, Place, segment_name};
use satang_engine::log::ReadLog as _;
use satang_engine::old_ids::OldIds;
use satang_engine::state::State;
use satang_engine::storage::Storage;
use std::collections::BTreeMap;
use zerocopy::IntoBytes as _;

/// How many purchases a programme decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Authorizations approved.
    pub approved: u64,
    /// Authorizations declined.
    pub declined: u64,
}

/// What all workers share.
pub struct Context<S: Storage> {
    /// The state as of the records taken so far.
    pub state: State,
    /// The ids that have left memory.
    pub old_ids: OldIds,
    /// What does not agree.
    pub findings: Findings,
    /// By programme.
    pub tallies: Mutex<BTreeMap<NameNumber, Tally>>,
    /// For originals that lie in another segment.
    pub reader: JournalReader<S>,
}

/// Re-decides what concerns its own shards.
pub struct Redecider<'r, S: Storage> {
    context: &'r Context<S>,
    share: Share,
    /// Names, rules and merchants as of the record at hand.
    directory: Directory,
    tallies: BTreeMap<NameNumber, Tally>,
    /// The last programme and channel that were looked up by their numbers.
    names: Option<((NameNumber, NameNumber), (Name, Name))>,
}

impl<'r, S: Storage> Redecider<'r, S> {
    /// A worker with an empty directory.
    pub fn new(context: &'r Context<S>, share: Share) -> Redecider<'r, S> {
        Redecider {
            context,
            share,
            directory: Directory::default(),
            tallies: BTreeMap::new(),
            names: None,
        }
    }
}

impl<S: Storage> Worker for Redecider<'_, S> {
    fn take(&mut self, chunk: &Chunk) -> Result<(), Misfit> {
        let context = self.context;
        let mut own = Own::lock(&context.state, self.share);
        for record in chunk.records() {
            if let Some(later) = record.later.and_then(|later| own.prefetch(later, true)) {
                self.directory.prefetch(later.merchant());
            }
            self.take_record(&mut own, chunk, &record).map_err(|why| Misfit {
                position: record.position,
                sequence: record.header.sequence,
                why,
            })?;
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

impl<S: Storage> Redecider<'_, S> {
    /// Takes one record, whose fields were checked when it was visited.
    ///
    /// # Errors
    /// When what is needed to go on cannot be read.
    fn take_record(&mut self, own: &mut Own<'_>, chunk: &Chunk, at: &Located<'_>) -> Result<(), String> {
        if at.header.kind == RecordKind::Authorization as u8 {
            let record = AuthorizationRecord::view(at.bytes).map_err(|error| error.to_string())?;
            if let Some(ids) = &mut own.ids[txn_shard(record.txn_id())] {
                self.take_txn(ids, record, at)?;
            }
            if let Some(wallets) = &mut own.wallets[wallet_shard(record.wallet())] {
                self.redecide(wallets, record, at);
            }
            return Ok(());
        }
        match Record::decode(&at.header, at.bytes).map_err(|error| error.to_string())? {
            Record::Reversal(record) => self.take_reversal(own, chunk, &record, at)?,
            Record::Enrollment(record) => self.take_enrollment(own, &record, at),
            Record::Admin { record, .. } => {
                if let AdminRecord::WalletStatus { wallet, status, .. } = &record
                    && let Some(wallets) = &mut own.wallets[wallet_shard(*wallet)]
                {
                    wallets.apply_status(*wallet, *status);
                }
                self.directory.apply(&record).map_err(|error| error.to_string())?;
            }
            Record::Authorization { .. } | Record::CutOver(_) => {}
        }
        Ok(())
    }

    fn report(&self, at: &Located<'_>, what: String) {
        self.context
            .findings
            .record(at.header.sequence, at.position, what);
    }

    /// What memory, or else the index of an older day, knows of an authorization's id.
    fn known_txn(&self, ids: &IdShard, id: TxnId) -> Result<TxnState, String> {
        match ids.txn(id) {
            TxnState::New if self.context.old_ids.may_hold(id.bits()) => {
                Ok(self.context.old_ids.txn(id).map_err(unread)?.found)
            }
            known => Ok(known),
        }
    }

    fn take_txn(
        &self,
        ids: &mut IdShard,
        record: &AuthorizationRecord,
        at: &Located<'_>,
    ) -> Result<(), String> {
        let known = self.known_txn(ids, record.txn_id())?;
        if let TxnState::Seen { position, .. } = known {
            let first = named(position);
            self.report(at, format!("I5: its txn_id has an outcome already, at {first}"));
            return Ok(());
        }
        let tombstone = record.reason() == Reason::ReversedBeforeArrival;
        if tombstone != (known == TxnState::Tombstone) {
            let reason = record.reason().name();
            self.report(
                at,
                match tombstone {
                    true => format!("recorded {reason}, though no reversal came before it"),
                    false => format!("recorded {reason}, though it was reversed before it arrived"),
                },
            );
        }
        ids.insert_txn(at.header.sequence, record.txn_id(), at.position, tombstone);
        Ok(())
    }

    fn redecide(&mut self, wallets: &mut WalletShard, record: &AuthorizationRecord, at: &Located<'_>) {
        let tally = self.tallies.entry(record.program()).or_default();
        match record.approved() {
            true => tally.approved += 1,
            false => tally.declined += 1,
        }
        let Some((program, channel)) = self.names(record, at) else {
            self.report(at, "its programme or channel has no name".into());
            return;
        };
        let purchase = Purchase {
            program,
            wallet: record.wallet(),
            merchant: record.merchant(),
            channel,
            amount: record.amount(),
            eligible: record.eligible(),
        };
        let when = at.header.at();
        let verdict = match record.reason() {
            // The owner of the id looks whether that is so.
            Reason::ReversedBeforeArrival => decide_reversed_before_arrival(&self.directory, &purchase),
            _ => decide(&self.directory, wallets, &purchase, when),
        };
        let decided = verdict.record(record.txn_id(), &purchase, when);
        let plain = at.bytes.len() == size_of::<AuthorizationRecord>();
        let differs = match plain {
            true => differ(at.bytes, decided.as_bytes()),
            false => differ(at.bytes, verdict.encode(&decided, &purchase).as_bytes()),
        };
        if !differs {
            wallets.apply_authorization(record);
            return;
        }
        self.report(at, authorization_differences(record, &decided));
        // What was recorded is what later records were decided by.
        let drawn_on = 1..=self.directory.benefits_len() as u16;
        match !record.approved() || drawn_on.contains(&record.benefit().0) {
            true => wallets.apply_authorization(record),
            false => wallets.apply_authorization(&decided),
        }
    }

    /// The names a purchase came with.
    fn names(&mut self, record: &AuthorizationRecord, at: &Located<'_>) -> Option<(Name, Name)> {
        let numbers = (record.program(), record.channel());
        if let Some((known, names)) = &self.names
            && *known == numbers
        {
            return Some(*names);
        }
        let (mut in_program, mut in_channel) = (None, None);
        let in_tail = numbers.0 == NameNumber::UNKNOWN || numbers.1 == NameNumber::UNKNOWN;
        if in_tail
            && let Ok(Record::Authorization { program, channel, .. }) = Record::decode(&at.header, at.bytes)
        {
            (in_program, in_channel) = (program, channel);
        }
        let name = |number: NameNumber, in_tail: Option<Name>| match number {
            NameNumber::UNKNOWN => in_tail,
            number => self.directory.name(number).copied(),
        };
        let names = (name(numbers.0, in_program)?, name(numbers.1, in_channel)?);
        if numbers.0 != NameNumber::UNKNOWN && numbers.1 != NameNumber::UNKNOWN {
            self.names = Some((numbers, names));
        }
        Some(names)
    }

    fn take_reversal(
        &self,
        own: &mut Own<'_>,
        chunk: &Chunk,
        record: &ReversalRecord,
        at: &Located<'_>,
    ) -> Result<(), String> {
        let id = record.reversal_id();
        if let Some(ids) = &mut own.ids[reversal_shard(id)] {
            let old_ids = &self.context.old_ids;
            let known = match ids.reversal(id) {
                None if old_ids.may_hold(id.bits()) => old_ids.reversal(id).map_err(unread)?,
                known => known,
            };
            match known {
                Some(position) => {
                    let first = named(position);
                    self.report(
                        at,
                        format!("I5: its reversal_id has an outcome already, at {first}"),
                    );
                }
                None => ids.insert_reversal(at.header.sequence, id, at.position),
            }
        }
        if let Some(ids) = &mut own.ids[txn_shard(record.txn_id())] {
            self.redecide_reversal(ids, chunk, record, at)?;
        }
        if record.benefit() != BenefitNumber::NONE
            && let Some(wallets) = &mut own.wallets[wallet_shard(record.wallet())]
            && wallets.has_slot(record.wallet(), record.benefit())
            && possible_date(record.original_date())
        {
            wallets.apply_reversal(record);
        }
        Ok(())
    }

    fn redecide_reversal(
        &self,
        ids: &mut IdShard,
        chunk: &Chunk,
        record: &ReversalRecord,
        at: &Located<'_>,
    ) -> Result<(), String> {
        let id = record.txn_id();
        let seen = self.known_txn(ids, id)?;
        let original = match seen {
            TxnState::Seen { position, .. } => Some((position, self.authorization_at(position, chunk)?)),
            TxnState::New | TxnState::Tombstone => None,
        };
        let mut reversed = self.known_reversed(ids, id, chunk)?;
        if let (Some(reversed), Some((_, original))) = (&mut reversed, &original) {
            // A record that left more than there was is told of where it lies.
            reversed.left = reversed.left.min(original.amount());
        }
        let request = ReversalRequest {
            reversal_id: record.reversal_id(),
            txn_id: id,
            amount: record.requested(),
            cause: record.cause(),
        };
        let known = reversible(seen, original.as_ref(), reversed);
        let decided = reverse::decide(&request, &known, at.header.at());
        if differ(at.bytes, decided.as_bytes()) {
            self.report(at, reversal_differences(record, &decided));
        }
        // What was decided fits what is known of the id, whatever was recorded.
        ids.apply_reversal(&decided, at.position);
        Ok(())
    }

    /// What earlier reversals left of an authorization.
    fn known_reversed(&self, ids: &IdShard, id: TxnId, chunk: &Chunk) -> Result<Option<Reversed>, String> {
        let old_ids = &self.context.old_ids;
        let known = ids.reversed(id);
        if known.is_some() || !old_ids.may_hold(id.bits()) {
            return Ok(known);
        }
        let Some(last) = old_ids.reversed(id).map_err(unread)? else {
            return Ok(None);
        };
        match self.record_at(last, chunk)? {
            Record::Reversal(record) => Ok(Some(Reversed {
                left: record.left(),
                last,
            })),
            _ => Err(format!("there is no reversal at {}", named(last))),
        }
    }

    fn authorization_at(&self, position: Position, chunk: &Chunk) -> Result<AuthorizationRecord, String> {
        match self.record_at(position, chunk)? {
            Record::Authorization { record, .. } => Ok(record),
            _ => Err(format!("there is no authorization at {}", named(position))),
        }
    }

    /// An earlier record: from the segment at hand, or else from the disk.
    fn record_at(&self, position: Position, chunk: &Chunk) -> Result<Record, String> {
        let place = Place::of(position);
        if place.segment == chunk.segment {
            let bytes = &chunk.bytes()[place.offset as usize..];
            let read = split_record(bytes).and_then(|(header, bytes)| Record::decode(&header, bytes));
            return read.map_err(|error| error.to_string());
        }
        let read = self.context.reader.read(position);
        read.map_err(|error| error.to_string())
    }

    fn take_enrollment(&self, own: &mut Own<'_>, record: &EnrollmentRecord, at: &Located<'_>) {
        if let Some(citizens) = &mut own.citizens[citizen_shard(record.person())] {
            let held = citizens.wallet(record.person(), record.program());
            if held.is_some_and(|wallet| wallet != record.wallet()) {
                self.report(at, "its person holds the right under another wallet".into());
            }
            citizens.apply_enrollment(record);
        }
        let Some(wallets) = &mut own.wallets[wallet_shard(record.wallet())] else {
            return;
        };
        let versions = self.directory.in_force().find(|(of, _)| *of == record.program());
        let newest = versions.and_then(|(_, versions)| self.directory.rule(*versions.last()?));
        let Some(rule) = newest else {
            self.report(at, "its programme is not in force".into());
            return;
        };
        let facts = EnrollmentFacts {
            wallet: record.wallet(),
            person: record.person(),
            program: record.program(),
            benefit: rule.entitlement,
            usable_from: record.usable_from(),
            by: record.by(),
        };
        let decided = EnrollmentRecord::new(at.header.at(), &facts);
        let owner = wallets.person(record.wallet());
        let standing = wallets.standing(record.wallet(), rule.entitlement);
        let held = standing.and_then(|standing| standing.entitlement);
        let unchanged = held.is_some_and(|held| held.usable_from == record.usable_from());
        let known_key = record.by() == NameNumber::UNKNOWN || self.directory.name(record.by()).is_some();
        if differ(at.bytes, decided.as_bytes()) {
            self.report(at, difference("benefit", record.benefit().0, rule.entitlement.0));
        } else if owner.is_some_and(|owner| owner != record.person()) {
            self.report(at, "its wallet is another person's".into());
        } else if owner.is_some() && unchanged {
            self.report(at, "it changes nothing, and would not have been recorded".into());
        } else if !known_key {
            self.report(at, "the name of its key was never introduced".into());
        }
        wallets.apply_enrollment(&decided);
    }
}

/// Whether two records differ in anything but the sequence and the check, which covers it.
fn differ(recorded: &[u8], decided: &[u8]) -> bool {
    recorded.len() != decided.len() || recorded[8..16] != decided[8..16] || recorded[20..] != decided[20..]
}

/// Whether dates can be reckoned with.
pub fn possible_date(date: BusinessDate) -> bool {
    (Instant::MIN.business_date()..=Instant::MAX.business_date()).contains(&date)
}

/// A position in words.
pub fn named(position: Position) -> String {
    let place = Place::of(position);
    format!("{} offset {}", segment_name(place.segment), place.offset)
}

fn unread(error: DayIdsError) -> String {
    format!("an index written for this verification: {error}")
}
