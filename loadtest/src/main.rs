//! `satang-loadtest`: drives a Satang server and says what it saw. Data on stdout, words on stderr.

mod args;

use anyhow::Context;
use args::{
    BareArgs, Cli, ClientArg, Command, CompareArgs, LoadArgs, PrepareArgs, RegisterArgs, RunArgs, WireArg,
    cores,
};
use clap::Parser;
use satang_loadtest::bare::Bare;
use satang_loadtest::compare::{ClientKind, ComparePlan, compare};
use satang_loadtest::drive::{Plan, WireForm, drive, server_clock_unix_ms};
use satang_loadtest::phases::{PhaseReport, counters, phases};
use satang_loadtest::prepare::prepare;
use satang_loadtest::report::Report;
use satang_loadtest::workload::{Mix, Workload};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Wallets of `prepare` and `run`.
const WALLETS: u64 = 100_000;
/// Wallets of `compare`: so many that most purchases of its rounds are approved.
const WALLETS_COMPARED: u64 = 1_000_000;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(args) => run(args),
        Command::Register(args) => run_register(args),
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
    let workload = args.population.workload(WALLETS);
    let id_seed = args.load.id_seed.unwrap_or_else(clock_seed);
    let mut plan = args.load.plan(args.server.target()?, workload, id_seed);
    plan.mix = Mix {
        quotes_percent: args.quotes,
        reversals_percent: args.reversals,
        retries_percent: args.retries,
    };
    plan.batch_len = usize::from(args.batch);
    plan.wire = match args.wire {
        WireArg::Json => WireForm::Json,
        WireArg::Binary => WireForm::Binary,
    };
    plan.check()?;
    if !args.no_prepare {
        prepare(&plan.target, &plan.workload, &mut say)?;
    }
    plan.id_base_unix_ms = server_clock_unix_ms(&plan.target, &plan.workload)?;
    say(format!(
        "driving {} for {:.1} s",
        plan.target.url, args.load.duration_s
    ));
    let report = driven(&plan, &args.load)?;
    if let Some(path) = &args.load.json {
        write_json(path, &report)?;
    }
    Ok(report.is_good())
}

/// Drives a plan and prints its table.
fn driven(plan: &Plan, load: &LoadArgs) -> anyhow::Result<Report> {
    let stats = drive(plan)?;
    let report = Report::new(plan, &stats, load.p99_ms_max);
    if let Some(sample) = &report.sample {
        say(format!("first odd answer: {sample}"));
    }
    print(&report.table())?;
    Ok(report)
}

fn run_register(args: RegisterArgs) -> anyhow::Result<bool> {
    let workload = Workload {
        program: args.program.clone(),
        // Nobody buys anything; the one quote that asks for the server's clock does.
        channel: "store".to_owned(),
        wallets: 1,
        merchants: 1,
    };
    let id_seed = args.load.id_seed.unwrap_or_else(clock_seed);
    let mut plan = args.load.plan(args.server.target()?, workload, id_seed);
    plan.batch_len = usize::from(args.batch);
    let phases = phases(args.first_person, args.people, args.late, args.again);
    for phase in &phases {
        plan.people = Some(phase.people);
        plan.check()?;
    }
    let before = counters(&plan.target, &args.program)?;
    say(format!("registration before: {before}"));
    let (mut reports, mut is_good) = (Vec::new(), true);
    for (index, phase) in phases.into_iter().enumerate() {
        plan.people = Some(phase.people);
        plan.id_seed = id_seed.wrapping_add(index as u64);
        plan.id_base_unix_ms = registrars_clock(&plan);
        say(format!("{}: {} people", phase.name, phase.people.count));
        print(&format!("phase                    {}\n", phase.name))?;
        let report = driven(&plan, &args.load)?;
        let after = counters(&plan.target, &args.program)?;
        print(&format!("registration             {after}\n\n"))?;
        is_good &= report.is_good();
        reports.push(PhaseReport {
            phase: phase.name,
            report,
        });
    }
    if let Some(path) = &args.load.json {
        write_json(path, &reports)?;
    }
    Ok(is_good)
}

/// Registration ids of version 7 carry the server's time, where this key may ask for a quote; else this machine's.
fn registrars_clock(plan: &Plan) -> u64 {
    server_clock_unix_ms(&plan.target, &plan.workload).unwrap_or_else(|error| {
        say(format!("{error:#}; ids carry this machine's time"));
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64)
    })
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
