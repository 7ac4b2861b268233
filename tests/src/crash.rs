//! Kill -9 under load, again and again: what was answered is there with the same answer, what was not is whole or absent, and
//! no id has two outcomes though clients race for it.
//!
//! In each round 64 clients send authorizations of their own, race each other for shared ids with two wallets, race reversals
//! against originals, replace their wallets by others, and send requests of earlier rounds again; meanwhile snapshots are taken, midnights
//! pass, programme files change, or backups are made; then the server is killed. After the restart every request of the round is sent again: one that was answered must get the same answer, and so
//! must some of earlier days. Each citizen's room, through the last of the wallets, must be what the answers add up to, and the programme files in force. Now and then the server is started once more
//! with its newest snapshot damaged, and once with none: it must answer the same.

mod disturb;
mod requests;
mod rulebook;

use self::disturb::{Disturbance, Scene};
use self::requests::{Requests, first_wallet};
use self::rulebook::Rulebook;
use crate::backup::{self, BackupStats};
use crate::generate::random::Random;
use crate::process::{Connection, ServerProcess};
use crate::site::Site;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// Clients at once.
const CLIENTS: usize = 64;
const PROGRAM: &str = "thai-chuai-thai-plus-6040";
const MERCHANT: &str = "010555012345678";
/// The programme's cap a day as shipped, in satang.
const DAY_CAP: i64 = 20_000;
/// The programme's cap a month.
const MONTH_CAP: i64 = 100_000;

/// What a campaign is run with.
pub struct CrashOptions<'a> {
    /// The server's program.
    pub binary: &'a Path,
    /// How often it is killed.
    pub rounds: u32,
    /// Answers after which it is killed, at most; the exact number is random.
    pub answers_max: u64,
    /// Seed of everything random but the threads' interleaving.
    pub seed: u64,
}

/// What a campaign saw.
#[derive(Debug, Default, PartialEq)]
pub struct CrashStats {
    /// Kills.
    pub kills: u32,
    /// Requests answered before a kill.
    pub answered: u64,
    /// Requests in flight at a kill.
    pub unanswered: u64,
    /// Of those, how many turned out to be durable.
    pub unanswered_but_durable: u64,
    /// Requests answered that their id has other content.
    pub conflicts: u64,
    /// Approved reversals, tombstones included.
    pub reversals: u64,
    /// Replacements of wallets, each counted once.
    pub replacements: u64,
    /// Requests of earlier rounds that were answered as they were then.
    pub answered_again: u64,
    /// Kills in the middle of a snapshot.
    pub killed_in_snapshot: u32,
    /// Kills in the middle of an index file of old ids.
    pub killed_in_index: u32,
    /// Index files of old ids in the end.
    pub index_files: u64,
    /// Starts with the newest snapshot damaged, and starts without any.
    pub starts_without: u32,
    /// Reloads that put changed programme files in force.
    pub reloads: u64,
    /// Reloads refused for a wrong file.
    pub reloads_refused: u64,
    /// Kills in the middle of a reload.
    pub killed_in_reload: u32,
    /// Backups, their own kills, and restores compared with their source.
    pub backups: BackupStats,
    /// Kills of the server in the middle of a backup.
    pub killed_in_backup: u32,
}

/// One request and what became of it.
#[derive(Clone, Debug)]
struct Sent {
    path: String,
    body: String,
    /// Status and answer before the kill; `None` when there was none.
    answer: Option<(u16, String)>,
}

