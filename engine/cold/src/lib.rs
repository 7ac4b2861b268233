//! The cold store: the journal replayed into tables that people and tools read for years. It can be deleted and made again to the
//! same bytes. Modules in reading order.

pub mod tables;
pub mod columns;
mod names;
mod rows;
pub mod parquet_file;
pub mod store;
pub mod manifest;
mod seal;
pub mod live_folder;
pub mod follower;
