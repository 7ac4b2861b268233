//! Starting: the journal is read to its end, the state rebuilt, and everything that was read made durable before the first
//! answer.

use crate::admin::Admin;
use crate::clock::{CLOCK_JUMP_MS_MAX, Clock, ClockError};
use crate::commit::{Appender, CommitObserver, Committer, Pacing};
use crate::durable::Durable;
use crate::engine::Engine;
use crate::journal::{FileJournal, JournalReader, Layout, NewJournal, ScanError, Scanned, Spares, scan};
use crate::log::Log;
use crate::persons::{CitizenKey, PERSONS_FILE, PersonStore};
use crate::state::{Replay, State, named_persons};
use crate::storage::Storage;
use parking_lot::Mutex;
use satang_core::calendar::{BusinessDate, Instant};
use std::io;
use std::sync::Arc;

/// How an engine is started.
pub struct EngineOptions {
    /// Of a new journal; an existing one keeps its own.
    pub layout: Layout,
    /// The secret under which citizens' ids are hashed. Another one than the journal was begun with is refused.
    pub citizen_key: CitizenKey,
    /// When the writer waits for more records.
    pub pacing: Pacing,
    /// An operator confirms a clock that is behind the journal: time stands still until the clock has caught up.
    pub accept_clock: bool,
    /// Wallets and ids the tables have room for before they grow. More: memory taken at start, no growth later.
    pub expected: Expected,
    /// Told of every flush.
    pub observer: Arc<dyn CommitObserver>,
}

/// How many wallets and ids to expect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected {
    /// Wallets of one benefit each.
    pub wallets: usize,
    /// Authorizations.
    pub ids: usize,
}

/// A started engine and the parts that need a thread of their own.
pub struct Opened<S: Storage, C: Clock> {
    /// The engine.
    pub engine: Arc<Engine<JournalReader<S>, C>>,
    /// The journal's writer: to be run on a thread, or step by step.
    pub committer: Committer<FileJournal<S>>,
    /// To be prepared by a thread; without one they are made when needed.
    pub spares: Arc<Spares>,
    /// What was found.
    pub recovered: Recovered,
}

/// What a start found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Records replayed.
    pub records: u64,
    /// Bytes of segment files read.
    pub bytes: u64,
    /// Bytes of a write that never finished, cut off.
    pub torn_bytes: u32,
    /// Whether the journal was begun by this start.
    pub new: bool,
}

