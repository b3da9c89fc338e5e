//! Opens a WebSocket: the target, the request, and the time-out.

use std::io;
#[cfg(feature = "tls")]
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::net::TcpStream;
#[cfg(feature = "tls")]
use tokio_rustls::rustls::ClientConfig;
use url::{Host, Url};

#[cfg(feature = "tls")]
use crate::tls;
use crate::{
    Stream,
    connection::Connection,
    error::Error,
    handshake::is_token,
    options::Options,
    request::check_header,
    time_limits::within,
    upgrade::{Opening, Target, upgrade},
};

/// A WebSocket to be opened. It can be cloned and opened any number of times.
///
/// ```no_run
/// # async fn doc() -> Result<(), selvedge_websocket::Error> {
/// use selvedge_websocket::Connect;
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
    opening: Opening,
    #[cfg(feature = "tls")]
    tls: Option<Arc<ClientConfig>>,
}

impl Connect {
    /// Creates a request from a URL: `ws://host:port/path?query`, or `wss://` for TLS. User,
    /// password and fragment are ignored.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`] for another scheme, or if there is no host.
    pub fn to(url: &str) -> Result<Self, Error> {
        let invalid = |reason: String| Error::InvalidUrl { url: url.to_owned(), reason };
        let parsed = Url::parse(url).map_err(|error| invalid(error.to_string()))?;
        let secure = match parsed.scheme() {
            "ws" => false,
            "wss" if cfg!(feature = "tls") => true,
            "wss" => {
                let reason = "this program was built without TLS: add the feature `tls`";
                return Err(invalid(reason.to_owned()));
            }
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
    /// [`Error::InvalidUrl`] if the path does not begin with a slash or has characters
    /// that must be encoded, or if the host is empty or has such characters.
    pub fn to_host(host: &str, port: u16, path: &str) -> Result<Self, Error> {
        let invalid = |reason: &str| Error::InvalidUrl {
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
            opening: Opening {
                target,
                headers: HeaderMap::new(),
                subprotocols: Vec::new(),
                options: Options::new(),
            },
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Adds a header to the request. The headers of the handshake cannot be replaced.
    ///
    /// # Errors
    /// [`Error::InvalidHeader`].
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let (name, value): (HeaderName, HeaderValue) = check_header(name, value)?;
        self.opening.headers.append(name, value);
        Ok(self)
    }

    /// Proposes a subprotocol. Call it for each one, in order of preference.
    ///
    /// # Errors
    /// [`Error::InvalidHeader`] if it is not a token: letters, digits and some
    /// punctuation.
    pub fn subprotocol(mut self, name: &str) -> Result<Self, Error> {
        if !is_token(name) {
            return Err(Error::InvalidHeader {
                name: name.to_owned(),
                reason: "a subprotocol is a word without spaces and separators",
            });
        }
        self.opening.subprotocols.push(name.to_owned());
        Ok(self)
    }

    /// Sets time-outs and limits.
    pub fn options(mut self, options: Options) -> Self {
        self.opening.options = options;
        self
    }

    /// Uses TLS with a custom configuration, for instance to trust a private authority. By default
    /// `wss` trusts the certificate authorities of the system.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`] if the URL begins with `ws`, which means a connection without
    /// TLS.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: Arc<ClientConfig>) -> Result<Self, Error> {
        if !self.opening.target.secure {
            return Err(Error::InvalidUrl {
                url: format!("ws://{}{}", self.opening.target.address(), self.opening.target.path),
                reason: "a TLS configuration needs a wss:// URL".to_owned(),
            });
        }
        self.tls = Some(config);
        Ok(self)
    }

    /// Connects and opens the WebSocket.
    ///
    /// # Errors
    /// - [`Error::Unreachable`] if nothing listens there, or the name cannot be resolved
    /// - [`Error::Tls`] if the server's certificate is not accepted
    /// - [`Error::Rejected`] if the server answers with a status other than 101
    /// - [`Error::Handshake`] if the answer is not that of a WebSocket server
    /// - [`Error::ConnectTimeout`] if all this takes longer than
    ///   [`Options::connect_timeout`]
    pub async fn open(&self) -> Result<Connection, Error> {
        self.in_time(self.open_unlimited()).await
    }

    /// Opens the WebSocket over a stream that is already connected: a proxy, a Unix socket, a TLS
    /// connection of the application.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub async fn over(&self, stream: impl Stream) -> Result<Connection, Error> {
        let opened = upgrade(stream, &self.opening, None, None);
        self.in_time(opened).await
    }

    /// Opens the WebSocket, calls the function with it, and closes it with 1000 when the function
    /// returns, even with an error.
    ///
    /// ```no_run
    /// # async fn doc() -> Result<(), selvedge_websocket::Error> {
    /// use selvedge_websocket::{Connect, Error};
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
    /// [`Error::DisconnectTimeout`].
    ///
    /// # Cancellation
    /// If the future is dropped, the connection is closed in the background.
    pub async fn scope<T, E, F>(&self, function: F) -> Result<T, E>
    where
        F: AsyncFnOnce(Connection) -> Result<T, E>,
        E: From<Error>,
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
        opening: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        within(self.opening.options.connect_timeout, opening).await.unwrap_or_else(|waited| {
            Err(Error::ConnectTimeout { address: self.opening.target.address(), waited })
        })
    }

    async fn open_unlimited(&self) -> Result<Connection, Error> {
        let Target { host, port, .. } = &self.opening.target;
        let unreachable =
            |cause: io::Error| Error::Unreachable { address: self.opening.target.address(), cause };
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let (local, remote) = (stream.local_addr().ok(), stream.peer_addr().ok());
        #[cfg(feature = "tls")]
        if self.opening.target.secure {
            let stream = tls::secure(stream, host, self.tls.clone())
                .await
                .map_err(|cause| Error::Tls { address: self.opening.target.address(), cause })?;
            return upgrade(stream, &self.opening, local, remote).await;
        }
        upgrade(stream, &self.opening, local, remote).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> (String, String, bool) {
        let target = Connect::to(url).unwrap().opening.target;
        (target.host_header(), target.path, target.secure)
    }

    #[test]
    fn client_open_url_reads_scheme_host_port_path_and_query() {
        let is = |url, host: &str, path: &str, secure| {
            assert_eq!(target(url), (host.to_owned(), path.to_owned(), secure), "{url}");
        };
        is("ws://example.org", "example.org", "/", false);
        is("ws://example.org:80/", "example.org", "/", false);
        is("ws://me:pw@example.org:8080/a?b=c&d#e", "example.org:8080", "/a?b=c&d", false);
        is("ws://[::1]:9/?", "[::1]:9", "/?", false);
        is("ws://127.0.0.1/a%20b", "127.0.0.1", "/a%20b", false);
        if cfg!(feature = "tls") {
            is("wss://example.org/a/b", "example.org", "/a/b", true);
            is("wss://example.org:80/a", "example.org:80", "/a", true);
        }
    }

    #[test]
    fn client_open_invalid_url_says_what_is_wrong() {
        for url in ["", "example.org", "http://example.org", "ws://", "ws:///path", "ws://h:70000"]
        {
            let error = Connect::to(url).unwrap_err();
            assert!(matches!(&error, Error::InvalidUrl { .. }), "{url}");
            assert!(error.to_string().contains("ws://host:port/path"), "{error}");
        }
        assert!(Connect::to_host("h", 1, "no slash").is_err());
        assert!(Connect::to_host("h", 1, "/a b").is_err());
        assert!(Connect::to_host("", 1, "/").is_err());
    }

    #[cfg(feature = "tls")]
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
