//! The server's end of a WebSocket over a stream, without an HTTP library.

use std::{io, time::Duration};

use bytes::{Buf, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, Uri, Version};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    Stream,
    error::Error,
    options::Options,
    request::{Decision, Pending, Request},
    time_limits::within,
};

/// For how long, and with how many bytes, a refused client may continue to send before its stream
/// is closed. A TCP stream that is closed with bytes unread is reset, and the client may lose the
/// answer.
const LINGER: (Duration, u64) = (Duration::from_secs(1), 256 * 1024);

/// Reads a client's request for a WebSocket from a stream: a TCP connection, a Unix socket, one end
/// of a pipe.
///
/// An HTTP request that is not an opening handshake gets an error response that says why; bytes
/// that are not HTTP get no answer. The limits of `options` for headers and its connect time-out
/// apply to the request and to its answer; [`Request::options`] can set others for the connection.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), selvedge_websocket::Error> {
/// use selvedge_websocket::{Connect, Options, accept};
///
/// let (here, there) = tokio::io::duplex(4096);
/// let server = tokio::spawn(async {
///     let request = accept(there, Options::new()).await?;
///     assert_eq!(request.path(), "/feed");
///     request.accept().await?.send("hello").await
/// });
/// let client = Connect::to("ws://server/feed")?.over(here).await?;
/// assert_eq!(client.receive_text().await?, "hello");
/// # server.await.expect("it does not panic")?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Handshake`] if the client does not ask for a WebSocket or disconnects;
/// [`Error::HandshakeTimeout`] if it takes too long.
///
/// # Cancellation
/// The stream is dropped.
///
/// # Panics
/// Outside of a tokio runtime.
pub async fn accept(stream: impl Stream, options: Options) -> Result<Request, Error> {
    within(options.connect_timeout, receive(stream, options))
        .await
        .unwrap_or_else(|waited| Err(Error::HandshakeTimeout { waited }))
}

async fn receive(mut stream: impl Stream, options: Options) -> Result<Request, Error> {
    let mut ahead = BytesMut::with_capacity(2048);
    let request = read_request(&mut stream, &mut ahead, &options).await?;
    match Request::new(&request) {
        Ok((request, pending)) => {
            tokio::spawn(answer(stream, ahead, pending, options.connect_timeout));
            Ok(request.options(options))
        }
        Err(refusal) => {
            refuse(stream, &refusal.response()).await;
            Err(Error::Handshake(format!("the client was answered: {refusal}")))
        }
    }
}

/// Sends the answer within the time limit, and passes the stream of an accepted request on.
async fn answer(
    mut stream: impl Stream,
    ahead: BytesMut,
    pending: Pending,
    limit: Option<Duration>,
) {
    let Some(decision) = pending.decision().await else {
        return;
    };
    let answering = async {
        match decision {
            Decision::Accept(response, upgrade) => {
                // If the client has disconnected, dropping the upgrade reports it.
                if send(&mut stream, &response, b"").await.is_ok() {
                    upgrade.complete(stream, ahead);
                }
            }
            Decision::Reject(response) => refuse(stream, &response).await,
        }
    };
    // A client that does not read the answer is dropped.
    let _ = within(limit, answering).await;
}

/// Sends a final answer, and closes the stream so that the client can read it. Failures are
/// ignored: they mean that the client has disconnected.
async fn refuse(mut stream: impl Stream, response: &Response<impl AsRef<[u8]>>) {
    let sent = send(&mut stream, response, response.body().as_ref()).await;
    if sent.is_err() || stream.shutdown().await.is_err() {
        return;
    }
    let (longest, most) = LINGER;
    let mut rest = stream.take(most);
    drop(timeout(longest, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await);
}

async fn send<B>(stream: &mut impl Stream, response: &Response<B>, body: &[u8]) -> io::Result<()> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or("Other");
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    put_headers(&mut head, response.headers());
    if !status.is_informational() {
        head.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        head.extend_from_slice(b"connection: close\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head.extend_from_slice(body);
    stream.write_all(&head).await?;
    stream.flush().await
}

/// Writes header lines.
pub(crate) fn put_headers<'a>(
    head: &mut Vec<u8>,
    headers: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)>,
) {
    for (name, value) in headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
}

/// Reads up to the end of the headers. The bytes that follow stay in `ahead`.
async fn read_request(
    stream: &mut impl Stream,
    ahead: &mut BytesMut,
    options: &Options,
) -> Result<http::Request<()>, Error> {
    const MISSING: &str = "the client closed the connection without a request";
    read_head(stream, ahead, options, "request", MISSING, |bytes, fields| {
        let mut request = httparse::Request::new(fields);
        let httparse::Status::Complete(size) = request.parse(bytes)? else {
            return Ok(None);
        };
        let mut parsed = http::Request::new(());
        let method = request.method.unwrap_or_default().as_bytes();
        let headers = headers(request.headers);
        let (Ok(method), Ok(uri), Some(headers)) =
            (Method::from_bytes(method), request.path.unwrap_or_default().parse::<Uri>(), headers)
        else {
            return Err(httparse::Error::HeaderName);
        };
        *parsed.method_mut() = method;
        *parsed.uri_mut() = uri;
        *parsed.headers_mut() = headers;
        *parsed.version_mut() =
            if request.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
        Ok(Some((parsed, size)))
    })
    .await
}

/// Converts the fields of a head; `None` if HTTP does not allow one of them.
pub(crate) fn headers(fields: &[httparse::Header<'_>]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_bytes(field.value).ok()?);
    }
    Some(headers)
}

/// Reads and parses the head of an HTTP message. The bytes that follow stay in `ahead`. `what` is
/// the message in errors; `missing` is the error if the stream ends before it.
pub(crate) async fn read_head<T>(
    stream: &mut impl Stream,
    ahead: &mut BytesMut,
    options: &Options,
    what: &str,
    missing: &str,
    parse: impl for<'a, 'b> Fn(
        &'b [u8],
        &'a mut [httparse::Header<'b>],
    ) -> Result<Option<(T, usize)>, httparse::Error>,
) -> Result<T, Error> {
    let (limit, count) = (options.max_header_bytes, options.max_headers);
    loop {
        // There cannot be more headers than bytes, however large the limit is.
        let mut fields = vec![httparse::EMPTY_HEADER; count.min(ahead.len())];
        match parse(ahead, &mut fields) {
            Ok(Some((head, size))) if size <= limit => {
                drop(fields);
                ahead.advance(size);
                return Ok(head);
            }
            Ok(_) => {}
            Err(httparse::Error::TooManyHeaders) => {
                let text = format!("the {what} has more than {count} headers");
                return Err(Error::Handshake(text));
            }
            Err(error) => {
                return Err(Error::Handshake(format!("the {what} is not HTTP: {error}")));
            }
        }
        drop(fields);
        if ahead.len() > limit {
            let text = format!("the {what} has more than {limit} bytes of headers");
            return Err(Error::Handshake(text));
        }
        if stream.read_buf(ahead).await.map_err(broken)? == 0 {
            return Err(Error::Handshake(missing.to_owned()));
        }
    }
}

pub(crate) fn broken(error: io::Error) -> Error {
    Error::Handshake(format!("the connection broke: {error}"))
}
