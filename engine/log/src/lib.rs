//! The log: records are appended in groups, each durable before it is told of; read back by sequence; and followed in order.
//!
//! Three users, three traits: whoever appends has a [`log::Log`] (through [`commit::Appender`], which groups), whoever reads single
//! records back has a [`log::ReadLog`], whoever reads in order has a [`log::Cursor`]. [`log::LogStore`] opens all three. Two
//! implementations pass one suite (`tests/conformance.rs`): [`file`] and [`memory`]. Modules in reading order.

pub mod log;
pub mod group;
pub mod durable;
pub mod commit;
pub mod scrub;
pub mod storage;
pub mod file;
pub mod memory;
