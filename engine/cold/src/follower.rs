//! The follower: reads the journal behind the watermark, and makes rows of it, each once.
//!
//! Rows are gathered in memory and written as parts of their open date. When a date is over its parts become its sealed files.
//! Then the manifest is replaced, and what it names no more is removed. Whoever is killed anywhere in between finds, at the next
//! start, what the manifest says and files that it does not name: those are removed, and the journal is read on from the watermark.

use crate::manifest::{Date, File, MANIFEST, Manifest, StoredError, Watermark};
use crate::names::Names;
use crate::parquet_file::{GROUP_ROWS, WRITER};
use crate::rows::{ListRun, RowError, RowWriter, Rows, date_of};
use crate::seal::{OPEN, count, seal, write_bytes, write_open};
use crate::store::Store;
use crate::tables::Table;
use data_encoding::HEXLOWER;
use satang_core::calendar::BusinessDate;
use satang_core::record::Record;
use satang_log::log::{Cursor, Frame, LogError};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

/// Where what the follower knows behind the watermark lies.
const CHECKPOINTS: &str = "_checkpoint";

/// More bytes of rows are not gathered before they are written.
const GATHERED_BYTES: usize = 128 << 20;

/// Why a follower stopped.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The journal cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A record makes no rows.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The store's disk failed.
    #[error("cold store: {0}")]
    Store(#[from] io::Error),
    /// The store is another journal's, or of another history of this one.
    #[error("cold store: {0}")]
    Foreign(String),
}

/// Follows a journal into a store.
pub struct Follower<C, S> {
    cursor: C,
    store: S,
    manifest: Manifest,
    names: Names,
    /// Rows that are in no file yet, by date.
    gathered: BTreeMap<BusinessDate, Rows>,
    gathered_records: usize,
    /// Dates that are over since the last write.
    over: BTreeSet<BusinessDate>,
    /// Behind the last frame that was read.
    read: Watermark,
}

impl<C: Cursor, S: Store> Follower<C, S> {
    /// Opens a store and goes to its watermark in the journal.
    ///
    /// # Errors
    /// [`FollowError::Foreign`] when the store is not this journal's; what the disk says.
    pub fn open(mut cursor: C, journal_id: [u8; 16], store: S) -> Result<Follower<C, S>, FollowError> {
        let journal_id = HEXLOWER.encode(&journal_id);
        let manifest = match Manifest::read(&store)? {
            Some(manifest) => manifest,
            None => begin(&store, &journal_id)?,
        };
        check_ours(&manifest, &journal_id)?;
        let names = read_names(&store, &manifest)?;
        go_on(&mut cursor, &manifest.watermark)?;
        // Only of a store that is this journal's.
        remove_unnamed(&store, &manifest)?;
        Ok(Follower {
            cursor,
            store,
            names,
            gathered: BTreeMap::new(),
            gathered_records: 0,
            over: BTreeSet::new(),
            read: manifest.watermark.clone(),
            manifest,
        })
    }

    /// What the store holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The sequence of the last record that was read; it may be in no file yet.
    pub fn read(&self) -> u64 {
        self.read.sequence
    }

    /// Waits until there may be more to read, at most so long.
    pub fn wait(&mut self, at_most: Duration) -> bool {
        self.cursor.wait(at_most)
    }

    /// Reads one frame, and writes when enough is gathered or a date is over; false when there is none.
    ///
    /// # Errors
    /// [`FollowError`]; the store holds what its manifest says.
    pub fn step(&mut self) -> Result<bool, FollowError> {
        let Some(frame) = self.cursor.next_frame()? else {
            return Ok(false);
        };
        self.take(&frame)?;
        let bytes: usize = self.gathered.values().map(Rows::bytes).sum();
        if self.gathered_records >= GROUP_ROWS || bytes >= GATHERED_BYTES || !self.over.is_empty() {
            self.write()?;
        }
        Ok(true)
    }

    /// Reads all there is, and writes it.
    ///
    /// # Errors
    /// [`FollowError`]; the store holds what its manifest says.
    pub fn catch_up(&mut self) -> Result<(), FollowError> {
        while self.step()? {}
        self.write()
    }

