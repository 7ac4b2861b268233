//! One connection from its first byte to its last.

use super::service;
use super::stream::{Protocol, Stream};
use super::watch::Connection;
use super::{Handler, Tls};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};

/// Flow-control window of one HTTP/2 request body: what a client may send before the handler reads.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// The same for all bodies of a connection together, and so the most that unread bodies hold in memory.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// Answers the requests of one connection until either side ends it. Its failures are the client's; nothing is
/// reported but the counters.
pub(super) async fn serve<S, H>(socket: S, connection: Rc<Connection>, handler: Rc<H>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    H: Handler,
{
    connection.set_waker(poll_fn(|cx| Poll::Ready(cx.waker().clone())).await);
    match connection.options().tls.clone() {
        None => serve_stream(socket, connection, handler).await,
        // On the heap, so that a connection in the clear does not carry the room of an encrypted one.
        Some(tls) => Box::pin(serve_encrypted(socket, tls, connection, handler)).await,
    }
}

async fn serve_encrypted<S, H>(socket: S, tls: Arc<Tls>, connection: Rc<Connection>, handler: Rc<H>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    H: Handler,
{
    connection.begin_handshake();
    match unless_stopping(&connection, tls.acceptor().accept(socket)).await {
        Some(Ok(encrypted)) => {
            connection.end_handshake();
            let (_, session) = encrypted.get_ref();
            // Its own is the first; those behind it lead to a root.
            if let Some(own) = session.peer_certificates().and_then(<[_]>::first) {
                connection.set_certificate(own);
            }
            serve_stream(encrypted, connection, handler).await;
        }
        Some(Err(_)) => connection.count_failed_handshake(),
        None => {}
    }
}

async fn serve_stream<S, H>(socket: S, connection: Rc<Connection>, handler: Rc<H>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    H: Handler,
{
    let mut stream = Stream::new(socket, connection.clone());
    let protocol = unless_stopping(&connection, stream.find_protocol()).await;
    match protocol.flatten() {
        Some(Protocol::Http1) => serve_http1(stream, connection, handler).await,
        Some(Protocol::Http2) => serve_http2(stream, connection, handler).await,
        None => {}
    }
}

/// What a future gives; none when the stop comes first.
async fn unless_stopping<T>(connection: &Connection, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if connection.is_stopping() {
            Poll::Ready(None)
        } else {
            future.as_mut().poll(cx).map(Some)
        }
    })
    .await
}

async fn serve_http1<S, H>(stream: Stream<S>, connection: Rc<Connection>, handler: Rc<H>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    H: Handler,
{
    let answering = connection.clone();
    let service = service_fn(move |request| service::answer(request, answering.clone(), handler.clone()));
    let mut http = pin!(
        http1::Builder::new()
            // The watch has the time-outs.
            .header_read_timeout(None)
            .max_header_size(connection.options().header_bytes_max)
            .max_buf_size(connection.options().read_buffer_bytes())
            // A client that has said all it will say still gets its answer.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service)
    );
    let mut told = false;
    let ended = poll_fn(|cx| {
        if connection.is_stopping() && !told {
            told = true;
            http.as_mut().graceful_shutdown();
        }
        http.as_mut().poll(cx)
    })
    .await;
    // An error here is a broken connection, or a refusal that hyper has already answered.
    if let Err(error) = ended {
        connection.count_unread_head(&error);
    }
}

async fn serve_http2<S, H>(stream: Stream<S>, connection: Rc<Connection>, handler: Rc<H>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    H: Handler,
{
    connection.begin_http2();
    let header_bytes_max =
        u32::try_from(connection.options().header_bytes_max).expect("checked when the server started");
    let answering = connection.clone();
    let service = service_fn(move |request| service::answer(request, answering.clone(), handler.clone()));
    let mut http = pin!(
        http2::Builder::new(LocalExecutor)
            .max_header_list_size(header_bytes_max)
            .max_concurrent_streams(connection.options().streams_max)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .serve_connection(TokioIo::new(stream), service)
    );
    let mut told = false;
    let _ = poll_fn(|cx| {
        if connection.is_stopping() && !told {
            told = true;
            http.as_mut().graceful_shutdown();
        }
        http.as_mut().poll(cx)
    })
    .await;
}

/// Runs the requests of an HTTP/2 connection on the thread they came in on.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
