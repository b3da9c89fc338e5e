//! The end of rooms: of one that has been empty for a while, and of all at the end of the program.
//!
//! What must hold: a room ends in order, and is forgotten only when it has ended.

use std::{future::pending, path::Path, sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::time::{Instant, timeout, timeout_at};

use super::{cluster::Recording, room_registry::Registry, room_slot::Slot};
use crate::{Server, app::Scope, blocking, stop_times};

/// Least time that a room is kept for its first page, which has to load.
const FIRST_PAGE: Duration = Duration::from_secs(30);

impl Registry {
    /// Ends a room when it has been empty for a while, and forgets it when it has ended.
    pub(super) async fn watch(self: Arc<Self>, slot: Arc<Slot>) {
        if let Some(made) = slot.room() {
            tokio::select! {
                _ = made.running.stopped() => {}
                () = self.emptied(&slot, &made.place.server) => {}
                () = lost(made.recording.as_ref()) => {}
            }
            if let Err(error) = made.running.stop().await {
                tracing::warn!(%error, "a room did not end in order");
            }
            if let Some((recording, member)) = made.recording.as_ref().zip(self.cluster.as_ref()) {
                recording.hand_over(member, &made.place.server, &made.place.id).await;
            }
        }
        self.forget(&slot);
        // At the end of the program once for all rooms.
        if !self.inner.lock().is_ending {
            self.limit_kept().await;
        }
    }

    /// Removes kept states if there are too many, except those of rooms that run or start.
    async fn limit_kept(self: Arc<Self>) {
        let Some(kept) = self.kept.clone() else { return };
        let limit = move || {
            let is_used = |file: &Path| {
                let inner = self.inner.lock();
                let mut names = inner.slots.keys().filter_map(|key| key.kept_name(self.users_stay));
                names.any(|name| kept.of_room(&name) == file)
            };
            kept.limit(is_used);
        };
        blocking::run(limit).await;
    }

    /// Waits until a room has been empty for a while, and does nothing.
    async fn emptied(&self, slot: &Slot, server: &Server) {
        if self.plan.scope == Scope::Shared {
            // It lives as long as the program.
            return pending().await;
        }
        let mut clients = server.hub().watch_connected();
        let mut patience = self.plan.idle.max(FIRST_PAGE);
        while clients.wait_for(|count| *count == 0).await.is_ok() {
            *slot.empty_since.lock() = Some(Instant::now());
            loop {
                let since = slot.last_use();
                let joined = clients.wait_for(|count| *count > 0);
                match timeout_at(since + patience, joined).await {
                    Ok(_) => break,
                    // A page was admitted in the meantime.
                    Err(_) if slot.last_use() > since => {}
                    Err(_) if server.inner.jobs.are_unfinished() => {
                        *slot.empty_since.lock() = Some(Instant::now());
                    }
                    Err(_) => return,
                }
            }
            (*slot.empty_since.lock(), *slot.expects_since.lock()) = (None, None);
            patience = self.plan.idle;
        }
    }

    /// Ends all rooms. None can be entered any more.
    pub(super) async fn end(self: &Arc<Self>) {
        if let Some(member) = &self.cluster {
            member.drain().await;
        }
        let slots: Vec<_> = {
            let mut inner = self.inner.lock();
            inner.is_ending = true;
            inner.slots.values().cloned().collect()
        };
        let rooms = slots.iter().filter_map(|slot| slot.room());
        for ended in join_all(rooms.map(|made| made.running.stop())).await {
            if let Err(error) = ended {
                tracing::warn!(%error, "a room did not end in order");
            }
        }
        self.tasks.close();
        // The application may still be making one. In a cluster, the last changes are stored.
        let limit = match self.cluster {
            Some(_) => stop_times::HAND_OVER,
            None => stop_times::CALLBACKS,
        };
        if timeout(limit, self.tasks.wait()).await.is_err() {
            tracing::warn!("a room is still being made: the stop does not wait for it");
        }
        Arc::clone(self).limit_kept().await;
    }
}

/// Waits until another node has the room.
async fn lost(recording: Option<&Recording>) {
    match recording {
        Some(recording) => recording.fenced().await,
        None => pending().await,
    }
}
