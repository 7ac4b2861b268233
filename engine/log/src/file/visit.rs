//! What a scan tells of a journal as it reads it, and why it stops.

use super::format::{ChainHash, FrameKind, Place, segment_name};
use crate::storage::Page;
use satang_core::record::{Position, RecordHeader};
use std::io;
use std::sync::Arc;

/// Why a journal is not read.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The disk does not answer.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// Durable data is damaged.
    #[error("{file}: offset {offset}: {what}{}", named_sequence(*sequence))]
    Damaged {
        /// The file.
        file: String,
        /// Where in it, in bytes.
        offset: u64,
        /// The sequence that should be there; 0 when that is not known.
        sequence: u64,
        /// What is wrong.
        what: String,
    },
    /// A record does not fit what came before it.
    #[error("{file}: offset {offset}: record {sequence} cannot be replayed: {why}")]
    Replay {
        /// The file.
        file: String,
        /// Where in it, in bytes.
        offset: u64,
        /// The record's sequence.
        sequence: u64,
        /// Why.
        why: String,
    },
}

fn named_sequence(sequence: u64) -> String {
    match sequence {
        0 => String::new(),
        known => format!(" (sequence {known})"),
    }
}

/// What a replay does with each record: its header, its bytes and where it lies.
pub trait Visitor {
    /// The records that follow lie in the file of this segment, whose bytes are these.
    fn begin_segment(&mut self, _segment: u32, _bytes: &Arc<Vec<Page>>) {}

    /// Takes one record, in sequence order.
    ///
    /// # Errors
    /// Why the record does not fit what came before it.
    fn record(&mut self, header: &RecordHeader, bytes: &[u8], position: Position) -> Result<(), String>;

    /// Every record of the segment that can be read was visited.
    ///
    /// # Errors
    /// A record found later not to fit what came before it.
    fn end_segment(&mut self) -> Result<(), Misfit> {
        Ok(())
    }

    /// Every record of a frame was visited.
    fn frame(&mut self, _frame: &VisitedFrame) {}

    /// Says that `done` of `total` bytes of segments were read.
    fn progress(&mut self, _done: u64, _total: u64) {}
}

/// An intact frame, behind its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisitedFrame {
    /// Where it lies.
    pub place: Place,
    /// Its length in bytes.
    pub bytes: u32,
    /// What it is for.
    pub kind: FrameKind,
    /// Its hash in the chain.
    pub hash: ChainHash,
    /// The sequence of the last record in it, or before it when it has none.
    pub last_sequence: u64,
}

/// A record that does not fit what came before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Where it lies.
    pub position: Position,
    /// Its sequence.
    pub sequence: u64,
    /// Why.
    pub why: String,
}

impl From<Misfit> for ScanError {
    fn from(misfit: Misfit) -> ScanError {
        let place = Place::of(misfit.position);
        ScanError::Replay {
            file: segment_name(place.segment),
            offset: u64::from(place.offset),
            sequence: misfit.sequence,
            why: misfit.why,
        }
    }
}
