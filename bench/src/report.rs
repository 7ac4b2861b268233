//! The table on stdout: one row per figure, the median over its rounds.

use std::fmt;

/// One figure.
pub struct Figure {
    /// The row of the targets' table it belongs to: `P1`.
    pub target: &'static str,
    /// What was measured, and on what.
    pub what: String,
    /// One value per round.
    pub rounds: Vec<f64>,
    /// The unit of the values.
    pub unit: &'static str,
    pub goal: &'static str,
}

/// The figures of a run.
#[derive(Default)]
pub struct Report {
    figures: Vec<Figure>,
}

impl Report {
    /// Adds a figure, and says it on stderr at once.
    pub fn add(
        &mut self,
        target: &'static str,
        what: impl Into<String>,
        rounds: Vec<f64>,
        unit: &'static str,
        goal: &'static str,
    ) {
        let figure = Figure {
            target,
            what: what.into(),
            rounds,
            unit,
            goal,
        };
        let (value, _) = figure.texts();
        eprintln!("  {target} {}: {value} {unit}", figure.what);
        self.figures.push(figure);
    }

    /// The figures in the order they were measured.
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }
}

impl Figure {
    /// The median over the rounds.
    pub fn median(&self) -> f64 {
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            len if len % 2 == 1 => sorted[len / 2],
            len => (sorted[len / 2 - 1] + sorted[len / 2]) / 2.0,
        }
    }

    /// The median, and the lowest and highest round when there are several.
    fn texts(&self) -> (String, String) {
        let spread = match self.rounds.as_slice() {
            [] | [_] => String::new(),
            rounds => {
                let low = rounds.iter().copied().fold(f64::INFINITY, f64::min);
                let high = rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                format!("{} – {}", number(low), number(high))
            }
        };
        (number(self.median()), spread)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![["#", "what", "median", "unit", "rounds", "goal"].map(str::to_owned)];
        for figure in &self.figures {
            let (median, spread) = figure.texts();
            let (what, unit) = (figure.what.clone(), figure.unit.to_owned());
            lines.push([
                figure.target.to_owned(),
                what,
                median,
                unit,
                spread,
                figure.goal.to_owned(),
            ]);
        }
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
        let widths: [usize; 6] = std::array::from_fn(|column| width(column).unwrap_or(0));
        for [target, what, median, unit, spread, goal] in &lines {
            let [w0, w1, w2, w3, w4, _] = widths;
            let line = format!("{target:w0$}  {what:w1$}  {median:>w2$}  {unit:w3$}  {spread:>w4$}  {goal}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Large numbers with thousands separated, small ones with two decimals.
pub(crate) fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.2}");
    }
    thousands(&format!("{value:.0}"))
}

/// Digits with thousands separated.
pub(crate) fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_the_median_and_the_spread() {
        let mut report = Report::default();
        report.add(
            "P1",
            "records",
            vec![3_000_000.0, 1_000.0, 20_000.0],
            "/s",
            ">= 3",
        );
        report.add("P5", "p50", vec![1.5], "ns", "");
        assert_eq!(
            report.to_string(),
            "#   what     median  unit             rounds  goal\n\
             P1  records  20,000  /s    1,000 – 3,000,000  >= 3\n\
             P5  p50        1.50  ns\n"
        );
    }
}
