//! Moving between programmes in mid-programme: one right ends and another begins, in one record.

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError};
use crate::locks::LockedShards;
use crate::locks::holder_locks::HolderLocks;
use crate::session::append::{Attempt, until_done};
use parking_lot::MutexGuard;
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::decide::register::{self, Held, Standing, held_entitlement};
use satang_core::ids::{HouseholdId, Name, PersonId, WalletId};
use satang_core::record::{NameNumber, ProgrammeTransfer, Record};
use satang_core::state::account::Entitlement;
use satang_core::state::casework::Block;
use satang_core::state::directory::{Directory, Rule};
use satang_core::state::quota::Quotas;
use satang_log::log::ReadLog;
use satang_log::log::Space;
use std::ops::ControlFlow;

/// A citizen who is to move from one programme to another, through the wallet that holds the right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferInput {
    pub wallet: WalletId,
    /// The programme whose right ends.
    pub from: Name,
    /// The programme in which a right begins.
    pub to: Name,
    /// The household that shares benefits with others.
    pub household: Option<HouseholdId>,
    /// The tier of the new programme.
    pub tier: Option<Name>,
    /// The first date the new right may be used, besides the programme's own.
    pub usable_from: Option<BusinessDate>,
    /// Why, in the operator's words.
    pub reason: String,
}

/// Why nobody moves. In order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferRefusal {
    /// One of the programmes is not in force.
    ProgramUnknown,
    /// The new programme has no such tier.
    TierUnknown,
    /// Nothing ever named the wallet.
    WalletUnknown,
    /// The wallet holds no live right in the programme to leave.
    NotRegistered,
    /// The citizen holds a live right in the new programme.
    AlreadyRegistered,
    /// The citizen gets no right.
    Excluded(Block),
    /// The new programme has as many live rights as its quota allows.
    QuotaFull,
}

impl TransferRefusal {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            TransferRefusal::ProgramUnknown => "program_unknown",
            TransferRefusal::TierUnknown => "tier_unknown",
            TransferRefusal::WalletUnknown => "wallet_unknown",
            TransferRefusal::NotRegistered => "not_registered",
            TransferRefusal::AlreadyRegistered => "already_registered",
            TransferRefusal::Excluded(block) => block.reason(),
            TransferRefusal::QuotaFull => "quota_full",
        }
    }
}

/// What became of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferOutcome {
    /// The citizen moved; it is durable once the sequence is.
    Transferred {
        /// The sequence of the record.
        sequence: u64,
    },
    /// The citizen has moved already: nothing was written.
    Unchanged,
    Refused(TransferRefusal),
}

/// A move whose names and citizen have their numbers.
pub struct TransferLine<'d> {
    /// The directory the rules are of.
    pub directory: &'d Directory,
    /// The rules of the programme to leave.
    pub from: &'d Rule,
    /// The rules of the new programme.
    pub to: &'d Rule,
    pub wallet: WalletId,
    pub person: PersonId,
    /// The household that shares benefits with others.
    pub household: Option<HouseholdId>,
    /// The tier of the new programme; unknown for none.
    pub tier: NameNumber,
    /// The first date the new right may be used.
    pub usable_from: Option<BusinessDate>,
    /// Why, in the operator's words.
    pub reason: String,
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// Ends a citizen's right in one programme and gives the citizen one in another.
    pub fn transfer_person(
        &self,
        input: &TransferInput,
        by: Option<&Name>,
    ) -> Result<TransferOutcome, SubmitError> {
        self.check_load()?;
        self.check_journal()?;
        let caller = self.number_of_key(by)?;
        let directory = self.state.directory.read();
        until_done(|| {
            // Each time by the rules of the time: midnight may have come.
            let at = self.now()?;
            let line = match self.line_of_move(&directory, input, at) {
                Ok(line) => line,
                Err(refusal) => return Ok(Attempt::Done(TransferOutcome::Refused(refusal))),
            };
            self.count_lapses(&directory, line.from, at)?;
            self.count_lapses(&directory, line.to, at)?;
            self.move_line(&line, caller, at)
        })
    }

    fn line_of_move<'d>(
        &self,
        directory: &'d Directory,
        input: &TransferInput,
        at: Instant,
    ) -> Result<TransferLine<'d>, TransferRefusal> {
        let rule = |name: &Name| {
            let rule = directory.rule_on_or_first(directory.number_of(name), at.business_date());
            rule.ok_or(TransferRefusal::ProgramUnknown)
        };
        let (from, to) = (rule(&input.from)?, rule(&input.to)?);
        let tier = input
            .tier
            .map_or(NameNumber::UNKNOWN, |tier| directory.number_of(&tier));
        if input.tier.is_some() && !to.has_tier(tier) {
            return Err(TransferRefusal::TierUnknown);
        }
        let wallets = self.state.wallets[self.state.seed.wallet_shard(input.wallet)].lock();
        wallets
            .status(input.wallet)
            .ok_or(TransferRefusal::WalletUnknown)?;
        Ok(TransferLine {
            directory,
            from,
            to,
            wallet: input.wallet,
            person: wallets
                .person(input.wallet)
                .ok_or(TransferRefusal::NotRegistered)?,
            household: input.household,
            tier,
            usable_from: input.usable_from,
            reason: input.reason.clone(),
        })
    }

    /// Decides a move by the rules of `at`; again when it is too late for them.
    fn move_line(
        &self,
        line: &TransferLine<'_>,
        caller: NameNumber,
        at: Instant,
    ) -> Result<Attempt<TransferOutcome>, SubmitError> {
        let holders = HolderLocks::lock_one(&self.state, line.directory, line.person, line.wallet);
        let locked = &mut (holders, self.state.quotas.lock());
        let date = at.business_date();
        let decide = |(holders, quotas): &mut (HolderLocks<'_>, MutexGuard<'_, Quotas>),
                      at: Instant,
                      bytes: &mut _| {
            let struck = |rule: &Rule| line.directory.struck(rule.program, at);
            let is_counted = |rule: &Rule| quotas.is_counted(rule.entitlement_key, struck(rule));
            if at.business_date() != date || !is_counted(line.from) || !is_counted(line.to) {
                return ControlFlow::Break(Ok(Attempt::Again));
            }
            match decide(line, holders, quotas, at) {
                Err(refusal) => ControlFlow::Break(Ok(Attempt::Done(TransferOutcome::Refused(refusal)))),
                Ok(None) => ControlFlow::Break(Ok(Attempt::Done(TransferOutcome::Unchanged))),
                Ok(Some(moved)) => {
                    if let Err(error) = self.check_room(Space::Enough) {
                        return ControlFlow::Break(Err(error));
                    }
                    let record = Record::ProgrammeTransfer(moved);
                    *bytes = record.encode(at, caller);
                    ControlFlow::Continue(record)
                }
            }
        };
        self.decide_append_apply(at, locked, decide, |(holders, quotas), record, appended| {
            let mut locked = LockedShards {
                quotas: Some(&mut *quotas),
                ..holders.shards()
            };
            let made = appended.made(caller);
            locked.apply(&record, &made);
            Ok(Attempt::Done(TransferOutcome::Transferred {
                sequence: made.sequence,
            }))
        })?
    }
}

