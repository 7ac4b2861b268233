//! What does not agree: the first few in words, and how many.

use parking_lot::Mutex;
use satang_core::record::Position;
use satang_log::file::{Place, segment_name};
use std::collections::BTreeMap;
use std::fmt;

/// How many mismatches are told in words.
pub const TOLD_MAX: usize = 20;

/// Something that does not agree with the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The record's sequence; `None` for what is no record.
    pub sequence: Option<u64>,
    /// The file, named from the data folder.
    pub file: String,
    /// Where in it, in bytes.
    pub offset: u64,
    /// What was recorded and what should have been.
    pub what: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch {
            sequence,
            file,
            offset,
            what,
        } = self;
        match sequence {
            Some(sequence) => write!(f, "{file}: offset {offset}: record {sequence}: {what}"),
            None => write!(f, "{file}: offset {offset}: {what}"),
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
    pub fn record(&self, sequence: u64, position: Position, what: String) {
        let place = Place::of(position);
        self.add(Mismatch {
            sequence: Some(sequence),
            file: segment_name(place.segment),
            offset: u64::from(place.offset),
            what,
        });
    }

    /// Another file does not agree.
    pub fn file(&self, file: &str, offset: u64, what: String) {
        self.add(Mismatch {
            sequence: None,
            file: file.to_owned(),
            offset,
            what,
        });
    }

    /// The first mismatches in the journal's order, then other files'; and how many there are.
    pub fn into_parts(self) -> (Vec<Mismatch>, u64) {
        let found = self.found.into_inner();
        (found.first.into_values().collect(), found.count)
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
