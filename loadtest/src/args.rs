//! The command line: what can be asked, with its help.

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use satang_loadtest::expected::Asked;
use satang_loadtest::ids::IdVersion;
use satang_loadtest::pacing::{Arrivals, Load};
use satang_loadtest::plan::{Plan, WireForm};
use satang_loadtest::target::Target;
use satang_loadtest::workload::{Mix, Workload};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fmt, fs};

/// Load generator for the HTTP interface of Satang.
///
/// Latencies are counted from the instant a request was due, so a stalled server cannot hide the requests it kept
/// waiting. Tables go to stdout, words to stderr. The first line on stdout of `run`, `register` and `compare` is PASSED, or
/// FAILED and why. A run fails when a request was not answered or not sent, when an answer was not 200 or broke the contract,
/// when more or fewer were approved or accepted than should be, when a reason came that the workload does not earn, when the
/// server was away, when nothing was answered rightly, and when a limit that was asked for was missed. Exit code 0: passed;
/// 1: failed; 2: wrong arguments.
#[derive(Parser)]
#[command(name = "satang-loadtest", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Import the merchants and wallets, then send authorizations at a fixed rate and report.
    Run(RunArgs),
    /// Let people register one by one or in batches, then come late, then ask again; report each phase (goal P7).
    Register(RegisterArgs),
    /// Import the merchants and wallets that `run` refers to; may be repeated.
    Prepare(PrepareArgs),
    /// Serve fixed answers with bare hyper: the ceiling that one-by-one HTTP is compared with.
    Bare(BareArgs),
    /// Start the bare server and `satang serve`, drive both alternately, and print the ratio (goals P3 and P4).
    Compare(CompareArgs),
}

#[derive(Args)]
pub(crate) struct PopulationArgs {
    /// Enrolled wallets that purchases are spread over [default: 100000, for compare 1000000].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) wallets: Option<u64>,
    /// Merchants that purchases are spread over.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) merchants: u64,
    /// Programme in every request.
    #[arg(long, default_value = "thai-chuai-thai-plus-6040")]
    pub(crate) program: String,
    /// Channel in every request.
    #[arg(long, default_value = "store")]
    pub(crate) channel: String,
}

