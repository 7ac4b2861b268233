//! `satang backup` and `satang restore`.

use crate::bar::byte_bar;
use crate::output::{say, show};
use clap::Args;
use satang_audit::backup::{backup, restore};
use satang_engine::clock::{Clock as _, SystemClock};
use std::path::PathBuf;

/// What is to be copied where.
#[derive(Args)]
pub struct BackupArgs {
    /// Data folder; it is only read.
    #[arg(long)]
    data_dir: PathBuf,
    /// Folder of the backup. Created when absent; of an earlier backup of the same journal, only what is new is copied.
    #[arg(long)]
    to: PathBuf,
}

/// What is to be restored where.
#[derive(Args)]
pub struct RestoreArgs {
    /// Folder of the backup.
    #[arg(long)]
    from: PathBuf,
    /// The data folder to be made: absent or empty.
    #[arg(long)]
    data_dir: PathBuf,
}

/// Takes a backup.
///
/// # Errors
/// One line that names the file; an earlier backup is still whole.
pub fn run(args: &BackupArgs) -> anyhow::Result<()> {
    let bar = byte_bar("copying");
    let taken = SystemClock::start().now()?;
    let done = backup(&args.data_dir, &args.to, taken, &mut |bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let done = done?;
    for path in &done.copied {
        show!("copied {path}");
    }
    show!("last sequence {}", done.manifest.last_sequence);
    show!("head {}", done.manifest.head()?);
    say!(
        "{} of {} files copied ({} MiB)",
        done.copied.len(),
        done.manifest.files.len(),
        done.copied_bytes >> 20
    );
    for why in &done.snapshots_left_out {
        say!("a snapshot was left out: {why}");
    }
    if done.persons_unreadable > 0 {
        say!(
            "persons.db: {} pages cannot be read: writes that were cut off, or damage; a start of what is restored tells",
            done.persons_unreadable
        );
    }
    if done.left_out > 0 {
        say!(
            "{} records at the end are not vouched for yet: the next backup has them",
            done.left_out
        );
    }
    say!(
        "{} is as secret as the data folder: with citizen.key and persons.db, citizens' ids can be guessed",
        args.to.display()
    );
    Ok(())
}

/// Restores a backup.
///
/// # Errors
/// One line that names the file; there is no new folder then.
pub fn run_restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let bar = byte_bar("restoring");
    let restored = restore(&args.from, &args.data_dir, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let restored = restored?;
    show!("last sequence {}", restored.manifest.last_sequence);
    show!("head {}", restored.manifest.head()?);
    say!(
        "{} files restored ({} MiB), as of {}",
        restored.manifest.files.len(),
        restored.bytes >> 20,
        restored.manifest.taken_at
    );
    Ok(())
}
