//! Two sealed segments of a journal change places. A start refuses and says where, or serves without one wrong answer.

use super::ground::{Ground, Orders, stop};
use super::traffic::{buy, lengthen, replay_of};
use super::{Attack, Verdict};
use crate::site::{NOON, purchase};
use crate::wire::Wire;
use anyhow::{Context as _, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const ATTACK: Attack = Attack {
    name: "swapped-segments",
    what: "two sealed segments change places, both older than a snapshot, or both newer",
    run,
};

/// Batches of a megabyte on either side of the snapshot, which then lies in the fourth segment of 8 MiB, and the last record in the
/// seventh.
const BATCHES: u128 = 26;
/// Pairs of segments that change places, by index.
const PAIRS: [(&str, [usize; 2]); 2] = [("older than the snapshot", [0, 1]), ("newer", [4, 5])];

/// A purchase, and its answer.
type Remembered = Vec<(String, String)>;

fn run(orders: &Orders) -> anyhow::Result<Verdict> {
    let ground = Ground::new(orders)?;
    let remembered = fill(&ground)?;
    let segments = segments(&ground.data_dir())?;
    ensure!(segments.len() >= 7, "{} segments are too few", segments.len());
    for (which, [one, other]) in PAIRS {
        let copy = ground.path(which);
        copy_folder(&ground.data_dir(), &copy)?;
        let swapped = [&segments[one], &segments[other]];
        swap(&copy, swapped)?;
        match serves_wrongly(&ground, &copy, swapped, &remembered)? {
            Ok(how) => println!("   {which}: {how}"),
            Err(wrong) => return Ok(Verdict::Failed(format!("{which}: {wrong}"))),
        }
    }
    Ok(Verdict::Ok(
        "refused with file and offset, or no answer is wrong".to_owned(),
    ))
}

/// Fills the folder, with a snapshot in the middle; the purchases among its records.
fn fill(ground: &Ground) -> anyhow::Result<Remembered> {
    let server = ground.serve(&["--clock", NOON])?;
    let mut wire = Wire::open(server.addr())?;
    let mut remembered = Vec::new();
    for batch in 0..2 * BATCHES {
        if batch == BATCHES {
            let snapshot = wire.call("POST", "/v1/snapshots", b"")?;
            ensure!(snapshot.status == 200, "a snapshot: {}", snapshot.text());
        }
        lengthen(&mut wire, batch..batch + 1)?;
        let body = purchase(batch as u64 + 1, 1, 100);
        let answer = buy(&mut wire, &body)?;
        remembered.push((body, answer));
    }
    stop(server)?;
    Ok(remembered)
}

/// The segment files' names, in order.
fn segments(data_dir: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(data_dir.join("journal"))? {
        let name = entry?.file_name().into_string().ok().context("a name of text")?;
        if name.ends_with(".seg") {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    ensure!(copied.success(), "cp: {copied}");
    Ok(())
}

fn swap(data_dir: &Path, [one, other]: [&String; 2]) -> anyhow::Result<()> {
    let path = |name: &str| -> PathBuf { data_dir.join("journal").join(name) };
    fs::rename(path(one), path("aside"))?;
    fs::rename(path(other), path(one))?;
    fs::rename(path("aside"), path(other))?;
    Ok(())
}

/// What the server does with such a folder, in words; the error is what is wrong with it.
fn serves_wrongly(
    ground: &Ground,
    data_dir: &Path,
    swapped: [&String; 2],
    remembered: &Remembered,
) -> anyhow::Result<Result<String, String>> {
    let server = match ground.serve_by(ground.server(), data_dir, &["--clock", NOON]) {
        Ok(server) => server,
        Err(refused) => {
            let said = format!("{refused:#}");
            let names_it = swapped.iter().any(|name| said.contains(name.as_str())) && said.contains("offset");
            let said = said.trim_end();
            return Ok(match names_it {
                true => Ok(format!("refused: {said}")),
                false => Err(format!("refused without file and offset: {said}")),
            });
        }
    };
    let (mut right, mut failures) = (0, 0);
    for (body, first) in remembered {
        let asked = Wire::open(server.addr())
            .and_then(|mut wire| wire.call("POST", "/v1/authorizations", body.as_bytes()));
        match asked {
            Ok(answer) if answer.status == 200 && answer.text() == replay_of(first) => right += 1,
            // An error is no answer; a decision that is not the first one is a wrong one.
            Ok(answer) if answer.status >= 500 => failures += 1,
            Ok(answer) => {
                return Ok(Err(format!(
                    "{first} was followed by {}: {}",
                    answer.status,
                    answer.text()
                )));
            }
            Err(_) => failures += 1,
        }
    }
    Ok(Ok(format!(
        "it serves: {right} of {} answers were repeated rightly, {failures} requests got none",
        remembered.len()
    )))
}
