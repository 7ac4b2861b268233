//! The decision on a purchase: the checks of the contract in their order, the split, the caps.
//!
//! [`decide`] is pure and [`WalletShard::apply_authorization`] cannot fail (house rule 8).

use crate::calendar::Instant;
use crate::ids::{HouseholdId, PersonId, TxnId, WalletId};
use crate::money::Satang;
use crate::outcome::Reason;
use crate::programme::{CapPeriod, SOURCES_MAX};
use crate::record::{
    Authorization, AuthorizationFacts, AuthorizationRecord, BenefitNumber, Extension, Funding, NameNumber,
    RecordBuf, Status,
};
use crate::request::Purchase;
use crate::state::account::{Entitlement, WalletShard};
use crate::state::directory::{BenefitRule, Directory, Rule};
use crate::state::household::HouseholdShard;
use crate::state::merchants::MerchantView;
use crate::state::person::PersonShard;

/// A purchase and the numbers of its names: looked up once, whoever asks by them.
#[derive(Clone, Copy)]
pub struct ResolvedPurchase<'p> {
    pub purchase: &'p Purchase,
    pub program: NameNumber,
    pub channel: NameNumber,
}

impl<'p> ResolvedPurchase<'p> {
    /// The purchase with the numbers that its names have in the directory.
    pub fn new(directory: &Directory, purchase: &'p Purchase) -> ResolvedPurchase<'p> {
        ResolvedPurchase {
            purchase,
            program: directory.number_of(&purchase.program),
            channel: directory.number_of(&purchase.channel),
        }
    }
}

/// What was decided on a purchase, and the facts it was decided by.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    pub reason: Reason,
    /// The state's part; zero on a decline.
    pub state: Satang,
    /// The cap that cut the share of an approved purchase.
    pub limited_by: Option<CapPeriod>,
    /// Room under each cap before; 0 where there is none or it was not looked at.
    pub headroom_before: [u32; 4],
    /// Bit n: the benefit has a cap of period n.
    pub caps: u8,
    /// The state's share of a bill in percent; 0 when no benefit was found.
    pub state_percent: u8,
    /// The rule version's number; 0 when no programme was found.
    pub rule: u32,
    pub program: NameNumber,
    pub channel: NameNumber,
    pub benefit: BenefitNumber,
    /// The household whose room was asked for.
    pub household: Option<HouseholdId>,
    /// The citizen's home wallet, when its room is asked for instead of the paying wallet's.
    pub home: Option<WalletId>,
    /// The tier whose caps counted: 1 + its index in the rule version; 0 for none.
    pub tier: u8,
    /// Who pays the state's part of an approved purchase, when the benefit names sources.
    pub funding: Option<Funding>,
    /// Whether more than the wallet's shard was looked at.
    pub looked_beyond: bool,
}

/// What a decision needs that does not lie in the wallet's shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossShardNeed {
    /// The room of a household.
    Household(HouseholdId),
    /// What a person drew in other programmes.
    Person(PersonId),
    /// The room of a citizen's home wallet.
    Home(WalletId),
}

/// What lies outside the wallet's shard, as far as [`needed`] asks for it.
#[derive(Clone, Copy, Default)]
pub struct CrossShardFacts<'s> {
    /// The shard of the household.
    pub households: Option<&'s HouseholdShard>,
    /// The shard of the citizen's home wallet.
    pub home: Option<&'s WalletShard>,
    /// Whether the citizen drew on an exclusive programme today.
    pub drew_elsewhere: Option<bool>,
}

impl Verdict {
    /// The record of the decision as an authorization, or as a hold that ends at `expires`.
    pub fn record(
        &self,
        txn_id: TxnId,
        purchase: &Purchase,
        at: Instant,
        expires: Option<Instant>,
    ) -> Authorization {
        let extension = Extension::NONE.of_household(self.household);
        let extension = extension.of_home(self.home.filter(|_| self.reason == Reason::Approved));
        Authorization {
            record: self.fixed(txn_id, purchase, at),
            extension: extension.of_sources(self.funding).until(expires),
        }
    }

    fn fixed(&self, txn_id: TxnId, purchase: &Purchase, at: Instant) -> AuthorizationRecord {
        AuthorizationRecord::new(
            at,
            &AuthorizationFacts {
                txn_id,
                wallet: purchase.wallet,
                merchant: purchase.merchant,
                amount: purchase.amount,
                eligible: purchase.eligible,
                state: self.state,
                headroom_before: self.headroom_before,
                caps: self.caps,
                tier: self.tier,
                rule: self.rule,
                program: self.program,
                channel: self.channel,
                benefit: self.benefit,
                reason: self.reason,
                limited_by: self.limited_by,
                looked_beyond: self.looked_beyond,
            },
        )
    }

