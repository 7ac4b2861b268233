//! A request as a handler gets it and an answer as it gives it.

use super::Handler;
use super::body::{Body, BodyError};
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// Content type of an error answer (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Content type of an ordinary answer.
pub const JSON: &str = "application/json";

/// Seconds a client is asked to wait when memory for bodies has run out.
const RETRY_AFTER_S: u32 = 1;

/// Who sends requests, as far as the connection tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where the connection comes from: a proxy, where one stands in front.
    pub address: IpAddr,
    /// SHA-256 of the certificate that the client showed.
    pub certificate: Option<[u8; 32]>,
}

impl Peer {
    /// This process itself.
    pub const LOCAL: Peer = Peer {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        certificate: None,
    };

    /// The SHA-256 of a certificate as it travels.
    pub fn fingerprint(certificate: &[u8]) -> [u8; 32] {
        let hash = digest(&SHA256, certificate);
        hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}

/// One request: the head is complete and within its limit, the body has not been read.
pub struct Request {
    /// The method, also an unknown one.
    pub method: Method,
    /// The target. Over HTTP/2 it has scheme and authority too, so route by [`Request::path`].
    pub uri: Uri,
    /// HTTP/1.1 or HTTP/2, no other.
    pub version: Version,
    pub headers: HeaderMap,
    pub peer: Peer,
    /// The body, still on its way.
    pub body: Body,
}

impl Request {
    /// The path without its query, as sent (not percent-decoded).
    pub fn path(&self) -> &str {
        self.uri.path()
    }
}

impl fmt::Debug for Request {
    /// Without the header fields: a key may be among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

/// One answer. `Content-Length`, `Date` and what the connection needs are added by the server.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status; informational ones are not possible.
    pub status: StatusCode,
    /// The content type; empty for none.
    pub content_type: &'static str,
    pub body: Bytes,
    /// `Retry-After` in seconds.
    pub retry_after_s: Option<u32>,
    /// Any other header fields, such as `Allow`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The code of a problem, for whoever counts; it is in the body already.
    pub code: Option<&'static str>,
    /// A problem whose body is not written yet.
    problem: Option<Box<ProblemLater>>,
}

#[derive(Clone, Debug)]
struct ProblemLater {
    code: &'static str,
    detail: String,
}

impl Response {
    /// An answer of any content type.
    pub fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Response {
            status,
            content_type,
            body: body.into(),
            retry_after_s: None,
            headers: Vec::new(),
            code: None,
            problem: None,
        }
    }

    /// An `application/json` answer.
    pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Response::new(status, JSON, body)
    }

    /// An `application/problem+json` answer.
    pub fn problem(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Response::new(status, PROBLEM_JSON, body)
    }

    /// A problem found by the server itself; its body is written by the handler's side when it is sent.
    pub(super) fn problem_later(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let problem = Some(Box::new(ProblemLater {
            code,
            detail: detail.into(),
        }));
        Response {
            problem,
            ..Response::problem(status, Bytes::new())
        }
    }

    /// The answer with its body, if that was still to be written.
    pub(super) fn written_by<H: Handler>(mut self, handler: &H) -> Self {
        if let Some(problem) = self.problem.take() {
            self.body = handler.problem(self.status, problem.code, &problem.detail).into();
        }
        self
    }

    /// The same answer with `Retry-After`.
    #[must_use]
    pub fn with_retry_after_s(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The same answer, counted under a problem's code.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The same answer with one more header field.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl BodyError {
    /// The answer. Its body is written by [`Handler::problem`](super::Handler::problem) when it is sent.
    pub fn into_response(self) -> Response {
        let answer = Response::problem_later(self.status(), self.code(), self.to_string());
        match self {
            BodyError::Overloaded => answer.with_retry_after_s(RETRY_AFTER_S),
            BodyError::TooLarge { .. } | BodyError::Timeout { .. } | BodyError::Broken => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Peer;

    #[test]
    fn a_fingerprint_is_the_sha_256() {
        // Of "abc", from FIPS 180-2.
        let begin = [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea];
        assert_eq!(Peer::fingerprint(b"abc")[..8], begin);
    }
}
