//! Replaying a journal into the state: one thread reads and checks the journal, others apply its records, each to shards of
//! its own, so that no two wait for each other.
//!
//! A part of the state that came from a snapshot takes only the records it lacks.

use crate::crew::{Chunk, Crew, Misfit, Own, ReplayError, Share, Worker};
use crate::old_ids::OldIds;
use crate::state::State;
use parking_lot::MutexGuard;
use satang_core::account::{WALLET_SHARDS, wallet_shard};
use satang_core::calendar::BusinessDate;
use satang_core::citizen::{CITIZEN_SHARDS, citizen_shard};
use satang_core::dedup::{ID_SHARDS, registration_shard, reversal_shard, txn_shard};
use satang_core::desk::casework;
use satang_core::directory::Made;
use satang_core::household::{HOUSEHOLD_SHARDS, household_shard};
use satang_core::ids::{PersonId, WalletId};
use satang_core::outcome::Reason;
use satang_core::record::{
    Authorization, AuthorizationRecord, BenefitNumber, CutOverRecord, Earlier, Record, RecordHeader,
    RecordKind, ReversalRecord, Status, WalletStatus, extra_of,
};
use satang_log::commit::CutOver;
use satang_log::log::{Cursor, Frame};
use satang_log::storage::Storage;
use std::thread::Scope;
use zerocopy::FromBytes;

/// The sequence of the last record that each part of the state has taken; 0 for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Through {
    /// Names, rules, merchants.
    pub directory: u64,
    /// How many hold rights.
    pub quotas: u64,
    /// By id shard.
    pub ids: Vec<u64>,
    /// By citizen shard.
    pub citizens: Vec<u64>,
    /// By household shard.
    pub households: Vec<u64>,
    /// By wallet shard.
    pub wallets: Vec<u64>,
}

