//! A machine whose clock does not fit the journal: weeks ahead of it, or a century behind. Nothing is decided, and no date ends,
//! until an operator says what the clock shows.

use super::ground::{Ground, Orders, is_healthy, stop};
use super::traffic::{buy, replay_of};
use super::{Attack, Verdict};
use crate::site::purchase;
use crate::wire::{Answer, Wire};
use anyhow::{Context as _, bail, ensure};
use satang_core::calendar::Instant as Date;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub const ATTACK: Attack = Attack {
    name: "clock-ahead",
    what: "the machine's clock is forty days ahead of the journal, or a century behind",
    run,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long a start may take until it refuses for the clock.
const START_MAX: Duration = Duration::from_secs(20);

fn run(orders: &Orders) -> anyhow::Result<Verdict> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let now_ms = i64::try_from(now_ms)?;
    let forty_days_ago = Date::from_unix_ms(now_ms - 40 * DAY_MS).to_string();
    for (how, journal_at) in [
        ("forty days ahead", forty_days_ago.as_str()),
        ("a century behind", "2150-01-01T12:00:00+07:00"),
    ] {
        if let Err(error) = is_not_taken(orders, journal_at).with_context(|| format!("the clock {how}")) {
            return Ok(Verdict::Failed(format!("{error:#}")));
        }
        println!("   {how}: nothing is decided and nothing written before it is confirmed, then it goes on");
    }
    Ok(Verdict::Ok(
        "no clock was taken that does not fit the journal".to_owned(),
    ))
}

fn is_not_taken(orders: &Orders, journal_at: &str) -> anyhow::Result<()> {
    let ground = Ground::new(orders)?;
    let server = ground.serve(&["--clock", &format!("simulated:{journal_at}")])?;
    let mut wire = Wire::open(server.addr())?;
    let first = buy(&mut wire, &purchase(1, 1, 100))?;
    let last = last_record(&mut wire)?;
    stop(server)?;

    let server = ground.spawn_by(ground.server(), &ground.data_dir(), &[])?;
    let answer = first_decision(server.addr())?;
    let code = answer.json()["code"].clone();
    ensure!(
        answer.status == 503 && code == "clock_not_trusted",
        "a purchase: {}: {}",
        answer.status,
        answer.text()
    );
    ensure!(is_healthy(server.addr()), "/healthz is not answered");
    let still = last_record(&mut Wire::open(server.addr())?)?;
    ensure!(still == last, "the last record was {last}, and is {still}");
    let said = stop(server)?;
    let flag = said
        .find("--accept-clock=")
        .context("no line says how to confirm")?;
    let flag = said[flag..].split_whitespace().next().context("the flag")?;

    let server = ground.serve(&[flag])?;
    let mut wire = Wire::open(server.addr())?;
    ensure!(
        buy(&mut wire, &purchase(1, 1, 100))? == replay_of(&first),
        "the first answer changed"
    );
    let next = buy(&mut wire, &purchase(2, 1, 100))?;
    ensure!(
        next.contains("\"replayed\":false"),
        "it was decided before: {next}"
    );
    stop(server).map(drop)
}

/// The sequence of the last durable record.
fn last_record(wire: &mut Wire) -> anyhow::Result<u64> {
    let metrics = wire.call("GET", "/metrics", b"")?.text();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("satang_durable_sequence "));
    Ok(line.context("it is counted")?.parse()?)
}

/// The first answer to a purchase that is about something else than the start.
fn first_decision(addr: SocketAddr) -> anyhow::Result<Answer> {
    let body = purchase(2, 1, 100);
    let begun = Instant::now();
    while begun.elapsed() < START_MAX {
        let answer =
            Wire::open(addr).and_then(|mut wire| wire.call("POST", "/v1/authorizations", body.as_bytes()));
        match answer {
            Ok(answer) if answer.status != 503 || answer.json()["code"] != "not_ready" => return Ok(answer),
            _ => std::thread::yield_now(),
        }
    }
    bail!("no start in {} s", START_MAX.as_secs())
}
