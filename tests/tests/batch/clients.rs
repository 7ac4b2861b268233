//! The load generator and the Python client of docs/examples against a server in a process of its own.

use satang_loadtest::drive::{drive, server_clock_unix_ms};
use satang_loadtest::ids::IdVersion;
use satang_loadtest::pacing::{Arrivals, Load};
use satang_loadtest::plan::{Plan, WireForm};
use satang_loadtest::stats::Stats;
use satang_loadtest::target::Target;
use satang_loadtest::workload::{Mix, Workload};
use satang_tests::repository::root;
use satang_tests::site::{MERCHANT, NOON, PROGRAM, Site, prepare, purchase};
use satang_tests::wire::Wire;
use serde_json::{Value, json};
use std::process::{Command, Output};
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_satang_under_test");

/// Ten batches of a hundred, the same ones each time.
fn send_ten(target: &Target, wire: WireForm) -> Stats {
    let workload = Workload {
        program: PROGRAM.into(),
        channel: "store".into(),
        wallets: 200,
        merchants: 10,
    };
    let mut plan = Plan {
        target: target.clone(),
        load: Load::Open {
            rate: 100.0,
            arrivals: Arrivals::Fixed,
        },
        duration: Duration::from_millis(100),
        warmup: Duration::ZERO,
        drain: Duration::from_secs(60),
        connections: 1,
        threads: 1,
        people: None,
        workload,
        mix: Mix::default(),
        batch_len: 100,
        wire,
        ids: IdVersion::V4,
        seed: 1,
        id_seed: 1,
        id_base_unix_ms: 0,
        check_answers: true,
    };
    satang_loadtest::prepare::prepare(&plan.target, &plan.workload, &mut |_| {}).expect("imports");
    plan.id_base_unix_ms = server_clock_unix_ms(&plan.target, &plan.workload).expect("a clock");
    let stats = drive(&plan).expect("it runs").counted;
    assert_eq!((stats.answered_total(), stats.elements), (10, 1_000));
    assert_eq!(stats.statuses.get(&200), Some(&10), "{:?}", stats.sample);
    assert!(stats.breaches.is_empty() && stats.lost.is_empty(), "{stats:?}");
    stats
}

#[test]
fn the_load_generator_counts_the_same_decisions_in_both_forms() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let target = Target::parse(&format!("http://{}", server.addr()), &[]).expect("an address");
    let counts = |stats: Stats| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("words");
        let mut counts: Vec<(String, String, u64)> = stats
            .outcomes
            .iter()
            .map(|outcome| (text(&outcome.decision), text(&outcome.reason), outcome.count))
            .collect();
        counts.sort();
        counts
    };
    let by_bytes = counts(send_ten(&target, WireForm::Binary));
    assert_eq!(by_bytes.iter().map(|(_, _, count)| count).sum::<u64>(), 1_000);
    assert_eq!(by_bytes[0].1, "approved", "{by_bytes:?}");
    assert!(by_bytes.len() > 1, "no cap is ever reached: {by_bytes:?}");
    // The same ids again: every answer is a replay of the first.
    assert_eq!(counts(send_ten(&target, WireForm::Json)), by_bytes);
    let metrics = Wire::open(server.addr())
        .and_then(|mut wire| wire.call("GET", "/metrics", b""))
        .expect("an answer")
        .text();
    assert!(metrics.contains("satang_replays_total 1000\n"), "{metrics}");
    let approved = format!(
        "satang_decisions_total{{program=\"{PROGRAM}\",reason=\"approved\"}} {}\n",
        by_bytes[0].2
    );
    assert!(metrics.contains(&approved), "{metrics}");
}

/// Runs the Python client, or says why not. In CI it must be there.
fn python(args: &[&str]) -> Option<Output> {
    let script = root().join("docs/examples/batch_client.py");
    match Command::new("python3").arg(script).args(args).output() {
        Ok(output) => Some(output),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "CI needs python3: {error}");
            println!("skipped: needs python3");
            None
        }
    }
}

#[test]
fn the_python_client_prints_what_the_json_batch_would_say() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 2);
    let url = format!("http://{}", server.addr());
    let id = |number: u64| format!("0197a1d2-0f6e-7c3a-8b1e-{number:012x}");
    let of = |number: u64, wallet: &str, amount: u64| format!("{wallet}:{MERCHANT}:{amount}::{}", id(number));
    let purchases = [
        of(1, "000000000000001", 25_000),
        of(2, "000000000000002", 50_000),
        of(3, "000000000000002", 100),
        of(4, "000000000000003", 25_000),
    ];
    let mut args = vec!["--server", &url, "--key", "secret"];
    args.extend(purchases.iter().map(String::as_str));
    let Some(first) = python(&args) else { return };
    let lines = |output: &Output| -> Vec<Value> {
        let text = String::from_utf8(output.stdout.clone()).expect("text");
        let parts = text.lines().filter_map(|line| line.split_once(' '));
        parts
            .map(|(id, outcome)| {
                let mut outcome: Value = serde_json::from_str(outcome).expect("an outcome is JSON");
                outcome["txn_id"] = id.into();
                outcome
            })
            .collect()
    };
    assert!(
        first.status.success(),
        "{}",
        String::from_utf8_lossy(&first.stderr)
    );
    let mut outcomes = lines(&first);
    assert_eq!(outcomes[0]["state_amount"], 15_000, "{outcomes:?}");
    assert_eq!(outcomes[2]["reason"], "daily_cap_exhausted", "{outcomes:?}");
    // The JSON batch of the same purchases replays every one of them.
    let body = [(1, 1, 25_000), (2, 2, 50_000), (3, 2, 100), (4, 3, 25_000)]
        .map(|(number, wallet, amount)| purchase(number, wallet, amount))
        .join(",");
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let body = format!("{{\"authorizations\":[{body}]}}");
    let answer = wire.call("POST", "/v1/authorizations/batch", body.as_bytes());
    for outcome in &mut outcomes {
        outcome["replayed"] = true.into();
    }
    assert_eq!(answer.expect("an answer").json()["results"], json!(outcomes));
    // An id with other content is a conflict, in its place and in the exit code.
    let (other, server) = (of(1, "000000000000001", 26_000), ["--server", &url]);
    let conflict = python(&[&server[..], &[&other, &purchases[1]]].concat()).expect("it was there");
    assert_eq!(conflict.status.code(), Some(1));
    let outcomes = lines(&conflict);
    assert_eq!(outcomes[0]["code"], "txn_id_conflict", "{outcomes:?}");
    assert_eq!(outcomes[1]["replayed"], true, "{outcomes:?}");
    // A batch that is malformed as a whole ends with the server's words.
    let nameless = python(&[&server[..], &["--channel", "NO NAME", &other]].concat()).expect("it was there");
    let said = String::from_utf8_lossy(&nameless.stderr).into_owned();
    assert!(
        nameless.status.code() == Some(1) && said.contains("400: "),
        "{said}"
    );
}
