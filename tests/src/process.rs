//! A server in a process of its own, and a plain blocking client for it.

use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
pub struct ServerProcess {
    child: Child,
    addr: SocketAddr,
}

/// What a server process is started with.
pub struct ServerSpec<'a> {
    /// The program.
    pub binary: &'a Path,
    /// Its data folder.
    pub data_dir: &'a Path,
    /// Its programme files.
    pub programs: &'a Path,
    /// Further arguments of `serve`.
    pub args: &'a [&'a str],
}

impl ServerProcess {
    /// Starts a server on a free port and waits until it is ready.
    ///
    /// # Errors
    /// When it ends before it is ready: what it said on stderr.
    pub fn start(spec: &ServerSpec<'_>) -> io::Result<ServerProcess> {
        let mut server = ServerProcess::spawn(spec)?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = server.child.try_wait()? {
                let mut said = String::new();
                server
                    .child
                    .stderr
                    .take()
                    .expect("piped")
                    .read_to_string(&mut said)?;
                return Err(io::Error::other(format!("{status}: {said}")));
            }
            let ready = Connection::open(server.addr).and_then(|mut c| c.send("GET", "/readyz", ""));
            if ready.is_ok_and(|(status, _)| status == 200) {
                return Ok(server);
            }
            std::thread::yield_now();
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "the server is not ready"))
    }

    /// Starts a server and waits for nothing.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn spawn(spec: &ServerSpec<'_>) -> io::Result<ServerProcess> {
        ServerProcess::spawn_at("127.0.0.1", spec)
    }

    /// The same at another address.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn spawn_at(address: &str, spec: &ServerSpec<'_>) -> io::Result<ServerProcess> {
        let addr = TcpListener::bind((address, 0))?.local_addr()?;
        let child = Command::new(spec.binary)
            .arg("serve")
            .args(["--listen", &addr.to_string()])
            .arg("--data-dir")
            .arg(spec.data_dir)
            .arg("--programs")
            .arg(spec.programs)
            .args(spec.args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(ServerProcess { child, addr })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("a killed process ends");
    }

    /// Waits for its end; its exit code and what it said on stderr.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait(mut self) -> (Option<i32>, String) {
        let code = wait_for(&mut self.child, || {}).code();
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().expect("piped");
        stderr.read_to_string(&mut said).expect("stderr is text");
        (code, said)
    }

    /// The same for a server that must refuse to start.
    ///
    /// # Panics
    /// When it starts.
    pub fn wait_for_refusal(mut self) -> (Option<i32>, String) {
        let addr = self.addr;
        wait_for(&mut self.child, || {
            let ready = Connection::open(addr).and_then(|mut c| c.send("GET", "/readyz", ""));
            assert!(!ready.is_ok_and(|(status, _)| status == 200), "the server starts");
        });
        self.wait()
    }

    /// The next line on stderr with this word in it. What was said before it, and what will be said, is read by nobody else.
    ///
    /// # Panics
    /// When no such line comes.
    pub fn line_with(&mut self, word: &str) -> String {
        let stderr = self.child.stderr.take().expect("piped, and not read yet");
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // Nobody listens any more once the line was found.
            BufReader::new(stderr)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        });
        loop {
            let line = lines.recv_timeout(PATIENCE).expect("the line comes");
            if line.contains(word) {
                return line;
            }
        }
    }

    /// Asks it to stop (SIGTERM).
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Asks it to read its files again (SIGHUP).
    pub fn hang_up(&self) {
        self.signal("-HUP");
    }

    /// Follows what it says on stderr from here on.
    ///
    /// # Panics
    /// When somebody does already.
    pub fn follow(&mut self) -> Words {
        let stderr = BufReader::new(self.child.stderr.take().expect("followed once"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // Nobody listens any more when the test is over.
                let _ = sender.send(line);
            }
        });
        Words {
            lines,
            all: String::new(),
        }
    }

    /// Waits for its end while its stderr is followed; its exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait_for_code(mut self) -> Option<i32> {
        wait_for(&mut self.child, || {}).code()
    }

    fn signal(&self, name: &str) {
        assert!(signal(self.pid(), name), "kill works");
    }
}

/// Sends a signal; `false` when the process is gone.
pub(crate) fn signal(pid: u32, name: &str) -> bool {
    let sent = Command::new("kill")
        .args([name, &pid.to_string()])
        .stderr(Stdio::null())
        .status();
    sent.expect("the shell's kill is there").success()
}

/// What a server says on stderr while it runs.
pub struct Words {
    lines: mpsc::Receiver<String>,
    all: String,
}

impl Words {
    /// Waits for a line with `word` in it.
    ///
    /// # Panics
    /// When none comes.
    pub fn until(&mut self, word: &str) -> String {
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("it never says {word:?}, but:\n{}", self.all);
            };
            self.all.push_str(&line);
            self.all.push('\n');
            if line.contains(word) {
                return line;
            }
        }
    }

    /// Everything it said until it ended.
    pub fn all(mut self) -> String {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.all.push_str(&line);
            self.all.push('\n');
        }
        self.all
    }
}

/// Polls a process until it ends, and calls `meanwhile` each time.
///
/// # Panics
/// When it does not end.
pub(crate) fn wait_for(child: &mut Child, mut meanwhile: impl FnMut()) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it was started") {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "the process does not end");
        meanwhile();
        std::thread::yield_now();
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Already gone, or a test failed: either way nothing may be left behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The repository's folder of programme files.
pub fn shipped_programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../programs")
}

/// One keep-alive connection.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn open(addr: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Connection {
            stream: BufReader::new(stream),
        })
    }

    /// Sends one request and reads its answer: status and body.
    ///
    /// # Errors
    /// When the connection breaks before the whole answer is there.
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> io::Result<(u16, String)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.stream
            .get_mut()
            .write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        self.read_answer()
    }

    /// Sends raw bytes.
    ///
    /// # Errors
    /// Of the operating system.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads one answer: status and body.
    ///
    /// # Errors
    /// When the connection breaks before the whole answer is there.
    pub fn read_answer(&mut self) -> io::Result<(u16, String)> {
        let mut line = String::new();
        self.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status line: {line:?}")))?;
        let mut len = 0;
        loop {
            line.clear();
            self.read_line(&mut line)?;
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                len = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0u8; len];
        self.stream.read_exact(&mut body)?;
        Ok((status, String::from_utf8(body).map_err(io::Error::other)?))
    }

    /// Sends one request that must be answered with `status`; its JSON body.
    ///
    /// # Panics
    /// When it is not.
    pub fn expect(&mut self, status: u16, method: &str, path: &str, body: &str) -> Value {
        let (got, answer) = self.send(method, path, body).expect("an answer");
        assert_eq!(got, status, "{method} {path} {body}: {answer}");
        serde_json::from_str(&answer).expect("answers are JSON")
    }

    fn read_line(&mut self, line: &mut String) -> io::Result<()> {
        match self.stream.read_line(line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
