//! The client's side of the opening handshake (RFC 6455, section 4.1).

use std::net::SocketAddr;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    Role, Stream,
    accept::{broken, headers, put_headers, read_head},
    connection::{About, Connection},
    deflate,
    error::{Error, Rejection},
    handshake::{accept_key, lists},
    heartbeat::Traffic,
    options::Options,
};

/// Maximum size in bytes of the body that is read from an answer other than 101.
const MAX_BODY: usize = 64 * 1024;

/// What a client asks for.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) target: Target,
    pub(crate) headers: HeaderMap,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) options: Options,
}

/// The server to connect to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) secure: bool,
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// With the query.
    pub(crate) path: String,
}

impl Target {
    /// Returns host and port as in a URL, and in the `Host` header if the port is not the scheme's
    /// default.
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    /// Returns the `Host` header (RFC 6455, section 4.1).
    pub(crate) fn host_header(&self) -> String {
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

/// Sends the request, reads the answer, and starts the connection.
pub(crate) async fn upgrade(
    mut stream: impl Stream,
    opening: &Opening,
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
) -> Result<Connection, Error> {
    let key = key()?;
    stream.write_all(&request(opening, &key)).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut ahead = BytesMut::with_capacity(2048);
    let answer = read_answer(&mut stream, &mut ahead, opening).await?;
    if answer.status != 101 {
        let body = body(&mut stream, ahead, &answer).await;
        let rejection = Rejection::new(answer.status, answer.headers, body);
        return Err(Error::Rejected(Box::new(rejection)));
    }
    let subprotocol = check(&answer.headers, &key, opening)?;
    let mut options = opening.options.clone();
    let agreed = answer.headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS);
    options.compression = Some(agreed);
    let about = About {
        local,
        remote,
        path: opening.target.path.clone(),
        subprotocol,
        headers: answer.headers,
    };
    let traffic = Traffic::new(None);
    Ok(Connection::start(stream, ahead, Role::Client, options, traffic, about))
}

fn key() -> Result<String, Error> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| {
        Error::Handshake(format!("the system could not provide random numbers: {error}"))
    })?;
    Ok(BASE64_STANDARD.encode(nonce))
}

/// Writes the request. Headers of the caller come last, without those that the handshake sets.
fn request(opening: &Opening, key: &str) -> Vec<u8> {
    const OWN: [HeaderName; 7] = [
        header::HOST,
        header::UPGRADE,
        header::CONNECTION,
        header::SEC_WEBSOCKET_KEY,
        header::SEC_WEBSOCKET_VERSION,
        header::SEC_WEBSOCKET_PROTOCOL,
        header::SEC_WEBSOCKET_EXTENSIONS,
    ];
    let (path, host) = (&opening.target.path, opening.target.host_header());
    let mut head = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
    );
    if !opening.subprotocols.is_empty() {
        let list = opening.subprotocols.join(", ");
        head += &format!("Sec-WebSocket-Protocol: {list}\r\n");
    }
    if opening.options.compresses() {
        head += &format!("Sec-WebSocket-Extensions: {}\r\n", deflate::OFFER);
    }
    let mut head = head.into_bytes();
    put_headers(&mut head, opening.headers.iter().filter(|(name, _)| !OWN.contains(name)));
    head.extend_from_slice(b"\r\n");
    head
}

struct Answer {
    status: u16,
    headers: HeaderMap,
}

/// Reads up to the end of the headers. The bytes that follow stay in `ahead`.
async fn read_answer(
    stream: &mut impl Stream,
    ahead: &mut BytesMut,
    opening: &Opening,
) -> Result<Answer, Error> {
    const MISSING: &str = "the server closed the connection without an answer";
    read_head(stream, ahead, &opening.options, "answer", MISSING, |bytes, fields| {
        let mut response = httparse::Response::new(fields);
        let httparse::Status::Complete(size) = response.parse(bytes)? else {
            return Ok(None);
        };
        let headers = headers(response.headers).ok_or(httparse::Error::HeaderName)?;
        let status = response.code.unwrap_or_default();
        Ok(Some((Answer { status, headers }, size)))
    })
    .await
}

/// Checks an answer 101 and returns the subprotocol that the server has chosen.
fn check(headers: &HeaderMap, key: &str, opening: &Opening) -> Result<Option<String>, Error> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let wrong = |what: &str| Err(Error::Handshake(what.to_owned()));
    if !text(&header::UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        return wrong("the answer lacks `Upgrade: websocket`");
    }
    if !lists(headers, &header::CONNECTION, "upgrade") {
        return wrong("the answer lacks `Connection: Upgrade`");
    }
    if text(&header::SEC_WEBSOCKET_ACCEPT) != Some(&accept_key(key.as_bytes())) {
        return wrong(
            "the answer's Sec-WebSocket-Accept does not fit: it comes from a cache or another server",
        );
    }
    let fits = match opening.options.compresses() {
        true => deflate::is_valid_answer(headers),
        false => !headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS),
    };
    if !fits {
        return wrong("the server uses an extension that was not asked for");
    }
    let mut chosen = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    match (chosen.next(), chosen.next()) {
        (None, _) => Ok(None),
        (Some(name), None) if opening.subprotocols.iter().any(|known| name == known) => {
            Ok(name.to_str().ok().map(str::to_owned))
        }
        _ => wrong("the server chose a subprotocol that was not proposed"),
    }
}

/// Reads the body of an answer, up to the limit. Failures are ignored, since the answer is a
/// rejection in any case.
async fn body(stream: &mut impl Stream, mut ahead: BytesMut, answer: &Answer) -> Bytes {
    if answer.status < 200 || matches!(answer.status, 204 | 304) {
        return Bytes::new();
    }
    let value = |name: HeaderName| answer.headers.get(name)?.to_str().ok();
    let chunked = value(header::TRANSFER_ENCODING)
        .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
    let length = value(header::CONTENT_LENGTH).and_then(|value| value.trim().parse().ok());
    let wanted = match length {
        Some(length) if !chunked => MAX_BODY.min(length),
        _ => MAX_BODY,
    };
    loop {
        if chunked && let Some(whole) = dechunk(&ahead) {
            return whole;
        }
        if ahead.len() >= wanted {
            break;
        }
        match stream.read_buf(&mut ahead).await {
            Ok(count) if count > 0 => {}
            _ => break,
        }
    }
    ahead.truncate(wanted);
    ahead.freeze()
}

/// Joins the chunks of an HTTP body (RFC 9112, section 7.1); `None` if it is incomplete.
fn dechunk(mut bytes: &[u8]) -> Option<Bytes> {
    let mut whole = BytesMut::new();
    loop {
        let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(bytes)
        else {
            return None;
        };
        if size == 0 {
            return Some(whole.freeze());
        }
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        whole.extend_from_slice(bytes.get(start..end)?);
        bytes = bytes.get(end..)?.strip_prefix(b"\r\n")?;
    }
}
