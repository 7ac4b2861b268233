//! Counts the instructions of the rows in `bench/instructions.toml` and holds them against it: `check`, which fails when a row
//! differs by more than 3 %, and `bless`, which writes the file and the table in docs/PERFORMANCE.md.
//!
//! Needs valgrind. gungraun-runner, which drives it, is built once into the target folder, in the version of Cargo.lock.

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use satang_bench::baseline::{Baseline, Judged, Table, counts_of, documented, judge};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.toml");
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PERFORMANCE.md");
const RUNNER: &str = "gungraun-runner";

/// Count instructions under valgrind and hold them against what is checked in.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Task,
}

#[derive(Clone, Copy, Subcommand)]
enum Task {
    /// Exit with 1 when a row differs from its baseline by more than 3 %, is missing or has none. Without valgrind: say so, and
    /// fail only where CI is set.
    Check,
    /// Write what is counted now as the baseline, and into docs/PERFORMANCE.md.
    Bless,
}

fn main() -> Result<ExitCode> {
    let Args { command } = Args::parse();
    let Some(valgrind) = version_of("valgrind") else {
        ensure!(
            matches!(command, Task::Check) && std::env::var_os("CI").is_none(),
            "instructions cannot be counted without valgrind"
        );
        eprintln!("skipped: needs valgrind");
        return Ok(ExitCode::SUCCESS);
    };
    let rustc = version_of("rustc").context("rustc does not say its version")?;
    let counts = counts_of(&run_benches(&runner()?)?)?;
    let now = Baseline {
        rustc,
        valgrind,
        counts,
    };
    match command {
        Task::Check => check(&now),
        Task::Bless => bless(&now),
    }
}

fn check(now: &Baseline) -> Result<ExitCode> {
    let text = std::fs::read_to_string(BASELINE).context(BASELINE)?;
    let baseline = Baseline::parse(&text).context(BASELINE)?;
    let judged = judge(&baseline.counts, &now.counts);
    print!("{}", Table(&judged));
    let failures: Vec<String> = judged.iter().filter_map(Judged::failure).collect();
    if failures.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    for (then, is) in [(&baseline.rustc, &now.rustc), (&baseline.valgrind, &now.valgrind)] {
        if then != is {
            eprintln!("the baseline was made with {then}, this is {is}: the change may be theirs");
        }
    }
    eprintln!(
        "instructions have changed by more than 3 %; if that is meant, bless it and say why in the commit:"
    );
    eprintln!("{}", failures.join("\n"));
    Ok(ExitCode::FAILURE)
}

fn bless(now: &Baseline) -> Result<ExitCode> {
    let before = std::fs::read_to_string(BASELINE).ok();
    let before = before.and_then(|text| Baseline::parse(&text).ok());
    let before = before.map(|baseline| baseline.counts).unwrap_or_default();
    print!("{}", Table(&judge(&before, &now.counts)));
    let document = std::fs::read_to_string(DOCUMENT).context(DOCUMENT)?;
    let document = documented(&document, &now.counts)?;
    std::fs::write(BASELINE, now.to_toml()).context(BASELINE)?;
    std::fs::write(DOCUMENT, document).context(DOCUMENT)?;
    eprintln!("written: bench/instructions.toml, docs/PERFORMANCE.md");
    Ok(ExitCode::SUCCESS)
}

/// What the program says of its version; `None` when there is no such program.
fn version_of(program: impl AsRef<Path>) -> Option<String> {
    let said = Command::new(program.as_ref()).arg("--version").output().ok()?;
    let text = String::from_utf8(said.stdout).ok()?;
    said.status.success().then(|| text.trim().to_owned())
}

/// The folder of gungraun-runner, which must be of the version that the benches are linked with: it is built when it is not there.
fn runner() -> Result<PathBuf> {
    let package = said(Command::new("cargo").args(["pkgid", "--package", RUNNER]))?;
    let version = package
        .trim()
        .rsplit(['@', '#'])
        .next()
        .context("a package has a version")?;
    let program = std::env::current_exe()?;
    let target = program
        .ancestors()
        .nth(2)
        .context("this program lies in a target folder")?;
    let root = target.join(RUNNER);
    let wanted = format!("{RUNNER} {version}");
    if version_of(root.join("bin").join(RUNNER)) != Some(wanted) {
        // Unoptimized: it starts valgrind and reads its output, and is built in half the time.
        let mut install = Command::new("cargo");
        install.args(["install", "--locked", "--debug", "--force", "--version", version]);
        install.arg("--root").arg(&root).arg(RUNNER);
        let status = install.status().context("cargo cannot be started")?;
        ensure!(status.success(), "{RUNNER} {version} cannot be installed");
    }
    Ok(root.join("bin"))
}

/// Builds and runs the benches; one summary a line.
fn run_benches(runner: &Path) -> Result<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(runner.to_owned()).chain(std::env::split_paths(&path));
    let mut bench = Command::new("cargo");
    bench.args(["run", "--release", "--locked", "--package", "satang-bench"]);
    bench.args(["--example", "instructions"]);
    // As `cargo bench` would call it.
    bench.args(["--", "--output-format=json", "--bench"]);
    bench.env("PATH", std::env::join_paths(path)?);
    said(&mut bench)
}

/// What a program writes to stdout; its words go to stderr.
fn said(command: &mut Command) -> Result<String> {
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit());
    let output = command
        .output()
        .with_context(|| format!("{command:?} cannot be started"))?;
    ensure!(output.status.success(), "{command:?} failed");
    Ok(String::from_utf8(output.stdout)?)
}
