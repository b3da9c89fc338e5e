//! The desktop program: the reaction-diffusion example in a window.

#![forbid(unsafe_code)]
// No console window beside the program on Windows.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

use selvedge_desktop::App;

fn main() -> ExitCode {
    let program = selvedge::program!("../../tauri.conf.json", "../icons/128x128.png");
    App::new(program, reaction_diffusion::app).run()
}
