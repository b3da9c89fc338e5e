//! Limits names to folders: one folder may use MessagePack, one axum, one Tauri, one `unsafe`.

use crate::command::{self, Failure, Result};

use super::{Finding, Source, tokens};

/// Names that may be used in one folder only.
struct Boundary {
    names: &'static [&'static str],
    home: &'static str,
    /// The folders in which the names are searched.
    within: &'static [&'static str],
}

/// The folder of everything that opens windows.
const WINDOWS: &str = "src-tauri/";

const RUST: &[&str] =
    &["src/", "crates/", "src-tauri/src/", "examples/", "tests/", "benches/", "xtask/src/"];

const BOUNDARIES: [Boundary; 5] = [
    Boundary { names: &["rmp", "rmpv", "rmp_serde"], home: "src/wire/", within: &["src/"] },
    Boundary {
        names: &["axum", "tower", "tower_http", "hyper", "hyper_util"],
        home: "src/http/",
        within: &["src/"],
    },
    Boundary { names: &["unsafe"], home: "crates/selvedge-port/src/", within: RUST },
    Boundary {
        names: &["tauri", "tauri_build", "tao", "wry", "webkit2gtk"],
        home: WINDOWS,
        within: &["src/", "examples/", "tests/", "benches/"],
    },
    // Tests open a window to drag files from.
    Boundary { names: &["gtk"], home: WINDOWS, within: &["src/", "examples/", "benches/"] },
];

/// Prefixes of the parts of crate names that a library without a window does not need.
const WINDOW_CRATES: [&str; 5] = ["gtk", "webkit", "tauri", "wry", "tao"];

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        if source.path.ends_with("Cargo.toml") {
            findings.extend(manifest(source));
        } else if source.path.ends_with(".rs") {
            findings.extend(names(source));
        } else if source.path.starts_with("ui/src/") && source.text.contains("@tauri-apps") {
            let what = "the page must not know Tauri: it runs in browsers too";
            findings.push(source.finding(0, what));
        }
    }
    findings
}

fn names(source: &Source) -> Vec<Finding> {
    let starts = |folders: &[&str]| folders.iter().any(|folder| source.path.starts_with(folder));
    let is_home = |boundary: &Boundary| {
        starts(&[boundary.home]) || (boundary.home == WINDOWS && starts(&[STARTER]))
    };
    let applies = |boundary: &&Boundary| starts(boundary.within) && !is_home(boundary);
    let boundaries: Vec<_> = BOUNDARIES.iter().filter(applies).collect();
    let mut findings = Vec::new();
    let mut see = |name: &str, line| {
        for boundary in boundaries.iter().filter(|boundary| boundary.names.contains(&name)) {
            let what = format!("`{name}` belongs in {} only", boundary.home);
            findings.push(source.finding(line, what));
        }
    };
    // The compiler reports a file that is not valid Rust.
    if let Ok(tokens) = tokens::read(&source.text) {
        tokens::identifiers(tokens, &mut see);
    }
    findings
}

/// A user's project: Tauri's command line looks for Tauri among its dependencies, and its build
/// script embeds the icon on Windows.
const STARTER: &str = "examples/starter/";

/// Finds dependencies on Tauri outside the desktop program.
fn manifest(source: &Source) -> Vec<Finding> {
    if source.path.starts_with("src-tauri/") || source.path.starts_with(STARTER) {
        return Vec::new();
    }
    let depends = |line: &str| {
        let name = line.split(['=', '.']).next().unwrap_or_default().trim();
        name == "tauri" || name.starts_with("tauri-") || name == "wry" || name == "webkit2gtk"
    };
    let lines = source.text.lines().enumerate().filter(|(_, line)| depends(line));
    let what = "a dependency on Tauri belongs in src-tauri/ only";
    lines.map(|(at, _)| source.finding(at + 1, what)).collect()
}

/// Finds crates that open windows among those that the library is built and tested with.
pub(super) fn library_dependencies() -> Result<Vec<Finding>> {
    let mut tree = command::cargo(&["tree", "--locked", "-p", "selvedge", "--prefix", "none"]);
    let output = command::output(tree.args(["--target", "all", "--format", "{p}"]))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure::new(format!("`cargo tree` failed: {said}")));
    }
    Ok(window_crates(&String::from_utf8_lossy(&output.stdout)))
}

