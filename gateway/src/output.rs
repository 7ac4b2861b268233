//! What commands print: data to stdout, words to stderr. Neither may end or hold up a server.
//!
//! Words go through a bounded queue to a thread of their own, which alone waits for whoever reads stderr: a line is dropped and
//! counted when the queue is full or stderr takes it no more. A closed stdout is the end of a command's data and no failure.

use crate::machine_time::machine_time;
use crossbeam::channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait for stderr; more is dropped (I12).
const LINES_WAITING_MAX: usize = 4096;
/// How long the end of the process waits for stderr to take what was said.
const END_WAIT: Duration = Duration::from_secs(1);

static WORDS: OnceLock<Sender<Word>> = OnceLock::new();
/// Whether words are JSON objects, as log lines are then.
static AS_JSON: AtomicBool = AtomicBool::new(false);
static DROPPED: AtomicU64 = AtomicU64::new(0);
/// The first failure of stdout.
static STDOUT_FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

enum Word {
    Line(Vec<u8>),
    /// To be answered once everything before it was taken or lost.
    Done(Sender<()>),
}

/// Prints a line of data on stdout.
macro_rules! show {
    ($($arg:tt)*) => { $crate::output::write_data(&format!("{}\n", format_args!($($arg)*))) };
}

/// Prints a line of words on stderr.
macro_rules! say {
    ($($arg:tt)*) => { $crate::output::queue_words($crate::output::line_of_words(tracing::Level::INFO, &format!($($arg)*))) };
}

pub(crate) use {say, show};

/// Starts the thread that writes words. Until then they are written where they are said.
pub(crate) fn start() {
    let (words, said) = bounded(LINES_WAITING_MAX);
    let started = std::thread::Builder::new()
        .name("words".into())
        .spawn(move || write_words(&said));
    if started.is_ok() {
        // A second start would leave the first thread to the lines it has.
        let _ = WORDS.set(words);
    }
    // The library's own hook writes where it panics, and would wait for whoever reads stderr instead of ending the process.
    std::panic::set_hook(Box::new(|panic| finish_words(Some(panic.to_string()))));
}

/// From here on every line of words is a JSON object.
pub(crate) fn speak_json() {
    AS_JSON.store(true, Ordering::Relaxed);
}

/// A line of words as stderr takes it.
pub(crate) fn line_of_words(level: Level, words: &str) -> Vec<u8> {
    let line = match AS_JSON.load(Ordering::Relaxed) {
        true => json_line(level, &plain(words)) + "\n",
        false => format!("{}\n", plain(words)),
    };
    line.into_bytes()
}

fn write_words(said: &Receiver<Word>) {
    while let Ok(word) = said.recv() {
        match word {
            Word::Line(line) => write_or_drop(&line),
            // Whoever asked may have gone.
            Word::Done(done) => drop(done.send(())),
        }
    }
}

fn write_or_drop(line: &[u8]) {
    if io::stderr().write_all(line).is_err() {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Queues words for stderr. Never waits, never fails.
pub(crate) fn queue_words(line: Vec<u8>) {
    match WORDS.get() {
        Some(words) => {
            if words.try_send(Word::Line(line)).is_err() {
                DROPPED.fetch_add(1, Ordering::Relaxed);
            }
        }
        None => write_or_drop(&line),
    }
}

/// How many lines of words were dropped.
pub(crate) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Prints data on stdout; after a failure nothing more.
pub(crate) fn write_data(data: &str) {
    let mut failed = STDOUT_FAILED.lock();
    if failed.is_none() {
        *failed = io::stdout().write_all(plain(data).as_bytes()).err();
    }
}

/// A text without what moves a terminal's cursor or turns the direction of what follows: somebody sent the names and reasons that
/// commands print.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let is_odd = |char: char| {
        let is_control = char.is_control() && !matches!(char, '\n' | '\t');
        let turns = matches!(
            char,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        );
        is_control || turns
    };
    match text.contains(is_odd) {
        true => Cow::Owned(text.replace(is_odd, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// A line that is no log line, as a JSON object like theirs.
fn json_line(level: Level, message: &str) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        timestamp: String,
        level: &'static str,
        message: &'a str,
    }
    let line = Line {
        timestamp: machine_time().to_string(),
        level: level.as_str(),
        message,
    };
    serde_json::to_string(&line).expect("a line is JSON")
}

/// An error with its causes on one line. A cause that the words in front of it end with is not said again: many errors say theirs
/// themselves, for the log.
pub(crate) fn causes(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.is_empty() {
            said = cause;
        } else if !said.ends_with(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

/// Rows with their columns aligned, without blanks at the ends of lines.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let width = |column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let padded = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Everything that was shown and said is out, or nobody takes it: words are waited for a second at most.
///
/// # Errors
/// When stdout failed, other than by being closed.
pub(crate) fn finish() -> io::Result<()> {
    let mut failed = STDOUT_FAILED.lock();
    if failed.is_none() {
        *failed = io::stdout().flush().err();
    }
    match failed.take() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Waits until stderr has taken what was said, and a last line, which says what failed, a second at most.
pub(crate) fn finish_words(last: Option<String>) {
    let last = last.map(|last| line_of_words(Level::ERROR, &last));
    let Some(words) = WORDS.get() else {
        return last.iter().for_each(|line| write_or_drop(line));
    };
    let until = Instant::now() + END_WAIT;
    // Unlike other lines it waits for room.
    if let Some(line) = last
        && words.send_deadline(Word::Line(line), until).is_err()
    {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
    let (done, all_out) = bounded(1);
    if words.send_deadline(Word::Done(done), until).is_ok() {
        // Nobody reads stderr when it does not come.
        let _ = all_out.recv_deadline(until);
    }
}

/// Where log lines are written.
#[derive(Clone, Copy)]
pub(crate) struct Words;

impl Write for Words {
    /// A whole line: the subscriber formats it first.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        queue_words(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Words {
    type Writer = Words;

    fn make_writer(&self) -> Words {
        Words
    }
}

#[cfg(test)]
mod tests {
    use super::{causes, plain, table};
    use anyhow::Context as _;

    #[test]
    fn what_commands_print_moves_no_cursor_and_turns_no_direction() {
        let odd = "ร้าน\u{1b}[2J\u{202e}ABC\u{2069}\r\n";
        assert_eq!(plain(odd), "ร้าน\u{fffd}[2J\u{fffd}ABC\u{fffd}\u{fffd}\n");
        let good = "ร้านป้าแดง 1,000.00 ฿\n";
        assert_eq!(plain(good), good);
    }

    #[test]
    fn a_cause_that_was_said_is_not_said_again() {
        #[derive(Debug, thiserror::Error)]
        #[error("citizen.key: {source}")]
        struct Unread {
            source: std::io::Error,
        }
        let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let error: anyhow::Error = Unread { source: missing() }.into();
        assert_eq!(
            format!("{error:#}"),
            "citizen.key: entity not found: entity not found"
        );
        assert_eq!(causes(&error), "citizen.key: entity not found");
        assert_eq!(
            causes(&error.context("backup")),
            "backup: citizen.key: entity not found"
        );
        let error = Err::<(), _>(missing()).context("a").context("b").unwrap_err();
        assert_eq!(causes(&error), "b: a: entity not found");
    }

    #[test]
    fn columns_of_a_table_begin_below_each_other() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [
            row(["name", "role", ""]),
            row(["ร้าน", "viewer", "x"]),
            row(["a-long-one", "-", ""]),
        ];
        assert_eq!(
            table(&rows),
            "name        role\nร้าน        viewer  x\na-long-one  -"
        );
    }
}
