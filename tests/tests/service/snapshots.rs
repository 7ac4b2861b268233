//! Snapshots that an operator asks for.

use crate::BINARY;
use satang_tests::process::ServerProcess;
use satang_tests::site::{NOON, Site, buy, prepare};
use satang_tests::wire::{Answer, Wire};
use serde_json::json;
use std::fs;

fn ask(server: &ServerProcess) -> Answer {
    let mut wire = Wire::open(server.addr()).expect("it listens");
    wire.call("POST", "/v1/snapshots", b"").expect("an answer")
}

fn said(server: ServerProcess) -> String {
    server.terminate();
    let (code, said) = server.wait();
    assert_eq!(code, Some(0), "{said}");
    said
}

#[test]
fn a_snapshot_is_taken_when_it_is_asked_for_and_the_next_start_goes_on_from_it() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 3);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let first = buy(&mut wire, 1, 1, 100);
    let answer = ask(&server);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let taken = answer.json();
    assert_eq!((&taken["wallets"], &taken["ids"]), (&json!(3), &json!(1)));
    let sequence = taken["sequence"].as_u64().expect("a sequence");
    let file = site.data_dir().join(format!("snapshots/{sequence:020}.snap"));
    let bytes = fs::metadata(&file).expect("it has its name").len();
    assert_eq!(taken["bytes"].as_u64(), Some(bytes));
    assert!(taken["took_ms"].is_u64());
    let metrics = wire.call("GET", "/metrics", b"").expect("an answer").text();
    for line in [
        "satang_snapshots_total{outcome=\"taken\"} 1".to_owned(),
        "satang_snapshots_total{outcome=\"failed\"} 0".to_owned(),
        format!("satang_snapshot_sequence {sequence}"),
        "satang_snapshot_seconds_count 1".to_owned(),
        "satang_id_files 0".to_owned(),
    ] {
        assert!(
            metrics.lines().any(|said| said == line),
            "{line} is not in {metrics}"
        );
    }
    said(server);
    let server = site.serve(&["--clock", NOON]);
    let again = buy(&mut Wire::open(server.addr()).expect("it listens"), 1, 1, 100);
    assert_eq!(again, first.replace("\"replayed\":false", "\"replayed\":true"));
    let said = said(server);
    let words = format!("a snapshot through sequence {sequence} read");
    assert!(said.contains(&words), "{said}");
}

#[test]
fn a_damaged_snapshot_costs_one_warning_that_names_it() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    let sequence = ask(&server).json()["sequence"].as_u64().expect("a sequence");
    server.kill();
    let name = format!("snapshots/{sequence:020}.snap");
    let file = site.data_dir().join(&name);
    let mut bytes = fs::read(&file).expect("it is there");
    bytes[4_096] ^= 1;
    fs::write(&file, bytes).expect("there is room");
    let said = said(site.serve(&["--clock", NOON]));
    let warnings: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("a snapshot is not used"))
        .collect();
    assert!(
        warnings.len() == 1 && warnings[0].contains(&format!("{name}: offset ")),
        "{said}"
    );
}

#[test]
fn no_snapshot_is_taken_by_a_clock_that_is_not_trusted() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", "simulated:2126-06-15T12:00:00+07:00"]);
    prepare(&server, 1);
    server.kill();
    // The real clock shows a time long before the journal's last record.
    let server = site.spawn(&[]);
    let answer = loop {
        let answer = Wire::open(server.addr()).and_then(|mut wire| wire.call("POST", "/v1/snapshots", b""));
        match answer {
            Ok(answer) if answer.json()["code"] != "not_ready" => break answer,
            _ => std::thread::yield_now(),
        }
    };
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (503, &json!("clock_not_trusted"))
    );
    assert!(answer.header("retry-after").is_some());
}

#[test]
fn a_snapshot_rule_without_a_bound_is_refused() {
    for wrong in ["0", "1073741825", "-1"] {
        let ended = Site::new(BINARY).run(&[
            "serve",
            "--data-dir",
            "nowhere",
            "--programs",
            "nowhere",
            &format!("--snapshot-mib={wrong}"),
        ]);
        assert_eq!(ended.code, Some(2), "{wrong}: {}", ended.stderr);
        assert!(ended.stderr.contains("--snapshot-mib"), "{}", ended.stderr);
    }
}
