//! The command line: one binary, `satang`. Data goes to stdout, words to stderr; exit 0 only on success.

use crate::bar::byte_bar;
use crate::client::ServerArgs;
use crate::commands::{backup, cold, erase, import, programs, verify};
use crate::keys::{self, KeyRing, Role};
use crate::log::{self, LogFormat, LogLevel, LogSettings};
use crate::output::{self, causes};
use crate::programs::ProgramSource;
use crate::reload::Reloads;
use crate::server::{ServerOptions, Tls};
use crate::settings::{self, Refusal, Settings, Told, parse_address};
use crate::signals::{Signals, wait_for_the_end};
use crate::start::{Running, StartOptions};
use crate::tls::{TlsFiles, readable_by_others};
use crate::version::VERSION;
use anyhow::Context as _;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use satang_core::ids::Name;
use satang_engine::maintenance::SnapshotRule;
use satang_engine::recovery::open::Expected;
use satang_engine::scrub::Pace;
use satang_log::commit::Pacing;
use satang_log::file::Layout;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Satang decides Thailand's co-payment purchases in microseconds, and journals each before it answers.
#[derive(Parser)]
#[command(name = "satang", version = VERSION, about, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    log: LogSettings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve authorizations over HTTP.
    Serve(Box<Settings>),
    /// Print every setting of `serve` with its value, and where that stands: flag, environment, file or default.
    Config(Box<ConfigArgs>),
    /// Show a day of purchases through a real server on this machine, then keep serving.
    Demo(DemoArgs),
    /// Send a file of merchants, a list's citizens or enrollments to a running server.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Erase citizens on a running server: the person store forgets them, their wallets are suspended for good.
    Erase(erase::EraseArgs),
    /// Look at programme files without a server.
    #[command(subcommand)]
    Programs(programs::ProgramsCommand),
    /// Make a key for a caller, or list a file of them.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Explain a purchase on a page to be read aloud, in Thai and English: what was decided, why, and what is left.
    Explain(ExplainArgs),
    /// Decide a data folder's whole journal again, and compare: for auditors. Reads only, also while a server runs.
    Verify(verify::VerifyArgs),
    /// Keep the cold store: tables made from the journal, for analysts, auditors and settlement.
    #[command(subcommand)]
    Cold(cold::ColdCommand),
    /// Copy what is new in a data folder, also while a server runs.
    Backup(backup::BackupArgs),
    /// Make a new data folder of a backup.
    Restore(backup::RestoreArgs),
}

#[derive(Args)]
struct ConfigArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
struct DemoArgs {
    /// Data folder to keep; a temporary one without.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Address to listen on; another port when it is taken and none was asked for.
    #[arg(long, value_parser = parse_address)]
    listen: Option<SocketAddr>,
    /// End after the day instead of serving on.
    #[arg(long)]
    exit: bool,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Make a key. It is printed on stdout, this once; a server keeps only its hash.
    New(KeysNewArgs),
    /// Print the keys of a file: name, role, fingerprint, and what narrows their use.
    List(KeysListArgs),
}

#[derive(Args)]
struct KeysNewArgs {
    /// Whose key it is, of a-z, 0-9 and -; stands in the record of every change made with it.
    #[arg(long, value_parser = |text: &str| Name::parse(text))]
    name: Name,
    /// What it may be used for: switch, registrar, settlement, admin or viewer.
    #[arg(long, value_parser = parse_role)]
    role: Role,
    /// Keys file to append the hash to, made when absent; printed on stderr without.
    #[arg(long)]
    file: Option<PathBuf>,
}

#[derive(Args)]
struct KeysListArgs {
    /// The keys file.
    #[arg(long)]
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn parse_role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| format!("must be one of {}", Role::ALL.map(Role::name).join(", ")))
}

