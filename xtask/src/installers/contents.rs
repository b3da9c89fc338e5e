//! Checks the content of packages, and their metadata.

use std::{collections::BTreeSet, path::Path, process::Command};

use crate::{
    command::{self, Failure, Result},
    installers::lines,
    project,
};

/// Paths of the program and its descriptions in every package for Linux.
const PROGRAM: &str = "/usr/bin/selvedge";
const ENTRY: &str = "/usr/share/applications/selvedge.desktop";
const METAINFO: &str = "/usr/share/metainfo/app.selvedge.reaction-diffusion.metainfo.xml";

/// Tags of lintian that are accepted.
const ACCEPTED: [&str; 2] = [
    // The project has no mail address.
    "malformed-contact",
    // Only the tested package holds an unstripped binary: that of the debug build.
    "unstripped-binary-or-object",
];

/// Checks the Debian package and the files in it.
pub(crate) fn of_debian(package: &Path, unpacked: &Path) -> Result {
    let mut lintian = command::new("lintian");
    let accepted = ACCEPTED.join(",");
    lintian.args(["--allow-root", "--fail-on", "error,warning", "--suppress-tags", &accepted]);
    command::run(lintian.arg(package))?;

    let part = |path: &str| unpacked.join(path.trim_start_matches('/'));
    command::run(command::new("desktop-file-validate").arg(part(ENTRY)))?;
    command::run(command::new("appstreamcli").args(["validate", "--no-net"]).arg(part(METAINFO)))?;
    command::run(command::new("appstreamcli").args(["validate-tree", "--no-net"]).arg(unpacked))?;

    let version = env!("CARGO_PKG_VERSION");
    says(package, &field(package, "Version")?, version)?;
    let release = format!("<release version=\"{version}\"");
    says(&part(METAINFO), &read(&part(METAINFO))?, &release)?;
    let changes = project::root().join("src-tauri/linux/changelog");
    says(&changes, &read(&changes)?, &format!("selvedge ({version}) "))?;
    libraries_are_depended_on(&part(PROGRAM), &field(package, "Depends")?)
}

/// Checks the RPM: its content, and that rpm would install it, apart from the dependencies that
/// only an RPM system has.
pub(crate) fn of_rpm(package: &Path) -> Result {
    let ask = |arguments: &[&str]| said(command::new("rpm").args(arguments).arg(package));
    let described = ask(&["-qp", "--info"])?;
    says(package, &described, "License     : MIT OR Apache-2.0")?;
    says(package, &ask(&["-qp", "--queryformat", "%{VERSION}"])?, env!("CARGO_PKG_VERSION"))?;
    let files = ask(&["-qp", "--list"])?;
    let files: BTreeSet<&str> = files.lines().collect();
    let licenses = "/usr/share/licenses/selvedge/LICENSE-MIT";
    for file in [PROGRAM, ENTRY, METAINFO, licenses] {
        if !files.contains(file) {
            return Err(Failure::new(format!("{} holds no {file}", package.display())));
        }
    }
    let database = project::target().join("empty-rpm-database");
    let database = format!("--dbpath={}", database.display());
    let mut install = command::new("rpm");
    install.args(["--install", "--test", "--nodeps", "--ignorearch", "--ignoreos", &database]);
    command::run(install.arg(package))
}

/// Returns a field of a Debian package's control file.
pub(crate) fn field(package: &Path, name: &str) -> Result<String> {
    let field = said(command::new("dpkg-deb").arg("--field").arg(package).arg(name))?;
    Ok(field.trim().to_owned())
}

/// Checks that the package depends on the owner of each of the program's libraries.
fn libraries_are_depended_on(program: &Path, depends: &str) -> Result {
    let needed = said(command::new("objdump").arg("-p").arg(program))?;
    let needed = needed.lines().filter_map(|line| line.trim().strip_prefix("NEEDED"));
    let depended: BTreeSet<&str> =
        depends.split(',').filter_map(|package| package.split_whitespace().next()).collect();
    for library in needed.map(str::trim) {
        let owner = said(command::new("dpkg-query").args(["--search", &format!("*/{library}")]))?;
        let owners = lines(owner.as_bytes());
        let owners: BTreeSet<&str> =
            owners.iter().filter_map(|line| line.split(':').next()).collect();
        if owners.is_disjoint(&depended) {
            return Err(Failure::new(format!(
                "the program needs {library} of {owners:?}: name it in tauri.conf.json, bundle.linux.deb.depends"
            )));
        }
    }
    newest_of_libc(program, depends)
}

/// Checks that the package requires a C library with all symbol versions that the program uses.
fn newest_of_libc(program: &Path, depends: &str) -> Result {
    let symbols = said(command::new("objdump").arg("-T").arg(program))?;
    let version = |text: &str| {
        let mut parts = text.split('.').map(str::parse::<u32>);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    };
    let end = |c: char| !(c.is_ascii_digit() || c == '.');
    let after = symbols.split("GLIBC_").skip(1);
    let taken = after.filter_map(|rest| version(rest.split(end).next()?)).max();
    let asked =
        depends.split("libc6 (>= ").nth(1).and_then(|rest| version(rest.split(end).next()?));
    match taken.is_some() && asked >= taken {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "the program takes {taken:?} of the C library, and the package asks for {asked:?}"
        ))),
    }
}

fn says(file: &Path, text: &str, wanted: &str) -> Result {
    match text.contains(wanted) {
        true => Ok(()),
        false => Err(Failure::new(format!("{} does not say `{wanted}`", file.display()))),
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| Failure::at(path, &error))
}

/// Returns the output of a command; an error if it fails.
fn said(command: &mut Command) -> Result<String> {
    let output = command::output(command)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(Failure::new(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}
