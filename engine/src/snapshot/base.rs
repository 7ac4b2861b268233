//! What a replay begins with: the state of a snapshot, or an empty one, and what each of its parts has taken.

use crate::ids::archive::IdArchive;
use crate::state::State;
use satang_core::state::account::WALLET_SHARDS;
use satang_core::state::dedup::ID_SHARDS;
use satang_core::state::household::HOUSEHOLD_SHARDS;
use satang_core::state::person::PERSON_SHARDS;
use satang_log::commit::CutOver;

/// The sequence of the last record that each part of the state has taken; 0 for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedWatermarks {
    pub directory: u64,
    /// How many hold rights.
    pub quotas: u64,
    pub ids: Vec<u64>,
    pub citizens: Vec<u64>,
    pub households: Vec<u64>,
    pub wallets: Vec<u64>,
}

impl AppliedWatermarks {
    /// An empty state has taken nothing.
    pub fn nothing() -> AppliedWatermarks {
        AppliedWatermarks {
            directory: 0,
            quotas: 0,
            ids: vec![0; ID_SHARDS],
            citizens: vec![0; PERSON_SHARDS],
            households: vec![0; HOUSEHOLD_SHARDS],
            wallets: vec![0; WALLET_SHARDS],
        }
    }
}

/// What a replay begins with.
pub struct ReplayBase {
    /// The state so far.
    pub state: State,
    /// What it has taken.
    pub through: AppliedWatermarks,
    /// The ids that have left memory.
    pub id_archive: IdArchive,
    /// The cut-overs of all dates so far, in order.
    pub cut_overs: Vec<CutOver>,
}
