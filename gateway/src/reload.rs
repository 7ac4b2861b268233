//! What a running server reads again when it gets SIGHUP.

use crate::keys::{KeyRing, reload_keys};
use crate::server::Tls;
use crate::tls::{TlsFiles, reload_certificates};
use std::path::PathBuf;
use std::sync::Arc;

/// Files that may change under a running server. One that is wrong leaves what it stands for as it was.
#[derive(Default)]
pub struct Reloads {
    /// The keys file and the keys in force.
    pub keys: Option<(PathBuf, Arc<KeyRing>)>,
    /// The files of the encrypted port and what it shows to new connections.
    pub tls: Option<(TlsFiles, Arc<Tls>)>,
}

impl Reloads {
    /// Reads every file again.
    pub fn run(&self) {
        if let Some((path, ring)) = &self.keys {
            reload_keys(path, ring);
        }
        if let Some((files, tls)) = &self.tls {
            reload_certificates(files, tls);
        }
    }
}
