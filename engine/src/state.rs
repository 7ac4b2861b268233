//! The accounts in memory, in shards that are locked one by one, and their replay from the journal.
//!
//! Locks have one total order (I6): directory → id shards by index → citizen shard → wallet shards by index → append.

use crate::journal::Visitor;
use parking_lot::{Mutex, RwLock};
use satang_core::account::{ProgramTotals, WALLET_SHARDS, WalletShard, wallet_shard};
use satang_core::calendar::BusinessDate;
use satang_core::citizen::{CITIZEN_SHARDS, CitizenShard, citizen_shard};
use satang_core::dedup::{ID_SHARDS, IdShard, reversal_shard, txn_shard};
use satang_core::directory::Directory;
use satang_core::ids::PersonId;
use satang_core::outcome::Reason;
use satang_core::record::{AdminRecord, BenefitNumber, NameNumber, Position, Record, RecordHeader};

/// Everything a decision reads or changes.
pub struct State {
    /// Names, rules, merchants, statuses. Held for reading over a decision and its append, so that the decision is by the
    /// version in force at its place in the journal (I3).
    pub directory: RwLock<Directory>,
    /// Ids and where their records lie.
    pub ids: Vec<Mutex<IdShard>>,
    /// Who holds what.
    pub citizens: Vec<Mutex<CitizenShard>>,
    /// Wallets and what they drew.
    pub wallets: Vec<Mutex<WalletShard>>,
}

impl State {
    /// The empty state, with memory for this many wallets and ids before any table grows.
    pub fn with_room_for(wallets: usize, ids: usize) -> State {
        let per_shard = |all: usize, shards: usize| all / shards + all / shards / 16;
        let (ids, wallets) = (per_shard(ids, ID_SHARDS), per_shard(wallets, WALLET_SHARDS));
        State {
            directory: RwLock::default(),
            ids: (0..ID_SHARDS)
                .map(|_| Mutex::new(IdShard::with_room_for(ids)))
                .collect(),
            citizens: (0..CITIZEN_SHARDS).map(|_| Mutex::default()).collect(),
            wallets: (0..WALLET_SHARDS)
                .map(|_| Mutex::new(WalletShard::with_room_for(wallets)))
                .collect(),
        }
    }

    /// How many wallets are known.
    pub fn wallets_len(&self) -> usize {
        self.wallets.iter().map(|shard| shard.lock().wallets_len()).sum()
    }

    /// How many authorization and reversal ids are known.
    pub fn ids_len(&self) -> usize {
        self.ids.iter().map(|shard| shard.lock().ids_len()).sum()
    }

    /// How many live entitlements a programme has.
    pub fn entitlements_in(&self, program: NameNumber) -> usize {
        self.citizens
            .iter()
            .map(|shard| shard.lock().entitlements_in(program))
            .sum()
    }

    /// Bytes of memory the tables of wallets take, and those of ids.
    pub fn memory_bytes(&self) -> (usize, usize) {
        let wallets = self.wallets.iter().map(|shard| shard.lock().memory_bytes()).sum();
        (
            wallets,
            self.ids.iter().map(|shard| shard.lock().memory_bytes()).sum(),
        )
    }

    /// The state's money per programme, as of `today`.
    pub fn totals(&self, today: BusinessDate) -> Vec<ProgramTotals> {
        let mut all: Vec<ProgramTotals> = Vec::new();
        for shard in &self.wallets {
            for totals in shard.lock().totals() {
                match all.iter_mut().find(|entry| entry.program == totals.program) {
                    Some(entry) => entry.add(*totals),
                    None => all.push(*totals),
                }
            }
        }
        all.iter_mut().for_each(|totals| totals.move_to(today));
        all
    }

    /// I4: over every slot, what is used in the programme is what was authorised less what was given back.
    ///
    /// # Errors
    /// Both sums, in satang.
    pub fn check_conservation(&self) -> Result<(), String> {
        let benefits = self.directory.read().benefits_len() as u16;
        let used: u128 = (1..=benefits)
            .map(|number| self.used_in_program(BenefitNumber(number)))
            .sum();
        let totals = self.totals(BusinessDate::from_days(0));
        let (all, given_back) = totals
            .iter()
            .fold((0, 0), |sum, t| (sum.0 + t.all, sum.1 + t.given_back));
        // A bucket counts modulo 2^32 once more than that was used under no cap.
        let modulus = 1u128 << 32;
        let kept = all
            .checked_sub(given_back)
            .filter(|kept| *kept >= used && (*kept - used).is_multiple_of(modulus));
        if kept.is_some() {
            return Ok(());
        }
        Err(format!(
            "I4 broken: {used} satang used in slots, {all} authorised, {given_back} given back"
        ))
    }

