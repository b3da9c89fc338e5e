//! TCP servers that bind their port exclusively, release it without a trace, and prove that it is
//! free before they report that they have stopped.
//!
//! A server that closes a connection first leaves it in `TIME_WAIT`, and its port cannot be bound
//! again for a minute. The usual workarounds lose data (a reset), or bind a port that another
//! program may hold (`SO_REUSEADDR`). Here a connection is closed in order, nothing of it remains,
//! and the stop returns when each address was bound once more, or names what holds it.
//!
//! - [`serve`] passes each connection to a handler.
//! - `http::serve` (feature `http`) serves any `tower::Service`, such as an axum router.
//! - [`Listener::tracked`] is for servers with an accept loop of their own. With the feature `axum`
//!   that includes `axum::serve`.
//! - [`is_port_free`] and [`wait_port_free`] probe the port of any server.
//!
//! # What holds
//!
//! - A port is bound exclusively or not at all, on every address of the host.
//! - Each accepted connection is registered until its socket is closed, wherever it is handed on
//!   to.
//! - No close leaves a socket behind in the kernel. So a connection sends its FIN only when it is
//!   closed: see [`Connection`].
//! - [`serve`] returns when the port is proved free, by binding it once more, or reports what holds
//!   it.
//!
//! # Systems
//!
//! Verified on Linux. Other kernels lack parts of it (a receive filter, an abort of a shared
//! socket): there a connection is drained and then reset by its close, and a peer that closes at
//! the same instant can still leave `TIME_WAIT` behind, which macOS and the BSDs keep for about
//! 30 s and Windows ignores.

// | file | holds |
// | --- | --- |
// | `resolve.rs` | which addresses a host stands for |
// | `listener.rs` | the exclusive bind |
// | `accept.rs` | the accept loop |
// | `connection.rs` | the registry of open connections, and how they end |
// | `serve.rs`, `http.rs`, `tracked.rs` | servers and their teardown |
// | `probe.rs` | the proof that a port is free |
// | `holder.rs` | what holds a port |
// | `linux.rs`, `portable.rs` | what differs between systems, behind the same functions |

mod accept;
mod connection;
mod error;
mod holder;
#[cfg(feature = "http")]
pub mod http;
mod listener;
mod options;
mod probe;
mod resolve;
mod serve;
#[cfg(test)]
mod tests;
pub mod throttle;
mod tracked;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as platform;

#[cfg(any(test, not(target_os = "linux")))]
mod portable;
#[cfg(not(target_os = "linux"))]
use portable as platform;

pub use connection::{AbortHandle, Buffers, Connection};
pub use error::{Error, Holder, Result};
pub use listener::Listener;
pub use options::{Released, ServeOptions};
pub use probe::{is_port_free, wait_port_free};
pub use serve::serve;
pub use tracked::{Port, Tracked};

/// Compiles the examples of the README.
#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../README.md")]
struct Readme;
