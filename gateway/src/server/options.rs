//! What an operator may set about the listener, and what each setting costs.

use super::Tls;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Files that the process opens beside connections: segments, spares, indexes of old dates, snapshots. Half of a limit that is
/// lower than twice this.
const FILES_RESERVED: u64 = 1024;
/// hyper refuses read buffers below this.
const BUFFER_BYTES_MIN: usize = 8 * 1024;

/// Addresses, bounds and time-outs of a [`Server`](super::Server).
///
/// Together they bound memory (I12): `connections_max` connections, each with one read buffer of twice
/// `header_bytes_max`, one HTTP/2 window, with TLS some 100 KiB of records on their way, and bodies counted against
/// `connection_body_bytes_max` and `all_bodies_bytes_max`.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Where to listen. Port 0 takes a free port; [`ServerHandle::addr`](super::ServerHandle::addr) tells which.
    pub listen: SocketAddr,
    /// Certificate and key of the port; none speaks in the clear. A handshake costs its I/O thread a signature, once
    /// for each connection.
    pub tls: Option<Arc<Tls>>,
    /// Threads that read, decide and write; each has its own listening socket and its own handler. More than the
    /// machine has cores only adds context switches.
    pub io_threads: usize,
    /// From the first byte of a request to the end of its header section; also, of a TLS connection, from its start to the
    /// end of the handshake. Longer tolerates slower clients; shorter
    /// frees the connections of those who drip a header (slowloris).
    pub header_timeout: Duration,
    /// From the header to the end of a body that is collected as a whole, and between two chunks of one that is
    /// streamed. Longer tolerates slow links; shorter frees memory held by half a body.
    pub body_timeout: Duration,
    /// How long a connection may stay without a request, or leave an answer unread. Longer saves reconnects; shorter
    /// frees connections.
    pub idle_timeout: Duration,
    /// Bytes of request line and header fields, 431 above. Also sizes the read buffer (twice this). At least 4 KiB.
    pub header_bytes_max: usize,
    /// Bytes of one collected body, 413 above. Streamed bodies have no such limit.
    pub body_bytes_max: usize,
    /// Bytes of partly received bodies that one connection may hold in memory; only HTTP/2 can have more than one
    /// body under way. 503 above. At least `body_bytes_max`; a buffer is counted by its capacity.
    pub connection_body_bytes_max: usize,
    /// Bytes of collected bodies in memory over all connections, those the handler still reads included. 503 above.
    /// Bodies that arrive in one piece are the read buffer itself and are not counted here.
    pub all_bodies_bytes_max: usize,
    /// Bytes of answers one connection may leave unread before it is closed. Larger lets slow readers ask for much at once.
    pub connection_answer_bytes_max: usize,
    /// Bytes of unread answers over all connections. A connection may leave unread a quarter of what is free of it, and
    /// 16 KiB in any case.
    pub all_answers_bytes_max: usize,
    /// Bytes read and thrown away after an answer that ends the connection, so that a client that is still
    /// sending gets to read it. More helps clients with larger bodies; all of it is work for nothing.
    pub discard_bytes_max: usize,
    /// The same bound in time.
    pub discard_timeout: Duration,
    /// Open connections over all threads; one more is answered 503 and closed. Each takes a file descriptor:
    /// [`ServerOptions::within`] the process's limit.
    pub connections_max: usize,
    /// Of them, from one address (of IPv6, from one network of 64 bits); none is no bound. One more is answered 503.
    pub connections_per_address: Option<usize>,
    /// Of them, those on which no known caller has asked for anything: one more closes the one that has been here longest.
    /// None where callers are not known; then one connection too many is turned away.
    pub strangers_max: Option<usize>,
    /// Requests in progress on one HTTP/2 connection. More fills larger groups from few connections; the memory they
    /// need is bounded by the three byte limits above.
    pub streams_max: u32,
    /// How long [`ServerHandle::stop`](super::ServerHandle::stop) waits for requests in progress before it
    /// closes their connections. Longer loses fewer answers; shorter restarts sooner.
    pub shutdown_deadline: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        ServerOptions {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            tls: None,
            io_threads: std::thread::available_parallelism().map_or(1, usize::from),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            header_bytes_max: 64 * 1024,
            body_bytes_max: 16 * 1024 * 1024,
            connection_body_bytes_max: 32 * 1024 * 1024,
            all_bodies_bytes_max: 1024 * 1024 * 1024,
            connection_answer_bytes_max: 64 * 1024 * 1024,
            all_answers_bytes_max: 256 * 1024 * 1024,
            discard_bytes_max: 32 * 1024 * 1024,
            discard_timeout: Duration::from_secs(5),
            connections_max: 20_000,
            connections_per_address: None,
            strangers_max: None,
            streams_max: 256,
            shutdown_deadline: Duration::from_secs(10),
        }
    }
}

impl ServerOptions {
    /// The same, with as many connections as a process may have that opens at most so many files and needs some for its data.
    pub fn within(mut self, files_max: u64) -> ServerOptions {
        let connections = files_max - FILES_RESERVED.min(files_max / 2);
        self.connections_max = self
            .connections_max
            .min(usize::try_from(connections).unwrap_or(usize::MAX));
        self
    }

    /// The read buffer of one connection: a whole header section and as much of the body that follows it.
    pub(super) fn read_buffer_bytes(&self) -> usize {
        self.header_bytes_max * 2
    }

    /// Refuses values that cannot work, naming the field.
    pub(super) fn check(&self) -> io::Result<()> {
        let refuse = |field: &str, reason: &str| {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("server option {field}: {reason}"),
            ))
        };
        if self.io_threads == 0 {
            return refuse("io_threads", "0, must be at least 1");
        }
        if self.connections_max == 0 {
            return refuse("connections_max", "0, must be at least 1");
        }
        if self.connections_per_address == Some(0) {
            return refuse("connections_per_address", "0, must be at least 1");
        }
        if self.streams_max == 0 {
            return refuse("streams_max", "0, must be at least 1");
        }
        if self.read_buffer_bytes() < BUFFER_BYTES_MIN || u32::try_from(self.header_bytes_max).is_err() {
            return refuse("header_bytes_max", "must be from 4096 to 4294967295");
        }
        if self.connection_body_bytes_max < self.body_bytes_max {
            return refuse("connection_body_bytes_max", "less than body_bytes_max");
        }
        if self.all_bodies_bytes_max < self.connection_body_bytes_max {
            return refuse("all_bodies_bytes_max", "less than connection_body_bytes_max");
        }
        for (field, value) in [
            ("header_timeout", self.header_timeout),
            ("body_timeout", self.body_timeout),
            ("idle_timeout", self.idle_timeout),
        ] {
            if value.is_zero() {
                return refuse(field, "0, every request would be closed");
            }
        }
        Ok(())
    }
}
