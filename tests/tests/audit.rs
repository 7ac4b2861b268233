//! Verification, backup and restore from outside: of a folder whose server runs, is under load, or has ended.

use satang_tests::backup::{BackupOptions, Load, line, run, verify};
use satang_tests::generate::random::seed;
use satang_tests::site::{Ended, NOON, Site, buy, prepare};
use satang_tests::wire::Wire;
use std::fs;
use std::path::Path;
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_satang_under_test");

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn backup(site: &Site, to: &Path) -> Ended {
    site.run(&["backup", "--data-dir", text(&site.data_dir()), "--to", text(to)])
}

/// The paths that a backup has copied.
fn copied(ended: &Ended) -> Vec<&str> {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("copied "))
        .collect()
}

fn restore(site: &Site, from: &Path, to: &Path) -> Ended {
    site.run(&["restore", "--from", text(from), "--data-dir", text(to)])
}

/// One line on stderr that contains all of `words`, and exit 1.
#[track_caller]
fn refused(ended: &Ended, words: &[&str]) {
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(1), ""),
        "{}",
        ended.stderr
    );
    assert_eq!(
        ended.stderr.trim_end().lines().count(),
        1,
        "one line:\n{}",
        ended.stderr
    );
    words.iter().for_each(|word| {
        assert!(
            ended.stderr.contains(word),
            "{word:?} is not in: {}",
            ended.stderr
        )
    });
}

/// A folder with a merchant, four wallets and six purchases; its server has ended.
fn used() -> Site {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 4);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    (1..=6).for_each(|number| drop(buy(&mut wire, number, 1 + number % 4, 100)));
    server.terminate();
    assert_eq!(server.wait().0, Some(0));
    site
}

#[test]
fn backups_of_a_server_under_load_restore_to_what_it_was_though_some_are_killed() {
    let seed = seed("cold", 5);
    let stats = run(&BackupOptions {
        binary: Path::new(BINARY),
        rounds: 4,
        kill_within: Duration::from_millis(150),
        seed,
    });
    assert!(
        stats.taken >= 1 && stats.killed >= 1 && stats.restored >= 2,
        "{stats:?}"
    );
    assert!(stats.last_sequence > 200, "{stats:?}");
}

#[test]
fn a_later_backup_copies_only_what_is_new() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 64);
    let to = site.path("backup");
    let mut wire = Wire::open(server.addr()).expect("it listens");
    buy(&mut wire, 1, 1, 100);
    let first = backup(&site, &to);
    assert_eq!(
        copied(&first),
        ["journal/0000000001.seg", "persons.db", "citizen.key"]
    );
    // A watermark comes after some quiet: from then on the last purchase is vouched for.
    let mut again = backup(&site, &to);
    while line(&again.stdout, "last sequence ") == line(&first.stdout, "last sequence ")
        && !copied(&again).is_empty()
    {
        again = backup(&site, &to);
    }
    assert_eq!(copied(&backup(&site, &to)), Vec::<&str>::new(), "nothing is new");
    // Until the first segment is full.
    let load = Load::start(server.addr(), 1 << 40);
    let begun = |site: &Site| {
        fs::read(&site.segments()[1])
            .expect("a spare")
            .iter()
            .any(|byte| *byte != 0)
    };
    while !begun(&site) {
        load.wait_for(50);
    }
    load.wait_for(200);
    load.stop();
    let sealed = backup(&site, &to);
    assert_eq!(
        copied(&sealed),
        ["journal/0000000001.seg", "journal/0000000002.seg"]
    );
    buy(&mut wire, 2, 1, 100);
    buy(&mut wire, 3, 1, 100);
    let open = backup(&site, &to);
    assert_eq!(
        copied(&open),
        ["journal/0000000002.seg"],
        "the sealed one is not copied again"
    );
    // Of former open segments nothing is left.
    let tails = fs::read_dir(to.join("journal")).expect("a folder").count();
    assert_eq!(tails, 2);
    let copy = site.path("copy");
    assert_eq!(restore(&site, &to, &copy).code, Some(0));
    let last = line(&open.stdout, "last sequence ");
    assert_eq!(
        verify(&site, &copy, &[]),
        verify(&site, &site.data_dir(), &["--through", &last])
    );
    server.kill();
}

