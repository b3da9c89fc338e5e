//! Detects WebSocket peers that have disappeared.
//!
//! A peer that is silent for half a heartbeat gets a ping, and is considered gone if it shows no
//! sign of life in the other half. Any data from it counts as one. So does progress in what is sent
//! to it: a ping waits behind all that was written before it, and a peer that reads a large message
//! slowly is alive. Silence also proves nothing while this side does not read, because the peer's
//! own calls are waiting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

use super::lobby::Guest;
use selvedge_port::Buffers;

pub(super) struct Heartbeat {
    interval: Duration,
    guest: Arc<Guest>,
    buffers: Buffers,
    heard: AtomicBool,
    /// Whether this side reads from the peer.
    listening: AtomicBool,
    ping_due: AtomicBool,
    due: Notify,
}

impl Heartbeat {
    /// Creates a heartbeat with this interval; zero turns it off.
    pub(super) fn new(interval: Duration, guest: &Arc<Guest>, buffers: Buffers) -> Self {
        Heartbeat {
            interval,
            guest: Arc::clone(guest),
            buffers,
            heard: AtomicBool::new(false),
            listening: AtomicBool::new(true),
            ping_due: AtomicBool::new(false),
            due: Notify::new(),
        }
    }

    /// Records that data has arrived from the peer.
    pub(super) fn beat(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Awaits a future during which nothing is read from the peer.
    pub(super) async fn without_listening<T>(&self, future: impl Future<Output = T>) -> T {
        self.listening.store(false, Ordering::Relaxed);
        let value = future.await;
        self.beat();
        self.listening.store(true, Ordering::Relaxed);
        value
    }

    /// Returns whether a ping is due, and marks it as sent. The caller sends it.
    pub(super) fn take_ping(&self) -> bool {
        self.ping_due.swap(false, Ordering::Relaxed)
    }

    /// Waits until a ping is due, and marks it as sent. The caller sends it.
    pub(super) async fn ping_due(&self) {
        while !self.take_ping() {
            self.due.notified().await;
        }
    }

    /// Completes when the peer shows no sign of life; never if the interval is zero.
    pub(super) async fn stopped(&self) {
        if self.interval.is_zero() {
            return std::future::pending().await;
        }
        loop {
            sleep(self.interval / 2).await;
            self.heard.store(false, Ordering::Relaxed);
            let before = self.progress();
            self.ping_due.store(true, Ordering::Relaxed);
            self.due.notify_one();
            sleep(self.interval / 2).await;
            let is_alive = self.heard.load(Ordering::Relaxed)
                || !self.listening.load(Ordering::Relaxed)
                || self.progress().is_beyond(before);
            if !is_alive {
                return;
            }
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            written: self.guest.written_after_waiting(),
            unacknowledged: self.buffers.unacknowledged(),
        }
    }
}

/// The peer's progress in reading what is sent to it.
#[derive(Clone, Copy)]
struct Progress {
    /// Bytes of writes that had to wait for the peer.
    written: u64,
    /// Bytes that were written but not acknowledged by the peer's kernel.
    unacknowledged: usize,
}

impl Progress {
    fn is_beyond(self, before: Progress) -> bool {
        self.written > before.written || self.unacknowledged < before.unacknowledged
    }
}
