//! The encrypted port against clients that are slow, silent, or speak something else.

use crate::support::{Gate, PATIENCE, Raw, impatient, options, start, start_gated, wait_until};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use satang_gateway::server::{ServerOptions, Tls};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(600);

/// A certificate for `localhost`, and a client that believes it.
fn certificate() -> (Arc<Tls>, Arc<ClientConfig>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Tls::new(server), Arc::new(client))
}

fn connect(addr: SocketAddr, config: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(config.clone(), name).unwrap();
    let socket = TcpStream::connect(addr).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    StreamOwned::new(connection, socket)
}

#[test]
fn a_handshake_that_does_not_come_is_cut_off_like_a_header() {
    let (tls, _) = certificate();
    let server = start(ServerOptions {
        tls: Some(tls),
        body_timeout: LONG,
        idle_timeout: LONG,
        ..impatient()
    });
    let mut silent = Raw::connect(server.addr());
    silent.assert_closed();
    let mut half = Raw::connect(server.addr());
    // The beginning of a handshake record of 512 bytes.
    half.send([22, 3, 1, 2, 0, 1, 0]);
    half.assert_closed();
    assert_eq!(server.counters().timed_out.load(Ordering::Relaxed), 2);
    assert_eq!(server.counters().handshakes_failed.load(Ordering::Relaxed), 0);
}

#[test]
fn a_connection_without_a_request_is_idle_once_it_is_encrypted() {
    let (tls, client) = certificate();
    let server = start(ServerOptions {
        tls: Some(tls),
        header_timeout: LONG,
        body_timeout: LONG,
        ..impatient()
    });
    let mut stream = connect(server.addr(), &client);
    stream.conn.complete_io(&mut stream.sock).unwrap();
    let mut nothing = [0; 1];
    let closed = stream.read(&mut nothing);
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    assert_eq!(server.counters().timed_out.load(Ordering::Relaxed), 1);
}

#[test]
fn what_is_no_handshake_is_closed_and_counted() {
    let (tls, _) = certificate();
    let server = start(ServerOptions {
        tls: Some(tls),
        ..options()
    });
    let mut plain = Raw::connect(server.addr());
    plain.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    while plain.read_more().is_some() {}
    assert!(
        plain.unread().len() < 64,
        "an alert at most: {:?}",
        plain.unread()
    );
    let failed = || server.counters().handshakes_failed.load(Ordering::Relaxed);
    wait_until("the failure is counted", || failed() == 1);
    let gone = || server.counters().connections.load(Ordering::Relaxed) == 0;
    wait_until("the connection is gone", gone);
}

#[test]
fn a_stop_ends_handshakes_at_once_and_answers_what_was_asked() {
    let (tls, client) = certificate();
    let gate = Gate::new();
    let options = ServerOptions {
        tls: Some(tls),
        ..options()
    };
    let server = Arc::new(start_gated(options, &gate));
    let mut waiting = connect(server.addr(), &client);
    waiting
        .write_all(b"GET /gate HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    gate.wait_for(1);
    let mut silent = Raw::connect(server.addr());
    let accepted = || server.counters().accepted.load(Ordering::Relaxed) == 2;
    wait_until("both are accepted", accepted);
    let began = Instant::now();
    let stopping = {
        let server = server.clone();
        std::thread::spawn(move || server.stop())
    };
    silent.assert_closed();
    gate.open();
    let mut answer = String::new();
    // With its farewell: a client must be able to tell a whole answer from one that was cut off.
    waiting.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("\"through\""),
        "{answer}"
    );
    stopping.join().unwrap();
    assert!(began.elapsed() < server_deadline(), "nothing had to be cut off");
    let timed_out = server.counters().timed_out.load(Ordering::Relaxed);
    assert_eq!(
        timed_out, 0,
        "the handshake ended with the stop, not by a time-out after it"
    );
}

fn server_deadline() -> Duration {
    ServerOptions::default().shutdown_deadline
}
