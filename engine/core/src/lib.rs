//! The deterministic heart of Satang: it turns a request, the state and one instant into an outcome.
//!
//! No I/O, no clock, no threads, no randomness and no dependence on hash order (I7). Modules in reading order.

pub mod money;
pub mod ids;
pub mod calendar;
pub mod birth;
pub mod policy;
pub mod request;
pub mod content;
pub mod outcome;
pub mod record;
pub mod table;
mod export;
pub mod merchants;
mod rules;
mod strikes;
pub mod directory;
pub mod desk;
pub mod slot;
pub mod totals;
mod ledger;
pub mod account;
pub mod household;
pub mod citizen;
pub mod quota;
pub mod dedup;
pub mod apply;
pub mod authorize;
pub mod reverse;
pub mod register;
