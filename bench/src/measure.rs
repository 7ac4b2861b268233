//! The program `measure`: which rows to take, on what, and the table.

use crate::batches::{self, Load, Outcome, Round};
use crate::discard::DiscardStorage;
use crate::registrations::{self, Rush};
use crate::report::Report;
use crate::rig::{Enroll, Rig};
use crate::workload::{Ids, Workload};
use crate::{footprint, id_archive, machine, replay, segments, single, stall};
use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use satang_log::storage::{FileStorage, Storage};
use std::path::PathBuf;

/// Prints the rows of docs/PERFORMANCE.md that the engine alone can show.
///
/// Data on stdout, words on stderr. Every figure is the median over its rounds.
#[derive(Parser, Clone, Debug)]
#[command(name = "measure")]
pub struct Options {
    /// Rows to measure; all of them when none is named.
    #[arg(value_enum)]
    pub rows: Vec<Row>,
    /// Wallets of P1, P6 and P8.
    #[arg(long, default_value_t = 30_000_000)]
    pub wallets: u64,
    /// Numbers of wallets of P5, smallest first; one that does not fit the memory is left out.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000_000, 30_000_000, 43_000_000])]
    pub ladder: Vec<u64>,
    /// Merchants that purchases are spread over in P1 and P5.
    #[arg(long, default_value_t = 1_000_000)]
    pub merchants: u64,
    /// Seconds of one round of P1.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Rounds of every figure.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Sending threads of P1.
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// Batch sizes of P1 and P5.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000])]
    pub batches: Vec<usize>,
    /// Batches of one thread that may wait for the disk at a time in P1.
    #[arg(long, default_value_t = 4)]
    pub in_flight: usize,
    /// Timed calls per round of P5.
    #[arg(long, default_value_t = 2_000_000)]
    pub calls: usize,
    /// Authorizations kept in P6, and replayed in P8.
    #[arg(long, default_value_t = 30_000_000)]
    pub authorizations: u64,
    /// Old dates of the row P5-old.
    #[arg(long, default_value_t = 30)]
    pub old_days: usize,
    /// Authorizations of each of them.
    #[arg(long, default_value_t = 3_000_000)]
    pub per_old_day: usize,
    /// Segments of the row P8-segments.
    #[arg(long, default_value_t = 10_000)]
    pub segments: u64,
    /// People who come too late in the row of registrations, each of them twice.
    #[arg(long, default_value_t = 1_000_000)]
    pub late: u64,
    /// Ids that P1 and P5 start with room for; their tables grow beyond it, while everybody waits.
    #[arg(long, default_value_t = 0)]
    pub expected_ids: usize,
    /// How ids are made.
    #[arg(long, value_enum, default_value_t = Ids::V7)]
    pub ids: Ids,
    /// How the wallets of P1 and P5 get their entitlements; P6 and P8 always record them.
    #[arg(long, value_enum, default_value_t = Enroll::Direct)]
    pub enroll: Enroll,
    /// Where journals are written, in a folder of their own that is removed afterwards. It must lie on a disk, not on tmpfs.
    #[arg(long, default_value = ".")]
    pub data_dir: PathBuf,
}

/// A row of the targets' table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Row {
    /// P1 and P12: durable authorizations per second in batches, and their bytes of journal.
    P1,
    /// P1 without a disk: the code's own limit.
    P1Memory,
    /// P5: the decision alone, one at a time.
    P5,
    /// P5: the decision alone, in batches.
    P5Batches,
    /// P5 once more, for ids of version 4 and 7 with index files of old dates present.
    P5Old,
    /// P6: memory per person and per authorization.
    P6,
    /// P8: a start, from a snapshot and from the journal alone.
    P8,
    /// P8: what a start looks at in every segment, behind a snapshot as well.
    P8Segments,
    /// P9: answers while a snapshot is taken.
    P9,
    /// The rush: everybody registers in batches, the engine starts again, and late comers are rejected.
    Registrations,
}

/// Measures the rows that are wanted.
///
/// # Errors
/// When the engine fails or a figure would not be honest.
pub fn measure(options: &Options) -> Result<Report> {
    eprintln!(
        "{} processors, load {}, timer overhead {} ns",
        machine::cores(),
        machine::load_average(),
        machine::timer_overhead_ns()
    );
    let all = Row::value_variants();
    let rows = if options.rows.is_empty() {
        all
    } else {
        &options.rows
    };
    let mut report = Report::default();
    for row in rows {
        match row {
            Row::P1 => on_disk(options, &mut report)?,
            Row::P1Memory => in_memory(options, &mut report)?,
            Row::P5 => one_decision(options, &mut report)?,
            Row::P5Batches => batched_decisions(options, &mut report)?,
            Row::P5Old => old_dates(options, &mut report)?,
            Row::P6 => memory(options, &mut report)?,
            Row::P8 => starts(options, &mut report)?,
            Row::P8Segments => segment_headers(options, &mut report)?,
            Row::P9 => stalls(options, &mut report)?,
            Row::Registrations => registrations(options, &mut report)?,
        }
    }
    Ok(report)
}

