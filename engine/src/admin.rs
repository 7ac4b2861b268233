//! What operators change: merchants, enrollments, statuses; programmes in force in `install`. Every change is a record, and says by the
//! name of whose key (`by`; `None` when callers have no keys, and for what the process does by itself at start).

use crate::clock::Clock;
use crate::durable::StorageFailed;
use crate::engine::{Engine, SubmitError};
use crate::install::NAMES_MAX;
use crate::journal::Space;
use crate::log::ReadLog;
use crate::persons::PersonRegistry;
use parking_lot::Mutex;
use satang_core::account::{WalletShard, wallet_shard};
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::citizen::{CitizenShard, citizen_shard};
use satang_core::directory::Directory;
use satang_core::ids::{CitizenId, MerchantId, Name, PersonId, WalletId};
use satang_core::policy::Category;
use satang_core::record::{
    AdminRecord, EnrollmentFacts, EnrollmentRecord, Merchant, NameNumber, Position, RecordBuf, Status,
};

/// What administration needs besides the state.
pub(crate) struct Admin {
    pub(crate) persons: Mutex<Box<dyn PersonRegistry>>,
}

/// A merchant as an operator registers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantInput {
    /// Its id in the merchant app.
    pub id: MerchantId,
    /// Its name: at least one character, no control characters.
    pub name: String,
    /// What it sells.
    pub category: Category,
    /// Whether it takes part.
    pub status: Status,
    /// The programmes it takes part in, known or not.
    pub programs: Vec<Name>,
    /// The channels it sells through.
    pub channels: Vec<Name>,
    /// Its province.
    pub province: Option<String>,
    /// Its bank account, 10 digits.
    pub bank_account: Option<String>,
    /// The account holder.
    pub account_name: Option<String>,
}

/// An entitlement as an operator imports it.
#[derive(Clone, Copy, Debug)]
pub struct EnrollmentInput {
    /// The programme.
    pub program: Name,
    /// Through which wallet.
    pub wallet: WalletId,
    /// Whose.
    pub citizen: CitizenId,
    /// From which date it may be used, besides the programme's own.
    pub usable_from: Option<BusinessDate>,
    /// Whether the line names a household or a tier.
    pub household_or_tier: bool,
}

/// Why an enrollment is refused. In order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrollmentRefusal {
    /// No such programme.
    ProgramUnknown,
    /// Households and tiers have no rules yet: taking such a line would grant the wrong entitlement.
    NotSupportedYet,
    /// The wallet is another citizen's.
    WalletTaken,
    /// The citizen holds a right in the programme under another wallet.
    AlreadyRegistered,
}

