//! Eight HTTP/2 connections that ask for large answers, take nothing of them, and show by PINGs that they are there.

use super::beside::{Field, Report, Until, beside};
use super::ground::{Orders, memory};
use super::silent_http2::SilentHttp2;
use super::traffic::{connect, fields};
use super::{Attack, Verdict};
use crate::batch::PATH;
use crate::wire::{Wire, request_with};
use anyhow::ensure;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub const ATTACK: Attack = Attack {
    name: "unread-answers",
    what: "eight HTTP/2 connections of window 0 ask for large answers and send PINGs; how much memory does that take?",
    run: |orders: &Orders| -> anyhow::Result<Verdict> { beside(orders, None, attack) },
};

const CONNECTIONS: usize = 8;
/// The most that one connection leaves unread: a server ends one that leaves more.
const UNREAD_BYTES: usize = 60 << 20;
/// Requests that a server has in progress on one connection.
const STREAMS_MAX: usize = 250;
/// What the process may take beyond what it took before.
const MEMORY_MAX: u64 = 400 << 20;

const PING_EVERY: Duration = Duration::from_millis(200);
/// How often one of the connections asks.
const ASK_EVERY: Duration = Duration::from_millis(30);

/// As many elements as a batch may have, each as short as can be: it is the answer that names what is wrong with it.
fn body() -> Vec<u8> {
    format!("{{\"authorizations\":[{}]}}", vec!["{}"; 10_000].join(",")).into_bytes()
}

fn attack(field: &Field<'_>, until: &Until) -> anyhow::Result<Report> {
    let (addr, key, body) = (field.server.addr(), field.keys.switch.as_str(), body());
    let (before, _) = memory(field.server.pid())?;
    let answer_bytes = ask_once(addr, key, &body)?;
    let mut askers: Vec<Asker> = (0..CONNECTIONS)
        .map(|_| Asker::new((UNREAD_BYTES / answer_bytes).clamp(1, STREAMS_MAX)))
        .collect();
    let (mut most, mut pinged) = (0, Instant::now());
    for turn in 0.. {
        askers[turn % CONNECTIONS].ask(addr, key, &body);
        if pinged.elapsed() >= PING_EVERY {
            askers.iter().for_each(Asker::ping);
            pinged = Instant::now();
        }
        most = most.max(memory(field.server.pid())?.0.saturating_sub(before));
        if until.wait(ASK_EVERY) {
            break;
        }
    }
    let asked: usize = askers.iter().map(|asker| asker.asked_in_all).sum();
    let ended: usize = askers.iter().map(|asker| asker.ended).sum();
    let held = memory(field.server.pid())?.0.saturating_sub(before);
    Ok(Report {
        did: format!(
            "{asked} answers of {:.1} MiB asked for, {ended} connections ended by the server; it took {} MiB more at most, {} MiB at \
             the end",
            answer_bytes as f64 / f64::from(1 << 20),
            most >> 20,
            held >> 20
        ),
        wrong: (most > MEMORY_MAX).then(|| {
            format!(
                "the server took {} MiB more, at most {} are right",
                most >> 20,
                MEMORY_MAX >> 20
            )
        }),
    })
}

/// Asks by HTTP/1.1; the length of the answer.
fn ask_once(addr: SocketAddr, key: &str, body: &[u8]) -> anyhow::Result<usize> {
    let mut wire = Wire::over(connect(addr)?);
    wire.send(&request_with(
        "POST",
        PATH,
        &fields(Some(key), "content-type: application/json\r\n"),
        body,
    ))?;
    let answer = wire.read(false)?;
    ensure!(answer.status == 200, "a batch: {}", answer.status);
    Ok(answer.body.len())
}

/// One that asks as long as the server bears it.
struct Asker {
    connection: Option<SilentHttp2>,
    /// On this connection.
    asked: usize,
    /// After which it only stays.
    asks_max: usize,
    asked_in_all: usize,
    ended: usize,
}

impl Asker {
    fn new(asks_max: usize) -> Asker {
        Asker {
            connection: None,
            asked: 0,
            asks_max,
            asked_in_all: 0,
            ended: 0,
        }
    }

    fn ask(&mut self, addr: SocketAddr, key: &str, body: &[u8]) {
        if self.connection.as_ref().is_some_and(SilentHttp2::is_closed) {
            // It was too much: less the next time.
            self.connection = None;
            self.ended += 1;
            self.asks_max = (self.asks_max / 2).max(1);
        }
        if self.connection.is_none() {
            self.connection = SilentHttp2::open(addr).ok();
            self.asked = 0;
        }
        let Some(connection) = &mut self.connection else {
            return;
        };
        if self.asked < self.asks_max && connection.ask(PATH, key, body).is_ok() {
            self.asked += 1;
            self.asked_in_all += 1;
        }
    }

    fn ping(&self) {
        if let Some(connection) = &self.connection {
            // Whether it is closed shows at the next turn.
            let _ = connection.ping();
        }
    }
}
