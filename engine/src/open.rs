//! Starting: a snapshot and the journal behind it are read, the state rebuilt, and everything that was read made durable before
//! the first answer.

use crate::arrivals::Arrivals;
use crate::clock::{CLOCK_JUMP_MS_MAX, Clock, ClockError};
use crate::day_ids::{DAY_IDS_FOLDER, day_ids_name};
use crate::engine::Engine;
use crate::keeper::{Keeper, Kept, SnapshotRule};
use crate::old_ids::OldIds;
use crate::persons::{CitizenKey, PERSONS_FILE, PersonStore};
use crate::recover::{Recovery, recover};
use crate::replay::{Beginning, Replayed};
use crate::snapshot;
pub use crate::state::Expected;
use crate::state::named_persons;
use parking_lot::Mutex;
use satang_core::calendar::Instant;
use satang_core::ids::PersonId;
use satang_core::record::Position;
use satang_log::commit::{Appender, CommitObserver, Committer, Pacing, Resumed};
use satang_log::durable::Durable;
use satang_log::file::{
    FileJournal, JournalReader, Layout, NewJournal, Place, ScanError, Scanned, Spares, first_header,
};
use satang_log::log::Log;
use satang_log::storage::Storage;
use std::collections::BTreeSet;
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
    /// When a snapshot is taken by itself.
    pub snapshots: SnapshotRule,
    /// Told of every flush.
    pub observer: Arc<dyn CommitObserver>,
}

/// A started engine and the parts that need a thread of their own.
pub struct Opened<S: Storage, C: Clock> {
    /// The engine.
    pub engine: Arc<Engine<JournalReader<S>, C>>,
    /// The journal's writer: to be run on a thread, or step by step.
    pub committer: Committer<FileJournal<S>>,
    /// To be prepared by a thread; without one they are made when needed.
    pub spares: Arc<Spares>,
    /// To be called now and then: old ids leave memory, snapshots are taken.
    pub keeper: Arc<Keeper<S, JournalReader<S>, C>>,
    /// What was found.
    pub recovered: Recovered,
}

/// What a start found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Records replayed.
    pub records: u64,
    /// Bytes of segment files read.
    pub bytes: u64,
    /// Bytes of a write that never finished, cut off.
    pub torn_bytes: u32,
    /// Whether the journal was begun by this start.
    pub new: bool,
    /// The sequence of the last record in the snapshot that was read; `None` without one.
    pub snapshot: Option<u64>,
    /// Newer snapshots that could not be used.
    pub snapshots_refused: u32,
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
    #[error("journal: offset 0: there is no journal, though {held_by} tells of one; put its files back")]
    JournalMissing {
        /// What is there.
        held_by: String,
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
    let header = first_header(&**storage)?;
    let key_check = options.citizen_key.check_value();
    if header.is_some_and(|header| header.citizen_key_check != key_check) {
        return Err(OpenError::WrongKey);
    }
    let (recovery, store) = std::thread::scope(|scope| {
        let store = scope.spawn(|| PersonStore::open(storage, options.citizen_key.clone()));
        let recovery = header
            .map(|header| recover(&**storage, &header, options.expected, progress))
            .transpose();
        (
            recovery,
            store.join().expect("reading the person store does not panic"),
        )
    });
    let found = Found::of(recovery?, options.expected);
    let store = store.map_err(|source| OpenError::Io {
        file: PERSONS_FILE,
        source,
    })?;
    check_persons(&store, &found)?;
    if found.scanned.is_none() {
        refuse_missing_journal(&**storage, store.persons().len())?;
    }
    found
        .beginning
        .state
        .check_conservation()
        .map_err(OpenError::Conservation)?;
    let clock_refused = match &found.scanned {
        Some(scanned) => check_clock(
            &clock,
            Instant::from_unix_ms(scanned.last_at_ms),
            options.accept_clock,
        )?,
        None => None,
    };
    let journal = open_journal(storage, found.scanned.as_ref(), &options, &clock)?;
    flush_names(&**storage)?;
    remove_leftovers(&**storage, &found.beginning.old_ids)?;
    Ok(wire(
        storage,
        found,
        journal,
        store,
        clock,
        clock_refused,
        options,
    ))
}

