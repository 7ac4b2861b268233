//! From the disk to the state: the newest snapshot that is whole, and the journal behind it. Only index files of old dates are
//! written meanwhile, which can be made again at any time.

use crate::old_ids::OldIds;
use crate::replay::{Beginning, Replay, Replayed, Through};
use crate::snapshot::{self, Refusal};
use crate::state::{Expected, State};
use satang_log::file::{ScanError, Scanned, SegmentHeader, about_records_from, scan_from, segment_name};
use satang_log::storage::Storage;

/// What was read.
pub struct Recovery {
    /// The state as of the journal's end, and what came with it.
    pub beginning: Beginning,
    /// The journal's end.
    pub scanned: Scanned,
    /// What the replay came to.
    pub replayed: Replayed,
    /// The first segment that was read.
    pub start_segment: u32,
    /// The snapshot that was used, and the sequence of the last record in it.
    pub snapshot: Option<(String, u64)>,
    /// How long the person store was when the snapshot was taken; `None` without one.
    pub persons_pages: Option<u64>,
    /// Whether a date's ids left memory meanwhile.
    pub dates_left: bool,
    /// Newer snapshots that could not be used.
    pub refused: Vec<Refusal>,
}

impl Beginning {
    /// An empty state, with room for what is expected.
    pub fn of_nothing(expected: Expected) -> Beginning {
        Beginning {
            state: State::with_room_for(expected),
            through: Through::nothing(),
            old_ids: OldIds::default(),
            cut_overs: Vec::new(),
        }
    }
}

/// Reads the newest snapshot that is whole, else the one before it, else none, and replays the journal behind it. `progress` is
/// told the bytes of journal read and the bytes there are.
///
/// # Errors
/// [`ScanError`]: durable data is damaged or the disk does not answer.
pub fn recover<S: Storage>(
    storage: &S,
    first_header: &SegmentHeader,
    expected: Expected,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Recovery, ScanError> {
    let journal_id = first_header.journal_id;
    let names = snapshot::names(storage).map_err(|source| ScanError::Io {
        file: snapshot::SNAPSHOT_FOLDER.into(),
        source,
    })?;
    let mut refused = Vec::new();
    let loaded = names.iter().find_map(|name| {
        snapshot::load(storage, name, &journal_id, expected)
            .map_err(|refusal| refused.push(refusal))
            .ok()
    });
    let persons_pages = loaded.as_ref().map(|loaded| loaded.persons_pages);
    let (beginning, start_segment, snapshot) = match loaded {
        Some(loaded) => (
            loaded.beginning,
            loaded.start_segment,
            Some((loaded.file, loaded.through_max)),
        ),
        None => {
            let expected = expected.with_replayed(about_records_from(storage, 1));
            (Beginning::of_nothing(expected), 1, None)
        }
    };
    let epoch = beginning.old_ids.epoch();
    let (scanned, replayed) = std::thread::scope(|scope| {
        let mut replay = Replay::start(scope, &beginning, storage, journal_id, progress);
        let scanned = scan_from(storage, start_segment, &mut replay)?;
        Ok::<_, ScanError>((scanned.expect("a first header was read"), replay.finish()?))
    })?;
    // A snapshot whose parts are damaged tells of what was durable all the same.
    let told = refused
        .iter()
        .filter_map(|refusal| Some((&refusal.file, refusal.through_max?)));
    let told = told.chain(snapshot.iter().map(|(file, through)| (file, *through)));
    if let Some((file, through)) = told.max_by_key(|(_, through)| *through)
        && scanned.next_sequence <= through
    {
        return Err(ScanError::Damaged {
            file: segment_name(scanned.end.segment),
            offset: u64::from(scanned.end.offset),
            sequence: scanned.next_sequence,
            what: format!(
                "the journal ends here, though {file} holds its records through sequence {through}"
            ),
        });
    }
    Ok(Recovery {
        dates_left: beginning.old_ids.epoch() != epoch,
        beginning,
        scanned,
        replayed,
        start_segment,
        snapshot,
        persons_pages,
        refused,
    })
}
