//! A room that this node has claimed, and its journal.

use std::{sync::Arc, time::Instant};

use tokio::{sync::Mutex, task::JoinHandle};

use super::{Member, RoomJournal, SharedAccess};
use crate::{Server, cluster::Contents, run::StartOptions};

/// The journal of a room that runs here.
pub(crate) struct Recording {
    journal: Arc<RoomJournal>,
    writing: Mutex<Option<JoinHandle<()>>>,
}

/// A claimed room that is being made.
pub(crate) struct Granted {
    member: Arc<Member>,
    room: String,
    journal: Arc<RoomJournal>,
}

impl Granted {
    /// Begins a claimed room with what the store knows. `begun`: when it was asked for.
    pub(crate) fn new(member: &Arc<Member>, id: &str, contents: Contents, begun: Instant) -> Self {
        if !contents.before.is_empty() {
            let elapsed = begun.elapsed();
            tracing::info!(epoch = contents.epoch, ?elapsed, "the room goes on at this node");
            member.metrics().inspect(|metrics| metrics.room_taken_over(elapsed));
        }
        let journal = RoomJournal::new(Arc::clone(member), id.to_owned(), contents);
        Granted { member: Arc::clone(member), room: id.to_owned(), journal }
    }

    /// Returns the options of the room.
    pub(crate) fn options(&self, options: StartOptions) -> StartOptions {
        StartOptions {
            shared: Some(SharedAccess::of_room(&self.member, &self.room)),
            journal: Some(Arc::clone(&self.journal)),
            ..options
        }
    }

    /// Begins to store what the room commits.
    pub(crate) fn begin(&self, server: &Server) -> Recording {
        let writing = tokio::spawn(Arc::clone(&self.journal).write(server.clone()));
        let writing = Mutex::new(Some(writing));
        Recording { journal: Arc::clone(&self.journal), writing }
    }

    /// Gives up a room that could not be made.
    pub(crate) async fn give_up(self) {
        self.member.release(&self.room, self.journal.epoch()).await;
    }
}

impl Recording {
    /// Stores the last changes of a room that has ended here, and gives it up.
    pub(crate) async fn hand_over(&self, member: &Member, server: &Server, id: &str) {
        if let Some(writing) = self.writing.lock().await.take() {
            self.journal.close(writing).await;
        }
        server.state().stop_recording();
        if !self.journal.fenced().is_cancelled() {
            member.release(id, self.journal.epoch()).await;
            tracing::info!(epoch = self.journal.epoch(), "the room is given up");
        }
    }

    /// Returns whether another node has the room.
    pub(crate) fn is_fenced(&self) -> bool {
        self.journal.fenced().is_cancelled()
    }

    /// Waits until another node has the room.
    pub(crate) async fn fenced(&self) {
        self.journal.fenced().cancelled().await;
    }

    /// Returns for how long the oldest change has waited for the store.
    #[cfg(feature = "monitoring")]
    pub(crate) fn lag(&self) -> std::time::Duration {
        self.journal.lag()
    }
}