    fn take(&mut self, frame: &Frame) -> Result<(), FollowError> {
        let mut run: Option<ListRun> = None;
        let mut last_date = None;
        let mut writer = RowWriter {
            names: &mut self.names,
        };
        for (_, header, bytes) in frame.records() {
            let record = Record::decode(&header, bytes).map_err(RowError::from)?;
            let date = date_of(&header, &record);
            if let Some(last) = last_date.filter(|last| *last != date) {
                writer.end_run(&mut run, self.gathered.entry(last).or_default());
            }
            let rows = self.gathered.entry(date).or_default();
            writer.write(&header, &record, rows, &mut run)?;
            last_date = Some(date);
            if let Record::CutOver(over) = record {
                self.over.insert(over.date());
            }
        }
        if let Some(last) = last_date {
            writer.end_run(&mut run, self.gathered.entry(last).or_default());
        }
        self.gathered_records += frame.record_count as usize;
        self.read = Watermark {
            sequence: frame.last_sequence(),
            frame_hash: HEXLOWER.encode(&frame.hash),
        };
        Ok(())
    }

    /// Writes what is gathered.
    ///
    /// # Errors
    /// [`FollowError`]; the store holds what its manifest says.
    pub fn write(&mut self) -> Result<(), FollowError> {
        if self.read == self.manifest.watermark {
            return Ok(());
        }
        let mut next = self.manifest.clone();
        let mut parts = Vec::new();
        for (date, rows) in std::mem::take(&mut self.gathered) {
            let date_name = date.to_string();
            for (table, rows) in rows.tables {
                if next.dates.get(&date_name).is_some_and(|date| date.sealed) {
                    return Err(FollowError::Foreign(format!(
                        "{date} is sealed, and the journal goes on with it"
                    )));
                }
                let of_date = next.dates.entry(date_name.clone()).or_default();
                let of_table = of_date.tables.entry(table.name().to_owned()).or_default();
                count(of_table, &rows);
                let part = write_open(&self.store, &date_name, rows)?;
                parts.push(part.path.clone());
                of_table.files.push(part);
            }
        }
        for over in std::mem::take(&mut self.over) {
            let date = over.to_string();
            let open = next.dates.entry(date.clone()).or_default();
            let sealed = seal_date(&self.store, &date, open)?;
            *open = sealed;
        }
        next.watermark = self.read.clone();
        next.checkpoint = Some(self.write_names()?);
        self.replace_manifest(next, parts)?;
        self.gathered_records = 0;
        Ok(())
    }

    fn write_names(&self) -> io::Result<File> {
        let bytes = rkyv::to_bytes::<rkyv::rancor::Error>(&self.names).map_err(io::Error::other)?;
        let path = format!("{CHECKPOINTS}/{}.rkyv", self.read.sequence);
        write_bytes(&self.store, path, &bytes)
    }

    /// From here on the store holds what `next` says. Files named before, and `parts`, are removed when it does not name them.
    fn replace_manifest(&mut self, next: Manifest, parts: Vec<String>) -> io::Result<()> {
        next.write(&self.store)?;
        let named: BTreeSet<&str> = next.files().map(|file| file.path.as_str()).collect();
        let before = self.manifest.files().map(|file| &file.path);
        for path in before.chain(&parts).filter(|path| !named.contains(path.as_str())) {
            self.store.remove(path)?;
        }
        self.manifest = next;
        Ok(())
    }
}

fn seal_date(store: &dyn Store, date: &str, open: &Date) -> io::Result<Date> {
    let mut sealed = Date {
        sealed: true,
        tables: BTreeMap::new(),
    };
    for (name, open) in &open.tables {
        let table =
            Table::parse(name).ok_or_else(|| io::Error::other(format!("no table is called {name}")))?;
        sealed
            .tables
            .insert(name.clone(), seal(store, table, date, open)?);
    }
    Ok(sealed)
}