fn load(options: &Options, batch: usize) -> Load {
    Load {
        batch,
        threads: options.threads,
        in_flight: options.in_flight,
        ids: options.ids,
        wallets: options.wallets,
        merchants: options.merchants,
        seconds: options.seconds,
        rounds: options.rounds,
    }
}

fn on_disk(options: &Options, report: &mut Report) -> Result<()> {
    for batch in &options.batches {
        let folder = tempfile::tempdir_in(&options.data_dir).context("a folder for the journal")?;
        let storage = FileStorage::open_folder(folder.path())?;
        let rig = prepared(storage, options.wallets, options)?;
        let outcome = batches::run(rig, &load(options, *batch))?;
        let what = format!("batches of {batch} from {} threads, durable", options.threads);
        let rate_goal = ">= 3,000,000, then 5,000,000, then 10,000,000";
        add_rounds(
            report,
            "P1",
            &format!("authorizations, {what}"),
            &outcome,
            rate_goal,
        );
        report.add(
            "P1",
            format!("journal, {what}"),
            each(&outcome, |r| r.journal_mb_per_second),
            "MB/s",
            "",
        );
        report.add(
            "P1",
            format!("segments begun per round, {what}"),
            each(&outcome, |r| r.segments),
            "",
            ">= 10",
        );
        let per_record = each(&outcome, |r| r.bytes_per_record);
        report.add(
            "P12",
            format!("journal per authorization, batches of {batch}"),
            per_record,
            "B",
            "<= 128",
        );
        let quantiles = [(0.5, "p50"), (0.99, "p99")];
        for (quantile, name) in quantiles {
            let ms = outcome.latency_us.value_at_quantile(quantile) as f64 / 1_000.0;
            report.add(
                "P1",
                format!("a batch from sent to durable, {name}, {what}"),
                vec![ms],
                "ms",
                "",
            );
        }
    }
    Ok(())
}

fn in_memory(options: &Options, report: &mut Report) -> Result<()> {
    for batch in &options.batches {
        let rig = prepared(DiscardStorage, options.wallets, options)?;
        let outcome = batches::run(rig, &load(options, *batch))?;
        let what = format!(
            "authorizations, batches of {batch} from {} threads, no disk",
            options.threads
        );
        add_rounds(report, "P1", &what, &outcome, "");
    }
    Ok(())
}

fn add_rounds(report: &mut Report, target: &'static str, what: &str, outcome: &Outcome, goal: &'static str) {
    eprintln!(
        "  {:.1} s; making requests took {:.1} % of the senders' time; {:.1} % were approved; load {}",
        outcome.seconds,
        outcome.generating_percent,
        outcome.approved_percent,
        machine::load_average()
    );
    report.add(target, what, each(outcome, |round| round.per_second), "/s", goal);
    report.add(
        target,
        format!("processors busy, {what}"),
        each(outcome, |round| round.cores),
        "",
        "",
    );
    let cpu_ns = each(outcome, |round| round.cores / round.per_second * 1e9);
    report.add(target, format!("processor time each, {what}"), cpu_ns, "ns", "");
}

fn each(outcome: &Outcome, value: impl Fn(&Round) -> f64) -> Vec<f64> {
    outcome.rounds.iter().map(value).collect()
}

/// The numbers of wallets that fit the memory.
fn ladder(options: &Options) -> impl Iterator<Item = u64> {
    // 100 bytes a wallet cover the tables while they are built, 2 GiB the ids of the timed calls and the rest.
    options.ladder.iter().copied().filter(|wallets| {
        let fits = machine::available_bytes() >= wallets * 100 + (2 << 30);
        if !fits {
            eprintln!("  P5 with {wallets} wallets is left out: not enough memory");
        }
        fits
    })
}

