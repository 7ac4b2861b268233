//! Taking a snapshot of a running engine.

use super::GENERATIONS;
use super::format::{
    Calendar, PartEntry, PartKind, SNAPSHOT_FOLDER, SnapshotFacts, SnapshotHeader, padded, snapshot_name,
};
use super::read::{Unusable, check_file, names};
use super::sums::Sums;
use crate::ids::archive::IdArchive;
use crate::persons::Persons;
use crate::state::State;
use parking_lot::Mutex;
use satang_core::calendar::Instant;
use satang_core::state::account::WalletShard;
use satang_core::state::dedup::IdShard;
use satang_core::state::household::HouseholdShard;
use satang_core::state::person::PersonShard;
use satang_log::commit::Appender;
use satang_log::durable::{Durable, StorageFailed};
use satang_log::log::LogIdentity;
use satang_log::storage::{PAGE_BYTES, Page, Storage, StorageFile};
use std::io;
use zerocopy::IntoBytes;

/// What a snapshot is taken of.
pub struct Source<'e> {
    pub state: &'e State,
    /// The ids that have left memory. No date may leave meanwhile.
    pub id_archive: &'e IdArchive,
    /// Says through which sequence a part has taken every record.
    pub appender: &'e Appender,
    pub durable: &'e Durable,
    /// Says how long the person store is.
    pub persons: &'e Persons,
    /// The journal it belongs to.
    pub journal: &'e LogIdentity,
    pub at: Instant,
    /// Snapshots that cannot be used: removed once there is a new one.
    pub refused: &'e [String],
}

/// Why there is no snapshot. Nothing is lost: the older ones and the journal stand.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The disk does not take it.
    #[error("{file}: {source}")]
    Io {
        file: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// It was read back otherwise than it was written.
    #[error("{file}: {what}")]
    NotAsWritten { file: String, what: Unusable },
    /// The journal failed: what was copied may never become durable.
    #[error(transparent)]
    Journal(#[from] StorageFailed),
}

/// The most bytes of one write: a long one would hold up the journal's.
const WRITE_BYTES: usize = 256 << 10;

/// Takes a snapshot; older ones than the last [`GENERATIONS`] are removed. Called by one thread at a time.
pub fn take<S: Storage>(storage: &S, source: &Source<'_>) -> Result<SnapshotFacts, SnapshotError> {
    let unfinished = format!("{SNAPSHOT_FOLDER}/next.tmp");
    let taken = write_all(storage, source, &unfinished);
    if taken.is_err() {
        // The room it took is wanted back; the first error is the one to report.
        let _ = storage.remove(&unfinished);
    }
    taken
}

fn write_all<S: Storage>(
    storage: &S,
    source: &Source<'_>,
    unfinished: &str,
) -> Result<SnapshotFacts, SnapshotError> {
    let io = |source| SnapshotError::Io {
        file: unfinished.to_owned(),
        source,
    };
    let mut writer = Writer::create(storage, unfinished, source).map_err(io)?;
    writer.copy_all().map_err(io)?;
    // Everything that was copied lies at or below the last record appended by now.
    source.durable.block_until(source.appender.last_sequence())?;
    // A person is durable before any record that names it: these pages have everybody who was copied.
    writer.header.persons_pages = source.persons.pages();
    let header = writer.finish().map_err(io)?;
    check_file(storage, unfinished, source.journal).map_err(|what| SnapshotError::NotAsWritten {
        file: unfinished.to_owned(),
        what,
    })?;
    let file = snapshot_name(header.through_max);
    storage.rename(unfinished, &file).map_err(io)?;
    storage.sync_folder(SNAPSHOT_FOLDER).map_err(io)?;
    remove_older(storage, &file, source.refused).map_err(io)?;
    Ok(SnapshotFacts {
        file,
        sequence: header.through_max,
        bytes: padded(header.table_offset + u64::from(header.parts) * size_of::<PartEntry>() as u64),
        wallets: header.wallets,
        ids: header.ids,
    })
}

/// Removes all but the newest snapshots, `newest` among them, that can be used.
fn remove_older<S: Storage>(storage: &S, newest: &str, refused: &[String]) -> io::Result<()> {
    let refused = |name: &String| name != newest && refused.contains(name);
    let (useless, useful): (Vec<String>, Vec<String>) = names(storage)?.into_iter().partition(refused);
    for name in useless.iter().chain(useful.iter().skip(GENERATIONS)) {
        storage.remove(name)?;
    }
    storage.sync_folder(SNAPSHOT_FOLDER)
}

struct Writer<'e, S: Storage> {
    file: S::File,
    source: &'e Source<'e>,
    header: SnapshotHeader,
    table: Vec<PartEntry>,
    offset: u64,
    /// The part that is being copied: kept, so that its memory is there when the next part's lock is held.
    part: Vec<u8>,
    pages: Vec<Page>,
}

