//! The decision on a registration: the checks of the contract in their order, the tier, the first date of use.
//!
//! What needs no person is checked by [`check_policy`], before anybody's person id is looked up or made; [`decide`] checks
//! everything, in order, under the locks.

use crate::birth::BirthDate;
use crate::calendar::{BusinessDate, Instant};
use crate::ids::{Nationality, PersonId, RegistrationId, WalletId};
use crate::outcome::RegistrationReason as Reason;
use crate::programme::Registration;
use crate::record::{BenefitNumber, Earlier, NameNumber, RegistrationFacts, RegistrationRecord};
use crate::request::RegistrationRequest;
use crate::state::account::WalletShard;
use crate::state::directory::{Directory, Rule};
use crate::state::person::PersonShard;

/// What is known of a citizen who registers, without the citizen's id.
#[derive(Clone, Copy, Debug)]
pub struct Applicant {
    /// In which programme; [`NameNumber::UNKNOWN`] when it has no number.
    pub program: NameNumber,
    pub wallet: WalletId,
    /// Complete years on the registration day.
    pub age: u8,
    pub nationality: Nationality,
}

impl Applicant {
    /// What a request says on a day.
    pub fn of(request: &RegistrationRequest, program: NameNumber, on: BusinessDate) -> Applicant {
        Applicant {
            program,
            wallet: request.wallet,
            age: BirthDate::years_on(request.birth, on),
            nationality: request.nationality,
        }
    }
}

/// What a registration is decided by besides the directory, as of one moment.
pub struct Standing<'s, W: Fn(WalletId) -> &'s WalletShard> {
    pub person: PersonId,
    pub citizens: &'s PersonShard,
    /// The shard of every wallet that [`wallets_of`] names.
    pub wallets: W,
    /// How many rights are live in the programme.
    pub live: u64,
}

/// What was decided on a registration.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    pub reason: Reason,
    /// The rule version's number; 0 when no programme was found.
    pub rule: u32,
    /// The benefit whose slot keeps the entitlement; none when no programme was found.
    pub benefit: BenefitNumber,
    /// The list that excludes.
    pub list: NameNumber,
    /// The tier of an accepted one; unknown for none.
    pub tier: NameNumber,
    /// Whether the citizen is a holder of the earlier programme.
    pub returning: bool,
    /// The first date a returning citizen may spend.
    pub usable_from: Option<BusinessDate>,
    /// What the citizen's earlier right in the programme leaves, if accepted.
    pub earlier: Option<Earlier>,
    /// Which other programmes the citizen has to do with, if accepted.
    pub others: Others,
}

/// What a citizen who gets a right has to do with other programmes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// Whether the citizen holds, or held, rights in other programmes, too.
    pub several: bool,
    /// The citizen's wallet there, when it is another one that does not know yet of several: there is at most one.
    pub linked: Option<WalletId>,
}

impl Verdict {
    /// Rejected for `reason` under `rule`.
    fn rejected(rule: Option<&Rule>, reason: Reason) -> Verdict {
        Verdict {
            reason,
            rule: rule.map_or(0, |rule| rule.number),
            benefit: rule.map_or(BenefitNumber::NONE, |rule| rule.entitlement_key),
            list: NameNumber::UNKNOWN,
            tier: NameNumber::UNKNOWN,
            returning: false,
            usable_from: None,
            earlier: None,
            others: Others::default(),
        }
    }

    /// The record of the decision. `content`: a keyed hash of what was asked; `ticket`: the next one, if it is accepted.
    pub fn record(
        &self,
        registration_id: RegistrationId,
        content: u64,
        applicant: &Applicant,
        person: Option<PersonId>,
        ticket: u64,
        at: Instant,
    ) -> RegistrationRecord {
        let accepted = self.reason == Reason::Accepted;
        RegistrationRecord::new(
            at,
            &RegistrationFacts {
                registration_id,
                content,
                wallet: applicant.wallet,
                person,
                age: applicant.age,
                nationality: applicant.nationality,
                reason: self.reason,
                ticket: if accepted { ticket } else { 0 },
                program: applicant.program,
                rule: self.rule,
                benefit: self.benefit,
                list: self.list,
                tier: self.tier,
                returning: self.returning,
                usable_from: self.usable_from,
                earlier: self.earlier,
                several: self.others.several,
                linked: self.others.linked,
            },
        )
    }
}

