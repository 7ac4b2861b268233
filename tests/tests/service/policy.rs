//! Programme files are changed while the server decides: all of them count, or none does.

use crate::BINARY;
use satang_tests::crash::{citizen_id, wallet_id};
use satang_tests::process::{PATIENCE, ServerProcess};
use satang_tests::site::{MERCHANT, NOON, Site};
use satang_tests::wire::{Answer, Wire};
use serde_json::{Value, json};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A programme with room for every purchase here.
fn text(id: &str, percent: u8, more: &str) -> String {
    format!(
        "id = \"{id}\"\nname_th = \"{id}\"\nname_en = \"{id}\"\n{more}\n[[benefit]]\nid = \"all\"\nstate_percent = {percent}\n\
         holder = \"person\"\ncaps = {{ program = 1_000_000_000 }}\nwhen_exhausted = \"decline\"\n\
         merchant_categories = [\"food_drink\"]\n[[benefit.channel]]\nid = \"store\"\nfrom = 2026-06-01\nto = 2026-09-30\n\
         hours = \"00:00-24:00\"\n"
    )
}

/// A site whose folder of programme files is its own.
struct Desk {
    site: Site,
    server: ServerProcess,
    wire: Wire,
}

impl Desk {
    /// Serves the programmes `a` and `b`, 60 % each, with a merchant and a wallet in both.
    fn open() -> Desk {
        let site = Site::new(BINARY);
        for id in ["a", "b"] {
            site.write(&format!("programs/{id}.toml"), text(id, 60, ""));
        }
        let server = serve(&site);
        let wire = Wire::open(server.addr()).expect("it listens");
        let mut desk = Desk { site, server, wire };
        desk.put_merchant("food_drink");
        let line = |id: &str| {
            json!({ "program": id, "wallet_id": wallet_id(1), "citizen_id": citizen_id(1) }).to_string()
        };
        let lines = format!("{}\n{}", line("a"), line("b"));
        let report = desk.call("POST", "/v1/enrollments/import", &lines).json();
        assert_eq!(report["accepted"], 2, "{report}");
        desk
    }

    fn call(&mut self, method: &str, path: &str, body: &str) -> Answer {
        self.wire.call(method, path, body.as_bytes()).expect("an answer")
    }

