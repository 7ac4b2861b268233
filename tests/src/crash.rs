//! Kill -9 under load, again and again: what was answered is there with the same answer, what was not is whole or absent, and
//! no id has two outcomes though clients race for it.
//!
//! In each round 64 clients send authorizations of their own, race each other for shared ids with two wallets, and race
//! reversals against originals; then the server is killed. After the restart every request of the round is sent again: one that
//! was answered must get the same answer. In the end each wallet's room must be what its answers add up to.

use crate::generate::random::Random;
use crate::process::{Connection, ServerProcess, ServerSpec};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Clients at once.
const CLIENTS: usize = 64;
const PROGRAM: &str = "thai-chuai-thai-plus-6040";
const MERCHANT: &str = "010555012345678";
/// The programme's cap a day, in satang.
const DAY_CAP: i64 = 20_000;

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
    let folder = tempfile::tempdir().expect("a temporary folder");
    let programs = crate::process::shipped_programs();
    let args = [
        "--clock",
        "simulated:2026-06-15T08:00:00+07:00",
        "--segment-mib",
        "8",
    ];
    let spec = ServerSpec {
        binary: options.binary,
        data_dir: folder.path(),
        programs: &programs,
        args: &args,
    };
    let mut server = ServerProcess::start(&spec).expect("the server starts");
    let wallets_per_round = CLIENTS as u64 * 4;
    prepare(server.addr(), wallets_per_round * u64::from(options.rounds));
    let mut random = Random::new(options.seed);
    let mut stats = CrashStats::default();
    let mut ledger = Ledger::default();
    for round in 0..options.rounds {
        let limit = random.between(CLIENTS as i64, options.answers_max as i64) as u64;
        let sent = load(server, round, limit, random.bits(), wallets_per_round);
        stats.kills += 1;
        server = ServerProcess::start(&spec).expect("the server starts after a kill");
        check_round(server.addr(), &sent, &mut stats, &mut ledger);
    }
    check_rooms(server.addr(), &ledger);
    server.kill();
    stats
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

