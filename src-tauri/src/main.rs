//! The desktop program: the reaction-diffusion example in a window of its own.

#![forbid(unsafe_code)]
// No console window beside the program on Windows.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

fn main() -> ExitCode {
    match reaction_diffusion::app() {
        Ok(server) => selvedge_desktop::run(server),
        Err(error) => {
            eprintln!("reaction-diffusion: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
