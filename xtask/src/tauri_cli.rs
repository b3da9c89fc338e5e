//! Tauri's command line, at the version that `xtask/tauri-cli` pins. It restarts the program when
//! sources change, and makes the packages that users install.

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

/// Returns the command line, after installing everything that it needs to build the program.
pub(crate) fn ready() -> Result<Command> {
    system::ensure(system::DESKTOP)?;
    page::ensure_built()?;
    program()
}

/// Returns the command line for commands that build nothing.
pub(crate) fn program() -> Result<Command> {
    let folder = project::root().join("xtask/tauri-cli");
    page::ensure_packages(&folder)?;
    let mut cli = command::new("node");
    cli.arg(folder.join("node_modules/@tauri-apps/cli/tauri.js"));
    // It rejects any value but `true` and `false`, and CI systems set others.
    if std::env::var_os("CI").is_some() {
        cli.env("CI", "true");
    }
    Ok(cli)
}