    fn used_in_program(&self, benefit: BenefitNumber) -> u128 {
        self.wallets
            .iter()
            .map(|shard| shard.lock().used_in_program(benefit))
            .sum()
    }

    /// A digest of the directory and all shards that does not depend on the order of arrival (I2): equal after a replay.
    pub fn digest(&self) -> u64 {
        let ids = self.ids.iter().map(|shard| shard.lock().digest());
        let citizens = self.citizens.iter().map(|shard| shard.lock().digest());
        let wallets = self.wallets.iter().map(|shard| shard.lock().digest());
        let directory = self.directory.read().digest();
        ids.chain(citizens)
            .chain(wallets)
            .fold(directory, satang_core::table::hash_pair)
    }
}

/// Replays a journal into a [`State`].
pub struct Replay<'s> {
    state: &'s mut State,
    /// How many records were replayed.
    pub records: u64,
    /// The date the next record is appended to; `None` before the first record.
    pub date: Option<BusinessDate>,
    /// Told the bytes read and the bytes there are.
    progress: &'s mut dyn FnMut(u64, u64),
}

impl<'s> Replay<'s> {
    /// A replay into an empty state.
    pub fn new(state: &'s mut State, progress: &'s mut dyn FnMut(u64, u64)) -> Replay<'s> {
        Replay {
            state,
            records: 0,
            date: None,
            progress,
        }
    }

    fn apply(&mut self, record: &Record, position: Position, sequence: u64) -> Result<(), String> {
        let state = &mut *self.state;
        match record {
            Record::Authorization { record, .. } => {
                let id = record.txn_id();
                let tombstone = record.reason() == Reason::ReversedBeforeArrival;
                state.ids[txn_shard(id)]
                    .get_mut()
                    .insert_txn(sequence, id, position, tombstone);
                state.wallets[wallet_shard(record.wallet())]
                    .get_mut()
                    .apply_authorization(record);
            }
            Record::Reversal(record) => {
                let id = record.reversal_id();
                state.ids[reversal_shard(id)]
                    .get_mut()
                    .insert_reversal(sequence, id, position);
                state.ids[txn_shard(record.txn_id())]
                    .get_mut()
                    .apply_reversal(record, position);
                if record.benefit() != BenefitNumber::NONE {
                    state.wallets[wallet_shard(record.wallet())]
                        .get_mut()
                        .apply_reversal(record);
                }
            }
            Record::Enrollment(record) => {
                state.citizens[citizen_shard(record.person())]
                    .get_mut()
                    .apply_enrollment(record);
                state.wallets[wallet_shard(record.wallet())]
                    .get_mut()
                    .apply_enrollment(record);
            }
            Record::Admin {
                record: AdminRecord::WalletStatus { wallet, status, .. },
                ..
            } => {
                state.wallets[wallet_shard(*wallet)]
                    .get_mut()
                    .apply_status(sequence, *wallet, *status);
            }
            Record::Admin { record, .. } => {
                state
                    .directory
                    .get_mut()
                    .apply(sequence, record)
                    .map_err(|error| error.to_string())?;
            }
            Record::CutOver(_) => {}
        }
        Ok(())
    }

    fn check_date(&mut self, header: &RecordHeader, record: &Record) -> Result<(), String> {
        let today = header.at().business_date();
        let date = *self.date.get_or_insert(today);
        if let Record::CutOver(cut_over) = record {
            if cut_over.date() != date || today <= date {
                return Err(format!("cut-over of {} while {date} is open", cut_over.date()));
            }
            self.date = Some(date.next());
        } else if today != date {
            return Err(format!("a record of {today} while {date} is open"));
        }
        Ok(())
    }
}

impl Visitor for Replay<'_> {
    fn record(&mut self, header: &RecordHeader, bytes: &[u8], position: Position) -> Result<(), String> {
        let record = Record::decode(header, bytes).map_err(|error| error.to_string())?;
        self.check_date(header, &record)?;
        self.apply(&record, position, header.sequence)?;
        self.records += 1;
        Ok(())
    }

    fn progress(&mut self, done: u64, total: u64) {
        (self.progress)(done, total);
    }
}

/// The persons that entitlements name.
pub fn named_persons(state: &State) -> Vec<PersonId> {
    state
        .citizens
        .iter()
        .flat_map(|shard| shard.lock().persons().collect::<Vec<_>>())
        .collect()
}
