//! Reading a snapshot.

use super::format::{
    Calendar, PartEntry, PartKind, SNAPSHOT_FOLDER, SNAPSHOT_VERSION, SnapshotHeader, padded, sequence_of,
};
use super::sums::Sums;
use crate::ids::archive::{IdArchive, OldDays};
use crate::ids::index::{DayFacts, IdIndex, IdIndexError};
use crate::snapshot::base::{AppliedWatermarks, ReplayBase};
use crate::state::{Expected, State};
use parking_lot::Mutex;
use satang_core::calendar::BusinessDate;
use satang_core::state::account::{WALLET_SHARDS, WalletShard};
use satang_core::state::dedup::{ID_SHARDS, IdShard};
use satang_core::state::directory::Directory;
use satang_core::state::hash::HashSeed;
use satang_core::state::household::{HOUSEHOLD_SHARDS, HouseholdShard};
use satang_core::state::person::{PERSON_SHARDS, PersonShard};
use satang_core::state::quota::Quotas;
use satang_log::log::LogIdentity;
use satang_log::storage::{PAGE_BYTES, Page, ReadFile, ReadStorage};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use zerocopy::{FromZeros, IntoBytes};

/// A snapshot that was read.
pub struct Loaded {
    pub file: String,
    /// Where the replay begins.
    pub beginning: ReplayBase,
    /// Every part has taken every record up to at least this one.
    pub through_min: u64,
    /// The journal must reach at least this sequence: the snapshot was finished after it was durable.
    pub through_max: u64,
    /// How long the person store was by then: it has everybody the snapshot names.
    pub persons_pages: u64,
}

/// Why a snapshot is not used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {what}")]
pub struct Refusal {
    pub file: String,
    pub what: Unusable,
    /// Through which sequence it says that the journal was durable: its header, or its name where the header cannot be read, for a
    /// snapshot gets its name once the journal is durable. `None` for another journal's.
    pub through_max: Option<u64>,
}

/// What keeps a snapshot from being used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("no memory")]
    NoMemory,
    #[error("offset {offset}: {what}")]
    Damaged {
        /// Where in the file, in bytes.
        offset: u64,
        what: SnapshotDamage,
    },
    /// An index of old ids that it counts on is not used.
    #[error("{0}")]
    Index(#[from] IdIndexError),
    #[error("the index of {0} is not the one it was taken with")]
    OtherIndex(BusinessDate),
}

impl Unusable {
    pub(super) fn at(offset: u64, what: SnapshotDamage) -> Unusable {
        Unusable::Damaged { offset, what }
    }
}

/// What is wrong in a snapshot's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotDamage {
    #[error("the header is damaged")]
    Header,
    #[error("version {0} is not known to this program")]
    Version(u32),
    #[error("it belongs to another journal")]
    OtherJournal,
    #[error("its shards were chosen by the hashes of another seed")]
    OtherSeed,
    #[error("the file has {bytes} bytes, not {wanted}")]
    Length { bytes: u64, wanted: u64 },
    #[error("the table of parts is damaged")]
    Table,
    #[error("a part is damaged")]
    Part,
    #[error("a part is no part")]
    NoPart,
    #[error("a part is not where it belongs")]
    PartMisplaced,
    #[error("parts are missing")]
    PartsMissing,
    #[error("no part says which ids have left memory")]
    NoCalendar,
    #[error("the sums over its parts are others than its header says")]
    Sums,
}

/// The files of all snapshots, newest first.
///
/// # Errors
/// Of the operating system.
pub fn names<S: ReadStorage>(storage: &S) -> io::Result<Vec<String>> {
    let names = storage.list(SNAPSHOT_FOLDER)?;
    let finished = names.into_iter().filter(|name| name.ends_with(".snap"));
    Ok(finished
        .rev()
        .map(|name| format!("{SNAPSHOT_FOLDER}/{name}"))
        .collect())
}

