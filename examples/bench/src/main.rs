//! Serves the measured application; see the library of this package.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use selvedge::StartOptions;

/// Exit code for an invalid command line, as in clap.
const USAGE: u8 = 2;

/// Default secret, which clients use if the command line names no other.
const SECRET: &str = "wslink-secret";

fn main() -> ExitCode {
    let (keys, mut line) = match bench_app::arguments(std::env::args_os()) {
        Ok(split) => split,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(USAGE);
        }
    };
    let named = |argument: &std::ffi::OsString| argument.to_string_lossy().starts_with("--authKey");
    if !line.iter().any(named) {
        line.push(format!("--authKey={SECRET}").into());
    }
    let options = match StartOptions::try_from_args(line) {
        Ok(options) => options,
        Err(error) => error.exit(),
    };
    selvedge::exit_code(bench_app::app(keys).and_then(|server| server.run(options)))
}
