//! What a verification found, as it is printed: once for the text, the JSON and the page.

use satang_audit::verify::{Mismatch, ProgramReport, Report};
use satang_core::money::{Baht, Grouped};
use serde::Serialize;
use std::path::Path;

/// What was found. Money is in satang here; whoever shows it to people shows baht.
#[derive(Serialize)]
pub(super) struct Facts {
    pub verdict: Verdict,
    /// The verdict in one line that can be read out.
    pub text: String,
    pub data_dir: String,
    /// The sequence behind which records were only read; `None` when all were decided again.
    pub through: Option<u64>,
    /// By programme; purchases of unknown ones are the last.
    pub programs: Vec<ProgramFacts>,
    pub records: u64,
    pub dates: u64,
    /// Sixteen hexadecimal digits.
    pub digest: String,
    pub last_sequence: u64,
    /// SEQUENCE:HASH.
    pub head: String,
    pub torn_bytes: u32,
    /// The files that were held against the journal; `None` when it is damaged, since none was.
    pub files: Option<FileFacts>,
    /// The first of what does not agree.
    pub mismatches: Vec<MismatchFacts>,
    pub mismatches_count: u64,
    /// Why the journal could not be read to its end.
    pub damage: Option<String>,
}

/// What came of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    AllAgree,
    Disagreement,
    /// Whatever else was found, the journal could not be read to its end.
    Damage,
}

/// A programme's purchases and money.
#[derive(Serialize)]
pub(super) struct ProgramFacts {
    pub program: String,
    pub approved: u64,
    pub declined: u64,
    pub authorised_satang: u128,
    pub given_back_satang: u128,
    pub net_satang: u128,
}

/// How many files were held against the journal.
#[derive(Serialize)]
pub(super) struct FileFacts {
    /// Indexes of old days.
    pub indexes: u64,
    pub snapshots: u64,
}

/// One thing that does not agree.
#[derive(Serialize)]
pub(super) struct MismatchFacts {
    /// The record's sequence; `None` for what is no record.
    pub sequence: Option<u64>,
    /// File and offset.
    pub place: String,
    /// What does not agree there.
    pub what: String,
    /// All of it in one line, as stderr has it.
    pub text: String,
}

impl Facts {
    /// The facts of a report on `data_dir`, decided again through `through`.
    pub fn of(report: &Report, data_dir: &Path, through: Option<u64>) -> Facts {
        let (indexes, snapshots) = report.files;
        let verdict = match (&report.damage, report.mismatches_count) {
            (Some(_), _) => Verdict::Damage,
            (None, 0) => Verdict::AllAgree,
            (None, _) => Verdict::Disagreement,
        };
        let mut facts = Facts {
            verdict,
            text: String::new(),
            data_dir: data_dir.display().to_string(),
            through,
            programs: report.programs.iter().map(ProgramFacts::of).collect(),
            records: report.records,
            dates: report.dates,
            digest: format!("{:016x}", report.digest),
            last_sequence: report.head.sequence.max(report.records),
            head: report.head.to_string(),
            torn_bytes: report.torn_bytes,
            files: match report.damage {
                Some(_) => None,
                None => Some(FileFacts { indexes, snapshots }),
            },
            mismatches: report.mismatches.iter().map(MismatchFacts::of).collect(),
            mismatches_count: report.mismatches_count,
            damage: report.damage.as_ref().map(ToString::to_string),
        };
        facts.text = facts.line();
        facts
    }

    /// The verdict in one line.
    fn line(&self) -> String {
        let disagree = places_disagree(self.mismatches_count);
        let so_far = self.sums();
        match (&self.damage, self.mismatches_count) {
            (Some(damage), 0) => format!("THE JOURNAL IS DAMAGED: {damage}; before it {so_far}"),
            (Some(damage), _) => format!("THE JOURNAL IS DAMAGED: {damage}; before it {disagree}, {so_far}"),
            (None, 0) => format!("ALL AGREE: {so_far}"),
            (None, _) => format!("{}: {so_far}", disagree.to_uppercase()),
        }
    }

    /// How much was decided again, and what the state paid.
    fn sums(&self) -> String {
        let net: u128 = self.programs.iter().map(|program| program.net_satang).sum();
        format!(
            "{}, {}, {} baht net",
            counted(self.records, "record", "records"),
            counted(self.dates, "date", "dates"),
            Baht(net)
        )
    }
}

impl ProgramFacts {
    fn of(report: &ProgramReport) -> ProgramFacts {
        ProgramFacts {
            program: report.program.clone(),
            approved: report.approved,
            declined: report.declined,
            authorised_satang: report.authorised,
            given_back_satang: report.given_back,
            net_satang: report.authorised.saturating_sub(report.given_back),
        }
    }
}

