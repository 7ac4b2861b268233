//! Backups of a server under load, some of them killed: whatever backup stands restores to the state its source had there.
//!
//! In each round clients authorize and reverse while the folder is backed up; some backups are killed with SIGKILL. Then the
//! backup that stands is restored to a new folder, both folders are verified through its last sequence, and what is printed of
//! them must be the same. In the end the restored folder is served.

use crate::generate::random::Random;
use crate::process::{Connection, PATIENCE, ServerProcess};
use crate::site::{NOON, Site, prepare, purchase};
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Clients at once.
const CLIENTS: u64 = 4;
/// Wallets they draw on.
const WALLETS: u64 = 64;

/// What a campaign is run with.
pub struct BackupOptions<'a> {
    /// The program.
    pub binary: &'a Path,
    /// How many backups are begun.
    pub rounds: u32,
    /// After this much at most a backup is killed that is to be.
    pub kill_within: Duration,
    /// Seed of everything random but the threads' interleaving.
    pub seed: u64,
}

/// What a campaign saw.
#[derive(Debug, Default, PartialEq)]
pub struct BackupStats {
    /// Backups that ended by themselves.
    pub taken: u32,
    /// Backups that were killed before.
    pub killed: u32,
    /// Restores that were compared with their source.
    pub restored: u32,
    /// The last sequence that was restored.
    pub last_sequence: u64,
}

/// Clients that send until they are stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts clients whose ids begin at `first`.
    pub fn start(addr: SocketAddr, first: u64) -> Load {
        let (stop, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let clients = (0..CLIENTS).map(|client| {
            let (stop, answers) = (stop.clone(), answers.clone());
            std::thread::spawn(move || {
                let mut connection = Connection::open(addr).expect("the server listens");
                let mut number = first + client * 1_000_000;
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    ask(&mut connection, number);
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        Load {
            stop: stop.clone(),
            clients: clients.collect(),
            answers,
        }
    }

    /// Waits until this many more requests were answered.
    ///
    /// # Panics
    /// When they are not.
    pub fn wait_for(&self, more: u64) {
        let (begun, wanted) = (Instant::now(), self.answers.load(Ordering::Relaxed) + more);
        while self.answers.load(Ordering::Relaxed) < wanted {
            assert!(begun.elapsed() < PATIENCE, "the server does not answer");
            std::thread::yield_now();
        }
    }

    /// Stops the clients.
    ///
    /// # Panics
    /// When a request was not answered.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().expect("every request is answered");
        }
    }
}

/// A purchase, and now and then a refund of it.
fn ask(connection: &mut Connection, number: u64) {
    let body = purchase(number, 1 + number % WALLETS, 1 + number % 700);
    connection.expect(200, "POST", "/v1/authorizations", &body);
    if number.is_multiple_of(9) {
        let txn = format!("0197a1d2-0f6e-7c3a-8b1e-{number:012x}");
        let id = format!("0197a1d2-0f6e-7c3a-9b1e-{number:012x}");
        let body = json!({ "reversal_id": id, "reason": "customer_refund" }).to_string();
        connection.expect(200, "POST", &format!("/v1/authorizations/{txn}/reversals"), &body);
    }
}

/// Runs the campaign in a new folder.
///
/// # Panics
/// When a backup that stands cannot be restored, or restores to another state than its source had.
pub fn run(options: &BackupOptions<'_>) -> BackupStats {
    let site = Site::new(options.binary.to_str().expect("text"));
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, WALLETS);
    let mut random = Random::new(options.seed);
    let mut stats = BackupStats::default();
    let to = site.path("backup");
    for round in 0..options.rounds {
        let load = Load::start(server.addr(), u64::from(round) << 32);
        load.wait_for(1 + random.below(300));
        let kill = random
            .percent(50)
            .then(|| options.kill_within.mul_f64(random.below(1_000) as f64 / 1e3));
        begin(&site, &to, kill, &mut stats);
        // The source is verified while it is written.
        let restored = check(&site, &to, round, &mut stats);
        load.stop();
        restored
            .map(std::fs::remove_dir_all)
            .transpose()
            .expect("our own folder");
    }
    assert!(back_up(&site, &to, None));
    stats.taken += 1;
    let restored = check(&site, &to, options.rounds, &mut stats).expect("there is a backup");
    stop(server);
    stop(serve_copy(&site, &restored));
    stats
}

/// Takes a backup, which may be killed, and counts it; whether it ended by itself.
pub(crate) fn begin(site: &Site, to: &Path, kill_after: Option<Duration>, stats: &mut BackupStats) -> bool {
    let ended = back_up(site, to, kill_after);
    match ended {
        true => stats.taken += 1,
        false => stats.killed += 1,
    }
    ended
}

/// Takes a backup, whatever those before left at its target, and compares its restore with the source.
pub(crate) fn again(site: &Site, to: &Path, round: u32, stats: &mut BackupStats) {
    assert!(begin(site, to, None, stats));
    let restored = check(site, to, round, stats).expect("there is a backup");
    std::fs::remove_dir_all(restored).expect("our own folder");
}

fn stop(server: ServerProcess) {
    server.terminate();
    let (code, said) = server.wait();
    assert_eq!(code, Some(0), "{said}");
}

/// Serves a restored folder.
fn serve_copy(site: &Site, folder: &Path) -> ServerProcess {
    site.serve_folder(folder, &["--clock", NOON])
}

/// Takes a backup; `false` when it was killed before it ended.
fn back_up(site: &Site, to: &Path, kill_after: Option<Duration>) -> bool {
    let mut child = Command::new(site.binary())
        .arg("backup")
        .arg("--data-dir")
        .arg(site.data_dir())
        .arg("--to")
        .arg(to)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program is there");
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it was started") {
            assert!(status.success(), "a backup fails: {status}");
            return true;
        }
        if kill_after.is_some_and(|after| begun.elapsed() >= after) {
            child.kill().expect("it runs");
            child.wait().expect("a killed process ends");
            return false;
        }
        assert!(begun.elapsed() < PATIENCE, "a backup does not end");
        std::thread::yield_now();
    }
}

