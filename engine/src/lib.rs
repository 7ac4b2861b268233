//! Disk and threads around the core: journal, recovery, shards and the engine handle. Modules in reading order.

pub mod clock;
pub mod persons;
pub mod state;
pub mod locks;
pub mod ids;
pub mod arrivals;
pub mod probes;
pub mod engine;
pub mod session;
pub mod query;
pub mod snapshot;
pub mod maintenance;
pub mod scrub;
pub mod recovery;
