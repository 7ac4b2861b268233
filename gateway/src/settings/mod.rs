//! What `satang serve` may be told: each setting once, as a flag, from which its variable and its key in a file follow.
//!
//! A flag counts before a variable of the environment, a variable before the file, the file before the default.

mod file;
mod layers;
mod show;
#[cfg(test)]
mod tests;

pub(crate) use layers::{Refusal, Told, read, with_variables};
pub(crate) use show::show;

use crate::server::ServerOptions;
use crate::start::refuse_foreign_address;
use clap::Args;
use satang_core::calendar::Instant;
use satang_engine::clock::{Clock as _, SystemClock};
use satang_engine::maintenance::SnapshotRule;
use satang_log::commit::Pacing;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// What a server may be told, and where that may stand. The name of a field is the key in the file, and in capitals behind `SATANG_`
/// the variable.
#[derive(Args)]
pub(crate) struct Settings {
    /// File of settings in TOML: a key for each flag below, with _ for -. Relative paths in it count from its folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Data folder: journal, person store, key. Created when absent; one process each.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Folder of programme files (*.toml).
    #[arg(long, value_name = "DIR")]
    pub(crate) programs: PathBuf,
    /// Address to listen on; loopback only without --keys, since callers are not authenticated then.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = parse_address)]
    pub(crate) listen: SocketAddr,
    /// Address for /healthz, /readyz and /metrics alone, always in the clear: it answers however busy the other one is.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub(crate) health_listen: Option<SocketAddr>,
    /// Connections from one address (of IPv6, from one network of 64 bits); without: half of all, and no bound on loopback.
    #[arg(long, value_name = "N", value_parser = whole::<u32>(1..=u32::MAX.into(), ""))]
    pub(crate) connections_per_address: Option<u32>,
    /// Seconds that a connection may stay without a request, or leave an answer unread.
    #[arg(long, value_name = "SECONDS", default_value_t = ServerOptions::default().idle_timeout.as_secs(), value_parser = whole::<u64>(1..=86_400, " seconds"))]
    pub(crate) idle_timeout_s: u64,
    /// Who may call, as `satang keys new` writes it; every caller has every role without. Read again on SIGHUP.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// Certificate chain in PEM: speak TLS. Read again on SIGHUP, with the two below.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Roots in PEM: serve only clients with a certificate of theirs.
    #[arg(long, value_name = "FILE")]
    pub(crate) client_ca: Option<PathBuf>,
    /// `simulated:2026-06-15T12:00:00+07:00` runs on from that instant; the operating system's clock without.
    #[arg(long, value_name = "CLOCK", value_parser = parse_clock)]
    pub(crate) clock: Option<Instant>,
    /// Confirm a clock that jumped or does not fit the journal: the instant that it shows; counts for a minute.
    #[arg(long, value_name = "INSTANT", num_args = 0..=1, default_missing_value = "", value_parser = parse_accepted)]
    pub(crate) accept_clock: Option<Instant>,
    /// Refuse to start under a clock that the kernel calls unsynchronized, as it does while no time daemon has set it.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, action = clap::ArgAction::Set)]
    pub(crate) require_synced_clock: bool,
    /// Threads that read, decide and answer; one per core without.
    #[arg(long, value_name = "N", value_parser = whole::<u32>(1..=4_096, " threads"))]
    pub(crate) io_threads: Option<u32>,
    /// Length of a new journal's segment files, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = whole::<u32>(8..=256, " MiB"))]
    pub(crate) segment_mib: u32,
    /// Wallets to reserve memory for at start, so that tables need not grow.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<u64>(0..=EXPECTED_MAX, " wallets"))]
    pub(crate) expect_wallets: u64,
    /// Authorizations to reserve memory for at start.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<u64>(0..=EXPECTED_MAX, " authorizations"))]
    pub(crate) expect_authorizations: u64,
    /// MiB of journal after which a snapshot is taken: less makes a start after a crash faster.
    #[arg(long, value_name = "MIB", default_value_t = SnapshotRule::DEFAULT.journal_bytes >> 20, value_parser = whole::<u64>(1..=1 << 30, " MiB"))]
    pub(crate) snapshot_mib: u64,
    /// MiB per second at which sealed segments, indexes of old ids and snapshots are read once more, to find damage; 0 reads nothing.
    #[arg(long, value_name = "MIB", default_value_t = 8, value_parser = whole::<u32>(0..=65_536, " MiB per second"))]
    pub(crate) scrub_mib_per_s: u32,
    /// Under load, microseconds the journal waits for a fuller group before it flushes; 0 never waits.
    #[arg(long, value_name = "MICROSECONDS", default_value_t = Pacing::DEFAULT.wait_max.as_micros() as u64, value_parser = whole::<u64>(0..=1_000_000, " microseconds"))]
    pub(crate) group_wait_us: u64,
}

/// As many wallets or authorizations as memory can be reserved for.
const EXPECTED_MAX: u64 = 4_000_000_000;

impl Settings {
    /// Refuses settings that do not go together, wherever they stand.
    pub(crate) fn check(&self, told: &Told) -> Result<(), Refusal> {
        let refuse = |setting: &str, reason: String| {
            let named = told.named(setting);
            Err(Refusal::new(format!("{named}: {reason}")))
        };
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => {
                return refuse(
                    "tls_cert",
                    "needs tls_key, the private key of the certificate".into(),
                );
            }
            (None, Some(_)) => return refuse("tls_key", "needs tls_cert, the certificate of the key".into()),
            (None, None) if self.client_ca.is_some() => {
                return refuse(
                    "client_ca",
                    "needs tls_cert and tls_key: the port speaks no TLS".into(),
                );
            }
            (None, None) | (Some(_), Some(_)) => {}
        }
        let has_keys = self.keys.is_some();
        let addresses = [
            ("listen", Some(self.listen)),
            ("health_listen", self.health_listen),
        ];
        for (setting, address) in addresses {
            if let Some(address) = address {
                refuse_foreign_address(&told.named(setting), address, has_keys)
                    .map_err(|error| Refusal::new(error.to_string()))?;
            }
        }
        if self.health_listen == Some(self.listen) && self.listen.port() != 0 {
            let reason = format!("is the address of {}, too: take another", told.named("listen"));
            return refuse("health_listen", reason);
        }
        if self.require_synced_clock && self.clock.is_some() {
            let reason = format!(
                "does not go with {}: no time daemon keeps a simulated clock",
                told.named("clock")
            );
            return refuse("require_synced_clock", reason);
        }
        Ok(())
    }
}

/// A whole number of a range; `unit` is what follows it in words.
fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
    unit: &'static str,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        // No sign and no blank, as a number in a file has none.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text
            .parse()
            .ok()
            .filter(|number| digits && range.contains(number));
        let number = number.and_then(|number: u64| T::try_from(number).ok());
        number.ok_or_else(|| {
            format!(
                "must be a whole number, {} to {}{unit}",
                range.start(),
                range.end()
            )
        })
    }
}

fn parse_clock(text: &str) -> Result<Instant, String> {
    let instant = text
        .strip_prefix("simulated:")
        .ok_or("must be like simulated:2026-06-15T12:00:00+07:00")?;
    Instant::parse(instant).map_err(|error| error.to_string())
}

/// An address to listen on: `127.0.0.1:8080`, `localhost:8080`, or a port of this machine alone, `8080`.
pub(crate) fn parse_address(text: &str) -> Result<SocketAddr, String> {
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
