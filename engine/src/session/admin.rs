//! What operators change: merchants, statuses; programmes in force in `activation`, enrollments and lists in `enroll`. Every change is a
//! record, and says by the number of its name with whose key (`by`; `None` when callers have no keys, and for what the process does
//! by itself at start).

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError};
use crate::locks::{Guards, LockedShards};
use crate::session::names::NamesOf;
use satang_core::calendar::Instant;
use satang_core::ids::{MerchantId, Name, WalletId};
use satang_core::programme::Category;
use satang_core::record::{Merchant, NameNumber, ProgramStatus, Record, Status, WalletStatus};
use satang_core::state::casework::CaseworkRefusal;
use satang_core::state::directory::{AuditStamp, Directory};
use satang_log::log::ReadLog;
use satang_log::log::Space;
use std::ops::ControlFlow;

/// Why a merchant is not registered or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MerchantRefusal {
    #[error("{}", .0.name())]
    Casework(CaseworkRefusal),
    /// Nobody named this programme or channel before, and the journal has no room for names that imports bring.
    #[error("too_many_names: {0}")]
    Name(Name),
}

/// A merchant as an operator registers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantInput {
    /// Its id in the merchant app.
    pub id: MerchantId,
    /// Its name: at least one character, no control characters.
    pub name: String,
    pub category: Category,
    /// Whether it takes part.
    pub status: Status,
    /// The programmes it takes part in, known or not.
    pub programs: Vec<Name>,
    /// The channels it sells through.
    pub channels: Vec<Name>,
    pub province: Option<String>,
    /// Its bank account, 10 digits.
    pub bank_account: Option<String>,
    pub account_name: Option<String>,
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// Registers or changes merchants, each by itself; they are durable once the returned sequence is. One that is registered just so
    /// writes nothing.
    ///
    /// # Errors
    /// [`SubmitError`]; merchants before the one that failed are registered, and sending all again is harmless.
    pub fn put_merchants(
        &self,
        merchants: &[MerchantInput],
        by: Option<&Name>,
    ) -> Result<(Vec<Result<(), MerchantRefusal>>, u64), SubmitError> {
        self.check_load()?;
        let mut directory = self.state.directory.write();
        let at = self.now()?;
        let mut outcomes = Vec::with_capacity(merchants.len());
        for input in merchants {
            if let Some(refusal) = directory.refuses_merchant(input.id, &input.programs) {
                outcomes.push(Err(MerchantRefusal::Casework(refusal)));
                continue;
            }
            let names = [input.programs.as_slice(), &input.channels].concat();
            let mut programs = match self.number_names(&mut directory, &names, NamesOf::Imports, by, at) {
                Ok(numbers) => numbers,
                Err(SubmitError::TooManyNames { name, .. }) => {
                    outcomes.push(Err(MerchantRefusal::Name(*name)));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let channels = programs.split_off(input.programs.len());
            let merchant = Merchant {
                id: input.id,
                category: input.category,
                status: input.status,
                programs,
                channels,
                name: input.name.clone(),
                province: input.province.clone(),
                bank_account: input.bank_account.clone(),
                account_name: input.account_name.clone(),
            };
            if !directory.has_merchant(&merchant) {
                self.check_room(Space::Enough)?;
                self.append_to_directory(&mut directory, &Record::Merchant(merchant), by, at)?;
            }
            outcomes.push(Ok(()));
        }
        Ok((outcomes, self.appender.last_sequence()))
    }

    /// Suspends a wallet or makes it active; it is known from then on. Each call is a record: its reason stands in the journal alone.
    pub fn set_wallet_status(
        &self,
        wallet: WalletId,
        status: Status,
        reason: &str,
        by: Option<&Name>,
    ) -> Result<u64, SubmitError> {
        self.admit(Space::Enough)?;
        let caller = self.number_of_key(by)?;
        let mut wallets = self.state.wallets[self.state.seed.wallet_shard(wallet)].lock();
        let record = Record::WalletStatus(WalletStatus {
            wallet,
            status,
            reason: reason.to_owned(),
        });
        let wallets = Guards::One(self.state.seed.wallet_shard(wallet), &mut *wallets);
        let mut locked = LockedShards {
            wallets,
            ..LockedShards::none(self.state.seed)
        };
        let made = self.append(self.now()?, &record, caller, &mut locked)?;
        Ok(made.sequence)
    }

    /// Pauses a programme or resumes it; `None` when no programme of that name is in force. What changes nothing writes nothing: a
    /// pause for the same reason, and a resumption of what is not paused.
    pub fn set_program_status(
        &self,
        program: &Name,
        status: Status,
        reason: &str,
        by: Option<&Name>,
    ) -> Result<Option<u64>, SubmitError> {
        self.check_load()?;
        let mut directory = self.state.directory.write();
        let number = directory.number_of(program);
        if !directory.in_force().any(|(in_force, _)| in_force == number) {
            return Ok(None);
        }
        let is_known = match status {
            Status::Active => directory.paused(number).is_none(),
            Status::Suspended => directory.paused(number) == Some(reason),
        };
        if is_known {
            return Ok(Some(self.appender.last_sequence()));
        }
        self.check_room(Space::Enough)?;
        let record = Record::ProgramStatus(ProgramStatus {
            program: number,
            status,
            reason: reason.to_owned(),
        });
        let at = self.now()?;
        let made = self.append_to_directory(&mut directory, &record, by, at)?;
        Ok(Some(made.sequence))
    }

    pub(crate) fn append_to_directory(
        &self,
        directory: &mut Directory,
        record: &Record,
        by: Option<&Name>,
        at: Instant,
    ) -> Result<AuditStamp, SubmitError> {
        let caller = self.caller(directory, by, at)?;
        self.append_as(directory, record, caller, at)
    }

    pub(crate) fn append_as(
        &self,
        directory: &mut Directory,
        record: &Record,
        caller: NameNumber,
        at: Instant,
    ) -> Result<AuditStamp, SubmitError> {
        let mut locked = LockedShards {
            directory: Some(directory),
            ..LockedShards::none(self.state.seed)
        };
        self.append(at, record, caller, &mut locked)
    }

    /// Appends one record, made for the time at which it is appended, and applies it to what was locked to decide it.
    pub(crate) fn append(
        &self,
        at: Instant,
        record: &Record,
        caller: NameNumber,
        locked: &mut LockedShards<'_, '_>,
    ) -> Result<AuditStamp, SubmitError> {
        let encode = |_: &mut _, at, bytes: &mut _| {
            *bytes = record.encode(at, caller);
            ControlFlow::Continue(())
        };
        self.decide_append_apply(at, locked, encode, |locked, (), appended| {
            let made = appended.made(caller);
            locked.apply(record, &made);
            made
        })
    }
}
