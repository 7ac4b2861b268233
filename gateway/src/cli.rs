//! The command line: one binary, `satang`. Data goes to stdout, words to stderr; exit 0 only on success.

use crate::client::Client;
use crate::commands::{backup, verify};
use crate::server::ServerOptions;
use crate::start::{Running, StartOptions, read_programs};
use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use satang_core::calendar::Instant;
use satang_engine::commit::Pacing;
use satang_engine::journal::Layout;
use satang_engine::keeper::SnapshotRule;
use satang_engine::open::Expected;
use std::fs::File;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;

/// Satang decides Thailand's co-payment purchases in microseconds, journals each before it answers, and settles them at night.
#[derive(Parser)]
#[command(name = "satang", version, about, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve authorizations over HTTP.
    Serve(ServeArgs),
    /// Show a day of purchases through a real server on this machine, then keep serving.
    Demo(DemoArgs),
    /// Send a file of merchants or enrollments to a running server.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Decide a data folder's whole journal again, and compare: for auditors. Reads only, also while a server runs.
    Verify(verify::VerifyArgs),
    /// Copy what is new in a data folder, also while a server runs.
    Backup(backup::BackupArgs),
    /// Make a new data folder of a backup.
    Restore(backup::RestoreArgs),
}

#[derive(Args)]
struct ServeArgs {
    /// Data folder: journal, person store, key. Created when absent; one process each.
    #[arg(long)]
    data_dir: PathBuf,
    /// Folder of programme files (*.toml).
    #[arg(long)]
    programs: PathBuf,
    /// Address to listen on; loopback only, since callers are not authenticated.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// `simulated:2026-06-15T12:00:00+07:00` runs on from that instant; the operating system's clock without.
    #[arg(long, value_parser = parse_clock)]
    clock: Option<Instant>,
    /// Confirm a clock that jumped or is behind the journal.
    #[arg(long)]
    accept_clock: bool,
    /// Threads that read, decide and answer; one per core without.
    #[arg(long)]
    io_threads: Option<usize>,
    /// Length of a new journal's segment files, in MiB: 8 to 256.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(8..=256))]
    segment_mib: u32,
    /// Wallets to reserve memory for at start, so that tables need not grow.
    #[arg(long, default_value_t = 0)]
    expect_wallets: usize,
    /// Authorizations to reserve memory for at start.
    #[arg(long, default_value_t = 0)]
    expect_authorizations: usize,
    /// MiB of journal after which a snapshot is taken: less makes a start after a crash faster.
    #[arg(long, default_value_t = SnapshotRule::DEFAULT.journal_bytes >> 20)]
    snapshot_mib: u64,
    /// Under load, microseconds the journal waits for a fuller group before it flushes; 0 never waits.
    #[arg(long, default_value_t = Pacing::DEFAULT.wait_max.as_micros() as u64)]
    group_wait_us: u64,
}

#[derive(Args)]
struct DemoArgs {
    /// Data folder to keep; a temporary one without.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Address to listen on; another port when it is taken and none was asked for.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// End after the day instead of serving on.
    #[arg(long)]
    exit: bool,
}

#[derive(Subcommand)]
enum ImportCommand {
    /// NDJSON, one merchant a line: {"merchant_id", "name", "category", "status", "programs", "channels", …}.
    Merchants(ImportArgs),
    /// NDJSON, one entitlement a line: {"program", "wallet_id", "citizen_id", "usable_from"?}.
    Enrollments(ImportArgs),
}

#[derive(Args)]
struct ImportArgs {
    /// The file.
    file: PathBuf,
    /// The running server.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    server: String,
}

fn parse_clock(text: &str) -> Result<Instant, String> {
    let instant = text
        .strip_prefix("simulated:")
        .ok_or("must be like simulated:2026-06-15T12:00:00+07:00")?;
    Instant::parse(instant).map_err(|error| error.to_string())
}

/// Reads the command line and runs it: words to stderr, exit 1 with one line when it fails.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_max_level(cli.log_level())
        .with_target(false)
        .init();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("satang: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Cli {
    /// How much is said on stderr: the demo speaks for itself.
    fn log_level(&self) -> LevelFilter {
        match self.command {
            Command::Demo(_) => LevelFilter::ERROR,
            Command::Serve(_)
            | Command::Import(_)
            | Command::Verify(_)
            | Command::Backup(_)
            | Command::Restore(_) => LevelFilter::INFO,
        }
    }

    /// Runs the command.
    ///
    /// # Errors
    /// One line for stderr; the process exits with 1.
    fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Serve(args) => serve(args),
            Command::Demo(args) => crate::demo::run(args.data_dir, args.listen, args.exit),
            Command::Import(ImportCommand::Merchants(args)) => import("/v1/merchants/import", args),
            Command::Import(ImportCommand::Enrollments(args)) => import("/v1/enrollments/import", args),
            Command::Verify(args) => verify::run(&args),
            Command::Backup(args) => backup::run(&args),
            Command::Restore(args) => backup::run_restore(&args),
        }
    }
}

