//! The command line: one binary, `satang`. Data goes to stdout, words to stderr; exit 0 only on success.

use crate::bar::byte_bar;
use crate::client::ServerArgs;
use crate::commands::{backup, erase, import, programs, verify};
use crate::keys::{self, KeyRing, Role};
use crate::output;
use crate::programs::ProgramSource;
use crate::reload::Reloads;
use crate::server::{ServerOptions, Tls};
use crate::signals::{Signals, wait_for_the_end};
use crate::start::{Running, StartOptions};
use crate::tls::{TlsFiles, readable_by_others};
use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use satang_core::calendar::Instant;
use satang_core::ids::Name;
use satang_engine::clock::{Clock as _, SystemClock};
use satang_engine::maintenance::SnapshotRule;
use satang_engine::recovery::open::Expected;
use satang_engine::scrub::Pace;
use satang_log::commit::Pacing;
use satang_log::file::Layout;
use std::io::IsTerminal as _;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Satang decides Thailand's co-payment purchases in microseconds, and journals each before it answers.
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
    /// Address to listen on; loopback only without --keys, since callers are not authenticated then.
    #[arg(long, default_value = "127.0.0.1:8080", value_parser = parse_address)]
    listen: SocketAddr,
    /// Address for /healthz, /readyz and /metrics alone, always in the clear: it answers however busy the other one is.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    health_listen: Option<SocketAddr>,
    /// Connections from one address (of IPv6, from one network of 64 bits); without: half of all, and no bound on loopback.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    connections_per_address: Option<u32>,
    /// Seconds that a connection may stay without a request, or leave an answer unread.
    #[arg(long, value_name = "SECONDS", default_value_t = ServerOptions::default().idle_timeout.as_secs(), value_parser = clap::value_parser!(u64).range(1..=86_400))]
    idle_timeout_s: u64,
    /// Who may call, as `satang keys new` writes it; every caller has every role without. Read again on SIGHUP.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Certificate chain in PEM: speak TLS. Read again on SIGHUP, with the two below.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Roots in PEM: serve only clients with a certificate of theirs.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    client_ca: Option<PathBuf>,
    /// `simulated:2026-06-15T12:00:00+07:00` runs on from that instant; the operating system's clock without.
    #[arg(long, value_parser = parse_clock)]
    clock: Option<Instant>,
    /// Confirm a clock that jumped or does not fit the journal: the instant that it shows; counts for a minute.
    #[arg(long, value_name = "INSTANT", num_args = 0..=1, default_missing_value = "", value_parser = parse_accepted)]
    accept_clock: Option<Instant>,
    /// Refuse to start under a clock that the kernel calls unsynchronized, as it does while no time daemon has set it.
    #[arg(long, conflicts_with = "clock")]
    require_synced_clock: bool,
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
    #[arg(long, default_value_t = SnapshotRule::DEFAULT.journal_bytes >> 20, value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    snapshot_mib: u64,
    /// MiB per second at which sealed segments, indexes of old ids and snapshots are read once more, to find damage; 0 reads nothing.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=65_536))]
    scrub_mib_per_s: u32,
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
    /// Print the names and roles of a keys file.
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

fn parse_clock(text: &str) -> Result<Instant, String> {
    let instant = text
        .strip_prefix("simulated:")
        .ok_or("must be like simulated:2026-06-15T12:00:00+07:00")?;
    Instant::parse(instant).map_err(|error| error.to_string())
}

/// An address to listen on: `127.0.0.1:8080`, `localhost:8080`, or a port of this machine alone, `8080`.
fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let wanted = "must be like 127.0.0.1:8080, localhost:8080 or 8080";
    let port = text.strip_prefix(':').unwrap_or(text);
    if let Ok(port) = port.parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let found = text
        .to_socket_addrs()
        .map_err(|error| match text.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => format!("{wanted}; {error}"),
            _ => wanted.to_owned(),
        })?;
    let mut found: Vec<SocketAddr> = found.collect();
    // Where a name has addresses of both kinds, clients try either; scripts mostly IPv4.
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(|| wanted.to_owned())
}

