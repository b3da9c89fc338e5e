//! The protocol as a server speaks it: connected clients, their outboxes, and the methods that they
//! call.

// - `session`: one connection, from its first byte to its last; `call_queue`: its calls, which may
//   block; `dispatch`: calls of trame's methods and of the application's
// - `hub`: all clients; `client`: one of them; `user`: who uses it; `outbox`: what is sent to it; `stream`: pictures
// - `publish`: messages besides state; `resume`: what has changed since a mark; `answers`: answers
//   that outlive a connection; `questions`: what waits for answers of clients
// - `viewers`: the limits of viewers
// - `disclosure`: what clients learn about errors; `network_log`: a readable log of messages
// - `tasks`: the tasks of a run
//
// What must hold: a slow client delays no one else, the queue for it is bounded in bytes, all
// clients get messages in the one order in which they were made, and a message for many clients is
// encoded once.

mod answers;
mod call_queue;
mod client;
mod disclosure;
pub(crate) mod dispatch;
mod hub;
mod network_log;
mod outbox;
mod publish;
mod questions;
mod resume;
pub(crate) mod session;
mod stream;
mod tasks;
mod user;
mod viewers;

pub(crate) use client::{Bearer, Client};
pub(crate) use hub::{Hub, Private};
pub(crate) use network_log::NetworkLog;
pub(crate) use outbox::{CloseFrame, Hold, Next, TOO_SLOW};
pub(crate) use questions::Questions;
pub(crate) use session::{Limits, Session};
pub(crate) use tasks::Tasks;
pub use user::User;
pub(crate) use user::UserText;
