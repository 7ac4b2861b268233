//! SIGTERM: what is in progress is answered, what was answered is there after the next start.

use crate::BINARY;
use crate::probes::free_addr;
use satang_tests::site::{NOON, Site, buy, prepare, purchase};
use satang_tests::wire::Wire;
use std::net::TcpStream;
use std::time::Instant;

#[test]
fn a_request_half_sent_when_the_stop_begins_is_answered() {
    let site = Site::new(BINARY);
    let health = free_addr();
    let server = site.serve(&["--clock", NOON, "--health-listen", &health.to_string()]);
    prepare(&server, 1);
    let body = purchase(1, 1, 100);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    let head = "POST /v1/authorizations HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n";
    wire.send(format!("{head}content-length: {}\r\n\r\n", body.len()).as_bytes())
        .expect("sent");
    // The server waits for the body: the request is in progress.
    assert_eq!(wire.read(false).expect("it asks for the body").status, 100);
    server.terminate();
    let begun = Instant::now();
    while TcpStream::connect(server.addr()).is_ok() {
        assert!(
            begun.elapsed() < satang_tests::process::PATIENCE,
            "the stop does not begin"
        );
        std::thread::yield_now();
    }
    // Probes are answered until the end, and send nobody here any more.
    let ready = Wire::open(health).and_then(|mut probe| probe.call("GET", "/readyz", b""));
    let ready = ready.expect("an answer");
    assert_eq!(
        (ready.status, ready.json()["code"].as_str()),
        (503, Some("stopping"))
    );
    wire.send(body.as_bytes()).expect("sent");
    let answer = wire.read(false).expect("an answer");
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close")),
        "{answer:?}"
    );
    assert_eq!(wire.rest().expect("the connection ends"), b"");
    let (code, said) = server.wait();
    assert_eq!(code, Some(0), "{said}");

    let server = site.serve(&["--clock", NOON]);
    let again = buy(&mut Wire::open(server.addr()).expect("it listens"), 1, 1, 100);
    assert_eq!(
        again,
        answer.text().replace("\"replayed\":false", "\"replayed\":true")
    );
}

#[test]
fn everything_answered_before_a_stop_is_there_after_it() {
    const CLIENTS: u64 = 8;
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    prepare(&server, CLIENTS);
    let addr = server.addr();
    let clients: Vec<_> = (1..=CLIENTS)
        .map(|client| {
            std::thread::spawn(move || {
                let mut wire = Wire::open(addr).expect("it listens");
                let mut answered = Vec::new();
                for number in client << 32.. {
                    let body = purchase(number, client, 5);
                    // The stop ends the connection between two requests.
                    let Ok(answer) = wire.call("POST", "/v1/authorizations", body.as_bytes()) else {
                        break;
                    };
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    answered.push((body, answer.text()));
                    if answer.header("connection") == Some("close") {
                        break;
                    }
                }
                answered
            })
        })
        .collect();
    let mut wire = Wire::open(addr).expect("it listens");
    (1..=50).for_each(|number| drop(buy(&mut wire, number, 1, 5)));
    server.terminate();
    let answered: Vec<(String, String)> = clients
        .into_iter()
        .flat_map(|client| client.join().expect("no client panics"))
        .collect();
    let (code, said) = server.wait();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        answered.len() > CLIENTS as usize,
        "the clients were at work: {}",
        answered.len()
    );

    let server = site.serve(&["--clock", NOON]);
    let mut wire = Wire::open(server.addr()).expect("it listens");
    for (body, first) in answered {
        let again = wire
            .call("POST", "/v1/authorizations", body.as_bytes())
            .expect("an answer");
        assert_eq!(
            again.text(),
            first.replace("\"replayed\":false", "\"replayed\":true")
        );
    }
}
