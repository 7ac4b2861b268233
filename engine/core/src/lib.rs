//! The deterministic heart of Satang: it turns a request, the state and one instant into an outcome.
//!
//! No I/O, no clock, no threads, no randomness and no dependence on hash order (I7). Modules in reading order.

mod words;
pub mod money;
pub mod ids;
pub mod calendar;
pub mod birth;
pub mod programme;
pub mod request;
pub mod outcome;
pub mod record;
pub mod state;
pub mod decide;
