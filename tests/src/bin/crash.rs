//! Kills a server under load as often as asked and checks what is left each time.

use clap::Parser;
use satang_tests::backup::{self, BackupOptions};
use satang_tests::crash::{CrashOptions, run};
use std::path::PathBuf;
use std::time::Duration;

/// Kill -9 under 64 clients, again and again.
#[derive(Parser)]
struct Args {
    /// How often the server is killed.
    #[arg(long, default_value_t = 50)]
    rounds: u32,
    /// Kill backups of a running server instead of the server.
    #[arg(long)]
    backups: bool,
    /// Answers after which it is killed, at most.
    #[arg(long, default_value_t = 20_000)]
    answers_max: u64,
    /// Seed of everything random but the threads' interleaving.
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
    eprintln!("seed {}", args.seed);
    let started = std::time::Instant::now();
    if args.backups {
        let stats = backup::run(&BackupOptions {
            binary: &binary,
            rounds: args.rounds,
            kill_within: Duration::from_millis(300),
            seed: args.seed,
        });
        println!("{stats:#?}");
        println!(
            "every backup was restored, {:.0} s",
            started.elapsed().as_secs_f64()
        );
        return;
    }
    let options = CrashOptions {
        binary: &binary,
        rounds: args.rounds,
        answers_max: args.answers_max,
        seed: args.seed,
    };
    let stats = run(&options);
    println!("{stats:#?}");
    println!(
        "nothing was lost in {} kills, {:.0} s",
        stats.kills,
        started.elapsed().as_secs_f64()
    );
}