/// The checks that need no person, from `program_unknown` to `under_age`: the rules that count when they pass.
///
/// A day that is open to returning citizens alone is where they end: who is one is for [`decide`] to see.
///
/// # Errors
/// The rejection.
pub fn check_policy<'d>(
    directory: &'d Directory,
    applicant: &Applicant,
    at: Instant,
) -> Result<(&'d Rule, &'d Registration), Verdict> {
    let date = at.business_date();
    let Some(rule) = directory.rule_on(applicant.program, date) else {
        return Err(Verdict::rejected(None, Reason::ProgramUnknown));
    };
    let rejected = |reason| Err(Verdict::rejected(Some(rule), reason));
    if directory.paused(applicant.program).is_some() {
        return rejected(Reason::ProgramSuspended);
    }
    let open_to_some = |registration: &&Registration| registration.is_open_on(date, true);
    let Some(registration) = rule.policy.registration.as_ref().filter(open_to_some) else {
        return rejected(Reason::RegistrationClosed);
    };
    if !registration.is_open_on(date, false) {
        return Ok((rule, registration));
    }
    match check_hours_and_applicant(registration, applicant, at) {
        Some(reason) => rejected(reason),
        None => Ok((rule, registration)),
    }
}

/// The checks from `outside_hours` to `under_age`.
fn check_hours_and_applicant(
    registration: &Registration,
    applicant: &Applicant,
    at: Instant,
) -> Option<Reason> {
    if !registration.hours.contains(at.time_of_day_ms()) {
        return Some(Reason::OutsideHours);
    }
    if applicant.nationality != Nationality::THAI {
        return Some(Reason::NotThai);
    }
    let too_young = registration.min_age.is_some_and(|years| applicant.age < years);
    too_young.then_some(Reason::UnderAge)
}

/// The wallets whose shards [`decide`] reads: the one that is asked for, and those through which the person holds, or held,
/// rights.
pub fn wallets_of(
    directory: &Directory,
    wallet: WalletId,
    person: PersonId,
    citizens: &PersonShard,
) -> impl Iterator<Item = WalletId> {
    wallets_held(directory, person, citizens).chain([wallet])
}

/// The wallets through which the person holds, or held, rights; with repeats.
pub fn wallets_held(
    directory: &Directory,
    person: PersonId,
    citizens: &PersonShard,
) -> impl Iterator<Item = WalletId> {
    let entitlements = directory.entitlement_keys();
    entitlements.filter_map(move |entitlement| citizens.last_wallet(person, entitlement))
}

/// Decides a registration at `at`; the order of the checks is the contract's ("Register").
pub fn decide<'s, W: Fn(WalletId) -> &'s WalletShard>(
    directory: &Directory,
    applicant: &Applicant,
    standing: &Standing<'s, W>,
    at: Instant,
) -> Verdict {
    let date = at.business_date();
    let (rule, registration) = match check_policy(directory, applicant, at) {
        Ok(rules) => rules,
        Err(verdict) => return verdict,
    };
    let returning = registration
        .returning
        .as_ref()
        .filter(|_| is_returning(directory, rule, standing, at));
    let rejected = |reason| Verdict::rejected(Some(rule), reason);
    if !registration.is_open_on(date, returning.is_some()) {
        return rejected(Reason::RegistrationClosed);
    }
    if let Some(reason) = check_hours_and_applicant(registration, applicant, at) {
        return rejected(reason);
    }
    let rules = rule.registration.as_ref().expect("compiled with the policy");
    let listed = |list: &&NameNumber| standing.citizens.is_listed(standing.person, **list);
    if let Some(list) = rules.excluded.iter().find(listed) {
        return Verdict {
            list: *list,
            ..rejected(Reason::Excluded)
        };
    }
    if let Some((_, list)) = directory.block_of(standing.person) {
        return Verdict {
            list,
            ..rejected(Reason::Excluded)
        };
    }
    let held = held_entitlement(directory, rule.program, standing, at);
    if held == Held::Live {
        return rejected(Reason::AlreadyRegistered);
    }
    let owner = (standing.wallets)(applicant.wallet).person(applicant.wallet);
    if owner.is_some_and(|owner| owner != standing.person) {
        return rejected(Reason::WalletTaken);
    }
    if rule.quota().is_some_and(|quota| standing.live >= quota) {
        return rejected(Reason::QuotaFull);
    }
    let tier = rules.tiers.iter().find(|(_, list)| listed(&list));
    Verdict {
        tier: tier.map_or(NameNumber::UNKNOWN, |(tier, _)| *tier),
        returning: returning.is_some(),
        usable_from: returning.map(|returning| returning.usable_from),
        earlier: earlier(rule, standing, held, applicant.wallet),
        others: others(directory, rule.entitlement_key, standing, applicant.wallet),
        ..rejected(Reason::Accepted)
    }
}

