//! An engine with wallets and merchants, on any storage, with or without its threads.

use crate::workload;
use anyhow::{Context, Result, ensure};
use satang_core::calendar::Instant;
use satang_core::ids::{Name, PersonId};
use satang_core::programme::Category;
use satang_core::record::{EnrollmentFacts, EnrollmentRecord, NameNumber, Status};
use satang_engine::clock::{Clock, ClockError, SystemClock};
use satang_engine::engine::Engine;
use satang_engine::maintenance::{Maintenance, SnapshotRule};
use satang_engine::persons::CitizenKey;
use satang_engine::recovery::open::{EngineOptions, Expected, Opened, Recovered, open};
use satang_engine::session::admin::MerchantInput;
use satang_log::commit::{CommitError, Committer, Pacing, Unobserved};
use satang_log::file::{FileLog, FileLogStore, FileReader, Layout};
use satang_log::log::Upkeep;
use satang_log::storage::Storage;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;

/// The operating system's clock, read as a server reads it, shown as a day on which the programme runs.
pub struct ShiftedClock {
    system: SystemClock,
    shift_ms: AtomicI64,
}

impl ShiftedClock {
    /// A clock that shows `at` now and runs on.
    pub fn starting_at(at: Instant) -> ShiftedClock {
        let system = SystemClock::start();
        let shows = system.now().expect("a clock just started has not jumped");
        ShiftedClock {
            system,
            shift_ms: AtomicI64::new(at.unix_ms() - shows.unix_ms()),
        }
    }

    /// Shows a later time from now on.
    pub fn move_on(&self, ms: i64) {
        self.shift_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Result<Instant, ClockError> {
        let shift_ms = self.shift_ms.load(Ordering::Relaxed);
        self.system.now().map(|at| at.plus_ms(shift_ms))
    }
}

/// How wallets get their entitlements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Enroll {
    /// Through the engine: person store, record, journal.
    Record,
    /// Straight into the account tables, by the record the engine would write; no journal, no person store.
    Direct,
}

/// The seed of every rig's tables: the same work takes the same probes in every run.
pub const HASH_SEED: [u8; 16] = [7; 16];

/// Lines of one enrollment call.
const ENROLL_LINES: u64 = 100_000;

/// The engine of the rigs.
pub type RigEngine<S, C = ShiftedClock> = Engine<FileReader<S>, C>;

/// An engine whose journal's writer is stepped by hand.
pub struct Rig<S: Storage, C: Clock = ShiftedClock> {
    /// The engine.
    pub engine: Arc<RigEngine<S, C>>,
    /// What the start found.
    pub recovered: Recovered,
    committer: Committer<FileLog<S>>,
    upkeep: Arc<dyn Upkeep>,
    maintenance: Arc<Maintenance<S, FileLogStore<S>, C>>,
}

/// Noon of 15 June 2026 in Bangkok, when every run begins.
pub const NOON: Instant = Instant::from_unix_ms(1_781_499_600_000);

impl<S: Storage> Rig<S> {
    /// Opens what `storage` holds, with room for what is expected, at `at`.
    ///
    /// # Errors
    /// Of the engine.
    pub fn open(storage: S, expected: Expected, at: Instant) -> Result<Rig<S>> {
        let clock = ShiftedClock::starting_at(at);
        Rig::open_with(Arc::new(storage), Layout::DEFAULT, expected, clock)
    }

    /// A new engine at noon with `wallets` wallets and `merchants` merchants, everything written, and room for `expected_ids` ids
    /// before their tables grow.
    ///
    /// # Errors
    /// Of the engine.
    pub fn prepared(
        storage: S,
        wallets: u64,
        merchants: u64,
        enroll: Enroll,
        expected_ids: usize,
    ) -> Result<Rig<S>> {
        let expected = Expected {
            wallets: wallets as usize,
            ids: expected_ids,
        };
        let mut rig = Rig::open(storage, expected, NOON)?;
        rig.prepare(wallets, merchants, enroll)?;
        Ok(rig)
    }
}

impl<S: Storage, C: Clock> Rig<S, C> {
    /// Opens what `storage` holds, with room for what is expected; a new journal gets this layout.
    ///
    /// # Errors
    /// Of the engine.
    pub fn open_with(storage: Arc<S>, layout: Layout, expected: Expected, clock: C) -> Result<Rig<S, C>> {
        let options = EngineOptions {
            layout,
            citizen_key: CitizenKey::from_bytes([7; 32]),
            pacing: Pacing::DEFAULT,
            accept_clock: None,
            expected,
            snapshots: SnapshotRule {
                journal_bytes: u64::MAX,
            },
            hash_seed: Some(HASH_SEED),
            observer: Arc::new(Unobserved),
        };
        let Opened {
            engine,
            committer,
            upkeep,
            maintenance,
            recovered,
        } = open(&storage, clock, options, &mut |_, _| {})?;
        Ok(Rig {
            engine,
            recovered,
            committer,
            upkeep,
            maintenance,
        })
    }

