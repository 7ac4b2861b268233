//! What operators import of citizens: entitlements, and lists.

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError};
use crate::locks::holder_locks::HolderLocks;
use crate::locks::{Guards, LockedShards};
use crate::session::append::{Attempt, until_done};
use parking_lot::MutexGuard;
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::decide::register::{self, Held, Standing, held_entitlement};
use satang_core::ids::{HouseholdId, Name, NationalId, PersonId, WalletId};
use satang_core::record::{
    EnrollmentFacts, EnrollmentRecord, ListImported, ListedRecord, NameNumber, Record, RecordBuf,
};
use satang_core::state::account::Entitlement;
use satang_core::state::apply::apply_enrollment;
use satang_core::state::casework::Block;
use satang_core::state::directory::{Directory, Rule};
use satang_core::state::quota::Quotas;
use satang_log::log::ReadLog;
use satang_log::log::Space;
use std::ops::ControlFlow;

/// An entitlement as an operator imports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnrollmentInput {
    pub program: Name,
    pub wallet: WalletId,
    pub citizen: NationalId,
    /// The household that shares benefits with others.
    pub household: Option<HouseholdId>,
    /// The tier of the programme's registration.
    pub tier: Option<Name>,
    /// From which date it may be used, besides the programme's own; `None` keeps the date there is.
    pub usable_from: Option<BusinessDate>,
}

/// Why an enrollment is refused. In order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrollmentRefusal {
    ProgramUnknown,
    /// The programme has no such tier.
    TierUnknown,
    /// The wallet is another citizen's.
    WalletTaken,
    /// The citizen holds a right in the programme under another wallet.
    AlreadyRegistered,
    /// The citizen gets no right.
    Excluded(Block),
    /// It would be one right more than the quota allows.
    QuotaFull,
}

impl EnrollmentRefusal {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            EnrollmentRefusal::ProgramUnknown => "program_unknown",
            EnrollmentRefusal::TierUnknown => "tier_unknown",
            EnrollmentRefusal::WalletTaken => "wallet_taken",
            EnrollmentRefusal::AlreadyRegistered => "already_registered",
            EnrollmentRefusal::Excluded(block) => block.reason(),
            EnrollmentRefusal::QuotaFull => "quota_full",
        }
    }
}

/// A line whose names and citizen have their numbers.
#[derive(Clone, Copy)]
pub struct Line {
    pub program: NameNumber,
    pub wallet: WalletId,
    pub person: PersonId,
    /// The household that shares benefits with others.
    pub household: Option<HouseholdId>,
    /// The tier; unknown for none.
    pub tier: NameNumber,
    /// From which date it may be used, besides the programme's own; `None` keeps the date there is.
    pub usable_from: Option<BusinessDate>,
}

/// What a line comes to.
pub enum Enrolled {
    /// It says nothing new.
    Unchanged,
    /// It is to be recorded.
    Recorded(EnrollmentFacts),
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// Imports entitlements, each by itself; they are durable once the returned sequence is.
    ///
    /// # Errors
    /// [`SubmitError`]; lines before the one that failed may be in, and sending all again is harmless.
    pub fn enroll(
        &self,
        inputs: &[EnrollmentInput],
        by: Option<&Name>,
    ) -> Result<(Vec<Result<(), EnrollmentRefusal>>, u64), SubmitError> {
        self.check_load()?;
        self.check_journal()?;
        let caller = self.number_of_key(by)?;
        let mut outcomes = Vec::with_capacity(inputs.len());
        let directory = self.state.directory.read();
        for input in inputs {
            outcomes.push(self.enroll_one(&directory, input, caller)?);
        }
        Ok((outcomes, self.appender.last_sequence()))
    }

