//! Start options that say who reaches the server, and under which names.

use std::path::PathBuf;

use super::StartOptions;
use crate::run::secret::Secret;

impl StartOptions {
    /// Sets a fixed secret, for clients that get it by other means. By default each start makes a
    /// new one.
    ///
    /// The start fails with [`Error::InvalidOption`](crate::Error::InvalidOption) if the secret is empty, which would let anyone
    /// in.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(Secret(secret.into()));
        self
    }

    /// Adds a name that the server answers to, for example behind a proxy: the name in the address
    /// bar, with the port if the address bar shows one. May be called several times.
    ///
    /// Requests to other names are rejected, which stops DNS rebinding. The start fails with
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) if the name is invalid; there are no wildcards.
    pub fn allowed_host(mut self, host: impl Into<String>) -> Self {
        self.allowed.hosts.push(host.into());
        self
    }

    /// Adds an origin whose pages may connect: scheme, name and port, for example
    /// `https://app.example.com` if a proxy adds TLS. May be called several times.
    ///
    /// Connections from pages of other origins are rejected. The start fails with
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) if the origin is invalid; there are no wildcards.
    pub fn allowed_origin(mut self, origin: impl Into<String>) -> Self {
        self.allowed.origins.push(origin.into());
        self
    }

    /// Sets the path under which a proxy shows the application, such as `/apps/atlas/`. The server
    /// answers there and, for proxies that remove the path, at its root.
    ///
    /// The built-in page finds its server under any path without this option. Links, trame's own page
    /// and clients need it. The start fails with [`Error::InvalidOption`](crate::Error::InvalidOption) if it is not a plain path.
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.allowed.base = path.into();
        self
    }

    /// Serves HTTPS only, with a certificate chain and its private key from PEM files, which are
    /// read at the start.
    ///
    /// The start fails with [`Error::Certificate`](crate::Error::Certificate) if they cannot be used.
    pub fn tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Trusts the proxy at an address, or those in a network such as `10.0.0.0/24`. May be called
    /// several times. The server believes
    /// - the path prefix in `X-Forwarded-Prefix`, which the proxy has stripped. It is used in session
    ///   URLs unless [`base_path`](Self::base_path) is set;
    /// - the name of the user in the header that [`user_header`](Self::user_header) names.
    ///
    /// Every program that can connect from this address is trusted: for 127.0.0.1, the programs of
    /// all users of the machine. With `user_header`, each of them can sign in as any user. The start
    /// fails with [`Error::InvalidOption`](crate::Error::InvalidOption) if the address is invalid.
    pub fn trusted_proxy(mut self, address: impl Into<String>) -> Self {
        self.proxies.addresses.push(address.into());
        self
    }

    /// Signs users in by the name that a [trusted proxy](Self::trusted_proxy) sends in this header,
    /// such as `X-Forwarded-User`: they need no sign-in link, and [`Ctx::user`](crate::Ctx::user) has
    /// their names.
    ///
    /// The proxy has to authenticate users, and must set or remove this header in each request:
    /// what it passes on unchanged, any client can send.
    pub fn user_header(mut self, name: impl Into<String>) -> Self {
        self.proxies.user_header = Some(name.into());
        self
    }
}
