//! The commands that end by themselves: what they are told, what they print and how they end. Those that work on a data folder leave
//! the work to `satang-audit` and `satang-cold`.

pub mod verify;
pub mod backup;
pub mod cold;
pub mod import;
pub mod erase;
pub mod programs;
