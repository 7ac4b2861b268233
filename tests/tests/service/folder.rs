//! A data folder that is used by another process, has lost its key, or is damaged.

use crate::{BINARY, check_refusal};
use satang_tests::process::ServerProcess;
use satang_tests::site::{NOON, Site, buy, prepare};
use satang_tests::wire::Wire;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// A folder with a merchant, two wallets and six purchases, each in a frame of its own; the server has ended.
fn used() -> Site {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 2);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    (1..=6).for_each(|number| drop(buy(&mut wire, number, 1, 100)));
    stop(server);
    site
}

fn stop(server: ServerProcess) {
    said_by(server);
}

/// Stops a server; what it said on stderr.
fn said_by(server: ServerProcess) -> String {
    server.terminate();
    let (code, said) = server.wait();
    assert_eq!(code, Some(0), "{said}");
    said
}

#[test]
fn a_folder_that_others_may_use_is_refused_with_the_command_that_mends_it() {
    let site = used();
    let mode = |mode| fs::set_permissions(site.data_dir(), fs::Permissions::from_mode(mode)).expect("ours");
    for wrong in [0o755, 0o701] {
        mode(wrong);
        let mend = format!("chmod o-rwx '{}'", site.data_dir().display());
        check_refusal(site.refused(&["--clock", NOON]), &["offset", &mend]);
    }
    // A volume of the process's group.
    mode(0o770);
    assert!(said_by(site.serve(&["--clock", NOON])).contains("may use it (mode 0770)"));
    mode(0o700);
    // The log of look-ups, too, and what it was before.
    for name in ["audit.log", "audit.log.3"] {
        let file = site.data_dir().join(name);
        fs::write(&file, "").expect("ours");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("ours");
        let mend = format!("chmod o-rwx '{}'", file.display());
        check_refusal(
            site.refused(&["--clock", NOON]),
            &["others may use it (mode 0666)", &mend],
        );
        fs::remove_file(&file).expect("ours");
    }
    fs::create_dir(site.data_dir().join("lost+found")).expect("ours");
    assert!(!said_by(site.serve(&["--clock", NOON])).contains("may use it"));
}

#[test]
fn a_second_process_on_the_folder_is_refused() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    check_refusal(
        site.refused(&["--clock", NOON]),
        &[site.data_dir().join("lock").to_str().expect("text"), "offset"],
    );
    let mut wire = Wire::open(server.addr()).expect("the first goes on");
    let first = buy(&mut wire, 1, 1, 100);
    server.kill();
    // The lock dies with its process.
    let server = site.serve(&["--clock", NOON]);
    let again = buy(&mut Wire::open(server.addr()).expect("it listens"), 1, 1, 100);
    assert_eq!(again, first.replace("\"replayed\":false", "\"replayed\":true"));
}

#[test]
fn the_citizens_key_is_the_one_the_journal_was_begun_with() {
    let site = used();
    let key = site.data_dir().join("citizen.key");
    assert_eq!(
        fs::metadata(&key).expect("it was made").permissions().mode() & 0o777,
        0o600
    );
    let mode = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).expect("ours");
    let right = fs::read(&key).expect("ours");
    for (wrong_mode, mend) in [
        (0o644, "chmod o-rwx"),
        (0o604, "chmod o-rwx"),
        (0o660, "chmod g-w"),
    ] {
        mode(wrong_mode);
        check_refusal(site.refused(&["--clock", NOON]), &["citizen.key", "offset", mend]);
    }
    // As an orchestrator mounts a secret for the group of the process.
    mode(0o640);
    assert!(said_by(site.serve(&["--clock", NOON])).contains("may use it (mode 0640)"));
    mode(0o600);
    let mut other = right.clone();
    other[31] ^= 1;
    fs::write(&key, &other).expect("ours");
    check_refusal(site.refused(&["--clock", NOON]), &["citizen.key", "offset"]);
    for len in [0, 31] {
        fs::write(&key, &right[..len]).expect("ours");
        check_refusal(
            site.refused(&["--clock", NOON]),
            &["citizen.key", &format!("offset {len}")],
        );
    }
    fs::write(&key, [&right[..], b"\n"].concat()).expect("ours");
    check_refusal(site.refused(&["--clock", NOON]), &["citizen.key", "offset"]);
    fs::remove_file(&key).expect("ours");
    check_refusal(site.refused(&["--clock", NOON]), &["citizen.key", "offset"]);
    assert!(!key.exists(), "another key was made");
    fs::write(&key, &right).expect("ours");
    mode(0o600);
    stop(site.serve(&["--clock", NOON]));
}