impl<'e, S: Storage> Writer<'e, S> {
    fn create(storage: &S, name: &str, source: &'e Source<'e>) -> io::Result<Writer<'e, S>> {
        let mut header = SnapshotHeader::new(source.journal);
        header.taken_ms = source.at.unix_ms();
        header.through_min = source.appender.last_sequence();
        Ok(Writer {
            file: storage.create(name)?,
            source,
            header,
            table: Vec::new(),
            offset: PAGE_BYTES as u64,
            part: Vec::new(),
            pages: vec![Page::ZERO; WRITE_BYTES / PAGE_BYTES],
        })
    }

    fn copy_all(&mut self) -> io::Result<()> {
        let Source {
            state,
            id_archive,
            appender,
            ..
        } = *self.source;
        let days = id_archive.days();
        self.copy(PartKind::Calendar, 0, |part| {
            let calendar = Calendar {
                window: days.window,
                files: days.facts(),
                cut_overs: appender.cut_overs(),
            };
            calendar.export(part);
            (appender.last_sequence(), Sums::default())
        })?;
        self.copy(PartKind::Directory, 0, |part| {
            let directory = state.directory.read();
            directory.export(part);
            (appender.last_sequence(), Sums::default())
        })?;
        self.copy(PartKind::Quotas, 0, |part| {
            let quotas = state.quotas.lock();
            quotas.export(part);
            (appender.last_sequence(), Sums::default())
        })?;
        self.copy_shards(PartKind::Ids, &state.ids, IdShard::export, Sums::of_ids)?;
        let no_sums = |_: &PersonShard| Sums::default();
        self.copy_shards(PartKind::Citizens, &state.citizens, PersonShard::export, no_sums)?;
        let households = &state.households;
        self.copy_shards(
            PartKind::Households,
            households,
            HouseholdShard::export,
            Sums::of_households,
        )?;
        self.copy_shards(
            PartKind::Wallets,
            &state.wallets,
            WalletShard::export,
            Sums::of_wallets,
        )
    }

    /// Copies shards one by one, each under its lock.
    fn copy_shards<T>(
        &mut self,
        kind: PartKind,
        shards: &[Mutex<T>],
        export: impl Fn(&T, &mut Vec<u8>),
        sums: impl Fn(&T) -> Sums,
    ) -> io::Result<()> {
        let appender = self.source.appender;
        for (index, shard) in shards.iter().enumerate() {
            self.copy(kind, index, |part| {
                let shard = shard.lock();
                export(&shard, part);
                (appender.last_sequence(), sums(&shard))
            })?;
        }
        Ok(())
    }

    /// Copies one part: `export` holds its lock and says through which sequence it has taken every record.
    fn copy(
        &mut self,
        kind: PartKind,
        index: usize,
        export: impl FnOnce(&mut Vec<u8>) -> (u64, Sums),
    ) -> io::Result<()> {
        self.part.clear();
        let (through, sums) = export(&mut self.part);
        self.header.through_max = self.header.through_max.max(through);
        sums.add_to(&mut self.header);
        let part = std::mem::take(&mut self.part);
        let entry = PartEntry {
            kind: kind as u32,
            index: index as u32,
            through,
            offset: self.offset,
            bytes: part.len() as u64,
            hash: *blake3::hash(&part).as_bytes(),
        };
        let written = self.write(&part);
        self.part = part;
        self.table.push(entry);
        written
    }

    /// Writes bytes at the end of the file, zeros up to a whole page behind them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(WRITE_BYTES) {
            let pages = piece.len().div_ceil(PAGE_BYTES);
            let padded = self.pages[..pages].as_mut_bytes();
            padded[..piece.len()].copy_from_slice(piece);
            padded[piece.len()..].fill(0);
            self.file.write_pages_at(&self.pages[..pages], self.offset)?;
            self.offset += (pages * PAGE_BYTES) as u64;
        }
        Ok(())
    }

    /// Writes the table and the header, and flushes.
    fn finish(mut self) -> io::Result<SnapshotHeader> {
        let table = std::mem::take(&mut self.table);
        self.header.parts = table.len() as u32;
        self.header.table_offset = self.offset;
        self.header.table_hash = *blake3::hash(table.as_bytes()).as_bytes();
        self.write(table.as_bytes())?;
        self.file.write_pages_at(&[self.header.page()], 0)?;
        self.file.sync()?;
        Ok(self.header)
    }
}