/// What a start goes on from.
struct Found {
    beginning: Beginning,
    scanned: Option<Scanned>,
    replayed: Replayed,
    kept: Kept,
    /// How long the person store was when the snapshot was taken that was read; `None` without one.
    persons_pages: Option<u64>,
    recovered: Recovered,
}

impl Found {
    fn of(recovery: Option<Recovery>, expected: Expected) -> Found {
        let Some(recovery) = recovery else {
            return Found {
                beginning: Beginning::of_nothing(expected),
                scanned: None,
                replayed: Replayed::default(),
                kept: Kept::default(),
                persons_pages: None,
                recovered: Recovered {
                    new: true,
                    ..Recovered::default()
                },
            };
        };
        for refusal in &recovery.refused {
            tracing::warn!("a snapshot is not used: {refusal}");
        }
        let scanned = &recovery.scanned;
        let segments = u64::from(scanned.last_segment.saturating_sub(recovery.start_segment - 1));
        let recovered = Recovered {
            records: recovery.replayed.records,
            bytes: segments * u64::from(scanned.first_header.segment_bytes),
            torn_bytes: scanned.torn_bytes,
            new: false,
            snapshot: recovery.snapshot.as_ref().map(|(_, through)| *through),
            snapshots_refused: recovery.refused.len() as u32,
        };
        let kept = Kept {
            // Not before this.
            snapshot_at: match recovery.snapshot {
                Some(_) => Place::start_of(recovery.start_segment).position(0),
                None => Position::from_number(0),
            },
            due: recovery.dates_left,
            refused: recovery.refused.into_iter().map(|refusal| refusal.file).collect(),
            not_before: None,
        };
        Found {
            beginning: recovery.beginning,
            scanned: Some(recovery.scanned),
            replayed: recovery.replayed,
            kept,
            persons_pages: recovery.persons_pages,
            recovered,
        }
    }
}

/// A folder that has no journal must not have had one.
fn refuse_missing_journal<S: Storage>(storage: &S, persons: usize) -> Result<(), OpenError> {
    let snapshots = snapshot::names(storage).map_err(|source| OpenError::Io {
        file: snapshot::SNAPSHOT_FOLDER,
        source,
    })?;
    if let Some(file) = snapshots.into_iter().next() {
        return Err(OpenError::JournalMissing { held_by: file });
    }
    match persons {
        0 => Ok(()),
        _ => Err(OpenError::JournalMissing {
            held_by: format!("{PERSONS_FILE} ({persons} persons)"),
        }),
    }
}

/// After a kill, the name of a file that was read may not be durable yet.
fn flush_names<S: Storage>(storage: &S) -> Result<(), OpenError> {
    for folder in [DAY_IDS_FOLDER, snapshot::SNAPSHOT_FOLDER] {
        let io = |source| OpenError::Io { file: folder, source };
        if !storage.list(folder).map_err(io)?.is_empty() {
            storage.sync_folder(folder).map_err(io)?;
        }
    }
    Ok(())
}

/// Removes files that nothing counts on: index files of dates that are in memory, unfinished ones.
fn remove_leftovers<S: Storage>(storage: &S, old_ids: &OldIds) -> Result<(), OpenError> {
    let days = old_ids.days();
    let wanted: Vec<String> = days.files.iter().map(|file| day_ids_name(file.date())).collect();
    let remove = |folder: &'static str, stays: &dyn Fn(&str) -> bool| {
        let io = |source| OpenError::Io { file: folder, source };
        for name in storage.list(folder).map_err(io)? {
            let name = format!("{folder}/{name}");
            if !stays(&name) {
                storage.remove(&name).map_err(io)?;
            }
        }
        Ok::<(), OpenError>(())
    };
    remove(DAY_IDS_FOLDER, &|name| wanted.iter().any(|wanted| wanted == name))?;
    remove(snapshot::SNAPSHOT_FOLDER, &|name| name.ends_with(".snap"))
}

