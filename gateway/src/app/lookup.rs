//! Wallets and programmes as they stand. Only what is durable is shown.

use super::desk::MarkShown;
use super::{Failure, Ready, json};
use crate::server::Response;
use crate::wire::parse;
use crate::wire::problem::Problem;
use crate::wire::render;
use satang_core::account::{Entitlement, WalletShard, wallet_shard};
use satang_core::calendar::Instant;
use satang_core::desk::Block;
use satang_core::directory::{BenefitRule, Directory, Rule};
use satang_core::household::household_shard;
use satang_core::ids::{Name, PersonId, WalletId};
use satang_core::policy::{Benefit, Caps, CategorySet, FundingSource, MerchantRegistration, Registration};
use satang_core::record::{NameNumber, Status};
use satang_engine::engine::SubmitError;
use satang_engine::state::State;
use satang_log::storage::Storage;
use serde_json::{Map, Value, json};

impl<S: Storage> Ready<S> {
    pub(super) async fn wallet(&self, wallet_id: &str) -> Result<Response, Failure> {
        let wallet = parse::path_wallet(wallet_id)?;
        let at = self.engine.now().map_err(SubmitError::from)?;
        let shown = {
            let state = self.engine.state();
            let directory = state.directory.read();
            // A copy: households come before wallets in the order of locks.
            let wallets = state.wallets[wallet_shard(wallet)].lock().of_wallet(wallet);
            wallet_json(state, &directory, &wallets, wallet, at)
        };
        // Everything that was just read lies at or below it.
        let last = self.engine.appender().last_sequence();
        self.waits.wait(last).await?;
        match shown {
            Some(shown) => Ok(json(&shown)),
            None => Err(Problem::not_found("no wallet of that id is known").into()),
        }
    }

    pub(super) async fn programs(&self) -> Result<Response, Failure> {
        let shown = self.programs_json(None)?;
        self.waits.wait(self.engine.appender().last_sequence()).await?;
        Ok(json(&json!({ "programs": shown })))
    }

    pub(super) async fn program(&self, id: &str) -> Result<Response, Failure> {
        let id = parse::path_name("id", id)?;
        let shown = self.programs_json(Some(id.as_str()))?;
        self.waits.wait(self.engine.appender().last_sequence()).await?;
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
            let registered = self.engine.live_rights(&directory, rule, at)?;
            let lists = self.lists_json(&directory, rule, at);
            let id = rule.policy.id.as_str().to_owned();
            shown.push((id, program_json(&directory, rule, program, registered, lists, at)));
        }
        shown.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(shown.into_iter().map(|(_, value)| value).collect())
    }

    /// The lists that a programme names, and whether anybody is on them: one that was never imported is empty.
    fn lists_json(&self, directory: &Directory, rule: &Rule, at: Instant) -> Vec<Value> {
        let is_program = |id: &&Name| {
            let number = directory.number_of(id);
            directory.rule_on(number, at.business_date()).is_some()
        };
        let stands_for = rule.policy.returning_from().filter(|id| !is_program(id));
        let lists = rule.policy.lists().chain(stands_for);
        let of = |list: &Name| {
            let citizens = self.engine.state().listed_len(directory.number_of(list));
            json!({ "list": list.as_str(), "imported": citizens > 0, "citizens": citizens })
        };
        lists.map(of).collect()
    }
}

/// The version that counts today; before the first one does, that one.
pub(super) fn rule_to_show<'d>(
    directory: &'d Directory,
    program: NameNumber,
    versions: &[u32],
    at: Instant,
) -> Option<&'d Rule> {
    let today = directory.rule_on(program, at.business_date());
    today.or_else(|| directory.rule(*versions.first()?))
}

