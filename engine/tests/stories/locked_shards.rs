//! A record changes only what was locked to decide it: anything else would race with another request.

use satang_core::ids::WalletId;
use satang_core::record::{Status, WalletStatus};
use satang_core::state::account::WalletShard;
use satang_core::state::apply::apply_wallet_status;
use satang_core::state::hash::HashSeed;
use satang_engine::locks::{Guards, LockedShards};

const SEED: HashSeed = HashSeed::from_bytes([5; 16]);

fn suspended() -> WalletStatus {
    WalletStatus {
        wallet: WalletId::from_number(7),
        status: Status::Suspended,
        reason: String::new(),
    }
}

fn apply_with(locked: usize) -> WalletShard {
    let mut shard = WalletShard::new(SEED);
    let mut shards = LockedShards {
        wallets: Guards::One(locked, &mut shard),
        ..LockedShards::none(SEED)
    };
    apply_wallet_status(&suspended(), &mut shards);
    shard
}

#[test]
fn a_record_changes_the_shard_that_was_locked() {
    let status = suspended();
    let shard = apply_with(SEED.wallet_shard(status.wallet));
    assert_eq!(shard.status(status.wallet), Some(Status::Suspended));
}

#[test]
#[should_panic(expected = "a record changes only what was locked to decide it")]
fn a_record_that_changes_another_shard_panics() {
    apply_with(SEED.wallet_shard(suspended().wallet) ^ 1);
}

#[test]
#[should_panic(expected = "a record changes only what was locked to decide it")]
fn a_record_that_changes_a_shard_while_none_is_locked_panics() {
    let mut none = LockedShards::none(SEED);
    apply_wallet_status(&suspended(), &mut none);
}