    /// Puts citizens on a list, those who are not on it yet; they are durable once the returned sequence is.
    ///
    /// # Errors
    /// [`SubmitError`]; citizens before the one that failed may be on it, and sending all again is harmless.
    pub fn import_list(
        &self,
        list: &Name,
        citizens: &[NationalId],
        by: Option<&Name>,
    ) -> Result<u64, SubmitError> {
        self.check_load()?;
        self.check_journal()?;
        let caller = self.number_of_key(by)?;
        let list = self.number_of_list(list, by)?;
        for citizen in citizens {
            let person = self.resolve_person(*citizen)?;
            // Held over the append: an erasure comes before the record or behind it.
            let directory = self.state.directory.read();
            let block = directory.casework().block_of(person);
            if block == Some(Block::Erased) {
                // No list changes what becomes of an erased citizen.
                continue;
            }
            let mut shard = self.state.citizens[self.state.seed.person_shard(person)].lock();
            if !shard.is_listed(person, list) {
                self.check_room(Space::Enough)?;
                let at = self.now()?;
                let record = Record::Listed(ListedRecord::new(at, caller, list, person));
                let mut locked = LockedShards {
                    citizens: Guards::One(self.state.seed.person_shard(person), &mut *shard),
                    ..LockedShards::none(self.state.seed)
                };
                self.append(at, &record, caller, &mut locked)?;
            }
        }
        Ok(self.appender.last_sequence())
    }

    /// The import of a list has ended: one with nobody on it counts as imported from now on, too. It is durable once the
    /// returned sequence is.
    ///
    /// # Errors
    /// [`SubmitError`]; nothing changed then, but perhaps that the list's name got its number.
    pub fn list_imported(&self, list: &Name, by: Option<&Name>) -> Result<u64, SubmitError> {
        if self.is_list_imported(list) {
            return Ok(self.appender.last_sequence());
        }
        self.admit(Space::Enough)?;
        self.check_journal()?;
        let list = self.number_of_list(list, by)?;
        let mut directory = self.state.directory.write();
        if directory.is_imported_empty(list) {
            return Ok(self.appender.last_sequence());
        }
        let record = Record::ListImported(ListImported { list });
        let made = self.append_to_directory(&mut directory, &record, by, self.now()?)?;
        Ok(made.sequence)
    }

    fn enroll_one(
        &self,
        directory: &Directory,
        input: &EnrollmentInput,
        caller: NameNumber,
    ) -> Result<Result<(), EnrollmentRefusal>, SubmitError> {
        let program = directory.number_of(&input.program);
        let tier = input
            .tier
            .map_or(NameNumber::UNKNOWN, |tier| directory.number_of(&tier));
        until_done(|| {
            // Each time by the rules of the time: midnight may have come.
            let at = self.now()?;
            let refused = |refusal| Ok(Attempt::Done(Err(refusal)));
            let Some(rule) = directory.rule_on_or_first(program, at.business_date()) else {
                return refused(EnrollmentRefusal::ProgramUnknown);
            };
            if input.tier.is_some() && !rule.has_tier(tier) {
                return refused(EnrollmentRefusal::TierUnknown);
            }
            let line = Line {
                program,
                wallet: input.wallet,
                person: self.resolve_person(input.citizen)?,
                household: input.household,
                tier,
                usable_from: input.usable_from,
            };
            self.count_lapses(directory, rule, at)?;
            self.enroll_line(directory, rule, &line, caller, at)
        })
    }