/// What is left of one benefit, and what its sources paid: the household's, when it is a household's benefit.
fn benefit_standing_json(
    state: &State,
    (wallets, wallet): (&WalletShard, WalletId),
    right: &Entitlement,
    (compiled, benefit): (&BenefitRule, &Benefit),
    at: Instant,
) -> Value {
    let (number, period) = (compiled.number, compiled.sources_period);
    let (rooms, paid) = match right.household.filter(|_| compiled.household) {
        None => (
            wallets.rooms(wallet, compiled, right.tier, at),
            wallets.paid(wallet, number, period, at),
        ),
        Some(household) => {
            let households = state.households[household_shard(household)].lock();
            (
                households.rooms(household, compiled, right.tier, at),
                households.paid(household, number, period, at),
            )
        }
    };
    let remaining: Map<String, Value> = benefit
        .caps
        .iter()
        .map(|(period, _)| (period.name().to_owned(), json!(rooms[period as usize])))
        .collect();
    let mut shown = json!({ "benefit": benefit.id.as_str(), "remaining": remaining });
    if !benefit.funded_by.is_empty() {
        let sources = benefit.funded_by.iter().zip(paid);
        let source =
            |(source, used): (&FundingSource, u32)| json!({ "source": source.source.as_str(), "used": used });
        shown["funding"] = sources.map(source).collect();
    }
    shown
}

fn wallet_json(
    state: &State,
    directory: &Directory,
    wallets: &WalletShard,
    wallet: WalletId,
    at: Instant,
) -> Option<Value> {
    let status = wallets.status(wallet)?;
    let mut programs: Vec<(String, Value)> = Vec::new();
    for (program, versions) in directory.in_force() {
        let Some(rule) = rule_to_show(directory, program, versions, at) else {
            continue;
        };
        let standing = wallets.standing(wallet, rule.entitlement);
        let Some(right) = standing.and_then(|standing| standing.entitlement) else {
            continue;
        };
        let home = right.home.map(|home| {
            let shard = state.wallets[wallet_shard(home)].lock().of_wallet(home);
            (shard, home)
        });
        // What was used is kept with the citizen's home wallet.
        let room = home
            .as_ref()
            .map_or((wallets, wallet), |(shard, home)| (shard, *home));
        let benefits: Vec<Value> = rule
            .benefits
            .iter()
            .zip(&rule.policy.benefits)
            .filter(|(compiled, _)| !compiled.household || right.household.is_some())
            .map(|benefit| benefit_standing_json(state, room, &right, benefit, at))
            .collect();
        let struck = directory.struck(program, at);
        let first_use_by = match wallets.has_drawn(wallet, &rule.every_benefit) {
            true => None,
            false => directory.first_use_by(rule, &right, at),
        };
        let mut shown = json!({
            "program": rule.policy.id.as_str(),
            "registered_at": seconds(Instant::from_unix_ms(right.registered_unix_s * 1_000)),
            "first_use_by": first_use_by.map(seconds),
            "lapsed": wallets.has_lapsed(wallet, &right, &rule.every_benefit, struck),
            "tier": rule.has_tier(right.tier)
                .then(|| directory.name(right.tier).map(|tier| tier.to_string())),
            "household_id": right.household.map(|household| household.to_string()),
            "benefits": benefits,
        });
        if let Some(from) = right.usable_from(rule) {
            shown["usable_from"] = json!(from.to_string());
        }
        programs.push((rule.policy.id.as_str().to_owned(), shown));
    }
    programs.sort_by(|a, b| a.0.cmp(&b.0));
    let programs: Vec<Value> = programs.into_iter().map(|(_, shown)| shown).collect();
    let mut shown = json!({ "wallet_id": wallet.to_string(), "status": status.name(), "programs": programs });
    if let Some(citizen) = wallets
        .person(wallet)
        .and_then(|person| citizen_json(directory, person))
    {
        shown["citizen"] = citizen;
    }
    Some(shown)
}

/// The most open cases of a citizen that are named (I12).
const CASES_SHOWN_MAX: usize = 100;

