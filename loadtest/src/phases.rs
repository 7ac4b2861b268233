//! The phases of a rush: places are given, then people are told for the first time that none is left, then they ask again.

use crate::client::Client;
use crate::expected::{Asked, Places};
use crate::registration::People;
use crate::report::Report;
use crate::stats::Seen;
use crate::target::Target;
use crate::workload::Kind;
use anyhow::{Context, bail};
use satang_api::Registration;
use serde::{Deserialize, Serialize};

const REGISTERING: &str = "registering";

/// One phase: who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// The word in reports.
    pub name: &'static str,
    /// Each of them asks once, under a new id.
    pub people: People,
    /// Whether they come late, when places may have run out.
    pub is_late: bool,
}

impl Phase {
    /// What its people find: `left` places, and among the late ones `holders` who were accepted in an earlier phase.
    pub fn places(&self, left: Option<u64>, holders: u64) -> Places {
        Places {
            left,
            holders: if self.is_late { holders } else { 0 },
        }
    }

    /// How many of its people hold a right from now on and may ask again.
    pub fn new_holders(&self, seen: &Seen) -> u64 {
        match self.is_late {
            true => seen.warmup.granted(Kind::Registration) + seen.counted.granted(Kind::Registration),
            false => 0,
        }
    }

    /// What the operator asked for of this phase: the shares are those of the people who come first.
    pub fn asked(&self, asked: &Asked) -> Asked {
        match self.is_late {
            true => Asked {
                share_min: None,
                share_max: None,
                ..asked.clone()
            },
            false => asked.clone(),
        }
    }
}

/// The registration's counters of a programme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    /// As the server writes them.
    pub text: String,
    /// Places left; `None` without a quota.
    pub remaining: Option<u64>,
}

/// One phase's report.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseReport {
    pub phase: &'static str,
    #[serde(flatten)]
    pub report: Report,
}

/// `people` from number `first` on, then `late` ones behind them, who ask `again` times more. A phase of nobody is left out.
pub fn phases(first: u64, people: u64, late: u64, again: u32) -> Vec<Phase> {
    let of = |name, first, count| Phase {
        name,
        people: People { first, count },
        is_late: name != REGISTERING,
    };
    let behind = first.saturating_add(people);
    let mut phases = vec![
        of(REGISTERING, first, people),
        of("late, told for the first time", behind, late),
    ];
    phases.extend((0..again).map(|_| of("late, told again under new ids", behind, late)));
    phases.retain(|phase| phase.people.count > 0);
    phases
}

/// What is read of a programme; a bare server shows no registration.
#[derive(Deserialize)]
struct Shown {
    registration: Option<Registration>,
}

/// Asks for the registration's counters of a programme.
///
/// # Errors
/// When there is no such server or programme.
pub fn counters(target: &Target, program: &str) -> anyhow::Result<Counters> {
    let path = format!("/v1/programs/{program}");
    let reply = Client::connect(target)
        .and_then(|mut client| client.get(&path))
        .with_context(|| format!("no answer from {}", target.url))?;
    if reply.status != 200 {
        bail!("{}{path} answered {}", target.url, reply.refusal());
    }
    let shown: Shown =
        serde_json::from_slice(&reply.body).with_context(|| format!("{path}: {}", reply.excerpt()))?;
    Ok(Counters {
        text: serde_json::to_value(&shown.registration)?.to_string(),
        remaining: shown
            .registration
            .and_then(|registration| registration.remaining.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_late_come_behind_the_others_and_ask_again() {
        let numbers = |phases: Vec<Phase>| -> Vec<(u64, u64)> {
            let people = phases.into_iter().map(|phase| phase.people);
            people.map(|people| (people.first, people.count)).collect()
        };
        assert_eq!(
            numbers(phases(100, 50, 20, 2)),
            [(100, 50), (150, 20), (150, 20), (150, 20)]
        );
        assert_eq!(numbers(phases(0, 50, 0, 0)), [(0, 50)]);
        assert_eq!(numbers(phases(7, 0, 5, 1)), [(7, 5), (7, 5)]);
    }
    #[test]
    fn the_shares_asked_for_are_those_of_the_people_who_come_first() {
        let asked = Asked {
            share_min: Some(0.5),
            share_max: Some(0.6),
            overload_max: 0.1,
            ..Asked::default()
        };
        let phases = phases(0, 5, 5, 1);
        assert_eq!(phases[0].asked(&asked), asked);
        for late in &phases[1..] {
            let of_late = late.asked(&asked);
            assert_eq!((of_late.share_min, of_late.share_max), (None, None));
            assert_eq!(of_late.overload_max, 0.1);
        }
    }

    #[test]
    fn only_the_late_have_rights_of_an_earlier_phase() {
        let mut seen = Seen::default();
        for stats in [&mut seen.warmup, &mut seen.counted] {
            stats.outcomes_alike(Kind::Registration, b"accepted", b"accepted", 3);
        }
        let phases = phases(0, 5, 5, 1);
        let found: Vec<(u64, u64)> = phases
            .iter()
            .map(|phase| (phase.new_holders(&seen), phase.places(Some(9), 7).holders))
            .collect();
        assert_eq!(found, [(0, 0), (6, 7), (6, 7)]);
    }
}
