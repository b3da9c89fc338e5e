//! WebSockets (RFC 6455) on either end, over any stream: bounded, typed, with built-in time-outs
//! and heartbeats.
//!
//! - [`Connect`] opens a WebSocket by URL, by host and port, or over a stream. The feature `tls`, a
//!   default, adds `wss`.
//! - [`accept`] reads a client's request from a stream. [`Request::new`] makes one from the request
//!   of an HTTP server, such as axum or hyper.
//! - Both lead to the same [`Connection`], a handle that several tasks can use at once. Its limits
//!   and time-outs are [`Options`].
//! - [`frames`] is for servers that have queues of their own.
//!
//! ```no_run
//! # async fn doc() -> Result<(), selvedge_websocket::Error> {
//! use selvedge_websocket::Connect;
//!
//! let connection = Connect::to("ws://127.0.0.1:8080/feed")?.open().await?;
//! connection.send("hello").await?;
//! println!("{}", connection.receive_text().await?);
//! connection.close(1000, "").await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What holds
//!
//! - Every waiting task is woken when the connection ends, and learns why.
//! - The stream is dropped when the last handle is, at the latest after the time-out for closing.
//! - Memory is bounded whatever the peer does. Limits are checked before a payload is read.
//! - Text is checked as it arrives, and compressed text when it is complete. Both ends pass all cases of the Autobahn test suite.
//!
//! Messages are compressed where both ends choose to: see [`Options::compression`].
#![forbid(unsafe_code)]

// - `frame`: bytes to messages, and back; `handshake`: what both ends of an opening compute
// - `deflate`: compression of messages, and its negotiation
// - `connect`, `upgrade`, `tls`: the client's end of an opening; `accept`, `request`: the server's
// - `inbox`, `outbox`: received messages, and messages to be sent, each within its bounds
// - `pings`: pings that wait for their pongs
// - `heartbeat`: detects lost peers; `frames`: reading and writing
// - `driver`: the task that owns the stream and moves bytes
// - `connection`: the application's handle

mod accept;
mod connect;
mod connection;
mod deflate;
mod driver;
mod error;
mod frame;
pub mod frames;
mod gate;
mod handshake;
mod header_list;
mod heartbeat;
mod inbox;
mod message;
mod options;
mod outbox;
mod pings;
mod request;
mod time_limits;
#[cfg(feature = "tls")]
mod tls;
mod upgrade;

use tokio::io::{AsyncRead, AsyncWrite};

pub use accept::accept;
pub use connect::Connect;
pub use connection::Connection;
pub use error::{CloseReason, Error, Rejection};
pub use handshake::{Handshake, Refusal};
pub use message::Message;
pub use options::Options;
pub use request::{Accepted, Decision, Pending, Request, Upgrade};
#[cfg(feature = "tls")]
pub use tokio_rustls::rustls;

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

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
