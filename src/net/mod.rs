//! Sockets: binding a port exclusively, serving its connections, and releasing the port so that the
//! next server can bind it at once. Nothing in here knows HTTP.
//!
//! What must hold:
//!
//! - A port is bound exclusively or not at all, on every address of the host.
//! - Each accepted connection is registered until its socket is closed, wherever it is handed on
//!   to.
//! - No close leaves a socket behind in the kernel: a connection in `TIME_WAIT` keeps the port from
//!   being bound for a minute. So a connection sends its FIN only when it is closed, see
//!   [`connection`].
//! - [`serve`] returns when the port is proved free, by binding it once more, or reports what holds
//!   it.
//!
//! | file | holds |
//! | --- | --- |
//! | `resolve.rs` | which addresses a host stands for |
//! | `listener.rs` | the exclusive bind, [`Listener`] |
//! | `connection.rs` | [`Connection`] and the registry of open connections |
//! | `serve.rs` | the accept loop and the teardown |
//! | `probe.rs` | the proof that a port is free |
//! | `holder.rs` | what holds a port |
//! | `linux.rs`, `portable.rs` | what differs between systems, behind the same functions |
//!
//! Verified on Linux. Other kernels lack parts of it (a receive filter, an abort of a shared
//! socket): there a connection is drained and then reset by its close, and a peer that closes at
//! the same instant can still leave `TIME_WAIT` behind, which macOS and the BSDs keep for about
//! 30 s and Windows ignores.

mod connection;
mod holder;
mod listener;
mod probe;
mod resolve;
mod serve;
#[cfg(test)]
mod tests;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as platform;

#[cfg(any(test, not(target_os = "linux")))]
mod portable;
#[cfg(not(target_os = "linux"))]
use portable as platform;

pub(crate) use connection::{Buffers, Connection, Cutter};
pub(crate) use listener::Listener;
pub use probe::{is_port_free, wait_port_free};
pub(crate) use serve::{Released, Timing, serve};
