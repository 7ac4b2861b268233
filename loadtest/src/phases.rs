//! The phases of a rush: places are given, then people are told for the first time that none is left, then they ask again.

use crate::client::Client;
use crate::registration::People;
use crate::report::Report;
use crate::target::Target;
use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::Value;

/// One phase: who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// The word in reports.
    pub name: &'static str,
    /// Each of them asks once, under a new id.
    pub people: People,
}

/// One phase's report.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseReport {
    /// The phase.
    pub phase: &'static str,
    /// What it saw.
    #[serde(flatten)]
    pub report: Report,
}

/// `people` from number `first` on, then `late` ones behind them, who ask `again` times more. A phase of nobody is left out.
pub fn phases(first: u64, people: u64, late: u64, again: u32) -> Vec<Phase> {
    let of = |name, first, count| Phase {
        name,
        people: People { first, count },
    };
    let behind = first.saturating_add(people);
    let mut phases = vec![
        of("registering", first, people),
        of("late, told for the first time", behind, late),
    ];
    phases.extend((0..again).map(|_| of("late, told again under new ids", behind, late)));
    phases.retain(|phase| phase.people.count > 0);
    phases
}

/// The registration's counters of a programme, as the server writes them.
///
/// # Errors
/// When there is no such server or programme.
pub fn counters(target: &Target, program: &str) -> anyhow::Result<String> {
    let path = format!("/v1/programs/{program}");
    let reply = Client::connect(target)
        .and_then(|mut client| client.get(&path))
        .with_context(|| format!("no answer from {}", target.url))?;
    if reply.status != 200 {
        bail!(
            "{}{path} answered {}: {}",
            target.url,
            reply.status,
            reply.excerpt()
        );
    }
    let shown: Value =
        serde_json::from_slice(&reply.body).with_context(|| format!("{path}: {}", reply.excerpt()))?;
    Ok(shown["registration"].to_string())
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
}
