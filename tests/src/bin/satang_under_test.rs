//! The product's own command line, built into this package so that tests can start it as a process and kill it.

use std::process::ExitCode;

fn main() -> ExitCode {
    satang_gateway::cli::main()
}
