//! What every decision reads and only an operator changes: names, rule versions, merchants, programme statuses.
//!
//! It is a function of the administrative records alone (I2): [`crate::state::apply`] is the only way in.

use crate::calendar::{BusinessDate, Instant};
use crate::ids::{CaseId, MerchantId, Name, PersonId};
use crate::programme::{PolicyError, Program};
use crate::record::{
    BenefitNumber, KeyAcquirer, ListImported, Merchant, NameNumber, NameRecord, ProgramStatus, RuleVersion,
    RulesInForce, Status,
};
use crate::state::account::Entitlement;
use crate::state::acquirers::Acquirers;
use crate::state::casework::{Block, Casework};
use crate::state::hash::{HashSeed, hash_pair};
use crate::state::merchants::{MerchantView, Merchants};
use crate::state::strikes::Strikes;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};

mod compile;
mod snapshot;

pub use crate::record::AuditStamp;
pub use crate::state::rules::{BenefitRule, ChannelRule, RegistrationRule, Rule};

/// Names, rules, merchants and statuses as of one place in the journal.
pub struct Directory {
    names: Vec<Name>,
    name_numbers: HashMap<Name, NameNumber, HashSeed>,
    rules: Vec<Rule>,
    benefits: BTreeMap<(NameNumber, Name), BenefitNumber>,
    /// Every programme that ever was.
    programs: Vec<KnownProgram>,
    /// The programmes that a version in force names as exclusive, and those that it is of.
    exclusive: Vec<NameNumber>,
    in_force: Vec<InForce>,
    paused: BTreeMap<NameNumber, String>,
    /// Lists that were imported while nobody was on them.
    empty_lists: BTreeSet<NameNumber>,
    acquirers: Acquirers,
    pub(crate) merchants: Merchants,
    pub(crate) casework: Casework,
}

/// What stays of a programme, whether or not it is in force.
struct KnownProgram {
    program: NameNumber,
    /// The benefit whose slot keeps its entitlements.
    entitlement_key: BenefitNumber,
    /// The deadlines for first use that have struck or will, unless the rules change before.
    strikes: Strikes,
}

/// A programme and its rule versions, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
struct InForce {
    program: NameNumber,
    versions: Vec<u32>,
    /// Whether one of them has a household's benefit or funding sources.
    has_extra: bool,
}

/// Why an administrative record of the journal cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// A number is not the next one.
    #[error("{what} number {got} follows {have} others")]
    NotDense {
        /// Name, rule or benefit.
        what: &'static str,
        /// The number in the record.
        got: u32,
        /// How many there are.
        have: usize,
    },
    /// A programme's text no longer loads.
    #[error("a journaled programme file does not load: {0}")]
    Policy(#[from] PolicyError),
    /// A record names something that no earlier record introduced.
    #[error("{what} number {number} was never introduced")]
    Dangling {
        what: &'static str,
        /// The number in the record.
        number: u32,
    },
    /// A record is about a case that no earlier record opened.
    #[error("no record opened the case {0}")]
    NoCase(CaseId),
}

impl Directory {
    /// An empty directory.
    pub fn new(seed: HashSeed) -> Directory {
        Directory {
            names: Vec::new(),
            name_numbers: HashMap::with_hasher(seed),
            rules: Vec::new(),
            benefits: BTreeMap::new(),
            programs: Vec::new(),
            exclusive: Vec::new(),
            in_force: Vec::new(),
            paused: BTreeMap::new(),
            empty_lists: BTreeSet::new(),
            acquirers: Acquirers::default(),
            merchants: Merchants::new(seed),
            casework: Casework::default(),
        }
    }

    /// The number of a name, or [`NameNumber::UNKNOWN`].
    pub fn number_of(&self, name: &Name) -> NameNumber {
        self.name_numbers
            .get(name)
            .copied()
            .unwrap_or(NameNumber::UNKNOWN)
    }

    /// The name with this number, or `None` for an unknown one.
    pub fn name(&self, number: NameNumber) -> Option<&Name> {
        self.names.get(usize::from(number.0).wrapping_sub(1))
    }

    /// How many names have a number.
    pub fn names_len(&self) -> usize {
        self.names.len()
    }