    /// Puts the journal form of [`Verdict::record`] into `buf`: names without a number travel in the tail.
    pub fn encode(&self, authorization: &Authorization, purchase: &Purchase, buf: &mut RecordBuf) {
        let program = (self.program == NameNumber::UNKNOWN).then_some(&purchase.program);
        let channel = (self.channel == NameNumber::UNKNOWN).then_some(&purchase.channel);
        buf.put_authorization(&authorization.record, &authorization.extension, program, channel);
    }

    /// The smallest room among the caps the benefit has.
    pub fn smallest_headroom(&self) -> Option<u32> {
        self.capped().map(|(_, room)| room).min()
    }

    /// The largest bill, all of it eligible, whose share would fit the smallest room: `floor(A × percent / 100) ≤ room`.
    /// 0 when the purchase was declined for another reason than being too small.
    pub fn fully_subsidised_up_to(&self) -> Satang {
        if !matches!(self.reason, Reason::Approved | Reason::AmountTooSmall) {
            return Satang::ZERO;
        }
        let room = u64::from(self.smallest_headroom().expect("a benefit has a cap"));
        let percent = u64::from(self.state_percent);
        // floor(A p / 100) <= room  <=>  A p < 100 (room + 1)
        Satang::new(((room + 1) * 100 - 1) / percent).min(Satang::BILL_MAX)
    }

    fn capped(&self) -> impl Iterator<Item = (CapPeriod, u32)> + use<> {
        let (caps, rooms) = (self.caps, self.headroom_before);
        let capped = move |period: &CapPeriod| caps & 1 << *period as u8 != 0;
        CapPeriod::ALL
            .into_iter()
            .filter(capped)
            .map(move |period| (period, rooms[period as usize]))
    }
}

/// The decision on an authorization whose full reversal came first: it comes before every other check.
pub fn decide_reversed_before_arrival(numbered: &ResolvedPurchase<'_>) -> Verdict {
    Verdict {
        reason: Reason::ReversedBeforeArrival,
        ..undecided(numbered)
    }
}

fn undecided(numbered: &ResolvedPurchase<'_>) -> Verdict {
    Verdict {
        reason: Reason::Approved,
        state: Satang::ZERO,
        limited_by: None,
        headroom_before: [0; 4],
        caps: 0,
        state_percent: 0,
        rule: 0,
        program: numbered.program,
        channel: numbered.channel,
        benefit: BenefitNumber::NONE,
        household: None,
        home: None,
        tier: 0,
        funding: None,
        looked_beyond: false,
    }
}

/// What a decision on the purchase needs that does not lie in the wallet's shard: asked before it, so that those shards can be
/// locked as well. Nothing for nearly all purchases.
pub fn needed(
    directory: &Directory,
    wallets: &WalletShard,
    numbered: &ResolvedPurchase<'_>,
    at: Instant,
) -> [Option<CrossShardNeed>; 3] {
    let ResolvedPurchase {
        purchase, program, ..
    } = *numbered;
    let is_several = directory.may_be_exclusive(program) && wallets.is_several(purchase.wallet);
    if !is_several && !directory.may_have_extension(program) && !wallets.has_homes() {
        return [None; 3];
    }
    let Some(rule) = directory.rule_on(program, at.business_date()) else {
        return [None; 3];
    };
    let household = || {
        let merchant = directory.merchant(purchase.merchant)?;
        rule.benefit_for(merchant.category)
            .filter(|benefit| benefit.household)?;
        let right = wallets
            .standing(purchase.wallet, rule.entitlement_key)?
            .entitlement?;
        right.household.map(CrossShardNeed::Household)
    };
    let person = is_several.then(|| wallets.person(purchase.wallet)).flatten();
    [
        rule.has_extra.then(household).flatten(),
        person.map(CrossShardNeed::Person),
        wallets
            .home(purchase.wallet, rule.entitlement_key)
            .map(CrossShardNeed::Home),
    ]
}

/// Whether the person drew on a programme today that is exclusive with the purchase's, through whatever wallet: those of
/// [`crate::decide::register::wallets_of`], and the home wallets that they name.
pub fn drew_elsewhere<'s>(
    directory: &Directory,
    program: NameNumber,
    person: PersonId,
    citizens: &PersonShard,
    wallets: impl Fn(WalletId) -> &'s WalletShard,
    at: Instant,
) -> bool {
    let date = at.business_date();
    let Some(rule) = directory.rule_on(program, date) else {
        return false;
    };
    directory.exclusive_on(rule, date).any(|program| {
        let Some(entitlement) = directory.entitlement_key_of(program) else {
            return false;
        };
        let Some(wallet) = citizens.last_wallet(person, entitlement) else {
            return false;
        };
        let home = wallets(wallet).home(wallet, entitlement).unwrap_or(wallet);
        wallets(home).drew(home, &directory.benefits_of(program), at)
    })
}