#[derive(Args)]
struct ExplainArgs {
    /// The purchase's txn_id.
    txn_id: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Reads the command line and runs it: words to stderr, exit 1 with one line when it fails.
pub fn main() -> ExitCode {
    output::start();
    let outcome = settings::read(command(), std::env::args_os().collect()).and_then(Cli::told);
    let outcome = match outcome {
        Ok((cli, told)) => cli.run(&told),
        Err(refusal) => {
            if refusal.wants_json {
                output::speak_json();
            }
            Err(refusal.reason)
        }
    };
    let shown = output::finish().context("standard output");
    let failure = outcome.and(shown).err();
    output::finish_words(failure.as_ref().map(|error| format!("satang: {}", causes(error))));
    match failure {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    }
}

/// The whole command line, with the variables of its settings: for the manual and the completions.
pub fn command() -> clap::Command {
    settings::with_variables(Cli::command())
}

impl Cli {
    /// Turns what was told into what is done, and starts the log.
    fn told(told: Told) -> Result<(Cli, Told), Refusal> {
        let mut cli = Cli::from_arg_matches(&told.matches).unwrap_or_else(|error| error.exit());
        // The demo speaks for itself.
        if matches!(cli.command, Command::Demo(_)) && told.is_default("log_level") {
            cli.log.log_level = LogLevel::Error;
        }
        if cli.log.log_format == LogFormat::Json {
            output::speak_json();
        }
        log::start(&cli.log);
        match &cli.command {
            Command::Serve(settings) => settings.check(&told)?,
            Command::Config(args) => args.settings.check(&told)?,
            Command::Demo(_)
            | Command::Import(_)
            | Command::Erase(_)
            | Command::Programs(_)
            | Command::Keys(_)
            | Command::Explain(_)
            | Command::Verify(_)
            | Command::Cold(_)
            | Command::Backup(_)
            | Command::Restore(_) => {}
        }
        Ok((cli, told))
    }

