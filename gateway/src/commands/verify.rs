//! `satang verify`.

use crate::bar::byte_bar;
use crate::output::{say, show};
use anyhow::{Context as _, bail};
use clap::Args;
use satang_audit::verify::{Head, Report, VerifyOptions, verify};
use std::path::PathBuf;

/// What is to be verified.
#[derive(Args)]
pub struct VerifyArgs {
    /// Data folder; it is only read.
    #[arg(long)]
    data_dir: PathBuf,
    /// Decide through this sequence only: to compare a copy with its source. The rest is read.
    #[arg(long)]
    through: Option<u64>,
    /// A head that was printed earlier, SEQUENCE:HASH: the chain must still pass through it.
    #[arg(long, value_parser = Head::parse)]
    head: Option<Head>,
    /// Folder for the ids of old days, 26 bytes each, removed at the end; the system's temporary folder without.
    #[arg(long)]
    work_dir: Option<PathBuf>,
}

/// Verifies, and prints what an auditor keeps.
///
/// # Errors
/// When something does not agree, or nothing can be read.
pub fn run(args: &VerifyArgs) -> anyhow::Result<()> {
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
    let report = report.with_context(|| args.data_dir.display().to_string())?;
    print(&report);
    let seconds = started.elapsed().as_secs_f64();
    say!(
        "{} records decided again in {seconds:.2} s ({:.0} a second)",
        report.records,
        report.records as f64 / seconds
    );
    conclude(&report).with_context(|| args.data_dir.display().to_string())
}

fn print(report: &Report) {
    for program in &report.programs {
        let (all, back) = (program.authorised, program.given_back);
        show!(
            "programme {}: {} approved, {} declined, {all} satang authorised, {back} given back, {} net",
            program.program,
            program.approved,
            program.declined,
            all.saturating_sub(back)
        );
    }
    show!("records {}", report.records);
    show!("dates {}", report.dates);
    show!("digest {:016x}", report.digest);
    show!("last sequence {}", report.head.sequence.max(report.records));
    show!("head {}", report.head);
}

/// Says in words what was found.
fn conclude(report: &Report) -> anyhow::Result<()> {
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
    if let Some(damage) = &report.damage {
        bail!("{damage}");
    }
    match report.mismatches_count {
        0 => Ok(()),
        count => bail!("{count} mismatches"),
    }
}
