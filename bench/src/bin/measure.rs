//! Prints the rows of docs/PERFORMANCE.md that the engine alone can show; `--help` says how.

use clap::Parser;
use satang_bench::machine;
use satang_bench::measure::{Options, measure};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let before = machine::load_average();
    let report = measure(&options)?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    println!(
        "cargo run --release -p satang-bench --bin measure -- {}",
        arguments.join(" ")
    );
    println!(
        "{} processors; load {before} before, {} after",
        machine::cores(),
        machine::load_average()
    );
    println!();
    print!("{report}");
    Ok(())
}
