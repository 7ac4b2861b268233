//! The story: somebody who knows how the tables hash sends ids that all have one hash, so that each is found behind all others. When
//! the hash was the same everywhere, 120,000 ids made a batch take seconds and a restart 40 s. Each journal has a seed of its own
//! now: what collided spreads, and the seed changes no answer.

use crate::rig::random::Random;
use crate::rig::snapshots::{assert_every_start_gives, files_in, with_two_snapshots};
use crate::rig::workload::Workload;
use crate::rig::{LAYOUT, Rig, noon, options, request, without};
use satang_core::ids::{HouseholdId, MerchantId, RegistrationId, ReversalId, TxnId, WalletId};
use satang_core::money::Satang;
use satang_core::outcome::Reason;
use satang_core::programme::Category;
use satang_core::record::{
    AuditStamp, Authorization, AuthorizationFacts, AuthorizationRecord, BenefitNumber, Extension, Merchant,
    NameNumber, Record, Status,
};
use satang_core::state::account::{WALLET_SHARDS, WalletShard};
use satang_core::state::dedup::{ID_SHARDS, IdShard};
use satang_core::state::directory::Directory;
use satang_core::state::hash::HashSeed;
use satang_core::state::household::{HOUSEHOLD_SHARDS, HouseholdShard};
use satang_core::state::table::LONG_PROBE;
use satang_engine::clock::SimulatedClock;
use satang_engine::engine::Submitted;
use satang_engine::recovery::open::EngineOptions;
use satang_log::file::FileLogStore;
use satang_log::group::Group;
use satang_log::log::{Log as _, LogIdentity, LogStore as _};
use satang_log::storage::MemoryStorage;
use std::sync::Arc;

/// The hash that every server had in common.
mod former {
    fn fold(a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b);
        (product >> 64) as u64 ^ product as u64
    }

    fn fold_twice(a: u64) -> u64 {
        let mixed = fold(a, 0x9E37_79B9_7F4A_7C15);
        fold(mixed ^ (mixed >> 32), 0xD6E8_FEB8_6659_FD93)
    }

    pub fn mixed(high: u64) -> u64 {
        fold(high ^ 0x1319_8A2E_0370_7344, 0xE703_7ED1_A0B4_28DB)
    }

    /// Of an id.
    pub fn id(bits: u128) -> u64 {
        fold_twice(mixed((bits >> 64) as u64) ^ bits as u64 ^ 0xA409_3822_299F_31D0)
    }

    /// Of a wallet, a merchant or a household.
    pub fn word(word: u64) -> u64 {
        fold_twice(word ^ 0x243F_6A88_85A3_08D3)
    }
}

fn seeds() -> impl Iterator<Item = HashSeed> {
    (1..4).map(|byte| HashSeed::from_bytes([byte; 16]))
}

/// UUIDs of version 7 and of today that all have one hash, given what a hash makes of their high halves.
fn of_one_hash(mixed: impl Fn(u64) -> u64) -> impl Iterator<Item = u128> {
    let today = noon().unix_ms() as u64;
    let highs = (0..).map(move |n| (today + n / 4_096) << 16 | 0x7000 | (n % 4_096));
    let pairs = highs.map(move |high| (high, mixed(high) ^ 0x0123_4567_89AB_CDEF));
    // The variant's two bits.
    let possible = pairs.filter(|(_, low)| low >> 62 == 0b10);
    possible.map(|(high, low)| u128::from(high) << 64 | u128::from(low))
}

/// 2,000 numbers of fifteen digits that lie together: the highest twelve bits of their former hash are the same, which is one shard
/// and one sixteenth of its table.
fn together() -> Vec<u64> {
    let all = (0..).filter(|number: &u64| former::word(number + 1) >> 52 == 0x5A5);
    all.take(2_000).collect()
}

#[track_caller]
fn assert_spread(what: &str, counts: &[usize], long_probes: u64) {
    let all: usize = counts.iter().sum();
    let (most, mean) = (*counts.iter().max().unwrap(), all / counts.len());
    assert!(
        most < mean + 8 * mean.isqrt() + 8,
        "{what}: {most} of {all} in one of {}",
        counts.len()
    );
    assert_eq!(long_probes, 0, "{what}");
}

