//! The log: records appended in groups, each durable before it is told of; read back by sequence, and followed in order.
//! Modules in reading order.

pub mod storage;
pub mod log;
pub mod file;
pub mod durable;
pub mod commit;
