//! The record of a citizen who moved from one programme to another.

use super::coding::fields;
use super::{BenefitNumber, Earlier, NameNumber};
use crate::calendar::{BusinessDate, Instant};
use crate::ids::{HouseholdId, PersonId, WalletId};

/// A citizen's right in one programme ended, and one in another began, through the same wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgrammeTransfer {
    pub wallet: WalletId,
    pub person: PersonId,
    /// The programme whose right ended.
    pub from: NameNumber,
    /// The benefit whose slot kept it.
    pub from_benefit: BenefitNumber,
    /// The programme in which the citizen holds a right from now on.
    pub to: NameNumber,
    /// The benefit whose slot keeps it.
    pub to_benefit: BenefitNumber,
    /// The household that shares benefits with others.
    pub household: Option<HouseholdId>,
    /// The tier; unknown for none.
    pub tier: NameNumber,
    /// The first date the new right may be used, when one was given.
    pub usable_from: Option<BusinessDate>,
    /// What the citizen's earlier right in the new programme leaves to the new one.
    pub earlier: Option<Earlier>,
    /// When the new right was registered.
    pub at: Instant,
    /// Why, in the operator's words.
    pub reason: String,
}

fields!(ProgrammeTransfer:
    wallet, person, from, from_benefit, to, to_benefit, household, tier, usable_from, earlier, at, reason
);
