//! A small HTTP client for the command line: one request after another to one server.

use crate::tls::client_config;
use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use clap::Args;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig};
use std::cell::Cell;
use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
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
    /// Seconds to wait for the connection, and then for any sign of the server, before giving up.
    #[arg(long, value_name = "SECONDS", default_value_t = SILENCE_MAX.as_secs(), value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// How long a server may be silent where nobody says.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(60);

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

    /// How long to wait for a sign of the server.
    pub(crate) fn silence_max(&self) -> Duration {
        Duration::from_secs(self.timeout)
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
    silence_max: Duration,
    last_sign: LastSign,
}

impl Client {
    /// Connects to `http://host:port` or `https://host:port`. Must run in a tokio runtime's local set.
    ///
    /// # Errors
    /// When the address is no such thing, nobody listens there, it is not to be trusted, or there is no connection within `silence_max`.
    pub async fn connect(
        server: &str,
        credentials: &Credentials,
        silence_max: Duration,
    ) -> anyhow::Result<Client> {
        let connected = Client::connect_within(server, credentials, silence_max);
        match timeout(silence_max, connected).await {
            Ok(connected) => connected,
            Err(_) => bail!("--server {server}: no connection within {}", shown(silence_max)),
        }
    }

    async fn connect_within(
        server: &str,
        credentials: &Credentials,
        silence_max: Duration,
    ) -> anyhow::Result<Client> {
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
        let last_sign = LastSign::default();
        let stream = Watched {
            stream,
            last_sign: last_sign.clone(),
        };
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
            silence_max,
            last_sign,
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
        let request = Request::builder().method(method).uri(path);
        self.exchange(request.header(CONTENT_TYPE, "application/json").body(body)?)
            .await
    }

    /// Posts a body under these headers and returns the answer.
    ///
    /// # Errors
    /// When the body cannot be read, the connection breaks, or the server takes and says nothing for longer than it may.
    pub async fn upload(
        &mut self,
        path: &str,
        headers: HeaderMap,
        body: FileBody,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let mut request = Request::post(path).body(body.boxed())?;
        *request.headers_mut() = headers;
        self.exchange(request).await
    }

    async fn exchange(
        &mut self,
        mut request: Request<BoxBody<Bytes, io::Error>>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(&self.host)?);
        if let Some(key) = &self.key {
            headers.insert(AUTHORIZATION, key.clone());
        }
        let (last_sign, silence_max) = (self.last_sign.clone(), self.silence_max);
        last_sign.now();
        let answered = async {
            self.sender.ready().await?;
            let response = self.sender.send_request(request).await?;
            let status = response.status();
            anyhow::Ok((status, response.into_body().collect().await?.to_bytes()))
        };
        let mut answered = pin!(answered);
        loop {
            match timeout_at(last_sign.get() + silence_max, &mut answered).await {
                Ok(answer) => return answer.map_err(named_certificate),
                Err(_) if last_sign.get() + silence_max > Instant::now() => {}
                Err(_) => bail!("the server was silent for {}", shown(silence_max)),
            }
        }
    }
}

/// Says what is missing when the server wants a certificate: by TLS 1.3 that shows in the first request only.
fn named_certificate(error: anyhow::Error) -> anyhow::Error {
    let is_wanted = |cause: &(dyn Error + 'static)| {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let alert = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let wanted = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        alert == Some(&wanted)
    };
    match error.chain().any(is_wanted) {
        true => anyhow!("the server wants a client certificate: --client-cert FILE with --client-key FILE"),
        false => error,
    }
}

fn shown(silence: Duration) -> String {
    format!("{} s (see --timeout)", silence.as_secs())
}

/// When the other side of a connection last took or sent something.
#[derive(Clone)]
struct LastSign(Rc<Cell<Instant>>);

impl Default for LastSign {
    fn default() -> LastSign {
        LastSign(Rc::new(Cell::new(Instant::now())))
    }
}

impl LastSign {
    fn get(&self) -> Instant {
        self.0.get()
    }

    fn now(&self) {
        self.0.set(Instant::now());
    }
}

/// A stream that notes each sign of the other side.
struct Watched<S> {
    stream: S,
    last_sign: LastSign,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, into);
        if read.is_ready() {
            self.last_sign.now();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if written.is_ready() {
            self.last_sign.now();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
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
pub struct FileBody {
    file: Box<dyn Read + Send + Sync>,
    sent: Box<dyn FnMut(u64) + Send + Sync>,
}

impl FileBody {
    /// What `file` gives; `sent` is told each piece's bytes.
    pub fn new(
        file: impl Read + Send + Sync + 'static,
        sent: impl FnMut(u64) + Send + Sync + 'static,
    ) -> FileBody {
        FileBody {
            file: Box::new(file),
            sent: Box::new(sent),
        }
    }

    /// The next piece; `None` at the end.
    pub(crate) fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        let mut piece = vec![0u8; PIECE_BYTES];
        let len = self.file.read(&mut piece)?;
        piece.truncate(len);
        (self.sent)(len as u64);
        Ok((len > 0).then(|| Bytes::from(piece)))
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        // A local file read blocks this one-connection client and nobody else.
        Poll::Ready(self.next_piece().transpose().map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