fn one_decision(options: &Options, report: &mut Report) -> Result<()> {
    for wallets in ladder(options) {
        let mut rig = prepared(DiscardStorage, wallets, options)?;
        let mut workload = Workload::new(1, options.ids, wallets, options.merchants);
        single::one_at_a_time(&mut rig, &mut workload, options.calls / 4)?;
        let rounds =
            (0..options.rounds).map(|_| single::one_at_a_time(&mut rig, &mut workload, options.calls));
        let times = rounds.collect::<Result<Vec<single::Times>>>()?;
        let of = |value: fn(&single::Times) -> f64| times.iter().map(value).collect::<Vec<f64>>();
        let what = format!("one decision, {wallets} wallets");
        report.add("P5", format!("{what}, p50"), of(|t| t.p50), "ns", "<= 400");
        report.add("P5", format!("{what}, p99"), of(|t| t.p99), "ns", "<= 1,500");
        report.add("P5", format!("{what}, p99.9"), of(|t| t.p999), "ns", "");
        report.add("P5", format!("{what}, slowest"), of(|t| t.max), "ns", "");
        report.add("P5", format!("{what}, mean"), of(|t| t.mean), "ns", "");
    }
    Ok(())
}

fn batched_decisions(options: &Options, report: &mut Report) -> Result<()> {
    for batch in &options.batches {
        let mut medians: Vec<(u64, f64)> = Vec::new();
        for wallets in ladder(options) {
            let mut rig = prepared(DiscardStorage, wallets, options)?;
            let mut workload = Workload::new(1, options.ids, wallets, options.merchants);
            single::in_batches(&mut rig, &mut workload, *batch, options.calls / 4)?;
            let timed = (0..options.rounds)
                .map(|_| single::in_batches(&mut rig, &mut workload, *batch, options.calls));
            let (wall, cpu) = timed.collect::<Result<(Vec<f64>, Vec<f64>)>>()?;
            let what = format!("each in batches of {batch}, {wallets} wallets");
            report.add("P5", format!("{what}, processor time"), cpu, "ns", "");
            report.add("P5", what, wall, "ns", "<= 120");
            let median = report.figures().last().map_or(f64::NAN, |figure| figure.median());
            medians.push((wallets, median));
        }
        if let [first, .., last] = medians.as_slice() {
            let what = format!("{} wallets against {}, batches of {batch}", last.0, first.0);
            report.add("P5", what, vec![last.1 / first.1], "×", "<= 1.2");
        }
    }
    Ok(())
}

fn old_dates(options: &Options, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir_in(&options.data_dir).context("a folder for the journal")?;
    let mut rig = prepared(FileStorage::open_folder(folder.path())?, options.wallets, options)?;
    let (wallets, merchants) = (options.wallets, options.merchants);
    let dates = format!("{} old dates of {}", options.old_days, options.per_old_day);
    let bytes = id_archive::pass_days(
        &mut rig,
        options.old_days,
        options.per_old_day,
        wallets,
        merchants,
    )?;
    report.add("P5", format!("memory per id of {dates}"), vec![bytes], "B", "");
    for (ids, name) in [(Ids::V7, "v7"), (Ids::V4, "v4")] {
        let mut workload = Workload::new(8, ids, wallets, merchants);
        let mut single = |calls| single::one_at_a_time(&mut rig, &mut workload, calls);
        single(options.calls / 4)?;
        let times = (0..options.rounds)
            .map(|_| single(options.calls))
            .collect::<Result<Vec<single::Times>>>()?;
        let of = |value: fn(&single::Times) -> f64| times.iter().map(value).collect::<Vec<f64>>();
        let what = format!("one decision, {name} ids, {dates}");
        report.add("P5", format!("{what}, p50"), of(|t| t.p50), "ns", "");
        report.add("P5", format!("{what}, p99"), of(|t| t.p99), "ns", "");
        let batch = options.batches[0];
        let timed =
            (0..options.rounds).map(|_| single::in_batches(&mut rig, &mut workload, batch, options.calls));
        let (wall, _) = timed.collect::<Result<(Vec<f64>, Vec<f64>)>>()?;
        let what = format!("each in batches of {batch}, {name} ids, {dates}");
        report.add("P5", what, wall, "ns", "");
    }
    Ok(())
}

fn memory(options: &Options, report: &mut Report) -> Result<()> {
    let footprint = footprint::measure(options.wallets, options.authorizations, options.ids)?;
    let (wallets, ids) = (options.wallets, options.authorizations);
    let persons = format!("per person of {wallets}");
    report.add(
        "P6",
        format!("{persons}, account tables"),
        vec![footprint.tables_per_person],
        "B",
        "",
    );
    report.add(
        "P6",
        format!("{persons}, everything resident"),
        vec![footprint.resident_per_person],
        "B",
        "<= 80",
    );
    let kept = format!("per authorization of {ids} kept");
    report.add(
        "P6",
        format!("{kept}, id tables"),
        vec![footprint.tables_per_id],
        "B",
        "",
    );
    report.add(
        "P6",
        format!("{kept}, everything resident"),
        vec![footprint.resident_per_id],
        "B",
        "<= 40",
    );
    Ok(())
}

