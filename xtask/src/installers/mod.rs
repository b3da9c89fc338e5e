//! Tests of the packages: their content, and that the Debian package can be installed in a system
//! with nothing else, started there as from a menu, used, closed and removed without a trace.

mod contents;
mod launch;
mod root;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{
    command::{self, Failure, Result},
    display::Display,
    icons, package,
};

use root::{Found, Root};

/// Tests of the window that are also run against the installed program.
const WINDOW_TESTS: [&str; 2] = [
    "window::page_and_server_follow_each_other_and_frames_arrive",
    "closing::closing_the_window_ends_the_program",
];

/// Checks the packages of a debug build. Returns what had to be left out.
pub(crate) fn check() -> Result<Option<String>> {
    icons::check()?;
    let built = package::quickly("deb,rpm")?;
    let of_kind = |end: &str| {
        let found = built.iter().find(|file| file.extension().is_some_and(|known| known == end));
        found.cloned().ok_or_else(|| Failure::new(format!("no .{end} was built")))
    };
    let (deb, rpm) = (of_kind("deb")?, of_kind("rpm")?);
    let unpacked = deb.with_extension("").join("data");
    contents::of_debian(&deb, &unpacked)?;
    contents::of_rpm(&rpm)?;
    match Root::prepare(&contents::field(&deb, "Depends")?)? {
        Found::Refused(reason) => Ok(Some(format!("the package in a clean system: {reason}"))),
        Found::Root(root) => {
            installed(&root, &deb)?;
            root.keep_for_next_time()?;
            Ok(None)
        }
    }
}

/// Installs the package, uses the program and removes the package.
fn installed(root: &Root, deb: &Path) -> Result {
    let before = root.files()?;
    let inside = root.receive(deb)?;
    command::run(root.apt_get(&["install"]).arg(&inside))?;
    libraries_are_found(root)?;

    let display = Display::start(1280, 1024)?.with_window_manager()?;
    launch::by_desktop_entry(root, &display)?;
    by_driver(root, &display)?;
    drop(display);

    command::run(root.apt_get(&["purge"]).arg(contents::field(deb, "Package")?))?;
    let after = root.files()?;
    let left: Vec<_> = after.difference(&before).collect();
    let gone: Vec<_> = before.difference(&after).collect();
    match left.is_empty() && gone.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "the package does not leave the system as it was: left {left:?}, gone {gone:?}"
        ))),
    }
}

/// Checks that the package's dependencies provide every library of the program, in the version that
/// it needs.
fn libraries_are_found(root: &Root) -> Result {
    let linked =
        command::output(root.enter().args(["ldd", "--function-relocs", "/usr/bin/selvedge"]))?;
    let said = [linked.stdout, linked.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    match said.contains("not found")
        || said.contains("undefined symbol")
        || !linked.status.success()
    {
        true => {
            Err(Failure::new(format!("the dependencies of the package do not suffice:\n{said}")))
        }
        false => Ok(()),
    }
}

/// Clicks in the page of the installed program, and checks that it exits with 0.
fn by_driver(root: &Root, display: &Display) -> Result {
    let program = script(&root.folder().with_file_name("installed-program"), root)?;
    let mut tests = command::new("timeout");
    tests
        .args(["--kill-after=10", "300", "cargo", "test", "--locked", "-p", "selvedge-e2e"])
        // One at a time: a second launch would show the window of the first.
        .args(["--", "--exact", "--test-threads=1"])
        .args(WINDOW_TESTS)
        .env("SELVEDGE_DESKTOP", program);
    command::run(display.show(&mut tests))
}

/// Writes a script that runs the installed program, with the same arguments and the same process
/// id.
fn script(path: &Path, root: &Root) -> Result<PathBuf> {
    let failed = |error| Failure::at(path, &error);
    let entering: Vec<String> =
        root.entering_as_visitor().iter().map(|word| quoted(word)).collect();
    let text = format!("#!/bin/sh\nexec {} /usr/bin/selvedge \"$@\"\n", entering.join(" "));
    fs::write(path, text).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    Ok(path.to_owned())
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Returns the lines of a text, without empty ones.
fn lines(text: &[u8]) -> BTreeSet<String> {
    String::from_utf8_lossy(text)
        .lines()
        .map(str::to_owned)
        .filter(|line| !line.is_empty())
        .collect()
}
