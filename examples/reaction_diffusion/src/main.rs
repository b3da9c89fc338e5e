//! Serves the application for browsers. `cargo xtask run` shows it in a window.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use selvedge::StartOptions;

fn main() -> ExitCode {
    let options = StartOptions::from_args();
    selvedge::exit_code(reaction_diffusion::app().and_then(|server| server.run(options)))
}
