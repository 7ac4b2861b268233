//! A small HTTP client for the command line: one request after another to one server.

use anyhow::{Context, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::fs::File;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use tokio::net::TcpStream;

/// One connection to one server.
pub struct Client {
    host: String,
    /// The `Authorization` of every request.
    authorization: Option<HeaderValue>,
    sender: SendRequest<BoxBody<Bytes, io::Error>>,
}

impl Client {
    /// Connects to `http://host:port`. Must run in a tokio runtime's local set.
    ///
    /// # Errors
    /// When the address is no such thing or nobody listens there.
    pub async fn connect(server: &str) -> anyhow::Result<Client> {
        let uri: Uri = server.parse().with_context(|| format!("--server {server}"))?;
        let host = match (uri.scheme_str(), uri.authority()) {
            (Some("http"), Some(authority)) => authority.as_str().to_owned(),
            _ => bail!("--server {server}: must be like http://127.0.0.1:8080"),
        };
        let address = if host.contains(':') {
            host.clone()
        } else {
            format!("{host}:80")
        };
        let stream = TcpStream::connect(&address)
            .await
            .with_context(|| format!("--server {server}"))?;
        stream
            .set_nodelay(true)
            .with_context(|| format!("--server {server}"))?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(async move {
            // A broken connection shows in the request that needs it.
            let _ = connection.await;
        });
        Ok(Client {
            host,
            authorization: None,
            sender,
        })
    }

    /// Sends this key with every request from now on.
    ///
    /// # Errors
    /// When it has characters that no key has.
    pub fn use_key(&mut self, key: &str) -> anyhow::Result<()> {
        let mut value = HeaderValue::from_str(&format!("Bearer {key}")).context("the key")?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(())
    }

    /// Sends a body and returns the answer.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: String,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let body = Full::new(Bytes::from(body))
            .map_err(|never| match never {})
            .boxed();
        self.exchange(method, path, "application/json", body).await
    }

    /// Streams a file and returns the answer; `sent` is told each piece's bytes.
    ///
    /// # Errors
    /// When the file cannot be read or the connection breaks.
    pub async fn upload(
        &mut self,
        path: &str,
        file: File,
        sent: impl FnMut(u64) + Send + Sync + 'static,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let body = FileBody {
            file,
            sent: Box::new(sent),
        }
        .boxed();
        self.exchange(Method::POST, path, "application/x-ndjson", body)
            .await
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        content_type: &str,
        body: BoxBody<Bytes, io::Error>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("content-type", content_type)
            .body(body)?;
        if let Some(value) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

/// Bytes read from a file at once.
const PIECE_BYTES: usize = 256 << 10;

/// A file as a body.
struct FileBody {
    file: File,
    sent: Box<dyn FnMut(u64) + Send + Sync>,
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let mut piece = vec![0u8; PIECE_BYTES];
        // A local file read blocks this one-connection client and nobody else.
        match self.file.read(&mut piece) {
            Ok(0) => Poll::Ready(None),
            Ok(count) => {
                piece.truncate(count);
                (self.sent)(count as u64);
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))))
            }
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
