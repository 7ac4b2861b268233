//! One authorization, looked up: the first answer again, what was given back since, and by which rule it was decided.

use super::desk::{MarkShown, payout};
use super::lookup::{caps_json, hex};
use super::{Failure, Ready};
use crate::server::Response;
use crate::wire::problem::Problem;
use crate::wire::{parse, render};
use http::StatusCode;
use satang_core::calendar::Instant;
use satang_core::directory::{BenefitRule, Directory, Rule};
use satang_core::ids::Name;
use satang_core::policy::{Benefit, Tier};
use satang_core::record::{
    Act, Authorization, AuthorizationRecord, BenefitNumber, Closing, NameNumber, ReversalRecord,
};
use satang_engine::engine::SubmitError;
use satang_engine::lookup::{Found, FoundAuthorization};
use satang_log::storage::Storage;
use serde_json::{Map, Value, json};

impl<S: Storage> Ready<S> {
    pub(super) async fn authorization(&self, txn_id: &str) -> Result<Response, Failure> {
        let txn_id = parse::path_txn(txn_id)?;
        loop {
            match self.engine.find_authorization(txn_id)? {
                Found::Unknown => {
                    return Err(Problem::not_found("no authorization of that id is known").into());
                }
                Found::ReversedBeforeArrival => {
                    let detail = "the id was reversed before it arrived; no authorization of that id came";
                    return Err(Problem::not_found(detail).into());
                }
                Found::Wait { sequence } => self.waits.wait(sequence).await?,
                Found::Authorization(found) => {
                    let sources = self.sources_of(&found.record);
                    // Only a hold needs the time, so that everything else is found under an untrusted clock as well.
                    let expires = found.record.extra.expires();
                    let now = expires.map(|_| self.engine.now()).transpose();
                    let hold = now.map_err(SubmitError::from)?.and_then(|now| hold(&found, now));
                    let (body, decided) = {
                        let directory = self.engine.state().directory.read();
                        let body = answer(&directory, &found, &sources, hold);
                        (body, directory.desk().last_sequence())
                    };
                    // Waits for the desk alone, so that everything else is found when the journal has failed.
                    if self.engine.durable().sequence() < decided {
                        self.waits.wait(self.engine.appender().last_sequence()).await?;
                    }
                    return Ok(Response::json(StatusCode::OK, body));
                }
            }
        }
    }
}

/// What became of an approved hold by now; `None` of every other purchase.
fn hold(found: &FoundAuthorization, now: Instant) -> Option<&'static str> {
    let approved = found.record.approved().then_some(&found.record.extra);
    let expires = approved?.expires()?;
    Some(match found.reversals.iter().find_map(ReversalRecord::closes) {
        Some(Closing::Captured) => "captured",
        Some(Closing::Voided) => "voided",
        // Nothing but a captured hold is given back more than once.
        None if found.has_earlier_reversals => "captured",
        None if now >= expires => "expired",
        None => "open",
    })
}

/// The first answer, byte for byte, with more fields behind its own.
fn answer(
    directory: &Directory,
    found: &FoundAuthorization,
    sources: &[Name],
    hold: Option<&'static str>,
) -> Vec<u8> {
    let mut answer = Vec::with_capacity(2_048);
    render::authorization(&found.record, sources, false, &mut answer);
    let reversals: Vec<Value> = found.reversals.iter().map(reversal_json).collect();
    let is_over = hold == Some("expired");
    let mut more = json!({
        "left": if is_over { 0 } else { found.left.get() },
        "reversals": reversals,
        "has_earlier_reversals": found.has_earlier_reversals,
        "explanation": explanation_json(directory, found),
    });
    if let Some(hold) = hold {
        more["hold"] = json!(hold);
    }
    if found.record.approved() {
        put_payout(&mut more, directory, &found.record);
    }
    let more = more.to_string();
    let end = answer.pop();
    assert_eq!(end, Some(b'}'), "an answer is an object");
    answer.push(b',');
    answer.extend_from_slice(&more.as_bytes()[1..]);
    answer
}

/// Whether settlement pays, and why not when this authorization was frozen by itself.
fn put_payout(shown: &mut Value, directory: &Directory, record: &Authorization) {
    let desk = directory.desk();
    let frozen = desk.frozen(record.txn_id());
    let merchant = desk.merchant(record.merchant());
    let is_frozen = frozen.is_some() || merchant.is_some_and(|file| file.frozen.is_some());
    shown["payout"] = json!(payout(is_frozen));
    if let Some(mark) = frozen {
        shown["frozen"] = json!(MarkShown::of(directory, mark));
    }
}

