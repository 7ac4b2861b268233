//! The desk: what operators decided about merchants, persons, money that is held back and money that is to come back.
//!
//! All of it is a function of the desk's records (I2), which it keeps as they were journaled: few enough, and a snapshot is made
//! from them. [`Directory::check_desk`] says what may be decided.

use crate::calendar::{BusinessDate, Instant};
use crate::directory::{Directory, Made};
use crate::export;
use crate::ids::{CaseId, MerchantId, Name, PaymentId, PersonId, TxnId, WalletId};
use crate::money::Satang;
use crate::policy::MerchantRegistration;
use crate::record::{AdminRecord, Debtor, DeskRecord, NameNumber, Payout, Record, Status, split_record};
use crate::table::hash_pair;
use std::collections::BTreeMap;

/// Days from the letter until what is claimed back is due (letter C, May 2569: within 30 days).
pub const DUE_DAYS: i32 = 30;
/// The most money one case or payment is about: ten trillion baht.
pub const CLAIM_MAX: Satang = Satang::new(1_000_000_000_000_000);

/// What the desk's records come to.
#[derive(Default)]
pub struct Desk {
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
}

/// When, why and by whom something was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Instant,
    /// The name of the key; `None` without keys.
    pub by: Option<Name>,
    /// Why, in the operator's words.
    pub reason: String,
}

/// What the desk knows of a merchant.
#[derive(Clone, Debug, Default)]
pub struct MerchantFile {
    /// Since when the desk has it suspended.
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
    /// Which.
    pub program: NameNumber,
    /// When.
    pub at: Instant,
    /// Whether it took part in the earlier programme.
    pub returning: bool,
}

/// What the desk knows of a citizen.
#[derive(Clone, Debug, Default)]
pub struct PersonFile {
    /// Since when the citizen is suspended, and through which wallets.
    pub suspended: Option<(Mark, Vec<WalletId>)>,
    /// The wallets the citizen had when the entry in the person store was deleted.
    pub erased: Option<Vec<WalletId>>,
    /// The citizen's cases, in order.
    pub cases: Vec<CaseId>,
}

/// Money that is claimed back.
#[derive(Clone, Debug)]
pub struct Case {
    /// The operator's id.
    pub id: CaseId,
    /// Who owes it.
    pub debtor: Debtor,
    /// Why it is owed.
    pub cause: Cause,
    /// How much; `None` while it is being counted.
    pub owed: Option<Satang>,
    /// The date of the letter that claims it.
    pub letter: BusinessDate,
    /// When, why and by whom it was opened.
    pub opened: Mark,
    /// The sequence of the record that opened it.
    pub sequence: u64,
    /// What came back, in order.
    pub payments: Vec<Payment>,
    /// When, why and by whom it was closed though something is left.
    pub closed: Option<Mark>,
}

/// Why money is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An operator said so.
    Ordered,
    /// The merchant withdrew its consent.
    ConsentWithdrawn,
}

impl Cause {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Ordered => "ordered",
            Cause::ConsentWithdrawn => "consent_withdrawn",
        }
    }
}

/// Some of what is claimed came back.
#[derive(Clone, Debug)]
pub struct Payment {
    /// The operator's id.
    pub id: PaymentId,
    /// How much.
    pub amount: Satang,
    /// When, what for and by whom it was recorded.
    pub mark: Mark,
}

/// How a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseState {
    /// How much is owed is being counted.
    Counting,
    /// Something is left.
    Open,
    /// Everything came back.
    Paid,
    /// An operator closed it though something is left.
    Closed,
}

impl CaseState {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            CaseState::Counting => "counting",
            CaseState::Open => "open",
            CaseState::Paid => "paid",
            CaseState::Closed => "closed",
        }
    }

    /// Whether the debtor is kept from other programmes.
    pub const fn blocks(self) -> bool {
        match self {
            CaseState::Counting | CaseState::Open => true,
            CaseState::Paid | CaseState::Closed => false,
        }
    }
}

