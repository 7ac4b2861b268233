//! What works on the files of a data folder beside the server, and only reads them. Modules in reading order.

pub mod folder;
pub mod verify;
pub mod backup;
