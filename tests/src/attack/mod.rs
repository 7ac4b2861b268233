//! Attacks on a server from outside, and mishaps of its machine. Each is bounded in time, says what it did and saw, and ends with
//! a verdict. None of them knows the server's code: any binary can be attacked.
//!
//! In reading order: the table ([`ATTACKS`]), how one is run to its verdict ([`command`]), the folder and the server
//! ([`ground`]), the switch whose purchases are timed beside an attacker ([`beside`]), and one module per attack.

pub mod command;
pub mod ground;

pub mod beside;
mod silent_http2;
mod traffic;

mod clock_ahead;
mod dead_stderr;
mod descriptors;
mod full_disk;
mod hash_flooding;
mod idle_connections;
mod process_1;
mod silent_flood;
mod starvation;
mod swapped_segments;
mod unread_answers;

use ground::Orders;

/// One attack.
pub struct Attack {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is done, in a line.
    pub what: &'static str,
    /// Does it; an error is a failure, too.
    pub run: fn(&Orders) -> anyhow::Result<Verdict>,
}

/// Every attack, in the order in which they run.
pub const ATTACKS: [Attack; 13] = [
    descriptors::ATTACK,
    idle_connections::ATTACK,
    starvation::IMPORTS,
    starvation::BATCHES,
    starvation::ESCAPES,
    unread_answers::ATTACK,
    hash_flooding::ATTACK,
    silent_flood::ATTACK,
    dead_stderr::ATTACK,
    full_disk::ATTACK,
    swapped_segments::ATTACK,
    clock_ahead::ATTACK,
    process_1::ATTACK,
];

/// How an attack ended, and why.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server did as it should.
    Ok(String),
    /// It did not.
    Failed(String),
    /// This machine cannot show it.
    Skipped(String),
}

impl Verdict {
    /// The last line of an attack's output.
    pub fn line(&self) -> String {
        match self {
            Verdict::Ok(why) => format!("OK: {why}"),
            Verdict::Failed(why) => format!("FAILED: {why}"),
            Verdict::Skipped(why) => format!("skipped: {why}"),
        }
    }
}
