//! Headers of HTTP responses, and the sources that pages may load from.

use std::collections::{BTreeMap, BTreeSet};

use super::Server;
use crate::{Error, Result};

/// A kind of resource that the built-in page may load or reach only from this server, unless
/// [`Server::allow_source`] allows another source.
///
/// Images, styles, fonts, media, frames and what scripts fetch over HTTP may come from anywhere and
/// need no permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Source {
    /// Scripts, and workers created from them (`script-src`). The scripts of modules are always
    /// allowed. Code from an allowed source can do everything that the page can.
    Script,
    /// Workers only (`worker-src`).
    Worker,
    /// Addresses that scripts connect to (`connect-src`): `wss://broker.example`. HTTP is always
    /// allowed.
    ///
    /// Name each host. With `wss:` or `*`, a link (`?sessionURL=`) can make the page show templates
    /// of any server.
    Connect,
    /// Plug-ins, and documents in `<object>` and `<embed>` (`object-src`).
    Object,
    /// Pages that may embed the application in a frame (`frame-ancestors`). Origins
    /// [allowed](crate::StartOptions::allowed_origin) at the start may always do so.
    FrameAncestor,
}

/// The sources that the application allows.
pub(crate) type AllowedSources = BTreeMap<Source, BTreeSet<String>>;

/// Headers that the server sets itself, each with the hint for [`Error::OwnHeader`].
const OWN_HEADERS: [(&str, &str); 11] = [
    ("content-security-policy", "Allow further sources with `Server::allow_source`"),
    ("x-content-type-options", EVERY_ANSWER),
    ("referrer-policy", EVERY_ANSWER),
    ("cross-origin-resource-policy", EVERY_ANSWER),
    ("connection", TRANSPORT),
    ("content-length", TRANSPORT),
    ("keep-alive", TRANSPORT),
    ("te", TRANSPORT),
    ("trailer", TRANSPORT),
    ("transfer-encoding", TRANSPORT),
    ("upgrade", TRANSPORT),
];

const EVERY_ANSWER: &str =
    "Each answer already has it, with a value that protects the pages; leave it out";

const TRANSPORT: &str = "It describes how a single answer is sent; leave it out";

impl Server {
    /// Sets a header on every HTTP response that does not have it already, or removes it with
    /// `None`.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.set_http_header("X-Lab", Some("7"))?;
    /// assert_eq!(server.http_headers()["x-lab"], "7");
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Header`] if the name or value is not valid in a header. [`Error::OwnHeader`] for a
    /// header that the server sets itself, such as `Content-Security-Policy`: see
    /// [`allow_source`](Self::allow_source).
    pub fn set_http_header(&self, name: &str, value: Option<&str>) -> Result<()> {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let valid = !name.is_empty() && name.chars().all(is_token);
        if !valid
            || value.is_some_and(|value| value.chars().any(|c| c.is_control() || !c.is_ascii()))
        {
            return Err(Error::Header(name.to_owned()));
        }
        let name = name.to_ascii_lowercase();
        if let Some((_, hint)) = OWN_HEADERS.iter().find(|(own, _)| *own == name) {
            return Err(Error::OwnHeader { name, hint });
        }
        let mut settings = self.settings();
        match value {
            Some(value) => drop(settings.headers.insert(name, value.to_owned())),
            None => drop(settings.headers.remove(&name)),
        }
        Ok(())
    }

    /// Returns the headers set on every HTTP response, by their names in lower case.
    pub fn http_headers(&self) -> BTreeMap<String, String> {
        self.settings().headers.clone()
    }

    /// Lets pages use `SharedArrayBuffer`, which browsers allow only in cross-origin isolated
    /// pages.
    pub fn enable_shared_array_buffer(&self) {
        let mut settings = self.settings();
        for (name, value) in [
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
        ] {
            settings.headers.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Widens the content security policy: lets the page load from, or connect to, one more source.
    ///
    /// `source` is a source expression of the policy:
    /// - a host with its scheme, and with a port or path if needed: `https://cdn.example/lib/`,
    ///   `wss://robot.local:9090`, `https://*.tiles.example`
    /// - a scheme with its colon: `data:`
    /// - for scripts, the hash of an inline script: `'sha256-…'`
    ///
    /// It applies to pages loaded from then on. [`Source`] lists what needs permission. Pages of
    /// modules and of `--content` have no policy except for [`Source::FrameAncestor`].
    ///
    /// ```
    /// use selvedge::{Server, pages::Source};
    ///
    /// let server = Server::new("doc");
    /// server
    ///     .allow_source(Source::Connect, "wss://robot.local:9090")?
    ///     .allow_source(Source::Script, "https://cdn.example")?;
    /// assert!(server.allow_source(Source::Script, "https://a.example; object-src *").is_err());
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if `source` is not a single source expression.
    pub fn allow_source(&self, kind: Source, source: &str) -> Result<&Self> {
        if !is_source(kind, source) {
            return Err(Error::InvalidOption {
                option: "a source of the content security policy",
                value: source.to_owned(),
                hint: "Give one host with its scheme (https://cdn.example, wss://robot.local:9090), a scheme with its colon \
                       (data:), or for a script its hash ('sha256-…')",
            });
        }
        self.settings().allowed_sources.entry(kind).or_default().insert(source.to_owned());
        Ok(self)
    }
}

/// Returns whether the text is one source expression (Content Security Policy Level 3, section
/// 2.3.1) that can widen a directive.
fn is_source(kind: Source, source: &str) -> bool {
    if let Some(quoted) = source.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return kind == Source::Script && is_hash(quoted);
    }
    let (scheme, rest) = match source.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => match source.strip_suffix(':') {
            Some(scheme) => return is_scheme(scheme),
            None => (None, source),
        },
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let is_path = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&()*+=:@".contains(c);
    scheme.is_none_or(is_scheme) && is_authority(authority) && path.chars().all(is_path)
}

fn is_hash(text: &str) -> bool {
    let digest = ["sha256-", "sha384-", "sha512-"].iter().find_map(|name| text.strip_prefix(name));
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
    digest.is_some_and(|digest| !digest.is_empty() && digest.chars().all(is_base64))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Returns whether the text is a host, `*` or `*.host`, with an optional port or `:*`.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = |port: &str| port == "*" || port.parse::<u16>().is_ok();
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host == "*" || host.strip_prefix("*.").unwrap_or(host).split('.').all(is_label),
    };
    is_host && port.is_none_or(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_single_source_expression_is_accepted() {
        for source in [
            "https://cdn.example",
            "https://cdn.example:8443/lib/v1/",
            "wss://robot.local:9090",
            "ws://127.0.0.1:*",
            "ws://[::1]:9090",
            "https://*.tiles.example",
            "tiles.example",
            "data:",
            "wss:",
            "*",
        ] {
            assert!(is_source(Source::Connect, source), "{source}");
        }
        for source in [
            "",
            " ",
            "https://a.example;object-src *",
            "https://a.example https://b.example",
            "https://a.example,https://b.example",
            "https://a.example\r\nx: y",
            "https://",
            "https://a..example",
            "https://user@a.example",
            "https://a.example:99999",
            "https://a.example/x;y",
            "https://a.example/?x",
            "://a.example",
            "'none'",
            "'unsafe-inline'",
            "'self",
            "é.example",
        ] {
            assert!(!is_source(Source::Connect, source), "{source}");
        }
        let hash = "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='";
        assert!(is_source(Source::Script, hash) && !is_source(Source::Connect, hash));
        assert!(!is_source(Source::Script, "'sha256-'") && !is_source(Source::Script, "'sha1-a'"));
    }
}
