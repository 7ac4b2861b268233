//! Wallets and programmes as they stand. Only what is durable is shown.

use super::casework::mark;
use super::{Failure, Ready, in_order, json};
use crate::server::Response;
use crate::wire::parse;
use crate::wire::problem::Problem;
use crate::wire::render;
use data_encoding::HEXLOWER;
use satang_api as api;
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::ids::{Name, PersonId, WalletId};
use satang_core::programme::{
    Benefit, CapPeriod, Caps, CategorySet, Channel, FundingSource, MerchantRegistration,
};
use satang_core::record::Status;
use satang_core::state::casework::Block;
use satang_core::state::directory::{Directory, Rule};
use satang_engine::clock::AnyClock;
use satang_engine::engine::SubmitError;
use satang_engine::query::view::{BenefitView, EntitlementView, WalletView};
use satang_log::file::FileReader;
use satang_log::storage::Storage;
use std::collections::BTreeMap;

/// What stands in the engine of the gateway.
pub(super) type View<'e, S> = satang_engine::query::view::View<'e, FileReader<S>, AnyClock>;

impl<S: Storage> Ready<S> {
    pub(super) async fn wallet(&self, wallet_id: &str) -> Result<Response, Failure> {
        let wallet = parse::path_wallet(wallet_id)?;
        let shown = self.session.view(|view| {
            let found = view.wallet(wallet)?;
            Some(wallet_shown(view.directory(), wallet, &found))
        })?;
        match shown.durable().await? {
            Some(shown) => Ok(json(&shown)),
            None => Err(Problem::not_found("no wallet of that id is known").into()),
        }
    }

    pub(super) async fn programs(&self) -> Result<Response, Failure> {
        let shown = self.session.view(|view| programs_shown(view, None))?;
        let programs = shown.durable().await??;
        Ok(json(&api::Programs { programs }))
    }

    pub(super) async fn lists(&self) -> Result<Response, Failure> {
        let lists = self.session.view(all_lists_shown)?.durable().await?;
        Ok(in_order(&api::Lists { lists }))
    }

    pub(super) async fn program(&self, id: &str) -> Result<Response, Failure> {
        let id = parse::path_name("id", id)?;
        let shown = self.session.view(|view| programs_shown(view, Some(&id)))?;
        match shown.durable().await??.into_iter().next() {
            Some(shown) => Ok(json(&shown)),
            None => Err(Problem::not_found("no programme of that id is in force").into()),
        }
    }
}

fn programs_shown<S: Storage>(
    view: &View<'_, S>,
    only: Option<&Name>,
) -> Result<Vec<api::Program>, SubmitError> {
    let rules = view
        .rules()
        .filter(|rule| only.is_none_or(|id| rule.policy.id == *id));
    let shown = rules.map(|rule| Ok(program_shown(view, rule, view.live_entitlements(rule)?)));
    let mut shown: Vec<api::Program> = shown.collect::<Result<_, SubmitError>>()?;
    shown.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(shown)
}

/// Every list that was imported, or that a programme names.
fn all_lists_shown<S: Storage>(view: &View<'_, S>) -> Vec<api::ListFound> {
    let found = |list: &Name, citizens: Option<u64>| api::ListFound {
        list: api::Name::of(list),
        imported: citizens.is_some(),
        citizens: citizens.unwrap_or_default(),
        programs: Vec::new(),
    };
    let imported = view
        .lists()
        .map(|(list, citizens)| (list, found(&list, Some(citizens))));
    let mut lists: BTreeMap<Name, api::ListFound> = imported.collect();
    for rule in view.rules() {
        for list in lists_of(view, rule) {
            let used = lists.entry(*list).or_insert_with(|| found(list, None));
            used.programs.push(api::Name::of(&rule.policy.id));
        }
    }
    for used in lists.values_mut() {
        used.programs.sort_unstable();
        used.programs.dedup();
    }
    lists.into_values().collect()
}

