//! Serves the board. `/?room=NAME` is the board of a group.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use selvedge::{StartOptions, exit_code};

fn main() -> ExitCode {
    let options = StartOptions::from_args();
    exit_code(board::rooms().server().and_then(|server| server.run(options)))
}