/// Checks that the store has every person that a record names.
fn check_persons<S: Storage>(store: &PersonStore<S>, found: &Found) -> Result<(), OpenError> {
    let unreadable_pages = store.unreadable_pages();
    // The store only grows: as long as when the snapshot was taken, and readable, it has everybody the snapshot names. A few
    // of them are looked up all the same, for it could be another folder's.
    let whole = unreadable_pages == 0
        && found
            .persons_pages
            .is_some_and(|pages| pages <= store.persons().pages());
    let at_most = if whole { NAMES_LOOKED_UP } else { usize::MAX };
    let named = named_persons(&found.beginning.state, at_most);
    let directory = found.beginning.state.directory.read();
    let desk = directory.desk();
    let erased: BTreeSet<PersonId> = desk.erased().collect();
    let stays = |person: &PersonId| *person != PersonId::ERASED && !erased.contains(person);
    let named = named
        .chain(desk.persons())
        .chain(found.replayed.persons.iter().copied());
    let missing = store.persons().missing(named.filter(stays));
    if missing > 0 && missing <= store.persons().erased_len().saturating_sub(erased.len()) {
        // As a backup may be: its journal ends in front of records that its person store knows.
        tracing::warn!(
            citizens = missing,
            "citizens were erased after this journal ends; erase them again: their wallets still spend"
        );
        return Ok(());
    }
    if missing > 0 {
        return Err(OpenError::PersonsMissing {
            missing,
            unreadable_pages,
            offset: 0,
        });
    }
    if unreadable_pages > 0 {
        tracing::warn!(
            unreadable_pages,
            "the person store ends in a write that never finished"
        );
    }
    Ok(())
}

/// How many of a snapshot's persons are looked up in the person store.
const NAMES_LOOKED_UP: usize = 4096;

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
fn wire<S: Storage, C: Clock>(
    storage: &Arc<S>,
    found: Found,
    journal: FileJournal<S>,
    store: PersonStore<S>,
    clock: C,
    clock_refused: Option<ClockError>,
    options: EngineOptions,
) -> Opened<S, C> {
    let Found {
        beginning,
        replayed,
        kept,
        recovered,
        ..
    } = found;
    let (reader, spares) = (journal.reader(), journal.spares().clone());
    let (journal_id, layout) = (journal.id(), journal.layout());
    let last_at = if recovered.new {
        Instant::MIN
    } else {
        journal.last_at()
    };
    let durable = Durable::new(journal.end().position(0), journal.next_sequence() - 1);
    let appender = Arc::new(Appender::new(
        &journal,
        durable.clone(),
        Resumed {
            last_at,
            last_position: replayed.last_position,
            date: replayed.date,
            cut_overs: replayed.cut_overs,
        },
    ));
    let persons = store.persons().clone();
    let committer = Committer::new(
        journal,
        vec![Box::new(store)],
        appender.clone(),
        durable.clone(),
        options.pacing,
        options.observer,
    );
    let engine = Arc::new(Engine {
        state: beginning.state,
        old_ids: beginning.old_ids,
        appender,
        durable,
        reader,
        clock,
        clock_refused,
        spares: spares.clone(),
        persons,
        lapse_counting: Mutex::default(),
        arrivals: Arrivals::default(),
    });
    let keeper = Keeper::new(
        engine.clone(),
        storage.clone(),
        journal_id,
        layout,
        options.snapshots,
        kept,
    );
    Opened {
        engine,
        committer,
        spares,
        keeper: Arc::new(keeper),
        recovered,
    }
}
