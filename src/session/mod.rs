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
