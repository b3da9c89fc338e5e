//! Runs the application: in a window, or for a browser.

use crate::{
    command::{self, Result},
    page, system,
};

/// Opens the desktop application.
pub(crate) fn open(release: bool, arguments: &[String]) -> Result {
    system::ensure(system::DESKTOP)?;
    start("selvedge-demo", release, arguments)
}

/// Serves the same application for a browser, without Tauri.
pub(crate) fn serve(release: bool, arguments: &[String]) -> Result {
    start("reaction-diffusion", release, arguments)
}

fn start(package: &str, release: bool, arguments: &[String]) -> Result {
    page::ensure_built()?;
    let mut cargo = command::cargo(&["run", "-p", package]);
    if release {
        cargo.arg("--release");
    }
    command::become_program(cargo.arg("--").args(arguments))
}