/// Decides a move as everything stands; `None` when it was made before and nothing has changed since.
///
/// # Errors
/// Why nobody moves.
pub fn decide(
    line: &TransferLine<'_>,
    holders: &HolderLocks<'_>,
    quotas: &Quotas,
    at: Instant,
) -> Result<Option<ProgrammeTransfer>, TransferRefusal> {
    let (from, to) = (line.from, line.to);
    let live = quotas.live(to.entitlement_key, line.directory.struck(to.program, at));
    let standing = Standing {
        person: line.person,
        citizens: holders.citizens(line.person),
        wallets: |wallet| holders.wallets(wallet),
        live: live.expect("lapsed rights were counted"),
    };
    let through = |rule: &Rule| {
        let wallet = standing.citizens.wallet(line.person, rule.entitlement_key);
        (held_entitlement(line.directory, rule.program, &standing, at) == Held::Live)
            .then_some(wallet)
            .flatten()
    };
    let (in_from, in_to) = (through(from), through(to));
    if in_to == Some(line.wallet) && has_moved(line, holders) {
        return Ok(None);
    }
    if in_from != Some(line.wallet) {
        return Err(TransferRefusal::NotRegistered);
    }
    if in_to.is_some() {
        return Err(TransferRefusal::AlreadyRegistered);
    }
    if let Some((block, _)) = line.directory.block_of(line.person) {
        return Err(TransferRefusal::Excluded(block));
    }
    if to.quota().is_some_and(|quota| standing.live >= quota) {
        return Err(TransferRefusal::QuotaFull);
    }
    let held = held_entitlement(line.directory, to.program, &standing, at);
    Ok(Some(ProgrammeTransfer {
        wallet: line.wallet,
        person: line.person,
        from: from.program,
        from_benefit: from.entitlement_key,
        to: to.program,
        to_benefit: to.entitlement_key,
        household: line.household,
        tier: line.tier,
        usable_from: line.usable_from,
        earlier: register::earlier(to, &standing, held, line.wallet),
        at,
        reason: line.reason.clone(),
    }))
}

/// Whether the very same move was made before: the right to leave has ended by a move, and the new one is as this one would make it.
fn has_moved(line: &TransferLine<'_>, holders: &HolderLocks<'_>) -> bool {
    let citizens = holders.citizens(line.person);
    let wallets = holders.wallets(line.wallet);
    let standing = wallets.standing(line.wallet, line.to.entitlement_key);
    let is_the_same = |right: Entitlement| {
        let same_date = |date| right.usable_from == Some(date);
        right.household == line.household && right.tier == line.tier && line.usable_from.is_none_or(same_date)
    };
    citizens.moved_away(line.person, line.from.entitlement_key) == Some(line.wallet)
        && wallets.moved_to(line.wallet, line.from.entitlement_key) == Some(line.to.entitlement_key)
        && standing
            .and_then(|standing| standing.entitlement)
            .is_some_and(is_the_same)
}
