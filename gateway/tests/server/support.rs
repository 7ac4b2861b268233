//! An echoing server and a client that sees every byte.

use bytes::Bytes;
use http::{StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use satang_gateway::server::{Handler, Request, Response, Server, ServerHandle, ServerOptions};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// No test waits longer than this for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Holds requests to `/gate` until it is opened.
pub struct Gate {
    waiting: AtomicUsize,
    permits: Semaphore,
}

impl Gate {
    pub fn new() -> Arc<Self> {
        Arc::new(Gate {
            waiting: AtomicUsize::new(0),
            permits: Semaphore::new(0),
        })
    }

    pub fn open(&self) {
        self.permits.add_permits(1_000_000);
    }

    /// Blocks until that many requests have arrived at it.
    pub fn wait_for(&self, requests: usize) {
        wait_until("the requests are at the gate", || {
            self.waiting.load(Ordering::SeqCst) >= requests
        });
    }
}

pub fn wait_until(what: &str, happened: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::yield_now();
    }
}

pub struct Echo {
    pub gate: Arc<Gate>,
}

impl Handler for Echo {
    fn takes_http10(&self, method: &http::Method, path: &str) -> bool {
        *method == http::Method::GET && path == "/probe"
    }

    async fn handle(&self, request: Request) -> Response {
        let path = request.path().to_owned();
        let Request { mut body, .. } = request;
        match path.as_str() {
            "/gate" => {
                self.gate.waiting.fetch_add(1, Ordering::SeqCst);
                self.gate
                    .permits
                    .acquire()
                    .await
                    .expect("a gate is never closed")
                    .forget();
                Response::json(StatusCode::OK, "\"through\"")
            }
            "/stream" => {
                let mut bytes_len = 0;
                loop {
                    match body.next_chunk().await {
                        Ok(Some(chunk)) => bytes_len += chunk.len(),
                        Ok(None) => return Response::json(StatusCode::OK, bytes_len.to_string()),
                        Err(error) => return error.into_response(),
                    }
                }
            }
            "/known" => {
                body.is_of_known_caller();
                Response::json(StatusCode::OK, path)
            }
            "/unread" => Response::json(StatusCode::NOT_FOUND, "\"unread\""),
            "/busy" => Response::problem(StatusCode::SERVICE_UNAVAILABLE, "{}").with_retry_after_s(7),
            "/method" => Response::problem(StatusCode::METHOD_NOT_ALLOWED, "{}")
                .with_header(header::ALLOW, http::HeaderValue::from_static("POST")),
            "/large" => Response::new(StatusCode::OK, "text/plain", vec![b'x'; 48 << 20]),
            _ => match body.collect(usize::MAX).await {
                Ok(bytes) if bytes.is_empty() => Response::json(StatusCode::OK, path),
                Ok(bytes) => Response::json(StatusCode::OK, bytes),
                Err(error) => error.into_response(),
            },
        }
    }
}

/// Defaults on a free port, one thread, so that thread-wide behaviour shows.
pub fn options() -> ServerOptions {
    ServerOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        io_threads: 1,
        ..ServerOptions::default()
    }
}

/// The same with every time-out so short that a test can wait for it.
pub fn impatient() -> ServerOptions {
    let short = Duration::from_millis(150);
    ServerOptions {
        header_timeout: short,
        body_timeout: short,
        idle_timeout: short,
        ..options()
    }
}

pub fn start(options: ServerOptions) -> ServerHandle {
    start_gated(options, &Gate::new())
}

pub fn start_gated(options: ServerOptions, gate: &Arc<Gate>) -> ServerHandle {
    let gate = gate.clone();
    Server::start(options, move |_| Echo { gate: gate.clone() }).unwrap()
}

/// What a raw client read.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Field lines in lower case.
    pub fields: Vec<String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|line| line == field)
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A socket and what was read from it but not yet looked at.
pub struct Raw {
    pub socket: TcpStream,
    unread: Vec<u8>,
}

impl Raw {
    pub fn connect(addr: SocketAddr) -> Self {
        let socket = TcpStream::connect(addr).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Raw {
            socket,
            unread: Vec::new(),
        }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends what the server may refuse to take; its answer says the rest.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.socket.write_all(bytes.as_ref());
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"));
        self.answer()
    }

    pub fn answer(&mut self) -> Answer {
        self.try_answer().expect("an answer before the connection ends")
    }

