//! An answer's bytes on their way to the client, and the bound on those that clients leave unread.
//!
//! HTTP/2 lets a client ask for much and take nothing. What a connection may leave unread is a quarter of what is free of one
//! budget over all connections: a single slow reader gets much, a thousand get little, and some room is always left.

use super::counters::ServerCounters;
use super::options::ServerOptions;
use super::watch::Connection;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// HTTP/1.1 answers up to this size are not counted: there is one at a time, and the socket takes it at once.
const SMALL_ANSWER_BYTES: usize = 64 * 1024;

/// HTTP/2 gets larger answers in pieces of this size, so that a slow reader is seen to read.
const PIECE_BYTES: usize = 64 * 1024;

/// What every connection may leave unread, however little is free.
const UNREAD_BYTES_MIN: usize = 16 * 1024;

/// A connection that leaves unread more than one part of so many of what is free is closed.
const PARTS_OF_FREE: usize = 4;

/// Answers of one connection that the client has not taken.
pub(super) struct Unread {
    bytes: AtomicUsize,
    /// Bytes that the socket took since the connection began; it may wrap.
    taken_bytes: AtomicUsize,
    all: Arc<ServerCounters>,
}

impl Unread {
    pub(super) fn none(all: Arc<ServerCounters>) -> Arc<Unread> {
        Arc::new(Unread {
            bytes: AtomicUsize::new(0),
            taken_bytes: AtomicUsize::new(0),
            all,
        })
    }

    /// Bytes that wait for the client, and a number that changes when it takes some.
    pub(super) fn progress(&self) -> (usize, usize) {
        (
            self.bytes.load(Ordering::Relaxed),
            self.taken_bytes.load(Ordering::Relaxed),
        )
    }

    /// Counts an answer; false when that is more than the connection may leave unread.
    fn add(&self, bytes: usize, options: &ServerOptions) -> bool {
        let all = self.all.answer_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let unread = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let share = options.all_answers_bytes_max.saturating_sub(all) / PARTS_OF_FREE;
        unread
            <= options
                .connection_answer_bytes_max
                .min(share.max(UNREAD_BYTES_MIN))
    }

    fn remove(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.all.answer_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A body that is all there.
pub(super) struct AnswerBody {
    rest: Bytes,
    piece_bytes: usize,
    /// Set when the answer is counted.
    unread: Option<Arc<Unread>>,
}

impl AnswerBody {
    pub(super) fn empty() -> AnswerBody {
        AnswerBody::uncounted(Bytes::new())
    }

    fn uncounted(bytes: Bytes) -> AnswerBody {
        AnswerBody {
            rest: bytes,
            piece_bytes: usize::MAX,
            unread: None,
        }
    }

    /// The body of an answer. A connection that leaves too much unread ends here: what it asked for was done, and asking again
    /// gets the same answer.
    pub(super) fn new(bytes: Bytes, connection: &Connection) -> AnswerBody {
        let is_http2 = connection.is_http2();
        if bytes.is_empty() || (!is_http2 && bytes.len() <= SMALL_ANSWER_BYTES) {
            return AnswerBody::uncounted(bytes);
        }
        let unread = connection.unread_answers().clone();
        if !unread.add(bytes.len(), connection.options()) {
            connection.end_for_unread_answers();
        }
        AnswerBody {
            rest: bytes,
            piece_bytes: if is_http2 { PIECE_BYTES } else { usize::MAX },
            unread: Some(unread),
        }
    }
}

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let len = self.rest.len().min(self.piece_bytes);
        let bytes = self.rest.split_to(len);
        let piece = match &self.unread {
            None => bytes,
            Some(unread) => Bytes::from_owner(CountedPiece {
                bytes,
                unread: unread.clone(),
            }),
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let Some(unread) = &self.unread {
            unread.remove(self.rest.len());
        }
    }
}

/// A piece of an answer, counted until hyper and the socket are done with it.
struct CountedPiece {
    bytes: Bytes,
    unread: Arc<Unread>,
}

impl AsRef<[u8]> for CountedPiece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for CountedPiece {
    fn drop(&mut self) {
        self.unread.remove(self.bytes.len());
        self.unread
            .taken_bytes
            .fetch_add(self.bytes.len(), Ordering::Relaxed);
    }
}