fn window_crates(tree: &str) -> Vec<Finding> {
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let mut found: Vec<_> = names.filter(|name| opens_windows(name)).collect();
    found.sort_unstable();
    found.dedup();
    found
        .into_iter()
        .map(|name| Finding {
            path: "Cargo.toml".into(),
            line: 0,
            what: format!("the library depends on `{name}`, which is for windows"),
        })
        .collect()
}

fn opens_windows(name: &str) -> bool {
    name.split('-').any(|part| WINDOW_CRATES.iter().any(|window| part.starts_with(window)))
}

#[cfg(test)]
mod tests {
    use super::super::expect;

    fn check(path: &str, text: &str, expected: &[&str]) {
        expect(super::check, &[(path, text)], expected);
    }

    #[test]
    fn each_name_is_found_outside_its_home_only() {
        check("src/wire/packed.rs", "use rmpv::Value;", &[]);
        check(
            "src/state/mod.rs",
            "\nuse rmpv::Value;",
            &["src/state/mod.rs:2: `rmpv` belongs in src/wire/ only"],
        );
        check("src/http/mod.rs", "use axum::Router;", &[]);
        check(
            "src/run/mod.rs",
            "fn f() { axum::serve(l, r) }",
            &["src/run/mod.rs:1: `axum` belongs in src/http/ only"],
        );
        check("crates/selvedge-port/src/linux.rs", "unsafe { f() }", &[]);
        check(
            "examples/a/src/lib.rs",
            "fn f() {\n    unsafe { g() }\n}",
            &["examples/a/src/lib.rs:2: `unsafe` belongs in crates/selvedge-port/src/ only"],
        );
        check(
            "src/lib.rs",
            "use tauri::App;",
            &["src/lib.rs:1: `tauri` belongs in src-tauri/ only"],
        );
    }

    #[test]
    fn a_name_inside_another_or_in_a_comment_is_not_meant() {
        check("src/run/mod.rs", "#![deny(unsafe_code)]\n// axum\nconst A: &str = \"tauri\";", &[]);
    }

    #[test]
    fn manifests_outside_the_desktop_program_do_not_list_tauri() {
        check("src-tauri/Cargo.toml", "tauri = \"2\"", &[]);
        check(
            "Cargo.toml",
            "members = [\"src-tauri\"]\nselvedge-desktop = { path = \"src-tauri\" }",
            &[],
        );
        check(
            "Cargo.toml",
            "[dependencies]\ntauri = { version = \"2\" }",
            &["Cargo.toml:2: a dependency on Tauri belongs in src-tauri/ only"],
        );
        check(
            "tests/e2e/Cargo.toml",
            "tauri-plugin-opener.workspace = true",
            &["tests/e2e/Cargo.toml:1: a dependency on Tauri belongs in src-tauri/ only"],
        );
    }

    #[test]
    fn a_users_project_may_name_tauri() {
        check("examples/starter/build.rs", "fn main() { tauri_build::build(); }", &[]);
        check("examples/starter/Cargo.toml", "tauri = \"2\"", &[]);
    }

    #[test]
    fn the_page_does_not_know_tauri() {
        check(
            "ui/src/main.ts",
            "import { invoke } from '@tauri-apps/api'",
            &["ui/src/main.ts: the page must not know Tauri: it runs in browsers too"],
        );
    }

    #[test]
    fn crates_for_windows_are_seen_in_a_dependency_tree() {
        let found = |tree: &str| -> Vec<String> {
            super::window_crates(tree).iter().map(|finding| finding.what.clone()).collect()
        };
        assert_eq!(
            found("selvedge v0.1.0\nlistenfd v1.0.0\nstaticlib v1.0.0 (*)"),
            Vec::<String>::new()
        );
        assert_eq!(
            found("selvedge v0.1.0\nwebkit2gtk-sys v2.0.1\ngtk v0.18.2\ngtk v0.18.2 (*)"),
            [
                "the library depends on `gtk`, which is for windows",
                "the library depends on `webkit2gtk-sys`, which is for windows"
            ]
        );
    }
}
