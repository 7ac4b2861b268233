//! How many registrations were accepted lately: for whoever watches the rush. No part of the state.

use parking_lot::Mutex;
use satang_core::calendar::Instant;
use satang_core::record::{BenefitNumber, RegistrationRecord};
use std::collections::BTreeMap;

/// How many seconds are remembered.
const SECONDS: usize = 64;

/// Registrations accepted in each of the last seconds, by the benefit whose slot keeps the programme's entitlements.
#[derive(Default)]
pub struct Arrivals {
    programs: Mutex<BTreeMap<u16, [Second; SECONDS]>>,
}

#[derive(Clone, Copy)]
struct Second {
    /// Seconds since the Unix epoch.
    at_s: i64,
    accepted: u64,
}

impl Arrivals {
    /// Notes what was accepted of what was decided at `at`.
    pub(crate) fn count<'r>(&self, decided: impl Iterator<Item = &'r RegistrationRecord>, at: Instant) {
        let mut last: Option<(BenefitNumber, u64)> = None;
        for record in decided.filter(|record| record.accepted()) {
            match &mut last {
                Some((benefit, count)) if *benefit == record.benefit() => *count += 1,
                _ => {
                    if let Some((benefit, count)) = last.replace((record.benefit(), 1)) {
                        self.add(benefit, count, at);
                    }
                }
            }
        }
        if let Some((benefit, count)) = last {
            self.add(benefit, count, at);
        }
    }

    fn add(&self, benefit: BenefitNumber, count: u64, at: Instant) {
        let at_s = at.unix_ms().div_euclid(1_000);
        let empty = Second {
            at_s: i64::MIN,
            accepted: 0,
        };
        let mut programs = self.programs.lock();
        let seconds = programs.entry(benefit.0).or_insert([empty; SECONDS]);
        let second = &mut seconds[at_s.rem_euclid(SECONDS as i64) as usize];
        if second.at_s != at_s {
            *second = Second { at_s, accepted: 0 };
        }
        second.accepted += count;
    }

    /// How many were accepted in each of the `wanted` whole seconds before `at`, the oldest first.
    pub fn before(&self, entitlement: BenefitNumber, at: Instant, wanted: usize) -> Vec<u64> {
        assert!(wanted < SECONDS, "more seconds than are remembered");
        let now_s = at.unix_ms().div_euclid(1_000);
        let programs = self.programs.lock();
        let seconds = programs.get(&entitlement.0);
        let of = |at_s: i64| {
            let second = seconds.map(|seconds| seconds[at_s.rem_euclid(SECONDS as i64) as usize]);
            second
                .filter(|second| second.at_s == at_s)
                .map_or(0, |second| second.accepted)
        };
        (now_s - wanted as i64..now_s).map(of).collect()
    }
}