/// Restores the backup that stands and compares it with its source; the restored folder.
fn check(site: &Site, from: &Path, round: u32, stats: &mut BackupStats) -> Option<PathBuf> {
    let folder = site.path(&format!("restored-{round}"));
    let restored = site.run(&[
        "restore".as_ref(),
        "--from".as_ref(),
        from,
        "--data-dir".as_ref(),
        &folder,
    ]);
    if !from.join("backup.json").exists() {
        assert_eq!(restored.code, Some(1), "{restored:?}");
        assert!(!folder.exists(), "a restore of nothing made a folder");
        return None;
    }
    assert_eq!(restored.code, Some(0), "{restored:?}");
    let last = line(&restored.stdout, "last sequence ");
    let copy = verify(site, &folder, &[]);
    let source = verify(site, &site.data_dir(), &["--through", &last]);
    assert_eq!(
        copy, source,
        "the restored folder is not what its source was at {last}"
    );
    stats.restored += 1;
    stats.last_sequence = last.parse().expect("a number");
    Some(folder)
}

/// Verifies a folder, which must be right; what is printed of it.
///
/// # Panics
/// When it is not.
pub fn verify(site: &Site, folder: &Path, more: &[&str]) -> String {
    let folder = folder.to_str().expect("text");
    let ended = site.run(&[&["verify", "--data-dir", folder], more].concat());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stderr, ended.stdout);
    ended.stdout
}

/// The rest of the line that begins like this.
///
/// # Panics
/// When there is none.
pub fn line(text: &str, begins: &str) -> String {
    let rest = text.lines().find_map(|line| line.strip_prefix(begins));
    rest.unwrap_or_else(|| panic!("no {begins:?} in {text}"))
        .to_owned()
}
