//! What commands print: data to stdout, words to stderr. Neither may end or hold up a server.
//!
//! Words go through a bounded queue to a thread of their own, which alone waits for whoever reads stderr: a line is dropped and
//! counted when the queue is full or stderr takes it no more. A closed stdout is the end of a command's data and no failure.

use crossbeam::channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use std::borrow::Cow;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait for stderr; more is dropped (I12).
const LINES_WAITING_MAX: usize = 4096;
/// How long the end of the process waits for stderr to take what was said.
const END_WAIT: Duration = Duration::from_secs(1);

static WORDS: OnceLock<Sender<Word>> = OnceLock::new();
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
    ($($arg:tt)*) => { $crate::output::queue_words($crate::output::plain(&format!("{}\n", format_args!($($arg)*))).into_owned().into_bytes()) };
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
    std::panic::set_hook(Box::new(|panic| finish_words(Some(format!("{panic}\n")))));
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

/// Waits until stderr has taken what was said, and a last line, a second at most.
pub(crate) fn finish_words(last: Option<String>) {
    let last = last.map(String::into_bytes);
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
    use super::plain;

    #[test]
    fn what_commands_print_moves_no_cursor_and_turns_no_direction() {
        let odd = "ร้าน\u{1b}[2J\u{202e}ABC\u{2069}\r\n";
        assert_eq!(plain(odd), "ร้าน\u{fffd}[2J\u{fffd}ABC\u{fffd}\u{fffd}\n");
        let good = "ร้านป้าแดง 1,000.00 ฿\n";
        assert_eq!(plain(good), good);
    }
}
