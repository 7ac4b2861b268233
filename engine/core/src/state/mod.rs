//! What is known after a record, and how the next one changes it. Modules in reading order.

pub mod hash;
pub mod table;
mod export;
pub mod merchants;
mod rules;
mod strikes;
pub mod acquirers;
pub mod directory;
pub mod casework;
pub mod slot;
pub mod totals;
mod ledger;
pub mod account;
pub mod household;
pub mod person;
pub mod quota;
pub mod dedup;
pub mod apply;