/// Why the citizen gets no new right, when that is so.
fn citizen_json(directory: &Directory, person: PersonId) -> Option<Value> {
    let desk = directory.desk();
    let block = desk.block_of(person)?;
    let file = desk.person(person)?;
    let cases = file.cases.iter().filter_map(|case| desk.case(*case));
    let open = cases.filter(|case| case.state().blocks()).take(CASES_SHOWN_MAX);
    let mut shown = json!({
        "excluded": block.name(),
        "clawbacks": open.map(|case| case.id.to_string()).collect::<Vec<_>>(),
    });
    if let Some(mark) = file.suspended.as_ref().filter(|_| block == Block::Suspended) {
        shown["suspended"] = json!(MarkShown::of(directory, mark));
    }
    Some(shown)
}

/// An instant that is kept to the second, without a fraction.
pub(super) fn seconds(at: Instant) -> String {
    String::from_utf8_lossy(&render::to_seconds(at)).into_owned()
}

fn program_json(
    directory: &Directory,
    rule: &Rule,
    program: NameNumber,
    registered: u64,
    lists: Vec<Value>,
    at: Instant,
) -> Value {
    let policy = &rule.policy;
    let paused = directory.paused(program);
    let status = if paused.is_some() {
        Status::Suspended
    } else {
        Status::Active
    };
    let mut shown = json!({
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
        "registration": registration_json(directory, rule, registered, at),
        "lists": lists,
    });
    if let Some(window) = &policy.merchant_registration {
        shown["merchant_registration"] = merchant_registration_json(window);
    }
    shown
}

/// When merchants may join by themselves: only what the file says.
fn merchant_registration_json(window: &MerchantRegistration) -> Value {
    let dates = [
        ("opens", window.opens),
        ("closes", window.closes),
        ("returning_closes", window.returning_closes),
    ];
    let dates = dates
        .into_iter()
        .filter_map(|(key, date)| Some((key.to_owned(), json!(date?.to_string()))));
    let from = window.returning_from.map(|from| json!(from.as_str()));
    let from = from.map(|from| ("returning_from".to_owned(), from));
    dates.chain(from).collect::<Map<_, _>>().into()
}

fn registration_json(directory: &Directory, rule: &Rule, registered: u64, at: Instant) -> Value {
    let registration = rule.policy.registration.as_ref();
    let quota = registration.and_then(|registration| registration.quota);
    let remaining = quota.map(|quota| quota.saturating_sub(registered));
    json!({
        "open": is_open(directory, rule, at),
        "quota": quota,
        "registered": registered,
        "remaining": remaining,
        "opens": registration.map(|registration| registration.opens.to_string()),
        "closes": registration.and_then(|registration| registration.closes).map(|date| date.to_string()),
        "hours": registration.map(|registration| registration.hours.to_string()),
    })
}

/// Whether a registration now gets past `outside_hours`, of a citizen who is no holder of an earlier programme: the rule version
/// counts today, the programme is not paused, and its dates and hours let in whoever comes.
pub(super) fn is_open(directory: &Directory, rule: &Rule, at: Instant) -> bool {
    let date = at.business_date();
    let today = directory.rule_on(rule.program, date);
    let counts = today.is_some_and(|today| today.number == rule.number);
    let lets_in = |registration: &Registration| {
        registration.is_open_on(date, false) && registration.hours.contains(at.time_of_day_ms())
    };
    let registration = rule.policy.registration.as_ref();
    counts && directory.paused(rule.program).is_none() && registration.is_some_and(lets_in)
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
    let mut shown = json!({
        "id": benefit.id.as_str(),
        "state_percent": benefit.state_percent,
        "holder": benefit.holder.name(),
        "caps": caps_json(&benefit.caps),
        "when_exhausted": benefit.when_exhausted.name(),
        "merchant_categories": categories(benefit.merchant_categories),
        "channels": channels,
    });
    if !benefit.funded_by.is_empty() {
        let source = |source: &FundingSource| match source.up_to {
            Some(up_to) => json!({ "source": source.source.as_str(), "up_to": up_to.get() }),
            None => json!({ "source": source.source.as_str() }),
        };
        shown["funded_by"] = benefit.funded_by.iter().map(source).collect();
    }
    shown
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
