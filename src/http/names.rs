//! The names that the server answers to, and the origins whose pages may send requests.
//!
//! Both are lists of exact names without wildcards or suffixes. No header can add one. A server
//! behind a proxy gets its public names when it starts.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, Uri, header};

use crate::{Error, Result};

/// Maximum length of the path of an application in bytes.
const MAX_BASE: usize = 1024;

/// Allowed names and origins beyond the server's own, and the path of the application in front of a
/// proxy, as the user gave them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowed {
    /// Allowed values of `Host`.
    pub(crate) hosts: Vec<String>,
    /// Allowed values of `Origin`.
    pub(crate) origins: Vec<String>,
    /// The path under which a proxy shows the application; empty for none.
    pub(crate) base: String,
}

impl Allowed {
    /// Returns the names in the form in which browsers send them.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for values that no browser sends.
    pub(crate) fn normalized(&self) -> Result<Self> {
        let hosts = self.hosts.iter().map(|host| normal_host(host));
        let origins = self.origins.iter().map(|origin| normal_origin(origin));
        Ok(Allowed {
            hosts: hosts.collect::<Result<_>>()?,
            origins: origins.collect::<Result<_>>()?,
            base: normal_base(&self.base)?,
        })
    }
}

fn normal_host(given: &str) -> Result<String> {
    let host = given.trim().to_ascii_lowercase();
    if is_authority(&host) {
        return Ok(host);
    }
    Err(Error::InvalidOption {
        option: "--allowed-host",
        value: given.to_owned(),
        hint: "Give a name as it stands in the address bar, with the port if there is one there: app.example.com or \
               192.168.1.5:8080. There are no wildcards",
    })
}

fn normal_origin(given: &str) -> Result<String> {
    let origin = given.trim().trim_end_matches('/').to_ascii_lowercase();
    let parts = origin.split_once("://");
    if let Some((scheme @ ("http" | "https"), authority)) = parts
        && is_authority(authority)
    {
        let default_port = if scheme == "https" { ":443" } else { ":80" };
        return Ok(origin.strip_suffix(default_port).unwrap_or(&origin).to_owned());
    }
    Err(Error::InvalidOption {
        option: "--allowed-origin",
        value: given.to_owned(),
        hint: "Give scheme and name as they stand in the address bar, with the port if there is one there, and no path: \
               https://app.example.com. There are no wildcards",
    })
}

fn normal_base(given: &str) -> Result<String> {
    let base = given.trim().trim_matches('/');
    if base.is_empty() {
        return Ok(String::new());
    }
    if is_base(base) {
        return Ok(format!("/{base}"));
    }
    Err(Error::InvalidOption {
        option: "--base-path",
        value: given.to_owned(),
        hint: "Give the path as it stands in the address bar, without a name: /apps/atlas/",
    })
}

/// Returns whether this is a path that means the same in every address, and not the root.
pub(super) fn is_base_path(path: &str) -> bool {
    is_base(path.trim_matches('/'))
}

/// Returns whether these are segments of a path that mean the same in every address.
fn is_base(path: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.~@".contains(c);
    let is_segment = |segment: &str| {
        !segment.is_empty() && !matches!(segment, "." | "..") && segment.chars().all(is_plain)
    };
    path.len() <= MAX_BASE && path.split('/').all(is_segment)
}

