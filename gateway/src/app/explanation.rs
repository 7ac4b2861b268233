//! One authorization, looked up: the first answer again, what was given back since, and by which rule it was decided.

use super::access::Caller;
use super::authorizations::sources_of;
use super::casework::{mark, name, payout};
use super::lookup::{caps, text};
use super::{Failure, Ready, sorted};
use crate::server::Response;
use crate::wire::problem::Problem;
use crate::wire::{parse, render};
use data_encoding::HEXLOWER;
use http::StatusCode;
use satang_api as api;
use satang_core::calendar::Instant;
use satang_core::ids::Name;
use satang_core::programme::Tier;
use satang_core::record::{
    AuthorizationRecord, BenefitNumber, Closing, NameNumber, ReturnKind, ReversalRecord,
};
use satang_core::state::directory::{Directory, Rule};
use satang_engine::engine::SubmitError;
use satang_engine::query::find::FoundAuthorization;
use satang_engine::session::FoundOutcome;
use satang_log::storage::Storage;

impl<S: Storage> Ready<S> {
    pub(super) async fn authorization(&self, txn_id: &str, caller: &Caller<'_>) -> Result<Response, Failure> {
        let txn_id = parse::path_txn(txn_id)?;
        let acquirer = caller.acquirer()?;
        let found = match self.session.find_authorization(txn_id, acquirer.as_ref()).await? {
            FoundOutcome::Unknown => {
                return Err(Problem::not_found("no authorization of that id is known").into());
            }
            FoundOutcome::ReversedBeforeArrival => {
                let detail = "the id was reversed before it arrived; no authorization of that id came";
                return Err(Problem::not_found(detail).into());
            }
            FoundOutcome::Authorization(found) => found,
        };
        let sources = sources_of(&self.engine, &found.record);
        // Only a hold needs the time, so that everything else is found under an untrusted clock as well.
        let expires = found.record.extension.expires();
        let now = expires.map(|_| self.engine.now()).transpose();
        let hold = now.map_err(SubmitError::from)?.and_then(|now| hold(&found, now));
        let became = self
            .session
            .seen_of_casework(|directory| what_became(directory, &found, hold));
        let shown = answer(&found, &sources, &became.durable().await?);
        Ok(Response::json(StatusCode::OK, shown))
    }
}

/// What became of an approved hold by now; `None` of every other purchase.
fn hold(found: &FoundAuthorization, now: Instant) -> Option<api::HoldState> {
    let approved = found.record.approved().then_some(&found.record.extension);
    let expires = approved?.expires()?;
    Some(match found.reversals.iter().find_map(ReversalRecord::closes) {
        Some(Closing::Captured) => api::HoldState::Captured,
        Some(Closing::Voided) => api::HoldState::Voided,
        // Nothing but a captured hold is given back more than once.
        None if found.has_earlier_reversals => api::HoldState::Captured,
        None if now >= expires => api::HoldState::Expired,
        None => api::HoldState::Open,
    })
}

/// The first answer, byte for byte, with more fields behind its own.
fn answer(found: &FoundAuthorization, sources: &[Name], became: &api::Found) -> Vec<u8> {
    let mut answer = Vec::with_capacity(2_048);
    render::authorization(&found.record, sources, false, &mut answer);
    let more = sorted(became);
    let end = answer.pop();
    assert_eq!(end, Some(b'}'), "an answer is an object");
    answer.push(b',');
    answer.extend_from_slice(&more.as_bytes()[1..]);
    answer
}

/// What became of a purchase, and why it was decided so.
fn what_became(
    directory: &Directory,
    found: &FoundAuthorization,
    hold: Option<api::HoldState>,
) -> api::Found {
    let record = &found.record;
    let casework = directory.casework();
    // Whether settlement pays, and why not when this authorization was frozen by itself.
    let frozen = casework.frozen(record.txn_id()).filter(|_| record.approved());
    let merchant = casework.merchant(record.merchant());
    let is_frozen = frozen.is_some() || merchant.is_some_and(|file| file.frozen.is_some());
    let is_over = hold == Some(api::HoldState::Expired);
    api::Found {
        hold,
        left: if is_over { 0 } else { found.left.get() },
        by: name(directory, record.record.header.caller()),
        reversals: found.reversals.iter().map(reversal).collect(),
        has_earlier_reversals: found.has_earlier_reversals,
        explanation: explanation(directory, found),
        payout: record.approved().then(|| payout(is_frozen)),
        frozen: frozen.map(|of| mark(directory, of)),
    }
}

