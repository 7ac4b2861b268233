//! The accounts in memory, in shards that are locked one by one.
//!
//! Locks have one total order (I6): directory → id shards by index → citizen shards by index → household shards by index → wallet
//! shards by index → quotas → append.

use crossbeam::sync::{ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard};
use parking_lot::Mutex;
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::ids::PersonId;
use satang_core::record::{BenefitNumber, NameNumber};
use satang_core::state::account::{WALLET_SHARDS, WalletShard};
use satang_core::state::dedup::{ID_SHARDS, IdShard};
use satang_core::state::directory::{Directory, Rule};
use satang_core::state::hash::{HashSeed, hash_pair};
use satang_core::state::household::{HOUSEHOLD_SHARDS, HouseholdShard};
use satang_core::state::person::{PERSON_SHARDS, PersonShard};
use satang_core::state::quota::Quotas;
use satang_core::state::totals::ProgramTotals;
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// How many wallets and ids to expect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected {
    /// Wallets of one benefit each.
    pub wallets: usize,
    /// Authorizations of two days.
    pub ids: usize,
}

/// The most ids that memory is reserved for ahead of a replay: tables that grow meanwhile are copied again and again, but a long
/// journal's ids leave memory day by day.
const IDS_RESERVED_MAX: u64 = 1 << 26;

impl Expected {
    /// The same, with room for `ids` that are about to be replayed.
    pub fn with_replayed(self, ids: u64) -> Expected {
        Expected {
            ids: self.ids.max(ids.min(IDS_RESERVED_MAX) as usize),
            ..self
        }
    }

    /// What one shard of each kind may expect, unevenness included.
    pub fn per_shard(self) -> Expected {
        let of = |all: usize, shards: usize| all / shards + all / shards / 16;
        Expected {
            wallets: of(self.wallets, WALLET_SHARDS),
            ids: of(self.ids, ID_SHARDS),
        }
    }
}

/// Everything a decision reads or changes.
pub struct State {
    /// Of the hashes that choose the shards, and of those of their tables.
    pub seed: HashSeed,
    /// Names, rules, merchants, statuses. Held for reading over a decision and its append, so that the decision is by the
    /// version in force at its place in the journal (I3).
    pub directory: DirectoryLock,
    /// Ids and where their records lie.
    pub ids: Vec<Mutex<IdShard>>,
    pub citizens: Vec<Mutex<PersonShard>>,
    /// Households and what their members drew together.
    pub households: Vec<Mutex<HouseholdShard>>,
    /// Wallets and what they drew.
    pub wallets: Vec<Mutex<WalletShard>>,
    /// How many hold a right in each programme, and the last ticket.
    pub quotas: Mutex<Quotas>,
}

/// The directory behind one lock in eight parts. A reader takes its thread's part, which few threads share, so that cores seldom
/// write one word; a writer takes all of them.
pub struct DirectoryLock(ShardedLock<Directory>);

impl DirectoryLock {
    /// Locks it for reading.
    #[inline]
    pub fn read(&self) -> ShardedLockReadGuard<'_, Directory> {
        // A panic under the lock has ended the process.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks it for writing.
    pub fn write(&self) -> ShardedLockWriteGuard<'_, Directory> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks it for writing when nobody holds it.
    pub fn try_write(&self) -> Option<ShardedLockWriteGuard<'_, Directory>> {
        self.0.try_write().ok()
    }
}

impl From<Directory> for DirectoryLock {
    fn from(directory: Directory) -> DirectoryLock {
        DirectoryLock(ShardedLock::new(directory))
    }
}

impl State {
    /// The empty state, with memory for what is expected before any table grows.
    pub fn with_room_for(seed: HashSeed, expected: Expected) -> State {
        let Expected { wallets, ids } = expected.per_shard();
        State {
            seed,
            directory: Directory::new(seed).into(),
            ids: (0..ID_SHARDS)
                .map(|_| Mutex::new(IdShard::with_room_for(seed, ids)))
                .collect(),
            citizens: (0..PERSON_SHARDS)
                .map(|_| Mutex::new(PersonShard::with_room_for(seed, wallets)))
                .collect(),
            households: (0..HOUSEHOLD_SHARDS)
                .map(|_| Mutex::new(HouseholdShard::new(seed)))
                .collect(),
            wallets: (0..WALLET_SHARDS)
                .map(|_| Mutex::new(WalletShard::with_room_for(seed, wallets)))
                .collect(),
            quotas: Mutex::default(),
        }
    }

    /// How many insertions into a table had a long probe ([`LONG_PROBE`]) since the start.
    ///
    /// [`LONG_PROBE`]: satang_core::state::table::LONG_PROBE
    pub fn long_probes(&self) -> u64 {
        let ids = self.ids.iter().map(|shard| shard.lock().long_probes());
        let citizens = self.citizens.iter().map(|shard| shard.lock().long_probes());
        let households = self.households.iter().map(|shard| shard.lock().long_probes());
        let wallets = self.wallets.iter().map(|shard| shard.lock().long_probes());
        let shards: u64 = ids.chain(citizens).chain(households).chain(wallets).sum();
        shards + self.directory.read().long_probes()
    }

    /// How many wallets are known.
    pub fn wallets_len(&self) -> usize {
        self.wallets.iter().map(|shard| shard.lock().wallets_len()).sum()
    }

    /// How many authorization and reversal ids are known.
    pub fn ids_len(&self) -> usize {
        self.ids.iter().map(|shard| shard.lock().ids_len()).sum()
    }

    /// How many persons an imported list has.
    pub fn listed_len(&self, list: NameNumber) -> u64 {
        self.citizens
            .iter()
            .map(|shard| shard.lock().listed_len(list))
            .sum()
    }

