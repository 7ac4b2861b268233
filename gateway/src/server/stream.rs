//! A connection's bytes, as they pass: tells the watch when some came or went, and closes so that a client that is
//! still sending can read its answer.

use super::watch::Connection;
use bytes::{Buf, Bytes, BytesMut};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What a client of HTTP/2 with prior knowledge sends first (RFC 9113, 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Enough for the first request of most connections, so that looking at it costs no second read.
const FIRST_READ_BYTES: usize = 2 * 1024;

/// At most this much is thrown away per read.
const DISCARD_READ_BYTES: usize = 16 * 1024;

/// Which HTTP the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// A stream between the socket (or TLS on it) and hyper.
pub(super) struct Stream<S> {
    inner: S,
    connection: Rc<Connection>,
    /// Read while finding out the protocol, not yet passed on.
    first_bytes: Bytes,
    client_closed: bool,
    discard: Option<Discard>,
}

/// Reading on after the last answer.
struct Discard {
    bytes_left: usize,
    deadline: Pin<Box<Sleep>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    pub(super) fn new(inner: S, connection: Rc<Connection>) -> Self {
        Stream {
            inner,
            connection,
            first_bytes: Bytes::new(),
            client_closed: false,
            discard: None,
        }
    }

    /// Reads until the protocol is known; none when the client leaves or breaks off first.
    pub(super) async fn find_protocol(&mut self) -> Option<Protocol> {
        let mut read = BytesMut::with_capacity(FIRST_READ_BYTES);
        let protocol = loop {
            match self.inner.read_buf(&mut read).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => self.connection.first_bytes_read(),
            }
            let len = read.len().min(HTTP2_PREFACE.len());
            if read[..len] != HTTP2_PREFACE[..len] {
                break Protocol::Http1;
            }
            if len == HTTP2_PREFACE.len() {
                break Protocol::Http2;
            }
        };
        self.first_bytes = read.freeze();
        Some(protocol)
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let connection = &self.connection;
        let discard = self.discard.get_or_insert_with(|| {
            connection.begin_close();
            Discard {
                bytes_left: connection.options().discard_bytes_max,
                deadline: Box::pin(tokio::time::sleep(connection.options().discard_timeout)),
            }
        });
        let mut waste = [0; DISCARD_READ_BYTES];
        loop {
            if discard.bytes_left == 0 || discard.deadline.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    discard.bytes_left = discard.bytes_left.saturating_sub(buffer.filled().len());
                }
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        if this.first_bytes.is_empty() {
            ready!(Pin::new(&mut this.inner).poll_read(cx, buffer))?;
        } else {
            let len = this.first_bytes.len().min(buffer.remaining());
            buffer.put_slice(&this.first_bytes[..len]);
            this.first_bytes.advance(len);
        }
        let read = &buffer.filled()[before..];
        if read.is_empty() {
            this.client_closed = true;
        } else {
            this.connection.bytes_read(read);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.inner).poll_write(cx, bytes))?;
        this.connection.bytes_written();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.inner).poll_write_vectored(cx, pieces))?;
        this.connection.bytes_written();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// Ends our side; then, where the client may still be sending, reads on for a while: to close with unread bytes
    /// would reset the connection and might destroy the answer on its way.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.discard.is_none() {
            ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
            if this.client_closed || !this.connection.needs_discard() {
                return Poll::Ready(Ok(()));
            }
        }
        ready!(this.poll_discard(cx));
        Poll::Ready(Ok(()))
    }
}
