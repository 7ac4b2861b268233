//! `audit.log` in the data folder: who looked up what a person has or did, and who was refused. A line of JSON each.
//!
//! No request waits for it: lines go through a bounded queue to a thread of their own, and one is dropped and counted when the queue is
//! full or the disk does not take it. Who shows no key that is known writes so many lines a minute and no more, so that nobody can
//! have the lines of others thrown away.

use anyhow::Context as _;
use crossbeam::channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use prometheus::IntCounter;
use rustix::fs::OFlags;
use serde::Serialize;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The file that lines are appended to; older ones have a number behind their name.
const FILE: &str = "audit.log";
/// Lines that wait for the disk; more is dropped (I12).
const LINES_WAITING_MAX: usize = 4096;
/// How large a file becomes before another is begun.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// How many older files are kept: 15 files are 240 MiB, about a million lines (I12).
const OLDER_FILES: u32 = 15;
/// Lines a minute about callers without a key that is known.
const STRANGERS_PER_MINUTE: u32 = 600;
/// What others may not do with the log, and its group neither: change it.
const MODE_EXCESS: u32 = 0o027;
/// How long the end of the process waits for the disk to take what was noted.
const END_WAIT: Duration = Duration::from_secs(1);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditEvent {
    /// Somebody asked about a person or what is a person's.
    Lookup,
    /// Somebody was refused.
    Refused,
}

/// One line.
#[derive(Debug, Serialize)]
pub struct AuditLine<'a> {
    /// When, by the engine's clock.
    pub at: String,
    pub event: AuditEvent,
    /// The key's name; null without keys, and for a key that is not known.
    pub key: Option<&'a str>,
    /// Method and path, with the name of the id in place of the id.
    pub route: String,
    /// A keyed hash of the id in the path, 16 hex digits: the same for the same id, and nobody without the folder's key can test a
    /// guess. Null without an id.
    pub subject: Option<String>,
    pub address: IpAddr,
    pub status: u16,
    /// Why it was refused.
    pub reason: Option<&'a str>,
    /// The `X-Request-Id` it came with.
    pub request_id: Option<&'a str>,
    /// The trace-id of the `traceparent` it came with.
    pub trace_id: Option<&'a str>,
}

/// What `/metrics` shows of it.
#[derive(Clone)]
pub struct AuditCounters {
    /// Lines that were written.
    pub written: IntCounter,
    /// Lines that were not.
    pub dropped: IntCounter,
}

/// The log. Dropped, its thread ends.
pub struct AuditLog {
    to_write: Sender<Note>,
    counters: AuditCounters,
    begun: Instant,
    /// A minute since then, and the lines about strangers in it.
    strangers: Mutex<(u64, u32)>,
}

enum Note {
    Line(Vec<u8>),
    /// To be answered once everything before it was written or lost.
    Done(Sender<()>),
}

impl AuditLog {
    /// Starts the thread that writes to the log of a folder. The file is made with the first line.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(folder: &Path, counters: AuditCounters) -> anyhow::Result<Arc<AuditLog>> {
        let files = Files::new(folder, FILE_BYTES_MAX);
        AuditLog::start_with(files, LINES_WAITING_MAX, counters)
    }

    fn start_with(
        mut files: Files,
        waiting_max: usize,
        counters: AuditCounters,
    ) -> anyhow::Result<Arc<AuditLog>> {
        let (to_write, noted) = bounded(waiting_max);
        let counted = counters.clone();
        std::thread::Builder::new()
            .name("audit".into())
            .spawn(move || write_all(&mut files, &noted, &counted))
            .context("the thread of audit.log")?;
        Ok(Arc::new(AuditLog {
            to_write,
            counters,
            begun: Instant::now(),
            strangers: Mutex::new((0, 0)),
        }))
    }

    /// Notes a line. Never waits, never fails.
    pub fn note(&self, line: &AuditLine<'_>) {
        let is_stranger = line.event == AuditEvent::Refused && line.key.is_none();
        if is_stranger && !self.takes_stranger(self.begun.elapsed()) {
            return self.counters.dropped.inc();
        }
        let mut text = serde_json::to_vec(line).expect("a line is JSON");
        text.push(b'\n');
        if self.to_write.try_send(Note::Line(text)).is_err() {
            self.counters.dropped.inc();
        }
    }

    fn takes_stranger(&self, since: Duration) -> bool {
        let minute = since.as_secs() / 60;
        let mut strangers = self.strangers.lock();
        if strangers.0 != minute {
            *strangers = (minute, 0);
        }
        strangers.1 = strangers.1.saturating_add(1);
        strangers.1 <= STRANGERS_PER_MINUTE
    }

    /// Waits until what was noted is written, a second at most.
    pub fn finish(&self) {
        let until = Instant::now() + END_WAIT;
        let (done, all_written) = bounded(1);
        if self.to_write.send_deadline(Note::Done(done), until).is_ok() {
            // The disk does not take it when nothing comes.
            let _ = all_written.recv_deadline(until);
        }
    }
}

