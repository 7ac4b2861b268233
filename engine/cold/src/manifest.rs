//! What a cold store holds, as `_manifest.json` says: written last and replaced whole, so that who reads by it sees every row once.

use crate::store::Store;
use crate::tables::Table;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;

/// The manifest's name in the store.
pub const MANIFEST: &str = "_manifest.json";

/// Everything that the store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version that wrote the files: another one writes other bytes for the same rows.
    pub writer: String,
    /// The journal that is followed, in hexadecimal.
    pub journal_id: String,
    pub watermark: Watermark,
    /// What the follower knows behind the watermark; absent at the journal's beginning.
    pub checkpoint: Option<File>,
    /// By date.
    pub dates: BTreeMap<String, Date>,
}

/// How far the journal is in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// The last record that is in the store; 0 for none.
    pub sequence: u64,
    /// The hash of the chain behind the frame that ends with that record, in hexadecimal.
    pub frame_hash: String,
}

/// One business date.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Date {
    /// Whether it is over: its files never change again.
    pub sealed: bool,
    /// By the table's name; a table without rows is absent.
    pub tables: BTreeMap<String, TableOfDate>,
}

/// One table of one date.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableOfDate {
    pub rows: u64,
    /// The sum of each column of money that always has a value, in satang.
    pub sums: BTreeMap<String, i64>,
    pub files: Vec<File>,
}

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name in the store.
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    /// Of its bytes, in hexadecimal.
    pub blake3: String,
}

/// The columns of money that a table's control sums are over.
pub fn money_columns(table: Table) -> impl Iterator<Item = &'static str> {
    let columns = table.columns().iter();
    let money = columns
        .filter(|column| !column.nullable && (column.name == "amount" || column.name.ends_with("_amount")));
    money.map(|column| column.name)
}

/// Why a file that the manifest names cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    #[error("{path}: {source}")]
    Disk { path: String, source: io::Error },
    #[error("{path}: the manifest names it, and it is not there")]
    Missing { path: String },
    #[error("{path}: it is not what the manifest says: damaged")]
    Damaged { path: String },
}

impl File {
    /// All of the file, which is what the manifest says.
    ///
    /// # Errors
    /// [`StoredError`].
    pub fn read(&self, store: &dyn Store) -> Result<Bytes, StoredError> {
        let path = || self.path.clone();
        let read = store.read(&self.path);
        let bytes = read.map_err(|source| StoredError::Disk { path: path(), source })?;
        let bytes = bytes.ok_or_else(|| StoredError::Missing { path: path() })?;
        match blake3::hash(&bytes).to_hex().as_str() == self.blake3 {
            true => Ok(bytes),
            false => Err(StoredError::Damaged { path: path() }),
        }
    }
}

impl Manifest {
    /// The manifest of a store; `None` when there is none.
    ///
    /// # Errors
    /// Of the disk; `InvalidData` when it is no manifest.
    pub fn read(store: &dyn Store) -> io::Result<Option<Manifest>> {
        let Some(bytes) = store.read(MANIFEST)? else {
            return Ok(None);
        };
        let manifest = serde_json::from_slice(&bytes);
        manifest
            .map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{MANIFEST}: {error}")))
    }

    /// Replaces the manifest of a store.
    ///
    /// # Errors
    /// Of the disk.
    pub fn write(&self, store: &dyn Store) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        store.write(MANIFEST, &mut |to| to.write_all(&json))
    }

    /// Every file that it names.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        let tables = self.dates.values().flat_map(|date| date.tables.values());
        tables.flat_map(|table| &table.files).chain(&self.checkpoint)
    }
}
