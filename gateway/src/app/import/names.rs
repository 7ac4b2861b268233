//! Names in a file that no programme file has: they look like slips.

use super::report::Warning;
use satang_core::calendar::BusinessDate;
use satang_core::ids::Name;
use satang_core::programme::Program;
use satang_core::state::directory::{Directory, Rule};
use satang_engine::session::admin::MerchantInput;
use std::collections::BTreeSet;

/// The names that programme files in force have.
#[derive(Default)]
pub(super) struct NamesInFiles {
    programs: BTreeSet<Name>,
    channels: BTreeSet<Name>,
    pub(super) lists: BTreeSet<Name>,
}

impl NamesInFiles {
    /// Of the versions that count today, and of those that will.
    pub(super) fn of(directory: &Directory, today: BusinessDate) -> NamesInFiles {
        let mut names = NamesInFiles::default();
        for (program, versions) in directory.in_force() {
            let counts = directory.rule_on(program, today).map(|rule| rule.number);
            let rules = versions.iter().filter_map(|version| directory.rule(*version));
            let is_meant = |rule: &&Rule| {
                Some(rule.number) == counts || rule.policy.effective_from.is_some_and(|from| from > today)
            };
            rules.filter(is_meant).for_each(|rule| names.add(&rule.policy));
        }
        names
    }

    fn add(&mut self, program: &Program) {
        let window = program.merchant_registration.as_ref();
        let merchants_from = window.and_then(|window| window.returning_from);
        let earlier = program.returning_from().copied();
        let programs = [Some(program.id), earlier, merchants_from];
        self.programs.extend(programs.into_iter().flatten());
        let channels = program.benefits.iter().flat_map(|benefit| &benefit.channels);
        self.channels.extend(channels.map(|channel| channel.id));
        self.lists.extend(program.lists().copied().chain(earlier));
    }

    pub(super) fn unknown_of(&self, merchant: &MerchantInput) -> Vec<Warning> {
        let programs = self.unknown("unknown_program", &self.programs, &merchant.programs);
        let channels = self.unknown("unknown_channel", &self.channels, &merchant.channels);
        programs.chain(channels).collect()
    }

    pub(super) fn unknown<'n>(
        &'n self,
        what: &'static str,
        known: &'n BTreeSet<Name>,
        names: &'n [Name],
    ) -> impl Iterator<Item = Warning> + 'n {
        names
            .iter()
            .filter(|name| !known.contains(name))
            .map(move |name| (what, *name))
    }
}
