//! Starting and stopping: what is in progress is answered, what is idle goes at once, and nothing outlives the deadline.

use crate::support::{
    Echo, Gate, Http2, Raw, http2_request, options, post, start, start_gated, wait_until, whole,
};
use satang_gateway::server::{Server, ServerOptions};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(600);

/// A deadline that no test reaches, yet short enough to end one that fails.
const FAR: Duration = Duration::from_secs(40);

/// Long enough to be told from a wait for any deadline in these tests.
const PROMPT: Duration = Duration::from_secs(15);

#[test]
fn a_request_in_progress_is_answered_and_then_its_connection_ends() {
    let gate = Gate::new();
    let server = start_gated(
        ServerOptions {
            shutdown_deadline: FAR,
            ..options()
        },
        &gate,
    );
    let addr = server.addr();
    let mut working = Raw::connect(addr);
    working.send([post("/gate", "x"), post("/echo", "too late")].concat());
    let mut half_sent = Raw::connect(addr);
    half_sent.send(&post("/echo", "in the middle")[..60]);
    gate.wait_for(1);
    let mut idle = Raw::connect(addr);
    assert_eq!(idle.get("/idle").status, 200);
    let stopping = std::thread::spawn(move || server.stop());
    // The idle one is closed while the other still works.
    idle.assert_closed();
    assert!(TcpStream::connect(addr).is_err(), "still accepting");
    half_sent.send(&post("/echo", "in the middle")[60..]);
    assert_eq!(half_sent.answer().text(), "in the middle");
    half_sent.assert_closed();
    gate.open();
    assert_eq!(working.answer().text(), "\"through\"");
    working.assert_closed();
    stopping.join().unwrap();
}

#[test]
fn an_http2_request_in_progress_is_answered_and_then_its_connection_ends() {
    let gate = Gate::new();
    let server = start_gated(
        ServerOptions {
            shutdown_deadline: FAR,
            ..options()
        },
        &gate,
    );
    let mut client = Http2::connect(server.addr());
    let opener = gate.clone();
    let stopping = std::thread::spawn(move || {
        opener.wait_for(1);
        let idle = Raw::connect(server.addr());
        let opening = std::thread::spawn(move || {
            let mut idle = idle;
            idle.assert_closed();
            opener.open();
        });
        server.stop();
        opening.join().unwrap();
    });
    let (head, _) = client.send(http2_request("GET", "/gate", whole(""))).unwrap();
    assert_eq!(head.status, 200);
    client.wait_for_end();
    stopping.join().unwrap();
}

#[test]
fn connections_without_a_request_do_not_delay_the_stop() {
    let server = start(ServerOptions {
        shutdown_deadline: FAR,
        header_timeout: LONG,
        idle_timeout: LONG,
        ..options()
    });
    let silent = Raw::connect(server.addr());
    let mut kept = Raw::connect(server.addr());
    kept.get("/kept");
    let mut half = Raw::connect(server.addr());
    half.send("GET / HT");
    let mut http2 = Http2::connect(server.addr());
    http2.send(http2_request("GET", "/kept", whole(""))).unwrap();
    let stopping = std::thread::spawn(move || {
        let began = Instant::now();
        server.stop();
        began.elapsed()
    });
    http2.wait_for_end();
    assert!(stopping.join().unwrap() < PROMPT);
    drop((silent, half));
}

#[test]
fn what_does_not_finish_is_closed_at_the_deadline() {
    let gate = Gate::new();
    let server = start_gated(
        ServerOptions {
            shutdown_deadline: Duration::from_millis(50),
            ..options()
        },
        &gate,
    );
    let mut stuck = Raw::connect(server.addr());
    stuck.send(post("/gate", "x"));
    gate.wait_for(1);
    let began = Instant::now();
    server.stop();
    assert!(began.elapsed() < PROMPT);
    stuck.assert_closed();
}

#[test]
fn after_the_stop_the_port_is_free_and_a_second_stop_does_nothing() {
    let server = start(options());
    let addr = server.addr();
    assert_eq!(Raw::connect(addr).get("/a").status, 200);
    server.stop();
    server.stop();
    let again = start(ServerOptions {
        listen: addr,
        ..options()
    });
    assert_eq!(Raw::connect(addr).get("/b").status, 200);
    again.stop();
}

#[test]
fn a_dropped_server_stops_too() {
    let server = start(options());
    let (addr, counters) = (server.addr(), server.counters().clone());
    let mut idle = Raw::connect(addr);
    idle.get("/idle");
    drop(server);
    idle.assert_closed();
    wait_until("it no longer accepts", || TcpStream::connect(addr).is_err());
    wait_until("nothing is left", || {
        counters.connections.load(Ordering::Relaxed) == 0
    });
}

#[test]
fn a_second_server_on_the_same_port_is_refused() {
    let server = start(options());
    let gate = Gate::new();
    let second = Server::start(
        ServerOptions {
            listen: server.addr(),
            ..options()
        },
        move |_| Echo { gate: gate.clone() },
    );
    assert_eq!(
        second.err().map(|error| error.kind()),
        Some(std::io::ErrorKind::AddrInUse)
    );
    assert_eq!(Raw::connect(server.addr()).get("/first").status, 200);
}

#[test]
fn each_thread_makes_its_own_handler_and_all_share_one_free_port() {
    let made = Arc::new(Mutex::new(Vec::new()));
    let noted = made.clone();
    let gate = Gate::new();
    let server = Server::start(
        ServerOptions {
            io_threads: 3,
            ..options()
        },
        move |context| {
            let thread = std::thread::current().name().map(str::to_owned);
            noted
                .lock()
                .unwrap()
                .push((context.index, context.threads, thread));
            // Only inside a runtime can a local task be spawned.
            tokio::task::spawn_local(async {});
            Echo { gate: gate.clone() }
        },
    )
    .unwrap();
    let mut made = made.lock().unwrap().clone();
    made.sort();
    let expected: Vec<_> = (0..3)
        .map(|index| (index, 3, Some(format!("http-{index}"))))
        .collect();
    assert_eq!(made, expected);
    assert_ne!(server.addr().port(), 0);
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| {
                assert_eq!(Raw::connect(server.addr()).get("/one").status, 200);
                answered.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(answered.into_inner(), 30);
    server.stop();
}

#[test]
fn options_that_cannot_work_are_refused_with_the_fields_name() {
    let cases = [
        (
            "io_threads",
            ServerOptions {
                io_threads: 0,
                ..options()
            },
        ),
        (
            "connections_max",
            ServerOptions {
                connections_max: 0,
                ..options()
            },
        ),
        (
            "header_bytes_max",
            ServerOptions {
                header_bytes_max: 100,
                ..options()
            },
        ),
        (
            "connection_body_bytes_max",
            ServerOptions {
                body_bytes_max: 64 << 20,
                ..options()
            },
        ),
        (
            "idle_timeout",
            ServerOptions {
                idle_timeout: Duration::ZERO,
                ..options()
            },
        ),
    ];
    for (field, options) in cases {
        let gate = Gate::new();
        let refused = Server::start(options, move |_| Echo { gate: gate.clone() })
            .err()
            .expect(field);
        assert!(refused.to_string().contains(field), "{refused}");
    }
}
