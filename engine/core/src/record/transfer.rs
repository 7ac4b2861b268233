//! The record of a citizen who moved from one programme to another.

use super::bytes::Body;
use super::coding::{Decoder, Encoder};
use super::{BenefitNumber, Earlier, ID_END, NameNumber};
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

impl Body for ProgrammeTransfer {
    fn write(&self, to: &mut Encoder) {
        to.u64(self.wallet.number());
        to.u64(self.person.number());
        to.u16(self.from.0);
        to.u16(self.from_benefit.0);
        to.u16(self.to.0);
        to.u16(self.to_benefit.0);
        to.optional(self.household.map(HouseholdId::number));
        to.u16(self.tier.0);
        to.optional_date(self.usable_from);
        let (used, earlier) = Earlier::to_number(self.earlier);
        to.u64(earlier);
        to.flag(used);
        to.u64(self.at.unix_ms() as u64);
        to.text(&self.reason);
    }

    fn read(from: &mut Decoder<'_>) -> Option<ProgrammeTransfer> {
        Some(ProgrammeTransfer {
            wallet: from.wallet()?,
            person: from.person()?,
            from: from.name_number()?,
            from_benefit: from.benefit()?,
            to: from.name_number()?,
            to_benefit: from.benefit()?,
            household: from.optional(|number| HouseholdId::try_from_number(number).ok())?,
            tier: from.name_number()?,
            usable_from: from.optional_date()?,
            earlier: {
                let earlier = from.u64().filter(|earlier| *earlier <= ID_END)?;
                let used = from.flag().filter(|used| earlier != 0 || !used)?;
                Earlier::from_number(used, earlier)
            },
            at: Instant::from_unix_ms(from.u64()? as i64),
            reason: from.text()?.to_owned(),
        })
    }
}
