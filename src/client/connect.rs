//! Opens a WebSocket: the target, the request, and the time-out.

use std::{io, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::rustls::ClientConfig;
use url::{Host, Url};

use super::{tls, upgrade};
use crate::{
    error::WebSocketError,
    websocket::{Connection, Options, Stream, check_header, is_token},
};

/// A WebSocket to be opened. It can be cloned and opened any number of times.
///
/// ```no_run
/// # async fn doc() -> Result<(), selvedge::websocket::WebSocketError> {
/// use selvedge::client::Connect;
///
/// let connection = Connect::to("wss://example.org/feed?from=now")?
///     .header("authorization", "Bearer abc")?
///     .subprotocol("feed.v1")?
///     .open()
///     .await?;
/// connection.send("hello").await?;
/// println!("{}", connection.receive_text().await?);
/// connection.close(1000, "").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Connect {
    pub(super) target: Target,
    pub(super) headers: HeaderMap,
    pub(super) subprotocols: Vec<String>,
    pub(super) options: Options,
    tls: Option<Arc<ClientConfig>>,
}

/// The server to connect to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) secure: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// With the query.
    pub(super) path: String,
}

impl Target {
    /// Returns host and port as in a URL, and in the `Host` header if the port is not the scheme's
    /// default.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    /// Returns the `Host` header (RFC 6455, section 4.1).
    pub(super) fn host_header(&self) -> String {
        let usual = if self.secure { 443 } else { 80 };
        match self.port == usual {
            true => self.bracketed(),
            false => self.address(),
        }
    }

    fn bracketed(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        }
    }
}

impl Connect {
    /// Creates a request from a URL: `ws://host:port/path?query`, or `wss://` for TLS. User,
    /// password and fragment are ignored.
    ///
    /// # Errors
    /// [`WebSocketError::InvalidUrl`] for another scheme, or if there is no host.
    pub fn to(url: &str) -> Result<Self, WebSocketError> {
        let invalid = |reason: String| WebSocketError::InvalidUrl { url: url.to_owned(), reason };
        let parsed = Url::parse(url).map_err(|error| invalid(error.to_string()))?;
        let secure = match parsed.scheme() {
            "ws" => false,
            "wss" => true,
            other => {
                return Err(invalid(format!("its scheme is `{other}`, not `ws` or `wss`")));
            }
        };
        // Browsers parse `ws:///name` as the host `name`; here it is an error.
        let hostless = url.split_once("://").is_some_and(|(_, rest)| rest.starts_with('/'));
        let host = match parsed.host() {
            _ if hostless => return Err(invalid("it has no host".to_owned())),
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(invalid("it has no host".to_owned())),
        };
        let mut path = parsed.path().to_owned();
        if let Some(query) = parsed.query() {
            path = format!("{path}?{query}");
        }
        Ok(Self::target(Target {
            secure,
            host,
            port: parsed.port().unwrap_or(if secure { 443 } else { 80 }),
            path,
        }))
    }

