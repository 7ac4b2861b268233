//! Fills a programme, lets clients fight for its last places while the server is killed, and checks what is left each time.

use clap::Parser;
use satang_tests::rush::{RushOptions, run};
use std::path::PathBuf;

/// Registrations of everybody at once, with kill -9 in the middle, again and again.
#[derive(Parser)]
struct Args {
    /// Rounds, each in a new data folder.
    #[arg(long, default_value_t = 20)]
    rounds: u32,
    /// Places of the programme.
    #[arg(long, default_value_t = 100_000)]
    quota: u64,
    /// Places that are fought over one by one; the others are taken by batches.
    #[arg(long, default_value_t = 1_000)]
    last: u64,
    /// People who fight for them [default: three for each place].
    #[arg(long)]
    applicants: Option<u64>,
    /// Connections that fight.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Kills during the fight, at most.
    #[arg(long, default_value_t = 4)]
    kills_max: u32,
    /// Seed of the first round; the next round has the next one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The server's program; the one built beside this one without.
    #[arg(long)]
    binary: Option<PathBuf>,
}

fn main() {
    let args = Args::parse();
    let beside = || {
        std::env::current_exe()
            .expect("a program has a path")
            .with_file_name("satang_under_test")
    };
    let binary = args.binary.unwrap_or_else(beside);
    eprintln!("seed {}; each round prints what plays it again", args.seed);
    let options = RushOptions {
        binary: &binary,
        rounds: args.rounds,
        quota: args.quota,
        last: args.last,
        applicants: args.applicants.unwrap_or(args.last * 3),
        clients: args.clients,
        kills_max: args.kills_max,
        seed: args.seed,
    };
    let begun = std::time::Instant::now();
    let rounds = run(&options, &mut |stats| println!("{stats}"));
    let kills: u32 = rounds.iter().map(|round| round.kills).sum();
    let unknown: u64 = rounds.iter().map(|round| round.unknown).sum();
    let accepted: u64 = rounds.iter().map(|round| round.tally.accepted).sum();
    println!(
        "{accepted} places of {} were given, each once, over {kills} kills and {unknown} unknown outcomes, {:.0} s",
        args.quota * u64::from(args.rounds),
        begun.elapsed().as_secs_f64()
    );
}
