//! The sums in a snapshot's header: what was written, and what is read back.

use super::format::SnapshotHeader;
use satang_core::state::account::WalletShard;
use satang_core::state::dedup::IdShard;
use satang_core::state::household::HouseholdShard;
use satang_core::state::totals::ProgramTotals;

/// What a part adds to the sums in the header.
#[derive(Default)]
pub(super) struct Sums {
    wallets: u64,
    ids: u64,
    authorised: u128,
    given_back: u128,
}

impl Sums {
    pub(super) fn of_ids(shard: &IdShard) -> Sums {
        Sums {
            ids: shard.ids_len() as u64,
            ..Sums::default()
        }
    }

    pub(super) fn of_wallets(shard: &WalletShard) -> Sums {
        Sums {
            wallets: shard.wallets_len() as u64,
            ..Sums::of_money(shard.totals())
        }
    }

    pub(super) fn of_households(shard: &HouseholdShard) -> Sums {
        Sums::of_money(shard.totals())
    }

    fn of_money(totals: &[ProgramTotals]) -> Sums {
        let all = totals.iter();
        let (authorised, given_back) = all.fold((0, 0), |sum, t| (sum.0 + t.all, sum.1 + t.given_back));
        Sums {
            authorised,
            given_back,
            ..Sums::default()
        }
    }

    pub(super) fn add_to(&self, header: &mut SnapshotHeader) {
        header.wallets += self.wallets;
        header.ids += self.ids;
        for (sum, part) in [
            (&mut header.authorised, self.authorised),
            (&mut header.given_back, self.given_back),
        ] {
            let total = (u128::from(sum[1]) << 64 | u128::from(sum[0])) + part;
            *sum = [total as u64, (total >> 64) as u64];
        }
    }
}
