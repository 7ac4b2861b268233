//! Casework: what operators decided about merchants, persons, money that is held back and money that is to come back.
//!
//! All of it is a function of casework's records (I2), which it keeps as they were journaled: few enough, and a snapshot is made
//! from them. Each kind of decision is a [`CaseworkDecision`]: it says whether it may be decided, and what follows from it.

mod case;
mod cases;
mod decision;
mod check;
mod merchants;
mod payouts;
mod persons;

pub use case::{CLAIM_MAX, Case, CaseState, Cause, DUE_DAYS, PAYMENTS_MAX, Payment};
pub use check::{CaseworkRefusal, Novelty};
pub use decision::{CaseworkDecision, decision_of, is_casework};

use crate::calendar::Instant;
use crate::ids::{CaseId, MerchantId, Name, PersonId, TxnId, WalletId};
use crate::record::{AuditStamp, Debtor, NameNumber};
use crate::state::export;
use crate::state::hash::hash_pair;
use std::collections::BTreeMap;

/// What casework's records come to.
#[derive(Default)]
pub struct Casework {
    /// The records, as they were journaled, one behind the other.
    records: Vec<u8>,
    merchants: BTreeMap<MerchantId, MerchantFile>,
    persons: BTreeMap<PersonId, PersonFile>,
    frozen: BTreeMap<TxnId, Mark>,
    cases: BTreeMap<CaseId, Case>,
    /// The cases in the order in which they were opened.
    opened: Vec<CaseId>,
    merchants_frozen: usize,
    cases_open: usize,
    /// Of the last record.
    last_sequence: u64,
}

/// When, why and by whom something was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub at: Instant,
    /// The number of the name of the key; unknown without keys.
    pub caller: NameNumber,
    /// Why, in the operator's words.
    pub reason: String,
}

impl Mark {
    fn new(made: &AuditStamp, reason: &str) -> Mark {
        Mark {
            at: made.at,
            caller: made.caller,
            reason: reason.to_owned(),
        }
    }
}

/// What casework knows of a merchant.
#[derive(Clone, Debug, Default)]
pub struct MerchantFile {
    /// Since when casework has it suspended.
    pub suspended: Option<Mark>,
    /// Since when its consent is withdrawn, and the case this opened.
    pub withdrawn: Option<(Mark, CaseId)>,
    /// Since when its money is held back.
    pub frozen: Option<Mark>,
    /// The delivery platform it is bound to.
    pub platform: Option<NameNumber>,
    /// The programmes it joined by itself, in order.
    pub joined: Vec<Joining>,
    /// Its cases, in order.
    pub cases: Vec<CaseId>,
}

/// A merchant joined a programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joining {
    pub program: NameNumber,
    pub at: Instant,
    /// Whether it took part in the earlier programme.
    pub returning: bool,
}

/// What casework knows of a citizen.
#[derive(Clone, Debug, Default)]
pub struct PersonFile {
    /// Since when the citizen is suspended.
    pub suspended: Option<Mark>,
    /// The wallets the citizen had when the entry in the person store was deleted.
    pub erased: Option<Vec<WalletId>>,
    /// The citizen's cases, in order.
    pub cases: Vec<CaseId>,
}

crate::words! {
    /// What keeps a citizen from getting a right. In order of precedence.
    pub enum Block {
        /// The citizen was erased.
        Erased = 0, "erased";
        /// Casework suspended the citizen.
        Suspended = 1, "suspended";
        /// A case of the citizen is open.
        Clawback = 2, "clawback";
    }
}

impl Block {
    /// How an answer says that it excludes.
    pub const fn reason(self) -> &'static str {
        match self {
            Block::Suspended => "excluded:suspended",
            Block::Clawback => "excluded:clawback",
            Block::Erased => "excluded:erased",
        }
    }

    /// The same as a name that has a number.
    pub fn list(self) -> Name {
        Name::parse(self.name()).expect("a name of lower-case letters")
    }
}

impl Casework {
    /// What is known of a merchant, when anything was ever decided.
    pub fn merchant(&self, merchant: MerchantId) -> Option<&MerchantFile> {
        self.merchants.get(&merchant)
    }

    /// What is known of a citizen, when anything was ever decided.
    pub fn person(&self, person: PersonId) -> Option<&PersonFile> {
        self.persons.get(&person)
    }

    /// The case with the id.
    pub fn case(&self, case: CaseId) -> Option<&Case> {
        self.cases.get(&case)
    }

