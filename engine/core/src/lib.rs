//! The deterministic heart of Satang: it turns a request, the state and one instant into an outcome.
//!
//! No I/O, no clock, no threads, no randomness and no dependence on hash order (I7). Modules in reading order.

pub mod account;
pub mod authorize;
pub mod calendar;
pub mod dedup;
pub mod directory;
pub mod ids;
pub mod money;
pub mod outcome;
pub mod policy;
pub mod record;
pub mod request;
pub mod reverse;
pub mod table;
