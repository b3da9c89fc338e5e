//! One connected client.

use tokio_util::sync::CancellationToken;

use super::outbox::Outbox;
use crate::{Result, wire::ClientId};

/// A connection that has said who it is, or is about to.
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) outbox: Outbox,
    /// Fires when the connection has ended.
    pub(crate) gone: CancellationToken,
}

impl Client {
    /// A client whose outbox holds up to `outbox_bytes`.
    pub(crate) fn new(outbox_bytes: usize) -> Result<Self> {
        Ok(Client {
            id: ClientId::random()?,
            outbox: Outbox::new(outbox_bytes),
            gone: CancellationToken::new(),
        })
    }
}
