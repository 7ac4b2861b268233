//! A request's body: collected whole within the limit, or read chunk by chunk. Everything that can go wrong with it is
//! a [`BodyError`], which knows its own answer.

use super::counters::Reservation;
use super::watch::Connection;
use bytes::Bytes;
use http::StatusCode;
use hyper::body::{Body as _, Incoming};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// The first buffer of a body that comes in several pieces, unless it is announced as smaller.
const BUFFER_BYTES_FIRST: usize = 256 * 1024;

/// How fast a streamed body must come at least, on average: a byte every 20 seconds is no import.
const STREAM_BYTES_PER_S_MIN: u64 = 1024;

/// Why a body could not be read. Over HTTP/1.1 the connection ends with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More than the route takes, announced or sent.
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    /// Not complete (or, when streamed, no further chunk) within `body_timeout`.
    #[error("the body did not arrive within {} ms", .timeout.as_millis())]
    Timeout { timeout: Duration },
    /// The connection or stream ended early, or the chunked coding is wrong.
    #[error("the body is incomplete or wrongly framed")]
    Broken,
    /// The bodies in memory, of this connection or of all, have reached their limit.
    #[error("too many bodies are in memory")]
    Overloaded,
}

impl BodyError {
    /// The answer's status.
    pub fn status(&self) -> StatusCode {
        match self {
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::Timeout { .. } => StatusCode::REQUEST_TIMEOUT,
            BodyError::Broken => StatusCode::BAD_REQUEST,
            BodyError::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// A stable word for the problem.
    pub fn code(&self) -> &'static str {
        match self {
            BodyError::TooLarge { .. } => "body_too_large",
            BodyError::Timeout { .. } => "request_timeout",
            BodyError::Broken => "bad_request",
            BodyError::Overloaded => "overloaded",
        }
    }
}

/// A body on its way. Dropped unread, a small one is read off the wire before the answer; a larger one ends an
/// HTTP/1.1 connection after the answer.
pub struct Body {
    /// None once the end or an error was seen.
    incoming: Option<Incoming>,
    connection: Rc<Connection>,
    /// Set when the body is first waited for.
    deadline_ms: Option<u64>,
    /// Milliseconds that were spent on waiting for the chunks of a streamed body, and the bytes that came.
    waited_ms: u64,
    streamed_bytes: u64,
    /// Only where the connection's own watch cannot wake the reader.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Body {
    pub(super) fn new(incoming: Incoming, connection: Rc<Connection>) -> Self {
        let incoming = if incoming.is_end_stream() {
            None
        } else {
            Some(incoming)
        };
        Body {
            incoming,
            connection,
            deadline_ms: None,
            waited_ms: 0,
            streamed_bytes: 0,
            sleep: None,
        }
    }

    /// Says that who sends it is known: the connection is no stranger's any more.
    pub fn is_of_known_caller(&self) {
        self.connection.become_known();
    }

    /// The announced length in bytes, if any.
    pub fn announced_bytes(&self) -> Option<u64> {
        self.incoming
            .as_ref()
            .map_or(Some(0), |incoming| incoming.size_hint().exact())
    }

    /// The whole body, at most `bytes_max` and `body_bytes_max`, within `body_timeout`. A body that came in one piece is not copied;
    /// it keeps the connection's read buffer alive, so do not keep it beyond the request.
    pub async fn collect(mut self, bytes_max: usize) -> Result<Bytes, BodyError> {
        let bytes_max = bytes_max.min(self.connection.options().body_bytes_max);
        let announced = self.announced_bytes();
        if announced.is_some_and(|bytes| bytes > bytes_max as u64) {
            return Err(self.fail(BodyError::TooLarge { bytes_max }));
        }
        let Some(first) = poll_fn(|cx| self.poll_chunk(cx)).await? else {
            return Ok(Bytes::new());
        };
        if first.len() > bytes_max {
            return Err(self.fail(BodyError::TooLarge { bytes_max }));
        }
        if self.incoming.is_none() {
            return Ok(first);
        }
        let Some(second) = poll_fn(|cx| self.poll_chunk(cx)).await? else {
            return Ok(first);
        };
        self.collect_pieces(first, second, announced, bytes_max).await
    }

    /// The next piece of a body of any length, none at its end; each within `body_timeout` of the one before, and all of them
    /// together as fast as [`STREAM_BYTES_PER_S_MIN`], but for one `body_timeout`. What the handler takes for itself does not count.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        let timeout = self.connection.options().body_timeout;
        let earned = Duration::from_secs(self.streamed_bytes / STREAM_BYTES_PER_S_MIN);
        let left = (timeout + earned).saturating_sub(Duration::from_millis(self.waited_ms));
        let since_ms = self.connection.now_ms();
        self.deadline_ms = Some(self.connection.deadline_ms(left.min(timeout)));
        self.sleep = None;
        let chunk = poll_fn(|cx| self.poll_chunk(cx)).await?;
        self.waited_ms += self.connection.now_ms() - since_ms;
        self.streamed_bytes += chunk.as_ref().map_or(0, Bytes::len) as u64;
        Ok(chunk)
    }

