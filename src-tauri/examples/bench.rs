//! The application of the measurements in a window, to measure its start and its memory there.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let failed = |error| selvedge::exit_code(Err(error));
    bench_app::app(0).map_or_else(failed, selvedge_desktop::run)
}
