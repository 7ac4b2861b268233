//! Certificates from PEM files, for the listener and for the client of `satang import`.

use crate::output::causes;
use crate::server::Tls;
use crate::small_file;
use anyhow::{Context, bail};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files of an encrypted port.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The server's certificate, and those between it and its root, in PEM.
    pub cert: PathBuf,
    /// Its private key, in PEM: PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
    /// Roots of the clients' certificates, in PEM. With it a client without one of theirs is not served (mTLS).
    pub client_ca: Option<PathBuf>,
}

impl TlsFiles {
    /// Reads the files: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    /// One line: the file, and what is wrong with it.
    pub fn load(&self) -> anyhow::Result<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .context("TLS")?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let roots = Arc::new(read_roots(file)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
                builder.with_client_cert_verifier(verifier.with_context(|| file.display().to_string())?)
            }
        };
        let mut config = builder
            .with_single_cert(read_certificates(&self.cert)?, read_key(&self.key)?)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => {
                    let cert = self.cert.display();
                    anyhow::anyhow!("{}: not the key of the certificate in {cert}", self.key.display())
                }
                error => anyhow::anyhow!("{}: {error}", self.cert.display()),
            })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Reads the certificates again. Wrong files change nothing; either way one line is logged. Connections go on as they began.
pub fn reload_certificates(files: &TlsFiles, tls: &Tls) {
    match files.load() {
        Ok(config) => {
            tls.replace(config);
            tracing::info!("certificates were read again from {}", files.cert.display());
        }
        Err(error) => tracing::error!("certificates stay as they were: {}", causes(&error)),
    }
}

/// A client that trusts the roots in this file and no others.
///
/// # Errors
/// One line: the file, and what is wrong with it.
pub fn client_config(ca: &Path, identity: Option<(&Path, &Path)>) -> anyhow::Result<ClientConfig> {
    let roots = Arc::new(read_roots(ca)?);
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider())
        .build()
        .with_context(|| ca.display().to_string())?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .context("TLS")?
        .with_webpki_verifier(verifier);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some((cert, key)) => builder
            .with_client_auth_cert(read_certificates(cert)?, read_key(key)?)
            .with_context(|| cert.display().to_string()),
    }
}

/// The mode of a file, when others than its owner may read it.
pub fn readable_by_others(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn read_roots(path: &Path) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(path)? {
        roots
            .add(certificate)
            .with_context(|| path.display().to_string())?;
    }
    Ok(roots)
}

fn read_certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let named = || path.display().to_string();
    let text = small_file::read(path)?;
    let certificates: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.with_context(named)?;
    if certificates.is_empty() {
        bail!("{}: no certificate in it (-----BEGIN CERTIFICATE-----)", named());
    }
    Ok(certificates)
}

fn read_key(path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    let named = || path.display().to_string();
    let text = small_file::read(path)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Err(pem::Error::NoItemsFound) => {
            bail!("{}: no private key in it (-----BEGIN PRIVATE KEY-----)", named())
        }
        key => key.with_context(named),
    }
}
