//! A plain blocking client for what is not measured: readiness, imports, the probe before a run.

use crate::answer::problem_code;
use crate::hints;
use crate::http1::{JSON, ParseError, ResponseParser, push_post};
use crate::target::Target;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long one answer may take; an import answers only after its last line is durable.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(600);
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(5);

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as text for a message, at most 400 bytes of it.
    pub fn excerpt(&self) -> String {
        String::from_utf8_lossy(&self.body[..self.body.len().min(400)]).into_owned()
    }

    /// An answer that is not 200, in words: its status, what to look at, and its body.
    pub fn refusal(&self) -> String {
        let code = problem_code(&self.body).unwrap_or_default();
        let hint = hints::of_status(self.status, code);
        format!("{} ({hint}): {}", self.status, self.excerpt())
    }
}

/// One connection to the server.
#[derive(Debug)]
pub struct Client {
    target: Target,
    stream: TcpStream,
}

impl Client {
    /// Connects to the server.
    pub fn connect(target: &Target) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&target.address, CONNECT_WAIT_MAX)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_WAIT_MAX))?;
        stream.set_write_timeout(Some(ANSWER_WAIT_MAX))?;
        Ok(Client {
            target: target.clone(),
            stream,
        })
    }

    /// Sends a GET and reads the answer.
    pub fn get(&mut self, path: &str) -> io::Result<Reply> {
        let mut request = format!("GET {path} HTTP/1.1\r\n").into_bytes();
        request.extend_from_slice(&self.target.header_lines);
        request.extend_from_slice(b"\r\n");
        self.stream.write_all(&request)?;
        self.read_reply()
    }

    /// POST of a JSON body.
    pub fn post_json(&mut self, path: &str, body: &[u8]) -> io::Result<Reply> {
        let mut request = Vec::with_capacity(body.len() + 256);
        push_post(
            &mut request,
            path.as_bytes(),
            &self.target.header_lines,
            JSON,
            body,
        );
        self.stream.write_all(&request)?;
        self.read_reply()
    }

    /// POST of an NDJSON body in pieces of unknown total length (chunked), so that memory stays bounded:
    /// `piece` fills the emptied buffer, and leaves it empty at the end.
    pub fn post_ndjson(&mut self, path: &str, mut piece: impl FnMut(&mut Vec<u8>)) -> io::Result<Reply> {
        let mut request = format!("POST {path} HTTP/1.1\r\n").into_bytes();
        request.extend_from_slice(&self.target.header_lines);
        request
            .extend_from_slice(b"content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n");
        self.stream.write_all(&request)?;
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            piece(&mut bytes);
            let size = format!("{:x}\r\n", bytes.len());
            let chunk = [size.as_bytes(), &bytes, b"\r\n"].concat();
            if let Err(error) = self.stream.write_all(&chunk) {
                // A server that refuses early answers and closes; its answer says more than the broken pipe.
                return self.read_reply().map_err(|_| error);
            }
            if bytes.is_empty() {
                return self.read_reply();
            }
        }
    }

    fn read_reply(&mut self) -> io::Result<Reply> {
        let mut parser = ResponseParser::default();
        let mut input = Vec::new();
        let mut piece = [0u8; 16 * 1024];
        loop {
            match self.stream.read(&mut piece)? {
                0 => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "closed before the answer",
                    ));
                }
                len => input.extend_from_slice(&piece[..len]),
            }
            let parsed = parser.parse(&input);
            if let Some(response) =
                parsed.map_err(|error: ParseError| io::Error::new(io::ErrorKind::InvalidData, error))?
            {
                let body = input[response.body_start..response.end].to_vec();
                return Ok(Reply {
                    status: response.status,
                    body,
                });
            }
        }
    }
}
