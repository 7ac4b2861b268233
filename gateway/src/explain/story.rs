//! What the server tells of a purchase and its wallet, as far as the page needs it.

use anyhow::Context as _;
use satang_api::{
    Act, AuthorizationFound, Caps, Explanation, FundingPart, HoldState, Hours, Remaining, ReversalShown,
    UuidAnswered, Wallet, WalletProgram,
};
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::outcome::{Reason, ReversalCause};
use satang_core::programme::CapPeriod;

/// A purchase, its words read as this program knows them.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) txn_id: UuidAnswered,
    pub(super) reason: Reason,
    pub(super) state_amount: u64,
    pub(super) citizen_amount: u64,
    pub(super) limited_by: Option<CapPeriod>,
    pub(super) decided_at: Instant,
    pub(super) expires_at: Option<Instant>,
    pub(super) hold: Option<HoldState>,
    pub(super) funding: Vec<FundingPart>,
    pub(super) left: u64,
    pub(super) reversals: Vec<Reversal>,
    pub(super) has_earlier_reversals: bool,
    pub(super) explanation: Explanation,
    /// When the purchase's channel may be used.
    pub(super) spending: Vec<Spending>,
}

/// One approved reversal, or the capture or void of a hold.
#[derive(Debug)]
pub(super) struct Reversal {
    pub(super) act: Act,
    /// None of a capture or void.
    pub(super) cause: Option<ReversalCause>,
    pub(super) state_amount: u64,
    pub(super) citizen_amount: u64,
    pub(super) left: u64,
    pub(super) decided_at: Instant,
}

/// When the purchase's channel may be used.
#[derive(Debug)]
pub(super) struct Spending {
    pub(super) from: BusinessDate,
    pub(super) to: BusinessDate,
    pub(super) hours: Hours,
}

impl Story {
    /// Reads the answer of `GET /v1/authorizations/{txn_id}`.
    ///
    /// # Errors
    /// A word, a date or an instant that this program does not know.
    pub(super) fn read(found: AuthorizationFound) -> anyhow::Result<Story> {
        let AuthorizationFound { answer, found } = found;
        Ok(Story {
            txn_id: answer.txn_id,
            reason: word(&answer.reason, "reason", |text| {
                Reason::ALL.into_iter().find(|reason| reason.name() == text)
            })?,
            state_amount: answer.state_amount,
            citizen_amount: answer.citizen_amount,
            limited_by: some_word(answer.limited_by.as_deref(), "period", CapPeriod::parse)?,
            decided_at: instant(&answer.decided_at)?,
            expires_at: answer.expires_at.as_deref().map(instant).transpose()?,
            hold: found.hold,
            funding: answer.funding.map_or(Vec::new(), |funding| funding.0),
            left: found.left,
            reversals: all(&found.reversals, Reversal::read)?,
            has_earlier_reversals: found.has_earlier_reversals,
            spending: all(&found.explanation.spending, Spending::read)?,
            explanation: found.explanation,
        })
    }
}

impl Reversal {
    fn read(shown: &ReversalShown) -> anyhow::Result<Reversal> {
        Ok(Reversal {
            act: shown.act,
            cause: some_word(shown.cause.as_deref(), "cause", ReversalCause::parse)?,
            state_amount: shown.state_amount,
            citizen_amount: shown.citizen_amount,
            left: shown.left,
            decided_at: instant(&shown.decided_at)?,
        })
    }
}

impl Spending {
    fn read(shown: &satang_api::Spending) -> anyhow::Result<Spending> {
        Ok(Spending {
            from: date(&shown.from)?,
            to: date(&shown.to)?,
            hours: shown.hours.clone(),
        })
    }
}

/// The cap of a period.
pub(super) fn cap(caps: &Caps, period: CapPeriod) -> Option<u64> {
    match period {
        CapPeriod::Day => caps.day,
        CapPeriod::Month => caps.month,
        CapPeriod::Quarter => caps.quarter,
        CapPeriod::Program => caps.program,
    }
}

/// Every room there is, shortest period first.
pub(super) fn headroom(remaining: &Remaining) -> impl Iterator<Item = (CapPeriod, u64)> {
    let rooms = [
        (CapPeriod::Day, remaining.day),
        (CapPeriod::Month, remaining.month),
        (CapPeriod::Quarter, remaining.quarter),
        (CapPeriod::Program, remaining.program),
    ];
    rooms
        .into_iter()
        .filter_map(|(period, room)| Some((period, room?)))
}

/// What is left at this moment of the benefit the purchase was for.
pub(super) fn left_now<'w>(wallet: &'w Wallet, explanation: &Explanation) -> Option<&'w Remaining> {
    let wanted = explanation.benefit.as_ref()?;
    let mut benefits = program(wallet, explanation)?.benefits.iter();
    let benefit = benefits.find(|benefit| benefit.benefit == *wanted)?;
    Some(&benefit.remaining)
}

/// From when on the wallet's entitlement may be used.
pub(super) fn usable_from(wallet: &Wallet, explanation: &Explanation) -> Option<BusinessDate> {
    let from = program(wallet, explanation)?.usable_from.as_ref()?;
    BusinessDate::parse(from).ok()
}

fn program<'w>(wallet: &'w Wallet, explanation: &Explanation) -> Option<&'w WalletProgram> {
    let mut programs = wallet.programs.iter();
    programs.find(|program| program.program == explanation.program)
}

impl Story {
    /// The last four digits of the wallet: the full number is read out to nobody.
    pub(super) fn wallet_end(&self) -> &str {
        end(&self.explanation.wallet_id)
    }

    /// The last four digits of the household whose room was asked for.
    pub(super) fn household_end(&self) -> Option<&str> {
        self.explanation.household_id.as_deref().map(end)
    }

    /// Whether the purchase was first held, to be captured later.
    pub(super) fn is_hold(&self) -> bool {
        self.expires_at.is_some()
    }

    /// The first characters of the rule version: enough to tell two versions apart.
    pub(super) fn short_version(&self) -> Option<&str> {
        self.explanation.rule_version.as_deref()?.get(..12)
    }
}

fn end(id: &str) -> &str {
    id.get(id.len().saturating_sub(4)..).unwrap_or_default()
}

/// The most reversals that are read out one by one, the last ones.
pub(super) const REVERSALS_TOLD_MAX: usize = 5;

fn all<S, T>(shown: &[S], read: impl Fn(&S) -> anyhow::Result<T>) -> anyhow::Result<Vec<T>> {
    shown.iter().map(read).collect()
}

fn word<T>(text: &str, what: &str, parse: impl FnOnce(&str) -> Option<T>) -> anyhow::Result<T> {
    parse(text).with_context(|| format!("{text:?} is no {what} this program knows"))
}

fn some_word<T>(
    text: Option<&str>,
    what: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> anyhow::Result<Option<T>> {
    text.map(|text| word(text, what, parse)).transpose()
}

fn instant(text: &str) -> anyhow::Result<Instant> {
    Instant::parse(text).with_context(|| format!("{text:?} is no instant"))
}

fn date(text: &str) -> anyhow::Result<BusinessDate> {
    BusinessDate::parse(text).with_context(|| format!("{text:?} is no date"))
}
