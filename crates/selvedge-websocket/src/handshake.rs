//! The opening handshake (RFC 6455, section 4): what both ends compute, and what a server checks.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header,
};
use sha1::{Digest, Sha1};

use crate::{deflate, header_list::items};

/// Appended to the client's key, so that only a WebSocket server gives the right answer (section
/// 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The only WebSocket protocol version.
const VERSION: &str = "13";

/// Returns the `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key`.
pub(crate) fn accept_key(key: &[u8]) -> String {
    let hash = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    BASE64_STANDARD.encode(hash)
}

/// An opening handshake that a server has checked.
///
/// For HTTP servers that decide by themselves. Others pass a [`Request`](crate::Request) on.
#[derive(Clone, Debug)]
pub struct Handshake {
    key: HeaderValue,
    subprotocols: Vec<String>,
    offers_compression: bool,
    compression: bool,
}

impl Handshake {
    /// Checks the headers that an opening handshake must have (RFC 6455, section 4.2.1).
    ///
    /// # Errors
    /// A [`Refusal`], which the HTTP server answers with.
    pub fn check<B>(request: &Request<B>) -> Result<Self, Refusal> {
        let headers = request.headers();
        let upgrades = lists(headers, &header::CONNECTION, "upgrade")
            && lists(headers, &header::UPGRADE, "websocket");
        if request.method() != Method::GET || request.version() != Version::HTTP_11 || !upgrades {
            return Err(Refusal::NoUpgrade);
        }
        if !lists(headers, &header::SEC_WEBSOCKET_VERSION, VERSION) {
            return Err(Refusal::Version);
        }
        single(headers, &header::HOST).ok_or(Refusal::Host)?;
        let is_key = |key: &&HeaderValue| {
            let nonce = BASE64_STANDARD.decode(key.as_bytes());
            nonce.is_ok_and(|nonce| nonce.len() == 16)
        };
        let key = single(headers, &header::SEC_WEBSOCKET_KEY).filter(is_key).cloned();
        let key = key.ok_or(Refusal::Key)?;
        let proposed = items(headers, &header::SEC_WEBSOCKET_PROTOCOL);
        let subprotocols: Vec<String> = proposed.map(str::to_owned).collect();
        if !subprotocols.iter().all(|name| is_token(name)) {
            return Err(Refusal::Subprotocol);
        }
        let offers_compression = deflate::is_offered(headers);
        Ok(Handshake { key, subprotocols, offers_compression, compression: false })
    }

    /// Accepts compression (RFC 7692) if the client offers it. Returns `true` if it was accepted.
    pub fn accept_compression(&mut self) -> bool {
        self.compression = self.offers_compression;
        self.compression
    }

    /// The subprotocols that the client proposes, in order of preference.
    pub fn subprotocols(&self) -> &[String] {
        &self.subprotocols
    }

    /// Returns the response that switches the connection to WebSocket. Headers of the handshake
    /// replace those in `headers`.
    pub fn response(&self, subprotocol: Option<&str>, mut headers: HeaderMap) -> Response<()> {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
        headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
        let own = [
            (header::SEC_WEBSOCKET_ACCEPT, Some(accept_key(self.key.as_bytes()))),
            (header::SEC_WEBSOCKET_PROTOCOL, subprotocol.map(str::to_owned)),
        ];
        if self.compression {
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, deflate::AGREEMENT);
        }
        for (name, value) in own {
            // Both are valid header values.
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                headers.insert(name, value);
            }
        }
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.headers_mut() = headers;
        response
    }
}

/// Why a request is not an opening handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request is not a `GET` of HTTP/1.1 that asks for an upgrade to WebSocket.
    #[error("This is a WebSocket: connect to it with ws://.")]
    NoUpgrade,
    /// The version is not 13.
    #[error("Only version 13 of WebSocket is supported.")]
    Version,
    /// `Host` is missing, or given more than once.
    #[error("Host must be given once.")]
    Host,
    /// `Sec-WebSocket-Key` is missing, wrong, or given more than once.
    #[error("Sec-WebSocket-Key must be 16 bytes in base64.")]
    Key,
    /// `Sec-WebSocket-Protocol` is not a list of tokens.
    #[error("Sec-WebSocket-Protocol must be a list of tokens.")]
    Subprotocol,
}

impl Refusal {
    /// Returns the response of an HTTP server.
    pub fn response(self) -> Response<String> {
        let mut response = Response::new(format!("{self}\n"));
        *response.status_mut() = match self {
            Refusal::NoUpgrade | Refusal::Version => StatusCode::UPGRADE_REQUIRED,
            Refusal::Host | Refusal::Key | Refusal::Subprotocol => StatusCode::BAD_REQUEST,
        };
        let headers = response.headers_mut();
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, text);
        match self {
            Refusal::NoUpgrade => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            Refusal::Version => {
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
            }
            Refusal::Host | Refusal::Key | Refusal::Subprotocol => {}
        }
        response
    }
}

/// Whether this is a token that may appear in a list, such as a subprotocol (RFC 6455, section
/// 4.1).
pub(crate) fn is_token(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte))
}

/// Returns whether a comma-separated header contains this word, ignoring case.
pub(crate) fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    items(headers, name).any(|item| item.eq_ignore_ascii_case(word))
}

/// Returns the value of a header that is given once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_holds() {
        let accept = accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