#[derive(Args)]
pub(crate) struct ServerArgs {
    /// The server, as http://host:port.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) server: String,
    /// A header line for every request; may be repeated.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// File with the key every request is sent with; the environment variable SATANG_KEY without. A key has one role: prepare
    /// with that of an administrator, then run with --no-prepare and that of a switch.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct PrepareArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) population: PopulationArgs,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ArrivalsArg {
    Fixed,
    Poisson,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum IdsArg {
    V4,
    V7,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum WireArg {
    Json,
    Binary,
}

/// When requests are due and over how many connections, and what the report is held against.
#[derive(Args)]
pub(crate) struct LoadArgs {
    /// Requests due per second (open loop); batches count as one request.
    #[arg(long, default_value_t = 1_000.0)]
    pub(crate) rate: f64,
    /// Seconds during which requests become due.
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    pub(crate) duration_s: f64,
    /// Seconds at the beginning whose requests count into no rate, latency or share. Wrong or missing answers count.
    #[arg(long, default_value_t = 0.0, value_parser = seconds)]
    pub(crate) warmup_s: f64,
    /// Seconds after the duration in which late answers are waited for; then they are missing, and count with their age.
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    pub(crate) drain_s: f64,
    /// Connections, which is also the most requests in flight.
    #[arg(long, default_value_t = 64)]
    pub(crate) connections: usize,
    /// Sender threads [default: the cores, at most 4 and at most the connections].
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Shape of the schedule.
    #[arg(long, value_enum, default_value_t = ArrivalsArg::Fixed)]
    pub(crate) arrivals: ArrivalsArg,
    /// Closed loop instead: every connection sends again when answered. For peak throughput; hides queueing.
    #[arg(long, conflicts_with_all = ["rate", "arrivals"])]
    pub(crate) closed: bool,
    /// Version of the ids. Ids of version 7 carry the server's time.
    #[arg(long, value_enum, default_value_t = IdsArg::V7)]
    pub(crate) ids: IdsArg,
    /// Seed of purchases and schedule.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Seed of the ids [default: from the clock]; with one already used the server sees repetitions.
    #[arg(long)]
    pub(crate) id_seed: Option<u64>,
    /// Do not check each answer's id, replay flag and batch size, as for the bare server.
    #[arg(long)]
    pub(crate) no_check: bool,
    /// Fail when the p99 from the intended send is above this.
    #[arg(long, value_name = "MS")]
    pub(crate) p99_ms_max: Option<f64>,
    /// Largest share of answers, 0 to 1, that may be 503 because the server is overloaded. A full disk is no overload.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub(crate) overload_max: f64,
    /// A reason of declines or rejections that is no fault of this run, as `outside_hours`; may be repeated. Used-up caps and a full
    /// quota are allowed anyway: the share that must be approved or accepted limits them.
    #[arg(long = "allow-reason", value_name = "REASON")]
    pub(crate) reasons: Vec<String>,
    /// Write the report as JSON, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) population: PopulationArgs,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Authorizations per request; above 1 they go to /v1/authorizations/batch.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) batch: u16,
    /// What authorizations are written as; binary ones go to /v1/authorizations/batch.
    #[arg(long, value_enum, default_value_t = WireArg::Json)]
    pub(crate) wire: WireArg,
    /// Percent of requests that are quotes.
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    pub(crate) quotes: f64,
    /// Percent of requests that reverse an earlier approved authorization.
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    pub(crate) reversals: f64,
    /// Percent of requests that repeat an earlier approved authorization; its answer must say `replayed`.
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    pub(crate) retries: f64,
    /// Do not import merchants and wallets first.
    #[arg(long)]
    pub(crate) no_prepare: bool,
    /// Smallest share of purchases, 0 to 1, that must be approved [default: as many as wallets that buy for the first time in
    /// the run, for which they must have room left].
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) approved_min: Option<f64>,
    /// Largest share of purchases, 0 to 1, that may be approved [default: 1]; without --approved-min none must be.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) approved_max: Option<f64>,
}

#[derive(Args)]
pub(crate) struct RegisterArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Programme that people register for; its registration must be open by the server's clock.
    #[arg(long, default_value = "thai-chuai-thai-plus-6040")]
    pub(crate) program: String,
    /// Number of the first person: below it are those who asked in an earlier run.
    #[arg(long, default_value_t = 0)]
    pub(crate) first_person: u64,
    /// People who register, each once. The phase ends when all of them have asked, or after the duration.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) people: u64,
    /// People after them, in a phase of their own: with a quota of as many people as came before, each is told for the first
    /// time that no place is left.
    #[arg(long, default_value_t = 0)]
    pub(crate) late: u64,
    /// How often the late ones ask again, each time in a phase of its own and under new ids: they were told before.
    #[arg(long, default_value_t = 0, requires = "late")]
    pub(crate) again: u32,
    /// Registrations per request; above 1 they go to /v1/registrations/batch.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) batch: u16,
    /// Smallest share of the first phase's people, 0 to 1, that must be accepted [default: each for whom a place is left]. The late
    /// ones are always held against the places that are left.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) accepted_min: Option<f64>,
    /// Largest share of the first phase's people, 0 to 1, that may be accepted; without --accepted-min none must be.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) accepted_max: Option<f64>,
    /// Every phase is driven like this.
    #[command(flatten)]
    pub(crate) load: LoadArgs,
}

#[derive(Args)]
pub(crate) struct BareArgs {
    /// Where to listen; port 0 takes a free one. The address is printed on stdout.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Threads, each with a runtime and a listening socket of its own [default: the cores].
    #[arg(long)]
    pub(crate) threads: Option<usize>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ClientArg {
    Own,
    Wrk,
}

#[derive(Args)]
pub(crate) struct CompareArgs {
    /// The `satang` binary.
    #[arg(long, value_name = "PATH")]
    pub(crate) server_bin: PathBuf,
    /// Folder of programme files.
    #[arg(long, value_name = "DIR")]
    pub(crate) programs: PathBuf,
    /// Where a data folder of this run is made and removed again: the disk that is measured [default: the temporary folder].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A further argument of `satang serve`; may be repeated.
    #[arg(long = "server-arg", value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) server_args: Vec<String>,
    #[command(flatten)]
    pub(crate) population: PopulationArgs,
    /// Connections of the throughput rounds.
    #[arg(long, default_value_t = 256)]
    pub(crate) connections: usize,
    /// Rounds; each drives both servers.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Seconds per round and server.
    #[arg(long, default_value_t = 8)]
    pub(crate) seconds: u64,
    /// Who sends: our own client, or wrk where installed (it costs less CPU, but sees no decisions).
    #[arg(long, value_enum, default_value_t = ClientArg::Own)]
    pub(crate) client: ClientArg,
    /// Sender threads [default: the cores, at most 4].
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Threads of the bare server [default: the cores].
    #[arg(long)]
    pub(crate) bare_threads: Option<usize>,
    /// Seed of the purchases.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Fail when the median ratio is below this.
    #[arg(long, value_name = "RATIO")]
    pub(crate) ratio_min: Option<f64>,
    /// Write the comparison as JSON, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

impl ServerArgs {
    /// The parsed server.
    pub(crate) fn target(&self) -> anyhow::Result<Target> {
        let mut headers = self.headers.clone();
        headers.extend(self.key_header().map_err(usage)?);
        Target::parse(&self.server, &headers).map_err(|words| usage(anyhow::Error::msg(words)))
    }