    /// None when the connection ends before a whole answer was read.
    pub fn try_answer(&mut self) -> Option<Answer> {
        let head_len = loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more()?;
        };
        let head = String::from_utf8(self.unread.drain(..head_len).collect())
            .unwrap()
            .to_lowercase();
        let mut lines = head.trim_end().lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let fields: Vec<String> = lines.map(str::to_owned).collect();
        let mut answer = Answer {
            status,
            fields,
            body: Vec::new(),
        };
        let body_len = answer
            .field("content-length")
            .map_or(0, |len| len.parse().unwrap());
        while self.unread.len() < body_len {
            self.read_more()?;
        }
        answer.body = self.unread.drain(..body_len).collect();
        Some(answer)
    }

    /// Blocks until the server has ended the connection, which it must without another byte.
    pub fn assert_closed(&mut self) {
        let more = self.read_more();
        assert_eq!(more, None, "{:?}", String::from_utf8_lossy(&self.unread));
    }

    /// Reads once; none at the end of the connection.
    pub fn read_more(&mut self) -> Option<usize> {
        let mut buffer = [0; 64 * 1024];
        match self.socket.read(&mut buffer) {
            Ok(0) => None,
            Ok(len) => {
                self.unread.extend_from_slice(&buffer[..len]);
                Some(len)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                panic!("the server neither answered nor closed")
            }
            Err(_) => None,
        }
    }

    pub fn unread(&self) -> &[u8] {
        &self.unread
    }
}

pub fn post(path: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// A client that speaks HTTP/2 with prior knowledge, in a runtime of its own.
pub struct Http2 {
    pub runtime: tokio::runtime::Runtime,
    pub sender: SendRequest<TestBody>,
    pub ended: Arc<Mutex<Option<Result<(), String>>>>,
}

pub type TestBody = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

pub fn whole(bytes: impl Into<Bytes>) -> TestBody {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body of unannounced length: these pieces, then its end or nothing more for ever.
pub fn pieces(pieces: impl IntoIterator<Item = Vec<u8>>, ends: bool) -> TestBody {
    TestBody::new(Pieces {
        left: pieces.into_iter().map(Bytes::from).collect(),
        ends,
    })
}

struct Pieces {
    left: VecDeque<Bytes>,
    ends: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match self.left.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl Http2 {
    pub fn connect(addr: SocketAddr) -> Self {
        Http2::connect_pinging(addr, PATIENCE * 100)
    }

    /// One that sends a PING in this interval, also when it waits for nothing.
    pub fn connect_pinging(addr: SocketAddr, every: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let ended = Arc::new(Mutex::new(None));
        let noted = ended.clone();
        let sender = runtime.block_on(async {
            let socket = tokio::net::TcpStream::connect(addr).await.unwrap();
            let io = TokioIo::new(socket);
            let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(every)
                .keep_alive_while_idle(true)
                .handshake(io)
                .await
                .unwrap();
            tokio::spawn(async move {
                let end = connection.await.map_err(|error| error.to_string());
                *noted.lock().unwrap() = Some(end);
            });
            sender
        });
        Http2 {
            runtime,
            sender,
            ended,
        }
    }

    pub fn send(
        &mut self,
        request: http::Request<TestBody>,
    ) -> Result<(http::response::Parts, Bytes), hyper::Error> {
        let answer = self.sender.send_request(request);
        self.runtime.block_on(async {
            let limited = tokio::time::timeout(PATIENCE, async {
                let (parts, body) = answer.await?.into_parts();
                Ok((parts, body.collect().await?.to_bytes()))
            });
            limited.await.expect("an answer in time")
        })
    }

    /// Runs the client until the connection has ended.
    pub fn wait_for_end(&self) {
        self.run_until("the connection ends", || self.ended.lock().unwrap().is_some());
    }

    /// Runs the client until something has happened.
    pub fn run_until(&self, what: &str, happened: impl Fn() -> bool) {
        self.runtime.block_on(async {
            let deadline = Instant::now() + PATIENCE;
            while !happened() {
                assert!(Instant::now() < deadline, "in vain: {what}");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
    }
}

pub fn http2_request(method: &str, path: &str, body: TestBody) -> http::Request<TestBody> {
    http::Request::builder()
        .method(method)
        .uri(format!("http://x{path}"))
        .body(body)
        .unwrap()
}
