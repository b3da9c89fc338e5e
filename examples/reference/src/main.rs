//! Serves the reference application; see the library of this package.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use selvedge::StartOptions;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let options = StartOptions::from_args();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    selvedge::exit_code(reference::app().and_then(|server| server.run(options)))
}
