//! The engine handle: what the gateway, the benches and the tests call.
//!
//! The thread that parsed a request takes the shards, decides, appends and goes on to wait for durability; nothing is handed
//! to another thread for the decision (`docs/adr/0002-hand-off.md`).

use crate::arrivals::Arrivals;
use crate::clock::{Clock, ClockError};
use crate::ids::archive::IdArchive;
use crate::ids::index::IdIndexError;
use crate::persons::Persons;
use crate::query::read_back::Misplaced;
use crate::state::State;
use parking_lot::Mutex;
use satang_core::calendar::Instant;
use satang_core::ids::Name;
use satang_core::record::Record;
use satang_log::commit::Appender;
use satang_log::durable::{Durable, StorageFailed};
use satang_log::log::{ReadError, ReadLog, Space, SpaceGauge};
use std::sync::Arc;

/// Why a request was not decided; nothing happened and its id is not burnt, except where the outcome is unknown.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The id is another acquirer's: nothing was decided.
    #[error("the id is another acquirer's; nothing was changed")]
    OtherAcquirer,
    /// Too much waits for the disk.
    #[error("too many requests are in flight")]
    Overloaded,
    /// The disk is full.
    #[error("the disk is full; reversals are still taken: {reversals}")]
    DiskFull {
        /// Whether reversals are still taken.
        reversals: bool,
    },
    /// The disk fails to give the journal another file, and is asked again.
    #[error("the journal cannot get another file; reversals are still taken: {reversals}")]
    NoSpare {
        /// Whether reversals are still taken.
        reversals: bool,
    },
    /// The time cannot be trusted.
    #[error(transparent)]
    Clock(#[from] ClockError),
    #[error(transparent)]
    Storage(#[from] StorageFailed),
    /// A durable record cannot be read back.
    #[error("a journaled record cannot be read: {0}")]
    Read(#[from] ReadError),
    /// The index of an old date cannot be read.
    #[error(transparent)]
    IdArchive(#[from] IdIndexError),
    /// The record that an id leads to is not that id's.
    #[error(transparent)]
    Misplaced(Box<Misplaced>),
    /// A new name, and as many names over the journal's life as may be when such a name comes.
    #[error("{name} is a new name, and the journal has {names_max} names already: one of them must be used")]
    TooManyNames { name: Box<Name>, names_max: u16 },
    /// More records than one durable write takes.
    #[error("the batch takes {bytes} bytes of journal, at most {bytes_max} fit one durable write")]
    BatchTooLarge { bytes: usize, bytes_max: usize },
}

/// What became of a request with an id.
#[derive(Clone, Copy, Debug)]
pub enum Submitted<R> {
    /// Decided now. The answer may leave once `sequence` is durable.
    Decided {
        /// The record, with its sequence.
        record: R,
        sequence: u64,
    },
    /// The id has an outcome already, the record of `sequence`. Wait until that is durable, read it, compare the content.
    Seen { sequence: u64 },
    /// The outcome depends on a record that is not durable yet: wait for `sequence`, then ask again.
    Wait { sequence: u64 },
}

impl<R> Submitted<R> {
    /// The record that the outcome rests on.
    pub fn sequence(&self) -> u64 {
        match self {
            Submitted::Decided { sequence, .. }
            | Submitted::Seen { sequence }
            | Submitted::Wait { sequence } => *sequence,
        }
    }
}

/// The engine of one data folder. Shared by all threads.
pub struct Engine<R: ReadLog, C: Clock> {
    pub(crate) state: State,
    pub(crate) id_archive: IdArchive,
    pub(crate) appender: Arc<Appender>,
    pub(crate) durable: Arc<Durable>,
    pub(crate) reader: R,
    pub(crate) clock: C,
    /// Set at start when the clock is behind the journal and nobody confirmed it.
    pub(crate) clock_refused: Option<ClockError>,
    pub(crate) space: Arc<SpaceGauge>,
    pub(crate) persons: Arc<Persons>,
    /// Held while rights are counted that lapsed.
    pub(crate) lapse_counting: Mutex<()>,
    pub(crate) arrivals: Arrivals,
}

impl<R: ReadLog, C: Clock> Engine<R, C> {
    /// The time, for one request: never before the last record, so that a clock set back a little stands still instead.
    pub fn now(&self) -> Result<Instant, ClockError> {
        match self.clock_refused {
            Some(refused) => Err(refused),
            None => Ok(self.clock.now()?.max(self.appender.last_at())),
        }
    }

    /// The clock, to be set when it is simulated.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// How far the journal is durable.
    pub fn durable(&self) -> &Arc<Durable> {
        &self.durable
    }

    /// The open group, to which decided records are appended.
    pub fn appender(&self) -> &Appender {
        &self.appender
    }

    /// The store of persons: the citizen's hash leads to the person id.
    pub fn persons(&self) -> &Arc<Persons> {
        &self.persons
    }

    /// All the state in memory.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The ids that have left memory.
    pub fn id_archive(&self) -> &IdArchive {
        &self.id_archive
    }

    /// How much room the disk has for new records.
    pub fn space(&self) -> Space {
        self.space.space()
    }

    /// Files that the journal has made ahead.
    pub fn spares_len(&self) -> usize {
        self.space.spares_len()
    }

    /// Why nothing, or only reversals, is accepted now, though the clock is trusted and the journal works; `None` when everything is.
    pub fn lacks(&self) -> Option<SubmitError> {
        self.admit(Space::Enough).err()
    }

    /// The record of a durable sequence, whatever it is: who knows which it must be asks as in [`crate::query::read_back`].
    pub fn read(&self, sequence: u64) -> Result<Record, ReadError> {
        self.reader.read(sequence)
    }

    /// Cuts over dates that are over, when no request does.
    ///
    /// # Errors
    /// [`SubmitError::Clock`], [`SubmitError::Storage`].
    pub fn cut_over(&self) -> Result<(), SubmitError> {
        self.fence(self.now()?)
    }

    /// Whether there is room for new records, and not too much waits for the disk.
    pub(crate) fn admit(&self, at_least: Space) -> Result<(), SubmitError> {
        self.check_room(at_least)?;
        self.check_load()
    }

    /// Whether too much waits for the disk.
    pub(crate) fn check_load(&self) -> Result<(), SubmitError> {
        match self.appender.is_full() {
            true => Err(SubmitError::Overloaded),
            false => Ok(()),
        }
    }

    /// Whether the disk has room for new records. An answer that was given before needs none.
    #[inline]
    pub(crate) fn check_room(&self, at_least: Space) -> Result<(), SubmitError> {
        let reversals = match (self.space(), at_least) {
            (Space::Enough, _) | (Space::ReversalsOnly, Space::ReversalsOnly) => return Ok(()),
            (Space::ReversalsOnly, _) => true,
            (Space::None, _) => false,
        };
        Err(match self.space.is_disk_full() {
            true => SubmitError::DiskFull { reversals },
            false => SubmitError::NoSpare { reversals },
        })
    }
}
