//! Group commit: decided records gather in memory in sequence order, and one thread writes them, group by group.
//!
//! Appending is the only global serial point. The lock is held to hand out the sequence and copy the record (or a batch of
//! them), never while anything is written.

use crate::durable::Durable;
use crate::group::Group;
use crate::log::{AppendError, Completed, Log};
use crossbeam::utils::CachePadded;
use parking_lot::{Condvar, Mutex, MutexGuard};
use satang_core::calendar::{BusinessDate, Instant};
use satang_core::record::{CutOverRecord, RecordBuf};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant as Moment};

/// The most bytes of records that may wait for the disk before new requests are refused (I12). A batch of the largest size
/// may exceed it once.
pub const IN_FLIGHT_BYTES_MAX: usize = 32 << 20;
/// After this much quiet an empty frame vouches for the last group.
pub const COVER_AFTER: Duration = Duration::from_millis(5);

/// When the writer waits for more records before it flushes. A flush costs a fixed amount of processor time, so under load
/// fewer and larger groups leave more of it for requests; an unloaded engine never waits.
#[derive(Clone, Copy, Debug)]
pub struct Pacing {
    /// Waits only while more requests than this are being served.
    pub requests_min: usize,
    /// Waits until this many records have gathered.
    pub records_wanted: u32,
    /// Waits at most this long. Longer: fewer flushes, later answers.
    pub wait_max: Duration,
}

impl Pacing {
    /// Measured in docs/PERFORMANCE.md.
    pub const DEFAULT: Pacing = Pacing {
        requests_min: 96,
        records_wanted: 64,
        wait_max: Duration::from_micros(200),
    };
}

/// A business date that is over, and the sequence of the record that says so: every record of the date is an earlier one.
pub type CutOver = (BusinessDate, u64);

/// What an [`Appender`] goes on from.
#[derive(Debug)]
pub struct Resumed {
    /// The time of the last record.
    pub last_at: Instant,
    /// The business date the next record is appended to; `None` before the first record.
    pub date: Option<BusinessDate>,
    /// The dates that are over, in order.
    pub cut_overs: Vec<CutOver>,
    /// Bytes of the log that were read to get here.
    pub read_bytes: u64,
}

/// Why a record was not appended; nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A record with a later time was appended since the clock was read: read it again, at least `last_at`, and decide again.
    Stale {
        /// The time of the last record.
        last_at: Instant,
    },
    /// The journal failed or is closing.
    Stopped,
}

/// The open group, to which decided records are appended.
pub struct Appender {
    open: Mutex<Open>,
    work: Condvar,
    group_bytes_max: usize,
    /// See [`Appender::written_bytes`].
    written_bytes: AtomicU64,
    durable: Arc<Durable>,
    in_flight_bytes: AtomicUsize,
    /// Counted by every I/O thread, without the append lock: kept off the lock's cache line.
    requests: CachePadded<AtomicUsize>,
    /// The time of the last record, to be read without the lock.
    last_at_ms: AtomicI64,
}

struct Open {
    group: Group,
    closed: VecDeque<Group>,
    free: Vec<Group>,
    last_at: Instant,
    /// The dates that are over, in order.
    cut_overs: Vec<CutOver>,
    /// The business date records are appended to; `None` before the first record.
    date: Option<BusinessDate>,
    /// The writer sleeps until this many records have gathered; 0 when it does not sleep.
    wake_at_records: u32,
    stopping: bool,
}

impl Open {
    /// Takes the open group, which is not empty, and opens one that follows it.
    fn close_group(&mut self, bytes_max: usize) -> Group {
        let next = self.free.pop().unwrap_or_else(|| Group::allocate(bytes_max));
        let full = std::mem::replace(&mut self.group, next);
        self.group.open(full.next_sequence());
        full
    }
}

/// The append lock, held by one request (or batch) at a time.
pub struct Appending<'a> {
    appender: &'a Appender,
    open: MutexGuard<'a, Open>,
    at: Instant,
    pushed_bytes: usize,
}

