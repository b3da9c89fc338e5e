//! Measures the library beside other servers that do the same work.

use std::path::PathBuf;

use clap::Args;

use crate::{
    command::{self, Result},
    display::Display,
    page, peers, project, suite, system,
};

#[derive(Args)]
pub(crate) struct BenchOptions {
    /// Measure the page against trame's page, in a browser
    #[arg(long)]
    page: bool,
    /// Measure how long stops and starts take, against axum
    #[arg(long)]
    stopping: bool,
    /// Measure a program with a window against an empty window of Tauri's, and against trame's; the
    /// comparison's options apply
    #[arg(long)]
    desktop: bool,
    /// Options of the comparison, and parts of the names of its cases: `--quick`, `--rounds N`,
    /// `--no-trame`, `--no-nicegui`, `--no-axum`, `--json FILE`, `--picture FILE`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    comparison: Vec<String>,
}

impl BenchOptions {
    /// Whether the option that leaves a server out is missing.
    fn measures(&self, without: &str) -> bool {
        !self.comparison.iter().any(|option| option == without)
    }
}

/// Runs the benchmarks.
pub(crate) fn run(options: &BenchOptions) -> Result {
    if options.page {
        return suite::measure_page();
    }
    page::ensure_built()?;
    if options.stopping {
        return command::run(&mut command::cargo(&[
            "bench", "-p", "selvedge", "--bench", "stopping",
        ]));
    }
    match options.desktop {
        true => compare_windows(options),
        false => compare(options),
    }
}

fn compare(options: &BenchOptions) -> Result {
    let build = ["build", "--locked", "--release", "-p", "selvedge-comparison", "-p", "bench-app"];
    command::run(&mut command::cargo(&build))?;
    let release = project::target().join("release");
    let mut comparison = command::new(&release.join("selvedge-comparison").to_string_lossy());
    comparison.arg("--ours").arg(release.join("bench-app"));
    if options.measures("--no-trame") {
        comparison.args(trame(peers::ensure_environment()?));
    }
    if options.measures("--no-nicegui") {
        let app = project::root().join("benches/comparison/nicegui_app.py");
        let python = peers::ensure_nicegui()?.join("bin/python");
        comparison.arg("--nicegui").arg(python).arg(app);
    }
    command::run(comparison.args(&options.comparison))
}

/// Returns the option that measures trame, from a virtual environment.
fn trame(environment: PathBuf) -> [PathBuf; 3] {
    let app = project::root().join("benches/comparison/trame_app.py");
    ["--trame".into(), environment.join("bin/python"), app]
}

fn compare_windows(options: &BenchOptions) -> Result {
    for needs in [system::DESKTOP, system::SCREEN] {
        system::ensure(needs)?;
    }
    let build = ["build", "--locked", "--release", "-p", "selvedge-comparison"];
    command::run(&mut command::cargo(&build))?;
    let examples = ["--example", "bench", "--example", "bare_window"];
    let build = ["build", "--locked", "--release", "-p", "selvedge-desktop"];
    command::run(command::cargo(&build).args(examples))?;
    let release = project::target().join("release");
    // Without a window manager, which would take time as well.
    let display = Display::start(1280, 1024)?;
    let mut comparison = command::new(&release.join("selvedge-comparison").to_string_lossy());
    comparison
        .arg("--desktop")
        .args(["bench", "bare_window"].map(|name| release.join("examples").join(name)));
    if options.measures("--no-trame") {
        comparison.args(trame(peers::ensure_windows()?));
    }
    command::run(display.show(&mut comparison).args(&options.comparison))
}
