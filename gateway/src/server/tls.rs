//! TLS on the listener: the certificate new connections are shown, and the handshake.

use parking_lot::RwLock;
use rustls::ServerConfig;
use std::fmt;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// What new connections are encrypted with. Those there are keep what they began with.
pub struct Tls(RwLock<Arc<ServerConfig>>);

impl Tls {
    /// Encrypts with this, until it is replaced.
    pub fn new(config: ServerConfig) -> Arc<Tls> {
        Arc::new(Tls(RwLock::new(Arc::new(config))))
    }

    /// Connections from now on are encrypted with this.
    pub fn replace(&self, config: ServerConfig) {
        *self.0.write() = Arc::new(config);
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.read().clone())
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