#[test]
fn every_damaged_file_of_a_backup_is_refused_by_name() {
    let site = used();
    let to = site.path("backup");
    assert_eq!(backup(&site, &to).code, Some(0));
    let mut files = vec![to.join("backup.json")];
    let folders = [to.clone(), to.join("journal")];
    let entries = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    files.extend(paths.filter(|path| path.is_file() && !path.ends_with("backup.json")));
    assert_eq!(files.len(), 5, "manifest, lock, segment, persons, key: {files:?}");
    for file in files.iter().filter(|file| !file.ends_with("backup.lock")) {
        let right = fs::read(file).expect("ours");
        let name = file.file_name().expect("a name").to_str().expect("text");
        for at in [0, right.len() / 2, right.len() - 2] {
            let mut wrong = right.clone();
            wrong[at] ^= 1;
            fs::write(file, wrong).expect("ours");
            refused(&restore(&site, &to, &site.path("copy")), &[name]);
        }
        fs::write(file, &right[..right.len() - 1]).expect("ours");
        let short = restore(&site, &to, &site.path("copy"));
        // A manifest without its last newline is whole.
        match name {
            "backup.json" => assert_eq!(short.code, Some(0), "{short:?}"),
            _ => refused(&short, &[name]),
        }
        fs::remove_file(file).expect("ours");
        refused(&restore(&site, &to, &site.path("another")), &[name]);
        fs::write(file, right).expect("ours");
        assert!(!site.path("copy.restoring").exists());
        let _ = fs::remove_dir_all(site.path("copy"));
    }
    assert_eq!(restore(&site, &to, &site.path("copy")).code, Some(0));
    verify(&site, &site.path("copy"), &[]);
}

#[test]
fn folders_that_are_something_else_are_refused() {
    let (site, other) = (used(), used());
    let to = site.path("backup");
    assert_eq!(backup(&site, &to).code, Some(0));
    refused(
        &backup(&other, &to),
        &["backup.json", "the backup of another journal"],
    );
    refused(
        &backup(&site, &other.data_dir()),
        &["it is not empty, and holds no backup"],
    );
    refused(
        &restore(&site, &to, &site.data_dir()),
        &[text(&site.data_dir()), "it is not empty"],
    );
    refused(
        &restore(&site, &site.path("nothing"), &site.path("copy")),
        &["backup.json", "no backup"],
    );
    let file = site.write("file", "");
    refused(&backup(&site, &file.join("below")), &[text(&file)]);
    let nothing = site.path("nothing");
    for command in ["verify", "backup"] {
        let mut args = vec![command, "--data-dir", text(&nothing)];
        if command == "backup" {
            args.extend(["--to", text(&to)]);
        }
        refused(&site.run(&args), &[text(&nothing), "No such file"]);
    }
    assert!(!nothing.exists());
    // A journal that went back: its backup went further.
    let old = site.copy();
    let server = site.serve(&["--clock", NOON]);
    buy(&mut Wire::open(server.addr()).expect("it listens"), 50, 1, 100);
    server.terminate();
    assert_eq!(server.wait().0, Some(0));
    assert_eq!(backup(&site, &to).code, Some(0));
    refused(
        &backup(&old, &to),
        &["backup.json", "does not go on from this backup"],
    );
    // The backup still stands.
    assert_eq!(restore(&site, &to, &site.path("copy")).code, Some(0));
    verify(&site, &site.path("copy"), &[]);
}

#[test]
fn verify_changes_nothing_and_names_what_is_damaged() {
    let site = used();
    let files = |site: &Site| {
        let folders = [site.data_dir(), site.data_dir().join("journal")];
        let entries = folders
            .iter()
            .flat_map(|folder| fs::read_dir(folder).expect("a folder"));
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        files
            .iter()
            .filter(|path| path.is_file())
            .map(|path| (path.clone(), fs::read(path).expect("ours")))
            .collect::<Vec<_>>()
    };
    let before = files(&site);
    let printed = verify(&site, &site.data_dir(), &[]);
    assert!(files(&site) == before, "verify changed the folder");
    assert!(printed.starts_with("programme "), "{printed}");
    assert!(
        printed
            .contains("6 approved, 0 declined, 3.60 baht authorised, 0.00 baht given back, 3.60 baht net\n"),
        "{printed}"
    );
    let records = line(&printed, "records ");
    let verdict = printed.trim_end().lines().last().expect("a line");
    assert_eq!(
        verdict,
        format!("ALL AGREE: {records} records, 1 date, 3.60 baht net")
    );
    let head = line(&printed, "head ");
    verify(&site, &site.data_dir(), &["--head", &head]);
    let other = head
        .replace(':', ":0")
        .chars()
        .take(head.len())
        .collect::<String>();
    let ended = site.run(&["verify", "--data-dir", text(&site.data_dir()), "--head", &other]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("does not pass through"), "{}", ended.stderr);
    assert!(
        ended.stderr.ends_with(": 1 place disagrees\n"),
        "{}",
        ended.stderr
    );
    let verdict = ended.stdout.trim_end().lines().last().expect("a line");
    assert!(verdict.starts_with("1 PLACE DISAGREES: "), "{verdict}");
    let segment = site.segments().remove(0);
    let mut bytes = fs::read(&segment).expect("ours");
    bytes[3 * 4_096 + 200] ^= 1;
    fs::write(&segment, bytes).expect("ours");
    let ended = site.run(&["verify", "--data-dir", text(&site.data_dir())]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("journal/0000000001.seg: offset "),
        "{}",
        ended.stderr
    );
    let verdict = ended.stdout.trim_end().lines().last().expect("a line");
    assert!(
        verdict.starts_with("THE JOURNAL IS DAMAGED: journal/0000000001.seg: offset "),
        "{verdict}"
    );
}

