//! One change to the bytes of a data folder, and what a start makes of it.

use super::Rig;
use super::book::Book;
use super::random::Random;
use super::workload::Workload;
use satang_engine::recovery::open::OpenError;
use satang_log::file::{Layout, segment_name};
use satang_log::storage::{MemoryStorage, PAGE_BYTES};
use std::sync::Arc;

/// Room for three pages of frames, the index and the seal.
pub const SMALL: Layout = Layout {
    segment_bytes: 28 << 10,
    group_bytes_max: 4 << 10,
};

/// What a start made of a damaged folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that was answered is there.
    SameState,
    /// A prefix of it is.
    Prefix,
    /// The start was refused, with a message that names file and offset.
    Refused,
}

/// A folder to be damaged, and everything that was answered.
pub struct Specimen {
    pub disk: MemoryStorage,
    pub layout: Layout,
    /// The last segment that was begun.
    pub last_segment: u32,
    /// Where the journal ends, in bytes of the last segment.
    pub end: usize,
    pub book: Book,
}

impl Specimen {
    /// Two segments, six frames: the seventh is an empty one that vouches for the last group, when that is `covered`.
    pub fn small(covered: bool) -> Specimen {
        let mut rig = Rig::open(Arc::new(MemoryStorage::default()), SMALL).unwrap();
        let mut work = Workload::new(Random::new(4));
        work.batch_len_max = 3;
        // Few enough records that every bit of them can be turned.
        work.rights = false;
        rig.prepare(3);
        work.book.note_state(&rig.engine);
        for _ in 0..4 {
            (0..8).for_each(|_| work.ask(&rig).unwrap());
            rig.flush();
        }
        if covered {
            rig.committer.cover().unwrap();
        }
        Specimen::of(&rig, work.book, SMALL)
    }

    /// The folder of an engine that has nothing in flight.
    pub fn of(rig: &Rig, book: Book, layout: Layout) -> Specimen {
        let disk = rig.storage.copy();
        let segments = disk.names().into_iter().filter(|name| name.ends_with(".seg"));
        let last_segment = segments.count() as u32;
        let bytes = disk.bytes(&segment_name(last_segment));
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        Specimen {
            disk,
            layout,
            last_segment,
            end: used.next_multiple_of(PAGE_BYTES),
            book,
        }
    }

    /// Starts on a copy in which `file` holds `bytes`.
    ///
    /// # Panics
    /// When the state is none that was answered, or a refusal does not say where.
    pub fn start_with(&self, file: &str, bytes: Vec<u8>) -> (Verdict, Option<Rig>) {
        let disk = self.disk.copy();
        disk.set_bytes(file, bytes);
        match Rig::open(Arc::new(disk), self.layout) {
            Ok(rig) => {
                let mut book = self.book.clone();
                let states = book.states_len();
                book.check(&rig, 0);
                let whole = book.states_len() == states;
                let verdict = if whole {
                    Verdict::SameState
                } else {
                    Verdict::Prefix
                };
                (verdict, Some(rig))
            }
            Err(refused) => {
                assert_says_where(&refused, file);
                (Verdict::Refused, None)
            }
        }
    }

    /// Starts with one bit turned.
    pub fn flip(&self, file: &str, bit: usize) -> Verdict {
        let mut bytes = self.disk.bytes(file);
        bytes[bit / 8] ^= 1 << (bit % 8);
        self.start_with(file, bytes).0
    }

    /// What must become of a flip of this bit of a segment: copies of headers are repaired, zeros behind the end are zeroed
    /// again, and a frame that was written is never taken for one that was not; nor is the sector where the next would begin,
    /// which a write leaves either zero or with a frame's header.
    pub fn expected(&self, segment: u32, bit: usize) -> Verdict {
        let byte = bit / 8;
        let behind_end = segment == self.last_segment && byte >= self.end + 512;
        let in_frame = byte >= 2 * PAGE_BYTES && !behind_end;
        if in_frame {
            Verdict::Refused
        } else {
            Verdict::SameState
        }
    }
}

#[track_caller]
fn assert_says_where(refused: &OpenError, file: &str) {
    let text = refused.to_string();
    let place = text
        .strip_prefix(file)
        .and_then(|rest| rest.strip_prefix(": offset "));
    assert!(
        place.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
        "{file}: {text}"
    );
}
