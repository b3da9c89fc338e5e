//! TLS, for browsers on other machines.
//!
//! It runs over [`Connection`], so that its sockets are closed like all others.

use std::{path::Path, sync::Arc};

use selvedge_port::Connection;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{
            CertificateDer, PrivateKeyDer,
            pem::{self, PemObject},
        },
    },
    server::TlsStream,
};

use crate::{Error, Result};

/// A certificate with its private key, ready for handshakes.
#[derive(Clone)]
pub(crate) struct Tls(TlsAcceptor);

impl Tls {
    /// Reads a certificate chain and its private key from PEM files.
    ///
    /// # Errors
    /// [`Error::Certificate`] if a file cannot be read, or the key does not belong to the
    /// certificate.
    pub(crate) fn load(certificate: &Path, key: &Path) -> Result<Self> {
        let failed =
            |path: &Path, reason: String| Error::Certificate { path: path.to_owned(), reason };
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| failed(certificate, reason(&error)))?;
        if chain.is_empty() {
            return Err(failed(certificate, "there is no certificate in it".to_owned()));
        }
        let private =
            PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, reason(&error)))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(chain, private))
            .map_err(|error| failed(key, error.to_string()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls(TlsAcceptor::from(Arc::new(config))))
    }

    /// Performs the handshake of a connection.
    pub(super) async fn accept(
        &self,
        connection: Connection,
    ) -> std::io::Result<TlsStream<Connection>> {
        self.0.accept(connection).await
    }
}

fn reason(error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => "there is nothing of the kind in it".to_owned(),
        other => other.to_string(),
    }
}