/// Lets 64 clients send until `limit` answers came, kills the server, and returns what was sent.
fn load(server: ServerProcess, round: u32, limit: u64, seed: u64, wallets_per_round: u64) -> Vec<Sent> {
    let answers = Arc::new(AtomicU64::new(0));
    let killed = Arc::new(AtomicBool::new(false));
    let all = Arc::new(Mutex::new(Vec::new()));
    let addr = server.addr();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (answers, killed, all) = (answers.clone(), killed.clone(), all.clone());
            std::thread::spawn(move || {
                let first_wallet = u64::from(round) * wallets_per_round;
                let mut requests = Requests::new(round, client as u64, seed, first_wallet);
                let mut sent = Vec::new();
                let mut connection = Connection::open(addr).ok();
                while let Some(open) = &mut connection
                    && !killed.load(Ordering::Relaxed)
                {
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
    while answers.load(Ordering::Relaxed) < limit {
        std::thread::yield_now();
    }
    server.kill();
    killed.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("a client does not panic");
    }
    Arc::into_inner(all)
        .expect("the clients are done")
        .into_inner()
        .expect("no client panics")
}

/// The requests of one client in one round.
struct Requests {
    random: Random,
    round: u32,
    /// Clients race in pairs for the ids of their pair.
    pair: u64,
    wallet: u64,
    own: u64,
    count: u64,
}

impl Requests {
    fn new(round: u32, client: u64, seed: u64, first_wallet: u64) -> Requests {
        let random = Random::new(seed ^ client.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Requests {
            random,
            round,
            pair: client / 2,
            wallet: first_wallet + 1 + client * 4,
            own: client,
            count: 0,
        }
    }

    fn next(&mut self) -> (String, String) {
        self.count += 1;
        match self.random.between(0, 9) {
            0..=4 => {
                let id = uuid(self.round, 1, self.own, self.count);
                self.authorization(id)
            }
            // Both clients of a pair draw from the same few ids, each with its own wallet.
            5..=6 => {
                let id = self.contested();
                self.authorization(id)
            }
            7..=8 => {
                let id = self.contested();
                self.reversal(id)
            }
            _ => {
                let earlier = self.random.between(1, self.count as i64) as u64;
                let id = uuid(self.round, 1, self.own, earlier);
                self.reversal(id)
            }
        }
    }

    fn contested(&mut self) -> String {
        let which = self.random.between(0, 200) as u64;
        uuid(self.round, 2, self.pair, which)
    }

    fn authorization(&mut self, txn_id: String) -> (String, String) {
        let wallet = self.wallet + self.random.between(0, 3) as u64;
        let amount = self.random.between(1, 900);
        let body = json!({
            "txn_id": txn_id, "program": PROGRAM, "wallet_id": wallet_id(wallet), "merchant_id": MERCHANT,
            "channel": "store", "amount": amount,
        });
        ("/v1/authorizations".into(), body.to_string())
    }

    fn reversal(&mut self, txn_id: String) -> (String, String) {
        let reversal_id = uuid(self.round, 3, self.own, self.count);
        let mut body = json!({ "reversal_id": reversal_id, "reason": "customer_refund" });
        if self.random.between(0, 1) == 0 {
            body["amount"] = json!(self.random.between(1, 300));
        }
        (format!("/v1/authorizations/{txn_id}/reversals"), body.to_string())
    }
}

fn uuid(round: u32, kind: u16, owner: u64, count: u64) -> String {
    format!("{round:08x}-{kind:04x}-7000-8000-{:012x}", owner << 32 | count)
}

/// What every wallet must have left: money by wallet, from the answers.
#[derive(Default)]
struct Ledger {
    used: BTreeMap<String, i64>,
}

/// Sends every request of a round again and holds the answers against those before the kill.
fn check_round(addr: SocketAddr, sent: &[Sent], stats: &mut CrashStats, ledger: &mut Ledger) {
    let mut connection = Connection::open(addr).expect("the server listens");
    let mut wallets_of: BTreeMap<String, String> = BTreeMap::new();
    // Authorizations first: a reversal's wallet is that of the authorization that won its id.
    let (reversals, authorizations): (Vec<&Sent>, Vec<&Sent>) =
        sent.iter().partition(|sent| sent.path.ends_with("/reversals"));
    for sent in authorizations {
        let Some(answer) = check_one(&mut connection, sent, stats) else {
            continue;
        };
        let txn_id = answer["txn_id"].as_str().expect("an id").to_owned();
        let wallet = serde_json::from_str::<Value>(&sent.body).expect("our own")["wallet_id"].clone();
        let wallet = wallet.as_str().expect("an id").to_owned();
        if let Some(before) = wallets_of.get(&txn_id) {
            assert_eq!(*before, wallet, "I5: {txn_id} has outcomes for two wallets");
            continue;
        }
        *ledger.used.entry(wallet.clone()).or_default() += answer["state_amount"].as_i64().expect("satang");
        wallets_of.insert(txn_id, wallet);
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
            let wallet = &wallets_of[answer["txn_id"].as_str().expect("an id")];
            *ledger.used.get_mut(wallet).expect("it was drawn on") -= state;
        }
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
                let expected = before.replace("\"replayed\":false", "\"replayed\":true");
                assert_eq!(again, expected, "the answer to {} changed", sent.body);
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

/// I4, from outside: each wallet's room is the cap less what its answers took and gave back.
fn check_rooms(addr: SocketAddr, ledger: &Ledger) {
    let mut connection = Connection::open(addr).expect("the server listens");
    for (wallet, used) in &ledger.used {
        let shown = connection.expect(200, "GET", &format!("/v1/wallets/{wallet}"), "");
        let left = shown["programs"][0]["benefits"][0]["remaining"]["day"]
            .as_i64()
            .expect("a daily cap");
        assert_eq!(left, DAY_CAP - used, "wallet {wallet}");
    }
}
