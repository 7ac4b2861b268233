//! The shards that decisions on purchases read and change: mostly those of wallets alone; for a household's benefit the
//! household's; for a right that came from another wallet the home wallet's; and for a citizen with rights in several programmes
//! the citizen's and all of the citizen's wallets'.

use crate::locked::{Guards, Locked, LockedShards};
use crate::state::State;
use satang_core::account::{WalletShard, wallet_shard};
use satang_core::authorize::{Beyond, Needed, Numbered, drew_elsewhere, needed};
use satang_core::calendar::Instant;
use satang_core::citizen::{CitizenShard, citizen_shard};
use satang_core::directory::Directory;
use satang_core::household::{HouseholdShard, household_shard};
use satang_core::ids::{HouseholdId, PersonId, WalletId};
use satang_core::register::wallets_held;

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
        wanted.extend(needs.iter().filter_map(home).map(wallet_shard));
        for person in persons() {
            let held = wallets_held(directory, person, citizens.get(citizen_shard(person)));
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
        for person in self.needs.iter().filter_map(person) {
            missing.extend(
                self.homes_of(directory, person)
                    .map(Needed::Home)
                    .filter(|home| !self.needs.contains(home)),
            );
        }
        missing
    }

    /// The home wallets that the wallets of a person that was locked name.
    fn homes_of(&self, directory: &Directory, person: PersonId) -> impl Iterator<Item = WalletId> {
        let citizens = self.citizens.get(citizen_shard(person));
        directory.entitlements().filter_map(move |entitlement| {
            let wallet = citizens.last_wallet(person, entitlement)?;
            self.wallets.get(wallet_shard(wallet)).home(wallet, entitlement)
        })
    }

    /// Whether the room of some purchase is a home wallet's: its record may be longer.
    pub fn has_homes(&self) -> bool {
        self.needs.iter().any(|need| matches!(need, Needed::Home(_)))
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
                Needed::Home(home) => {
                    beyond.home = Some(self.wallets.get(wallet_shard(*home)));
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

    /// What was locked, for a record to change.
    pub fn shards(&mut self) -> LockedShards<'_, 's> {
        LockedShards {
            citizens: Guards::Several(&mut self.citizens),
            households: Guards::Several(&mut self.households),
            wallets: Guards::Several(&mut self.wallets),
            ..LockedShards::NONE
        }
    }
}

fn person(need: &Needed) -> Option<PersonId> {
    match need {
        Needed::Person(person) => Some(*person),
        Needed::Household(_) | Needed::Home(_) => None,
    }
}

fn home(need: &Needed) -> Option<WalletId> {
    match need {
        Needed::Home(home) => Some(*home),
        Needed::Household(_) | Needed::Person(_) => None,
    }
}

fn household(need: &Needed) -> Option<HouseholdId> {
    match need {
        Needed::Household(household) => Some(*household),
        Needed::Person(_) | Needed::Home(_) => None,
    }
}
