//! Nobody reads standard error: it is closed, on a full disk, a pipe whose reader has gone, or one that is full.

use super::ground::{Ground, Orders, stop};
use super::traffic::buy;
use super::{Attack, Verdict};
use crate::site::{NOON, purchase};
use crate::wire::Wire;
use anyhow::Context as _;

pub const ATTACK: Attack = Attack {
    name: "dead-stderr",
    what: "stderr closed, on a full disk, a pipe without a reader, a full pipe",
    run,
};

const DEATHS: [(&str, &str); 4] = [
    ("closed", "exec \"$@\" 2>&-"),
    ("on a full disk", "exec \"$@\" 2>/dev/full"),
    (
        "a pipe without a reader",
        "mkfifo \"$0.fifo\"; true <\"$0.fifo\" & exec \"$@\" 2>\"$0.fifo\"",
    ),
    ("a full pipe", "head -c 65536 /dev/zero >&2; exec \"$@\""),
];

fn run(orders: &Orders) -> anyhow::Result<Verdict> {
    for (how, words) in DEATHS {
        if let Err(error) = serves(orders, words).with_context(|| format!("stderr is {how}")) {
            return Ok(Verdict::Failed(format!("{error:#}")));
        }
        println!("   {how}: it serves, reads its files again and stops");
    }
    Ok(Verdict::Ok("served each time, and stopped in order".to_owned()))
}

fn serves(orders: &Orders, words: &str) -> anyhow::Result<()> {
    let ground = Ground::new(orders)?;
    let program = ground.wrapped("satang", words)?;
    let server = ground.serve_by(&program, &ground.data_dir(), &["--clock", NOON])?;
    let mut wire = Wire::open(server.addr())?;
    buy(&mut wire, &purchase(1, 1, 100))?;
    // It says in a line that it has read its files again.
    server.hang_up();
    buy(&mut wire, &purchase(2, 1, 100))?;
    stop(server).map(drop)
}
