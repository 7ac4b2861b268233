//! What a run should get: what the operator asked for and, where nothing was asked, what the workload itself must get.

use crate::stats::{Seen, grouped};
use crate::workload::{Kind, Workload};

/// Reasons that purchases of this workload earn by themselves: a wallet buys until its room is used up.
const CAPS: [&str; 4] = [
    "daily_cap_exhausted",
    "monthly_cap_exhausted",
    "quarterly_cap_exhausted",
    "program_cap_exhausted",
];

/// What the operator asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Smallest share that is approved (accepted), 0 … 1.
    pub share_min: Option<f64>,
    /// Largest share that is approved (accepted), 0 … 1.
    pub share_max: Option<f64>,
    /// Reasons of declines (rejections) that are no fault, besides those the workload earns.
    pub reasons: Vec<String>,
    /// Largest share of answers that may be 503 because the server is overloaded, 0 … 1.
    pub overload_max: f64,
    /// Limit of the p99 from the intended instant, ms.
    pub p99_ms_max: Option<f64>,
}

/// What one kind of request should get.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub kind: Kind,
    /// Fewest elements that are approved (accepted).
    pub least: u64,
    /// Most elements that are.
    pub most: u64,
    /// Where the two numbers come from, in words.
    pub why: String,
    /// Reasons of declines (rejections) that are no fault.
    pub reasons: Vec<String>,
}

/// What a run should get.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expected {
    /// By kind, for those of which something was decided.
    pub kinds: Vec<Wanted>,
    /// As in [`Asked`].
    pub overload_max: f64,
    /// As in [`Asked`].
    pub p99_ms_max: Option<f64>,
}

/// People of a phase and the places there were for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Places left before the phase; `None` without a quota.
    pub left: Option<u64>,
    /// How many of these people were accepted in an earlier phase.
    pub holders: u64,
}

impl Expected {
    /// Of purchases and what is mixed with them. `bought_before` purchases of the same wallets were decided earlier.
    pub fn of_purchases(workload: &Workload, bought_before: u64, seen: &Seen, asked: &Asked) -> Expected {
        let before = bought_before + seen.warmup.decided(Kind::Authorization);
        let bought = seen.counted.decided(Kind::Authorization);
        let first = first_purchases(workload.wallets, before, bought);
        let of_kind = |kind| {
            let decided = seen.counted.decided(kind);
            let (least, why, reasons) = match kind {
                Kind::Authorization | Kind::Quote => {
                    let why = format!(
                        "a wallet's first purchase has room, over {} wallets",
                        grouped(workload.wallets)
                    );
                    let is_first =
                        kind == Kind::Authorization && bought_before == 0 && seen.warmup.granted(kind) == 0;
                    // However few wallets there are: the very first purchase is one of a wallet that has room.
                    (least_of(decided, first).max(u64::from(is_first)), why, &CAPS[..])
                }
                Kind::Reversal | Kind::Retry => {
                    let why = "each of them names an approved purchase".to_owned();
                    (decided, why, &[][..])
                }
                Kind::Registration => (0, "nobody registers in this run".to_owned(), &[][..]),
            };
            let by_workload = Wanted {
                kind,
                least,
                most: decided,
                why,
                reasons: words(reasons),
            };
            match kind {
                Kind::Authorization | Kind::Quote => by_workload.asked(asked, decided),
                Kind::Reversal | Kind::Retry | Kind::Registration => by_workload,
            }
        };
        Expected {
            kinds: decided_kinds(seen).map(of_kind).collect(),
            overload_max: asked.overload_max,
            p99_ms_max: asked.p99_ms_max,
        }
    }

