//! Commands that end by themselves: help, and the demo.

use crate::BINARY;
use satang_tests::site::Site;

#[test]
fn every_command_explains_itself() {
    let site = Site::new(BINARY);
    let commands: [&[&str]; 21] = [
        &[],
        &["serve"],
        &["config"],
        &["demo"],
        &["import"],
        &["import", "merchants"],
        &["import", "list"],
        &["import", "enrollments"],
        &["erase"],
        &["programs"],
        &["programs", "check"],
        &["keys"],
        &["keys", "new"],
        &["keys", "list"],
        &["explain"],
        &["verify"],
        &["cold"],
        &["cold", "follow"],
        &["cold", "status"],
        &["backup"],
        &["restore"],
    ];
    for command in commands {
        let ended = site.run(&[command, &["--help"]].concat());
        assert_eq!(ended.code, Some(0), "{command:?}: {}", ended.stderr);
        assert!(
            ended.stdout.contains("Usage:") && ended.stderr.is_empty(),
            "{command:?}: {ended:?}"
        );
    }
    // Every command that is listed was asked.
    let listed = site.run(&["--help"]).stdout;
    let listed = listed
        .split("Commands:")
        .nth(1)
        .expect("commands")
        .split("Options:")
        .next()
        .expect("a list");
    let names: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .collect();
    let asked = [
        "serve", "config", "demo", "import", "erase", "programs", "keys", "explain", "verify", "cold",
        "backup", "restore", "help",
    ];
    assert!(
        names
            .iter()
            .filter(|name| !name.is_empty())
            .all(|name| asked.contains(name)),
        "{names:?}"
    );
}

#[test]
fn a_wrong_command_line_is_no_success() {
    let site = Site::new(BINARY);
    let data_dir = site.data_dir();
    let data_dir = data_dir.to_str().expect("text");
    let serve = ["serve", "--data-dir", data_dir, "--programs", "programs"];
    let wrong: [&[&str]; 7] = [
        &["--clock", "2026-06-15"],
        &["--clock", "simulated:2569-06-15T12:00:00+07:00"],
        &["--clock", "simulated:2026-06-15T12:00:00"],
        &["--listen", "80800"],
        &["--segment-mib", "7"],
        &["--segment-mib", "257"],
        &["--no-such-flag"],
    ];
    for more in wrong {
        let ended = site.run(&[&serve, more].concat());
        assert_ne!(ended.code, Some(0), "{more:?}");
        assert!(
            ended.stdout.is_empty() && ended.stderr.contains(more[0]),
            "{more:?}: {ended:?}"
        );
    }
    for command in [
        vec![],
        vec!["serve"],
        vec!["import"],
        vec!["import", "merchants"],
        vec!["erase"],
        vec!["erase", "citizens.csv"],
        vec!["erase", "/nowhere/citizens.csv", "--reason", "a test"],
        vec!["explain"],
        vec!["explain", "0049999"],
        vec!["sell"],
    ] {
        let ended = site.run(&command);
        assert_ne!(ended.code, Some(0), "{command:?}");
        assert!(
            ended.stdout.is_empty() && !ended.stderr.is_empty(),
            "{command:?}: {ended:?}"
        );
    }
    assert!(!site.data_dir().exists(), "a refusal creates nothing");
}

#[test]
fn the_demo_shows_a_day_and_ends() {
    let site = Site::new(BINARY);
    let data_dir = site.data_dir();
    let ended = site.run(&[
        "demo",
        "--exit",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        data_dir.to_str().expect("text"),
    ]);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{}",
        ended.stdout
    );
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let expected = [
        ("Lunch, split 60/40", "220.00 132.00 88.00 68.00 00"),
        ("Groceries: the daily cap binds", "300.00 68.00 232.00 0.00 00"),
        ("One more: nothing is left today", "80.00 0.00 0.00 0.00 61"),
        ("A massage is barred this round", "400.00 0.00 0.00 - 58"),
        ("Delivery: 180 food + 40 fee", "220.00 108.00 112.00 92.00 00"),
        ("Groceries brought back in part", "150.00 34.00 116.00 - 00"),
        ("One second before closing", "50.00 30.00 20.00 62.00 00"),
        ("Closed from 23:00:00", "50.00 0.00 0.00 - 57"),
        ("The next day has its own room", "200.00 120.00 80.00 80.00 00"),
    ];
    for (what, numbers) in expected {
        let line = lines
            .iter()
            .find(|line| line.contains(what))
            .unwrap_or_else(|| panic!("{what}:\n{}", ended.stdout));
        let (_, after) = line.split_once(what).expect("found above");
        let words: Vec<&str> = after.split_whitespace().take(5).collect();
        assert_eq!(words.join(" "), numbers, "{line}");
    }
    let retries: Vec<&&str> = lines
        .iter()
        .filter(|line| line.contains("Lunch sent again: same answer"))
        .collect();
    assert_eq!(
        retries.len(),
        2,
        "before and after the restart:\n{}",
        ended.stdout
    );
    assert!(retries.iter().all(|line| line.contains("(replayed)")));
    assert!(
        lines
            .iter()
            .any(|line| line.contains("records replayed from the journal")),
        "{}",
        ended.stdout
    );
    assert_eq!(lines.iter().filter(|line| line.starts_with("curl ")).count(), 3);
    // The columns of money end in the same place.
    let ends: Vec<usize> = expected
        .iter()
        .filter_map(|(what, _)| lines.iter().find(|line| line.contains(what)))
        .map(|line| line.find('.').expect("baht"))
        .collect();
    assert!(
        ends.iter().all(|end| *end == ends[0]),
        "not aligned:\n{}",
        ended.stdout
    );
}
