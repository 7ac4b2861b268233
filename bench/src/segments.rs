//! P8: what a start looks at in every segment, however many there are: its header, and the seal in front of it.

use anyhow::{Result, ensure};
use satang_core::calendar::Instant;
use satang_core::ids::WalletId;
use satang_core::record::{NameNumber, Record, Status, WalletStatus};
use satang_log::file::{FileLogStore, Layout};
use satang_log::group::Group;
use satang_log::log::{Log, LogIdentity, LogStore as _};
use satang_log::storage::{FileStorage, MemoryStorage, ReadFile as _, ReadStorage as _};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The smallest segments there are: a group, the index and the seal, a page each.
const LAYOUT: Layout = Layout {
    segment_bytes: 5 << 12,
    group_bytes_max: 1 << 12,
};

/// Writes a journal of `segments` small segments into `folder` and looks at all of them `rounds` times, nothing of it in the page
/// cache before: the seconds of each.
///
/// # Errors
/// When the log fails, or is found to be damaged.
pub fn measure(folder: &Path, segments: u64, rounds: usize) -> Result<Vec<f64>> {
    write(folder, segments)?;
    let storage = Arc::new(FileStorage::open_folder(folder)?);
    let names = storage.list("journal")?;
    let round = |_| {
        for name in &names {
            storage.open(&format!("journal/{name}"))?.forget_cached();
        }
        let started = std::time::Instant::now();
        let store = FileLogStore::open(&storage, LAYOUT)?;
        store.check_chain()?;
        let seconds = started.elapsed().as_secs_f64();
        ensure!(store.about_records_from(1) >= segments, "all of them were begun");
        Ok(seconds)
    };
    (0..rounds).map(round).collect()
}

/// Each segment has one record. They are made in memory, so that nothing is waited for.
fn write(folder: &Path, segments: u64) -> Result<()> {
    let at = Instant::from_unix_ms(1_781_499_600_000);
    let memory = Arc::new(MemoryStorage::default());
    let mut log = FileLogStore::open(&memory, LAYOUT)?.create(LogIdentity {
        journal_id: [3; 16],
        hash_seed: [4; 16],
        citizen_key_check: [5; 32],
        created: at,
    })?;
    let record = Record::WalletStatus(WalletStatus {
        wallet: WalletId::from_number(1),
        status: Status::Active,
        reason: "r".repeat(2_000),
    });
    let record = record.encode(at, NameNumber::UNKNOWN);
    for sequence in 1..=segments {
        let mut group = Group::allocate(log.group_bytes_max());
        group.open(sequence);
        group.push(&record, at);
        log.submit(group)?;
        log.complete()?;
    }
    fs::create_dir_all(folder.join("journal"))?;
    for name in memory.names() {
        let file = fs::File::create(folder.join(&name))?;
        std::io::Write::write_all(&mut &file, &memory.bytes(&name))?;
        file.sync_data()?;
        memory.lose_file(&name);
    }
    Ok(())
}
