//! Sizes and names of files, and paths of the machine that a file was written on.

use super::{Finding, Source};

/// Maximum number of lines of a source file.
const MAX_LINES: usize = 500;

/// Limit for the desktop program's lines of code in all, without blank lines and comments.
const MAX_DESKTOP_CODE: usize = 2900;

const DESKTOP: &str = "src-tauri/src/";
const SIZED: [&str; 5] = ["src/", "crates/", DESKTOP, "ui/src/", "xtask/src/"];

/// File names that do not describe the content.
const VAGUE: [&str; 6] = ["util", "utils", "helper", "helpers", "common", "misc"];

/// Top-level folders that differ from machine to machine.
const OWN_FOLDERS: [&str; 3] = ["work", "root", "home"];

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let whole = |what: String| source.finding(0, what);
        findings.extend(size(source).map(whole));
        findings.extend(name(&source.path).map(whole));
        findings.extend(own_paths(source));
    }
    let desktop = sources.iter().filter(|source| source.path.starts_with(DESKTOP));
    let code: usize = desktop.map(|source| lines_of_code(&source.text)).sum();
    if code >= MAX_DESKTOP_CODE {
        let what = format!("{code} lines of code; less than {MAX_DESKTOP_CODE} are allowed");
        findings.push(Finding { path: DESKTOP.into(), line: 0, what });
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

fn lines_of_code(text: &str) -> usize {
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    text.lines().map(str::trim).filter(is_code).count()
}

#[cfg(test)]
mod tests {
    use super::super::expect;

    fn check(path: &str, text: &str, expected: &[&str]) {
        expect(super::check, &[(path, text)], expected);
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
    fn the_desktop_program_is_counted_without_comments() {
        let paths = ["app", "lib", "menu", "place", "shell", "splash"]
            .map(|name| format!("src-tauri/src/{name}.rs"));
        let of = |text: &str| {
            let text = text.repeat(500 / text.lines().count());
            paths.clone().map(|path| (path, text.clone()))
        };
        let check = |sources: [(String, String); 6], expected: &[&str]| {
            let sources = sources.each_ref().map(|(path, text)| (path.as_str(), text.as_str()));
            expect(super::check, &sources, expected);
        };
        check(of("x\n\n// y\n"), &[]);
        let found = "src-tauri/src/: 3000 lines of code; less than 2900 are allowed";
        check(of("x\n"), &[found]);
    }

    #[test]
    fn vague_names_are_found_for_folders_and_files() {
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