fn reversal(record: &ReversalRecord) -> api::ReversalShown {
    let at = record.header.at();
    let is_reversal = record.act() == ReturnKind::Reversal;
    api::ReversalShown {
        act: match record.act() {
            ReturnKind::Reversal => api::Act::Reversal,
            ReturnKind::Capture => api::Act::Capture,
            ReturnKind::Void => api::Act::Void,
        },
        reversal_id: is_reversal
            .then(|| api::UuidAnswered::of(&record.reversal_id()))
            .into(),
        cause: is_reversal.then(|| record.cause().name().into()).into(),
        state_amount: record.state().get(),
        citizen_amount: record.citizen().get(),
        left: record.left().get(),
        business_date: api::Day::of(&at.business_date()),
        decided_at: api::InstantAnswered::of(&at),
        sequence: record.header.sequence,
    }
}

fn explanation(directory: &Directory, found: &FoundAuthorization) -> api::Explanation {
    let record = &found.record;
    let rule = directory.rule(record.rule);
    let policy = rule.map(|rule| &rule.policy);
    let benefit = rule.and_then(|rule| {
        let mut benefits = rule.benefits.iter().zip(&rule.policy.benefits);
        benefits.find(|(compiled, _)| compiled.number == record.benefit())
    });
    let percent = benefit.map(|(compiled, _)| compiled.state_percent);
    let share = percent.map(|percent| record.eligible().percent_floor(percent).get());
    let tier = rule.and_then(|rule| tier_of(rule, record));
    let name = |in_tail: Option<Name>, number: NameNumber| {
        let known = in_tail.or_else(|| directory.name(number).copied());
        // A number without a name stands only in a journal that no engine wrote, and must not end a server.
        known.map_or_else(|| number.0.to_string().into(), |name| api::Name::of(&name))
    };
    let rooms = record.rooms_before().map(|(period, room)| (period, room.get()));
    api::Explanation {
        program: name(found.program, record.program()),
        program_name_th: text(policy.map(|policy| policy.name_th.as_str())).into(),
        program_name_en: text(policy.map(|policy| policy.name_en.as_str())).into(),
        wallet_id: api::FifteenDigits::of(&record.wallet()),
        household_id: record
            .extension
            .household()
            .map(|household| api::FifteenDigits::of(&household))
            .into(),
        merchant_id: api::FifteenDigits::of(&record.merchant()),
        channel: name(found.channel, record.channel()),
        amount: record.amount().get(),
        eligible_amount: record.eligible().get(),
        benefit: benefit.map(|(_, benefit)| api::Name::of(&benefit.id)).into(),
        state_percent: percent.map(u64::from).into(),
        share_before_caps: share.into(),
        caps: benefit.map(|(_, benefit)| caps(&benefit.caps_of(tier))).into(),
        // Of a purchase that was declined before the entitlement was looked at, nobody knows the room.
        room_before: Some(render::remaining(rooms))
            .filter(|rooms| *rooms != render::remaining([]))
            .into(),
        spending: spending(rule, found),
        rule_version: policy.map(|policy| HEXLOWER.encode(&policy.hash).into()).into(),
        rule_source: text(policy.and_then(|policy| policy.source.as_deref())).into(),
    }
}

/// The tier of the rule version whose caps counted.
fn tier_of<'r>(rule: &'r Rule, record: &AuthorizationRecord) -> Option<&'r Tier> {
    rule.policy.registration.as_ref()?.tiers.get(record.tier_index()?)
}

/// When the channel may be used: by the benefit that was found, else by every benefit that has the channel.
fn spending(rule: Option<&Rule>, found: &FoundAuthorization) -> Vec<api::Spending> {
    let (benefit, number) = (found.record.benefit(), found.record.channel());
    let Some(rule) = rule else {
        return Vec::new();
    };
    let benefits = rule.benefits.iter().zip(&rule.policy.benefits);
    benefits
        .filter(|(compiled, _)| benefit == BenefitNumber::NONE || compiled.number == benefit)
        .filter_map(|(compiled, policy)| Some((policy, compiled.channel(number)?)))
        .map(|(policy, channel)| api::Spending {
            benefit: api::Name::of(&policy.id),
            from: api::Day::of(&channel.from),
            to: api::Day::of(&channel.to),
            hours: api::Hours::of(&channel.hours),
        })
        .collect()
}