#[test]
fn verify_says_the_same_as_text_as_json_and_on_a_page() {
    let site = used();
    let data_dir = site.data_dir();
    let printed = verify(&site, &data_dir, &[]);
    let verdict = printed.trim_end().lines().last().expect("a line");
    let page = site.path("page.html");
    let json = verify(&site, &data_dir, &["--json", "--html", text(&page)]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("one JSON object and nothing else");
    assert_eq!(json["verdict"], "all_agree");
    assert_eq!(json["text"], verdict);
    let mut programs = json["programs"].as_array().expect("a list").iter();
    assert!(
        programs.any(|program| program["approved"] == 6 && program["net_satang"] == 360),
        "{json}"
    );
    assert_eq!(json["records"].to_string(), line(&printed, "records "));
    assert_eq!(json["head"], line(&printed, "head "));
    assert_eq!(json["digest"], line(&printed, "digest "));
    let page = fs::read_to_string(page).expect("it was written");
    assert!(
        page.contains(&format!("<h1 class=\"good\">{verdict}</h1>")),
        "{page}"
    );
    assert!(page.contains(&line(&printed, "head ")), "{page}");
    // What does not agree is on the page and in the object, too, and is as much of a failure.
    let other = format!("1:{}", "0".repeat(64));
    let page = site.path("wrong.html");
    let wrong = ["--head", &other, "--json", "--html", text(&page)];
    let ended = site.run(&[&["verify", "--data-dir", text(&data_dir)], &wrong[..]].concat());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let what = format!("the chain does not pass through {other}");
    assert_eq!(json["verdict"], "disagreement");
    assert_eq!(json["mismatches"][0]["what"], what);
    let page = fs::read_to_string(page).expect("it was written");
    assert!(page.contains(&what), "{page}");
}

#[test]
fn what_verify_cannot_do_it_says_once_and_before_it_begins() {
    let site = used();
    let data_dir = site.data_dir();
    let asked = |more: &[&str]| site.run(&[&["verify", "--data-dir", text(&data_dir)], more].concat());
    let last = line(&verify(&site, &data_dir, &[]), "last sequence ");
    verify(&site, &data_dir, &["--through", &last]);
    let beyond = asked(&["--through", "1000000"]);
    let why = format!("through 1000000: the journal's last record is {last}");
    refused(&beyond, &[text(&data_dir), &why]);
    let none = asked(&["--through", "0"]);
    let not_a_head = asked(&["--head", "0"]);
    assert_eq!((none.code, not_a_head.code), (Some(2), Some(2)), "{none:?}");
    assert!(none.stderr.contains("0 is not in 1.."), "{}", none.stderr);
    let inside = data_dir.join("page.html");
    refused(
        &asked(&["--html", text(&inside)]),
        &[text(&inside), "it lies inside the data folder"],
    );
    assert!(!inside.exists());
    // Each path and each reason stands in the line once.
    let nothing = site.path("nothing");
    let folders = [
        ["--data-dir", text(&nothing), "--work-dir", text(&data_dir)],
        ["--data-dir", text(&data_dir), "--work-dir", text(&nothing)],
    ];
    for folders in folders {
        let ended = site.run(&[&["verify"], &folders[..]].concat());
        assert_eq!(
            (ended.code, ended.stderr),
            (
                Some(1),
                format!(
                    "satang: {}: No such file or directory (os error 2)\n",
                    text(&nothing)
                )
            )
        );
    }
}

#[test]
fn a_backup_without_room_names_the_file_and_leaves_the_one_before() {
    let site = used();
    let to = site.path("backup");
    assert_eq!(backup(&site, &to).code, Some(0));
    let server = site.serve(&["--clock", NOON]);
    buy(&mut Wire::open(server.addr()).expect("it listens"), 50, 1, 100);
    server.terminate();
    assert_eq!(server.wait().0, Some(0));
    // No file may grow beyond a few KiB: writing fails as on a full disk.
    let limited = "trap '' XFSZ; ulimit -f 64; exec \"$@\"";
    let ended = std::process::Command::new("sh")
        .args(["-c", limited, "sh", BINARY, "backup", "--data-dir"])
        .arg(site.data_dir())
        .arg("--to")
        .arg(&to)
        .output()
        .expect("there is a shell");
    let said = String::from_utf8(ended.stderr).expect("text");
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(
        said.contains("journal/0000000001.seg.tmp: File too large"),
        "{said}"
    );
    assert_eq!(restore(&site, &to, &site.path("copy")).code, Some(0));
    verify(&site, &site.path("copy"), &[]);
}
