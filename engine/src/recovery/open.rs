//! Starting: a snapshot and the journal behind it are read, the state rebuilt, and everything that was read made durable before
//! the first answer.

use crate::arrivals::Arrivals;
use crate::clock::{Clock, ClockError};
use crate::engine::Engine;
use crate::ids::archive::IdArchive;
use crate::ids::index::{ID_INDEX_FOLDER, id_index_name};
use crate::maintenance::{Kept, Maintenance, ReaderOf, SnapshotRule};
use crate::persons::{CitizenKey, PERSONS_FILE, PersonStore, Persons};
use crate::recovery::clock_check::{CLOCK_REFUSED_FILE, check_clock, forget_jump, is_about, is_unconfirmed};
use crate::recovery::recover::{Recovery, recover};
use crate::recovery::replay::Replayed;
use crate::recovery::worker_pool::ReplayError;
use crate::snapshot;
use crate::snapshot::base::ReplayBase;
pub use crate::state::Expected;
use crate::state::{Unbalanced, named_persons};
use parking_lot::Mutex;
use satang_core::calendar::Instant;
use satang_core::ids::PersonId;
use satang_core::state::hash::HashSeed;
use satang_log::commit::{Appender, CommitObserver, Committer, Pacing, Resumed};
use satang_log::durable::Durable;
use satang_log::file::{FileLogStore, Layout};
use satang_log::log::{Log, LogError, LogIdentity, LogStore, ReadToEnd, Upkeep};
use satang_log::storage::{ReadFile as _, ReadStorage, Storage};
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
    /// What a clock that does not fit the journal shows, as an operator confirms it; counts for a minute. Time stands still until a clock
    /// that is behind has caught up.
    pub accept_clock: Option<Instant>,
    /// Wallets and ids the tables have room for before they grow. More: memory taken at start, no growth later.
    pub expected: Expected,
    /// When a snapshot is taken by itself.
    pub snapshots: SnapshotRule,
    /// Of the tables of a new journal; drawn at random without, as a server's must be. A given one makes tests and measurements
    /// repeat; whoever knows it can make ids collide.
    pub hash_seed: Option<[u8; 16]>,
    /// Told of every flush.
    pub observer: Arc<dyn CommitObserver>,
}

/// A started engine and the parts that need a thread of their own.
pub struct Opened<S: Storage, C: Clock, L: LogStore = FileLogStore<S>> {
    pub engine: Arc<Engine<ReaderOf<L>, C>>,
    /// The log's writer: to be run on a thread, or step by step.
    pub committer: Committer<L::Log>,
    /// What the log wants done beside, by a thread; without one it is done when needed.
    pub upkeep: Arc<dyn Upkeep>,
    /// To be called now and then: old ids leave memory, snapshots are taken.
    pub maintenance: Arc<Maintenance<S, L, C>>,
    pub recovered: Recovered,
}

