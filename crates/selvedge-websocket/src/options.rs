//! Time-outs and limits of one connection.

use std::time::Duration;

/// Time-outs and limits of a WebSocket. `None` disables a time-out, [`usize::MAX`] a limit.
///
/// ```
/// use std::time::Duration;
/// use selvedge_websocket::Options;
///
/// let patient = Options::new().connect_timeout(Duration::from_secs(300)).heartbeat(None);
/// let large = Options::new().max_message_size(64 << 20);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) disconnect_timeout: Option<Duration>,
    pub(crate) message_timeout: Option<Duration>,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) max_message_size: usize,
    pub(crate) receive_queue: usize,
    pub(crate) receive_queue_bytes: usize,
    pub(crate) send_buffer: usize,
    pub(crate) max_headers: usize,
    pub(crate) max_header_bytes: usize,
    pub(crate) compression: Option<bool>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            connect_timeout: Some(Duration::from_secs(60)),
            disconnect_timeout: Some(Duration::from_secs(60)),
            message_timeout: Some(Duration::from_secs(60)),
            heartbeat: Some(Duration::from_secs(30)),
            max_message_size: 1 << 20,
            receive_queue: 16,
            receive_queue_bytes: 4 << 20,
            send_buffer: 1 << 20,
            max_headers: 64,
            max_header_bytes: 16 << 10,
            compression: None,
        }
    }
}

impl Options {
    /// Returns the defaults, which are listed at each method.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time-out for opening a connection. Default 60 s.
    ///
    /// A client has this time for name resolution, connecting, TLS and the opening handshake
    /// together. A server has it to read a request ([`accept`](crate::accept)), and again to send
    /// the answer.
    pub fn connect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = timeout.into();
        self
    }

    /// Sets the time-out from a close until the connection has ended: sending what is queued, the
    /// close frames of both sides, the end of the stream. After that the connection is aborted.
    /// Default 60 s.
    pub fn disconnect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.disconnect_timeout = timeout.into();
        self
    }

    /// Sets the time-out from the first byte of a message to its last. A peer that takes longer is
    /// disconnected with code 1008. Default 60 s.
    pub fn message_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.message_timeout = timeout.into();
        self
    }

    /// Sets the interval of silence after which the peer is sent a ping. Default 30 s. Zero also
    /// disables the heartbeat.
    ///
    /// If the peer shows no sign of life for another half of the interval, the connection is
    /// aborted: nothing arrives from it, and it reads nothing of what is being sent to it. The time
    /// in which this side does not read, because the receive queue is full, does not count.
    pub fn heartbeat(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.heartbeat = interval.into().filter(|interval| !interval.is_zero());
        self
    }

    /// Sets the maximum size in bytes of a received message, over all of its fragments. A larger
    /// one ends the connection with code 1009. Default 1 MiB.
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.max_message_size = bytes;
        self
    }

    /// Sets how many messages, and how many bytes of them, are kept until they are received.
    /// Default 16 and 4 MiB. If a message does not fit, reading stops until there is room, which
    /// slows the peer down; up to that message, pings are answered. One message always fits.
    pub fn receive_queue(mut self, messages: usize, bytes: usize) -> Self {
        self.receive_queue = messages.max(1);
        self.receive_queue_bytes = bytes;
        self
    }

    /// Sets how many bytes are kept for a peer that does not read. Beyond that, sending waits.
    /// Default 1 MiB.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = bytes.max(1);
        self
    }

    /// Sets how many headers the peer's part of the opening handshake may have, and how many bytes:
    /// the answer for a client, the request for [`accept`](crate::accept). Default 64 and 16 KiB.
    pub fn max_headers(mut self, count: usize, bytes: usize) -> Self {
        self.max_headers = count;
        self.max_header_bytes = bytes;
        self
    }

    /// Sets whether messages are compressed (permessage-deflate, RFC 7692) if the peer can do the
    /// same. Default `false`.
    ///
    /// Worth it for text over a slow line. Compressing 1 MiB takes about 8 ms. Messages of less than
    /// 1 KiB and those that do not shrink are sent as they are. [`max_message_size`] applies to the
    /// inflated message. Ignored by [`Connection::over`], which has no opening handshake.
    ///
    /// [`max_message_size`]: Self::max_message_size
    /// [`Connection::over`]: crate::Connection::over
    pub fn compression(mut self, compression: bool) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Sets what holds for [`compression`](Self::compression) if it is not set.
    pub fn compression_by_default(mut self, compression: bool) -> Self {
        self.compression = self.compression.or(Some(compression));
        self
    }

    pub(crate) fn compresses(&self) -> bool {
        self.compression.unwrap_or(false)
    }
}
