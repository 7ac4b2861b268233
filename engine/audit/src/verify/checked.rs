//! What of the state a record changes in a verification: where it was decided again, and only what can bear it, since a record may
//! be forged.

use satang_core::ids::{HouseholdId, PersonId, WalletId};
use satang_core::record::BenefitNumber;
use satang_core::state::account::WalletShard;
use satang_core::state::apply::{IdKey, Shards};
use satang_core::state::dedup::IdShard;
use satang_core::state::directory::Directory;
use satang_core::state::household::HouseholdShard;
use satang_core::state::person::PersonShard;
use satang_core::state::quota::Quotas;
use satang_engine::recovery::worker_pool::OwnedShards;
use satang_engine::state::State;

/// Which accounts of a worker a record changes.
#[derive(Clone, Copy)]
pub enum Accounts {
    None,
    /// This wallet's alone: a plain purchase reaches no other.
    Wallet(WalletId),
    /// Every wallet and household that has a slot for the benefit.
    WithSlot(BenefitNumber),
}

/// A worker's shards, those in which a record was looked at.
pub struct OfWorker<'o, 'r> {
    pub own: &'o mut OwnedShards<'r>,
    /// Whether it changes the authorization's id.
    pub txn: bool,
    /// Whether it changes the reversal's id.
    pub reversal: bool,
    /// The accounts that it changes.
    pub accounts: Accounts,
}

impl<'o, 'r> OfWorker<'o, 'r> {
    /// Accounts, and no id.
    pub fn accounts(own: &'o mut OwnedShards<'r>, accounts: Accounts) -> OfWorker<'o, 'r> {
        OfWorker {
            own,
            txn: false,
            reversal: false,
            accounts,
        }
    }
}

impl Shards for OfWorker<'_, '_> {
    #[inline]
    fn ids(&mut self, id: IdKey, change: impl FnOnce(&mut IdShard)) {
        let checked = match id {
            IdKey::Txn(_) => self.txn,
            IdKey::Reversal(_) => self.reversal,
            IdKey::Registration(_) => false,
        };
        if checked && let Some(ids) = &mut self.own.ids[id.shard(&self.own.seed)] {
            change(ids);
        }
    }

    #[inline]
    fn wallet(&mut self, wallet: WalletId, change: impl FnOnce(&mut WalletShard)) {
        if let Some(wallets) = &mut self.own.wallets[self.own.seed.wallet_shard(wallet)]
            && match self.accounts {
                Accounts::None => false,
                Accounts::Wallet(only) => wallet == only,
                Accounts::WithSlot(benefit) => wallets.has_slot(wallet, benefit),
            }
        {
            change(wallets);
        }
    }

    #[inline]
    fn household(&mut self, household: HouseholdId, change: impl FnOnce(&mut HouseholdShard)) {
        if let Some(households) = &mut self.own.households[self.own.seed.household_shard(household)]
            && match self.accounts {
                Accounts::None | Accounts::Wallet(_) => false,
                Accounts::WithSlot(benefit) => households.has_slot(household, benefit),
            }
        {
            change(households);
        }
    }
}

/// The whole state, while no worker works: each part is locked when it is asked for.
pub struct Whole<'c> {
    pub state: &'c State,
    /// Whether the record's id has no outcome yet (I5).
    pub id_is_new: bool,
    /// Whether it was decided again: else it changes its id alone.
    pub decided: bool,
}

impl<'c> Whole<'c> {
    /// All of it, for a record that was decided again and has no id.
    pub fn of(state: &'c State) -> Whole<'c> {
        Whole {
            state,
            id_is_new: false,
            decided: true,
        }
    }
}

impl Shards for Whole<'_> {
    fn ids(&mut self, id: IdKey, change: impl FnOnce(&mut IdShard)) {
        if self.id_is_new {
            change(&mut self.state.ids[id.shard(&self.state.seed)].lock());
        }
    }

    fn citizen(&mut self, person: PersonId, change: impl FnOnce(&mut PersonShard)) {
        if self.decided {
            change(&mut self.state.citizens[self.state.seed.person_shard(person)].lock());
        }
    }

    fn household(&mut self, household: HouseholdId, change: impl FnOnce(&mut HouseholdShard)) {
        if self.decided {
            change(&mut self.state.households[self.state.seed.household_shard(household)].lock());
        }
    }

    fn wallet(&mut self, wallet: WalletId, change: impl FnOnce(&mut WalletShard)) {
        if self.decided {
            change(&mut self.state.wallets[self.state.seed.wallet_shard(wallet)].lock());
        }
    }

    fn quotas<T>(&mut self, change: impl FnOnce(&mut Quotas) -> T) -> Option<T> {
        self.decided.then(|| change(&mut self.state.quotas.lock()))
    }

    fn directory<T>(&mut self, change: impl FnOnce(&mut Directory) -> T) -> Option<T> {
        self.decided.then(|| change(&mut self.state.directory.write()))
    }
}