impl Appender {
    /// Appends behind what `log` holds.
    pub fn new(log: &impl Log, durable: Arc<Durable>, resumed: Resumed) -> Appender {
        let Resumed {
            last_at,
            date,
            cut_overs,
            read_bytes,
        } = resumed;
        let group_bytes_max = log.group_bytes_max();
        let mut group = Group::allocate(group_bytes_max);
        group.open(log.next_sequence());
        let spares = 1 + log.in_flight_max();
        let free = (0..spares).map(|_| Group::allocate(group_bytes_max)).collect();
        let open = Open {
            group,
            closed: VecDeque::new(),
            free,
            last_at,
            cut_overs,
            date,
            wake_at_records: 0,
            stopping: false,
        };
        Appender {
            open: Mutex::new(open),
            work: Condvar::new(),
            group_bytes_max,
            written_bytes: AtomicU64::new(read_bytes),
            durable,
            in_flight_bytes: AtomicUsize::new(0),
            requests: CachePadded::default(),
            last_at_ms: AtomicI64::new(last_at.unix_ms()),
        }
    }

    /// Whether so much waits for the disk that new requests are refused.
    pub fn is_full(&self) -> bool {
        self.in_flight_bytes() > IN_FLIGHT_BYTES_MAX
    }

    /// Bytes of records that wait for the disk.
    pub fn in_flight_bytes(&self) -> usize {
        self.in_flight_bytes.load(Ordering::Relaxed)
    }

    /// The number of requests being served, for [`Pacing`]: whoever serves them counts.
    pub fn requests(&self) -> &AtomicUsize {
        &self.requests
    }

    /// The time of the last record.
    pub fn last_at(&self) -> Instant {
        Instant::from_unix_ms(self.last_at_ms.load(Ordering::Relaxed))
    }

    /// Bytes that were read and written of the log since the start, whole frames.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }

    /// The sequence of the last record, 0 before the first one: once it is durable, everything appended so far is.
    pub fn last_sequence(&self) -> u64 {
        self.open.lock().group.next_sequence() - 1
    }

    /// The business date records are appended to; `None` before the first record.
    pub fn date(&self) -> Option<BusinessDate> {
        self.open.lock().date
    }

    /// The dates that are over, in order; the records that say so need not be durable yet.
    pub fn cut_overs(&self) -> Vec<CutOver> {
        self.open.lock().cut_overs.clone()
    }

    /// The most bytes of records that fit one group.
    pub fn batch_bytes_max(&self) -> usize {
        self.group_bytes_max
    }

    /// Takes the append lock for records of `at` that take `bytes` and go into one group. Dates that are over by `at` are cut
    /// over first.
    ///
    /// # Panics
    /// When `bytes` is more than [`Appender::batch_bytes_max`].
    pub fn begin(&self, at: Instant, bytes: usize) -> Result<Appending<'_>, Refused> {
        assert!(bytes <= self.batch_bytes_max(), "a batch is bounded by the group");
        let mut open = self.open.lock();
        if open.stopping || self.durable.has_failed() {
            return Err(Refused::Stopped);
        }
        if at < open.last_at {
            return Err(Refused::Stale {
                last_at: open.last_at,
            });
        }
        if open.last_at != at {
            open.last_at = at;
            self.last_at_ms.store(at.unix_ms(), Ordering::Relaxed);
        }
        let mut appending = Appending {
            appender: self,
            open,
            at,
            pushed_bytes: 0,
        };
        appending.cut_over(bytes > 0);
        appending.make_room(bytes);
        Ok(appending)
    }

    /// Something that records rely on failed: nothing more becomes durable, and the writer ends.
    pub fn fail(&self) {
        self.durable.fail();
        drop(self.open.lock());
        self.work.notify_all();
    }

    /// Lets what was appended be written, then refuses everything.
    pub fn stop(&self) {
        let mut open = self.open.lock();
        open.stopping = true;
        open.wake_at_records = 0;
        drop(open);
        self.work.notify_all();
    }
}