    /// The header line of the key, which no error repeats.
    fn key_header(&self) -> anyhow::Result<Option<String>> {
        let (named, key) = match &self.key_file {
            Some(file) => {
                let named = file.display().to_string();
                (named.clone(), fs::read_to_string(file).context(named)?)
            }
            None => match env::var_os(KEY_VARIABLE) {
                Some(key) => (KEY_VARIABLE.to_owned(), key.to_string_lossy().into_owned()),
                None => return Ok(None),
            },
        };
        let key = key.trim();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            bail!("{named}: must be one key and nothing else");
        }
        Ok(Some(format!("authorization: Bearer {key}")))
    }
}

/// The environment variable with the key to send.
const KEY_VARIABLE: &str = "SATANG_KEY";

/// Wrong arguments: the command ends with 2 and prints no verdict.
#[derive(Debug)]
pub(crate) struct Usage(anyhow::Error);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for Usage {}

/// The error as one of the arguments.
pub(crate) fn usage(error: anyhow::Error) -> anyhow::Error {
    anyhow::Error::new(Usage(error))
}

impl LoadArgs {
    /// What the run is held against; the shares have other names for purchases than for registrations.
    pub(crate) fn asked(&self, share_min: Option<f64>, share_max: Option<f64>) -> anyhow::Result<Asked> {
        if let (Some(min), Some(max)) = (share_min, share_max)
            && min > max
        {
            return Err(usage(anyhow::anyhow!(
                "a share of at least {min} and at most {max}: there is none"
            )));
        }
        Ok(Asked {
            share_min,
            share_max,
            reasons: self.reasons.clone(),
            overload_max: self.overload_max,
            p99_ms_max: self.p99_ms_max,
        })
    }

    /// The plan of one authorization after the other under these loads; the caller says what else it is.
    pub(crate) fn plan(&self, target: Target, workload: Workload, id_seed: u64) -> Plan {
        let arrivals = match self.arrivals {
            ArrivalsArg::Fixed => Arrivals::Fixed,
            ArrivalsArg::Poisson => Arrivals::Poisson,
        };
        Plan {
            target,
            load: match self.closed {
                true => Load::Closed,
                false => Load::Open {
                    rate: self.rate,
                    arrivals,
                },
            },
            duration: Duration::from_secs_f64(self.duration_s),
            warmup: Duration::from_secs_f64(self.warmup_s),
            drain: Duration::from_secs_f64(self.drain_s),
            connections: self.connections,
            threads: self
                .threads
                .unwrap_or_else(|| cores().min(4).min(self.connections)),
            people: None,
            workload,
            mix: Mix::default(),
            batch_len: 1,
            wire: WireForm::Json,
            ids: match self.ids {
                IdsArg::V4 => IdVersion::V4,
                IdsArg::V7 => IdVersion::V7,
            },
            seed: self.seed,
            id_seed,
            id_base_unix_ms: 0,
            check_answers: !self.no_check,
        }
    }
}

/// The processors there are.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl PopulationArgs {
    /// The population, with `wallets` unless the operator said otherwise.
    pub(crate) fn workload(&self, wallets: u64) -> Workload {
        Workload {
            program: self.program.clone(),
            channel: self.channel.clone(),
            wallets: self.wallets.unwrap_or(wallets),
            merchants: self.merchants,
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share from 0 to 1, as 0.95".to_owned()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("0 … 86400 seconds".to_owned()),
    }
}
