//! One keep-alive connection as a small state machine over a non-blocking socket. At most one request is in flight.

use crate::http1::{Response, ResponseParser};
use crate::workload::{Kind, Request};
use rustix::event::epoll;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use uuid::Uuid;

/// How long a lost connection waits before it is opened again.
pub(crate) const RECONNECT_WAIT_NS: u64 = 20_000_000;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Not open; opened again at this instant.
    Dead {
        retry_at_ns: u64,
    },
    /// The handshake is under way.
    Connecting,
    Idle,
    /// A request is in flight.
    Busy,
}

/// What is in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlight {
    pub what: What,
    pub intended_ns: u64,
    pub sent_ns: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    One(Request),
    Batch { kind: Kind, len: u64 },
}

/// What an event brought.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Nothing to do yet.
    None,
    /// The handshake is done.
    Connected,
    /// A whole answer is in the buffer.
    Answer(Response),
    /// The connection is lost.
    Lost(&'static str),
}

pub(crate) struct Connection {
    stream: Option<TcpStream>,
    pub state: State,
    pub in_flight: Option<InFlight>,
    /// Ids of the elements in flight, when it is a batch.
    pub batch_ids: Vec<Uuid>,
    out: Vec<u8>,
    written_len: usize,
    input: Vec<u8>,
    filled_len: usize,
    parser: ResponseParser,
}

impl Connection {
    /// A connection that is opened on the first turn.
    pub fn new() -> Self {
        Connection {
            stream: None,
            state: State::Dead { retry_at_ns: 0 },
            in_flight: None,
            batch_ids: Vec::new(),
            out: Vec::with_capacity(1024),
            written_len: 0,
            input: vec![0; 4096],
            filled_len: 0,
            parser: ResponseParser::default(),
        }
    }

    /// Begins to connect and watches the socket in `epoll` under the number `index`.
    pub fn open(&mut self, address: SocketAddr, epoll: &OwnedFd, index: u64) -> io::Result<()> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
        let stream = TcpStream::from(socket);
        use epoll::EventFlags as On;
        epoll::add(
            epoll,
            &stream,
            epoll::EventData::new_u64(index),
            On::IN | On::OUT | On::RDHUP | On::ET,
        )?;
        self.stream = Some(stream);
        self.state = State::Connecting;
        Ok(())
    }

    /// Closes it and says when to open it again.
    pub fn close(&mut self, retry_at_ns: u64) {
        self.stream = None;
        self.state = State::Dead { retry_at_ns };
        self.in_flight = None;
        self.filled_len = 0;
        self.parser = ResponseParser::default();
    }

    /// The emptied buffer for the next request's bytes.
    pub fn out(&mut self) -> &mut Vec<u8> {
        self.out.clear();
        self.written_len = 0;
        &mut self.out
    }

    /// Sends what [`out`](Self::out) was filled with.
    pub fn send(&mut self, in_flight: InFlight) -> Progress {
        debug_assert_eq!(self.state, State::Idle);
        self.in_flight = Some(in_flight);
        self.state = State::Busy;
        self.write()
    }

    /// Handles readiness of the socket.
    pub fn event(&mut self, flags: epoll::EventFlags) -> Progress {
        match self.state {
            State::Dead { .. } => Progress::None,
            State::Connecting => self.finish_connect(flags),
            State::Idle if flags.intersects(epoll::EventFlags::RDHUP | epoll::EventFlags::HUP) => {
                Progress::Lost("closed by the server")
            }
            State::Idle => Progress::None,
            State::Busy => {
                if let lost @ Progress::Lost(_) = self.write() {
                    return lost;
                }
                match self.read() {
                    Progress::Answer(mut response) => {
                        response.close |= flags.contains(epoll::EventFlags::RDHUP);
                        Progress::Answer(response)
                    }
                    progress => progress,
                }
            }
        }
    }

    /// The bytes of the answer last returned, until [`consume`](Self::consume).
    pub fn body(&self, response: Response) -> &[u8] {
        &self.input[response.body_start..response.end]
    }

    /// Drops the answer and makes the connection ready for another request. False when bytes follow that nobody
    /// asked for: then the connection cannot be trusted any more.
    pub fn consume(&mut self, response: Response) -> bool {
        let clean = self.filled_len == response.end;
        self.filled_len = 0;
        self.in_flight = None;
        self.state = State::Idle;
        clean
    }

    fn finish_connect(&mut self, flags: epoll::EventFlags) -> Progress {
        let stream = self.stream.as_ref().expect("a connecting state has a socket");
        match stream.take_error() {
            Ok(None) if flags.intersects(epoll::EventFlags::HUP) => Progress::Lost("connect failed"),
            Ok(None) if flags.contains(epoll::EventFlags::OUT) => {
                self.state = State::Idle;
                Progress::Connected
            }
            Ok(None) => Progress::None,
            Ok(Some(_)) | Err(_) => Progress::Lost("connect failed"),
        }
    }

    fn write(&mut self) -> Progress {
        let mut stream = self.stream.as_ref().expect("a busy state has a socket");
        while self.written_len < self.out.len() {
            match stream.write(&self.out[self.written_len..]) {
                Ok(len) => self.written_len += len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Progress::Lost("write failed"),
            }
        }
        Progress::None
    }

    /// Reads until the answer is whole or the socket is empty; a short read means it is empty.
    fn read(&mut self) -> Progress {
        let mut stream = self.stream.as_ref().expect("a busy state has a socket");
        loop {
            if self.filled_len == self.input.len() {
                let wanted_len = self.parser.wanted_len().unwrap_or(0).max(self.input.len() * 2);
                self.input.resize(wanted_len, 0);
            }
            let len = match stream.read(&mut self.input[self.filled_len..]) {
                Ok(0) => return Progress::Lost("closed before the answer"),
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Progress::None,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Progress::Lost("reset"),
            };
            let whole = self.filled_len + len == self.input.len();
            self.filled_len += len;
            match self.parser.parse(&self.input[..self.filled_len]) {
                Ok(Some(response)) => return Progress::Answer(response),
                Ok(None) if whole => {}
                Ok(None) => return Progress::None,
                Err(_) => return Progress::Lost("not an HTTP/1.1 answer"),
            }
        }
    }
}
