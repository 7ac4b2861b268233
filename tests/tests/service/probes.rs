//! Probes and callers with keys, while others take all the connections there are.

use crate::BINARY;
use crate::keys::site_with_keys;
use satang_tests::process::Connection;
use satang_tests::site::{NOON, Site};
use satang_tests::wire::Wire;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};

pub(crate) fn free_addr() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("bound")
}

#[track_caller]
fn check_probes(addr: SocketAddr, expected: &[(&str, u16)]) {
    let mut probe = Connection::open(addr).expect("it listens");
    for (path, status) in expected {
        let (got, answer) = probe.send("GET", path, "").expect("an answer");
        assert_eq!(got, *status, "{path}: {answer}");
    }
}

#[test]
fn probes_have_a_port_of_their_own() {
    let site = Site::new(BINARY);
    let health = free_addr();
    let listen = health.to_string();
    let args = [
        "--clock",
        NOON,
        "--health-listen",
        &listen,
        "--connections-per-address",
        "3",
    ];
    let server = site.serve(&args);
    // All that this address may have at the other port.
    let silent: Vec<_> = (0..20)
        .map(|_| TcpStream::connect(server.addr()).expect("accepted"))
        .collect();
    let turned_away = silent.iter().rev().take(10).all(|mut stream| {
        let mut said = [0; 12];
        stream.read_exact(&mut said).is_ok() && said == *b"HTTP/1.1 503"
    });
    assert!(turned_away, "an address has three connections");
    check_probes(
        health,
        &[
            ("/healthz", 200),
            ("/readyz", 200),
            ("/metrics", 200),
            ("/v1/programs", 404),
            ("/openapi.json", 404),
        ],
    );
    // More silent probes than there are places for: the oldest make room.
    let _more: Vec<_> = (0..100)
        .map(|_| TcpStream::connect(health).expect("accepted"))
        .collect();
    check_probes(health, &[("/healthz", 200)]);
    drop(silent);
    server.terminate();
    let (code, said) = server.wait();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains(&format!("probes and metrics on http://{health}")),
        "{said}"
    );
}

#[test]
fn metrics_keep_their_roles_on_the_port_of_probes() {
    let (site, keys, file) = site_with_keys();
    let health = free_addr();
    let listen = health.to_string();
    let server = site.serve(&["--clock", NOON, "--keys", &file, "--health-listen", &listen]);
    check_probes(health, &[("/healthz", 200), ("/readyz", 200), ("/metrics", 401)]);
    let mut viewer = Wire::open(health).expect("it listens");
    let scraped = viewer.call_with(&keys["viewer"], "GET", "/metrics", b"");
    assert_eq!(scraped.expect("an answer").status, 200);
    drop(server);
}
