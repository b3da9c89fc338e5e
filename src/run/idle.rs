//! The end of a program that is not used.

use std::{sync::Arc, time::Duration};

use super::room_registry::Registry;
use crate::{Server, protocol::Tasks};

impl Server {
    /// Stops the server when it has had no client, or no room, for this time.
    pub(super) fn stop_when_idle(
        &self,
        timeout: Duration,
        rooms: Option<Arc<Registry>>,
        tasks: &Tasks,
    ) {
        let server = self.clone();
        tasks.spawn_service(async move {
            if let Some(rooms) = rooms {
                rooms.unused_for(timeout).await;
                tracing::info!(?timeout, "no room for a while: stopping");
                return server.request_stop();
            }
            let mut clients = server.hub().watch_connected();
            while clients.wait_for(|connected| *connected == 0).await.is_ok() {
                let joined = clients.wait_for(|connected| *connected > 0);
                if tokio::time::timeout(timeout, joined).await.is_err() {
                    tracing::info!(?timeout, "no client for a while: stopping");
                    return server.request_stop();
                }
            }
        });
    }
}