    /// Runs the command.
    ///
    /// # Errors
    /// One line for stderr; the process exits with 1.
    fn run(self, told: &Told) -> anyhow::Result<()> {
        match self.command {
            Command::Serve(settings) => serve(*settings, told),
            Command::Config(args) => {
                warn_about_variables(told);
                settings::show(told, args.json);
                Ok(())
            }
            Command::Demo(args) => crate::demo::run(args.data_dir, args.listen, args.exit),
            Command::Explain(args) => {
                let (server, credentials) = (&args.server, args.server.credentials()?);
                crate::explain::run(&args.txn_id, &server.server, &credentials, server.silence_max())
            }
            Command::Import(command) => import::run(&command),
            Command::Erase(args) => erase::run(&args),
            Command::Programs(command) => programs::run(&command),
            Command::Keys(KeysCommand::New(args)) => keys::new(args.name, args.role, args.file.as_deref()),
            Command::Keys(KeysCommand::List(args)) => keys::list(&args.file, args.json),
            Command::Verify(args) => verify::run(&args),
            Command::Cold(command) => cold::run(&command),
            Command::Backup(args) => backup::run(&args),
            Command::Restore(args) => backup::run_restore(&args),
        }
    }
}

/// A variable that looks like a setting and is none is perhaps a slip, and nothing is ignored in silence.
fn warn_about_variables(told: &Told) {
    let unknown = told.unknown_variables();
    if !unknown.is_empty() {
        tracing::warn!(
            "no settings, and not read: {}; `satang serve --help` names those there are",
            unknown.join(", ")
        );
    }
}

/// Lets the process open as many files as the system allows it, since each connection takes one; and how many those are.
fn raise_open_files_limit() -> u64 {
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
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Keeps what is in memory, keys and the citizens' secret among it, out of core dumps and of other processes' debuggers.
fn keep_memory_private() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let nothing = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let no_core = setrlimit(Resource::Core, nothing);
    let not_dumpable = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Err(error) = no_core.and(not_dumpable) {
        tracing::warn!(%error, "a crash may leave a core dump with secrets in it");
    }
}

fn serve(args: Settings, told: &Told) -> anyhow::Result<()> {
    let starting = Signals::listen()?.watch_start();
    keep_memory_private();
    let files_max = raise_open_files_limit();
    let reloads = read_access(&args)?;
    let mut server = ServerOptions {
        listen: args.listen,
        tls: reloads.tls.as_ref().map(|(_, tls)| tls.clone()),
        ..ServerOptions::default()
    };
    server.io_threads = args
        .io_threads
        .map_or(server.io_threads, |threads| threads as usize);
    let mut server = server.within(files_max);
    server.idle_timeout = Duration::from_secs(args.idle_timeout_s);
    let connections = server.connections_max;
    server.connections_per_address = match args.connections_per_address {
        Some(connections) => Some(connections as usize),
        None if args.listen.ip().is_loopback() => None,
        None => Some((connections / 2).max(1)),
    };
    // An eighth is kept for callers that have shown a key.
    server.strangers_max = args.keys.is_some().then(|| connections - connections / 8);
    let options = StartOptions {
        data_dir: args.data_dir.clone(),
        programs: ProgramSource::folder(args.programs),
        server,
        health_listen: args.health_listen,
        keys: reloads.keys.as_ref().map(|(_, ring)| ring.clone()),
        simulated_clock: args.clock,
        accept_clock: args.accept_clock,
        require_synced_clock: args.require_synced_clock,
        layout: Layout {
            segment_bytes: args.segment_mib << 20,
            ..Layout::DEFAULT
        },
        pacing: Pacing {
            wait_max: Duration::from_micros(args.group_wait_us),
            ..Pacing::DEFAULT
        },
        expected: Expected {
            wallets: args.expect_wallets as usize,
            ids: args.expect_authorizations as usize,
        },
        snapshots: SnapshotRule {
            journal_bytes: args.snapshot_mib << 20,
        },
        scrub: Pace::of(args.scrub_mib_per_s),
    };
    let started = std::time::Instant::now();
    let bar = byte_bar("replaying the journal");
    let mut progress = |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let mut signals = None;
    let running = Running::start(options, &mut progress, || signals = Some(starting.done()))?;
    bar.finish_and_clear();
    // Only now: a refusal to start is one line.
    tracing::info!("satang {VERSION}");
    warn_about_variables(told);
    report_start(&running, started.elapsed(), args.data_dir.display());
    tracing::info!("at most {connections} connections, with a limit of {files_max} open files");
    report_access(&reloads, running.addr());
    if let Some(addr) = running.health_addr() {
        tracing::info!("probes and metrics on http://{addr}");
    }
    wait_for_the_end(running, signals.expect("the start was done"), &reloads)
}

/// Reads what says who may call, before anything is touched.
fn read_access(args: &Settings) -> anyhow::Result<Reloads> {
    let mut reloads = Reloads::default();
    if let Some(path) = &args.keys {
        reloads.keys = Some((path.clone(), KeyRing::new(keys::read(path)?)));
    }
    if let (Some(cert), Some(key)) = (args.tls_cert.clone(), args.tls_key.clone()) {
        let client_ca = args.client_ca.clone();
        let files = TlsFiles { cert, key, client_ca };
        let tls = Tls::new(files.load()?);
        reloads.tls = Some((files, tls));
    }
    Ok(reloads)
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
        tracing::error!(%error, "nothing is decided, and the programme files are not installed");
    }
}

/// Says where and to whom the server listens, and what about that is careless.
fn report_access(reloads: &Reloads, addr: SocketAddr) {
    let scheme = if reloads.tls.is_some() { "https" } else { "http" };
    let Some((keys, _)) = &reloads.keys else {
        return tracing::info!(
            "listening on {scheme}://{addr}; loopback only: callers are not authenticated"
        );
    };
    if let Some(mode) = readable_by_others(keys) {
        tracing::warn!(
            "{}: others may read it (mode {mode:o}); it holds hashes only",
            keys.display()
        );
    }
    match &reloads.tls {
        Some((files, _)) => {
            if let Some(mode) = readable_by_others(&files.key) {
                tracing::warn!(
                    "{}: others may read this private key (mode {mode:o})",
                    files.key.display()
                );
            }
        }
        None if !addr.ip().is_loopback() => {
            tracing::warn!("{addr} speaks without TLS: keys travel in the clear");
        }
        None => {}
    }
    tracing::info!("listening on {scheme}://{addr}; callers need a key");
}
