//! A blocking HTTP/1.1 client that sends any bytes and shows the whole answer.

use crate::process::PATIENCE;
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case, values without the white space around them.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// One connection, over TCP unless said otherwise.
pub struct Wire<S = TcpStream> {
    stream: BufReader<S>,
}

impl Wire {
    /// Connects.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn open(addr: SocketAddr) -> io::Result<Wire> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Wire::over(stream))
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// When the other side has closed.
    pub fn end(&mut self) -> io::Result<()> {
        self.stream.get_mut().shutdown(Shutdown::Write)
    }
}

impl<S: Read + Write> Wire<S> {
    /// A connection that is there.
    pub fn over(stream: S) -> Wire<S> {
        Wire {
            stream: BufReader::new(stream),
        }
    }

    /// What lies below.
    pub fn inner(&self) -> &S {
        self.stream.get_ref()
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the other side has closed.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)?;
        self.stream.get_mut().flush()
    }

    /// Sends one request with a key and reads its answer.
    ///
    /// # Errors
    /// When the connection breaks first.
    pub fn call_with(&mut self, key: &str, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        let fields = format!("authorization: Bearer {key}\r\n");
        self.send(&request_with(method, path, &fields, body))?;
        self.read(method == "HEAD")
    }

    /// Sends one request and reads its answer.
    ///
    /// # Errors
    /// When the connection breaks first.
    pub fn call(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        self.send(&request(method, path, body))?;
        self.read(method == "HEAD")
    }

    /// Reads one answer; that to a HEAD has no body though it has its length.
    ///
    /// # Errors
    /// When the connection breaks first.
    pub fn read(&mut self, head_only: bool) -> io::Result<Answer> {
        let line = self.line()?;
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status line: {line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        let len = answer
            .header("content-length")
            .map_or(Ok(0), str::parse)
            .map_err(io::Error::other)?;
        if !head_only && status >= 200 {
            answer.body = vec![0; len];
            self.stream.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }

    /// Reads until the other side closes.
    ///
    /// # Errors
    /// When it neither closes nor resets within the tests' patience.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            // A reset is a close as well.
            Ok(_) | Err(_) => Ok(rest),
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

/// The bytes of a plain request.
pub fn request(method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    request_with(method, path, "", body)
}

/// The same with further header lines, each with its end.
pub fn request_with(method: &str, path: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\n{fields}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}
