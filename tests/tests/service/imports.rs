//! `satang import`, and a start that has much to replay.

use crate::BINARY;
use crate::clock::open_when_it_listens;
use satang_tests::process::ServerProcess;
use satang_tests::site::{Ended, MERCHANT, NOON, Site, buy, enrollment, merchant, prepare};
use satang_tests::wire::Wire;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::path::Path;

fn import(site: &Site, what: &str, file: &Path, server: &ServerProcess) -> Ended {
    let url = format!("http://{}", server.addr());
    site.run(&["import", what, file.to_str().expect("text"), "--server", &url])
}

fn report(ended: &Ended) -> Value {
    assert_eq!(ended.stdout.lines().count(), 1, "data is one line: {ended:?}");
    serde_json::from_str(&ended.stdout).expect("data is JSON")
}

fn merchant_line(id: &str) -> String {
    let mut line = merchant();
    line["merchant_id"] = json!(id);
    line.to_string()
}

#[test]
fn lines_are_imported_one_by_one_and_may_be_sent_again() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    // The last line has no newline, one is blank, one ends like those of other systems.
    let text = format!(
        "{}\n\n{}\r\n{}",
        merchant_line(MERCHANT),
        merchant_line("010555000000001"),
        merchant_line("010555000000002")
    );
    let merchants = site.write("merchants.ndjson", text);
    for _ in 0..2 {
        let ended = import(&site, "merchants", &merchants, &server);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
        assert_eq!(
            report(&ended),
            json!({ "accepted": 3, "rejected": 0, "errors": [] })
        );
    }
    let enrollments = site.write("enrollments.ndjson", enrollment(1) + enrollment(2).trim_end());
    let ended = import(&site, "enrollments", &enrollments, &server);
    assert_eq!(
        (ended.code, &report(&ended)["accepted"]),
        (Some(0), &json!(2)),
        "{ended:?}"
    );
    let answer = buy(&mut Wire::open(server.addr()).expect("it listens"), 1, 2, 100);
    assert!(answer.contains("\"approved\""), "{answer}");
    let empty = import(&site, "merchants", &site.write("empty.ndjson", ""), &server);
    assert_eq!(
        (empty.code, report(&empty)),
        (Some(0), json!({ "accepted": 0, "rejected": 0, "errors": [] }))
    );
}

