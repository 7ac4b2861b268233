//! One request through the handler: what is refused before it, what is tidied up after it, and the answer as hyper
//! wants it.

use super::answer_body::AnswerBody;
use super::correlation::Correlation;
use super::message::{Request, Response};
use super::watch::Connection;
use super::{Body, Handler};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, Version, header};
use hyper::body::{Body as _, Incoming};
use std::convert::Infallible;
use std::rc::Rc;

/// An unread body up to this size is read off before the answer, which keeps the connection.
const UNREAD_BYTES_MAX: u64 = 64 * 1024;

/// Answers one request. Never an error: hyper would close the connection without a word.
pub(super) async fn answer<H: Handler>(
    request: http::Request<Incoming>,
    connection: Rc<Connection>,
    handler: Rc<H>,
) -> Result<http::Response<AnswerBody>, Infallible> {
    let in_progress = InProgress::begin(connection);
    let connection = &in_progress.0;
    let (parts, incoming) = request.into_parts();
    let head_only = parts.method == Method::HEAD;
    let expects_continue = parts.headers.contains_key(header::EXPECT);
    let correlation = Correlation::of(&parts.headers);
    let answer = match refusal(&parts, connection, &*handler) {
        Some(refusal) => {
            connection.end_after_answer();
            refusal
        }
        None => {
            let body = Body::new(incoming, connection.clone());
            let Parts {
                method,
                uri,
                version,
                headers,
                ..
            } = parts;
            handler
                .handle(Request {
                    method,
                    uri,
                    version,
                    headers,
                    peer: connection.peer(),
                    body,
                })
                .await
        }
    };
    if let Some(unread) = connection.take_unread() {
        settle_unread(unread, expects_continue, connection).await;
    }
    let mut response = render(answer.written_by(&*handler), head_only, connection);
    if let Some(correlation) = correlation {
        correlation.echo(response.headers_mut());
    }
    Ok(response)
}

/// What hyper lets pass and the contract does not.
fn refusal<H: Handler>(parts: &Parts, connection: &Connection, handler: &H) -> Option<Response> {
    if connection.is_http2() {
        return None;
    }
    if parts.version == Version::HTTP_10 && handler.takes_http10(&parts.method, parts.uri.path()) {
        // Which needs no Host. Each probe has a connection of its own, as the version has it.
        connection.end_after_answer();
        return None;
    }
    if parts.version != Version::HTTP_11 {
        let detail = "only HTTP/1.1 and HTTP/2 are spoken here";
        let status = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
        return Some(Response::problem_later(
            status,
            "http_version_not_supported",
            detail,
        ));
    }
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    if hosts.next().is_none() || hosts.next().is_some() {
        return Some(bad_request("HTTP/1.1 asks for exactly one Host field"));
    }
    if connection.is_ambiguous() {
        return Some(bad_request("both Content-Length and Transfer-Encoding"));
    }
    None
}

fn bad_request(detail: &'static str) -> Response {
    Response::problem_later(StatusCode::BAD_REQUEST, "bad_request", detail)
}

/// Reads a small body that the handler left, so that the next request can follow; gives up on others.
async fn settle_unread(body: Incoming, expects_continue: bool, connection: &Rc<Connection>) {
    let announced = body.size_hint().exact();
    // Reading on would invite the client to send what nobody wants.
    if expects_continue || announced.is_none_or(|bytes| bytes > UNREAD_BYTES_MAX) {
        connection.end_after_answer();
        return;
    }
    let mut body = Body::new(body, connection.clone());
    while let Ok(Some(_)) = body.next_chunk().await {}
}

fn render(answer: Response, head_only: bool, connection: &Connection) -> http::Response<AnswerBody> {
    let Response {
        status,
        content_type,
        body,
        retry_after_s,
        headers,
        ..
    } = answer;
    let bytes_len = body.len();
    let empty = head_only && connection.is_http2();
    let body = if empty {
        AnswerBody::empty()
    } else {
        AnswerBody::new(body, connection)
    };
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    let fields = response.headers_mut();
    if !content_type.is_empty() {
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if empty {
        fields.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes_len));
    }
    if let Some(seconds) = retry_after_s {
        fields.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    for (name, value) in headers {
        fields.append(name, value);
    }
    if connection.ends_after_answer() {
        fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Holds the connection in its serving phase, also when the request is abandoned.
struct InProgress(Rc<Connection>);

impl InProgress {
    fn begin(connection: Rc<Connection>) -> Self {
        connection.begin_request();
        InProgress(connection)
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.end_request();
    }
}
