//! The times of a stop, in the order in which they apply.
//!
//! What must hold: each part of a stop has a limit, so a stop ends whatever peers and callbacks do.
//! Only proving the port free can take longer: up to
//! [`StartOptions::stop_deadline`](crate::StartOptions::stop_deadline).

use std::time::Duration;

/// For the calls in progress to be answered.
pub(crate) const ANSWERS: Duration = Duration::from_millis(250);

/// For a WebSocket to send what is queued and its close frame, and then for the peer to answer it.
/// Also applies to a close without a stop.
pub(crate) const CLOSE_FRAMES: Duration = Duration::from_millis(300);

/// For the handlers of the application's WebSockets to return after their connections were closed.
pub(crate) const HANDLERS: Duration = Duration::from_millis(500);

/// For connections to end in order, from their close on. The rest is reset.
pub(crate) const CONNECTIONS: Duration = Duration::from_millis(500);

/// For clients without a socket to take their last message.
pub(crate) const GOODBYES: Duration = Duration::from_millis(500);

/// For proving the port free, from the close on.
pub(crate) const RELEASE: Duration = Duration::from_secs(20);

/// For callbacks that still run to return before they are cancelled, and again for the tasks that
/// exit hooks have started.
pub(crate) const CALLBACKS: Duration = Duration::from_millis(500);

/// For the hooks on `ServerExited`.
pub(crate) const EXIT_HOOKS: Duration = Duration::from_secs(5);

/// For the rooms of a node to store their last changes and to be given up.
pub(crate) const HAND_OVER: Duration = Duration::from_secs(3);

/// For the runtime of a blocking entry point to end its tasks.
pub(crate) const RUNTIME: Duration = Duration::from_millis(500);
