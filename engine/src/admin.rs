//! What operators change: merchants, enrollments, statuses, programmes in force. Every change is a record, and says by the
//! name of whose key (`by`; `None` when callers have no keys, and for what the process does by itself at start).

use crate::clock::Clock;
use crate::durable::StorageFailed;
use crate::engine::{Engine, SubmitError};
use crate::journal::Space;
use crate::log::ReadLog;
use crate::persons::PersonRegistry;
use parking_lot::Mutex;
use satang_core::account::{WalletShard, wallet_shard};
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::citizen::{CitizenShard, citizen_shard};
use satang_core::directory::Directory;
use satang_core::ids::{CitizenId, MerchantId, Name, PersonId, WalletId};
use satang_core::policy::{Category, PolicyError, Program};
use satang_core::record::{
    AdminRecord, BenefitNumber, EnrollmentFacts, EnrollmentRecord, Merchant, NameNumber, Position, RecordBuf,
    Status,
};
use std::collections::BTreeMap;

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

/// Why programme files are not put in force; nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A file is wrong.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Two files are of one programme.
    #[error("{second}:{line}: id: programme {id} is already in {first}")]
    Twice {
        /// The programme.
        id: Name,
        /// The file that has it.
        first: String,
        /// The file that has it too.
        second: String,
        /// The line of its `id`, from 1.
        line: usize,
    },
    /// More names or benefits over the journal's life than records can number.
    #[error("{file}: more than {max} different {what} over the life of the journal")]
    TooMany {
        /// The file.
        file: String,
        /// Names or benefits.
        what: &'static str,
        /// The bound.
        max: u32,
    },
    /// The records cannot be written.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

/// A programme that was put in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The programme.
    pub id: Name,
    /// The rule version: the file's hash.
    pub hash: [u8; 32],
    /// The first date the version counts from.
    pub effective_from: Option<BusinessDate>,
    /// Whether another version, or none, was in force.
    pub changed: bool,
}