#[test]
fn a_hundred_thousand_ids_that_had_one_hash_spread() {
    let ids: Vec<u128> = of_one_hash(former::mixed).take(100_000).collect();
    assert!(ids.iter().all(|bits| former::id(*bits) == former::id(ids[0])));
    for seed in seeds() {
        let mut shards: Vec<IdShard> = (0..ID_SHARDS).map(|_| IdShard::new(seed)).collect();
        let mut counts = [[0; ID_SHARDS]; 3];
        for (bits, sequence) in ids.iter().zip(1..) {
            let (txn, reversal) = (TxnId::from_bits(*bits), ReversalId::from_bits(*bits));
            let registration = RegistrationId::from_bits(*bits);
            let of = [
                seed.txn_shard(txn),
                seed.reversal_shard(reversal),
                seed.registration_shard(registration),
            ];
            shards[of[0]].insert_txn(sequence, txn, false);
            shards[of[1]].insert_reversal(sequence, reversal);
            shards[of[2]].insert_registration(sequence, registration);
            for (counts, shard) in counts.iter_mut().zip(of) {
                counts[shard] += 1;
            }
        }
        let long_probes: u64 = shards.iter().map(IdShard::long_probes).sum();
        for (what, counts) in ["txn_id", "reversal_id", "registration_id"].iter().zip(&counts) {
            assert_spread(what, counts, long_probes);
        }
    }
}

#[test]
fn wallets_that_lay_together_spread() {
    for seed in seeds() {
        let mut shards: Vec<WalletShard> = (0..WALLET_SHARDS).map(|_| WalletShard::new(seed)).collect();
        let mut counts = [0; WALLET_SHARDS];
        for wallet in together().into_iter().map(WalletId::from_number) {
            let shard = seed.wallet_shard(wallet);
            shards[shard].apply_status(wallet, Status::Suspended);
            counts[shard] += 1;
        }
        let long_probes = shards.iter().map(WalletShard::long_probes).sum();
        assert_spread("wallet", &counts, long_probes);
    }
}

fn approved(household: HouseholdId) -> Authorization {
    let facts = AuthorizationFacts {
        txn_id: TxnId::from_bits(1),
        wallet: WalletId::from_number(1),
        merchant: MerchantId::from_number(10),
        amount: Satang::new(100),
        eligible: Satang::new(100),
        state: Satang::new(50),
        headroom_before: [0; 4],
        caps: 0,
        tier: 0,
        rule: 1,
        program: NameNumber(1),
        channel: NameNumber(2),
        benefit: BenefitNumber(1),
        reason: Reason::Approved,
        limited_by: None,
        looked_beyond: true,
    };
    Authorization {
        record: AuthorizationRecord::new(noon(), &facts),
        extension: Extension::NONE.of_household(Some(household)),
    }
}

#[test]
fn households_that_lay_together_spread() {
    for seed in seeds() {
        let mut shards: Vec<HouseholdShard> =
            (0..HOUSEHOLD_SHARDS).map(|_| HouseholdShard::new(seed)).collect();
        let mut counts = [0; HOUSEHOLD_SHARDS];
        for household in together().into_iter().map(HouseholdId::from_number) {
            let shard = seed.household_shard(household);
            shards[shard].apply_authorization(&approved(household));
            counts[shard] += 1;
        }
        let long_probes = shards.iter().map(HouseholdShard::long_probes).sum();
        assert_spread("household", &counts, long_probes);
    }
}

#[test]
fn merchants_that_lay_together_spread() {
    let made = AuditStamp {
        sequence: 1,
        at: noon(),
        caller: NameNumber::UNKNOWN,
    };
    for seed in seeds() {
        let mut directory = Directory::new(seed);
        for id in together().into_iter().map(MerchantId::from_number) {
            let merchant = Merchant {
                id,
                category: Category::FoodDrink,
                status: Status::Active,
                programs: Vec::new(),
                channels: Vec::new(),
                name: String::new(),
                province: None,
                bank_account: None,
                account_name: None,
            };
            directory.apply(&Record::Merchant(merchant), &made).unwrap();
        }
        assert_eq!(directory.merchants_len(), 2_000);
        assert_eq!(directory.long_probes(), 0);
    }
}

