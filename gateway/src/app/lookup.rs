//! Wallets and programmes as they stand. Only what is durable is shown.

use super::desk::mark;
use super::{Failure, Ready, json};
use crate::server::Response;
use crate::wire::parse;
use crate::wire::problem::Problem;
use crate::wire::render;
use data_encoding::HEXLOWER;
use satang_api as api;
use satang_core::account::{Entitlement, WalletShard, wallet_shard};
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::desk::Block;
use satang_core::directory::{BenefitRule, Directory, Rule};
use satang_core::household::household_shard;
use satang_core::ids::{Name, PersonId, WalletId};
use satang_core::policy::{
    Benefit, CapPeriod, Caps, CategorySet, Channel, FundingSource, MerchantRegistration, Registration,
};
use satang_core::record::{NameNumber, Status};
use satang_engine::engine::SubmitError;
use satang_engine::state::State;
use satang_log::storage::Storage;

impl<S: Storage> Ready<S> {
    pub(super) async fn wallet(&self, wallet_id: &str) -> Result<Response, Failure> {
        let wallet = parse::path_wallet(wallet_id)?;
        let at = self.engine.now().map_err(SubmitError::from)?;
        let shown = self.session.seen(|engine| {
            let state = engine.state();
            let directory = state.directory.read();
            // A copy: households come before wallets in the order of locks.
            let wallets = state.wallets[wallet_shard(wallet)].lock().of_wallet(wallet);
            wallet_shown(state, &directory, &wallets, wallet, at)
        });
        let shown = shown.durable().await?;
        match shown {
            Some(shown) => Ok(json(&shown)),
            None => Err(Problem::not_found("no wallet of that id is known").into()),
        }
    }

    pub(super) async fn programs(&self) -> Result<Response, Failure> {
        let shown = self
            .session
            .seen(|_| self.programs_shown(None))
            .durable()
            .await??;
        Ok(json(&api::Programs { programs: shown }))
    }

    pub(super) async fn program(&self, id: &str) -> Result<Response, Failure> {
        let id = parse::path_name("id", id)?;
        let shown = self.session.seen(|_| self.programs_shown(Some(id.as_str())));
        let shown = shown.durable().await??;
        match shown.into_iter().next() {
            Some(shown) => Ok(json(&shown)),
            None => Err(Problem::not_found("no programme of that id is in force").into()),
        }
    }

    fn programs_shown(&self, only: Option<&str>) -> Result<Vec<api::Program>, Failure> {
        let at = self.engine.now().map_err(SubmitError::from)?;
        let directory = self.engine.state().directory.read();
        let mut shown: Vec<api::Program> = Vec::new();
        for (program, versions) in directory.in_force() {
            let rule = rule_to_show(&directory, program, versions, at);
            let Some(rule) = rule.filter(|rule| only.is_none_or(|id| rule.policy.id.as_str() == id)) else {
                continue;
            };
            let registered = self.engine.live_rights(&directory, rule, at)?;
            let lists = self.lists_shown(&directory, rule, at);
            shown.push(program_shown(&directory, rule, program, registered, lists, at));
        }
        shown.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(shown)
    }