/// What a start found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
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
    Log(#[from] LogError),
    /// The journal cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The key file is not the one the journal was begun with.
    #[error("citizen.key: offset 0: not the key this journal was begun with; put the right file back")]
    WrongKey,
    /// The journal's files are gone, see [`tells_of_journal`].
    #[error("journal: offset 0: there is no journal, though {held_by} tells of one; put its files back")]
    JournalMissing { held_by: String },
    /// The person store misses persons that the journal names.
    #[error(
        "{PERSONS_FILE}: offset {offset}: {missing} persons of the journal are missing, {unreadable_pages} pages are unreadable"
    )]
    PersonsMissing {
        missing: usize,
        /// How many pages of the store cannot be read.
        unreadable_pages: u64,
        /// Where the first of them begins; 0 when there is none, for the pages are searched as a whole.
        offset: u64,
    },
    /// The rebuilt state does not add up.
    #[error("journal: offset 0: {0}")]
    Conservation(Unbalanced),
    /// The layout is not possible.
    #[error("layout: {0}")]
    Layout(&'static str),
    /// The clock gives no time.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The disk does not answer.
    #[error("{file}: {source}")]
    Io {
        file: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Starts the engine of a data folder whose log is in files. `progress` is told the bytes read and the bytes there are.
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
    let log = FileLogStore::open(storage, options.layout)?;
    log.check_chain()?;
    open_on(storage, log, clock, options, progress)
}

/// Starts the engine on any log; everything else is in the data folder.
///
/// # Errors
/// [`OpenError`]; unless writing failed, nothing was changed.
pub fn open_on<S: Storage, C: Clock, L: LogStore>(
    storage: &Arc<S>,
    log: L,
    clock: C,
    options: EngineOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Opened<S, C, L>, OpenError> {
    // What an operator read off the clock before the start, which may take long.
    let is_accepted = options.accept_clock.is_some_and(|said| is_about(&clock, said));
    let identity = log.identity();
    let key_check = options.citizen_key.check_value();
    if identity.is_some_and(|identity| identity.citizen_key_check != key_check) {
        return Err(OpenError::WrongKey);
    }
    let (recovery, store) = std::thread::scope(|scope| {
        let store = scope.spawn(|| PersonStore::open(storage, options.citizen_key.clone()));
        let recovery = identity
            .map(|identity| recover(&**storage, &log, &identity, options.expected, progress))
            .transpose();
        let store = store.join().expect("reading the person store does not panic");
        (recovery, store.map_err(in_file(PERSONS_FILE)))
    });
    let hash_seed = identity.map(|identity| identity.hash_seed).or(options.hash_seed);
    let hash_seed = hash_seed.map_or_else(draw, Ok)?;
    let (found, read) = Found::of(recovery?, HashSeed::from_bytes(hash_seed), options.expected);
    let mut store = store?;
    check_found(&**storage, &store, &found, read.is_some())?;
    let last_at = read.as_ref().map(|read| read.last_at);
    let unconfirmed = is_unconfirmed(&**storage).map_err(in_file(CLOCK_REFUSED_FILE))?;
    let clock_refused = check_clock(&clock, last_at, is_accepted, unconfirmed)?;
    let identity = match (identity, clock_refused) {
        (Some(identity), _) => identity,
        // A journal is not begun at a time that nobody trusts.
        (None, Some(refused)) => return Err(refused.into()),
        (None, None) => LogIdentity {
            journal_id: draw()?,
            hash_seed,
            citizen_key_check: key_check,
            created: clock.now()?,
        },
    };
    let opened = match read {
        Some(read) => log.resume(read),
        None => log.create(identity),
    };
    let opened = opened.map_err(in_file("journal"))?;
    if unconfirmed && clock_refused.is_none() && clock.simulated().is_none() {
        forget_jump(&**storage).map_err(in_file(CLOCK_REFUSED_FILE))?;
    }
    flush_names(&**storage)?;
    remove_leftovers(&**storage, &found.beginning.id_archive)?;
    store.prepare().map_err(in_file(PERSONS_FILE))?;
    let parts = Parts {
        log: Arc::new(log),
        opened,
        identity,
        store,
        clock,
        clock_refused,
        last_at: last_at.unwrap_or(Instant::MIN),
    };
    Ok(wire(storage, found, parts, options))
}

/// Refuses to go on from what does not fit together: the person store, a journal that is gone, sums.
fn check_found<S: Storage>(
    storage: &S,
    store: &PersonStore<S>,
    found: &Found,
    has_journal: bool,
) -> Result<(), OpenError> {
    check_persons(store, found)?;
    if !has_journal && let Some(held_by) = tells_of_journal(storage)? {
        return Err(OpenError::JournalMissing { held_by });
    }
    let state = &found.beginning.state;
    state.check_conservation().map_err(OpenError::Conservation)
}

/// What the operating system says of a file.
fn in_file(file: &'static str) -> impl Fn(io::Error) -> OpenError {
    move |source| OpenError::Io { file, source }
}

/// Random bytes of a new journal.
fn draw() -> Result<[u8; 16], OpenError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| in_file("journal")(io::Error::other(error)))?;
    Ok(random)
}