/// Runs the campaign in a new data folder.
///
/// # Panics
/// When an answer is lost or changed, an id has two outcomes, or money is not conserved.
pub fn run(options: &CrashOptions<'_>) -> CrashStats {
    let site = Site::new(options.binary.to_str().expect("text"));
    let (data_dir, to) = (site.data_dir(), site.path("backup"));
    let mut rulebook = Rulebook::new(site.path("programs"));
    let programs = format!("programs={}", rulebook.folder().display());
    let args = ["--clock", "simulated:2026-06-01T08:00:00+07:00", &programs];
    let with = |disturbance: Disturbance| [&args[..], disturbance.args()].concat();
    let start = |disturbance: Disturbance| site.serve(&with(disturbance));
    let mut server = start(Disturbance::of_round(0));
    let wallets_per_round = CLIENTS as u64 * 4;
    prepare(server.addr(), wallets_per_round * u64::from(options.rounds));
    let mut random = Random::new(options.seed);
    let mut stats = CrashStats::default();
    let mut ledger = Ledger::default();
    let mut past: Arc<Vec<Sent>> = Arc::default();
    for round in 0..options.rounds {
        let limit = random.between(CLIENTS as i64, options.answers_max as i64) as u64;
        let disturbance = Disturbance::of_round(round);
        let plan = Plan {
            round,
            limit,
            seed: random.bits(),
            disturbance,
            wallets_per_round,
        };
        let begun = SystemTime::now();
        let sent = load(server, &plan, &past, &site, &mut rulebook, &mut stats);
        stats.kills += 1;
        rulebook.check_journal(&data_dir, begun);
        if rulebook.is_wrong() {
            let (code, said) = site.refused(&with(Disturbance::None));
            assert_eq!(code, Some(1), "a start with a wrong file: {said}");
            rulebook.put_right();
        }
        let (snapshot, index) = disturb::unfinished(&data_dir);
        stats.killed_in_snapshot += u32::from(snapshot);
        stats.killed_in_index += u32::from(index);
        server = start(Disturbance::of_round(round + 1));
        let first_wallet = u64::from(round) * wallets_per_round;
        rulebook.check_in_force(server.addr());
        check_round(server.addr(), &sent, &mut stats, &mut ledger);
        check_past(server.addr(), &past, &mut random, &mut stats);
        check_rooms(
            server.addr(),
            &ledger,
            rulebook.day_cap,
            first_wallet + 1..=first_wallet + wallets_per_round,
        );
        keep_some(&mut past, sent, &mut random);
        if disturbance == Disturbance::Backups {
            backup::again(&site, &to, round, &mut stats.backups);
        }
        if round % 5 == 4 {
            server = check_without_snapshots(server, &ledger, &past, &data_dir, &mut random, &start);
            stats.starts_without += 2;
        }
    }
    check_rooms(
        server.addr(),
        &ledger,
        rulebook.day_cap,
        1..=wallets_per_round * u64::from(options.rounds),
    );
    stats.index_files = count_files(&data_dir.join("ids"));
    server.kill();
    stats
}

fn count_files(folder: &Path) -> u64 {
    std::fs::read_dir(folder).map_or(0, |entries| entries.count() as u64)
}

/// What one round does.
struct Plan {
    round: u32,
    /// Answers after which the server is killed.
    limit: u64,
    seed: u64,
    disturbance: Disturbance,
    wallets_per_round: u64,
}

/// How many requests of earlier rounds are remembered.
const PAST_MAX: usize = 8_000;
/// How many of them are sent again after each kill.
const PAST_PER_ROUND: u64 = 400;

/// Remembers some of the requests that were answered, in the place of others.
fn keep_some(past: &mut Arc<Vec<Sent>>, sent: Vec<Sent>, random: &mut Random) {
    let past = Arc::make_mut(past);
    let answered = sent
        .into_iter()
        .filter(|sent| sent.answer.as_ref().is_some_and(|(status, _)| *status == 200));
    for sent in answered {
        if past.len() < PAST_MAX {
            past.push(sent);
        } else if random.percent(10) {
            past[random.below(PAST_MAX as u64) as usize] = sent;
        }
    }
}

/// Requests of days ago get their first answers.
fn check_past(addr: SocketAddr, past: &[Sent], random: &mut Random, stats: &mut CrashStats) {
    if past.is_empty() {
        return;
    }
    let mut connection = Connection::open(addr).expect("the server listens");
    for _ in 0..PAST_PER_ROUND {
        let sent = random.pick(past);
        let again = connection
            .send("POST", &sent.path, &sent.body)
            .expect("the server answers");
        sent.assert_same(&again);
        stats.answered_again += 1;
    }
}

