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

/// The command line, once everything is there that it needs to build the program.
pub(crate) fn ready() -> Result<Command> {
    system::ensure(system::DESKTOP)?;
    page::ensure_built()?;
    program()
}

/// The command line by itself, for what needs no build.
pub(crate) fn program() -> Result<Command> {
    let folder = project::root().join("xtask/tauri-cli");
    page::ensure_packages(&folder)?;
    let mut cli = command::new("node");
    cli.arg(folder.join("node_modules/@tauri-apps/cli/tauri.js"));
    // It refuses any value but `true` and `false`, and CI systems set others.
    if std::env::var_os("CI").is_some() {
        cli.env("CI", "true");
    }
    Ok(cli)
}
