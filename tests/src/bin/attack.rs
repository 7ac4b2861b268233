//! Attacks a server, and says whether it held.

use clap::Parser;
use satang_tests::attack::ATTACKS;
use satang_tests::attack::command::{chosen, run_each, run_here};
use satang_tests::attack::ground::Orders;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Attacks on a server: each bounded in time, each with a verdict. Exit code 0: all held; 1: one did not.
#[derive(Parser)]
#[command(name = "attack", arg_required_else_help = true)]
struct Args {
    /// Attacks by name.
    names: Vec<String>,
    /// Show the attacks.
    #[arg(long)]
    list: bool,
    /// Every attack.
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Fewer of everything, in a minute over all.
    #[arg(long)]
    short: bool,
    /// Seconds of each attack, beside what it takes to prepare [default: 15; 2 with --short].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: Option<u32>,
    /// How often each attack beside a switch is made; the medians count.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// The server's program; the one built beside this one without.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Run one attack in this very process.
    #[arg(long, hide = true)]
    here: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    if args.list {
        for attack in &ATTACKS {
            println!("{:<20}{}", attack.name, attack.what);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let beside = || std::env::current_exe().map(|path| path.with_file_name("satang_under_test"));
    let server = match args.server {
        Some(server) => std::path::absolute(server)?,
        None => beside()?,
    };
    let seconds = args.seconds.unwrap_or(if args.short { 2 } else { 15 });
    let orders = Orders {
        seconds: Duration::from_secs(seconds.into()),
        rounds: args.rounds,
        short: args.short,
        ..Orders::of(server)
    };
    let attacks = chosen(&args.names)?;
    if let (true, [attack]) = (args.here, attacks.as_slice()) {
        return Ok(run_here(attack, &orders));
    }
    let failed = run_each(&attacks, &orders)?;
    println!("{} attacks, {failed} failed", attacks.len());
    Ok(ExitCode::from(u8::from(failed > 0)))
}