/// Returns whether this is `name` or `name:port`, with an IPv6 address in brackets.
pub(super) fn is_authority(text: &str) -> bool {
    let (name, port) = match text.rfind(']') {
        Some(end) => text.split_at(end + 1),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_port =
        |port: &str| port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    let is_address = |name: &str| {
        name.strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
    };
    let is_name = |name: &str| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    (is_address(name) || is_name(name)) && (port.is_empty() || is_port(port))
}

/// The names and origins of one run of a server.
pub(crate) struct Names {
    /// Whether this server itself speaks TLS.
    tls: bool,
    /// The server's own values of `Host`: `name:port`, and `name` alone for the default port.
    own: Vec<String>,
    /// The port, if the server listens on all addresses of the machine. Each literal address is
    /// then a name: DNS rebinding cannot use one.
    any_address_on: Option<u16>,
    allowed: Allowed,
}

impl Names {
    /// Creates the names of a server that listens on `addresses` of `host`.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for allowed names that no browser sends.
    pub(crate) fn new(
        host: &str,
        addresses: &[SocketAddr],
        tls: bool,
        allowed: &Allowed,
    ) -> Result<Self> {
        let port = addresses.first().map_or(0, SocketAddr::port);
        let loopback = addresses.iter().all(|address| address.ip().is_loopback());
        let unspecified = addresses.iter().any(|address| address.ip().is_unspecified());
        let mut names = vec![host.trim_matches(['[', ']']).to_ascii_lowercase()];
        if loopback || unspecified {
            names.extend(["127.0.0.1", "localhost", "::1"].map(str::to_owned));
        }
        let mut own = Vec::new();
        for name in names {
            let name = if name.contains(':') { format!("[{name}]") } else { name };
            own.push(format!("{name}:{port}"));
            if port == default_port(tls) {
                own.push(name);
            }
        }
        Ok(Names {
            tls,
            own,
            any_address_on: unspecified.then_some(port),
            allowed: allowed.normalized()?,
        })
    }

    /// Returns whether `host` is a name of this server, or an allowed one.
    pub(crate) fn allows_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.is_own(&host) || self.allowed.hosts.contains(&host)
    }

    fn is_own(&self, host: &str) -> bool {
        self.own.iter().any(|own| own == host) || self.is_literal(host)
    }

    /// Returns whether the server listens on all addresses and `host` is a literal address with its
    /// port.
    fn is_literal(&self, host: &str) -> bool {
        let Some(port) = self.any_address_on else {
            return false;
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        host.parse::<SocketAddr>().is_ok_and(|address| address.port() == port)
            || (port == default_port(self.tls) && bare.unwrap_or(host).parse::<IpAddr>().is_ok())
    }

    /// Returns whether a page of this origin may send a request to `host`: the server itself sent
    /// the page, or the user has allowed the origin.
    ///
    /// A server on all addresses does not know which of them are its own, so there the origin must
    /// be the very host that the request was sent to. Browsers set both headers, and a page cannot
    /// change them.
    pub(crate) fn allows_origin(&self, origin: &str, host: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        if self.allowed.origins.contains(&origin) {
            return true;
        }
        let authority = origin
            .split_once("://")
            .filter(|(scheme, _)| *scheme == self.scheme())
            .map(|(_, authority)| authority);
        authority.is_some_and(|authority| match self.any_address_on {
            Some(_) => {
                let is_same = self.without_default_port(authority)
                    == self.without_default_port(&host.to_ascii_lowercase());
                self.allowed.hosts.iter().any(|allowed| allowed == authority)
                    || (is_same && self.is_own(authority))
            }
            None => self.allows_host(authority),
        })
    }

    fn without_default_port<'a>(&self, authority: &'a str) -> &'a str {
        let default = if self.tls { ":443" } else { ":80" };
        authority.strip_suffix(default).unwrap_or(authority)
    }

    /// Returns `http` or `https`: what this server itself speaks.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// Returns whether the browser reached the server, or the proxy in front of it, through TLS.
    pub(crate) fn is_secure(&self, headers: &HeaderMap) -> bool {
        self.tls || self.is_https_in_front(text(headers, &header::HOST))
    }

    fn is_https_in_front(&self, host: &str) -> bool {
        let origin = format!("https://{}", host.to_ascii_lowercase());
        self.allowed.origins.contains(&origin)
    }

    /// Returns the WebSocket's URL for the page that sent this request.
    ///
    /// Browsers send the page's origin with each POST, which is also where a proxy is reached.
    /// Without an origin, the URL is built from `Host`. `base` is the path of the page, as it says;
    /// it counts where the server was not told one.
    pub(crate) fn session_url(&self, headers: &HeaderMap, base: &str, path: &str) -> String {
        let (origin, host) = (text(headers, &header::ORIGIN), text(headers, &header::HOST));
        let origin = Some(origin).filter(|origin| self.allows_origin(origin, host));
        let (scheme, host) = match origin.and_then(|origin| origin.split_once("://")) {
            Some((scheme, host)) => (scheme, host),
            None if self.is_secure(headers) => ("https", host),
            None => ("http", host),
        };
        let scheme = if scheme == "https" { "wss" } else { "ws" };
        let base = match &*self.allowed.base {
            "" if is_base_path(base) => format!("/{}", base.trim_matches('/')),
            base => base.to_owned(),
        };
        format!("{scheme}://{host}{base}/{path}")
    }

    /// Returns the path under which a proxy shows the application: empty, or with a slash at its
    /// beginning and none at its end.
    pub(crate) fn base(&self) -> &str {
        &self.allowed.base
    }

    /// Returns the address of a request without the path of the application. `None` if it does not have
    /// that path: there is none, or a proxy has removed it.
    pub(super) fn without_base(&self, address: &Uri) -> Option<Uri> {
        let base = Some(self.base()).filter(|base| !base.is_empty())?;
        let rest = address.path().strip_prefix(base).filter(|rest| rest.starts_with('/'))?;
        let query = address.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{rest}{query}").parse().ok()
    }

    /// Returns the origins that the user has allowed.
    pub(crate) fn allowed_origins(&self) -> &[String] {
        &self.allowed.origins
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn names(host: &str, address: &str, tls: bool, allowed: &Allowed) -> Names {
        Names::new(host, &[address.parse().unwrap()], tls, allowed).unwrap()
    }

    fn plain(host: &str, address: &str) -> Names {
        names(host, address, false, &Allowed::default())
    }

    fn behind_a_proxy() -> Names {
        let allowed = Allowed {
            hosts: vec!["App.example.com".to_owned()],
            origins: vec!["https://App.example.com:443/".to_owned()],
            ..Allowed::default()
        };
        names("127.0.0.1", "127.0.0.1:4000", false, &allowed)
    }

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        pairs.iter().map(|(name, text)| (name.clone(), value(text))).collect()
    }

    #[test]
    fn a_loopback_server_answers_to_its_names_with_its_port_only() {
        let names = plain("127.0.0.1", "127.0.0.1:4000");
        for host in ["127.0.0.1:4000", "localhost:4000", "LOCALHOST:4000", "[::1]:4000"] {
            assert!(names.allows_host(host), "{host}");
            assert!(names.allows_origin(&format!("http://{host}"), "127.0.0.1:4000"), "{host}");
        }
        for host in [
            "127.0.0.1",
            "127.0.0.1:4001",
            "evil.example:4000",
            "localhost.evil.example:4000",
            "10.0.0.1:4000",
            "127.0.0.1:4000.evil.example",
            "",
        ] {
            assert!(!names.allows_host(host), "{host}");
        }
        for origin in
            ["null", "https://127.0.0.1:4000", "http://127.0.0.1:4001", "127.0.0.1:4000", ""]
        {
            assert!(!names.allows_origin(origin, "127.0.0.1:4000"), "{origin}");
        }
    }

    #[test]
    fn a_server_on_all_addresses_answers_to_each_of_them_but_to_no_foreign_name() {
        let names = plain("0.0.0.0", "0.0.0.0:4000");
        assert!(names.allows_host("192.168.7.7:4000"));
        assert!(!names.allows_host("192.168.7.7:4001"));
        assert!(!names.allows_host("rebound.example:4000"));
        let usual = plain("::", "[::]:80");
        for host in ["192.168.7.7", "192.168.7.7:80", "[fd00::7]", "[fd00::7]:80"] {
            assert!(usual.allows_host(host), "{host}");
        }
    }

    #[test]
    fn a_server_on_all_addresses_accepts_the_origin_that_equals_the_host() {
        for (host, address) in [("0.0.0.0", "0.0.0.0:4000"), ("::", "[::]:4000")] {
            let names = plain(host, address);
            for host in ["192.168.7.7:4000", "[fd00::7]:4000", "localhost:4000", "127.0.0.1:4000"] {
                assert!(names.allows_origin(&format!("http://{host}"), host), "{host}");
                for foreign in [
                    "http://6.6.6.6:4000",
                    "http://[2001:db8::6]:4000",
                    "http://192.168.7.7:4001",
                    "http://192.168.7.7",
                    "http://evil.example:4000",
                    "null",
                    "",
                ] {
                    assert!(!names.allows_origin(foreign, host), "{foreign} to {host}");
                }
                let tls = format!("https://{host}");
                assert!(!names.allows_origin(&tls, host), "{tls} to {host}");
            }
            let rebound =
                names.allows_origin("http://rebound.example:4000", "rebound.example:4000");
            assert!(!rebound, "a name that is not its own");
            assert!(!names.allows_origin("http://localhost:4000", "127.0.0.1:4000"));
        }
        let usual = plain("0.0.0.0", "0.0.0.0:80");
        assert!(usual.allows_origin("http://192.168.7.7", "192.168.7.7:80"));
        assert!(!usual.allows_origin("http://192.168.7.8", "192.168.7.7"));
    }

    #[test]
    fn a_server_on_all_addresses_takes_what_its_user_has_allowed() {
        let allowed = Allowed {
            hosts: vec!["app.example.com:4000".to_owned()],
            origins: vec!["https://app.example.com".to_owned()],
            ..Allowed::default()
        };
        let names = names("0.0.0.0", "0.0.0.0:4000", false, &allowed);
        for origin in ["https://app.example.com", "http://app.example.com:4000"] {
            for host in ["10.0.0.1:4000", "app.example.com:4000"] {
                assert!(names.allows_origin(origin, host), "{origin} to {host}");
            }
        }
        assert!(!names.allows_origin("https://other.example.com", "app.example.com:4000"));
    }

    #[test]
    fn with_tls_the_origins_are_https_and_443_is_the_default_port() {
        let names = names("app.example.com", "10.0.0.1:443", true, &Allowed::default());
        assert!(names.allows_host("app.example.com") && names.allows_host("app.example.com:443"));
        assert!(names.allows_origin("https://app.example.com", "app.example.com"));
        assert!(!names.allows_origin("http://app.example.com", "app.example.com"));
        let from = headers(&[(header::HOST, "app.example.com")]);
        assert!(names.is_secure(&from));
        assert_eq!(names.session_url(&from, "", "ws"), "wss://app.example.com/ws");
    }

    #[test]
    fn allowed_names_are_exact() {
        let names = behind_a_proxy();
        assert!(names.allows_host("app.example.com"));
        assert!(names.allows_origin("https://app.example.com", "127.0.0.1:4000"));
        for origin in [
            "https://evil.app.example.com",
            "https://app.example.com.evil.example",
            "https://app.example.com:444",
            "null",
        ] {
            assert!(!names.allows_origin(origin, "127.0.0.1:4000"), "{origin}");
        }
        assert!(!names.allows_host("example.com") && !names.allows_host("app.example.com:4000"));
    }

    #[test]
    fn a_page_that_came_through_tls_gets_a_secure_session() {
        let names = behind_a_proxy();
        let proxied = headers(&[
            (header::HOST, "127.0.0.1:4000"),
            (header::ORIGIN, "https://app.example.com"),
        ]);
        assert_eq!(names.session_url(&proxied, "", "ws"), "wss://app.example.com/ws");
        let named = headers(&[(header::HOST, "app.example.com")]);
        assert_eq!(names.session_url(&named, "", "ws"), "wss://app.example.com/ws");
        assert!(names.is_secure(&named));
        let local = headers(&[(header::HOST, "127.0.0.1:4000")]);
        assert_eq!(names.session_url(&local, "", "ws"), "ws://127.0.0.1:4000/ws");
        assert!(!names.is_secure(&local));
    }

    #[test]
    fn requests_that_no_browser_sends_are_refused_with_a_hint() {
        let hosts =
            ["", "*", "*.example.com", "http://a.example", "a.example/x", "a:b", "a b", "::1"];
        for host in hosts {
            let error = normal_host(host).unwrap_err().to_string();
            assert!(error.contains("--allowed-host"), "{error}");
        }
        for origin in [
            "null",
            "*",
            "https://*",
            "app.example.com",
            "https://",
            "ftp://a.example",
            "https://a.example/x",
        ] {
            let error = normal_origin(origin).unwrap_err().to_string();
            assert!(error.contains("--allowed-origin"), "{error}");
        }
        assert_eq!(normal_host("[::1]:80").unwrap(), "[::1]:80");
    }

    #[test]
    fn a_base_is_a_plain_path_and_removed_only_as_a_whole() {
        let with_base = |base: &str| Allowed { base: base.to_owned(), ..Allowed::default() };
        for base in
            ["/a/../b", "/a//b", "//evil.example", "https://a", "/a?b", "/a b", "/%61", "/a\\b"]
        {
            let refused = with_base(base).normalized();
            // Slashes at both ends are not part of the path.
            assert!(refused.is_err() || base.starts_with("//"), "{base}");
        }
        let names = names("127.0.0.1", "127.0.0.1:4000", false, &with_base("apps/atlas/"));
        let without =
            |path: &str| names.without_base(&path.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(without("/apps/atlas/ws?room=1").as_deref(), Some("/ws?room=1"));
        assert_eq!(without("/apps/atlas/").as_deref(), Some("/"));
        for other in ["/apps/atlas", "/apps/atlasx/ws", "/apps/ATLAS/ws", "/ws", "/"] {
            assert_eq!(without(other), None, "{other}");
        }
    }

    #[test]
    fn a_page_says_its_path_where_the_server_does_not_know_it() {
        let headers = HeaderMap::from_iter([(header::HOST, "127.0.0.1:4000".parse().unwrap())]);
        let url = |base: &str, told: &str| {
            let allowed = Allowed { base: base.to_owned(), ..Allowed::default() };
            names("127.0.0.1", "127.0.0.1:4000", false, &allowed).session_url(&headers, told, "ws")
        };
        assert_eq!(url("", "/user/ada/proxy/8080/"), "ws://127.0.0.1:4000/user/ada/proxy/8080/ws");
        assert_eq!(url("/apps/atlas", "/other/"), "ws://127.0.0.1:4000/apps/atlas/ws");
        for nonsense in ["", "/", "//evil.example/", "/a/../b/", "/a@b:80 /"] {
            let url = url("", nonsense);
            assert!(
                url == "ws://127.0.0.1:4000/ws" || url.ends_with("4000/evil.example/ws"),
                "{url}"
            );
        }
    }
}