fn parse_accepted(text: &str) -> Result<Instant, String> {
    Instant::parse(text).map_err(|error| match SystemClock::start().now() {
        Ok(now) => format!("{error}; to confirm what the clock shows now: --accept-clock={now}"),
        Err(untrusted) => untrusted.to_string(),
    })
}

/// Reads the command line and runs it: words to stderr, exit 1 with one line when it fails.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    output::start();
    log_to_words(cli.log_level());
    let outcome = cli.run();
    let shown = output::finish().context("standard output");
    let failure = outcome.and(shown).err();
    output::finish_words(failure.as_ref().map(|error| format!("satang: {error:#}\n")));
    match failure {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    }
}

/// Log lines of this product from `level` on; of libraries, which tell of every broken connection, errors alone.
fn log_to_words(level: LevelFilter) {
    let ours = Targets::new()
        .with_target("satang", level)
        .with_default(level.min(LevelFilter::ERROR));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(output::Words)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    tracing_subscriber::registry()
        .with(lines.with_filter(ours))
        .init();
}

impl Cli {
    /// How much is said on stderr: the demo speaks for itself.
    fn log_level(&self) -> LevelFilter {
        match self.command {
            Command::Demo(_) => LevelFilter::ERROR,
            Command::Serve(_)
            | Command::Import(_)
            | Command::Erase(_)
            | Command::Programs(_)
            | Command::Keys(_)
            | Command::Explain(_)
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
            Command::Explain(args) => {
                let (server, credentials) = (&args.server, args.server.credentials()?);
                crate::explain::run(&args.txn_id, &server.server, &credentials, server.silence_max())
            }
            Command::Import(command) => import::run(&command),
            Command::Erase(args) => erase::run(&args),
            Command::Programs(command) => programs::run(&command),
            Command::Keys(KeysCommand::New(args)) => keys::new(args.name, args.role, args.file.as_deref()),
            Command::Keys(KeysCommand::List(args)) => keys::list(&args.file),
            Command::Verify(args) => verify::run(&args),
            Command::Backup(args) => backup::run(&args),
            Command::Restore(args) => backup::run_restore(&args),
        }
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

fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let starting = Signals::listen()?.watch_start();
    keep_memory_private();
    let files_max = raise_open_files_limit();
    let reloads = read_access(&args)?;
    let mut server = ServerOptions {
        listen: args.listen,
        tls: reloads.tls.as_ref().map(|(_, tls)| tls.clone()),
        ..ServerOptions::default()
    };
    server.io_threads = args.io_threads.unwrap_or(server.io_threads);
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
            wallets: args.expect_wallets,
            ids: args.expect_authorizations,
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
    report_start(&running, started.elapsed(), args.data_dir.display());
    tracing::info!("at most {connections} connections, with a limit of {files_max} open files");
    report_access(&reloads, running.addr());
    if let Some(addr) = running.health_addr() {
        tracing::info!("probes and metrics on http://{addr}");
    }
    wait_for_the_end(running, signals.expect("the start was done"), &reloads)
}

/// Reads what says who may call, before anything is touched.
fn read_access(args: &ServeArgs) -> anyhow::Result<Reloads> {
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
        tracing::error!(%error, "nothing is decided");
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

#[cfg(test)]
mod tests {
    use super::parse_address;

    #[test]
    fn an_address_may_be_a_name_or_a_port_alone() {
        let parsed = |text| parse_address(text).map(|address| address.to_string());
        for text in ["8080", ":8080", "localhost:8080", "127.0.0.1:8080"] {
            assert_eq!(parsed(text).as_deref(), Ok("127.0.0.1:8080"), "{text}");
        }
        assert_eq!(parsed("[::1]:80").as_deref(), Ok("[::1]:80"));
        for text in [
            "",
            "localhost",
            "80800",
            "127.0.0.1",
            "http://127.0.0.1:8080/",
            "no.such.name.invalid:80",
        ] {
            let refused = parsed(text).unwrap_err();
            assert!(
                refused.starts_with("must be like 127.0.0.1:8080"),
                "{text}: {refused}"
            );
        }
    }
}
