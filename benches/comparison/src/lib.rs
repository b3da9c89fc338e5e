//! Parts of the comparison that its servers and its load clients share.
//!
//! The messages are those of wslink, as far as the measured application uses them, written by hand:
//! the servers to compare with do nothing unnecessary.
#![forbid(unsafe_code)]

pub mod msgpack;
pub mod script;
pub mod websocket;

/// Waits for the signal that ends a server.
pub async fn terminated() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut end) = signal(SignalKind::terminate()) {
            end.recv().await;
        }
    }
    #[cfg(not(unix))]
    std::future::pending::<()>().await;
}

/// Reads the command line of a server: a port and a number of keys.
pub fn port_and_keys() -> (u16, usize) {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().and_then(|argument| argument.parse::<usize>().ok());
    (next().and_then(|port| port.try_into().ok()).unwrap_or(0), next().unwrap_or(0))
}
