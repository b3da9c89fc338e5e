//! `examples/starter` as what it is meant to be: a project of its own, away from this repository, whose dependencies are as
//! git gives them. There is no built page among those, so the library has to bring it about.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    command::{self, Failure, Result},
    project,
};

/// Where the program is in the repository.
const PROGRAM: &str = "examples/starter";

/// The dependencies in its manifest, and what they become.
const DEPENDENCIES: [(&str, &str); 2] = [
    (r#"path = "../..""#, r#"path = "../selvedge""#),
    (r#"path = "../../src-tauri""#, r#"path = "../selvedge/src-tauri""#),
];

/// Copies the program and the repository, and builds the program with what the repository's lock file lists.
///
/// Files that have not changed stay as they are, so that cargo builds only what has.
pub(crate) fn build() -> Result {
    let folder = project::target().join("starter");
    let (selvedge, program) = (folder.join("selvedge"), folder.join("program"));
    let known = known_files()?;
    let of_program = known.iter().filter_map(|path| path.strip_prefix(PROGRAM).ok());
    let of_program: Vec<PathBuf> = of_program.map(PathBuf::from).collect();
    let is_other = |path: &&PathBuf| !path.starts_with(PROGRAM);
    let others: Vec<PathBuf> = known.iter().filter(is_other).cloned().collect();
    mirror(project::root(), &others, &selvedge)?;
    mirror(&project::root().join(PROGRAM), &of_program, &program)?;
    let manifest = read(&program.join("Cargo.toml"))?;
    let manifest = DEPENDENCIES
        .iter()
        .try_fold(manifest, |text, (from, to)| text.contains(from).then(|| text.replace(from, to)))
        .ok_or_else(|| {
            Failure::new("the dependencies of the starter are not those that are expected")
        })?;
    write(&program.join("Cargo.toml"), manifest.as_bytes())?;
    write(&program.join("Cargo.lock"), read(&project::root().join("Cargo.lock"))?.as_bytes())?;
    command::run(
        command::cargo(&["build"])
            .current_dir(&program)
            .env("CARGO_TARGET_DIR", project::target())
            // As in the workspace, so that what is built there already serves here.
            .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only"),
    )
}

/// The files that git knows or would take, from the root.
fn known_files() -> Result<Vec<PathBuf>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = command::output(command::new("git").current_dir(project::root()).args(arguments))?;
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let files = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    Ok(files.filter(|path| project::root().join(path).is_file()).collect())
}

/// Makes a folder hold these files and no others.
fn mirror(from: &Path, files: &[PathBuf], to: &Path) -> Result {
    let wanted: HashSet<PathBuf> = files.iter().map(|file| to.join(file)).collect();
    remove_others(to, &wanted);
    for file in files {
        let content = fs::read(from.join(file)).map_err(|error| Failure::at(file, &error))?;
        write(&to.join(file), &content)?;
    }
    Ok(())
}

fn remove_others(folder: &Path, wanted: &HashSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            remove_others(&path, wanted);
        } else if !wanted.contains(&path) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes a file that has another content.
fn write(path: &Path, content: &[u8]) -> Result {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, content));
    written.map_err(|error| Failure::at(path, &error))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| Failure::at(path, &error))
}