/// Reads a snapshot of the journal, with room for what is expected, and for what will be replayed: `about_records_from` says
/// how many records there are.
///
/// # Errors
/// [`Refusal`]: an older snapshot, or the journal from its beginning, gives the same state.
pub fn load<S: ReadStorage>(
    storage: &S,
    file: &str,
    journal: &LogIdentity,
    expected: Expected,
    about_records_from: &dyn Fn(u64) -> u64,
) -> Result<Loaded, Refusal> {
    let mut through_max = sequence_of(file);
    let loaded = Snapshot::open(storage, file, journal, &mut through_max).and_then(|snapshot| {
        // Room for what will be replayed, so that no table grows meanwhile.
        let replayed = about_records_from(snapshot.header.through_min);
        let seed = journal.seed();
        let parts = snapshot.read_parts(seed, expected.with_replayed(snapshot.header.ids + replayed))?;
        assemble(storage, journal, snapshot, parts)
    });
    let (beginning, header) = loaded.map_err(|what| Refusal {
        file: file.to_owned(),
        what,
        through_max,
    })?;
    Ok(Loaded {
        file: file.to_owned(),
        beginning,
        through_min: header.through_min,
        through_max: header.through_max,
        persons_pages: header.persons_pages,
    })
}

/// Reads a snapshot's every byte and compares the hashes.
pub(super) fn check_file<S: ReadStorage>(
    storage: &S,
    file: &str,
    journal: &LogIdentity,
) -> Result<(), Unusable> {
    let snapshot = Snapshot::open(storage, file, journal, &mut None)?;
    let mut buffer = Vec::new();
    let parts = &snapshot.table;
    parts
        .iter()
        .try_for_each(|part| snapshot.read_part(part, &mut buffer).map(drop))
}

/// More threads than this only wait for the disk.
const READERS_MAX: usize = 8;
/// A small snapshot is read sooner than threads are started.
const BYTES_PER_READER: u64 = 4 << 20;
/// What a snapshot that is whole says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its length in bytes.
    pub bytes: u64,
    /// The sequence of the last record in it.
    pub through_max: u64,
    /// The index files it counts on.
    pub id_index: Vec<DayFacts>,
}

/// Checks a snapshot of the journal without loading it: every hash, and which index files it counts on.
pub fn check<S: ReadStorage>(storage: &S, file: &str, journal: &LogIdentity) -> Result<Whole, Refusal> {
    let mut through_max = sequence_of(file);
    let whole =
        Snapshot::open(storage, file, journal, &mut through_max).and_then(|snapshot| snapshot.check());
    whole.map_err(|what| Refusal {
        file: file.to_owned(),
        what,
        through_max,
    })
}

pub(super) struct Snapshot<F> {
    pub(super) file: F,
    header: SnapshotHeader,
    pub(super) table: Vec<PartEntry>,
}

/// A part in memory.
enum Part {
    Directory(Box<Directory>),
    Calendar(Calendar),
    Ids(Box<IdShard>),
    Citizens(PersonShard),
    Wallets(Box<WalletShard>),
    Quotas(Quotas),
    Households(HouseholdShard),
}

impl<F: ReadFile> Snapshot<F> {
    pub(super) fn open<S: ReadStorage<File = F>>(
        storage: &S,
        name: &str,
        journal: &LogIdentity,
        through_max: &mut Option<u64>,
    ) -> Result<Snapshot<F>, Unusable> {
        let damaged = |what| Unusable::at(0, what);
        let file = storage.open(name)?;
        let mut page = Page::ZERO;
        file.read_exact_at(&mut page.0, 0)?;
        let header = SnapshotHeader::read(&page).ok_or(damaged(SnapshotDamage::Header))?;
        if header.version != SNAPSHOT_VERSION {
            return Err(damaged(SnapshotDamage::Version(header.version)));
        }
        if header.journal_id != journal.journal_id {
            *through_max = None;
            return Err(damaged(SnapshotDamage::OtherJournal));
        }
        if header.hash_seed != journal.hash_seed {
            *through_max = None;
            return Err(damaged(SnapshotDamage::OtherSeed));
        }
        *through_max = Some(header.through_max);
        let table_bytes = u64::from(header.parts) * size_of::<PartEntry>() as u64;
        let (bytes, wanted) = (file.len_bytes()?, header.table_offset + padded(table_bytes));
        if bytes != wanted {
            let what = SnapshotDamage::Length { bytes, wanted };
            return Err(Unusable::at(bytes.min(wanted), what));
        }
        let table = <PartEntry>::new_vec_zeroed(header.parts as usize);
        let mut table = table.map_err(|_| Unusable::NoMemory)?;
        file.read_exact_at(table.as_mut_slice().as_mut_bytes(), header.table_offset)?;
        let mut padding = vec![0; (padded(table_bytes) - table_bytes) as usize];
        file.read_exact_at(&mut padding, header.table_offset + table_bytes)?;
        if *blake3::hash(table.as_bytes()).as_bytes() != header.table_hash || !are_zeros(&padding) {
            return Err(Unusable::at(header.table_offset, SnapshotDamage::Table));
        }
        Ok(Snapshot { file, header, table })
    }

