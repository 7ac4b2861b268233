//! From the files of a folder to a running engine. Modules in reading order.

pub mod worker_pool;
pub mod replay;
pub mod recover;
pub mod clock_check;
pub mod open;
