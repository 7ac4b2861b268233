//! What was counted against what is checked in (`bench/instructions.toml`): the judgement, as data and as a table.

use crate::counted::{ROWS, Row};
use crate::report::thousands;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fmt;

/// A row may differ from its baseline by this many thousandths, in either direction: a gain is written down, so that it is kept.
pub const CHANGE_PERMILLE_MAX: u64 = 30;

/// Instructions by row.
pub type Counts = BTreeMap<String, u64>;

/// Counts, and the tools that they depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// What `rustc --version` says.
    pub rustc: String,
    /// What `valgrind --version` says.
    pub valgrind: String,
    pub counts: Counts,
}

impl Baseline {
    /// Reads the file: the part of TOML that [`Baseline::to_toml`] writes.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &str) -> Result<Baseline> {
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with(['#', '[']));
        let (mut rustc, mut valgrind, mut counts) = (None, None, Counts::new());
        for line in lines {
            let (key, value) = line
                .split_once(" = ")
                .with_context(|| format!("not a key and a value: {line}"))?;
            match key {
                "rustc" => rustc = Some(value.trim_matches('"').to_owned()),
                "valgrind" => valgrind = Some(value.trim_matches('"').to_owned()),
                row => {
                    let count = value.parse().with_context(|| format!("not a count: {line}"))?;
                    let twice = counts.insert(row.to_owned(), count);
                    ensure!(twice.is_none(), "twice: {row}");
                }
            }
        }
        Ok(Baseline {
            rustc: rustc.context("no rustc")?,
            valgrind: valgrind.context("no valgrind")?,
            counts,
        })
    }

    /// The file.
    pub fn to_toml(&self) -> String {
        let mut text = String::from(
            "# Instructions of each row of docs/PERFORMANCE.md, \"Instructions\".\n\
             # Written by `cargo run --release -p satang-bench --bin instructions -- bless`; CI fails when a row differs by more than 3 %.\n",
        );
        text += &format!("rustc = {:?}\nvalgrind = {:?}\n", self.rustc, self.valgrind);
        text += "\n[instructions]\n";
        let known = ROWS.iter().map(|row| row.name);
        for row in known.filter(|row| self.counts.contains_key(*row)) {
            text += &format!("{row} = {}\n", self.counts[row]);
        }
        text
    }
}

/// The head of the table in docs/PERFORMANCE.md.
const TABLE_HEAD: &str = "| row | one of | instructions |\n|---|---|---|\n";

/// The document with these counts in its table.
///
/// # Errors
/// When it has no such table.
pub fn documented(document: &str, counts: &Counts) -> Result<String> {
    let (before, rest) = document
        .split_once(TABLE_HEAD)
        .context("docs/PERFORMANCE.md has no table of instructions")?;
    let end = rest.find("\n\n").context("the table ends with an empty line")?;
    let line = |row: &Row| {
        let count = number(counts.get(row.name).copied());
        format!("| `{}` | {} | {count} |\n", row.name, row.what)
    };
    let rows: String = ROWS.iter().map(line).collect();
    Ok(format!("{before}{TABLE_HEAD}{rows}{}", &rest[end + 1..]))
}

/// What a run of the benches counted: one JSON object per bench on each line of `output`.
///
/// # Errors
/// When a line is not gungraun's summary of a row.
pub fn counts_of(output: &str) -> Result<Counts> {
    output
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(count_of)
        .collect()
}

fn count_of(line: &str) -> Result<(String, u64)> {
    let summary: serde_json::Value = serde_json::from_str(line).context("a summary is JSON")?;
    let name = summary["function_name"]
        .as_str()
        .context("a summary names its function")?;
    let row = ROWS.iter().find(|row| row.name == name);
    let row = row.with_context(|| format!("{name} is not in counted::ROWS"))?;
    let total = &summary["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"]["new"];
    let total = total
        .as_u64()
        .with_context(|| format!("no instructions in {line}"))?;
    ensure!(total > 0, "{name} was not counted: {line}");
    Ok((row.name.to_owned(), (total + row.times / 2) / row.times))
}

/// A row, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub row: String,
    /// What is checked in.
    pub baseline: Option<u64>,
    pub now: Option<u64>,
}

/// How a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within [`CHANGE_PERMILLE_MAX`].
    Kept,
    /// More than that above or below.
    Changed,
    /// Checked in, but no longer counted.
    Missing,
    /// Counted, but not checked in.
    Extra,
}

impl Judged {
    /// How the row stands.
    pub fn verdict(&self) -> Verdict {
        match (self.baseline, self.now) {
            (Some(baseline), Some(now)) => {
                match now.abs_diff(baseline) * 1_000 > baseline * CHANGE_PERMILLE_MAX {
                    true => Verdict::Changed,
                    false => Verdict::Kept,
                }
            }
            (Some(_), None) => Verdict::Missing,
            (None, _) => Verdict::Extra,
        }
    }

    fn change(&self) -> String {
        let (Some(baseline), Some(now)) = (self.baseline, self.now) else {
            return "–".to_owned();
        };
        format!(
            "{:+.2} %",
            100.0 * (now as f64 - baseline as f64) / baseline as f64
        )
    }

    /// Why CI fails, with both numbers; `None` when the row does not make it fail.
    pub fn failure(&self) -> Option<String> {
        let row = &self.row;
        let (baseline, now) = (number(self.baseline), number(self.now));
        match self.verdict() {
            Verdict::Kept => None,
            Verdict::Changed => Some(format!(
                "{row}: {now} instructions, the baseline is {baseline} ({})",
                self.change()
            )),
            Verdict::Missing => Some(format!("{row}: not counted, the baseline is {baseline}")),
            Verdict::Extra => Some(format!("{row}: {now} instructions, no baseline")),
        }
    }
}

