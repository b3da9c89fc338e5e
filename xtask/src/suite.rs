//! `cargo xtask test`: every check and every test, in an order that fails early.

use std::{
    fs::{self, File},
    io::{self, IsTerminal as _},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};

#[cfg(target_os = "linux")]
use crate::installers;
#[cfg(unix)]
use crate::targets;
use crate::{
    cargo_deny,
    command::{self, Failure, Result},
    display::Display,
    page, peers, project, signals, starter, system, tidy,
};

#[derive(Args)]
pub(crate) struct TestOptions {
    /// Run only these steps
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<Step>,
    /// Continue after a failed step
    #[arg(long)]
    keep_going: bool,
    /// Print everything, even if the output is not a terminal
    #[arg(long)]
    verbose: bool,
}

/// The steps in the order in which they run. Those up to the documentation need neither Tauri nor
/// its system packages.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Step {
    /// Rust sources are formatted
    Fmt,
    /// The project's own rules hold
    Tidy,
    /// Dependencies have allowed licenses and sources, and no known vulnerabilities
    Deny,
    /// The web page: types, lint, tests, build
    Ui,
    /// The libraries and their tests, without Tauri
    Library,
    /// The documentation of the libraries
    Docs,
    /// The library for other operating systems, where this one can check it
    Targets,
    /// System packages for windows, browsers and a virtual display
    Packages,
    /// The library's WebSockets against other implementations
    Peers,
    /// Rooms over several machines, on a Redis server
    Cluster,
    /// Clippy over the whole workspace
    Clippy,
    /// The desktop program and the examples, with their tests
    Apps,
    /// The program that users start from, as a separate project
    Starter,
    /// The application in real windows and browsers
    E2e,
    /// The installers: their content, and the Debian package in a clean system
    Installers,
}

/// The libraries, as arguments of cargo.
const LIBRARIES: [&str; 8] =
    ["-p", "selvedge", "-p", "selvedge-port", "-p", "selvedge-websocket", "-p", "selvedge-wslink"];

struct Outcome {
    step: Step,
    took: Duration,
    result: Result<Option<String>>,
}

/// Number of log lines that a failed step shows: enough for the failures that a test program lists
/// at its end.
const SHOWN_LINES: usize = 120;

/// Runs the steps and prints the outcome of each. Outside a terminal only a failed step shows its
/// output: the output of the others, which includes the errors that tests provoke, would hide it.
pub(crate) fn run(options: &TestOptions) -> Result {
    signals::restore()?;
    let chosen = |step: &&Step| options.only.is_empty() || options.only.contains(step);
    let live = options.verbose || io::stdout().is_terminal();
    let mut outcomes = Vec::new();
    for step in Step::value_variants().iter().filter(chosen) {
        println!("\n=== {} ===", step.name());
        let start = Instant::now();
        let result = if live { step.run() } else { step.run_quietly() };
        let took = start.elapsed();
        println!("--- {}: {:.1} s", step.name(), took.as_secs_f64());
        let failed = result.is_err();
        outcomes.push(Outcome { step: *step, took, result });
        if failed && !options.keep_going {
            break;
        }
    }
    summary(outcomes)
}

