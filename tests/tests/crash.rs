//! A payment switch sends purchases, the machine dies, and comes back. A slice of the campaign that docs/TESTING.md records.

use satang_tests::crash::{CrashOptions, run};
use satang_tests::generate::random::seed;
use std::path::Path;

#[test]
fn every_answer_survives_kill_9_under_64_clients() {
    let seed = seed("crash", 7);
    let binary = Path::new(env!("CARGO_BIN_EXE_satang_under_test"));
    let stats = run(&CrashOptions {
        binary,
        rounds: 14,
        answers_max: 1_200,
        seed,
    });
    assert_eq!(stats.kills, 14);
    assert!(
        stats.answered > 1_000 && stats.conflicts > 0 && stats.reversals > 0 && stats.replacements > 100,
        "{stats:?}"
    );
    // Every disturbance twice, and both starts without the newest snapshot.
    assert!(
        stats.answered_again > 1_000 && stats.index_files > 0 && stats.starts_without == 4,
        "{stats:?}"
    );
    assert!(stats.reloads > 0 && stats.backups.restored == 2, "{stats:?}");
}
