//! Files as they really come, sent by `satang import`, by others, or only read; and programme files that are only looked at.

use crate::BINARY;
use crate::registrations::open;
use satang_tests::crash::citizen_id;
use satang_tests::process::{ServerProcess, shipped_programs};
use satang_tests::site::{Ended, NOON, PROGRAM, Site, enrollment, merchant, prepare};
use satang_tests::wire::{Answer, Wire, request_with};
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn import(site: &Site, what: &str, file: &Path, server: &ServerProcess) -> Ended {
    let url = format!("http://{}", server.addr());
    site.run(&["import", what, text(file), "--server", &url])
}

fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_ref()).expect("memory");
    encoder.finish().expect("memory")
}

/// A list that is sent under this content coding.
fn send_encoded(wire: &mut Wire, encoding: &str, body: &[u8]) -> Answer {
    let path = "/v1/lists/suspended/import";
    let fields = format!("content-encoding: {encoding}\r\n");
    wire.send(&request_with("POST", path, &fields, body))
        .expect("it listens");
    wire.read(false).expect("an answer")
}

fn utf16(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(u16::to_le_bytes);
    [0xff, 0xfe].into_iter().chain(units).collect()
}

#[test]
fn a_list_is_read_as_any_system_writes_it() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let [one, two, three] = [1, 2, 3].map(citizen_id);
    let texts = [
        format!("\u{feff}citizen_id\r\n{one}\r\n{two}\r\n{three}\r\n"),
        format!("CITIZEN_ID,\n\"{one}\",\n\"{two}\" ,,\n {three}\t"),
        format!("\n\"Citizen_Id\"\r{one}\r\r{two}\r{three}"),
        format!("{one},\r\n,\r\n{two}\n\r\n{three}\r"),
    ];
    for text in texts {
        for (name, bytes) in [
            ("suspended.csv", text.clone().into_bytes()),
            ("suspended.csv.gz", gzip(&text)),
        ] {
            let ended = import(&site, "list", &site.write(name, bytes), &server);
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{text:?}");
            let wanted = json!({ "accepted": 3, "rejected": 0, "errors": [] });
            assert_eq!(report(&ended), wanted, "{name}: {text:?}");
        }
    }
    let answer = open(&server)
        .call("GET", "/v1/lists", b"")
        .expect("an answer")
        .json();
    let lists = answer["lists"].as_array().expect("lists");
    assert!(
        lists
            .iter()
            .any(|list| list["list"] == "suspended" && list["citizens"] == 3),
        "{answer}"
    );
}

#[test]
fn ndjson_of_other_systems_is_read_too() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    let lines = format!(
        "\u{feff}{}\r{}\r\n\n",
        enrollment(2).trim_end(),
        enrollment(3).trim_end()
    );
    for (name, bytes) in [
        ("e.ndjson", lines.clone().into_bytes()),
        ("e.ndjson.gz", gzip(&lines)),
    ] {
        let ended = import(&site, "enrollments", &site.write(name, bytes), &server);
        let wanted = json!({ "accepted": 2, "rejected": 0, "errors": [] });
        assert_eq!((ended.code, report(&ended)), (Some(0), wanted), "{ended:?}");
    }
    let mut short: Value = serde_json::from_str(&enrollment(4)).expect("ours");
    short["citizen_id"] = json!("110170020345");
    let ended = import(
        &site,
        "enrollments",
        &site.write("short.ndjson", short.to_string()),
        &server,
    );
    let reason = "malformed: citizen_id: has 12 digits: lost its leading zero in a spreadsheet?";
    assert_eq!(report(&ended)["errors"], json!([{ "line": 1, "reason": reason }]));
    let thai = [b"{\"name\":\"".as_slice(), b"\xc3\xd2\xc2", b"\"}"].concat();
    let ended = import(&site, "merchants", &site.write("thai.ndjson", thai), &server);
    let reason = "malformed: looks like TIS-620: save the file as UTF-8";
    assert_eq!(report(&ended)["errors"], json!([{ "line": 1, "reason": reason }]));
}

#[test]
fn what_no_list_is_gets_an_answer_that_says_what_to_do() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let id = citizen_id(1);
    let refused = |name: &str, bytes: Vec<u8>, words: &[&str]| {
        let ended = import(&site, "list", &site.write(name, bytes), &server);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(1), ""),
            "{name}: {ended:?}"
        );
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        for word in words {
            assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
        }
        assert!(!ended.stderr.contains(&id), "{}", ended.stderr);
    };
    refused(
        "suspended.csv",
        utf16(&format!("citizen_id\r\n{id}\r\n")),
        &["400", "line 1: looks like UTF-16"],
    );
    refused(
        "suspended.xlsx",
        b"PK\x03\x04\x14\x00\x06\x00".to_vec(),
        &["415", "save it as CSV"],
    );
    refused("suspended.gz", gzip(gzip(&id)), &["415", "twice"]);
    let cut = gzip(format!("{id}\n").repeat(3));
    refused(
        "suspended.csv.gz",
        cut[..cut.len() - 3].to_vec(),
        &["400", "ends in the middle"],
    );
    let mut wire = open(&server);
    let bare = wire
        .call("POST", "/v1/lists/suspended/import", &gzip(&id))
        .expect("an answer");
    assert_eq!((bare.status, bare.header("accept-encoding")), (415, Some("gzip")));
    assert_eq!(bare.json()["code"], "unsupported_media_type");
    let mut wire = open(&server);
    assert_eq!(send_encoded(&mut wire, "br", id.as_bytes()).status, 415);
    let mut wire = open(&server);
    assert_eq!(send_encoded(&mut wire, "gzip", id.as_bytes()).status, 400);
    let mut wire = open(&server);
    let report = send_encoded(&mut wire, "gzip", &gzip(&id)).json();
    assert_eq!(report, json!({ "accepted": 1, "rejected": 0, "errors": [] }));
}

