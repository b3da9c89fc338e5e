//! Finds or builds the web page that is embedded in the library. `ui/dist` exists in published
//! packages and in a repository where the page was built; if the library is a git dependency, the
//! page is built here.
//!
//! Writes only below `OUT_DIR`. npm installs exactly what `ui/package-lock.json` lists, from its
//! cache if possible.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// Environment variable with the folder of a prebuilt page. If it is empty, no page is embedded.
const GIVEN: &str = "SELVEDGE_PAGE_FOLDER";

/// Sources of the page, relative to `ui`.
const SOURCES: [&str; 7] = [
    "index.html",
    "package.json",
    "package-lock.json",
    "public",
    "src",
    "tsconfig.json",
    "vite.config.ts",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={GIVEN}");
    let folder = page();
    println!("cargo::rustc-env=SELVEDGE_PAGE={}", folder.display());
}

/// Returns the folder of the page. Without a page, the folder does not exist, and the server says
/// so in the browser.
fn page() -> PathBuf {
    let sources = variable("CARGO_MANIFEST_DIR").join("ui");
    if let Some(given) = env::var_os(GIVEN) {
        println!("cargo::rerun-if-changed={}", Path::new(&given).display());
        return given.into();
    }
    let built = sources.join("dist");
    if built.join("index.html.gz").is_file() {
        println!("cargo::rerun-if-changed={}", built.display());
        return built;
    }
    match build(&sources, &variable("OUT_DIR").join("ui")) {
        Ok(page) => {
            for source in SOURCES {
                println!("cargo::rerun-if-changed={}", sources.join(source).display());
            }
            page
        }
        Err(reason) => {
            println!(
                "cargo::warning=the application is built without its web page: {reason}. Install Node.js 20 or newer \
                 with npm and build again, or set {GIVEN} to a folder with a built page"
            );
            // This path does not exist, so that the script runs again at the next build.
            println!("cargo::rerun-if-changed={}", built.display());
            built
        }
    }
}

fn variable(name: &str) -> PathBuf {
    env::var_os(name).map(PathBuf::from).unwrap_or_default()
}

/// Builds the page in a copy of its sources.
fn build(sources: &Path, copy: &Path) -> Result<PathBuf, String> {
    if !sources.join("package-lock.json").is_file() {
        return Err("its sources are not here".to_owned());
    }
    let failed = |error: io::Error| format!("its sources cannot be copied: {error}");
    if copy.is_dir() {
        fs::remove_dir_all(copy).map_err(failed)?;
    }
    for source in SOURCES {
        copy_all(&sources.join(source), &copy.join(source)).map_err(failed)?;
    }
    // Scripts of packages are not run.
    let install = ["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];
    npm(copy, &install)?;
    npm(copy, &["run", "build"])?;
    // The packages are large and no longer needed.
    let _ = fs::remove_dir_all(copy.join("node_modules"));
    let page = copy.join("dist");
    match page.join("index.html.gz").is_file() {
        true => Ok(page),
        false => Err("npm has not built it".to_owned()),
    }
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_file() {
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        return fs::copy(from, to).map(drop);
    }
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        copy_all(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}

fn npm(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let output = Command::new(npm).args(arguments).current_dir(folder).output();
    let output = output.map_err(|error| format!("npm cannot be started ({error})"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // Cargo shows one line only.
    let line = said.lines().find(|line| !line.contains("warn")).unwrap_or_default().trim();
    Err(format!("`npm {}` failed ({line})", arguments[0]))
}
