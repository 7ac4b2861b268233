//! What stands now, as look-ups show it. Whoever asks locks nothing and sees one version of the directory.

use crate::clock::Clock;
use crate::engine::{Engine, SubmitError};
use crossbeam::sync::ShardedLockReadGuard;
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::ids::{Name, PersonId, WalletId};
use satang_core::programme::{Benefit, Registration, SOURCES_MAX};
use satang_core::record::{NameNumber, Status};
use satang_core::state::account::{Entitlement, WalletShard};
use satang_core::state::directory::{BenefitRule, Directory, Rule};
use satang_log::log::ReadLog;

/// What stands at one time.
pub struct View<'e, R: ReadLog, C: Clock> {
    engine: &'e Engine<R, C>,
    directory: ShardedLockReadGuard<'e, Directory>,
    at: Instant,
}

/// A wallet as it stands.
pub struct WalletView<'v> {
    pub status: Status,
    /// Whose it is, when any right was ever held through it.
    pub person: Option<PersonId>,
    /// What it holds in programmes that are in force, by their names.
    pub rights: Vec<EntitlementView<'v>>,
}

/// A right as it stands.
pub struct EntitlementView<'v> {
    pub rule: &'v Rule,
    pub right: Entitlement,
    /// When it lapses, unless it is used before; `None` when it was used or never lapses.
    pub first_use_by: Option<Instant>,
    pub lapsed: bool,
    /// Those of the rule version that the right has.
    pub benefits: Vec<BenefitView<'v>>,
}

/// What is left of a benefit: the household's, when it is a household's benefit.
pub struct BenefitView<'v> {
    pub benefit: &'v Benefit,
    /// Room under each of its caps, in satang, by [`satang_core::programme::CapPeriod`]; 0 where there is none.
    pub rooms: [u32; 4],
    /// What each of its sources paid in the period it names, in satang.
    pub paid: [u32; SOURCES_MAX],
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// What stands now. While it lives, nothing changes the directory: keep it briefly, and wait for nothing.
    ///
    /// # Errors
    /// [`SubmitError::Clock`].
    pub fn view(&self) -> Result<View<'_, R, C>, SubmitError> {
        let at = self.now()?;
        Ok(View {
            engine: self,
            directory: self.state.directory.read(),
            at,
        })
    }

    /// Whether a list was ever imported; a rightly empty one, too.
    pub fn is_list_imported(&self, list: &Name) -> bool {
        let imported_empty = self.of_directory(|directory| {
            let number = directory.number_of(list);
            (number, directory.is_imported_empty(number))
        });
        match imported_empty {
            (_, true) => true,
            (number, false) => self.state.listed_len(number) > 0,
        }
    }

    /// The name with this number.
    pub fn name(&self, number: NameNumber) -> Option<Name> {
        self.of_directory(|directory| directory.name(number).copied())
    }

    /// A keyed hash of an id, by which a log names whom it is about: the same for the same id, and no guess can be tested without the
    /// folder's key.
    pub fn subject_hash(&self, id: &str) -> u64 {
        self.persons
            .content_hash(&[b"audit subject", id.to_ascii_lowercase().as_bytes()])
    }

    /// Something of the directory, at whatever time.
    pub fn of_directory<T>(&self, look: impl FnOnce(&Directory) -> T) -> T {
        look(&self.state.directory.read())
    }
}

