//! What is no fault, but may be a slip, is said with the fact.

use crate::{BINARY, check_refusal};
use satang_tests::process::{ServerProcess, shipped_programs};
use satang_tests::site::{NOON, Site, buy, prepare};
use satang_tests::wire::Wire;
use std::fs;

const PROGRAM: &str = "thai-chuai-thai-plus-6040.toml";

/// Ends the server and returns what it said.
fn said(server: ServerProcess) -> String {
    server.terminate();
    let (code, said) = server.wait();
    assert_eq!(code, Some(0), "{said}");
    said
}

/// A folder with one shipped programme, in which `from` is replaced.
fn programs_with(site: &Site, from: &str, to: &str) -> String {
    let folder = site.path("programs");
    fs::create_dir_all(&folder).expect("a folder");
    let text = fs::read_to_string(shipped_programs().join(PROGRAM)).expect("shipped");
    assert!(text.contains(from), "{from}");
    fs::write(folder.join(PROGRAM), text.replace(from, to)).expect("our own folder");
    format!("programs={}", folder.display())
}

#[test]
fn caps_that_look_like_baht_are_said_in_baht() {
    let site = Site::new(BINARY);
    let programs = programs_with(&site, "day = 20_000", "day = 200");
    let slip = "benefit co-pay: day = 200 is 2.00 baht: caps are in satang";
    let said = said(site.serve(&[&programs, "--clock", NOON]));
    assert!(said.contains(slip), "{said}");
    let checked = site.run(&["programs", "check", &programs["programs=".len()..]]);
    assert!(checked.stderr.contains(slip), "{}", checked.stderr);
}

#[test]
fn a_channel_that_no_merchant_sells_through_is_told_once_there_are_merchants() {
    let site = Site::new(BINARY);
    let unsold = "no merchant sells through this channel";
    let programs = programs_with(&site, "id = \"delivery\"", "id = \"delivry\"");
    let server = site.serve(&[&programs, "--clock", NOON]);
    prepare(&server, 1);
    let first = said(server);
    assert!(!first.contains(unsold), "{first}");
    let again = said(site.serve(&[&programs, "--clock", NOON]));
    let told: Vec<&str> = again.lines().filter(|line| line.contains(unsold)).collect();
    assert_eq!(told.len(), 1, "{again}");
    assert!(told[0].contains("channel=delivry"), "{again}");
}

#[test]
fn a_day_on_which_nothing_can_be_spent_is_told() {
    let site = Site::new(BINARY);
    let nothing = "nothing can be spent today";
    let today = said(site.serve(&["--clock", NOON]));
    assert!(!today.contains(nothing), "{today}");
    let later = said(site.serve(&["--clock", "simulated:2031-01-01T12:00:00+07:00"]));
    assert!(later.contains(nothing) && later.contains("2031-01-01"), "{later}");
}

#[test]
fn a_simulated_clock_that_the_journal_is_ahead_of_is_told() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    buy(&mut wire, 1, 1, 100);
    let first = said(server);
    let overridden = "--clock: the journal's last record is later";
    assert!(!first.contains(overridden), "{first}");
    let earlier = said(site.serve(&["--clock", "simulated:2026-06-15T11:00:00+07:00"]));
    assert!(earlier.contains(overridden), "{earlier}");
}

#[test]
fn whoever_is_in_the_way_is_named() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let process = format!("(process {})", server.pid());
    check_refusal(site.refused(&["--clock", NOON]), &["lock", &process]);
    let port = server.addr().port();
    let listen = ["--listen", &format!("localhost:{port}")].map(str::to_owned);
    let data_dir = site.path("other").display().to_string();
    let programs = shipped_programs().display().to_string();
    let folders = ["--data-dir", &data_dir, "--programs", &programs].map(str::to_owned);
    let ended = site.run(&[&["serve".to_owned()], &listen[..], &folders[..]].concat());
    let next = format!("127.0.0.1:{}", port + 1);
    check_refusal(
        (ended.code, ended.stderr),
        &["another process listens there", &next],
    );
}
