//! A bar that shows how far a long command is.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What is done sooner needs no bar.
const SHOWN_AFTER: Duration = Duration::from_secs(2);

/// A bar of bytes, on a terminal only, and only once its command has taken two seconds.
#[derive(Clone)]
pub(crate) struct ByteBar {
    bar: ProgressBar,
    shown_from: Instant,
    /// Whether it is still to be shown; never where there is no terminal.
    is_due: Arc<AtomicBool>,
}

/// A bar for what may take over two seconds.
pub(crate) fn byte_bar(what: &'static str) -> ByteBar {
    let template = "{msg} {wide_bar} {bytes}/{total_bytes} {eta}";
    let style = ProgressStyle::with_template(template).expect("the template is constant");
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
    ByteBar {
        bar: bar.with_style(style).with_message(what),
        shown_from: Instant::now() + SHOWN_AFTER,
        is_due: Arc::new(AtomicBool::new(std::io::stderr().is_terminal())),
    }
}

impl ByteBar {
    /// How many bytes there are.
    pub(crate) fn set_length(&self, bytes: u64) {
        self.bar.set_length(bytes);
    }

    /// How many are done.
    pub(crate) fn set_position(&self, bytes: u64) {
        self.show_in_time();
        self.bar.set_position(bytes);
    }

    /// So many more are done.
    pub(crate) fn inc(&self, bytes: u64) {
        self.show_in_time();
        self.bar.inc(bytes);
    }

    /// Takes it off the terminal.
    pub(crate) fn finish_and_clear(&self) {
        self.bar.finish_and_clear();
    }

    fn show_in_time(&self) {
        if self.is_due.load(Ordering::Relaxed) && Instant::now() >= self.shown_from {
            self.is_due.store(false, Ordering::Relaxed);
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}
