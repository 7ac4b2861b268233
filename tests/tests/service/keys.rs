//! Keys: made, listed, refused, read again; and what a key leaves behind.

use crate::{BINARY, check_refusal};
use satang_core::ids::Name;
use satang_core::record::{NameNumber, Record, RecordHeader, RecordKind};
use satang_log::file::{FileLogStore, Layout};
use satang_log::log::{Bound, Cursor as _};
use satang_log::storage::FileStorage;
use satang_tests::crash::{citizen_id, wallet_id};
use satang_tests::site::{MERCHANT, NOON, PROGRAM, Site, enrollment, merchant, purchase};
use satang_tests::wire::Wire;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The roles there are.
const ROLES: [&str; 5] = ["switch", "registrar", "settlement", "admin", "viewer"];

/// A keys file with a key of each role, named like it; the keys by role.
pub fn make_keys(site: &Site) -> BTreeMap<&'static str, String> {
    let file = site.path("keys.toml");
    ROLES
        .map(|role| (role, make_key(site, &format!("{role}-1"), role, &file)))
        .into()
}

/// Makes a key and appends it to a file.
pub fn make_key(site: &Site, name: &str, role: &str, file: &Path) -> String {
    let file = file.to_str().expect("text");
    let ended = site.run(&["keys", "new", "--name", name, "--role", role, "--file", file]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let fingerprint = ended.stderr.strip_prefix("# fingerprint ").map(str::trim_end);
    let kept = fs::read_to_string(file).expect("written");
    let hash = kept.lines().last().expect("a line");
    assert!(
        fingerprint
            .is_some_and(|digits| digits.len() == 8 && hash.starts_with(&format!("sha256 = \"{digits}"))),
        "{ended:?}: {hash}"
    );
    let key = ended.stdout.trim_end().to_owned();
    assert!(key.starts_with("satang_") && key.len() == 50, "{key}");
    key
}

#[test]
fn a_key_goes_where_a_link_leads_and_into_no_file_that_others_may_change() {
    let site = Site::new(BINARY);
    let (real, link) = (site.path("real.toml"), site.path("link.toml"));
    make_key(&site, "a", "admin", &real);
    std::os::unix::fs::symlink("real.toml", &link).expect("our own folder");
    make_key(&site, "b", "switch", &link);
    assert!(link.is_symlink());
    let kept = fs::read_to_string(&real).expect("there");
    assert!(kept.contains("name   = \"b\""), "{kept}");
    let others = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    fs::set_permissions(&real, others).expect("ours");
    for (file, why) in [
        (&link, "others may change it"),
        (&site.path("."), "is no regular file"),
    ] {
        let file = file.to_str().expect("text");
        let ended = site.run(&["keys", "new", "--name", "c", "--role", "switch", "--file", file]);
        check_refusal((ended.code, ended.stderr), &[why]);
    }
    assert_eq!(fs::read_to_string(&real).expect("there"), kept);
}

/// A data folder whose server knows a key of each role.
pub fn site_with_keys() -> (Site, BTreeMap<&'static str, String>, String) {
    let site = Site::new(BINARY);
    let keys = make_keys(&site);
    let file = site.path("keys.toml").to_str().expect("text").to_owned();
    (site, keys, file)
}

#[test]
fn a_wrong_keys_file_is_refused_by_line_and_repeats_no_value() {
    let site = Site::new(BINARY);
    let (hash, other) = ("1".repeat(64), "a".repeat(64));
    // Somebody pasted a key where it does not belong.
    let secret = "satang_THISISTHEKEYITSELF";
    let key = |name: &str, role: &str, hash: &str| {
        format!("[[key]]\nname = \"{name}\"\nrole = \"{role}\"\nsha256 = \"{hash}\"\n")
    };
    let good = key("a", "switch", &hash);
    let cases = [
        (String::new(), 1, "key", "nobody could call"),
        ("# nobody yet\n".to_owned(), 1, "key", "nobody could call"),
        (
            format!("{good}colour = \"red\"\n"),
            5,
            "key[0].colour",
            "unknown key",
        ),
        (format!("colour = \"red\"\n{good}"), 1, "colour", "unknown key"),
        (
            "[[key]]\nrole = \"switch\"\n".to_owned(),
            1,
            "key[0].name",
            "missing",
        ),
        (
            format!("[[key]]\nname = \"a\"\nsha256 = \"{hash}\"\n"),
            1,
            "key[0].role",
            "missing",
        ),
        (
            "[[key]]\nname = \"a\"\nrole = \"switch\"\n".to_owned(),
            1,
            "key[0].sha256",
            "missing",
        ),
        (key("Switch", "switch", &hash), 2, "key[0].name", "a-z"),
        (key("", "switch", &hash), 2, "key[0].name", "empty"),
        (key(&"a".repeat(65), "switch", &hash), 2, "key[0].name", "64"),
        (key(secret, "switch", &hash), 2, "key[0].name", "a-z"),
        (key("a", "root", &hash), 3, "key[0].role", "\"settlement\""),
        (key("a", "Switch", &hash), 3, "key[0].role", "\"switch\""),
        (key("a", secret, &hash), 3, "key[0].role", "one of"),
        (
            key("a", "switch", &hash[1..]),
            4,
            "key[0].sha256",
            "64 hex digits",
        ),
        (
            key("a", "switch", &hash.replacen('1', "g", 1)),
            4,
            "key[0].sha256",
            "64 hex digits",
        ),
        (
            key("a", "switch", secret),
            4,
            "key[0].sha256",
            "never the key itself",
        ),
        (
            format!("{good}{}", key("a", "viewer", &other)),
            6,
            "key[1].name",
            "on line 2",
        ),
        (
            format!("{good}{}", key("b", "viewer", &hash)),
            8,
            "key[1].sha256",
            "on line 4",
        ),
        (
            key("a", "switch", &other) + &key("b", "admin", &other.to_uppercase()),
            8,
            "key[1].sha256",
            "on line 4",
        ),
        (
            good.replace("\"switch\"", "7"),
            3,
            "key[0].role",
            "a text in quotes",
        ),
        (good.replace("[[key]]", "[key]"), 1, "key", "[[key]]"),
        (
            good.replace(&format!("\"{hash}\""), secret),
            4,
            "(file)",
            "not valid TOML",
        ),
        (format!("{good}{secret}\n"), 5, "(file)", "not valid TOML"),
        (good.replace("role", "name"), 3, "(file)", "not valid TOML"),
        (
            (0..65)
                .map(|n| key(&format!("k{n}"), "switch", &format!("{n:064x}")))
                .collect(),
            257,
            "key[64]",
            "at most 64",
        ),
        (" ".repeat(65_537), 1, "(file)", "at most 65536 bytes"),
    ];
    for (text, line, key, reason) in cases {
        let file = site.write("wrong.toml", &text);
        let (code, said) = site.refused(&["--keys", file.to_str().expect("text")]);
        let place = format!("wrong.toml:{line}: {key}: ");
        assert!(!said.contains("THISISTHEKEYITSELF"), "{said}");
        check_refusal((code, said), &[&place, reason]);
    }
    let absent = site.refused(&["--keys", "/nowhere/keys.toml"]);
    check_refusal(absent, &["/nowhere/keys.toml", "No such file"]);
    assert!(!site.data_dir().exists(), "nothing was touched");
}

#[test]
fn a_key_is_shown_once_and_only_its_hash_is_kept() {
    let site = Site::new(BINARY);
    let file = site.path("folder/keys.toml");
    fs::create_dir(site.path("folder")).expect("a folder");
    let first = make_key(&site, "switch-1", "switch", &file);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).expect("made").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let second = make_key(&site, "ops", "admin", &file);
    assert_ne!(first, second);
    let text = fs::read_to_string(&file).expect("made");
    assert!(
        !text.contains(&first) && !text.contains(&first["satang_".len()..]),
        "{text}"
    );
    let path = file.to_str().expect("text");
    let listed = site.run(&["keys", "list", "--file", path]);
    let hashes = text.lines().filter_map(|line| line.strip_prefix("sha256 = \""));
    let fingerprints: Vec<&str> = hashes.map(|hash| &hash[..8]).collect();
    let expected = format!(
        "name      role    fingerprint\nswitch-1  switch  {}\nops       admin   {}\n",
        fingerprints[0], fingerprints[1]
    );
    assert_eq!((listed.code, listed.stdout), (Some(0), expected));
    // A file in no folder is named as it was asked for.
    let nowhere = [
        "keys",
        "new",
        "--name",
        "b",
        "--role",
        "viewer",
        "--file",
        "/nowhere/keys.toml",
    ];
    let nowhere = site.run(&nowhere);
    assert_eq!(
        (nowhere.code, nowhere.stderr.as_str(), nowhere.stdout.as_str()),
        (
            Some(1),
            "satang: /nowhere/keys.toml: No such file or directory (os error 2)\n",
            ""
        )
    );
    // A name that is taken changes nothing.
    let twice = site.run(&["keys", "new", "--name", "ops", "--role", "viewer", "--file", path]);
    check_refusal(
        (twice.code, twice.stderr),
        &[path, "already a key of the name ops"],
    );
    assert_eq!(
        (twice.stdout.as_str(), fs::read_to_string(&file).expect("kept")),
        ("", text.clone())
    );
    // Nor does a file that is wrong, or one that somebody is writing.
    let broken = site.write("broken.toml", "[[key]]\nname = \"a\"\n");
    let broken = broken.to_str().expect("text");
    for command in [
        &["keys", "list", "--file", broken][..],
        &["keys", "new", "--name", "b", "--role", "viewer", "--file", broken],
    ] {
        let ended = site.run(command);
        check_refusal(
            (ended.code, ended.stderr),
            &["broken.toml:1: key[0].role: missing"],
        );
    }
    site.write("folder/keys.toml.tmp", "");
    let busy = site.run(&["keys", "new", "--name", "b", "--role", "viewer", "--file", path]);
    check_refusal((busy.code, busy.stderr), &["keys.toml.tmp", "remove it"]);
    assert_eq!(
        (busy.stdout.as_str(), fs::read_to_string(&file).expect("kept")),
        ("", text)
    );
    // Without a file the table goes to stderr, and a server takes it as it is.
    let shown = site.run(&["keys", "new", "--name", "looker", "--role", "viewer"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let file = site.write("shown.toml", &shown.stderr);
    let server = site.serve(&["--clock", NOON, "--keys", file.to_str().expect("text")]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let answer = wire.call_with(shown.stdout.trim_end(), "GET", "/v1/programs", b"");
    assert_eq!(answer.expect("an answer").status, 200);
    for wrong in [
        ["--name", "A", "--role", "viewer"],
        ["--name", "a", "--role", "root"],
    ] {
        let ended = site.run(&[&["keys", "new"][..], &wrong].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    }
}

#[test]
fn keys_are_read_again_without_a_restart() {
    let (site, keys, file) = site_with_keys();
    let mut server = site.serve(&["--clock", NOON, "--keys", &file]);
    let mut words = server.follow();
    words.until("listening on");
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let mut status = |key: &str| {
        wire.call_with(key, "GET", "/v1/programs", b"")
            .expect("an answer")
            .status
    };
    let (old, file) = (&keys["viewer"], Path::new(&file));
    let new = make_key(&site, "viewer-2", "viewer", file);
    assert_eq!((status(old), status(&new)), (200, 401), "not before the signal");
    server.hang_up();
    words.until("keys were read again: 6 from");
    assert_eq!(
        (status(old), status(&new)),
        (200, 200),
        "both, while one replaces the other"
    );
    // Without the old one: its owner has changed over.
    let text = fs::read_to_string(file).expect("made");
    let (before, after) = text
        .split_once("[[key]]\nname   = \"viewer-1\"")
        .expect("it is there");
    let rest = after.split_once("[[key]]").expect("another").1;
    fs::write(file, format!("{before}[[key]]{rest}")).expect("written");
    server.hang_up();
    words.until("keys were read again: 5 from");
    assert_eq!((status(old), status(&new)), (401, 200));
    fs::write(file, "[[key]]\nname = \"viewer-2\"\n").expect("written");
    server.hang_up();
    let said = words.until("keys stay as they were");
    assert!(said.contains("keys.toml:1: key[0].role: missing"), "{said}");
    assert_eq!(
        (status(old), status(&new)),
        (401, 200),
        "a wrong file changes nothing"
    );
    fs::remove_file(file).expect("it was there");
    server.hang_up();
    words.until("keys stay as they were");
    assert_eq!(status(&new), 200);
}

/// Every record of a data folder with its caller's number, and the name of each number.
#[derive(Default)]
struct Records {
    all: Vec<(NameNumber, RecordKind)>,
    names: BTreeMap<NameNumber, Name>,
}

impl Records {
    fn take(&mut self, header: &RecordHeader, bytes: &[u8]) {
        let record = Record::decode(header, bytes).expect("a good record");
        if let Record::Name(record) = &record {
            self.names.insert(record.number, record.name);
        }
        self.all.push((header.caller(), record.kind()));
    }
}

#[test]
fn records_say_whose_key_it_was_and_no_file_or_word_holds_the_key() {
    let (site, keys, file) = site_with_keys();
    let mut server = site.serve(&["--clock", NOON, "--keys", &file]);
    let mut words = server.follow();
    words.until("listening on");
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let mut call = |role: &str, method: &str, path: &str, body: &str, status: u16| {
        let answer = wire
            .call_with(&keys[role], method, path, body.as_bytes())
            .expect("an answer");
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert!(
            keys.values().all(|key| !answer.text().contains(key)),
            "{}",
            answer.text()
        );
        answer.text()
    };
    let reason = json!({ "status": "suspended", "reason": "a test" }).to_string();
    let merchant = merchant();
    call(
        "admin",
        "PUT",
        &format!("/v1/merchants/{MERCHANT}"),
        &merchant.to_string(),
        200,
    );
    let mut line = merchant;
    line["merchant_id"] = json!("010555000000001");
    call("admin", "POST", "/v1/merchants/import", &line.to_string(), 200);
    call("registrar", "POST", "/v1/enrollments/import", &enrollment(1), 200);
    call("admin", "POST", "/v1/enrollments/import", &enrollment(2), 200);
    call(
        "admin",
        "PUT",
        &format!("/v1/wallets/{}/status", wallet_id(2)),
        &reason,
        200,
    );
    call(
        "admin",
        "PUT",
        "/v1/programs/state-welfare-card/status",
        &reason,
        200,
    );
    let moved = json!({ "from_program": PROGRAM, "to_program": "state-welfare-card", "reason": "" });
    let path = format!("/v1/wallets/{}/moves", wallet_id(2));
    call("switch", "POST", &path, &moved.to_string(), 403);
    call("registrar", "POST", &path, &moved.to_string(), 200);
    let frozen = json!({ "status": "frozen", "reason": "a test" }).to_string();
    let path = format!("/v1/merchants/{MERCHANT}/payout");
    call("registrar", "PUT", &path, &frozen, 403);
    call("settlement", "PUT", &path, &frozen, 200);
    let shown = call("viewer", "GET", &format!("/v1/merchants/{MERCHANT}"), "", 200);
    assert!(shown.contains("\"by\":\"settlement-1\""), "{shown}");
    let bought = call("switch", "POST", "/v1/authorizations", &purchase(1, 1, 100), 200);
    assert!(bought.contains("\"approved\""), "{bought}");
    let txn_id = &bought["{\"txn_id\":\"".len()..][..36];
    let shown = call("viewer", "GET", &format!("/v1/authorizations/{txn_id}"), "", 200);
    assert!(shown.contains("\"by\":\"switch-1\""), "{shown}");
    let given_back = json!({ "reversal_id": "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10", "reason": "timeout" });
    let path = format!("/v1/authorizations/{txn_id}/reversals");
    call("switch", "POST", &path, &given_back.to_string(), 200);
    let applicant = json!({
        "registration_id": "0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e11", "program": PROGRAM, "wallet_id": wallet_id(9),
        "citizen_id": citizen_id(9), "birth_date": "1990-04-12", "nationality": "TH",
    });
    call(
        "registrar",
        "POST",
        "/v1/registrations",
        &applicant.to_string(),
        200,
    );
    call("switch", "PUT", "/v1/clock", "{}", 403);
    call("switch", "POST", "/v1/authorizations", "{", 400);
    server.hang_up();
    words.until("keys were read again");
    server.terminate();
    assert_eq!(server.wait_for_code(), Some(0));

    let storage = FileStorage::open_folder(&site.data_dir()).expect("the server is gone");
    let mut records = Records::default();
    let log = FileLogStore::open(&Arc::new(storage), Layout::DEFAULT).expect("a journal");
    let mut cursor = log.file_cursor(Bound::All).unwrap();
    while let Some(frame) = cursor.next_frame().expect("a good journal") {
        frame
            .records()
            .for_each(|(_, header, bytes)| records.take(&header, bytes));
    }
    let mut by: Vec<(&str, Option<&str>)> = Vec::new();
    for (caller, kind) in &records.all {
        match kind {
            RecordKind::Name | RecordKind::RuleVersion | RecordKind::RulesInForce => {}
            kind => by.push((kind.name(), records.names.get(caller).map(Name::as_str))),
        }
    }
    let expected = [
        ("merchant", Some("admin-1")),
        ("merchant", Some("admin-1")),
        ("enrollment", Some("registrar-1")),
        ("enrollment", Some("admin-1")),
        ("wallet status", Some("admin-1")),
        ("programme status", Some("admin-1")),
        ("moved", Some("registrar-1")),
        ("merchant payout", Some("settlement-1")),
        ("authorization", Some("switch-1")),
        ("reversal", Some("switch-1")),
        ("registration", Some("registrar-1")),
    ];
    assert_eq!(by, expected);

    let said = words.all();
    let mut kept = vec![("stderr".to_owned(), said.into_bytes())];
    gather(&site.data_dir(), &mut kept);
    kept.push(("keys.toml".to_owned(), fs::read(&file).expect("kept")));
    assert!(kept.len() >= 5, "the journal was looked at");
    for (name, bytes) in &kept {
        for (role, key) in &keys {
            // Without its prefix too: half a key is a leak as well.
            let key = &key.as_bytes()["satang_".len()..];
            let found = bytes.windows(key.len()).any(|window| window == key);
            assert!(!found, "the key of {role} stands in {name}");
        }
    }
}

fn gather(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => gather(&path, found),
            false => found.push((path.display().to_string(), fs::read(&path).expect("readable"))),
        }
    }
}

#[test]
fn a_keys_file_that_others_may_change_is_refused() {
    let (site, _, file) = site_with_keys();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o646);
    fs::set_permissions(&file, mode).expect("ours");
    check_refusal(
        site.refused(&["--clock", NOON, "--keys", &file]),
        &["keys.toml", "others may change it", "chmod o-w"],
    );
}
