//! Errors and close reasons of WebSockets.

use std::{borrow::Cow, fmt, io, time::Duration};

use bytes::Bytes;
use http::HeaderMap;

/// The reason why a WebSocket could not be opened, or can no longer be used.
///
/// ```no_run
/// use selvedge_websocket::{Connect, Error};
///
/// # async fn doc() -> Result<(), Error> {
/// match Connect::to("ws://127.0.0.1:8080/feed")?.open().await {
///     Ok(connection) => println!("{:?}", connection.receive().await?),
///     Err(Error::Rejected(rejection)) => println!("rejected: {}", rejection.status),
///     Err(Error::Unreachable { address, .. }) => println!("no server at {address}"),
///     Err(other) => return Err(other),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL is not a WebSocket URL.
    #[error("`{url}` is not a WebSocket URL: {reason}. Such a URL looks like ws://host:port/path")]
    InvalidUrl {
        /// The URL as it was given.
        url: String,
        /// The reason why it is invalid.
        reason: String,
    },

    /// A header or a subprotocol contains characters that HTTP does not allow there.
    #[error("`{name}` cannot be sent: {reason}")]
    InvalidHeader {
        /// The header or subprotocol.
        name: String,
        /// The reason why it is invalid.
        reason: &'static str,
    },

    /// The address could not be reached.
    #[error(
        "cannot connect to {address}: {cause}. Check that the server is running and that host and port are correct"
    )]
    Unreachable {
        /// Host and port as they were given.
        address: String,
        /// The error of the system: [`io::ErrorKind::ConnectionRefused`] if no program listens
        /// there.
        cause: io::Error,
    },

    /// The server's certificate was rejected, or the server does not use TLS.
    #[error(
        "no secure connection to {address}: {cause}. Check the server's certificate, or use ws:// if it has none"
    )]
    Tls {
        /// Host and port as they were given.
        address: String,
        /// The error of the TLS library.
        cause: io::Error,
    },

    /// The server did not answer with a WebSocket.
    #[error("{0}")]
    Rejected(Box<Rejection>),

    /// The peer is not a WebSocket endpoint, or broke the protocol before the connection was open.
    #[error(
        "the opening handshake failed: {0}. Check that there is a WebSocket server on the other side"
    )]
    Handshake(String),

    /// The connection was not opened in time.
    #[error(
        "{address} did not open a WebSocket within {waited:?}. Check the address, or allow a longer connect time-out"
    )]
    ConnectTimeout {
        /// The address of the peer.
        address: String,
        /// The time-out.
        waited: Duration,
    },

    /// A client did not send its opening handshake in time.
    #[error("the client sent no request for a WebSocket within {waited:?}")]
    HandshakeTimeout {
        /// The time-out.
        waited: Duration,
    },

    /// The peer did not answer the close frame in time. The connection was aborted; the peer may
    /// not have received everything.
    #[error(
        "the peer did not answer the close frame within {waited:?}, and the connection was aborted"
    )]
    DisconnectTimeout {
        /// The time-out.
        waited: Duration,
    },

    /// The connection is closed, or one side has begun to close it.
    #[error("the WebSocket is closed ({0}). Open a new one to continue")]
    ConnectionClosed(CloseReason),

    /// The peer sent a message above the limit, and was disconnected with code 1009.
    #[error(
        "the peer sent a message of more than {limit} bytes, and was disconnected. Allow more with `max_message_size`"
    )]
    MessageTooBig {
        /// Maximum size in bytes.
        limit: usize,
    },

    /// The message is not of the requested kind.
    #[error(
        "a {got} message arrived where {expected} was expected. Read it with `receive` if both may come"
    )]
    WrongKind {
        /// "text" or "binary".
        expected: &'static str,
        /// "text" or "binary".
        got: &'static str,
    },

    /// A ping with this payload is already waiting for its pong.
    #[error(
        "a ping with the same payload is still waiting for its pong. Use another payload, or none"
    )]
    PingInFlight,

    /// The payload of a ping or pong exceeds 125 bytes (RFC 6455, section 5.5).
    #[error("a ping or pong carries at most 125 bytes, {0} were given")]
    PayloadTooBig(usize),

    /// The accepted subprotocol was not proposed by the client.
    #[error(
        "the client has not proposed the subprotocol `{0}`. Accept one of those that the request lists"
    )]
    NotProposed(String),
}

