//! Casework: merchants who join, are bound, suspended or withdraw; citizens who are suspended or erased; money that is held back or
//! claimed back. What may be decided says [`CaseworkDecision::check`]; each decision is one record, with the caller's number.

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError};
use crate::locks::LockedShards;
use crate::locks::holder_locks::HolderLocks;
use crate::session::append::Appended;
use crate::session::names::NamesOf;
use crossbeam::sync::ShardedLockWriteGuard;
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::ids::{CaseId, MerchantId, Name, NationalId, PersonId, WalletId};
use satang_core::money::Satang;
use satang_core::record::{
    CaseOpened, Debtor, Erased, MerchantJoined, PersonStatus, PlatformBinding, Record, Status,
};
use satang_core::state::casework::{Block, CaseworkDecision, CaseworkRefusal, Novelty};
use satang_core::state::directory::Directory;
use satang_log::log::ReadLog;
use satang_log::log::Space;
use std::ops::ControlFlow;

/// A decision of casework that becomes a record.
pub trait Decision: CaseworkDecision + Clone + Into<Record> {}

impl<D: CaseworkDecision + Clone + Into<Record>> Decision for D {}

/// Who a citizen is, as an operator says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// By the national id.
    Citizen(NationalId),
    Wallet(WalletId),
}

/// Who is to pay back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DebtorInput {
    Person(Subject),
    Merchant(MerchantId),
}

/// What became of a decision of casework.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseworkOutcome {
    /// It was decided; it is durable once the sequence is.
    Recorded {
        /// The sequence of the record.
        sequence: u64,
    },
    /// It was decided before: nothing was written.
    Unchanged,
    Refused(CaseworkRefusal),
    /// Nobody is known by the wallet, or by the national id where that does not make one known.
    NobodyKnown,
}

impl CaseworkOutcome {
    /// The sequence of the record that was written.
    pub fn sequence(self) -> Option<u64> {
        match self {
            CaseworkOutcome::Recorded { sequence } => Some(sequence),
            CaseworkOutcome::Unchanged | CaseworkOutcome::Refused(_) | CaseworkOutcome::NobodyKnown => None,
        }
    }
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// Decides what concerns merchants, authorizations and cases alone.
    ///
    /// # Panics
    /// When it is about a citizen.
    pub fn decide_casework(
        &self,
        decision: &impl Decision,
        by: Option<&Name>,
    ) -> Result<CaseworkOutcome, SubmitError> {
        let person = decision.clone().into().person();
        assert!(person.is_none(), "who a citizen is must be found first");
        let mut directory = self.directory_for_casework()?;
        self.record_casework(&mut directory, LockedShards::none(self.state.seed), by, |_, _| {
            decision.clone()
        })
        .map(|(outcome, _)| outcome)
    }

    /// A merchant joins a programme; whether it took part in the earlier one, too.
    pub fn join_program(
        &self,
        merchant: MerchantId,
        program: &Name,
        by: Option<&Name>,
    ) -> Result<(CaseworkOutcome, bool), SubmitError> {
        let mut directory = self.directory_for_casework()?;
        let joined = |directory: &Directory, at| {
            let program = directory.number_of(program);
            MerchantJoined {
                merchant,
                program,
                returning: directory.is_returning_merchant(merchant, program, at),
            }
        };
        let (outcome, joined) =
            self.record_casework(&mut directory, LockedShards::none(self.state.seed), by, joined)?;
        Ok((outcome, joined.is_some_and(|joined| joined.returning)))
    }

