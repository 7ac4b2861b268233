//! The product's own command line, built into this package so that tests can start it as a process and kill it.

use clap::Parser as _;
use satang_gateway::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("satang: {error:#}");
            ExitCode::FAILURE
        }
    }
}
