//! What the server tells of a purchase and its wallet, as far as the page needs it.

use satang_core::calendar::{BusinessDate, Instant};
use satang_core::outcome::{Reason, ReversalCause};
use satang_core::policy::CapPeriod;
use serde::{Deserialize, Deserializer};

/// The answer of `GET /v1/authorizations/{txn_id}`.
#[derive(Debug, Deserialize)]
pub(super) struct Story {
    pub(super) txn_id: String,
    #[serde(deserialize_with = "reason")]
    pub(super) reason: Reason,
    pub(super) state_amount: u64,
    pub(super) citizen_amount: u64,
    #[serde(deserialize_with = "period")]
    pub(super) limited_by: Option<CapPeriod>,
    #[serde(deserialize_with = "instant")]
    pub(super) decided_at: Instant,
    #[serde(default, deserialize_with = "some_instant")]
    pub(super) expires_at: Option<Instant>,
    /// What became of an approved hold.
    pub(super) hold: Option<HoldState>,
    #[serde(default)]
    pub(super) funding: Vec<Source>,
    pub(super) left: u64,
    pub(super) reversals: Vec<Reversal>,
    pub(super) has_earlier_reversals: bool,
    pub(super) explanation: Explanation,
}

/// What became of a hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum HoldState {
    Open,
    Captured,
    Voided,
    Expired,
}

/// Who pays a part of the state's share.
#[derive(Debug, Deserialize)]
pub(super) struct Source {
    pub(super) source: String,
    pub(super) amount: u64,
}

/// What was done to a purchase.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Act {
    Reversal,
    Capture,
    Void,
}

/// One approved reversal, or the capture or void of a hold.
#[derive(Debug, Deserialize)]
pub(super) struct Reversal {
    pub(super) act: Act,
    /// None of a capture or void.
    #[serde(deserialize_with = "cause")]
    pub(super) cause: Option<ReversalCause>,
    pub(super) state_amount: u64,
    pub(super) citizen_amount: u64,
    pub(super) left: u64,
    #[serde(deserialize_with = "instant")]
    pub(super) decided_at: Instant,
}

/// The request's own facts and the rule it was decided by.
#[derive(Debug, Deserialize)]
pub(super) struct Explanation {
    pub(super) program: String,
    pub(super) program_name_th: Option<String>,
    pub(super) program_name_en: Option<String>,
    pub(super) wallet_id: String,
    /// The household whose room was asked for.
    pub(super) household_id: Option<String>,
    pub(super) merchant_id: String,
    pub(super) channel: String,
    pub(super) amount: u64,
    pub(super) eligible_amount: u64,
    pub(super) benefit: Option<String>,
    pub(super) state_percent: Option<u8>,
    pub(super) share_before_caps: Option<u64>,
    pub(super) caps: Option<Amounts>,
    pub(super) room_before: Option<Amounts>,
    pub(super) spending: Vec<Spending>,
    pub(super) rule_version: Option<String>,
    pub(super) rule_source: Option<String>,
}

/// When the purchase's channel may be used.
#[derive(Debug, Deserialize)]
pub(super) struct Spending {
    #[serde(deserialize_with = "date")]
    pub(super) from: BusinessDate,
    #[serde(deserialize_with = "date")]
    pub(super) to: BusinessDate,
    pub(super) hours: String,
}

/// An amount for some periods.
#[derive(Debug, Deserialize)]
pub(super) struct Amounts {
    day: Option<u64>,
    month: Option<u64>,
    quarter: Option<u64>,
    program: Option<u64>,
}

impl Amounts {
    /// The amount for a period.
    pub(super) fn get(&self, period: CapPeriod) -> Option<u64> {
        match period {
            CapPeriod::Day => self.day,
            CapPeriod::Month => self.month,
            CapPeriod::Quarter => self.quarter,
            CapPeriod::Program => self.program,
        }
    }

    /// Every amount there is, shortest period first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (CapPeriod, u64)> {
        CapPeriod::ALL
            .into_iter()
            .filter_map(|period| Some((period, self.get(period)?)))
    }
}

/// The answer of `GET /v1/wallets/{wallet_id}`.
#[derive(Debug, Deserialize)]
pub(super) struct Wallet {
    programs: Vec<WalletProgram>,
}

#[derive(Debug, Deserialize)]
struct WalletProgram {
    program: String,
    usable_from: Option<String>,
    benefits: Vec<WalletBenefit>,
}

#[derive(Debug, Deserialize)]
struct WalletBenefit {
    benefit: String,
    remaining: Amounts,
}

impl Wallet {
    /// What is left at this moment of the benefit the purchase was for.
    pub(super) fn remaining(&self, explanation: &Explanation) -> Option<&Amounts> {
        let program = self.program(&explanation.program)?;
        let wanted = explanation.benefit.as_deref()?;
        let mut benefits = program.benefits.iter();
        let benefit = benefits.find(|benefit| benefit.benefit == wanted)?;
        Some(&benefit.remaining)
    }

    /// From when on the wallet's entitlement may be used.
    pub(super) fn usable_from(&self, explanation: &Explanation) -> Option<BusinessDate> {
        let from = self.program(&explanation.program)?.usable_from.as_deref()?;
        BusinessDate::parse(from).ok()
    }

    fn program(&self, id: &str) -> Option<&WalletProgram> {
        self.programs.iter().find(|program| program.program == id)
    }
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

fn word<'de, T, D: Deserializer<'de>>(
    from: D,
    what: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no {what}")))
}

fn reason<'de, D: Deserializer<'de>>(from: D) -> Result<Reason, D::Error> {
    word(from, "reason this program knows", |text| {
        Reason::ALL.into_iter().find(|reason| reason.name() == text)
    })
}

fn cause<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ReversalCause>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else {
        return Ok(None);
    };
    let unknown = || serde::de::Error::custom(format!("{text:?} is no cause this program knows"));
    ReversalCause::parse(&text).map(Some).ok_or_else(unknown)
}

fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<Instant, D::Error> {
    word(from, "instant", |text| Instant::parse(text).ok())
}

fn some_instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Instant>, D::Error> {
    instant(from).map(Some)
}

fn date<'de, D: Deserializer<'de>>(from: D) -> Result<BusinessDate, D::Error> {
    word(from, "date", |text| BusinessDate::parse(text).ok())
}

fn period<'de, D: Deserializer<'de>>(from: D) -> Result<Option<CapPeriod>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else {
        return Ok(None);
    };
    let known = CapPeriod::parse(&text);
    let unknown = || serde::de::Error::custom(format!("{text:?} is no period this program knows"));
    known.map(Some).ok_or_else(unknown)
}
