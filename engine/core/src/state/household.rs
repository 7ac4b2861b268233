//! Households and what their members drew together: one ledger entry per household and benefit.
//!
//! Who belongs to a household is a particular of each member's right ([`crate::state::account`]).

use crate::calendar::Instant;
use crate::ids::HouseholdId;
use crate::programme::{CapPeriod, SOURCES_MAX};
use crate::record::{Authorization, BenefitNumber, NameNumber, ReversalRecord};
use crate::state::directory::BenefitRule;
use crate::state::hash::HashSeed;
use crate::state::ledger::Ledger;
use crate::state::totals::ProgramTotals;

/// How many shards households are spread over; a power of two.
pub const HOUSEHOLD_SHARDS: usize = 256;

impl HashSeed {
    /// The shard of a household.
    #[inline]
    pub fn household_shard(&self, household: HouseholdId) -> usize {
        (self.word(household.number() + 1) >> 56) as usize
    }
}

/// The households of one shard.
pub struct HouseholdShard {
    ledger: Ledger,
}

impl HouseholdShard {
    /// A shard without households.
    pub fn new(seed: HashSeed) -> HouseholdShard {
        HouseholdShard {
            ledger: Ledger::new(seed),
        }
    }

    /// Room under each of the benefit's caps for `tier` at `at`; 0 where there is no cap.
    pub fn headroom(
        &self,
        household: HouseholdId,
        benefit: &BenefitRule,
        tier: NameNumber,
        at: Instant,
    ) -> [u32; 4] {
        self.ledger
            .headroom(household.number(), benefit.number, benefit.caps_of(tier), at)
    }

    /// What each funding source of the benefit paid in the period of `at`.
    pub fn paid(
        &self,
        household: HouseholdId,
        benefit: BenefitNumber,
        period: CapPeriod,
        at: Instant,
    ) -> [u32; SOURCES_MAX] {
        self.ledger.paid(household.number(), benefit, period, at)
    }

    /// Whether the household has a slot for the benefit: a member has drawn on it.
    pub fn has_slot(&self, household: HouseholdId, benefit: BenefitNumber) -> bool {
        benefit.is_possible() && self.ledger.slot(household.number(), benefit).is_some()
    }

    /// Takes the room of an approved authorization or hold of a member.
    pub fn apply_authorization(&mut self, authorization: &Authorization) {
        if let Some(household) = authorization
            .extension
            .household()
            .filter(|_| authorization.approved())
        {
            self.ledger.take(household.number(), authorization, || 0);
        }
    }

    /// Returns what an approved reversal, capture or void gives back, whoever is a member by now.
    pub fn apply_reversal(&mut self, record: &ReversalRecord) {
        if let Some(household) = record.household().filter(|_| record.gives_back()) {
            self.ledger.give_back(household.number(), record);
        }
    }

    /// The state's money per programme over the shard's households.
    pub fn totals(&self) -> &[ProgramTotals] {
        self.ledger.totals()
    }

    /// The money used in the programme over all households: one side of I4.
    pub fn used_in_program(&self, benefit: BenefitNumber) -> u128 {
        self.ledger.used_in_program(benefit)
    }

    /// How many insertions had a long probe.
    pub fn long_probes(&self) -> u64 {
        self.ledger.long_probes()
    }

    /// Bytes of memory the shard's tables take.
    pub fn memory_bytes(&self) -> usize {
        self.ledger.memory_bytes()
    }

    /// A digest of everything in the shard that does not depend on the order of arrival.
    pub fn digest(&self) -> u64 {
        self.ledger.digest()
    }

    /// Appends the shard to a snapshot.
    pub fn export(&self, to: &mut Vec<u8>) {
        self.ledger.export(to);
    }

    /// The shard that [`HouseholdShard::export`] wrote; `None` when the bytes are none.
    pub fn import(mut from: &[u8], seed: HashSeed) -> Option<HouseholdShard> {
        let from = &mut from;
        let ledger = Ledger::import(from, seed, 0)?;
        from.is_empty().then_some(HouseholdShard { ledger })
    }
}
