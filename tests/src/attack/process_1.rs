//! The server is process 1 of its namespace, as in a container: a signal that it does not handle does nothing there.

use super::ground::{Ground, Orders};
use super::traffic::{buy, lengthen};
use super::{Attack, Verdict};
use crate::process::{ServerProcess, signal};
use crate::site::{NOON, purchase};
use crate::wire::Wire;
use anyhow::{Context as _, bail, ensure};
use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

pub const ATTACK: Attack = Attack {
    name: "process-1",
    what: "as process 1, SIGTERM while it serves and while it replays",
    run,
};

/// How long it may take to listen.
const START_MAX: Duration = Duration::from_secs(20);

const NAMESPACE: [&str; 3] = ["--pid", "--fork", "--mount-proc"];

fn run(orders: &Orders) -> anyhow::Result<Verdict> {
    let allowed = Command::new("unshare").args(NAMESPACE).arg("true").output();
    if !allowed.is_ok_and(|ended| ended.status.success()) {
        return Ok(Verdict::Skipped("needs root (unshare --pid)".to_owned()));
    }
    let ground = Ground::new(orders)?;
    let program = ground.wrapped(
        "process-1",
        &format!("exec unshare {} \"$@\"", NAMESPACE.join(" ")),
    )?;
    let server = ground.serve_by(&program, &ground.data_dir(), &["--clock", NOON])?;
    let mut wire = Wire::open(server.addr())?;
    lengthen(&mut wire, 0..orders.long_or_short(20, 5))?;
    buy(&mut wire, &purchase(1, 1, 100))?;
    end(server).context("while it serves")?;
    println!("   while it serves: exit 0");

    let server = ground.spawn_by(&program, &ground.data_dir(), &["--clock", NOON])?;
    // It listens before it has replayed the journal.
    let begun = Instant::now();
    while TcpStream::connect(server.addr()).is_err() {
        ensure!(begun.elapsed() < START_MAX, "it does not listen");
        std::thread::yield_now();
    }
    let said = end(server).context("while it starts")?;
    let when = match said.contains("stopped before the start was done") {
        true => "while it replays",
        false => "just after its start",
    };
    println!("   {when}: exit 0");
    Ok(Verdict::Ok("it ended in order each time".to_owned()))
}

/// Sends SIGTERM to process 1 of the namespace; what it said.
fn end(server: ServerProcess) -> anyhow::Result<String> {
    let outside = server.pid();
    let children = fs::read_to_string(format!("/proc/{outside}/task/{outside}/children"))?;
    let Some(inside) = children.split_ascii_whitespace().next() else {
        bail!("unshare has no child");
    };
    ensure!(signal(inside.parse()?, "-TERM"), "it has gone before it was told");
    // `unshare` ends as its child does.
    let (code, said) = server.wait();
    ensure!(code == Some(0), "it ended with {code:?}: {said}");
    Ok(said)
}
