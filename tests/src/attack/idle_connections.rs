//! As many connections as a server takes, and more, none of which says a word. Do probes and the switch get through?

use super::beside::{Field, Report, Until, beside};
use super::ground::Orders;
use super::traffic::connect;
use super::{Attack, Verdict};
use crate::wire::Wire;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

pub const ATTACK: Attack = Attack {
    name: "idle-connections",
    what: "20,000 idle connections, or as many as this process may open; is /healthz answered?",
    run,
};

const PROBE_EVERY: Duration = Duration::from_millis(50);
/// Files that this process needs for everything else.
const OTHER_FILES: u64 = 200;

fn run(orders: &Orders) -> anyhow::Result<Verdict> {
    let connections = orders.long_or_short(20_000, 700).min(files_max()? - OTHER_FILES);
    // In the short form the server takes 512.
    let server_files_max = orders.short.then_some(1024);
    beside(orders, server_files_max, |field, until| {
        attack(field, until, connections as usize)
    })
}

/// The files that this process may open, which it is allowed to from here on.
fn files_max() -> anyhow::Result<u64> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?;
    Ok(maximum.unwrap_or(u64::MAX))
}

fn attack(field: &Field<'_>, until: &Until, connections: usize) -> anyhow::Result<Report> {
    let idle: Vec<TcpStream> = (0..connections)
        .take_while(|_| !until.is_over())
        .filter_map(|_| connect(field.server.addr()).ok())
        .collect();
    let mut of_health = Probes::default();
    let mut of_server = Probes::default();
    // Once at least, however long it took to open them.
    loop {
        of_server.probe(field.server.addr());
        if let Some(health) = field.health {
            of_health.probe(health);
        }
        if until.wait(PROBE_EVERY) {
            break;
        }
    }
    let (probes, place) = match field.health {
        Some(_) => (&of_health, "on its own address"),
        None => (&of_server, "on the only address there is"),
    };
    Ok(Report {
        did: format!(
            "{} connections idle; /healthz answered {} of {} times {place}, slowest {:.0} ms; {} of {} on the switch's address",
            idle.len(),
            probes.answered,
            probes.asked,
            probes.slowest.as_secs_f64() * 1e3,
            of_server.answered,
            of_server.asked
        ),
        wrong: (probes.answered < probes.asked).then(|| {
            format!(
                "/healthz was answered {} of {} times",
                probes.answered, probes.asked
            )
        }),
    })
}

#[derive(Default)]
struct Probes {
    asked: u32,
    answered: u32,
    slowest: Duration,
}

impl Probes {
    fn probe(&mut self, addr: SocketAddr) {
        let asked = Instant::now();
        let answer = connect(addr).and_then(|stream| Wire::over(stream).call("GET", "/healthz", b""));
        self.asked += 1;
        self.answered += u32::from(answer.is_ok_and(|answer| answer.status == 200));
        self.slowest = self.slowest.max(asked.elapsed());
    }
}
