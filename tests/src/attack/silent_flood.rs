//! Connections that say nothing, one after the other without end, to a server with keys; meanwhile the switch, which has one,
//! opens new connections.

use super::beside::{Field, Report, Until, beside};
use super::ground::Orders;
use super::traffic::{connect, fields};
use super::{Attack, Verdict};
use crate::wire::{Wire, request_with};
use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

pub const ATTACK: Attack = Attack {
    name: "silent-flood",
    what: "silent connections without end to a server that takes 1,024, while the switch opens new ones",
    run: |orders: &Orders| -> anyhow::Result<Verdict> { beside(orders, Some(2 * CONNECTIONS_MAX), attack) },
};

/// What the server takes: half of the files that it may open.
const CONNECTIONS_MAX: u32 = 1_024;
/// Silent connections that are kept at a time.
const KEPT: usize = CONNECTIONS_MAX as usize * 3 / 2;
/// Once the server is full.
const SILENT_EVERY: Duration = Duration::from_millis(1);
const NEW_EVERY: Duration = Duration::from_millis(20);
/// Of a hundred new connections of the switch, those that may get no answer.
const UNANSWERED_MAX: usize = 1;

fn attack(field: &Field<'_>, until: &Until) -> anyhow::Result<Report> {
    let (silent, answers) = thread::scope(|scope| {
        let flood = scope.spawn(|| flood(field, until));
        let answers = open_new_ones(field, until);
        (flood.join().expect("it does not panic"), answers)
    });
    let asked = answers.len();
    let mut took: Vec<Duration> = answers.iter().copied().flatten().collect();
    took.sort_unstable();
    let ms = |at: usize| took.get(at).map_or(f64::NAN, |took| took.as_secs_f64() * 1e3);
    let p99 = ms(took.len() * 99 / 100);
    Ok(Report {
        did: format!(
            "{silent} silent connections; {} of {asked} new connections with a key were answered, p50 {:.1} ms, p99 {p99:.1} ms",
            took.len(),
            ms(took.len() / 2)
        ),
        wrong: ((asked - took.len()) * 100 > asked * UNANSWERED_MAX).then(|| {
            format!(
                "{} of {asked} new connections with a key were answered",
                took.len()
            )
        }),
    })
}

/// Opens connections until the end; how many.
fn flood(field: &Field<'_>, until: &Until) -> usize {
    let (mut kept, mut opened) = (VecDeque::new(), 0);
    loop {
        if let Ok(silent) = connect(field.server.addr()) {
            opened += 1;
            kept.push_back(silent);
        }
        if kept.len() > KEPT {
            kept.pop_front();
        }
        let pause = if opened > CONNECTIONS_MAX as usize {
            SILENT_EVERY
        } else {
            Duration::ZERO
        };
        if until.wait(pause) {
            return opened;
        }
    }
}

/// How long the answer to a quote took on each new connection, its opening included; none where it never came.
fn open_new_ones(field: &Field<'_>, until: &Until) -> Vec<Option<Duration>> {
    let mut body = Vec::new();
    let purchase = satang_loadtest::workload::Purchase {
        txn_id: Default::default(),
        wallet: 1,
        merchant: 1,
        amount: 100,
        eligible_amount: 100,
    };
    field.workload.push_purchase(&mut body, &purchase, false);
    let fields = fields(Some(&field.keys.switch), "content-type: application/json\r\n");
    let request = request_with("POST", "/v1/quotes", &fields, &body);
    let mut answers = Vec::new();
    while !until.wait(NEW_EVERY) {
        let begun = Instant::now();
        let answer = connect(field.server.addr()).and_then(|stream| {
            let mut wire = Wire::over(stream);
            wire.send(&request)?;
            wire.read(false)
        });
        answers.push(
            answer
                .is_ok_and(|answer| answer.status == 200)
                .then(|| begun.elapsed()),
        );
    }
    answers
}
