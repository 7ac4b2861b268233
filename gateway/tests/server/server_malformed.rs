//! Requests that are not HTTP/1.1: answered 400, 431 or 505, or closed; never served, and the server unharmed.

use crate::support::{Raw, options, start};
use std::net::Shutdown;

/// What was sent, and what must not happen to it.
const MALFORMED: [(&str, &[u8]); 32] = [
    ("HTTP/1.0", b"GET / HTTP/1.0\r\nhost: x\r\n\r\n"),
    (
        "HTTP/1.0 with keep-alive",
        b"GET / HTTP/1.0\r\nhost: x\r\nconnection: keep-alive\r\n\r\n",
    ),
    ("HTTP/0.9", b"GET /\r\n\r\n"),
    ("HTTP/1.2", b"GET / HTTP/1.2\r\nhost: x\r\n\r\n"),
    ("HTTP/2.0 in text", b"GET / HTTP/2.0\r\nhost: x\r\n\r\n"),
    ("HTTP/3", b"GET / HTTP/3\r\nhost: x\r\n\r\n"),
    ("another protocol", b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    ("lower-case version", b"GET / http/1.1\r\nhost: x\r\n\r\n"),
    (
        "a TLS hello",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on \r\n\r\n",
    ),
    ("zeros", b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\r\n\r\n"),
    ("no target", b"GET HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("no method", b" / HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("a method with a slash", b"GE/T / HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("a space in the target", b"GET /a b HTTP/1.1\r\nhost: x\r\n\r\n"),
    (
        "two different lengths",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    ),
    (
        "two lengths in one line",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3, 4\r\n\r\nabcd",
    ),
    (
        "length, then chunked",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "chunked, then length",
        b"POST / HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    ),
    (
        "a negative length",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    ),
    (
        "a signed length",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +3\r\n\r\nabc",
    ),
    (
        "a hexadecimal length",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0x3\r\n\r\nabc",
    ),
    (
        "a length past 2^64",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 18446744073709551616\r\n\r\n",
    ),
    (
        "an empty length",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: \r\n\r\n",
    ),
    (
        "an unknown coding",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\nabc",
    ),
    (
        "chunked not last",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    ),
    (
        "a chunk size that is no number",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n",
    ),
    (
        "a chunk longer than its size",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
    ),
    ("a space before the colon", b"GET / HTTP/1.1\r\nhost : x\r\n\r\n"),
    (
        "a header without a colon",
        b"GET / HTTP/1.1\r\nhost: x\r\nnonsense\r\n\r\n",
    ),
    (
        "a zero byte in a header",
        b"GET / HTTP/1.1\r\nhost: x\r\nfield: a\0b\r\n\r\n",
    ),
    ("no host", b"GET / HTTP/1.1\r\n\r\n"),
    ("two hosts", b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n"),
];

#[test]
fn what_is_not_http_is_refused_or_closed_and_never_served() {
    let server = start(options());
    for (what, bytes) in MALFORMED {
        let mut client = Raw::connect(server.addr());
        client.send(bytes);
        if let Some(answer) = client.try_answer() {
            assert!(matches!(answer.status, 400 | 431 | 505), "{what}: {answer:?}");
            client.assert_closed();
        }
        assert_eq!(
            Raw::connect(server.addr()).get("/alive").status,
            200,
            "after {what}"
        );
    }
}

#[test]
fn the_same_cut_into_single_bytes_is_refused_too() {
    let server = start(options());
    for (what, bytes) in MALFORMED {
        let mut client = Raw::connect(server.addr());
        for byte in bytes {
            client.try_send([*byte]);
        }
        if let Some(answer) = client.try_answer() {
            assert!(matches!(answer.status, 400 | 431 | 505), "{what}: {answer:?}");
        }
    }
}

#[test]
fn a_request_cut_off_anywhere_is_never_served() {
    let server = start(options());
    let whole = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\nhello world";
    for len in 0..whole.len() {
        let mut client = Raw::connect(server.addr());
        client.send(&whole[..len]);
        client.socket.shutdown(Shutdown::Write).unwrap();
        if let Some(answer) = client.try_answer() {
            assert_eq!(answer.status, 400, "cut at {len}");
        }
    }
    assert_eq!(Raw::connect(server.addr()).get("/alive").status, 200);
}

#[test]
fn the_versions_not_spoken_are_named_so() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    client.send("GET / HTTP/1.0\r\n\r\n");
    let answer = client.answer();
    assert_eq!(answer.status, 505);
    assert!(answer.text().contains("http_version_not_supported"), "{answer:?}");
    client.assert_closed();
}

#[test]
fn a_probe_may_come_in_http_1_0() {
    let server = start(options());
    for request in [
        "GET /probe HTTP/1.0\r\n\r\n",
        "GET /probe HTTP/1.0\r\nhost: x\r\nconnection: keep-alive\r\n\r\n",
    ] {
        let mut client = Raw::connect(server.addr());
        client.send(request);
        assert_eq!(client.answer().text(), "/probe", "{request:?}");
        client.assert_closed();
    }
    let mut client = Raw::connect(server.addr());
    client.send("POST /probe HTTP/1.0\r\ncontent-length: 1\r\n\r\nx");
    assert_eq!(client.answer().status, 505);
}

/// Served as chunked, it ends elsewhere for whoever in front goes by its length.
const BOTH: &str = "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n";

#[test]
fn a_length_beside_chunks_is_refused_wherever_it_stands() {
    let server = start(options());
    let refused = |what: &str, before: &str, head: String| {
        let mut client = Raw::connect(server.addr());
        client.send(format!("{before}{head}0\r\n\r\n"));
        if !before.is_empty() {
            assert_eq!(client.answer().status, 200, "{what}");
        }
        assert_eq!(client.answer().status, 400, "{what}");
        client.assert_closed();
    };
    let far = "filler: 0123456789\r\n".repeat(90);
    let length = "Content-Length: 5\r\n";
    refused("behind many fields", "", format!("{BOTH}{far}{length}\r\n"));
    let get = "GET /alive HTTP/1.1\r\nhost: x\r\n\r\n";
    refused("behind another request", get, format!("{BOTH}{length}\r\n"));
    let far = format!("filler: {}\r\n", "x".repeat(10_000));
    refused(
        "behind 10 KiB, behind another request",
        get,
        format!("{BOTH}{far}{length}\r\n"),
    );
    let chunks = format!("{BOTH}\r\n3\r\nabc\r\n0\r\n\r\n");
    refused("behind chunks", &chunks, format!("{BOTH}{length}\r\n"));

    // One after the other, and cut into bytes, chunked requests are served.
    let mut client = Raw::connect(server.addr());
    for _ in 0..3 {
        client.send(format!("\r\n{BOTH}\r\n3\r\nabc\r\n0\r\n\r\n"));
        assert_eq!(client.answer().text(), "abc");
    }
    for byte in format!("{BOTH}\r\n3\r\nabc\r\n0\r\n\r\n").bytes() {
        client.send([byte]);
    }
    assert_eq!(client.answer().text(), "abc");
}

#[test]
fn two_equal_lengths_are_one() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    client.send("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc");
    assert_eq!(client.answer().text(), "abc");
}