impl Case {
    /// What came back so far.
    pub fn paid(&self) -> Satang {
        Satang::new(self.payments.iter().map(|payment| payment.amount.get()).sum())
    }

    /// What is owed and did not come back; `None` while it is being counted.
    pub fn left(&self) -> Option<Satang> {
        self.owed.map(|owed| owed.room_after(self.paid()))
    }

    /// How it stands.
    pub fn state(&self) -> CaseState {
        match (self.left(), &self.closed) {
            (None, _) => CaseState::Counting,
            (Some(Satang::ZERO), _) => CaseState::Paid,
            (Some(_), Some(_)) => CaseState::Closed,
            (Some(_), None) => CaseState::Open,
        }
    }

    /// The last date on which it is paid in time.
    pub fn due(&self) -> BusinessDate {
        BusinessDate::from_days(self.letter.days() + DUE_DAYS)
    }
}

/// What keeps a citizen from getting a right. In order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// The desk suspended the citizen.
    Suspended,
    /// A case of the citizen is open.
    Clawback,
    /// The citizen was erased.
    Erased,
}

impl Block {
    /// Every block.
    pub const ALL: [Block; 3] = [Block::Suspended, Block::Clawback, Block::Erased];

    /// Its name, which an answer gives as that of an excluding list.
    pub const fn name(self) -> &'static str {
        match self {
            Block::Suspended => "suspended",
            Block::Clawback => "clawback",
            Block::Erased => "erased",
        }
    }

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

/// Why the desk does not decide so. In order of precedence, where several are possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeskRefusal {
    /// No rules of the programme count today.
    ProgramUnknown,
    /// The programme is paused.
    ProgramSuspended,
    /// The merchant was never registered.
    MerchantUnknown,
    /// The merchant withdrew its consent.
    ConsentWithdrawn,
    /// The merchant is suspended.
    MerchantSuspended,
    /// No benefit of the programme takes the merchant's category.
    CategoryNotAllowed,
    /// A case of the merchant or citizen is open.
    ClawbackOpen,
    /// The programme takes no merchant, or not on this date.
    RegistrationClosed,
    /// The merchant is bound to another platform.
    PlatformBound,
    /// The merchant is not bound to the platform.
    PlatformNotBound,
    /// The citizen was erased.
    PersonErased,
    /// No case has the id.
    CaseUnknown,
    /// Another case has the id.
    CaseIdConflict,
    /// Another payment towards the case has the id.
    PaymentIdConflict,
    /// Nothing more is claimed.
    CaseClosed,
    /// How much is owed is being counted.
    CaseCounting,
    /// It is more than what is left.
    ExceedsOwed,
    /// The letter has a date to come.
    LetterInFuture,
}

impl DeskRefusal {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            DeskRefusal::ProgramUnknown => "program_unknown",
            DeskRefusal::ProgramSuspended => "program_suspended",
            DeskRefusal::MerchantUnknown => "merchant_unknown",
            DeskRefusal::ConsentWithdrawn => "consent_withdrawn",
            DeskRefusal::MerchantSuspended => "merchant_suspended",
            DeskRefusal::CategoryNotAllowed => "category_not_allowed",
            DeskRefusal::ClawbackOpen => "clawback_open",
            DeskRefusal::RegistrationClosed => "registration_closed",
            DeskRefusal::PlatformBound => "platform_bound",
            DeskRefusal::PlatformNotBound => "platform_not_bound",
            DeskRefusal::PersonErased => "person_erased",
            DeskRefusal::CaseUnknown => "case_unknown",
            DeskRefusal::CaseIdConflict => "case_id_conflict",
            DeskRefusal::PaymentIdConflict => "payment_id_conflict",
            DeskRefusal::CaseClosed => "case_closed",
            DeskRefusal::CaseCounting => "case_counting",
            DeskRefusal::ExceedsOwed => "exceeds_owed",
            DeskRefusal::LetterInFuture => "letter_in_future",
        }
    }
}

