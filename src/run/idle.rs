//! The end of a program that is not used.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};

use super::room_registry::Registry;
use crate::{Server, protocol::Tasks};

impl Server {
    /// Stops the server when it has had no client, or no room, for this time.
    pub(super) fn stop_when_idle(
        &self,
        time: Duration,
        rooms: Option<Arc<Registry>>,
        tasks: &Tasks,
    ) {
        let server = self.clone();
        tasks.spawn_service(async move {
            let (used, what) = match rooms {
                Some(rooms) => (rooms.watch_count(), "room"),
                None => (server.hub().watch_connected(), "client"),
            };
            if zero_for(used, time).await {
                tracing::info!(?time, "no {what} for a while: stopping");
                server.request_stop();
            }
        });
    }
}

/// Waits until a number has been zero for this time. Returns `false` if it ends before.
async fn zero_for(mut count: watch::Receiver<usize>, time: Duration) -> bool {
    while count.wait_for(|count| *count == 0).await.is_ok() {
        if timeout(time, count.wait_for(|count| *count > 0)).await.is_err() {
            return true;
        }
    }
    false
}