fn write_all(files: &mut Files, noted: &Receiver<Note>, counters: &AuditCounters) {
    let mut fails = false;
    while let Ok(note) = noted.recv() {
        match note {
            Note::Line(line) => match files.append(&line) {
                Ok(()) => {
                    fails = false;
                    counters.written.inc();
                }
                Err(error) => {
                    counters.dropped.inc();
                    if !std::mem::replace(&mut fails, true) {
                        tracing::error!("{}: lines are lost: {error}", files.path().display());
                    }
                }
            },
            // Whoever asked may have gone.
            Note::Done(done) => drop(done.send(())),
        }
    }
}

/// The files that the log of a folder may have, newest first.
pub(crate) fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let files = Files::new(folder, FILE_BYTES_MAX);
    let older = (1..=OLDER_FILES)
        .map(|number| files.older(number))
        .collect::<Vec<_>>();
    std::iter::once(files.path()).chain(older)
}

/// The files of the log.
struct Files {
    folder: PathBuf,
    bytes_max: u64,
    /// The newest and its length.
    open: Option<(File, u64)>,
}

impl Files {
    fn new(folder: &Path, bytes_max: u64) -> Files {
        Files {
            folder: folder.to_owned(),
            bytes_max,
            open: None,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    fn older(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{FILE}.{number}"))
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        // Taken out: after a failure the file is opened again, and a line that was cut off gets its end.
        let open = self.open.take().filter(|(file, _)| self.is_in_place(file));
        let (mut file, mut bytes) = match open {
            Some(open) => open,
            None => self.open()?,
        };
        if bytes > 0 && bytes + line.len() as u64 > self.bytes_max {
            self.rotate()?;
            (file, bytes) = self.open()?;
        }
        file.write_all(line)?;
        self.open = Some((file, bytes + line.len() as u64));
        Ok(())
    }

    /// Whether the file of the log's name is still the one that is open: whoever collects the log moves it away.
    fn is_in_place(&self, file: &File) -> bool {
        let named = fs::symlink_metadata(self.path());
        let open = file.metadata();
        let is_same =
            |named: &Metadata, open: &Metadata| (named.dev(), named.ino()) == (open.dev(), open.ino());
        matches!((named, open), (Ok(named), Ok(open)) if is_same(&named, &open))
    }

    fn open(&self) -> io::Result<(File, u64)> {
        let path = self.path();
        let mut file = File::options()
            .append(true)
            .create(true)
            .mode(0o600)
            // A FIFO of the name, or a link, is an error and nothing to wait for.
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32)
            .open(&path)?;
        let found = file.metadata()?;
        // Whoever made it while the server ran: a start refuses such a file.
        if found.mode() & MODE_EXCESS != 0 {
            file.set_permissions(Permissions::from_mode(found.mode() & 0o777 & !MODE_EXCESS))?;
        }
        let mut bytes = found.len();
        if bytes > 0 && !ends_in_newline(&path, bytes)? {
            file.write_all(b"\n")?;
            bytes += 1;
        }
        Ok((file, bytes))
    }

    /// Each file gets the next number; the oldest goes.
    fn rotate(&self) -> io::Result<()> {
        for number in (1..OLDER_FILES).rev() {
            rename_if_there(&self.older(number), &self.older(number + 1))?;
        }
        rename_if_there(&self.path(), &self.older(1))
    }
}

fn ends_in_newline(path: &Path, bytes: u64) -> io::Result<bool> {
    use std::os::unix::fs::FileExt as _;
    let mut last = [0];
    File::open(path)?.read_exact_at(&mut last, bytes - 1)?;
    Ok(last == *b"\n")
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters() -> AuditCounters {
        let counter = |name| IntCounter::new(name, name).unwrap();
        AuditCounters {
            written: counter("written"),
            dropped: counter("dropped"),
        }
    }

    fn line(key: Option<&str>) -> AuditLine<'_> {
        AuditLine {
            at: "2026-06-15T12:00:00.000+07:00".into(),
            event: AuditEvent::Refused,
            key,
            route: "GET /v1/wallets/{wallet_id}".into(),
            subject: Some("00000000000000ff".into()),
            address: "192.0.2.7".parse().unwrap(),
            status: 403,
            reason: Some("role"),
            request_id: Some("a\"1"),
            trace_id: None,
        }
    }

