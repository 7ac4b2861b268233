//! An HTTP/2 client that asks and takes nothing: it gives answers a window of 0 bytes. Only what that takes of the protocol
//! (RFC 9113, and of RFC 7541 literal fields without an index).

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// Of SETTINGS and PING.
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const INITIAL_WINDOW_SIZE: u16 = 4;
/// What every peer takes in a frame, and before it says anything else, on a connection.
const FRAME_BYTES_MAX: usize = 16_384;
const FIRST_WINDOW_BYTES: i64 = 65_535;

/// How long a request waits until the server takes its body.
const WINDOW_WAIT_MAX: Duration = Duration::from_secs(1);

/// A connection.
pub struct SilentHttp2 {
    shared: Arc<Shared>,
    reading: Option<JoinHandle<()>>,
    next_stream: u32,
}

struct Shared {
    /// Written to under the lock of `state`, so that frames stay whole.
    stream: TcpStream,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Bytes of bodies that the server takes on this connection.
    window: i64,
    closed: bool,
}

impl SilentHttp2 {
    /// Connects, and forbids every byte of every answer's body.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn open(addr: SocketAddr) -> io::Result<SilentHttp2> {
        let stream = super::traffic::connect(addr)?;
        // Whoever reads waits for as long as the connection is there.
        stream.set_read_timeout(None)?;
        let shared = Arc::new(Shared {
            stream,
            state: Mutex::new(State {
                window: FIRST_WINDOW_BYTES,
                closed: false,
            }),
            changed: Condvar::new(),
        });
        let mut settings = INITIAL_WINDOW_SIZE.to_be_bytes().to_vec();
        settings.extend_from_slice(&0u32.to_be_bytes());
        let hello = [PREFACE, &frame(SETTINGS, 0, 0, &settings)].concat();
        (&shared.stream).write_all(&hello)?;
        let reader = shared.clone();
        let reading = std::thread::spawn(move || {
            // An error is the end as well.
            let _ = reader.read_frames();
            reader.lock().closed = true;
            reader.changed.notify_all();
        });
        Ok(SilentHttp2 {
            shared,
            reading: Some(reading),
            next_stream: 1,
        })
    }

    /// Whether the server has ended the connection.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().closed
    }

    /// Asks for something. The body must fit the window of one stream.
    ///
    /// # Errors
    /// When the connection is closed, or the server does not take the body.
    pub fn ask(&mut self, path: &str, key: &str, body: &[u8]) -> io::Result<()> {
        let stream = self.next_stream;
        self.next_stream += 2;
        let credentials = format!("Bearer {key}");
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "test"),
            ("authorization", &credentials),
        ];
        let mut frames = frame(HEADERS, END_HEADERS, stream, &header_block(&fields));
        let pieces: Vec<&[u8]> = body.chunks(FRAME_BYTES_MAX).collect();
        for (index, piece) in pieces.iter().enumerate() {
            let flags = if index + 1 == pieces.len() { END_STREAM } else { 0 };
            frames.extend_from_slice(&frame(DATA, flags, stream, piece));
        }
        let needed = body.len() as i64;
        let state = self.shared.lock();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, WINDOW_WAIT_MAX, |state| {
                !state.closed && state.window < needed
            });
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.closed || state.window < needed {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        state.window -= needed;
        (&self.shared.stream).write_all(&frames)
    }

    /// Shows that it is there.
    ///
    /// # Errors
    /// When the connection is closed.
    pub fn ping(&self) -> io::Result<()> {
        let _whole = self.shared.lock();
        (&self.shared.stream).write_all(&frame(PING, 0, 0, b"attacker"))
    }
}

impl Drop for SilentHttp2 {
    fn drop(&mut self) {
        // The server may have closed it.
        let _ = self.shared.stream.shutdown(Shutdown::Both);
        if let Some(reading) = self.reading.take() {
            reading.join().expect("reading does not panic");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers what must be answered, until the end of the connection.
    fn read_frames(&self) -> io::Result<()> {
        let mut stream = &self.stream;
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head)?;
            let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let (kind, flags) = (head[3], head[4]);
            let on_connection = head[5..9] == [0; 4];
            let mut payload = vec![0; len];
            stream.read_exact(&mut payload)?;
            let mut state = self.lock();
            match (kind, payload.as_slice()) {
                (SETTINGS, _) if flags & ACK == 0 => stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?,
                (PING, payload) if flags & ACK == 0 => stream.write_all(&frame(PING, ACK, 0, payload))?,
                (WINDOW_UPDATE, &[a, b, c, d]) if on_connection => {
                    state.window += i64::from(u32::from_be_bytes([a, b, c, d]));
                }
                (GOAWAY, _) => return Ok(()),
                _ => {}
            }
            drop(state);
            self.changed.notify_all();
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u32).to_be_bytes();
    let mut out = vec![len[1], len[2], len[3], kind, flags];
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

/// Fields with their names in full; none is longer than 126 bytes.
fn header_block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for text in [name, value] {
            assert!(text.len() < 127, "its length is one byte");
            out.push(text.len() as u8);
            out.extend_from_slice(text.as_bytes());
        }
    }
    out
}