    /// The bytes of a part, checked.
    fn read_part<'b>(&self, entry: &PartEntry, buffer: &'b mut Vec<Page>) -> Result<&'b [u8], Unusable> {
        let pages = padded(entry.bytes) as usize / PAGE_BYTES;
        if buffer.len() < pages {
            *buffer = Page::new_vec_zeroed(pages).map_err(|_| Unusable::NoMemory)?;
        }
        let bytes = buffer[..pages].as_mut_bytes();
        self.file.read_exact_at(bytes, entry.offset)?;
        let (bytes, padding) = bytes.split_at(entry.bytes as usize);
        match *blake3::hash(bytes).as_bytes() == entry.hash && are_zeros(padding) {
            true => Ok(bytes),
            false => Err(Unusable::at(entry.offset, SnapshotDamage::Part)),
        }
    }

    fn check(&self) -> Result<Whole, Unusable> {
        let mut buffer = Vec::new();
        let mut calendar = None;
        for entry in &self.table {
            let bytes = self.read_part(entry, &mut buffer)?;
            if entry.kind == PartKind::Calendar as u32 {
                calendar = Calendar::import(bytes);
            }
        }
        let calendar = calendar.ok_or(Unusable::at(0, SnapshotDamage::NoCalendar))?;
        Ok(Whole {
            bytes: self.file.len_bytes()?,
            through_max: self.header.through_max,
            id_index: calendar.files,
        })
    }

    /// Every part, in the order of the table; read by several threads.
    fn read_parts(&self, seed: HashSeed, expected: Expected) -> Result<Vec<Part>, Unusable> {
        let bytes: u64 = self.table.iter().map(|entry| entry.bytes).sum();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = cores
            .min(READERS_MAX)
            .min((bytes / BYTES_PER_READER) as usize + 1);
        let (next, done) = (
            AtomicUsize::new(0),
            Mutex::new(Vec::with_capacity(self.table.len())),
        );
        let read_some = || -> Result<(), Unusable> {
            let mut buffer = Vec::new();
            while let Some(entry) = self.table.get(next.fetch_add(1, Ordering::Relaxed)) {
                let bytes = self.read_part(entry, &mut buffer)?;
                let part = import(entry, bytes, seed, expected)
                    .ok_or(Unusable::at(entry.offset, SnapshotDamage::NoPart))?;
                done.lock().push((entry.offset, part));
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(read_some)).collect();
            read_some()?;
            others
                .into_iter()
                .try_for_each(|reader| reader.join().expect("a reader does not panic"))
        })?;
        let mut parts = done.into_inner();
        parts.sort_by_key(|(offset, _)| *offset);
        Ok(parts.into_iter().map(|(_, part)| part).collect())
    }
}

/// Whether nothing is in what lies behind a part or the table, up to the end of its page.
pub(super) fn are_zeros(padding: &[u8]) -> bool {
    padding.iter().all(|byte| *byte == 0)
}

fn import(entry: &PartEntry, bytes: &[u8], seed: HashSeed, expected: Expected) -> Option<Part> {
    let per_shard = expected.per_shard();
    Some(match PartKind::from_number(entry.kind)? {
        PartKind::Directory => Part::Directory(Box::new(Directory::import(bytes, seed)?)),
        PartKind::Calendar => Part::Calendar(Calendar::import(bytes)?),
        PartKind::Ids => Part::Ids(Box::new(IdShard::import(bytes, seed, per_shard.ids)?)),
        PartKind::Citizens => Part::Citizens(PersonShard::import(bytes, seed, per_shard.wallets)?),
        PartKind::Wallets => Part::Wallets(Box::new(WalletShard::import(bytes, seed, per_shard.wallets)?)),
        PartKind::Quotas => Part::Quotas(Quotas::import(bytes)?),
        PartKind::Households => Part::Households(HouseholdShard::import(bytes, seed)?),
    })
}