    /// Every case, in the order in which they were opened.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.opened.iter().map(|id| &self.cases[id])
    }

    /// The cases whose amount is to be counted, each with its merchant.
    pub fn uncounted(&self) -> impl Iterator<Item = (&Case, MerchantId)> {
        let counting = self.cases().filter(|case| case.state() == CaseState::Counting);
        counting.filter_map(|case| match case.debtor {
            Debtor::Merchant(merchant) => Some((case, merchant)),
            Debtor::Person(_) => None,
        })
    }

    /// How many cases are open.
    pub fn cases_open(&self) -> usize {
        self.cases_open
    }

    /// Since when an authorization's money is held back.
    pub fn frozen(&self, txn_id: TxnId) -> Option<&Mark> {
        self.frozen.get(&txn_id)
    }

    /// The authorizations whose money is held back, by id.
    pub fn frozen_authorizations(&self) -> impl ExactSizeIterator<Item = (TxnId, &Mark)> {
        self.frozen.iter().map(|(txn_id, mark)| (*txn_id, mark))
    }

    /// The merchants whose money is held back, by id.
    pub fn frozen_merchants(&self) -> impl Iterator<Item = (MerchantId, &Mark)> {
        let files = self.merchants.iter();
        files.filter_map(|(merchant, file)| Some((*merchant, file.frozen.as_ref()?)))
    }

    /// How many merchants' money is held back.
    pub fn merchants_frozen(&self) -> usize {
        self.merchants_frozen
    }

    /// The citizens of whom anything is known.
    pub fn persons(&self) -> impl Iterator<Item = PersonId> {
        self.persons.keys().copied()
    }

    /// The citizens whose entries in the person store are to be gone.
    pub fn erased(&self) -> impl Iterator<Item = PersonId> {
        let erased = self.persons.iter().filter(|(_, file)| file.erased.is_some());
        erased.map(|(person, _)| *person)
    }

    /// The sequence of the last decision; 0 before the first.
    pub fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    /// What keeps the citizen from getting a right.
    #[inline]
    pub fn block_of(&self, person: PersonId) -> Option<Block> {
        if person == PersonId::ERASED {
            return Some(Block::Erased);
        }
        let file = self.persons.get(&person)?;
        if file.erased.is_some() {
            return Some(Block::Erased);
        }
        if file.suspended.is_some() {
            return Some(Block::Suspended);
        }
        self.any_blocks(&file.cases).then_some(Block::Clawback)
    }

    /// Whether a case of the merchant is open.
    pub fn has_open_case(&self, merchant: MerchantId) -> bool {
        let file = self.merchants.get(&merchant);
        file.is_some_and(|file| self.any_blocks(&file.cases))
    }

    /// Whether the merchant withdrew its consent.
    pub fn has_withdrawn(&self, merchant: MerchantId) -> bool {
        let file = self.merchants.get(&merchant);
        file.is_some_and(|file| file.withdrawn.is_some())
    }

    /// Appends casework to a snapshot.
    pub(crate) fn export(&self, to: &mut Vec<u8>) {
        export::number(to, self.records.len() as u64);
        to.extend_from_slice(&self.records);
    }

    /// A digest of all of it.
    pub(crate) fn digest(&self) -> u64 {
        let words = self.records.chunks_exact(8);
        let words = words.map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
        words.fold(self.records.len() as u64, hash_pair)
    }

    fn file(&mut self, merchant: MerchantId) -> &mut MerchantFile {
        self.merchants.entry(merchant).or_default()
    }

    fn open(&mut self, case: Case) {
        match case.debtor {
            Debtor::Person(person) => self.persons.entry(person).or_default().cases.push(case.id),
            Debtor::Merchant(merchant) => self.file(merchant).cases.push(case.id),
        }
        self.cases_open += usize::from(case.state().blocks());
        self.opened.push(case.id);
        self.cases.insert(case.id, case);
    }

    fn change(&mut self, id: CaseId, change: impl FnOnce(&mut Case)) {
        let case = self.cases.get_mut(&id).expect("a case that was opened");
        let before = case.state().blocks();
        change(case);
        let now = case.state().blocks();
        self.cases_open = self.cases_open + usize::from(now) - usize::from(before);
    }

    fn any_blocks(&self, cases: &[CaseId]) -> bool {
        cases.iter().any(|case| self.cases[case].state().blocks())
    }
}
