//! Snapshots: the state in one file, so that a start replays only the records behind it (`docs/FORMAT.md`).
//!
//! Answers never stop for one. Each part (a shard, the directory) is copied by itself under its lock and says through which
//! sequence it has taken every record; a replay gives each part only what it lacks. A snapshot gets its name once the journal
//! is durable through the highest of those sequences and the file was read back, so it never holds what was not durable.

pub mod base;
mod format;
mod sums;
mod read;
mod write;
mod scrub;

pub use format::{SNAPSHOT_FOLDER, SnapshotFacts, snapshot_name};
pub use read::{Loaded, Refusal, SnapshotDamage, Unusable, Whole, check, load, names};
pub use scrub::scrub;
pub use write::{SnapshotError, Source, take};

/// How many snapshots are kept: should the newest be damaged, the one before it is read.
pub const GENERATIONS: usize = 2;