impl Appending<'_> {
    /// Appends a finished record; says its sequence.
    pub fn push(&mut self, record: &[u8]) -> u64 {
        let at = self.at;
        self.pushed_bytes += record.len();
        self.open.group.push(record, at)
    }

    /// Writes the record that ends each date before that of `at`; no later record belongs to those dates. The first date of all
    /// is that of the first record.
    fn cut_over(&mut self, record_follows: bool) {
        let today = self.at.business_date();
        let Some(mut date) = self.open.date else {
            self.open.date = record_follows.then_some(today);
            return;
        };
        assert!(date <= today, "a later record's date is never an earlier one");
        while date < today {
            let record = RecordBuf::of(&CutOverRecord::new(self.at, date));
            self.make_room(record.as_bytes().len());
            let sequence = self.push(record.as_bytes());
            self.open.cut_overs.push((date, sequence));
            date = date.next();
        }
        self.open.date = Some(today);
    }

    fn make_room(&mut self, bytes: usize) {
        if self.open.group.has_room_for(bytes) {
            return;
        }
        let full = self.open.close_group(self.appender.group_bytes_max);
        self.open.closed.push_back(full);
    }
}

impl Drop for Appending<'_> {
    fn drop(&mut self) {
        let pushed = self.pushed_bytes;
        self.appender.in_flight_bytes.fetch_add(pushed, Ordering::Relaxed);
        let wake_at = self.open.wake_at_records;
        let enough = self.open.group.record_count() >= wake_at || !self.open.closed.is_empty();
        if wake_at > 0 && enough {
            self.open.wake_at_records = 0;
            self.appender.work.notify_one();
        }
    }
}

/// What records rely on and must be durable before them: a participant of every commit.
pub trait FlushedBefore: Send + 'static {
    /// The file it keeps, for messages.
    fn name(&self) -> &str;

    /// Makes everything durable that was staged before the call.
    ///
    /// # Errors
    /// Of the operating system; never tried again (I8).
    fn flush(&mut self) -> std::io::Result<()>;
}

/// Why the writer ended. No case is ever retried (I8).
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The log did not take a group.
    #[error(transparent)]
    Log(#[from] AppendError),
    /// A participant failed: records that may rely on what it holds were not written.
    #[error("{name}: cannot be made durable before the records that rely on it: {source}")]
    Participant {
        /// The file it keeps.
        name: String,
        /// What the operating system says.
        source: std::io::Error,
    },
}

/// The writing side of group commit: one thread owns it.
pub struct Committer<L: Log> {
    log: L,
    flushed_before: Vec<Box<dyn FlushedBefore>>,
    appender: Arc<Appender>,
    durable: Arc<Durable>,
    pacing: Pacing,
    observer: Arc<dyn CommitObserver>,
    /// When each group in flight was submitted, oldest first.
    submitted: VecDeque<Moment>,
}

/// Who wants to know of each flush: metrics.
pub trait CommitObserver: Send + Sync + 'static {
    /// A group of `records` in `bytes` of frame took `took` to become durable.
    fn committed(&self, records: u32, bytes: usize, took: Duration);
}

/// Nobody wants to know.
pub struct Unobserved;

impl CommitObserver for Unobserved {
    fn committed(&self, _records: u32, _bytes: usize, _took: Duration) {}
}

/// What the writer found to do.
enum Work {
    Submit(Group),
    Complete,
    Cover,
    Nothing,
    Stop,
    Fail,
}

impl<L: Log> Committer<L> {
    /// The writer for `appender`.
    pub fn new(
        log: L,
        flushed_before: Vec<Box<dyn FlushedBefore>>,
        appender: Arc<Appender>,
        durable: Arc<Durable>,
        pacing: Pacing,
        observer: Arc<dyn CommitObserver>,
    ) -> Committer<L> {
        Committer {
            log,
            flushed_before,
            appender,
            durable,
            pacing,
            observer,
            submitted: VecDeque::new(),
        }
    }

    /// Writes groups until stopped. The caller ends the process when this fails.
    ///
    /// # Errors
    /// [`CommitError`]: nothing undurable was or will be answered (I1, I8).
    pub fn run(mut self) -> Result<(), CommitError> {
        loop {
            match self.wait_for_work() {
                Work::Submit(group) => self.submit(group)?,
                Work::Complete => self.complete()?,
                Work::Cover => self.cover()?,
                Work::Nothing => {}
                Work::Stop => return Ok(()),
                Work::Fail => return Err(failed_before()),
            }
        }
    }

    /// Writes what has gathered, if anything; for whoever runs the engine on one thread.
    pub fn step(&mut self) -> Result<bool, CommitError> {
        if self.durable.has_failed() {
            return Err(failed_before());
        }
        let mut open = self.appender.open.lock();
        let Some(group) = take_group(&mut open, self.appender.group_bytes_max) else {
            return Ok(false);
        };
        drop(open);
        self.submit(group)?;
        while !self.submitted.is_empty() {
            self.complete()?;
        }
        Ok(true)
    }

