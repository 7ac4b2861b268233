//! As little of HTTP/1.1 as the generator needs: requests into a byte buffer, answers out of one (`httparse`).

use crate::workload::push_number;

/// Largest header section taken from a server.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Largest answer body taken from a server.
pub const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Content type of a JSON body.
pub const JSON: &str = "application/json";

/// Appends a POST of a body. `common` holds whole header lines (host and any others), each ending in CRLF.
pub fn push_post(out: &mut Vec<u8>, path: &[u8], common: &[u8], content_type: &str, body: &[u8]) {
    out.extend_from_slice(b"POST ");
    out.extend_from_slice(path);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    out.extend_from_slice(common);
    out.extend_from_slice(b"content-type: ");
    out.extend_from_slice(content_type.as_bytes());
    out.extend_from_slice(b"\r\ncontent-length: ");
    push_number(out, body.len() as u64);
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body);
}

/// A whole answer within the reader's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Where the body begins.
    pub body_start: usize,
    /// Where the answer ends, and the next one would begin.
    pub end: usize,
    /// The server closes the connection after this answer.
    pub close: bool,
}

/// Why the bytes are no answer we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// No `HTTP/1.x NNN` at the start, or a header that is none.
    NotHttp,
    /// No usable `content-length`; chunked answers are not taken, since none of the measured routes sends one.
    NoLength,
    /// Larger than [`HEAD_BYTES_MAX`] or [`BODY_BYTES_MAX`].
    TooLarge,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ParseError::NotHttp => "the answer is not HTTP/1.1",
            ParseError::NoLength => "the answer has no content-length",
            ParseError::TooLarge => "the answer is larger than the client takes",
        })
    }
}

impl std::error::Error for ParseError {}

/// Reads one answer from a buffer that grows: call [`parse`](Self::parse) with everything read so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResponseParser {
    head: Option<Response>,
}

impl ResponseParser {
    /// The answer at the start of `input`, or `None` while bytes are missing. After `Some` the parser is ready for
    /// the next answer, which the caller moves to the start of the buffer.
    pub fn parse(&mut self, input: &[u8]) -> Result<Option<Response>, ParseError> {
        let head = match self.head {
            Some(head) => head,
            None => match parse_head(input)? {
                Some(head) => *self.head.insert(head),
                None if input.len() > HEAD_BYTES_MAX => return Err(ParseError::TooLarge),
                None => return Ok(None),
            },
        };
        if input.len() < head.end {
            return Ok(None);
        }
        *self = ResponseParser::default();
        Ok(Some(head))
    }

    /// How long the buffer must become, once the header section is known.
    pub fn wanted_len(&self) -> Option<usize> {
        self.head.map(|head| head.end)
    }
}

/// Most header lines taken from a server.
const HEADERS_MAX: usize = 64;

/// The header section at the start of `input`; `None` while bytes are missing.
fn parse_head(input: &[u8]) -> Result<Option<Response>, ParseError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(input).map_err(|_| ParseError::NotHttp)?;
    let httparse::Status::Complete(body_start) = parsed else {
        return Ok(None);
    };
    if body_start > HEAD_BYTES_MAX {
        return Err(ParseError::TooLarge);
    }
    let status = head.code.ok_or(ParseError::NotHttp)?;
    let mut length = matches!(status, 204 | 304).then_some(0);
    let mut close = head.version == Some(0);
    for header in head.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            length = Some(number(header.value).ok_or(ParseError::NotHttp)?);
        } else if header.name.eq_ignore_ascii_case("connection") {
            close = header.value.eq_ignore_ascii_case(b"close");
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(ParseError::NoLength);
        }
    }
    let length = length.ok_or(ParseError::NoLength)?;
    if length > BODY_BYTES_MAX as u64 {
        return Err(ParseError::TooLarge);
    }
    Ok(Some(Response {
        status,
        body_start,
        end: body_start + length as usize,
        close,
    }))
}

/// Digits alone, at most 18 of them: a number that cannot overflow.
fn number(digits: &[u8]) -> Option<u64> {
    let digits = core::str::from_utf8(digits).ok()?;
    let plain =
        !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|digit| digit.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 6\r\ndate: x\r\n\r\nx\r\n\r\ny";

    #[test]
    fn an_answer_is_the_same_however_it_was_cut_into_reads() {
        let mut whole = ResponseParser::default();
        let expected = whole.parse(ANSWER).unwrap().unwrap();
        assert_eq!(
            (expected.status, expected.end, expected.close),
            (200, ANSWER.len(), false)
        );
        for cut in 0..ANSWER.len() {
            let mut parser = ResponseParser::default();
            assert_eq!(parser.parse(&ANSWER[..cut]), Ok(None), "cut at {cut}");
            assert_eq!(parser.parse(ANSWER), Ok(Some(expected)), "cut at {cut}");
        }
        let mut parser = ResponseParser::default();
        for len in 0..ANSWER.len() {
            assert_eq!(parser.parse(&ANSWER[..len]), Ok(None));
        }
        assert_eq!(parser.parse(ANSWER), Ok(Some(expected)));
    }

    #[test]
    fn bytes_of_a_following_answer_are_left_alone() {
        let two = [ANSWER, ANSWER].concat();
        let first = ResponseParser::default().parse(&two).unwrap().unwrap();
        assert_eq!(first.end, ANSWER.len());
    }

    #[test]
    fn closing_answers_and_other_statuses_are_seen() {
        let answer = b"HTTP/1.1 503 Service Unavailable\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n";
        let response = ResponseParser::default().parse(answer).unwrap().unwrap();
        assert_eq!(
            (response.status, response.close, response.body_start),
            (503, true, answer.len())
        );
        let old = ResponseParser::default()
            .parse(b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
        assert!(old.unwrap().close);
    }

    #[test]
    fn what_is_not_an_answer_is_named() {
        let check = |input: &[u8], error| assert_eq!(ResponseParser::default().parse(input), Err(error));
        check(b"SSH-2.0-x\r\n\r\n", ParseError::NotHttp);
        check(b"HTTP/1.1 2x0 OK\r\n\r\n", ParseError::NotHttp);
        check(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", ParseError::NotHttp);
        check(
            b"HTTP/1.1 200 OK\r\ncontent-length: 1x\r\n\r\n",
            ParseError::NotHttp,
        );
        check(b"HTTP/1.1 200 OK\r\n\r\n", ParseError::NoLength);
        check(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            ParseError::NoLength,
        );
        check(
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            ParseError::TooLarge,
        );
        let endless = [b"HTTP/1.1 200 OK\r\nx: ", &vec![b'x'; HEAD_BYTES_MAX][..]].concat();
        check(&endless, ParseError::TooLarge);
    }

    #[test]
    fn a_request_states_its_length() {
        let mut out = Vec::new();
        push_post(&mut out, b"/v1/quotes", b"host: a:1\r\n", JSON, b"{}");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "POST /v1/quotes HTTP/1.1\r\nhost: a:1\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
        );
    }
}
