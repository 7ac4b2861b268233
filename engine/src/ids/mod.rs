//! Ids that have left memory: an index file per day, and the archive of all of them.

pub mod index;
pub mod archive;
