//! Several shards locked at once without a deadlock, and the record that they were locked for.

pub mod purchase_locks;
pub mod holder_locks;

use parking_lot::{Mutex, MutexGuard};
use satang_core::ids::{HouseholdId, PersonId, WalletId};
use satang_core::record::Record;
use satang_core::state::account::WalletShard;
use satang_core::state::apply::{IdKey, Shards, apply};
use satang_core::state::dedup::IdShard;
use satang_core::state::directory::{AuditStamp, Directory};
use satang_core::state::hash::HashSeed;
use satang_core::state::household::HouseholdShard;
use satang_core::state::person::PersonShard;
use satang_core::state::quota::Quotas;

/// Shards locked together, in the order of their indices (I6).
pub struct Locked<'s, T> {
    guards: Vec<Option<MutexGuard<'s, T>>>,
}

impl<'s, T> Locked<'s, T> {
    /// Locks every shard that is wanted, each once.
    pub fn lock(shards: &'s [Mutex<T>], wanted: impl Iterator<Item = usize>) -> Locked<'s, T> {
        let mut lock = vec![false; shards.len()];
        wanted.for_each(|index| lock[index] = true);
        let guards = shards
            .iter()
            .zip(lock)
            .map(|(shard, lock)| lock.then(|| shard.lock()))
            .collect();
        Locked { guards }
    }

    /// A shard that was wanted.
    pub fn get(&self, index: usize) -> &T {
        self.guards[index]
            .as_ref()
            .expect("every wanted shard was locked")
    }

    /// A shard that was wanted, to change.
    pub fn get_mut(&mut self, index: usize) -> &mut T {
        self.guards[index]
            .as_mut()
            .expect("every wanted shard was locked")
    }
}

/// Shards of one kind that a record may change.
pub enum Guards<'a, 's, T> {
    /// No shard of the kind is locked.
    None,
    /// The one with this index.
    One(usize, &'a mut T),
    Several(&'a mut Locked<'s, T>),
}

/// Locks the shard with this index, when there is one.
pub fn lock_one<T>(shards: &[Mutex<T>], index: Option<usize>) -> Option<(usize, MutexGuard<'_, T>)> {
    index.map(|index| (index, shards[index].lock()))
}

impl<'a, T> Guards<'a, '_, T> {
    /// What [`lock_one`] locked.
    pub fn one(locked: &'a mut Option<(usize, MutexGuard<'_, T>)>) -> Self {
        match locked {
            Some((index, shard)) => Guards::One(*index, shard),
            None => Guards::None,
        }
    }
}

impl<T> Guards<'_, '_, T> {
    #[inline]
    fn get_mut(&mut self, index: usize) -> &mut T {
        match self {
            Guards::One(locked, shard) if *locked == index => shard,
            Guards::Several(shards) => shards.get_mut(index),
            Guards::None | Guards::One(..) => panic!("a record changes only what was locked to decide it"),
        }
    }
}

/// The parts of the state that were locked to decide a record, which changes them. It panics when the record changes another one.
pub struct LockedShards<'a, 's> {
    /// The state's.
    pub seed: HashSeed,
    pub ids: Guards<'a, 's, IdShard>,
    pub citizens: Guards<'a, 's, PersonShard>,
    pub households: Guards<'a, 's, HouseholdShard>,
    pub wallets: Guards<'a, 's, WalletShard>,
    /// The counters of rights.
    pub quotas: Option<&'a mut Quotas>,
    /// Names, rules, merchants and casework.
    pub directory: Option<&'a mut Directory>,
}

impl LockedShards<'_, '_> {
    /// Nothing is locked, of the state with this seed.
    #[inline]
    pub const fn none(seed: HashSeed) -> Self {
        LockedShards {
            seed,
            ids: Guards::None,
            citizens: Guards::None,
            households: Guards::None,
            wallets: Guards::None,
            quotas: None,
            directory: None,
        }
    }

    /// Applies a record that was just appended.
    ///
    /// # Panics
    /// When it does not fit: it was decided by what is locked.
    pub fn apply(&mut self, record: &Record, made: &AuditStamp) {
        apply(record, made, self).expect("a record just made fits what came before");
    }
}

impl Shards for LockedShards<'_, '_> {
    #[inline]
    fn ids(&mut self, id: IdKey, change: impl FnOnce(&mut IdShard)) {
        change(self.ids.get_mut(id.shard(&self.seed)));
    }

    #[inline]
    fn citizen(&mut self, person: PersonId, change: impl FnOnce(&mut PersonShard)) {
        change(self.citizens.get_mut(self.seed.person_shard(person)));
    }

    #[inline]
    fn household(&mut self, household: HouseholdId, change: impl FnOnce(&mut HouseholdShard)) {
        change(self.households.get_mut(self.seed.household_shard(household)));
    }

    #[inline]
    fn wallet(&mut self, wallet: WalletId, change: impl FnOnce(&mut WalletShard)) {
        change(self.wallets.get_mut(self.seed.wallet_shard(wallet)));
    }

    #[inline]
    fn quotas<T>(&mut self, change: impl FnOnce(&mut Quotas) -> T) -> Option<T> {
        let quotas = self.quotas.as_deref_mut();
        Some(change(quotas.expect("the counters were locked to decide")))
    }

    #[inline]
    fn directory<T>(&mut self, change: impl FnOnce(&mut Directory) -> T) -> Option<T> {
        let directory = self.directory.as_deref_mut();
        Some(change(directory.expect("the directory was locked to decide")))
    }
}
