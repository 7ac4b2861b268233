//! Reading single records back by their position.

use super::format::{Layout, Place, segment_name};
use crate::log::ReadLog;
use crate::storage::{Storage, StorageFile};
use parking_lot::RwLock;
use satang_core::record::{Position, Record, RecordError, RecordHeader, split_record};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use zerocopy::FromBytes;

/// Why a record cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk does not answer.
    #[error("{file}: offset {offset}: {source}")]
    Io {
        /// The segment's file.
        file: String,
        /// Where in it, in bytes.
        offset: u32,
        /// What the operating system says.
        source: io::Error,
    },
    /// The bytes there are no record.
    #[error("{file}: offset {offset}: {source}")]
    Record {
        /// The segment's file.
        file: String,
        /// Where in it, in bytes.
        offset: u32,
        /// What is wrong.
        source: RecordError,
    },
}

/// Reads durable records; cheap to clone and to share.
pub struct JournalReader<S: Storage> {
    storage: Arc<S>,
    layout: Layout,
    files: Arc<RwLock<BTreeMap<u32, Arc<S::File>>>>,
}

impl<S: Storage> Clone for JournalReader<S> {
    fn clone(&self) -> JournalReader<S> {
        JournalReader {
            storage: self.storage.clone(),
            layout: self.layout,
            files: self.files.clone(),
        }
    }
}

/// Segment files kept open for reading (I12); past it all are closed and opened again as needed.
const OPEN_FILES_MAX: usize = 128;

/// What one read fetches at first: the longest record of the hot path fits.
const FIRST_READ_BYTES: usize = 256;

impl<S: Storage> JournalReader<S> {
    /// A reader of the journal in `storage`.
    pub fn new(storage: Arc<S>, layout: Layout) -> JournalReader<S> {
        JournalReader {
            storage,
            layout,
            files: Arc::default(),
        }
    }

    fn file(&self, segment: u32) -> io::Result<Arc<S::File>> {
        if let Some(file) = self.files.read().get(&segment) {
            return Ok(file.clone());
        }
        let file = Arc::new(self.storage.open(&segment_name(segment))?);
        let mut files = self.files.write();
        if files.len() >= OPEN_FILES_MAX {
            files.clear();
        }
        Ok(files.entry(segment).or_insert(file).clone())
    }
}

impl<S: Storage> ReadLog for JournalReader<S> {
    fn read(&self, position: Position) -> Result<Record, ReadError> {
        let place = Place::of(position);
        let named = || segment_name(place.segment);
        let io = |source| ReadError::Io {
            file: named(),
            offset: place.offset,
            source,
        };
        let record = |source| ReadError::Record {
            file: named(),
            offset: place.offset,
            source,
        };
        let file = self.file(place.segment).map_err(io)?;
        let left = (self.layout.segment_bytes - place.offset) as usize;
        let mut bytes = vec![0u8; FIRST_READ_BYTES.min(left)];
        file.read_exact_at(&mut bytes, u64::from(place.offset))
            .map_err(io)?;
        let wanted = RecordHeader::read_from_prefix(&bytes).map_or(0, |(header, _)| header.len_bytes());
        if wanted > bytes.len() && wanted <= left {
            bytes.resize(wanted, 0);
            file.read_exact_at(&mut bytes, u64::from(place.offset))
                .map_err(io)?;
        }
        let (header, bytes) = split_record(&bytes).map_err(record)?;
        Record::decode(&header, bytes).map_err(record)
    }
}
