//! Wallets and programmes as they stand. Only what is durable is shown.

use super::{Failure, Ready, json};
use crate::server::Response;
use crate::wire::parse;
use crate::wire::problem::Problem;
use satang_core::account::{WalletShard, wallet_shard};
use satang_core::calendar::Instant;
use satang_core::directory::{Directory, Rule};
use satang_core::ids::WalletId;
use satang_core::policy::{Benefit, Caps, CategorySet, Program, Registration};
use satang_core::record::{NameNumber, Status};
use satang_engine::engine::SubmitError;
use satang_engine::storage::Storage;
use serde_json::{Map, Value, json};

impl<S: Storage> Ready<S> {
    pub(super) async fn wallet(&self, wallet_id: &str) -> Result<Response, Failure> {
        let wallet = parse::path_wallet(wallet_id)?;
        let at = self.engine.now().map_err(SubmitError::from)?;
        let (shown, last) = {
            let directory = self.engine.state().directory.read();
            let wallets = self.engine.state().wallets[wallet_shard(wallet)].lock();
            let shown = wallet_json(&directory, &wallets, wallet, at);
            // Taken under the shard's lock: everything that was just read lies at or below it.
            (shown, self.engine.appender().last_position())
        };
        self.waits.wait(last).await?;
        match shown {
            Some(shown) => Ok(json(&shown)),
            None => Err(Problem::not_found("no wallet of that id is known").into()),
        }
    }

    pub(super) async fn programs(&self) -> Result<Response, Failure> {
        let shown = self.programs_json(None)?;
        self.waits.wait(self.engine.appender().last_position()).await?;
        Ok(json(&json!({ "programs": shown })))
    }

    pub(super) async fn program(&self, id: &str) -> Result<Response, Failure> {
        let id = parse::path_name("id", id)?;
        let shown = self.programs_json(Some(id.as_str()))?;
        self.waits.wait(self.engine.appender().last_position()).await?;
        match shown.into_iter().next() {
            Some(shown) => Ok(json(&shown)),
            None => Err(Problem::not_found("no programme of that id is in force").into()),
        }
    }

    fn programs_json(&self, only: Option<&str>) -> Result<Vec<Value>, Failure> {
        let at = self.engine.now().map_err(SubmitError::from)?;
        let directory = self.engine.state().directory.read();
        let mut shown: Vec<(String, Value)> = Vec::new();
        for (program, versions) in directory.in_force() {
            let rule = rule_to_show(&directory, program, versions, at);
            let Some(rule) = rule.filter(|rule| only.is_none_or(|id| rule.policy.id.as_str() == id)) else {
                continue;
            };
            let registered = self.engine.state().entitlements_in(program) as u64;
            let id = rule.policy.id.as_str().to_owned();
            shown.push((id, program_json(&directory, rule, program, registered, at)));
        }
        shown.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(shown.into_iter().map(|(_, value)| value).collect())
    }
}

/// The version that counts today; before the first one does, that one.
fn rule_to_show<'d>(
    directory: &'d Directory,
    program: NameNumber,
    versions: &[u32],
    at: Instant,
) -> Option<&'d Rule> {
    let today = directory.rule_on(program, at.business_date());
    today.or_else(|| directory.rule(*versions.first()?))
}

fn wallet_json(directory: &Directory, wallets: &WalletShard, wallet: WalletId, at: Instant) -> Option<Value> {
    let status = wallets.status(wallet)?;
    let mut programs: Vec<(String, Value)> = Vec::new();
    for (program, versions) in directory.in_force() {
        let Some(rule) = rule_to_show(directory, program, versions, at) else {
            continue;
        };
        let standing = wallets.standing(wallet, rule.entitlement);
        let Some(entitlement) = standing.and_then(|standing| standing.entitlement) else {
            continue;
        };
        let usable_from = entitlement.usable_from.max(rule.policy.usable_from);
        let benefits: Vec<Value> = rule
            .benefits
            .iter()
            .zip(&rule.policy.benefits)
            .filter(|(compiled, _)| !compiled.household)
            .map(|(compiled, benefit)| {
                let rooms = wallets.rooms(wallet, compiled, at.business_date());
                let remaining: Map<String, Value> = benefit
                    .caps
                    .iter()
                    .map(|(period, _)| (period.name().to_owned(), json!(rooms[period as usize])))
                    .collect();
                json!({ "benefit": benefit.id.as_str(), "remaining": remaining })
            })
            .collect();
        let mut shown = json!({
            "program": rule.policy.id.as_str(),
            "registered_at": seconds(entitlement.registered_unix_s),
            "first_use_by": null,
            "benefits": benefits,
        });
        if let Some(from) = usable_from {
            shown["usable_from"] = json!(from.to_string());
        }
        programs.push((rule.policy.id.as_str().to_owned(), shown));
    }
    programs.sort_by(|a, b| a.0.cmp(&b.0));
    let programs: Vec<Value> = programs.into_iter().map(|(_, shown)| shown).collect();
    Some(json!({ "wallet_id": wallet.to_string(), "status": status.name(), "programs": programs }))
}