    /// Of registrations: as many are accepted as there are places for people who have none.
    pub fn of_registrations(places: Places, seen: &Seen, asked: &Asked) -> Expected {
        let left = places.left.unwrap_or(u64::MAX);
        let before = seen.warmup.granted(Kind::Registration);
        let of_kind = |kind| {
            let decided = seen.counted.decided(kind);
            let left = left.saturating_sub(before);
            let why = match places.left {
                Some(left) => format!("{} places were left", grouped(left)),
                None => "there is no quota".to_owned(),
            };
            let mut reasons = words(&["quota_full"]);
            if places.holders > 0 {
                reasons.push("already_registered".to_owned());
            }
            let wanted = Wanted {
                kind,
                least: left.min(decided.saturating_sub(places.holders)),
                most: left.min(decided),
                why,
                reasons,
            };
            wanted.asked(asked, decided)
        };
        Expected {
            kinds: decided_kinds(seen).map(of_kind).collect(),
            overload_max: asked.overload_max,
            p99_ms_max: asked.p99_ms_max,
        }
    }
}

impl Wanted {
    /// With the operator's own shares and reasons.
    fn asked(mut self, asked: &Asked, decided: u64) -> Wanted {
        let of = |share: f64| share * decided as f64;
        if let Some(share) = asked.share_min {
            // A hair below: 0.95 × 100 is 95.00000000000001 for a computer.
            self.least = (of(share) - 1e-6).ceil() as u64;
        }
        if let Some(share) = asked.share_max {
            self.most = (of(share) + 1e-6).floor() as u64;
            self.least = match asked.share_min {
                Some(_) => self.least,
                None => 0,
            };
        }
        if asked.share_min.is_some() || asked.share_max.is_some() {
            self.why = "asked for".to_owned();
        }
        self.reasons.extend(asked.reasons.iter().cloned());
        self
    }
}

