//! A desk of the shipped programmes: shops, citizens, and a memory of everything that must be answered the same once more.

use crate::BINARY;
use crate::registrations::durable_sequence;
use satang_tests::backup::verify;
use satang_tests::crash::{citizen_id, wallet_id};
use satang_tests::process::ServerProcess;
use satang_tests::site::{Ended, PROGRAM, Site};
use satang_tests::wire::{Answer, Wire};
use serde_json::{Value, json};
use std::path::Path;

/// The state welfare card.
pub const CARD: &str = "state-welfare-card";
/// A blue flag shop of both programmes.
pub const SHOP: &str = "010555000000001";
/// The electricity utility.
pub const POWER: &str = "010555000000002";
/// A kitchen of the 60/40 programme that delivers.
pub const KITCHEN: &str = "010555000000003";

/// A server of the shipped programme files.
pub struct Desk {
    site: Site,
    server: Option<ServerProcess>,
    wire: Wire,
    clock: String,
    /// What was asked and is to be answered once more.
    asked: Vec<(String, String, String)>,
}

impl Desk {
    /// Opens at this time, with the shops.
    pub fn open(now: &str) -> Desk {
        let (site, clock) = (Site::new(BINARY), format!("simulated:{now}"));
        let server = site.serve(&["--clock", &clock]);
        let wire = Wire::open(server.addr()).expect("it listens");
        let mut desk = Desk {
            site,
            server: Some(server),
            wire,
            clock,
            asked: Vec::new(),
        };
        for (id, category) in [
            (SHOP, "blue_flag"),
            (POWER, "electricity"),
            (KITCHEN, "food_drink"),
        ] {
            let merchant = json!({
                "name": "ร้านทดสอบ", "category": category, "status": "active", "programs": [PROGRAM, CARD],
                "channels": ["store", "delivery"],
            });
            desk.call("PUT", &format!("/v1/merchants/{id}"), &merchant);
        }
        desk
    }

    /// Sends a request that is answered 200.
    #[track_caller]
    pub fn call(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.send(method, path, body);
        assert_eq!(answer.status, 200, "{method} {path} {body}: {}", answer.text());
        answer.json()
    }

    /// Sends any request.
    pub fn send(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let answer = self.wire.call(method, path, body.to_string().as_bytes());
        answer.expect("an answer")
    }

    /// Sends a request that is answered with a problem of this status and code.
    #[track_caller]
    pub fn refuse(&mut self, status: u16, code: &str, (method, path, body): (&str, &str, &Value)) -> Value {
        let before = self.durable_sequence();
        let answer = self.send(method, path, body);
        let said = answer.text();
        assert_eq!(answer.status, status, "{method} {path} {body}: {said}");
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{said}");
        let is_told = problem["detail"].as_str().is_some_and(|detail| detail.len() > 20);
        assert!(is_told || !problem["errors"].is_null(), "{said}");
        assert_eq!(self.durable_sequence(), before, "a refusal was journaled: {said}");
        problem
    }

    /// Sends a request twice that changes nothing the second time.
    #[track_caller]
    pub fn repeat(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let first = self.call(method, path, body);
        let before = self.durable_sequence();
        assert_eq!(self.call(method, path, body), first, "{method} {path}");
        assert_eq!(self.durable_sequence(), before, "it was journaled again: {first}");
        first
    }

    /// The sequence of the last durable record.
    pub fn durable_sequence(&mut self) -> String {
        durable_sequence(&mut self.wire)
    }

    /// A sample of the metrics.
    #[track_caller]
    pub fn sample(&mut self, series: &str) -> u64 {
        let metrics = self.send("GET", "/metrics", &json!({})).text();
        let found = metrics
            .lines()
            .find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        found.unwrap_or_else(|| panic!("no {series}: {metrics}"))
    }

    /// Runs a command against the server.
    pub fn run(&self, args: &[&str]) -> Ended {
        let url = format!("http://{}", self.server().addr());
        self.site.run(&[args, &["--server", &url]].concat())
    }

    /// The same with a file as its standard input.
    pub fn run_from(&self, file: &Path, args: &[&str]) -> Ended {
        let url = format!("http://{}", self.server().addr());
        self.site.run_from(file, &[args, &["--server", &url]].concat())
    }

    /// Its folder.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Restarts after a crash, from the journal alone and then from a snapshot: what is looked at stays the same.
    #[track_caller]
    pub fn restart_twice(&mut self, looks: &[String]) {
        self.restart(looks);
        self.call("POST", "/v1/snapshots", &json!({}));
        self.restart(looks);
    }

    /// Asks for something that has one answer for ever.
    #[track_caller]
    pub fn ask(&mut self, path: &str, body: &Value) -> Value {
        let answer = self.send("POST", path, body);
        assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
        self.asked
            .push((path.to_owned(), body.to_string(), answer.text()));
        answer.json()
    }

    fn server(&self) -> &ServerProcess {
        self.server.as_ref().expect("it serves but for a restart")
    }

    /// One more connection.
    pub fn wire(&self) -> Wire {
        Wire::open(self.server().addr()).expect("it listens")
    }

