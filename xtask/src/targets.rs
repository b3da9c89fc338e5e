//! Checks that the library compiles for other operating systems.
//!
//! Only Rust is checked. Dependencies with C code require a compiler and an archiver for the other
//! system, and get programs that do nothing: a check links nothing.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use crate::{
    command::{self, Failure, Result},
    project,
};

/// The other supported targets.
const TARGETS: [&str; 2] = ["x86_64-pc-windows-msvc", "x86_64-apple-darwin"];

/// Checks the library for each target whose standard library is installed. Returns those that are
/// not.
pub(crate) fn check() -> Result<Option<String>> {
    let (installed, missing): (Vec<&str>, Vec<&str>) =
        TARGETS.iter().partition(|target| is_installed(target));
    if !installed.is_empty() {
        let archiver = archiver()?;
        for target in installed {
            let suffix = target.replace('-', "_");
            let arguments = ["check", "--locked", "-p", "selvedge", "--lib", "--target", target];
            let mut check = command::cargo(&arguments);
            check.env(format!("CC_{suffix}"), "true").env(format!("AR_{suffix}"), &archiver);
            command::run(&mut check)?;
        }
    }
    let hint = |targets: Vec<&str>| {
        format!(
            "{0} (`rustup target add {1}` brings what is needed)",
            targets.join(", "),
            targets.join(" ")
        )
    };
    Ok((!missing.is_empty()).then(|| hint(missing)))
}

fn is_installed(target: &str) -> bool {
    let mut ask = command::new("rustc");
    let said = command::output(ask.args(["--print", "target-libdir", "--target", target]));
    said.is_ok_and(|said| {
        said.status.success()
            && PathBuf::from(String::from_utf8_lossy(&said.stdout).trim()).is_dir()
    })
}

/// Writes an archiver that makes empty archives, and understands the options of Windows as well.
fn archiver() -> Result<PathBuf> {
    const SCRIPT: &str = "#!/bin/sh\nfor word in \"$@\"; do\n  case \"$word\" in\n    [-/]out:*) : > \"${word#?out:}\" ;;\n  esac\ndone\n";
    let path = project::root().join("target/empty-archiver");
    let failed = |error| Failure::at(&path, &error);
    fs::create_dir_all(project::root().join("target")).map_err(failed)?;
    fs::write(&path, SCRIPT).map_err(failed)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    Ok(path)
}
