//! Measures the library beside other servers that do the same work.

use std::path::PathBuf;

use clap::Args;

use crate::{
    command::{self, Result},
    page, peers, project, suite,
};

#[derive(Args)]
pub(crate) struct BenchOptions {
    /// Measure the page against trame's page, in a browser
    #[arg(long)]
    page: bool,
    /// Measure how long stops and starts take, against axum
    #[arg(long)]
    stopping: bool,
    /// Leave Python trame out
    #[arg(long)]
    no_trame: bool,
    /// Fewer and shorter rounds
    #[arg(long)]
    quick: bool,
    /// Number of rounds
    #[arg(long)]
    rounds: Option<usize>,
    /// Also write the figures to this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Also draw the processor times as an SVG picture in this file
    #[arg(long)]
    picture: Option<PathBuf>,
    /// Cases whose name contains one of these; all of them by default
    cases: Vec<String>,
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
    compare(options)
}

fn compare(options: &BenchOptions) -> Result {
    let build = ["build", "--locked", "--release", "-p", "selvedge-comparison", "-p", "bench-app"];
    command::run(&mut command::cargo(&build))?;
    let release = project::target().join("release");
    let mut comparison = command::new(&release.join("selvedge-comparison").to_string_lossy());
    comparison.arg("--ours").arg(release.join("bench-app"));
    if !options.no_trame {
        let python = peers::ensure_environment()?.join("bin/python");
        let app = project::root().join("benches/comparison/trame_app.py");
        comparison.arg("--trame").arg(python).arg(app);
    }
    if options.quick {
        comparison.arg("--quick");
    }
    if let Some(rounds) = options.rounds {
        comparison.arg("--rounds").arg(rounds.to_string());
    }
    if let Some(file) = &options.json {
        comparison.arg("--json").arg(file);
    }
    if let Some(file) = &options.picture {
        comparison.arg("--picture").arg(file);
    }
    command::run(comparison.arg("--").args(&options.cases))
}