impl<R: ReadLog, C: Clock> View<'_, R, C> {
    /// The time it shows.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The business date it shows.
    pub fn today(&self) -> BusinessDate {
        self.at.business_date()
    }

    /// Names, rules, merchants and casework.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The rule version that shows for each programme in force: the one that counts today, or else the first that will.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        let rule = |(program, _)| self.directory.rule_on_or_first(program, self.today());
        self.directory.in_force().filter_map(rule)
    }

    /// How many rights are live in the rule's programme.
    pub fn live_entitlements(&self, rule: &Rule) -> Result<u64, SubmitError> {
        self.engine.live_entitlements(&self.directory, rule, self.at)
    }

    /// The last ticket of the rule's programme; 0 before the first.
    pub fn tickets(&self, rule: &Rule) -> u64 {
        self.engine.state.quotas.lock().tickets(rule.entitlement_key)
    }

    /// How many registrations were accepted in each of the last whole `seconds`, the oldest first.
    pub fn accepted_lately(&self, rule: &Rule, seconds: usize) -> Vec<u64> {
        self.engine
            .arrivals
            .before(rule.entitlement_key, self.at, seconds)
    }

    /// Every imported list, and how many citizens are on it.
    pub fn lists(&self) -> impl Iterator<Item = (Name, u64)> {
        let mut lists = self.engine.state.lists();
        for list in self.directory.imported_empty() {
            lists.entry(list).or_default();
        }
        let lists = lists.into_iter();
        lists.filter_map(|(number, len)| Some((*self.directory.name(number)?, len)))
    }

    /// How many citizens are on a list; `None` when it was never imported.
    pub fn listed_len(&self, list: &Name) -> Option<u64> {
        let list = self.directory.number_of(list);
        let len = self.engine.state.listed_len(list);
        (len > 0 || self.directory.is_imported_empty(list)).then_some(len)
    }

    /// Whether a registration gets past `outside_hours`, of a citizen who is no holder of an earlier programme: the rule version
    /// counts today, the programme is not paused, and its dates and hours let in whoever comes.
    pub fn is_open(&self, rule: &Rule) -> bool {
        let today = self.directory.rule_on(rule.program, self.today());
        let lets_in = |registration: &Registration| {
            registration.is_open_on(self.today(), false)
                && registration.hours.contains(self.at.time_of_day_ms())
        };
        today.is_some_and(|today| today.number == rule.number)
            && self.directory.paused(rule.program).is_none()
            && rule.policy.registration.as_ref().is_some_and(lets_in)
    }

    /// A wallet; `None` when nothing ever named it.
    pub fn wallet(&self, wallet: WalletId) -> Option<WalletView<'_>> {
        let wallets = self.copy_of(wallet);
        let status = wallets.status(wallet)?;
        let mut rights: Vec<EntitlementView<'_>> = self
            .rules()
            .filter_map(|rule| self.right(&wallets, wallet, rule))
            .collect();
        rights.sort_by_key(|held| held.rule.policy.id);
        Some(WalletView {
            status,
            person: wallets.person(wallet),
            rights,
        })
    }

    fn right<'v>(
        &'v self,
        wallets: &WalletShard,
        wallet: WalletId,
        rule: &'v Rule,
    ) -> Option<EntitlementView<'v>> {
        let right = wallets.standing(wallet, rule.entitlement_key)?.entitlement?;
        // What was used is kept with the citizen's home wallet.
        let home = right.home.map(|home| (self.copy_of(home), home));
        let (room, home) = home
            .as_ref()
            .map_or((wallets, wallet), |(shard, home)| (shard, *home));
        let benefits = rule.benefits.iter().zip(&rule.policy.benefits);
        let benefits = benefits.filter(|(compiled, _)| !compiled.household || right.household.is_some());
        let first_use_by = match wallets.has_drawn(wallet, &rule.every_benefit) {
            true => None,
            false => self.directory.first_use_by(rule, &right, self.at),
        };
        let struck = self.directory.struck(rule.program, self.at);
        Some(EntitlementView {
            rule,
            first_use_by,
            lapsed: wallets.has_lapsed(wallet, &right, &rule.every_benefit, struck),
            benefits: benefits
                .map(|(compiled, benefit)| self.benefit((room, home), &right, compiled, benefit))
                .collect(),
            right,
        })
    }

    fn benefit<'v>(
        &self,
        (wallets, wallet): (&WalletShard, WalletId),
        right: &Entitlement,
        compiled: &BenefitRule,
        benefit: &'v Benefit,
    ) -> BenefitView<'v> {
        let (number, period) = (compiled.number, compiled.sources_period);
        let (rooms, paid) = match right.household.filter(|_| compiled.household) {
            None => (
                wallets.headroom(wallet, compiled, right.tier, self.at),
                wallets.paid(wallet, number, period, self.at),
            ),
            Some(household) => {
                let state = &self.engine.state;
                let households = state.households[state.seed.household_shard(household)].lock();
                (
                    households.headroom(household, compiled, right.tier, self.at),
                    households.paid(household, number, period, self.at),
                )
            }
        };
        BenefitView { benefit, rooms, paid }
    }

    /// A copy, to be looked at without a lock: households come before wallets in the order of locks.
    fn copy_of(&self, wallet: WalletId) -> WalletShard {
        let state = &self.engine.state;
        state.wallets[state.seed.wallet_shard(wallet)]
            .lock()
            .of_wallet(wallet)
    }
}
