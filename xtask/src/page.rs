//! The web page in `ui/`: npm's packages and the built files that the library embeds.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use crate::{
    command::{self, Failure, Result},
    project,
};

/// The files and folders that the page is built from.
const SOURCES: [&str; 7] = [
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "vite.config.ts",
];

/// Builds the page.
pub(crate) fn build() -> Result {
    script("build")
}

/// Builds the page, and rebuilds it when a source changes.
pub(crate) fn watch() -> Result {
    ensure_packages(&folder())?;
    command::become_program(npm(&folder())?.args(["run", "watch"]))
}

/// Builds the page if a source is newer than the result.
pub(crate) fn ensure_built() -> Result {
    let built = modified(&folder().join("dist/index.html"));
    let newest = SOURCES.iter().filter_map(|source| newest(&folder().join(source))).max();
    match (built, newest) {
        (Some(built), Some(newest)) if built >= newest => Ok(()),
        _ => build(),
    }
}

/// Runs one of the scripts of `ui/package.json`.
pub(crate) fn script(name: &str) -> Result {
    ensure_packages(&folder())?;
    command::run(npm(&folder())?.args(["run", name]))
}

/// Asks the registry for known vulnerabilities of the packages. Returns what had to be left out.
pub(crate) fn audit() -> Result<Option<String>> {
    let audit = |arguments: &[&str]| -> Result<Command> {
        let mut npm = npm(&folder())?;
        npm.args(["audit", "--package-lock-only", "--audit-level=moderate"])
            .args(["--fetch-timeout=20000", "--fetch-retries=1"])
            .args(arguments);
        Ok(npm)
    };
    let output = command::output(&mut audit(&["--json"])?)?;
    let has_report = String::from_utf8_lossy(&output.stdout).contains("\"auditReportVersion\"");
    match (has_report, output.status.success()) {
        (true, true) => Ok(None),
        // Run it again with readable output.
        (true, false) => command::run(&mut audit(&[])?).map(|()| None),
        (false, _) => {
            Ok(Some("known weaknesses of npm packages: the registry gives no report here".into()))
        }
    }
}

/// Installs the packages of `package-lock.json` in `folder`, unless they are installed already.
pub(crate) fn ensure_packages(folder: &Path) -> Result {
    let listed = modified(&folder.join("package-lock.json"));
    let installed = modified(&folder.join("node_modules/.package-lock.json"));
    if listed.is_some() && installed >= listed {
        return Ok(());
    }
    command::run(npm(folder)?.args(["ci", "--no-audit", "--no-fund"]))
}

/// Installs the packages that the page's scripts and tests need.
pub(crate) fn ensure_installed() -> Result {
    ensure_packages(&folder())
}

fn folder() -> PathBuf {
    project::root().join("ui")
}

fn npm(folder: &Path) -> Result<Command> {
    if !command::on_path("node") {
        return Err(Failure::new(
            "the web page needs Node.js 20 or newer with npm. Install it (https://nodejs.org, or your \
             system's package `nodejs`) and try again",
        ));
    }
    let mut npm = command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.current_dir(folder);
    Ok(npm)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// Returns when the newest file at or below `path` was changed.
fn newest(path: &Path) -> Option<SystemTime> {
    let Ok(entries) = fs::read_dir(path) else {
        return modified(path);
    };
    entries.flatten().filter_map(|entry| newest(&entry.path())).max()
}