/// What a citizen who gets a right through `wallet` has to do with other programmes.
pub fn others<'s, W: Fn(WalletId) -> &'s WalletShard>(
    directory: &Directory,
    entitlement: BenefitNumber,
    standing: &Standing<'s, W>,
    wallet: WalletId,
) -> Others {
    let elsewhere = || {
        let entitlements = directory.entitlement_keys().filter(|e| *e != entitlement);
        entitlements.filter_map(|e| standing.citizens.last_wallet(standing.person, e))
    };
    let unknowing = |other: &WalletId| *other != wallet && !(standing.wallets)(*other).is_several(*other);
    Others {
        several: elsewhere().next().is_some(),
        linked: elsewhere().find(unknowing),
    }
}

/// What the citizen's earlier right in the rule's programme, which is `held` or was, leaves to one through `wallet`.
pub fn earlier<'s, W: Fn(WalletId) -> &'s WalletShard>(
    rule: &Rule,
    standing: &Standing<'s, W>,
    held: Held,
    wallet: WalletId,
) -> Option<Earlier> {
    if let Held::Lapsed(lapsed) = held {
        return Some(Earlier::Lapsed(lapsed));
    }
    let last = standing
        .citizens
        .last_wallet(standing.person, rule.entitlement_key)?;
    let shard = (standing.wallets)(last);
    let home = home_wallet(shard, last, rule.entitlement_key, &rule.every_benefit)?;
    (home != wallet).then_some(Earlier::Used { home })
}

/// The home wallet of the citizen who holds, or last held, a right in a programme through `wallet`, whose shard this is: where
/// what the citizen used is kept. `None` when nothing was ever used.
pub fn home_wallet(
    shard: &WalletShard,
    wallet: WalletId,
    entitlement: BenefitNumber,
    benefits: &[BenefitNumber],
) -> Option<WalletId> {
    let own = || shard.has_drawn(wallet, benefits).then_some(wallet);
    shard.home(wallet, entitlement).or_else(own)
}

/// A citizen's right in a programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Never had, or not any more.
    None,
    Live,
    /// One that lapsed, through this wallet.
    Lapsed(WalletId),
}

/// The citizen's right in a programme at `at`, whether or not a version of it is in force.
pub fn held_entitlement<'s, W: Fn(WalletId) -> &'s WalletShard>(
    directory: &Directory,
    program: NameNumber,
    standing: &Standing<'s, W>,
    at: Instant,
) -> Held {
    let Some(entitlement) = directory.entitlement_key_of(program) else {
        return Held::None;
    };
    let Some(wallet) = standing.citizens.wallet(standing.person, entitlement) else {
        return Held::None;
    };
    let shard = (standing.wallets)(wallet);
    let right = shard.standing(wallet, entitlement);
    let right = right.and_then(|standing| standing.entitlement);
    let right = right.expect("a held entitlement lies in its wallet's slot");
    let struck = directory.struck(program, at);
    match struck.is_some() && shard.has_lapsed(wallet, &right, &directory.benefits_of(program), struck) {
        true => Held::Lapsed(wallet),
        false => Held::Live,
    }
}

/// Whether the citizen holds a live right in the earlier programme, or is on the list of its name.
fn is_returning<'s, W: Fn(WalletId) -> &'s WalletShard>(
    directory: &Directory,
    rule: &Rule,
    standing: &Standing<'s, W>,
    at: Instant,
) -> bool {
    let from = rule.registration.as_ref().and_then(|rules| rules.returning_from);
    let Some(from) = from else {
        return false;
    };
    if standing.citizens.is_listed(standing.person, from) {
        return true;
    }
    held_entitlement(directory, from, standing, at) == Held::Live
}

impl Registration {
    /// Whether a citizen may register on the date, who is a holder of the earlier programme or not.
    pub fn is_open_on(&self, date: BusinessDate, returning: bool) -> bool {
        let earlier = self.returning.as_ref().filter(|_| returning);
        let opens = earlier.map_or(self.opens, |earlier| earlier.opens.min(self.opens));
        opens <= date && self.closes.is_none_or(|closes| date <= closes)
    }
}