    /// The lists that a programme names, and whether anybody is on them: one that was never imported is empty.
    fn lists_shown(&self, directory: &Directory, rule: &Rule, at: Instant) -> Vec<api::ListShown> {
        let is_program = |id: &&Name| {
            let number = directory.number_of(id);
            directory.rule_on(number, at.business_date()).is_some()
        };
        let stands_for = rule.policy.returning_from().filter(|id| !is_program(id));
        let lists = rule.policy.lists().chain(stands_for);
        let of = |list: &Name| {
            let citizens = self.engine.state().listed_len(directory.number_of(list));
            api::ListShown {
                list: api::Name::of(list),
                imported: citizens > 0,
                citizens,
            }
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
fn benefit_standing(
    state: &State,
    (wallets, wallet): (&WalletShard, WalletId),
    right: &Entitlement,
    (compiled, benefit): (&BenefitRule, &Benefit),
    at: Instant,
) -> api::WalletBenefit {
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
    let caps = benefit.caps.iter();
    let sources = benefit.funded_by.iter().zip(paid);
    let source = |(source, used): (&FundingSource, u32)| api::SourceUsed {
        source: api::Name::of(&source.source),
        used: used.into(),
    };
    api::WalletBenefit {
        benefit: api::Name::of(&benefit.id),
        remaining: render::remaining(caps.map(|(period, _)| (period, rooms[period as usize].into()))),
        funding: (!benefit.funded_by.is_empty()).then(|| sources.map(source).collect()),
    }
}

fn wallet_shown(
    state: &State,
    directory: &Directory,
    wallets: &WalletShard,
    wallet: WalletId,
    at: Instant,
) -> Option<api::Wallet> {
    let status = wallets.status(wallet)?;
    let mut programs: Vec<api::WalletProgram> = Vec::new();
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
        let benefits: Vec<api::WalletBenefit> = rule
            .benefits
            .iter()
            .zip(&rule.policy.benefits)
            .filter(|(compiled, _)| !compiled.household || right.household.is_some())
            .map(|benefit| benefit_standing(state, room, &right, benefit, at))
            .collect();
        let struck = directory.struck(program, at);
        let first_use_by = match wallets.has_drawn(wallet, &rule.every_benefit) {
            true => None,
            false => directory.first_use_by(rule, &right, at),
        };
        let right_shown = api::WalletProgram {
            program: api::Name::of(&rule.policy.id),
            registered_at: seconds(Instant::from_unix_ms(right.registered_unix_s * 1_000)),
            first_use_by: first_use_by.map(seconds).into(),
            usable_from: right.usable_from(rule).map(|from| api::Date::of(&from)),
            benefits,
            lapsed: wallets.has_lapsed(wallet, &right, &rule.every_benefit, struck),
            tier: rule
                .has_tier(right.tier)
                .then(|| directory.name(right.tier).map(api::Name::of))
                .flatten()
                .into(),
            household_id: right
                .household
                .map(|household| api::FifteenDigits::of(&household))
                .into(),
        };
        programs.push(right_shown);
    }
    programs.sort_by(|a, b| a.program.cmp(&b.program));
    Some(api::Wallet {
        wallet_id: api::FifteenDigits::of(&wallet),
        status: status.name().into(),
        programs,
        citizen: wallets
            .person(wallet)
            .and_then(|person| barred(directory, person)),
    })
}

/// The most open cases of a citizen that are named (I12).
const CASES_SHOWN_MAX: usize = 100;

/// Why the citizen gets no new right, when that is so.
fn barred(directory: &Directory, person: PersonId) -> Option<api::Barred> {
    let desk = directory.desk();
    let block = desk.block_of(person)?;
    let file = desk.person(person)?;
    let cases = file.cases.iter().filter_map(|case| desk.case(*case));
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

fn date(date: Option<BusinessDate>) -> Option<api::Date> {
    date.map(|date| api::Date::of(&date))
}

fn program_shown(
    directory: &Directory,
    rule: &Rule,
    program: NameNumber,
    registered: u64,
    lists: Vec<api::ListShown>,
    at: Instant,
) -> api::Program {
    let policy = &rule.policy;
    let paused = directory.paused(program);
    let status = if paused.is_some() {
        Status::Suspended
    } else {
        Status::Active
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
        registration: registration_shown(directory, rule, registered, at),
        lists,
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

fn registration_shown(directory: &Directory, rule: &Rule, registered: u64, at: Instant) -> api::Registration {
    let registration = rule.policy.registration.as_ref();
    let quota = registration.and_then(|registration| registration.quota);
    let remaining = quota.map(|quota| quota.saturating_sub(registered));
    api::Registration {
        open: is_open(directory, rule, at),
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

fn benefit_shown(benefit: &Benefit) -> api::Benefit {
    let channel = |channel: &Channel| api::Channel {
        id: api::Name::of(&channel.id),
        from: api::Date::of(&channel.from),
        to: api::Date::of(&channel.to),
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