/// Whether a decision of the desk changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Novelty {
    /// It is to be recorded.
    New,
    /// It was decided before: nothing is recorded.
    Known,
}

impl Desk {
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
        let frozen = |(id, file): (&MerchantId, &'_ MerchantFile)| Some((*id, file.frozen.is_some()));
        let ids = self
            .merchants
            .iter()
            .filter_map(frozen)
            .filter(|(_, frozen)| *frozen);
        ids.map(|(id, _)| (id, self.merchants[&id].frozen.as_ref().expect("it is frozen")))
    }

    /// How many merchants' money is held back.
    pub fn merchants_frozen(&self) -> usize {
        self.merchants_frozen
    }

    /// The citizens whose entries in the person store are to be gone.
    pub fn erased(&self) -> impl Iterator<Item = PersonId> {
        let erased = self.persons.iter().filter(|(_, file)| file.erased.is_some());
        erased.map(|(person, _)| *person)
    }

    /// What keeps the citizen from getting a right.
    #[inline]
    pub fn block_of(&self, person: PersonId) -> Option<Block> {
        if person == PersonId::ERASED {
            return Some(Block::Erased);
        }
        let file = self.persons.get(&person)?;
        if file.suspended.is_some() {
            return Some(Block::Suspended);
        }
        if self.any_blocks(&file.cases) {
            return Some(Block::Clawback);
        }
        file.erased.is_some().then_some(Block::Erased)
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

    /// Takes a record.
    pub(crate) fn apply(&mut self, record: &DeskRecord, made: &Made) {
        let mut bytes = AdminRecord::Desk(record.clone()).encode(made.at, made.by.as_ref());
        crate::record::set_sequence(&mut bytes, made.sequence);
        self.records.extend_from_slice(&bytes);
        let mark = |reason: &String| Mark {
            at: made.at,
            by: made.by,
            reason: reason.clone(),
        };
        match record {
            DeskRecord::MerchantStatus {
                merchant,
                status,
                reason,
            } => {
                self.file(*merchant).suspended = (*status == Status::Suspended).then(|| mark(reason));
            }
            DeskRecord::Joined {
                merchant,
                program,
                returning,
            } => {
                let joining = Joining {
                    program: *program,
                    at: made.at,
                    returning: *returning,
                };
                self.file(*merchant).joined.push(joining);
            }
            DeskRecord::Platform {
                merchant,
                platform,
                bound,
                ..
            } => self.file(*merchant).platform = bound.then_some(*platform),
            DeskRecord::MerchantPayout {
                merchant,
                payout,
                reason,
            } => {
                let frozen = (*payout == Payout::Frozen).then(|| mark(reason));
                let (before, now) = (self.file(*merchant).frozen.is_some(), frozen.is_some());
                self.file(*merchant).frozen = frozen;
                self.merchants_frozen = self.merchants_frozen + usize::from(now) - usize::from(before);
            }
            DeskRecord::AuthorizationPayout {
                txn_id,
                payout,
                reason,
            } => {
                match payout {
                    Payout::Active => self.frozen.remove(txn_id),
                    Payout::Frozen => self.frozen.insert(*txn_id, mark(reason)),
                };
            }
            DeskRecord::PersonStatus {
                person,
                wallets,
                status,
                reason,
            } => {
                let suspended = (*status == Status::Suspended).then(|| (mark(reason), wallets.clone()));
                self.persons.entry(*person).or_default().suspended = suspended;
            }
            DeskRecord::CaseOpened {
                case,
                debtor,
                owed,
                letter,
                reason,
            } => self.open(Case {
                id: *case,
                debtor: *debtor,
                cause: Cause::Ordered,
                owed: Some(*owed),
                letter: *letter,
                opened: mark(reason),
                sequence: made.sequence,
                payments: Vec::new(),
                closed: None,
            }),
            DeskRecord::CasePaid {
                case,
                payment,
                amount,
                reason,
            } => {
                let payment = Payment {
                    id: *payment,
                    amount: *amount,
                    mark: mark(reason),
                };
                self.change(*case, |case| case.payments.push(payment));
            }
            DeskRecord::CaseClosed { case, reason } => {
                let closed = mark(reason);
                self.change(*case, |case| case.closed = Some(closed));
            }
            DeskRecord::ConsentWithdrawn {
                merchant,
                case,
                letter,
                reason,
            } => {
                self.file(*merchant).withdrawn = Some((mark(reason), *case));
                self.open(Case {
                    id: *case,
                    debtor: Debtor::Merchant(*merchant),
                    cause: Cause::ConsentWithdrawn,
                    owed: None,
                    letter: *letter,
                    opened: mark(reason),
                    sequence: made.sequence,
                    payments: Vec::new(),
                    closed: None,
                });
            }
            DeskRecord::CaseCounted { case, owed } => self.change(*case, |case| case.owed = Some(*owed)),
            DeskRecord::Erased { person, wallets, .. } => {
                self.persons.entry(*person).or_default().erased = Some(wallets.clone());
            }
        }
    }

    /// Appends the desk to a snapshot.
    pub(crate) fn export(&self, to: &mut Vec<u8>) {
        export::number(to, self.records.len() as u64);
        to.extend_from_slice(&self.records);
    }

    /// The desk that [`Desk::export`] wrote; `None` when the bytes are none.
    pub(crate) fn import(from: &mut &[u8]) -> Option<Desk> {
        let len = usize::try_from(export::take_number(from)?).ok()?;
        let mut records = export::take_bytes(from, len)?;
        let mut desk = Desk::default();
        while !records.is_empty() {
            let (header, bytes) = split_record(records).ok()?;
            records = &records[bytes.len()..];
            let Record::Admin {
                by,
                record: AdminRecord::Desk(record),
            } = Record::decode(&header, bytes).ok()?
            else {
                return None;
            };
            let made = Made {
                sequence: header.sequence,
                at: header.at(),
                by,
            };
            desk.apply(&record, &made);
        }
        Some(desk)
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

impl MerchantRegistration {
    /// Whether a merchant may join on the date, who took part in the earlier programme or not.
    pub fn is_open_on(&self, date: BusinessDate, returning: bool) -> bool {
        let later = self.returning_closes.filter(|_| returning);
        let closes = later.or(self.closes);
        self.opens.is_none_or(|opens| opens <= date) && closes.is_none_or(|closes| date <= closes)
    }
}

impl Directory {
    /// Whether the desk may decide so at `at`. That citizens and authorizations are the right ones is for the caller to see: the
    /// directory does not know them.
    ///
    /// # Errors
    /// Why not.
    pub fn check_desk(&self, record: &DeskRecord, at: Instant) -> Result<Novelty, DeskRefusal> {
        let desk = self.desk();
        match record {
            DeskRecord::MerchantStatus { merchant, status, .. } => {
                self.known(*merchant)?;
                let lifts = *status == Status::Active;
                refuse(
                    lifts && desk.has_withdrawn(*merchant),
                    DeskRefusal::ConsentWithdrawn,
                )?;
            }
            DeskRecord::Joined {
                merchant, program, ..
            } => return self.check_joining(*merchant, *program, at),
            DeskRecord::Platform {
                merchant,
                platform,
                bound: true,
                ..
            } => {
                self.is_active(*merchant)?;
                match desk.merchant(*merchant).and_then(|file| file.platform) {
                    None => {}
                    Some(bound) if bound == *platform => return Ok(Novelty::Known),
                    Some(_) => return Err(DeskRefusal::PlatformBound),
                }
            }
            DeskRecord::Platform {
                merchant,
                platform,
                bound: false,
                ..
            } => {
                self.known(*merchant)?;
                let bound = desk.merchant(*merchant).and_then(|file| file.platform);
                refuse(bound != Some(*platform), DeskRefusal::PlatformNotBound)?;
            }
            DeskRecord::MerchantPayout { merchant, .. } => self.known(*merchant)?,
            DeskRecord::AuthorizationPayout { .. } => {}
            DeskRecord::PersonStatus { person, .. } => self.is_not_erased(*person)?,
            DeskRecord::CaseOpened { debtor, .. } => {
                match debtor {
                    Debtor::Person(person) => self.is_not_erased(*person)?,
                    Debtor::Merchant(merchant) => self.known(*merchant)?,
                }
                return self.check_case(record, at);
            }
            DeskRecord::CasePaid { .. } => return self.check_payment(record),
            DeskRecord::CaseClosed { case, .. } => {
                let case = desk.case(*case).ok_or(DeskRefusal::CaseUnknown)?;
                match case.state() {
                    CaseState::Counting => return Err(DeskRefusal::CaseCounting),
                    CaseState::Open => {}
                    CaseState::Paid | CaseState::Closed => return Ok(Novelty::Known),
                }
            }
            DeskRecord::ConsentWithdrawn { merchant, .. } => {
                self.known(*merchant)?;
                return self.check_withdrawal(record, at);
            }
            DeskRecord::CaseCounted { case, .. } => {
                let case = desk.case(*case).ok_or(DeskRefusal::CaseUnknown)?;
                if case.state() != CaseState::Counting {
                    return Ok(Novelty::Known);
                }
            }
            DeskRecord::Erased { person, .. } => {
                let file = desk.person(*person);
                if *person == PersonId::ERASED || file.is_some_and(|file| file.erased.is_some()) {
                    return Ok(Novelty::Known);
                }
                let owes = file.is_some_and(|file| desk.any_blocks(&file.cases));
                refuse(owes, DeskRefusal::ClawbackOpen)?;
            }
        }
        Ok(Novelty::New)
    }

    /// Why the register of merchants does not take a line; `programs` are those it names.
    pub fn refuses_merchant(&self, merchant: MerchantId, programs: &[Name]) -> Option<DeskRefusal> {
        let desk = self.desk();
        if desk.has_withdrawn(merchant) {
            return Some(DeskRefusal::ConsentWithdrawn);
        }
        let view = self.merchant(merchant);
        let takes_part = |program: &Name| {
            let number = self.number_of(program);
            view.is_some_and(|view| view.takes_part_in(number))
        };
        let joins = || !programs.iter().all(takes_part);
        (desk.has_open_case(merchant) && joins()).then_some(DeskRefusal::ClawbackOpen)
    }

    /// Whether a merchant who joins the programme now took part in the earlier one.
    pub fn is_returning_merchant(&self, merchant: MerchantId, program: NameNumber, at: Instant) -> bool {
        let Some(view) = self.merchant(merchant) else {
            return false;
        };
        let rule = self.rule_on(program, at.business_date());
        let window = rule.and_then(|rule| rule.policy.merchant_registration.as_ref());
        match window.and_then(|window| window.returning_from) {
            Some(from) => view.takes_part_in(self.number_of(&from)),
            None => view.programs().iter().any(|other| *other != program),
        }
    }

    fn check_joining(
        &self,
        merchant: MerchantId,
        program: NameNumber,
        at: Instant,
    ) -> Result<Novelty, DeskRefusal> {
        let rule = self.rule_on(program, at.business_date());
        let rule = rule.ok_or(DeskRefusal::ProgramUnknown)?;
        refuse(self.paused(program).is_some(), DeskRefusal::ProgramSuspended)?;
        self.is_active(merchant)?;
        let view = self.merchant(merchant).ok_or(DeskRefusal::MerchantUnknown)?;
        let is_paid_from = rule.policy.benefit_for(view.category).is_some();
        refuse(!is_paid_from, DeskRefusal::CategoryNotAllowed)?;
        if view.takes_part_in(program) {
            return Ok(Novelty::Known);
        }
        refuse(self.desk().has_open_case(merchant), DeskRefusal::ClawbackOpen)?;
        let returning = self.is_returning_merchant(merchant, program, at);
        let window = rule.policy.merchant_registration.as_ref();
        let open = window.is_some_and(|window| window.is_open_on(at.business_date(), returning));
        refuse(!open, DeskRefusal::RegistrationClosed)?;
        Ok(Novelty::New)
    }

    fn check_case(&self, record: &DeskRecord, at: Instant) -> Result<Novelty, DeskRefusal> {
        let DeskRecord::CaseOpened {
            case,
            debtor,
            owed,
            letter,
            reason,
        } = record
        else {
            unreachable!("asked about opened cases only")
        };
        refuse(*letter > at.business_date(), DeskRefusal::LetterInFuture)?;
        let Some(known) = self.desk().case(*case) else {
            return Ok(Novelty::New);
        };
        let same = known.cause == Cause::Ordered
            && known.debtor == *debtor
            && known.owed == Some(*owed)
            && known.letter == *letter
            && known.opened.reason == *reason;
        refuse(!same, DeskRefusal::CaseIdConflict)?;
        Ok(Novelty::Known)
    }

    fn check_payment(&self, record: &DeskRecord) -> Result<Novelty, DeskRefusal> {
        let DeskRecord::CasePaid {
            case,
            payment,
            amount,
            reason,
        } = record
        else {
            unreachable!("asked about payments only")
        };
        let case = self.desk().case(*case).ok_or(DeskRefusal::CaseUnknown)?;
        if let Some(known) = case.payments.iter().find(|known| known.id == *payment) {
            let same = known.amount == *amount && known.mark.reason == *reason;
            refuse(!same, DeskRefusal::PaymentIdConflict)?;
            return Ok(Novelty::Known);
        }
        match case.state() {
            CaseState::Counting => return Err(DeskRefusal::CaseCounting),
            CaseState::Paid | CaseState::Closed => return Err(DeskRefusal::CaseClosed),
            CaseState::Open => {}
        }
        refuse(
            case.left().is_some_and(|left| *amount > left),
            DeskRefusal::ExceedsOwed,
        )?;
        Ok(Novelty::New)
    }

    fn check_withdrawal(&self, record: &DeskRecord, at: Instant) -> Result<Novelty, DeskRefusal> {
        let DeskRecord::ConsentWithdrawn {
            merchant,
            case,
            letter,
            reason,
        } = record
        else {
            unreachable!("asked about withdrawals only")
        };
        refuse(*letter > at.business_date(), DeskRefusal::LetterInFuture)?;
        let desk = self.desk();
        if let Some((mark, known)) = desk.merchant(*merchant).and_then(|file| file.withdrawn.as_ref()) {
            let opened = &desk.cases[known];
            let same = known == case && opened.letter == *letter && mark.reason == *reason;
            refuse(!same, DeskRefusal::ConsentWithdrawn)?;
            return Ok(Novelty::Known);
        }
        refuse(desk.case(*case).is_some(), DeskRefusal::CaseIdConflict)?;
        Ok(Novelty::New)
    }

    fn known(&self, merchant: MerchantId) -> Result<(), DeskRefusal> {
        refuse(self.merchant(merchant).is_none(), DeskRefusal::MerchantUnknown)
    }

    fn is_active(&self, merchant: MerchantId) -> Result<(), DeskRefusal> {
        let view = self.merchant(merchant).ok_or(DeskRefusal::MerchantUnknown)?;
        refuse(self.desk().has_withdrawn(merchant), DeskRefusal::ConsentWithdrawn)?;
        refuse(view.status == Status::Suspended, DeskRefusal::MerchantSuspended)
    }

    fn is_not_erased(&self, person: PersonId) -> Result<(), DeskRefusal> {
        let file = self.desk().person(person);
        let erased = person == PersonId::ERASED || file.is_some_and(|file| file.erased.is_some());
        refuse(erased, DeskRefusal::PersonErased)
    }
}

fn refuse(when: bool, why: DeskRefusal) -> Result<(), DeskRefusal> {
    match when {
        true => Err(why),
        false => Ok(()),
    }
}