/// Puts the parts together and compares the sums.
fn assemble<S: ReadStorage>(
    storage: &S,
    journal: &LogIdentity,
    snapshot: Snapshot<S::File>,
    parts: Vec<Part>,
) -> Result<(ReplayBase, SnapshotHeader), Unusable> {
    let Snapshot { header, table, .. } = snapshot;
    let mut sums = SnapshotHeader::new(journal);
    let mut through = AppliedWatermarks::nothing();
    let (mut directory, mut calendar, mut quotas) = (None, None, None);
    let (mut ids, mut citizens, mut households, mut wallets) = (vec![], vec![], vec![], vec![]);
    for (entry, part) in table.iter().zip(parts) {
        let in_order = match part {
            Part::Directory(part) => {
                through.directory = entry.through;
                directory.replace(*part).is_none()
            }
            Part::Calendar(part) => calendar.replace(part).is_none(),
            Part::Quotas(part) => {
                through.quotas = entry.through;
                quotas.replace(part).is_none()
            }
            Part::Ids(part) => {
                Sums::of_ids(&part).add_to(&mut sums);
                ids.push(Mutex::new(*part));
                take_through(&mut through.ids, ids.len(), entry)
            }
            Part::Citizens(part) => {
                citizens.push(Mutex::new(part));
                take_through(&mut through.citizens, citizens.len(), entry)
            }
            Part::Households(part) => {
                Sums::of_households(&part).add_to(&mut sums);
                households.push(Mutex::new(part));
                take_through(&mut through.households, households.len(), entry)
            }
            Part::Wallets(part) => {
                Sums::of_wallets(&part).add_to(&mut sums);
                wallets.push(Mutex::new(*part));
                take_through(&mut through.wallets, wallets.len(), entry)
            }
        };
        if !in_order {
            return Err(Unusable::at(entry.offset, SnapshotDamage::PartMisplaced));
        }
    }
    let all = [ids.len(), citizens.len(), households.len(), wallets.len()]
        == [ID_SHARDS, PERSON_SHARDS, HOUSEHOLD_SHARDS, WALLET_SHARDS];
    let (Some(directory), Some(calendar), Some(quotas), true) = (directory, calendar, quotas, all) else {
        return Err(Unusable::at(0, SnapshotDamage::PartsMissing));
    };
    if !has_same_sums(&sums, &header) {
        return Err(Unusable::at(0, SnapshotDamage::Sums));
    }
    let base = ReplayBase {
        state: State {
            seed: journal.seed(),
            directory: directory.into(),
            ids,
            citizens,
            households,
            wallets,
            quotas: Mutex::new(quotas),
        },
        through,
        id_archive: open_old_ids(storage, journal, &calendar)?,
        cut_overs: calendar.cut_overs,
    };
    Ok((base, header))
}

fn has_same_sums(counted: &SnapshotHeader, header: &SnapshotHeader) -> bool {
    let of = |header: &SnapshotHeader| (header.wallets, header.ids, header.authorised, header.given_back);
    of(counted) == of(header)
}

/// Notes through which sequence the shard that was just added has taken every record.
fn take_through(through: &mut [u64], len: usize, entry: &PartEntry) -> bool {
    let fits = entry.index as usize + 1 == len && len <= through.len();
    if fits {
        through[len - 1] = entry.through;
    }
    fits
}

/// Opens the index files that the snapshot counts on.
fn open_old_ids<S: ReadStorage>(
    storage: &S,
    journal: &LogIdentity,
    calendar: &Calendar,
) -> Result<IdArchive, Unusable> {
    let mut files = Vec::with_capacity(calendar.files.len());
    for facts in &calendar.files {
        let date = BusinessDate::from_days(facts.date_days);
        let file = IdIndex::open(storage, journal, date)?;
        if file.facts() != *facts {
            return Err(Unusable::OtherIndex(date));
        }
        files.push(Arc::new(file));
    }
    let window = calendar.window;
    Ok(IdArchive::of(journal.seed(), OldDays { window, files }))
}