/// The lists that a programme names; its earlier programme is one when no programme of that name is in force.
fn lists_of<'v, S: Storage>(view: &'v View<'_, S>, rule: &'v Rule) -> impl Iterator<Item = &'v Name> {
    let is_program = |id: &&Name| {
        let number = view.directory().number_of(id);
        view.directory().rule_on(number, view.today()).is_some()
    };
    let stands_for = rule.policy.returning_from().filter(|id| !is_program(id));
    rule.policy.lists().chain(stands_for)
}

/// The lists that a programme names, and how many are on them: one that was never imported is empty.
fn lists_shown<S: Storage>(view: &View<'_, S>, rule: &Rule) -> Vec<api::ListShown> {
    let of = |list: &Name| {
        let citizens = view.listed_len(list);
        api::ListShown {
            list: api::Name::of(list),
            imported: citizens.is_some(),
            citizens: citizens.unwrap_or_default(),
        }
    };
    lists_of(view, rule).map(of).collect()
}

fn benefit_standing(standing: &BenefitView<'_>) -> api::WalletBenefit {
    let BenefitView { benefit, rooms, paid } = standing;
    let caps = benefit.caps.iter();
    let sources = benefit.funded_by.iter().zip(paid);
    let source = |(source, used): (&FundingSource, &u32)| api::SourceUsed {
        source: api::Name::of(&source.source),
        used: (*used).into(),
    };
    api::WalletBenefit {
        benefit: api::Name::of(&benefit.id),
        remaining: render::remaining(caps.map(|(period, _)| (period, rooms[period as usize].into()))),
        funding: (!benefit.funded_by.is_empty()).then(|| sources.map(source).collect()),
    }
}

fn right_shown(directory: &Directory, held: &EntitlementView<'_>) -> api::WalletProgram {
    let EntitlementView { rule, right, .. } = held;
    let tier = rule.has_tier(right.tier).then(|| directory.name(right.tier));
    api::WalletProgram {
        program: api::Name::of(&rule.policy.id),
        registered_at: seconds(Instant::from_unix_ms(right.registered_unix_s * 1_000)),
        first_use_by: held.first_use_by.map(seconds).into(),
        usable_from: right.usable_from(rule).map(|from| api::Day::of(&from)),
        benefits: held.benefits.iter().map(benefit_standing).collect(),
        lapsed: held.lapsed,
        tier: tier.flatten().map(api::Name::of).into(),
        household_id: right
            .household
            .map(|household| api::FifteenDigits::of(&household))
            .into(),
    }
}

fn wallet_shown(directory: &Directory, wallet: WalletId, found: &WalletView<'_>) -> api::Wallet {
    let rights = found.rights.iter();
    api::Wallet {
        wallet_id: api::FifteenDigits::of(&wallet),
        status: found.status.name().into(),
        programs: rights.map(|held| right_shown(directory, held)).collect(),
        citizen: found.person.and_then(|person| barred(directory, person)),
    }
}

/// The most open cases of a citizen that are named (I12).
const CASES_SHOWN_MAX: usize = 100;

/// Why the citizen gets no new right, when that is so.
fn barred(directory: &Directory, person: PersonId) -> Option<api::Barred> {
    let casework = directory.casework();
    let block = casework.block_of(person)?;
    let file = casework.person(person)?;
    let cases = file.cases.iter().filter_map(|case| casework.case(*case));
    let open = cases.filter(|case| case.state().blocks()).take(CASES_SHOWN_MAX);
    let suspended = file.suspended.as_ref().filter(|_| block == Block::Suspended);
    Some(api::Barred {
        excluded: block.name().into(),
        suspended: suspended.map(|of| mark(directory, of)),
        clawbacks: open.map(|case| api::UuidAnswered::of(&case.id)).collect(),
    })
}

/// An instant that is kept to the second, without a fraction.
pub(super) fn seconds(at: Instant) -> api::SecondAnswered {
    String::from_utf8_lossy(&render::to_seconds(at))
        .into_owned()
        .into()
}

