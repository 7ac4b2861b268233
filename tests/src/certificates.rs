//! Certificates made on the spot, and a blocking TLS client that believes them.

use crate::process::PATIENCE;
use crate::wire::Wire;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;

/// A certificate with its private key, both in PEM.
#[derive(Clone)]
pub struct Certificate {
    /// The certificate.
    pub cert: String,
    /// The key.
    pub key: String,
}

impl Certificate {
    /// The certificate as it travels.
    ///
    /// # Panics
    /// Never: it was made here.
    pub fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.cert.as_bytes()).expect("made here")
    }
}

/// Who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one with a key of its own.
    ///
    /// # Panics
    /// Never: nothing here can be wrong.
    pub fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("randomness");
        Authority(CertifiedIssuer::self_signed(params, key).expect("good parameters"))
    }

    /// Its own certificate in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for `localhost` and 127.0.0.1, for servers and clients alike.
    pub fn issue(&self) -> Certificate {
        self.issue_until(4096)
    }

    /// The same, valid until that year begins.
    ///
    /// # Panics
    /// Never: nothing here can be wrong.
    pub fn issue_until(&self, year: i32) -> Certificate {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).expect("good names");
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().expect("randomness");
        let cert = params.signed_by(&key, &self.0).expect("good parameters");
        Certificate {
            cert: cert.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// An encrypted connection.
pub type Encrypted = StreamOwned<ClientConnection, TcpStream>;

/// Connects to a port of this machine with these roots and, if given, a client certificate; `protocols` is what it offers.
///
/// # Errors
/// When the handshake fails on this side. With TLS 1.3 a server that refuses a client says so only in its first answer.
pub fn connect(
    addr: SocketAddr,
    trusted: &Authority,
    identity: Option<&Certificate>,
    protocols: &[&str],
) -> io::Result<Wire<Encrypted>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.0.der().clone()).map_err(io::Error::other)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots);
    let config = match identity {
        None => Ok(builder.with_no_client_auth()),
        Some(identity) => {
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("made here");
            builder.with_client_auth_cert(vec![identity.der()], key)
        }
    };
    let mut config = config.map_err(io::Error::other)?;
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok(Wire::over(StreamOwned::new(connection, stream)))
}
