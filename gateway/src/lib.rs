//! The gateway: HTTP and command line around the engine. Modules in reading order.

pub mod cli;
mod settings;
mod small_file;
mod machine_time;
pub mod version;
pub mod commands;
pub mod start;
mod data_folder;
mod scrubber;
pub mod time_daemon;
mod signals;
mod bar;
mod output;
mod log;
pub mod audit;
pub mod keys;
pub mod tls;
pub mod reload;
pub mod server;
pub mod wire;
pub mod app;
pub mod engine;
pub mod programs;
pub mod client;
pub mod explain;
pub mod demo;
