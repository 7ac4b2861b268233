//! Two programs in turn: what a change is in time, on a machine whose speed changes by itself.
//!
//! The two runs of a pair follow each other, so that they meet the same machine; which of them comes first alternates. What
//! counts is the median of the pairs' ratios, not the ratio of two medians.

use crate::report::number;
use anyhow::{Context, Result};
use std::fmt;

/// Fewer pairs say nothing here: single runs differ by a quarter.
pub const PAIRS_MIN: usize = 15;

/// A figure of both programs, one after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Of the one without the change.
    pub before: f64,
    /// Of the one with it.
    pub after: f64,
}

/// Runs `pairs` pairs: `measure(false)` gives the figure of the program before the change, `measure(true)` that of the one after.
///
/// # Errors
/// Of the first run that fails.
pub fn alternate(pairs: usize, mut measure: impl FnMut(bool) -> Result<f64>) -> Result<Vec<Pair>> {
    let pair = |index: usize| {
        let after_first = index % 2 == 1;
        let (first, second) = (measure(after_first)?, measure(!after_first)?);
        let (before, after) = match after_first {
            false => (first, second),
            true => (second, first),
        };
        Ok(Pair { before, after })
    };
    (0..pairs).map(pair).collect()
}

/// The first number behind `figure` in the only line of `output` that contains it.
///
/// # Errors
/// When no line or more than one contains it, or no number follows.
pub fn figure_in(output: &str, figure: &str) -> Result<f64> {
    let mut lines = output.lines().filter_map(|line| line.split_once(figure));
    let (_, rest) = lines.next().with_context(|| format!("no line has {figure:?}"))?;
    anyhow::ensure!(lines.next().is_none(), "more than one line has {figure:?}");
    let mut words = rest.split_whitespace();
    words
        .find_map(|word| word.replace(',', "").parse().ok())
        .with_context(|| format!("no number follows {figure:?}"))
}

/// What the pairs say.
pub struct Comparison<'a>(pub &'a [Pair]);

impl fmt::Display for Comparison<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |name: &str, values: Vec<f64>| {
            let [low, median, high] = quartiles(values);
            format!(
                "{name:8} {:>14}  {} – {}",
                number(median),
                number(low),
                number(high)
            )
        };
        let of = |value: fn(&Pair) -> f64| self.0.iter().map(value).collect::<Vec<f64>>();
        let [low, median, high] = quartiles(of(|pair| pair.after / pair.before));
        let less = self.0.iter().filter(|pair| pair.after < pair.before).count();
        writeln!(f, "{:8} {:>14}  middle half", "", "median")?;
        writeln!(f, "{}", row("before", of(|pair| pair.before)))?;
        writeln!(f, "{}", row("after", of(|pair| pair.after)))?;
        writeln!(f, "{:8} {median:>14.3}  {low:.3} – {high:.3}", "ratio")?;
        writeln!(f, "{} pairs; after is less in {less}", self.0.len())
    }
}

/// The first quartile, the median and the third one: the nearest values there are.
fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    [1, 2, 3].map(|quarter| values.get((last * quarter + 2) / 4).copied().unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_program_comes_first_alternates() {
        let mut order = Vec::new();
        let pairs = alternate(3, |after| {
            order.push(after);
            Ok(if after { 2.0 } else { 1.0 })
        });
        assert_eq!(order, [false, true, true, false, false, true]);
        let pair = Pair {
            before: 1.0,
            after: 2.0,
        };
        assert_eq!(pairs.unwrap(), [pair; 3]);
    }

    #[test]
    fn a_figure_is_the_number_behind_its_name() {
        let output = "#   what              median  unit  rounds\n\
                      P1  records 10     1,234,567  /s    1,000,000 – 2,000,000\n\
                      P5  one, p50            1.50  ns\n";
        assert_eq!(figure_in(output, "one, p50").unwrap(), 1.5);
        assert_eq!(figure_in(output, "records 10").unwrap(), 1_234_567.0);
        assert!(figure_in(output, "P9").is_err());
        assert!(figure_in(output, "P").is_err(), "two lines have it");
        assert!(figure_in(output, "rounds").is_err(), "no number follows");
    }

    #[test]
    fn the_ratio_is_the_median_of_the_pairs_ratios() {
        // The machine becomes slower and slower; in every pair the change takes a tenth off.
        let pairs: Vec<Pair> = (1..=5)
            .map(|round| Pair {
                before: 1_000.0 * f64::from(round),
                after: 900.0 * f64::from(round),
            })
            .collect();
        assert_eq!(
            Comparison(&pairs).to_string(),
            "                 median  middle half\n\
             before            3,000  2,000 – 4,000\n\
             after             2,700  1,800 – 3,600\n\
             ratio             0.900  0.900 – 0.900\n\
             5 pairs; after is less in 5\n"
        );
    }
}
