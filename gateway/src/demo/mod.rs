//! `satang demo`: one readable day through a real server on this machine, over its own HTTP port.
//!
//! Every line is a request that was answered; nothing is made up. The clock is simulated and begins at noon on 15 June 2026,
//! the first day of food delivery in ไทยช่วยไทย พลัส 60/40.

mod day;

use crate::output::show;
use crate::programs::ProgramSource;
use crate::reload::Reloads;
use crate::server::ServerOptions;
use crate::signals::{Signals, wait_for_the_end};
use crate::start::{Running, StartOptions};
use anyhow::Context;
use satang_core::calendar::Instant;
use satang_engine::maintenance::SnapshotRule;
use satang_engine::recovery::open::Expected;
use satang_log::commit::Pacing;
use satang_log::file::Layout;
use std::fs::Permissions;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tokio::task::LocalSet;

/// The shipped programme files, so that the demo needs nothing but the binary.
const PROGRAMS: [(&str, &str); 4] = [
    (
        "khon-la-khrueng-4.toml",
        include_str!("../../../programs/khon-la-khrueng-4.toml"),
    ),
    (
        "khon-la-khrueng-plus.toml",
        include_str!("../../../programs/khon-la-khrueng-plus.toml"),
    ),
    (
        "state-welfare-card.toml",
        include_str!("../../../programs/state-welfare-card.toml"),
    ),
    (
        "thai-chuai-thai-plus-6040.toml",
        include_str!("../../../programs/thai-chuai-thai-plus-6040.toml"),
    ),
];

/// The port that is tried first.
const PORT: u16 = 8080;

/// Runs the demo; `exit` ends it after the day, else it serves on until a signal.
///
/// # Errors
/// When the server does not start or a request is not answered as it must be.
pub fn run(data_dir: Option<PathBuf>, listen: Option<SocketAddr>, exit: bool) -> anyhow::Result<()> {
    let temporary = match data_dir {
        Some(_) => None,
        None => Some(
            tempfile::Builder::new()
                .prefix("satang-demo-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir()
                .context("a temporary folder")?,
        ),
    };
    let folder: &Path = match (&data_dir, &temporary) {
        (Some(folder), _) => folder,
        (None, Some(temporary)) => temporary.path(),
        (None, None) => unreachable!("one of them is made above"),
    };
    let listen = listen.map_or_else(free_address, Ok)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let running = start(folder, listen)?;
    let listen = running.addr();
    let server = format!("http://{listen}");
    show!("Satang is listening on {server}, data in {}", folder.display());
    let mut day = day::Day::new(&server);
    LocalSet::new().block_on(&runtime, day.before_the_restart())?;
    running.stop()?;
    let running = start(folder, listen)?;
    show!("{}", day::restart_line(running.recovered.records));
    LocalSet::new().block_on(&runtime, day.after_the_restart())?;
    day.print_curl();
    if exit {
        return running.stop();
    }
    show!("\nServing on; end it with Ctrl-C.");
    wait_for_the_end(running, Signals::listen()?, &Reloads::default())
}

fn start(folder: &Path, listen: SocketAddr) -> anyhow::Result<Running> {
    let noon = Instant::parse("2026-06-15T12:00:00+07:00").expect("a constant instant");
    let options = StartOptions {
        data_dir: folder.to_owned(),
        programs: ProgramSource::new(|| {
            let owned = |(file, text): (&str, &str)| (file.to_owned(), text.to_owned());
            Ok(PROGRAMS.map(owned).to_vec())
        }),
        server: ServerOptions {
            listen,
            ..ServerOptions::default()
        },
        health_listen: None,
        keys: None,
        simulated_clock: Some(noon),
        accept_clock: None,
        require_synced_clock: false,
        layout: Layout {
            segment_bytes: 16 << 20,
            ..Layout::DEFAULT
        },
        pacing: Pacing::DEFAULT,
        expected: Expected::default(),
        snapshots: SnapshotRule::DEFAULT,
        scrub: None,
    };
    Running::start(options, &mut |_, _| {}, || {})
}

/// The usual port, or a free one when somebody has it.
fn free_address() -> io::Result<SocketAddr> {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    match TcpListener::bind(usual) {
        Ok(_) => Ok(usual),
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr(),
    }
}
