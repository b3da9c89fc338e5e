//! Output for the user of a terminal.
//!
//! The terminal may be gone, a pipe that is no longer read, or a file on a full disk. Output that
//! cannot be written is dropped, where `println!` and `eprintln!` would panic and end the service.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Prints a line to stdout.
pub(super) fn print(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line to stderr.
pub(super) fn print_error(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
