//! The project's own commands: `cargo xtask --help`.
//!
//! Every command of the project starts here, on a machine that may have only Rust and Node. So this
//! program builds in seconds and installs what a command needs.
#![forbid(unsafe_code)]

mod app;
mod bench;
mod cargo_deny;
mod command;
mod display;
mod icons;
#[cfg(target_os = "linux")]
mod installers;
mod package;
mod page;
mod peers;
mod project;
mod screenshots;
mod signals;
mod starter;
mod suite;
mod system;
#[cfg(unix)]
mod targets;
mod tauri_cli;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Open the desktop application, or serve it for a browser
    Run {
        /// Serve for a browser instead of opening a window (needs no system packages)
        #[arg(long)]
        web: bool,
        /// Build with optimizations
        #[arg(long)]
        release: bool,
        /// Arguments of the application, after `--`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run every check and every test, without a screen
    Test(suite::TestOptions),
    /// Open the desktop application, show each change of a page in it, and restart it when other
    /// sources change
    Dev {
        /// More arguments of `tauri dev`, after `--`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Build the packages that users install
    Package(package::PackageOptions),
    /// Draw the icon in all its sizes from src-tauri/icons/icon.svg
    Icons,
    /// Measure the library beside a bare socket, axum and trame
    Bench(bench::BenchOptions),
    /// Build the web page that the library embeds
    Ui {
        /// Rebuild it when a source changes; running debug builds show it
        #[arg(long)]
        watch: bool,
    },
    /// Check the project's own rules: sizes and names of files
    Tidy,
    /// Draw docs/screenshot-light.png and docs/screenshot-dark.png from the running application
    Screenshots,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Run { web: true, release, arguments } => app::serve(release, &arguments),
        Task::Run { web: false, release, arguments } => app::open(release, &arguments),
        Task::Test(options) => suite::run(&options),
        Task::Dev { arguments } => tauri_cli::dev(&arguments),
        Task::Package(options) => package::build(&options),
        Task::Icons => icons::draw(),
        Task::Bench(options) => bench::run(&options),
        Task::Ui { watch: false } => page::build(),
        Task::Ui { watch: true } => page::watch(),
        Task::Tidy => tidy::check(),
        Task::Screenshots => screenshots::draw(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}