/// Begins a store where there is none.
fn begin(store: &dyn Store, journal_id: &str) -> Result<Manifest, FollowError> {
    if let Some(file) = all_files(store)?.first() {
        return Err(FollowError::Foreign(format!(
            "{file} is there, and no {MANIFEST}"
        )));
    }
    let manifest = Manifest {
        writer: WRITER.to_owned(),
        journal_id: journal_id.to_owned(),
        ..Manifest::default()
    };
    manifest.write(store)?;
    Ok(manifest)
}

fn check_ours(manifest: &Manifest, journal_id: &str) -> Result<(), FollowError> {
    if manifest.journal_id != journal_id {
        return Err(FollowError::Foreign(format!(
            "{MANIFEST}: it is the journal's {}, not {journal_id}'s",
            manifest.journal_id
        )));
    }
    if manifest.writer != WRITER {
        return Err(FollowError::Foreign(format!(
            "{MANIFEST}: written by {}, and this is {WRITER}: make the store anew",
            manifest.writer
        )));
    }
    Ok(())
}

/// Every file of a table, open or sealed, and every checkpoint: what a follower may have written.
fn all_files(store: &dyn Store) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    for table in Table::ALL {
        files.extend(store.list(table.name())?);
        files.extend(store.list(&format!("{OPEN}/{}", table.name()))?);
    }
    files.extend(store.list(CHECKPOINTS)?);
    Ok(files)
}

/// Removes what a follower that was killed left behind.
fn remove_unnamed(store: &dyn Store, manifest: &Manifest) -> io::Result<()> {
    let named: BTreeSet<&str> = manifest.files().map(|file| file.path.as_str()).collect();
    for file in all_files(store)? {
        if !named.contains(file.as_str()) {
            store.remove(&file)?;
        }
    }
    Ok(())
}

fn read_names(store: &dyn Store, manifest: &Manifest) -> Result<Names, FollowError> {
    let Some(file) = &manifest.checkpoint else {
        return Ok(Names::default());
    };
    let bytes = file.read(store).map_err(|error| match error {
        StoredError::Disk { source, .. } => FollowError::Store(source),
        missing_or_damaged => FollowError::Foreign(missing_or_damaged.to_string()),
    })?;
    let mut aligned = rkyv::util::AlignedVec::<16>::with_capacity(bytes.len());
    aligned.extend_from_slice(&bytes);
    rkyv::from_bytes::<Names, rkyv::rancor::Error>(&aligned)
        .map_err(|_| FollowError::Foreign(format!("{}: it cannot be read: make the store anew", file.path)))
}

/// How far a store is behind its journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    pub records: u64,
    /// From the last record in the store to the last one in the journal, in milliseconds; 0 for an empty store.
    pub ms: i64,
}

/// How far the last record of a journal is ahead of a watermark.
///
/// # Errors
/// [`LogError`].
pub fn lag(cursor: &mut impl Cursor, watermark: u64) -> Result<Lag, LogError> {
    let mut lag = Lag::default();
    let mut at_watermark = None;
    cursor.seek(watermark.max(1))?;
    while let Some(frame) = cursor.next_frame()? {
        if frame.last_sequence() <= watermark {
            at_watermark = Some(frame.at);
        }
        lag.records = frame.last_sequence().saturating_sub(watermark);
        lag.ms = at_watermark.map_or(0, |then| frame.at.unix_ms() - then.unix_ms());
    }
    Ok(lag)
}

/// Goes behind the frame that ends with the watermark, which must be the one that the store was written from.
fn go_on(cursor: &mut impl Cursor, watermark: &Watermark) -> Result<(), FollowError> {
    if watermark.sequence == 0 {
        return Ok(());
    }
    cursor.seek(watermark.sequence)?;
    let frame = cursor.next_frame()?;
    let same = frame.as_ref().is_some_and(|frame| {
        frame.last_sequence() == watermark.sequence && HEXLOWER.encode(&frame.hash) == watermark.frame_hash
    });
    match same {
        true => Ok(()),
        false => Err(FollowError::Foreign(format!(
            "it was written from a journal whose record {} ends the frame {}: this journal has another history",
            watermark.sequence, watermark.frame_hash
        ))),
    }
}
