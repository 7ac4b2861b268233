//! Disk and threads around the core: journal, recovery, shards and the engine handle. Modules in reading order.

pub mod clock;
pub mod commit;
pub mod durable;
pub mod journal;
pub mod log;
pub mod storage;
