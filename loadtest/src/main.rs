//! `satang-loadtest`: drives a Satang server and says whether it got what it should. Data on stdout, the verdict first; words on
//! stderr.

mod args;

use anyhow::Context;
use args::{
    BareArgs, Cli, ClientArg, Command, CompareArgs, PrepareArgs, RegisterArgs, RunArgs, Usage, WireArg,
    cores, usage,
};
use clap::Parser;
use satang_loadtest::bare::Bare;
use satang_loadtest::compare::{ClientKind, ComparePlan, compare};
use satang_loadtest::drive::{drive, server_clock_unix_ms};
use satang_loadtest::expected::Expected;
use satang_loadtest::phases::{PhaseReport, counters, phases};
use satang_loadtest::plan::{Plan, WireForm};
use satang_loadtest::prepare::prepare;
use satang_loadtest::report::Report;
use satang_loadtest::stats::Seen;
use satang_loadtest::verdict::first_line;
use satang_loadtest::workload::{Mix, Workload};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Wallets of `prepare` and `run`.
const WALLETS: u64 = 100_000;
/// Wallets of `compare`: so many that most purchases of its rounds are approved.
const WALLETS_COMPARED: u64 = 1_000_000;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let has_verdict = match command {
        Command::Run(_) | Command::Register(_) | Command::Compare(_) => true,
        Command::Prepare(_) | Command::Bare(_) => false,
    };
    let done = match command {
        Command::Run(args) => run(args),
        Command::Register(args) => run_register(args),
        Command::Prepare(args) => run_prepare(&args),
        Command::Bare(args) => run_bare(&args),
        Command::Compare(args) => run_compare(args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if error.is::<Usage>() => {
            eprintln!("satang-loadtest: {error}");
            ExitCode::from(2)
        }
        // A run that could not be carried out has failed like any other.
        Err(error) if has_verdict => {
            if let Err(unprinted) = print(&first_line(&[format!("{error:#}")])) {
                eprintln!("satang-loadtest: {error:#}; {unprinted:#}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("satang-loadtest: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: RunArgs) -> anyhow::Result<bool> {
    let workload = args.population.workload(WALLETS);
    let id_seed = args.load.id_seed.unwrap_or_else(clock_seed);
    let asked = args.load.asked(args.approved_min, args.approved_max)?;
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
    plan.check().map_err(usage)?;
    if !args.no_prepare {
        prepare(&plan.target, &plan.workload, &mut say)?;
    }
    plan.id_base_unix_ms = server_clock_unix_ms(&plan.target, &plan.workload)?;
    say(format!(
        "driving {} for {:.1} s",
        plan.target.url, args.load.duration_s
    ));
    let seen = drive(&plan)?;
    let expected = Expected::of_purchases(&plan.workload, 0, &seen, &asked);
    let report = reported(&plan, &seen, &expected);
    conclude(report.reasons.clone(), &report.table(), &args.load.json, &report)
}

/// The report of what was seen; the first odd answer is said at once.
fn reported(plan: &Plan, seen: &Seen, expected: &Expected) -> Report {
    let report = Report::new(plan, seen, expected);
    if let Some(sample) = &report.sample {
        say(format!("first odd answer: {sample}"));
    }
    report
}

/// Writes the report where it was asked for, then prints the verdict's line and the tables below it. True when it passed.
fn conclude(
    mut reasons: Vec<String>,
    tables: &str,
    json: &Option<PathBuf>,
    report: &impl serde::Serialize,
) -> anyhow::Result<bool> {
    if let Some(path) = json
        && let Err(error) = write_json(path, report)
    {
        reasons.push(format!("{error:#}"));
    }
    print(&(first_line(&reasons) + tables))?;
    Ok(reasons.is_empty())
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
    let asked = args.load.asked(args.accepted_min, args.accepted_max)?;
    let mut plan = args.load.plan(args.server.target()?, workload, id_seed);
    plan.batch_len = usize::from(args.batch);
    let phases = phases(args.first_person, args.people, args.late, args.again);
    for phase in &phases {
        plan.people = Some(phase.people);
        plan.check().map_err(usage)?;
    }
    let mut before = counters(&plan.target, &args.program)?;
    say(format!("registration before: {}", before.text));
    let (mut reports, mut reasons, mut tables) = (Vec::new(), Vec::new(), String::new());
    let (mut holders, several) = (0, phases.len() > 1);
    for (index, phase) in phases.into_iter().enumerate() {
        plan.people = Some(phase.people);
        plan.id_seed = id_seed.wrapping_add(index as u64);
        plan.id_base_unix_ms = registrars_clock(&plan);
        say(format!("{}: {} people", phase.name, phase.people.count));
        let seen = drive(&plan)?;
        let places = phase.places(before.remaining, holders);
        holders += phase.new_holders(&seen);
        let expected = Expected::of_registrations(places, &seen, &phase.asked(&asked));
        let report = reported(&plan, &seen, &expected);
        let named = |reason: &String| match several {
            true => format!("{}: {reason}", phase.name),
            false => reason.clone(),
        };
        reasons.extend(report.reasons.iter().map(named));
        tables += &format!("phase                    {}\n{}", phase.name, report.table());
        reports.push(PhaseReport {
            phase: phase.name,
            report,
        });
        match counters(&plan.target, &args.program) {
            Ok(after) => {
                tables += &format!("registration             {}\n\n", after.text);
                before = after;
            }
            Err(error) => {
                reasons.push(format!("{error:#}"));
                break;
            }
        }
    }
    conclude(reasons, &tables, &args.load.json, &reports)
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
    plan.check().map_err(usage)?;
    let comparison = compare(&plan, args.ratio_min, &mut say)?;
    conclude(
        comparison.reasons.clone(),
        &comparison.table(),
        &args.json,
        &comparison,
    )
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