fn decided_kinds(seen: &Seen) -> impl Iterator<Item = Kind> {
    Kind::ALL
        .into_iter()
        .filter(|kind| seen.counted.decided(*kind) > 0)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The share of purchases whose wallet has bought nothing yet: of `count` that are spread over `wallets` at random, behind
/// `before` others.
fn first_purchases(wallets: u64, before: u64, count: u64) -> f64 {
    // Wallets that n purchases leave untouched: w × (1 − 1/w)^n.
    let untouched = |n: u64| match n {
        0 => wallets as f64,
        n => wallets as f64 * (n as f64 * (-1.0 / wallets as f64).ln_1p()).exp(),
    };
    match count {
        0 => untouched(before) / wallets as f64,
        count => (untouched(before) - untouched(before + count)) / count as f64,
    }
}

/// So many of `count` are hit in all likelihood, when each is with this probability: five standard deviations below the mean,
/// and three more for small numbers.
fn least_of(count: u64, probability: f64) -> u64 {
    let mean = count as f64 * probability;
    let deviation = (count as f64 * probability.min(1.0 - probability).max(0.0)).sqrt();
    (mean - 5.0 * deviation - 3.0).max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use std::collections::HashSet;

    fn workload(wallets: u64) -> Workload {
        Workload {
            program: "p".into(),
            channel: "store".into(),
            wallets,
            merchants: 1,
        }
    }

    fn seen(kind: Kind, outcomes: &[(&str, &str, u64)]) -> Seen {
        let mut seen = Seen::default();
        for (decision, reason, count) in outcomes {
            seen.counted
                .outcomes_alike(kind, decision.as_bytes(), reason.as_bytes(), *count);
        }
        seen
    }

    #[test]
    fn the_least_share_is_below_the_wallets_that_are_drawn_for_the_first_time_and_near_them() {
        for (wallets, before, count) in [
            (100_000, 0, 100),
            (1_000, 0, 10_000),
            (1_000, 700, 500),
            (10, 0, 1),
            (1, 0, 50),
            (50_000, 100_000, 40_000),
        ] {
            for seed in 0..20 {
                let mut random = Random::new(seed, 0);
                let mut bought = HashSet::new();
                let mut firsts = 0;
                for index in 0..before + count {
                    let is_first = bought.insert(random.below(wallets));
                    firsts += u64::from(is_first && index >= before);
                }
                let least = least_of(count, first_purchases(wallets, before, count));
                assert!(least <= firsts, "{wallets} {before} {count}: {least} of {firsts}");
                let slack = 10.0 * (firsts as f64).sqrt() + 10.0;
                assert!(
                    firsts as f64 - least as f64 <= slack,
                    "{wallets} {before} {count}: {least} of {firsts}"
                );
            }
        }
    }

    #[test]
    fn earlier_purchases_lower_what_is_expected_of_later_ones() {
        let seen = seen(Kind::Authorization, &[("approved", "approved", 10_000)]);
        let least = |before| {
            let expected = Expected::of_purchases(&workload(10_000), before, &seen, &Asked::default());
            expected.kinds[0].least
        };
        assert!((6_000..6_400).contains(&least(0)), "{}", least(0));
        assert!((2_000..2_400).contains(&least(10_000)), "{}", least(10_000));
        assert_eq!(least(1_000_000), 0);
    }

    #[test]
    fn of_few_wallets_one_at_least_buys() {
        let least = |bought_before, warmup: u64| {
            let mut seen = seen(Kind::Authorization, &[("declined", "daily_cap_exhausted", 50)]);
            seen.warmup
                .outcomes_alike(Kind::Authorization, b"approved", b"approved", warmup);
            Expected::of_purchases(&workload(3), bought_before, &seen, &Asked::default()).kinds[0].least
        };
        assert_eq!((least(0, 0), least(1, 0), least(0, 1)), (1, 0, 0));
    }

    #[test]
    fn what_the_operator_asks_for_takes_the_place_of_what_the_workload_gets() {
        let check = |share_min, share_max, expected: (u64, u64)| {
            let asked = Asked {
                share_min,
                share_max,
                reasons: vec!["outside_hours".into()],
                ..Asked::default()
            };
            let seen = seen(Kind::Authorization, &[("approved", "approved", 100)]);
            let wanted = Expected::of_purchases(&workload(1_000_000), 0, &seen, &asked)
                .kinds
                .remove(0);
            assert_eq!((wanted.least, wanted.most), expected);
            assert!(wanted.reasons.contains(&"outside_hours".to_owned()), "{wanted:?}");
        };
        check(None, None, (96, 100));
        check(Some(0.95), None, (95, 100));
        check(Some(1.0), None, (100, 100));
        check(None, Some(0.0), (0, 0));
        check(Some(0.2), Some(0.4), (20, 40));
    }

    #[test]
    fn as_many_are_accepted_as_there_are_places_for_people_who_have_none() {
        let check = |left, holders, decided: u64, expected: (u64, u64)| {
            let seen = seen(Kind::Registration, &[("accepted", "accepted", decided)]);
            let places = Places { left, holders };
            let wanted = Expected::of_registrations(places, &seen, &Asked::default())
                .kinds
                .remove(0);
            assert_eq!((wanted.least, wanted.most), expected, "{places:?}");
            assert_eq!(
                wanted.reasons.contains(&"already_registered".to_owned()),
                holders > 0
            );
        };
        check(Some(30_000_000), 0, 4_000, (4_000, 4_000));
        check(Some(1_000), 0, 4_000, (1_000, 1_000));
        check(Some(0), 0, 4_000, (0, 0));
        check(None, 0, 4_000, (4_000, 4_000));
        check(Some(500), 100, 300, (200, 300));
    }

    #[test]
    fn reversals_and_retries_of_approved_purchases_are_all_approved() {
        for kind in [Kind::Reversal, Kind::Retry] {
            let seen = seen(kind, &[("approved", "approved", 9), ("declined", "x", 1)]);
            let asked = Asked {
                share_min: Some(0.1),
                ..Asked::default()
            };
            let wanted = Expected::of_purchases(&workload(10), 0, &seen, &asked)
                .kinds
                .remove(0);
            assert_eq!((wanted.least, wanted.reasons.len()), (10, 0));
        }
    }
}