impl Through {
    /// An empty state has taken nothing.
    pub fn nothing() -> Through {
        Through {
            directory: 0,
            quotas: 0,
            ids: vec![0; ID_SHARDS],
            citizens: vec![0; CITIZEN_SHARDS],
            households: vec![0; HOUSEHOLD_SHARDS],
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
    /// Bytes that its frames take in the log.
    pub bytes: u64,
    /// The persons that its records name.
    pub persons: Vec<PersonId>,
    /// The cut-overs of all dates so far, in order.
    pub cut_overs: Vec<CutOver>,
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
    pub fn take(&mut self, header: &RecordHeader, bytes: &[u8]) -> Result<(), String> {
        let today = header.at().business_date();
        if header.kind != RecordKind::CutOver as u8 {
            let date = *self.open.get_or_insert(today);
            return match today == date {
                true => Ok(()),
                false => Err(format!("a record of {today} while {date} is open")),
            };
        }
        let (record, _) =
            CutOverRecord::read_from_prefix(bytes).map_err(|_| "a cut-over without a date".to_owned())?;
        // Reading that begins in the middle learns the date from the first record; a journal does not begin with a cut-over.
        let date = match self.open {
            Some(date) => date,
            None if header.sequence > 1 => record.date(),
            None => today,
        };
        if record.date() != date || today <= date {
            return Err(format!("cut-over of {} while {date} is open", record.date()));
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
    beginning: &'r Beginning,
    storage: &'r S,
    journal_id: [u8; 16],
    progress: &'r mut dyn FnMut(u64, u64),
    crew: Crew<'s, 'r, Applier<'r>>,
    dates: Dates,
    records: u64,
    bytes: u64,
    persons: Vec<PersonId>,
}

impl<'s, 'r, S: Storage> Replay<'s, 'r, S> {
    /// Starts the workers of a replay in `scope`. `progress` is told the bytes read and the bytes there are.
    pub fn start(
        scope: &'s Scope<'s, 'r>,
        beginning: &'r Beginning,
        storage: &'r S,
        journal_id: [u8; 16],
        progress: &'r mut dyn FnMut(u64, u64),
    ) -> Replay<'s, 'r, S> {
        Replay {
            beginning,
            storage,
            journal_id,
            progress,
            crew: Crew::small_at_first(scope, move |share| Applier { beginning, share }),
            dates: Dates::behind(beginning.cut_overs.clone()),
            records: 0,
            bytes: 0,
            persons: Vec::new(),
        }
    }

    /// Applies everything a cursor reads; also lets the ids of the dates leave memory that are over.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn run(mut self, cursor: &mut impl Cursor) -> Result<Replayed, ReplayError> {
        self.read_all(cursor)?;
        let finished = self.finish();
        finished.map_err(|misfit| ReplayError::misfit(misfit, |sequence| cursor.describe(sequence)))?;
        // The workers end once nobody can send them anything.
        Ok(Replayed {
            records: self.records,
            bytes: self.bytes,
            date: self.dates.open,
            persons: self.persons,
            cut_overs: self.dates.cut_overs,
        })
    }

    fn read_all(&mut self, cursor: &mut impl Cursor) -> Result<(), ReplayError> {
        let mut told = 0;
        while let Some(frame) = cursor.next_frame()? {
            let taken = self.take_frame(&frame);
            taken.map_err(|misfit| ReplayError::misfit(misfit, |sequence| cursor.describe(sequence)))?;
            let (done, total) = cursor.progress();
            if done != told {
                (self.progress)(done, total);
                told = done;
            }
        }
        Ok(())
    }

    fn take_frame(&mut self, frame: &Frame) -> Result<(), Misfit> {
        self.crew.begin_frame(frame)?;
        self.bytes += frame.stored_bytes as u64;
        for (offset, header, bytes) in frame.records() {
            let sequence = header.sequence;
            self.take(&header, bytes)
                .map_err(|why| Misfit { sequence, why })?;
            self.crew.push(offset, sequence);
            self.records += 1;
        }
        Ok(())
    }

    fn take(&mut self, header: &RecordHeader, bytes: &[u8]) -> Result<(), String> {
        if header.kind != RecordKind::CutOver as u8 {
            // Once all dates that end together are over. A misfit that a worker found is told with the next frame.
            let _ = self.let_ids_leave();
        }
        self.dates.take(header, bytes)?;
        let plain =
            header.kind == RecordKind::Authorization as u8 && bytes.len() == size_of::<AuthorizationRecord>();
        if !plain {
            // The others are few: whatever is wrong with one is found here.
            let record = Record::decode(header, bytes).map_err(|error| error.to_string())?;
            self.take_other(header, record)?;
        }
        Ok(())
    }

    /// Waits until every record is applied.
    fn finish(&mut self) -> Result<(), Misfit> {
        self.crew.hand_out();
        self.crew.wait_until_idle()?;
        self.let_ids_leave()
    }

    /// Takes what concerns no shard, and whom a record names.
    fn take_other(&mut self, header: &RecordHeader, record: Record) -> Result<(), String> {
        let Beginning { state, through, .. } = self.beginning;
        let sequence = header.sequence;
        let counts = sequence > through.quotas;
        self.persons.extend(record.person());
        match &record {
            Record::Moved(moved) if counts => {
                let mut quotas = state.quotas.lock();
                if quotas.held(moved.from_benefit) == 0 {
                    return Err("nobody holds the right that ends".into());
                }
                quotas.apply_moved(moved);
            }
            Record::Enrollment(record) if counts => state.quotas.lock().apply_enrollment(record),
            Record::Registration(record) if counts => {
                let mut quotas = state.quotas.lock();
                if record
                    .ticket()
                    .is_some_and(|ticket| ticket != quotas.tickets(record.benefit()) + 1)
                {
                    return Err("its ticket does not follow the one before".into());
                }
                quotas.apply_registration(record);
            }
            Record::Name(_)
            | Record::RuleVersion(_)
            | Record::RulesInForce(_)
            | Record::Merchant(_)
            | Record::ProgramStatus(_)
            | Record::MerchantStatus(_)
            | Record::MerchantJoined(_)
            | Record::PlatformBinding(_)
            | Record::MerchantPayout(_)
            | Record::AuthorizationPayout(_)
            | Record::PersonStatus(_)
            | Record::CaseOpened(_)
            | Record::CasePaid(_)
            | Record::CaseClosed(_)
            | Record::CaseCounted(_)
            | Record::ConsentWithdrawn(_)
            | Record::Erased(_)
                if sequence > through.directory =>
            {
                let applied = state.directory.write().apply(&record, &Made::of(header));
                return applied.map_err(|error| error.to_string());
            }
            _ => {}
        }
        Ok(())
    }

    /// As the running engine does at some time after a date's end: once the records of the dates are applied.
    fn let_ids_leave(&mut self) -> Result<(), Misfit> {
        let Some(today) = self.dates.take_ended() else {
            return Ok(());
        };
        self.crew.hand_out();
        self.crew.wait_until_idle()?;
        let Beginning { state, old_ids, .. } = self.beginning;
        let cut_overs = &self.dates.cut_overs;
        let left = old_ids.let_leave(state, self.storage, self.journal_id, cut_overs, today);
        if let Err(error) = left {
            // They stay in memory, where they are found as well.
            tracing::warn!(%error, "the index of an old date cannot be written");
        }
        Ok(())
    }
}

/// Applies what concerns its own shards.
struct Applier<'r> {
    beginning: &'r Beginning,
    share: Share,
}

impl Worker for Applier<'_> {
    fn take(&mut self, chunk: &Chunk) -> Result<(), Misfit> {
        let mut own = Own::lock(&self.beginning.state, self.share);
        for record in chunk.records() {
            if let Some(later) = record.later {
                own.prefetch(later, false);
            }
            self.apply(&mut own, &record.header, record.bytes)
                .map_err(|why| Misfit {
                    sequence: record.header.sequence,
                    why,
                })?;
        }
        Ok(())
    }
}

impl Applier<'_> {
    /// The lapsed right that a new one through `wallet` replaces ends, if it was another wallet's.
    fn take_away(
        &self,
        own: &mut Own<'_>,
        wallet: WalletId,
        earlier: Option<Earlier>,
        entitlement: BenefitNumber,
        sequence: u64,
    ) {
        let through = &self.beginning.through.wallets;
        let replaced = earlier.and_then(Earlier::lapsed);
        if let Some(wallet) = replaced.filter(|replaced| *replaced != wallet)
            && let Some(shard) = Self::lacking(&mut own.wallets, through, wallet_shard(wallet), sequence)
        {
            shard.take_away(wallet, entitlement);
        }
    }

