//! Turns every bit of a small journal, of its person store and of both copies of its headers, and cuts every file at every
//! byte; starts the engine on each and counts what became of it. `docs/TESTING.md` names the recorded output.
//!
//! `cargo test -p satang-engine` runs a slice of the same cases with the same judge.

#[path = "../../../engine/tests/stories/rig/mod.rs"]
mod rig;

use clap::Parser;
use rig::damage::{Specimen, Verdict};
use satang_engine::persons::PERSONS_FILE;
use satang_log::file::segment_name;
use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

/// A start takes and gives back megabytes; as in the product, the system is not asked for each of them anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Damages a small journal in every way there is and checks what a start makes of it.
#[derive(Parser)]
struct Options {
    /// Try only every so many-th bit and byte.
    #[arg(long, default_value_t = 1)]
    every: usize,
}

/// What becomes of a family of cases.
#[derive(Default)]
struct Counts {
    same_state: usize,
    prefix: usize,
    refused: usize,
    unexpected: Vec<String>,
}

/// One family of cases: its name, how many there are, and what becomes of each and should.
struct Family<'s> {
    name: &'static str,
    cases: usize,
    verdict: Box<dyn Fn(usize) -> (Verdict, bool) + Sync + 's>,
}

thread_local! {
    /// What the thread tries.
    static CASE: Cell<(&'static str, usize)> = const { Cell::new(("", 0)) };
}

/// A wrong balance ends the campaign where it is found, with the case that shows it again.
fn name_the_case_of_a_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let (family, case) = CASE.get();
        eprintln!("{family}, case {case}:");
        print(info);
    }));
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    anyhow::ensure!(options.every > 0, "--every: 0: must be at least 1");
    let started = Instant::now();
    name_the_case_of_a_panic();
    let (covered, uncovered) = (Specimen::small(true), Specimen::small(false));
    println!(
        "{:<52} {:>8} {:>11} {:>7} {:>8} {:>10}",
        "what was damaged", "cases", "same state", "prefix", "refused", "unexpected"
    );
    let mut unexpected = Vec::new();
    for family in families(&covered, &uncovered) {
        let counts = run(&family, options.every);
        println!(
            "{:<52} {:>8} {:>11} {:>7} {:>8} {:>10}",
            family.name,
            counts.same_state + counts.prefix + counts.refused,
            counts.same_state,
            counts.prefix,
            counts.refused,
            counts.unexpected.len()
        );
        unexpected.extend(counts.unexpected);
    }
    println!(
        "no panic, no wrong balance; {:.1} s",
        started.elapsed().as_secs_f64()
    );
    unexpected
        .iter()
        .take(20)
        .for_each(|case| println!("unexpected: {case}"));
    anyhow::ensure!(
        unexpected.is_empty(),
        "{} cases came out otherwise than expected",
        unexpected.len()
    );
    Ok(())
}

fn families<'s>(covered: &'s Specimen, uncovered: &'s Specimen) -> Vec<Family<'s>> {
    vec![
        flips("a bit of segment 1, sealed", covered, 1),
        flips("a bit of segment 2, its last group vouched for", covered, 2),
        flips("a bit of segment 2, nothing behind its last group", uncovered, 2),
        Family {
            name: "the same bit of both copies of a header",
            cases: 2 * 144 * 8,
            verdict: Box::new(|case| {
                let (file, bit) = (segment_name(1 + (case / 1152) as u32), case % 1152);
                let mut bytes = covered.disk.bytes(&file);
                bytes[bit / 8] ^= 1 << (bit % 8);
                bytes[4096 + bit / 8] ^= 1 << (bit % 8);
                let verdict = covered.start_with(&file, bytes).0;
                (verdict, verdict == Verdict::Refused)
            }),
        },
        Family {
            name: "a bit of the person store",
            cases: covered.disk.bytes(PERSONS_FILE).len() * 8,
            verdict: Box::new(|bit| {
                let verdict = covered.flip(PERSONS_FILE, bit);
                (verdict, verdict == Verdict::Refused)
            }),
        },
        cuts("the end of segment 1, at any byte", covered, segment_name(1)),
        cuts("the end of segment 2, at any byte", covered, segment_name(2)),
        cuts(
            "the end of the person store, at any byte",
            covered,
            PERSONS_FILE.to_owned(),
        ),
        Family {
            name: "blocks of segment 2, zeros from any byte on",
            cases: covered.layout.segment_bytes as usize,
            verdict: Box::new(|byte| {
                let mut bytes = covered.disk.bytes(&segment_name(2));
                bytes[byte..].fill(0);
                // Which frames are gone decides; that the state is an answered one was checked.
                (covered.start_with(&segment_name(2), bytes).0, true)
            }),
        },
    ]
}

fn flips<'s>(name: &'static str, specimen: &'s Specimen, segment: u32) -> Family<'s> {
    Family {
        name,
        cases: specimen.layout.segment_bytes as usize * 8,
        verdict: Box::new(move |bit| {
            let verdict = specimen.flip(&segment_name(segment), bit);
            (verdict, verdict == specimen.expected(segment, bit))
        }),
    }
}

fn cuts<'s>(name: &'static str, specimen: &'s Specimen, file: String) -> Family<'s> {
    let bytes = specimen.disk.bytes(&file);
    Family {
        name,
        cases: bytes.len(),
        verdict: Box::new(move |len| {
            let verdict = specimen.start_with(&file, bytes[..len].to_vec()).0;
            (verdict, verdict == Verdict::Refused)
        }),
    }
}

/// Tries the cases on all processors.
fn run(family: &Family<'_>, every: usize) -> Counts {
    let (next, counts) = (AtomicUsize::new(0), Mutex::new(Counts::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let case = next.fetch_add(every, Relaxed);
                    if case >= family.cases {
                        return;
                    }
                    CASE.set((family.name, case));
                    let (verdict, expected) = (family.verdict)(case);
                    let mut counts = counts.lock().expect("no thread panics");
                    match verdict {
                        Verdict::SameState => counts.same_state += 1,
                        Verdict::Prefix => counts.prefix += 1,
                        Verdict::Refused => counts.refused += 1,
                    }
                    if !expected {
                        counts
                            .unexpected
                            .push(format!("{}, case {case}: {verdict:?}", family.name));
                    }
                }
            });
        }
    });
    counts.into_inner().expect("no thread panics")
}
