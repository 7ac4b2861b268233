//! Journals with right checks and wrong contents: every frame of a real one, written again after its records were changed.

#![allow(dead_code, reason = "each test file uses its part of it")]

use satang_core::record::RecordHeader;
use satang_log::file::{FileLogStore, FrameKind, Layout};
use satang_log::group::Group;
use satang_log::log::{Bound, Log as _, LogError, LogStore as _, ReadLog as _};
use satang_log::storage::MemoryStorage;
use std::sync::Arc;
use zerocopy::FromBytes as _;

/// A record as it was found.
#[derive(Clone, Debug)]
pub struct Found {
    pub sequence: u64,
    pub kind: u8,
    /// Its file and offset, as messages name them.
    pub place: String,
    pub bytes: Vec<u8>,
}

impl Found {
    /// Its first byte in its file.
    pub fn offset(&self) -> usize {
        let (_, offset) = self.place.rsplit_once("offset ").unwrap();
        offset.parse().unwrap()
    }

    pub fn u32_at(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    pub fn put_u32(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
}

/// The frames of a journal, with their records.
#[derive(Default)]
pub struct Frames {
    pub frames: Vec<(FrameKind, Vec<Found>)>,
}

impl Frames {
    pub fn of(storage: &MemoryStorage) -> Result<Frames, LogError> {
        let log = FileLogStore::open(&Arc::new(storage.clone()), Layout::DEFAULT)?;
        let mut cursor = log.file_cursor(Bound::All).unwrap();
        let mut frames = Vec::new();
        while let Some(found) = cursor.next_file_frame()? {
            let records = found.frame.records().map(|(_, header, bytes)| Found {
                sequence: header.sequence,
                kind: header.kind,
                place: log.reader().describe(header.sequence),
                bytes: bytes.to_vec(),
            });
            frames.push((found.kind, records.collect()));
        }
        cursor.classify_end()?;
        Ok(Frames { frames })
    }

    pub fn records(&self) -> impl Iterator<Item = &Found> {
        self.frames.iter().flat_map(|(_, records)| records)
    }
}

/// The journal in `storage` with each record as `change` leaves it; one that is emptied is left out.
pub fn forged(storage: &MemoryStorage, mut change: impl FnMut(&mut Found)) -> MemoryStorage {
    let from = FileLogStore::open(&Arc::new(storage.clone()), Layout::DEFAULT).unwrap();
    let to = Arc::new(MemoryStorage::default());
    let store = FileLogStore::open(&to, from.layout()).unwrap();
    let mut log = store.create(from.identity().unwrap()).unwrap();
    for (kind, mut records) in Frames::of(storage).unwrap().frames {
        match kind {
            FrameKind::Seal | FrameKind::Index => {}
            FrameKind::Watermark => log.cover().unwrap(),
            FrameKind::Group => {
                records.iter_mut().for_each(&mut change);
                let mut group = Group::allocate(log.group_bytes_max());
                group.open(log.next_sequence());
                for record in records.iter_mut().filter(|record| !record.bytes.is_empty()) {
                    let (header, _) = RecordHeader::read_from_prefix(&record.bytes).unwrap();
                    group.push(finished(&mut record.bytes), header.at());
                }
                if !group.is_empty() {
                    log.submit(group).unwrap();
                    log.complete().unwrap();
                }
            }
        }
    }
    (*to).clone()
}

/// Gives a record the check it had before it got a sequence.
fn finished(bytes: &mut [u8]) -> &[u8] {
    bytes[..8].fill(0);
    let check = crc32c::crc32c_append(crc32c::crc32c(&bytes[8..16]), &bytes[20..]);
    bytes[16..20].copy_from_slice(&check.to_le_bytes());
    bytes
}
