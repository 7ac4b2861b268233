//! Measures two programs in turn and says what the change is: the only way in which this project states a time.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use satang_bench::pairs::{Comparison, PAIRS_MIN, alternate, figure_in};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Run two programs in turn with the same arguments, and compare a figure that they print.
#[derive(Parser)]
struct Args {
    /// The program without the change.
    #[arg(long)]
    before: PathBuf,
    /// The program with it.
    #[arg(long)]
    after: PathBuf,
    /// What stands in front of the figure, in one line of the programs' output.
    #[arg(long)]
    figure: String,
    /// Pairs, at least 15.
    #[arg(long, default_value_t = PAIRS_MIN)]
    pairs: usize,
    /// What both programs are called with.
    #[arg(last = true)]
    arguments: Vec<String>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    ensure!(
        args.pairs >= PAIRS_MIN,
        "--pairs: {} is less than {PAIRS_MIN}",
        args.pairs
    );
    let pairs = alternate(args.pairs, |after| {
        let (name, program) = match after {
            false => ("before", &args.before),
            true => ("after", &args.after),
        };
        let figure = run(program, &args)?;
        eprintln!("{name} {figure}");
        Ok(figure)
    })?;
    print!("{}", Comparison(&pairs));
    Ok(())
}

fn run(program: &Path, args: &Args) -> Result<f64> {
    let mut command = Command::new(program);
    command.args(&args.arguments).stderr(Stdio::null());
    let output = command
        .output()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    ensure!(
        output.status.success(),
        "{} failed: {}",
        program.display(),
        output.status
    );
    let text = String::from_utf8(output.stdout).context("the output is text")?;
    figure_in(&text, &args.figure)
}
