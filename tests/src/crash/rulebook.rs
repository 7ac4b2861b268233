//! Programme files that change under a running server, and what must be in force then.

use super::disturb::Scene;
use super::{CrashStats, PROGRAM};
use crate::generate::random::Random;
use crate::process::{Connection, PATIENCE, shipped_programs, signal};
use satang_core::programme::Program;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

/// The programme that comes and goes.
pub(super) const EXTRA: &str = "comes-and-goes";
/// Stands in each text that is written, in front of its number.
const MARK: &str = "change no. ";
const WRONG: &str = "wrong.toml";

/// Rule versions by programme.
type InForce = BTreeMap<String, String>;

/// A folder of programme files.
pub(super) struct Rulebook {
    folder: PathBuf,
    /// By file name: what a server that starts now must put in force.
    files: BTreeMap<String, String>,
    /// The programme's cap a day, by its file.
    pub(super) day_cap: i64,
    /// Texts written so far.
    changes: u64,
    /// Texts of this round that a server said are in force.
    answered: Vec<u64>,
    /// Texts of this round that stood beside a wrong file.
    refused: Vec<u64>,
}

impl Rulebook {
    /// The shipped files, without their comments.
    pub(super) fn new(folder: PathBuf) -> Rulebook {
        fs::create_dir_all(&folder).expect("a folder");
        let mut book = Rulebook {
            folder,
            files: BTreeMap::new(),
            day_cap: super::DAY_CAP,
            changes: 0,
            answered: Vec::new(),
            refused: Vec::new(),
        };
        for entry in fs::read_dir(shipped_programs()).expect("the shipped files") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .expect("a name")
                .to_str()
                .expect("text")
                .to_owned();
            let text = fs::read_to_string(&path).expect("text");
            let bare: Vec<&str> = text
                .lines()
                .map(|line| line.split('#').next().unwrap_or_default().trim_end())
                .collect();
            book.put(&name, &(bare.join("\n") + "\n"));
        }
        book
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file beside and renames it into place.
    fn place(&self, name: &str, text: &str) {
        let beside = self.folder.join("beside");
        fs::write(&beside, text).expect("there is room");
        fs::rename(beside, self.folder.join(name)).expect("the same folder");
    }

    fn put(&mut self, name: &str, text: &str) {
        self.place(name, text);
        self.files.insert(name.to_owned(), text.to_owned());
    }

    /// What must be in force by the files.
    fn expected(&self) -> InForce {
        let load = |(name, text): (&String, &String)| {
            let program = Program::load(name, text).expect("the files are right");
            let hash = program.hash.iter().map(|byte| format!("{byte:02x}")).collect();
            (program.id.as_str().to_owned(), hash)
        };
        self.files.iter().map(load).collect()
    }

    /// Another text of a programme: its number, its cap a day and the text.
    fn another(&mut self, id: &str, random: &mut Random) -> (u64, i64, String) {
        self.changes += 1;
        let (day_cap, percent) = (*random.pick(&[15_000, 20_000, 40_000]), random.between(50, 60));
        let shipped = fs::read_to_string(shipped_programs().join(format!("{PROGRAM}.toml"))).expect("text");
        let line = |line: &str| match line.split('=').next().unwrap_or_default().trim() {
            "id" if line.contains(PROGRAM) => format!("id = \"{id}\""),
            "source" => format!("source = \"{MARK}{}.\"", self.changes),
            "state_percent" => format!("state_percent = {percent}"),
            "caps" => format!("caps = {{ day = {day_cap}, month = {} }}", super::MONTH_CAP),
            _ => line.split('#').next().unwrap_or_default().trim_end().to_owned(),
        };
        let lines: Vec<String> = shipped.lines().map(line).collect();
        (self.changes, day_cap, lines.join("\n") + "\n")
    }

    /// Changes files and has them read again until the server is gone.
    pub(super) fn keep_changing(scene: &mut Scene<'_>, random: &mut Random, connection: &mut Connection) {
        let Scene {
            rulebook, stats, pid, ..
        } = scene;
        while rulebook.change(*pid, stats, random, connection).is_some() {}
    }

