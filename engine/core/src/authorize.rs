//! The decision on a purchase: the checks of the contract in their order, the split, the caps.
//!
//! [`decide`] is pure and [`WalletShard::apply_authorization`] cannot fail (house rule 8).

use crate::account::WalletShard;
use crate::calendar::Instant;
use crate::directory::{BenefitRule, Directory, Rule};
use crate::ids::TxnId;
use crate::merchants::MerchantView;
use crate::money::Satang;
use crate::outcome::Reason;
use crate::policy::CapPeriod;
use crate::record::{AuthorizationFacts, AuthorizationRecord, BenefitNumber, NameNumber, RecordBuf, Status};
use crate::request::Purchase;

/// What was decided on a purchase, and the facts it was decided by.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    /// The outcome.
    pub reason: Reason,
    /// The state's part; zero on a decline.
    pub state: Satang,
    /// The cap that cut the share of an approved purchase.
    pub limited_by: Option<CapPeriod>,
    /// Room under each cap before; 0 where there is none or it was not looked at.
    pub room_before: [u32; 4],
    /// Bit n: the benefit has a cap of period n.
    pub caps: u8,
    /// The state's share of a bill in percent; 0 when no benefit was found.
    pub state_percent: u8,
    /// The rule version's number; 0 when no programme was found.
    pub rule: u32,
    /// The programme's number.
    pub program: NameNumber,
    /// The channel's number.
    pub channel: NameNumber,
    /// The benefit.
    pub benefit: BenefitNumber,
}

impl Verdict {
    /// The record of the decision as an authorization.
    pub fn record(&self, txn_id: TxnId, purchase: &Purchase, at: Instant) -> AuthorizationRecord {
        AuthorizationRecord::new(
            at,
            &AuthorizationFacts {
                txn_id,
                wallet: purchase.wallet,
                merchant: purchase.merchant,
                amount: purchase.amount,
                eligible: purchase.eligible,
                state: self.state,
                room_before: self.room_before,
                caps: self.caps,
                rule: self.rule,
                program: self.program,
                channel: self.channel,
                benefit: self.benefit,
                reason: self.reason,
                limited_by: self.limited_by,
            },
        )
    }

    /// The journal form of [`Verdict::record`]: names without a number travel in the tail.
    pub fn encode(&self, record: &AuthorizationRecord, purchase: &Purchase) -> RecordBuf {
        let program = (self.program == NameNumber::UNKNOWN).then_some(&purchase.program);
        let channel = (self.channel == NameNumber::UNKNOWN).then_some(&purchase.channel);
        RecordBuf::of_authorization(record, program, channel)
    }

    /// The smallest room among the caps the benefit has.
    pub fn smallest_room(&self) -> Option<u32> {
        self.capped().map(|(_, room)| room).min()
    }

    /// The largest bill, all of it eligible, whose share would fit the smallest room: `floor(A × percent / 100) ≤ room`.
    /// 0 when the purchase was declined for another reason than being too small.
    pub fn fully_subsidised_up_to(&self) -> Satang {
        if !matches!(self.reason, Reason::Approved | Reason::AmountTooSmall) {
            return Satang::ZERO;
        }
        let room = u64::from(self.smallest_room().expect("a benefit has a cap"));
        let percent = u64::from(self.state_percent);
        // floor(A p / 100) <= room  <=>  A p < 100 (room + 1)
        Satang::new(((room + 1) * 100 - 1) / percent).min(Satang::BILL_MAX)
    }

    fn capped(&self) -> impl Iterator<Item = (CapPeriod, u32)> + use<> {
        let (caps, rooms) = (self.caps, self.room_before);
        let capped = move |period: &CapPeriod| caps & 1 << *period as u8 != 0;
        CapPeriod::ALL
            .into_iter()
            .filter(capped)
            .map(move |period| (period, rooms[period as usize]))
    }

    fn decline(mut self, reason: Reason) -> Verdict {
        self.reason = reason;
        self
    }
}

/// The decision on an authorization whose full reversal came first: it comes before every other check.
pub fn decide_reversed_before_arrival(directory: &Directory, purchase: &Purchase) -> Verdict {
    undecided(directory, purchase).decline(Reason::ReversedBeforeArrival)
}