    #[test]
    fn a_line_says_who_asked_for_what_and_is_for_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::start(folder.path(), counters()).unwrap();
        log.note(&line(Some("switch-1")));
        log.finish();
        let file = folder.path().join(FILE);
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            "{\"at\":\"2026-06-15T12:00:00.000+07:00\",\"event\":\"refused\",\"key\":\"switch-1\",\
             \"route\":\"GET /v1/wallets/{wallet_id}\",\"subject\":\"00000000000000ff\",\"address\":\"192.0.2.7\",\
             \"status\":403,\"reason\":\"role\",\"request_id\":\"a\\\"1\",\"trace_id\":null}\n"
        );
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_others_may_use_is_theirs_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::new(folder.path(), 1_000);
        for (mode, wanted) in [(0o666, 0o640), (0o604, 0o600), (0o640, 0o640), (0o600, 0o600)] {
            fs::write(files.path(), "1\n").unwrap();
            fs::set_permissions(files.path(), Permissions::from_mode(mode)).unwrap();
            files.append(b"2\n").unwrap();
            let kept = fs::metadata(files.path()).unwrap().permissions().mode() & 0o777;
            assert_eq!(kept, wanted, "{mode:o}");
            fs::remove_file(files.path()).unwrap();
        }
    }

    #[test]
    fn files_are_cut_at_whole_lines_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::new(folder.path(), 10);
        for number in 0..100 {
            files.append(format!("{number:04}\n").as_bytes()).unwrap();
        }
        let read = |path: PathBuf| fs::read_to_string(path).unwrap();
        assert_eq!(read(files.path()), "0098\n0099\n");
        assert_eq!(read(files.older(1)), "0096\n0097\n");
        assert_eq!(read(files.older(OLDER_FILES)), "0068\n0069\n");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            OLDER_FILES as usize + 1
        );
        // A start goes on with what is there; a line that was cut off gets its end.
        fs::write(files.path(), "00").unwrap();
        let mut again = Files::new(folder.path(), 10);
        again.append(b"0100\n").unwrap();
        assert_eq!(read(again.path()), "00\n0100\n");
    }

    #[test]
    fn a_file_that_was_moved_away_is_followed_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::new(folder.path(), 1_000);
        let read = |path: PathBuf| fs::read_to_string(path).unwrap();
        files.append(b"1\n").unwrap();
        fs::rename(files.path(), folder.path().join("collected")).unwrap();
        files.append(b"2\n").unwrap();
        assert_eq!(read(folder.path().join("collected")), "1\n");
        assert_eq!(read(files.path()), "2\n");
        fs::remove_file(files.path()).unwrap();
        files.append(b"3\n").unwrap();
        assert_eq!(read(files.path()), "3\n");
        // What is no file is an error, and not waited for.
        fs::remove_file(files.path()).unwrap();
        std::os::unix::fs::symlink("collected", files.path()).unwrap();
        assert!(files.append(b"4\n").is_err());
        assert_eq!(read(folder.path().join("collected")), "1\n");
    }

    #[test]
    fn what_the_disk_or_the_queue_does_not_take_is_counted_and_waited_for_by_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let counters = counters();
        let missing = Files::new(&folder.path().join("gone"), 10);
        let log = AuditLog::start_with(missing, 1, counters.clone()).unwrap();
        (0..100).for_each(|_| log.note(&line(Some("a"))));
        log.finish();
        assert_eq!((counters.written.get(), counters.dropped.get()), (0, 100));
        // Its thread is gone: nothing takes the lines.
        let (to_write, noted) = bounded(2);
        drop(noted);
        let log = AuditLog {
            to_write,
            counters: counters.clone(),
            begun: Instant::now(),
            strangers: Mutex::new((0, 0)),
        };
        log.note(&line(Some("a")));
        log.finish();
        assert_eq!(counters.dropped.get(), 101);
    }

    #[test]
    fn strangers_push_out_nobody_elses_lines() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::start(folder.path(), counters()).unwrap();
        let takes = |seconds| log.takes_stranger(Duration::from_secs(seconds));
        let taken = (0..2 * STRANGERS_PER_MINUTE).filter(|_| takes(59)).count();
        assert_eq!(taken, STRANGERS_PER_MINUTE as usize);
        assert!(takes(60), "another minute");
    }
}
