//! Detects peers that have disappeared.
//!
//! A peer that is silent for an interval gets a ping, and is considered gone if it shows no sign of
//! life for half an interval after that. Any bytes from it count as one, also those of a message
//! that is still arriving. So does progress in what is sent to it: a ping waits behind all that was
//! written before it, and a peer that reads a large message slowly is alive. Silence also proves
//! nothing while this side does not read.

use std::{
    fmt, io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, sleep, sleep_until},
};

/// Tracks whether the peer is still there.
#[derive(Debug)]
pub struct Heartbeat {
    interval: Option<Duration>,
    traffic: Arc<Traffic>,
    last: Mutex<Instant>,
    /// Whether this side does not read from the peer.
    paused: AtomicBool,
}

impl Heartbeat {
    /// Creates a heartbeat with this interval of silence; `None` or zero turns it off.
    pub fn new(interval: Option<Duration>, traffic: Arc<Traffic>) -> Self {
        Heartbeat {
            interval: interval.filter(|interval| !interval.is_zero()),
            traffic,
            last: Mutex::new(Instant::now()),
            paused: AtomicBool::new(false),
        }
    }

    /// Records that the peer is alive, and that this side reads.
    pub fn beat(&self) {
        *self.last.lock() = Instant::now();
        self.paused.store(false, Ordering::Relaxed);
    }

    /// Records that this side does not read until the next [`beat`](Self::beat).
    pub fn pause(&self) {
        self.paused.store(true, Ordering::Relaxed);
    }

    /// Completes when the peer shows no sign of life; never if there is no interval. Calls
    /// `send_ping` when a ping is due.
    pub async fn lost(&self, send_ping: impl Fn()) {
        let Some(interval) = self.interval else {
            return std::future::pending().await;
        };
        loop {
            let Some(due) = self.last().checked_add(interval) else {
                return std::future::pending().await;
            };
            if due > Instant::now() {
                sleep_until(due).await;
                continue;
            }
            let (asked, before) = (Instant::now(), self.traffic.progress());
            send_ping();
            sleep(interval / 2).await;
            if self.last() < asked && !self.traffic.progress().is_beyond(before) {
                return;
            }
        }
    }

    fn last(&self) -> Instant {
        if self.paused.load(Ordering::Relaxed) {
            return Instant::now();
        }
        *self.last.lock()
    }
}

/// Measures what a peer sends and reads.
#[derive(Default)]
pub struct Traffic {
    /// Bytes that have arrived.
    read: AtomicU64,
    /// Whether the last write had to wait for the peer.
    write_waits: AtomicBool,
    /// Bytes of writes that had to wait for the peer.
    written_after_waiting: AtomicU64,
    unacknowledged: Option<Unacknowledged>,
}

/// Returns how many bytes were written but not acknowledged by the peer's kernel.
pub(crate) type Unacknowledged = Arc<dyn Fn() -> usize + Send + Sync>;

impl fmt::Debug for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traffic").finish_non_exhaustive()
    }
}

impl Traffic {
    /// Creates the counters of one connection.
    ///
    /// `unacknowledged` returns how many bytes were written but not acknowledged by the peer's
    /// kernel, if the system says so. Without it, a peer that has no more than its kernel's buffer
    /// left to read counts as silent.
    pub fn new(unacknowledged: Option<Arc<dyn Fn() -> usize + Send + Sync>>) -> Arc<Self> {
        Arc::new(Traffic { unacknowledged, ..Traffic::default() })
    }

    fn progress(&self) -> Progress {
        Progress {
            read: self.read.load(Ordering::Relaxed),
            written: self.written_after_waiting.load(Ordering::Relaxed),
            unacknowledged: self.unacknowledged.as_ref().map_or(0, |count| count()),
        }
    }

    fn wrote(&self, written: &Poll<io::Result<usize>>) {
        let waited = self.write_waits.swap(written.is_pending(), Ordering::Relaxed);
        if let (true, Poll::Ready(Ok(bytes))) = (waited, written) {
            self.written_after_waiting.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
    }
}

#[derive(Clone, Copy)]
struct Progress {
    read: u64,
    /// Bytes of writes that had to wait for the peer. They grow as long as a slow peer reads.
    written: u64,
    unacknowledged: usize,
}

impl Progress {
    fn is_beyond(self, before: Self) -> bool {
        self.read > before.read
            || self.written > before.written
            || self.unacknowledged < before.unacknowledged
    }
}

/// A stream whose reads and writes are measured.
#[derive(Debug)]
pub(crate) struct Measured<S> {
    stream: S,
    traffic: Arc<Traffic>,
}

impl<S> Measured<S> {
    pub(crate) fn new(stream: S, traffic: Arc<Traffic>) -> Self {
        Measured { stream, traffic }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Measured<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let bytes = buffer.filled().len() - before;
        self.traffic.read.fetch_add(bytes as u64, Ordering::Relaxed);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Measured<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.traffic.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.traffic.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
