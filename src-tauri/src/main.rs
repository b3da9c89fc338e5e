//! The desktop program: the reaction-diffusion example in a window of its own.

#![forbid(unsafe_code)]
// No console window beside the program on Windows.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let failed = |error| selvedge::exit_code(Err(error));
    reaction_diffusion::app().map_or_else(failed, selvedge_desktop::run)
}
