//! Tauri's command line, at the version that `xtask/tauri-cli` pins: it starts the program anew while sources
//! change, and makes the packages that users install.

use std::process::Command;

use crate::{
    command::{self, Result},
    page, project, system,
};

/// Runs `tauri dev`.
pub(crate) fn dev(arguments: &[String]) -> Result {
    let mut cli = ready()?;
    command::become_program(cli.arg("dev").args(arguments))
}

/// Builds the packages of this system.
pub(crate) fn package(appimage: bool) -> Result {
    let mut cli = ready()?;
    cli.arg("build");
    if cfg!(target_os = "linux") {
        // An AppImage needs tools that Tauri downloads; the other two need nothing.
        let bundles = if appimage { "deb,rpm,appimage" } else { "deb,rpm" };
        cli.args(["--bundles", bundles]);
    }
    command::run(&mut cli)?;
    println!("The packages are in {}.", project::target().join("release/bundle").display());
    Ok(())
}

/// The command line, once everything is there that it needs to build the program.
fn ready() -> Result<Command> {
    let folder = project::root().join("xtask/tauri-cli");
    system::ensure(system::DESKTOP)?;
    page::ensure_packages(&folder)?;
    page::ensure_built()?;
    let mut cli = command::new("node");
    cli.arg(folder.join("node_modules/@tauri-apps/cli/tauri.js"));
    Ok(cli)
}
