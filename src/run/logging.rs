//! A logger for programs that bring none: without one, nobody would hear of a callback that fails.

use std::{
    io::{self, IsTerminal},
    path::Path,
};

use tracing_appender::rolling::{InitError, RollingFileAppender, Rotation};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::StartOptions;

/// How many files of a folder are kept, one for each day.
const DAYS: usize = 7;

/// Installs a logger to stderr, and to files if there is a folder for them, unless that is not wanted or the program has
/// one.
pub(super) fn start(options: &StartOptions) {
    if !options.logging {
        return;
    }
    let default = match (options.debug, &options.log_folder) {
        (true, _) => "info,selvedge=debug",
        (false, None) => "warn",
        // Files are for those who were not there.
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
    // It fails where the program has a logger already, which then gets the messages.
    let _ = logger.try_init();
    if let (Some(error), Some(folder)) = (unwritable, &options.log_folder) {
        tracing::warn!("no log is written to {}: {error}", folder.display());
    }
}

/// A layer that keeps silent where it cannot write. By default it reports that with `eprintln!`, which panics where stderr is what
/// cannot be written.
fn layer<S>() -> fmt::Layer<S> {
    fmt::Layer::default().log_internal_errors(false)
}

/// The file of the day. Lines are written when they are logged, so that they are there after a crash.
fn daily(folder: &Path) -> Result<RollingFileAppender, InitError> {
    let builder = RollingFileAppender::builder().rotation(Rotation::DAILY);
    builder.filename_prefix("app").filename_suffix("log").max_log_files(DAYS).build(folder)
}
