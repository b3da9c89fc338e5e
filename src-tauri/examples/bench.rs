//! The benchmark application in a window, to measure its start-up time and memory there.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let failed = |error| selvedge::exit_code(Err(error));
    bench_app::app(0).map_or_else(failed, selvedge_desktop::run)
}