/// Offsets of the frames in a segment's bytes.
fn frames(segment: &[u8]) -> Vec<usize> {
    let pages = segment.chunks(4096).enumerate();
    pages
        .filter(|(_, page)| page.starts_with(b"SATANGFR"))
        .map(|(number, _)| number * 4096)
        .collect()
}

#[test]
fn a_damaged_journal_is_refused_with_file_and_offset() {
    let site = used();
    let segment = site.segments().remove(0);
    let bytes = fs::read(&segment).expect("ours");
    let frames = frames(&bytes);
    assert!(frames.len() >= 8, "{frames:?}");
    let middle = frames[frames.len() / 2];
    // In the header, in a record, in the padding behind it; then the whole frame.
    let mut damages: Vec<(usize, Vec<u8>)> = [middle + 16, middle + 140, middle + 4090]
        .map(|at| (at, vec![bytes[at] ^ 0x10]))
        .into();
    damages.push((middle, vec![0; 4096]));
    for (at, with) in damages {
        let copy = site.copy();
        let segment = copy.segments().remove(0);
        overwrite(&segment, at, &with);
        let damaged = fs::read(&segment).expect("ours");
        let name = segment.file_name().expect("a name").to_str().expect("text");
        check_refusal(
            copy.refused(&["--clock", NOON]),
            &[name, &format!("offset {middle}"), "sequence"],
        );
        assert!(
            fs::read(&segment).expect("ours") == damaged,
            "a refusal changes nothing"
        );
    }
}

fn overwrite(path: &Path, at: usize, with: &[u8]) {
    let mut bytes = fs::read(path).expect("ours");
    bytes[at..at + with.len()].copy_from_slice(with);
    fs::write(path, bytes).expect("ours");
}

#[test]
fn a_truncated_or_missing_segment_is_refused() {
    let site = used();
    let len = fs::metadata(&site.segments()[0]).expect("ours").len();
    for left in [len - 1, len - 4096, 12_288, 8_192, 100, 0] {
        let copy = site.copy();
        let segment = copy.segments().remove(0);
        fs::File::options()
            .write(true)
            .open(&segment)
            .and_then(|file| file.set_len(left))
            .expect("ours");
        let name = segment.file_name().expect("a name").to_str().expect("text");
        check_refusal(
            copy.refused(&["--clock", NOON]),
            &[name, &format!("offset {left}")],
        );
    }
    let copy = site.copy();
    for segment in copy.segments() {
        fs::remove_file(segment).expect("ours");
    }
    check_refusal(copy.refused(&["--clock", NOON]), &["journal", "offset"]);
    let copy = site.copy();
    fs::write(copy.data_dir().join("persons.db"), b"").expect("ours");
    check_refusal(copy.refused(&["--clock", NOON]), &["persons.db", "offset"]);
}

/// Another process may lock what stands there now: two would write one journal.
#[test]
fn a_server_whose_folder_is_taken_away_stops_and_says_so() {
    let takers: [fn(&Path); 3] = [
        |folder| fs::remove_file(folder.join("lock")).expect("removed"),
        |folder| {
            fs::rename(folder.join("lock"), folder.join("lock.away")).expect("renamed");
            fs::write(folder.join("lock"), "").expect("written");
        },
        // Again and again: a file may be made in it meanwhile.
        |folder| while fs::remove_dir_all(folder).is_err() && folder.exists() {},
    ];
    for take in takers {
        let site = used();
        let server = site.serve(&["--clock", NOON]);
        take(&site.data_dir());
        let (code, said) = server.wait();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("data/lock: was removed or replaced"), "{said}");
    }
}

