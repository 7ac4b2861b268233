//! Where each request of an HTTP/1.1 connection begins, read beside hyper from the same bytes.
//!
//! hyper goes by Transfer-Encoding and may drop the Content-Length beside it, unseen. Whoever stands in front and goes by the length
//! takes the rest of such a body for another request (RFC 9112, 6.1 and 11.2), so it must be refused wherever it stands. What hyper
//! refuses is not judged here: the connection ends with it.

use memchr::{memchr, memchr_iter};
use std::mem;

/// Beyond this hyper has refused the head already.
const REST_BYTES_MAX: usize = 256 * 1024;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Head,
    /// So many bytes of a body, then a head.
    Body(u64),
    ChunkSize,
    /// So many bytes of a chunk and the line end behind it.
    Chunk(u64),
    /// Fields behind the last chunk, up to an empty line.
    Trailers,
    /// Nothing that is known; hyper refuses it.
    Lost,
}

/// The place in a connection's bytes, and what was found so far.
#[derive(Debug)]
pub(super) struct Framing {
    next: Next,
    /// A head or a line of which the end has not come.
    rest: Vec<u8>,
    heads: u64,
    ambiguous: Option<u64>,
}

impl Framing {
    /// Before the first byte.
    pub(super) fn new() -> Framing {
        Framing {
            next: Next::Head,
            rest: Vec::new(),
            heads: 0,
            ambiguous: None,
        }
    }

    /// Whether the request with this number, from 0, has both a length and chunks.
    pub(super) fn is_ambiguous(&self, request: u64) -> bool {
        self.ambiguous == Some(request)
    }

    /// Bytes came, on their way to hyper.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.next != Next::Lost {
            bytes = match self.next {
                Next::Body(left) => self.skip(bytes, left, Next::Body, Next::Head),
                Next::Chunk(left) => self.skip(bytes, left, Next::Chunk, Next::ChunkSize),
                Next::Head => self.take(bytes, end_of_head, Framing::head),
                Next::ChunkSize => self.take(bytes, end_of_line, Framing::chunk_size),
                Next::Trailers => self.take(bytes, end_of_trailer, Framing::trailer),
                Next::Lost => return,
            };
        }
    }

    fn skip<'b>(&mut self, bytes: &'b [u8], left: u64, more: fn(u64) -> Next, then: Next) -> &'b [u8] {
        let skipped = left.min(bytes.len() as u64);
        self.next = match left - skipped {
            0 => then,
            left => more(left),
        };
        &bytes[skipped as usize..]
    }

    /// Takes what ends where `end` says, together with what came before of it; returns what is behind.
    fn take<'b>(
        &mut self,
        bytes: &'b [u8],
        end: fn(&[u8], usize) -> Option<usize>,
        taken: fn(&mut Framing, &[u8]) -> Next,
    ) -> &'b [u8] {
        let known = self.rest.len();
        if known == 0
            && let Some(end) = end(bytes, 0)
        {
            self.next = taken(self, &bytes[..end]);
            return &bytes[end..];
        }
        self.rest.extend_from_slice(bytes);
        match end(&self.rest, known) {
            Some(end) => {
                let rest = mem::take(&mut self.rest);
                self.next = taken(self, &rest[..end]);
                &bytes[end - known..]
            }
            None => {
                if self.rest.len() > REST_BYTES_MAX {
                    self.rest = Vec::new();
                    self.next = Next::Lost;
                }
                &[]
            }
        }
    }

    fn head(&mut self, head: &[u8]) -> Next {
        let (mut length, mut chunked) = (None, false);
        for end in memchr_iter(b'\n', head) {
            let line = &head[end + 1..];
            length = length.or(value_of(line, b"content-length"));
            chunked |= value_of(line, b"transfer-encoding").is_some();
        }
        if chunked && length.is_some() {
            self.ambiguous = Some(self.heads);
            return Next::Lost;
        }
        self.heads += 1;
        let first_line = |text: &[u8]| memchr(b'\n', text).and_then(|end| number(&text[..end], 10));
        match length.map(first_line) {
            _ if chunked => Next::ChunkSize,
            None | Some(Some(0)) => Next::Head,
            Some(Some(bytes)) => Next::Body(bytes),
            Some(None) => Next::Lost,
        }
    }

    fn chunk_size(&mut self, line: &[u8]) -> Next {
        let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
        match number(size, 16) {
            Some(0) => Next::Trailers,
            Some(bytes) => bytes.checked_add(2).map_or(Next::Lost, Next::Chunk),
            None => Next::Lost,
        }
    }

    fn trailer(&mut self, line: &[u8]) -> Next {
        match line {
            b"\r\n" => Next::Head,
            // hyper refuses a CR with anything else behind it.
            _ if !line.ends_with(b"\r\n") => Next::Lost,
            _ => Next::Trailers,
        }
    }
}

