//! Compiling a rule version: what a programme file says by name, by number.

use super::{BenefitRule, ChannelRule, Directory, DirectoryError, RegistrationRule, Rule};
use crate::ids::Name;
use crate::money::Satang;
use crate::programme::{Benefit, CapPeriod, Caps, Category, Holder, Program, Tier, WhenExhausted};
use crate::record::{BenefitNumber, NameNumber};
use crate::state::slot::PeriodCaps;

impl Directory {
    /// The rule version for decisions: names have their numbers.
    pub(super) fn compile(
        &self,
        number: u32,
        program: NameNumber,
        benefits: &[BenefitNumber],
        file: &str,
        policy: Program,
    ) -> Result<Rule, DirectoryError> {
        let mut by_category = [None; Category::ALL.len()];
        let mut compiled = Vec::with_capacity(benefits.len());
        for (index, (benefit, benefit_number)) in policy.benefits.iter().zip(benefits).enumerate() {
            for category in benefit.merchant_categories.iter() {
                by_category[category as usize] = Some(index as u8);
            }
            let mut channels = Vec::with_capacity(benefit.channels.len());
            for channel in &benefit.channels {
                let number = self.numbered("channel", &channel.id)?;
                channels.push(ChannelRule {
                    number,
                    from: channel.from,
                    to: channel.to,
                    hours: channel.hours,
                    categories: channel.merchant_categories,
                });
            }
            compiled.push(BenefitRule {
                number: *benefit_number,
                state_percent: benefit.state_percent,
                household: benefit.holder == Holder::Household,
                sources: benefit
                    .funded_by
                    .iter()
                    .map(|source| source.up_to.map(Satang::get_u32))
                    .collect(),
                sources_period: benefit.caps.iter().next().expect("a benefit has a cap").0,
                citizen_pays: benefit.when_exhausted == WhenExhausted::CitizenPays,
                caps: period_caps(&benefit.caps),
                tiers: self.tier_caps(&policy, benefit)?,
                channels,
            });
        }
        let of_program = self.benefits.iter().filter(|((of, _), _)| *of == program);
        let every_benefit: Vec<BenefitNumber> = of_program.map(|(_, number)| *number).collect();
        let entitlement = every_benefit.iter().min_by_key(|number| number.0);
        let exclusive_with = policy.exclusive_with.iter();
        let exclusive_with = exclusive_with.map(|name| self.numbered("programme", name));
        Ok(Rule {
            exclusive_with: exclusive_with.collect::<Result<_, _>>()?,
            has_extra: compiled
                .iter()
                .any(|benefit| benefit.household || !benefit.sources.is_empty()),
            number,
            program,
            benefits: compiled,
            entitlement_key: *entitlement.expect("a programme has a benefit"),
            every_benefit,
            registration: self.compile_registration(&policy)?,
            file: file.to_owned(),
            policy,
            by_category,
        })
    }

    /// The tiers that give a benefit other caps.
    fn tier_caps(
        &self,
        policy: &Program,
        benefit: &Benefit,
    ) -> Result<Vec<(NameNumber, PeriodCaps)>, DirectoryError> {
        let tiers = policy
            .registration
            .iter()
            .flat_map(|registration| &registration.tiers);
        let replacing = tiers.filter(|tier| tier.caps.iter().any(|(id, _)| *id == benefit.id));
        replacing
            .map(|tier| {
                let caps = period_caps(&benefit.caps_of(Some(tier)));
                Ok((self.numbered("tier", &tier.id)?, caps))
            })
            .collect()
    }

    fn compile_registration(&self, policy: &Program) -> Result<Option<RegistrationRule>, DirectoryError> {
        let Some(registration) = &policy.registration else {
            return Ok(None);
        };
        let list = |name: &Name| self.numbered("list", name);
        let tier = |tier: &Tier| Ok((self.numbered("tier", &tier.id)?, list(&tier.required_list)?));
        let from = registration
            .returning
            .as_ref()
            .map(|returning| list(&returning.from_program));
        Ok(Some(RegistrationRule {
            excluded: registration
                .excluded_lists
                .iter()
                .map(list)
                .collect::<Result<_, _>>()?,
            tiers: registration
                .tiers
                .iter()
                .map(tier)
                .collect::<Result<_, DirectoryError>>()?,
            returning_from: from.transpose()?,
        }))
    }

    /// The number of a name that a rule version uses.
    fn numbered(&self, what: &'static str, name: &Name) -> Result<NameNumber, DirectoryError> {
        match self.number_of(name) {
            NameNumber::UNKNOWN => Err(DirectoryError::Dangling { what, number: 0 }),
            number => Ok(number),
        }
    }
}

fn period_caps(caps: &Caps) -> PeriodCaps {
    CapPeriod::ALL.map(|period| caps.get(period).map(|cap| cap.get_u32()))
}