#[test]
fn rejected_lines_are_named_and_the_command_fails() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 2);
    let with = |wallet: u64, key: &str, value: &str| {
        let mut line: Value = serde_json::from_str(&enrollment(wallet)).expect("ours");
        line[key] = json!(value);
        line.to_string() + "\n"
    };
    let other_wallet = satang_tests::crash::wallet_id(3);
    let text = [
        enrollment(3),
        with(4, "program", "no-such-programme"),
        with(1, "citizen_id", &satang_tests::crash::citizen_id(2)),
        with(2, "wallet_id", "000000000000077"),
        with(5, "tier", "tax-filer"),
        with(6, "household_id", "000000000000001"),
        "nonsense\n".into(),
        with(8, "citizen_id", "1101700203451"),
        enrollment(4),
    ];
    let ended = import(
        &site,
        "enrollments",
        &site.write("mixed.ndjson", text.concat()),
        &server,
    );
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("mixed.ndjson") && ended.stderr.contains("6 lines"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.stderr.lines().count(), 1);
    let report = report(&ended);
    assert_eq!(
        (&report["accepted"], &report["rejected"]),
        (&json!(3), &json!(6)),
        "{report}"
    );
    let reason = |line: usize| {
        let errors = report["errors"].as_array().expect("a list");
        errors
            .iter()
            .find(|error| error["line"] == json!(line))
            .expect("it is named")["reason"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    assert_eq!(
        [2, 3, 4, 5].map(reason),
        [
            "program_unknown",
            "wallet_taken",
            "already_registered",
            "tier_unknown"
        ]
    );
    assert!(
        reason(7).starts_with("malformed") && reason(8).contains("citizen_id"),
        "{report}"
    );
    assert!(
        !ended.stdout.contains("110170020345"),
        "a citizen's id is repeated: {report}"
    );
    let mut wire = Wire::open(server.addr()).expect("it listens");
    assert_eq!(
        wire.call("GET", &format!("/v1/wallets/{other_wallet}"), b"")
            .expect("an answer")
            .status,
        200
    );
}

#[test]
fn a_list_is_named_or_named_for_its_file() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let url = format!("http://{}", server.addr());
    let send = |file: &Path, more: &[&str]| {
        let file = file.to_str().expect("text");
        site.run(&[&["import", "list", file, "--server", &url], more].concat())
    };
    let citizens = |list: &str| {
        let mut wire = Wire::open(server.addr()).expect("it listens");
        let path = format!("/v1/programs/{}", satang_tests::site::PROGRAM);
        let shown = wire.call("GET", &path, b"").expect("an answer").json();
        let lists = shown["lists"].as_array().expect("a list").clone();
        let named = lists.into_iter().find(|shown| shown["list"] == list);
        named.expect("the programme names it")["citizens"].clone()
    };
    let [one, two] = [1, 2].map(satang_tests::crash::citizen_id);
    let file = site.write("suspended.csv", format!("citizen_id\r\n{one}\r\n\r\n{two}"));
    for _ in 0..2 {
        let ended = send(&file, &[]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
        assert_eq!(
            report(&ended),
            json!({ "accepted": 2, "rejected": 0, "errors": [] })
        );
    }
    assert_eq!(citizens("suspended"), 2);
    let wrong = site.write("Of June.csv", format!("{one}\n{}\n", &one[1..]));
    let nameless = send(&wrong, &[]);
    crate::check_refusal((nameless.code, nameless.stderr), &["Of June.csv", "--list NAME"]);
    assert_eq!(send(&wrong, &["--list", "Of June"]).code, Some(2));
    let ended = send(&wrong, &["--list", "state-welfare-card"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(
        (&report(&ended)["accepted"], &report(&ended)["rejected"]),
        (&json!(1), &json!(1))
    );
    assert!(ended.stderr.contains("1 lines were rejected"), "{ended:?}");
    assert!(!format!("{ended:?}").contains(&one[1..]), "{ended:?}");
    assert_eq!(citizens("state-welfare-card"), 1);
}

#[test]
fn a_list_is_sent_as_csv_to_the_route_of_its_name() {
    let site = Site::new(BINARY);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("a port"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut sent = Vec::new();
        // A body without a length ends with an empty chunk.
        while !sent.ends_with(b"\r\n0\r\n\r\n") {
            let mut piece = [0; 4_096];
            let count = stream.read(&mut piece).expect("it sends");
            assert!(count > 0, "it hangs up: {}", String::from_utf8_lossy(&sent));
            sent.extend_from_slice(&piece[..count]);
        }
        let report = "{\"accepted\":1,\"errors\":[],\"rejected\":0}";
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{report}",
            report.len()
        );
        stream.write_all(answer.as_bytes()).expect("it listens");
        String::from_utf8(sent).expect("text").to_ascii_lowercase()
    });
    let file = site.write("tax-filers.csv", satang_tests::crash::citizen_id(1));
    let ended = site.run(&["import", "list", file.to_str().expect("text"), "--server", &url]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let sent = server.join().expect("it answers");
    assert!(
        sent.starts_with("post /v1/lists/tax-filers/import http/1.1\r\n"),
        "{sent}"
    );
    assert!(sent.contains("\r\ncontent-type: text/csv\r\n"), "{sent}");
}

#[test]
fn an_import_that_cannot_be_sent_fails_in_one_line() {
    let site = Site::new(BINARY);
    let file = site.write("lines.ndjson", enrollment(1));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    let nobody = format!("http://{nobody}");
    let (file, missing) = (file.to_str().expect("text"), site.path("missing.ndjson"));
    let cases = [
        (file, nobody.as_str(), nobody.as_str()),
        (missing.to_str().expect("text"), nobody.as_str(), "missing.ndjson"),
        (file, "ftp://127.0.0.1:1", "--server"),
        (file, "127.0.0.1", "--server"),
        (file, "https://127.0.0.1:1", "--server"),
    ];
    for (file, server, named) in cases {
        let ended = site.run(&["import", "enrollments", file, "--server", server]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains(named), "{named}: {}", ended.stderr);
    }
}

/// A hundred thousand lines go in; then a start has something to replay, and what it answers meanwhile is looked at.
#[test]
fn a_long_import_goes_in_and_its_replay_is_waited_for() {
    const LINES: u64 = 100_000;
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, 1);
    let text: String = (1..=LINES).map(enrollment).collect();
    let ended = import(
        &site,
        "enrollments",
        &site.write("many.ndjson", text.trim_end()),
        &server,
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        report(&ended),
        json!({ "accepted": LINES, "rejected": 0, "errors": [] })
    );
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let first = buy(&mut wire, 1, LINES, 100);
    assert!(first.contains("\"approved\""), "{first}");
    let mut server = Some(server);
    // A machine may be slow to look and quick to replay: then it is started once more.
    for _ in 0..20 {
        server.take().expect("one runs").kill();
        let started = site.spawn(&["--clock", NOON]);
        let seen = look_while_it_recovers(&started);
        let again = buy(
            &mut Wire::open(started.addr()).expect("it listens"),
            1,
            LINES,
            100,
        );
        assert_eq!(again, first.replace("\"replayed\":false", "\"replayed\":true"));
        server = Some(started);
        if seen {
            return;
        }
    }
    panic!("in 20 starts no request came before recovery was done");
}

/// As process 1 of a container it would not even end by the signal alone.
#[test]
fn a_stop_while_the_server_starts_ends_it_in_order() {
    const LINES: u64 = 50_000;
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    let text: String = (1..=LINES).map(enrollment).collect();
    let ended = import(
        &site,
        "enrollments",
        &site.write("many.ndjson", text.trim_end()),
        &server,
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    server.kill();
    let mut early = 0;
    // A machine may be slow to stop it and quick to replay.
    for _ in 0..20 {
        let started = site.spawn(&["--clock", NOON]);
        drop(open_when_it_listens(started.addr()));
        started.terminate();
        let (code, said) = started.wait();
        assert_eq!(code, Some(0), "{said}");
        early += u32::from(said.contains("stopped before the start was done"));
        if early > 0 {
            return;
        }
    }
    panic!("in 20 starts none was stopped before it was done");
}

/// Asks until the server is ready; whether every route was asked before.
fn look_while_it_recovers(server: &ServerProcess) -> bool {
    let mut wire = open_when_it_listens(server.addr());
    let purchase = satang_tests::site::purchase(1, 1, 100);
    let asked = [
        ("GET", "/readyz", ""),
        ("GET", "/v1/programs", ""),
        ("GET", "/v1/wallets/000000000000001", ""),
        ("POST", "/v1/authorizations", purchase.as_str()),
        ("POST", "/v1/authorizations/batch", "{"),
        ("POST", "/v1/quotes", "{}"),
        ("POST", "/v1/enrollments/import", ""),
        ("POST", "/v1/registrations", "{}"),
        ("POST", "/v1/registrations/batch", "{"),
        ("POST", "/v1/lists/suspended/import", ""),
        ("GET", "/v1/programs/thai-chuai-thai-plus-6040/registration", ""),
        ("PUT", "/v1/clock", "{}"),
    ];
    let mut rounds = 0;
    loop {
        assert_eq!(
            wire.call("GET", "/healthz", b"").expect("an answer").status,
            200,
            "from the first moment"
        );
        for (method, path, body) in asked {
            let answer = wire.call(method, path, body.as_bytes()).expect("an answer");
            if answer.status != 503 {
                let ready = wire.call("GET", "/readyz", b"").expect("an answer");
                assert_eq!(
                    ready.status, 200,
                    "{path} was answered {} before recovery was done",
                    answer.status
                );
                return rounds > 0;
            }
            let after = answer
                .header("retry-after")
                .and_then(|seconds| seconds.parse::<u32>().ok());
            assert!(after.is_some_and(|seconds| seconds > 0), "{path}: {answer:?}");
            assert_eq!(
                answer.header("content-type"),
                Some("application/problem+json"),
                "{path}"
            );
            assert_eq!(answer.json()["status"], 503);
        }
        rounds += 1;
    }
}