impl MismatchFacts {
    fn of(mismatch: &Mismatch) -> MismatchFacts {
        MismatchFacts {
            sequence: mismatch.sequence,
            place: mismatch.place.clone(),
            what: mismatch.what.to_string(),
            text: mismatch.to_string(),
        }
    }
}

/// `1 place disagrees`, `2 places disagree`.
pub(super) fn places_disagree(count: u64) -> String {
    counted(count, "place disagrees", "places disagree")
}

/// A number with what is counted, in the singular or the plural.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        Grouped(count.into()),
        if count == 1 { one } else { many }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use satang_audit::verify::{Finding, Head};
    use satang_engine::recovery::worker_pool::ReplayError;
    use satang_log::log::LogError;

    fn report(records: u64, dates: u64, mismatches_count: u64) -> Report {
        Report {
            programs: vec![ProgramReport {
                program: "p".into(),
                approved: 3,
                declined: 1,
                authorised: 123_456_800,
                given_back: 50,
            }],
            records,
            dates,
            digest: 1,
            head: Head::default(),
            torn_bytes: 0,
            files: (0, 0),
            mismatches: Vec::new(),
            mismatches_count,
            damage: None,
        }
    }

    fn line(report: &Report) -> String {
        Facts::of(report, Path::new("data"), None).text
    }

    #[test]
    fn the_verdict_is_one_line_that_can_be_read_out() {
        let money = "1,234,567.50 baht net";
        let check = |facts: [u64; 3], text: &str| {
            let [records, dates, count] = facts;
            assert_eq!(line(&report(records, dates, count)), format!("{text}, {money}"));
        };
        check([27, 2, 0], "ALL AGREE: 27 records, 2 dates");
        check([1, 1, 0], "ALL AGREE: 1 record, 1 date");
        check([0, 0, 0], "ALL AGREE: 0 records, 0 dates");
        check(
            [60_000_000, 1_000, 1],
            "1 PLACE DISAGREES: 60,000,000 records, 1,000 dates",
        );
        check([2, 1, 1_234], "1,234 PLACES DISAGREE: 2 records, 1 date");
    }

    #[test]
    fn the_verdict_on_a_damaged_journal_says_where_and_how_far_it_was_read() {
        let mut report = report(2_770, 1, 0);
        report.damage = Some(ReplayError::Log(LogError::Damaged {
            file: "journal/0000000002.seg".into(),
            offset: 4_096,
            sequence: 2_771,
            what: "a frame is damaged".into(),
        }));
        let damage =
            "THE JOURNAL IS DAMAGED: journal/0000000002.seg: offset 4096: a frame is damaged (sequence 2771)";
        let sums = "2,770 records, 1 date, 1,234,567.50 baht net";
        assert_eq!(line(&report), format!("{damage}; before it {sums}"));
        report.mismatches_count = 2;
        assert_eq!(
            line(&report),
            format!("{damage}; before it 2 places disagree, {sums}")
        );
    }

    #[test]
    fn the_json_has_every_fact_of_the_report() {
        let mut report = report(27, 2, 1);
        report.torn_bytes = 4_096;
        report.files = (3, 2);
        report.mismatches.push(Mismatch {
            sequence: Some(17),
            place: "journal/0000000001.seg: offset 12416".into(),
            what: Finding::Unchanged,
        });
        let facts = serde_json::to_value(Facts::of(&report, Path::new("data"), Some(27))).unwrap();
        let what = "it changes nothing, and would not have been recorded";
        let wanted = serde_json::json!({
            "verdict": "disagreement",
            "text": "1 PLACE DISAGREES: 27 records, 2 dates, 1,234,567.50 baht net",
            "data_dir": "data",
            "through": 27,
            "programs": [{
                "program": "p",
                "approved": 3,
                "declined": 1,
                "authorised_satang": 123_456_800,
                "given_back_satang": 50,
                "net_satang": 123_456_750,
            }],
            "records": 27,
            "dates": 2,
            "digest": "0000000000000001",
            "last_sequence": 27,
            "head": format!("0:{}", "0".repeat(64)),
            "torn_bytes": 4_096,
            "files": { "indexes": 3, "snapshots": 2 },
            "mismatches": [{
                "sequence": 17,
                "place": "journal/0000000001.seg: offset 12416",
                "what": what,
                "text": format!("journal/0000000001.seg: offset 12416: record 17: {what}"),
            }],
            "mismatches_count": 1,
            "damage": null,
        });
        assert_eq!(facts, wanted);
    }
}
