//! The ceiling that one-by-one HTTP is compared with: hyper that reads the body and answers fixed bytes.
//!
//! It is built as the gateway's listener is: one current-thread runtime per thread, each with its own listening
//! socket (SO_REUSEPORT), HTTP/1.1 with keep-alive, TCP_NODELAY. What it does not do is Satang's work.

use anyhow::Context;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{SocketAddr, TcpListener};

/// An authorization's answer, of the usual size.
pub const FIXED_ANSWER: &[u8] = br#"{"txn_id":"0197a1d2-0f6e-7c3a-8b1e-3f5d2c9a7e10","decision":"approved","reason":"approved","response_code":"00","state_amount":13200,"citizen_amount":11800,"limited_by":null,"remaining":{"day":6800,"month":86800},"business_date":"2026-06-15","decided_at":"2026-06-15T12:00:00.123+07:00","sequence":123456789,"replayed":false}"#;

const BACKLOG: i32 = 1024;

/// A server that has its sockets and is about to answer.
pub struct Bare {
    listeners: Vec<TcpListener>,
    pub address: SocketAddr,
}

impl Bare {
    /// Binds `threads` sockets to one address; port 0 takes a free one.
    pub fn bind(listen: SocketAddr, threads: usize) -> anyhow::Result<Self> {
        let first = listener(listen).with_context(|| format!("cannot listen on {listen}"))?;
        let address = first.local_addr()?;
        let mut listeners = vec![first];
        for _ in 1..threads.max(1) {
            listeners.push(listener(address).with_context(|| format!("cannot listen on {address}"))?);
        }
        Ok(Bare { listeners, address })
    }

    /// Answers until the process ends; returns only when a thread fails.
    pub fn serve(self) -> anyhow::Result<()> {
        let threads: Vec<_> = self
            .listeners
            .into_iter()
            .map(|listener| std::thread::spawn(move || serve_thread(listener)))
            .collect();
        for thread in threads {
            thread.join().expect("a server thread panicked")?;
        }
        Ok(())
    }
}

fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn serve_thread(listener: TcpListener) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(async move {
                // A connection's failure is its client's; the server goes on.
                let _ = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service_fn(answer))
                    .await;
            });
        }
    })
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    request.into_body().collect().await?;
    let mut response = Response::new(Full::new(Bytes::from_static(FIXED_ANSWER)));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::{Bare, FIXED_ANSWER};
    use crate::client::Client;
    use crate::target::Target;

    #[test]
    fn it_reads_the_body_and_answers_the_same_bytes_on_a_kept_connection() {
        let bare = Bare::bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let target = Target::parse(&format!("http://{}", bare.address), &[]).unwrap();
        std::thread::spawn(move || bare.serve());
        let mut client = Client::connect(&target).unwrap();
        for _ in 0..3 {
            let reply = client.post_json("/v1/authorizations", b"{}").unwrap();
            assert_eq!((reply.status, reply.body.as_slice()), (200, FIXED_ANSWER));
        }
    }
}
