//! What is too large or too many, and that the client gets to read so.

use crate::support::{Raw, options, post, start, wait_until};
use satang_gateway::server::ServerOptions;
use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;

fn head_of(bytes_len: usize) -> String {
    let frame = "GET /fits HTTP/1.1\r\nhost: x\r\nfill: \r\n\r\n".len();
    format!(
        "GET /fits HTTP/1.1\r\nhost: x\r\nfill: {}\r\n\r\n",
        "f".repeat(bytes_len - frame)
    )
}

#[test]
fn a_header_section_of_64_kib_is_served_and_one_byte_more_is_431() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    client.send(head_of(64 * 1024));
    assert_eq!(client.answer().status, 200);
    client.try_send(head_of(64 * 1024 + 1));
    assert_eq!(client.answer().status, 431);
    client.assert_closed();
}

#[test]
fn a_header_section_far_over_the_limit_is_431_although_the_client_sends_on() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    client.try_send(head_of(5 * MIB));
    assert_eq!(client.answer().status, 431);
    client.assert_closed();
}

#[test]
fn a_long_target_counts_as_header() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    client.try_send(format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "p".repeat(70_000)));
    assert_eq!(client.answer().status, 431);
    client.assert_closed();
}

#[test]
fn very_many_small_headers_are_431() {
    let server = start(options());
    for count in [101, 1_000, 100_000] {
        let mut client = Raw::connect(server.addr());
        let fields: String = (0..count).map(|index| format!("h{index}: v\r\n")).collect();
        client.try_send(format!("GET / HTTP/1.1\r\n{fields}\r\n"));
        assert_eq!(client.answer().status, 431, "{count} fields");
        client.assert_closed();
    }
}

#[test]
fn a_body_of_exactly_the_limit_is_served() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    let body = vec![b'x'; 16 * MIB];
    client.send(post("/echo", &body));
    assert!(client.answer().body == body);
}

#[test]
fn a_body_of_20_mb_is_413_once_the_client_has_sent_it() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    client.send(post("/echo", vec![b'x'; 20_000_000]));
    let answer = client.answer();
    assert_eq!((answer.status, answer.field("connection")), (413, Some("close")));
    assert!(answer.has("content-type: application/problem+json"));
    assert!(answer.text().contains("body_too_large"), "{answer:?}");
    client.assert_closed();
}

#[test]
fn an_announced_body_over_the_limit_is_413_before_it_is_sent() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    client.send(format!(
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        16 * MIB + 1
    ));
    assert_eq!(client.answer().status, 413);
    client.assert_closed();
}

#[test]
fn a_client_that_asks_first_is_not_invited_to_send_too_large_a_body() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    let head = "POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n";
    client.send(format!("{head}content-length: {}\r\n\r\n", 16 * MIB + 1));
    assert_eq!(client.answer().status, 413);
    client.assert_closed();
    // One that does not wait for the invitation can read the answer too.
    let mut hasty = Raw::connect(server.addr());
    hasty.send(format!("{head}content-length: 20000000\r\n\r\n"));
    hasty.send(vec![b'x'; 20_000_000]);
    assert_eq!(hasty.answer().status, 413);
}

#[test]
fn a_client_that_asks_first_is_invited_to_send_a_body_that_fits() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    client.send("POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
    assert_eq!(client.answer().status, 100);
    client.send("hello");
    assert_eq!(client.answer().text(), "hello");
    assert_eq!(client.get("/after").status, 200);
}

#[test]
fn a_chunked_body_over_the_limit_is_413() {
    let server = start(ServerOptions {
        body_bytes_max: MIB,
        ..options()
    });
    let mut client = Raw::connect(server.addr());
    client.send("POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    for _ in 0..40 {
        client.try_send([b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat());
    }
    client.try_send("0\r\n\r\n");
    assert_eq!(client.answer().status, 413);
    client.assert_closed();
}

#[test]
fn what_is_discarded_after_413_is_bounded_in_bytes() {
    let server = start(ServerOptions {
        discard_bytes_max: MIB,
        discard_timeout: Duration::from_secs(60),
        ..options()
    });
    let mut client = Raw::connect(server.addr());
    client.send("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n");
    assert_eq!(client.answer().status, 413);
    let mut sent_bytes = 0;
    while client.socket.write_all(&[b'x'; 0x10000]).is_ok() {
        sent_bytes += 0x10000;
        assert!(sent_bytes < 256 * MIB, "the server reads for ever");
    }
    assert!(sent_bytes >= MIB);
}

#[test]
fn what_is_discarded_after_413_is_bounded_in_time() {
    let server = start(ServerOptions {
        discard_timeout: Duration::from_millis(100),
        ..options()
    });
    let mut client = Raw::connect(server.addr());
    client.send("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n");
    assert_eq!(client.answer().status, 413);
    client.assert_closed();
    wait_until("the connection is gone", || {
        server.counters().connections.load(Ordering::Relaxed) == 0
    });
}

#[test]
fn a_connection_too_many_is_turned_away_and_the_others_stay() {
    let server = start(ServerOptions {
        connections_max: 2,
        ..options()
    });
    let (mut first, mut second) = (Raw::connect(server.addr()), Raw::connect(server.addr()));
    assert_eq!((first.get("/a").status, second.get("/b").status), (200, 200));
    let mut third = Raw::connect(server.addr());
    let answer = third.answer();
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
    third.assert_closed();
    assert_eq!((first.get("/a").status, second.get("/b").status), (200, 200));
    drop(first);
    let deadline = Instant::now() + crate::support::PATIENCE;
    loop {
        let mut again = Raw::connect(server.addr());
        again.try_send("GET /again HTTP/1.1\r\nhost: x\r\n\r\n");
        if again.try_answer().is_some_and(|answer| answer.status == 200) {
            break;
        }
        assert!(Instant::now() < deadline, "the place stays taken");
    }
}

#[test]
fn bodies_in_memory_are_bounded_over_all_connections() {
    let server = start(ServerOptions {
        body_bytes_max: MIB,
        connection_body_bytes_max: MIB,
        all_bodies_bytes_max: 2 * MIB,
        ..options()
    });
    let half = |client: &mut Raw| client.send(&post("/echo", vec![b'x'; MIB])[..700_000]);
    let mut holders = [Raw::connect(server.addr()), Raw::connect(server.addr())];
    holders.iter_mut().for_each(half);
    wait_until("both halves are in memory", || {
        server.counters().body_bytes.load(Ordering::Relaxed) >= 1_400_000
    });
    let mut refused = Raw::connect(server.addr());
    refused.try_send(post("/echo", vec![b'x'; MIB]));
    let answer = refused.answer();
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
    // A body that comes in one piece is never refused for it, and memory comes back.
    let mut small = Raw::connect(server.addr());
    small.send(post("/echo", "small"));
    assert_eq!(small.answer().text(), "small");
    for client in &mut holders {
        client.send(vec![
            b'x';
            MIB - 700_000 + post("/echo", vec![b'x'; MIB]).len() - MIB
        ]);
        assert_eq!(client.answer().status, 200);
    }
    let mut large = Raw::connect(server.addr());
    large.send(post("/echo", vec![b'x'; MIB]));
    assert_eq!(large.answer().status, 200);
}