    /// Sets the clock.
    pub fn set_clock(&mut self, now: &str) {
        self.call("PUT", "/v1/clock", &json!({ "now": now }));
    }

    /// Imports a right of the citizen who has the wallet of that number.
    pub fn enroll(&mut self, program: &str, wallet: u64, household: Option<&str>) {
        let mut line =
            json!({ "program": program, "wallet_id": wallet_id(wallet), "citizen_id": citizen_id(wallet) });
        if let Some(household) = household {
            line["household_id"] = json!(household);
        }
        let report = self.call("POST", "/v1/enrollments/import", &line);
        assert_eq!(report["accepted"], 1, "{report}");
    }

    /// Buys, once and for ever.
    #[track_caller]
    pub fn buy(&mut self, number: u64, program: &str, wallet: u64, shop: &str, amount: u64) -> Value {
        self.ask(
            "/v1/authorizations",
            &purchase(number, program, wallet, shop, amount),
        )
    }

    /// Orders from the kitchen; the room is held for so many seconds.
    #[track_caller]
    pub fn hold(&mut self, number: u64, wallet: u64, amount: u64, seconds: u64) -> Value {
        self.ask("/v1/holds", &order(number, wallet, amount, seconds))
    }

    /// Refunds a part, or everything that is left.
    #[track_caller]
    pub fn refund(&mut self, number: u64, reversal: u64, amount: Option<u64>) -> Value {
        let id = format!("0197a1d2-0f6e-7c3a-8b1f-{reversal:012x}");
        let mut body = json!({ "reversal_id": id, "reason": "customer_refund" });
        if let Some(amount) = amount {
            body["amount"] = json!(amount);
        }
        self.ask(&format!("/v1/authorizations/{}/reversals", txn(number)), &body)
    }

    /// What is left of a benefit, and what its sources paid.
    pub fn benefit(&mut self, wallet: u64, program: &str, benefit: &str) -> Option<Value> {
        let shown = self.call("GET", &format!("/v1/wallets/{}", wallet_id(wallet)), &json!({}));
        let programs = shown["programs"].as_array().expect("programmes");
        let program = programs.iter().find(|right| right["program"] == program)?;
        let benefits = program["benefits"].as_array().expect("benefits");
        benefits.iter().find(|shown| shown["benefit"] == benefit).cloned()
    }

    /// A purchase as it stands.
    pub fn look_up(&mut self, number: u64) -> Value {
        self.call("GET", &format!("/v1/authorizations/{}", txn(number)), &json!({}))
    }

    /// What the call centre reads out of a purchase.
    #[track_caller]
    pub fn explain(&self, number: u64) -> String {
        let url = format!("http://{}", self.server().addr());
        let ended = self.site.run(&["explain", &txn(number), "--server", &url]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    }

    /// Ends the server as a power cut would, and starts it again: every answer is given once more, and `looks` are the same.
    #[track_caller]
    pub fn restart(&mut self, looks: &[String]) {
        let before = self.look_at(looks);
        // The folder is free only when the old one is gone.
        self.server.take().expect("it serves").kill();
        self.server = Some(self.site.serve(&["--clock", &self.clock]));
        self.wire = self.wire();
        assert_eq!(self.look_at(looks), before);
        for (path, body, first) in &self.asked {
            let again = self.wire.call("POST", path, body.as_bytes()).expect("an answer");
            let wanted = first.replace("\"replayed\":false", "\"replayed\":true");
            assert_eq!(again.text(), wanted, "{path} {body}");
        }
        assert_eq!(self.look_at(looks), before, "a replay changed something");
    }

    fn look_at(&mut self, looks: &[String]) -> Vec<Value> {
        let look = |path: &String| self.call("GET", path, &json!({}));
        looks.iter().map(look).collect()
    }

    /// Restarts once, and ends; the journal must verify.
    #[track_caller]
    pub fn close(mut self, wallets: &[u64]) {
        let looks: Vec<String> = wallets
            .iter()
            .map(|wallet| format!("/v1/wallets/{}", wallet_id(*wallet)))
            .collect();
        self.restart(&looks);
        let server = self.server.take().expect("it serves");
        server.terminate();
        let (code, said) = server.wait();
        assert_eq!(code, Some(0), "{said}");
        verify(&self.site, &self.site.data_dir(), &[]);
    }
}

/// The id of that number.
pub fn txn(number: u64) -> String {
    format!("0197a1d2-0f6e-7c3a-8b1e-{number:012x}")
}

/// A purchase at a shop.
pub fn purchase(number: u64, program: &str, wallet: u64, shop: &str, amount: u64) -> Value {
    json!({
        "txn_id": txn(number), "program": program, "wallet_id": wallet_id(wallet), "merchant_id": shop,
        "channel": "store", "amount": amount,
    })
}

/// An order from the kitchen.
pub fn order(number: u64, wallet: u64, amount: u64, seconds: u64) -> Value {
    let mut order = purchase(number, PROGRAM, wallet, KITCHEN, amount);
    order["channel"] = json!("delivery");
    order["expires_in_s"] = json!(seconds);
    order
}
