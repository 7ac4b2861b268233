//! The ids that a client finds its request by come back in every answer for which a head was read.

use crate::support::{Http2, Raw, http2_request, impatient, options, start, whole};
use http::HeaderValue;

const ID: &str = "switch-7/000123";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn both() -> String {
    format!("x-request-id: {ID}\r\ntraceparent: {TRACE}\r\n")
}

#[test]
fn both_ids_come_back_whatever_the_status_and_whoever_answers() {
    let server = start(impatient());
    let (small, large) = ("content-length: 1\r\n", "content-length: 999999999\r\n");
    let requests = [
        (200, "GET /plain HTTP/1.1\r\nhost: x\r\n", ""),
        (200, "POST /echo HTTP/1.1\r\nhost: x\r\n", small),
        (404, "GET /unread HTTP/1.1\r\nhost: x\r\n", ""),
        (405, "GET /method HTTP/1.1\r\nhost: x\r\n", ""),
        (503, "GET /busy HTTP/1.1\r\nhost: x\r\n", ""),
        // These are the listener's own.
        (400, "GET /plain HTTP/1.1\r\n", ""),
        (408, "POST /echo HTTP/1.1\r\nhost: x\r\n", "content-length: 2\r\n"),
        (413, "POST /echo HTTP/1.1\r\nhost: x\r\n", large),
        (505, "GET /plain HTTP/1.0\r\nhost: x\r\n", ""),
    ];
    for (status, head, length) in requests {
        let mut client = Raw::connect(server.addr());
        let body = if length.is_empty() { "" } else { "1" };
        client.send(format!("{head}{}{length}\r\n{body}", both()));
        let answer = client.answer();
        assert_eq!(answer.status, status, "{head}: {answer:?}");
        assert_eq!(answer.field("x-request-id"), Some(ID), "{head}: {answer:?}");
        assert_eq!(answer.field("traceparent"), Some(TRACE), "{head}: {answer:?}");
    }
}

#[test]
fn what_is_no_id_does_not_come_back_and_refuses_nothing() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    let long = "x".repeat(129);
    for id in ["", "a b", "caf\u{e9}", &long, "a\r\nx-request-id: b"] {
        client.send(format!(
            "GET /plain HTTP/1.1\r\nhost: x\r\nx-request-id: {id}\r\ntraceparent: {}\r\n\r\n",
            TRACE.replace("00-4", "01-4")
        ));
        let answer = client.answer();
        assert_eq!((answer.status, answer.field("x-request-id")), (200, None), "{id}");
        assert_eq!(answer.field("traceparent"), None, "another version");
    }
    // Nothing of one request is left for the next.
    client.send(format!("GET /plain HTTP/1.1\r\nhost: x\r\n{}\r\n", both()));
    assert_eq!(client.answer().field("x-request-id"), Some(ID));
    let next = client.get("/plain");
    assert_eq!(
        (next.field("x-request-id"), next.field("traceparent")),
        (None, None)
    );
}

#[test]
fn the_same_over_http2_and_for_a_head() {
    let server = start(options());
    let mut client = Http2::connect(server.addr());
    for (method, path) in [("POST", "/echo"), ("GET", "/unread"), ("HEAD", "/plain")] {
        let mut request = http2_request(method, path, whole(""));
        let fields = request.headers_mut();
        fields.insert("x-request-id", HeaderValue::from_static(ID));
        fields.insert("traceparent", HeaderValue::from_static(TRACE));
        let (head, _) = client.send(request).expect("an answer");
        assert_eq!(head.headers["x-request-id"], ID, "{method} {path}");
        assert_eq!(head.headers["traceparent"], TRACE, "{method} {path}");
    }
}
