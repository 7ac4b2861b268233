//! Disk and threads around the core: journal, recovery, shards and the engine handle. Modules in reading order.

pub mod clock;
pub mod persons;
pub mod state;
pub mod locked;
pub mod day_ids;
pub mod old_ids;
pub mod crew;
pub mod replay;
pub mod snapshot;
pub mod reach;
pub mod engine;
pub mod reverse;
pub mod arrivals;
pub mod people;
pub mod register;
pub mod enroll;
pub mod moves;
pub mod replacement;
pub mod desk;
pub mod received;
pub mod lookup;
pub mod admin;
pub mod install;
pub mod keeper;
pub mod recover;
pub mod open;