    /// The rule version with this number.
    pub fn rule(&self, number: u32) -> Option<&Rule> {
        self.rules.get((number as usize).wrapping_sub(1))
    }

    /// Every rule version there ever was, in the order of their numbers.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The number of a programme's benefit, when a rule version introduced it.
    pub fn benefit_number(&self, program: NameNumber, benefit: &Name) -> Option<BenefitNumber> {
        self.benefits.get(&(program, *benefit)).copied()
    }

    /// How many benefits have a number.
    pub fn benefits_len(&self) -> usize {
        self.benefits.len()
    }

    /// The rule version of the programme that counts on `date`: the newest that is effective by then.
    pub fn rule_on(&self, program: NameNumber, date: BusinessDate) -> Option<&Rule> {
        let versions = &self.entry(program)?.versions;
        let rules = versions.iter().rev().filter_map(|number| self.rule(*number));
        rules
            .into_iter()
            .find(|rule| rule.policy.effective_from.is_none_or(|from| from <= date))
    }

    /// The same, or else the first version that will count.
    pub fn rule_on_or_first(&self, program: NameNumber, date: BusinessDate) -> Option<&Rule> {
        let first = || self.rule(*self.entry(program)?.versions.first()?);
        self.rule_on(program, date).or_else(first)
    }

    /// The benefit whose slot keeps the entitlements of a programme, in force or not.
    pub fn entitlement_key_of(&self, program: NameNumber) -> Option<BenefitNumber> {
        self.known_program(program).map(|known| known.entitlement_key)
    }

    /// The last deadline for first use that has struck in a programme by `at`: whoever was registered before it and has used
    /// nothing by then has lapsed, for good.
    #[inline]
    pub fn struck(&self, program: NameNumber, at: Instant) -> Option<Instant> {
        self.known_program(program)?.strikes.last(at)
    }

    /// The deadline for first use that counts for a right under a rule version: the one it lapsed at unless it was used, else the
    /// version's, when it was registered before that.
    pub fn first_use_by(&self, rule: &Rule, right: &Entitlement, at: Instant) -> Option<Instant> {
        let struck = self.known_program(rule.program)?.strikes.by(at);
        let mut deadlines = struck.chain(rule.first_use_by());
        deadlines.find(|deadline| right.is_before(*deadline))
    }

    /// Of every programme that ever was, the benefit whose slot keeps its entitlements.
    pub fn entitlement_keys(&self) -> impl Iterator<Item = BenefitNumber> {
        self.programs.iter().map(|known| known.entitlement_key)
    }

    /// Every programme that ever was, with the benefit whose slot keeps its entitlements.
    pub fn programs(&self) -> impl Iterator<Item = (NameNumber, BenefitNumber)> {
        self.programs
            .iter()
            .map(|known| (known.program, known.entitlement_key))
    }

    /// Whether records of the programme may be longer: a version in force has a household's benefit or funding sources.
    pub fn may_have_extension(&self, program: NameNumber) -> bool {
        self.entry(program).is_some_and(|entry| entry.has_extra)
    }

    /// Whether any version in force sets the programme and another one against each other.
    pub fn may_be_exclusive(&self, program: NameNumber) -> bool {
        self.exclusive.contains(&program)
    }

