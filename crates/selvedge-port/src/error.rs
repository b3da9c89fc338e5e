//! Errors about ports.

use std::{fmt, io, net::SocketAddr, time::Duration};

/// The result of this library's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error about a port.
///
/// The text contains its cause, and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is already in use.
    #[error(
        "{address} is already in use: {holder}. Stop it, choose another port, or use port 0 for any free one"
    )]
    Busy {
        /// The address that could not be bound.
        address: SocketAddr,
        /// The holder of the address.
        holder: Holder,
    },

    /// The address cannot be bound, for a reason other than being in use.
    #[error(
        "cannot listen on {host}:{port}: {cause}. Check that the host is an address of this machine and the port is allowed"
    )]
    Bind {
        /// The host as it was given.
        host: String,
        /// The port as it was given.
        port: u16,
        /// The error of the system.
        cause: io::Error,
    },

    /// The server stopped, but its port could not be proved free in time.
    #[error(
        "{address} was not released within {waited:?}: {holder}. The next start on this port will fail until it is free"
    )]
    NotReleased {
        /// The address that is still in use.
        address: SocketAddr,
        /// The time that the stop has waited.
        waited: Duration,
        /// The current holder of the address.
        holder: Holder,
    },

    /// The system refused to probe a port, for a reason other than being in use.
    #[error("cannot find out whether {address} is free: {cause}. Its port may still be in use")]
    Probe {
        /// The address that was probed.
        address: SocketAddr,
        /// The error of the system.
        cause: io::Error,
    },
}

/// The holder of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Holder {
    /// A program that listens on the port or has a connection on it.
    Process {
        /// The process id.
        pid: u32,
        /// The name or path of the program.
        program: String,
    },
    /// The kernel, which keeps sockets of ended connections.
    Sockets(
        /// Each state with its number of sockets, for example `TIME_WAIT` and 3.
        Vec<(String, usize)>,
    ),
    /// A holder that is not visible to this program.
    Unknown,
}

impl Holder {
    /// Whether the port may become free by itself within milliseconds: the last bytes of ended
    /// connections are on their way, or what held it is gone already.
    pub(crate) fn may_end_soon(&self) -> bool {
        match self {
            Holder::Process { .. } => false,
            Holder::Sockets(states) => {
                states.iter().all(|(state, _)| !matches!(&**state, "FIN_WAIT2" | "TIME_WAIT"))
            }
            Holder::Unknown => true,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Process { pid, program } => write!(f, "held by {program} (pid {pid})"),
            Holder::Sockets(states) => {
                f.write_str("held by the system for ended connections (")?;
                for (position, (state, count)) in states.iter().enumerate() {
                    let comma = if position > 0 { ", " } else { "" };
                    write!(f, "{comma}{count} in {state}")?;
                }
                f.write_str("), which lasts about a minute")
            }
            Holder::Unknown => f.write_str("held by a program that cannot be seen from here"),
        }
    }
}
