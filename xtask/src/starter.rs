//! Builds `examples/starter` as its users do: as a separate project, away from this repository,
//! with dependencies as git has them. These contain no built page, so the library has to build it.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    command::{self, Failure, Result},
    project,
};

/// The program's folder in the repository.
const PROGRAM: &str = "examples/starter";

/// The dependencies in the program's manifest, and their replacements.
const DEPENDENCIES: [(&str, &str); 2] = [
    (r#"path = "../..""#, r#"path = "../selvedge""#),
    (r#"path = "../../src-tauri""#, r#"path = "../selvedge/src-tauri""#),
];

/// Copies the program and the repository, and builds the program with the versions of the
/// repository's lock file.
///
/// Unchanged files are not written again, so that cargo builds only what has changed.
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
            // As in the workspace, so that its build results are reused.
            .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only"),
    )
}

/// Lists the files that git tracks or would add, relative to the root.
fn known_files() -> Result<Vec<PathBuf>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = command::output(command::new("git").current_dir(project::root()).args(arguments))?;
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let files = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    Ok(files.filter(|path| project::root().join(path).is_file()).collect())
}

/// Makes a folder contain exactly these files.
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

/// Writes a file unless it already has this content.
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
