//! `satang-loadtest`: drives a Satang server and says what it saw. Data on stdout, words on stderr.

mod args;

use anyhow::Context;
use args::{
    ArrivalsArg, BareArgs, Cli, ClientArg, Command, CompareArgs, IdsArg, PrepareArgs, RunArgs, WireArg,
};
use clap::Parser;
use satang_loadtest::bare::Bare;
use satang_loadtest::compare::{ClientKind, ComparePlan, compare};
use satang_loadtest::drive::{Plan, WireForm, drive, server_clock_unix_ms};
use satang_loadtest::ids::IdVersion;
use satang_loadtest::pacing::{Arrivals, Load};
use satang_loadtest::prepare::prepare;
use satang_loadtest::report::Report;
use satang_loadtest::workload::Mix;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Wallets of `prepare` and `run`.
const WALLETS: u64 = 100_000;
/// Wallets of `compare`: so many that most purchases of its rounds are approved.
const WALLETS_COMPARED: u64 = 1_000_000;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(args) => run(args),
        Command::Prepare(args) => run_prepare(&args),
        Command::Bare(args) => run_bare(&args),
        Command::Compare(args) => run_compare(args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("satang-loadtest: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: RunArgs) -> anyhow::Result<bool> {
    let mix = Mix {
        quotes_percent: args.quotes,
        reversals_percent: args.reversals,
        retries_percent: args.retries,
    };
    let mut plan = Plan {
        target: args.server.target()?,
        load: match (args.closed, args.arrivals) {
            (true, _) => Load::Closed,
            (false, ArrivalsArg::Fixed) => Load::Open {
                rate: args.rate,
                arrivals: Arrivals::Fixed,
            },
            (false, ArrivalsArg::Poisson) => Load::Open {
                rate: args.rate,
                arrivals: Arrivals::Poisson,
            },
        },
        duration: Duration::from_secs_f64(args.duration_s),
        warmup: Duration::from_secs_f64(args.warmup_s),
        drain: Duration::from_secs_f64(args.drain_s),
        connections: args.connections,
        threads: args
            .threads
            .unwrap_or_else(|| cores().min(4).min(args.connections)),
        workload: args.population.workload(WALLETS),
        mix,
        batch_len: usize::from(args.batch),
        wire: match args.wire {
            WireArg::Json => WireForm::Json,
            WireArg::Binary => WireForm::Binary,
        },
        ids: match args.ids {
            IdsArg::V4 => IdVersion::V4,
            IdsArg::V7 => IdVersion::V7,
        },
        seed: args.seed,
        id_seed: args.id_seed.unwrap_or_else(clock_seed),
        id_base_unix_ms: 0,
        check_answers: !args.no_check,
    };
    plan.check()?;
    if !args.no_prepare {
        prepare(&plan.target, &plan.workload, &mut say)?;
    }
    plan.id_base_unix_ms = server_clock_unix_ms(&plan.target, &plan.workload)?;
    say(format!(
        "driving {} for {:.1} s",
        plan.target.url, args.duration_s
    ));
    let stats = drive(&plan)?;
    let report = Report::new(&plan, &stats, args.p99_ms_max);
    if let Some(sample) = &report.sample {
        say(format!("first odd answer: {sample}"));
    }
    print(&report.table())?;
    if let Some(path) = &args.json {
        write_json(path, &report)?;
    }
    Ok(report.is_good())
}

fn run_prepare(args: &PrepareArgs) -> anyhow::Result<bool> {
    prepare(
        &args.server.target()?,
        &args.population.workload(WALLETS),
        &mut say,
    )?;
    Ok(true)
}

fn run_bare(args: &BareArgs) -> anyhow::Result<bool> {
    let bare = Bare::bind(args.listen, args.threads.unwrap_or_else(cores))?;
    print(&format!("http://{}\n", bare.address))?;
    bare.serve()?;
    Ok(true)
}

fn run_compare(args: CompareArgs) -> anyhow::Result<bool> {
    let plan = ComparePlan {
        server_bin: args.server_bin,
        programs: args.programs,
        data_parent: args.data_dir.unwrap_or_else(std::env::temp_dir),
        server_args: args.server_args,
        bare_threads: args.bare_threads.unwrap_or_else(cores),
        client: match args.client {
            ClientArg::Own => ClientKind::Own,
            ClientArg::Wrk => ClientKind::Wrk,
        },
        client_threads: args.threads.unwrap_or_else(|| cores().min(4)),
        connections: args.connections,
        rounds: args.rounds,
        seconds: args.seconds,
        workload: args.population.workload(WALLETS_COMPARED),
        seed: args.seed,
        id_seed: clock_seed(),
    };
    let comparison = compare(&plan, &mut say)?;
    print(&comparison.table())?;
    if let Some(path) = &args.json {
        write_json(path, &comparison)?;
    }
    Ok(args
        .ratio_min
        .is_none_or(|ratio_min| comparison.ratio >= ratio_min))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn clock_seed() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64)
}

fn say(words: String) {
    eprintln!("{words}");
}

fn print(data: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(data.as_bytes())
        .and_then(|()| stdout.flush())
        .context("stdout")
}

fn write_json(path: &Path, report: &impl serde::Serialize) -> anyhow::Result<()> {
    let json = serde_json::to_vec_pretty(report).context("report as JSON")?;
    std::fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))
}
