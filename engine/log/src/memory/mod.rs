//! A log in memory: as durable as the process, for tests and for measuring what is not the disk's.
//!
//! Groups are durable when they complete, not when they are submitted, and several may be in flight.

use crate::durable::Durable;
use crate::group::Group;
use crate::log::{
    AppendError, Bound, ChainHash, Completed, Cursor, Frame, Log, LogError, LogIdentity, LogStore, ReadError,
    ReadLog, ReadToEnd, SpaceGauge, Upkeep,
};
use crate::scrub::ScrubMonitor;
use crate::storage::{PAGE_BYTES, Page};
use parking_lot::{Condvar, Mutex};
use satang_core::calendar::Instant;
use satang_core::record::{Record, split_record};
use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use zerocopy::IntoBytes as _;

/// How many groups may be in flight.
const IN_FLIGHT_MAX: usize = 4;

/// The most bytes of records in a group.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// A log that lives as long as the process. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryLogStore {
    memory: Arc<Memory>,
}

#[derive(Default)]
struct Memory {
    shared: Mutex<Shared>,
    /// A frame was appended.
    grown: Condvar,
}

#[derive(Default)]
struct Shared {
    identity: Option<LogIdentity>,
    frames: Vec<Frame>,
}

impl Shared {
    fn next_sequence(&self) -> u64 {
        self.frames.last().map_or(1, |frame| frame.last_sequence() + 1)
    }

    fn chain(&self) -> ChainHash {
        self.frames.last().map_or([0; 32], |frame| frame.hash)
    }

    /// The number of the frame that has, or will have, this record.
    fn frame_of(&self, sequence: u64) -> usize {
        self.frames
            .partition_point(|frame| frame.last_sequence() < sequence)
    }
}

impl LogStore for MemoryLogStore {
    type Log = MemoryLog;
    type Cursor = MemoryCursor;

    fn identity(&self) -> Option<LogIdentity> {
        self.memory.shared.lock().identity
    }

    fn cursor(&self, bound: Bound) -> Result<MemoryCursor, LogError> {
        Ok(MemoryCursor {
            memory: self.memory.clone(),
            bound,
            next_sequence: 1,
        })
    }

    fn about_records_from(&self, sequence: u64) -> u64 {
        self.memory.shared.lock().next_sequence().saturating_sub(sequence)
    }

    fn create(&self, identity: LogIdentity) -> io::Result<MemoryLog> {
        self.memory.shared.lock().identity = Some(identity);
        Ok(MemoryLog::behind(&self.memory))
    }

    fn end(&self, cursor: MemoryCursor) -> Result<ReadToEnd<MemoryCursor>, LogError> {
        let shared = self.memory.shared.lock();
        let last = shared.frames.last().map(|frame| frame.at);
        Ok(ReadToEnd {
            end: "memory".into(),
            torn_bytes: 0,
            last_at: last
                .or(shared.identity.map(|identity| identity.created))
                .unwrap_or(Instant::MIN),
            next_sequence: cursor.next_sequence,
            cursor,
        })
    }

    fn resume(&self, _read: ReadToEnd<MemoryCursor>) -> io::Result<MemoryLog> {
        Ok(MemoryLog::behind(&self.memory))
    }

    /// Nothing lies on a disk.
    fn scrub(&self, _durable: &Arc<Durable>, _monitor: &mut dyn ScrubMonitor) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// A log in memory, open for appending.
pub struct MemoryLog {
    memory: Arc<Memory>,
    in_flight: VecDeque<Group>,
    submitted_through: u64,
    space: Arc<SpaceGauge>,
}

impl MemoryLog {
    fn behind(memory: &Arc<Memory>) -> MemoryLog {
        MemoryLog {
            submitted_through: memory.shared.lock().next_sequence() - 1,
            memory: memory.clone(),
            in_flight: VecDeque::new(),
            space: Arc::default(),
        }
    }
}

impl Log for MemoryLog {
    type Reader = MemoryReader;

    fn in_flight_max(&self) -> usize {
        IN_FLIGHT_MAX
    }

    fn submit(&mut self, group: Group) -> Result<(), AppendError> {
        assert!(self.in_flight.len() < IN_FLIGHT_MAX, "bounded by in_flight_max");
        if group.first_sequence() != self.next_sequence() {
            return Err(AppendError::Fenced {
                expected: group.first_sequence(),
                next: self.next_sequence(),
            });
        }
        self.submitted_through = group.next_sequence() - 1;
        self.in_flight.push_back(group);
        Ok(())
    }

