//! The journal as the verification reads it: dates and administrative records are checked here, in order; the rest is handed to
//! the workers.

use super::admin;
use super::context::{At, Context, Halt, possible_date};
use super::entitlements;
use super::finding::Finding;
use super::head::Head;
use super::redecide::Redecider;
use satang_core::calendar::Instant;
use satang_core::record::{
    AuthorizationRecord, CutOverRecord, NameNumber, Record, RecordHeader, RecordKind, same_but_for_caller,
};
use satang_core::state::casework::is_casework;
use satang_core::state::directory::AuditStamp;
use satang_engine::recovery::replay::Dates;
use satang_engine::recovery::worker_pool::{ReplayError, ReplayMismatch, WorkerPool, read_frames};
use satang_log::file::{FileCursor, FileFrame, FrameKind};
use satang_log::log::LogIdentity;
use satang_log::storage::{ReadStorage, Storage};
use std::io;
use std::thread::Scope;
use zerocopy::IntoBytes as _;

/// Reads a journal and has it re-decided; lives in a scope of threads.
pub struct Reading<'s, 'r, S: ReadStorage, W: Storage> {
    context: &'r Context<S>,
    /// Where the ids of dates go that leave memory.
    work: &'r W,
    journal: &'r LogIdentity,
    pool: WorkerPool<'s, 'r, Redecider<'r, S>>,
    dates: Dates,
    last_at_ms: i64,
    last_sequence: u64,
    through: u64,
    wanted: Option<Head>,
    read: Read,
}

/// What the reading of a journal came to.
#[derive(Debug, Default)]
pub struct Read {
    /// How many records were re-decided.
    pub records: u64,
    /// How many business dates have records or were cut over.
    pub dates: u64,
    /// The hash of the last frame that has no later record than the last one wanted.
    pub head: Head,
    /// The chain was met where a head that was kept says it was.
    pub met: bool,
    /// Why no index could be written in the working folder; the reading stopped then.
    pub failed: Option<io::Error>,
}

impl<'s, 'r, S: ReadStorage, W: Storage> Reading<'s, 'r, S, W> {
    /// Starts the workers of a reading in `scope`. Records behind the sequence `through` are read, not re-decided.
    pub fn start(
        scope: &'s Scope<'s, 'r>,
        context: &'r Context<S>,
        work: &'r W,
        journal: &'r LogIdentity,
        through: u64,
        wanted: Option<Head>,
    ) -> Reading<'s, 'r, S, W> {
        Reading {
            context,
            work,
            journal,
            pool: WorkerPool::start(scope, |partition| Redecider::new(context, partition)),
            dates: Dates::default(),
            last_at_ms: i64::MIN,
            last_sequence: 0,
            through,
            wanted,
            read: Read::default(),
        }
    }

    /// What was read, once every record is re-decided and the ids of old dates have left memory; or why it cannot be gone on.
    pub fn finish(mut self) -> (Read, Result<(), ReplayMismatch>) {
        let settled = self.pool.settle().and_then(|()| self.archive_ids());
        if settled.is_ok() {
            let open = self.dates.open.is_some() && self.open_date_has_a_record();
            self.read.dates = self.dates.cut_overs.len() as u64 + u64::from(open);
        }
        (self.read, settled)
    }

    /// Whether the open date has a record.
    fn open_date_has_a_record(&self) -> bool {
        let last_over = self.dates.cut_overs.last();
        last_over.is_none_or(|(_, over)| self.last_sequence > *over)
    }

    fn archive_ids(&mut self) -> Result<(), ReplayMismatch> {
        let Some(today) = self.dates.take_ended() else {
            return Ok(());
        };
        self.pool.settle()?;
        let Context {
            state, id_archive, ..
        } = self.context;
        let left = id_archive.let_leave(state, self.work, self.journal, &self.dates.cut_overs, today);
        if let Err(error) = left {
            let sequence = self.through.min(self.read.records);
            let misfit = ReplayMismatch::new(sequence, Halt::WorkFolder);
            self.read.failed = Some(error);
            return Err(misfit);
        }
        Ok(())
    }

    /// Gives a record to the workers, or decides it here when it reads the shards of several.
    fn decide(&mut self, header: &RecordHeader, bytes: &[u8], offset: usize) -> Result<(), ReplayMismatch> {
        if !entitlements::reads_several_shards(header, bytes) {
            self.pool.push(offset, header.sequence);
            return Ok(());
        }
        self.pool.settle()?;
        let at = At {
            header: *header,
            bytes,
        };
        entitlements::take(self.context, &at).map_err(|why| ReplayMismatch::new(header.sequence, why))?;
        if RecordKind::from_number(header.kind).is_some_and(is_casework) {
            // Each worker has a directory of its own, which learns it, too.
            self.pool.push(offset, header.sequence);
        }
        Ok(())
    }