/// Why an engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal cannot be read.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// The key file is not the one the journal was begun with.
    #[error("citizen.key: offset 0: not the key this journal was begun with; put the right file back")]
    WrongKey,
    /// The journal's files are gone: a person is only stored once there is a journal to name it.
    #[error(
        "journal: offset 0: there is no journal, though {PERSONS_FILE} holds {persons} persons; put its files back"
    )]
    JournalMissing {
        /// How many.
        persons: usize,
    },
    /// The person store misses persons that the journal names.
    #[error(
        "{PERSONS_FILE}: offset {offset}: {missing} persons of the journal are missing, {unreadable_pages} pages are unreadable"
    )]
    PersonsMissing {
        /// How many.
        missing: usize,
        /// How many pages of the store cannot be read.
        unreadable_pages: u64,
        /// Always 0: the pages are searched as a whole.
        offset: u64,
    },
    /// The rebuilt state does not add up.
    #[error("journal: offset 0: {0}")]
    Conservation(String),
    /// The layout is not possible.
    #[error("layout: {0}")]
    Layout(&'static str),
    /// The clock gives no time.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The disk does not answer.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Starts the engine of a data folder. `progress` is told the bytes read and the bytes there are.
///
/// # Errors
/// [`OpenError`]; unless writing failed, nothing was changed.
pub fn open<S: Storage, C: Clock>(
    storage: &Arc<S>,
    clock: C,
    options: EngineOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Opened<S, C>, OpenError> {
    if let Some(problem) = options.layout.problem() {
        return Err(OpenError::Layout(problem));
    }
    let mut state = State::with_room_for(options.expected.wallets, options.expected.ids);
    let mut replay = Replay::new(&mut state, progress);
    let scanned = scan(&**storage, &mut replay)?;
    let (records, date) = (replay.records, replay.date);
    let key_check = options.citizen_key.check_value();
    if scanned
        .as_ref()
        .is_some_and(|found| found.first_header.citizen_key_check != key_check)
    {
        return Err(OpenError::WrongKey);
    }
    let store = open_persons(storage, &options.citizen_key, &state)?;
    if scanned.is_none() && !store.is_empty() {
        return Err(OpenError::JournalMissing { persons: store.len() });
    }
    state.check_conservation().map_err(OpenError::Conservation)?;
    let clock_refused = match &scanned {
        Some(found) => check_clock(
            &clock,
            Instant::from_unix_ms(found.last_at_ms),
            options.accept_clock,
        )?,
        None => None,
    };
    let journal = open_journal(storage, scanned.as_ref(), &options, &clock)?;
    let recovered = Recovered {
        records,
        bytes: scanned.as_ref().map_or(0, |found| {
            u64::from(found.last_segment) * u64::from(found.first_header.segment_bytes)
        }),
        torn_bytes: scanned.as_ref().map_or(0, |found| found.torn_bytes),
        new: scanned.is_none(),
    };
    Ok(wire(
        state,
        journal,
        store,
        clock,
        clock_refused,
        date,
        options,
        recovered,
    ))
}

fn open_persons<S: Storage>(
    storage: &Arc<S>,
    key: &CitizenKey,
    state: &State,
) -> Result<PersonStore<S>, OpenError> {
    let io = |source| OpenError::Io {
        file: PERSONS_FILE,
        source,
    };
    let store = PersonStore::open(storage, key.clone()).map_err(io)?;
    match store.check_names(named_persons(state).into_iter()) {
        Ok(0) => {}
        Ok(pages) => tracing::warn!(pages, "the person store ends in a write that never finished"),
        Err((missing, unreadable_pages)) => {
            return Err(OpenError::PersonsMissing {
                missing,
                unreadable_pages,
                offset: 0,
            });
        }
    }
    Ok(store)
}

/// Sets a simulated clock to the last record; says why a real one is not trusted.
fn check_clock<C: Clock>(clock: &C, last: Instant, accept: bool) -> Result<Option<ClockError>, ClockError> {
    let shows = clock.now()?;
    if shows >= last || clock.set(last).is_ok() {
        return Ok(None);
    }
    let behind_ms = last.unix_ms() - shows.unix_ms();
    let refused = behind_ms > CLOCK_JUMP_MS_MAX && !accept;
    Ok(refused.then_some(ClockError::BehindJournal { shows, last }))
}

fn open_journal<S: Storage, C: Clock>(
    storage: &Arc<S>,
    scanned: Option<&Scanned>,
    options: &EngineOptions,
    clock: &C,
) -> Result<FileJournal<S>, OpenError> {
    let io = |source| OpenError::Io {
        file: "journal",
        source,
    };
    if let Some(found) = scanned {
        return FileJournal::resume(storage.clone(), found).map_err(io);
    }
    let mut journal_id = [0u8; 16];
    getrandom::fill(&mut journal_id).map_err(|error| io(io::Error::other(error)))?;
    let new = NewJournal {
        layout: options.layout,
        journal_id,
        citizen_key_check: options.citizen_key.check_value(),
        created: clock.now()?,
    };
    FileJournal::create(storage.clone(), &new).map_err(io)
}

/// The whole machine, wired in one place.
#[expect(clippy::too_many_arguments, reason = "every part is made once, here")]
fn wire<S: Storage, C: Clock>(
    state: State,
    journal: FileJournal<S>,
    store: PersonStore<S>,
    clock: C,
    clock_refused: Option<ClockError>,
    date: Option<BusinessDate>,
    options: EngineOptions,
    recovered: Recovered,
) -> Opened<S, C> {
    let reader = journal.reader();
    let spares = journal.spares().clone();
    let last_at = if recovered.new {
        Instant::MIN
    } else {
        journal.last_at()
    };
    let durable = Durable::new(journal.end().position(0), journal.next_sequence() - 1);
    let appender = Arc::new(Appender::new(&journal, durable.clone(), last_at, date));
    let committer = Committer::new(
        journal,
        appender.clone(),
        durable.clone(),
        options.pacing,
        options.observer,
    );
    let engine = Engine {
        state,
        appender,
        durable,
        reader,
        clock,
        clock_refused,
        spares: spares.clone(),
        admin: Admin {
            persons: Mutex::new(Box::new(store)),
        },
    };
    Opened {
        engine: Arc::new(engine),
        committer,
        spares,
        recovered,
    }
}