/// Starts with the newest snapshot damaged, then with none: what is looked up and what is sent again is answered the same.
fn check_without_snapshots(
    server: ServerProcess,
    ledger: &Ledger,
    past: &[Sent],
    data_dir: &Path,
    random: &mut Random,
    start: &impl Fn(Disturbance) -> ServerProcess,
) -> ServerProcess {
    let wallets: Vec<&String> = ledger.used.keys().collect();
    let some = (0..300).map(|_| *random.pick(&wallets));
    let some: Vec<&String> = some
        .flat_map(|wallet| [wallet, ledger.last_wallet(wallet)])
        .collect();
    let some_past: Vec<&Sent> = (0..300).map(|_| random.pick(past)).collect();
    let look = |addr: SocketAddr| -> Vec<(u16, String)> {
        let mut connection = Connection::open(addr).expect("the server listens");
        for sent in &some_past {
            let again = connection
                .send("POST", &sent.path, &sent.body)
                .expect("the server answers");
            sent.assert_same(&again);
        }
        let paths = some.iter().map(|wallet| format!("/v1/wallets/{wallet}"));
        let paths = paths.chain(["/v1/programs".to_owned()]);
        paths
            .map(|path| connection.send("GET", &path, "").expect("the server answers"))
            .collect()
    };
    let expected = look(server.addr());
    server.kill();
    disturb::damage_newest(data_dir, random);
    let server = start(Disturbance::None);
    assert!(
        look(server.addr()) == expected,
        "with the newest snapshot damaged"
    );
    server.kill();
    disturb::remove_all(data_dir);
    let server = start(Disturbance::None);
    assert!(look(server.addr()) == expected, "without snapshots");
    server
}

/// Registers the merchant and enrolls wallets 1 to `wallets`.
fn prepare(addr: SocketAddr, wallets: u64) {
    let mut connection = Connection::open(addr).expect("the server listens");
    let merchant = json!({
        "name": "ร้านทดสอบ", "category": "general_goods", "status": "active", "programs": [PROGRAM], "channels": ["store"],
    });
    connection.expect(
        200,
        "PUT",
        &format!("/v1/merchants/{MERCHANT}"),
        &merchant.to_string(),
    );
    let line = |wallet: u64| {
        let enrollment =
            json!({ "program": PROGRAM, "wallet_id": wallet_id(wallet), "citizen_id": citizen_id(wallet) });
        enrollment.to_string() + "\n"
    };
    let lines: String = (1..=wallets).map(line).collect();
    let report = connection.expect(200, "POST", "/v1/enrollments/import", &lines);
    assert_eq!(
        (report["accepted"].as_u64(), report["rejected"].as_u64()),
        (Some(wallets), Some(0))
    );
}

/// The wallet with this number.
pub fn wallet_id(wallet: u64) -> String {
    format!("{wallet:015}")
}

/// A citizen for each wallet, with its check digit.
pub fn citizen_id(wallet: u64) -> String {
    let twelve = format!("{wallet:012}");
    let weighted: u64 = twelve
        .bytes()
        .zip((2..=13).rev())
        .map(|(d, w)| u64::from(d - b'0') * w)
        .sum();
    format!("{twelve}{}", (11 - weighted % 11) % 10)
}

impl Sent {
    /// The answer again, byte for byte but that it says so.
    fn assert_same(&self, again: &(u16, String)) {
        let (status, first) = self
            .answer
            .as_ref()
            .expect("only what was answered is sent again");
        assert_eq!(
            (again.0, &again.1),
            (*status, &repeated(first)),
            "the answer to {} changed",
            self.body
        );
    }
}

/// The answer as it comes again. What has no record is decided each time, and says so.
fn repeated(first: &str) -> String {
    if first.contains("\"sequence\":null") {
        return first.to_owned();
    }
    first.replace("\"replayed\":false", "\"replayed\":true")
}