/// What putting programme files in force did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledPrograms {
    /// The programmes in force now, by id.
    pub programs: Vec<Installed>,
    /// Those that are in force no more, by id.
    pub removed: Vec<Name>,
    /// It is durable once this position is.
    pub position: Position,
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
        let (sequence, position) = self.append(self.now()?, |at| record.encode(at, by))?;
        wallets.apply_status(sequence, wallet, status);
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

    /// The same as [`Engine::install_programs`], while requests are served: refused like any other change when the disk is full
    /// or too much is in flight.
    ///
    /// # Errors
    /// [`InstallError`]; nothing changed then, except where a record could not be written.
    pub fn reload_programs(
        &self,
        files: &[(String, String)],
        by: Option<&Name>,
    ) -> Result<InstalledPrograms, InstallError> {
        self.admit(Space::Enough)?;
        self.install_programs(files, by)
    }

    /// Puts programme files in force, and takes every other programme out of it: all of them or, when one is wrong, none. A text whose hash is new for its programme is journaled in full; a version that is not
    /// effective yet leaves the one before it in force until it is.
    ///
    /// # Errors
    /// [`InstallError`]; nothing changed then, except where a record could not be written.
    pub fn install_programs(
        &self,
        files: &[(String, String)],
        by: Option<&Name>,
    ) -> Result<InstalledPrograms, InstallError> {
        let programs = load_all(files)?;
        // Decisions see what was in force before this guard was taken or what is after it was given back, nothing between.
        let mut directory = self.state.directory.write();
        let before = newest_versions(&directory);
        check_bounds(&directory, &programs)?;
        let at = self.now().map_err(SubmitError::from)?;
        let mut in_force = Vec::new();
        for program in &programs {
            let entry = self.install_one(&mut directory, program, by, at)?;
            in_force.push(entry);
        }
        in_force.sort_by_key(|(program, _)| program.0);
        let unchanged = directory
            .in_force()
            .eq(in_force.iter().map(|(p, versions)| (*p, versions.as_slice())));
        if !unchanged {
            self.append_to_directory(&mut directory, &AdminRecord::RulesInForce(in_force), by, at)?;
        }
        let after = newest_versions(&directory);
        let installed = after.iter().map(|(id, version)| {
            let policy = &directory.rule(*version).expect("a version in force").policy;
            Installed {
                id: *id,
                hash: policy.hash,
                effective_from: policy.effective_from,
                changed: before.get(id) != Some(version),
            }
        });
        let removed = before.keys().filter(|id| !after.contains_key(id));
        Ok(InstalledPrograms {
            programs: installed.collect(),
            removed: removed.copied().collect(),
            position: self.appender.last_position(),
        })
    }

    fn install_one(
        &self,
        directory: &mut Directory,
        (file, program): &(&str, Program),
        by: Option<&Name>,
        at: Instant,
    ) -> Result<(NameNumber, Vec<u32>), SubmitError> {
        let channels = program
            .benefits
            .iter()
            .flat_map(|benefit| &benefit.channels)
            .map(|channel| channel.id);
        let mut names: Vec<Name> = vec![program.id];
        channels.for_each(|channel| names.push(channel));
        let number = self.number_names(directory, &names, by, at)?[0];
        let known = directory.rules().iter().rev();
        let known = known
            .filter(|rule| rule.program == number)
            .find(|rule| rule.policy.hash == program.hash);
        let version = match known {
            Some(rule) => rule.number,
            None => self.journal_rule(directory, file, program, number, by, at)?,
        };
        // Of the older versions only the one that counts today goes on beside one that is yet to come: a version that never
        // came into force and is in no file any more is withdrawn.
        let today = at.business_date();
        let in_force_today = directory.rule_on(number, today).map(|rule| rule.number);
        let mut versions: Vec<u32> = match program.effective_from {
            Some(from) if from > today => in_force_today.into_iter().collect(),
            _ => Vec::new(),
        };
        versions.retain(|older| *older != version);
        versions.push(version);
        Ok((number, versions))
    }

    fn journal_rule(
        &self,
        directory: &mut Directory,
        file: &str,
        program: &Program,
        number: NameNumber,
        by: Option<&Name>,
        at: Instant,
    ) -> Result<u32, SubmitError> {
        let mut next_benefit = directory.benefits_len() as u16;
        let mut benefits = Vec::with_capacity(program.benefits.len());
        for benefit in &program.benefits {
            benefits.push(directory.benefit_number(number, &benefit.id).unwrap_or_else(|| {
                next_benefit += 1;
                BenefitNumber(next_benefit)
            }));
        }
        let version = directory.rules().len() as u32 + 1;
        let record = AdminRecord::RuleVersion {
            number: version,
            program: number,
            benefits,
            // Where the operator keeps it is nobody's business.
            file: file.rsplit('/').next().unwrap_or(file).to_owned(),
            text: program.text.clone(),
        };
        self.append_to_directory(directory, &record, by, at)?;
        Ok(version)
    }

    /// The numbers of names, with a record for each one that has none yet.
    fn number_names(
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

    fn append_to_directory(
        &self,
        directory: &mut Directory,
        record: &AdminRecord,
        by: Option<&Name>,
        at: Instant,
    ) -> Result<Position, SubmitError> {
        let (sequence, position) = self.append(at, |at| record.encode(at, by))?;
        directory
            .apply(sequence, record)
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

/// The newest version in force of each programme.
fn newest_versions(directory: &Directory) -> BTreeMap<Name, u32> {
    let newest = |(_, versions): (NameNumber, &[u32])| {
        let version = *versions.last()?;
        Some((directory.rule(version)?.policy.id, version))
    };
    directory.in_force().filter_map(newest).collect()
}

/// The most different names of programmes and channels over a journal's life (I12).
const NAMES_MAX: u16 = 60_000;

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

fn load_all(files: &[(String, String)]) -> Result<Vec<(&str, Program)>, InstallError> {
    let mut programs: Vec<(&str, Program)> = Vec::with_capacity(files.len());
    for (file, text) in files {
        let program = Program::load(file, text)?;
        if let Some((first, _)) = programs.iter().find(|(_, other)| other.id == program.id) {
            let (first, second) = ((*first).to_owned(), file.clone());
            let line = 1 + text
                .lines()
                .take_while(|line| !line.trim_start().starts_with("id"))
                .count();
            return Err(InstallError::Twice {
                id: program.id,
                first,
                second,
                line,
            });
        }
        programs.push((file, program));
    }
    Ok(programs)
}

fn check_bounds(directory: &Directory, programs: &[(&str, Program)]) -> Result<(), InstallError> {
    let too_many = |file: &str, what, max| InstallError::TooMany {
        file: file.to_owned(),
        what,
        max,
    };
    let (mut benefits, mut names) = (directory.benefits_len(), directory.names_len());
    for (file, program) in programs {
        benefits += program.benefits.len();
        names += 1 + program
            .benefits
            .iter()
            .map(|benefit| benefit.channels.len())
            .sum::<usize>();
        if benefits > usize::from(BenefitNumber::MAX) {
            return Err(too_many(file, "benefits", u32::from(BenefitNumber::MAX)));
        }
        if names > usize::from(NAMES_MAX) {
            return Err(too_many(file, "names", u32::from(NAMES_MAX)));
        }
    }
    Ok(())
}
