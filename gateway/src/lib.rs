//! The gateway: HTTP and command line around the engine. Modules in reading order.

pub mod cli;
pub mod commands;
pub mod start;
pub mod server;
pub mod wire;
pub mod app;
pub mod client;
pub mod demo;