/// Lets 64 clients send until `limit` answers came (or a rare moment has), kills the server, and returns what was sent.
fn load(
    mut server: ServerProcess,
    plan: &Plan,
    past: &Arc<Vec<Sent>>,
    site: &Site,
    rulebook: &mut Rulebook,
    stats: &mut CrashStats,
) -> Vec<Sent> {
    let Plan {
        round,
        limit,
        seed,
        disturbance,
        wallets_per_round,
    } = *plan;
    let answers = Arc::new(AtomicU64::new(0));
    let killed = Arc::new(AtomicBool::new(false));
    let all = Arc::new(Mutex::new(Vec::new()));
    let addr = server.addr();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (answers, killed, all) = (answers.clone(), killed.clone(), all.clone());
            let past = past.clone();
            std::thread::spawn(move || {
                let first_wallet = u64::from(round) * wallets_per_round;
                let mut requests = Requests::new(round, client as u64, seed, first_wallet);
                let mut sent = Vec::new();
                let mut connection = Connection::open(addr).ok();
                while let Some(open) = &mut connection
                    && !killed.load(Ordering::Relaxed)
                {
                    if let Some(earlier) = requests.earlier(&past) {
                        match open.send("POST", &earlier.path, &earlier.body) {
                            Ok(again) => earlier.assert_same(&again),
                            Err(_) => break,
                        }
                    }
                    let (path, body) = requests.next();
                    let answer = open.send("POST", &path, &body).ok();
                    let broken = answer.is_none();
                    sent.push(Sent { path, body, answer });
                    if broken {
                        break;
                    }
                    answers.fetch_add(1, Ordering::Relaxed);
                }
                all.lock().expect("no client panics").extend(sent);
            })
        })
        .collect();
    // What it says about reloads must not fill the pipe.
    drop(server.follow());
    let data_dir = site.data_dir();
    let scene = Scene {
        site,
        addr,
        pid: server.pid(),
        plan,
        answers: &answers,
        killed: &killed,
        rulebook,
        stats,
    };
    std::thread::scope(|scope| {
        scope.spawn(|| disturbance.run(scene));
        while answers.load(Ordering::Relaxed) < limit && !disturbance.is_the_moment(round, &data_dir) {
            std::thread::yield_now();
        }
        server.kill();
        killed.store(true, Ordering::Relaxed);
    });
    for client in clients {
        client.join().expect("a client does not panic");
    }
    Arc::into_inner(all)
        .expect("the clients are done")
        .into_inner()
        .expect("no client panics")
}

/// What every citizen must have left: money by the first wallet, from the answers.
#[derive(Default)]
struct Ledger {
    /// By wallet, then by the date of the authorization.
    used: BTreeMap<String, BTreeMap<String, i64>>,
    /// By the wallet through which a citizen was enrolled: the one that carries the right now.
    last_wallets: BTreeMap<String, String>,
}

/// Sends every request of a round again and holds the answers against those before the kill.
fn check_round(addr: SocketAddr, sent: &[Sent], stats: &mut CrashStats, ledger: &mut Ledger) {
    let mut connection = Connection::open(addr).expect("the server listens");
    let mut taken_from: BTreeMap<String, (String, String)> = BTreeMap::new();
    let (replacements, rest): (Vec<&Sent>, Vec<&Sent>) =
        sent.iter().partition(|sent| sent.path.ends_with("/replacement"));
    for sent in replacements {
        check_replacement(&mut connection, sent, stats, ledger);
    }
    // Authorizations first: a reversal's wallet is that of the authorization that won its id.
    let (reversals, authorizations): (Vec<&Sent>, Vec<&Sent>) = rest
        .into_iter()
        .partition(|sent| sent.path.ends_with("/reversals"));
    for sent in authorizations {
        let Some(answer) = check_one(&mut connection, sent, stats) else {
            continue;
        };
        let txn_id = answer["txn_id"].as_str().expect("an id").to_owned();
        let wallet = serde_json::from_str::<Value>(&sent.body).expect("our own")["wallet_id"].clone();
        let wallet = first_wallet(wallet.as_str().expect("an id"));
        if let Some((before, _)) = taken_from.get(&txn_id) {
            assert_eq!(*before, wallet, "I5: {txn_id} has outcomes for two wallets");
            continue;
        }
        let date = answer["business_date"].as_str().expect("a date").to_owned();
        *ledger.of(&wallet, &date) += answer["state_amount"].as_i64().expect("satang");
        taken_from.insert(txn_id, (wallet, date));
    }
    for sent in reversals {
        let Some(answer) = check_one(&mut connection, sent, stats) else {
            continue;
        };
        if answer["decision"] == "approved" {
            stats.reversals += 1;
        }
        let state = answer["state_amount"].as_i64().expect("satang");
        if state > 0 {
            let (wallet, date) = &taken_from[answer["txn_id"].as_str().expect("an id")];
            *ledger.of(wallet, date) -= state;
        }
    }
}

