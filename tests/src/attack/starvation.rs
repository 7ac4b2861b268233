//! Bodies that cost the server much and the sender little, again and again, by callers that have a key.

use super::Attack;
use super::beside::{Field, Report, Until, beside};
use super::traffic::{connect, fields};
use crate::wire::{Wire, request_with};
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;

pub const IMPORTS: Attack = Attack {
    name: "starvation-imports",
    what: "four connections import merchants, every line 64 KiB of junk",
    run: |orders| beside(orders, None, imports),
};

pub const BATCHES: Attack = Attack {
    name: "starvation-batches",
    what: "a batch of 16 MiB, again and again",
    run: |orders| beside(orders, None, batches),
};

pub const ESCAPES: Attack = Attack {
    name: "starvation-escapes",
    what: "2.7 MB of \\u0041 in one registration, again and again",
    run: |orders| beside(orders, None, escapes),
};

const IMPORTERS: usize = 4;
const LINE_BYTES: usize = 64 << 10;
const BATCH_BYTES: usize = 16 << 20;
const ESCAPES_BYTES: usize = 2_700_000;

/// Six bytes for a letter, so that a reader has to undo them.
const ESCAPED: &str = "\\u0041";

/// A text in JSON of about so many bytes, all of it escapes.
fn escaped(bytes: usize) -> String {
    format!("\"{}\"", ESCAPED.repeat(bytes / ESCAPED.len()))
}

fn imports(field: &Field<'_>, until: &Until) -> anyhow::Result<Report> {
    // Read to its end before it is refused: its last field is missing.
    let open = "{\"merchant_id\":\"010555012345678\",\"name\":";
    let line = format!("{open}{}}}\n", escaped(LINE_BYTES - open.len() - 4));
    let chunk = format!("{:x}\r\n{line}\r\n", line.len());
    let head = format!(
        "POST /v1/merchants/import HTTP/1.1\r\nhost: test\r\n{}\r\n",
        fields(
            Some(&field.keys.admin),
            "content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n"
        )
    );
    let addr = field.server.addr();
    let lines = thread::scope(|scope| {
        let importers: Vec<_> = (0..IMPORTERS)
            .map(|_| scope.spawn(|| import_lines(addr, head.as_bytes(), chunk.as_bytes(), until)))
            .collect();
        let of = |importer: thread::ScopedJoinHandle<'_, u64>| importer.join().expect("it does not panic");
        importers.into_iter().map(of).sum::<u64>()
    });
    Ok(Report {
        did: format!("{lines} lines of {} KiB were taken", LINE_BYTES >> 10),
        wrong: (lines == 0).then(|| "no line was taken".to_owned()),
    })
}

/// Sends one line after the other; how many were taken.
fn import_lines(addr: SocketAddr, head: &[u8], chunk: &[u8], until: &Until) -> u64 {
    let mut lines = 0;
    while !until.is_over() {
        let sent = connect(addr).and_then(|mut stream| {
            stream.write_all(head)?;
            while !until.is_over() {
                write_until(&mut stream, chunk, until)?;
                lines += 1;
            }
            Ok(())
        });
        // A server that closes is begun with again.
        drop(sent);
    }
    lines
}

fn batches(field: &Field<'_>, until: &Until) -> anyhow::Result<Report> {
    // As many elements as a batch may have, each as long as the body allows.
    let (elements, around) = (10_000, 40);
    let element = format!("{{\"txn_id\":{}}}", escaped(BATCH_BYTES / elements - around));
    let body = format!("{{\"authorizations\":[{}]}}", vec![element; elements].join(","));
    assert!(body.len() <= BATCH_BYTES, "a body has a bound");
    send_again_and_again(
        field,
        until,
        "/v1/authorizations/batch",
        &field.keys.switch,
        &body,
    )
}

fn escapes(field: &Field<'_>, until: &Until) -> anyhow::Result<Report> {
    let body = format!("{{\"registration_id\":{}}}", escaped(ESCAPES_BYTES));
    send_again_and_again(field, until, "/v1/registrations", &field.keys.registrar, &body)
}

fn send_again_and_again(
    field: &Field<'_>,
    until: &Until,
    path: &str,
    key: &str,
    body: &str,
) -> anyhow::Result<Report> {
    let request = request_with(
        "POST",
        path,
        &fields(Some(key), "content-type: application/json\r\n"),
        body.as_bytes(),
    );
    let (mut sent, mut status) = (0, None);
    while !until.is_over() {
        match send_and_read(field.server.addr(), &request, until) {
            Ok(answered) => (sent, status) = (sent + 1, Some(answered)),
            Err(error) if until.is_over() => drop(error),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Report {
        did: format!(
            "{sent} bodies of {:.1} MiB, answered {}",
            body.len() as f64 / f64::from(1 << 20),
            status.map_or_else(|| "not yet".to_owned(), |status| status.to_string())
        ),
        wrong: None,
    })
}

/// Sends a request on a new connection and reads its answer's status; the rest goes with the connection.
fn send_and_read(addr: SocketAddr, request: &[u8], until: &Until) -> io::Result<u16> {
    let mut stream = connect(addr)?;
    // A server that refuses early answers, and may not read on: its answer says more than a broken pipe.
    let written = write_until(&mut stream, request, until);
    let answer = Wire::over(Patient { stream, until }).read(true);
    match written {
        Err(error) if answer.is_err() => Err(error),
        _ => Ok(answer?.status),
    }
}

fn write_until(stream: &mut TcpStream, mut bytes: &[u8], until: &Until) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(len) => bytes = &bytes[len..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !until.is_over() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A stream that is waited for until the attack is over.
struct Patient<'a> {
    stream: TcpStream,
    until: &'a Until,
}

impl io::Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.until.is_over() => {}
                read => return read,
            }
        }
    }
}

impl io::Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