/// Lets the process open as many files as the system allows it: each connection takes one.
fn raise_open_files_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    ) {
        tracing::warn!(%error, "the limit on open files stays as it is");
    }
}

fn serve(args: ServeArgs) -> anyhow::Result<()> {
    raise_open_files_limit();
    let mut server = ServerOptions {
        listen: args.listen,
        ..ServerOptions::default()
    };
    server.io_threads = args.io_threads.unwrap_or(server.io_threads);
    let options = StartOptions {
        data_dir: args.data_dir.clone(),
        programs: read_programs(&args.programs)?,
        server,
        simulated_clock: args.clock,
        accept_clock: args.accept_clock,
        layout: Layout {
            segment_bytes: args.segment_mib << 20,
            ..Layout::DEFAULT
        },
        pacing: Pacing {
            wait_max: Duration::from_micros(args.group_wait_us),
            ..Pacing::DEFAULT
        },
        expected: Expected {
            wallets: args.expect_wallets,
            ids: args.expect_authorizations,
        },
        snapshots: SnapshotRule {
            journal_bytes: args.snapshot_mib << 20,
        },
    };
    let started = std::time::Instant::now();
    let bar = byte_bar("replaying the journal");
    let running = Running::start(options, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    report_start(&running, started.elapsed(), args.data_dir.display());
    wait_for_the_end(running)
}

fn report_start(running: &Running, took: Duration, folder: impl std::fmt::Display) {
    let found = running.recovered;
    match found.new {
        true => tracing::info!("a new journal was begun in {folder}"),
        false => tracing::info!(
            "{}{} records ({} MiB of journal) replayed in {:.2} s from {folder}",
            match found.snapshot {
                Some(sequence) => format!("a snapshot through sequence {sequence} read, "),
                None => String::new(),
            },
            found.records,
            found.bytes >> 20,
            took.as_secs_f64()
        ),
    }
    if found.torn_bytes > 0 {
        tracing::warn!(
            "{} bytes of a write that never finished were cut off; nobody was answered by it",
            found.torn_bytes
        );
    }
    if running.direct_refused {
        tracing::warn!(
            "the file system refuses direct I/O: commits go through the page cache, flushed all the same"
        );
    }
    if let Err(error) = running.engine().now() {
        tracing::error!(%error, "nothing is decided");
    }
    tracing::info!(
        "listening on http://{}; loopback only: callers are not authenticated",
        running.addr()
    );
}

/// Serves until a signal or the journal's failure.
pub(crate) fn wait_for_the_end(running: Running) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut look = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = look.tick() => if running.has_failed() { break },
            }
        }
        anyhow::Ok(())
    })?;
    if !running.has_failed() {
        tracing::info!("stopping: requests in progress are answered, the journal is flushed");
    }
    running.stop()
}

fn import(path: &str, args: ImportArgs) -> anyhow::Result<()> {
    let named = || args.file.display().to_string();
    let file = File::open(&args.file).with_context(named)?;
    let bar = byte_bar("sending");
    bar.set_length(file.metadata().with_context(named)?.len());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let sent = bar.clone();
    let (status, answer) = tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut client = Client::connect(&args.server).await?;
        client
            .upload(path, file, move |bytes| sent.inc(bytes))
            .await
            .with_context(named)
    })?;
    bar.finish_and_clear();
    let answer = String::from_utf8_lossy(&answer);
    if !status.is_success() {
        bail!("{}: the server answered {status}: {answer}", named());
    }
    println!("{answer}");
    let report: serde_json::Value = serde_json::from_str(&answer).context("the server's answer")?;
    match report["rejected"].as_u64() {
        Some(0) => Ok(()),
        rejected => bail!(
            "{}: {} lines were rejected",
            named(),
            rejected.unwrap_or_default()
        ),
    }
}

/// A bar for what may take over two seconds, on a terminal only.
pub(crate) fn byte_bar(what: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let template = "{msg} {wide_bar} {bytes}/{total_bytes} {eta}";
    let style = ProgressStyle::with_template(template).expect("the template is constant");
    ProgressBar::new(0).with_style(style).with_message(what)
}