/// Whoever knows the seed can make ids collide: they are decided all the same, and counted.
#[test]
fn ids_of_one_hash_are_decided_and_their_long_probes_are_counted() {
    let mut rig = Rig::prepared();
    let seed = rig.engine.state().seed;
    let colliding: Vec<u128> = of_one_hash(|high| seed.mixed(high))
        .take(LONG_PROBE + 50)
        .collect();
    for (wallet, some) in (1..).zip(colliding.chunks(LONG_PROBE / 8)) {
        let requests: Vec<_> = some.iter().map(|bits| request(*bits, wallet, 100)).collect();
        let decided = rig.engine.authorize_batch(&requests).unwrap();
        assert!(decided.iter().all(|one| matches!(one, Submitted::Decided { .. })));
    }
    assert_eq!(rig.engine.state().long_probes(), 50);
    rig.flush();
    let again = rig.engine.authorize(&request(colliding[7], 1, 100)).unwrap();
    assert!(matches!(again, Submitted::Seen { .. }), "{again:?}");
}

/// A rig whose new journal has this seed.
fn seeded(byte: u8) -> Rig {
    let options = EngineOptions {
        hash_seed: Some([byte; 16]),
        ..options(LAYOUT)
    };
    let clock = SimulatedClock::standing_at(noon());
    let mut rig = Rig::open_at(Arc::new(MemoryStorage::default()), clock, options).unwrap();
    rig.prepare(20);
    rig
}

#[test]
fn journals_of_different_seeds_give_the_same_answers() {
    let answers = [5, 6].map(|byte| {
        let mut rig = seeded(byte);
        let mut work = Workload::new(Random::new(3));
        work.go_on(&mut rig, 400);
        let seed = HashSeed::from_bytes([byte; 16]);
        assert_eq!(rig.engine.state().seed, seed);
        // A start reads the seed from the journal, whatever it is told.
        rig.flush();
        assert_eq!(Rig::start(rig.storage.copy()).engine.state().seed, seed);
        let answers = work.book.entries.into_iter().map(|entry| entry.answer);
        answers.collect::<Vec<_>>()
    });
    assert!(answers[0].len() > 100);
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn a_new_journal_draws_its_seed() {
    let seeds = [(); 2].map(|()| {
        let options = EngineOptions {
            hash_seed: None,
            ..options(LAYOUT)
        };
        let clock = SimulatedClock::standing_at(noon());
        let rig = Rig::open_at(Arc::new(MemoryStorage::default()), clock, options).unwrap();
        let log = FileLogStore::open(&rig.storage, LAYOUT).unwrap();
        assert_eq!(log.identity().unwrap().seed(), rig.engine.state().seed);
        rig.engine.state().seed
    });
    assert_ne!(seeds[0], seeds[1]);
}

/// The same records behind a header with another seed, and no file that was made from the first journal.
fn with_another_seed(rig: &Rig) -> MemoryStorage {
    let from = FileLogStore::open(&rig.storage, LAYOUT).unwrap();
    let identity = LogIdentity {
        hash_seed: [77; 16],
        ..from.identity().unwrap()
    };
    let disk = ["journal", "snapshots", "ids"]
        .iter()
        .fold(rig.storage.copy(), |disk, folder| without(&disk, folder));
    let disk = Arc::new(disk);
    let store = FileLogStore::open(&disk, LAYOUT).unwrap();
    let mut log = store.create(identity).unwrap();
    for (header, record) in crate::rig::Survivors::of(&rig.storage).records {
        let mut group = Group::allocate(log.group_bytes_max());
        group.open(log.next_sequence());
        let caller = AuditStamp::of(&header).caller;
        group.push(&record.encode(header.at(), caller), header.at());
        log.submit(group).unwrap();
        log.complete().unwrap();
    }
    disk.copy()
}

#[test]
fn the_digest_is_the_same_from_snapshot_and_journal_and_under_another_seed() {
    let rig = with_two_snapshots();
    assert_every_start_gives(&rig);
    let other = Rig::start(with_another_seed(&rig));
    assert_eq!(other.engine.state().seed, HashSeed::from_bytes([77; 16]));
    assert_eq!(other.digest(), rig.digest());
    // What was made under the one seed is not used under the other: it is made again.
    let mixed = with_another_seed(&rig);
    for folder in ["snapshots", "ids"] {
        for name in files_in(&rig.storage, folder) {
            mixed.set_bytes(&name, rig.storage.bytes(&name));
        }
    }
    let started = Rig::start(mixed);
    assert_eq!(
        (started.recovered.snapshot, started.recovered.snapshots_refused),
        (None, 2)
    );
    assert_eq!(started.digest(), rig.digest());
}
