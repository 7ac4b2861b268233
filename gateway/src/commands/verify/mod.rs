//! `satang verify`.

mod facts;
mod page;

use crate::bar::byte_bar;
use crate::output::{say, show};
use anyhow::{Context as _, bail};
use clap::Args;
use facts::{Facts, places_disagree};
use page::PageFile;
use satang_audit::verify::{Head, Report, VerifyError, VerifyOptions, verify};
use satang_core::money::{Baht, Grouped};
use std::path::{Path, PathBuf};

/// What is to be verified.
#[derive(Args)]
pub struct VerifyArgs {
    /// Data folder; it is only read.
    #[arg(long)]
    data_dir: PathBuf,
    /// Decide through this sequence only: to compare a copy with its source. The rest is read.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    through: Option<u64>,
    /// A head that was printed earlier, SEQUENCE:HASH: the chain must still pass through it.
    #[arg(long, value_parser = Head::parse)]
    head: Option<Head>,
    /// Folder for the ids of old days, 26 bytes each, removed at the end; the system's temporary folder without.
    #[arg(long)]
    work_dir: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Write what was found as a page for a browser, too, to this file outside the data folder.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Verifies, and prints what an auditor keeps.
///
/// # Errors
/// When something does not agree, nothing can be read, or the page cannot be written.
pub fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    let page = args
        .html
        .as_deref()
        .map(|file| PageFile::outside(&args.data_dir, file));
    let page = page.transpose()?;
    let options = VerifyOptions {
        through: args.through,
        head: args.head,
        work_dir: args.work_dir.clone(),
    };
    let bar = byte_bar("deciding again");
    let started = std::time::Instant::now();
    let report = verify(&args.data_dir, &options, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report = report.map_err(|error| named(error, &args.data_dir))?;
    let seconds = started.elapsed().as_secs_f64();
    say!(
        "{} records decided again in {seconds:.2} s ({:.0} a second)",
        report.records,
        report.records as f64 / seconds
    );
    tell(&report);
    let facts = Facts::of(&report, &args.data_dir, args.through);
    match args.json {
        true => show!(
            "{}",
            serde_json::to_string_pretty(&facts).expect("what was found is JSON")
        ),
        false => print(&facts),
    }
    if let Some(page) = page {
        page.write(&facts)?;
    }
    conclude(&report).with_context(|| args.data_dir.display().to_string())
}

/// The error with the data folder's name, where it does not name a path itself.
fn named(error: VerifyError, data_dir: &Path) -> anyhow::Error {
    match error {
        VerifyError::Io { .. } => error.into(),
        VerifyError::NoJournal | VerifyError::Log(_) | VerifyError::ThroughBeyondEnd { .. } => {
            anyhow::Error::new(error).context(data_dir.display().to_string())
        }
    }
}

/// Prints the facts as text; what came of them is the last line.
fn print(facts: &Facts) {
    for program in &facts.programs {
        show!(
            "programme {}: {} approved, {} declined, {} baht authorised, {} baht given back, {} baht net",
            program.program,
            Grouped(program.approved.into()),
            Grouped(program.declined.into()),
            Baht(program.authorised_satang),
            Baht(program.given_back_satang),
            Baht(program.net_satang)
        );
    }
    show!("records {}", facts.records);
    show!("dates {}", facts.dates);
    show!("digest {}", facts.digest);
    show!("last sequence {}", facts.last_sequence);
    show!("head {}", facts.head);
    show!("{}", facts.text);
}

/// Says in words what was found.
fn tell(report: &Report) {
    let (indexes, snapshots) = report.files;
    if report.damage.is_none() {
        say!("{indexes} indexes of old days and {snapshots} snapshots were held against the journal");
    }
    if report.torn_bytes > 0 {
        say!(
            "the journal ends in {} bytes of a write that has not finished; nobody was answered by it",
            report.torn_bytes
        );
    }
    for mismatch in &report.mismatches {
        say!("{mismatch}");
    }
    let untold = report.mismatches_count - report.mismatches.len() as u64;
    if untold > 0 {
        say!("and {untold} more");
    }
}

/// Fails unless all agrees.
fn conclude(report: &Report) -> anyhow::Result<()> {
    if let Some(damage) = &report.damage {
        bail!("{damage}");
    }
    match report.mismatches_count {
        0 => Ok(()),
        count => bail!("{}", places_disagree(count)),
    }
}