    /// Installs the shipped programme and writes `merchants` merchants and `wallets` wallets.
    ///
    /// # Errors
    /// Of the engine.
    pub fn prepare(&mut self, wallets: u64, merchants: u64, enroll: Enroll) -> Result<()> {
        let file = (
            format!("{}.toml", workload::PROGRAM),
            workload::PROGRAM_FILE.to_owned(),
        );
        self.engine.activate_programs(&[file], None)?;
        self.put_merchants(merchants)?;
        match enroll {
            Enroll::Record => self.enroll(wallets)?,
            Enroll::Direct => self.enroll_directly(wallets),
        }
        Ok(())
    }

    /// Takes snapshots.
    pub fn maintenance(&self) -> &Arc<Maintenance<S, FileLogStore<S>, C>> {
        &self.maintenance
    }

    /// Writes everything that has gathered.
    ///
    /// # Errors
    /// Of the journal.
    pub fn flush(&mut self) -> Result<(), CommitError> {
        while self.committer.step()? {}
        Ok(())
    }

    /// Starts the journal's writer and the preparer of its spares on threads of their own.
    pub fn start(self) -> Running<S, C> {
        let upkeep = self.upkeep.clone();
        let committer = self.committer;
        Running {
            engine: self.engine,
            upkeep: self.upkeep,
            preparer: std::thread::spawn(move || upkeep.run_until_stopped()),
            writer: std::thread::spawn(move || committer.run()),
        }
    }

    fn put_merchants(&mut self, merchants: u64) -> Result<()> {
        let program = Name::parse(workload::PROGRAM)?;
        let channel = Name::parse(workload::CHANNEL)?;
        let input = |index| MerchantInput {
            id: workload::merchant(index),
            name: format!("ร้านที่ {index}"),
            category: Category::FoodDrink,
            status: Status::Active,
            programs: vec![program],
            channels: vec![channel],
            province: None,
            bank_account: Some("0123456789".to_owned()),
            account_name: None,
        };
        for start in (0..merchants).step_by(10_000) {
            let chunk: Vec<MerchantInput> = (start..merchants.min(start + 10_000)).map(input).collect();
            self.engine.put_merchants(&chunk, None)?;
            self.flush()?;
        }
        Ok(())
    }

    fn enroll(&mut self, wallets: u64) -> Result<()> {
        for start in (0..wallets).step_by(ENROLL_LINES as usize) {
            let end = wallets.min(start + ENROLL_LINES);
            let lines: Vec<_> = (start..end).map(workload::enrollment).collect();
            let (outcomes, _) = self.engine.enroll(&lines, None)?;
            ensure!(outcomes.iter().all(Result::is_ok), "an enrollment was refused");
            self.flush()?;
        }
        Ok(())
    }

    fn enroll_directly(&self, wallets: u64) {
        let state = self.engine.state();
        let directory = state.directory.read();
        let rule = &directory.rules()[0];
        for index in 0..wallets {
            let wallet = workload::wallet(index);
            let person = PersonId::from_number(index + 1).expect("not zero");
            let facts = EnrollmentFacts {
                wallet,
                person,
                program: rule.program,
                benefit: rule.entitlement_key,
                household: None,
                tier: NameNumber::UNKNOWN,
                usable_from: None,
                granted: true,
                earlier: None,
                returning: false,
                several: false,
                linked: None,
            };
            let record = EnrollmentRecord::new(NOON, NameNumber::UNKNOWN, &facts);
            state.wallets[state.seed.wallet_shard(wallet)]
                .lock()
                .apply_enrollment(&record);
        }
    }
}

/// An engine with its threads.
pub struct Running<S: Storage, C: Clock = ShiftedClock> {
    /// The engine.
    pub engine: Arc<RigEngine<S, C>>,
    upkeep: Arc<dyn Upkeep>,
    preparer: JoinHandle<()>,
    writer: JoinHandle<Result<(), CommitError>>,
}

impl<S: Storage, C: Clock> Running<S, C> {
    /// Writes what has gathered and ends both threads.
    ///
    /// # Errors
    /// Of the journal.
    pub fn stop(self) -> Result<()> {
        self.engine.appender().stop();
        let written = self.writer.join();
        self.upkeep.stop();
        let prepared = self.preparer.join();
        written
            .ok()
            .context("the writer panicked")?
            .context("the journal failed")?;
        prepared.ok().context("the preparer panicked")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn noon_is_noon() {
        assert_eq!(super::NOON.to_string(), "2026-06-15T12:00:00.000+07:00");
    }
}
