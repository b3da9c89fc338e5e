//! Tests against WebSockets of other implementations: Autobahn's cases and Python programs in a
//! virtual environment, and Node's `ws` from the page's packages.

use std::{fs, path::PathBuf};

use crate::{
    command::{self, Failure, Result},
    page, project, system,
};

/// The packages to install, with versions.
const REQUIREMENTS: &str = "tests/websocket/peers/requirements.txt";

/// Runs the tests that need peers. Returns what had to be left out.
pub(crate) fn test() -> Result<Option<String>> {
    if cfg!(windows) {
        return Ok(Some("WebSocket peers, which are run on Unix only".into()));
    }
    page::ensure_built()?;
    let environment = ensure_environment()?;
    let mut tests =
        command::cargo(&["test", "--locked", "-p", "selvedge", "--test", "integration"]);
    tests.args(["--", "--ignored", "websocket::autobahn", "websocket::peers"]);
    command::run(tests.env("SELVEDGE_PEERS", environment))?;
    Ok(None)
}

/// Returns the virtual environment. Makes it again if the requirements have changed.
pub(crate) fn ensure_environment() -> Result<PathBuf> {
    system::ensure(system::PEERS)?;
    let folder = project::target().join("peers");
    let requirements = project::root().join(REQUIREMENTS);
    let installed = folder.join("installed.txt");
    let wanted = fs::read(&requirements).map_err(|error| Failure::at(&requirements, &error))?;
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    let mut make = command::new("python3");
    command::run(make.args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = command::new(&folder.join("bin/pip").to_string_lossy());
    install.args(["install", "--quiet", "--disable-pip-version-check", "-r"]);
    command::run(install.arg(&requirements))?;
    fs::write(&installed, wanted).map_err(|error| Failure::at(&installed, &error))?;
    Ok(folder)
}