/// An HTTP answer that does not open a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejection {
    /// The status: 404 for a wrong path, 403 for a wrong `Host` or `Origin`.
    pub status: u16,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The beginning of the body of the answer, at most 64 KiB.
    pub body: Bytes,
}

impl Rejection {
    pub(crate) fn new(status: u16, headers: HeaderMap, body: Bytes) -> Self {
        Rejection { status, headers, body }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cure = match self.status {
            404 => "Check the path",
            401 | 403 => "Check the address and the headers that identify the client",
            _ => "Check that the address is that of a WebSocket",
        };
        let status = self.status;
        write!(f, "the server answered {status} instead of opening a WebSocket (101). {cure}")
    }
}

/// The reason why a WebSocket ended: the code and the text of the close frame (RFC 6455, section
/// 7.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CloseReason {
    /// The close code. 1005 stands for a close frame without a code, 1006 for an end without a
    /// close frame.
    pub code: u16,
    /// The text, empty if there is none.
    pub reason: Cow<'static, str>,
}

impl CloseReason {
    /// Returns a reason with a code and a text.
    pub fn new(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        CloseReason { code, reason: reason.into() }
    }

    /// Returns the reason of a connection that ended without a close frame: code 1006.
    pub fn abnormal(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(1006, reason)
    }

    /// Returns the standard name of the code from the IANA registry, or the name of its range.
    pub fn name(&self) -> &'static str {
        match self.code {
            1000 => "NORMAL_CLOSURE",
            1001 => "GOING_AWAY",
            1002 => "PROTOCOL_ERROR",
            1003 => "UNSUPPORTED_DATA",
            1005 => "NO_STATUS_RCVD",
            1006 => "ABNORMAL_CLOSURE",
            1007 => "INVALID_FRAME_PAYLOAD_DATA",
            1008 => "POLICY_VIOLATION",
            1009 => "MESSAGE_TOO_BIG",
            1010 => "MANDATORY_EXT",
            1011 => "INTERNAL_ERROR",
            1012 => "SERVICE_RESTART",
            1013 => "TRY_AGAIN_LATER",
            1014 => "BAD_GATEWAY",
            1015 => "TLS_HANDSHAKE_FAILED",
            1004 | 1016..=2999 => "RFC_RESERVED",
            3000..=3999 => "IANA_RESERVED",
            4000..=4999 => "PRIVATE_RESERVED",
            _ => "INVALID_CODE",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.name())?;
        if !self.reason.is_empty() {
            write!(f, ": {}", self.reason)?;
        }
        Ok(())
    }
}

/// The close reason for a message of more than this many bytes.
pub(crate) fn too_big(limit: usize) -> CloseReason {
    CloseReason::new(1009, format!("A message of more than {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_have_their_standard_names() {
        let name = |code| CloseReason::new(code, "").name();
        assert_eq!(name(1000), "NORMAL_CLOSURE");
        assert_eq!(name(1005), "NO_STATUS_RCVD");
        assert_eq!(name(1004), "RFC_RESERVED");
        assert_eq!(name(2999), "RFC_RESERVED");
        assert_eq!(name(3000), "IANA_RESERVED");
        assert_eq!(name(4999), "PRIVATE_RESERVED");
        assert_eq!(name(999), "INVALID_CODE");
        assert_eq!(name(5000), "INVALID_CODE");
        let reason = CloseReason::new(1001, "Server shutdown");
        assert_eq!(reason.to_string(), "1001 GOING_AWAY: Server shutdown");
    }
}
