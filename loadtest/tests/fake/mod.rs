//! A small server that answers as a test wants: rightly, wrongly, or no more.

#![allow(dead_code, reason = "each file of tests uses a part of it")]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// One request, as the server reads it.
pub struct Asked {
    /// Where it goes.
    pub path: String,
    /// Its body; null when it is no JSON.
    pub body: Value,
    /// Which of the requests to the measured routes it is, from 0.
    pub number: u64,
}

/// What the server does with it.
pub enum Reply {
    /// Answers with this status and body.
    Say(u16, String),
    /// Closes the connection without an answer.
    Hang,
    /// Is gone, as if it were killed: nobody listens any more.
    Die,
}

/// What every server of ours answers besides: a quote for its clock, the registration's counters.
fn besides(path: &str, remaining: Option<u64>) -> Option<Reply> {
    let quote = r#"{"decision":"approved","reason":"approved","decided_at":"2026-06-15T12:00:00+07:00"}"#;
    if path == "/v1/quotes" {
        return Some(Reply::Say(200, quote.to_owned()));
    }
    path.starts_with("/v1/programs/").then(|| {
        let shown = json!({ "registration": {
            "open": true, "quota": null, "registered": 0, "remaining": remaining, "opens": null, "closes": null,
            "hours": null,
        } });
        Reply::Say(200, shown.to_string())
    })
}

/// The right answer to a purchase, a batch of them or a registration; `ticket` is the place it gets.
pub fn approve(asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/v1/authorizations/batch" => {
            let elements = asked.body["authorizations"].as_array().unwrap();
            let results: Vec<String> = elements.iter().map(|one| purchase(one, "approved")).collect();
            Reply::Say(200, format!("{{\"results\":[{}]}}", results.join(",")))
        }
        "/v1/registrations" => Reply::Say(200, registration(&asked.body, "accepted", Some(asked.number + 1))),
        _ => Reply::Say(200, purchase(&asked.body, "approved")),
    }
}

/// The answer to a purchase with this reason; the id stands first, as the server writes it.
pub fn purchase(asked: &Value, reason: &str) -> String {
    let decision = if reason == "approved" {
        "approved"
    } else {
        "declined"
    };
    let id = &asked["txn_id"];
    format!(r#"{{"txn_id":{id},"decision":"{decision}","reason":"{reason}"}}"#)
}

/// The answer to a registration with this reason.
pub fn registration(asked: &Value, reason: &str, ticket: Option<u64>) -> String {
    let decision = if reason == "accepted" {
        "accepted"
    } else {
        "rejected"
    };
    let ticket = ticket
        .map(|ticket| format!(r#","ticket":{ticket}"#))
        .unwrap_or_default();
    let id = &asked["registration_id"];
    format!(r#"{{"registration_id":{id},"decision":"{decision}","reason":"{reason}"{ticket}}}"#)
}

/// The body of a problem.
pub fn problem(status: u16, code: &str) -> Reply {
    Reply::Say(status, json!({ "status": status, "code": code }).to_string())
}

struct Shared {
    answer: Box<dyn Fn(&Asked) -> Reply + Send + Sync>,
    remaining: Option<u64>,
    count: AtomicU64,
    is_dead: AtomicBool,
    /// Whether nobody listens any more.
    is_deaf: (Mutex<bool>, Condvar),
    streams: Mutex<Vec<TcpStream>>,
}

/// A server of a programme with so many places left, which ends with the test. Returns its URL.
pub fn fake(remaining: Option<u64>, answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let shared = Arc::new(Shared {
        answer: Box::new(answer),
        remaining,
        count: AtomicU64::new(0),
        is_dead: AtomicBool::new(false),
        is_deaf: (Mutex::new(false), Condvar::new()),
        streams: Mutex::new(Vec::new()),
    });
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            if shared.is_dead.load(Ordering::SeqCst) {
                break;
            }
            shared.streams.lock().unwrap().push(stream.try_clone().unwrap());
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || serve_connection(stream, &shared));
        }
        drop(listener);
        *shared.is_deaf.0.lock().unwrap() = true;
        shared.is_deaf.1.notify_all();
    });
    format!("http://{address}")
}

fn serve_connection(mut stream: TcpStream, shared: &Shared) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some((path, body)) = read_request(&mut reader) {
        let reply = besides(&path, shared.remaining).unwrap_or_else(|| {
            let number = shared.count.fetch_add(1, Ordering::SeqCst);
            (shared.answer)(&Asked { path, body, number })
        });
        match reply {
            Reply::Say(status, body) => {
                let len = body.len();
                let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {len}\r\n\r\n{body}");
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
            Reply::Hang => {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
            Reply::Die => {
                shared.is_dead.store(true, Ordering::SeqCst);
                // Wakes the listener, which then ends. Until it has, a client could connect once more.
                let _ = TcpStream::connect(stream.local_addr().unwrap());
                let (is_deaf, changed) = &shared.is_deaf;
                drop(
                    changed
                        .wait_while(is_deaf.lock().unwrap(), |is_deaf| !*is_deaf)
                        .unwrap(),
                );
                for stream in shared.streams.lock().unwrap().drain(..) {
                    let _ = stream.shutdown(Shutdown::Both);
                }
                return;
            }
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return None;
    }
    let path = line.split(' ').nth(1)?.to_owned();
    let mut len = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            len = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    Some((path, serde_json::from_slice(&body).unwrap_or_default()))
}

/// What a command left behind.
pub struct Ran {
    /// Exit code.
    pub code: Option<i32>,
    /// First line on stdout.
    pub verdict: String,
    /// All of stdout.
    pub table: String,
    /// All of stderr.
    pub words: String,
}

/// Runs the binary.
pub fn loadtest(args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_satang-loadtest"))
        .args(args)
        .output()
        .expect("the binary was built");
    let table = String::from_utf8(output.stdout).unwrap();
    Ran {
        code: output.status.code(),
        verdict: table.lines().next().unwrap_or_default().to_owned(),
        table,
        words: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A hundred purchases over one connection, so that they come in their order.
pub fn run(url: &str, more: &[&str]) -> Ran {
    let fixed = [
        "run",
        "--server",
        url,
        "--no-prepare",
        "--duration-s",
        "0.1",
        "--connections",
        "1",
    ];
    loadtest(&[&fixed, more].concat())
}

impl Ran {
    /// Passed, with the exit code of it.
    #[track_caller]
    pub fn passed(self) -> Ran {
        let Ran {
            code, table, words, ..
        } = &self;
        assert_eq!(
            (*code, self.verdict.as_str()),
            (Some(0), "PASSED"),
            "{table}{words}"
        );
        self
    }

    /// Has this in its table.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        assert!(self.table.contains(text), "{text:?} is not in\n{}", self.table);
    }

    /// Failed for these reasons, in this order, with the exit code of it.
    #[track_caller]
    pub fn failed(self, reasons: &[&str]) -> Ran {
        let Ran {
            code, table, words, ..
        } = &self;
        assert_eq!(*code, Some(1), "{table}{words}");
        let mut rest = self
            .verdict
            .strip_prefix("FAILED: ")
            .expect("the verdict comes first");
        for reason in reasons {
            let at = rest.find(reason);
            let at = at.unwrap_or_else(|| panic!("{reason:?} is not in {rest:?}\n{table}{words}"));
            rest = &rest[at + reason.len()..];
        }
        self
    }
}
