//! Journals with right checks and wrong contents: every frame of a real one, written again after its records were changed.

#![allow(dead_code, reason = "each test file uses its part of it")]

use satang_core::calendar::Instant;
use satang_core::record::{Position, RecordHeader};
use satang_engine::journal::{
    FileJournal, FrameKind, Group, NewJournal, Place, ScanError, VisitedFrame, Visitor, first_header, scan,
    segment_name,
};
use satang_engine::log::Log as _;
use satang_engine::storage::MemoryStorage;
use std::sync::Arc;
use zerocopy::FromBytes as _;

/// A record as it was found.
#[derive(Clone, Debug)]
pub struct Found {
    pub sequence: u64,
    pub kind: u8,
    pub position: Position,
    pub bytes: Vec<u8>,
}

impl Found {
    /// Its file and offset, as messages name them.
    pub fn place(&self) -> String {
        let place = Place::of(self.position);
        format!("{}: offset {}", segment_name(place.segment), place.offset)
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
    open: Vec<Found>,
}

impl Visitor for Frames {
    fn record(&mut self, header: &RecordHeader, bytes: &[u8], position: Position) -> Result<(), String> {
        self.open.push(Found {
            sequence: header.sequence,
            kind: header.kind,
            position,
            bytes: bytes.to_vec(),
        });
        Ok(())
    }

    fn frame(&mut self, frame: &VisitedFrame) {
        self.frames.push((frame.kind, std::mem::take(&mut self.open)));
    }
}

impl Frames {
    pub fn of(storage: &MemoryStorage) -> Result<Frames, ScanError> {
        let mut frames = Frames::default();
        scan(storage, &mut frames)?;
        Ok(frames)
    }

    pub fn records(&self) -> impl Iterator<Item = &Found> {
        self.frames.iter().flat_map(|(_, records)| records)
    }
}

/// The journal in `storage` with each record as `change` leaves it; one that is emptied is left out.
pub fn forged(storage: &MemoryStorage, mut change: impl FnMut(&mut Found)) -> MemoryStorage {
    let header = first_header(storage).unwrap().unwrap();
    let layout = header.layout();
    let to = Arc::new(MemoryStorage::default());
    let new = NewJournal {
        layout,
        journal_id: header.journal_id,
        citizen_key_check: header.citizen_key_check,
        created: Instant::from_unix_ms(header.created_ms),
    };
    let mut journal = FileJournal::create(to.clone(), &new).unwrap();
    let mut group = Group::allocate(&layout);
    for (kind, mut records) in Frames::of(storage).unwrap().frames {
        match kind {
            FrameKind::Seal => {}
            FrameKind::Watermark => journal.cover().unwrap(),
            FrameKind::Group => {
                records.iter_mut().for_each(&mut change);
                let sequence = journal.next_sequence();
                group.open(&layout, layout.after(journal.end(), 0), sequence);
                for record in records.iter_mut().filter(|record| !record.bytes.is_empty()) {
                    let (header, _) = RecordHeader::read_from_prefix(&record.bytes).unwrap();
                    group.push(finished(&mut record.bytes), header.at());
                }
                if !group.is_empty() {
                    journal.append(sequence, &mut group).unwrap();
                }
            }
        }
    }
    drop(journal);
    Arc::into_inner(to).unwrap_or_else(|| panic!("the journal is closed"))
}

/// Gives a record the check it had before it got a sequence.
fn finished(bytes: &mut [u8]) -> &[u8] {
    bytes[..8].fill(0);
    let check = crc32c::crc32c_append(crc32c::crc32c(&bytes[8..16]), &bytes[20..]);
    bytes[16..20].copy_from_slice(&check.to_le_bytes());
    bytes
}