#[test]
fn a_dry_run_says_what_a_server_would_and_needs_none() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let id = citizen_id(1);
    let list = format!("citizen_id\r\n{id}\r\n110170020345\r\n1.1E+12\r\n\r\n๑๑\r\n\"{id}\",");
    let shop = merchant();
    let files = [
        ("list", site.write("suspended.csv", &list)),
        ("list", site.write("suspended.csv.gz", gzip(&list))),
        ("merchants", site.write("m.ndjson", format!("{shop}\n{{}}\n"))),
        (
            "enrollments",
            site.write("e.ndjson", format!("{}x", enrollment(1))),
        ),
    ];
    for (what, file) in &files {
        let dry = site.run(&["import", what, text(file), "--dry-run"]);
        assert_eq!(dry.code, Some(1), "{dry:?}");
        assert!(dry.stderr.contains("nothing was sent"), "{}", dry.stderr);
        assert!(!(dry.stdout.clone() + &dry.stderr).contains("1017"), "{dry:?}");
        prepare(&server, 1);
        let sent = import(&site, what, file, &server);
        assert_eq!(report(&dry), report(&sent), "{what}");
    }
    let good = site.write("good.csv", &id);
    let dry = site.run(&["import", "list", text(&good), "--dry-run"]);
    assert_eq!(
        (dry.code, &report(&dry)["accepted"]),
        (Some(0), &json!(1)),
        "{dry:?}"
    );
    let no_text = site.write("good.csv", utf16(&id));
    let dry = site.run(&["import", "list", text(&no_text), "--dry-run"]);
    assert_eq!((dry.code, dry.stdout.as_str()), (Some(1), ""));
    assert!(
        dry.stderr.contains("good.csv: line 1: looks like UTF-16"),
        "{}",
        dry.stderr
    );
}

/// It takes the connection, and whatever fits its buffers.
#[test]
fn a_server_that_says_nothing_is_not_waited_for_longer_than_asked() {
    let site = Site::new(BINARY);
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let file = site.write("suspended.csv", format!("{}\n", citizen_id(1)).repeat(2_000_000));
    let ended = site.run(&["import", "list", text(&file), "--server", &url, "--timeout", "1"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(
        ended.stderr.contains("silent for 1 s (see --timeout)"),
        "{}",
        ended.stderr
    );
    drop(silent);
    for wrong in ["0", "x", "86401"] {
        let ended = site.run(&["import", "list", text(&file), "--timeout", wrong]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
    }
}

#[test]
fn programme_files_are_checked_and_read_out_without_a_server() {
    let site = Site::new(BINARY);
    let shipped = shipped_programs();
    let ended = site.run(&["programs", "check", text(&shipped)]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for words in [
        "ไทยช่วยไทย พลัส 60/40",
        "200.00 baht a day",
        "25 พฤษภาคม 2569 (2026-05-25)",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
    assert!(
        ended.stderr.contains("a reload would take them"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("it needs the list suspended"),
        "{}",
        ended.stderr
    );
    assert_eq!(
        site.run(&["programs", "check", text(&site.path("none"))]).code,
        Some(1)
    );
}

#[test]
fn what_a_reload_refuses_a_check_refuses_in_the_same_words() {
    let site = Site::new(BINARY);
    let folder = site.path("next");
    std::fs::create_dir(&folder).expect("a folder");
    let shipped = std::fs::read_to_string(shipped_programs().join(format!("{PROGRAM}.toml")));
    let shipped = shipped.expect("it is shipped");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("a file");
    write("a.toml", &shipped);
    let server = site.serve(&["--clock", NOON, &format!("programs={}", text(&folder))]);
    let mut wire = open(&server);
    let mut check = |several: bool| {
        let ended = site.run(&["programs", "check", text(&folder)]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        let answer = wire.call("POST", "/v1/programs/reload", b"").expect("an answer");
        let reload = answer.json()["detail"].as_str().expect("a detail").to_owned();
        // An answer says nothing of where the files lie.
        let said = ended.stderr.replace(text(&folder.join("")), "");
        assert!(said.contains(&reload), "{reload}: {said}");
        assert_eq!(
            ended.stderr.contains("of 2 files would be refused"),
            several,
            "{}",
            ended.stderr
        );
    };
    write("b.toml", &shipped);
    check(false);
    write("b.toml", "id = 1");
    check(false);
    write("a.toml", &shipped.replace("state_percent", "percent_state"));
    check(true);
}