    /// Creates a request from a host, port and path, without TLS. The path may have a query and is
    /// sent unchanged: it must be percent-encoded where necessary.
    ///
    /// # Errors
    /// [`WebSocketError::InvalidUrl`] if the path does not begin with a slash or has characters
    /// that must be encoded, or if the host is empty or has such characters.
    pub fn to_host(host: &str, port: u16, path: &str) -> Result<Self, WebSocketError> {
        let invalid = |reason: &str| WebSocketError::InvalidUrl {
            url: format!("{host}:{port}{path}"),
            reason: reason.to_owned(),
        };
        if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid("the path must begin with a slash and be percent-encoded"));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid("the host is not a name or an address"));
        }
        Ok(Self::target(Target {
            secure: false,
            host: host.to_owned(),
            port,
            path: path.to_owned(),
        }))
    }

    fn target(target: Target) -> Self {
        Connect {
            target,
            headers: HeaderMap::new(),
            subprotocols: Vec::new(),
            options: Options::new(),
            tls: None,
        }
    }

    /// Adds a header to the request. The headers of the handshake cannot be replaced.
    ///
    /// # Errors
    /// [`WebSocketError::InvalidHeader`].
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, WebSocketError> {
        let (name, value): (HeaderName, HeaderValue) = check_header(name, value)?;
        self.headers.append(name, value);
        Ok(self)
    }

    /// Proposes a subprotocol. Call it for each one, in order of preference.
    ///
    /// # Errors
    /// [`WebSocketError::InvalidHeader`] if it is not a token: letters, digits and some
    /// punctuation.
    pub fn subprotocol(mut self, name: &str) -> Result<Self, WebSocketError> {
        if !is_token(name) {
            return Err(WebSocketError::InvalidHeader {
                name: name.to_owned(),
                reason: "a subprotocol is a word without spaces and separators",
            });
        }
        self.subprotocols.push(name.to_owned());
        Ok(self)
    }

    /// Sets time-outs and limits.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Uses TLS with a custom configuration, for instance to trust a private authority. By default
    /// `wss` trusts the certificate authorities of the system.
    ///
    /// # Errors
    /// [`WebSocketError::InvalidUrl`] if the URL begins with `ws`, which means a connection without
    /// TLS.
    pub fn tls(mut self, config: Arc<ClientConfig>) -> Result<Self, WebSocketError> {
        if !self.target.secure {
            return Err(WebSocketError::InvalidUrl {
                url: format!("ws://{}{}", self.target.address(), self.target.path),
                reason: "a TLS configuration needs a wss:// URL".to_owned(),
            });
        }
        self.tls = Some(config);
        Ok(self)
    }

    /// Connects and opens the WebSocket.
    ///
    /// # Errors
    /// - [`WebSocketError::Unreachable`] if nothing listens there, or the name cannot be resolved
    /// - [`WebSocketError::Tls`] if the server's certificate is not accepted
    /// - [`WebSocketError::Rejected`] if the server answers with a status other than 101
    /// - [`WebSocketError::Handshake`] if the answer is not that of a WebSocket server
    /// - [`WebSocketError::ConnectTimeout`] if all this takes longer than
    ///   [`Options::connect_timeout`]
    pub async fn open(&self) -> Result<Connection, WebSocketError> {
        self.in_time(self.open_unlimited()).await
    }

    /// Opens the WebSocket over a stream that is already connected: a proxy, a Unix socket, a TLS
    /// connection of the application.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub async fn over(&self, stream: impl Stream) -> Result<Connection, WebSocketError> {
        let opened = upgrade::upgrade(stream, self, None, None);
        self.in_time(opened).await
    }

    /// Opens the WebSocket, calls the function with it, and closes it with 1000 when the function
    /// returns, even with an error.
    ///
    /// ```no_run
    /// # async fn doc() -> Result<(), selvedge::websocket::WebSocketError> {
    /// use selvedge::{client::Connect, websocket::WebSocketError};
    ///
    /// let answer: String = Connect::to("ws://127.0.0.1:8080/echo")?
    ///     .scope(async |connection| {
    ///         connection.send("hello").await?;
    ///         connection.receive_text().await
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The function's error, unchanged. If there is none, those of [`open`](Self::open) and
    /// [`WebSocketError::DisconnectTimeout`].
    ///
    /// # Cancellation
    /// If the future is dropped, the connection is closed in the background.
    pub async fn scope<T, E, F>(&self, function: F) -> Result<T, E>
    where
        F: AsyncFnOnce(Connection) -> Result<T, E>,
        E: From<WebSocketError>,
    {
        let connection = self.open().await?;
        let result = function(connection.clone()).await;
        let closed = connection.close(1000, "").await;
        let value = result?;
        closed?;
        Ok(value)
    }

    async fn in_time<T>(
        &self,
        opening: impl Future<Output = Result<T, WebSocketError>>,
    ) -> Result<T, WebSocketError> {
        // A year is as good as never, and adding it to an instant does not overflow.
        const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);
        let waited = self.options.connect_timeout.unwrap_or(NEVER).min(NEVER);
        match timeout(waited, opening).await {
            Ok(result) => result,
            Err(_) => {
                Err(WebSocketError::ConnectTimeout { address: self.target.address(), waited })
            }
        }
    }

    async fn open_unlimited(&self) -> Result<Connection, WebSocketError> {
        let Target { host, port, secure, .. } = &self.target;
        let unreachable = |source: io::Error| WebSocketError::Unreachable {
            address: self.target.address(),
            source,
        };
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let (local, remote) = (stream.local_addr().ok(), stream.peer_addr().ok());
        if !secure {
            return upgrade::upgrade(stream, self, local, remote).await;
        }
        let stream = tls::secure(stream, host, self.tls.clone())
            .await
            .map_err(|source| WebSocketError::Tls { address: self.target.address(), source })?;
        upgrade::upgrade(stream, self, local, remote).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> (String, String, bool) {
        let target = Connect::to(url).unwrap().target;
        (target.host_header(), target.path, target.secure)
    }

    #[test]
    fn client_open_url_reads_scheme_host_port_path_and_query() {
        let is = |url, host: &str, path: &str, secure| {
            assert_eq!(target(url), (host.to_owned(), path.to_owned(), secure), "{url}");
        };
        is("ws://example.org", "example.org", "/", false);
        is("ws://example.org:80/", "example.org", "/", false);
        is("wss://example.org/a/b", "example.org", "/a/b", true);
        is("wss://example.org:80/a", "example.org:80", "/a", true);
        is("ws://me:pw@example.org:8080/a?b=c&d#e", "example.org:8080", "/a?b=c&d", false);
        is("ws://[::1]:9/?", "[::1]:9", "/?", false);
        is("ws://127.0.0.1/a%20b", "127.0.0.1", "/a%20b", false);
    }

    #[test]
    fn client_open_invalid_url_says_what_is_wrong() {
        for url in ["", "example.org", "http://example.org", "ws://", "ws:///path", "ws://h:70000"]
        {
            let error = Connect::to(url).unwrap_err();
            assert!(matches!(&error, WebSocketError::InvalidUrl { .. }), "{url}");
            assert!(error.to_string().contains("ws://host:port/path"), "{error}");
        }
        assert!(Connect::to_host("h", 1, "no slash").is_err());
        assert!(Connect::to_host("h", 1, "/a b").is_err());
        assert!(Connect::to_host("", 1, "/").is_err());
    }

    #[test]
    fn client_open_invalid_ssl_refuses_tls_for_ws() {
        let config = ClientConfig::builder_with_provider(Arc::new(
            tokio_rustls::rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(tokio_rustls::rustls::RootCertStore::empty())
        .with_no_client_auth();
        let connect = Connect::to("ws://example.org").unwrap();
        assert!(connect.tls(Arc::new(config)).is_err());
    }

    #[test]
    fn headers_that_http_does_not_allow_are_refused() {
        let connect = || Connect::to("ws://h").unwrap();
        assert!(connect().header("x y", "1").is_err());
        assert!(connect().header("x", "1\r\ny: 2").is_err());
        assert!(connect().subprotocol("a, b").is_err());
        assert!(connect().subprotocol("").is_err());
        assert!(connect().subprotocol("chat.v1").is_ok());
    }
}