    /// Binds a merchant to its delivery platform, or releases it.
    pub fn bind_platform(
        &self,
        merchant: MerchantId,
        platform: &Name,
        bound: bool,
        reason: &str,
        by: Option<&Name>,
    ) -> Result<CaseworkOutcome, SubmitError> {
        let mut directory = self.directory_for_casework()?;
        let record = |platform| PlatformBinding {
            merchant,
            platform,
            bound,
            reason: reason.to_owned(),
        };
        let at = self.now()?;
        // Only a platform that somebody is bound to gets a number: there are few.
        match record(directory.number_of(platform)).check(&directory, at) {
            Err(refusal) => return Ok(CaseworkOutcome::Refused(refusal)),
            Ok(Novelty::Known) => return Ok(CaseworkOutcome::Unchanged),
            Ok(Novelty::New) => self.check_room(Space::Enough)?,
        }
        let number = self.number_names(&mut directory, &[*platform], NamesOf::Imports, by, at)?[0];
        self.record_casework(&mut directory, LockedShards::none(self.state.seed), by, |_, _| {
            record(number)
        })
        .map(|(outcome, _)| outcome)
    }

    /// Suspends a citizen over all programmes, or makes the citizen active again; and which wallets that reaches.
    pub fn set_person_status(
        &self,
        subject: Subject,
        status: Status,
        reason: &str,
        by: Option<&Name>,
    ) -> Result<(CaseworkOutcome, Vec<WalletId>), SubmitError> {
        let Some(person) = self.person_of(subject, true)? else {
            return Ok((CaseworkOutcome::NobodyKnown, Vec::new()));
        };
        let mut directory = self.directory_for_casework()?;
        let reaching = |wallets| PersonStatus {
            person,
            wallets,
            status,
            reason: reason.to_owned(),
        };
        if status == Status::Suspended {
            self.number_block(&mut directory, &reaching(Vec::new()), Block::Suspended, by)?;
        }
        let mut holders = HolderLocks::lock_person(&self.state, &directory, person);
        let wallets = holders.wallets_of_person(&directory, person);
        let decide = |_: &Directory, _| reaching(wallets.clone());
        let (outcome, decided) = self.record_casework(&mut directory, holders.shards(), by, decide)?;
        Ok((outcome, decided.map_or(Vec::new(), |decided| decided.wallets)))
    }

    /// Opens a clawback case.
    pub fn open_case(
        &self,
        case: CaseId,
        debtor: DebtorInput,
        owed: Satang,
        letter: BusinessDate,
        reason: &str,
        by: Option<&Name>,
    ) -> Result<CaseworkOutcome, SubmitError> {
        if letter > self.now()?.business_date() {
            // Before anybody is looked for, who may get known by that.
            return Ok(CaseworkOutcome::Refused(CaseworkRefusal::LetterInFuture));
        }
        let debtor = match debtor {
            DebtorInput::Merchant(merchant) => Debtor::Merchant(merchant),
            DebtorInput::Person(subject) => match self.person_of(subject, true)? {
                Some(person) => Debtor::Person(person),
                None => return Ok(CaseworkOutcome::NobodyKnown),
            },
        };
        let mut directory = self.directory_for_casework()?;
        let opened = CaseOpened {
            case,
            debtor,
            owed,
            letter,
            reason: reason.to_owned(),
        };
        if matches!(debtor, Debtor::Person(_)) {
            self.number_block(&mut directory, &opened, Block::Clawback, by)?;
        }
        self.record_casework(&mut directory, LockedShards::none(self.state.seed), by, |_, _| {
            opened.clone()
        })
        .map(|(outcome, _)| outcome)
    }

    /// Erases a citizen: from now on nobody gets a right as this citizen any more, and the wallets are suspended for good. The entry
    /// in the person store is still to be deleted once this is durable ([`crate::maintenance::Maintenance::forget_erased`]).
    pub fn erase_person(
        &self,
        subject: Subject,
        reason: &str,
        by: Option<&Name>,
    ) -> Result<(CaseworkOutcome, Vec<WalletId>), SubmitError> {
        let Some(person) = self.person_of(subject, false)? else {
            return Ok((CaseworkOutcome::NobodyKnown, Vec::new()));
        };
        let mut directory = self.directory_for_casework()?;
        let reaching = |wallets| Erased {
            person,
            wallets,
            reason: reason.to_owned(),
        };
        self.number_block(&mut directory, &reaching(Vec::new()), Block::Erased, by)?;
        let mut holders = HolderLocks::lock_person(&self.state, &directory, person);
        let wallets = holders.wallets_of_person(&directory, person);
        let decide = |_: &Directory, _| reaching(wallets.clone());
        let (outcome, decided) = self.record_casework(&mut directory, holders.shards(), by, decide)?;
        let known = || directory.casework().person(person)?.erased.clone();
        match outcome {
            CaseworkOutcome::Unchanged => Ok((outcome, known().unwrap_or_default())),
            _ => Ok((outcome, decided.map_or(Vec::new(), |decided| decided.wallets))),
        }
    }

