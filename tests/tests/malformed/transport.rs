//! What is no HTTP, and bodies past their limit.

use crate::{Site, check_problem};
use satang_tests::malformed::{SHAPES, raw};
use satang_tests::wire::Wire;

impl Site {
    pub(crate) fn transport(&mut self) {
        for raw in raw() {
            self.requests += 1;
            let mut wire = Wire::open(self.server.addr()).expect("the server listens");
            // A server that has refused already may close while it is still being sent to.
            let _ = wire.send(&raw.bytes);
            match wire.read(false) {
                Ok(answer) => {
                    assert!(raw.statuses.contains(&answer.status), "{}: {answer:?}", raw.what);
                    if !answer.body.is_empty() {
                        check_problem(&answer);
                        let code = &answer.json()["code"];
                        assert_ne!(
                            code, "malformed",
                            "{}: its body was read as a request's",
                            raw.what
                        );
                    }
                    let rest = wire
                        .rest()
                        .unwrap_or_else(|error| panic!("{} is not closed: {error}", raw.what));
                    assert!(
                        rest.is_empty(),
                        "{}: {:?}",
                        raw.what,
                        String::from_utf8_lossy(&rest)
                    );
                }
                Err(error) => {
                    assert_ne!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock,
                        "{}: neither answered nor closed",
                        raw.what
                    );
                    wire.rest()
                        .unwrap_or_else(|error| panic!("{} is not closed: {error}", raw.what));
                }
            }
            self.wire.call("GET", "/readyz", b"").expect("the server answers");
        }
        self.still_decides();
    }

    /// 20 MB announced and 20 MB in chunks: the client can read its 413 while it is still sending.
    pub(crate) fn large_bodies(&mut self) {
        const BYTES: usize = 20_000_000;
        let piece = vec![b' '; 100_000];
        for shape in SHAPES.iter().filter(|shape| !shape.is_line()) {
            self.requests += 1;
            let mut wire = Wire::open(self.server.addr()).expect("the server listens");
            let head = format!("{} {} HTTP/1.1\r\nhost: a\r\n", shape.method, shape.path);
            wire.send(format!("{head}content-length: {BYTES}\r\n\r\n").as_bytes())
                .expect("sent");
            wire.send(&piece).expect("sent");
            let answer = wire
                .read(false)
                .expect("an answer though the body is not complete");
            assert_eq!(answer.status, 413, "{}", shape.path);
            check_problem(&answer);
            for sent in 1..BYTES / piece.len() {
                wire.send(&piece)
                    .unwrap_or_else(|error| panic!("closed after {sent} pieces: {error}"));
            }
            assert_eq!(wire.rest().expect("the connection ends"), b"");
        }
        self.requests += 1;
        let mut wire = Wire::open(self.server.addr()).expect("the server listens");
        wire.send(b"POST /v1/authorizations HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
            .expect("sent");
        send_chunks(&mut wire, &piece, BYTES / piece.len());
        let answer = wire.read(false).expect("an answer");
        assert_eq!(answer.status, 413);
        check_problem(&answer);
        self.still_decides();
    }
}

/// Sends a body in equal chunks and its end.
pub(crate) fn send_chunks(wire: &mut Wire, piece: &[u8], count: usize) {
    for _ in 0..count {
        let size = format!("{:x}\r\n", piece.len());
        wire.send(&[size.as_bytes(), piece, b"\r\n"].concat())
            .expect("sent");
    }
    wire.send(b"0\r\n\r\n").expect("sent");
}