    fn complete(&mut self) -> Result<Option<Completed>, AppendError> {
        let Some(group) = self.in_flight.pop_front() else {
            return Ok(None);
        };
        let payload = group.payload();
        let mut pages = vec![Page::ZERO; payload.len().div_ceil(PAGE_BYTES)];
        pages.as_mut_bytes()[..payload.len()].copy_from_slice(payload);
        let mut shared = self.memory.shared.lock();
        if shared.next_sequence() != group.first_sequence() {
            return Err(AppendError::Fenced {
                expected: group.first_sequence(),
                next: shared.next_sequence(),
            });
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(payload).update(&shared.chain());
        let bytes = payload.len();
        shared.frames.push(Frame {
            first_sequence: group.first_sequence(),
            record_count: group.record_count(),
            at: group.last_at(),
            hash: *hasher.finalize().as_bytes(),
            pages: Arc::new(pages),
            start: 0,
            len_bytes: bytes,
            stored_bytes: bytes,
        });
        drop(shared);
        self.memory.grown.notify_all();
        Ok(Some(Completed { group, bytes }))
    }

    fn cover(&mut self) -> Result<(), AppendError> {
        Ok(())
    }

    fn needs_cover(&self) -> bool {
        false
    }

    fn group_bytes_max(&self) -> usize {
        GROUP_BYTES_MAX
    }

    fn next_sequence(&self) -> u64 {
        self.submitted_through + 1
    }

    fn reader(&self) -> MemoryReader {
        MemoryReader {
            memory: self.memory.clone(),
        }
    }

    fn space(&self) -> Arc<SpaceGauge> {
        self.space.clone()
    }

    fn upkeep(&self) -> Arc<dyn Upkeep> {
        Arc::new(NothingToDo)
    }
}

/// Memory needs no room prepared.
struct NothingToDo;

impl Upkeep for NothingToDo {
    fn run_until_stopped(&self) {}

    fn stop(&self) {}
}

/// Reads records of a log in memory back.
#[derive(Clone)]
pub struct MemoryReader {
    memory: Arc<Memory>,
}

impl ReadLog for MemoryReader {
    fn read(&self, sequence: u64) -> Result<Record, ReadError> {
        let shared = self.memory.shared.lock();
        let missing = || ReadError::Missing {
            place: "memory".into(),
            sequence,
        };
        let frame = shared.frames.get(shared.frame_of(sequence)).ok_or_else(missing)?;
        let mut records = frame.records();
        let found = records.find(|(_, header, _)| header.sequence == sequence);
        let (_, _, bytes) = found.ok_or_else(missing)?;
        let place = || self.describe(sequence);
        let record = |source| ReadError::Record {
            place: place(),
            source,
        };
        let (header, bytes) = split_record(bytes).map_err(record)?;
        Record::decode(&header, bytes).map_err(record)
    }

    fn describe(&self, sequence: u64) -> String {
        format!("memory: sequence {sequence}")
    }
}

/// Reads a log in memory in order.
pub struct MemoryCursor {
    memory: Arc<Memory>,
    bound: Bound,
    next_sequence: u64,
}

impl Cursor for MemoryCursor {
    fn seek(&mut self, sequence: u64) -> Result<(), LogError> {
        let shared = self.memory.shared.lock();
        let frame = shared.frames.get(shared.frame_of(sequence));
        self.next_sequence = frame.map_or(shared.next_sequence(), |frame| frame.first_sequence);
        Ok(())
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, LogError> {
        if let Bound::Durable(durable) = &self.bound
            && self.next_sequence > durable.sequence()
        {
            return Ok(None);
        }
        let shared = self.memory.shared.lock();
        let Some(frame) = shared.frames.get(shared.frame_of(self.next_sequence)) else {
            return Ok(None);
        };
        self.next_sequence = frame.last_sequence() + 1;
        Ok(Some(frame.clone()))
    }

    fn wait(&mut self, at_most: Duration) -> bool {
        match &self.bound {
            Bound::All => false,
            Bound::Durable(durable) => durable.block_at_most(self.next_sequence, at_most),
            Bound::Proven => {
                let until = std::time::Instant::now() + at_most;
                let mut shared = self.memory.shared.lock();
                while shared.next_sequence() <= self.next_sequence {
                    if self.memory.grown.wait_until(&mut shared, until).timed_out() {
                        return false;
                    }
                }
                true
            }
        }
    }

    fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    fn progress(&self) -> (u64, u64) {
        let shared = self.memory.shared.lock();
        let bytes = |frames: &[Frame]| frames.iter().map(|frame| frame.len_bytes as u64).sum();
        let read = shared.frame_of(self.next_sequence);
        (bytes(&shared.frames[..read]), bytes(&shared.frames))
    }

    fn describe(&self, sequence: u64) -> String {
        format!("memory: sequence {sequence}")
    }
}
