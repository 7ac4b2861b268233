//! The disk gets full, by somebody else's file, while people register. Nothing may be answered that is lost, the server goes on,
//! and with room again everything does.

use super::ground::{Ground, Orders, is_healthy, stop};
use super::traffic::replay_of;
use super::{Attack, Verdict};
use crate::process::ServerProcess;
use crate::wire::Wire;
use anyhow::{Context as _, bail, ensure};
use satang_loadtest::ids::{IdSource, IdVersion};
use satang_loadtest::workload::{Registration, Workload};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const ATTACK: Attack = Attack {
    name: "full-disk",
    what: "a disk of 300 MB gets full while people register, and has room again",
    run,
};

/// Noon of the first day of the registration.
const OPEN: &str = "simulated:2026-05-25T12:00:00+07:00";
const DISK: &str = "size=300m";
/// How long a server may take until it goes on with room again.
const AGAIN_MAX: Duration = Duration::from_secs(10);
/// People who register while there is room.
const WITH_ROOM: u64 = 200;

fn run(orders: &Orders) -> anyhow::Result<Verdict> {
    let ground = Ground::new(orders)?;
    let Some(disk) = SmallDisk::mount(&ground.path("disk"))? else {
        return Ok(Verdict::Skipped("needs root (mount)".to_owned()));
    };
    let data_dir = disk.path.join("data");
    let server = ground.serve_by(ground.server(), &data_dir, &["--clock", OPEN])?;
    let mut people = People::default();
    people.register_until(&server, WITH_ROOM)?;
    ensure!(
        people.refused.is_none(),
        "refused with room: {:?}",
        people.refused
    );
    let balloon = disk.fill()?;
    people.register_until(&server, WITH_ROOM + orders.long_or_short(5_000, 1_000))?;
    let refused = people.refused.take();
    let shown = refused.as_deref().unwrap_or("nobody was refused");
    println!(
        "   {} people registered; on the full disk: {shown}",
        people.accepted.len()
    );
    fs::remove_file(&balloon)?;
    let went_on = goes_on_with_room(&mut people, server);
    // Whatever became of it: what was answered is there.
    let lost = started_again(&ground, &data_dir, &people)?;
    Ok(match (went_on, lost) {
        (Ok(()), 0) => {
            Verdict::Ok("it refused what it could not write, and went on with room again".to_owned())
        }
        (Err(error), 0) => Verdict::Failed(format!("{error:#}; nothing that was answered is lost")),
        (_, lost) => Verdict::Failed(format!("{lost} of {} answers are lost", people.accepted.len())),
    })
}

/// With room again registrations are accepted without a restart.
fn goes_on_with_room(people: &mut People, server: ServerProcess) -> anyhow::Result<()> {
    let begun = Instant::now();
    let wanted = people.accepted.len() as u64 + 1;
    while (people.accepted.len() as u64) < wanted {
        let refused = match people.register_until(&server, wanted) {
            Ok(()) => people.refused.take().unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        if !is_healthy(server.addr()) {
            bail!(
                "the server ended when the disk was full: {}",
                server.wait().1.trim_end()
            );
        }
        ensure!(begun.elapsed() < AGAIN_MAX, "with room again: {refused}");
    }
    stop(server).map(drop)
}

/// Starts the server on what is there; how many of the accepted ones get another answer than the first.
fn started_again(ground: &Ground, data_dir: &Path, people: &People) -> anyhow::Result<usize> {
    let server = ground
        .serve_by(ground.server(), data_dir, &["--clock", OPEN])
        .context("with room again, a start")?;
    let mut wire = Wire::open(server.addr())?;
    let mut lost = 0;
    for (number, first) in &people.accepted {
        let answer = wire.call("POST", "/v1/registrations", &registration(*number))?;
        lost += usize::from(answer.status != 200 || answer.text() != replay_of(first));
    }
    stop(server)?;
    Ok(lost)
}

/// Who has registered, by number and first answer.
#[derive(Default)]
struct People {
    accepted: Vec<(u64, String)>,
    asked: u64,
    /// The first answer that refused, or how the connection ended.
    refused: Option<String>,
}

impl People {
    /// Registers one after the other until so many were accepted in all, or one is refused.
    fn register_until(&mut self, server: &ServerProcess, wanted: u64) -> anyhow::Result<()> {
        let mut wire = Wire::open(server.addr())?;
        while (self.accepted.len() as u64) < wanted {
            self.asked += 1;
            match wire.call("POST", "/v1/registrations", &registration(self.asked)) {
                Ok(answer) if answer.status == 200 && answer.json()["decision"] == "accepted" => {
                    self.accepted.push((self.asked, answer.text()));
                }
                Ok(answer) => self.refused = Some(format!("{} {}", answer.status, answer.json()["code"])),
                Err(error) => self.refused = Some(error.to_string()),
            }
            if self.refused.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn registration(number: u64) -> Vec<u8> {
    let workload = Workload {
        program: crate::site::PROGRAM.to_owned(),
        channel: "store".to_owned(),
        wallets: 1,
        merchants: 1,
    };
    let registration = Registration {
        registration_id: IdSource::new(IdVersion::V4, 1, number).next(0),
        person: number,
    };
    let mut body = Vec::new();
    workload.push_registration(&mut body, &registration);
    body
}

/// A file system in memory, in a mount namespace of its own; gone with the value.
struct SmallDisk {
    keeper: Child,
    /// Through the namespace's root.
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts it; none where that is not allowed.
    fn mount(at: &Path) -> anyhow::Result<Option<SmallDisk>> {
        fs::create_dir(at)?;
        // The shell keeps the namespace until its standard input ends.
        let words = format!("mount -t tmpfs -o {DISK} attack \"$0\" && echo mounted && read -r _");
        let spawned = Command::new("unshare")
            .args(["--mount", "sh", "-c", &words])
            .arg(at)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut keeper) = spawned else {
            return Ok(None);
        };
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().expect("piped")).read_line(&mut line)?;
        let inside = at.strip_prefix("/").context("a path from the root")?;
        let path = Path::new("/proc")
            .join(keeper.id().to_string())
            .join("root")
            .join(inside);
        let disk = SmallDisk { keeper, path };
        Ok((line.trim_end() == "mounted").then_some(disk))
    }

    /// Fills it to the last byte with a file.
    fn fill(&self) -> anyhow::Result<PathBuf> {
        let path = self.path.join("balloon");
        let mut file = File::create(&path)?;
        for piece in [1 << 20, 4_096, 1] {
            let piece = vec![1u8; piece];
            while file.write_all(&piece).is_ok() {}
        }
        Ok(path)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