    /// Whether the record can be reckoned with; what is wrong is told.
    fn is_sound(&self, header: &RecordHeader, bytes: &[u8]) -> bool {
        if !(Instant::MIN..=Instant::MAX).contains(&header.at()) {
            self.context.report(header, Finding::TimeImpossible);
            return false;
        }
        let checked = match header.kind == RecordKind::Authorization as u8 {
            true if bytes.len() == size_of::<AuthorizationRecord>() => {
                AuthorizationRecord::view(bytes).map(drop).map_err(Finding::from)
            }
            _ => self.check_others(header, bytes),
        };
        let sound = checked.map_err(|what| self.context.report(header, what)).is_ok();
        self.check_caller(header);
        sound
    }

    fn check_caller(&self, header: &RecordHeader) {
        let caller = header.caller();
        if caller != NameNumber::UNKNOWN && self.context.state.directory.read().name(caller).is_none() {
            self.context.report(header, Finding::CallerUnnamed);
        }
    }

    /// Checks what is no plain authorization: those are few.
    fn check_others(&self, header: &RecordHeader, bytes: &[u8]) -> Result<(), Finding> {
        let possible = |date, what| match possible_date(date) {
            true => Ok(()),
            false => Err(Finding::DateImpossible(what)),
        };
        let first_date = |from: Option<_>| from.map_or(Ok(()), |from| possible(from, "first date"));
        match Record::decode(header, bytes)? {
            Record::Authorization(_) | Record::Reversal(_) | Record::Capture(_) | Record::Void(_) => Ok(()),
            Record::Enrollment(record) => first_date(record.usable_from()),
            Record::Registration(record) => first_date(record.usable_from()),
            Record::Listed(_) => Ok(()),
            Record::CutOver(record) => {
                possible(record.date(), "date")?;
                let canonical = CutOverRecord::new(header.at(), record.date());
                match same_but_for_caller(bytes, canonical.as_bytes()) {
                    true => Ok(()),
                    false => Err(Finding::NotCanonical),
                }
            }
            record => {
                let mut directory = self.context.state.directory.write();
                admin::check(&directory, &record, header, bytes)?;
                match record {
                    Record::ProgrammeTransfer(moved) => first_date(moved.usable_from),
                    Record::Replacement(replacement) => {
                        let mut rights = replacement.rights.iter();
                        rights.try_for_each(|right| first_date(right.usable_from))
                    }
                    // Decided with the citizens' and wallets' shards in view.
                    decision if is_casework(decision.kind()) => Ok(()),
                    other => Ok(directory.apply(&other, &AuditStamp::of(header))?),
                }
            }
        }
    }

    /// Takes the record's date. One that does not fit is told, and the dates that were left out are taken as over.
    fn take_date(&mut self, header: &RecordHeader, bytes: &[u8]) {
        let at_ms = header.at().unix_ms();
        if at_ms < self.last_at_ms {
            self.context.report(header, Finding::TimeGoesBack);
        }
        self.last_at_ms = self.last_at_ms.max(at_ms);
        if let Err(error) = self.dates.take(header, bytes) {
            self.context.report(header, error.into());
            let today = header.at().business_date();
            while let Some(open) = self.dates.open.filter(|open| *open < today) {
                self.dates.close(open, header.sequence);
            }
        }
    }

    /// Reads everything. `progress` is told the bytes read and the bytes there are.
    ///
    /// # Errors
    /// [`ReplayError`], when it cannot be gone on.
    pub fn run(
        &mut self,
        cursor: &mut FileCursor<S>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), ReplayError> {
        let take = |found: &FileFrame| self.take_frame(found);
        read_frames(cursor, FileCursor::next_file_frame, take, progress)
    }

    fn take_frame(&mut self, found: &FileFrame) -> Result<(), ReplayMismatch> {
        if found.kind == FrameKind::Group {
            self.pool.begin_frame(&found.frame)?;
            for (offset, header, bytes) in found.frame.records() {
                self.take(&header, bytes, offset)?;
            }
        }
        let head = Head::of(&found.frame);
        self.read.met |= self.wanted == Some(head);
        if head.sequence <= self.through {
            self.read.head = head;
        }
        Ok(())
    }

    fn take(&mut self, header: &RecordHeader, bytes: &[u8], offset: usize) -> Result<(), ReplayMismatch> {
        if header.sequence > self.through {
            return Ok(());
        }
        if header.kind != RecordKind::CutOver as u8 {
            self.archive_ids()?;
        }
        self.read.records += 1;
        if self.is_sound(header, bytes) {
            self.take_date(header, bytes);
            self.decide(header, bytes, offset)?;
        }
        self.last_sequence = header.sequence;
        Ok(())
    }
}