/// What a start goes on from.
struct Found {
    beginning: ReplayBase,
    replayed: Replayed,
    kept: Kept,
    /// How long the person store was when the snapshot was taken that was read; `None` without one.
    persons_pages: Option<u64>,
    recovered: Recovered,
}

impl Found {
    /// What a recovery came to, and the end of the log; nothing without a log.
    fn of<C>(
        recovery: Option<Recovery<C>>,
        seed: HashSeed,
        expected: Expected,
    ) -> (Found, Option<ReadToEnd<C>>) {
        let Some(recovery) = recovery else {
            let recovered = Recovered {
                new: true,
                ..Recovered::default()
            };
            let found = Found {
                beginning: ReplayBase::of_nothing(seed, expected),
                replayed: Replayed::default(),
                kept: Kept::default(),
                persons_pages: None,
                recovered,
            };
            return (found, None);
        };
        for refusal in &recovery.refused {
            tracing::warn!("a snapshot is not used: {refusal}");
        }
        let recovered = Recovered {
            records: recovery.replayed.records,
            bytes: recovery.bytes,
            torn_bytes: recovery.read.torn_bytes,
            new: false,
            snapshot: recovery.snapshot.as_ref().map(|(_, through)| *through),
            snapshots_refused: recovery.refused.len() as u32,
        };
        let kept = Kept {
            snapshot_at_bytes: 0,
            due: recovery.dates_left,
            refused: recovery.refused.into_iter().map(|refusal| refusal.file).collect(),
            not_before: None,
        };
        let found = Found {
            beginning: recovery.beginning,
            replayed: recovery.replayed,
            kept,
            persons_pages: recovery.persons_pages,
            recovered,
        };
        (found, Some(recovery.read))
    }
}

