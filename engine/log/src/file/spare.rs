//! Spare segments: files of zeros, written and flushed ahead of use.
//!
//! A commit into blocks that were never written costs twice the time of one into zeros (`docs/PERFORMANCE.md`), and a disk
//! that fills up is noticed here, while there is still room to answer.

use super::format::segment_name;
use crate::log::{Space, SpaceGauge, Upkeep};
use crate::storage::{PAGE_BYTES, Page, Storage, StorageFile, is_full};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How many spares are kept ready.
pub const SPARES_WANTED: usize = 3;
/// With a full disk, authorizations stop when this many spares are left.
pub const SPARES_FOR_REVERSALS: usize = 2;
/// With a full disk, reversals stop when this many are left; the last one takes what is in flight.
pub const SPARES_FOR_IN_FLIGHT: usize = 1;

/// Pages zeroed per write.
const ZERO_PAGES: usize = 256;

/// So many attempts in a row must fail, other than for want of room, before the journal gives up: ten seconds.
const ATTEMPTS_MAX: u32 = 20;
/// Pause before another attempt.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(500);

/// The spares of one journal, shared by the journal's thread, the preparer and whoever admits requests. Their files stay open: when
/// the journal needs the next one, the process may have no descriptor left.
pub struct Spares<F> {
    state: Mutex<State<F>>,
    changed: Condvar,
    segment_bytes: u32,
    /// As of the last change of `state`.
    space: Arc<SpaceGauge>,
}

struct State<F> {
    /// The first segment that is a spare.
    first: u32,
    ready: VecDeque<F>,
    trouble: Option<Trouble>,
    /// Somebody makes spares: nobody else does meanwhile.
    making: bool,
    stop: bool,
}

/// Why the last attempts to make a spare failed.
struct Trouble {
    kind: io::ErrorKind,
    attempts: u32,
}

impl Trouble {
    fn is_disk_full(&self) -> bool {
        is_full(self.kind)
    }

    /// Whether it is not worth another attempt. A full disk may be given room at any time.
    fn is_final(&self) -> bool {
        !self.is_disk_full() && self.attempts >= ATTEMPTS_MAX
    }
}

impl<F: StorageFile> Spares<F> {
    /// No spare yet; the first to come is segment `first`.
    pub fn new(first: u32, segment_bytes: u32) -> Arc<Spares<F>> {
        let state = State {
            first,
            ready: VecDeque::new(),
            trouble: None,
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
    fn publish(&self, state: &State<F>) {
        let ready = state.ready.len();
        let space = match &state.trouble {
            None => Space::Enough,
            Some(_) if ready > SPARES_FOR_REVERSALS => Space::Enough,
            Some(_) if ready > SPARES_FOR_IN_FLIGHT => Space::ReversalsOnly,
            Some(_) => Space::None,
        };
        let disk_full = state.trouble.as_ref().is_none_or(Trouble::is_disk_full);
        self.space.set(space, disk_full, ready);
        self.changed.notify_all();
    }

    /// Prepares spares until stopped; the loop of the background thread.
    pub fn prepare_until_stopped<S: Storage<File = F>>(&self, storage: &S) {
        self.begin_making(self.state.lock());
        while let Some(number) = self.wait_for_need() {
            let result = prepare(storage, number, self.segment_bytes);
            let mut state = self.state.lock();
            match result {
                Ok(spare) => {
                    state.ready.push_back(spare);
                    state.trouble = None;
                }
                Err(error) => self.note_trouble(&mut state, number, &error),
            }
            self.publish(&state);
            if state.trouble.is_some() && !state.stop {
                self.changed.wait_for(&mut state, ATTEMPT_PAUSE);
            }
        }
        self.end_making(&mut self.state.lock());
    }

    /// What failed is removed and made anew: nothing is ever flushed again after an error (I8).
    fn note_trouble(&self, state: &mut State<F>, segment: u32, error: &io::Error) {
        let before = state.trouble.take();
        let again = before.filter(|trouble| trouble.kind == error.kind());
        let attempts = 1 + again.map_or(0, |trouble| trouble.attempts);
        let trouble = Trouble {
            kind: error.kind(),
            attempts,
        };
        match (attempts, trouble.is_disk_full()) {
            (1, true) => tracing::error!(segment, "disk full: no spare segment can be prepared"),
            (1, false) => {
                tracing::error!(segment, %error, "no spare segment can be prepared; it is tried again")
            }
            (ATTEMPTS_MAX, false) => {
                tracing::error!(segment, %error, "no spare segment could be prepared in {attempts} attempts");
            }
            _ => {}
        }
        state.trouble = Some(trouble);
    }

    fn begin_making(&self, mut state: MutexGuard<'_, State<F>>) {
        while state.making {
            self.changed.wait(&mut state);
        }
        state.making = true;
    }

    fn end_making(&self, state: &mut State<F>) {
        state.making = false;
        self.changed.notify_all();
    }

    /// The next spare to make; `None` once there is to be no other.
    fn wait_for_need(&self) -> Option<u32> {
        let mut state = self.state.lock();
        while !state.stop && state.ready.len() >= SPARES_WANTED {
            self.changed.wait(&mut state);
        }
        (!state.stop).then_some(state.first + state.ready.len() as u32)
    }

    /// Ends the background thread's loop.
    pub fn stop(&self) {
        self.state.lock().stop = true;
        self.changed.notify_all();
    }

    /// Takes the next spare, its segment and its open file; prepares it here when no background thread does.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn take<S: Storage<File = F>>(&self, storage: &S) -> io::Result<(u32, F)> {
        let mut state = self.state.lock();
        let file = loop {
            if let Some(file) = state.ready.pop_front() {
                break file;
            }
            if let Some(trouble) = state.trouble.as_ref().filter(|trouble| trouble.is_final()) {
                return Err(io::Error::new(trouble.kind, "no spare segment can be prepared"));
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
            state.ready.push_back(made?);
        };
        state.first += 1;
        let number = state.first - 1;
        self.publish(&state);
        Ok((number, file))
    }
}

/// Makes a segment file of zeros: written, flushed, renamed to its name, and the folder flushed. It stays open.
///
/// # Errors
/// Of the operating system; the half-made file is removed.
fn prepare<S: Storage>(storage: &S, segment: u32, segment_bytes: u32) -> io::Result<S::File> {
    let name = segment_name(segment);
    let unfinished = format!("{name}.tmp");
    let made = write_zeros(storage, &unfinished, segment_bytes).and_then(|file| {
        storage.rename(&unfinished, &name)?;
        storage.sync_folder("journal")?;
        Ok(file)
    });
    if made.is_err() {
        // The room it took is wanted back; the first error is the one to report.
        let _ = storage.remove(&unfinished);
    }
    made
}

/// Writes a file of `bytes` zeros and flushes it.
///
/// # Errors
/// Of the operating system.
pub fn write_zeros<S: Storage>(storage: &S, name: &str, bytes: u32) -> io::Result<S::File> {
    let file = storage.create(name)?;
    let zeros = vec![Page::ZERO; ZERO_PAGES.min(bytes as usize / PAGE_BYTES)];
    let mut offset = 0;
    while offset < u64::from(bytes) {
        let left = (u64::from(bytes) - offset) as usize / PAGE_BYTES;
        let now = left.min(zeros.len());
        file.write_pages_at(&zeros[..now], offset)?;
        offset += (now * PAGE_BYTES) as u64;
    }
    file.sync()?;
    Ok(file)
}

/// The spares of one journal and the folder they are made in.
pub struct SparesUpkeep<S: Storage> {
    pub spares: Arc<Spares<S::File>>,
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