/// Decides a purchase at `at`, by the rules, merchants and accounts as they stand.
///
/// The checks and their order are the contract's ("Authorize").
///
/// # Panics
/// When `beyond` lacks what [`needed`] asks for.
pub fn decide(
    directory: &Directory,
    wallets: &WalletShard,
    facts: &CrossShardFacts<'_>,
    numbered: &ResolvedPurchase<'_>,
    at: Instant,
) -> Verdict {
    let mut verdict = undecided(numbered);
    verdict.looked_beyond =
        facts.households.is_some() || facts.drew_elsewhere.is_some() || facts.home.is_some();
    if let Err(reason) = check(&mut verdict, directory, wallets, facts, numbered.purchase, at) {
        verdict.reason = reason;
    }
    verdict
}

/// The checks, in their order, and the split; the verdict notes what they find, also when a later one declines.
fn check(
    verdict: &mut Verdict,
    directory: &Directory,
    wallets: &WalletShard,
    facts: &CrossShardFacts<'_>,
    purchase: &Purchase,
    at: Instant,
) -> Result<(), Reason> {
    let rule = directory
        .rule_on(verdict.program, at.business_date())
        .ok_or(Reason::ProgramUnknown)?;
    verdict.rule = rule.number;
    if directory.paused(verdict.program).is_some() {
        return Err(Reason::ProgramSuspended);
    }
    let (benefit, merchant) = check_merchant(directory, rule, purchase)?;
    check_channel(benefit, merchant, verdict.channel, at)?;
    verdict.benefit = benefit.number;
    let standing = wallets
        .standing(purchase.wallet, rule.entitlement_key)
        .ok_or(Reason::WalletUnknown)?;
    let in_household = |right: &Entitlement| !benefit.household || right.household.is_some();
    let right = standing
        .entitlement
        .filter(in_household)
        .ok_or(Reason::NotRegistered)?;
    let holder = Holder::of(benefit, &right, wallets, facts, purchase.wallet);
    verdict.headroom_before = holder.headroom(benefit, right.tier, at);
    verdict.tier = rule.tier_number(right.tier);
    verdict.caps = benefit.caps_mask();
    verdict.state_percent = benefit.state_percent;
    verdict.household = right.household.filter(|_| benefit.household);
    verdict.home = right.home;
    if standing.status == Status::Suspended {
        return Err(Reason::WalletSuspended);
    }
    check_right(directory, rule, wallets, &right, purchase.wallet, at)?;
    if drew_on_another(directory, rule, wallets, facts, purchase.wallet) {
        return Err(Reason::DrawnElsewhereToday);
    }
    split(verdict, benefit, purchase)?;
    verdict.funding = fund(verdict, benefit, &holder, at);
    Ok(())
}

/// The checks of the right itself: `not_yet_usable` and `entitlement_lapsed`.
fn check_right(
    directory: &Directory,
    rule: &Rule,
    wallets: &WalletShard,
    right: &Entitlement,
    wallet: WalletId,
    at: Instant,
) -> Result<(), Reason> {
    let usable_from = right.usable_from(rule);
    if usable_from.is_some_and(|from| at.business_date() < from) {
        return Err(Reason::NotYetUsable);
    }
    let struck = directory.struck(rule.program, at);
    match wallets.has_lapsed(wallet, right, &rule.every_benefit, struck) {
        true => Err(Reason::EntitlementLapsed),
        false => Ok(()),
    }
}

/// Whether the citizen drew on an exclusive programme today.
fn drew_on_another(
    directory: &Directory,
    rule: &Rule,
    wallets: &WalletShard,
    facts: &CrossShardFacts<'_>,
    wallet: WalletId,
) -> bool {
    facts.drew_elsewhere.unwrap_or_else(|| {
        let is_several = directory.may_be_exclusive(rule.program) && wallets.is_several(wallet);
        assert!(!is_several, "what the citizen drew elsewhere is needed");
        false
    })
}