/// Which file of a folder without a journal tells that it had one: a snapshot, an index of old ids, or a person store with anything in
/// it. Each of them is only ever made of a journal that is there.
///
/// # Errors
/// [`OpenError::Io`].
pub fn tells_of_journal<S: ReadStorage>(storage: &S) -> Result<Option<String>, OpenError> {
    for (folder, ending) in [(snapshot::SNAPSHOT_FOLDER, ".snap"), (ID_INDEX_FOLDER, ".ids")] {
        let names = storage.list(folder);
        let names = names.map_err(|source| OpenError::Io { file: folder, source })?;
        if let Some(name) = names.into_iter().rfind(|name| name.ends_with(ending)) {
            return Ok(Some(format!("{folder}/{name}")));
        }
    }
    let persons = storage.open(PERSONS_FILE).and_then(|file| file.len_bytes());
    match persons {
        Ok(0) => Ok(None),
        Ok(bytes) => Ok(Some(format!("{PERSONS_FILE} ({bytes} bytes)"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(OpenError::Io {
            file: PERSONS_FILE,
            source,
        }),
    }
}

/// After a kill, the name of a file that was read may not be durable yet.
fn flush_names<S: Storage>(storage: &S) -> Result<(), OpenError> {
    for folder in [ID_INDEX_FOLDER, snapshot::SNAPSHOT_FOLDER] {
        let io = |source| OpenError::Io { file: folder, source };
        if !storage.list(folder).map_err(io)?.is_empty() {
            storage.sync_folder(folder).map_err(io)?;
        }
    }
    Ok(())
}

/// Removes files that nothing counts on: index files of dates that are in memory, unfinished ones.
fn remove_leftovers<S: Storage>(storage: &S, id_archive: &IdArchive) -> Result<(), OpenError> {
    let days = id_archive.days();
    let wanted: Vec<String> = days.files.iter().map(|file| id_index_name(file.date())).collect();
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
    remove(ID_INDEX_FOLDER, &|name| {
        wanted.iter().any(|wanted| wanted == name)
    })?;
    remove(snapshot::SNAPSHOT_FOLDER, &|name| name.ends_with(".snap"))
}

/// Checks that the store has every person that a record names.
fn check_persons<S: Storage>(store: &PersonStore<S>, found: &Found) -> Result<(), OpenError> {
    let unreadable = store.unreadable();
    let unreadable_pages = unreadable.pages;
    // The store only grows: as long as when the snapshot was taken, and readable, it has everybody the snapshot names. A few
    // of them are looked up all the same, for it could be another folder's.
    let whole = unreadable_pages == 0
        && found
            .persons_pages
            .is_some_and(|pages| pages <= store.persons().pages());
    let at_most = if whole { NAMES_LOOKED_UP } else { usize::MAX };
    let named = named_persons(&found.beginning.state, at_most);
    let directory = found.beginning.state.directory.read();
    let casework = directory.casework();
    let erased: BTreeSet<PersonId> = casework.erased().collect();
    let stays = |person: &PersonId| *person != PersonId::ERASED && !erased.contains(person);
    let named = named
        .chain(casework.persons())
        .chain(found.replayed.persons.iter().copied());
    let missing = store.persons().missing(named.filter(stays)) + lost_erasures(store.persons(), &erased);
    // Never when a page is unreadable: those who lay in it would be taken for erased, and registered once more as others.
    let erased_since = store.persons().erased_len().saturating_sub(erased.len());
    if missing > 0 && missing <= erased_since && unreadable_pages == 0 {
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
            offset: unreadable.first_offset,
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

/// How many citizens the journal says are erased whom the store neither knows nor says to be erased: they would be registered once more.
fn lost_erasures(persons: &Persons, erased: &BTreeSet<PersonId>) -> usize {
    match erased.is_empty() {
        true => 0,
        false => {
            let gone = persons.missing(erased.iter().copied());
            gone.saturating_sub(persons.erased_len())
        }
    }
}

/// How many of a snapshot's persons are looked up in the person store.
const NAMES_LOOKED_UP: usize = 4096;

/// What the machine is wired of.
struct Parts<S: Storage, C: Clock, L: LogStore> {
    log: Arc<L>,
    opened: L::Log,
    identity: LogIdentity,
    store: PersonStore<S>,
    clock: C,
    clock_refused: Option<ClockError>,
    /// The time of the last record.
    last_at: Instant,
}

/// The whole machine, wired in one place.
fn wire<S: Storage, C: Clock, L: LogStore>(
    storage: &Arc<S>,
    found: Found,
    parts: Parts<S, C, L>,
    options: EngineOptions,
) -> Opened<S, C, L> {
    let Found {
        beginning,
        replayed,
        kept,
        recovered,
        ..
    } = found;
    let Parts { opened, store, .. } = parts;
    let (reader, space, upkeep) = (opened.reader(), opened.space(), opened.upkeep());
    let durable = Durable::new(opened.next_sequence() - 1);
    let resumed = Resumed {
        last_at: parts.last_at,
        date: replayed.date,
        cut_overs: replayed.cut_overs,
        read_bytes: replayed.bytes,
    };
    let appender = Arc::new(Appender::new(&opened, durable.clone(), resumed));
    let persons = store.persons().clone();
    let committer = Committer::new(
        opened,
        vec![Box::new(store)],
        appender.clone(),
        durable.clone(),
        options.pacing,
        options.observer,
    );
    let engine = Arc::new(Engine {
        state: beginning.state,
        id_archive: beginning.id_archive,
        appender,
        durable,
        reader,
        clock: parts.clock,
        clock_refused: parts.clock_refused,
        space,
        persons,
        lapse_counting: Mutex::default(),
        arrivals: Arrivals::default(),
    });
    let maintenance = Maintenance::new(
        engine.clone(),
        storage.clone(),
        parts.log,
        parts.identity,
        options.snapshots,
        kept,
    );
    Opened {
        engine,
        committer,
        upkeep,
        maintenance: Arc::new(maintenance),
        recovered,
    }
}
