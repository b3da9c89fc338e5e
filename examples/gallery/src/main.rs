//! The gallery: what a page looks like without a line of CSS. See [`gallery`].
#![forbid(unsafe_code)]

use std::process::ExitCode;

use selvedge::StartOptions;

fn main() -> ExitCode {
    selvedge::exit_code(gallery::app().and_then(|server| server.run(StartOptions::from_args())))
}
