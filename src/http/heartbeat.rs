//! Whether the peer of a WebSocket is still there.
//!
//! A peer that is silent for half a heartbeat gets a ping, and is gone when the other half passes without a sign of life. What
//! it sends is one. So is progress in what it is sent: a ping waits behind all that was written before it, and a peer that
//! reads a large message slowly is alive. A connection that does not read because the peer's own calls are waiting says
//! nothing about the peer either.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

use super::lobby::Guest;
use crate::net::Buffers;

pub(super) struct Heartbeat {
    interval: Duration,
    guest: Arc<Guest>,
    buffers: Buffers,
    heard: AtomicBool,
    /// The connection reads what comes.
    listening: AtomicBool,
    ping_due: AtomicBool,
    due: Notify,
}

impl Heartbeat {
    /// A heartbeat of a full `interval`; none at all if that is zero.
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

    /// Something has come from the peer.
    pub(super) fn beat(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Waits for a future in which nothing is read from the peer.
    pub(super) async fn without_listening<T>(&self, future: impl Future<Output = T>) -> T {
        self.listening.store(false, Ordering::Relaxed);
        let value = future.await;
        self.beat();
        self.listening.store(true, Ordering::Relaxed);
        value
    }

    /// Whether a ping is to be sent. The caller sends it.
    pub(super) fn take_ping(&self) -> bool {
        self.ping_due.swap(false, Ordering::Relaxed)
    }

    /// Waits until a ping is to be sent.
    pub(super) async fn ping_due(&self) {
        while !self.take_ping() {
            self.due.notified().await;
        }
    }

    /// Returns when the peer shows no sign of life.
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

/// How far the peer has got with what it is sent.
#[derive(Clone, Copy)]
struct Progress {
    /// Bytes that could be written only after the peer had taken others.
    written: u64,
    /// Bytes that were written and have not arrived.
    unacknowledged: usize,
}

impl Progress {
    fn is_beyond(self, before: Progress) -> bool {
        self.written > before.written || self.unacknowledged < before.unacknowledged
    }
}
