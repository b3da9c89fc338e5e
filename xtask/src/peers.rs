//! Tests against WebSockets of other implementations: Autobahn's cases and Python programs in a
//! virtual environment, and Node's `ws` from the page's packages.

use std::{fs, path::PathBuf};

use crate::{
    command::{self, Failure, Result},
    page, project, system,
};

/// A Python virtual environment.
struct Environment {
    /// Its folder in the target folder.
    folder: &'static str,
    /// The file with the packages to install, with versions.
    requirements: &'static str,
    python: &'static str,
    options: &'static [&'static str],
}

const PEERS: Environment = Environment {
    folder: "peers",
    requirements: "tests/websocket/peers/requirements.txt",
    python: "python3",
    options: &[],
};

/// For the end-to-end tests: Jupyter, which shows applications beside notebooks.
const JUPYTER: Environment = Environment {
    folder: "peers_jupyter",
    requirements: "tests/e2e/jupyter_requirements.txt",
    python: "python3",
    options: &[],
};

/// For windows of trame. Their web view is a package of the system, for the system's Python.
const WINDOWS: Environment = Environment {
    folder: "peers_with_windows",
    requirements: "benches/comparison/window_requirements.txt",
    python: "/usr/bin/python3",
    options: &["--system-site-packages"],
};

/// For the benchmark, apart from the others: it needs many packages.
const NICEGUI: Environment = Environment {
    folder: "peers_nicegui",
    requirements: "benches/comparison/nicegui_requirements.txt",
    python: "python3",
    options: &[],
};

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

/// Returns the virtual environment of Jupyter.
pub(crate) fn ensure_jupyter() -> Result<PathBuf> {
    ensure(&JUPYTER)
}

/// Returns the virtual environment of NiceGUI.
pub(crate) fn ensure_nicegui() -> Result<PathBuf> {
    ensure(&NICEGUI)
}

/// Returns the virtual environment of the peers.
pub(crate) fn ensure_environment() -> Result<PathBuf> {
    ensure(&PEERS)
}

/// Returns the virtual environment for windows of trame.
pub(crate) fn ensure_windows() -> Result<PathBuf> {
    system::ensure(system::PYTHON_WINDOWS)?;
    ensure(&WINDOWS)
}

/// Returns a virtual environment. Makes it again if the requirements have changed.
fn ensure(environment: &Environment) -> Result<PathBuf> {
    system::ensure(system::PEERS)?;
    let folder = project::target().join(environment.folder);
    let requirements = project::root().join(environment.requirements);
    let installed = folder.join("installed.txt");
    let wanted = fs::read(&requirements).map_err(|error| Failure::at(&requirements, &error))?;
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    let mut make = command::new(environment.python);
    make.args(["-m", "venv", "--clear"]).args(environment.options);
    command::run(make.arg(&folder))?;
    let mut install = command::new(&folder.join("bin/pip").to_string_lossy());
    install.args(["install", "--quiet", "--disable-pip-version-check", "-r"]);
    command::run(install.arg(&requirements))?;
    fs::write(&installed, wanted).map_err(|error| Failure::at(&installed, &error))?;
    Ok(folder)
}