    /// The citizen a caller means. `None`: nobody is known by the wallet; or by the national id, when that is not to make one known.
    fn person_of(&self, subject: Subject, make: bool) -> Result<Option<PersonId>, SubmitError> {
        self.check_journal()?;
        match subject {
            Subject::Citizen(citizen) if make => self.resolve_person(citizen).map(Some),
            Subject::Citizen(citizen) => Ok(self.persons.find(citizen)),
            Subject::Wallet(wallet) => Ok(self.state.wallets[self.state.seed.wallet_shard(wallet)]
                .lock()
                .person(wallet)),
        }
    }

    fn directory_for_casework(&self) -> Result<ShardedLockWriteGuard<'_, Directory>, SubmitError> {
        self.check_load()?;
        Ok(self.state.directory.write())
    }

    /// The name that answers give for a block has a number from now on, unless casework does not decide what makes the block.
    fn number_block(
        &self,
        directory: &mut Directory,
        decision: &impl CaseworkDecision,
        block: Block,
        by: Option<&Name>,
    ) -> Result<(), SubmitError> {
        let at = self.now()?;
        match decision.check(directory, at) {
            Ok(Novelty::New) => {
                self.check_room(Space::Enough)?;
                self.number_names(directory, &[block.list()], NamesOf::Blocks, by, at)
                    .map(drop)
            }
            Ok(Novelty::Known) | Err(_) => Ok(()),
        }
    }

    /// The wallets through which a citizen holds, or held, rights; sorted.
    pub fn wallets_of_person(&self, directory: &Directory, person: PersonId) -> Vec<WalletId> {
        HolderLocks::lock_person(&self.state, directory, person).wallets_of_person(directory, person)
    }

    /// Decides as `decide` says for the time, appends and applies. `others`: what the decision changes besides the directory.
    fn record_casework<D: Decision>(
        &self,
        directory: &mut Directory,
        others: LockedShards<'_, '_>,
        by: Option<&Name>,
        decide: impl Fn(&Directory, Instant) -> D,
    ) -> Result<(CaseworkOutcome, Option<D>), SubmitError> {
        let check = |directory: &mut &mut Directory, at, bytes: &mut _| {
            let decision = decide(directory, at);
            match decision.check(directory, at) {
                Err(refusal) => return ControlFlow::Break(Ok((CaseworkOutcome::Refused(refusal), None))),
                Ok(Novelty::Known) => {
                    return ControlFlow::Break(Ok((CaseworkOutcome::Unchanged, Some(decision))));
                }
                Ok(Novelty::New) => {}
            }
            // Only now: what is known already, or refused, needs no disk.
            let caller = self.check_room(Space::Enough);
            let caller = match caller.and_then(|()| self.caller(directory, by, at)) {
                Ok(caller) => caller,
                Err(error) => return ControlFlow::Break(Err(error)),
            };
            let record: Record = decision.clone().into();
            *bytes = record.encode(at, caller);
            ControlFlow::Continue((decision, record, caller))
        };
        let apply = |directory: &mut &mut Directory, (decision, record, caller), appended: Appended| {
            let mut locked = LockedShards {
                directory: Some(directory),
                ..others
            };
            let made = appended.made(caller);
            locked.apply(&record, &made);
            let sequence = made.sequence;
            Ok((CaseworkOutcome::Recorded { sequence }, Some(decision)))
        };
        self.decide_append_apply(self.now()?, &mut { directory }, check, apply)?
    }
}