fn date(date: Option<BusinessDate>) -> Option<api::Day> {
    date.map(|date| api::Day::of(&date))
}

fn program_shown<S: Storage>(view: &View<'_, S>, rule: &Rule, registered: u64) -> api::Program {
    let policy = &rule.policy;
    let paused = view.directory().paused(rule.program);
    let status = match paused {
        Some(_) => Status::Suspended,
        None => Status::Active,
    };
    api::Program {
        id: api::Name::of(&policy.id),
        name_th: policy.name_th.clone().into(),
        name_en: policy.name_en.clone().into(),
        status: status.name().into(),
        status_reason: text(paused).into(),
        rule_version: HEXLOWER.encode(&policy.hash).into(),
        source: text(policy.source.as_deref()).into(),
        usable_from: date(policy.usable_from).into(),
        effective_from: date(policy.effective_from).into(),
        merchant_registration: policy.merchant_registration.as_ref().map(merchant_registration),
        exclusive_with: policy.exclusive_with.iter().map(api::Name::of).collect(),
        benefits: policy.benefits.iter().map(benefit_shown).collect(),
        registration: registration_shown(rule, view.is_open(rule), registered),
        lists: lists_shown(view, rule),
    }
}

/// A text as it is answered.
pub(super) fn text(text: Option<&str>) -> Option<api::Text> {
    text.map(|text| text.to_owned().into())
}

/// When merchants may join by themselves: only what the file says.
fn merchant_registration(window: &MerchantRegistration) -> api::MerchantRegistration {
    api::MerchantRegistration {
        opens: date(window.opens),
        closes: date(window.closes),
        returning_closes: date(window.returning_closes),
        returning_from: window.returning_from.as_ref().map(api::Name::of),
    }
}

fn registration_shown(rule: &Rule, open: bool, registered: u64) -> api::Registration {
    let registration = rule.policy.registration.as_ref();
    let quota = rule.quota();
    let remaining = quota.map(|quota| quota.saturating_sub(registered));
    api::Registration {
        open,
        quota: quota.into(),
        registered,
        remaining: remaining.into(),
        opens: date(registration.map(|registration| registration.opens)).into(),
        closes: date(registration.and_then(|registration| registration.closes)).into(),
        hours: registration
            .map(|registration| api::Hours::of(&registration.hours))
            .into(),
    }
}

fn benefit_shown(benefit: &Benefit) -> api::Benefit {
    let channel = |channel: &Channel| api::Channel {
        id: api::Name::of(&channel.id),
        from: api::Day::of(&channel.from),
        to: api::Day::of(&channel.to),
        hours: api::Hours::of(&channel.hours),
        merchant_categories: categories(channel.merchant_categories),
    };
    let source = |source: &FundingSource| api::Source {
        source: api::Name::of(&source.source),
        up_to: source.up_to.map(|up_to| up_to.get()),
    };
    let sources = benefit.funded_by.iter().map(source);
    api::Benefit {
        id: api::Name::of(&benefit.id),
        state_percent: benefit.state_percent.into(),
        holder: benefit.holder.name().into(),
        caps: caps(&benefit.caps),
        funded_by: (!benefit.funded_by.is_empty()).then(|| sources.collect()),
        when_exhausted: benefit.when_exhausted.name().into(),
        merchant_categories: categories(benefit.merchant_categories),
        channels: benefit.channels.iter().map(channel).collect(),
    }
}

/// Caps by the names of their periods.
pub(super) fn caps(caps: &Caps) -> api::Caps {
    let [day, month, quarter, program] = CapPeriod::ALL.map(|period| caps.get(period).map(|cap| cap.get()));
    api::Caps {
        day,
        month,
        quarter,
        program,
    }
}

fn categories(set: CategorySet) -> Vec<api::Category> {
    set.iter().map(|category| category.name().into()).collect()
}