    /// Decides a line by the rules of `at`; again when it is too late for them.
    fn enroll_line(
        &self,
        directory: &Directory,
        rule: &Rule,
        line: &Line,
        caller: NameNumber,
        at: Instant,
    ) -> Result<Attempt<Result<(), EnrollmentRefusal>>, SubmitError> {
        let holders = HolderLocks::lock_one(&self.state, directory, line.person, line.wallet);
        let locked = &mut (holders, self.state.quotas.lock());
        let date = at.business_date();
        let decide = |(holders, quotas): &mut (HolderLocks<'_>, MutexGuard<'_, Quotas>),
                      at: Instant,
                      bytes: &mut RecordBuf| {
            let struck = directory.struck(rule.program, at);
            if at.business_date() != date || !quotas.is_counted(rule.entitlement_key, struck) {
                return ControlFlow::Break(Ok(Attempt::Again));
            }
            match decide(directory, rule, line, holders, quotas, at) {
                Err(refusal) => ControlFlow::Break(Ok(Attempt::Done(Err(refusal)))),
                Ok(Enrolled::Unchanged) => ControlFlow::Break(Ok(Attempt::Done(Ok(())))),
                Ok(Enrolled::Recorded(facts)) => {
                    if let Err(error) = self.check_room(Space::Enough) {
                        return ControlFlow::Break(Err(error));
                    }
                    let record = EnrollmentRecord::new(at, caller, &facts);
                    bytes.put(&record);
                    ControlFlow::Continue(record)
                }
            }
        };
        self.decide_append_apply(at, locked, decide, |(holders, quotas), mut record, appended| {
            record.header.sequence = appended.sequence;
            let mut locked = LockedShards {
                quotas: Some(&mut *quotas),
                ..holders.shards()
            };
            apply_enrollment(&record, &mut locked);
            Ok(Attempt::Done(Ok(())))
        })?
    }
}

/// Decides a line as everything stands.
///
/// # Errors
/// Why it is refused.
pub fn decide(
    directory: &Directory,
    rule: &Rule,
    line: &Line,
    holders: &HolderLocks<'_>,
    quotas: &Quotas,
    at: Instant,
) -> Result<Enrolled, EnrollmentRefusal> {
    let live = quotas.live(rule.entitlement_key, directory.struck(rule.program, at));
    let standing = Standing {
        person: line.person,
        citizens: holders.citizens(line.person),
        wallets: |wallet| holders.wallets(wallet),
        live: live.expect("lapsed rights were counted"),
    };
    let block = directory.casework().block_of(line.person);
    if block == Some(Block::Erased) {
        return Err(EnrollmentRefusal::Excluded(Block::Erased));
    }
    let wallets = holders.wallets(line.wallet);
    let owner = wallets.person(line.wallet);
    if owner.is_some_and(|owner| owner != line.person) {
        return Err(EnrollmentRefusal::WalletTaken);
    }
    let held = held_entitlement(directory, rule.program, &standing, at);
    let granted = held != Held::Live;
    if !granted && standing.citizens.wallet(line.person, rule.entitlement_key) != Some(line.wallet) {
        return Err(EnrollmentRefusal::AlreadyRegistered);
    }
    if granted && let Some(block) = block {
        return Err(EnrollmentRefusal::Excluded(block));
    }
    if granted && rule.quota().is_some_and(|quota| standing.live >= quota) {
        return Err(EnrollmentRefusal::QuotaFull);
    }
    let known = wallets.standing(line.wallet, rule.entitlement_key);
    // What lapsed or ended leaves no date.
    let live = known
        .and_then(|standing| standing.entitlement)
        .filter(|_| !granted);
    let returning = live.is_some_and(|live| live.returning) && line.usable_from.is_none();
    let usable_from = line.usable_from.or(live.and_then(|live| live.usable_from));
    let says_the_same = |live: Entitlement| {
        live.returning == returning
            && live.usable_from == usable_from
            && live.household == line.household
            && live.tier == line.tier
    };
    if live.is_some_and(says_the_same) {
        return Ok(Enrolled::Unchanged);
    }
    let others = register::others(directory, rule.entitlement_key, &standing, line.wallet);
    Ok(Enrolled::Recorded(EnrollmentFacts {
        several: others.several,
        linked: others.linked,
        wallet: line.wallet,
        person: line.person,
        program: line.program,
        benefit: rule.entitlement_key,
        household: line.household,
        tier: line.tier,
        usable_from,
        returning,
        granted,
        earlier: register::earlier(rule, &standing, held, line.wallet),
    }))
}