    /// The shard, when it is this worker's and lacks the record.
    fn lacking<'o, T>(
        shards: &'o mut [Option<MutexGuard<'_, T>>],
        through: &[u64],
        shard: usize,
        sequence: u64,
    ) -> Option<&'o mut T> {
        let own = shards[shard].as_deref_mut();
        own.filter(|_| sequence > through[shard])
    }

    /// The wallet learns that its person has rights in several programmes.
    fn link(&self, own: &mut Own<'_>, wallet: Option<WalletId>, sequence: u64) {
        let through = &self.beginning.through.wallets;
        if let Some(wallet) = wallet
            && let Some(shard) = Self::lacking(&mut own.wallets, through, wallet_shard(wallet), sequence)
        {
            shard.apply_linked(wallet);
        }
    }

    /// What a reversal, capture or void does besides having an id of its own.
    fn apply_reversal(&self, own: &mut Own<'_>, record: &ReversalRecord) {
        let (sequence, through) = (record.header.sequence, &self.beginning.through);
        let txn = txn_shard(record.txn_id());
        if let Some(shard) = Self::lacking(&mut own.ids, &through.ids, txn, sequence) {
            shard.apply_reversal(record, sequence);
        }
        if !record.gives_back() {
            return;
        }
        let wallet = wallet_shard(record.home());
        if let Some(shard) = Self::lacking(&mut own.wallets, &through.wallets, wallet, sequence) {
            shard.apply_reversal(record);
        }
        if let Some(household) = record.household()
            && let Some(shard) = Self::lacking(
                &mut own.households,
                &through.households,
                household_shard(household),
                sequence,
            )
        {
            shard.apply_reversal(record);
        }
    }

    fn apply(&self, own: &mut Own<'_>, header: &RecordHeader, bytes: &[u8]) -> Result<(), String> {
        let sequence = header.sequence;
        let Through {
            ids,
            citizens,
            households,
            wallets,
            ..
        } = &self.beginning.through;
        match RecordKind::from_number(header.kind) {
            Some(RecordKind::Authorization) => {
                let record = AuthorizationRecord::view(bytes).map_err(|error| error.to_string())?;
                let (id, wallet) = (record.txn_id(), record.wallet());
                if let Some(shard) = Self::lacking(&mut own.ids, ids, txn_shard(id), sequence) {
                    let tombstone = record.reason() == Reason::ReversedBeforeArrival;
                    shard.insert_txn(sequence, id, tombstone);
                }
                let authorization = Authorization {
                    record: *record,
                    extra: extra_of(record, bytes),
                };
                if let Some(shard) = Self::lacking(&mut own.wallets, wallets, wallet_shard(wallet), sequence)
                {
                    shard.apply_authorization(&authorization);
                }
                if let Some(home) = authorization.extra.home()
                    && let Some(shard) =
                        Self::lacking(&mut own.wallets, wallets, wallet_shard(home), sequence)
                {
                    shard.apply_authorization_at_home(&authorization);
                }
                if let Some(household) = authorization.extra.household()
                    && let Some(shard) = Self::lacking(
                        &mut own.households,
                        households,
                        household_shard(household),
                        sequence,
                    )
                {
                    shard.apply_authorization(&authorization);
                }
                return Ok(());
            }
            Some(
                RecordKind::Reversal
                | RecordKind::Capture
                | RecordKind::Void
                | RecordKind::Registration
                | RecordKind::Enrollment
                | RecordKind::Listed
                | RecordKind::Moved
                | RecordKind::Replacement
                | RecordKind::WalletStatus
                | RecordKind::PersonStatus
                | RecordKind::Erased,
            ) => {}
            // The reader of the journal has applied it, or it changes nothing.
            _ => return Ok(()),
        }
        match Record::decode(header, bytes).map_err(|error| error.to_string())? {
            Record::Reversal(record) => {
                let reversal = record.reversal_id();
                if let Some(shard) = Self::lacking(&mut own.ids, ids, reversal_shard(reversal), sequence) {
                    shard.insert_reversal(sequence, reversal);
                }
                self.apply_reversal(own, &record);
            }
            Record::Capture(record) | Record::Void(record) => self.apply_reversal(own, &record),
            Record::Enrollment(record) => {
                let citizen = citizen_shard(record.person());
                if let Some(shard) = Self::lacking(&mut own.citizens, citizens, citizen, sequence) {
                    shard.apply_enrollment(&record);
                }
                let wallet = wallet_shard(record.wallet());
                if let Some(shard) = Self::lacking(&mut own.wallets, wallets, wallet, sequence) {
                    shard.apply_enrollment(&record);
                }
                self.take_away(own, record.wallet(), record.earlier(), record.benefit(), sequence);
                self.link(own, record.linked(), sequence);
            }
            Record::Registration(record) => {
                let id = record.registration_id();
                if let Some(shard) = Self::lacking(&mut own.ids, ids, registration_shard(id), sequence) {
                    shard.insert_registration(sequence, id);
                }
                if let Some(person) = record.person()
                    && let Some(shard) =
                        Self::lacking(&mut own.citizens, citizens, citizen_shard(person), sequence)
                {
                    shard.apply_registration(&record);
                }
                let wallet = wallet_shard(record.wallet());
                if let Some(shard) = Self::lacking(&mut own.wallets, wallets, wallet, sequence) {
                    shard.apply_registration(&record);
                }
                self.take_away(own, record.wallet(), record.earlier(), record.benefit(), sequence);
                self.link(own, record.linked(), sequence);
            }
            Record::Moved(moved) => {
                let citizen = citizen_shard(moved.person);
                if let Some(shard) = Self::lacking(&mut own.citizens, citizens, citizen, sequence) {
                    shard.apply_moved(&moved);
                }
                let wallet = wallet_shard(moved.wallet);
                if let Some(shard) = Self::lacking(&mut own.wallets, wallets, wallet, sequence) {
                    shard.apply_moved(&moved);
                }
                self.take_away(own, moved.wallet, moved.earlier, moved.to_benefit, sequence);
            }
            Record::Replacement(replacement) => {
                let citizen = citizen_shard(replacement.person);
                if let Some(shard) = Self::lacking(&mut own.citizens, citizens, citizen, sequence) {
                    shard.apply_replacement(&replacement);
                }
                let old = wallet_shard(replacement.wallet);
                if let Some(shard) = Self::lacking(&mut own.wallets, wallets, old, sequence) {
                    shard.apply_replaced(&replacement, sequence);
                }
                let new = wallet_shard(replacement.new_wallet);
                if let Some(shard) = Self::lacking(&mut own.wallets, wallets, new, sequence) {
                    shard.apply_replacing(&replacement);
                }
            }
            Record::Listed(record) => {
                let citizen = citizen_shard(record.person());
                if let Some(shard) = Self::lacking(&mut own.citizens, citizens, citizen, sequence) {
                    shard.apply_listed(&record);
                }
            }
            Record::WalletStatus(WalletStatus { wallet, status, .. }) => {
                if let Some(shard) = Self::lacking(&mut own.wallets, wallets, wallet_shard(wallet), sequence)
                {
                    shard.apply_status(wallet, status);
                }
            }
            other => {
                let stops = casework(&other).and_then(|decision| decision.stops());
                let (stopped, status) = stops.unwrap_or((&[], Status::Active));
                for wallet in stopped {
                    let shard = wallet_shard(*wallet);
                    if let Some(shard) = Self::lacking(&mut own.wallets, wallets, shard, sequence) {
                        shard.apply_person_status(*wallet, status);
                    }
                }
            }
        }
        Ok(())
    }
}
