//! A logger for programs that bring none: without one, nobody would hear of a callback that fails.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::StartOptions;

/// Installs a logger to stderr, unless that is not wanted or the program has one.
pub(super) fn start(options: &StartOptions) {
    if !options.logging {
        return;
    }
    let default = match options.debug {
        true => "info,selvedge=debug",
        false => "warn",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| default.into());
    let stderr = std::io::stderr;
    let logger = tracing_subscriber::fmt()
        .with_ansi(stderr().is_terminal())
        .with_writer(stderr)
        .with_env_filter(filter);
    // It fails where the program has a logger already, which then gets the messages.
    let _ = logger.try_init();
}
