//! Sets the product against the oracle for as many steps as asked; a disagreement is printed as a short case.

use clap::Parser;
use satang_tests::campaign::{Stats, run, run_episode};
use satang_tests::system::InProcess;
use std::process::ExitCode;

/// Random requests against product and oracle, in lock-step.
#[derive(Parser)]
struct Args {
    /// Seed of everything random; a new one each time without.
    #[arg(long)]
    seed: Option<u64>,
    /// Steps to do.
    #[arg(long, default_value_t = 1_000_000)]
    steps: u64,
    /// Play only this episode of the seed.
    #[arg(long)]
    episode: Option<u64>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let seed = args
        .seed
        .unwrap_or_else(|| u64::from(std::process::id()) << 20 ^ now_s());
    eprintln!("seed {seed}");
    let mut make = |programmes: &[(String, String)], start: &str| {
        Box::new(InProcess::new(programmes, start)) as Box<dyn satang_tests::campaign::System>
    };
    let started = std::time::Instant::now();
    let outcome = match args.episode {
        None => run(seed, args.steps, &mut make),
        Some(episode) => {
            let mut stats = Stats::default();
            run_episode(seed, episode, &mut make, &mut stats).map(|()| stats)
        }
    };
    match outcome {
        Ok(stats) => {
            print_stats(&stats);
            println!(
                "agreed on {} steps with seed {seed} in {:.0} s",
                stats.steps,
                started.elapsed().as_secs_f64()
            );
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn now_s() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

fn print_stats(stats: &Stats) {
    println!("{:>10}  steps", stats.steps);
    println!("{:>10}  episodes", stats.episodes);
    println!("{:>10}  restarts", stats.restarts);
    println!("{:>10}  changes of programme files", stats.reloads);
    println!("{:>10}  replays of a first answer", stats.replays);
    println!(
        "{:>10}  replays of an answer from before yesterday",
        stats.old_replays
    );
    println!("{:>10}  approvals cut by a cap", stats.limited);
    println!(
        "{:>10}  approvals and refunds shared by several sources",
        stats.split
    );
    for (status, count) in &stats.statuses {
        println!("{count:>10}  status {status}");
    }
    for (reason, count) in &stats.reasons {
        println!("{count:>10}  {reason}");
    }
}
