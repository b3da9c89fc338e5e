//! What is printed for the user of a terminal.
//!
//! The terminal may be gone, or be a pipe that is not read any more, or a file on a full disk. A message is not worth the end
//! of a service: what cannot be printed is left out, where `println!` and `eprintln!` would panic.

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