fn starts(options: &Options, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir_in(&options.data_dir).context("a folder for the journal")?;
    let (wallets, authorizations) = (options.wallets, options.authorizations);
    let starts = replay::measure(
        folder.path(),
        wallets,
        authorizations,
        options.ids,
        options.rounds,
    )?;
    let what = format!("{wallets} enrollments and {authorizations} authorizations");
    report.add(
        "P8",
        format!("snapshot of {wallets} wallets"),
        vec![starts.snapshot_seconds],
        "s",
        "",
    );
    let mb = starts.snapshot_bytes as f64 / 1e6;
    report.add("P8", format!("snapshot of {wallets} wallets"), vec![mb], "MB", "");
    for (rounds, what, goal) in [
        (
            &starts.from_snapshot,
            format!("start from a snapshot of {wallets} wallets and {authorizations} authorizations since"),
            "<= 10 at 30,000,000 + 30,000,000",
        ),
        (&starts.from_journal, format!("start by replay of {what}"), ""),
    ] {
        let of = |value: fn(&replay::Start) -> f64| rounds.iter().map(value).collect::<Vec<f64>>();
        let per_second = of(|s| s.records as f64 / s.seconds);
        report.add("P8", format!("{what}, records"), per_second, "/s", "");
        let mb_per_second = of(|s| s.bytes as f64 / s.seconds / 1e6);
        report.add("P8", format!("{what}, journal"), mb_per_second, "MB/s", "");
        report.add("P8", what, of(|s| s.seconds), "s", goal);
    }
    report.add(
        "P8",
        format!("verify {wallets} enrollments and {authorizations} authorizations, records"),
        starts
            .verified
            .iter()
            .map(|v| v.records as f64 / v.seconds)
            .collect(),
        "/s",
        ">= 1,000,000",
    );
    Ok(())
}

fn segment_headers(options: &Options, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir_in(&options.data_dir).context("a folder for the journal")?;
    let seconds = segments::measure(folder.path(), options.segments, options.rounds)?;
    let what = format!(
        "headers and seals of {} segments, not in memory before",
        options.segments
    );
    report.add("P8", what, seconds, "s", "<= 1 at 10,000");
    Ok(())
}

fn registrations(options: &Options, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir_in(&options.data_dir).context("a folder for the journal")?;
    let rush = Rush {
        people: options.wallets,
        late: options.late,
        batch: options.batches[0],
        threads: options.threads,
        in_flight: options.in_flight,
    };
    let outcome = registrations::measure(folder.path(), &rush)?;
    registrations::add_rows(report, &rush, &outcome);
    Ok(())
}

fn stalls(options: &Options, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir_in(&options.data_dir).context("a folder for the journal")?;
    let rig = prepared(FileStorage::open_folder(folder.path())?, options.wallets, options)?;
    let stalls = stall::measure(
        rig,
        options.ids,
        options.wallets,
        options.merchants,
        options.rounds,
    )?;
    let what = format!("an answer at full load, {} wallets", options.wallets);
    let quantiles = [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"), (1.0, "slowest")];
    for (when, answers, goal) in [
        ("no snapshot", &stalls.quiet, ""),
        ("during a snapshot", &stalls.snapshot, "<= 5 (slowest)"),
    ] {
        for (quantile, name) in quantiles {
            let ms = answers.value_at_quantile(quantile) as f64 / 1_000.0;
            report.add("P9", format!("{what}, {when}, {name}"), vec![ms], "ms", goal);
        }
    }
    report.add("P9", "a snapshot at full load", stalls.took, "s", "");
    for (when, rate) in ["no snapshot", "during a snapshot"]
        .into_iter()
        .zip(stalls.per_second)
    {
        report.add("P9", format!("batches of 1,000, {when}"), vec![rate], "/s", "");
    }
    Ok(())
}

fn prepared<S: Storage>(storage: S, wallets: u64, options: &Options) -> Result<Rig<S>> {
    let started = std::time::Instant::now();
    let rig = Rig::prepared(
        storage,
        wallets,
        options.merchants,
        options.enroll,
        options.expected_ids,
    )?;
    eprintln!(
        "  {wallets} wallets ({:?}), {} merchants in {:.1} s; {} MiB resident",
        options.enroll,
        options.merchants,
        started.elapsed().as_secs_f64(),
        machine::resident_bytes() >> 20
    );
    Ok(rig)
}