impl EnrollmentRefusal {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            EnrollmentRefusal::ProgramUnknown => "program_unknown",
            EnrollmentRefusal::NotSupportedYet => "not_supported_yet",
            EnrollmentRefusal::WalletTaken => "wallet_taken",
            EnrollmentRefusal::AlreadyRegistered => "already_registered",
        }
    }
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// Registers or changes merchants; they are durable once the returned position is.
    ///
    /// # Errors
    /// [`SubmitError`]; merchants before the one that failed are registered, and sending all again is harmless.
    pub fn put_merchants(
        &self,
        merchants: &[MerchantInput],
        by: Option<&Name>,
    ) -> Result<Position, SubmitError> {
        self.admit(Space::Enough)?;
        let mut directory = self.state.directory.write();
        let at = self.now()?;
        let mut last = self.appender.last_position();
        for input in merchants {
            let programs = self.number_names(&mut directory, &input.programs, by, at)?;
            let channels = self.number_names(&mut directory, &input.channels, by, at)?;
            let record = AdminRecord::Merchant(Merchant {
                id: input.id,
                category: input.category,
                status: input.status,
                programs,
                channels,
                name: input.name.clone(),
                province: input.province.clone(),
                bank_account: input.bank_account.clone(),
                account_name: input.account_name.clone(),
            });
            last = self.append_to_directory(&mut directory, &record, by, at)?;
        }
        Ok(last)
    }

    /// Suspends a wallet or makes it active; it is known from then on.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn set_wallet_status(
        &self,
        wallet: WalletId,
        status: Status,
        reason: &str,
        by: Option<&Name>,
    ) -> Result<Position, SubmitError> {
        self.admit(Space::Enough)?;
        let mut wallets = self.state.wallets[wallet_shard(wallet)].lock();
        let record = AdminRecord::WalletStatus {
            wallet,
            status,
            reason: reason.to_owned(),
        };
        let (_, position) = self.append(self.now()?, |at| record.encode(at, by))?;
        wallets.apply_status(wallet, status);
        Ok(position)
    }

    /// Pauses a programme or resumes it; `None` when no programme of that name is in force.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn set_program_status(
        &self,
        program: &Name,
        status: Status,
        reason: &str,
        by: Option<&Name>,
    ) -> Result<Option<Position>, SubmitError> {
        self.admit(Space::Enough)?;
        let mut directory = self.state.directory.write();
        let number = directory.number_of(program);
        if !directory.in_force().any(|(in_force, _)| in_force == number) {
            return Ok(None);
        }
        let record = AdminRecord::ProgramStatus {
            program: number,
            status,
            reason: reason.to_owned(),
        };
        let at = self.now()?;
        self.append_to_directory(&mut directory, &record, by, at)
            .map(Some)
    }

    /// Imports entitlements, each by itself; they are durable once the returned position is.
    ///
    /// # Errors
    /// [`SubmitError`]; lines before the one that failed may be in, and sending all again is harmless.
    pub fn enroll(
        &self,
        inputs: &[EnrollmentInput],
        by: Option<&Name>,
    ) -> Result<(Vec<Result<(), EnrollmentRefusal>>, Position), SubmitError> {
        self.admit(Space::Enough)?;
        let by = self.number_of_key(by)?;
        // The person store is flushed before any lock that authorizations wait for.
        let persons = self.resolve_persons(inputs)?;
        let directory = self.state.directory.read();
        let at = self.now()?;
        let mut outcomes = Vec::with_capacity(inputs.len());
        for (input, person) in inputs.iter().zip(persons) {
            outcomes.push(self.enroll_one(&directory, input, person, by, at)?);
        }
        Ok((outcomes, self.appender.last_position()))
    }

    /// The numbers of names, with a record for each one that has none yet.
    pub(crate) fn number_names(
        &self,
        directory: &mut Directory,
        names: &[Name],
        by: Option<&Name>,
        at: Instant,
    ) -> Result<Vec<NameNumber>, SubmitError> {
        let mut numbers = Vec::with_capacity(names.len());
        for name in names {
            let mut number = directory.number_of(name);
            if number == NameNumber::UNKNOWN {
                let next = directory.names_len() + 1;
                let bounded = u16::try_from(next).ok().filter(|next| *next <= NAMES_MAX);
                number = NameNumber(bounded.ok_or(SubmitError::TooManyNames)?);
                self.append_to_directory(directory, &AdminRecord::Name { number, name: *name }, by, at)?;
            }
            numbers.push(number);
        }
        Ok(numbers)
    }

    /// The number of a key's name, for records that have no room for the name.
    fn number_of_key(&self, by: Option<&Name>) -> Result<NameNumber, SubmitError> {
        let Some(name) = by else {
            return Ok(NameNumber::UNKNOWN);
        };
        let known = self.state.directory.read().number_of(name);
        if known != NameNumber::UNKNOWN {
            return Ok(known);
        }
        let mut directory = self.state.directory.write();
        let at = self.now()?;
        Ok(self.number_names(&mut directory, &[*name], by, at)?[0])
    }

    pub(crate) fn append_to_directory(
        &self,
        directory: &mut Directory,
        record: &AdminRecord,
        by: Option<&Name>,
        at: Instant,
    ) -> Result<Position, SubmitError> {
        let (_, position) = self.append(at, |at| record.encode(at, by))?;
        directory
            .apply(record)
            .expect("a record just made fits what came before");
        Ok(position)
    }

    /// Appends one record, made for the time at which it is appended.
    fn append(
        &self,
        mut at: Instant,
        encode: impl Fn(Instant) -> Vec<u8>,
    ) -> Result<(u64, Position), SubmitError> {
        loop {
            let bytes = encode(at);
            match self.appender.begin(at, bytes.len()) {
                Ok(mut appending) => return Ok(appending.push(&bytes)),
                Err(refused) => at = self.read_clock_again(refused)?,
            }
        }
    }

    /// The person id of each line's citizen, durable in the person store.
    fn resolve_persons(&self, inputs: &[EnrollmentInput]) -> Result<Vec<PersonId>, SubmitError> {
        let mut store = self.admin.persons.lock();
        if self.durable.has_failed() {
            return Err(SubmitError::Storage(StorageFailed));
        }
        let resolved: std::io::Result<Vec<PersonId>> =
            inputs.iter().map(|input| store.resolve(input.citizen)).collect();
        let flushed = resolved.and_then(|persons| store.flush().map(|()| persons));
        flushed.map_err(|error| {
            tracing::error!(%error, "the person store failed");
            // What it holds is unknown from here on: the process stops (I8).
            self.appender.fail();
            SubmitError::Storage(StorageFailed)
        })
    }

    fn enroll_one(
        &self,
        directory: &Directory,
        input: &EnrollmentInput,
        person: PersonId,
        by: NameNumber,
        at: Instant,
    ) -> Result<Result<(), EnrollmentRefusal>, SubmitError> {
        let program = directory.number_of(&input.program);
        let mut in_force = directory.in_force().filter(|(number, _)| *number == program);
        let Some(rule) = in_force
            .next()
            .and_then(|(_, versions)| directory.rule(*versions.last()?))
        else {
            return Ok(Err(EnrollmentRefusal::ProgramUnknown));
        };
        if input.household_or_tier {
            return Ok(Err(EnrollmentRefusal::NotSupportedYet));
        }
        let mut citizens = self.state.citizens[citizen_shard(person)].lock();
        let mut wallets = self.state.wallets[wallet_shard(input.wallet)].lock();
        if let Some(refusal) = refuse_enrollment(&citizens, &wallets, input, person, program) {
            return Ok(Err(refusal));
        }
        let entitlement = rule.entitlement;
        let standing = wallets.standing(input.wallet, entitlement);
        let unchanged = wallets.person(input.wallet) == Some(person)
            && standing
                .and_then(|s| s.entitlement)
                .is_some_and(|e| e.usable_from == input.usable_from);
        if unchanged {
            return Ok(Ok(()));
        }
        let facts = EnrollmentFacts {
            wallet: input.wallet,
            person,
            program,
            benefit: entitlement,
            usable_from: input.usable_from,
            by,
        };
        let mut at = at;
        loop {
            let mut record = EnrollmentRecord::new(at, &facts);
            let bytes = RecordBuf::of(&record);
            match self.appender.begin(at, bytes.as_bytes().len()) {
                Ok(mut appending) => {
                    (record.header.sequence, _) = appending.push(bytes.as_bytes());
                    drop(appending);
                    citizens.apply_enrollment(&record);
                    wallets.apply_enrollment(&record);
                    return Ok(Ok(()));
                }
                Err(refused) => at = self.read_clock_again(refused)?,
            }
        }
    }
}

fn refuse_enrollment(
    citizens: &CitizenShard,
    wallets: &WalletShard,
    input: &EnrollmentInput,
    person: PersonId,
    program: NameNumber,
) -> Option<EnrollmentRefusal> {
    if wallets.person(input.wallet).is_some_and(|owner| owner != person) {
        return Some(EnrollmentRefusal::WalletTaken);
    }
    let holds = citizens.wallet(person, program);
    holds
        .is_some_and(|wallet| wallet != input.wallet)
        .then_some(EnrollmentRefusal::AlreadyRegistered)
}
