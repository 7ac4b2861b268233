//! A small HTTP client for the command line: one request after another to one server.

use crate::tls::client_config;
use anyhow::{Context, bail};
use bytes::Bytes;
use clap::Args;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The server that a command calls, and what it shows there.
#[derive(Args)]
pub(crate) struct ServerArgs {
    /// The running server, http:// or https://.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) server: String,
    /// File with the key to send, where the server asks for one; the environment variable SATANG_KEY without.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Roots in PEM that an https:// server's certificate must come from.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Our own certificate in PEM, for a server that asks for one.
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// Private key of our certificate in PEM.
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
}

impl ServerArgs {
    /// Whom the command trusts and who it is.
    ///
    /// # Errors
    /// When one of the files cannot be read.
    pub(crate) fn credentials(&self) -> anyhow::Result<Credentials> {
        let identity = self.client_cert.as_deref().zip(self.client_key.as_deref());
        let tls = self.ca.as_deref().map(|ca| client_config(ca, identity));
        Ok(Credentials {
            key: read_bearer_key(self.key_file.as_deref())?,
            tls: tls.transpose()?,
        })
    }
}

/// Whom the client trusts and who it is.
#[derive(Default)]
pub struct Credentials {
    /// `Authorization` of every request.
    pub key: Option<HeaderValue>,
    /// For an `https://` server.
    pub tls: Option<ClientConfig>,
}

/// The environment variable with the key to send.
const KEY_VARIABLE: &str = "SATANG_KEY";

/// The `Authorization` of the key in this file, or in `SATANG_KEY`.
///
/// # Errors
/// When the file cannot be read or holds anything but one key. The key itself is not repeated.
pub fn read_bearer_key(file: Option<&Path>) -> anyhow::Result<Option<HeaderValue>> {
    let (named, key) = match file {
        Some(file) => {
            let named = file.display().to_string();
            (named.clone(), fs::read_to_string(file).context(named)?)
        }
        None => match env::var(KEY_VARIABLE) {
            Ok(key) => (KEY_VARIABLE.to_owned(), key),
            Err(env::VarError::NotPresent) => return Ok(None),
            Err(env::VarError::NotUnicode(_)) => bail!("{KEY_VARIABLE}: must be one key"),
        },
    };
    let key = key.trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("{named}: must be one key and nothing else");
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {key}")).expect("graphic characters");
    // So that no log of headers shows it.
    value.set_sensitive(true);
    Ok(Some(value))
}

/// One connection to one server.
pub struct Client {
    host: String,
    key: Option<HeaderValue>,
    sender: SendRequest<BoxBody<Bytes, io::Error>>,
}

impl Client {
    /// Connects to `http://host:port` or `https://host:port`. Must run in a tokio runtime's local set.
    ///
    /// # Errors
    /// When the address is no such thing, nobody listens there, or it is not to be trusted.
    pub async fn connect(server: &str, credentials: &Credentials) -> anyhow::Result<Client> {
        let named = || format!("--server {server}");
        let uri: Uri = server.parse().with_context(named)?;
        let (host, port, tls) = match (uri.scheme_str(), uri.authority(), &credentials.tls) {
            (Some("http"), Some(authority), None) => (authority, 80, None),
            (Some("http"), Some(_), Some(_)) => bail!("{}: --ca is for https://", named()),
            (Some("https"), Some(authority), Some(tls)) => (authority, 443, Some(tls)),
            (Some("https"), Some(_), None) => bail!("{}: https:// needs --ca FILE", named()),
            _ => bail!("{}: must be like http://127.0.0.1:8080", named()),
        };
        let address = match host.port_u16() {
            Some(_) => host.as_str().to_owned(),
            None => format!("{host}:{port}"),
        };
        let stream = TcpStream::connect(&address).await.with_context(named)?;
        stream.set_nodelay(true).with_context(named)?;
        let sender = match tls {
            None => handshake(stream).await?,
            Some(tls) => {
                let name = host
                    .host()
                    .trim_start_matches('[')
                    .trim_end_matches(']')
                    .to_owned();
                let name = ServerName::try_from(name).with_context(named)?;
                let connector = TlsConnector::from(Arc::new(tls.clone()));
                handshake(connector.connect(name, stream).await.with_context(named)?).await?
            }
        };
        Ok(Client {
            host: host.as_str().to_owned(),
            key: credentials.key.clone(),
            sender,
        })
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

    /// Streams a file of a content type and returns the answer; `sent` is told each piece's bytes.
    ///
    /// # Errors
    /// When the file cannot be read or the connection breaks.
    pub async fn upload(
        &mut self,
        path: &str,
        content_type: &str,
        file: File,
        sent: impl FnMut(u64) + Send + Sync + 'static,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let body = FileBody {
            file,
            sent: Box::new(sent),
        }
        .boxed();
        self.exchange(Method::POST, path, content_type, body).await
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
        if let Some(key) = &self.key {
            request.headers_mut().insert(AUTHORIZATION, key.clone());
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

/// Begins HTTP/1.1 on a connection.
async fn handshake<S>(stream: S) -> anyhow::Result<SendRequest<BoxBody<Bytes, io::Error>>>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(async move {
        // A broken connection shows in the request that needs it.
        let _ = connection.await;
    });
    Ok(sender)
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
