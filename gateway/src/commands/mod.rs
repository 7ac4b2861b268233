//! The commands that need no server: what they print and how they end. The work is done in `satang-cold`.

pub mod verify;
pub mod backup;
