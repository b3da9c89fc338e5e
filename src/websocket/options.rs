//! Time-outs and limits of one connection.

use std::time::Duration;

/// Time-outs and limits of a WebSocket. Each time-out can be switched off with `None`, each limit with [`usize::MAX`].
///
/// ```
/// use std::time::Duration;
/// use selvedge::websocket::Options;
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
        }
    }
}

impl Options {
    /// The defaults, which each method names.
    pub fn new() -> Self {
        Self::default()
    }

    /// The time for finding the host, connecting, TLS and the opening handshake together. Default 60 s.
    pub fn connect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = timeout.into();
        self
    }

    /// The time from a close until the connection is gone: what is queued, the close frames of both sides, the end of the stream. After
    /// that it is cut. Default 60 s.
    pub fn disconnect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.disconnect_timeout = timeout.into();
        self
    }

    /// The time from the first byte of a message until its last; a peer that takes longer is disconnected with code 1008. Default 60 s.
    pub fn message_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.message_timeout = timeout.into();
        self
    }

    /// A peer that has been silent for this long is sent a ping; if half of it later nothing has come, the connection is cut. Default
    /// 30 s. Zero switches it off, too.
    pub fn heartbeat(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.heartbeat = interval.into().filter(|interval| !interval.is_zero());
        self
    }

    /// Bytes of the largest message that may come, over all of its fragments. A larger one ends the connection with code 1009. Default
    /// 1 MiB.
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.max_message_size = bytes;
        self
    }

    /// How many messages, and how many bytes of them, are kept until they are received; default 16 and 4 MiB. A message that does not fit
    /// stops the reading until there is room, which slows the peer down; until it comes, pings are answered. One
    /// message always fits.
    pub fn receive_queue(mut self, messages: usize, bytes: usize) -> Self {
        self.receive_queue = messages.max(1);
        self.receive_queue_bytes = bytes;
        self
    }

    /// Bytes that are kept for a peer that does not read. Sending waits when there are more. Default 1 MiB.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = bytes.max(1);
        self
    }

    /// How many headers a server's answer to the opening handshake may have, and how many bytes; default 64 and 16 KiB.
    pub fn max_headers(mut self, count: usize, bytes: usize) -> Self {
        self.max_headers = count;
        self.max_header_bytes = bytes;
        self
    }
}