    /// Vouches for the last group, as after some quiet.
    pub fn cover(&mut self) -> Result<(), CommitError> {
        if self.durable.has_failed() {
            return Err(failed_before());
        }
        if !self.log.needs_cover() {
            return Ok(());
        }
        Ok(self.log.cover().inspect_err(|_| self.durable.fail())?)
    }

    /// Hands a group to the log, once what its records rely on is durable.
    fn submit(&mut self, group: Group) -> Result<(), CommitError> {
        let submitted = Moment::now();
        // What a record relies on is staged before the record is appended. The group is closed: whatever it relies on is staged
        // or durable by now, and durable before the group is written.
        self.flush_before()
            .and_then(|()| Ok(self.log.submit(group)?))
            .inspect_err(|_| self.durable.fail())?;
        self.submitted.push_back(submitted);
        if self.submitted.len() >= self.log.in_flight_max() {
            self.complete()?;
        }
        Ok(())
    }

    /// Waits until the oldest group in flight is durable, and says so.
    fn complete(&mut self) -> Result<(), CommitError> {
        let completed = self.log.complete().inspect_err(|_| self.durable.fail())?;
        let (Some(Completed { group, bytes }), Some(submitted)) = (completed, self.submitted.pop_front())
        else {
            return Ok(());
        };
        self.durable.publish(group.next_sequence() - 1);
        let written = &self.appender.written_bytes;
        written.fetch_add(bytes as u64, Ordering::Relaxed);
        self.observer
            .committed(group.record_count(), bytes, submitted.elapsed());
        self.appender
            .in_flight_bytes
            .fetch_sub(group.payload_bytes(), Ordering::Relaxed);
        self.appender.open.lock().free.push(group);
        Ok(())
    }

    fn flush_before(&mut self) -> Result<(), CommitError> {
        for participant in &mut self.flushed_before {
            participant.flush().map_err(|source| CommitError::Participant {
                name: participant.name().to_owned(),
                source,
            })?;
        }
        Ok(())
    }

    fn wait_for_work(&self) -> Work {
        let appender = &*self.appender;
        let mut open = appender.open.lock();
        self.pace(&mut open);
        if self.durable.has_failed() {
            return Work::Fail;
        }
        if let Some(group) = take_group(&mut open, appender.group_bytes_max) {
            return Work::Submit(group);
        }
        if !self.submitted.is_empty() {
            return Work::Complete;
        }
        if open.stopping {
            return if self.log.needs_cover() {
                Work::Cover
            } else {
                Work::Stop
            };
        }
        open.wake_at_records = 1;
        if self.log.needs_cover() {
            let timed_out = appender.work.wait_for(&mut open, COVER_AFTER).timed_out();
            open.wake_at_records = 0;
            if timed_out && open.group.is_empty() {
                Work::Cover
            } else {
                Work::Nothing
            }
        } else {
            appender.work.wait(&mut open);
            open.wake_at_records = 0;
            Work::Nothing
        }
    }

    /// Under load, lets a small group grow for a moment.
    fn pace(&self, open: &mut MutexGuard<'_, Open>) {
        let Pacing {
            requests_min,
            records_wanted,
            wait_max,
        } = self.pacing;
        let small = !open.group.is_empty() && open.group.record_count() < records_wanted;
        let busy = self.appender.requests.load(Ordering::Relaxed) > requests_min;
        if small && busy && open.closed.is_empty() && !open.stopping {
            open.wake_at_records = records_wanted;
            self.appender.work.wait_for(open, wait_max);
            open.wake_at_records = 0;
        }
    }
}

/// What was written before is unknown, so nothing is written behind it (I8).
fn failed_before() -> CommitError {
    AppendError::Unknown(std::io::Error::other("the data folder failed before")).into()
}

/// The next group to write: a full one, else the open one when it holds anything.
fn take_group(open: &mut Open, bytes_max: usize) -> Option<Group> {
    if let Some(full) = open.closed.pop_front() {
        return Some(full);
    }
    if open.group.is_empty() {
        return None;
    }
    Some(open.close_group(bytes_max))
}