/// An instant that is kept to the second, without a fraction.
fn seconds(unix_s: i64) -> String {
    let text = Instant::from_unix_ms(unix_s * 1_000).to_string();
    format!("{}{}", &text[..19], &text[23..])
}

fn program_json(
    directory: &Directory,
    rule: &Rule,
    program: NameNumber,
    registered: u64,
    at: Instant,
) -> Value {
    let policy = &rule.policy;
    let paused = directory.paused(program);
    let status = if paused.is_some() {
        Status::Suspended
    } else {
        Status::Active
    };
    let lists: Vec<Value> = policy
        .lists()
        .chain(policy.returning_from().filter(|id| {
            directory
                .rule_on(directory.number_of(id), at.business_date())
                .is_none()
        }))
        .map(|list| json!({ "list": list.as_str(), "imported": false }))
        .collect();
    json!({
        "id": policy.id.as_str(),
        "name_th": policy.name_th,
        "name_en": policy.name_en,
        "status": status.name(),
        "status_reason": paused,
        "rule_version": hex(&policy.hash),
        "source": policy.source,
        "usable_from": policy.usable_from.map(|date| date.to_string()),
        "effective_from": policy.effective_from.map(|date| date.to_string()),
        "exclusive_with": policy.exclusive_with.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
        "benefits": policy.benefits.iter().map(benefit_json).collect::<Vec<_>>(),
        "registration": registration_json(policy, paused.is_some(), registered, at),
        "lists": lists,
        "not_yet_supported": policy.not_yet_supported(),
    })
}

fn registration_json(policy: &Program, paused: bool, registered: u64, at: Instant) -> Value {
    let registration = policy.registration.as_ref();
    let quota = registration.and_then(|registration| registration.quota);
    let remaining = quota.map(|quota| quota.saturating_sub(registered));
    let open = !paused
        && registration.is_some_and(|registration| in_window(registration, at))
        && remaining != Some(0);
    json!({
        "open": open,
        "quota": quota,
        "registered": registered,
        "remaining": remaining,
        "opens": registration.map(|registration| registration.opens.to_string()),
        "closes": registration.and_then(|registration| registration.closes).map(|date| date.to_string()),
        "hours": registration.map(|registration| registration.hours.to_string()),
    })
}

fn in_window(registration: &Registration, at: Instant) -> bool {
    let date = at.business_date();
    let closed = registration.closes.is_some_and(|closes| closes < date);
    registration.opens <= date && !closed && registration.hours.contains(at.time_of_day_ms())
}

fn benefit_json(benefit: &Benefit) -> Value {
    let channels: Vec<Value> = benefit
        .channels
        .iter()
        .map(|channel| {
            json!({
                "id": channel.id.as_str(),
                "from": channel.from.to_string(),
                "to": channel.to.to_string(),
                "hours": channel.hours.to_string(),
                "merchant_categories": categories(channel.merchant_categories),
            })
        })
        .collect();
    json!({
        "id": benefit.id.as_str(),
        "state_percent": benefit.state_percent,
        "holder": benefit.holder.name(),
        "caps": caps_json(&benefit.caps),
        "when_exhausted": benefit.when_exhausted.name(),
        "merchant_categories": categories(benefit.merchant_categories),
        "channels": channels,
    })
}

/// Caps by the names of their periods.
pub(super) fn caps_json(caps: &Caps) -> Value {
    caps.iter()
        .map(|(period, cap)| (period.name().to_owned(), json!(cap.get())))
        .collect::<Map<_, _>>()
        .into()
}

fn categories(set: CategorySet) -> Vec<&'static str> {
    set.iter().map(|category| category.name()).collect()
}

/// Bytes in lower case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