    /// How many persons each imported list has.
    pub fn lists(&self) -> BTreeMap<NameNumber, u64> {
        let mut lists = BTreeMap::new();
        for shard in &self.citizens {
            for (list, len) in shard.lock().lists() {
                *lists.entry(*list).or_default() += len;
            }
        }
        lists
    }

    /// How many rights in the rule's programme lapsed when the deadline struck: read from every shard, one by one.
    pub fn count_lapsed(&self, rule: &Rule, deadline: Instant) -> u64 {
        self.wallets
            .iter()
            .map(|shard| shard.lock().lapsed_len(rule, deadline))
            .sum()
    }

    /// Bytes of memory the tables of wallets and citizens take, and those of ids.
    pub fn memory_bytes(&self) -> (usize, usize) {
        let wallets: usize = self.wallets.iter().map(|shard| shard.lock().memory_bytes()).sum();
        let citizens: usize = self
            .citizens
            .iter()
            .map(|shard| shard.lock().memory_bytes())
            .sum();
        let households = self.households.iter().map(|shard| shard.lock().memory_bytes());
        let households: usize = households.sum();
        let ids = self.ids.iter().map(|shard| shard.lock().memory_bytes()).sum();
        (wallets + citizens + households, ids)
    }

    /// The state's money per programme, as of `today`.
    pub fn totals(&self, today: BusinessDate) -> Vec<ProgramTotals> {
        let mut all: Vec<ProgramTotals> = Vec::new();
        let mut add = |of_shard: &[ProgramTotals]| {
            for totals in of_shard {
                match all.iter_mut().find(|entry| entry.program == totals.program) {
                    Some(entry) => entry.add(*totals),
                    None => all.push(*totals),
                }
            }
        };
        self.wallets.iter().for_each(|shard| add(shard.lock().totals()));
        self.households
            .iter()
            .for_each(|shard| add(shard.lock().totals()));
        all.iter_mut().for_each(|totals| totals.move_to(today));
        all
    }

    /// I4: over every slot, what is used in the programme is what was authorised less what was given back; and rights are
    /// counted as they are held.
    pub fn check_conservation(&self) -> Result<(), Unbalanced> {
        let benefits = self.directory.read().benefits_len() as u16;
        let used: u128 = (1..=benefits)
            .map(|number| self.used_in_program(BenefitNumber(number)))
            .sum();
        let totals = self.totals(BusinessDate::from_days(0));
        let (all, given_back) = totals
            .iter()
            .fold((0, 0), |sum, t| (sum.0 + t.all, sum.1 + t.given_back));
        match is_conserved(used, all, given_back) {
            true => self.check_entitlements(),
            false => Err(Unbalanced::Money {
                used,
                all,
                given_back,
            }),
        }
    }

    /// As many rights are counted as persons hold.
    fn check_entitlements(&self) -> Result<(), Unbalanced> {
        for (entitlement, counted) in self.quotas.lock().all_held() {
            let held: u64 = self
                .citizens
                .iter()
                .map(|shard| shard.lock().held_in(entitlement))
                .sum();
            if held != counted {
                return Err(Unbalanced::Rights { counted, held });
            }
        }
        Ok(())
    }

    /// State money used under a benefit over all wallets and households, modulo 2^32 where a bucket overflowed.
    pub fn used_in_program(&self, benefit: BenefitNumber) -> u128 {
        let wallets = self.wallets.iter();
        let wallets: u128 = wallets.map(|shard| shard.lock().used_in_program(benefit)).sum();
        let households = self.households.iter();
        wallets
            + households
                .map(|shard| shard.lock().used_in_program(benefit))
                .sum::<u128>()
    }

    /// A digest of the directory and all shards that depends neither on the order of arrival nor on the seed (I2): equal after a
    /// replay, once the ids of the same dates have left memory.
    pub fn digest(&self) -> u64 {
        hash_pair(self.accounts_digest(), sum(&self.ids, IdShard::digest))
    }

    /// The digest without ids.
    pub fn accounts_digest(&self) -> u64 {
        let directory = self.directory.read().digest();
        let shards = [
            self.quotas.lock().digest(),
            sum(&self.citizens, PersonShard::digest),
            sum(&self.households, HouseholdShard::digest),
            sum(&self.wallets, WalletShard::digest),
        ];
        shards.into_iter().fold(directory, hash_pair)
    }
}

/// The sum over shards: which of them has what makes no difference.
fn sum<T>(shards: &[Mutex<T>], of: impl Fn(&T) -> u64) -> u64 {
    shards
        .iter()
        .map(|shard| of(&shard.lock()))
        .fold(0, u64::wrapping_add)
}

/// I4: whether what is used in slots is what was authorised less what was given back, in satang.
pub fn is_conserved(used: u128, all: u128, given_back: u128) -> bool {
    // A bucket counts modulo 2^32 once more than that was used under no cap.
    let unused = all
        .checked_sub(given_back)
        .and_then(|kept| kept.checked_sub(used));
    unused.is_some_and(|unused| unused.is_multiple_of(1 << 32))
}

/// Why a state does not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unbalanced {
    /// I4; the sums are in satang.
    #[error("I4 broken: {used} satang used in slots, {all} authorised, {given_back} given back")]
    Money { used: u128, all: u128, given_back: u128 },
    #[error("{counted} rights are counted where persons hold {held}")]
    Rights { counted: u64, held: u64 },
}

/// The persons that entitlements name: about so many of them, from every shard.
pub fn named_persons(state: &State, at_most: usize) -> impl Iterator<Item = PersonId> {
    let per_shard = at_most.div_ceil(PERSON_SHARDS);
    let of_shard =
        move |shard: &Mutex<PersonShard>| shard.lock().persons().take(per_shard).collect::<Vec<_>>();
    state.citizens.iter().flat_map(of_shard)
}