    /// One change; `None` when the server is gone.
    fn change(
        &mut self,
        pid: u32,
        stats: &mut CrashStats,
        random: &mut Random,
        connection: &mut Connection,
    ) -> Option<()> {
        if random.percent(15) {
            return self.change_wrongly(stats, random, connection);
        }
        let main = format!("{PROGRAM}.toml");
        let (number, day_cap, text) = self.another(PROGRAM, random);
        self.put(&main, &text);
        self.day_cap = day_cap;
        if random.percent(30) {
            let name = format!("{EXTRA}.toml");
            if self.files.remove(&name).is_some() {
                fs::remove_file(self.folder.join(name)).expect("our own");
            } else {
                let (_, _, text) = self.another(EXTRA, random);
                self.put(&name, &text);
            }
        }
        let expected = self.expected();
        if random.percent(20) {
            if !signal(pid, "-HUP") {
                return None;
            }
            let begun = Instant::now();
            while in_force(connection)? != expected {
                assert!(begun.elapsed() < PATIENCE, "SIGHUP has no effect");
            }
            self.answered.push(number);
        } else {
            stats.killed_in_reload += 1;
            let (status, answer) = connection.send("POST", "/v1/programs/reload", "").ok()?;
            stats.killed_in_reload -= 1;
            assert_eq!(status, 200, "{answer}");
            assert_eq!(versions(&answer), expected, "{answer}");
            self.answered.push(number);
            assert_eq!(in_force(connection)?, expected, "after {answer}");
        }
        stats.reloads += 1;
        Some(())
    }

    /// A right change beside a wrong file, which is refused; then both are taken back.
    fn change_wrongly(
        &mut self,
        stats: &mut CrashStats,
        random: &mut Random,
        connection: &mut Connection,
    ) -> Option<()> {
        let wrong = *random.pick(&["id = \"wrong\"\nfoo = 1\n", "id = ", ""]);
        let (number, _, text) = self.another(PROGRAM, random);
        self.refused.push(number);
        self.place(WRONG, wrong);
        self.place(&format!("{PROGRAM}.toml"), &text);
        stats.killed_in_reload += 1;
        let (status, answer) = connection.send("POST", "/v1/programs/reload", "").ok()?;
        stats.killed_in_reload -= 1;
        assert!(status == 400 && answer.contains("programs_refused"), "{answer}");
        assert_eq!(in_force(connection)?, self.expected(), "after {answer}");
        self.put_right();
        stats.reloads_refused += 1;
        Some(())
    }

    /// Takes a wrong file and the change beside it back.
    pub(super) fn put_right(&self) {
        let main = format!("{PROGRAM}.toml");
        self.place(&main, &self.files[&main]);
        fs::remove_file(self.folder.join(WRONG)).expect("our own");
    }

    /// Whether a wrong file stands, so that no server starts.
    pub(super) fn is_wrong(&self) -> bool {
        self.folder.join(WRONG).exists()
    }

    /// After a kill: every text that was said to be in force is in the journal, and none that was refused.
    pub(super) fn check_journal(&mut self, data_dir: &Path, since: SystemTime) {
        let (answered, refused) = (
            std::mem::take(&mut self.answered),
            std::mem::take(&mut self.refused),
        );
        if answered.is_empty() && refused.is_empty() {
            return;
        }
        let durable = marks(data_dir, since);
        for number in answered {
            assert!(
                durable.contains(&number),
                "{MARK}{number} was answered and is lost"
            );
        }
        for number in refused {
            assert!(
                !durable.contains(&number),
                "{MARK}{number} was refused and is there"
            );
        }
    }

    /// After a start: the files are in force, and reading them again changes nothing.
    pub(super) fn check_in_force(&self, addr: SocketAddr) {
        let mut connection = Connection::open(addr).expect("the server listens");
        let expected = self.expected();
        assert_eq!(in_force(&mut connection).expect("an answer"), expected);
        let again = connection.expect(200, "POST", "/v1/programs/reload", "");
        let programs = again["programs"].as_array().expect("programmes");
        assert!(
            programs.iter().all(|program| program["changed"] == false)
                && again["removed"] == serde_json::json!([]),
            "{again}"
        );
    }
}

/// The rule versions in force; `None` when the server is gone.
fn in_force(connection: &mut Connection) -> Option<InForce> {
    let (status, answer) = connection.send("GET", "/v1/programs", "").ok()?;
    assert_eq!(status, 200, "{answer}");
    Some(versions(&answer))
}

fn versions(answer: &str) -> InForce {
    let shown: Value = serde_json::from_str(answer).expect("answers are JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let programs = shown["programs"].as_array().expect("programmes");
    programs
        .iter()
        .map(|program| (text(&program["id"]), text(&program["rule_version"])))
        .collect()
}

/// The numbers of the texts in those segments that were written since.
fn marks(data_dir: &Path, since: SystemTime) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(data_dir.join("journal"))
        .expect("a journal")
        .flatten()
    {
        let written = entry.metadata().and_then(|meta| meta.modified());
        if written.is_ok_and(|written| written < since) {
            continue;
        }
        let bytes = fs::read(entry.path()).expect("a segment");
        for (at, window) in bytes.windows(MARK.len()).enumerate() {
            if window[0] == MARK.as_bytes()[0] && window == MARK.as_bytes() {
                let digits = bytes[at + MARK.len()..]
                    .iter()
                    .take_while(|byte| byte.is_ascii_digit());
                found.insert(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')));
            }
        }
    }
    found
}
