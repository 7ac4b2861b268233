//! What does not agree: the first few, and how many.

use super::finding::Finding;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;

/// How many mismatches are told in words.
pub const TOLD_MAX: usize = 20;

/// Something that does not agree with the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The record's sequence; `None` for what is no record.
    pub sequence: Option<u64>,
    /// The file, named from the data folder, and where in it, in bytes.
    pub place: String,
    pub what: Finding,
}

impl Mismatch {
    /// Whether it is about this file.
    pub fn is_in(&self, file: &str) -> bool {
        self.place
            .strip_prefix(file)
            .is_some_and(|rest| rest.starts_with(':'))
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch {
            sequence,
            place,
            what,
        } = self;
        match sequence {
            Some(sequence) => write!(f, "{place}: record {sequence}: {what}"),
            None => write!(f, "{place}: {what}"),
        }
    }
}

/// The mismatches found so far, from any thread.
#[derive(Default)]
pub struct Findings {
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    /// By sequence and words: the same every time, whichever thread was faster.
    first: BTreeMap<(u64, String), Mismatch>,
    count: u64,
}

impl Findings {
    /// A record does not agree.
    pub fn record(&self, sequence: u64, what: Finding) {
        self.add(Mismatch {
            sequence: Some(sequence),
            place: String::new(),
            what,
        });
    }

    /// Another file does not agree.
    pub fn file(&self, file: &str, offset: u64, what: Finding) {
        self.add(Mismatch {
            sequence: None,
            place: format!("{file}: offset {offset}"),
            what,
        });
    }

    /// The first mismatches in the journal's order, then other files'; and how many there are. `describe` says where the record of a
    /// sequence lies.
    pub fn into_parts(self, describe: impl Fn(u64) -> String) -> (Vec<Mismatch>, u64) {
        let found = self.found.into_inner();
        let placed = |mismatch: Mismatch| match mismatch.sequence {
            Some(sequence) => Mismatch {
                place: describe(sequence),
                ..mismatch
            },
            None => mismatch,
        };
        (found.first.into_values().map(placed).collect(), found.count)
    }

    fn add(&self, mismatch: Mismatch) {
        let mut found = self.found.lock();
        found.count += 1;
        let key = (mismatch.sequence.unwrap_or(u64::MAX), mismatch.to_string());
        found.first.insert(key, mismatch);
        if found.first.len() > TOLD_MAX {
            found.first.pop_last();
        }
    }
}