    fn put_merchant(&mut self, category: &str) {
        let body = json!({
            "name": "ร้านทดสอบ", "category": category, "status": "active", "programs": ["a", "b"], "channels": ["store"],
        });
        let answer = self.call("PUT", &format!("/v1/merchants/{MERCHANT}"), &body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    fn write(&self, file: &str, text: &str) {
        self.site.write(&format!("programs/{file}"), text);
    }

    fn reload(&mut self) -> Value {
        let answer = self.call("POST", "/v1/programs/reload", "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Buys for 100 baht in a programme.
    fn buy(&mut self, number: u64, program: &str) -> Value {
        self.call(
            "POST",
            "/v1/authorizations",
            &purchase(number, program).to_string(),
        )
        .json()
    }

    fn look_up(&mut self, number: u64) -> Value {
        self.call("GET", &format!("/v1/authorizations/{}", txn(number)), "")
            .json()
    }

    fn reverse(&mut self, number: u64, amount: u64) -> Value {
        let id = txn(1_000_000 + number);
        let body = json!({ "reversal_id": id, "reason": "customer_refund", "amount": amount });
        let path = format!("/v1/authorizations/{}/reversals", txn(number));
        self.call("POST", &path, &body.to_string()).json()
    }

    fn versions(&mut self) -> Value {
        self.call("GET", "/v1/programs", "").json()
    }

    /// Kills the server and starts it again.
    fn restart(self) -> Desk {
        let Desk { site, server, .. } = self;
        server.kill();
        let server = serve(&site);
        let wire = Wire::open(server.addr()).expect("it listens");
        Desk { site, server, wire }
    }
}

fn serve(site: &Site) -> ServerProcess {
    let folder = format!("programs={}", site.path("programs").display());
    site.serve(&["--clock", NOON, &folder])
}

fn txn(number: u64) -> String {
    format!("0197a1d2-0f6e-7c3a-8b1e-{number:012x}")
}

fn purchase(number: u64, program: &str) -> Value {
    json!({
        "txn_id": txn(number), "program": program, "wallet_id": wallet_id(1), "merchant_id": MERCHANT, "channel": "store",
        "amount": 10_000,
    })
}

/// Sends SIGHUP.
fn hang_up(server: &ServerProcess) {
    let sent = Command::new("kill")
        .args(["-HUP", &server.pid().to_string()])
        .status();
    assert!(sent.is_ok_and(|status| status.success()), "kill works");
}

#[test]
fn changed_files_count_at_once_and_the_answer_says_which() {
    let mut desk = Desk::open();
    let before = desk.versions();
    assert_eq!(desk.buy(1, "a")["state_amount"], 6_000);
    desk.write("a.toml", &text("a", 50, ""));
    assert_eq!(
        desk.buy(2, "a")["state_amount"],
        6_000,
        "a file counts once it is asked for"
    );
    let answer = desk.reload();
    assert_eq!(desk.buy(3, "a")["state_amount"], 5_000);
    let after = desk.versions();
    let entry = |shown: &Value, index: usize, changed: bool| {
        json!({
            "id": shown["programs"][index]["id"], "rule_version": shown["programs"][index]["rule_version"],
            "changed": changed, "effective_from": null,
        })
    };
    assert_eq!(
        answer,
        json!({ "programs": [entry(&after, 0, true), entry(&before, 1, false)], "removed": [] })
    );
    assert_ne!(
        before["programs"][0]["rule_version"],
        after["programs"][0]["rule_version"]
    );
    // Once more, nothing is new; an empty object asks for the same.
    let again = desk.call("POST", "/v1/programs/reload", "{}").json();
    assert_eq!(again["programs"][0]["changed"], false);
    for (body, field) in [("{\"force\":true}", "force"), ("[]", ""), (" ", "")] {
        let refused = desk.call("POST", "/v1/programs/reload", body);
        assert_eq!(
            (refused.status, &refused.json()["errors"][0]["field"]),
            (400, &json!(field))
        );
    }
}

#[test]
fn a_hang_up_reads_the_files_again() {
    let mut desk = Desk::open();
    let before = desk.versions();
    desk.write("a.toml", &text("a", 50, ""));
    hang_up(&desk.server);
    let begun = Instant::now();
    while desk.versions() == before {
        assert!(begun.elapsed() < PATIENCE, "nothing was read again");
    }
    assert_eq!(desk.buy(1, "a")["state_amount"], 5_000);
    // A wrong file is one line in the log, and changes nothing.
    let before = desk.versions();
    desk.write("a.toml", "id = \"a\"\nfoo = 1\n");
    hang_up(&desk.server);
    let line = desk.server.line_with("a.toml");
    assert!(
        line.contains("ERROR") && line.contains("a.toml:2: foo: "),
        "{line}"
    );
    assert!(
        !line.contains(desk.site.path("").to_str().expect("text")),
        "{line}"
    );
    assert_eq!(desk.versions(), before);
}

#[test]
fn one_wrong_file_and_nothing_changes() {
    let mut desk = Desk::open();
    let before = desk.versions();
    // The first file is right and new, the second is wrong.
    desk.write("a.toml", &text("a", 10, ""));
    let b = text("b", 60, "");
    let wrong = [
        (b.replace("= 60", "= 0"), "b.toml:7: benefit[0].state_percent: "),
        (
            b.replace("hours", "hour"),
            "b.toml:16: benefit[0].channel[0].hour: ",
        ),
        (
            text("a", 60, ""),
            "b.toml:1: id: programme a is already in a.toml",
        ),
    ];
    for (text, said) in wrong {
        desk.write("b.toml", &text);
        let refused = desk.call("POST", "/v1/programs/reload", "");
        let problem = refused.json();
        assert_eq!(
            (refused.status, &problem["code"]),
            (400, &json!("programs_refused")),
            "{problem}"
        );
        let detail = problem["detail"].as_str().expect("why");
        assert!(detail.starts_with(said), "{detail}");
        assert_eq!(desk.versions(), before);
    }
    desk.site.write("programs/b.toml", [0xFF]);
    let refused = desk.call("POST", "/v1/programs/reload", "").json();
    assert_eq!(refused["detail"], "b.toml:1: (file): is not UTF-8 in this line");
    std::fs::remove_dir_all(desk.site.path("programs")).expect("ours");
    let refused = desk.call("POST", "/v1/programs/reload", "").json();
    assert_eq!(refused["code"], "programs_refused", "{refused}");
    assert_eq!(desk.versions(), before);
    assert_eq!(desk.buy(1, "a")["state_amount"], 6_000);
    // Not even on disk: the next start finds what was in force.
    for id in ["a", "b"] {
        desk.write(&format!("{id}.toml"), &text(id, 60, ""));
    }
    let mut desk = desk.restart();
    assert_eq!(desk.versions(), before);
    assert_eq!(desk.reload()["programs"][0]["changed"], false);
}

#[test]
fn a_file_that_is_removed_takes_its_programme_out_of_force() {
    let mut desk = Desk::open();
    let first = desk.buy(1, "a");
    let shown = desk.look_up(1);
    std::fs::remove_file(desk.site.path("programs/a.toml")).expect("ours");
    let answer = desk.reload();
    assert_eq!(
        (&answer["programs"][0]["id"], &answer["removed"]),
        (&json!("b"), &json!(["a"]))
    );
    assert_eq!(desk.call("GET", "/v1/programs/a", "").status, 404);
    assert_eq!(desk.buy(2, "a")["reason"], "program_unknown");
    assert_eq!(desk.buy(3, "b")["reason"], "approved");
    // What was bought stays what it was.
    assert_eq!(desk.look_up(1), shown);
    let mut replay = desk.buy(1, "a");
    assert_eq!(replay["replayed"].take(), true);
    assert_eq!(replay["sequence"], first["sequence"]);
    assert_eq!(desk.reverse(1, 4_000)["state_amount"], 2_400);
    let mut desk = desk.restart();
    assert_eq!(desk.buy(4, "a")["reason"], "program_unknown");
    assert_eq!(desk.look_up(1)["left"], 6_000);
    // Put back, it goes on with what was used.
    desk.write("a.toml", &text("a", 60, ""));
    let answer = desk.reload();
    assert_eq!(
        (&answer["programs"][0]["id"], &answer["programs"][0]["changed"]),
        (&json!("a"), &json!(true))
    );
    let room = 1_000_000_000 - (6_000 - 2_400) - 6_000;
    assert_eq!(desk.buy(5, "a")["remaining"]["program"], room);
}

/// Tells the clients that it is over, also when the test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn decisions_during_a_reload_see_all_old_rules_or_all_new_ones() {
    let mut desk = Desk::open();
    let (addr, over) = (desk.server.addr(), &AtomicBool::new(false));
    // One batch is one instant: both of its purchases were decided by files of the same writing.
    let buy_in_both = |client: u64| {
        let mut wire = Wire::open(addr).expect("it listens");
        let mut seen = [0_u32; 2];
        for round in 0.. {
            if over.load(Ordering::SeqCst) {
                break;
            }
            let number = client << 32 | round << 1;
            let body = json!({ "authorizations": [purchase(number, "a"), purchase(number + 1, "b")] });
            let answer = wire
                .call("POST", "/v1/authorizations/batch", body.to_string().as_bytes())
                .expect("an answer");
            let results = &answer.json()["results"];
            let shares = [&results[0]["state_amount"], &results[1]["state_amount"]];
            assert!(shares == [6_000, 6_000] || shares == [5_000, 5_000], "{results}");
            seen[usize::from(shares[0] == 5_000)] += 1;
        }
        seen
    };
    // A quote waits for no disk, so it looks far more often: neither programme is ever out of force.
    let ask = |program: &str| {
        let mut wire = Wire::open(addr).expect("it listens");
        let mut quote = purchase(0, program);
        quote.as_object_mut().expect("an object").remove("txn_id");
        let quote = quote.to_string();
        while !over.load(Ordering::SeqCst) {
            let answer = wire
                .call("POST", "/v1/quotes", quote.as_bytes())
                .expect("an answer")
                .json();
            let share = &answer["state_amount"];
            assert!(*share == 6_000 || *share == 5_000, "{answer}");
        }
    };
    std::thread::scope(|scope| {
        let _over = Over(over);
        let clients: Vec<_> = (1..=2)
            .map(|client| scope.spawn(move || buy_in_both(client)))
            .collect();
        let asking = ["a", "b", "b"].map(|program| scope.spawn(move || ask(program)));
        for round in 0..40 {
            let percent = [50, 60][round % 2];
            for id in ["a", "b"] {
                desk.write(&format!("{id}.toml"), &text(id, percent, ""));
            }
            let answer = desk.reload();
            assert_eq!(answer["programs"][1]["changed"], true);
            let number = 7_000 + round as u64;
            assert_eq!(desk.buy(number, "b")["state_amount"], u64::from(percent) * 100);
        }
        over.store(true, Ordering::SeqCst);
        for client in clients {
            let seen = client.join().expect("no share was of two writings");
            assert!(seen.iter().sum::<u32>() > 0, "{seen:?}");
        }
        for client in asking {
            client.join().expect("every quote was of one writing");
        }
    });
}

#[test]
fn a_file_of_tomorrow_is_read_today_and_counts_from_its_date() {
    let mut desk = Desk::open();
    let today = desk.versions();
    desk.write("a.toml", &text("a", 50, "effective_from = 2026-06-16"));
    let answer = desk.reload();
    let loaded = &answer["programs"][0];
    assert_eq!(
        (&loaded["changed"], &loaded["effective_from"]),
        (&json!(true), &json!("2026-06-16"))
    );
    assert_eq!(desk.versions(), today, "what counts today is shown");
    assert_eq!(desk.buy(1, "a")["state_amount"], 6_000);
    let set = |desk: &mut Desk, now: &str| {
        let answer = desk.call("PUT", "/v1/clock", &json!({ "now": now }).to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    set(&mut desk, "2026-06-15T23:59:00+07:00");
    assert_eq!(desk.buy(2, "a")["state_amount"], 6_000);
    let mut desk = desk.restart();
    set(&mut desk, "2026-06-16T00:00:00+07:00");
    assert_eq!(desk.buy(3, "a")["state_amount"], 5_000);
    let shown = desk.versions();
    assert_eq!(shown["programs"][0]["rule_version"], loaded["rule_version"]);
    assert_eq!(
        desk.look_up(3)["explanation"]["rule_version"],
        loaded["rule_version"]
    );
    assert_eq!(
        desk.look_up(2)["explanation"]["rule_version"],
        today["programs"][0]["rule_version"]
    );
}

#[test]
fn old_versions_go_on_serving_what_they_decided() {
    let mut desk = Desk::open();
    let mut firsts = Vec::new();
    for (number, percent) in [(1, 60), (2, 50), (3, 40)] {
        desk.write(
            "a.toml",
            &text("a", percent, &format!("source = \"letter {percent}\"")),
        );
        desk.reload();
        let version = desk.versions()["programs"][0]["rule_version"].clone();
        firsts.push((number, percent, version, desk.buy(number, "a")));
    }
    for restarted in [false, true] {
        if restarted {
            desk = desk.restart();
        }
        for (number, percent, version, first) in &firsts {
            let percent = u64::from(*percent);
            assert_eq!(first["state_amount"], percent * 100);
            let shown = desk.look_up(*number);
            let why = &shown["explanation"];
            assert_eq!(
                (&why["rule_version"], &why["state_percent"]),
                (version, &json!(percent))
            );
            assert_eq!(why["rule_source"], format!("letter {percent}"));
            let mut replay = desk.buy(*number, "a");
            replay["replayed"] = json!(false);
            assert_eq!(replay, *first);
            // A refund is by the share of its purchase, whatever counts today.
            let refund = *number + if restarted { 100 } else { 0 };
            let id = txn(2_000_000 + refund);
            let body = json!({ "reversal_id": id, "reason": "customer_refund", "amount": 1_000 });
            let path = format!("/v1/authorizations/{}/reversals", txn(*number));
            let given = desk.call("POST", &path, &body.to_string()).json();
            assert_eq!(given["state_amount"], percent * 10, "{given}");
        }
    }
}

#[test]
fn a_merchants_new_category_counts_for_its_next_purchase() {
    let mut desk = Desk::open();
    assert_eq!(desk.buy(1, "a")["reason"], "approved");
    desk.put_merchant("massage");
    assert_eq!(desk.buy(2, "a")["reason"], "category_not_allowed");
    desk.put_merchant("food_drink");
    assert_eq!(desk.buy(3, "a")["reason"], "approved");
}
