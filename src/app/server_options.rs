//! Options of a server: each from the argument, else from the environment, else its default.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

/// Default maximum size in bytes of a WebSocket message, the same as trame's.
const DEFAULT_MAX_MESSAGE: usize = 10_000_000;

/// Default interval at which a silent client is pinged.
const DEFAULT_HEART_BEAT: Duration = Duration::from_secs(30);

/// Lowest maximum size in bytes of a WebSocket message: less leaves no room for the header of a
/// chunk and a useful part of a message.
const MIN_MAX_MESSAGE: usize = 1024;

/// Options of a server. An option that is not set is read from trame's environment variable, or
/// else takes its default.
///
/// ```
/// use selvedge::{Server, run::ServerOptions};
///
/// let options = ServerOptions::new().ws_max_msg_size(1_000_000);
/// let server = Server::with_options("doc", options);
/// assert_eq!(server.options().get_ws_max_msg_size(), 1_000_000);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerOptions {
    log_network: Option<PathBuf>,
    ws_max_msg_size: Option<usize>,
    ws_heart_beat: Option<Duration>,
    desktop_debug: Option<bool>,
}

impl ServerOptions {
    /// Returns options that are all read from the environment.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a file for a readable log of all state and calls (`TRAME_LOG_NETWORK`). It is truncated
    /// at the start. Default: none.
    pub fn log_network(mut self, file: impl Into<PathBuf>) -> Self {
        self.log_network = Some(file.into());
        self
    }

    /// Sets the maximum size in bytes of a WebSocket message in either direction
    /// (`TRAME_WS_MAX_MSG_SIZE`); longer wslink messages are sent in chunks. Default: 10,000,000.
    /// At least 1024.
    pub fn ws_max_msg_size(mut self, bytes: usize) -> Self {
        self.ws_max_msg_size = Some(bytes);
        self
    }

    /// Sets the interval at which a silent client is pinged (`TRAME_WS_HEART_BEAT`, in seconds).
    /// Zero means never. Default: 30 s.
    pub fn ws_heart_beat(mut self, interval: Duration) -> Self {
        self.ws_heart_beat = Some(interval);
        self
    }

    /// Sets whether a desktop host offers developer tools (`TRAME_DESKTOP_DEBUG`). Default: no.
    pub fn desktop_debug(mut self, on: bool) -> Self {
        self.desktop_debug = Some(on);
        self
    }

    /// Returns the file of the network log, if there is one.
    pub fn get_log_network(&self) -> Option<&Path> {
        self.log_network.as_deref()
    }

    /// Returns the maximum size in bytes of a WebSocket message.
    pub fn get_ws_max_msg_size(&self) -> usize {
        self.ws_max_msg_size.unwrap_or(DEFAULT_MAX_MESSAGE)
    }

    /// Returns the interval at which a silent client is pinged; zero means never.
    pub fn get_ws_heart_beat(&self) -> Duration {
        self.ws_heart_beat.unwrap_or(DEFAULT_HEART_BEAT)
    }

    /// Returns whether a desktop host offers developer tools.
    pub fn get_desktop_debug(&self) -> bool {
        self.desktop_debug.unwrap_or(false)
    }

    /// Fills missing options from the environment, and then from the defaults.
    pub(crate) fn resolved(self) -> Self {
        self.resolved_from(|name| env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn resolved_from(self, variable: impl Fn(&str) -> Option<String>) -> Self {
        let number = |name: &str| {
            let text = variable(name)?;
            let number =
                text.parse::<f64>().ok().filter(|number| *number >= 0.0 && number.is_finite());
            if number.is_none() {
                tracing::warn!("{name} is `{text}`, which is not a number: it is ignored");
            }
            number
        };
        let size = self
            .ws_max_msg_size
            .or_else(|| number("TRAME_WS_MAX_MSG_SIZE").map(|size| size as usize));
        // trame treats an interval below one second as never.
        let heart_beat = || {
            let seconds = number("TRAME_WS_HEART_BEAT")?;
            Some(Duration::from_secs_f64(if seconds < 1.0 { 0.0 } else { seconds.min(1e9) }))
        };
        let debug = || variable("TRAME_DESKTOP_DEBUG").map(|_| true);
        ServerOptions {
            log_network: self
                .log_network
                .or_else(|| variable("TRAME_LOG_NETWORK").map(PathBuf::from)),
            ws_max_msg_size: Some(size.unwrap_or(DEFAULT_MAX_MESSAGE).max(MIN_MAX_MESSAGE)),
            ws_heart_beat: Some(
                self.ws_heart_beat.or_else(heart_beat).unwrap_or(DEFAULT_HEART_BEAT),
            ),
            desktop_debug: Some(self.desktop_debug.or_else(debug).unwrap_or(false)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_goes_before_a_variable_and_that_before_the_default() {
        let variable = |name: &str| match name {
            "TRAME_WS_MAX_MSG_SIZE" => Some("5000".to_owned()),
            "TRAME_WS_HEART_BEAT" => Some("0.5".to_owned()),
            _ => None,
        };
        let options = ServerOptions::default().resolved_from(variable);
        assert_eq!(options.ws_max_msg_size, Some(5000));
        assert_eq!(options.ws_heart_beat, Some(Duration::ZERO));
        assert_eq!(options.desktop_debug, Some(false));
        let given = ServerOptions::new().ws_max_msg_size(7000);
        assert_eq!(given.resolved_from(variable).ws_max_msg_size, Some(7000));
        let none = ServerOptions::default().resolved_from(|_| None);
        assert_eq!(none.ws_max_msg_size, Some(DEFAULT_MAX_MESSAGE));
        assert_eq!(none.ws_heart_beat, Some(Duration::from_secs(30)));
    }

    #[test]
    fn an_invalid_variable_is_ignored() {
        let options = ServerOptions::default().resolved_from(|_| Some("-1 apples".to_owned()));
        assert_eq!(options.ws_max_msg_size, Some(DEFAULT_MAX_MESSAGE));
        let tiny = ServerOptions::new().ws_max_msg_size(1);
        assert_eq!(tiny.resolved_from(|_| None).ws_max_msg_size, Some(MIN_MAX_MESSAGE));
    }
}