fn summary(outcomes: Vec<Outcome>) -> Result {
    let total: Duration = outcomes.iter().map(|outcome| outcome.took).sum();
    let passed = outcomes.iter().filter(|outcome| outcome.result.is_ok()).count();
    let failed = outcomes.len() - passed;
    println!();
    for outcome in &outcomes {
        let said = match &outcome.result {
            Ok(None) => "ok".into(),
            Ok(Some(left_out)) => format!("ok, NOT CHECKED: {left_out}"),
            Err(failure) => format!("FAILED: {failure}"),
        };
        println!("{:<10} {:>7.1} s  {said}", outcome.step.name(), outcome.took.as_secs_f64());
    }
    println!("{:<10} {:>7.1} s\n", "total", total.as_secs_f64());
    println!("steps: {passed} passed, {failed} failed");
    match outcomes.into_iter().find_map(|outcome| outcome.result.err()) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

impl Step {
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Runs the step with its output in a log, and shows the end of the log if the step fails.
    fn run_quietly(self) -> Result<Option<String>> {
        let log = project::target().join("steps").join(self.name()).with_extension("log");
        command::log_to(Some(created(&log).map_err(|error| Failure::at(&log, &error))?));
        let result = self.run();
        command::log_to(None);
        if result.is_err() {
            show_end(&log)?;
        }
        result
    }

    /// Runs the step. Returns what it had to leave out.
    fn run(self) -> Result<Option<String>> {
        match self {
            Self::Fmt => cargo(&["fmt", "--all", "--check"])?,
            Self::Tidy => {
                tidy::check()?;
                lock_file_is_committed()?;
                cargo(&["test", "--locked", "-p", "xtask"])?;
            }
            Self::Deny => {
                let left_out = [cargo_deny::check()?, page::audit()?];
                let left_out: Vec<String> = left_out.into_iter().flatten().collect();
                return Ok((!left_out.is_empty()).then(|| left_out.join("; ")));
            }
            Self::Ui => {
                for script in ["check", "test", "build"] {
                    page::script(script)?;
                }
            }
            Self::Library => {
                page::ensure_built()?;
                let features =
                    ["--features", "selvedge-port/axum,selvedge/testing,selvedge/typescript"];
                let mut test = command::cargo(&["test", "--locked"]);
                command::run(test.args(LIBRARIES).args(features))?;
                let least = ["clippy", "--locked", "--no-default-features"];
                command::run(
                    command::cargo(&least).args(LIBRARIES).args(["--", "-D", "warnings"]),
                )?;
            }
            Self::Peers => return peers::test(),
            Self::Cluster if !cfg!(target_os = "linux") => {
                return Ok(Some("rooms over several machines, which are checked on Linux".into()));
            }
            Self::Cluster => {
                page::ensure_built()?;
                system::ensure(system::REDIS)?;
                cargo(&["test", "--locked", "-p", "selvedge-redis"])?;
            }
            Self::Docs => {
                page::ensure_built()?;
                let mut doc = command::cargo(&["doc", "--locked", "--no-deps", "--all-features"]);
                let redis = ["-p", "selvedge-redis"];
                command::run(doc.args(LIBRARIES).args(redis).env("RUSTDOCFLAGS", "-D warnings"))?;
            }
            #[cfg(unix)]
            Self::Targets => return targets::check(),
            #[cfg(not(unix))]
            Self::Targets => return Ok(Some("other systems, which are checked on Unix".into())),
            Self::Packages => {
                for needs in [system::DESKTOP, system::SCREEN, system::DRIVERS, system::PEERS] {
                    system::ensure(needs)?;
                }
            }
            Self::Clippy => {
                ready_for_apps()?;
                cargo(&[
                    "clippy",
                    "--locked",
                    "--workspace",
                    "--all-targets",
                    "--",
                    "-D",
                    "warnings",
                ])?;
            }
            Self::Apps => {
                ready_for_apps()?;
                build_apps()?;
                let mut test = command::cargo(&["test", "--locked"]);
                command::run(
                    test.args(
                        ["selvedge-desktop", "reaction-diffusion", "basics", "board", "gallery"]
                            .map(|name| format!("--package={name}")),
                    ),
                )?;
            }
            Self::Starter => {
                system::ensure(system::DESKTOP)?;
                starter::build()?;
            }
            Self::E2e => return end_to_end(),
            #[cfg(target_os = "linux")]
            Self::Installers => return packages_for_users(),
            #[cfg(not(target_os = "linux"))]
            Self::Installers => return Ok(Some("packages, which are checked on Linux".into())),
        }
        Ok(None)
    }
}

fn created(log: &Path) -> io::Result<File> {
    log.parent().map_or(Ok(()), fs::create_dir_all)?;
    File::create(log)
}

fn show_end(log: &Path) -> Result {
    let printed = fs::read(log).map_err(|error| Failure::at(log, &error))?;
    let printed = String::from_utf8_lossy(&printed);
    let lines: Vec<&str> = printed.lines().collect();
    let left_out = lines.len().saturating_sub(SHOWN_LINES);
    println!("The end of {}, after {left_out} more lines:\n", log.display());
    println!("{}\n", lines[left_out..].join("\n"));
    Ok(())
}

fn cargo(arguments: &[&str]) -> Result {
    command::run(&mut command::cargo(arguments))
}

/// Checks in CI that the committed `Cargo.lock` is up to date. Starting this program updates the
/// file, so `--locked` alone never finds it out of date.
fn lock_file_is_committed() -> Result {
    if std::env::var_os("CI").is_none() {
        return Ok(());
    }
    command::run(command::new("git").args(["diff", "--exit-code", "--", "Cargo.lock"]))
}

fn ready_for_apps() -> Result {
    system::ensure(system::DESKTOP)?;
    page::ensure_built()
}

/// Builds all programs under test in one go, so that they share their dependencies.
fn build_apps() -> Result {
    const APPS: [&str; 7] = [
        "files",
        "notebook",
        "reaction-diffusion",
        "selvedge-demo",
        "selvedge-manners",
        "trame-widgets",
        "window-app",
    ];
    let packages = APPS.iter().flat_map(|app| ["-p", app]);
    let mut build = command::cargo(&["build", "--locked", "--features", "trame-widgets/desktop"]);
    command::run(build.args(packages))
}

/// Runs the end-to-end tests. Windows and browsers are driven on Linux only, where the drivers and
/// the virtual display come from.
fn end_to_end() -> Result<Option<String>> {
    if !cfg!(target_os = "linux") {
        return Ok(Some("windows and browsers, which are driven on Linux only".into()));
    }
    ready_for_apps()?;
    system::ensure(system::SCREEN)?;
    system::ensure(system::DRIVERS)?;
    system::ensure(system::PROXIES)?;
    let jupyter = peers::ensure_jupyter()?;
    page::ensure_installed()?;
    build_apps()?;
    starter::build()?;
    cargo(&["test", "--locked", "-p", "selvedge-e2e", "--no-run"])?;
    let display = Display::start(1280, 1024)?.with_window_manager()?;
    command::run(display.show(end_to_end_tests().env("SELVEDGE_JUPYTER", jupyter)))?;
    Ok(None)
}

/// `cargo xtask bench --page`: measures what the page costs compared to trame's page.
pub(crate) fn measure_page() -> Result {
    page::ensure_built()?;
    system::ensure(system::DRIVERS)?;
    let test = [
        "test",
        "--release",
        "-p",
        "selvedge-e2e",
        "weight",
        "--",
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ];
    cargo(&test)
}

/// Checks the packages that users install, and runs tests with the installed program.
#[cfg(target_os = "linux")]
fn packages_for_users() -> Result<Option<String>> {
    ready_for_apps()?;
    for needs in [system::SCREEN, system::DRIVERS, system::INSTALLERS] {
        system::ensure(needs)?;
    }
    cargo(&["test", "--locked", "-p", "selvedge-e2e", "--no-run"])?;
    installers::check()
}

/// Returns the command that runs the tests, and kills them if one of them hangs.
fn end_to_end_tests() -> Command {
    let mut tests = command::new("timeout");
    tests
        .args(["--kill-after=10", "900", "cargo", "test", "--locked", "-p", "selvedge-e2e"])
        .env("SELVEDGE_DESKTOP", project::debug_binary("selvedge"))
        .env("SELVEDGE_MANNERS", project::debug_binary("selvedge-manners"))
        .env("SELVEDGE_DRAG_SOURCE", project::debug_binary("selvedge-drag-source"))
        .env("SELVEDGE_WEB", project::debug_binary("reaction-diffusion"))
        .env("SELVEDGE_FILES", project::debug_binary("files"))
        .env("SELVEDGE_NOTEBOOK", project::debug_binary("notebook"))
        .env("SELVEDGE_WIDGETS", project::debug_binary("trame-widgets-desktop"))
        .env("SELVEDGE_WINDOW", project::debug_binary("window-app"))
        .env("SELVEDGE_STARTER", project::debug_binary("starter"));
    tests
}
