//! The shards that decisions on purchases read and change: mostly those of wallets alone; for a household's benefit the
//! household's; for a right that came from another wallet the home wallet's; and for a citizen with rights in several programmes
//! the citizen's and all of the citizen's wallets'.

use crate::locks::{Guards, Locked, LockedShards};
use crate::state::State;
use satang_core::calendar::Instant;
use satang_core::decide::authorize::{
    CrossShardFacts, CrossShardNeed, ResolvedPurchase, drew_elsewhere, needed,
};
use satang_core::decide::register::wallets_held;
use satang_core::ids::{HouseholdId, PersonId, WalletId};
use satang_core::state::account::WalletShard;
use satang_core::state::directory::Directory;
use satang_core::state::hash::HashSeed;
use satang_core::state::household::HouseholdShard;
use satang_core::state::person::PersonShard;

/// Shards of citizens, households and wallets, locked together in that order.
pub struct PurchaseLocks<'s> {
    seed: &'s HashSeed,
    citizens: Locked<'s, PersonShard>,
    households: Locked<'s, HouseholdShard>,
    wallets: Locked<'s, WalletShard>,
    /// What was locked besides the wallets of the purchases.
    needs: Vec<CrossShardNeed>,
}

impl<'s> PurchaseLocks<'s> {
    /// Locks what deciding the purchases at `at` reads. What a purchase needs shows once its wallet is locked; so the locks are
    /// given back and taken again, in their order, until nothing is missing.
    pub fn lock(
        state: &'s State,
        directory: &Directory,
        purchases: &[ResolvedPurchase<'_>],
        at: Instant,
    ) -> PurchaseLocks<'s> {
        let mut needs = Vec::new();
        loop {
            let locks = PurchaseLocks::lock_for(state, directory, purchases, needs);
            let mut missing = locks.missing(directory, purchases, at);
            if missing.is_empty() {
                return locks;
            }
            needs = locks.needs;
            needs.append(&mut missing);
        }
    }

    fn lock_for(
        state: &'s State,
        directory: &Directory,
        purchases: &[ResolvedPurchase<'_>],
        needs: Vec<CrossShardNeed>,
    ) -> PurchaseLocks<'s> {
        let seed = &state.seed;
        let wallet_shard = |wallet| seed.wallet_shard(wallet);
        let persons = || needs.iter().filter_map(person);
        let citizens = persons().map(|person| seed.person_shard(person));
        let citizens = Locked::lock(&state.citizens, citizens);
        let households = needs.iter().filter_map(household);
        let households = households.map(|household| seed.household_shard(household));
        let households = Locked::lock(&state.households, households);
        let own = purchases
            .iter()
            .map(|numbered| wallet_shard(numbered.purchase.wallet));
        let mut wanted: Vec<usize> = own.collect();
        wanted.extend(needs.iter().filter_map(home).map(wallet_shard));
        for person in persons() {
            let held = wallets_held(directory, person, citizens.get(seed.person_shard(person)));
            wanted.extend(held.map(wallet_shard));
        }
        PurchaseLocks {
            seed,
            citizens,
            households,
            wallets: Locked::lock(&state.wallets, wanted.into_iter()),
            needs,
        }
    }

    /// What deciding the purchases at `at` reads and is not locked.
    pub fn missing(
        &self,
        directory: &Directory,
        purchases: &[ResolvedPurchase<'_>],
        at: Instant,
    ) -> Vec<CrossShardNeed> {
        let mut missing = Vec::new();
        for numbered in purchases {
            let needed = needed(directory, self.wallets(numbered), numbered, at);
            let new = |need: &CrossShardNeed| !self.needs.contains(need);
            missing.extend(needed.into_iter().flatten().filter(new));
        }
        for person in self.needs.iter().filter_map(person) {
            missing.extend(
                self.homes_of(directory, person)
                    .map(CrossShardNeed::Home)
                    .filter(|home| !self.needs.contains(home)),
            );
        }
        missing
    }

    /// The home wallets that the wallets of a person that was locked name.
    fn homes_of(&self, directory: &Directory, person: PersonId) -> impl Iterator<Item = WalletId> {
        let citizens = self.citizens.get(self.seed.person_shard(person));
        directory.entitlement_keys().filter_map(move |entitlement| {
            let wallet = citizens.last_wallet(person, entitlement)?;
            self.wallets
                .get(self.seed.wallet_shard(wallet))
                .home(wallet, entitlement)
        })
    }

    /// Whether the room of some purchase is a home wallet's: its record may be longer.
    pub fn has_homes(&self) -> bool {
        self.needs
            .iter()
            .any(|need| matches!(need, CrossShardNeed::Home(_)))
    }

    /// Whether nothing is locked but the wallets of the purchases.
    pub fn is_plain(&self) -> bool {
        self.needs.is_empty()
    }

    /// The shard of a purchase's wallet.
    pub fn wallets(&self, numbered: &ResolvedPurchase<'_>) -> &WalletShard {
        self.wallets.get(self.seed.wallet_shard(numbered.purchase.wallet))
    }

    /// What a decision on the purchase needs besides its wallet's shard.
    pub fn facts(
        &self,
        directory: &Directory,
        numbered: &ResolvedPurchase<'_>,
        at: Instant,
    ) -> CrossShardFacts<'_> {
        if self.is_plain() {
            return CrossShardFacts::default();
        }
        let mut facts = CrossShardFacts::default();
        for need in needed(directory, self.wallets(numbered), numbered, at)
            .iter()
            .flatten()
        {
            match need {
                CrossShardNeed::Household(household) => {
                    facts.households = Some(self.households.get(self.seed.household_shard(*household)));
                }
                CrossShardNeed::Home(home) => {
                    facts.home = Some(self.wallets.get(self.seed.wallet_shard(*home)));
                }
                CrossShardNeed::Person(person) => {
                    let citizens = self.citizens.get(self.seed.person_shard(*person));
                    let wallets = |wallet| self.wallets.get(self.seed.wallet_shard(wallet));
                    let drew = drew_elsewhere(directory, numbered.program, *person, citizens, wallets, at);
                    facts.drew_elsewhere = Some(drew);
                }
            }
        }
        facts
    }

    /// What was locked, for a record to change.
    pub fn shards(&mut self) -> LockedShards<'_, 's> {
        LockedShards {
            citizens: Guards::Several(&mut self.citizens),
            households: Guards::Several(&mut self.households),
            wallets: Guards::Several(&mut self.wallets),
            ..LockedShards::none(*self.seed)
        }
    }
}

fn person(need: &CrossShardNeed) -> Option<PersonId> {
    match need {
        CrossShardNeed::Person(person) => Some(*person),
        CrossShardNeed::Household(_) | CrossShardNeed::Home(_) => None,
    }
}

fn home(need: &CrossShardNeed) -> Option<WalletId> {
    match need {
        CrossShardNeed::Home(home) => Some(*home),
        CrossShardNeed::Household(_) | CrossShardNeed::Person(_) => None,
    }
}

fn household(need: &CrossShardNeed) -> Option<HouseholdId> {
    match need {
        CrossShardNeed::Household(household) => Some(*household),
        CrossShardNeed::Person(_) | CrossShardNeed::Home(_) => None,
    }
}
