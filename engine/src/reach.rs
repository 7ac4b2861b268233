//! The shards that decisions on purchases read and change: mostly those of wallets alone; for a household's benefit the
//! household's, and for a citizen with rights in several programmes the citizen's and all of the citizen's wallets'.

use crate::locked::Locked;
use crate::state::State;
use satang_core::account::{WalletShard, wallet_shard};
use satang_core::authorize::{Beyond, Needed, Numbered, drew_elsewhere, needed};
use satang_core::calendar::Instant;
use satang_core::citizen::{CitizenShard, citizen_shard};
use satang_core::directory::Directory;
use satang_core::household::{HouseholdShard, household_shard};
use satang_core::ids::{HouseholdId, PersonId};
use satang_core::record::Authorization;

/// Shards of citizens, households and wallets, locked together in that order.
pub struct Reach<'s> {
    citizens: Locked<'s, CitizenShard>,
    households: Locked<'s, HouseholdShard>,
    wallets: Locked<'s, WalletShard>,
    /// What was locked besides the wallets of the purchases.
    needs: Vec<Needed>,
}

impl<'s> Reach<'s> {
    /// Locks what deciding the purchases at `at` reads. What a purchase needs shows once its wallet is locked; so the locks are
    /// given back and taken again, in their order, until nothing is missing.
    pub fn lock(
        state: &'s State,
        directory: &Directory,
        purchases: &[Numbered<'_>],
        at: Instant,
    ) -> Reach<'s> {
        let mut needs = Vec::new();
        loop {
            let reach = Reach::lock_for(state, directory, purchases, needs);
            let mut missing = reach.missing(directory, purchases, at);
            if missing.is_empty() {
                return reach;
            }
            needs = reach.needs;
            needs.append(&mut missing);
        }
    }

    fn lock_for(
        state: &'s State,
        directory: &Directory,
        purchases: &[Numbered<'_>],
        needs: Vec<Needed>,
    ) -> Reach<'s> {
        let persons = || needs.iter().filter_map(person);
        let citizens = Locked::lock(&state.citizens, persons().map(citizen_shard));
        let households = needs.iter().filter_map(household).map(household_shard);
        let households = Locked::lock(&state.households, households);
        let own = purchases
            .iter()
            .map(|numbered| wallet_shard(numbered.purchase.wallet));
        let mut wanted: Vec<usize> = own.collect();
        for purchase in persons() {
            let shard = citizens.get(citizen_shard(purchase));
            let held = directory
                .entitlements()
                .filter_map(|entitlement| shard.last_wallet(purchase, entitlement));
            wanted.extend(held.map(wallet_shard));
        }
        Reach {
            citizens,
            households,
            wallets: Locked::lock(&state.wallets, wanted.into_iter()),
            needs,
        }
    }

    /// What deciding the purchases at `at` reads and is not locked.
    pub fn missing(&self, directory: &Directory, purchases: &[Numbered<'_>], at: Instant) -> Vec<Needed> {
        let mut missing = Vec::new();
        for numbered in purchases {
            let needed = needed(directory, self.wallets(numbered), numbered, at);
            let new = |need: &Needed| !self.needs.contains(need);
            missing.extend(needed.into_iter().flatten().filter(new));
        }
        missing
    }

    /// Whether nothing is locked but the wallets of the purchases.
    pub fn is_plain(&self) -> bool {
        self.needs.is_empty()
    }

    /// The shard of a purchase's wallet.
    pub fn wallets(&self, numbered: &Numbered<'_>) -> &WalletShard {
        self.wallets.get(wallet_shard(numbered.purchase.wallet))
    }

    /// What a decision on the purchase needs besides its wallet's shard.
    pub fn beyond(&self, directory: &Directory, numbered: &Numbered<'_>, at: Instant) -> Beyond<'_> {
        if self.is_plain() {
            return Beyond::default();
        }
        let mut beyond = Beyond::default();
        for need in needed(directory, self.wallets(numbered), numbered, at)
            .iter()
            .flatten()
        {
            match need {
                Needed::Household(household) => {
                    beyond.households = Some(self.households.get(household_shard(*household)));
                }
                Needed::Person(person) => {
                    let citizens = self.citizens.get(citizen_shard(*person));
                    let wallets = |wallet| self.wallets.get(wallet_shard(wallet));
                    let drew = drew_elsewhere(directory, numbered.program, *person, citizens, wallets, at);
                    beyond.drew_elsewhere = Some(drew);
                }
            }
        }
        beyond
    }

    /// Applies an authorization that was just appended.
    pub fn apply(&mut self, authorization: &Authorization) {
        self.wallets
            .get_mut(wallet_shard(authorization.wallet()))
            .apply_authorization(authorization);
        if let Some(household) = authorization.extra.household() {
            self.households
                .get_mut(household_shard(household))
                .apply_authorization(authorization);
        }
    }
}

fn person(need: &Needed) -> Option<PersonId> {
    match need {
        Needed::Person(person) => Some(*person),
        Needed::Household(_) => None,
    }
}

fn household(need: &Needed) -> Option<HouseholdId> {
    match need {
        Needed::Household(household) => Some(*household),
        Needed::Person(_) => None,
    }
}
