//! Requests that attacks send and the answers they expect.

use crate::batch::{CONTENT_TYPE, Element, PATH, Request};
use crate::site::PROGRAM;
use crate::wire::{Answer, Wire, request_with};
use anyhow::ensure;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an attacker waits for a socket, so that it ends soon after it should.
const SOCKET_WAIT_MAX: Duration = Duration::from_secs(1);

/// A connection on which an attacker waits for a second at most.
///
/// # Errors
/// Of the operating system.
pub fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, SOCKET_WAIT_MAX)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SOCKET_WAIT_MAX))?;
    stream.set_write_timeout(Some(SOCKET_WAIT_MAX))?;
    Ok(stream)
}

/// Header lines of a caller with this key, if any.
pub fn fields(key: Option<&str>, more: &str) -> String {
    match key {
        Some(key) => format!("authorization: Bearer {key}\r\n{more}"),
        None => more.to_owned(),
    }
}

/// A batch in bytes of purchases with these ids by a wallet that nobody knows: all are declined and journaled, and use up their
/// ids.
pub fn declined(ids: impl Iterator<Item = u128>) -> Vec<u8> {
    let element = |txn_id| Element {
        txn_id,
        wallet: 999_999_999_999_999,
        merchant: 10_555_012_345_678,
        amount: 100,
        eligible: 0,
        program: 0,
        channel: 1,
        reserved: 0,
    };
    Request {
        names: vec![PROGRAM.to_owned(), "store".to_owned()],
        elements: ids.map(element).collect(),
    }
    .bytes()
}

/// Sends a batch in bytes, which must be answered 200.
///
/// # Errors
/// When it is not.
pub fn send_batch(wire: &mut Wire, key: Option<&str>, batch: &[u8]) -> anyhow::Result<Answer> {
    let fields = fields(key, &format!("content-type: {CONTENT_TYPE}\r\n"));
    wire.send(&request_with("POST", PATH, &fields, batch))?;
    let answer = wire.read(false)?;
    ensure!(
        answer.status == 200,
        "a batch: {}: {}",
        answer.status,
        answer.text()
    );
    Ok(answer)
}

/// Writes records until the journal is so many batches of ten thousand purchases longer, about a megabyte each.
///
/// # Errors
/// When a batch is not answered 200.
pub fn lengthen(wire: &mut Wire, batches: std::ops::Range<u128>) -> anyhow::Result<()> {
    for batch in batches {
        let ids = (0..10_000).map(|number| (batch << 64 | number) + 1);
        send_batch(wire, None, &declined(ids))?;
    }
    Ok(())
}

/// Sends one purchase, which must be answered 200; the answer.
///
/// # Errors
/// When it is not.
pub fn buy(wire: &mut Wire, body: &str) -> anyhow::Result<String> {
    let answer = wire.call("POST", "/v1/authorizations", body.as_bytes())?;
    ensure!(
        answer.status == 200,
        "a purchase: {}: {}",
        answer.status,
        answer.text()
    );
    Ok(answer.text())
}

/// What a repeated request must be answered whose first answer was this.
pub fn replay_of(first: &str) -> String {
    first.replace("\"replayed\":false", "\"replayed\":true")
}
