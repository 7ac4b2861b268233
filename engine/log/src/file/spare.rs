//! Spare segments: files of zeros, written and flushed ahead of use.
//!
//! A commit into blocks that were never written costs twice the time of one into zeros (`docs/PERFORMANCE.md`), and a disk
//! that fills up is noticed here, while there is still room to answer.

use super::format::segment_name;
use crate::log::{Space, SpaceGauge, Upkeep};
use crate::storage::{PAGE_BYTES, Page, Storage, StorageFile};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How many spares are kept ready.
pub const SPARES_WANTED: u32 = 3;
/// With a full disk, authorizations stop when this many spares are left.
pub const SPARES_FOR_REVERSALS: u32 = 2;
/// With a full disk, reversals stop when this many are left; the last one takes what is in flight.
pub const SPARES_FOR_IN_FLIGHT: u32 = 1;

/// Pages zeroed per write.
const ZERO_PAGES: usize = 256;

/// The spares of one journal, shared by the journal's thread, the preparer and whoever admits requests.
pub struct Spares {
    state: Mutex<State>,
    changed: Condvar,
    segment_bytes: u32,
    /// As of the last change of `state`.
    space: Arc<SpaceGauge>,
}

struct State {
    /// The first segment that is a spare.
    first: u32,
    /// How many spares are ready.
    ready: u32,
    disk_full: bool,
    failed: Option<io::ErrorKind>,
    /// Somebody makes spares: nobody else does meanwhile.
    making: bool,
    stop: bool,
}

impl Spares {
    /// No spare yet; the first to come is segment `first`.
    pub fn new(first: u32, segment_bytes: u32) -> Arc<Spares> {
        let state = State {
            first,
            ready: 0,
            disk_full: false,
            failed: None,
            making: false,
            stop: false,
        };
        Arc::new(Spares {
            state: Mutex::new(state),
            changed: Condvar::new(),
            segment_bytes,
            space: Arc::default(),
        })
    }

    /// Says how much room there is.
    pub fn gauge(&self) -> Arc<SpaceGauge> {
        self.space.clone()
    }

    /// Tells waiting threads, and whoever asks for [`Spares::gauge`], that `state` changed.
    fn publish(&self, state: &State) {
        let stuck = state.disk_full || state.failed.is_some();
        let space = match (stuck, state.ready) {
            (false, _) => Space::Enough,
            (true, ready) if ready > SPARES_FOR_REVERSALS => Space::Enough,
            (true, ready) if ready > SPARES_FOR_IN_FLIGHT => Space::ReversalsOnly,
            (true, _) => Space::None,
        };
        self.space.set(space);
        self.changed.notify_all();
    }

    /// Prepares spares until stopped; the loop of the background thread.
    pub fn prepare_until_stopped<S: Storage>(&self, storage: &S) {
        self.begin_making(self.state.lock());
        while let Some(number) = self.wait_for_need() {
            let result = prepare(storage, number, self.segment_bytes);
            let mut state = self.state.lock();
            match result {
                Ok(()) => {
                    state.ready += 1;
                    state.disk_full = false;
                }
                Err(error) if is_disk_full(&error) => {
                    if !state.disk_full {
                        tracing::error!(segment = number, "disk full: no spare segment can be prepared");
                    }
                    state.disk_full = true;
                    self.publish(&state);
                    if !state.stop {
                        self.changed.wait_for(&mut state, Duration::from_millis(500));
                    }
                }
                Err(error) => {
                    tracing::error!(segment = number, %error, "no spare segment can be prepared");
                    state.failed = Some(error.kind());
                }
            }
            self.publish(&state);
        }
        self.end_making(&mut self.state.lock());
    }

    fn begin_making(&self, mut state: MutexGuard<'_, State>) {
        while state.making {
            self.changed.wait(&mut state);
        }
        state.making = true;
    }

    fn end_making(&self, state: &mut State) {
        state.making = false;
        self.changed.notify_all();
    }

    /// The next spare to make; `None` once there is to be no other.
    fn wait_for_need(&self) -> Option<u32> {
        let mut state = self.state.lock();
        while !state.stop && state.failed.is_none() && state.ready >= SPARES_WANTED {
            self.changed.wait(&mut state);
        }
        let ended = state.stop || state.failed.is_some();
        (!ended).then_some(state.first + state.ready)
    }

    /// Ends the background thread's loop.
    pub fn stop(&self) {
        self.state.lock().stop = true;
        self.changed.notify_all();
    }

    /// Takes the next spare, preparing it here when no background thread does.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn take<S: Storage>(&self, storage: &S) -> io::Result<u32> {
        let mut state = self.state.lock();
        while state.ready == 0 {
            if let Some(kind) = state.failed {
                return Err(io::Error::new(kind, "no spare segment can be prepared"));
            }
            if state.making {
                self.changed.wait(&mut state);
                continue;
            }
            // Without the lock: whoever admits requests asks for the space there is.
            let number = state.first;
            self.begin_making(state);
            let made = prepare(storage, number, self.segment_bytes);
            state = self.state.lock();
            self.end_making(&mut state);
            made?;
            state.ready += 1;
        }
        state.ready -= 1;
        state.first += 1;
        let number = state.first - 1;
        self.publish(&state);
        Ok(number)
    }
}

fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Makes a segment file of zeros: written, flushed, renamed to its name, and the folder flushed.
///
/// # Errors
/// Of the operating system; the half-made file is removed.
fn prepare<S: Storage>(storage: &S, segment: u32, segment_bytes: u32) -> io::Result<()> {
    let name = segment_name(segment);
    let unfinished = format!("{name}.tmp");
    let made = write_zeros(storage, &unfinished, segment_bytes);
    if made.is_err() {
        // The room it took is wanted back; the first error is the one to report.
        let _ = storage.remove(&unfinished);
        return made;
    }
    storage.rename(&unfinished, &name)?;
    storage.sync_folder("journal")
}

/// Writes a file of `bytes` zeros and flushes it.
///
/// # Errors
/// Of the operating system.
pub fn write_zeros<S: Storage>(storage: &S, name: &str, bytes: u32) -> io::Result<()> {
    let file = storage.create(name)?;
    let zeros = vec![Page::ZERO; ZERO_PAGES.min(bytes as usize / PAGE_BYTES)];
    let mut offset = 0;
    while offset < u64::from(bytes) {
        let left = (u64::from(bytes) - offset) as usize / PAGE_BYTES;
        let now = left.min(zeros.len());
        file.write_pages_at(&zeros[..now], offset)?;
        offset += (now * PAGE_BYTES) as u64;
    }
    file.sync()
}

/// The spares of one journal and the folder they are made in.
pub struct SparesUpkeep<S: Storage> {
    pub spares: Arc<Spares>,
    pub storage: Arc<S>,
}

impl<S: Storage> Upkeep for SparesUpkeep<S> {
    fn run_until_stopped(&self) {
        self.spares.prepare_until_stopped(&*self.storage);
    }

    fn stop(&self) {
        self.spares.stop();
    }
}