fn reversal_json(record: &ReversalRecord) -> Value {
    let at = record.header.at();
    let is_reversal = record.act() == Act::Reversal;
    json!({
        "act": match record.act() {
            Act::Reversal => "reversal",
            Act::Capture => "capture",
            Act::Void => "void",
        },
        "reversal_id": is_reversal.then(|| record.reversal_id().to_string()),
        "cause": is_reversal.then(|| record.cause().name()),
        "state_amount": record.state().get(),
        "citizen_amount": record.citizen().get(),
        "left": record.left().get(),
        "business_date": at.business_date().to_string(),
        "decided_at": at.to_string(),
        "sequence": record.header.sequence,
    })
}

fn explanation_json(directory: &Directory, found: &FoundAuthorization) -> Value {
    let record = &found.record;
    let rule = directory.rule(record.rule);
    let benefit = rule.and_then(|rule| {
        let mut benefits = rule.benefits.iter().zip(&rule.policy.benefits);
        benefits.find(|(compiled, _)| compiled.number == record.benefit())
    });
    let room_before: Map<String, Value> = record
        .rooms_before()
        .map(|(period, room)| (period.name().to_owned(), json!(room.get())))
        .collect();
    let name = |in_tail: Option<Name>, number: NameNumber| {
        let known = in_tail.or_else(|| directory.name(number).copied());
        known.map(|name| name.as_str().to_owned())
    };
    let mut explanation = json!({
        "program": name(found.program, record.program()),
        "wallet_id": record.wallet().to_string(),
        "merchant_id": record.merchant().to_string(),
        "channel": name(found.channel, record.channel()),
        "amount": record.amount().get(),
        "eligible_amount": record.eligible().get(),
        // Of a purchase that was declined before the entitlement was looked at, nobody knows the room.
        "household_id": record.extra.household().map(|household| household.to_string()),
        "room_before": (!room_before.is_empty()).then_some(room_before),
    });
    put_rule(&mut explanation, rule);
    put_benefit(&mut explanation, rule, benefit, found);
    explanation["spending"] = spending_json(rule, found).into();
    explanation
}

/// The rule version the decision was made by; nulls when the programme was unknown.
fn put_rule(explanation: &mut Value, rule: Option<&Rule>) {
    let policy = rule.map(|rule| &rule.policy);
    explanation["program_name_th"] = json!(policy.map(|policy| &policy.name_th));
    explanation["program_name_en"] = json!(policy.map(|policy| &policy.name_en));
    explanation["rule_version"] = json!(policy.map(|policy| hex(&policy.hash)));
    explanation["rule_source"] = json!(policy.and_then(|policy| policy.source.as_ref()));
}

/// The benefit the purchase would draw on, or drew on; nulls when it was declined before one was found.
fn put_benefit(
    explanation: &mut Value,
    rule: Option<&Rule>,
    benefit: Option<(&BenefitRule, &Benefit)>,
    found: &FoundAuthorization,
) {
    let record = &found.record;
    let percent = benefit.map(|(compiled, _)| compiled.state_percent);
    let share = percent.map(|percent| record.eligible().percent_floor(percent).get());
    explanation["benefit"] = json!(benefit.map(|(_, benefit)| benefit.id.as_str()));
    explanation["state_percent"] = json!(percent);
    explanation["share_before_caps"] = json!(share);
    let tier = rule.and_then(|rule| tier_of(rule, record));
    explanation["caps"] = json!(benefit.map(|(_, benefit)| caps_json(&benefit.caps_of(tier))));
}

/// The tier of the rule version whose caps counted.
fn tier_of<'r>(rule: &'r Rule, record: &AuthorizationRecord) -> Option<&'r Tier> {
    rule.policy.registration.as_ref()?.tiers.get(record.tier_index()?)
}

/// When the channel may be used: by the benefit that was found, else by every benefit that has the channel.
fn spending_json(rule: Option<&Rule>, found: &FoundAuthorization) -> Vec<Value> {
    let (benefit, number) = (found.record.benefit(), found.record.channel());
    let Some(rule) = rule else {
        return Vec::new();
    };
    let benefits = rule.benefits.iter().zip(&rule.policy.benefits);
    benefits
        .filter(|(compiled, _)| benefit == BenefitNumber::NONE || compiled.number == benefit)
        .filter_map(|(compiled, policy)| Some((policy, compiled.channel(number)?)))
        .map(|(policy, channel)| {
            json!({
                "benefit": policy.id.as_str(),
                "from": channel.from.to_string(),
                "to": channel.to.to_string(),
                "hours": channel.hours.to_string(),
            })
        })
        .collect()
}
