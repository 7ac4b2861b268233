//! HTTP/2 with prior knowledge, on the same port.

use crate::support::{
    Gate, Http2, PATIENCE, Raw, http2_request, impatient, options, pieces, post, start, start_gated,
    wait_until, whole,
};
use http::StatusCode;
use satang_gateway::server::ServerOptions;
use std::sync::atomic::Ordering;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);

#[test]
fn a_request_is_answered() {
    let server = start(options());
    let mut client = Http2::connect(server.addr());
    let (head, body) = client
        .send(http2_request("POST", "/echo", whole("over http/2")))
        .unwrap();
    assert_eq!((head.status, &body[..]), (StatusCode::OK, &b"over http/2"[..]));
    assert_eq!(head.headers["content-type"], "application/json");
    assert_eq!(head.headers["content-length"], "11");
    assert!(head.headers.contains_key("date"));
    let (head, body) = client.send(http2_request("GET", "/plain", whole(""))).unwrap();
    assert_eq!((head.status, &body[..]), (StatusCode::OK, &b"/plain"[..]));
}

#[test]
fn http1_is_spoken_on_the_same_port() {
    let server = start(options());
    let mut client = Http2::connect(server.addr());
    let mut raw = Raw::connect(server.addr());
    raw.send(post("/echo", "one"));
    assert_eq!(raw.answer().text(), "one");
    assert_eq!(
        client
            .send(http2_request("POST", "/echo", whole("two")))
            .unwrap()
            .1,
        "two"
    );
}

#[test]
fn the_preface_may_arrive_byte_by_byte() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" {
        client.send([*byte]);
    }
    while client.unread().len() < 9 {
        client.read_more().expect("the server's settings");
    }
    assert_eq!(client.unread()[3], 4, "the first frame is a SETTINGS frame");
}

#[test]
fn head_gets_the_length_and_no_body() {
    let server = start(options());
    let mut client = Http2::connect(server.addr());
    let (head, body) = client.send(http2_request("HEAD", "/12345", whole(""))).unwrap();
    assert_eq!(
        (head.headers["content-length"].as_bytes(), body.len()),
        (&b"6"[..], 0)
    );
}

#[test]
fn requests_of_one_connection_are_handled_at_once_up_to_the_limit() {
    let gate = Gate::new();
    let server = start_gated(
        ServerOptions {
            streams_max: 10,
            ..options()
        },
        &gate,
    );
    let mut client = Http2::connect(server.addr());
    // The first answer tells the client the server's limit.
    client.send(http2_request("GET", "/first", whole(""))).unwrap();
    let answers: Vec<_> = (0..30)
        .map(|_| {
            client
                .sender
                .send_request(http2_request("GET", "/gate", whole("")))
        })
        .collect();
    client.runtime.block_on(async {
        let mut answers: Vec<_> = answers.into_iter().map(Box::pin).collect();
        let held = tokio::time::timeout(Duration::from_millis(1), &mut answers[0]).await;
        assert!(held.is_err(), "the gate is shut");
        let waiting = gate.clone();
        tokio::task::spawn_blocking(move || waiting.wait_for(10))
            .await
            .unwrap();
        gate.open();
        for answer in answers {
            let answer = tokio::time::timeout(PATIENCE, answer)
                .await
                .expect("in time")
                .unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
        }
    });
}

#[test]
fn a_header_list_over_the_limit_is_431() {
    let server = start(options());
    let mut client = Http2::connect(server.addr());
    // Past the limit, and short of what h2 would end the connection for.
    let mut request = http2_request("GET", "/", whole(""));
    for index in 0..66 {
        let name = http::HeaderName::try_from(format!("field-{index}")).unwrap();
        request
            .headers_mut()
            .insert(name, http::HeaderValue::try_from("v".repeat(1000)).unwrap());
    }
    match client.send(request) {
        Ok((head, _)) => assert_eq!(head.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Err(error) => panic!("{error:?}"),
    }
    assert_eq!(Raw::connect(server.addr()).get("/alive").status, 200);
}

#[test]
fn a_body_over_the_limit_is_413_announced_or_not() {
    let server = start(ServerOptions {
        body_bytes_max: 100_000,
        ..options()
    });
    let mut client = Http2::connect(server.addr());
    let announced = client
        .send(http2_request("POST", "/echo", whole(vec![b'x'; 100_001])))
        .unwrap();
    assert_eq!(announced.0.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(announced.1.windows(14).any(|word| word == b"body_too_large"));
    let unannounced = pieces(vec![vec![b'x'; 10_000]; 20], true);
    let (head, _) = client.send(http2_request("POST", "/echo", unannounced)).unwrap();
    assert_eq!(head.status, StatusCode::PAYLOAD_TOO_LARGE);
    let (head, _) = client
        .send(http2_request("POST", "/echo", whole(vec![b'x'; 100_000])))
        .unwrap();
    assert_eq!(head.status, StatusCode::OK);
}

#[test]
fn a_body_that_stalls_is_answered_408_and_the_connection_lives() {
    let server = start(ServerOptions {
        header_timeout: LONG,
        idle_timeout: LONG,
        ..impatient()
    });
    let mut client = Http2::connect(server.addr());
    let (head, _) = client
        .send(http2_request("POST", "/echo", pieces([], false)))
        .unwrap();
    assert_eq!(head.status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(
        client
            .send(http2_request("POST", "/echo", whole("alive")))
            .unwrap()
            .1,
        "alive"
    );
}

#[test]
fn bodies_in_memory_are_bounded_on_one_connection() {
    let server = start(ServerOptions {
        body_bytes_max: 1 << 20,
        connection_body_bytes_max: 2 << 20,
        ..options()
    });
    let mut client = Http2::connect(server.addr());
    let held: Vec<_> = (0..2)
        .map(|_| {
            let body = pieces(vec![vec![b'x'; 100_000]; 9], false);
            client.sender.send_request(http2_request("POST", "/echo", body))
        })
        .collect();
    client.run_until("both are in memory", || {
        server.counters().body_bytes.load(Ordering::Relaxed) >= 1_800_000
    });
    let (head, _) = client
        .send(http2_request("POST", "/echo", whole(vec![b'x'; 1 << 20])))
        .unwrap();
    assert_eq!(head.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        client
            .send(http2_request("POST", "/echo", whole("small")))
            .unwrap()
            .1,
        "small"
    );
    drop(held);
}

#[test]
fn an_idle_connection_is_closed() {
    let server = start(ServerOptions {
        header_timeout: LONG,
        body_timeout: LONG,
        ..impatient()
    });
    let mut client = Http2::connect(server.addr());
    client.send(http2_request("GET", "/only", whole(""))).unwrap();
    client.wait_for_end();
}

#[test]
fn answers_that_are_not_taken_end_the_connection() {
    let server = start(options());
    let mut client = Http2::connect(server.addr());
    let answers: Vec<_> = (0..3)
        .map(|_| {
            client
                .sender
                .send_request(http2_request("GET", "/large", whole("")))
        })
        .collect();
    // 144 MB would be held for a client that does not read.
    client.wait_for_end();
    drop(answers);
    wait_until("the connection is gone", || {
        server.counters().connections.load(Ordering::Relaxed) == 0
    });
}
