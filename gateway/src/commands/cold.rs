//! `satang cold follow` and `satang cold status`.

use crate::output::{say, show};
use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use satang_cold::follower::{Follower, lag};
use satang_cold::live_folder::LiveFolder;
use satang_cold::manifest::{Date, Manifest};
use satang_cold::store::FolderStore;
use satang_log::file::{FileCursor, FileLogStore, Layout};
use satang_log::log::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is done with the cold store.
#[derive(Subcommand)]
pub enum ColdCommand {
    /// Follow the journal of a data folder into the cold store, also while a server runs; until it is ended, at any moment.
    Follow(FollowArgs),
    /// Say what the cold store holds by date, and how far it is behind the journal.
    Status(StatusArgs),
}

/// Which journal, and which store.
#[derive(Args)]
struct Folders {
    /// Data folder; its journal is only read.
    #[arg(long)]
    data_dir: PathBuf,
    /// Folder of the cold store; `cold` in the data folder without.
    #[arg(long)]
    cold: Option<PathBuf>,
}

/// How it is followed.
#[derive(Args)]
pub struct FollowArgs {
    #[command(flatten)]
    folders: Folders,
    /// End when all that is durable by then is in the store.
    #[arg(long)]
    once: bool,
    /// Seconds after which rows are written though few have gathered.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    every_s: u64,
}

/// What is told.
#[derive(Args)]
pub struct StatusArgs {
    #[command(flatten)]
    folders: Folders,
    /// Print JSON: the manifest, and how far it is behind.
    #[arg(long)]
    json: bool,
}

/// How long the journal is waited for at once.
const WAIT: Duration = Duration::from_millis(500);

impl Folders {
    fn cold(&self) -> PathBuf {
        self.cold.clone().unwrap_or_else(|| self.data_dir.join("cold"))
    }

    /// The journal, and a cursor of what it proves to be durable.
    fn journal(&self) -> anyhow::Result<([u8; 16], FileCursor<LiveFolder>)> {
        let data_dir = self.data_dir.display();
        let folder = Arc::new(LiveFolder {
            path: self.data_dir.clone(),
        });
        std::fs::read_dir(&folder.path).with_context(|| data_dir.to_string())?;
        let log = FileLogStore::open(&folder, Layout::DEFAULT).with_context(|| data_dir.to_string())?;
        let header = log.first_header();
        let identity = header
            .ok_or_else(|| anyhow!("{data_dir}: there is no journal"))?
            .identity();
        Ok((identity.journal_id, log.file_cursor(Bound::Proven)?))
    }
}

/// Keeps the cold store, or tells of it.
///
/// # Errors
/// One line that names the file; the store holds what its manifest says.
pub fn run(command: &ColdCommand) -> anyhow::Result<()> {
    match command {
        ColdCommand::Follow(args) => follow(args),
        ColdCommand::Status(args) => status(args),
    }
}

fn follow(args: &FollowArgs) -> anyhow::Result<()> {
    let cold = args.folders.cold();
    let named = || cold.display().to_string();
    let (journal_id, cursor) = args.folders.journal()?;
    let store = match FolderStore::open(&cold) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            return Err(anyhow!("{}: another process writes this cold store", named()));
        }
        opened => opened.with_context(named)?,
    };
    let mut follower = Follower::open(cursor, journal_id, store).with_context(named)?;
    let begun = Instant::now();
    let from = follower.read();
    if args.once {
        follower.catch_up().with_context(named)?;
    } else {
        say!("following into {} from record {}", named(), from + 1);
        follow_on(&mut follower, Duration::from_secs(args.every_s)).with_context(named)?;
    }
    let records = follower.read() - from;
    show!("watermark {}", follower.read());
    say!("{records} records in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Follows until the journal fails, or the process is ended.
fn follow_on(
    follower: &mut Follower<FileCursor<LiveFolder>, FolderStore>,
    every: Duration,
) -> anyhow::Result<()> {
    let mut written = Instant::now();
    loop {
        let more = follower.step()?;
        if written.elapsed() >= every {
            follower.write()?;
            written = Instant::now();
        }
        if !more {
            follower.wait(WAIT);
        }
    }
}

fn status(args: &StatusArgs) -> anyhow::Result<()> {
    let manifest = read_manifest(&args.folders.cold())?;
    let (_, mut cursor) = args.folders.journal()?;
    let lag = lag(&mut cursor, manifest.watermark.sequence)?;
    if args.json {
        let told =
            serde_json::json!({ "records_behind": lag.records, "behind_ms": lag.ms, "manifest": manifest });
        show!("{}", serde_json::to_string_pretty(&told)?);
        return Ok(());
    }
    for (name, date) in &manifest.dates {
        show!("{}", line_of(name, date));
    }
    show!("watermark {}", manifest.watermark.sequence);
    show!("{} records behind the journal", lag.records);
    Ok(())
}

fn read_manifest(cold: &Path) -> anyhow::Result<Manifest> {
    let named = || cold.display().to_string();
    let store = FolderStore::to_read(cold).with_context(named)?;
    let manifest = Manifest::read(&store).with_context(named)?;
    manifest.ok_or_else(|| anyhow!("{}: there is no cold store", named()))
}

/// A date in a line: whether it is over, and the rows of its tables.
fn line_of(name: &str, date: &Date) -> String {
    let state = if date.sealed { "sealed" } else { "open  " };
    let tables = date
        .tables
        .iter()
        .map(|(table, of)| format!("{table} {}", of.rows));
    format!("{name} {state} {}", tables.collect::<Vec<String>>().join(", "))
}
