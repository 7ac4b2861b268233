//! HTTP/1.1 as a client may speak it.

use crate::support::{Gate, Raw, options, post, start, start_gated};
use std::net::Shutdown;

#[test]
fn a_connection_serves_one_request_after_another() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    for round in 0..5 {
        client.send(post("/echo", format!("round {round}")));
        let answer = client.answer();
        assert_eq!(
            (answer.status, answer.text()),
            (200, format!("round {round}").as_str())
        );
    }
    assert_eq!(client.get("/plain").text(), "/plain");
}

#[test]
fn an_answer_names_its_type_length_and_date() {
    let server = start(options());
    let answer = Raw::connect(server.addr()).get("/plain");
    assert!(answer.has("content-type: application/json"), "{answer:?}");
    assert!(answer.has("content-length: 6"), "{answer:?}");
    assert!(
        answer.field("date").is_some_and(|date| date.ends_with(" gmt")),
        "{answer:?}"
    );
    assert_eq!(answer.field("connection"), None);
}

#[test]
fn a_handler_may_ask_to_retry_later_and_name_the_allowed_methods() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    let busy = client.get("/busy");
    assert_eq!((busy.status, busy.field("retry-after")), (503, Some("7")));
    assert!(busy.has("content-type: application/problem+json"));
    let method = client.get("/method");
    assert_eq!((method.status, method.field("allow")), (405, Some("post")));
}

#[test]
fn a_hundred_pipelined_requests_are_answered_in_order() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    let mut requests = Vec::new();
    for index in 0..100 {
        requests.extend(post("/echo", format!("body {index}")));
        requests.extend(format!("GET /number/{index} HTTP/1.1\r\nhost: x\r\n\r\n").into_bytes());
    }
    client.send(requests);
    for index in 0..100 {
        assert_eq!(client.answer().text(), format!("body {index}"));
        assert_eq!(client.answer().text(), format!("/number/{index}"));
    }
}

#[test]
fn a_request_may_arrive_byte_by_byte() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    for _ in 0..2 {
        for byte in post("/echo", "one byte at a time") {
            client.send([byte]);
        }
        assert_eq!(client.answer().text(), "one byte at a time");
    }
}

#[test]
fn a_request_may_end_in_the_middle_of_the_next_ones_packet() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    let (first, second) = (post("/echo", "first"), post("/echo", "second"));
    let (start_of_second, rest) = second.split_at(20);
    client.send([&first, start_of_second].concat());
    assert_eq!(client.answer().text(), "first");
    client.send(rest);
    assert_eq!(client.answer().text(), "second");
}

#[test]
fn a_chunked_body_may_arrive_byte_by_byte() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    let head = "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    for byte in format!("{head}3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\nt: v\r\n\r\n").bytes() {
        client.send([byte]);
    }
    assert_eq!(client.answer().text(), "abcdefgh");
    assert_eq!(client.get("/after").text(), "/after");
}

#[test]
fn a_chunked_request_may_follow_one_with_a_length_in_the_same_packet() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    let chunked =
        b"POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec();
    client.send(
        [
            post("/echo", "length"),
            chunked.clone(),
            post("/echo", "length"),
            chunked,
        ]
        .concat(),
    );
    for expected in ["length", "abc", "length", "abc"] {
        assert_eq!(client.answer().text(), expected);
    }
}

#[test]
fn a_body_in_several_pieces_comes_together() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    let body: Vec<u8> = (0..3_000_000_u32).map(|index| (index % 251) as u8).collect();
    client.send(post("/echo", &body));
    assert!(client.answer().body == body);
    client.send("POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    for piece in body.chunks(70_001) {
        client.send(format!("{:x}\r\n", piece.len()));
        client.send(piece);
        client.send("\r\n");
    }
    client.send("0\r\n\r\n");
    assert!(client.answer().body == body);
}

#[test]
fn a_streamed_body_has_no_size_limit() {
    let mut options = options();
    options.body_bytes_max = 1000;
    let server = start(options);
    let mut client = Raw::connect(server.addr());
    client.send(post("/stream", vec![b'x'; 5_000_000]));
    assert_eq!(client.answer().text(), "5000000");
    assert_eq!(client.get("/after").status, 200);
}

#[test]
fn head_gets_the_length_and_no_body() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    client.send(
        "HEAD /12345 HTTP/1.1\r\nhost: x\r\n\r\nGET /next HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    while client.read_more().is_some() {}
    let both = String::from_utf8_lossy(client.unread()).into_owned();
    let (head, next) = both.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: 6"), "{head}");
    assert!(next.starts_with("HTTP/1.1 200 OK"), "{next}");
}

#[test]
fn a_small_body_that_nobody_reads_leaves_the_connection_usable() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    client.send(&post("/unread", "some words that arrive late")[..80]);
    client.send(&post("/unread", "some words that arrive late")[80..]);
    assert_eq!(client.answer().status, 404);
    assert_eq!(client.get("/after").text(), "/after");
}

#[test]
fn a_large_body_that_nobody_reads_still_leaves_the_answer_readable() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    client.try_send(post("/unread", vec![b'x'; 4_000_000]));
    let answer = client.answer();
    assert_eq!((answer.status, answer.field("connection")), (404, Some("close")));
    client.assert_closed();
}

#[test]
fn a_client_that_has_said_all_still_gets_its_answer() {
    let gate = Gate::new();
    let server = start_gated(options(), &gate);
    let mut client = Raw::connect(server.addr());
    client.send(post("/gate", "last words"));
    client.socket.shutdown(Shutdown::Write).unwrap();
    gate.wait_for(1);
    // By now the server could have seen that the client says no more.
    for _ in 0..10 {
        assert_eq!(Raw::connect(server.addr()).get("/other").status, 200);
    }
    gate.open();
    assert_eq!(client.answer().text(), "\"through\"");
    client.assert_closed();
}

#[test]
fn connection_close_is_honoured() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    client.send("GET /bye HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(client.answer().text(), "/bye");
    client.assert_closed();
}
