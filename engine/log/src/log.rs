//! What a log is to its users: groups of records are appended in order, records are read back by their sequence, and readers
//! follow the log frame by frame as it becomes durable.
//!
//! A log is addressed by sequence alone. Where its bytes lie is its own affair: nothing above these traits, and no record, names
//! a place. An append names the sequence it expects to be next, so that a writer that was replaced is fenced off instead of
//! forking the history.

use crate::durable::Durable;
use crate::group::Group;
use crate::scrub::ScrubMonitor;
use crate::storage::Page;
use satang_core::calendar::Instant;
use satang_core::record::{Record, RecordError, RecordHeader};
use satang_core::state::hash::HashSeed;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;
use zerocopy::{FromBytes as _, IntoBytes as _};

/// A hash in the chain over everything that was appended.
pub type ChainHash = [u8; 32];

/// What tells one log from every other, for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogIdentity {
    pub journal_id: [u8; 16],
    /// Random: the seed of the tables of ids from outside, see [`LogIdentity::seed`].
    pub hash_seed: [u8; 16],
    /// Proves that the key of citizens' ids is the one this log was begun with.
    pub citizen_key_check: [u8; 32],
    /// When it was begun.
    pub created: Instant,
}

impl LogIdentity {
    /// The seed of the hashes of everything that is made from this log.
    pub const fn seed(&self) -> HashSeed {
        HashSeed::from_bytes(self.hash_seed)
    }
}

/// Why a group was not appended. No case is ever retried (I8).
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another writer has gone on: nothing was written.
    #[error("the log goes on at sequence {next}, not {expected}: another writer has it")]
    Fenced {
        /// What this writer expected.
        expected: u64,
        /// What the log says.
        next: u64,
    },
    /// The disk failed: whether the group is durable is unknown.
    #[error("the log's disk failed: {0}")]
    Unknown(#[from] io::Error),
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk does not answer.
    #[error("{file}: {source}")]
    Io {
        file: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// Durable data is damaged.
    #[error("{file}: offset {offset}: {what}{}", named_sequence(*sequence))]
    Damaged {
        file: String,
        /// Where in it, in bytes.
        offset: u64,
        /// The sequence that should be there; 0 when that is not known.
        sequence: u64,
        what: String,
    },
}

fn named_sequence(sequence: u64) -> String {
    match sequence {
        0 => String::new(),
        known => format!(" (sequence {known})"),
    }
}

/// Why one record cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The log does not answer, or is damaged.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The bytes there are no record.
    #[error("{place}: {source}")]
    Record {
        /// Where, in the log's own words.
        place: String,
        source: RecordError,
    },
    /// There is no such record, or another one where it should be.
    #[error("{place}: no record of sequence {sequence} is there")]
    Missing {
        /// Where, in the log's own words.
        place: String,
        /// The sequence that was asked for.
        sequence: u64,
    },
}

/// An append-only log that one thread writes. Groups are submitted in order and complete in order.
pub trait Log: Send + 'static {
    /// What reads single records back by their sequence.
    type Reader: ReadLog;

    /// How many groups may be submitted and not complete.
    fn in_flight_max(&self) -> usize;

    /// Hands over a group; its first sequence is the one the writer expects to be next.
    fn submit(&mut self, group: Group) -> Result<(), AppendError>;

    /// Waits until the oldest group that was submitted is durable, and gives it back; `None` when none is in flight.
    fn complete(&mut self) -> Result<Option<Completed>, AppendError>;

    /// After some quiet, makes sure that a damaged last group would be noticed. Nothing may be in flight.
    fn cover(&mut self) -> Result<(), AppendError>;

    /// Whether [`Log::cover`] has something to do.
    fn needs_cover(&self) -> bool;

    /// The most bytes of records in a group.
    fn group_bytes_max(&self) -> usize;

    /// The sequence the next record gets.
    fn next_sequence(&self) -> u64;

    /// A reader of durable records.
    fn reader(&self) -> Self::Reader;

    /// How much room there is for more.
    fn space(&self) -> Arc<SpaceGauge>;

    /// What prepares room for more, on a thread of the caller's.
    fn upkeep(&self) -> Arc<dyn Upkeep>;
}

/// A group that is durable.
pub struct Completed {
    /// The group, to be used again.
    pub group: Group,
    /// Bytes that were written for it.
    pub bytes: usize,
}

/// Reads durable records back by sequence; cheap to clone and to share.
pub trait ReadLog: Clone + Send + Sync + 'static {
    /// The record of this sequence, which is durable.
    ///
    /// # Errors
    /// [`ReadError`] when the disk fails or the record was damaged.
    fn read(&self, sequence: u64) -> Result<Record, ReadError>;

    /// Where the record of this sequence lies, in the log's own words: for messages to people.
    fn describe(&self, sequence: u64) -> String;
}

/// Reads a log in order, frame by frame. It is pulled: it never reads ahead of what is durable, and waits when asked to.
pub trait Cursor: Send {
    /// Goes to the frame that has, or will have, the record of this sequence.
    fn seek(&mut self, sequence: u64) -> Result<(), LogError>;

    /// The next frame of records; `None` when nothing behind the last one is durable yet.
    fn next_frame(&mut self) -> Result<Option<Frame>, LogError>;

    /// Waits until there may be a next frame, at most so long; says whether there may be. A log that nobody writes has none.
    fn wait(&mut self, at_most: Duration) -> bool;

