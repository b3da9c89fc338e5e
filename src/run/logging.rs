//! The logger for programs that have none. Without a logger, failures of callbacks would be lost.

use std::{
    io::{self, IsTerminal},
    path::Path,
};

use tracing_appender::rolling::{InitError, RollingFileAppender, Rotation};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::StartOptions;

/// Number of daily log files kept in a folder.
const DAYS: usize = 7;

/// Installs a logger to stderr, and to files if a log folder is set. Does nothing if logging is
/// disabled or the program already has a logger.
pub(super) fn start(options: &StartOptions) {
    if !options.logging {
        return;
    }
    let default = match (options.debug, &options.log_folder) {
        (true, _) => "info,selvedge=debug",
        (false, None) => "warn",
        // Log files are read after the fact, so they contain more.
        (false, Some(_)) => "warn,selvedge=info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| default.into());
    let file = options.log_folder.as_deref().map(daily).transpose();
    let (file, unwritable) = match file {
        Ok(file) => (file, None),
        Err(error) => (None, Some(error)),
    };
    let ansi = io::stderr().is_terminal();
    let to_file = file.map(|file| layer().with_ansi(false).with_writer(file));
    let to_stderr = layer().with_ansi(ansi).with_writer(io::stderr);
    let logger = tracing_subscriber::registry().with(filter).with(to_file).with(to_stderr);
    // Fails if the program already has a logger, which then gets the messages.
    let _ = logger.try_init();
    if let (Some(error), Some(folder)) = (unwritable, &options.log_folder) {
        tracing::warn!("no log is written to {}: {error}", folder.display());
    }
}

/// Returns a layer that ignores write errors. By default it reports them with `eprintln!`, which
/// panics if stderr is what cannot be written.
fn layer<S>() -> fmt::Layer<S> {
    fmt::Layer::default().log_internal_errors(false)
}

/// Opens the log file of the day. Lines are written at once, so that they survive a crash.
fn daily(folder: &Path) -> Result<RollingFileAppender, InitError> {
    let builder = RollingFileAppender::builder().rotation(Rotation::DAILY);
    builder.filename_prefix("app").filename_suffix("log").max_log_files(DAYS).build(folder)
}
