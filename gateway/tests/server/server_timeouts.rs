//! Clients that are slow, silent or gone. Each test waits for the close itself, never for a fixed time.

use crate::support::{Gate, Raw, impatient, options, post, start, start_gated, wait_until};
use satang_gateway::server::ServerOptions;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(150);

/// Sends one byte every few milliseconds until the server ends the connection; true if that took at least `SHORT`.
fn drip_until_closed(client: &mut Raw, bytes: impl Iterator<Item = u8>) -> bool {
    let began = Instant::now();
    client
        .socket
        .set_read_timeout(Some(Duration::from_millis(5)))
        .unwrap();
    for byte in bytes {
        client.try_send([byte]);
        let mut nothing = [0; 1];
        match client.socket.peek(&mut nothing) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            _ => break,
        }
    }
    client
        .socket
        .set_read_timeout(Some(crate::support::PATIENCE))
        .unwrap();
    began.elapsed() >= SHORT
}

#[test]
fn a_header_that_drips_is_cut_off() {
    let server = start(ServerOptions {
        body_timeout: LONG,
        idle_timeout: LONG,
        ..impatient()
    });
    let mut client = Raw::connect(server.addr());
    client.send("GET / HTTP/1.1\r\nhost: x\r\nfield: ");
    assert!(drip_until_closed(&mut client, std::iter::repeat_n(b'f', 60_000)));
    client.assert_closed();
    assert_eq!(server.counters().timed_out.load(Ordering::Relaxed), 1);
}

#[test]
fn a_second_header_that_drips_is_cut_off() {
    let server = start(ServerOptions {
        body_timeout: LONG,
        idle_timeout: LONG,
        ..impatient()
    });
    let mut client = Raw::connect(server.addr());
    assert_eq!(client.get("/first").status, 200);
    client.send("GET / HT");
    client.assert_closed();
}

#[test]
fn half_an_http2_preface_is_cut_off() {
    let server = start(ServerOptions {
        body_timeout: LONG,
        idle_timeout: LONG,
        ..impatient()
    });
    let mut client = Raw::connect(server.addr());
    client.send("PRI * HTTP/2.0\r\n");
    client.assert_closed();
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let server = start(ServerOptions {
        body_timeout: LONG,
        header_timeout: LONG,
        ..impatient()
    });
    Raw::connect(server.addr()).assert_closed();
}

#[test]
fn an_idle_connection_is_closed_after_its_last_answer() {
    let server = start(ServerOptions {
        body_timeout: LONG,
        header_timeout: LONG,
        ..impatient()
    });
    let mut client = Raw::connect(server.addr());
    assert_eq!(client.get("/only").status, 200);
    client.assert_closed();
}

#[test]
fn a_body_that_stalls_is_answered_408() {
    let server = start(ServerOptions {
        header_timeout: LONG,
        idle_timeout: LONG,
        ..impatient()
    });
    for sent_bytes in [0, 1, 100_000] {
        let mut client = Raw::connect(server.addr());
        let request = post("/echo", vec![b'x'; 200_000]);
        client.send(&request[..request.len() - 200_000 + sent_bytes]);
        let answer = client.answer();
        assert_eq!((answer.status, answer.field("connection")), (408, Some("close")));
        client.assert_closed();
    }
}

#[test]
fn a_body_that_drips_is_answered_408_although_it_moves() {
    let server = start(ServerOptions {
        header_timeout: LONG,
        idle_timeout: LONG,
        ..impatient()
    });
    let mut client = Raw::connect(server.addr());
    client.send("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n");
    assert!(drip_until_closed(&mut client, std::iter::repeat_n(b'x', 59_999)));
    assert_eq!(client.answer().status, 408);
}

#[test]
fn a_streamed_body_that_stalls_is_answered_408() {
    let server = start(ServerOptions {
        header_timeout: LONG,
        idle_timeout: LONG,
        ..impatient()
    });
    let mut client = Raw::connect(server.addr());
    client.send(&post("/stream", vec![b'x'; 1_000_000])[..900_000]);
    assert_eq!(client.answer().status, 408);
    client.assert_closed();
}

#[test]
fn a_streamed_body_that_drips_is_answered_408_although_it_moves() {
    let server = start(ServerOptions {
        header_timeout: LONG,
        idle_timeout: LONG,
        ..impatient()
    });
    let mut client = Raw::connect(server.addr());
    client.send("POST /stream HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n");
    assert!(drip_until_closed(&mut client, std::iter::repeat_n(b'x', 59_999)));
    assert_eq!(client.answer().status, 408);
}

#[test]
fn a_small_body_that_nobody_reads_and_that_never_comes_does_not_hold_the_answer_for_ever() {
    let server = start(ServerOptions {
        header_timeout: LONG,
        idle_timeout: LONG,
        ..impatient()
    });
    let mut client = Raw::connect(server.addr());
    client.send(&post("/unread", "never all of it")[..60]);
    let answer = client.answer();
    assert_eq!((answer.status, answer.field("connection")), (404, Some("close")));
}

#[test]
fn a_handler_at_work_is_not_timed_out() {
    let gate = Gate::new();
    let server = start_gated(impatient(), &gate);
    let mut working = Raw::connect(server.addr());
    working.send(post("/gate", "read or not"));
    gate.wait_for(1);
    // These two end later than the first would, had it been idle.
    Raw::connect(server.addr()).assert_closed();
    Raw::connect(server.addr()).assert_closed();
    gate.open();
    assert_eq!(working.answer().text(), "\"through\"");
}

#[test]
fn an_answer_that_is_not_taken_does_not_hold_its_memory_for_ever() {
    let server = start(ServerOptions {
        header_timeout: LONG,
        body_timeout: LONG,
        ..impatient()
    });
    let mut client = Raw::connect(server.addr());
    client.send("GET /large HTTP/1.1\r\nhost: x\r\n\r\n");
    wait_until("the connection is closed", || {
        server.counters().timed_out.load(Ordering::Relaxed) == 1
    });
}

#[test]
fn an_answer_that_is_taken_slowly_is_not_cut_off() {
    let idle_timeout = Duration::from_secs(1);
    let server = start(ServerOptions {
        idle_timeout,
        ..options()
    });
    let mut client = Raw::connect(server.addr());
    let began = Instant::now();
    client.send("GET /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let mut read_bytes = 0;
    let mut pause_at_bytes = 0;
    while let Some(len) = client.read_more() {
        read_bytes += len;
        if read_bytes >= pause_at_bytes {
            pause_at_bytes += 2 << 20;
            std::thread::sleep(Duration::from_millis(80));
        }
    }
    assert!(
        began.elapsed() > idle_timeout,
        "the client was too fast to show anything"
    );
    assert!(read_bytes > 48 << 20, "{read_bytes}");
}

#[test]
fn time_outs_of_the_default_length_do_not_disturb_a_pause() {
    let server = start(options());
    let mut client = Raw::connect(server.addr());
    assert_eq!(client.get("/first").status, 200);
    let quick = start(impatient());
    Raw::connect(quick.addr()).assert_closed();
    assert_eq!(client.get("/second").status, 200);
}
