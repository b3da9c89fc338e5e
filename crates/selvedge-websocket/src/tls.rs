//! TLS for `wss`: rustls with the certificate authorities of the system.

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::OnceCell,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};

/// Starts TLS on a stream to this host.
pub(crate) async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    config: Option<Arc<ClientConfig>>,
) -> io::Result<TlsStream<S>> {
    let config = match config {
        Some(config) => config,
        None => system().await?,
    };
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, stream).await
}

/// Returns the configuration with the system's certificate authorities, which are read once.
async fn system() -> io::Result<Arc<ClientConfig>> {
    static SYSTEM: OnceCell<Arc<ClientConfig>> = OnceCell::const_new();
    let config = SYSTEM.get_or_try_init(|| async {
        tokio::task::spawn_blocking(load).await.map_err(io::Error::other)?.map(Arc::new)
    });
    config.await.cloned()
}

fn load() -> io::Result<ClientConfig> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let text = "the system has no trusted root certificates";
        return Err(io::Error::other(text));
    }
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
