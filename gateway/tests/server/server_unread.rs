//! Clients that ask for much and take nothing, and clients that only keep their connection.

use crate::support::{Http2, PATIENCE, Raw, http2_request, impatient, options, start, wait_until, whole};
use satang_gateway::server::ServerOptions;
use std::sync::atomic::Ordering;
use std::time::Duration;

const MIB: usize = 1 << 20;
const LONG: Duration = Duration::from_secs(600);

/// Asks for 48 MiB so many times and takes nothing of it.
fn asks_and_takes_nothing(client: &mut Http2, times: usize) -> Vec<impl Sized + use<>> {
    let ask = |_| {
        client
            .sender
            .send_request(http2_request("GET", "/large", whole("")))
    };
    (0..times).map(ask).collect()
}

#[test]
fn unread_answers_of_all_connections_share_one_budget() {
    let server = start(ServerOptions {
        all_answers_bytes_max: 256 * MIB,
        ..options()
    });
    let counters = server.counters();
    let mut first = Http2::connect(server.addr());
    let asked = asks_and_takes_nothing(&mut first, 1);
    first.run_until("its answer waits", || {
        counters.answer_bytes.load(Ordering::Relaxed) > 0
    });
    // For each of these 48 MiB are more than a quarter of what the first one left.
    for _ in 0..7 {
        let mut another = Http2::connect(server.addr());
        let asked = asks_and_takes_nothing(&mut another, 1);
        another.wait_for_end();
        drop(asked);
    }
    assert_eq!(counters.unread_closed.load(Ordering::Relaxed), 7);
    wait_until("only the first one's bytes are held", || {
        counters.answer_bytes.load(Ordering::Relaxed) <= 48 * MIB
    });
    let mut small = Http2::connect(server.addr());
    let (_, body) = small.send(http2_request("GET", "/small", whole(""))).unwrap();
    assert_eq!(body, "/small");
    assert!(first.ended.lock().unwrap().is_none());
    drop((first, asked));
    wait_until("the bytes are given back", || {
        counters.answer_bytes.load(Ordering::Relaxed) == 0
    });
}

#[test]
fn a_ping_does_not_keep_an_unread_answer() {
    let server = start(ServerOptions {
        header_timeout: LONG,
        body_timeout: LONG,
        ..impatient()
    });
    let mut client = Http2::connect_pinging(server.addr(), Duration::from_millis(20));
    let asked = asks_and_takes_nothing(&mut client, 1);
    client.run_until("the answer waits", || {
        server.counters().answer_bytes.load(Ordering::Relaxed) > 0
    });
    client.wait_for_end();
    assert_eq!(server.counters().timed_out.load(Ordering::Relaxed), 1);
    assert_eq!(server.counters().answer_bytes.load(Ordering::Relaxed), 0);
    drop(asked);
}

#[test]
fn a_ping_does_not_keep_an_idle_connection() {
    let server = start(ServerOptions {
        header_timeout: LONG,
        body_timeout: LONG,
        ..impatient()
    });
    let mut client = Http2::connect_pinging(server.addr(), Duration::from_millis(20));
    client.send(http2_request("GET", "/only", whole(""))).unwrap();
    client.wait_for_end();
}

#[test]
fn a_slow_reader_that_reads_is_served_to_the_end() {
    use http_body_util::BodyExt as _;
    let server = start(ServerOptions {
        header_timeout: LONG,
        body_timeout: LONG,
        ..impatient()
    });
    let mut client = Http2::connect(server.addr());
    let answer = client
        .sender
        .send_request(http2_request("GET", "/large", whole("")));
    let taken = client.runtime.block_on(async {
        let mut body = answer.await.unwrap().into_body();
        let (mut taken, mut slow) = (0, tokio::time::interval(Duration::from_millis(3)));
        let reading = async {
            while let Some(frame) = body.frame().await {
                taken += frame.unwrap().data_ref().map_or(0, bytes::Bytes::len);
                // Far longer in all than a connection may be idle.
                if taken < 4 * MIB {
                    slow.tick().await;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("it ends");
        taken
    });
    assert_eq!(taken, 48 * MIB);
}

#[test]
fn a_silent_stranger_leaves_for_a_newcomer() {
    let server = start(ServerOptions {
        connections_max: 3,
        strangers_max: Some(2),
        ..options()
    });
    let mut known = Raw::connect(server.addr());
    assert_eq!(known.get("/known").status, 200);
    let mut silent = Raw::connect(server.addr());
    let wait_for = |accepted| {
        wait_until("it was accepted", || {
            server.counters().accepted.load(Ordering::Relaxed) == accepted
        });
    };
    wait_for(2);
    let mut busy = Raw::connect(server.addr());
    assert_eq!(busy.get("/busy").status, 503);
    // A third stranger: the first one, which has asked for nothing, makes room.
    let mut newcomer = Raw::connect(server.addr());
    assert_eq!(newcomer.get("/known").status, 200);
    silent.assert_closed();
    assert_eq!(server.counters().strangers_closed.load(Ordering::Relaxed), 1);
    // Callers that are known stay, however many strangers come.
    for _ in 0..20 {
        let mut stranger = Raw::connect(server.addr());
        stranger.try_send("GET /busy HTTP/1.1\r\nhost: x\r\n\r\n");
        let _ = stranger.try_answer();
    }
    assert_eq!(
        (known.get("/known").status, newcomer.get("/a").status),
        (200, 200)
    );
}

#[test]
fn an_address_gets_as_many_connections_as_it_may() {
    let server = start(ServerOptions {
        connections_per_address: Some(1),
        ..options()
    });
    let mut first = Raw::connect(server.addr());
    assert_eq!(first.get("/a").status, 200);
    let mut second = Raw::connect(server.addr());
    assert_eq!(second.answer().status, 503);
    second.assert_closed();
    assert_eq!(server.counters().turned_away_address.load(Ordering::Relaxed), 1);
    assert_eq!(first.get("/b").status, 200);
}