/// Whose room a purchase takes.
enum Holder<'s> {
    Wallet(&'s WalletShard, WalletId),
    Household(&'s HouseholdShard, HouseholdId),
}

impl<'s> Holder<'s> {
    fn of(
        benefit: &BenefitRule,
        right: &Entitlement,
        wallets: &'s WalletShard,
        facts: &CrossShardFacts<'s>,
        wallet: WalletId,
    ) -> Holder<'s> {
        match right.household.filter(|_| benefit.household) {
            None => match right.home {
                None => Holder::Wallet(wallets, wallet),
                Some(home) => Holder::Wallet(facts.home.expect("the home wallet's room is needed"), home),
            },
            Some(household) => {
                let households = facts.households.expect("the household's room is needed");
                Holder::Household(households, household)
            }
        }
    }

    fn headroom(&self, benefit: &BenefitRule, tier: NameNumber, at: Instant) -> [u32; 4] {
        match self {
            Holder::Wallet(shard, wallet) => shard.headroom(*wallet, benefit, tier, at),
            Holder::Household(shard, household) => shard.headroom(*household, benefit, tier, at),
        }
    }

    fn paid(&self, benefit: &BenefitRule, at: Instant) -> [u32; SOURCES_MAX] {
        let (number, period) = (benefit.number, benefit.sources_period);
        match self {
            Holder::Wallet(shard, wallet) => shard.paid(*wallet, number, period, at),
            Holder::Household(shard, household) => shard.paid(*household, number, period, at),
        }
    }
}

/// Who pays the state's part of an approved purchase: the sources in order, each up to what it pays within the period.
fn fund(verdict: &Verdict, benefit: &BenefitRule, holder: &Holder<'_>, at: Instant) -> Option<Funding> {
    if benefit.sources.is_empty() {
        return None;
    }
    let before = holder.paid(benefit, at);
    let mut rest = verdict.state.get_u32();
    let mut paid = [0; SOURCES_MAX];
    for (index, up_to) in benefit.sources.iter().enumerate() {
        let most = up_to.map_or(rest, |up_to| up_to.saturating_sub(before[index]));
        paid[index] = rest.min(most);
        rest -= paid[index];
    }
    Some(Funding {
        paid,
        len: benefit.sources.len() as u8,
        period: benefit.sources_period,
    })
}

/// The checks on the merchant, from `merchant_unknown` to `category_not_allowed`.
fn check_merchant<'d>(
    directory: &'d Directory,
    rule: &'d Rule,
    purchase: &Purchase,
) -> Result<(&'d BenefitRule, MerchantView<'d>), Reason> {
    let merchant = directory
        .merchant(purchase.merchant)
        .ok_or(Reason::MerchantUnknown)?;
    if merchant.status == Status::Suspended {
        return Err(Reason::MerchantSuspended);
    }
    if !merchant.takes_part_in(rule.program) {
        return Err(Reason::MerchantNotInProgram);
    }
    let benefit = rule
        .benefit_for(merchant.category)
        .ok_or(Reason::CategoryNotAllowed)?;
    Ok((benefit, merchant))
}

/// The checks on the channel and its window, from `channel_not_allowed` to `outside_hours`.
fn check_channel(
    benefit: &BenefitRule,
    merchant: MerchantView<'_>,
    number: NameNumber,
    at: Instant,
) -> Result<(), Reason> {
    let channel = benefit.channel(number).ok_or(Reason::ChannelNotAllowed)?;
    if !merchant.sells_through(number) || !channel.categories.contains(merchant.category) {
        return Err(Reason::ChannelNotAllowed);
    }
    if !(channel.from..=channel.to).contains(&at.business_date()) {
        return Err(Reason::NotInSpendingPeriod);
    }
    if !channel.hours.contains(at.time_of_day_ms()) {
        return Err(Reason::OutsideHours);
    }
    Ok(())
}

/// The split of a purchase that passed every check: `min(floor(eligible × percent / 100), room in each cap)`.
fn split(verdict: &mut Verdict, benefit: &BenefitRule, purchase: &Purchase) -> Result<(), Reason> {
    let partition = purchase.eligible.percent_floor(benefit.state_percent);
    let smallest = verdict.smallest_headroom().expect("a benefit has a cap");
    if smallest == 0 && !benefit.citizen_pays {
        let longest = verdict.capped().filter(|(_, room)| *room == 0).last();
        let (period, _) = longest.expect("the smallest room is one of them");
        return Err(Reason::exhausted(period));
    }
    if smallest > 0 && partition == Satang::ZERO {
        return Err(Reason::AmountTooSmall);
    }
    let room = Satang::new(u64::from(smallest));
    // On a tie the shorter period is named: `find` meets it first.
    let tightest = verdict
        .capped()
        .find(|(_, room)| *room == smallest)
        .map(|(period, _)| period);
    verdict.state = partition.min(room);
    verdict.limited_by = tightest.filter(|_| partition > room);
    Ok(())
}
