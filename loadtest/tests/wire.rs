//! The sender against servers that behave badly on the wire.

use satang_loadtest::bare::FIXED_ANSWER;
use satang_loadtest::drive::drive;
use satang_loadtest::ids::IdVersion;
use satang_loadtest::pacing::{Arrivals, Load};
use satang_loadtest::plan::{Plan, WireForm};
use satang_loadtest::stats::Stats;
use satang_loadtest::target::Target;
use satang_loadtest::workload::{Mix, Workload};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// Answers each connection's requests with `answer`, which returns false to close the connection.
fn serve(answer: fn(&mut TcpStream, u64) -> bool) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::parse(&format!("http://{}", listener.local_addr().unwrap()), &[]).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || serve_connection(stream.unwrap(), answer));
        }
    });
    target
}

fn serve_connection(mut stream: TcpStream, answer: fn(&mut TcpStream, u64) -> bool) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for number in 0.. {
        let mut len = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                len = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        reader.read_exact(&mut vec![0; len]).unwrap();
        if !answer(&mut stream, number) {
            return;
        }
    }
}

fn whole_answer() -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
        FIXED_ANSWER.len()
    )
    .into_bytes();
    answer.extend_from_slice(FIXED_ANSWER);
    answer
}

/// Thirty requests over three connections of one thread.
fn drive_thirty(target: Target) -> Stats {
    let workload = Workload {
        program: "p".into(),
        channel: "store".into(),
        wallets: 10,
        merchants: 10,
    };
    let plan = Plan {
        target,
        load: Load::Open {
            rate: 300.0,
            arrivals: Arrivals::Fixed,
        },
        duration: Duration::from_millis(100),
        warmup: Duration::ZERO,
        drain: Duration::from_secs(60),
        connections: 3,
        threads: 1,
        people: None,
        workload,
        mix: Mix::default(),
        batch_len: 1,
        wire: WireForm::Json,
        ids: IdVersion::V7,
        seed: 1,
        id_seed: 1,
        id_base_unix_ms: 0,
        check_answers: false,
    };
    drive(&plan).unwrap().counted
}

#[test]
fn an_answer_in_many_small_writes_is_one_answer() {
    let stats = drive_thirty(serve(|stream, _| {
        whole_answer()
            .chunks(7)
            .all(|piece| stream.write_all(piece).is_ok())
    }));
    assert_eq!((stats.sent_total(), stats.answered_total()), (30, 30));
    assert_eq!(stats.outcomes[0].count, 30);
    assert!(stats.lost.is_empty(), "{:?}", stats.lost);
}

#[test]
fn a_connection_closed_after_its_answer_is_opened_again_and_nothing_is_lost() {
    let stats = drive_thirty(serve(|stream, _| {
        let answer = String::from_utf8(whole_answer()).unwrap();
        stream
            .write_all(
                answer
                    .replace("200 OK\r\n", "200 OK\r\nconnection: close\r\n")
                    .as_bytes(),
            )
            .unwrap();
        false
    }));
    assert_eq!(
        (stats.answered_total(), stats.lost.len()),
        (30, 0),
        "{:?}",
        stats.lost
    );
}

#[test]
fn a_request_whose_connection_is_closed_is_counted_as_lost() {
    let stats = drive_thirty(serve(|stream, number| {
        number == 0 && stream.write_all(&whole_answer()).is_ok()
    }));
    let lost: u64 = stats.lost.values().sum();
    assert_eq!(stats.answered_total() + lost, 30, "{:?}", stats.lost);
    assert!(lost > 0);
    assert_eq!(stats.latency.len(), 30, "lost requests weigh on the latency, too");
}

#[test]
fn another_protocol_is_an_error_and_not_an_answer() {
    let stats = drive_thirty(serve(|stream, _| {
        stream.write_all(b"SSH-2.0-none\r\n\r\n").is_ok()
    }));
    assert_eq!(stats.lost.get("not an HTTP/1.1 answer"), Some(&30));
}

#[test]
fn a_server_that_is_gone_leaves_every_request_unsent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::parse(&format!("http://{}", listener.local_addr().unwrap()), &[]).unwrap();
    drop(listener);
    let workload = Workload {
        program: "p".into(),
        channel: "store".into(),
        wallets: 1,
        merchants: 1,
    };
    let plan = Plan {
        target,
        load: Load::Open {
            rate: 300.0,
            arrivals: Arrivals::Fixed,
        },
        duration: Duration::from_millis(100),
        warmup: Duration::ZERO,
        drain: Duration::ZERO,
        connections: 2,
        threads: 2,
        people: None,
        workload,
        mix: Mix::default(),
        batch_len: 1,
        wire: WireForm::Json,
        ids: IdVersion::V4,
        seed: 1,
        id_seed: 1,
        id_base_unix_ms: 0,
        check_answers: true,
    };
    let stats = drive(&plan).unwrap().counted;
    assert_eq!(
        (stats.not_sent, stats.answered_total(), stats.latency.len()),
        (30, 0, 30)
    );
}
