//! The project's own rules: dependencies between modules, names that are limited to folders, sizes
//! and file names.
//!
//! Sources are read as tokens, so that comments and strings do not count as uses. Each rule returns
//! a [`Finding`] per violation; `check` fails if there is any.

mod arrows;
mod boundaries;
mod files;
mod tokens;

use std::{fmt, fs};

use crate::{
    command::{self, Failure, Result},
    project,
};

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
    let mut findings = arrows::check(&sources);
    findings.extend(boundaries::check(&sources));
    findings.extend(files::check(&sources));
    findings.extend(boundaries::library_dependencies()?);
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

/// Reads `(path, text)` pairs, applies a rule, and compares its findings line by line.
#[cfg(test)]
fn expect(rule: fn(&[Source]) -> Vec<Finding>, files: &[(&str, &str)], expected: &[&str]) {
    let source =
        |(path, text): &(&str, &str)| Source { path: (*path).into(), text: (*text).into() };
    let sources: Vec<_> = files.iter().map(source).collect();
    let found: Vec<_> = rule(&sources).iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}
