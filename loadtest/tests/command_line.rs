//! The binary's promises to scripts: exit codes, data on stdout, words on stderr.

mod fake;

use fake::{approve, fake};
use satang_loadtest::bare::Bare;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output};

fn loadtest(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_satang-loadtest"))
        .args(args)
        .output()
        .expect("the binary was built")
}

/// A server of fixed answers in this process; its threads end with it.
fn fixed_answers() -> String {
    let bare = Bare::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let url = format!("http://{}", bare.address);
    std::thread::spawn(move || bare.serve());
    url
}

fn run(url: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let fixed = [
        "run",
        "--server",
        url,
        "--no-prepare",
        "--duration-s",
        "0.1",
        "--connections",
        "4",
    ];
    let output = loadtest(&[&fixed, more].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn an_open_loop_without_a_limit_succeeds_and_answers_everything() {
    let (code, table, words) = run(&fixed_answers(), &["--no-check", "--rate", "1000"]);
    assert_eq!(code, Some(0), "{table}{words}");
    assert!(table.contains("sent                     100\n"), "{table}");
    assert!(table.contains("answered                 100\n"), "{table}");
    assert!(table.contains("from the intended send"), "{table}");
    assert!(!table.contains("closed loop"), "{table}");
    assert!(words.contains("driving http://"), "{words}");
}

#[test]
fn a_closed_loop_says_that_its_latencies_hide_queueing() {
    let (code, table, _) = run(&fixed_answers(), &["--no-check", "--closed"]);
    assert_eq!(code, Some(0), "{table}");
    assert!(table.contains("hide queueing"), "{table}");
}

#[test]
fn a_missed_limit_exits_1_and_a_generous_one_0() {
    let url = fixed_answers();
    let (code, table, _) = run(&url, &["--no-check", "--rate", "200", "--p99-ms-max", "0.000001"]);
    assert_eq!(code, Some(1), "{table}");
    assert!(table.starts_with("FAILED: p99 "), "{table}");
    let (code, table, _) = run(&url, &["--no-check", "--rate", "200", "--p99-ms-max", "3600000"]);
    assert_eq!(code, Some(0), "{table}");
}

#[test]
fn answers_that_break_the_contract_exit_1() {
    let (code, table, words) = run(&fixed_answers(), &["--rate", "100"]);
    assert_eq!(code, Some(1), "{table}");
    assert!(table.contains("BROKEN PROMISE"), "{table}");
    assert!(
        words.contains("first odd answer: an answer carries the request's txn_id"),
        "{words}"
    );
}

#[test]
fn a_binary_batch_answered_otherwise_exits_1_and_takes_no_quotes_with_it() {
    let url = fixed_answers();
    let (code, table, words) = run(&url, &["--rate", "100", "--wire", "binary", "--batch", "10"]);
    assert_eq!(code, Some(1), "{table}");
    assert!(table.contains("binary batches of 10"), "{table}");
    assert!(words.contains("a batch answer begins with SATA"), "{words}");
    let (code, table, words) = run(&url, &["--wire", "binary", "--quotes", "5"]);
    assert_eq!((code, table.as_str()), (Some(2), ""), "{words}");
    assert!(words.contains("cannot be mixed into batches"), "{words}");
}

#[test]
fn people_register_come_late_and_ask_again_in_phases_of_their_own() {
    let file = std::env::temp_dir().join(format!("satang-loadtest-rush-{}.json", std::process::id()));
    let register = |url: &str, more: &[&str]| {
        let fixed = [
            "register",
            "--server",
            url,
            "--closed",
            "--connections",
            "4",
            "--people",
            "100",
        ];
        let output = loadtest(&[&fixed, more].concat());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let json = file.to_str().unwrap();
    let url = fake(Some(1_000), approve);
    let (code, table, words) = register(&url, &["--late", "30", "--again", "2", "--json", json]);
    assert_eq!(code, Some(0), "{table}{words}");
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    std::fs::remove_file(&file).unwrap();
    let sent: Vec<_> = report
        .as_array()
        .unwrap()
        .iter()
        .map(|phase| &phase["kinds"][0])
        .collect();
    let counts: Vec<_> = sent.iter().map(|kind| kind["answered"].as_u64()).collect();
    assert_eq!(counts, [Some(100), Some(30), Some(30), Some(30)]);
    assert!(sent.iter().all(|kind| kind["kind"] == "registration"));
    assert!(table.contains("100 people from number 0") && table.contains("30 people from number 100"));
    // In batches the last one is shorter; the fixed answer has one decision, which is one per batch too few.
    let url = fixed_answers();
    let (code, table, words) = register(&url, &["--batch", "30"]);
    assert_eq!(code, Some(1), "{table}");
    assert!(table.contains("sent                     4\n"), "{table}");
    assert!(words.contains("one decision per element"), "{words}");
    assert_eq!(register(&url, &["--again", "1"]).0, Some(2), "nobody came late");
}

#[test]
fn the_report_is_written_as_json_too() {
    let file = std::env::temp_dir().join(format!("satang-loadtest-{}.json", std::process::id()));
    let (code, ..) = run(
        &fixed_answers(),
        &[
            "--no-check",
            "--rate",
            "1000",
            "--quotes",
            "50",
            "--seed",
            "9",
            "--json",
            file.to_str().unwrap(),
        ],
    );
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!((code, &json["verdict"]), (Some(0), &"passed".into()));
    assert_eq!(json["reasons"].as_array().unwrap().len(), 0);
    assert!(json["expected"][1][1].as_str().unwrap().contains("at least"));
    assert_eq!(json["statuses"]["200"], 100);
    assert_eq!(json["kinds"].as_array().unwrap().len(), 2);
    assert!(json["plan"].as_str().unwrap().contains("seed 9"));
}

#[test]
fn an_absent_server_fails_with_one_line_and_wrong_arguments_exit_2_without_a_verdict() {
    // Nothing listens on the discard port of this host.
    let (code, table, words) = run("http://127.0.0.1:9", &[]);
    assert_eq!(
        (code, words.as_str(), table.lines().count()),
        (Some(1), "", 1),
        "{table}"
    );
    assert!(
        table.starts_with("FAILED: no answer from http://127.0.0.1:9: "),
        "{table}"
    );
    let wrong = |url: &str, more: &[&str], named: &str| {
        let (code, table, words) = run(url, more);
        assert_eq!((code, table.as_str()), (Some(2), ""), "{words}");
        assert!(words.contains(named), "{words}");
    };
    let url = "http://127.0.0.1:9";
    wrong("https://127.0.0.1:9", &[], "http://");
    wrong(url, &["--rate", "fast"], "--rate");
    wrong(url, &["--closed", "--rate", "5"], "--rate");
    wrong(url, &["--rate", "0"], "above 0");
    wrong(url, &["--approved-min", "95"], "a share from 0 to 1");
    wrong(
        url,
        &["--approved-min", "0.9", "--approved-max", "0.1"],
        "there is none",
    );
    wrong(url, &["--key-file", "/no/such/key"], "/no/such/key");
}

#[test]
fn an_import_that_is_not_answered_as_one_exits_1() {
    let output = loadtest(&[
        "prepare",
        "--server",
        &fixed_answers(),
        "--wallets",
        "3",
        "--merchants",
        "2",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("import of merchants"));
}

#[test]
fn a_key_from_a_file_is_sent_and_never_said() {
    let folder = std::env::temp_dir().join(format!("satang-loadtest-key-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("admin.key");
    let prepare = |url: &str, key: &str, code: i32| {
        std::fs::write(&file, key).unwrap();
        let args = [
            "prepare",
            "--wallets",
            "1",
            "--merchants",
            "1",
            "--server",
            url,
            "--key-file",
        ];
        let output = loadtest(&[&args[..], &[file.to_str().unwrap()]].concat());
        assert_eq!(output.status.code(), Some(code));
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let refusing = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut read, mut piece) = (Vec::new(), [0; 4096]);
        while !read.windows(4).any(|four| four == b"\r\n\r\n") {
            let len = stream.read(&mut piece).unwrap();
            assert!(len > 0, "the head has an end");
            read.extend_from_slice(&piece[..len]);
        }
        let answer = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).unwrap();
        String::from_utf8_lossy(&read).into_owned()
    });
    let said = prepare(&url, "satang_abc\n", 1);
    let head = refusing.join().unwrap();
    assert!(
        head.contains("\r\nauthorization: Bearer satang_abc\r\n"),
        "{head}"
    );
    assert!(!said.contains("satang_abc"), "{said}");
    assert!(
        said.contains("answered 401 (no key, or one that the server does not know"),
        "{said}"
    );
    for wrong in ["", "satang_abc satang_abc", "satang_abc\nsatang_abc"] {
        let said = prepare(&url, wrong, 2);
        assert!(
            said.contains("one key and nothing else") && !said.contains("satang_abc"),
            "{said}"
        );
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