    /// The sequence of the first record behind the last frame.
    fn next_sequence(&self) -> u64;

    /// Bytes read, and bytes there are to read, for a progress bar.
    fn progress(&self) -> (u64, u64);

    /// Where the record of this sequence lies, in the log's own words: for messages to people.
    fn describe(&self, sequence: u64) -> String;
}

/// How far a cursor reads.
#[derive(Clone)]
pub enum Bound {
    /// Everything there is: nobody writes the log meanwhile.
    All,
    /// What this process made durable.
    Durable(Arc<Durable>),
    /// What the log itself proves to be durable: another process may be writing it.
    Proven,
}

/// A log as it is found: to be read, and then to be taken over for appending by whoever is alone with it.
pub trait LogStore: Send + Sync + 'static {
    /// The log, open for appending.
    type Log: Log;
    /// Reads it in order.
    type Cursor: Cursor;

    /// Whose log it is; `None` when there is none.
    fn identity(&self) -> Option<LogIdentity>;

    /// A cursor at the first record.
    fn cursor(&self, bound: Bound) -> Result<Self::Cursor, LogError>;

    /// About how many records there are from this sequence on, for sizing memory; 0 when it cannot be told.
    fn about_records_from(&self, sequence: u64) -> u64;

    /// Begins a log where there is none.
    ///
    /// # Errors
    /// Of the operating system.
    fn create(&self, identity: LogIdentity) -> io::Result<Self::Log>;

    /// Opens the log behind a cursor that has read everything: what never finished is cut off, and everything that the cursor
    /// has read is durable when this returns.
    ///
    /// # Errors
    /// Of the operating system.
    fn resume(&self, read: ReadToEnd<Self::Cursor>) -> io::Result<Self::Log>;

    /// Looks whether the log ends where a cursor of everything stopped, or is damaged there. Only reads.
    fn end(&self, cursor: Self::Cursor) -> Result<ReadToEnd<Self::Cursor>, LogError>;

    /// Reads what is closed and will never be written again, from the oldest on, while the log is in use; until it is told to
    /// stop. `durable`: how far the log is durable.
    fn scrub(&self, durable: &Arc<Durable>, monitor: &mut dyn ScrubMonitor) -> ControlFlow<()>;
}

/// A cursor that has read a log to its end, and what lies there.
pub struct ReadToEnd<C> {
    pub cursor: C,
    /// Where the log ends, in its own words.
    pub end: String,
    /// Bytes of a write that never finished, behind the end.
    pub torn_bytes: u32,
    /// The time of the last frame.
    pub last_at: Instant,
    /// The sequence the next record gets.
    pub next_sequence: u64,
}

/// Records that were appended together: one group, durable as a whole.
#[derive(Clone)]
pub struct Frame {
    /// The sequence of the first record.
    pub first_sequence: u64,
    pub record_count: u32,
    /// The time of the last record.
    pub at: Instant,
    /// The hash of the chain behind the frame.
    pub hash: ChainHash,
    /// Holds the records, among other bytes.
    pub pages: Arc<Vec<Page>>,
    /// The first byte of the first record in `pages`.
    pub start: usize,
    pub len_bytes: usize,
    /// Bytes that the frame takes in the log.
    pub stored_bytes: usize,
}

impl Frame {
    /// The sequence of the last record.
    pub fn last_sequence(&self) -> u64 {
        self.first_sequence + u64::from(self.record_count) - 1
    }

    /// The records in order, checked when the frame was read: each with its first byte in [`Frame::pages`], its header and its
    /// bytes.
    pub fn records(&self) -> impl Iterator<Item = (usize, RecordHeader, &[u8])> {
        let bytes = self.pages.as_bytes();
        let mut at = self.start;
        (0..self.record_count).map(move |_| {
            let (header, _) = RecordHeader::read_from_prefix(&bytes[at..]).expect("checked when it was read");
            let start = at;
            at += header.len_bytes();
            (start, header, &bytes[start..at])
        })
    }
}

/// How much room there is for new records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Space {
    Enough = 0,
    /// There is little: only reversals are taken.
    ReversalsOnly = 1,
    /// There is none: nothing is taken.
    None = 2,
}

/// Says how much room there is: every request asks, so nobody waits for a lock.
#[derive(Debug, Default)]
pub struct SpaceGauge {
    space: AtomicU8,
    /// Whether it is for another reason than a full disk.
    broken: AtomicBool,
    spares: AtomicUsize,
}

impl SpaceGauge {
    /// How much room there is.
    pub fn space(&self) -> Space {
        match self.space.load(Ordering::Relaxed) {
            0 => Space::Enough,
            1 => Space::ReversalsOnly,
            _ => Space::None,
        }
    }

    /// Whether room lacks because the disk is full, and not because it fails.
    pub fn is_disk_full(&self) -> bool {
        !self.broken.load(Ordering::Relaxed)
    }

    /// Files that the log has made ahead; 0 of a log that makes none.
    pub fn spares_len(&self) -> usize {
        self.spares.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, space: Space, disk_full: bool, spares: usize) {
        self.spares.store(spares, Ordering::Relaxed);
        self.broken.store(!disk_full, Ordering::Relaxed);
        self.space.store(space as u8, Ordering::Relaxed);
    }
}

/// Work that a log wants done beside appending.
pub trait Upkeep: Send + Sync + 'static {
    /// Does it until stopped: the loop of a background thread.
    fn run_until_stopped(&self);

    /// Makes the loop end at its next step.
    fn stop(&self);
}