fn undecided(directory: &Directory, purchase: &Purchase) -> Verdict {
    Verdict {
        reason: Reason::Approved,
        state: Satang::ZERO,
        limited_by: None,
        room_before: [0; 4],
        caps: 0,
        state_percent: 0,
        rule: 0,
        program: directory.number_of(&purchase.program),
        channel: directory.number_of(&purchase.channel),
        benefit: BenefitNumber::NONE,
    }
}

/// Decides a purchase at `at`, by the rules, merchants and accounts as they stand.
///
/// The checks and their order are the contract's ("Authorize"). Checks that later rules add are named where they belong:
/// a household's benefit is declined [`Reason::NotRegistered`] as long as nobody can be enrolled in a household.
pub fn decide(directory: &Directory, wallets: &WalletShard, purchase: &Purchase, at: Instant) -> Verdict {
    let verdict = undecided(directory, purchase);
    let Some(rule) = directory.rule_on(verdict.program, at.business_date()) else {
        return verdict.decline(Reason::ProgramUnknown);
    };
    let verdict = Verdict {
        rule: rule.number,
        ..verdict
    };
    if directory.paused(verdict.program).is_some() {
        return verdict.decline(Reason::ProgramSuspended);
    }
    let benefit = match check_merchant(directory, rule, purchase) {
        Ok((benefit, merchant)) => match check_channel(benefit, merchant, verdict.channel, at) {
            None => benefit,
            Some(reason) => return verdict.decline(reason),
        },
        Err(reason) => return verdict.decline(reason),
    };
    let verdict = Verdict {
        benefit: benefit.number,
        ..verdict
    };
    let Some(standing) = wallets.standing(purchase.wallet, rule.entitlement) else {
        return verdict.decline(Reason::WalletUnknown);
    };
    let Some(entitlement) = standing.entitlement.filter(|_| !benefit.household) else {
        return verdict.decline(Reason::NotRegistered);
    };
    let verdict = Verdict {
        room_before: wallets.rooms(purchase.wallet, benefit, at.business_date()),
        caps: benefit.caps_mask(),
        state_percent: benefit.state_percent,
        ..verdict
    };
    if standing.status == Status::Suspended {
        return verdict.decline(Reason::WalletSuspended);
    }
    let usable_from = entitlement.usable_from.max(rule.policy.usable_from);
    if usable_from.is_some_and(|from| at.business_date() < from) {
        return verdict.decline(Reason::NotYetUsable);
    }
    split(verdict, benefit, purchase)
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
) -> Option<Reason> {
    let Some(channel) = benefit.channel(number) else {
        return Some(Reason::ChannelNotAllowed);
    };
    if !merchant.sells_through(number) || !channel.categories.contains(merchant.category) {
        return Some(Reason::ChannelNotAllowed);
    }
    if !(channel.from..=channel.to).contains(&at.business_date()) {
        return Some(Reason::NotInSpendingPeriod);
    }
    if !channel.hours.contains(at.time_of_day_ms()) {
        return Some(Reason::OutsideHours);
    }
    None
}

/// The split of a purchase that passed every check: `min(floor(eligible × percent / 100), room in each cap)`.
fn split(verdict: Verdict, benefit: &BenefitRule, purchase: &Purchase) -> Verdict {
    let share = purchase.eligible.percent_floor(benefit.state_percent);
    let smallest = verdict.smallest_room().expect("a benefit has a cap");
    if smallest == 0 && !benefit.citizen_pays {
        let longest = verdict.capped().filter(|(_, room)| *room == 0).last();
        let (period, _) = longest.expect("the smallest room is one of them");
        return verdict.decline(Reason::exhausted(period));
    }
    if smallest > 0 && share == Satang::ZERO {
        return verdict.decline(Reason::AmountTooSmall);
    }
    let room = Satang::new(u64::from(smallest));
    // On a tie the shorter period is named: `find` meets it first.
    let tightest = verdict
        .capped()
        .find(|(_, room)| *room == smallest)
        .map(|(period, _)| period);
    Verdict {
        state: share.min(room),
        limited_by: tightest.filter(|_| share > room),
        ..verdict
    }
}
