//! One connected client.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use selvedge_wslink::ClientId;
use tokio_util::sync::CancellationToken;

use super::{outbox::Outbox, user::User};
use crate::Result;

/// What kind of client this is. The secret that it presents decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A window of the application, which has native dialogs.
    Window,
    /// A browser or a program.
    Other,
}

/// A connection that has sent its hello, or is about to.
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) outbox: Outbox,
    /// Fires when the connection has ended.
    pub(crate) gone: CancellationToken,
    kind: OnceLock<Kind>,
    user: Option<User>,
    extras: AtomicBool,
    series: AtomicBool,
}

impl Client {
    /// Creates a client whose outbox holds up to `outbox_bytes`.
    pub(crate) fn new(outbox_bytes: usize) -> Result<Self> {
        Ok(Client {
            id: ClientId::random()?,
            outbox: Outbox::new(outbox_bytes),
            gone: CancellationToken::new(),
            kind: OnceLock::new(),
            user: None,
            extras: AtomicBool::new(false),
            series: AtomicBool::new(false),
        })
    }

    /// Sets who uses the client.
    pub(crate) fn of_user(self, user: Option<User>) -> Self {
        Client { user, ..self }
    }

    /// Records the kind of the client. Only the first call counts.
    pub(crate) fn set_kind(&self, kind: Kind) {
        let _ = self.kind.set(kind);
    }

    /// Returns who uses the client, if that is known.
    pub(crate) fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// Whether the client is a window of the application.
    pub(crate) fn is_window(&self) -> bool {
        self.kind.get() == Some(&Kind::Window)
    }

    /// Records that the client knows this server's extensions of trame's protocol.
    pub(crate) fn learn_extras(&self) {
        self.extras.store(true, Ordering::Relaxed);
        self.outbox.streams_on_demand();
    }

    /// Records that the client takes what is appended to lists.
    pub(crate) fn follow_series(&self) {
        self.series.store(true, Ordering::Relaxed);
    }

    /// Whether the client takes what is appended to lists, instead of the lists.
    pub(crate) fn follows_series(&self) -> bool {
        self.series.load(Ordering::Relaxed)
    }

    /// Whether the client knows the extensions.
    pub(crate) fn knows_extras(&self) -> bool {
        self.extras.load(Ordering::Relaxed)
    }
}