/// Sends a replacement again: one that was answered has the same sequence, and the right is where it says.
fn check_replacement(connection: &mut Connection, sent: &Sent, stats: &mut CrashStats, ledger: &mut Ledger) {
    let answer = check_one(connection, sent, stats).expect("a replacement has no id that is somebody else's");
    if answer["decision"] == "rejected" {
        assert_eq!(answer["reason"], "not_registered", "{answer}");
        return;
    }
    let text = |key: &str| answer[key].as_str().expect("an id").to_owned();
    let (first, new) = (first_wallet(&text("wallet_id")), text("new_wallet_id"));
    // Wallets of later replacements have higher numbers.
    let last = ledger.last_wallets.entry(first).or_default();
    if *last < new {
        *last = new;
        stats.replacements += 1;
    }
}

/// Sends a request again; its outcome, or `None` when its id belongs to other content.
fn check_one(connection: &mut Connection, sent: &Sent, stats: &mut CrashStats) -> Option<Value> {
    let (status, again) = connection
        .send("POST", &sent.path, &sent.body)
        .expect("the server answers");
    let again_value: Value = serde_json::from_str(&again).expect("answers are JSON");
    match &sent.answer {
        None => {
            stats.unanswered += 1;
            stats.unanswered_but_durable += u64::from(again_value["replayed"] == true);
        }
        Some((before_status, before)) => {
            stats.answered += 1;
            assert_eq!(
                status, *before_status,
                "{}: first {before}, now {again}",
                sent.body
            );
            if status == 200 {
                assert_eq!(again, repeated(before), "the answer to {} changed", sent.body);
            }
        }
    }
    if status == 409 {
        stats.conflicts += 1;
        return None;
    }
    assert_eq!(status, 200, "{again}");
    Some(again_value)
}

impl Ledger {
    fn last_wallet<'l>(&'l self, wallet: &'l String) -> &'l String {
        self.last_wallets.get(wallet).unwrap_or(wallet)
    }

    fn of(&mut self, wallet: &str, date: &str) -> &mut i64 {
        let of_wallet = self.used.entry(wallet.to_owned()).or_default();
        of_wallet.entry(date.to_owned()).or_default()
    }
}

/// I4, from outside: the room of each of the citizens is the cap less what the answers took and gave back, today and this
/// month, through whatever wallet.
fn check_rooms(addr: SocketAddr, ledger: &Ledger, day_cap: i64, wallets: RangeInclusive<u64>) {
    let mut connection = Connection::open(addr).expect("the server listens");
    let quote = json!({
        "program": PROGRAM, "wallet_id": wallet_id(1), "merchant_id": MERCHANT, "channel": "store", "amount": 1,
    });
    let quoted = connection.expect(200, "POST", "/v1/quotes", &quote.to_string());
    let today = quoted["business_date"].as_str().expect("a date");
    for wallet in wallets.map(wallet_id) {
        let last = ledger.last_wallet(&wallet);
        if *last != wallet {
            let old = connection.expect(200, "GET", &format!("/v1/wallets/{wallet}"), "");
            assert_eq!(old["programs"], json!([]), "wallet {wallet} was replaced");
        }
        let shown = connection.expect(200, "GET", &format!("/v1/wallets/{last}"), "");
        let remaining = &shown["programs"][0]["benefits"][0]["remaining"];
        let used_in = |period: &str| -> i64 {
            let dates = ledger.used.get(&wallet).into_iter().flatten();
            dates
                .filter(|(date, _)| date.starts_with(period))
                .map(|(_, used)| used)
                .sum()
        };
        for (period, cap, dates) in [("day", day_cap, today), ("month", MONTH_CAP, &today[..7])] {
            let left = remaining[period].as_i64().expect("a cap");
            assert_eq!(left, (cap - used_in(dates)).max(0), "wallet {wallet}, {period}");
        }
    }
}
