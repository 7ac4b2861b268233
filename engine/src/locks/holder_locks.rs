//! The shards of persons, and of the wallets through which they hold rights: what granting a right reads and changes.

use crate::locks::{Guards, Locked, LockedShards};
use crate::state::State;
use satang_core::decide::register::{wallets_held, wallets_of};
use satang_core::ids::{PersonId, WalletId};
use satang_core::state::account::WalletShard;
use satang_core::state::directory::Directory;
use satang_core::state::hash::HashSeed;
use satang_core::state::person::PersonShard;

/// Shards of citizens and wallets, locked together in that order.
pub struct HolderLocks<'s> {
    seed: &'s HashSeed,
    citizens: Locked<'s, PersonShard>,
    wallets: Locked<'s, WalletShard>,
}

impl<'s> HolderLocks<'s> {
    /// Locks the shards of all the wallets, and, where a right of a person is at stake, the person's and those of the wallets
    /// through which the person holds, or held, rights.
    pub fn lock(
        state: &'s State,
        directory: &Directory,
        wanted: impl Iterator<Item = (WalletId, Option<PersonId>)> + Clone,
    ) -> HolderLocks<'s> {
        let seed = &state.seed;
        let persons = wanted.clone().filter_map(|(_, person)| person);
        let citizens = Locked::lock(&state.citizens, persons.map(|person| seed.person_shard(person)));
        let mut wallets = Vec::new();
        for (wallet, person) in wanted {
            wallets.push(seed.wallet_shard(wallet));
            if let Some(person) = person {
                let held = wallets_of(directory, wallet, person, citizens.get(seed.person_shard(person)));
                wallets.extend(held.map(|wallet| seed.wallet_shard(wallet)));
            }
        }
        HolderLocks {
            seed,
            citizens,
            wallets: Locked::lock(&state.wallets, wallets.into_iter()),
        }
    }

    /// Locks what a right of one person through one wallet has to do with.
    pub fn lock_one(
        state: &'s State,
        directory: &Directory,
        person: PersonId,
        wallet: WalletId,
    ) -> HolderLocks<'s> {
        HolderLocks::lock(state, directory, core::iter::once((wallet, Some(person))))
    }

    /// Locks what the rights of one person through two wallets have to do with.
    pub fn lock_two(
        state: &'s State,
        directory: &Directory,
        person: PersonId,
        wallets: [WalletId; 2],
    ) -> HolderLocks<'s> {
        let wanted = wallets.into_iter().map(|wallet| (wallet, Some(person)));
        HolderLocks::lock(state, directory, wanted)
    }

    /// Locks a person's shard, and those of the wallets through which the person holds, or held, rights.
    pub fn lock_person(state: &'s State, directory: &Directory, person: PersonId) -> HolderLocks<'s> {
        let seed = &state.seed;
        let shard = seed.person_shard(person);
        let citizens = Locked::lock(&state.citizens, core::iter::once(shard));
        let held = wallets_held(directory, person, citizens.get(shard));
        let wallets = Locked::lock(&state.wallets, held.map(|wallet| seed.wallet_shard(wallet)));
        HolderLocks {
            seed,
            citizens,
            wallets,
        }
    }

    /// The wallets through which a person that was locked holds, or held, rights; sorted.
    pub fn wallets_of_person(&self, directory: &Directory, person: PersonId) -> Vec<WalletId> {
        let mut wallets: Vec<WalletId> = wallets_held(directory, person, self.citizens(person)).collect();
        wallets.sort_unstable();
        wallets.dedup();
        wallets
    }

    /// The shard of a person that was locked.
    pub fn citizens(&self, person: PersonId) -> &PersonShard {
        self.citizens.get(self.seed.person_shard(person))
    }

    /// The shard of a wallet that was locked.
    pub fn wallets(&self, wallet: WalletId) -> &WalletShard {
        self.wallets.get(self.seed.wallet_shard(wallet))
    }

    /// What was locked, for a record to change.
    pub fn shards(&mut self) -> LockedShards<'_, 's> {
        LockedShards {
            citizens: Guards::Several(&mut self.citizens),
            wallets: Guards::Several(&mut self.wallets),
            ..LockedShards::none(*self.seed)
        }
    }
}
