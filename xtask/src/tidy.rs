//! The project's own rules: sizes and names of files, and paths of the machine that a file was
//! written on. Cargo and `deny.toml` hold the dependencies.
//!
//! Each rule returns a [`Finding`] per violation; `check` fails if there is any.

use std::{fmt, fs};

use crate::{
    command::{self, Failure, Result},
    project,
};

/// Maximum number of lines of a source file.
const MAX_LINES: usize = 500;

const SIZED: [&str; 5] = ["src/", "crates/", "src-tauri/src/", "ui/src/", "xtask/src/"];

/// File names that do not describe the content.
const VAGUE: [&str; 6] = ["util", "utils", "helper", "helpers", "common", "misc"];

/// Top-level folders that differ from machine to machine.
const OWN_FOLDERS: [&str; 3] = ["work", "root", "home"];

/// A file of the project: its path from the root, with slashes, and its text.
struct Source {
    path: String,
    text: String,
}

/// A violation of a rule.
#[derive(Debug)]
struct Finding {
    path: String,
    /// Line number from 1; 0 is the file as a whole.
    line: usize,
    what: String,
}

impl Source {
    /// Creates a finding in this file; line 0 is the file as a whole.
    fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, what: what.into() }
    }
}

/// Checks all rules and prints every violation.
pub(crate) fn check() -> Result {
    let sources = sources()?;
    let findings = violations(&sources);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("{} files are tidy.", sources.len());
            Ok(())
        }
        count => Err(Failure::new(format!("not tidy, {count} in all; each is listed above"))),
    }
}

/// Reads every text file that git tracks or would add.
fn sources() -> Result<Vec<Source>> {
    let mut git = command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = command::output(&mut git)?;
    if !listed.status.success() {
        let said = String::from_utf8_lossy(&listed.stderr).into_owned();
        return Err(Failure::new(format!("the files are listed by git, which failed: {said}")));
    }
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    let text = |path: &str| {
        // A picture has no text, nor has a file that is deleted but not yet committed.
        let text = fs::read_to_string(project::root().join(path)).ok()?;
        Some(Source { path: path.to_owned(), text })
    };
    Ok(names.split_terminator('\0').filter_map(text).collect())
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(out, "{}: {}", self.path, self.what),
            line => write!(out, "{}:{line}: {}", self.path, self.what),
        }
    }
}

fn violations(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let whole = |what: String| source.finding(0, what);
        findings.extend(size(source).map(whole));
        findings.extend(name(&source.path).map(whole));
        findings.extend(own_paths(source));
    }
    findings
}

fn size(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    let sized = SIZED.iter().any(|folder| source.path.starts_with(folder));
    (sized && lines > MAX_LINES).then(|| format!("{lines} lines; at most {MAX_LINES} are allowed"))
}

fn name(path: &str) -> Option<String> {
    let stem = |part: &str| part.split('.').next().unwrap_or_default().to_owned();
    let vague = path.split('/').map(stem).find(|stem| VAGUE.contains(&stem.as_str()))?;
    Some(format!("`{vague}` does not say what is inside"))
}

/// Finds absolute paths that exist only on the machine of the author.
fn own_paths(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        for folder in OWN_FOLDERS {
            let path = format!("/{folder}/");
            if line.match_indices(&path).any(|(start, _)| starts_path(&line[..start])) {
                let what = format!("`{path}` is a path of one machine");
                findings.push(source.finding(at + 1, what));
            }
        }
    }
    findings
}

/// Returns whether a path can start after this text: in `./root/` and `example.org/root/` it
/// continues.
fn starts_path(before: &str) -> bool {
    !before.ends_with(|last: char| last.is_alphanumeric() || "._-~})]*".contains(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `(path, text)` pairs, applies a rule, and compares its findings line by line.
    fn expect(files: &[(&str, &str)], expected: &[&str]) {
        let source =
            |(path, text): &(&str, &str)| Source { path: (*path).into(), text: (*text).into() };
        let sources: Vec<_> = files.iter().map(source).collect();
        let found: Vec<_> = violations(&sources).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    fn check(path: &str, text: &str, expected: &[&str]) {
        expect(&[(path, text)], expected);
    }

    #[test]
    fn a_long_source_is_found() {
        check("src/state/store.rs", &"x\n".repeat(500), &[]);
        check(
            "ui/src/state.ts",
            &"x\n".repeat(501),
            &["ui/src/state.ts: 501 lines; at most 500 are allowed"],
        );
        check("tests/wire/frames.txt", &"x\n".repeat(501), &[]);
    }

    #[test]
    fn vague_names_of_folders_and_files_are_found() {
        check("src/http/utils.rs", "", &["src/http/utils.rs: `utils` does not say what is inside"]);
        check(
            "ui/src/common/a.test.ts",
            "",
            &["ui/src/common/a.test.ts: `common` does not say what is inside"],
        );
        check("src/commonplace.rs", "", &[]);
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        let path = ["", "home", "me", "project"].join("/");
        check(
            "README.md",
            &format!("Go to\n`{path}`."),
            &[concat!("README.md:2: `/ho", "me/` is a path of one machine")],
        );
        check("README.md", &format!("https://example.org{path} and .{path}"), &[]);
    }
}
