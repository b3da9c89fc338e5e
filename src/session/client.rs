//! One connected client.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use tokio_util::sync::CancellationToken;

use super::outbox::Outbox;
use crate::{Result, wire::ClientId};

/// What is at the other end, by the secret that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A window of the application's own, which has native dialogs.
    Window,
    /// A browser or a program.
    Other,
}

/// A connection that has said who it is, or is about to.
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) outbox: Outbox,
    /// Fires when the connection has ended.
    pub(crate) gone: CancellationToken,
    kind: OnceLock<Kind>,
    extras: AtomicBool,
}

impl Client {
    /// A client whose outbox holds up to `outbox_bytes`.
    pub(crate) fn new(outbox_bytes: usize) -> Result<Self> {
        Ok(Client {
            id: ClientId::random()?,
            outbox: Outbox::new(outbox_bytes),
            gone: CancellationToken::new(),
            kind: OnceLock::new(),
            extras: AtomicBool::new(false),
        })
    }

    /// It has said who it is. The first time counts.
    pub(crate) fn set_kind(&self, kind: Kind) {
        let _ = self.kind.set(kind);
    }

    /// Whether it is a window of the application's own.
    pub(crate) fn is_window(&self) -> bool {
        self.kind.get() == Some(&Kind::Window)
    }

    /// It knows what this server has beyond trame's.
    pub(crate) fn learn_extras(&self) {
        self.extras.store(true, Ordering::Relaxed);
        self.outbox.streams_on_demand();
    }

    /// Whether it does.
    pub(crate) fn knows_extras(&self) -> bool {
        self.extras.load(Ordering::Relaxed)
    }
}
