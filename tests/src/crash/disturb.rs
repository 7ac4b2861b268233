//! What goes on in a server beside the load while it is killed: another thing each round.

use super::rulebook::Rulebook;
use super::{CrashStats, Plan};
use crate::backup;
use crate::generate::random::Random;
use crate::oracle::calendar::Instant;
use crate::process::Connection;
use crate::site::Site;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What happens meanwhile. Whatever else an operator does to a running server goes here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disturbance {
    /// Nothing.
    None,
    /// Snapshots, one after the other.
    Snapshots,
    /// The server takes a snapshot whenever the journal has grown by a MiB.
    OwnSnapshots,
    /// Midnights pass, so that ids leave memory, and the kill comes soon after.
    Midnights,
    /// Programme files change and are read again.
    Reloads,
    /// Backups, one after the other; in even rounds some of them are killed.
    Backups,
}

/// A round as the one who disturbs it sees it.
pub(super) struct Scene<'a> {
    pub(super) site: &'a Site,
    pub(super) addr: SocketAddr,
    pub(super) pid: u32,
    pub(super) plan: &'a Plan,
    /// Grows up to the plan's limit, when the server is killed.
    pub(super) answers: &'a AtomicU64,
    /// The server is gone.
    pub(super) killed: &'a AtomicBool,
    pub(super) rulebook: &'a mut Rulebook,
    pub(super) stats: &'a mut CrashStats,
}

impl Disturbance {
    /// Every one in turn.
    pub(super) fn of_round(round: u32) -> Disturbance {
        let all = [
            Disturbance::Snapshots,
            Disturbance::Midnights,
            Disturbance::Reloads,
            Disturbance::OwnSnapshots,
            Disturbance::Backups,
            Disturbance::Midnights,
            Disturbance::None,
        ];
        all[round as usize % all.len()]
    }

    /// Further arguments of `serve`.
    pub(super) fn args(self) -> &'static [&'static str] {
        match self {
            Disturbance::OwnSnapshots => &["--snapshot-mib", "1"],
            _ => &[],
        }
    }

    /// Whether the server is in the middle of something short that the kill is to meet: an index file that is being written.
    pub(super) fn is_the_moment(self, round: u32, data_dir: &Path) -> bool {
        self == Disturbance::Midnights && round % 2 == 1 && unfinished(data_dir).1
    }

    /// Disturbs until the server is gone.
    pub(super) fn run(self, mut scene: Scene<'_>) {
        let Plan {
            seed, limit, round, ..
        } = *scene.plan;
        let mut random = Random::new(seed);
        let Ok(mut connection) = Connection::open(scene.addr) else {
            return;
        };
        let (answers, killed) = (scene.answers, scene.killed);
        match self {
            Disturbance::None | Disturbance::OwnSnapshots => {}
            Disturbance::Snapshots => while snapshot(&mut connection).is_some() {},
            Disturbance::Reloads => Rulebook::keep_changing(&mut scene, &mut random, &mut connection),
            Disturbance::Backups => {
                while !killed.load(Ordering::Relaxed) {
                    let after = (round % 2 == 0 && random.percent(80))
                        .then(|| Duration::from_millis(random.below(60)));
                    let ended = backup::begin(
                        scene.site,
                        &scene.site.path("backup"),
                        after,
                        &mut scene.stats.backups,
                    );
                    scene.stats.killed_in_backup += u32::from(ended && killed.load(Ordering::Relaxed));
                }
            }
            Disturbance::Midnights => {
                for _ in 0..random.between(1, 2) {
                    let at = limit * random.between(40, 99) as u64 / 100;
                    while answers.load(Ordering::Relaxed) < at && !killed.load(Ordering::Relaxed) {
                        std::thread::yield_now();
                    }
                    // The first waits until the date's end is durable, the second lets ids leave.
                    let passed = pass_midnight(&mut connection)
                        .and_then(|()| snapshot(&mut connection))
                        .and_then(|()| snapshot(&mut connection));
                    if passed.is_none() {
                        break;
                    }
                }
            }
        }
    }
}

/// Asks for a snapshot; `None` when the server is gone.
fn snapshot(connection: &mut Connection) -> Option<()> {
    let (status, answer) = connection.send("POST", "/v1/snapshots", "").ok()?;
    assert_eq!(status, 200, "{answer}");
    Some(())
}

/// Sets the clock to eight in the morning of the next day; `None` when the server is gone.
fn pass_midnight(connection: &mut Connection) -> Option<()> {
    let (_, now) = connection
        .send("PUT", "/v1/clock", &clock("2026-01-01T00:00:00+07:00"))
        .ok()?;
    // Refused: it names what the clock shows.
    let refused: Value = serde_json::from_str(&now).expect("answers are JSON");
    let shown = refused["detail"].as_str().expect("a refusal").rsplit(' ').next();
    let day = shown.and_then(Instant::parse).expect("an instant").date();
    let next = format!("{}T08:00:00+07:00", day.plus_days(1));
    let (status, answer) = connection.send("PUT", "/v1/clock", &clock(&next)).ok()?;
    assert_eq!(status, 200, "{answer}");
    Some(())
}

fn clock(now: &str) -> String {
    json!({ "now": now }).to_string()
}

/// What a kill left unfinished: a snapshot, an index file.
pub(super) fn unfinished(data_dir: &Path) -> (bool, bool) {
    let has = |folder: &str| {
        let entries = std::fs::read_dir(data_dir.join(folder)).into_iter().flatten();
        entries
            .flatten()
            .any(|entry| entry.path().extension().is_some_and(|end| end == "tmp"))
    };
    (has("snapshots"), has("ids"))
}

/// The files of snapshots, oldest first.
fn snapshots(data_dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(data_dir.join("snapshots"))
        .into_iter()
        .flatten();
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// Turns a bit in the newest snapshot; `false` when there is none.
pub(super) fn damage_newest(data_dir: &Path, random: &mut Random) -> bool {
    let Some(newest) = snapshots(data_dir).pop() else {
        return false;
    };
    let mut bytes = std::fs::read(&newest).expect("the server is gone");
    // The header, or the front of a part: what lies behind it may be padding.
    let page = random.below(bytes.len() as u64 / 4_096) as usize;
    bytes[page * 4_096 + random.below(8) as usize] ^= 1 << random.below(8);
    std::fs::write(&newest, bytes).expect("there is room");
    true
}

/// Removes every snapshot.
pub(super) fn remove_all(data_dir: &Path) {
    for file in snapshots(data_dir) {
        std::fs::remove_file(file).expect("the server is gone");
    }
}