#[test]
fn what_a_server_makes_is_its_owners_alone() {
    let site = used();
    let mut folders = vec![site.data_dir()];
    while let Some(folder) = folders.pop() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in fs::read_dir(&folder).expect("it is read") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => assert_eq!(mode(&path), 0o600, "{}", path.display()),
            }
        }
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn no_key_is_made_beside_what_is_left_of_a_journal() {
    let site = used();
    let left = site.copy();
    for name in ["citizen.key", "journal"] {
        let path = left.data_dir().join(name);
        fs::remove_file(&path)
            .or_else(|_| fs::remove_dir_all(&path))
            .expect("ours");
    }
    let refusal = left.refused(&["--clock", NOON]);
    check_refusal(refusal, &["citizen.key", "offset", "put it back"]);
    assert!(
        !left.data_dir().join("citizen.key").exists(),
        "another key was made"
    );
    // With the key, it is the journal that is missing.
    let key = |site: &Site| site.data_dir().join("citizen.key");
    fs::copy(key(&site), key(&left)).expect("ours");
    let refusal = left.refused(&["--clock", NOON]);
    check_refusal(refusal, &["journal", "offset", "persons.db", "tells of one"]);
}

#[test]
fn a_first_start_that_was_cut_off_goes_on_with_its_key() {
    let site = used();
    let cut_off = Site::new(BINARY);
    fs::create_dir(cut_off.data_dir()).expect("ours");
    fs::set_permissions(cut_off.data_dir(), fs::Permissions::from_mode(0o700)).expect("ours");
    let key = |site: &Site| site.data_dir().join("citizen.key");
    fs::copy(key(&site), key(&cut_off)).expect("ours");
    stop(cut_off.serve(&["--clock", NOON]));
    let keys = [&site, &cut_off].map(|site| fs::read(key(site)).expect("ours"));
    assert_eq!(keys[0], keys[1]);
    // The journal was begun with it.
    stop(cut_off.serve(&["--clock", NOON]));
}

#[test]
fn the_scrubber_tells_of_a_damaged_snapshot() {
    let site = used();
    let server = site.serve(&["--clock", NOON]);
    for number in [7, 8] {
        let mut wire = Wire::open(server.addr()).expect("it listens");
        drop(buy(&mut wire, number, 1, 100));
        let taken = wire.call("POST", "/v1/snapshots", b"").expect("an answer");
        assert_eq!(taken.status, 200, "{}", taken.text());
    }
    stop(server);
    let snapshots = fs::read_dir(site.data_dir().join("snapshots")).expect("ours");
    let older = snapshots.map(|entry| entry.expect("an entry").path()).min();
    let older = older.expect("two snapshots");
    let byte = fs::read(&older).expect("ours")[4_096];
    overwrite(&older, 4_096, &[byte ^ 1]);
    let mut server = site.serve(&["--clock", NOON]);
    let line = server.line_with("a file is damaged");
    let name = older.file_name().expect("a name").to_str().expect("text");
    let wanted = format!("a file is damaged: snapshots/{name}: offset 4096: a part is damaged");
    assert!(line.contains("ERROR") && line.contains(&wanted), "{line}");
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let mut passed = |name: &str, is: fn(f64) -> bool| {
        let metrics = wire.call("GET", "/metrics", b"").expect("an answer").text();
        let value = metrics.lines().find_map(|line| line.strip_prefix(name));
        let value = value.expect("it is there").trim().parse().expect("a number");
        is(value)
    };
    while !passed("satang_scrub_last_full_pass_timestamp_seconds", |at| at > 1.7e9) {
        std::thread::yield_now();
    }
    assert!(passed("satang_scrub_findings_total", |count| count == 1.0));
    assert!(passed("satang_scrub_bytes_total", |bytes| bytes > 100_000.0));
    // It rests now, and is not waited for.
    server.terminate();
    assert_eq!(server.wait_for_code(), Some(0));
}

#[test]
fn nothing_is_read_once_more_when_that_is_not_wanted() {
    let site = used();
    let has_scrubber = |server: &ServerProcess| {
        let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).expect("it runs");
        let names = tasks.map(|task| fs::read_to_string(task.expect("an entry").path().join("comm")));
        names.flatten().any(|name| name.trim() == "scrubber")
    };
    let server = site.serve(&["--clock", NOON, "--scrub-mib-per-s", "0"]);
    assert!(!has_scrubber(&server));
    stop(server);
    let server = site.serve(&["--clock", NOON]);
    // It begins once the server is ready.
    while !has_scrubber(&server) {
        std::thread::yield_now();
    }
    stop(server);
}
