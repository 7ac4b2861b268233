//! Rule versions, compiled for decisions: what a programme file says, by numbers instead of names.

use crate::calendar::{BusinessDate, Hours, Instant};
use crate::programme::{CapPeriod, Category, CategorySet, Program};
use crate::record::{BenefitNumber, NameNumber};
use crate::state::slot::PeriodCaps;

/// One rule version, compiled for decisions.
pub struct Rule {
    /// Its number in records, dense from 1.
    pub number: u32,
    pub program: NameNumber,
    /// The benefits, in the order of the file.
    pub benefits: Vec<BenefitRule>,
    /// The benefit whose slot keeps the entitlement: the programme's first one ever, so that it stays the same over versions.
    pub entitlement_key: BenefitNumber,
    /// Every benefit that the programme had in any version so far.
    pub every_benefit: Vec<BenefitNumber>,
    /// How citizens register; absent when holders come by import only.
    pub registration: Option<RegistrationRule>,
    /// Programmes that nobody draws on together with this one on one date, as this version says.
    pub exclusive_with: Vec<NameNumber>,
    /// Whether some benefit is a household's, or has funding sources: its records are longer.
    pub has_extra: bool,
    /// The file's name when it was loaded.
    pub file: String,
    /// The file as loaded.
    pub policy: Program,
    pub(crate) by_category: [Option<u8>; Category::ALL.len()],
}

/// One benefit, compiled for decisions.
pub struct BenefitRule {
    /// Its number in records and slots.
    pub number: BenefitNumber,
    /// The state's share of the eligible amount, 1 to 100.
    pub state_percent: u8,
    /// Whether a household shares it.
    pub household: bool,
    /// What each funding source pays at most within the period; `None` for the last, which pays the rest. Empty without sources.
    pub sources: Vec<Option<u32>>,
    /// The shortest cap's period: sources are counted in it.
    pub sources_period: CapPeriod,
    /// Whether a purchase without room is approved at the citizen's expense.
    pub citizen_pays: bool,
    /// The caps in satang, by period; `None` where the benefit has none.
    pub(crate) caps: PeriodCaps,
    /// The caps of those tiers that have other ones.
    pub(crate) tiers: Vec<(NameNumber, PeriodCaps)>,
    pub(crate) channels: Vec<ChannelRule>,
}

/// How citizens register, compiled for decisions. Dates, hours, quota and age stand in the policy.
pub struct RegistrationRule {
    /// The lists whose citizens are refused, in the order they are checked.
    pub excluded: Vec<NameNumber>,
    /// The tiers and the list that each requires; the first that matches wins.
    pub tiers: Vec<(NameNumber, NameNumber)>,
    /// The earlier programme, or list, whose holders only confirm.
    pub returning_from: Option<NameNumber>,
}

/// One channel of a benefit, compiled for decisions.
pub struct ChannelRule {
    pub(crate) number: NameNumber,
    /// First date of spending.
    pub from: BusinessDate,
    /// Last date of spending.
    pub to: BusinessDate,
    /// Hours of every date.
    pub hours: Hours,
    /// The categories it is for.
    pub categories: CategorySet,
}

impl BenefitRule {
    /// The channel with this number, if the benefit has it.
    pub fn channel(&self, number: NameNumber) -> Option<&ChannelRule> {
        self.channels.iter().find(|channel| channel.number == number)
    }

    /// The caps that count for a tier, in satang.
    pub fn caps_of(&self, tier: NameNumber) -> &PeriodCaps {
        let mut tiers = self.tiers.iter();
        match tiers.find(|(of, _)| *of == tier) {
            Some((_, caps)) => caps,
            None => &self.caps,
        }
    }

    /// Bit n: there is a cap of period n.
    pub fn caps_mask(&self) -> u8 {
        CapPeriod::ALL.iter().fold(0, |mask, p| {
            mask | u8::from(self.caps[*p as usize].is_some()) << *p as u8
        })
    }
}

impl Rule {
    /// Whether this version has a tier of this number.
    pub fn has_tier(&self, tier: NameNumber) -> bool {
        let tiers = self
            .registration
            .iter()
            .flat_map(|registration| &registration.tiers);
        tiers.into_iter().any(|(number, _)| *number == tier)
    }

    /// How records name a tier of this version: 1 + its index; 0 for none, and for one that this version does not have.
    pub fn tier_number(&self, tier: NameNumber) -> u8 {
        if tier == NameNumber::UNKNOWN {
            return 0;
        }
        let tiers = self
            .registration
            .iter()
            .flat_map(|registration| &registration.tiers);
        let index = tiers.into_iter().position(|(number, _)| *number == tier);
        index.map_or(0, |index| 1 + index as u8)
    }

    /// The most rights that may be live at once; `None` for any number.
    pub fn quota(&self) -> Option<u64> {
        self.policy.registration.as_ref()?.quota
    }

    /// When rights lapse that are not used before.
    pub fn first_use_by(&self) -> Option<Instant> {
        self.policy.registration.as_ref()?.first_use_by
    }

    /// The benefit that covers the category.
    pub fn benefit_for(&self, category: Category) -> Option<&BenefitRule> {
        self.by_category[category as usize].map(|index| &self.benefits[usize::from(index)])
    }
}
