//! Disk and threads around the core: journal, recovery, shards and the engine handle. Modules in reading order.

pub mod clock;
pub mod storage;
pub mod log;
pub mod journal;
pub mod durable;
pub mod commit;
pub mod persons;
pub mod state;
mod locked;
pub mod day_ids;
pub mod old_ids;
pub mod crew;
pub mod replay;
pub mod snapshot;
pub mod engine;
pub mod lookup;
pub mod admin;
pub mod install;
pub mod keeper;
pub mod recover;
pub mod open;
