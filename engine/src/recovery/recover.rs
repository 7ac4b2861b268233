//! From the disk to the state: the newest snapshot that is whole, and the log behind it. Only index files of old dates are
//! written meanwhile, which can be made again at any time.

use crate::ids::archive::IdArchive;
use crate::recovery::replay::{Replay, Replayed};
use crate::recovery::worker_pool::ReplayError;
use crate::snapshot::base::{AppliedWatermarks, ReplayBase};
use crate::snapshot::{self, Refusal};
use crate::state::{Expected, State};
use satang_core::state::hash::HashSeed;
use satang_log::log::{Bound, Cursor, LogError, LogIdentity, LogStore, ReadToEnd};
use satang_log::storage::Storage;

/// What a start made of snapshot and log.
pub struct Recovery<C> {
    /// The state as of the log's end, and what came with it.
    pub beginning: ReplayBase,
    pub read: ReadToEnd<C>,
    /// What the replay came to.
    pub replayed: Replayed,
    /// Bytes of the log's files that were read.
    pub bytes: u64,
    /// The snapshot that was used, and the sequence of the last record in it.
    pub snapshot: Option<(String, u64)>,
    /// How long the person store was when the snapshot was taken; `None` without one.
    pub persons_pages: Option<u64>,
    /// Whether a date's ids left memory meanwhile.
    pub dates_left: bool,
    /// Newer snapshots that could not be used.
    pub refused: Vec<Refusal>,
}

impl ReplayBase {
    /// An empty state, with room for what is expected.
    pub fn of_nothing(seed: HashSeed, expected: Expected) -> ReplayBase {
        ReplayBase {
            state: State::with_room_for(seed, expected),
            through: AppliedWatermarks::nothing(),
            id_archive: IdArchive::empty(seed),
            cut_overs: Vec::new(),
        }
    }
}

/// Reads the newest snapshot that is whole, else the one before it, else none, and replays the log behind it. `progress` is
/// told the bytes of log read and the bytes there are.
///
/// # Errors
/// [`ReplayError`]: durable data is damaged or the disk does not answer.
pub fn recover<S: Storage, L: LogStore>(
    storage: &S,
    log: &L,
    journal: &LogIdentity,
    expected: Expected,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Recovery<L::Cursor>, ReplayError> {
    let names = snapshot::names(storage).map_err(|source| LogError::Io {
        file: snapshot::SNAPSHOT_FOLDER.into(),
        source,
    })?;
    let mut refused = Vec::new();
    let about = |sequence| log.about_records_from(sequence);
    let loaded = names.iter().find_map(|name| {
        snapshot::load(storage, name, journal, expected, &about)
            .map_err(|refusal| refused.push(refusal))
            .ok()
    });
    let mut cursor = log.cursor(Bound::All)?;
    let persons_pages = loaded.as_ref().map(|loaded| loaded.persons_pages);
    let (beginning, snapshot) = match loaded {
        Some(loaded) => {
            // The last record that every part has tells which date is open.
            cursor.seek(loaded.through_min.max(1))?;
            (loaded.beginning, Some((loaded.file, loaded.through_max)))
        }
        None => {
            let expected = expected.with_replayed(about(1));
            (ReplayBase::of_nothing(journal.seed(), expected), None)
        }
    };
    let epoch = beginning.id_archive.epoch();
    let replayed = std::thread::scope(|scope| {
        Replay::start(scope, &beginning, storage, journal).run(&mut cursor, progress)
    })?;
    let bytes = cursor.progress().0;
    let read = log.end(cursor)?;
    check_reaches(&read, snapshot.as_ref(), &refused)?;
    Ok(Recovery {
        dates_left: beginning.id_archive.epoch() != epoch,
        beginning,
        read,
        replayed,
        bytes,
        snapshot,
        persons_pages,
        refused,
    })
}

/// A snapshot is finished once everything in it is durable: the log goes at least as far. One whose parts are damaged tells of what
/// was durable all the same.
fn check_reaches<C>(
    read: &ReadToEnd<C>,
    used: Option<&(String, u64)>,
    refused: &[Refusal],
) -> Result<(), ReplayError> {
    let told = refused
        .iter()
        .filter_map(|refusal| Some((&refusal.file, refusal.through_max?)));
    let told = told.chain(used.map(|(file, through)| (file, *through)));
    match told.max_by_key(|(_, through)| *through) {
        Some((file, through)) if read.next_sequence <= through => Err(ReplayError::Short {
            end: read.end.clone(),
            file: file.clone(),
            through,
            next_sequence: read.next_sequence,
        }),
        _ => Ok(()),
    }
}
