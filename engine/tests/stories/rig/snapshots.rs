//! Disks with snapshots, and what every start on one must give.

use super::random::Random;
use super::workload::{Workload, id_of_any_kind};
use super::{Rig, without};
use satang_engine::snapshot::SNAPSHOT_FOLDER;
use satang_log::storage::MemoryStorage;

pub const DAY_MS: i64 = 86_400_000;

/// Starts on copies of the disk: with its snapshots, without them, and without index files either; asserts that the state is
/// the one of `rig`, which has nothing in flight.
#[track_caller]
pub fn assert_every_start_gives(rig: &Rig) {
    let disk = rig.storage.copy();
    let (digest, records) = (rig.digest(), rig.engine.durable().sequence());
    let from_snapshot = Rig::start(disk.copy());
    assert!(from_snapshot.recovered.snapshot.is_some(), "a snapshot was read");
    assert_eq!(from_snapshot.recovered.snapshots_refused, 0);
    assert_eq!(from_snapshot.digest(), digest, "from the snapshot");
    let no_snapshots = without(&disk, SNAPSHOT_FOLDER);
    let bare = without(&no_snapshots, "ids");
    for disk in [no_snapshots, bare] {
        let from_journal = Rig::start(disk);
        assert_eq!(from_journal.recovered.snapshot, None);
        assert_eq!(from_journal.recovered.records, records);
        assert_eq!(from_journal.digest(), digest, "from the journal");
        let today = rig.engine.now().unwrap().business_date();
        let totals = |rig: &Rig| rig.engine.state().totals(today);
        let mut sums = [totals(&from_journal), totals(&from_snapshot), totals(rig)];
        sums.iter_mut()
            .for_each(|totals| totals.sort_by_key(|of| of.program.0));
        assert!(sums[0] == sums[1] && sums[1] == sums[2]);
    }
}

/// A disk with two snapshots and records behind each.
pub fn with_two_snapshots() -> Rig {
    let mut rig = Rig::prepared();
    let mut work = Workload::new(Random::new(11));
    work.id = id_of_any_kind;
    for _ in 0..2 {
        work.go_on(&mut rig, 80);
        rig.pass(2 * DAY_MS);
        work.go_on(&mut rig, 10);
        rig.snapshot();
    }
    work.go_on(&mut rig, 30);
    rig.flush();
    rig
}

/// The files of a folder.
pub fn files_in(disk: &MemoryStorage, folder: &str) -> Vec<String> {
    let within = |name: &String| name.starts_with(&format!("{folder}/"));
    disk.names().into_iter().filter(within).collect()
}

/// A start of some kind on what is left of a rig.
pub fn restarted(rig: &mut Rig, kind: u64) -> Rig {
    rig.flush();
    match kind % 5 {
        0 => _ = rig.snapshot(),
        1 => _ = rig.maintenance.tidy_ids().unwrap(),
        _ => {}
    }
    let disk = match kind % 5 {
        // Index files that were deleted by hand: the snapshots that count on them are refused, and all is read again.
        2 => without(&rig.storage, "ids"),
        3 => without(&rig.storage, "snapshots"),
        _ => rig.storage.copy(),
    };
    let digest = rig.digest();
    let started = Rig::start(disk);
    assert_eq!(started.digest(), digest);
    started
}