/// Every row of either side, those of the product's way first.
pub fn judge(baseline: &Counts, now: &Counts) -> Vec<Judged> {
    let place = |name: &str| ROWS.iter().position(|row| row.name == name);
    let mut names: Vec<&String> = baseline.keys().chain(now.keys()).collect();
    names.sort_by_key(|name| (place(name).unwrap_or(ROWS.len()), *name));
    names.dedup();
    let judged = |row: &String| Judged {
        row: row.clone(),
        baseline: baseline.get(row).copied(),
        now: now.get(row).copied(),
    };
    names.into_iter().map(judged).collect()
}

/// The table on stdout.
pub struct Table<'a>(pub &'a [Judged]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:20} {:>12} {:>12} {:>9}", "row", "baseline", "now", "change")?;
        for row in self.0 {
            let (baseline, now) = (number(row.baseline), number(row.now));
            let line = format!("{:20} {baseline:>12} {now:>12} {:>9}", row.row, row.change());
            let mark = match row.verdict() {
                Verdict::Kept => "",
                Verdict::Changed => "  changed",
                Verdict::Missing => "  missing",
                Verdict::Extra => "  extra",
            };
            writeln!(f, "{line}{mark}")?;
        }
        Ok(())
    }
}

fn number(count: Option<u64>) -> String {
    count.map_or_else(|| "–".to_owned(), |count| thousands(&count.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn counts(rows: &[(&str, u64)]) -> Counts {
        rows.iter()
            .map(|(row, count)| ((*row).to_owned(), *count))
            .collect()
    }

    fn failures(baseline: &[(&str, u64)], now: &[(&str, u64)]) -> Vec<String> {
        let judged = judge(&counts(baseline), &counts(now));
        judged.iter().filter_map(Judged::failure).collect()
    }

    #[test]
    fn three_percent_in_either_direction_are_kept_and_one_instruction_more_is_not() {
        let baseline = [("decide", 1_000)];
        for counted in [970, 1_000, 1_030] {
            assert_eq!(
                failures(&baseline, &[("decide", counted)]),
                Vec::<String>::new(),
                "{counted}"
            );
        }
        assert_eq!(
            failures(&baseline, &[("decide", 1_031)]),
            ["decide: 1,031 instructions, the baseline is 1,000 (+3.10 %)"]
        );
        assert_eq!(
            failures(&baseline, &[("decide", 969)]),
            ["decide: 969 instructions, the baseline is 1,000 (-3.10 %)"]
        );
    }

    #[test]
    fn a_missing_row_and_an_extra_one_fail() {
        assert_eq!(
            failures(&[("parse", 700), ("decide", 1_000)], &[("parse", 700)]),
            ["decide: not counted, the baseline is 1,000"]
        );
        assert_eq!(
            failures(&[("parse", 700)], &[("parse", 700), ("decide", 1_000)]),
            ["decide: 1,000 instructions, no baseline"]
        );
    }

    #[test]
    fn the_table_shows_the_rows_in_the_order_of_a_purchases_way() {
        let baseline = counts(&[("apply", 100), ("decide", 1_000), ("gone", 5)]);
        let now = counts(&[("render", 400), ("decide", 1_100), ("apply", 99)]);
        assert_eq!(
            Table(&judge(&baseline, &now)).to_string(),
            "row                      baseline          now    change\n\
             decide                      1,000        1,100  +10.00 %  changed\n\
             apply                         100           99   -1.00 %\n\
             render                          –          400         –  extra\n\
             gone                            5            –         –  missing\n"
        );
    }

    #[test]
    fn a_summary_is_divided_by_how_often_its_row_was_done() {
        let line = |row: &str, total: u64| {
            let metrics = format!(r#"{{"Ir":{{"values":{{"new":{total},"old":7}}}}}}"#);
            format!(
                r#"{{"function_name":"{row}","profiles":[{{"data":{{"total":{{"metrics":{metrics}}}}}}}]}}"#
            )
        };
        let output = [line("apply", 46_254), line("replay_1000", 8_000_001)].join("\n");
        assert_eq!(
            counts_of(&output).unwrap(),
            counts(&[("apply", 463), ("replay_1000", 8_000_001)])
        );
        assert!(counts_of(&line("unknown", 1)).is_err(), "no such row");
        assert!(counts_of(&line("apply", 0)).is_err(), "nothing was counted");
        assert!(counts_of("{}").is_err(), "no summary");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let baseline = Baseline {
            rustc: "rustc 1.95.0 (59807616e 2026-04-14)".to_owned(),
            valgrind: "valgrind-3.19.0".to_owned(),
            counts: counts(&[("apply", 100), ("parse", 700)]),
        };
        assert_eq!(Baseline::parse(&baseline.to_toml()).unwrap(), baseline);
    }

    #[test]
    fn every_row_has_a_baseline_and_no_other_has_one() {
        let checked_in = Baseline::parse(include_str!("../instructions.toml")).unwrap();
        let rows: BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(
            checked_in
                .counts
                .keys()
                .map(String::as_str)
                .collect::<BTreeSet<_>>(),
            rows
        );
        let document = include_str!("../../docs/PERFORMANCE.md");
        assert_eq!(documented(document, &checked_in.counts).unwrap(), document);
    }
}