    async fn collect_pieces(
        &mut self,
        first: Bytes,
        second: Bytes,
        announced: Option<u64>,
        bytes_max: usize,
    ) -> Result<Bytes, BodyError> {
        // `announced` is at most `bytes_max` here.
        let expected = announced.map_or(bytes_max, |bytes| bytes as usize);
        let mut collected = Collected {
            bytes: Vec::new(),
            reservation: self.connection.reserve_nothing(),
        };
        let mut piece = first;
        let mut next = Some(second);
        loop {
            let len = collected.bytes.len() + piece.len();
            if len > bytes_max {
                return Err(self.fail(BodyError::TooLarge { bytes_max }));
            }
            if len > collected.bytes.capacity() {
                let capacity = (len * 2).max(BUFFER_BYTES_FIRST).min(expected.max(len));
                if !collected.reservation.grow_to(capacity) {
                    return Err(self.fail(BodyError::Overloaded));
                }
                collected.bytes.reserve_exact(capacity - collected.bytes.len());
            }
            collected.bytes.extend_from_slice(&piece);
            piece = match next.take() {
                Some(second) => second,
                None => match poll_fn(|cx| self.poll_chunk(cx)).await? {
                    Some(piece) => piece,
                    None => return Ok(Bytes::from_owner(collected)),
                },
            };
        }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        loop {
            let Some(incoming) = &mut self.incoming else {
                return Poll::Ready(Ok(None));
            };
            match Pin::new(&mut *incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let ended = incoming.is_end_stream();
                    // Trailers say nothing that we need.
                    let chunk = frame.into_data().unwrap_or_default();
                    if ended {
                        self.end();
                    }
                    if !chunk.is_empty() {
                        return Poll::Ready(Ok(Some(chunk)));
                    }
                }
                Poll::Ready(None) => self.end(),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(self.fail(BodyError::Broken))),
                Poll::Pending => {
                    if self.is_late(cx) {
                        let timeout = self.connection.options().body_timeout;
                        return Poll::Ready(Err(self.fail(BodyError::Timeout { timeout })));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// True when the deadline has passed; else something will wake the task at the deadline.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let timeout = self.connection.options().body_timeout;
        let deadline_ms = *self
            .deadline_ms
            .get_or_insert_with(|| self.connection.deadline_ms(timeout));
        // The usual case costs no timer: the thread's sweep looks at every connection anyway.
        if self.connection.wakes_at(deadline_ms, cx.waker()) {
            return self.connection.now_ms() >= deadline_ms;
        }
        let left = Duration::from_millis(deadline_ms.saturating_sub(self.connection.now_ms()));
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(left)));
        sleep.as_mut().poll(cx).is_ready()
    }

    fn end(&mut self) {
        self.incoming = None;
        self.connection.body_ended();
    }

    fn fail(&mut self, error: BodyError) -> BodyError {
        let too_large = matches!(error, BodyError::TooLarge { .. });
        if let Some(incoming) = self.incoming.take_if(|_| too_large && self.connection.is_http2()) {
            // A reset stream would lose the answer for common clients. Over HTTP/1.1 the connection's end discards.
            let options = self.connection.options();
            tokio::task::spawn_local(discard(
                incoming,
                options.discard_bytes_max,
                options.discard_timeout,
            ));
        }
        self.end();
        self.connection.end_after_answer();
        error
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(incoming) = self.incoming.take() {
            self.connection.body_ended();
            self.connection.leave_unread(incoming);
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body")
            .field("announced_bytes", &self.announced_bytes())
            .finish_non_exhaustive()
    }
}

/// Reads on and throws away, so that a client that is still sending gets to read its answer.
async fn discard(mut incoming: Incoming, bytes_max: usize, within: Duration) {
    let read = async {
        let mut bytes_left = bytes_max;
        while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await {
            bytes_left = bytes_left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if bytes_left == 0 {
                break;
            }
        }
    };
    // Out of time or done: either way the stream ends here.
    let _ = tokio::time::timeout(within, read).await;
}

/// A body that came in pieces; its memory is counted until the last reader drops it.
struct Collected {
    bytes: Vec<u8>,
    reservation: Reservation,
}

impl AsRef<[u8]> for Collected {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
