//! WebSockets (RFC 6455) on either end: bounded, typed, with built-in time-outs.
//!
//! A server gets its connections from [`Server::websocket`](crate::Server::websocket), a program
//! that connects to others from [`client::Connect`](crate::client::Connect). Both get the same
//! [`Connection`].

// - `frame`: bytes to messages, and back; `handshake`: what both sides of an opening compute
// - `inbox`, `outbox`: received messages, and messages to be sent, each within its bounds
// - `pings`: pings that wait for their pongs
// - `driver`: the task that owns the stream and moves bytes
// - `connection`: the application's handle; `request`: what it gets before there is a connection
//
// What must hold: every waiting task is woken when the connection ends, and learns why; the stream
// is dropped when the last handle is, at the latest after the time-out for closing; memory is
// bounded whatever the peer does. Nothing here knows how a connection was opened.

mod connection;
mod driver;
mod frame;
mod frames;
mod handshake;
mod inbox;
mod options;
mod outbox;
mod pings;
mod request;

use std::borrow::Cow;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

pub use crate::error::{CloseReason, Rejection, WebSocketError};
pub(crate) use connection::About;
pub use connection::Connection;
pub(crate) use frame::Event;
pub(crate) use frames::{FrameReader, FrameWriter, ReadError, server_frames};
pub(crate) use handshake::accept_key;
pub use options::Options;
pub use request::Request;
pub(crate) use request::{Accepted, Decision, Opening, check_header, is_token};

/// Which end of a connection this is. It decides which end masks its frames, and which end closes
/// the stream first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The end that connected.
    Client,
    /// The end that accepted.
    Server,
}

/// A stream of bytes that a WebSocket can run over.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

/// A message. Text and bytes are distinct, as on the wire.
///
/// ```
/// use selvedge::websocket::Message;
///
/// let message = Message::from("grüezi");
/// assert_eq!((message.len(), message.as_bytes()[0]), (7, b'g'));
/// assert!(message.clone().into_bytes().is_err(), "text is no bytes");
/// assert_eq!(message.into_text()?, "grüezi");
/// # Ok::<(), selvedge::websocket::WebSocketError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// Size of the content in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the content is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The content as bytes, for text and binary messages.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
        }
    }

    /// Returns the text.
    ///
    /// # Errors
    /// [`WebSocketError::WrongKind`] for bytes.
    pub fn into_text(self) -> Result<String, WebSocketError> {
        match self {
            Message::Text(text) => Ok(text),
            Message::Binary(_) => {
                Err(WebSocketError::WrongKind { expected: "text", got: "binary" })
            }
        }
    }

    /// Returns the bytes.
    ///
    /// # Errors
    /// [`WebSocketError::WrongKind`] for text.
    pub fn into_bytes(self) -> Result<Bytes, WebSocketError> {
        match self {
            Message::Binary(bytes) => Ok(bytes),
            Message::Text(_) => Err(WebSocketError::WrongKind { expected: "binary", got: "text" }),
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Message::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Message::Text(text.to_owned())
    }
}

impl From<Cow<'_, str>> for Message {
    fn from(text: Cow<'_, str>) -> Self {
        Message::Text(text.into_owned())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Message::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Message::Binary(bytes.into())
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Message::Binary(Bytes::copy_from_slice(bytes))
    }
}

impl<const N: usize> From<&[u8; N]> for Message {
    fn from(bytes: &[u8; N]) -> Self {
        Message::Binary(Bytes::copy_from_slice(bytes))
    }
}