    /// The programmes that nobody draws on together with the rule's on the date: it names them, or they name it.
    pub fn exclusive_on<'d>(
        &'d self,
        rule: &'d Rule,
        date: BusinessDate,
    ) -> impl Iterator<Item = NameNumber> + use<'d> {
        let names_it = move |program: &NameNumber| {
            let other = self.rule_on(*program, date);
            other.is_some_and(|other| other.exclusive_with.contains(&rule.program))
        };
        let naming = self.in_force.iter().map(|entry| entry.program).filter(names_it);
        rule.exclusive_with.iter().copied().chain(naming)
    }

    /// Every benefit that the programme ever had.
    pub fn benefits_of(&self, program: NameNumber) -> Vec<BenefitNumber> {
        let of_program = self.benefits.iter().filter(|((of, _), _)| *of == program);
        of_program.map(|(_, number)| *number).collect()
    }

    /// The programmes in force with their versions, oldest first.
    pub fn in_force(&self) -> impl Iterator<Item = (NameNumber, &[u32])> {
        self.in_force
            .iter()
            .map(|entry| (entry.program, entry.versions.as_slice()))
    }

    /// Why the programme is paused, or `None` when it is not.
    pub fn paused(&self, program: NameNumber) -> Option<&str> {
        self.paused.get(&program).map(String::as_str)
    }

    /// Whether the list was imported while nobody was on it. Of a list with somebody on it the persons' shards know that it was.
    pub fn is_imported_empty(&self, list: NameNumber) -> bool {
        self.empty_lists.contains(&list)
    }

    /// The lists that were imported while nobody was on them.
    pub fn imported_empty(&self) -> impl Iterator<Item = NameNumber> {
        self.empty_lists.iter().copied()
    }

    /// The merchant, when it was ever registered.
    pub fn merchant(&self, id: MerchantId) -> Option<MerchantView<'_>> {
        self.merchants.get(id)
    }

    /// Whether the register has the merchant just so: a line that says it again changes nothing.
    pub fn has_merchant(&self, merchant: &Merchant) -> bool {
        self.merchants.has(merchant)
    }

    /// Whether any merchant ever sold through the channel, or took part in a programme of that name.
    pub fn is_named_by_merchants(&self, name: &Name) -> bool {
        self.merchants.ever_named(self.number_of(name))
    }

    /// Asks the processor to fetch what a decision on the merchant will read.
    pub fn prefetch(&self, id: MerchantId) {
        self.merchants.prefetch(id);
    }

    /// A digest of everything in the directory that does not depend on hash order.
    pub fn digest(&self) -> u64 {
        let text = |text: &str| {
            text.bytes()
                .fold(0, |hash, byte| hash_pair(hash, u64::from(byte)))
        };
        let names = self.names.iter().map(|name| text(name.as_str()));
        let rules = self.rules.iter().map(|rule| text(&rule.policy.text));
        let in_force = self.in_force.iter().map(|entry| {
            let program = u64::from(entry.program.0);
            entry
                .versions
                .iter()
                .fold(program, |hash, version| hash_pair(hash, u64::from(*version)))
        });
        let paused = self
            .paused
            .iter()
            .map(|(program, why)| hash_pair(u64::from(program.0), text(why)));
        let empty_lists = self.empty_lists.iter().map(|list| u64::from(list.0));
        let ordered = names
            .chain(rules)
            .chain(in_force)
            .chain(paused)
            .chain(empty_lists)
            .chain((!self.acquirers.is_empty()).then(|| self.acquirers.digest()))
            .chain(self.programs.iter().map(|known| known.strikes.digest()))
            .fold(0, hash_pair);
        let casework = hash_pair(ordered, self.casework.digest());
        hash_pair(casework, self.merchants.digest())
    }

    /// Whose keys are whose.
    pub fn acquirers(&self) -> &Acquirers {
        &self.acquirers
    }

    /// What casework decided.
    pub fn casework(&self) -> &Casework {
        &self.casework
    }

    /// What keeps the citizen from getting a right, and the number of the list that an answer names for it.
    pub fn block_of(&self, person: PersonId) -> Option<(Block, NameNumber)> {
        let block = self.casework.block_of(person)?;
        Some((block, self.number_of(&block.list())))
    }

    /// How many insertions had a long probe.
    pub fn long_probes(&self) -> u64 {
        self.merchants.long_probes()
    }

    /// How many merchants there are.
    pub fn merchants_len(&self) -> usize {
        self.merchants.len()
    }

    fn known_program(&self, program: NameNumber) -> Option<&KnownProgram> {
        self.programs.iter().find(|known| known.program == program)
    }

    fn entry(&self, program: NameNumber) -> Option<&InForce> {
        self.in_force.iter().find(|entry| entry.program == program)
    }

    pub(crate) fn apply_name(&mut self, record: &NameRecord) -> Result<(), DirectoryError> {
        let NameRecord { number, name } = *record;
        let have = self.names.len();
        if usize::from(number.0) != have + 1 {
            return Err(DirectoryError::NotDense {
                what: "name",
                got: number.0.into(),
                have,
            });
        }
        self.names.push(name);
        self.name_numbers.insert(name, number);
        Ok(())
    }

    pub(crate) fn apply_rule(&mut self, version: &RuleVersion) -> Result<(), DirectoryError> {
        let RuleVersion {
            number,
            program,
            benefits,
            file,
            text,
        } = version;
        let (number, program) = (*number, *program);
        let have = self.rules.len();
        if number as usize != have + 1 {
            return Err(DirectoryError::NotDense {
                what: "rule",
                got: number,
                have,
            });
        }
        let policy = Program::load(file, text)?;
        if policy.benefits.len() != benefits.len() {
            let got = benefits.len() as u32;
            return Err(DirectoryError::NotDense {
                what: "benefit",
                got,
                have: policy.benefits.len(),
            });
        }
        for (benefit, benefit_number) in policy.benefits.iter().zip(benefits) {
            self.benefits.insert((program, benefit.id), *benefit_number);
        }
        let rule = self.compile(number, program, benefits, file, policy)?;
        if self.known_program(program).is_none() {
            self.programs.push(KnownProgram {
                program,
                entitlement_key: rule.entitlement_key,
                strikes: Strikes::default(),
            });
        }
        let every_benefit = rule.every_benefit.clone();
        self.rules.push(rule);
        // An older version may be put back in force: a use of a newer benefit is a use all the same.
        for rule in self.rules.iter_mut().filter(|rule| rule.program == program) {
            rule.every_benefit.clone_from(&every_benefit);
        }
        Ok(())
    }

    pub(crate) fn apply_in_force(&mut self, rules: &RulesInForce, at: Instant) -> Result<(), DirectoryError> {
        let RulesInForce { programs } = rules;
        for number in programs.iter().flat_map(|(_, versions)| versions) {
            self.rule(*number).ok_or(DirectoryError::Dangling {
                what: "rule",
                number: *number,
            })?;
        }
        let has_extra = |number: &u32| self.rule(*number).is_some_and(|rule| rule.has_extra);
        let entry = |(program, versions): &(NameNumber, Vec<u32>)| InForce {
            program: *program,
            versions: versions.clone(),
            has_extra: versions.iter().any(has_extra),
        };
        self.in_force = programs.iter().map(entry).collect();
        for known in &mut self.programs {
            let entry = self.in_force.iter().find(|entry| entry.program == known.program);
            let versions = entry.map_or(&[][..], |entry| &entry.versions);
            let rules = versions
                .iter()
                .map(|number| &self.rules[*number as usize - 1].policy);
            known.strikes.put_in_force(rules, at);
        }
        let rules = self.in_force.iter().flat_map(|entry| &entry.versions);
        let rules = rules.filter_map(|number| self.rule(*number));
        let exclusive = rules.filter(|rule| !rule.exclusive_with.is_empty());
        self.exclusive = exclusive
            .flat_map(|rule| rule.exclusive_with.iter().chain([&rule.program]))
            .copied()
            .collect();
        Ok(())
    }

    pub(crate) fn apply_program_status(&mut self, program: &ProgramStatus) {
        match program.status {
            Status::Active => self.paused.remove(&program.program),
            Status::Suspended => self.paused.insert(program.program, program.reason.clone()),
        };
    }

    pub(crate) fn apply_list_imported(&mut self, imported: &ListImported) -> Result<(), DirectoryError> {
        self.introduced("list", imported.list)?;
        self.empty_lists.insert(imported.list);
        Ok(())
    }

    pub(crate) fn apply_key_acquirer(
        &mut self,
        record: &KeyAcquirer,
        sequence: u64,
    ) -> Result<(), DirectoryError> {
        self.introduced("key", record.key)?;
        if record.acquirer != NameNumber::UNKNOWN {
            self.introduced("acquirer", record.acquirer)?;
        }
        self.acquirers.apply(record, sequence);
        Ok(())
    }

    /// The error of a record that names what no earlier record introduced.
    pub(crate) fn introduced(&self, what: &'static str, number: NameNumber) -> Result<(), DirectoryError> {
        let known = self.name(number).map(drop);
        known.ok_or(DirectoryError::Dangling {
            what,
            number: number.0.into(),
        })
    }

    pub(crate) fn apply_merchant(&mut self, merchant: &Merchant) -> Result<(), DirectoryError> {
        for number in merchant.programs.iter().chain(&merchant.channels) {
            self.introduced("name", *number)?;
        }
        self.merchants.put(merchant);
        Ok(())
    }
}
