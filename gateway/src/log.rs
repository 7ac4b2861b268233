//! Log lines: for people or as JSON, in Thai time as everything else of the product.

use crate::output;
use clap::{Args, ValueEnum};
use satang_core::calendar::Instant;
use serde::Serialize;
use std::fmt;
use std::io::IsTerminal as _;
use std::time::{SystemTime, UNIX_EPOCH};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How much is logged, and how.
#[derive(Args)]
pub(crate) struct LogSettings {
    /// How lines on stderr are written: for people, or each as a JSON object.
    #[arg(long, global = true, help_heading = "Log", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// Which lines are logged: of this level, and of worse ones.
    #[arg(long, global = true, help_heading = "Log", value_name = "LEVEL", value_enum, default_value_t = LogLevel::Info)]
    pub(crate) log_level: LogLevel,
}

/// How lines on stderr are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// Which lines are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

impl LogLevel {
    fn filter(self) -> LevelFilter {
        match self {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
        }
    }
}

/// Log lines of this product from the level on; of libraries, which tell of every broken connection, errors alone.
pub(crate) fn start(settings: &LogSettings) {
    let ours = Targets::new()
        .with_target("satang", settings.log_level.filter())
        .with_default(LevelFilter::ERROR);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(output::Words)
        .with_timer(ThaiTime)
        .with_target(false);
    let lines = match settings.log_format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            // Of a request: its ids.
            .with_current_span(true)
            .with_span_list(false)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(ours))
        .init();
}

/// A line that is no log line, as a JSON object like theirs.
pub(crate) fn json_line(level: tracing::Level, message: &str) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        timestamp: String,
        level: &'static str,
        message: &'a str,
    }
    let line = Line {
        timestamp: thai_time().to_string(),
        level: level.as_str(),
        message,
    };
    serde_json::to_string(&line).expect("a line is JSON")
}

/// The machine's clock; a simulated one shows in answers, not here. A clock without sense shows a bound of the calendar.
fn thai_time() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    Instant::from_unix_ms(ms.min(Instant::MAX.unix_ms()))
}

struct ThaiTime;

impl FormatTime for ThaiTime {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        write!(line, "{}", thai_time())
    }
}