/// What stands behind the name of a field and its colon, to the end of the head, when the line is of this field.
fn value_of<'h>(line: &'h [u8], name: &[u8]) -> Option<&'h [u8]> {
    // The colon first: nearly every line of another field has none there.
    let is_of = line.get(name.len()) == Some(&b':') && line[..name.len()].eq_ignore_ascii_case(name);
    is_of.then(|| &line[name.len() + 1..])
}

fn number(text: &[u8], radix: u32) -> Option<u64> {
    let text = str::from_utf8(text.trim_ascii()).ok()?;
    u64::from_str_radix(text, radix).ok()
}

/// Behind the empty line that ends a head; empty lines in front of it are skipped. All before `known` but its end was looked at.
fn end_of_head(bytes: &[u8], known: usize) -> Option<usize> {
    let begin = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let mut at = known.saturating_sub(2).max(begin);
    while let Some(line) = memchr(b'\n', &bytes[at..]) {
        at += line + 1;
        match bytes[at..] {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

fn end_of_line(bytes: &[u8], known: usize) -> Option<usize> {
    memchr(b'\n', &bytes[known..]).map(|line| known + line + 1)
}

/// Behind the first CR and the byte after it: to hyper a line end alone is part of a trailer.
fn end_of_trailer(bytes: &[u8], known: usize) -> Option<usize> {
    let from = known.saturating_sub(1);
    let end = memchr(b'\r', &bytes[from..])? + from + 2;
    (end <= bytes.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    const POST: &str = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab\r\n\r";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
        5;a=b\r\nContent-Length: 3\r\n\r\n0\r\nt: v\r\n\r\n";
    const BOTH: &str = "\r\nPOST / HTTP/1.1\ntransfer-encoding:chunked\ncontent-LENGTH: 3\n\n0\r\n\r\n";

    /// Read in pieces of so many bytes.
    fn read(text: &str, piece: usize) -> Framing {
        let mut framing = Framing::new();
        text.as_bytes()
            .chunks(piece)
            .for_each(|bytes| framing.read(bytes));
        framing
    }

    #[test]
    fn the_request_with_both_is_found_behind_any_others_and_in_any_pieces() {
        // A chunk of 5 bytes: hyper refuses the one of CHUNKED above, and so does this, as lost.
        let chunked = CHUNKED.replace(
            "5;a=b\r\nContent-Length: 3\r\n",
            "1B;a=b\r\nPOST / HTTP/1.1\r\nx: 12345\r\n",
        );
        let orders = [
            vec![],
            vec![GET],
            vec![POST],
            vec![chunked.as_str()],
            vec![GET, POST, &chunked, &chunked, POST, GET],
        ];
        for before in orders {
            let text = before.concat() + BOTH;
            for piece in 1..=text.len() {
                let framing = read(&text, piece);
                assert_eq!(
                    framing.ambiguous,
                    Some(before.len() as u64),
                    "{text:?} in pieces of {piece}"
                );
            }
        }
    }

    /// To hyper the line end alone belongs to the trailer, and the lines behind it do: the body ends with the empty line.
    const HIDING: &str = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n\
        0\r\na: b\n\r\nX / HTTP/1.1\r\nContent-Length: 9999\r\n\r\n";

    #[test]
    fn a_head_hidden_in_trailers_is_none() {
        for piece in 1..=HIDING.len() {
            let framing = read(&[HIDING, GET, BOTH].concat(), piece);
            assert_eq!(framing.ambiguous, Some(2), "in pieces of {piece}");
        }
        let lost = HIDING.replace("b\n\r\nX", "b\rX");
        assert_eq!(read(&lost, 3).next, Next::Lost);
    }

    #[test]
    fn no_other_request_is_called_ambiguous() {
        let told = "POST /content-length:3 HTTP/1.1\r\nx: content-length: 3\r\nx-content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
        let text = [GET, POST, told, POST, GET].concat();
        for piece in 1..=text.len() {
            let framing = read(&text, piece);
            assert_eq!(
                (framing.ambiguous, framing.heads, framing.next),
                (None, 5, Next::Head)
            );
            assert!(framing.rest.is_empty());
        }
    }

    #[test]
    fn what_hyper_refuses_is_followed_no_further_and_kept_nowhere() {
        for text in [
            "POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            CHUNKED,
        ] {
            let framing = read(&(text.to_owned() + BOTH), 7);
            assert_eq!((framing.ambiguous, framing.next), (None, Next::Lost), "{text:?}");
        }
        let endless = "x".repeat(REST_BYTES_MAX + 1);
        let framing = read(&endless, 1_000);
        assert_eq!((framing.next, framing.rest.capacity()), (Next::Lost, 0));
    }
}
