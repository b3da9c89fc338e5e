//! The connected clients and their outboxes.
//!
//! What must hold: a slow client delays no one else, the queue for it is bounded in bytes, all
//! clients get messages in the one order in which they were made, and a message for many clients is
//! encoded once.

mod client;
mod hub;
mod network_log;
mod outbox;
mod stream;
mod tasks;

pub(crate) use client::{Client, Kind};
pub(crate) use hub::{Hub, Private};
pub(crate) use network_log::NetworkLog;
pub(crate) use outbox::{Closing, Hold, Next, TOO_SLOW};
pub(crate) use tasks::Tasks;

/// The topic of state changes.
pub(crate) const STATE_TOPIC: &str = "trame.state.topic";
/// The topic of calls into the page.
pub(crate) const ACTIONS_TOPIC: &str = "trame.actions.topic";
/// The topic of files that have changed since pages loaded them, in development.
pub(crate) const RELOAD_TOPIC: &str = "selvedge.reload";
/// The topic of files that the page saves.
pub(crate) const DOWNLOAD_TOPIC: &str = "selvedge.download";
/// The topic of dialogs that the page shows.
pub(crate) const DIALOG_TOPIC: &str = "selvedge.dialog";
